//! Joining universes to the first one.

use std::collections::BTreeMap;

use crate::key::meets;
use crate::layout::{DISPLACES, OBSOLETES, Section as S};
use crate::universe::Universe;

/// Lists that replace or lengthen some of the first universe's, by id.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// 0, or one more than the number of the list.
    index: Vec<u32>,
    lists: Vec<Vec<u32>>,
}

impl Patches {
    fn new(count: u32) -> Patches {
        Patches { index: vec![0; count as usize], lists: Vec::new() }
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.index.get(id as usize).is_some_and(|at| *at > 0)
    }

    pub(super) fn get(&self, id: u32) -> &[u32] {
        match self.index.get(id as usize) {
            Some(at) if *at > 0 => &self.lists[*at as usize - 1],
            _ => &[],
        }
    }

    /// The list of an id, made from `initial` if it has none yet.
    fn entry(&mut self, id: u32, initial: impl FnOnce() -> Vec<u32>) -> &mut Vec<u32> {
        let at = &mut self.index[id as usize];
        if *at == 0 {
            self.lists.push(initial());
            *at = self.lists.len() as u32;
        }
        &mut self.lists[*at as usize - 1]
    }
}

/// What a conflict says beside its atom.
const BITS: u32 = OBSOLETES | DISPLACES;

/// Someone who provides a name, and the stored fields it is provided with.
pub(super) struct Provider<'u> {
    pub(super) package: u32,
    pub(super) fields: &'u [u8],
}

/// Who provides a name in a universe.
pub(super) fn providers(part: &Universe, name: u32) -> impl Iterator<Item = Provider<'_>> {
    let span = part.span(S::ProvidersOf, name);
    part.ints(S::Providers)[span.start * 3..span.end * 3].chunks_exact(3).map(|entry| Provider {
        package: entry[0],
        fields: &part.bytes(S::ProvidedFields)[entry[1] as usize..entry[2] as usize],
    })
}

/// What the universes after the first add. Ids go on where the first universe's end.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) total: u32,
    /// Universe and id there of each package that is not in the first.
    pub(super) origin: Vec<(usize, u32)>,
    /// For each universe after the first: the id of each of its packages, and of each of its names.
    maps: Vec<Maps>,
    base_packages: u32,
    /// Names that the first does not have: universe and id there.
    pub(super) names: Vec<(usize, u32)>,
    pub(super) package_name: Vec<u32>,
    pub(super) packages_of: Patches,
    pub(super) clauses_of: Vec<u32>,
    pub(super) strong_end: Vec<u32>,
    pub(super) clause_kind: Vec<u8>,
    pub(super) clause_atoms_of: Vec<u32>,
    pub(super) clause_atoms: Vec<u32>,
    pub(super) conflicts_of: Vec<u32>,
    pub(super) conflicts: Vec<u32>,
    pub(super) rival_atoms: Patches,
    /// Universe and id there of each atom that is not the first's.
    pub(super) atoms: Vec<(usize, u32)>,
    pub(super) candidates_of: Vec<u32>,
    pub(super) own_candidates: Vec<u32>,
    /// Candidates of the first universe's atoms, where others add some.
    pub(super) candidates: Patches,
    pub(super) declarers_of: Vec<u32>,
    pub(super) declarers: Vec<u32>,
}

#[derive(Debug, Default)]
struct Maps {
    packages: Vec<u32>,
    names: Vec<u32>,
    /// Packages that are not an earlier universe's.
    own: Vec<u32>,
    first_atom: u32,
}

impl Joined {
    pub(super) fn id(&self, part: usize, package: u32) -> Option<u32> {
        match part.checked_sub(1) {
            None => (package < self.base_packages).then_some(package),
            Some(at) => self.maps.get(at)?.packages.get(package as usize).copied(),
        }
    }

    /// The id of a name by the one it has in a universe.
    pub(super) fn name(&self, part: usize, name: u32) -> u32 {
        match part.checked_sub(1) {
            None => name,
            Some(at) => self.maps[at].names[name as usize],
        }
    }

