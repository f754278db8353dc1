//! From what a builder holds to sections in canonical order.

use std::cmp::{Ordering, Reverse};

use super::interner::{Texts, part};
use super::{Builder, Package, TooLarge};
use crate::key::meets;
use crate::layout::{MOST, Section as S, Writer};

/// Lists put one after another.
#[derive(Default)]
struct Lists {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn new() -> Lists {
        Lists { ends: vec![0], items: Vec::new() }
    }

    fn close(&mut self) {
        self.ends.push(self.items.len() as u32);
    }

    fn write(&self, writer: &mut Writer, offsets: S, items: S) {
        writer.ints(offsets, &self.ends);
        writer.ints(items, &self.items);
    }
}

/// Byte strings put one after another.
fn write_blobs<'a>(writer: &mut Writer, offsets: S, bytes: S, blobs: impl Iterator<Item = &'a [u8]>) {
    let (mut ends, mut all) = (vec![0_u32], Vec::new());
    for blob in blobs {
        all.extend_from_slice(blob);
        ends.push(all.len() as u32);
    }
    writer.ints(offsets, &ends);
    writer.bytes(bytes, &all);
}

/// Ids in the order of `compare`, and the place of each id in that order.
fn sorted(count: usize, mut compare: impl FnMut(u32, u32) -> Ordering) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    let mut place = vec![0; count];
    for (position, id) in order.iter().enumerate() {
        place[*id as usize] = position as u32;
    }
    (order, place)
}

/// Texts in byte order; the first eight bytes decide most comparisons without looking at the text.
fn sorted_texts(texts: &Texts) -> (Vec<u32>, Vec<u32>) {
    let heads: Vec<u64> = (0..texts.len() as u32)
        .map(|id| {
            let mut head = [0; 8];
            let text = texts.get(id);
            let length = text.len().min(8);
            head[..length].copy_from_slice(&text[..length]);
            u64::from_be_bytes(head)
        })
        .collect();
    sorted(texts.len(), |a, b| {
        heads[a as usize].cmp(&heads[b as usize]).then_with(|| texts.get(a).cmp(texts.get(b)))
    })
}

/// Groups `items` by their first part, keeping their order within it: the starts of `count` groups, and positions.
fn grouped(count: usize, owners: impl Iterator<Item = u32> + Clone) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; count + 1];
    for owner in owners.clone() {
        starts[owner as usize + 1] += 1;
    }
    for position in 0..count {
        starts[position + 1] += starts[position];
    }
    let mut next = starts.clone();
    let mut positions = vec![0; starts[count] as usize];
    for (position, owner) in owners.enumerate() {
        positions[next[owner as usize] as usize] = position as u32;
        next[owner as usize] += 1;
    }
    (starts, positions)
}

fn group(grouped: &(Vec<u32>, Vec<u32>), owner: u32) -> &[u32] {
    &grouped.1[grouped.0[owner as usize] as usize..grouped.0[owner as usize + 1] as usize]
}

pub(super) fn compile(mut builder: Builder) -> Result<Vec<u8>, TooLarge> {
    let counts = [
        builder.names.len(),
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
    let (name_order, name_place) = sorted_texts(&builder.names);
    for package in &mut builder.packages {
        package.name = name_place[package.name as usize];
    }
    let (string_order, string_place) = sorted_texts(&builder.strings);
    let ordered = Ordered::new(&builder, &string_place);
    Compiler { builder: &builder, name_order, name_place, string_order, string_place, ordered }.write()
}

/// Packages in canonical order, each once.
struct Ordered {
    /// Builder's number of each.
    packages: Vec<u32>,
    /// Where each of the builder's packages is; one that stands twice is where the first is.
    place: Vec<u32>,
    /// Whether a builder's package is one that stands already.
    repeated: Vec<bool>,
}

impl Ordered {
    fn new(builder: &Builder, string_place: &[u32]) -> Ordered {
        let blob = &builder.blob;
        let repository = |package: &Package| {
            let (name, priority) = builder.repositories[package.repository as usize];
            (Reverse(priority), string_place[name as usize])
        };
        let compare = |a: &Package, b: &Package| {
            let text = |id: u32| string_place[id as usize];
            (a.name.cmp(&b.name))
                .then_with(|| part(blob, b.rank).cmp(part(blob, a.rank)))
                .then_with(|| text(a.slot).cmp(&text(b.slot)))
                .then_with(|| text(a.arch).cmp(&text(b.arch)))
                .then_with(|| repository(a).cmp(&repository(b)))
                .then_with(|| part(blob, a.version).cmp(part(blob, b.version)))
                .then_with(|| a.identity.cmp(&b.identity))
        };
        let packages = &builder.packages;
        let (order, _) = sorted(packages.len(), |a, b| compare(&packages[a as usize], &packages[b as usize]));
        let mut ordered = Ordered {
            packages: Vec::new(),
            place: vec![0; packages.len()],
            repeated: vec![false; packages.len()],
        };
        for id in order {
            let same = ordered.packages.last().is_some_and(|last| {
                compare(&packages[*last as usize], &packages[id as usize]) == Ordering::Equal
            });
            if !same {
                ordered.packages.push(id);
            }
            ordered.repeated[id as usize] = same;
            ordered.place[id as usize] = ordered.packages.len() as u32 - 1;
        }
        ordered
    }
}

struct Compiler<'b> {
    builder: &'b Builder,
    name_order: Vec<u32>,
    name_place: Vec<u32>,
    string_order: Vec<u32>,
    string_place: Vec<u32>,
    ordered: Ordered,
}

