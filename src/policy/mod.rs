//! The policy of a root: which packages are held, masked, unmasked and protected, which licences want acceptance,
//! and what the sets are. All of it is text that people edit, below `ROOT/.ambar`; `docs/policy.md` specifies it.
//!
//! A policy belongs to the root and not to a generation: going back to an earlier generation does not change it.

mod edit;
mod error;
mod licences;
mod pattern;
mod rules;
mod sets;
mod text;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ambar_pkgfmt::{Instance, Manifest};
use ambar_store::Dir;
use serde::{Deserialize, Serialize};

pub use error::{PolicyError, PolicyProblem};
pub(crate) use licences::remember as remember_licences;
pub use pattern::Described;
pub(crate) use pattern::Matcher;
pub use rules::{Rule, Rules};
pub use sets::{Member, Sets};
pub use why::{Known, Masking};

use crate::error::Error;
use crate::plan::{Action, Plan};
use crate::root::Root;
use licences::Licences;

/// The directory of the policy files, in `.ambar`.
const POLICY: &str = "policy";
/// Largest policy file or set that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The lists of rules that a policy has, each in a file of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Packages that stay as they are unless they are named.
    Hold,
    /// Packages that are not chosen.
    Mask,
    /// Packages that are chosen although a mask is on them.
    Unmask,
    /// Packages that must not be removed.
    Protect,
}

impl List {
    /// Every list.
    pub const ALL: [List; 4] = [List::Hold, List::Mask, List::Unmask, List::Protect];

    /// Its name, which is its file's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            List::Hold => "hold",
            List::Mask => "mask",
            List::Unmask => "unmask",
            List::Protect => "protect",
        }
    }

    /// The list that says the opposite, where there is one.
    fn opposite(self) -> Option<List> {
        match self {
            List::Mask => Some(List::Unmask),
            List::Unmask => Some(List::Mask),
            List::Hold | List::Protect => None,
        }
    }
}

/// Everything that a root's policy says, in memory.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    hold: Rules,
    mask: Rules,
    unmask: Rules,
    protect: Rules,
    licences: Licences,
}

impl Policy {
    /// Reads the policy of the root in the directory `root`; where there is none it is empty.
    ///
    /// # Errors
    /// [`Error::Policy`] with file and line for a rule that cannot be read, or whatever keeps a file from being
    /// read.
    pub fn load(root: &Path) -> Result<Policy, Error> {
        let Some(ambar) = open_ambar(root)? else { return Ok(Policy::default()) };
        let Some(dir) = ambar.dir_if_any(POLICY)? else { return Ok(Policy::default()) };
        let sets = sets::Lazy::new(&ambar);
        let list = |list: List| Rules::load(&dir, list.name(), &sets);
        Ok(Policy {
            hold: list(List::Hold)?,
            mask: list(List::Mask)?,
            unmask: list(List::Unmask)?,
            protect: list(List::Protect)?,
            licences: Licences::load(&dir)?,
        })
    }

    /// The rules of a list, in the order of its file.
    #[must_use]
    pub fn list(&self, list: List) -> &Rules {
        match list {
            List::Hold => &self.hold,
            List::Mask => &self.mask,
            List::Unmask => &self.unmask,
            List::Protect => &self.protect,
        }
    }

    /// The rule that holds a package: it stays as it is unless it is named.
    pub fn held<'p>(&self, package: impl Into<Described<'p>>) -> Option<&Rule> {
        self.hold.rule_for(package)
    }

    /// The rule that masks a package, where none unmasks it: it is not chosen.
    pub fn masked<'p>(&self, package: impl Into<Described<'p>>) -> Option<&Rule> {
        let package = package.into();
        self.mask.rule_for(package).filter(|_| self.unmask.rule_for(package).is_none())
    }

    /// The rule that protects a package: it must not be removed.
    pub fn protected<'p>(&self, package: impl Into<Described<'p>>) -> Option<&Rule> {
        self.protect.rule_for(package)
    }

    /// Compares a plan with the policy: refuses the removal of what is protected, tells where something that was
    /// named is masked or held, and asks what has to be asked.
    pub(crate) fn consult(
        &self,
        incoming: &[&Manifest],
        installed: &[Manifest],
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let by_instance: BTreeMap<Instance, &Manifest> =
            installed.iter().map(|old| (old.instance(), old)).collect();
        let by_name: BTreeMap<&str, &Manifest> =
            installed.iter().map(|old| (old.name.as_str(), old)).collect();
        let mut notes = Vec::new();
        let mut coming: BTreeSet<Instance> = BTreeSet::new();
        for item in &plan.items {
            let instance = item.instance();
            // What takes the place of another may have another architecture than that.
            let replaced = item.replaces.as_ref().and_then(|_| by_name.get(item.name.as_str()));
            let old = by_instance.get(&instance).or(replaced).copied();
            if item.action == Action::Remove
                && let Some(rule) = old.and_then(|old| self.protected(old))
            {
                let (package, rule) = (item.name.clone(), Box::new(rule.clone()));
                return Err(Error::Protected { package, rule, chain: None });
            }
            if item.action != Action::Mark
                && let Some(rule) = old.and_then(|old| self.held(old))
            {
                notes.push(format!("{instance} is held and changes all the same: {rule}"));
            }
            if item.action.brings() {
                coming.insert(instance);
            }
        }
        let coming = |manifest: &&&Manifest| coming.contains(&manifest.instance());
        for manifest in incoming.iter().filter(coming) {
            if let Some(rule) = self.masked(*manifest) {
                notes.push(format!(
                    "{} {} is masked, and taken because it was named: {rule}",
                    manifest.name,
                    manifest.full_version()
                ));
            }
        }
        plan.questions = self.licences.questions(incoming.iter().filter(coming).copied());
        plan.notes.append(&mut notes);
        Ok(())
    }
}

impl Root {
    /// The root's policy.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn policy(&self) -> Result<Policy, Error> {
        Policy::load(self.path())
    }

    /// The root's sets.
    ///
    /// # Errors
    /// As [`Sets::load`].
    pub fn sets(&self) -> Result<Sets, Error> {
        Sets::load(self.path())
    }
}

/// `.ambar` of the root at `root`, where there is one.
fn open_ambar(root: &Path) -> Result<Option<Dir>, Error> {
    if !root.join(".ambar").is_dir() {
        return Ok(None);
    }
    Ok(Some(Dir::open(root)?.dir(".ambar")?))
}
