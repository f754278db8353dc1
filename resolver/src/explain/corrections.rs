//! What would make a request possible: tried, not guessed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
        /// What keeps it out, in words that follow its name.
        reason: String,
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
        /// Its version.
        version: String,
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
/// Remedies that one correction has at most.
const DEEPEST: usize = 3;

impl Remedy {
    fn text(&self) -> String {
        match self {
            Remedy::Release { package, .. } => format!("release the hold on {package}"),
            Remedy::Allow { package, version, reason, .. } => {
                format!("let in {package} {version}, which {reason}")
            }
            Remedy::AllowDowngrade { package } => format!("allow an older version of {package}"),
            Remedy::Remove { package, version, .. } => format!("remove {package} {version}"),
            Remedy::Drop { request, .. } => format!("leave out {request}"),
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
            Remedy::Remove { package, id, .. } => {
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

/// The corrections that work, the least first: one remedy of what is at odds; where none is enough, it and another of
/// what is at odds then, and so on.
pub(super) fn corrections(world: &World<'_>, request: &Request, facts: &BTreeSet<Fact>) -> Vec<Correction> {
    let remedies = |facts: &BTreeSet<Fact>| -> BTreeSet<Remedy> {
        facts.iter().filter_map(|fact| remedy(world, request, *fact)).collect()
    };
    let mut tries = 0;
    let mut found: Vec<BTreeSet<Remedy>> = Vec::new();
    let mut level: BTreeSet<BTreeSet<Remedy>> =
        remedies(facts).into_iter().map(|remedy| BTreeSet::from([remedy])).collect();
    for depth in 1..=DEEPEST {
        let mut next = BTreeSet::new();
        for parts in level {
            let mut changed = request.clone();
            parts.iter().for_each(|remedy| remedy.apply(&mut changed));
            // To ask for nothing is no way to get it.
            let asks = |job: &Job| !matches!(job.verb, Verb::Favour | Verb::Disfavour);
            if !changed.jobs[..request.jobs.len()].iter().any(asks) || tries == TRIES {
                continue;
            }
            tries += 1;
            let mut solver = Solver::new(world, &changed, None, depth < DEEPEST);
            match solver.search() {
                Ended::Model => found.push(parts),
                Ended::None if depth < DEEPEST => {
                    let more = remedies(&solver.cone());
                    next.extend(more.into_iter().filter(|one| !parts.contains(one)).map(|one| {
                        let mut longer = parts.clone();
                        longer.insert(one);
                        longer
                    }));
                }
                Ended::None | Ended::Budget => {}
            }
        }
        if !found.is_empty() {
            break;
        }
        level = next;
    }
    found.truncate(GIVEN);
    found
        .into_iter()
        .map(|parts| Correction {
            text: parts.iter().map(Remedy::text).collect::<Vec<_>>().join(", and "),
            remedies: parts.into_iter().collect(),
        })
        .collect()
}

fn remedy(world: &World<'_>, request: &Request, fact: Fact) -> Option<Remedy> {
    let name = |package: u32| world.name(PackageId(package)).to_owned();
    match fact {
        Fact::Held(package) => Some(Remedy::Release { package: name(package), id: package }),
        Fact::Excluded(number) => {
            let excluded = request.policy.exclusions.get(number as usize)?;
            let package = excluded.package;
            let version = world.version(package).to_owned();
            let reason = excluded.reason.clone();
            Some(Remedy::Allow { package: name(package.0), version, reason, exclusion: number })
        }
        Fact::Older(package) => Some(Remedy::AllowDowngrade { package: name(package) }),
        // What is protected is never offered.
        Fact::Keep(package) if world.is_protected(package) => None,
        Fact::Keep(package) => {
            let version = world.version(PackageId(package)).to_owned();
            Some(Remedy::Remove { package: name(package), version, id: package })
        }
        Fact::Job(number) => {
            let job = request.jobs.get(number as usize)?;
            Some(Remedy::Drop { request: job.text.clone(), job: number }).filter(|_| !job.text.is_empty())
        }
        _ => None,
    }
}
