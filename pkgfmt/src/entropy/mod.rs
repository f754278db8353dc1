//! Binary packages of Entropy and of Portage: `.tbz2`.
//!
//! A packed tar, behind it Portage's metadata (an xpak), and behind that, in Entropy's packages, an SQLite database
//! that holds the one package. `trailer` finds the parts from the end of the file, `xpak` and `database` read
//! them, `record` knows Entropy's tables, `depend`, `expression`, `atom` and `relations` their dependencies, and `metadata`
//! makes a manifest of it all; `protect` tells which files are configuration, `contents` what their sums should be.
//!
//! The name of a package is `category/name`, as its users write it: two packages may share a name in two
//! categories. The payload has no list of its own that could be relied on (`CONTENTS` is missing from packages
//! that were never installed where they were made), so it is read once for its headers before it is read for its
//! content. bzip2 is usual; gzip, xz, zstd and no packing at all, which Portage can be told to use, are known by
//! their magic numbers. Nothing in a package is run: its ebuild, environment and triggers are kept as data.

mod atom;
mod contents;
mod database;
mod depend;
pub mod expression;
mod metadata;
mod protect;
mod record;
mod relations;
mod trailer;
mod xpak;

use std::collections::BTreeMap;

use crate::digest::Md5Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::package::{Draft, DraftNode, Format, Hashed, PayloadSink, Reader, Told};
use crate::path::PayloadPath;
use crate::payload::python::Python;
use crate::payload::{Compression, Reading, finish, scan};
use crate::source::Source;
use crate::translations::Translations;

use database::Database;
use protect::Protection;
use record::Record;
use xpak::Xpak;

/// What messages call the parts.
const XPAK: &str = "the xpak";
const DATABASE: &str = "the database";
const PAYLOAD: &str = "the payload";
/// What messages call the list of entries.
const LIST: &str = "the payload's first reading";

/// Where the magic word of a tar stands, and the word.
const TAR: (u64, &[u8]) = (257, b"ustar");

/// An opened package of Entropy or Portage.
#[derive(Debug)]
pub(crate) struct EntropyFile {
    source: Source,
    limits: Limits,
    /// Length of the payload, which starts the file.
    payload: u64,
    compression: Compression,
    protection: Protection,
    /// What the package says that it installed, or nothing.
    contents: Vec<u8>,
    /// The sum of its files' sizes that it declares.
    size: Option<u64>,
    listed: bool,
    draft: Draft,
    python: Python,
    translations: Translations,
    scripts: Vec<Vec<u8>>,
}

impl EntropyFile {
    /// Whether a file that begins with `head` may be such a package: it begins as a packed tar does.
    pub(crate) fn may_be(head: &[u8]) -> bool {
        Compression::of_magic(head) != Compression::None
            || head.get(TAR.0 as usize..).is_some_and(|rest| rest.starts_with(TAR.1))
    }

    /// Reads what the package in `source` says of itself, leaving the payload alone.
    pub(crate) fn open(source: Source, limits: &Limits) -> Result<EntropyFile, Problem> {
        let trailer = trailer::find(&source, limits)?;
        let compression = compression(&source, trailer.payload)?;
        let xpak = Xpak::read(&trailer.index, &trailer.data, limits)?;
        let record = match trailer.database {
            Some(place) => Some(Record::read(&Database::open(&source, place, limits)?)?),
            None => None,
        };
        let metadata = metadata::read(&xpak, record.as_ref(), limits)?;
        let protection = record.map(|record| Protection::new(&record.protect, &record.mask));
        Ok(EntropyFile {
            source,
            limits: limits.clone(),
            payload: trailer.payload,
            compression,
            protection: protection.unwrap_or_default(),
            contents: xpak.bytes(contents::NAME).to_vec(),
            size: xpak.text_or_empty("SIZE").trim().parse().ok(),
            listed: false,
            draft: Draft { manifest: metadata.manifest, entries: Vec::new() },
            python: Python::new(&[]),
            translations: Translations::default(),
            scripts: metadata.scripts,
        })
    }
}

impl EntropyFile {
    /// The sum of its files' sizes, as the xpak declares it.
    pub(crate) fn declared_size(&self) -> Option<u64> {
        self.size
    }
}

impl Reader for EntropyFile {
    fn format(&self) -> Format {
        Format::Entropy
    }

    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn translations(&self) -> &Translations {
        &self.translations
    }

    fn scripts(&self) -> &[Vec<u8>] {
        &self.scripts
    }

    fn list(&mut self) -> Result<(), Problem> {
        if self.listed {
            return Ok(());
        }
        let slice = self.source.slice(0, self.payload);
        let mut entries = scan(PAYLOAD, slice, self.payload, self.compression, &self.limits)?;
        for entry in &mut entries {
            entry.config = entry.node == Some(DraftNode::File) && self.protection.covers(&entry.path);
            // Portage once wrote the numbers of owner and group where their names belong.
            let number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            if entry.owner_names.as_ref().is_some_and(|(user, group)| number(user) && number(group)) {
                entry.owner_names = None;
            }
        }
        self.python = Python::new(&entries);
        self.draft.entries = entries;
        self.listed = true;
        Ok(())
    }

    fn md5sums(&self) -> Result<BTreeMap<PayloadPath, Md5Digest>, Problem> {
        contents::md5sums(&self.contents, &self.draft.entries)
    }

    fn read_part(&self, _part: usize, sink: &mut dyn PayloadSink) -> Result<Told, Problem> {
        let mut reading = Reading::new(&self.draft.entries, LIST, &self.python, &self.limits, sink);
        let slice = self.source.slice(0, self.payload);
        reading.archive(PAYLOAD, slice, self.payload, self.compression)?;
        reading.end().map(Told::Archive)
    }

    fn finish(&self, told: &Told, hashes: &[Option<Hashed>]) -> Result<Manifest, Problem> {
        finish::finish(&self.draft, LIST, &self.python, told, hashes)
    }
}

/// How the payload of that length is packed.
fn compression(source: &Source, length: u64) -> Result<Compression, Problem> {
    let mut head = vec![0; length.min(TAR.0 + TAR.1.len() as u64) as usize];
    source.read_exact_at(&mut head, 0).map_err(|error| Problem::from_stream(PAYLOAD, error))?;
    if !EntropyFile::may_be(&head) {
        return Err(Problem::damaged(PAYLOAD, "it is no tar, and not packed in a way that is known"));
    }
    Ok(Compression::of_magic(&head))
}
