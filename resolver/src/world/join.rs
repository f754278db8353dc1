//! Joining universes to the first one.

use hashbrown::HashMap;

use super::view::{View, range};
use crate::key::meets;
use crate::layout::{DISPLACES, OBSOLETES, Section as S};
use crate::universe::Universe;

/// Lists that replace or lengthen some of the first universe's, by id.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// 0, or one more than the number of the list.
    index: Vec<u32>,
    /// Where each list ends, the first of them being none.
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Patches {
    /// Lists of some of `count` ids: what is there `initially`, and what is added to it, in the order given.
    fn new<'u>(count: u32, mut added: Vec<(u32, u32)>, initially: impl Fn(u32) -> &'u [u32]) -> Patches {
        added.sort_by_key(|entry| entry.0);
        let mut patches = Patches { index: vec![0; count as usize], ends: vec![0], items: Vec::new() };
        for list in added.chunk_by(|a, b| a.0 == b.0) {
            let id = list[0].0;
            patches.index[id as usize] = patches.ends.len() as u32;
            patches.items.extend_from_slice(initially(id));
            patches.items.extend(list.iter().map(|entry| entry.1));
            patches.ends.push(patches.items.len() as u32);
        }
        patches
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.index.get(id as usize).is_some_and(|at| *at > 0)
    }

    pub(super) fn get(&self, id: u32) -> &[u32] {
        match self.index.get(id as usize).map(|at| *at as usize) {
            Some(at) if at > 0 => &self.items[self.ends[at - 1] as usize..self.ends[at] as usize],
            _ => &[],
        }
    }
}

