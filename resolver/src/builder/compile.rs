//! From what a builder holds to sections in canonical order.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use super::canonical::Ordered;
use super::interner::part;
use super::sort::{self, Sorted};
use super::{Builder, Package, TooLarge};
use crate::groups::Groups;
use crate::key::meets;
use crate::layout::{MOST, Section as S, Writer};
use crate::universe::IDENTITY;

/// Lists put one after another.
struct Lists {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Has room for so many lists with so many items in all.
    fn with_capacity(lists: usize, items: usize) -> Lists {
        let mut ends = Vec::with_capacity(lists + 1);
        ends.push(0);
        Lists { ends, items: Vec::with_capacity(items) }
    }

    fn close(&mut self) {
        self.ends.push(self.items.len() as u32);
    }

    fn write(&self, writer: &mut Writer, offsets: S, items: S) {
        writer.ints(offsets, &self.ends);
        writer.ints(items, &self.items);
    }
}

pub(super) fn compile(mut builder: Builder) -> Result<Vec<u8>, TooLarge> {
    let counts = [
        builder.names.len(),
        builder.strings.len(),
        builder.packages.len(),
        builder.atoms.atoms.len(),
        builder.clauses.len(),
        builder.clause_atoms.len(),
        builder.conflicts.len(),
        builder.provides.len(),
    ];
    let texts = [builder.blob.len(), builder.atoms.blob.len(), builder.names.bytes.len()];
    if counts.iter().any(|count| *count >= MOST) || texts.iter().any(|length| *length >= u32::MAX as usize) {
        return Err(TooLarge);
    }
    let names = sort::texts(&builder.names);
    for package in &mut builder.packages {
        package.name = names.place[package.name as usize];
    }
    let strings = sort::texts(&builder.strings);
    let ordered = Ordered::new(&builder, names.order.len(), &strings.place);
    let compiler = Compiler { builder: &builder, names, strings, ordered };
    Ok(compiler.write())
}

struct Compiler<'b> {
    builder: &'b Builder,
    names: Sorted,
    strings: Sorted,
    ordered: Ordered,
}

/// Something provided: who provides it, its name, and its fields.
struct Provided {
    package: u32,
    name: u32,
    fields: (u32, u32),
}

/// What is provided, in the order of packages, and where in it those of each package and of each name are; the
/// latter in order of preference.
struct Provides {
    all: Vec<Provided>,
    of_package: Vec<u32>,
    of_name: Groups,
}

