//! Why a package is there, and why another one is not.

use ambar_resolver::universe::flags;
use ambar_resolver::{Answer, Impossible, Link, Request as Asked, solve, why};
use serde::Serialize;

use super::Base;
use super::choose::Ground;
use super::install::unread;
use super::wanted;
use crate::error::Error;
use crate::plan::{Options, OsPath};
use crate::root::Root;
use crate::select::select;

/// Why a package is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The package: name, and slot, tag or architecture where they matter.
    pub package: String,
    /// Version and release.
    pub version: String,
    /// Somebody asked for it.
    pub explicit: bool,
    /// It says of itself that it is essential, so it stays.
    pub essential: bool,
    /// The shortest chain from something that was asked for down to it; empty when it was asked for itself,
    /// `None` when nothing needs it.
    pub chain: Option<Vec<Link>>,
}

/// Why a package is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum WhyNot {
    /// It is.
    Installed {
        /// As it was named.
        name: String,
    },
    /// It can be: nobody has asked for it.
    Possible {
        /// As it was named.
        name: String,
        /// What would come with it, and what it would replace: `NAME VERSION`.
        comes: Vec<String>,
        /// What would go: `NAME VERSION`.
        goes: Vec<String>,
    },
    /// It cannot be.
    Impossible {
        /// As it was named.
        name: String,
        /// Why.
        explanation: Impossible,
    },
}

impl Root {
    /// Why the installed packages that `name` means are there; there is at least one.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], or whatever keeps the root from being read.
    pub fn why(&self, name: &str) -> Result<Vec<Why>, Error> {
        let base = Base::new(self)?;
        let (policy, sets) = (self.policy()?, self.sets()?);
        let ground = Ground::new(&base, &[], &[], &policy, &sets, false)?;
        let world = ground.world(&|_| false);
        select(base.installed(), name)?;
        let instances = ground.instances(&world);
        let mut answers = Vec::new();
        for id in ground.installed(&world, &[name.to_owned()])? {
            let explicit = world.state(id).is_some_and(|state| !state.automatic);
            let package = instances.get(&id).map(ToString::to_string).unwrap_or_default();
            answers.push(Why {
                package,
                version: world.version(id).into(),
                explicit,
                essential: world.flags(id) & flags::PROTECTED != 0,
                chain: why(&world, id),
            });
        }
        Ok(answers)
    }

    /// Why what `text` names is not installed, as far as the directories `from` and `options` go.
    ///
    /// # Errors
    /// [`Error::NoSource`] when nothing has that name, or whatever keeps a source or the root from being read.
    pub fn why_not(&self, text: &str, from: &[OsPath], options: &Options) -> Result<WhyNot, Error> {
        let base = Base::new(self)?;
        let sources = self.sources(&base, from, false, &mut Vec::new())?;
        let (policy, sets) = (self.policy()?, self.sets()?);
        let ground = Ground::new(&base, &[], &sources, &policy, &sets, false)?;
        let world = ground.world(&|_| false);
        let known = ground.known(&world);
        let jobs = wanted::jobs(&world, &known, &sets, text).map_err(|error| unread(error, &sources))?;
        let jobs = match wanted::is_plain(text) {
            true => jobs,
            false => jobs.into_iter().map(ambar_resolver::Job::or_older).collect(),
        };
        let name = text.to_owned();
        let full = |ids: &[ambar_resolver::PackageId]| -> Vec<String> {
            ids.iter().map(|id| format!("{} {}", world.name(*id), world.version(*id))).collect()
        };
        let request = Asked { jobs, policy: ground.limits(&world, options)? };
        Ok(match solve(&world, &request) {
            Answer::Solved(solution) if solution.new.is_empty() => WhyNot::Installed { name },
            Answer::Solved(solution) => {
                WhyNot::Possible { name, comes: full(&solution.new), goes: full(&solution.gone) }
            }
            Answer::Impossible(explanation) => WhyNot::Impossible { name, explanation },
            Answer::Budget => return Err(Error::TooHard { steps: request.policy.steps }),
        })
    }
}
