//! Texts and atoms kept once each. Hashes decide only where things are looked for, never in which order they are
//! written.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts by number.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Texts {
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let Texts { bytes, ends, table, hasher } = self;
        let hash = |text: &[u8]| hasher.hash_one(text);
        let entry = table.entry(
            hash(text.as_bytes()),
            |id| slice(bytes, ends, *id) == text.as_bytes(),
            |id| hash(slice(bytes, ends, *id)),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_table::Entry::Vacant(place) => {
                let id = ends.len() as u32;
                place.insert(id);
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len() as u32);
                id
            }
        }
    }

    pub(super) fn get(&self, id: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, id)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn slice<'a>(bytes: &'a [u8], ends: &[u32], id: u32) -> &'a [u8] {
    let start = if id == 0 { 0 } else { ends[id as usize - 1] as usize };
    &bytes[start..ends[id as usize] as usize]
}

/// An atom: a name, whether only packages of that name count, tests, and how it is written.
pub(super) struct Atom {
    pub(super) name: u32,
    pub(super) by_name: bool,
    tests: (u32, u32),
    text: (u32, u32),
}

/// Atoms by number.
#[derive(Default)]
pub(super) struct AtomTable {
    pub(super) atoms: Vec<Atom>,
    pub(super) blob: Vec<u8>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl AtomTable {
    pub(super) fn intern(&mut self, name: u32, by_name: bool, tests: &[u8], text: &str) -> u32 {
        let AtomTable { atoms, blob, table, hasher } = self;
        let entry = table.entry(
            hasher.hash_one((name, by_name, tests)),
            |id| {
                let atom = &atoms[*id as usize];
                atom.name == name && atom.by_name == by_name && part(blob, atom.tests) == tests
            },
            |id| {
                let atom = &atoms[*id as usize];
                hasher.hash_one((atom.name, atom.by_name, part(blob, atom.tests)))
            },
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(known) => {
                let id = *known.get();
                let atom = &mut atoms[id as usize];
                // Written in two ways: which of them comes first must not matter.
                if text.as_bytes() < part(blob, atom.text) {
                    atom.text = push(blob, text.as_bytes());
                }
                id
            }
            hashbrown::hash_table::Entry::Vacant(place) => {
                let id = atoms.len() as u32;
                place.insert(id);
                let tests = push(blob, tests);
                let text = push(blob, text.as_bytes());
                atoms.push(Atom { name, by_name, tests, text });
                id
            }
        }
    }

    pub(super) fn tests(&self, id: u32) -> &[u8] {
        part(&self.blob, self.atoms[id as usize].tests)
    }

    pub(super) fn text(&self, id: u32) -> &[u8] {
        part(&self.blob, self.atoms[id as usize].text)
    }
}

fn push(blob: &mut Vec<u8>, bytes: &[u8]) -> (u32, u32) {
    let start = blob.len() as u32;
    blob.extend_from_slice(bytes);
    (start, blob.len() as u32)
}

pub(super) fn part(blob: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &blob[start as usize..end as usize]
}
