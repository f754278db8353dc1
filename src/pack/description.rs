//! `package.toml`: everything that a manifest can say, written by hand.
//!
//! `docs/package.toml` shows all of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::manifest::{Change, ChangeAction, Script};
use ambar_pkgfmt::relation::{Constraint, Relation, RelationKind, Target, TargetKind, parse_alternatives};
use ambar_pkgfmt::{Digest, Manifest, Translations, VersionOrder};
use serde::Deserialize;

use crate::error::Error;

/// Most bytes of a description, and of one script.
const LARGEST: u64 = 16 << 20;

/// What is packed beside the files: a manifest without entries, texts, scripts, and rules for files.
#[derive(Debug, Clone)]
pub struct Description {
    pub(super) manifest: Manifest,
    pub(super) translations: Translations,
    pub(super) scripts: Vec<Vec<u8>>,
    pub(super) rules: Vec<FileRule>,
}

impl Description {
    /// A package that has a name and a version in the plain order, and nothing else.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Description {
        Description {
            manifest: Manifest::new(name, version, VersionOrder::Plain),
            translations: Translations::default(),
            scripts: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Reads a `package.toml`; the scripts that it names are beside it.
    ///
    /// # Errors
    /// [`Error::Io`] for files that cannot be read, [`Error::Description`] for anything that is wrong in it.
    pub fn read(path: &Path) -> Result<Description, Error> {
        let wrong = |reason: String| Error::Description { path: path.into(), reason };
        let text = String::from_utf8(read(path)?).map_err(|_| wrong("it is not UTF-8".into()))?;
        let written: Written = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let beside = path.parent().unwrap_or(Path::new("."));
        written.description(&|file| read(&beside.join(file))).map_err(|error| match error {
            Wrong::Reason(reason) => wrong(reason),
            Wrong::Error(error) => error,
        })
    }

    /// The manifest, without entries: for changes that flags ask for.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let fail = |source| Error::Io { operation: "read", path: path.into(), source };
    let length = std::fs::metadata(path).map_err(fail)?.len();
    if length > LARGEST {
        return Err(Error::Usage(format!("{} is larger than {LARGEST} bytes", path.display())));
    }
    std::fs::read(path).map_err(fail)
}

/// The document, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    name: String,
    version: String,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    release: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    slot: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    distribution: String,
    #[serde(default)]
    distribution_release: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    homepage: String,
    #[serde(default)]
    packager: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    licences: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    relations: BTreeMap<RelationKind, Vec<Wish>>,
    #[serde(default)]
    translations: BTreeMap<String, Texts>,
    #[serde(default)]
    properties: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    history: Vec<WrittenChange>,
    #[serde(default)]
    scripts: Vec<WrittenScript>,
    #[serde(default)]
    files: Vec<FileRule>,
}

