//! What a PiSi package can say of a manifest, and what it cannot.
//!
//! [`Said`] is the manifest that reading the written package gives: equal to the one that was given exactly
//! when the list of losses is empty. What is written is written from it.

use std::collections::{BTreeMap, HashSet};

use crate::manifest::{Change, ChangeAction, Manifest, Script, VersionOrder, is_name};
use crate::path::{PayloadPath, Shown};
use crate::relation::{Relation, RelationKind, Target, TargetKind};
use crate::translations::Translations;
use crate::version::Version;

use super::loss::{Losses, Lost};
use super::xml::{cleaned, survives};
use super::{entries, properties, relations};

/// What a package written now says.
#[derive(Debug)]
pub(crate) struct Said {
    /// The manifest; its entries are those given, at the same positions.
    pub(crate) manifest: Manifest,
    /// Texts in other languages.
    pub(crate) translations: Translations,
    /// Where each of its scripts stands among those given.
    pub(crate) scripts: Vec<usize>,
    /// What it does not say.
    pub(crate) losses: Losses,
}

impl Said {
    /// What can be said of a manifest and its translations.
    pub(crate) fn new(given: &Manifest, translations: &Translations) -> Said {
        let mut losses = Losses::default();
        let mut said = Manifest::new(&given.name, &given.version, VersionOrder::Pisi);
        identity(given, &mut said, &mut losses);
        texts(given, &mut said, &mut losses);
        said.history = history(given, &said, &mut losses);
        said.relations = relations::sayable(&given.relations, &mut losses);
        let scripts = scripts(given, &mut said, &mut losses);
        said.properties = properties::sayable(&given.properties, &mut losses);
        said.entries = entries::sayable(&given.entries, &mut losses);
        let translations = Translations {
            summary: languages(&translations.summary, "summary", &mut losses),
            description: languages(&translations.description, "description", &mut losses),
        };
        Said { manifest: said, translations, scripts, losses }
    }
}

fn identity(given: &Manifest, said: &mut Manifest, losses: &mut Losses) {
    // A name with its category, as Gentoo and Entropy have it, is none that PiSi reads.
    if !survives(&given.name) || !is_name(&given.name) {
        losses.add(Lost::Name, &given.name);
    }
    if Version::parse(VersionOrder::Pisi, &given.version).is_err() || !survives(&given.version) {
        losses.add(Lost::Version, &given.version);
    }
    if given.order != VersionOrder::Pisi {
        losses.add(Lost::Order(given.order), format_args!("version order '{}'", given.order));
    }
    said.release = given.release.clone();
    if given.release.is_empty() || !given.release.bytes().all(|byte| byte.is_ascii_digit()) {
        losses.add(Lost::Release, format_args!("release '{}'", given.release));
        said.release = "1".into();
    }
    for (field, text) in [("slot", &given.slot), ("tag", &given.tag)] {
        if !text.is_empty() {
            losses.add(Lost::Field, format_args!("{field} '{text}'"));
        }
    }
}

fn texts(given: &Manifest, said: &mut Manifest, losses: &mut Losses) {
    for (field, from, to, required) in [
        ("build", &given.build, &mut said.build, false),
        ("architecture", &given.arch, &mut said.arch, true),
        ("distribution", &given.distribution, &mut said.distribution, true),
        ("distribution release", &given.distribution_release, &mut said.distribution_release, true),
        ("source", &given.source, &mut said.source, true),
        ("homepage", &given.homepage, &mut said.homepage, false),
        ("packager", &given.packager, &mut said.packager, true),
        ("summary", &given.summary, &mut said.summary, true),
        ("description", &given.description, &mut said.description, true),
    ] {
        *to = text(field, from, losses);
        if required && to.is_empty() {
            losses.add(Lost::Required, field);
        }
    }
    for (field, from, to) in [
        ("licences", &given.licences, &mut said.licences),
        ("categories", &given.categories, &mut said.categories),
        ("components", &given.components, &mut said.components),
    ] {
        let mut known = HashSet::new();
        for item in from {
            let item = text(field, item, losses);
            if item.is_empty() || !known.insert(item.clone()) {
                losses.add(Lost::Item, format_args!("{field}: '{item}'"));
                continue;
            }
            to.push(item);
        }
    }
    if said.licences.is_empty() {
        losses.add(Lost::Required, "licence");
    }
}

