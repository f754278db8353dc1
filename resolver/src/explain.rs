//! Why there is no answer: the smallest set of facts found that are at odds, in sentences; and what would help.

mod corrections;
mod sentences;
mod why;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::request::{Request, Verb};
use crate::solver::{Ended, Solver};
use crate::world::World;

pub use corrections::{Correction, Remedy};
pub use why::{Link, similar, why};

pub(crate) use sentences::clause_text;

/// A request that nothing meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impossible {
    /// The facts that are at odds: leaving any of them out, the rest could be.
    pub facts: Vec<Statement>,
    /// Whether that has been tested for every one of them; otherwise there may be some too many.
    pub minimal: bool,
    /// What would help, the least first. Each has been tried.
    pub corrections: Vec<Correction>,
}

/// One fact of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What kind of fact; stable: `requested`, `removal-requested`, `upgrade-requested`, `hold-requested`, `stays`,
    /// `protected`, `held`, `older`, `excluded`, `disabled`, `not-asked-for`, `needs`, `conflicts`, `obsoletes`, `one-version`, `left-out`.
    pub code: String,
    /// A sentence.
    pub text: String,
    /// The packages it is about, as `NAME VERSION`.
    pub packages: Vec<String>,
    /// The constraint or the words of the request, where there are some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub relation: Option<String>,
    /// Names like the one that nothing has.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub similar: Vec<String>,
}

/// Tests that minimising may make; each is a search.
const TESTS: usize = 400;
/// Steps that all of them together may take.
const STEPS: u64 = 5_000_000;

/// Explains why a request has no answer, which must be known.
pub(crate) fn explain(world: &World<'_>, request: &Request) -> Impossible {
    let (facts, minimal) = core(world, request);
    let corrections = corrections::corrections(world, request, &facts);
    Impossible { facts: sentences::statements(world, request, &facts), minimal, corrections }
}

/// Facts that cannot all be, and whether none can be left out.
fn core(world: &World<'_>, request: &Request) -> (BTreeSet<Fact>, bool) {
    let mut solver = Solver::new(world, request, None, true);
    if solver.search() != Ended::None {
        return (BTreeSet::new(), false);
    }
    let mut facts = solver.cone();
    drop(solver);
    let (mut tests, mut steps) = (0, 0);
    // Large pieces first: most of a large cone goes at once.
    let mut piece = facts.len().div_ceil(2).max(1);
    loop {
        let all: Vec<Fact> = facts.iter().rev().copied().collect();
        let mut left_out = false;
        for chunk in all.chunks(piece) {
            if tests == TESTS || steps > STEPS {
                return (facts, false);
            }
            let mut without = facts.clone();
            chunk.iter().for_each(|fact| _ = without.remove(fact));
            tests += 1;
            let mut solver = Solver::new(world, request, Some(&without), false);
            let fails = solver.search() == Ended::None;
            steps += solver.steps + facts.len() as u64;
            drop(solver);
            if fails {
                facts = without;
                left_out = true;
            }
        }
        // With one fact at a time each has been tried against a set that only became smaller since.
        match (piece, left_out) {
            (1, _) => return (facts, true),
            _ if facts.len() <= 8 => piece = 1,
            _ => piece = piece.div_ceil(2).min(facts.len()),
        }
    }
}

/// What a job asks for, in words.
pub(crate) fn job_text(request: &Request, number: u32) -> String {
    let Some(job) = request.jobs.get(number as usize) else { return "what is asked for".into() };
    let verb = match job.verb {
        Verb::Install | Verb::InstallEach => "installed",
        Verb::Remove => "removed",
        Verb::Upgrade => "upgraded",
        Verb::Synchronise => "brought to what the repositories have",
        Verb::Hold => "left as it is",
        Verb::Favour | Verb::Disfavour => "considered",
    };
    format!("{} is to be {verb}", job.text)
}