    pub(super) fn find_name(&self, parts: &[&Universe], name: &str) -> Option<u32> {
        (1..parts.len()).find_map(|part| Some(self.name(part, parts[part].find_name(name)?)))
    }

    pub(super) fn new(parts: &[&Universe]) -> Joined {
        let base = parts[0];
        let mut joined = Joined {
            total: base.len(),
            base_packages: base.len(),
            clauses_of: vec![base.clauses()],
            clause_atoms_of: vec![0],
            conflicts_of: vec![0],
            candidates_of: vec![0],
            declarers_of: vec![0],
            ..Joined::default()
        };
        if parts.len() == 1 {
            return joined;
        }
        joined.candidates = Patches::new(base.atoms());
        joined.name_all(parts);
        joined.packages_of = Patches::new(base.names() + joined.names.len() as u32);
        joined.number_packages(parts);
        joined.rival_atoms = Patches::new(joined.total);
        for part in 1..parts.len() {
            joined.relations(parts, part);
        }
        joined.atoms_of_others(parts);
        joined.candidates_of_first(parts);
        joined
    }

    fn name_all(&mut self, parts: &[&Universe]) {
        let mut new: BTreeMap<&str, u32> = BTreeMap::new();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let mut names = Vec::with_capacity(part.names() as usize);
            for name in 0..part.names() {
                let text = part.name_text(name);
                names.push(match parts[0].find_name(text) {
                    Some(known) => known,
                    None => *new.entry(text).or_insert_with(|| {
                        self.names.push((number, name));
                        parts[0].names() + self.names.len() as u32 - 1
                    }),
                });
            }
            self.maps.push(Maps { names, ..Maps::default() });
        }
    }

    fn number_packages(&mut self, parts: &[&Universe]) {
        for (number, part) in parts.iter().enumerate().skip(1) {
            for package in 0..part.len() {
                let name = self.name(number, part.package_name(package));
                let known = self.same_package(parts, number, package, name);
                let id = known.unwrap_or_else(|| {
                    self.origin.push((number, package));
                    self.package_name.push(name);
                    self.packages_of.entry(name, Vec::new).push(self.total);
                    self.maps[number - 1].own.push(package);
                    self.total += 1;
                    self.total - 1
                });
                self.maps[number - 1].packages.push(id);
            }
        }
    }

    /// A package of an earlier universe that is the very same.
    fn same_package(&self, parts: &[&Universe], number: usize, package: u32, name: u32) -> Option<u32> {
        let identity = parts[number].identity(package);
        let base = parts[0];
        if name < base.names()
            && let Some(known) = base.packages_of(name).find(|known| base.identity(*known) == identity)
        {
            return Some(known);
        }
        self.packages_of.get(name).iter().copied().find(|known| {
            let (part, id) = self.origin[(*known - self.base_packages) as usize];
            part != number && parts[part].identity(id) == identity
        })
    }

    /// Clauses and conflicts of the packages that a universe brings.
    fn relations(&mut self, parts: &[&Universe], number: usize) {
        let part = parts[number];
        let first_atom = parts[0].atoms() + self.atoms.len() as u32;
        self.maps[number - 1].first_atom = first_atom;
        self.atoms.extend((0..part.atoms()).map(|atom| (number, atom)));
        let first_clause = parts[0].clauses();
        for package in &self.maps[number - 1].own {
            let clauses = part.span(S::ClausesOf, *package);
            let strong = part.ints(S::StrongEnd)[*package as usize] as usize - clauses.start;
            for clause in clauses {
                self.clause_kind.push(part.bytes(S::ClauseKind)[clause]);
                let atoms = part.list(S::ClauseAtomsOf, clause as u32, S::ClauseAtoms);
                self.clause_atoms.extend(atoms.iter().map(|atom| atom + first_atom));
                self.clause_atoms_of.push(self.clause_atoms.len() as u32);
            }
            let start = self.clauses_of.last().copied().unwrap_or(first_clause);
            self.strong_end.push(start + strong as u32);
            self.clauses_of.push(first_clause + self.clause_kind.len() as u32);
            let conflicts = part.list(S::ConflictsOf, *package, S::Conflicts);
            let moved = |atom: &u32| (atom & BITS) | ((atom & !BITS) + first_atom);
            self.conflicts.extend(conflicts.iter().map(moved));
            self.conflicts_of.push(self.conflicts.len() as u32);
        }
    }

    /// Candidates and declarers of the atoms that are not the first universe's.
    fn atoms_of_others(&mut self, parts: &[&Universe]) {
        // The atom for which a package was met last, so that each is a candidate once.
        let mut met_for = vec![u32::MAX; self.total as usize];
        for at in 0..self.atoms.len() {
            let (number, atom) = self.atoms[at];
            let id = parts[0].atoms() + at as u32;
            let part = parts[number];
            let name = part.ints(S::AtomName)[atom as usize];
            let tests = part.blob(S::AtomTestsOf, atom, S::AtomTests);
            let by_name = part.bytes(S::AtomFlags)[atom as usize] != 0;
            let start = self.own_candidates.len();
            for virtual_ones in [false, true] {
                for (other, universe) in parts.iter().enumerate() {
                    let known =
                        if other == number { Some(name) } else { universe.find_name(part.name_text(name)) };
                    let Some(known) = known else { continue };
                    let mut found = Vec::new();
                    let mut meet = |package: u32, fields: &[u8]| {
                        if meets(tests, fields)
                            && let Some(package) = self.id(other, package)
                            && std::mem::replace(&mut met_for[package as usize], id) != id
                        {
                            found.push(package);
                        }
                    };
                    if !virtual_ones {
                        universe
                            .packages_of(known)
                            .for_each(|package| meet(package, universe.fields(package)));
                    } else if !by_name {
                        providers(universe, known).for_each(|one| meet(one.package, one.fields));
                    }
                    self.own_candidates.append(&mut found);
                }
            }
            self.candidates_of.push(self.own_candidates.len() as u32);
            let declarers = part.list(S::DeclarersOf, atom, S::Declarers);
            let maps = &self.maps[number - 1].packages;
            let first = self.declarers.len();
            // One that an earlier universe has declares that universe's atoms.
            self.declarers.extend(declarers.iter().map(|package| maps[*package as usize]).filter(
                |package| {
                    *package >= self.base_packages
                        && self.origin[(package - self.base_packages) as usize].0 == number
                },
            ));
            self.declarers_of.push(self.declarers.len() as u32);
            if self.declarers.len() > first {
                for candidate in &self.own_candidates[start..] {
                    self.rival_atoms.entry(*candidate, Vec::new).push(id);
                }
            }
        }
    }

    /// What the others bring for the atoms of the first universe.
    fn candidates_of_first(&mut self, parts: &[&Universe]) {
        let base = parts[0];
        for (number, part) in parts.iter().enumerate().skip(1) {
            let Maps { packages, names, .. } = &self.maps[number - 1];
            let mut met_for = vec![u32::MAX; part.len() as usize];
            for local in 0..part.names() {
                let name = names[local as usize];
                if name >= base.names() {
                    continue;
                }
                for atom in base.span(S::AtomsOf, name) {
                    let atom = atom as u32;
                    let tests = base.blob(S::AtomTestsOf, atom, S::AtomTests);
                    let is_conflict = !base.list(S::DeclarersOf, atom, S::Declarers).is_empty();
                    let mut meet = |package: u32, fields: &[u8]| {
                        let id = packages[package as usize];
                        if id < self.base_packages
                            || !meets(tests, fields)
                            || std::mem::replace(&mut met_for[package as usize], atom) == atom
                        {
                            return;
                        }
                        let initial = || base.list(S::CandidatesOf, atom, S::Candidates).to_vec();
                        self.candidates.entry(atom, initial).push(id);
                        if is_conflict {
                            self.rival_atoms.entry(id, Vec::new).push(atom);
                        }
                    };
                    part.packages_of(local).for_each(|package| meet(package, part.fields(package)));
                    if base.bytes(S::AtomFlags)[atom as usize] == 0 {
                        providers(part, local).for_each(|one| meet(one.package, one.fields));
                    }
                }
            }
        }
    }
}
