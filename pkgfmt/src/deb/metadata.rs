//! The control file as a manifest; the table is in the module's documentation ([`super`]).

use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::{Manifest, VersionOrder};
use crate::path::Shown;

use super::control::{Control, Field, NAME};
use super::{relations, words};

/// Fields that are yes or no.
const BOOLEANS: [&str; 4] = ["build-essential", "essential", "important", "protected"];
/// What `Multi-Arch` may say.
const MULTI_ARCH: [&str; 4] = ["allowed", "foreign", "no", "same"];

/// Makes the manifest, without scripts and entries.
pub(super) fn manifest(control: &Control, limits: &Limits) -> Result<Manifest, Problem> {
    let mut manifest = Manifest::new("", "", VersionOrder::Debian);
    for field in &control.0 {
        take(field, &mut manifest, limits)?;
    }
    for (name, value) in [("Package", &manifest.name), ("Version", &manifest.version)] {
        if value.is_empty() {
            return Err(Problem::damaged(NAME, format_args!("it has no field '{name}'")));
        }
    }
    manifest.relations.extend(relations::replaced(&manifest.relations, limits)?);
    Ok(manifest)
}

/// Takes one field.
fn take(field: &Field, manifest: &mut Manifest, limits: &Limits) -> Result<(), Problem> {
    let name = field.name.to_ascii_lowercase();
    if let Some(kind) = relations::kind_of(&name) {
        return relations::read(field, kind, limits, &mut manifest.relations);
    }
    let bad = |value: &str, reason: &str| {
        Err(field.damaged(format_args!("'{}' {reason}", Shown(value.as_bytes()))))
    };
    match name.as_str() {
        "package" => {
            let value = field.line()?;
            if !words::is_name(value) {
                return bad(value, "is no package's name");
            }
            // dpkg takes names that differ in case alone for one.
            manifest.name = value.to_ascii_lowercase();
        }
        "version" => {
            let value = field.line()?;
            if !words::is_version(value) {
                return bad(value, "is no version");
            }
            manifest.version = value.into();
        }
        // It would belong to the version.
        "revision" => return Err(field.damaged("packages have had no such field since 1996")),
        "architecture" => manifest.arch = field.line()?.into(),
        "homepage" => manifest.homepage = field.line()?.into(),
        "maintainer" => manifest.packager = field.line()?.into(),
        "section" => manifest.components = non_empty(field.line()?),
        "source" => {
            let (source, version) = source(field.line()?);
            manifest.source = source.into();
            let version = non_empty(version).into_iter();
            manifest.properties.extend(version.map(|version| ("deb.source-version".into(), version)));
        }
        "description" => {
            manifest.summary = field.first.clone();
            manifest.description = description(&field.more);
        }
        "multi-arch" => property(manifest, &name, one_of(field, &MULTI_ARCH)?),
        boolean if BOOLEANS.contains(&boolean) => {
            property(manifest, &name, one_of(field, &["no", "yes"])?);
        }
        _ => property(manifest, &name, field.text()),
    }
    Ok(())
}

fn property(manifest: &mut Manifest, name: &str, value: String) {
    if !value.is_empty() {
        manifest.properties.push((format!("deb.{name}"), value));
    }
}

/// The field's word, in lower case; one of `words` or nothing.
fn one_of(field: &Field, words: &[&str]) -> Result<String, Problem> {
    let word = field.line()?.to_ascii_lowercase();
    if word.is_empty() || words.contains(&word.as_str()) {
        return Ok(word);
    }
    Err(field.damaged(format_args!("'{}' is none of: {}", Shown(word.as_bytes()), words.join(", "))))
}

fn non_empty(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.into()] }
}

/// The name of the source package, and its version where that is not the package's own.
fn source(text: &str) -> (&str, &str) {
    match text.split_once('(') {
        Some((name, rest)) => (name.trim_ascii_end(), rest.trim_end_matches(')').trim_ascii()),
        None => (text, ""),
    }
}

/// The lines after the first: one that holds a dot is empty.
fn description(lines: &[String]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| if line == "." { "" } else { line }).collect();
    lines.join("\n")
}
