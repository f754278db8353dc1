//! What follows from what is chosen.

use super::{Lit, Reason, Solver, no, yes};
use crate::fact::Fact;
use crate::universe::Kind;

impl Solver<'_> {
    /// Draws all consequences; no when they contradict each other.
    pub(super) fn propagate(&mut self) -> bool {
        while let Some(lit) = self.trail.get(self.processed).copied() {
            self.processed += 1;
            self.steps += 1;
            if self.watched[(lit ^ 1) as usize] != 0 && !self.visit(lit ^ 1) {
                return false;
            }
            let var = lit >> 1;
            if lit & 1 == 0 && var < self.world.len() && !self.activate(var) {
                return false;
            }
        }
        true
    }

    /// Looks at the clauses that watch a literal that has become false.
    fn visit(&mut self, lit: Lit) -> bool {
        let mut previous = 0;
        let mut node = self.watched[lit as usize];
        while node != 0 {
            let [at, next] = self.nodes[node as usize];
            let start = at as usize + 2;
            let length = self.arena[at as usize] as usize;
            if self.arena[start] == lit {
                self.arena.swap(start, start + 1);
            }
            let first = self.arena[start];
            if self.value(first) == 1 {
                previous = node;
                node = next;
                continue;
            }
            let other = (start + 2..start + length).find(|place| self.value(self.arena[*place]) != 2);
            match other {
                Some(place) => {
                    let new = self.arena[place];
                    self.arena.swap(start + 1, place);
                    if previous == 0 {
                        self.watched[lit as usize] = next;
                    } else {
                        self.nodes[previous as usize][1] = next;
                    }
                    self.nodes[node as usize] = [at, self.watched[new as usize]];
                    self.watched[new as usize] = node;
                }
                None => {
                    if !self.assign(first, Reason::Arena { at }) {
                        return false;
                    }
                    previous = node;
                }
            }
            node = next;
        }
        true
    }

    /// What a package brings with it once it is chosen.
    fn activate(&mut self, package: u32) -> bool {
        let world = self.world;
        for twin in world.twins(package) {
            if self.is_false(twin) || self.both_installed(package, twin) {
                continue;
            }
            let fact = Fact::Twins(package.min(twin), package.max(twin));
            if self.holds(fact) && !self.assign(no(twin), Reason::Twin { other: package }) {
                return false;
            }
        }
        for (atom, _) in world.conflicts(package) {
            if !self.holds(Fact::Conflict(package, atom)) {
                continue;
            }
            for rival in world.candidates(atom) {
                self.steps += 1;
                let apart =
                    *rival == package || self.is_false(*rival) || self.both_installed(package, *rival);
                if !apart && !self.assign(no(*rival), Reason::RivalOf { other: package, atom }) {
                    return false;
                }
            }
        }
        for atom in world.rival_atoms(package) {
            for declarer in world.declarers(atom) {
                self.steps += 1;
                let apart = *declarer == package
                    || self.is_false(*declarer)
                    || self.both_installed(package, *declarer);
                if !apart
                    && self.holds(Fact::Conflict(*declarer, atom))
                    && !self.assign(no(*declarer), Reason::RivalTo { other: package, atom })
                {
                    return false;
                }
            }
        }
        let (all, strong) = (world.clauses(package), world.strong_clauses(package));
        for clause in strong.clone() {
            if self.holds(Fact::Clause(clause)) && !self.demand(package, clause) {
                return false;
            }
        }
        if self.request.policy.recommends
            && self.only.is_none()
            && !world.is_installed(crate::PackageId(package))
        {
            let wanted = (strong.end..all.end).take_while(|clause| world.kind(*clause) == Kind::Recommends);
            self.weak.extend(wanted);
        }
        true
    }

    /// What is installed together already is not held against either.
    fn both_installed(&self, a: u32, b: u32) -> bool {
        self.world.is_installed(crate::PackageId(a)) && self.world.is_installed(crate::PackageId(b))
    }

    /// A clause of a package that has been chosen.
    fn demand(&mut self, package: u32, clause: u32) -> bool {
        if self.clause_at[clause as usize] != 0 {
            // It is watched since an earlier time; only the order of decisions has to know of it again.
            self.pending.push(clause);
            return true;
        }
        let world = self.world;
        let (mut met, mut open, mut count, mut there) = (false, 0, 0_u32, false);
        let mut looked = 0;
        world.each_candidate(clause, |candidate| {
            looked += 1;
            let value = self.slots[candidate as usize][0] & 3;
            met = value == 1;
            there |= world.is_installed(crate::PackageId(candidate));
            if value == 0 && (count == 0 || candidate != open) {
                (open, count) = (candidate, count + 1);
            }
            !met
        });
        self.steps += looked;
        if met {
            return true;
        }
        if !there && world.is_installed(crate::PackageId(package)) {
            // Broken before; what was not made by this change does not forbid it.
            return true;
        }
        if count <= 1 {
            let lit = if count == 0 { no(package) } else { yes(open) };
            return self.assign(lit, Reason::Clause { clause, owner: package });
        }
        let mut lits: Vec<Lit> = Vec::with_capacity(8);
        world.each_candidate(clause, |candidate| {
            lits.push(yes(candidate));
            true
        });
        if lits.len() > 16 {
            lits.sort_unstable();
            lits.dedup();
        } else {
            let mut kept = 0;
            for place in 0..lits.len() {
                if !lits[..kept].contains(&lits[place]) {
                    lits[kept] = lits[place];
                    kept += 1;
                }
            }
            lits.truncate(kept);
        }
        // Two that are open come first: they are the ones to watch.
        lits.sort_by_key(|lit| self.value(*lit));
        lits.push(no(package));
        let fact = self.fact(Fact::Clause(clause));
        let at = self.add_clause(&lits, fact + 1);
        self.clause_at[clause as usize] = at;
        self.placed.push(clause);
        self.pending.push(clause);
        true
    }

    /// The number of a fact.
    pub(super) fn fact(&mut self, fact: Fact) -> u32 {
        self.facts.push(fact);
        self.facts.len() as u32 - 1
    }
}
