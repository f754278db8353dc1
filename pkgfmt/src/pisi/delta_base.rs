//! Which entry of the base an entry is that a delta does not carry.
//!
//! files.xml gives the SHA-1 of each content, and no node types. An entry is found in the base by that hash:
//!
//! 1. the entry at the same path, when its hash is the one promised;
//! 2. else, for a mode of 0777, which all symlinks have, the first symlink with that hash;
//! 3. else the first regular file with it: the file was moved.
//!
//! An entry without a hash is a directory, and one of the base at the same path will do. Where a symlink's
//! target and a file's content are the same bytes, the mode is all that tells them apart.

use std::collections::{HashMap, HashSet};

use crate::digest::{Digest, Sha1Digest};
use crate::error::Problem;
use crate::manifest::{Entry, Manifest, Node};
use crate::package::DraftEntry;
use crate::path::Shown;

/// The hashes of a file of the base that is read because nobody knows them.
pub(super) type OnDemand<'a> = dyn FnMut(usize) -> Result<(Digest, Sha1Digest), Problem> + 'a;

/// The entries of a base by what they hold.
#[derive(Debug)]
pub(super) struct BaseIndex {
    /// SHA-1 of each entry's content or target, as far as it is known.
    sha1s: Vec<Option<Sha1Digest>>,
    /// The first regular file with each SHA-1.
    files: HashMap<Sha1Digest, usize>,
    /// The first symlink with each SHA-1.
    links: HashMap<Sha1Digest, usize>,
    /// Regular files whose SHA-1 is not known, by size.
    unknown: HashMap<u64, Vec<usize>>,
    /// Regular files whose content is not what the base's manifest says.
    edited: HashSet<usize>,
}

impl BaseIndex {
    /// An index of the base's entries; `sha1s` are those of its regular files, where they are known.
    pub(super) fn new(base: &Manifest, sha1s: &[Option<Sha1Digest>]) -> BaseIndex {
        let mut index = BaseIndex {
            sha1s: vec![None; base.entries.len()],
            files: HashMap::new(),
            links: HashMap::new(),
            unknown: HashMap::new(),
            edited: HashSet::new(),
        };
        for (position, entry) in base.entries.iter().enumerate() {
            match (&entry.node, sha1s.get(position).copied().flatten()) {
                (Node::Directory, _) => {}
                (Node::Symlink { target }, _) => index.add(position, Sha1Digest::of(target), true),
                (Node::File { .. }, Some(sha1)) => index.add(position, sha1, false),
                (Node::File { size, .. }, None) => index.unknown.entry(*size).or_default().push(position),
            }
        }
        index
    }

    fn add(&mut self, position: usize, sha1: Sha1Digest, link: bool) {
        if let Some(known) = self.sha1s.get_mut(position) {
            *known = Some(sha1);
        }
        let first = if link { &mut self.links } else { &mut self.files };
        let first = first.entry(sha1).or_insert(position);
        *first = position.min(*first);
    }

    /// The position in `base` of what `promised` is.
    pub(super) fn find(
        &mut self,
        base: &Manifest,
        promised: &DraftEntry,
        hash: &mut OnDemand<'_>,
    ) -> Result<usize, Problem> {
        let same_path = base.entries.binary_search_by(|entry| entry.path.cmp(&promised.path)).ok();
        let Some(sha1) = promised.sha1 else {
            let directory = |&index: &usize| base.entries[index].node == Node::Directory;
            let found = same_path.filter(directory).filter(|_| promised.size.unwrap_or(0) == 0);
            return found.ok_or_else(|| {
                let reason = "the delta does not hold it, and no hash says which file of the base it is";
                Problem::damaged(&promised.path, reason)
            });
        };
        if let Some(size) = promised.size {
            self.learn(base, size, hash);
        }
        let fits = |&index: &usize| base.entries.get(index).is_some_and(|entry| fits(entry, promised));
        let as_promised = same_path.filter(|&index| self.sha1s.get(index) == Some(&Some(sha1)));
        let first = [as_promised, self.links.get(&sha1).copied(), self.files.get(&sha1).copied()];
        first.into_iter().flatten().find(fits).ok_or_else(|| {
            let edited = same_path.filter(|index| self.edited.contains(index));
            match edited.and_then(|index| base.entries.get(index)) {
                Some(entry) => changed(entry),
                None => {
                    let reason = "neither the delta nor its base has the content that it promises";
                    Problem::damaged(&promised.path, reason)
                }
            }
        })
    }

    /// Reads the files of that size whose hash is not known.
    fn learn(&mut self, base: &Manifest, size: u64, hash: &mut OnDemand<'_>) {
        for position in self.unknown.remove(&size).unwrap_or_default() {
            let Some(Entry { node: Node::File { digest, .. }, .. }) = base.entries.get(position) else {
                continue;
            };
            match hash(position) {
                Ok((found, sha1)) if found == *digest => self.add(position, sha1, false),
                _ => {
                    self.edited.insert(position);
                }
            }
        }
    }
}

/// A file of the base is not what it was when it was installed.
pub(super) fn changed(entry: &Entry) -> Problem {
    Problem::BaseChanged { path: Shown(entry.path.as_bytes()).to_string() }
}

/// Whether an entry of the base can be what is promised, hashes aside.
fn fits(entry: &Entry, promised: &DraftEntry) -> bool {
    let size = match &entry.node {
        Node::Directory => return false,
        Node::File { size, .. } => *size,
        // A symlink's mode is always 0777.
        Node::Symlink { .. } if promised.mode.is_some_and(|mode| mode != 0o777) => return false,
        Node::Symlink { target } => target.len() as u64,
    };
    promised.size.is_none_or(|promised| promised == size)
}
