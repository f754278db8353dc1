//! What the xpak and the database say, as a manifest.
//!
//! | xpak | database | manifest |
//! | --- | --- | --- |
//! | `CATEGORY`, `PF` | `category`, `name`, `version` | `name` as `category/name`; `version` with its `-rN`, in Entropy's order |
//! | | `revision`, `versiontag` | `release`, `tag` |
//! | `SLOT` | `slot` | `slot`; what follows its `/` is property `portage.subslot` |
//! | `CHOST` | setting `arch`, or part of `download` | `arch` in Gentoo's words (`amd64`) |
//! | `DESCRIPTION`, `HOMEPAGE`, `LICENSE` | `description`, `homepage`, `license` | `summary`, `homepage`, `licences` |
//! | `CATEGORY` | `category` | `categories` |
//! | dependencies | dependencies | `relations`: see `relations` |
//! | `USE`, `IUSE` | `useflags` | property `portage.use`: flags with spaces between, `-` before those that are off |
//! | | the rest | properties `entropy.…`: see `record` |
//! | `environment.bz2`, `*.ebuild` | `triggers` | [`Script`]s of the systems `portage` and `entropy` |
//! | other values | | properties `xpak.KEY`; what is long or no text is a script with an empty role |
//!
//! Where there is a database it counts, as it does for Entropy: a package that its distribution renamed keeps its
//! old xpak. So nothing of a file's name is used, and a renamed file is the same package. `CONTENTS` and `SIZE`
//! repeat the payload and are not kept. What the manifest says in the same words is not kept twice.

use std::collections::{BTreeSet, HashSet};

use crate::digest::Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::{Manifest, Script, VersionOrder, is_word};
use crate::path::Shown;

use super::record::Record;
use super::xpak::{self, Xpak};
use super::{XPAK, atom, depend, relations};

/// Longest value that becomes a property, in bytes.
const LONGEST: usize = 256 << 10;

/// Values that describe the payload.
const CONTAINER: [&str; 2] = [super::contents::NAME, "SIZE"];

/// What the package says of itself.
#[derive(Debug)]
pub(super) struct Metadata {
    /// The manifest without entries.
    pub(super) manifest: Manifest,
    /// The content of its scripts.
    pub(super) scripts: Vec<Vec<u8>>,
}

/// Makes the manifest without entries.
pub(super) fn read(xpak: &Xpak, record: Option<&Record>, limits: &Limits) -> Result<Metadata, Problem> {
    let (category, name, version) = identity(xpak, record)?;
    let mut manifest = Manifest::new(&format!("{category}/{name}"), &version, VersionOrder::Entropy);
    let mut properties = Vec::new();
    let enabled = enabled(xpak);
    let slot = match record {
        Some(record) => record.slot.as_str(),
        None => xpak.text_or_empty("SLOT"),
    };
    let (slot, subslot) = slot.split_once('/').unwrap_or((slot, ""));
    manifest.slot = word("slot", slot)?;
    if !subslot.is_empty() {
        properties.push(("portage.subslot".to_owned(), subslot.to_owned()));
    }
    let licence;
    match record {
        Some(record) => {
            manifest.release.clone_from(&record.revision);
            if !record.revision.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad("revision", &record.revision));
            }
            manifest.tag = word("tag", &record.tag)?;
            manifest.summary.clone_from(&record.description);
            manifest.homepage.clone_from(&record.homepage);
            manifest.arch = word("architecture", &record.arch)?;
            licence = record.licence.as_str();
            properties.extend(record.details.iter().cloned());
            for (key, list) in
                [("entropy.config-protect", &record.protect), ("entropy.config-protect-mask", &record.mask)]
            {
                if !list.is_empty() {
                    properties.push((key.into(), list.clone()));
                }
            }
        }
        None => {
            manifest.summary = xpak.text_or_empty("DESCRIPTION").into();
            manifest.homepage = xpak.text_or_empty("HOMEPAGE").into();
            licence = xpak.text_or_empty("LICENSE");
        }
    }
    if manifest.arch.is_empty() {
        manifest.arch = word("architecture", arch(xpak.text_or_empty("CHOST")))?;
    }
    manifest.licences = licences(licence, &enabled, limits)?;
    manifest.categories = vec![category];
    let flags = record
        .filter(|record| !record.flags.is_empty())
        .map_or_else(|| portage_flags(xpak, &enabled), |record| record.flags.join(" "));
    if !flags.is_empty() {
        properties.push(("portage.use".into(), flags));
    }
    let relations = match record {
        Some(record) => relations::of_record(record, limits)?,
        None => relations::of_xpak(xpak, &enabled, limits)?,
    };
    manifest.relations = relations.relations;
    properties.extend(relations.properties);
    let mut all = Scripts { scripts: Vec::new(), left: limits.script_bytes, limit: limits.script_bytes };
    keep(xpak, &manifest, &mut properties, &mut all)?;
    if let Some(record) = record.filter(|record| !record.trigger.is_empty()) {
        all.take("entropy", "trigger", "trigger", &record.trigger)?;
    }
    manifest.properties = properties;
    let scripts;
    (manifest.scripts, scripts) = all.into_parts();
    manifest.normalise();
    // What can never become a manifest is refused before anything else is read.
    manifest.encode()?;
    Ok(Metadata { manifest, scripts })
}