/// A relation's alternatives: as text, or one by one in full.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wish {
    Text(String),
    One(WrittenTarget),
    Any(Vec<WrittenTarget>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTarget {
    kind: TargetKind,
    name: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    constraints: Vec<Constraint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    summary: Option<String>,
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct WrittenChange {
    release: String,
    version: String,
    date: String,
    kinds: Vec<String>,
    comment: String,
    author: String,
    email: String,
    actions: Vec<WrittenAction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAction {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    target: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScript {
    system: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    target: String,
    file: PathBuf,
}

/// What is said about the files that a pattern matches. Patterns are globs over whole paths: `*` and `?` stay
/// within a component, `**` does not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileRule {
    #[serde(rename = "match")]
    pub(super) pattern: String,
    pub(super) config: Option<bool>,
    pub(super) permanent: Option<bool>,
    pub(super) keep_mtime: Option<bool>,
    /// PiSi's type of the file.
    pub(super) kind: Option<String>,
    /// Permission bits, in octal digits.
    pub(super) mode: Option<String>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Owner and group by name.
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// Extended attributes; values are text, or bytes as `{ hex = "…" }`.
    #[serde(default)]
    pub(super) xattrs: BTreeMap<String, ambar_pkgfmt::path::TextOrHex>,
}

enum Wrong {
    Reason(String),
    Error(Error),
}

impl Written {
    fn description(self, script: &dyn Fn(&Path) -> Result<Vec<u8>, Error>) -> Result<Description, Wrong> {
        let wrong = |error: &dyn std::fmt::Display| Wrong::Reason(error.to_string());
        let order = self.order.as_deref().unwrap_or("plain").parse().map_err(|error| wrong(&error))?;
        let mut manifest = Manifest::new(&self.name, &self.version, order);
        let texts = [
            (&mut manifest.release, self.release),
            (&mut manifest.build, self.build),
            (&mut manifest.arch, self.arch),
            (&mut manifest.slot, self.slot),
            (&mut manifest.tag, self.tag),
            (&mut manifest.distribution, self.distribution),
            (&mut manifest.distribution_release, self.distribution_release),
            (&mut manifest.source, self.source),
            (&mut manifest.homepage, self.homepage),
            (&mut manifest.packager, self.packager),
            (&mut manifest.summary, self.summary),
            (&mut manifest.description, self.description),
        ];
        for (field, text) in texts {
            *field = text;
        }
        (manifest.licences, manifest.categories, manifest.components) =
            (self.licences, self.categories, self.components);
        for (kind, wishes) in self.relations {
            for wish in wishes {
                let alternatives = match wish {
                    Wish::Text(text) => parse_alternatives(&text).map_err(|error| wrong(&error))?,
                    Wish::One(target) => vec![target.into()],
                    Wish::Any(targets) => targets.into_iter().map(Target::from).collect(),
                };
                manifest.relations.push(Relation { kind, alternatives });
            }
        }
        for (key, values) in self.properties {
            match values {
                OneOrMany::One(value) => manifest.properties.push((key, value)),
                OneOrMany::Many(values) => {
                    manifest.properties.extend(values.into_iter().map(|value| (key.clone(), value)));
                }
            }
        }
        manifest.history = self.history.into_iter().map(Change::from).collect();
        let mut scripts = Vec::new();
        for written in self.scripts {
            let content = script(&written.file).map_err(Wrong::Error)?;
            manifest.scripts.push(Script {
                system: written.system,
                role: written.role,
                target: written.target,
                file: written.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                size: content.len() as u64,
                digest: Digest::of(&content),
            });
            scripts.push(content);
        }
        let mut translations = Translations::default();
        for (language, texts) in self.translations {
            translations.summary.extend(texts.summary.map(|text| (language.clone(), text)));
            translations.description.extend(texts.description.map(|text| (language, text)));
        }
        manifest.normalise();
        manifest.encode().map_err(|error| wrong(&error))?;
        Ok(Description { manifest, translations, scripts, rules: self.files })
    }
}

impl From<WrittenTarget> for Target {
    fn from(written: WrittenTarget) -> Target {
        let WrittenTarget { kind, name, arch, constraints } = written;
        Target { kind, name, arch, constraints }
    }
}

impl From<WrittenChange> for Change {
    fn from(written: WrittenChange) -> Change {
        let WrittenChange { release, version, date, kinds, comment, author, email, actions } = written;
        let action =
            |a: WrittenAction| ChangeAction { action: a.action, package: a.package, target: a.target };
        let actions = actions.into_iter().map(action).collect();
        Change { release, version, date, kinds, comment, author, email, actions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Description, String> {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = dir.path().join("package.toml");
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        std::fs::write(dir.path().join("postinst"), "#!/bin/sh\n").map_err(|error| error.to_string())?;
        Description::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_says_everything() {
        let description = read(include_str!("../../docs/package.toml")).unwrap();
        let manifest = &description.manifest;
        assert_eq!((&*manifest.name, &*manifest.full_version()), ("hello", "1.2-3"));
        let shown: Vec<String> = manifest.relations.iter().map(ToString::to_string).collect();
        let wanted =
            ["libc (>= 2.36)", "exim4 | sendmail (> 8, release < 9)", "@system.base", "pkgconfig(zlib)"];
        assert_eq!(shown[..4], wanted);
        assert_eq!(manifest.relations[5].alternatives[0].kind, TargetKind::Capability);
        assert_eq!(manifest.scripts[0].size, 10);
        assert_eq!(description.scripts, [b"#!/bin/sh\n".to_vec()]);
        assert_eq!(description.translations.summary["tr"], "Merhaba der");
        assert_eq!(manifest.history[0].actions[0].action, "serviceRestart");
        assert_eq!(manifest.properties.len(), 4);
        assert_eq!(description.rules.len(), 2);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("version = '1'", "name"),
            ("name = 'a'\nversion = '1'\nbogus = 1", "bogus"),
            ("name = 'a b'\nversion = '1'", "name"),
            ("name = 'a'\nversion = '1'\norder = 'rpm'", "order"),
            ("name = 'a'\nversion = '1'\n[relations]\ndepends = ['b >=']", "b >="),
            ("name = 'a'\nversion = '1'\n[relations]\nneeds = ['b']", "needs"),
            ("name = 'a'\nversion = '1'\n[[scripts]]\nsystem = 'x'\nfile = 'missing'", "missing"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
