//! Why a package is masked, or is not: every rule about it, and what comes of them for each version that is known.

use serde::Serialize;

use super::pattern::Described;
use super::{List, Rule};
use crate::directory::Directory;
use crate::error::Error;
use crate::plan::OsPath;
use crate::root::Root;

/// What the masks say of a name.
#[derive(Debug, Clone, Serialize)]
pub struct Masking {
    /// The rules that mask packages of that name, in the order of their file.
    pub mask: Vec<Rule>,
    /// The rules that unmask some of them.
    pub unmask: Vec<Rule>,
    /// The packages of that name that are known.
    pub packages: Vec<Known>,
}

/// A package that is installed or in a directory, and what the masks say of it.
#[derive(Debug, Clone, Serialize)]
pub struct Known {
    /// Name.
    pub name: String,
    /// Version and release.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// Its file; `None` for the one that is installed.
    pub file: Option<OsPath>,
    /// The first rule that masks it.
    pub masked_by: Option<Rule>,
    /// The first rule that unmasks it; it counts more.
    pub unmasked_by: Option<Rule>,
}

impl Root {
    /// Which rules mask and unmask packages of that name (a name as in a match expression, so that `joe` is also
    /// `app-editors/joe`), and what comes of them for those that are installed or in the directories `from`.
    ///
    /// # Errors
    /// As [`policy`](Self::policy) and [`Directory::read`].
    pub fn why_masked(&self, name: &str, from: &[OsPath]) -> Result<Masking, Error> {
        let policy = self.policy()?;
        let (masks, unmasks) = (policy.list(List::Mask), policy.list(List::Unmask));
        let wanted =
            super::pattern::Pattern::new(name).map_err(|problem| Error::Usage(problem.to_string()))?;
        let mut known = Vec::new();
        for package in self.packages()?.iter().filter(|package| wanted.is_match(&package.name)) {
            known.push((self.details(&package.name)?.manifest, None));
        }
        for directory in from {
            let found = Directory::read(&directory.0, self)?.packages;
            let found = found.into_iter().filter(|one| wanted.is_match(&one.manifest.name));
            known.extend(found.map(|one| (one.manifest, Some(one.path))));
        }
        let about = |list: &super::Rules| -> Vec<Rule> {
            let is_about = |rule: &&Rule| {
                rule.may_mean(name) || known.iter().any(|(manifest, _)| rule.matches(manifest))
            };
            list.iter().filter(is_about).cloned().collect()
        };
        let (mask, unmask) = (about(masks), about(unmasks));
        let packages = known.iter().map(|(manifest, file)| {
            let package = Described::from(manifest);
            Known {
                name: manifest.name.clone(),
                version: manifest.full_version(),
                arch: manifest.arch.clone(),
                file: file.clone(),
                masked_by: masks.rule_for(package).cloned(),
                unmasked_by: unmasks.rule_for(package).cloned(),
            }
        });
        let packages = packages.collect();
        Ok(Masking { mask, unmask, packages })
    }
}