/// Category, name and version.
fn identity(xpak: &Xpak, record: Option<&Record>) -> Result<(String, String, String), Problem> {
    let (category, name, version) = match record {
        Some(record) => (record.category.as_str(), record.name.as_str(), record.version.as_str()),
        None => {
            let full = xpak
                .text("PF")
                .ok_or_else(|| Problem::damaged(XPAK, "it has no PF to take the name from"))?;
            let (name, version) = atom::split_version(full).ok_or_else(|| bad("name and version", full))?;
            (xpak.text_or_empty("CATEGORY"), name, version)
        }
    };
    if !atom::is_qualified(&format!("{category}/{name}")) {
        return Err(bad("category and name", &format!("{category}/{name}")));
    }
    if !atom::is_version(version) {
        return Err(bad("version", version));
    }
    Ok((category.into(), name.into(), version.into()))
}

/// A text that can stand in a line and in a file's name.
fn word(what: &str, text: &str) -> Result<String, Problem> {
    if is_word(text) { Ok(text.into()) } else { Err(bad(what, text)) }
}

fn bad(what: &str, text: &str) -> Problem {
    Problem::damaged("its metadata", format_args!("'{}' is no {what}", Shown(text.as_bytes())))
}

/// The USE flags that the package was built with.
fn enabled(xpak: &Xpak) -> BTreeSet<&str> {
    xpak.text_or_empty("USE").split_whitespace().collect()
}

/// The flags that the package knows (`IUSE`, with defaults marked by `+` or `-`) and those that were on.
fn portage_flags(xpak: &Xpak, enabled: &BTreeSet<&str>) -> String {
    let known = xpak.text_or_empty("IUSE").split_whitespace();
    let known = known.map(|flag| flag.strip_prefix(['+', '-']).unwrap_or(flag));
    let off = known.filter(|flag| !enabled.contains(flag)).map(|flag| format!("-{flag}"));
    let all: BTreeSet<String> = off.chain(enabled.iter().map(|&flag| flag.to_owned())).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// The licences that apply, each once; alternatives stand side by side.
fn licences(text: &str, enabled: &BTreeSet<&str>, limits: &Limits) -> Result<Vec<String>, Problem> {
    let words = match depend::portage(text, enabled, limits)? {
        Some(tree) => tree.words(),
        None => text.split_whitespace().collect(),
    };
    let mut known = HashSet::new();
    Ok(words.into_iter().filter(|&licence| known.insert(licence)).map(String::from).collect())
}

/// Gentoo's word for the architecture of a system such as `x86_64-pc-linux-gnu`.
fn arch(chost: &str) -> &str {
    let machine = chost.split('-').next().unwrap_or_default();
    match machine {
        "x86_64" => "amd64",
        "i386" | "i486" | "i586" | "i686" => "x86",
        "aarch64" | "aarch64_be" => "arm64",
        "powerpc64" | "powerpc64le" => "ppc64",
        "powerpc" => "ppc",
        "riscv32" | "riscv64" => "riscv",
        "loongarch64" => "loong",
        "s390" | "s390x" => "s390",
        "sparc" | "sparc64" => "sparc",
        "hppa" | "hppa1.1" | "hppa2.0" => "hppa",
        _ if machine.starts_with("arm") => "arm",
        _ if machine.starts_with("alpha") => "alpha",
        _ if machine.starts_with("mips") => "mips",
        other => other,
    }
}

/// Keeps the values that the manifest does not say in the same words.
fn keep(
    xpak: &Xpak,
    manifest: &Manifest,
    properties: &mut Vec<(String, String)>,
    scripts: &mut Scripts,
) -> Result<(), Problem> {
    let (category, name) = manifest.name.split_once('/').unwrap_or_default();
    let full = format!("{name}-{}", manifest.version);
    let licences = manifest.licences.join(" ");
    for (key, value) in xpak.iter() {
        if CONTAINER.contains(&key) {
            continue;
        }
        if key.ends_with(".ebuild") {
            scripts.take("portage", "ebuild", key, value)?;
        } else if key == "environment.bz2" {
            scripts.take("portage", "environment", key, value)?;
        } else if let Some(text) = xpak::text(value).filter(|text| text.len() <= LONGEST) {
            let said = match key {
                "CATEGORY" => text == category,
                "PF" => text == full,
                "SLOT" => text == manifest.slot,
                "DESCRIPTION" => text == manifest.summary,
                "HOMEPAGE" => text == manifest.homepage,
                "LICENSE" => text == licences,
                _ => text.is_empty(),
            };
            if !said {
                properties.push((format!("xpak.{key}"), text.into()));
            }
        } else {
            scripts.take("portage", "", key, value)?;
        }
    }
    Ok(())
}

/// Scripts and their content, within a bound.
struct Scripts {
    scripts: Vec<(Script, Vec<u8>)>,
    left: u64,
    limit: u64,
}

impl Scripts {
    fn take(&mut self, system: &str, role: &str, file: &str, content: &[u8]) -> Result<(), Problem> {
        let size = content.len() as u64;
        let left = self.left.checked_sub(size);
        self.left = left.ok_or_else(|| Problem::limit("the size of all scripts", self.limit))?;
        let script = Script {
            system: system.into(),
            role: role.into(),
            target: String::new(),
            file: file.into(),
            size,
            digest: Digest::of(content),
        };
        self.scripts.push((script, content.to_vec()));
        Ok(())
    }

    fn into_parts(self) -> (Vec<Script>, Vec<Vec<u8>>) {
        self.scripts.into_iter().unzip()
    }
}
