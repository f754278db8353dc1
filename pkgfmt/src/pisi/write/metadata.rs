//! metadata.xml as it is written: the inverse of the table in the reader's `metadata`.

use std::collections::{BTreeMap, HashSet};

use crate::manifest::{Change, Manifest};
use crate::relation::{Op, Relation, RelationKind, Subject, Target, TargetKind};
use crate::translations::Translations;

use super::properties;
use super::relations::{CONDITIONS, FAMILIES, capability};
use super::said::kind_parts;
use super::xml::{Xml, survives};

/// The document, from a manifest and translations that can be said; `format` is for `<PackageFormat>`.
pub(super) fn write(manifest: &Manifest, translations: &Translations, format: &str) -> String {
    let mut xml = Xml::new();
    xml.open("PISI", &[]);
    source(&mut xml, manifest);
    xml.open("Package", &[]);
    xml.element("Name", &[], &manifest.name);
    texts(&mut xml, "Summary", &manifest.summary, &translations.summary);
    texts(&mut xml, "Description", &manifest.description, &translations.description);
    for (name, list) in
        [("IsA", &manifest.categories), ("PartOf", &manifest.components), ("License", &manifest.licences)]
    {
        list.iter().for_each(|item| xml.element(name, &[], item));
    }
    dependencies(&mut xml, manifest);
    for (name, kind) in [("Conflicts", RelationKind::Conflicts), ("Replaces", RelationKind::Replaces)] {
        let mut targets = of_kind(manifest, kind).flat_map(|relation| &relation.alternatives).peekable();
        if targets.peek().is_some() {
            xml.open(name, &[]);
            targets.for_each(|target| xml.element("Package", &conditions(target), &target.name));
            xml.close();
        }
    }
    provides(&mut xml, manifest);
    properties::write(&mut xml, &manifest.properties);
    xml.open("History", &[]);
    manifest.history.iter().for_each(|change| update(&mut xml, change));
    xml.close();
    xml.optional("Build", &manifest.build);
    xml.optional("Distribution", &manifest.distribution);
    xml.optional("DistributionRelease", &manifest.distribution_release);
    xml.optional("Architecture", &manifest.arch);
    xml.element("InstalledSize", &[], &manifest.installed_size().to_string());
    xml.element("PackageFormat", &[], format);
    source(&mut xml, manifest);
    xml.finish()
}

/// What both `PISI` and `Package` say of the source package.
fn source(xml: &mut Xml, manifest: &Manifest) {
    xml.open("Source", &[]);
    xml.optional("Name", &manifest.source);
    xml.optional("Homepage", &manifest.homepage);
    if !manifest.packager.is_empty() {
        let (name, email) = person(&manifest.packager);
        xml.open("Packager", &[]);
        xml.optional("Name", name);
        xml.optional("Email", email);
        xml.close();
    }
    xml.close();
}

/// Name and address of a `Name <address>`; all of it is the name where it is not of that form.
fn person(text: &str) -> (&str, &str) {
    let parts = || {
        let (name, address) = text.strip_suffix('>')?.rsplit_once('<')?;
        let name = if name.is_empty() { name } else { name.strip_suffix(' ')? };
        let fits = survives(name) && survives(address) && !address.is_empty();
        // A space alone is no name.
        (fits && !(name.is_empty() && text.starts_with(' '))).then_some((name, address))
    };
    parts().unwrap_or((text, ""))
}

/// The package's own text without a language, then the others. An own text that is empty is written where
/// there are others: one of them would be taken for it.
fn texts(xml: &mut Xml, name: &'static str, own: &str, others: &BTreeMap<String, String>) {
    if !own.is_empty() || !others.is_empty() {
        xml.element(name, &[], own);
    }
    for (language, text) in others {
        xml.element(name, &[("xml:lang", language)], text);
    }
}

fn of_kind(manifest: &Manifest, kind: RelationKind) -> impl Iterator<Item = &Relation> {
    manifest.relations.iter().filter(move |relation| relation.kind == kind)
}

