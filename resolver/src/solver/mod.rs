//! The search: conflict-driven clause learning over packages, with clauses made from a package only once it is
//! chosen, decisions by policy, and a bound on the cost once an answer is known.
//!
//! A variable is a package; after the packages come those that say that an installed package goes. A
//! variable that is not assigned at the end is false: nothing needs it.

mod analyse;
mod assign;
mod cost;
mod decide;
mod propagate;
mod scratch;
mod setup;

use std::collections::BTreeSet;

use crate::fact::Fact;
use crate::request::Request;
use crate::world::World;
use decide::Next;

pub(crate) use assign::Reason;
pub(crate) use cost::{Cost, LEVELS};
pub(crate) use scratch::Scratch;

/// A variable and whether it is negated: twice its number, plus one for no.
pub(crate) type Lit = u32;

pub(crate) fn yes(var: u32) -> Lit {
    var << 1
}

pub(crate) fn no(var: u32) -> Lit {
    var << 1 | 1
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every demand is met.
    Model,
    /// There is no (better) answer.
    None,
    /// It took more steps than it may.
    Budget,
}

/// What is remembered at each decision, to come back to it.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    trail: u32,
    pending: u32,
    pending_next: u32,
    weak: u32,
    weak_next: u32,
    missed: u32,
    first_next: u32,
    last_next: u32,
}

pub(crate) struct Solver<'w> {
    pub(crate) world: &'w World<'w>,
    request: &'w Request,
    /// Only these facts hold, if set; for finding out which of them are at odds.
    only: Option<&'w BTreeSet<Fact>>,
    /// Whether to keep what learnt clauses come from.
    traced: bool,

    /// For each variable: 0 or level * 4 + 1 for true, + 2 for false; and the packed reason.
    slots: Vec<[u32; 4]>,
    trail: Vec<Lit>,
    processed: usize,
    marks: Vec<Mark>,
    now: Mark,

    /// Clauses: number of literals, source, literals. Offset 0 is not used.
    arena: Vec<u32>,
    /// For each literal the first node of the clauses to look at when it becomes false.
    watched: Vec<u32>,
    /// Nodes: clause, next node.
    nodes: Vec<[u32; 2]>,
    /// Where a package's clause stands in the arena, if it does.
    clause_at: Vec<u32>,
    /// Those that do.
    placed: Vec<u32>,
    /// What clauses and units of the setup come from.
    facts: Vec<Fact>,
    /// For each learnt clause what it follows from: facts, other learnt clauses, variables decided for good.
    traces: Vec<analyse::Learnt>,

    /// Clauses to be decided before others: what is asked for.
    first: Vec<u32>,
    /// Clauses of packages with several candidates, as they became active.
    pending: Vec<u32>,
    /// Recommendations of new packages.
    weak: Vec<u32>,
    /// Recommendations that cannot be met.
    missed: Vec<u32>,
    /// Clauses to be decided after all others: what is installed stays.
    last: Vec<u32>,

    setup: setup::Setup,
    costs: cost::Costs,

    conflict: Vec<u32>,
    conflict_trace: analyse::Trace,
    seen: Vec<bool>,
    pub(crate) steps: u64,
    pub(crate) limit: u64,
    pub(crate) conflicts: u64,
}

impl<'w> Solver<'w> {
    /// A solver that stands before the search: what is asked has been written down.
    pub(crate) fn new(
        world: &'w World<'w>,
        request: &'w Request,
        only: Option<&'w BTreeSet<Fact>>,
        traced: bool,
    ) -> Solver<'w> {
        let scratch = world.take_scratch();
        let mut solver = Solver {
            world,
            request,
            only,
            traced,
            slots: scratch.slots,
            trail: Vec::new(),
            processed: 0,
            marks: Vec::new(),
            now: Mark::default(),
            arena: vec![0],
            watched: scratch.watched,
            nodes: vec![[0; 2]],
            clause_at: scratch.clause_at,
            placed: Vec::new(),
            facts: Vec::new(),
            traces: Vec::new(),
            first: Vec::new(),
            pending: Vec::new(),
            weak: Vec::new(),
            missed: Vec::new(),
            last: Vec::new(),
            setup: setup::Setup::default(),
            costs: cost::Costs::new(scratch.names, scratch.stamps, scratch.stamp, scratch.known),
            conflict: Vec::new(),
            conflict_trace: analyse::Trace::default(),
            seen: scratch.seen,
            steps: 0,
            limit: request.policy.steps,
            conflicts: 0,
        };
        solver.set_up();
        solver
    }

    /// Whether a fact counts.
    fn holds(&self, fact: Fact) -> bool {
        self.only.is_none_or(|only| only.contains(&fact))
    }

    /// Searches on: for the first answer, or for one that costs less than the best so far.
    pub(crate) fn search(&mut self) -> Ended {
        if self.setup.contradiction {
            return Ended::None;
        }
        loop {
            if self.steps > self.limit {
                return Ended::Budget;
            }
            let fits = self.propagate() && self.within_bound();
            if !fits {
                self.conflicts += 1;
                if !self.learn() {
                    return Ended::None;
                }
                continue;
            }
            match self.decide() {
                Next::Follows => {}
                Next::Done if self.within_bound() => return Ended::Model,
                Next::Done => {
                    self.conflicts += 1;
                    if !self.learn() {
                        return Ended::None;
                    }
                }
                Next::Try(lit) => {
                    self.marks.push(self.mark());
                    self.assign(lit, Reason::Decision);
                }
            }
        }
    }

    /// The packages that are there in the present model, sorted.
    pub(crate) fn model(&self) -> Vec<u32> {
        let packages = self.world.len();
        let mut model: Vec<u32> = self
            .trail
            .iter()
            .filter(|lit| **lit & 1 == 0 && **lit >> 1 < packages)
            .map(|lit| lit >> 1)
            .collect();
        model.sort_unstable();
        model
    }

    fn mark(&self) -> Mark {
        Mark {
            trail: self.trail.len() as u32,
            pending: self.pending.len() as u32,
            weak: self.weak.len() as u32,
            missed: self.missed.len() as u32,
            ..self.now
        }
    }

    /// Takes back every decision after the first `level` ones.
    fn back_to(&mut self, level: usize) {
        let Some(mark) = self.marks.get(level).copied() else { return };
        self.marks.truncate(level);
        while self.missed.len() > mark.missed as usize {
            self.missed.pop();
            self.costs.now[cost::RECOMMENDS] -= 1;
        }
        while self.trail.len() > mark.trail as usize {
            if let Some(lit) = self.trail.pop() {
                self.slots[(lit >> 1) as usize][0] = 0;
                if self.costs.counting {
                    self.count(lit, false);
                }
            }
        }
        self.processed = self.processed.min(self.trail.len());
        self.pending.truncate(mark.pending as usize);
        self.weak.truncate(mark.weak as usize);
        self.now = mark;
    }
}
