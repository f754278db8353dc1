//! What would make a request possible: tried, not guessed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::sentences::full_name;
use crate::fact::Fact;
use crate::request::{Job, Request, Selector, Verb};
use crate::solver::{Ended, Solver};
use crate::world::{PackageId, World};

/// A change of the request that helps, in one or several parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What to do, as a sentence.
    pub text: String,
    /// Its parts; all of them are needed.
    pub remedies: Vec<Remedy>,
}

/// One part of a correction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Remedy {
    /// A held package is released.
    Release {
        /// Its name.
        package: String,
        /// Its id.
        #[serde(skip, default)]
        id: u32,
    },
    /// A package that is kept out is let in.
    Allow {
        /// Its name.
        package: String,
        /// Its version.
        version: String,
        /// Number of the exclusion in the request.
        exclusion: u32,
    },
    /// Packages may become older.
    AllowDowngrade {
        /// The package that it is about.
        package: String,
    },
    /// An installed package goes.
    Remove {
        /// Its name.
        package: String,
        /// Its id.
        #[serde(skip, default)]
        id: u32,
    },
    /// Something that was asked for is left out.
    Drop {
        /// The words of the request.
        request: String,
        /// Number of the job.
        job: u32,
    },
}

/// Searches that finding corrections may make.
const TRIES: usize = 64;
/// Corrections that are given.
const GIVEN: usize = 6;

impl Remedy {
    fn text(&self) -> String {
        match self {
            Remedy::Release { package, .. } => format!("release the hold on {package}"),
            Remedy::Allow { package, version, .. } => format!("let {package} {version} in"),
            Remedy::AllowDowngrade { package } => format!("allow an older version of {package}"),
            Remedy::Remove { package, .. } => format!("remove {package}"),
            Remedy::Drop { request, .. } => format!("do without: {request}"),
        }
    }

    fn apply(&self, request: &mut Request) {
        match self {
            Remedy::Release { id, .. } => request.policy.released.push(PackageId(*id)),
            Remedy::Allow { exclusion, .. } => {
                if let Some(exclusion) = request.policy.exclusions.get_mut(*exclusion as usize) {
                    exclusion.package = PackageId(u32::MAX);
                }
            }
            Remedy::AllowDowngrade { .. } => request.policy.downgrades = true,
            Remedy::Remove { package, id } => {
                let selector = Selector::Packages(vec![PackageId(*id)]);
                request.jobs.push(Job::new(Verb::Remove, selector, package.clone()));
            }
            // Others keep their numbers.
            Remedy::Drop { job, .. } => {
                if let Some(job) = request.jobs.get_mut(*job as usize) {
                    (job.verb, job.selector) = (Verb::Favour, Selector::Packages(Vec::new()));
                }
            }
        }
    }
}

/// The corrections that work, the least first.
pub(super) fn corrections(world: &World<'_>, request: &Request, facts: &BTreeSet<Fact>) -> Vec<Correction> {
    let mut remedies: Vec<Remedy> = facts.iter().filter_map(|fact| remedy(world, request, *fact)).collect();
    remedies.sort();
    remedies.dedup();
    let mut tries = 0;
    let mut works = |parts: &[&Remedy]| {
        tries += 1;
        if tries > TRIES {
            return false;
        }
        let mut changed = request.clone();
        parts.iter().for_each(|remedy| remedy.apply(&mut changed));
        let asks = changed.jobs.iter().any(|job| !matches!(job.verb, Verb::Favour | Verb::Disfavour));
        asks && Solver::new(world, &changed, None, false).search() == Ended::Model
    };
    let mut found: Vec<Vec<&Remedy>> = Vec::new();
    for remedy in &remedies {
        if works(&[remedy]) {
            found.push(vec![remedy]);
        }
    }
    for (place, first) in remedies.iter().enumerate() {
        for second in &remedies[place + 1..] {
            let helps_alone =
                found.iter().any(|known| known.len() == 1 && (known[0] == first || known[0] == second));
            if found.len() < GIVEN && !helps_alone && works(&[first, second]) {
                found.push(vec![first, second]);
            }
        }
    }
    found.truncate(GIVEN);
    found
        .into_iter()
        .map(|parts| Correction {
            text: parts.iter().map(|remedy| remedy.text()).collect::<Vec<_>>().join(", and "),
            remedies: parts.into_iter().cloned().collect(),
        })
        .collect()
}

fn remedy(world: &World<'_>, request: &Request, fact: Fact) -> Option<Remedy> {
    let name = |package: u32| world.name(PackageId(package)).to_owned();
    match fact {
        Fact::Held(package) => Some(Remedy::Release { package: name(package), id: package }),
        Fact::Excluded(number) => {
            let package = request.policy.exclusions.get(number as usize)?.package;
            let version = world.version(package).to_owned();
            Some(Remedy::Allow { package: name(package.0), version, exclusion: number })
        }
        Fact::Older(package) => Some(Remedy::AllowDowngrade { package: name(package) }),
        // What is protected is never offered.
        Fact::Keep(package) if world.is_protected(package) => None,
        Fact::Keep(package) => Some(Remedy::Remove { package: full_name(world, package), id: package }),
        Fact::Job(number) => {
            let job = request.jobs.get(number as usize)?;
            Some(Remedy::Drop { request: super::job_text(request, number), job: number })
                .filter(|_| !job.text.is_empty())
        }
        _ => None,
    }
}