/// A provider: package, and where the fields are that it is provided with.
type Provider = (u32, (u32, u32));

impl Compiler<'_> {
    fn packages(&self) -> impl Iterator<Item = &Package> {
        self.ordered.packages.iter().map(|id| &self.builder.packages[*id as usize])
    }

    fn write(&self) -> Result<Vec<u8>, TooLarge> {
        let builder = self.builder;
        let names = self.name_order.len();
        let packages_of = {
            let mut starts = vec![0_u32; names + 1];
            self.packages().for_each(|package| starts[package.name as usize + 1] += 1);
            (0..names).for_each(|name| starts[name + 1] += starts[name]);
            starts
        };
        let atoms = &builder.atoms;
        let (atom_order, atom_place) = sorted(atoms.atoms.len(), |a, b| {
            let key = |id: u32| {
                let atom = &atoms.atoms[id as usize];
                (self.name_place[atom.name as usize], atom.by_name)
            };
            key(a).cmp(&key(b)).then_with(|| atoms.tests(a).cmp(atoms.tests(b)))
        });
        let name_of = |atom: u32| self.name_place[atoms.atoms[atom as usize].name as usize];
        let atoms_of = {
            let mut starts = vec![0_u32; names + 1];
            atom_order.iter().for_each(|atom| starts[name_of(*atom) as usize + 1] += 1);
            (0..names).for_each(|name| starts[name + 1] += starts[name]);
            starts
        };
        let provides = self.provides();
        let mut provided_fields = Vec::new();
        let mut provides_of = Lists::new();
        let mut providers_at: Vec<(u32, u32, u32, Provider)> = Vec::new();
        for (package, list) in provides.iter().enumerate() {
            for (name, fields) in list {
                let start = provided_fields.len() as u32;
                provided_fields.extend_from_slice(part(&builder.blob, *fields));
                let end = provided_fields.len() as u32;
                provides_of.items.extend([*name, start, end]);
                providers_at.push((*name, start, end, (package as u32, *fields)));
            }
            provides_of.ends.push(provides_of.items.len() as u32 / 3);
        }
        let by_name = grouped(names, providers_at.iter().map(|provider| provider.0));
        let mut providers = Lists::new();
        let mut provider_lists: Vec<Vec<Provider>> = Vec::with_capacity(names);
        for name in 0..names as u32 {
            let mut list: Vec<_> =
                group(&by_name, name).iter().map(|at| providers_at[*at as usize]).collect();
            list.sort_by(|a, b| self.preferred(a.3, b.3));
            for (_, start, end, (package, _)) in &list {
                providers.items.extend([*package, *start, *end]);
            }
            providers.ends.push(providers.items.len() as u32 / 3);
            provider_lists.push(list.into_iter().map(|provider| provider.3).collect());
        }
        let candidates = self.candidates(&atom_order, &packages_of, &provider_lists);
        let (conflicts, rivals, declarers) = self.conflicts(&atom_place, &candidates);

        let mut w = Writer::new();
        write_blobs(
            &mut w,
            S::NameTextOf,
            S::NameText,
            self.name_order.iter().map(|id| builder.names.get(*id)),
        );
        w.ints(S::PackagesOf, &packages_of);
        w.ints(S::AtomsOf, &atoms_of);
        providers.write(&mut w, S::ProvidersOf, S::Providers);
        let strings = self.string_order.iter().map(|id| builder.strings.get(*id));
        write_blobs(&mut w, S::StringTextOf, S::StringText, strings);
        let (repository_order, repository_place) = self.repositories();
        let pairs = repository_order.iter().flat_map(|id| {
            let (name, priority) = builder.repositories[*id as usize];
            [self.string_place[name as usize], priority.cast_unsigned()]
        });
        w.ints(S::Repositories, &pairs.collect::<Vec<u32>>());
        let column = |of: &dyn Fn(&Package) -> u32| self.packages().map(of).collect::<Vec<u32>>();
        w.ints(S::PackageName, &column(&|package| package.name));
        w.ints(S::PackageArch, &column(&|package| self.string_place[package.arch as usize]));
        w.ints(S::PackageSlot, &column(&|package| self.string_place[package.slot as usize]));
        w.ints(S::PackageRepository, &column(&|package| repository_place[package.repository as usize]));
        w.ints(S::PackageFlags, &column(&|package| package.flags));
        let blob = &builder.blob;
        write_blobs(
            &mut w,
            S::VersionTextOf,
            S::VersionText,
            self.packages().map(|one| part(blob, one.version)),
        );
        write_blobs(&mut w, S::RankOf, S::Rank, self.packages().map(|package| part(blob, package.rank)));
        write_blobs(
            &mut w,
            S::FieldsOf,
            S::Fields,
            self.packages().map(|package| part(blob, package.fields)),
        );
        let identities: Vec<u8> = self.packages().flat_map(|package| package.identity).collect();
        w.bytes(S::Identity, &identities);
        provides_of.write(&mut w, S::ProvidesOf, S::Provides);
        w.bytes(S::ProvidedFields, &provided_fields);
        self.write_clauses(&mut w, &atom_place);
        conflicts.write(&mut w, S::ConflictsOf, S::Conflicts);
        rivals.write(&mut w, S::RivalAtomsOf, S::RivalAtoms);
        declarers.write(&mut w, S::DeclarersOf, S::Declarers);
        w.ints(S::AtomName, &atom_order.iter().map(|atom| name_of(*atom)).collect::<Vec<u32>>());
        let by_name = |atom: &u32| u8::from(atoms.atoms[*atom as usize].by_name);
        w.bytes(S::AtomFlags, &atom_order.iter().map(by_name).collect::<Vec<u8>>());
        write_blobs(&mut w, S::AtomTestsOf, S::AtomTests, atom_order.iter().map(|atom| atoms.tests(*atom)));
        write_blobs(&mut w, S::AtomTextOf, S::AtomText, atom_order.iter().map(|atom| atoms.text(*atom)));
        candidates.write(&mut w, S::CandidatesOf, S::Candidates);
        Ok(w.finish())
    }

    fn repositories(&self) -> (Vec<u32>, Vec<u32>) {
        let all = &self.builder.repositories;
        sorted(all.len(), |a, b| {
            let key = |id: u32| (self.string_place[all[id as usize].0 as usize], Reverse(all[id as usize].1));
            key(a).cmp(&key(b))
        })
    }

    /// What each package provides beside its own name, in the package's order.
    fn provides(&self) -> Vec<Vec<(u32, (u32, u32))>> {
        let builder = self.builder;
        let mut provides = vec![Vec::new(); self.ordered.packages.len()];
        for (package, name, fields) in &builder.provides {
            if self.ordered.repeated[*package as usize] {
                continue;
            }
            let own = &builder.packages[*package as usize];
            let name = self.name_place[*name as usize];
            // rpm writes out that a package provides itself.
            if name == own.name && part(&builder.blob, *fields) == part(&builder.blob, own.fields) {
                continue;
            }
            provides[self.ordered.place[*package as usize] as usize].push((name, *fields));
        }
        provides
    }

    /// Of two providers of a name: the higher provided version, the higher priority, the order of ids.
    fn preferred(&self, a: Provider, b: Provider) -> Ordering {
        let blob = &self.builder.blob;
        let priority = |provider: Provider| {
            let package = &self.builder.packages[self.ordered.packages[provider.0 as usize] as usize];
            self.builder.repositories[package.repository as usize].1
        };
        let key = |provider: Provider| part(blob, provider.1).get(4..).unwrap_or_default();
        (key(b).cmp(key(a))).then_with(|| priority(b).cmp(&priority(a))).then_with(|| a.0.cmp(&b.0))
    }

    /// The packages that meet each atom: those of the name newest first, then those that provide it.
    fn candidates(&self, atom_order: &[u32], packages_of: &[u32], providers: &[Vec<Provider>]) -> Lists {
        let (builder, mut candidates) = (self.builder, Lists::new());
        for atom in atom_order {
            let data = &builder.atoms.atoms[*atom as usize];
            let tests = builder.atoms.tests(*atom);
            let name = self.name_place[data.name as usize] as usize;
            let start = candidates.items.len();
            for package in packages_of[name]..packages_of[name + 1] {
                let fields = builder.packages[self.ordered.packages[package as usize] as usize].fields;
                if meets(tests, part(&builder.blob, fields)) {
                    candidates.items.push(package);
                }
            }
            let own = packages_of[name]..packages_of[name + 1];
            if !data.by_name {
                for (package, fields) in &providers[name] {
                    let again = || {
                        let found = &candidates.items[start..];
                        if own.contains(package) {
                            found.contains(package)
                        } else {
                            found.last() == Some(package)
                        }
                    };
                    if meets(tests, part(&builder.blob, *fields)) && !again() {
                        candidates.items.push(*package);
                    }
                }
            }
            candidates.close();
        }
        candidates
    }

    /// Conflicts of each package, the conflict atoms that each package is a candidate of, and who declares each.
    fn conflicts(&self, atom_place: &[u32], candidates: &Lists) -> (Lists, Lists, Lists) {
        let builder = self.builder;
        let declared = || {
            let own = builder.conflicts.iter().filter(|entry| !self.ordered.repeated[entry.0 as usize]);
            own.map(|(package, atom, obsoletes)| {
                (self.ordered.place[*package as usize], atom_place[*atom as usize], *obsoletes)
            })
        };
        let by_package = grouped(self.ordered.packages.len(), declared().map(|entry| entry.0));
        let entries: Vec<_> = declared().collect();
        let (mut conflicts, mut declarers) = (Lists::new(), Lists::new());
        for package in 0..self.ordered.packages.len() as u32 {
            for position in group(&by_package, package) {
                let (_, atom, obsoletes) = entries[*position as usize];
                conflicts.items.push(atom | obsoletes);
            }
            conflicts.close();
        }
        let atoms = atom_place.len();
        let mut by_atom: Vec<(u32, u32)> = entries.iter().map(|entry| (entry.1, entry.0)).collect();
        by_atom.sort_unstable();
        by_atom.dedup();
        let mut used = vec![false; atoms];
        let mut next = 0;
        for atom in 0..atoms as u32 {
            while let Some((_, package)) = by_atom.get(next).filter(|entry| entry.0 == atom) {
                declarers.items.push(*package);
                used[atom as usize] = true;
                next += 1;
            }
            declarers.close();
        }
        let pairs = || {
            (0..atoms).filter(|atom| used[*atom]).flat_map(|atom| {
                let range = candidates.ends[atom] as usize..candidates.ends[atom + 1] as usize;
                candidates.items[range].iter().map(move |package| (*package, atom as u32))
            })
        };
        let atoms_by_pair: Vec<u32> = pairs().map(|pair| pair.1).collect();
        let (ends, positions) =
            grouped(self.ordered.packages.len(), pairs().map(|pair| pair.0).collect::<Vec<_>>().into_iter());
        let items = positions.iter().map(|position| atoms_by_pair[*position as usize]).collect();
        (conflicts, Lists { ends, items }, declarers)
    }

    fn write_clauses(&self, w: &mut Writer, atom_place: &[u32]) {
        let builder = self.builder;
        let packages = self.ordered.packages.len();
        let own: Vec<usize> = (0..builder.clauses.len())
            .filter(|at| !self.ordered.repeated[builder.clauses[*at].0 as usize])
            .collect();
        let place = |at: &usize| self.ordered.place[builder.clauses[*at].0 as usize];
        let by_package = grouped(packages, own.iter().map(place));
        let (mut strong_ends, mut kinds, mut alternatives) =
            (Vec::with_capacity(packages), Vec::new(), Lists::new());
        for package in 0..packages as u32 {
            let mut list: Vec<usize> =
                group(&by_package, package).iter().map(|at| own[*at as usize]).collect();
            list.sort_by_key(|at| builder.clauses[*at].1);
            let strong = list.iter().filter(|at| builder.clauses[**at].1.is_strong()).count();
            strong_ends.push((kinds.len() + strong) as u32);
            for at in list {
                let (_, kind, start) = builder.clauses[at];
                let end =
                    builder.clauses.get(at + 1).map_or(builder.clause_atoms.len() as u32, |next| next.2);
                kinds.push(kind as u8);
                let atoms = &builder.clause_atoms[start as usize..end as usize];
                alternatives.items.extend(atoms.iter().map(|atom| atom_place[*atom as usize]));
                alternatives.close();
            }
        }
        w.ints(S::ClausesOf, &by_package.0);
        w.ints(S::StrongEnd, &strong_ends);
        w.bytes(S::ClauseKind, &kinds);
        alternatives.write(w, S::ClauseAtomsOf, S::ClauseAtoms);
    }
}
