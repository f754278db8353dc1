//! What to choose next: policy, in the order of what matters.

use super::{Lit, Reason, Solver, cost, no, yes};
use crate::PackageId;
use crate::fact::Fact;

/// What a search does next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// Choose this.
    Try(Lit),
    /// Draw the consequences of what was found out.
    Follows,
    /// Nothing: every demand is met.
    Done,
}

impl Solver<'_> {
    /// What to do next. A package that could not stay is not tried: it is made false, which is no choice.
    pub(super) fn decide(&mut self) -> Next {
        let Some(lit) = self.next_choice() else { return Next::Done };
        let package = lit >> 1;
        if lit & 1 == 0
            && package < self.world.len()
            && let Some(clause) = self.unmet_demand(package)
        {
            self.assign(no(package), Reason::Clause { clause, owner: package });
            return Next::Follows;
        }
        Next::Try(lit)
    }

    /// A demand of a package that nothing can meet any more.
    fn unmet_demand(&mut self, package: u32) -> Option<u32> {
        let world = self.world;
        let installed = world.is_installed(PackageId(package));
        for clause in world.strong_clauses(package) {
            let (mut possible, mut broken) = (false, true);
            world.each_candidate(clause, |candidate| {
                self.steps += 1;
                possible = !self.is_false(candidate);
                broken &= !world.is_installed(PackageId(candidate));
                !possible
            });
            let forgiven = installed && broken;
            if !possible && !forgiven && self.holds(Fact::Clause(clause)) {
                return Some(clause);
            }
        }
        None
    }

    fn next_choice(&mut self) -> Option<Lit> {
        while let Some(at) = self.first.get(self.now.first_next as usize).copied() {
            match self.first_open(at) {
                Some(lit) => return Some(lit),
                None => self.now.first_next += 1,
            }
        }
        while let Some(clause) = self.pending.get(self.now.pending_next as usize).copied() {
            match self.best_candidate(clause) {
                Candidates::Best(lit) => return Some(lit),
                Candidates::Met | Candidates::None => self.now.pending_next += 1,
            }
        }
        while let Some(clause) = self.weak.get(self.now.weak_next as usize).copied() {
            match self.best_candidate(clause) {
                Candidates::Best(lit) => return Some(lit),
                Candidates::Met => {}
                Candidates::None => {
                    self.missed.push(clause);
                    self.costs.now[cost::RECOMMENDS] += 1;
                }
            }
            self.now.weak_next += 1;
        }
        while let Some(at) = self.last.get(self.now.last_next as usize).copied() {
            match self.first_open(at) {
                Some(lit) => return Some(lit),
                None => self.now.last_next += 1,
            }
        }
        None
    }

    /// The first open literal of a clause whose literals are in order of preference, unless the clause is met.
    fn first_open(&self, place: u32) -> Option<Lit> {
        let mut open = None;
        for lit in &self.setup.choices[place as usize] {
            match self.value(*lit) {
                1 => return None,
                0 if open.is_none() => open = Some(*lit),
                _ => {}
            }
        }
        open
    }

    /// What to choose of the candidates of a clause.
    fn best_candidate(&mut self, clause: u32) -> Candidates {
        let world = self.world;
        let mut best = None;
        for (position, atom) in world.alternatives(clause).iter().enumerate() {
            let name = world.atom_name(*atom);
            for candidate in world.candidates(*atom) {
                self.steps += 1;
                if self.is_true(*candidate) {
                    return Candidates::Met;
                }
                if !self.is_open(*candidate) {
                    continue;
                }
                let installed = world.is_installed(PackageId(*candidate));
                let own_name = world.name_of(*candidate);
                let key = (
                    self.setup.disfavoured.contains(candidate),
                    !installed && !self.setup.favoured.contains(candidate),
                    // A new version of what is there is nearer than something new.
                    if installed || world.name_is_installed(own_name) { 0 } else { position as u32 + 1 },
                    own_name != name,
                    !installed,
                );
                if best.is_none_or(|(known, _)| key < known) {
                    best = Some((key, *candidate));
                }
            }
        }
        best.map_or(Candidates::None, |(_, candidate)| Candidates::Best(yes(candidate)))
    }
}

enum Candidates {
    /// One of them is there.
    Met,
    /// This one is to be tried.
    Best(Lit),
    /// None of them can be.
    None,
}
