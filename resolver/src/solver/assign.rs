//! Assignments and the reasons for them.

use super::{Lit, Solver};
use crate::fact::Fact;

/// Why a variable has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was chosen.
    Decision,
    /// All other candidates of a clause of `owner` are false.
    Clause { clause: u32, owner: u32 },
    /// `other` is there and has the atom, which this package meets, among its conflicts.
    RivalOf { other: u32, atom: u32 },
    /// `other` is there and meets the atom that this package has among its conflicts.
    RivalTo { other: u32, atom: u32 },
    /// `other`, another version of it, is there.
    Twin { other: u32 },
    /// All other literals of a clause in the arena are false.
    Arena { at: u32 },
    /// It is a fact, by its number.
    Unit { fact: u32 },
}

impl Reason {
    fn pack(self) -> [u32; 3] {
        match self {
            Reason::Decision => [0, 0, 0],
            Reason::Clause { clause, owner } => [1, clause, owner],
            Reason::RivalOf { other, atom } => [2, other, atom],
            Reason::RivalTo { other, atom } => [3, other, atom],
            Reason::Twin { other } => [4, other, 0],
            Reason::Arena { at } => [5, at, 0],
            Reason::Unit { fact } => [6, fact, 0],
        }
    }

    fn unpack([tag, a, b]: [u32; 3]) -> Reason {
        match tag {
            1 => Reason::Clause { clause: a, owner: b },
            2 => Reason::RivalOf { other: a, atom: b },
            3 => Reason::RivalTo { other: a, atom: b },
            4 => Reason::Twin { other: a },
            5 => Reason::Arena { at: a },
            6 => Reason::Unit { fact: a },
            _ => Reason::Decision,
        }
    }
}

impl Solver<'_> {
    #[inline]
    pub(super) fn is_true(&self, var: u32) -> bool {
        self.slots[var as usize][0] & 3 == 1
    }

    #[inline]
    pub(super) fn is_false(&self, var: u32) -> bool {
        self.slots[var as usize][0] & 3 == 2
    }

    #[inline]
    pub(super) fn is_open(&self, var: u32) -> bool {
        self.slots[var as usize][0] == 0
    }

    /// 1 for a true literal, 2 for a false one, 0 for an open one.
    #[inline]
    pub(super) fn value(&self, lit: Lit) -> u32 {
        let value = self.slots[(lit >> 1) as usize][0] & 3;
        if lit & 1 == 0 || value == 0 { value } else { 3 - value }
    }

    pub(super) fn level(&self, var: u32) -> u32 {
        self.slots[var as usize][0] >> 2
    }

    pub(super) fn reason(&self, var: u32) -> Reason {
        let [_, a, b, c] = self.slots[var as usize];
        Reason::unpack([a, b, c])
    }

    /// Makes a literal true. If it is false already, the contradiction is written down and the answer is no.
    pub(super) fn assign(&mut self, lit: Lit, reason: Reason) -> bool {
        let var = lit >> 1;
        match self.value(lit) {
            1 => true,
            2 => {
                self.conflict.clear();
                self.conflict.push(var);
                let mut conflict = std::mem::take(&mut self.conflict);
                self.antecedents(var, reason, &mut conflict);
                self.conflict = conflict;
                if self.traced {
                    self.conflict_trace = self.source(var, reason);
                }
                false
            }
            _ => {
                let [a, b, c] = reason.pack();
                let value = if lit & 1 == 0 { 1 } else { 2 };
                self.slots[var as usize] = [(self.marks.len() as u32) << 2 | value, a, b, c];
                self.trail.push(lit);
                if self.costs.counting {
                    self.count(lit, true);
                }
                true
            }
        }
    }

    /// The variables whose values, together, make `var` what it is.
    pub(super) fn antecedents(&self, var: u32, reason: Reason, into: &mut Vec<u32>) {
        match reason {
            Reason::Decision | Reason::Unit { .. } => {}
            Reason::Clause { clause, owner } => {
                if owner != var {
                    into.push(owner);
                }
                self.world.each_candidate(clause, |candidate| {
                    if candidate != var {
                        into.push(candidate);
                    }
                    true
                });
            }
            Reason::RivalOf { other, .. } | Reason::RivalTo { other, .. } | Reason::Twin { other } => {
                into.push(other);
            }
            Reason::Arena { at } => {
                let lits = self.literals(at);
                into.extend(lits.iter().map(|lit| lit >> 1).filter(|other| *other != var));
            }
        }
    }

    /// The fact that a reason rests on, if it is one.
    pub(super) fn fact_of(&self, var: u32, reason: Reason) -> Option<Fact> {
        match reason {
            Reason::Decision => None,
            Reason::Clause { clause, .. } => Some(Fact::Clause(clause)),
            Reason::RivalOf { other, atom } => Some(Fact::Conflict(other, atom)),
            Reason::RivalTo { atom, .. } => Some(Fact::Conflict(var, atom)),
            Reason::Twin { other } => Some(Fact::Twins(var.min(other), var.max(other))),
            Reason::Arena { at } => match self.arena[at as usize + 1] {
                0 => None,
                fact => Some(self.facts[fact as usize - 1]),
            },
            Reason::Unit { fact } => Some(self.facts[fact as usize]),
        }
    }

    pub(super) fn literals(&self, at: u32) -> &[Lit] {
        let length = self.arena[at as usize] as usize;
        &self.arena[at as usize + 2..at as usize + 2 + length]
    }

    /// Writes a clause into the arena, and watches its first two literals. `source` is one more than the number of
    /// the fact, or 0 for one that was learnt.
    pub(super) fn add_clause(&mut self, lits: &[Lit], source: u32) -> u32 {
        let at = self.arena.len() as u32;
        self.arena.push(lits.len() as u32);
        self.arena.push(source);
        self.arena.extend_from_slice(lits);
        if lits.len() > 1 {
            self.watch(lits[0], at);
            self.watch(lits[1], at);
        }
        at
    }

    pub(super) fn watch(&mut self, lit: Lit, at: u32) {
        self.nodes.push([at, self.watched[lit as usize]]);
        self.watched[lit as usize] = self.nodes.len() as u32 - 1;
    }
}
