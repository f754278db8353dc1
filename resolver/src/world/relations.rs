//! What packages say of each other.

use super::{Rivalry, World, list};
use crate::layout::{DISPLACES, OBSOLETES, Section as S};
use crate::universe::Kind;

impl<'u> World<'u> {
    /// The clauses of a package, strong ones first.
    pub(crate) fn clauses(&self, package: u32) -> std::ops::Range<u32> {
        match package.checked_sub(self.base.packages) {
            None => self.base.clauses_of[package as usize]..self.base.clauses_of[package as usize + 1],
            Some(at) => self.joined.clauses_of[at as usize]..self.joined.clauses_of[at as usize + 1],
        }
    }

    /// The clauses of a package that must hold.
    pub(crate) fn strong_clauses(&self, package: u32) -> std::ops::Range<u32> {
        match package.checked_sub(self.base.packages) {
            None => self.base.clauses_of[package as usize]..self.base.strong_end[package as usize],
            Some(at) => self.joined.clauses_of[at as usize]..self.joined.strong_end[at as usize],
        }
    }

    pub(crate) fn kind(&self, clause: u32) -> Kind {
        match clause.checked_sub(self.base.clauses) {
            None => Kind::from_code(self.base.clause_kind[clause as usize]),
            Some(at) => Kind::from_code(self.joined.clause_kind[at as usize]),
        }
    }

    pub(crate) fn alternatives(&self, clause: u32) -> &[u32] {
        match clause.checked_sub(self.base.clauses) {
            None => list(self.base.clause_atoms_of, self.base.clause_atoms, clause),
            Some(at) => list(&self.joined.clause_atoms_of, &self.joined.clause_atoms, at),
        }
    }

    /// The packages that meet an atom, in order of preference.
    pub(crate) fn candidates(&self, atom: u32) -> &[u32] {
        match atom.checked_sub(self.base.atoms) {
            None if self.joined.candidates.has(atom) => self.joined.candidates.get(atom),
            None => list(self.base.candidates_of, self.base.candidates, atom),
            Some(at) => list(&self.joined.candidates_of, &self.joined.own_candidates, at),
        }
    }

    /// Calls `f` for each candidate of each alternative; stops when it says so.
    pub(crate) fn each_candidate(&self, clause: u32, mut f: impl FnMut(u32) -> bool) {
        for atom in self.alternatives(clause) {
            for candidate in self.candidates(*atom) {
                if !f(*candidate) {
                    return;
                }
            }
        }
    }

    /// The atoms a package conflicts with, and what becomes of what meets them.
    pub(crate) fn conflicts(&self, package: u32) -> impl Iterator<Item = (u32, Rivalry)> + '_ {
        let atoms = match package.checked_sub(self.base.packages) {
            None => list(self.base.conflicts_of, self.base.conflicts, package),
            Some(at) => list(&self.joined.conflicts_of, &self.joined.conflicts, at),
        };
        atoms.iter().map(|atom| {
            let rivalry = match (atom & OBSOLETES, atom & DISPLACES) {
                (0, 0) => Rivalry::Excludes,
                (0, _) => Rivalry::Displaces,
                _ => Rivalry::Obsoletes,
            };
            (atom & !(OBSOLETES | DISPLACES), rivalry)
        })
    }

    /// The conflict atoms that a package is a candidate of.
    pub(crate) fn rival_atoms(&self, package: u32) -> impl Iterator<Item = u32> + '_ {
        let own = match package.checked_sub(self.base.packages) {
            None => list(self.base.rival_atoms_of, self.base.rival_atoms, package),
            Some(_) => &[],
        };
        own.iter().copied().chain(self.joined.rival_atoms.get(package).iter().copied())
    }

    /// The packages that have an atom among their conflicts.
    pub(crate) fn declarers(&self, atom: u32) -> &[u32] {
        match atom.checked_sub(self.base.atoms) {
            None => list(self.base.declarers_of, self.base.declarers, atom),
            Some(at) => list(&self.joined.declarers_of, &self.joined.declarers, at),
        }
    }

    /// Whether `newcomer` is a newer form of `old`.
    pub(crate) fn obsoletes(&self, newcomer: u32, old: u32) -> bool {
        let meets = |atom: u32| self.candidates(atom).contains(&old);
        newcomer != old
            && self.conflicts(newcomer).any(|(atom, how)| how == Rivalry::Obsoletes && meets(atom))
    }

    /// The packages that are newer forms of `old`, sorted.
    pub(crate) fn obsoleters(&self, old: u32) -> Vec<u32> {
        self.successors(old, Rivalry::Obsoletes)
    }

    /// The packages that `old` goes for without being an older form of them, sorted.
    pub(crate) fn displacers(&self, old: u32) -> Vec<u32> {
        self.successors(old, Rivalry::Displaces)
    }

    fn successors(&self, old: u32, how: Rivalry) -> Vec<u32> {
        let mut found = Vec::new();
        for atom in self.rival_atoms(old) {
            for declarer in self.declarers(atom) {
                if *declarer != old && self.conflicts(*declarer).any(|entry| entry == (atom, how)) {
                    found.push(*declarer);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// An atom as its package writes it.
    pub(crate) fn atom_text(&self, atom: u32) -> &'u str {
        match atom.checked_sub(self.base.atoms) {
            None => self.parts[0].atom_text(atom),
            Some(at) => {
                let (part, id) = self.joined.atoms[at as usize];
                self.parts[part].atom_text(id)
            }
        }
    }

    /// Id of the name that an atom is about.
    pub(crate) fn atom_name(&self, atom: u32) -> u32 {
        match atom.checked_sub(self.base.atoms) {
            None => self.parts[0].ints(S::AtomName)[atom as usize],
            Some(at) => {
                let (part, id) = self.joined.atoms[at as usize];
                self.joined.name(part, self.parts[part].ints(S::AtomName)[id as usize])
            }
        }
    }
}