impl Compiler<'_> {
    fn packages(&self) -> impl Iterator<Item = &Package> {
        self.ordered.packages.iter().map(|id| &self.builder.packages[*id as usize])
    }

    fn package(&self, package: u32) -> &Package {
        &self.builder.packages[self.ordered.packages[package as usize] as usize]
    }

    /// Where each name's elements start in something that is sorted by name.
    fn starts(&self, names: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut starts = vec![0_u32; self.names.order.len() + 1];
        names.for_each(|name| starts[name as usize + 1] += 1);
        (1..starts.len()).for_each(|name| starts[name] += starts[name - 1]);
        starts
    }

    fn write(&self) -> Vec<u8> {
        let (builder, atoms) = (self.builder, &self.builder.atoms);
        let packages_of = self.starts(self.packages().map(|package| package.name));
        let atom_names: Vec<u32> =
            atoms.atoms.iter().map(|atom| self.names.place[atom.name as usize]).collect();
        let mut by_name = Groups::new(self.names.order.len(), atom_names.iter().copied());
        by_name.sort_each(|a, b| {
            let by_name = |atom: u32| atoms.atoms[atom as usize].by_name;
            by_name(a).cmp(&by_name(b)).then_with(|| atoms.tests(a).cmp(atoms.tests(b)))
        });
        let (atoms_of, sorted_atoms) = (by_name.starts, Sorted::new(by_name.positions));
        let (atom_order, atom_place) = (&sorted_atoms.order, &sorted_atoms.place);
        let provides = self.provides();
        let candidates = self.candidates(atom_order, &packages_of, &provides);
        let (conflicts, rivals, declarers) = self.conflicts(atom_place, &candidates);

        let names = || self.names.order.iter().map(|id| builder.names.get(*id));
        let strings = || self.strings.order.iter().map(|id| builder.strings.get(*id));
        let blobs =
            |of: fn(&Package) -> (u32, u32)| self.packages().map(move |one| part(&builder.blob, of(one)));
        let versions = || blobs(|package| package.version);
        let ranks = || blobs(|package| package.rank);
        let fields = || blobs(|package| package.fields);
        let provided = || provides.all.iter().map(|provided| part(&builder.blob, provided.fields));
        let tests = || atom_order.iter().map(|atom| atoms.tests(*atom));
        let texts = || atom_order.iter().map(|atom| atoms.text(*atom));
        let repositories = self.repositories();

        let mut w = Writer::with_capacity(self.size(&candidates));
        w.ends(S::NameTextOf, names());
        w.ints(S::PackagesOf, &packages_of);
        w.ints(S::AtomsOf, &atoms_of);
        let mut end = 0;
        let spans: Vec<[u32; 2]> = provides
            .all
            .iter()
            .map(|provided| {
                let start = end;
                end += provided.fields.1 - provided.fields.0;
                [start, end]
            })
            .collect();
        w.ints(S::ProvidersOf, &provides.of_name.starts);
        let preferred = provides.of_name.positions.iter().map(|at| *at as usize);
        w.column(
            S::Providers,
            preferred.flat_map(|at| [provides.all[at].package, spans[at][0], spans[at][1]]),
        );
        w.ends(S::StringTextOf, strings());
        let pairs = repositories.order.iter().flat_map(|id| {
            let (name, priority) = builder.repositories[*id as usize];
            [self.strings.place[name as usize], priority.cast_unsigned()]
        });
        w.column(S::Repositories, pairs);
        let (classes, package_class) = self.classes(&repositories);
        w.ints(S::Classes, bytemuck::cast_slice(&classes));
        w.column(S::PackageName, self.packages().map(|package| package.name));
        w.ints(S::PackageClass, &package_class);
        w.ends(S::VersionTextOf, versions());
        w.ends(S::RankOf, ranks());
        w.ends(S::FieldsOf, fields());
        w.ints(S::ProvidesOf, &provides.of_package);
        let each = provides.all.iter().zip(&spans);
        w.column(S::Provides, each.flat_map(|(provided, span)| [provided.name, span[0], span[1]]));
        self.write_clauses(&mut w, atom_place);
        conflicts.write(&mut w, S::ConflictsOf, S::Conflicts);
        rivals.write(&mut w, S::RivalAtomsOf, S::RivalAtoms);
        declarers.write(&mut w, S::DeclarersOf, S::Declarers);
        w.column(S::AtomName, atom_order.iter().map(|atom| atom_names[*atom as usize]));
        let by_name = |atom: &u32| u8::from(atoms.atoms[*atom as usize].by_name);
        w.bytes(S::AtomFlags, &atom_order.iter().map(by_name).collect::<Vec<u8>>());
        w.ends(S::AtomTestsOf, tests());
        w.ends(S::AtomTextOf, texts());
        candidates.write(&mut w, S::CandidatesOf, S::Candidates);

        w.blobs(S::StringText, strings());
        w.blobs(S::NameText, names());
        w.blobs(S::Rank, ranks());
        w.blobs(S::Fields, fields());
        w.blobs(S::ProvidedFields, provided());
        w.blobs(S::AtomTests, tests());
        w.blobs(S::Identity, self.packages().map(|package| &package.identity[..IDENTITY]));
        w.blobs(S::VersionText, versions());
        w.blobs(S::AtomText, texts());
        w.finish()
    }

    /// How many bytes there will be, a little more.
    fn size(&self, candidates: &Lists) -> usize {
        let builder = self.builder;
        let texts = builder.names.bytes.len() + builder.blob.len() + builder.atoms.blob.len();
        let ints = builder.names.len() * 4
            + builder.packages.len() * (9 + 8)
            + builder.atoms.atoms.len() * 6
            + builder.clauses.len() * 2
            + builder.clause_atoms.len()
            + builder.conflicts.len() * 2
            + builder.provides.len() * 6
            + candidates.items.len() * 2;
        texts + ints * 4 + 4096
    }

    fn repositories(&self) -> Sorted {
        let all = &self.builder.repositories;
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        order.sort_unstable_by_key(|id| {
            let (name, priority) = all[*id as usize];
            (self.strings.place[name as usize], Reverse(priority), *id)
        });
        Sorted::new(order)
    }

    /// Architecture, slot, repository and flags as they occur together, sorted; and which of these each package has.
    fn classes(&self, repositories: &Sorted) -> (Vec<[u32; 4]>, Vec<u32>) {
        let string = |string: u32| self.strings.place[string as usize];
        let class = |package: &Package| {
            let repository = repositories.place[package.repository as usize];
            [string(package.arch), string(package.slot), repository, package.flags]
        };
        let mut numbers: BTreeMap<[u32; 4], u32> =
            self.packages().map(|package| (class(package), 0)).collect();
        for (number, class) in (0..).zip(numbers.values_mut()) {
            *class = number;
        }
        let of_packages = self.packages().map(|package| numbers[&class(package)]).collect();
        (numbers.into_keys().collect(), of_packages)
    }

    /// What packages provide beside their own names.
    fn provides(&self) -> Provides {
        let builder = self.builder;
        let packages = self.ordered.packages.len();
        let owner = |(package, name, fields): &(u32, u32, (u32, u32))| {
            let own = &builder.packages[*package as usize];
            let name = self.names.place[*name as usize];
            // rpm writes out that a package provides itself.
            let itself = name == own.name && part(&builder.blob, *fields) == part(&builder.blob, own.fields);
            if itself || self.ordered.repeated[*package as usize] {
                packages as u32
            } else {
                self.ordered.place[*package as usize]
            }
        };
        let owners: Vec<u32> = builder.provides.iter().map(owner).collect();
        let by_package = Groups::new(packages, owners.iter().copied());
        let all: Vec<Provided> = by_package
            .positions
            .iter()
            .map(|at| {
                let (_, name, fields) = builder.provides[*at as usize];
                let package = owners[*at as usize];
                Provided { package, name: self.names.place[name as usize], fields }
            })
            .collect();
        let mut of_name = Groups::new(self.names.order.len(), all.iter().map(|provided| provided.name));
        of_name.sort_each(|a, b| self.preferred(&all[a as usize], &all[b as usize]));
        Provides { all, of_package: by_package.starts, of_name }
    }

    /// Of two providers of a name: the higher provided version, the higher priority, the order of ids.
    fn preferred(&self, a: &Provided, b: &Provided) -> Ordering {
        let priority = |provided: &Provided| {
            self.builder.repositories[self.package(provided.package).repository as usize].1
        };
        let key = |one: &Provided| part(&self.builder.blob, one.fields).get(4..).unwrap_or_default();
        (key(b).cmp(key(a)))
            .then_with(|| priority(b).cmp(&priority(a)))
            .then_with(|| a.package.cmp(&b.package))
    }

    /// The packages that meet each atom: those of the name newest first, then those that provide it.
    fn candidates(&self, atom_order: &[u32], packages_of: &[u32], provides: &Provides) -> Lists {
        let builder = self.builder;
        let mut candidates = Lists::with_capacity(atom_order.len(), atom_order.len() * 2);
        for atom in atom_order {
            let data = &builder.atoms.atoms[*atom as usize];
            let tests = builder.atoms.tests(*atom);
            let name = self.names.place[data.name as usize];
            let start = candidates.items.len();
            let own = packages_of[name as usize]..packages_of[name as usize + 1];
            candidates.items.extend(own.clone().filter(|package| {
                tests.is_empty() || meets(tests, part(&builder.blob, self.package(*package).fields))
            }));
            if !data.by_name {
                for at in provides.of_name.of(name) {
                    let Provided { package, fields, .. } = provides.all[*at as usize];
                    let again = || {
                        let found = &candidates.items[start..];
                        if own.contains(&package) {
                            found.contains(&package)
                        } else {
                            found.last() == Some(&package)
                        }
                    };
                    if meets(tests, part(&builder.blob, fields)) && !again() {
                        candidates.items.push(package);
                    }
                }
            }
            candidates.close();
        }
        candidates
    }

    /// Conflicts of each package, the conflict atoms that each package is a candidate of, and who declares each.
    fn conflicts(&self, atom_place: &[u32], candidates: &Lists) -> (Lists, Lists, Lists) {
        let (packages, atoms) = (self.ordered.packages.len(), atom_place.len());
        let entries: Vec<(u32, u32, u32)> = self
            .builder
            .conflicts
            .iter()
            .filter(|entry| !self.ordered.repeated[entry.0 as usize])
            .map(|(package, atom, obsoletes)| {
                (self.ordered.place[*package as usize], atom_place[*atom as usize], *obsoletes)
            })
            .collect();
        let by_package = Groups::new(packages, entries.iter().map(|entry| entry.0));
        let items = by_package.positions.iter().map(|position| {
            let (_, atom, obsoletes) = entries[*position as usize];
            atom | obsoletes
        });
        let conflicts = Lists { items: items.collect(), ends: by_package.starts };
        let mut by_atom: Vec<(u32, u32)> = entries.iter().map(|entry| (entry.1, entry.0)).collect();
        by_atom.sort_unstable();
        by_atom.dedup();
        let by_declared = Groups::new(atoms, by_atom.iter().map(|entry| entry.0));
        let declarers =
            Lists { items: by_atom.iter().map(|entry| entry.1).collect(), ends: by_declared.starts };
        let mut pairs = Vec::new();
        for declared in by_atom.chunk_by(|a, b| a.0 == b.0) {
            let atom = declared[0].0;
            let range = candidates.ends[atom as usize] as usize..candidates.ends[atom as usize + 1] as usize;
            pairs.extend(candidates.items[range].iter().map(|package| (*package, atom)));
        }
        let by_rival = Groups::new(packages, pairs.iter().map(|pair| pair.0));
        let items = by_rival.positions.iter().map(|position| pairs[*position as usize].1).collect();
        (conflicts, Lists { items, ends: by_rival.starts }, declarers)
    }

    fn write_clauses(&self, w: &mut Writer, atom_place: &[u32]) {
        let builder = self.builder;
        let (packages, clauses) = (self.ordered.packages.len(), builder.clauses.len());
        let owner = |clause: &(u32, _, _)| match self.ordered.repeated[clause.0 as usize] {
            true => packages as u32,
            false => self.ordered.place[clause.0 as usize],
        };
        let by_package = Groups::new(packages, builder.clauses.iter().map(owner));
        let mut strong_ends = Vec::with_capacity(packages);
        let mut kinds = Vec::with_capacity(clauses);
        let mut alternatives = Lists::with_capacity(clauses, builder.clause_atoms.len());
        let mut list: Vec<u32> = Vec::new();
        for package in 0..packages as u32 {
            let kind = |at: u32| builder.clauses[at as usize].1;
            list.clear();
            list.extend_from_slice(by_package.of(package));
            if !list.is_sorted_by_key(|at| kind(*at)) {
                list.sort_by_key(|at| kind(*at));
            }
            let strong = list.iter().filter(|at| kind(**at).is_strong()).count();
            strong_ends.push((kinds.len() + strong) as u32);
            for at in &list {
                let (_, kind, start) = builder.clauses[*at as usize];
                let next = builder.clauses.get(*at as usize + 1);
                let end = next.map_or(builder.clause_atoms.len() as u32, |next| next.2);
                kinds.push(kind as u8);
                let atoms = &builder.clause_atoms[start as usize..end as usize];
                alternatives.items.extend(atoms.iter().map(|atom| atom_place[*atom as usize]));
                alternatives.close();
            }
        }
        w.ints(S::ClausesOf, &by_package.starts);
        w.ints(S::StrongEnd, &strong_ends);
        w.bytes(S::ClauseKind, &kinds);
        alternatives.write(w, S::ClauseAtomsOf, S::ClauseAtoms);
    }
}
