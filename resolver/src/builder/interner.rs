//! Texts and atoms kept once each. Hashes decide only where things are looked for, never in which order they are
//! written.

use std::hash::{BuildHasher, Hash};

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

/// Numbers of things that are kept elsewhere, found by hash. The hash stands beside each number, so that neither a
/// near miss nor a table that grows looks at the things themselves.
#[derive(Default)]
struct Numbers {
    table: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
}

impl Numbers {
    fn hash(&self, of: impl Hash) -> u32 {
        self.hasher.hash_one(of) as u32
    }

    /// The number that has this hash and is the `same`; or `next`, from now on.
    fn find(&mut self, hash: u32, same: impl Fn(u32) -> bool, next: u32) -> u32 {
        let found = self.table.entry(
            spread(hash),
            |(known, number)| *known == hash && same(*number),
            |(hash, _)| spread(*hash),
        );
        match found {
            Entry::Occupied(known) => known.get().1,
            Entry::Vacant(place) => {
                place.insert((hash, next));
                next
            }
        }
    }

    fn reserve(&mut self, more: usize) {
        self.table.reserve(more, |(hash, _)| spread(*hash));
    }
}

/// The table looks at the first bits of a hash and at the last ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Texts by number.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    ends: Vec<u32>,
    numbers: Numbers,
}

impl Texts {
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let Texts { bytes, ends, numbers } = self;
        let next = ends.len() as u32;
        let hash = numbers.hash(text.as_bytes());
        let id = numbers.find(hash, |id| slice(bytes, ends, id) == text.as_bytes(), next);
        if id == next {
            bytes.extend_from_slice(text.as_bytes());
            ends.push(bytes.len() as u32);
        }
        id
    }

    pub(super) fn get(&self, id: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, id)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Makes room for so many more texts.
    pub(super) fn reserve(&mut self, more: usize) {
        self.numbers.reserve(more);
        self.ends.reserve(more);
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
    numbers: Numbers,
}

impl AtomTable {
    pub(super) fn intern(&mut self, name: u32, by_name: bool, tests: &[u8], text: &str) -> u32 {
        let AtomTable { atoms, blob, numbers } = self;
        let next = atoms.len() as u32;
        let same = |id: u32| {
            let atom = &atoms[id as usize];
            atom.name == name && atom.by_name == by_name && part(blob, atom.tests) == tests
        };
        let id = numbers.find(numbers.hash((name, by_name, tests)), same, next);
        if id == next {
            let tests = push(blob, tests);
            let text = push(blob, text.as_bytes());
            atoms.push(Atom { name, by_name, tests, text });
        } else {
            let atom = &mut atoms[id as usize];
            // Written in two ways: which of them comes first must not matter.
            if text.as_bytes() < part(blob, atom.text) {
                atom.text = push(blob, text.as_bytes());
            }
        }
        id
    }

    pub(super) fn tests(&self, id: u32) -> &[u8] {
        part(&self.blob, self.atoms[id as usize].tests)
    }

    pub(super) fn text(&self, id: u32) -> &[u8] {
        part(&self.blob, self.atoms[id as usize].text)
    }

    /// Makes room for so many more atoms.
    pub(super) fn reserve(&mut self, more: usize) {
        self.numbers.reserve(more);
        self.atoms.reserve(more);
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