fn dependencies(xml: &mut Xml, manifest: &Manifest) {
    let mut relations = of_kind(manifest, RelationKind::Depends).peekable();
    if relations.peek().is_none() {
        return;
    }
    xml.open("RuntimeDependencies", &[]);
    for relation in relations {
        match relation.alternatives.as_slice() {
            [target] => dependency(xml, target),
            alternatives => {
                xml.open("AnyDependency", &[]);
                alternatives.iter().for_each(|target| dependency(xml, target));
                xml.close();
            }
        }
    }
    xml.close();
}

fn dependency(xml: &mut Xml, target: &Target) {
    let mut attributes = conditions(target);
    match (target.kind, capability(&target.name)) {
        (TargetKind::Component, _) => xml.element("Component", &attributes, &target.name),
        (TargetKind::Capability, Some((family, name))) => {
            attributes.insert(0, ("type", family));
            xml.element("Dependency", &attributes, name);
        }
        _ => xml.element("Dependency", &attributes, &target.name),
    }
}

fn conditions(target: &Target) -> Vec<(&'static str, &str)> {
    let condition = |(attribute, subject, op): (&'static str, Subject, Op)| {
        let found = target.constraints.iter().find(|c| c.subject == subject && c.op == op)?;
        Some((attribute, found.value.as_str()))
    };
    CONDITIONS.into_iter().filter_map(condition).collect()
}

/// Capabilities, and with the first of each model the scripts that serve it.
fn provides(xml: &mut Xml, manifest: &Manifest) {
    let mut provided = of_kind(manifest, RelationKind::Provides).peekable();
    // A script that is said to serve nothing needs no mention, unless the same file serves something as well.
    let roles = |file: &str| manifest.scripts.iter().filter(|script| script.file == file).count();
    let aside = |script: &&crate::manifest::Script| {
        script.role.is_empty() && (!script.target.is_empty() || roles(&script.file) > 1)
    };
    let mut unnamed = manifest.scripts.iter().filter(aside).peekable();
    if provided.peek().is_none() && unnamed.peek().is_none() {
        return;
    }
    xml.open("Provides", &[]);
    let mut models = HashSet::new();
    for target in provided.flat_map(|relation| &relation.alternatives) {
        let Some((family, name)) = capability(&target.name) else { continue };
        let element = FAMILIES.iter().find(|(known, _)| *known == family).map_or("COMAR", |f| f.1);
        let version = target.constraints.first().map_or("", |constraint| constraint.value.as_str());
        let mut serving = manifest.scripts.iter().filter(|script| script.role == name).peekable();
        if family != "comar" || !models.insert(name) || serving.peek().is_none() {
            xml.element(element, &[("version", version)], name);
            continue;
        }
        for script in serving {
            let attributes = [("script", &*script.file), ("name", &script.target), ("version", version)];
            xml.element(element, &attributes, name);
        }
    }
    for script in unnamed {
        xml.element("COMAR", &[("script", &script.file), ("name", &script.target)], "");
    }
    xml.close();
}

fn update(xml: &mut Xml, change: &Change) {
    let plain = change.kinds.first().filter(|kind| kind_parts(kind).1.is_none());
    xml.open("Update", &[("release", &change.release), ("type", plain.map_or("", String::as_str))]);
    xml.optional("Date", &change.date);
    xml.optional("Version", &change.version);
    xml.optional("Comment", &change.comment);
    xml.optional("Name", &change.author);
    xml.optional("Email", &change.email);
    for kind in change.kinds.iter().skip(usize::from(plain.is_some())) {
        let (kind, package) = kind_parts(kind);
        xml.element("Type", &[("package", package.unwrap_or(""))], kind);
    }
    if !change.actions.is_empty() {
        xml.open("Requires", &[]);
        for action in &change.actions {
            let attributes = [("package", &*action.package), ("target", &action.target)];
            xml.element("Action", &attributes, &action.action);
        }
        xml.close();
    }
    xml.close();
}
