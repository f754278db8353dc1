//! metadata.xml: what a package says of itself, as a manifest.
//!
//! | metadata.xml, below `PISI/Package` unless it says otherwise | manifest |
//! | --- | --- |
//! | `Name` | `name` |
//! | `History/Update[0]/Version`, `@release` | `version` (in PiSi's order), `release` (decimal digits) |
//! | `Build`, `Architecture`, `Distribution`, `DistributionRelease` | `build`, `arch`, `distribution`, `distribution_release` |
//! | `PISI/Source` or `Source`: `Name`, `Homepage`, `Packager/Name` and `Email` | `source`, `homepage`, `packager` as `Name <email>` |
//! | `Summary`, `Description` | `summary`, `description`: without `xml:lang` or with `en`, else the alphabetically first language; all the others are [`Translations`] |
//! | `License`, `IsA`, `PartOf` (each once) | `licences`, `categories`, `components` |
//! | `RuntimeDependencies/Dependency` | `Depends` on a package; `type="pkgconfig"` (`"pkgconfig32"`): on the capability `pkgconfig(NAME)` (`pkgconfig32(NAME)`) |
//! | `RuntimeDependencies/AnyDependency/Dependency` | one `Depends` with several alternatives |
//! | `RuntimeDependencies/Component` | `Depends` on a component |
//! | `Conflicts/Package`, `Replaces/Package` | `Conflicts`, `Replaces` |
//! | `Provides/COMAR`, `PkgConfig`, `PkgConfig32` | `Provides` the capability `comar(MODEL)`, `pkgconfig(NAME)`, `pkgconfig32(NAME)`; `@version` is a constraint `Equal` |
//! | `Provides/COMAR/@script`, `@name` | [`Script`](crate::manifest::Script)s: see [`comar`] |
//! | `History/Update` | `history`; `@type` and `Type` are its kinds (`Type/@package` after a tab), `Requires/Action` its actions |
//! | `BuildHost`, `Icon`, `BuildFlags/Flag`, `BuildType` | properties `pisi.build-host`, `pisi.icon`, `pisi.build-flag`, `pisi.build-type` |
//! | `Files/Path` | property `pisi.path`: `fileType`, tab, path, and tab and `permanent` where it is so |
//! | `AdditionalFiles/AdditionalFile` | property `pisi.additional-file`: target, permission, owner, group, file, with tabs between |
//!
//! Conditions on a target: `version` and `release` are the very same text (`Same`), `versionFrom` and
//! `releaseFrom` are `AtLeast`, `versionTo` and `releaseTo` are `AtMost`; all that stand there must hold.
//! `Summary`, `Description`, `License`, `IsA` and `PartOf` are taken from `PISI/Source` where the package has
//! none. `PackageFormat`, `InstalledSize`, `PackageSize`, `PackageHash`, `InstallTarHash`, `PackageURI` and
//! `DeltaPackages` describe the container and are not kept; other elements are passed over.
//! White space between elements, and at the ends of a text, never matters.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::{Change, ChangeAction, Manifest, VersionOrder, is_name};
use crate::path::Shown;
use crate::relation::{Op, Relation, RelationKind, Subject, Target, TargetKind};
use crate::translations::Translations;
use crate::version::Version;

use super::xml::{Document, Element};

/// The document's name in a package.
pub(super) const NAME: &str = "metadata.xml";

/// Memory for the document's elements; the manifest that comes of them may take about as much again. The longest
/// histories of real packages, a thousand changes, take one megabyte.
const TREE: usize = 48 << 20;

/// Attributes of a relation, and what they demand.
const CONDITIONS: [(&str, Subject, Op); 6] = [
    ("version", Subject::Version, Op::Same),
    ("versionFrom", Subject::Version, Op::AtLeast),
    ("versionTo", Subject::Version, Op::AtMost),
    ("release", Subject::Release, Op::Same),
    ("releaseFrom", Subject::Release, Op::AtLeast),
    ("releaseTo", Subject::Release, Op::AtMost),
];

/// What metadata.xml says.
#[derive(Debug)]
pub(super) struct Metadata {
    /// The manifest, without scripts and entries.
    pub(super) manifest: Manifest,
    /// Texts in other languages.
    pub(super) translations: Translations,
    /// `<PackageFormat>`, or empty.
    pub(super) format: String,
    /// The scripts that it mentions.
    pub(super) comar: Vec<Comar>,
    /// `<InstalledSize>` in bytes, where it is a number.
    pub(super) installed_size: Option<u64>,
}

/// A `<COMAR>`: a script and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Comar {
    /// File below `comar/`.
    pub(super) file: String,
    /// Model, for example `System.Service`.
    pub(super) model: String,
    /// `@name`, or empty.
    pub(super) name: String,
}

