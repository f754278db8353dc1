//! What to choose next: policy, in the order of what matters.

use super::{Lit, Solver, cost, yes};
use crate::PackageId;

impl Solver<'_> {
    /// The next choice, or `None` when every demand is met.
    pub(super) fn decide(&mut self) -> Option<Lit> {
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