/// The text as it reads back.
pub(super) fn text(field: &str, text: &str, losses: &mut Losses) -> String {
    if survives(text) {
        return text.to_owned();
    }
    losses.add(Lost::Text, field);
    cleaned(text)
}

fn history(given: &Manifest, said: &Manifest, losses: &mut Losses) -> Vec<Change> {
    let mut history = Vec::with_capacity(given.history.len());
    for change in &given.history {
        let about = format!("history, release {}", change.release);
        let mut text = |from: &str| text(&about, from, losses);
        let actions = change.actions.iter().map(|action| ChangeAction {
            action: text(&action.action),
            package: text(&action.package),
            target: text(&action.target),
        });
        let actions = actions.collect();
        let mut written = Change {
            release: text(&change.release),
            version: text(&change.version),
            date: text(&change.date),
            comment: text(&change.comment),
            author: text(&change.author),
            email: text(&change.email),
            kinds: Vec::new(),
            actions,
        };
        for kind in &change.kinds {
            let (name, package) = kind_parts(kind);
            if name.is_empty() || !survives(name) || package.is_some_and(|p| p.is_empty() || !survives(p)) {
                losses.add(Lost::ChangeKind, format_args!("history, release {}: '{kind}'", change.release));
            } else {
                written.kinds.push(kind.clone());
            }
        }
        history.push(written);
    }
    if history.first().is_none_or(|first| (&first.version, &first.release) != (&said.version, &said.release))
    {
        losses.add(Lost::HistoryStart, said.full_version());
        let (version, release) = (said.version.clone(), said.release.clone());
        history.insert(0, Change { version, release, ..Change::default() });
    }
    history
}

/// A change's kind and the package that it is for.
pub(super) fn kind_parts(kind: &str) -> (&str, Option<&str>) {
    kind.split_once('\t').map_or((kind, None), |(kind, package)| (kind, Some(package)))
}

/// Where the scripts that can be written stand among those given, in the order in which they are read; the
/// models that they serve are provided.
fn scripts(given: &Manifest, said: &mut Manifest, losses: &mut Losses) -> Vec<usize> {
    let key = |script: &Script| (script.file.clone(), script.role.clone(), script.target.clone());
    let mut kept: Vec<usize> = Vec::new();
    for (index, script) in given.scripts.iter().enumerate() {
        let name = format!("comar/{}", script.file);
        let fits = script.system == "comar"
            && [&script.file, &script.role, &script.target].into_iter().all(|text| survives(text))
            && !script.file.contains('\\')
            && PayloadPath::new(name.as_bytes()).is_ok();
        if fits {
            kept.push(index);
        } else {
            losses.add(Lost::Script, Shown(script.file.as_bytes()));
        }
    }
    let declared = kept.clone();
    kept.sort_by_key(|&index| given.scripts.get(index).map(key));
    if kept != declared {
        losses.add(Lost::ScriptOrder, "scripts");
    }
    let mut sorted: Vec<usize> = Vec::new();
    for index in kept {
        let script = &given.scripts[index];
        if let Some(last) = said.scripts.last().filter(|last| last.file == script.file) {
            if (last.size, last.digest) != (script.size, script.digest) {
                losses.add(Lost::ScriptClash, &script.file);
            }
            if key(last) == key(script) {
                losses.add(Lost::ScriptRepeated, &script.file);
                continue;
            }
        }
        let model = format!("comar({})", script.role);
        let provides = |relation: &Relation| {
            relation.kind == RelationKind::Provides
                && relation.alternatives.first().is_some_and(|target| target.name == model)
        };
        if !script.role.is_empty() && !said.relations.iter().any(provides) {
            losses.add(Lost::ScriptModel, &model);
            let mut target = Target::package(&model);
            target.kind = TargetKind::Capability;
            said.relations.push(Relation::one(RelationKind::Provides, target));
        }
        said.scripts.push(script.clone());
        sorted.push(index);
    }
    said.relations.sort_by_key(|relation| relation.kind);
    sorted
}

fn languages(texts: &BTreeMap<String, String>, field: &str, losses: &mut Losses) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for (language, content) in texts {
        // What has no language or `en` is the package's own text.
        if language.is_empty() || language == "en" || !survives(language) {
            losses.add(Lost::Language, format_args!("{field} in '{language}'"));
            continue;
        }
        said.insert(language.clone(), text(&format!("{field} in {language}"), content, losses));
    }
    said
}
