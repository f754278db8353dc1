//! The content of a package's regular files, and a package as writers of every format take it.

use std::fmt;
use std::io::{self, Read};

use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::translations::Translations;

/// Hands out the content of a manifest's regular files, from wherever it is.
pub trait Contents: Send + Sync {
    /// A stream of the content of the entry at `index`, which is a regular file.
    ///
    /// # Errors
    /// What opening it gives, or [`io::ErrorKind::NotFound`] where it is no regular file.
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>>;
}

/// Everything that a package is, for a writer.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// What it contains and declares.
    pub manifest: &'a Manifest,
    /// Its texts in other languages.
    pub translations: &'a Translations,
    /// The content of its foreign scripts, in the order of the manifest's `scripts`.
    pub scripts: &'a [Vec<u8>],
    /// The content of its regular files.
    pub contents: &'a dyn Contents,
}

impl Parts<'_> {
    /// Whether the scripts are those that the manifest tells of.
    pub(crate) fn has_told_scripts(&self) -> bool {
        let told = self.manifest.scripts.iter().map(|script| (script.size, script.digest));
        told.eq(self.scripts.iter().map(|content| (content.len() as u64, Digest::of(content))))
    }
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({} {})", self.manifest.name, self.manifest.full_version())
    }
}
