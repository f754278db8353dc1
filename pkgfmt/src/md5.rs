//! Checking the MD5 sums that some formats carry.
//!
//! They say nothing that a manifest's digests do not say better, so reading a package does not compute them.
//! Whoever wants to know whether a package agrees with its own list puts a check around the receiver of its
//! payload:
//!
//! ```no_run
//! # use ambar_pkgfmt::{Hashed, PackageFile, PayloadSink};
//! # fn f(package: &PackageFile, sink: &mut dyn PayloadSink, hashes: &[Option<Hashed>])
//! # -> Result<(), ambar_pkgfmt::Error> {
//! let mut check = package.md5_check()?;
//! let payload = package.read_payload(&mut check.around(sink))?;
//! let manifest = package.finish(&payload, hashes)?;
//! let checked = check.finish(&manifest)?;
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use md5::Digest as _;

use crate::digest::{Digest, Hashing, Md5Digest};
use crate::error::{Error, Problem};
use crate::manifest::{Manifest, Node};
use crate::package::{Member, PayloadSink, Stopped};
use crate::path::PayloadPath;

/// The MD5 sums that a package lists, and those of what it holds.
#[derive(Debug)]
pub struct Md5Check {
    file: PathBuf,
    listed: BTreeMap<PayloadPath, Md5Digest>,
    /// By position in the draft's entries.
    found: HashMap<usize, Md5Digest>,
}

impl Md5Check {
    /// A check of the package `file` against what it lists.
    pub(crate) fn new(file: &Path, listed: BTreeMap<PayloadPath, Md5Digest>) -> Md5Check {
        Md5Check { file: file.into(), listed, found: HashMap::new() }
    }

    /// How many paths the package lists; 0 when it has no list.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.listed.len()
    }

    /// A receiver that computes MD5 sums of what it hands on to `sink`.
    pub fn around<'a>(&'a mut self, sink: &'a mut dyn PayloadSink) -> impl PayloadSink + 'a {
        Around { complete: !self.listed.is_empty(), found: &mut self.found, sink }
    }

    /// Compares; returns how many files were checked.
    ///
    /// # Errors
    /// [`Error`] naming the first path, in path order, whose content is not what the list promises, that is no
    /// regular file, or that the package does not hold.
    pub fn finish(self, manifest: &Manifest) -> Result<usize, Error> {
        // Other names of a hard-link group did not come; their content did.
        let mut by_content: HashMap<Digest, Md5Digest> = HashMap::new();
        for (index, entry) in manifest.entries.iter().enumerate() {
            if let (Node::File { digest, .. }, Some(md5)) = (&entry.node, self.found.get(&index)) {
                by_content.insert(*digest, *md5);
            }
        }
        for (path, listed) in &self.listed {
            let damaged = |reason: &dyn std::fmt::Display| {
                Err(Error::new(&self.file, Problem::damaged(path, format_args!("{reason}"))))
            };
            let found = manifest.entries.binary_search_by(|entry| entry.path.cmp(path)).ok();
            match found.and_then(|index| manifest.entries.get(index)).map(|entry| &entry.node) {
                None => return damaged(&"its MD5 sum is listed, and the package does not hold it"),
                Some(Node::File { digest, .. }) => match by_content.get(digest) {
                    Some(found) if found == listed => {}
                    Some(found) => {
                        return damaged(&format_args!("its MD5 sum is {found}, the list promises {listed}"));
                    }
                    None => return damaged(&"its MD5 sum was not computed"),
                },
                Some(_) => return damaged(&"its MD5 sum is listed, and it is no regular file"),
            }
        }
        Ok(self.listed.len())
    }
}

struct Around<'a> {
    /// All content is needed, whatever the sink wants.
    complete: bool,
    found: &'a mut HashMap<usize, Md5Digest>,
    sink: &'a mut dyn PayloadSink,
}

impl PayloadSink for Around<'_> {
    fn wants(&mut self, index: usize, digest: &Digest) -> bool {
        self.sink.wants(index, digest) || self.complete
    }

    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        self.found.insert(member.index, Md5Digest(md5::Md5::digest(&content).into()));
        self.sink.small(member, content)
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let mut hashing = Hashing { content, hash: md5::Md5::new() };
        self.sink.large(member, &mut hashing)?;
        // The receiver may have left a rest.
        io::copy(&mut hashing, &mut io::sink()).map_err(|_| Stopped)?;
        self.found.insert(member.index, Md5Digest(hashing.hash.finalize().into()));
        Ok(())
    }
}
