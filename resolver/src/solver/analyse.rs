//! Learning from contradictions.

use std::collections::BTreeSet;

use super::{Reason, Solver, no, yes};
use crate::fact::Fact;

/// What something follows from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    facts: Vec<Fact>,
    /// Numbers of learnt clauses.
    learnt: Vec<u32>,
    /// Variables that are decided for good.
    fixed: Vec<u32>,
}

impl Trace {
    fn add(&mut self, other: Trace) {
        self.facts.extend(other.facts);
        self.learnt.extend(other.learnt);
        self.fixed.extend(other.fixed);
    }
}

impl Solver<'_> {
    /// What the value of a variable directly follows from.
    pub(super) fn source(&self, var: u32, reason: Reason) -> Trace {
        let mut trace = Trace::default();
        trace.facts.extend(self.fact_of(var, reason));
        if let Reason::Arena { at } = reason
            && self.arena[at as usize + 1] == 0
            && let Some(number) = self.traces.iter().position(|known| known.at == at)
        {
            trace.learnt.push(number as u32);
        }
        trace
    }

    /// Turns the contradiction written down into a clause that keeps the search from meeting it again, and goes back
    /// to where that clause makes a difference. No when the contradiction does not depend on any decision.
    pub(super) fn learn(&mut self) -> bool {
        let mut trace = std::mem::take(&mut self.conflict_trace);
        let mut vars = std::mem::take(&mut self.conflict);
        let level = vars.iter().map(|var| self.level(*var)).max().unwrap_or(0);
        if level == 0 {
            if self.traced {
                trace.fixed.append(&mut vars);
                self.traces.push(Learnt { at: 0, trace });
            }
            return false;
        }
        self.back_to(level as usize);
        let mut lower: Vec<u32> = Vec::new();
        let mut open = 0;
        let mut place = self.trail.len();
        let mut marked: Vec<u32> = Vec::new();
        let asserted = loop {
            for var in vars.drain(..) {
                if self.seen[var as usize] {
                    continue;
                }
                match self.level(var) {
                    0 if self.traced => trace.fixed.push(var),
                    0 => {}
                    at => {
                        self.seen[var as usize] = true;
                        marked.push(var);
                        if at == level {
                            open += 1;
                        } else {
                            lower.push(var);
                        }
                    }
                }
            }
            // The latest of the variables of this level that take part.
            let var = loop {
                place -= 1;
                let var = self.trail[place] >> 1;
                if self.seen[var as usize] && self.level(var) == level {
                    break var;
                }
            };
            open -= 1;
            if open == 0 {
                break var;
            }
            let reason = self.reason(var);
            self.antecedents(var, reason, &mut vars);
            if self.traced {
                let source = self.source(var, reason);
                trace.add(source);
            }
        };
        for var in marked {
            self.seen[var as usize] = false;
        }
        let against = |solver: &Self, var: u32| if solver.is_true(var) { no(var) } else { yes(var) };
        let mut lits = vec![against(self, asserted)];
        lower.sort_by_key(|var| (std::cmp::Reverse(self.level(*var)), *var));
        let back = lower.first().map_or(0, |var| self.level(*var));
        lits.extend(lower.iter().map(|var| against(self, *var)));
        self.conflict = vars;
        self.back_to(back as usize);
        let at = self.add_clause(&lits, 0);
        if self.traced {
            self.traces.push(Learnt { at, trace });
        }
        self.assign(lits[0], Reason::Arena { at })
    }

    /// After the search has failed, with tracing: the facts that the failure follows from.
    pub(crate) fn cone(&self) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        if let Some(fact) = self.setup.empty {
            facts.insert(fact);
            return facts;
        }
        let (mut vars, mut clauses) = (BTreeSet::new(), BTreeSet::new());
        let mut todo: Vec<Trace> = self.traces.last().map(|last| last.trace.clone()).into_iter().collect();
        while let Some(trace) = todo.pop() {
            facts.extend(trace.facts);
            for number in trace.learnt {
                if clauses.insert(number) {
                    todo.push(self.traces[number as usize].trace.clone());
                }
            }
            for var in trace.fixed {
                if vars.insert(var) {
                    let reason = self.reason(var);
                    let mut next = self.source(var, reason);
                    self.antecedents(var, reason, &mut next.fixed);
                    todo.push(next);
                }
            }
        }
        facts
    }
}

/// A learnt clause and what it follows from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learnt {
    at: u32,
    trace: Trace,
}