/// Reads the document.
pub(super) fn read(source: impl BufRead, limits: &Limits) -> Result<Metadata, Problem> {
    let root = Document::new(NAME, source, limits).tree(TREE)?;
    let damaged = |reason: &str| Problem::damaged(NAME, reason);
    if root.name != "PISI" {
        return Err(damaged("its root element is not <PISI>"));
    }
    let package = root.child("Package").ok_or_else(|| damaged("it has no <Package>"))?;
    let nothing = Element::default();
    let source = root.child("Source").or_else(|| package.child("Source")).unwrap_or(&nothing);

    let name = package.text_of("Name");
    if !is_name(name) {
        return Err(Problem::damaged(NAME, format_args!("'{}' is no package name", Shown(name.as_bytes()))));
    }
    let history: Vec<Change> =
        package.child("History").map_or_else(Vec::new, |h| h.all("Update").map(change).collect());
    let newest = history.first().ok_or_else(|| damaged("it has no <History> to take the version from"))?;
    let (version, release) = (newest.version.clone(), newest.release.clone());
    if Version::parse(VersionOrder::Pisi, &version).is_err() {
        let shown = Shown(version.as_bytes());
        return Err(Problem::damaged(
            NAME,
            format_args!("'{shown}', its newest version, is no PiSi version"),
        ));
    }
    if release.is_empty() || !release.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown = Shown(release.as_bytes());
        return Err(Problem::damaged(NAME, format_args!("'{shown}', its newest release, is not a number")));
    }

    let mut manifest = Manifest::new(name, &version, VersionOrder::Pisi);
    manifest.release = release;
    manifest.history = history;
    manifest.build = package.text_of("Build").into();
    manifest.arch = package.text_of("Architecture").into();
    manifest.distribution = package.text_of("Distribution").into();
    manifest.distribution_release = package.text_of("DistributionRelease").into();
    manifest.source = source.text_of("Name").into();
    manifest.homepage = [source, package.child("Source").unwrap_or(&nothing)]
        .iter()
        .map(|source| source.text_of("Homepage"))
        .find(|page| !page.is_empty())
        .unwrap_or("")
        .into();
    manifest.packager = source.child("Packager").map_or_else(String::new, person);
    let mut translations = Translations::default();
    (manifest.summary, translations.summary) = texts(package, source, "Summary");
    (manifest.description, translations.description) = texts(package, source, "Description");
    manifest.licences = list(package, source, "License");
    manifest.categories = list(package, source, "IsA");
    manifest.components = list(package, source, "PartOf");
    manifest.relations = relations(package);
    manifest.properties = properties(package);
    manifest.normalise();
    // What can never become a manifest is refused before anything else is read.
    manifest.encode()?;
    Ok(Metadata {
        manifest,
        translations,
        format: package.text_of("PackageFormat").into(),
        comar: comar(package),
        installed_size: package.text_of("InstalledSize").parse().ok(),
    })
}

fn person(packager: &Element) -> String {
    match (packager.text_of("Name"), packager.text_of("Email")) {
        (name, "") => name.into(),
        ("", email) => format!("<{email}>"),
        (name, email) => format!("{name} <{email}>"),
    }
}

/// The package's own text, and the others by language.
fn texts(package: &Element, source: &Element, name: &str) -> (String, BTreeMap<String, String>) {
    let holder = if package.child(name).is_some() { package } else { source };
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for element in holder.all(name) {
        let language = element.attribute("xml:lang").filter(|language| !language.is_empty()).unwrap_or("en");
        all.insert(language.into(), element.text().into());
    }
    let own = all.remove("en").or_else(|| all.pop_first().map(|(_, text)| text));
    (own.unwrap_or_default(), all)
}

/// The texts of all elements of that name, empty ones and repetitions aside.
fn list(package: &Element, source: &Element, name: &str) -> Vec<String> {
    let holder = if package.child(name).is_some() { package } else { source };
    let mut known = HashSet::new();
    let texts = holder.all(name).map(Element::text).filter(|text| !text.is_empty());
    texts.filter(|&text| known.insert(text)).map(String::from).collect()
}

