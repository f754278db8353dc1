//! The objects of a manifest: its distinct contents, numbered by first appearance.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use crate::digest::Digest;
use crate::error::Problem;
use crate::manifest::{Manifest, Node};

/// One distinct content of one byte or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) digest: Digest,
    /// Length in bytes, never 0.
    pub(super) size: u64,
    /// Position of the first entry that has it.
    pub(super) entry: usize,
}

/// All objects of a manifest.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    list: Vec<Object>,
    numbers: HashMap<Digest, usize>,
}

impl Objects {
    /// The objects of `manifest`, which must agree with itself: one digest, one length.
    pub(super) fn of(manifest: &Manifest) -> Result<Objects, Problem> {
        let nothing = Digest::of(b"");
        let mut objects = Objects::default();
        for (position, entry) in manifest.entries.iter().enumerate() {
            let Node::File { size, digest } = entry.node else { continue };
            let wrong = |reason: &str| Err(Problem::damaged(&entry.path, reason));
            if (size == 0) != (digest == nothing) {
                return wrong("its size and its digest contradict each other");
            }
            if size == 0 {
                continue;
            }
            match objects.numbers.entry(digest) {
                Place::Vacant(place) => {
                    place.insert(objects.list.len());
                    objects.list.push(Object { digest, size, entry: position });
                }
                Place::Occupied(place) => {
                    if objects.list.get(*place.get()).is_some_and(|object| object.size != size) {
                        return wrong("an entry before it has the same digest and another size");
                    }
                }
            }
        }
        Ok(objects)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The object of that number.
    pub(super) fn get(&self, number: usize) -> Option<&Object> {
        self.list.get(number)
    }

    /// All, by number.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.list.iter()
    }

    /// The number of the object with that digest.
    pub(super) fn number(&self, digest: &Digest) -> Option<usize> {
        self.numbers.get(digest).copied()
    }
}