/// What a conflict says beside its atom.
const BITS: u32 = OBSOLETES | DISPLACES;

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
    /// Each name's id in the world and here, sorted.
    locals: Vec<(u32, u32)>,
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

    /// The id of a name in a universe by the one it has here.
    fn local_name(&self, parts: &[&Universe], part: usize, name: u32) -> Option<u32> {
        match part.checked_sub(1) {
            None => (name < parts[0].names()).then_some(name),
            Some(at) => {
                let locals = &self.maps[at].locals;
                locals.binary_search_by_key(&name, |entry| entry.0).ok().map(|found| locals[found].1)
            }
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
        joined.name_all(parts);
        joined.number_packages(parts);
        for part in 1..parts.len() {
            joined.relations(parts, part);
        }
        let mut rivals = joined.atoms_of_others(parts);
        joined.candidates_of_first(parts, &mut rivals);
        joined.rival_atoms = Patches::new(joined.total, rivals, |_| &[]);
        joined
    }

    fn name_all(&mut self, parts: &[&Universe]) {
        let first = parts[0].names_sorted();
        let mut new: HashMap<&[u8], u32> = HashMap::new();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let own = part.names_sorted();
            let mut names = Vec::with_capacity(own.len() as usize);
            // Both are sorted: a name is looked for from where the one before it was.
            let mut from = 0;
            for name in 0..own.len() {
                let text = own.get(name);
                let found = first.search_from(text, from);
                let (Ok(next) | Err(next)) = found;
                from = next;
                names.push(found.unwrap_or_else(|_| {
                    *new.entry(text).or_insert_with(|| {
                        self.names.push((number, name));
                        first.len() + self.names.len() as u32 - 1
                    })
                }));
            }
            // Two universes need none: of the first one's names the ids are the same.
            let mut locals: Vec<(u32, u32)> = Vec::new();
            if parts.len() > 2 {
                locals.extend(names.iter().copied().zip(0..));
                locals.sort_unstable();
            }
            self.maps.push(Maps { names, locals, ..Maps::default() });
        }
    }

    fn number_packages(&mut self, parts: &[&Universe]) {
        let mut packages_of = Vec::new();
        for (number, part) in parts.iter().enumerate().skip(1) {
            for package in 0..part.len() {
                let name = self.name(number, part.package_name(package));
                let known = self.same_package(parts, number, package, name);
                let id = known.unwrap_or_else(|| {
                    self.origin.push((number, package));
                    self.package_name.push(name);
                    packages_of.push((name, self.total));
                    self.maps[number - 1].own.push(package);
                    self.total += 1;
                    self.total - 1
                });
                self.maps[number - 1].packages.push(id);
            }
        }
        let names = parts[0].names() + self.names.len() as u32;
        self.packages_of = Patches::new(names, packages_of, |_| &[]);
    }

    /// A package of an earlier universe that is the very same.
    fn same_package(&self, parts: &[&Universe], number: usize, package: u32, name: u32) -> Option<u32> {
        let identity = parts[number].identity(package);
        (0..number).find_map(|other| {
            let local = self.local_name(parts, other, name)?;
            let known = parts[other].packages_of(local).find(|id| parts[other].identity(*id) == identity)?;
            self.id(other, known)
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

    /// Candidates and declarers of the atoms that are not the first universe's. Gives those packages and atoms where
    /// the atom is one of a conflict.
    fn atoms_of_others(&mut self, parts: &[&Universe]) -> Vec<(u32, u32)> {
        let views: Vec<View<'_>> = parts.iter().map(|part| View::new(part)).collect();
        let mut rivals = Vec::new();
        // The atom for which a package was met last, so that each is a candidate once.
        let mut met_for = vec![u32::MAX; self.total as usize];
        let mut candidates = Vec::new();
        for at in 0..self.atoms.len() {
            let (number, atom) = self.atoms[at];
            let id = parts[0].atoms() + at as u32;
            let part = &views[number];
            let local = part.atom_name[atom as usize];
            let name = self.name(number, local);
            let tests = part.tests(atom);
            let by_name = part.by_name(atom);
            let start = candidates.len();
            for virtual_ones in [false, true] {
                if virtual_ones && by_name {
                    continue;
                }
                for (other, universe) in views.iter().enumerate() {
                    let known =
                        if other == number { Some(local) } else { self.local_name(parts, other, name) };
                    let Some(known) = known else { continue };
                    let mut add = |package: u32| {
                        if let Some(package) = self.id(other, package)
                            && std::mem::replace(&mut met_for[package as usize], id) != id
                        {
                            candidates.push(package);
                        }
                    };
                    if virtual_ones {
                        let all = universe.providers(known);
                        all.filter(|one| meets(tests, one.fields)).for_each(|one| add(one.package));
                    } else {
                        let own = universe.packages_of(known);
                        own.filter(|package| universe.meets(*package, tests)).for_each(add);
                    }
                }
            }
            self.candidates_of.push(candidates.len() as u32);
            let declarers = part.declarers(atom);
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
                rivals.extend(candidates[start..].iter().map(|candidate| (*candidate, id)));
            }
        }
        self.own_candidates = candidates;
        rivals
    }

    /// What the others bring for the atoms of the first universe.
    fn candidates_of_first(&mut self, parts: &[&Universe], rivals: &mut Vec<(u32, u32)>) {
        let base = View::new(parts[0]);
        let mut added = Vec::new();
        for (number, part) in parts.iter().enumerate().skip(1) {
            let Maps { packages, names, .. } = &self.maps[number - 1];
            let mut met_for = vec![u32::MAX; part.len() as usize];
            let part = View::new(part);
            for (local, name) in (0..).zip(names) {
                let nobody = part.packages_of(local).is_empty() && part.providers(local).len() == 0;
                if *name >= parts[0].names() || nobody {
                    continue;
                }
                for atom in range(base.atoms_of, *name) {
                    let atom = atom as u32;
                    let tests = base.tests(atom);
                    let is_conflict = !base.declarers(atom).is_empty();
                    let mut add = |package: u32| {
                        let id = packages[package as usize];
                        if id < self.base_packages
                            || std::mem::replace(&mut met_for[package as usize], atom) == atom
                        {
                            return;
                        }
                        added.push((atom, id));
                        if is_conflict {
                            rivals.push((id, atom));
                        }
                    };
                    let own = part.packages_of(local);
                    own.filter(|package| part.meets(*package, tests)).for_each(&mut add);
                    if !base.by_name(atom) {
                        let all = part.providers(local);
                        all.filter(|one| meets(tests, one.fields)).for_each(|one| add(one.package));
                    }
                }
            }
        }
        let initially = |atom| parts[0].list(S::CandidatesOf, atom, S::Candidates);
        self.candidates = Patches::new(parts[0].atoms(), added, initially);
    }
}