fn relations(package: &Element) -> Vec<Relation> {
    let mut relations = Vec::new();
    for element in package.all("RuntimeDependencies").flat_map(|needs| &needs.children) {
        let alternatives: Vec<Target> = match element.name.as_str() {
            "Dependency" => dependency(element).into_iter().collect(),
            "AnyDependency" => element.all("Dependency").filter_map(dependency).collect(),
            "Component" => target(element, TargetKind::Component, element.text()).into_iter().collect(),
            _ => continue,
        };
        if !alternatives.is_empty() {
            relations.push(Relation { kind: RelationKind::Depends, alternatives });
        }
    }
    for (name, kind) in [("Conflicts", RelationKind::Conflicts), ("Replaces", RelationKind::Replaces)] {
        let packages = package.all(name).flat_map(|list| list.all("Package"));
        relations.extend(
            packages
                .filter_map(|element| target(element, TargetKind::Package, element.text()))
                .map(|target| Relation::one(kind, target)),
        );
    }
    let mut provided = HashSet::new();
    for element in package.all("Provides").flat_map(|provides| &provides.children) {
        let family = match element.name.as_str() {
            "COMAR" => "comar",
            "PkgConfig" => "pkgconfig",
            "PkgConfig32" => "pkgconfig32",
            _ => continue,
        };
        if element.text().is_empty() {
            continue;
        }
        let mut capability = Target::package(&format!("{family}({})", element.text()));
        capability.kind = TargetKind::Capability;
        if let Some(version) = element.attribute("version").filter(|version| !version.is_empty()) {
            capability = capability.with(Subject::Version, Op::Equal, version);
        }
        let relation = Relation::one(RelationKind::Provides, capability);
        // Two scripts may serve one model; that provides it once.
        if provided.insert((family, element.text(), element.attribute("version"))) {
            relations.push(relation);
        }
    }
    relations
}

fn dependency(element: &Element) -> Option<Target> {
    let name = element.text();
    match element.attribute("type") {
        Some(family @ ("pkgconfig" | "pkgconfig32")) if !name.is_empty() => {
            target(element, TargetKind::Capability, &format!("{family}({name})"))
        }
        _ => target(element, TargetKind::Package, name),
    }
}

/// A target with the conditions that stand as attributes on its element; none without a name.
fn target(element: &Element, kind: TargetKind, name: &str) -> Option<Target> {
    if name.is_empty() {
        return None;
    }
    let mut target = Target::package(name);
    target.kind = kind;
    for (attribute, subject, op) in CONDITIONS {
        if let Some(value) = element.attribute(attribute).filter(|value| !value.is_empty()) {
            target = target.with(subject, op, value);
        }
    }
    Some(target)
}

fn change(update: &Element) -> Change {
    let mut kinds: Vec<String> = Vec::new();
    kinds.extend(update.attribute("type").filter(|kind| !kind.is_empty()).map(String::from));
    for kind in update.all("Type").filter(|kind| !kind.text().is_empty()) {
        kinds.push(match kind.attribute("package") {
            None | Some("") => kind.text().into(),
            Some(package) => format!("{}\t{package}", kind.text()),
        });
    }
    let actions = update.all("Requires").flat_map(|requires| requires.all("Action"));
    Change {
        release: update.attribute("release").unwrap_or("").into(),
        version: update.text_of("Version").into(),
        date: update.text_of("Date").into(),
        kinds,
        comment: update.text_of("Comment").into(),
        author: update.text_of("Name").into(),
        email: update.text_of("Email").into(),
        actions: actions
            .map(|action| ChangeAction {
                action: action.text().into(),
                package: action.attribute("package").unwrap_or("").into(),
                target: action.attribute("target").unwrap_or("").into(),
            })
            .collect(),
    }
}

fn properties(package: &Element) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: String| properties.push((key.into(), value));
    for (element, key) in
        [("BuildHost", "pisi.build-host"), ("Icon", "pisi.icon"), ("BuildType", "pisi.build-type")]
    {
        for text in package.all(element).map(Element::text).filter(|text| !text.is_empty()) {
            add(key, text.into());
        }
    }
    for flag in package.all("BuildFlags").flat_map(|flags| flags.all("Flag")) {
        add("pisi.build-flag", flag.text().into());
    }
    for path in package.all("Files").flat_map(|files| files.all("Path")) {
        let permanent = if path.attribute("permanent") == Some("true") { "\tpermanent" } else { "" };
        add("pisi.path", format!("{}\t{}{permanent}", path.attribute("fileType").unwrap_or(""), path.text()));
    }
    for file in package.all("AdditionalFiles").flat_map(|files| files.all("AdditionalFile")) {
        let attributes =
            ["target", "permission", "owner", "group"].map(|name| file.attribute(name).unwrap_or(""));
        add("pisi.additional-file", format!("{}\t{}", attributes.join("\t"), file.text()));
    }
    properties
}

/// The `<COMAR>` elements, each once: one script may serve several models, and one model several names.
fn comar(package: &Element) -> Vec<Comar> {
    let elements = package.all("Provides").flat_map(|provides| provides.all("COMAR"));
    let mut all: Vec<Comar> = elements
        .map(|element| Comar {
            file: element.attribute("script").unwrap_or("").into(),
            model: element.text().into(),
            name: element.attribute("name").unwrap_or("").into(),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}
