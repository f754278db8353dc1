//! A universe's arrays, fetched once: each time costs more than to look into them.

use std::ops::Range;

use crate::key::meets;
use crate::layout::Section as S;
use crate::universe::Universe;

/// Where the list of `of` is.
pub(super) fn range(offsets: &[u32], of: u32) -> Range<usize> {
    offsets[of as usize] as usize..offsets[of as usize + 1] as usize
}

/// Someone who provides a name, and the stored fields it is provided with.
pub(super) struct Provider<'u> {
    pub(super) package: u32,
    pub(super) fields: &'u [u8],
}

/// What is needed to find out who meets an atom.
pub(super) struct View<'u> {
    packages_of: &'u [u32],
    fields_of: &'u [u32],
    fields: &'u [u8],
    providers_of: &'u [u32],
    providers: &'u [u32],
    provided_fields: &'u [u8],
    pub(super) atoms_of: &'u [u32],
    pub(super) atom_name: &'u [u32],
    atom_flags: &'u [u8],
    tests_of: &'u [u32],
    tests: &'u [u8],
    declarers_of: &'u [u32],
    declarers: &'u [u32],
}

impl<'u> View<'u> {
    pub(super) fn new(universe: &'u Universe) -> View<'u> {
        View {
            packages_of: universe.ints(S::PackagesOf),
            fields_of: universe.ints(S::FieldsOf),
            fields: universe.bytes(S::Fields),
            providers_of: universe.ints(S::ProvidersOf),
            providers: universe.ints(S::Providers),
            provided_fields: universe.bytes(S::ProvidedFields),
            atoms_of: universe.ints(S::AtomsOf),
            atom_name: universe.ints(S::AtomName),
            atom_flags: universe.bytes(S::AtomFlags),
            tests_of: universe.ints(S::AtomTestsOf),
            tests: universe.bytes(S::AtomTests),
            declarers_of: universe.ints(S::DeclarersOf),
            declarers: universe.ints(S::Declarers),
        }
    }

    pub(super) fn packages_of(&self, name: u32) -> Range<u32> {
        self.packages_of[name as usize]..self.packages_of[name as usize + 1]
    }

    /// Whether a package meets tests.
    pub(super) fn meets(&self, package: u32, tests: &[u8]) -> bool {
        tests.is_empty() || meets(tests, &self.fields[range(self.fields_of, package)])
    }

    /// Who provides a name.
    pub(super) fn providers(&self, name: u32) -> impl ExactSizeIterator<Item = Provider<'u>> + use<'u> {
        let span = range(self.providers_of, name);
        let fields = self.provided_fields;
        self.providers[span.start * 3..span.end * 3].chunks_exact(3).map(move |entry| Provider {
            package: entry[0],
            fields: &fields[entry[1] as usize..entry[2] as usize],
        })
    }

    pub(super) fn tests(&self, atom: u32) -> &'u [u8] {
        &self.tests[range(self.tests_of, atom)]
    }

    /// Whether only packages of the atom's name count.
    pub(super) fn by_name(&self, atom: u32) -> bool {
        self.atom_flags[atom as usize] != 0
    }

    /// The packages that have an atom among their conflicts.
    pub(super) fn declarers(&self, atom: u32) -> &'u [u32] {
        &self.declarers[range(self.declarers_of, atom)]
    }
}
