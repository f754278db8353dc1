//! An opened package file of any format, and the way its payload is handed on.

use std::io::Read;
use std::path::Path;

use crate::digest::{Digest, Sha1Digest};
use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::path::PayloadPath;
use crate::pisi;
use crate::translations::Translations;

/// The container a package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Format {
    /// PiSi 1.0: the payload is in the zip itself, under `install/`.
    #[serde(rename = "pisi-1.0")]
    Pisi10,
    /// PiSi 1.1: the payload is `install.tar.lzma`.
    #[serde(rename = "pisi-1.1")]
    Pisi11,
    /// PiSi 1.2: the payload is `install.tar.xz` (or, as an extension, `.gz` or `.zst`).
    #[serde(rename = "pisi-1.2")]
    Pisi12,
}

impl Format {
    /// Every format that is read, in the order of their age.
    pub const ALL: [Format; 3] = [Format::Pisi10, Format::Pisi11, Format::Pisi12];

    /// Its name, for example `pisi-1.2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Pisi10 => "pisi-1.0",
            Format::Pisi11 => "pisi-1.1",
            Format::Pisi12 => "pisi-1.2",
        }
    }
}

/// What a package file says of itself before its payload is read.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The manifest without its entries.
    pub manifest: Manifest,
    /// What the file list promises, sorted by path, each path once.
    pub entries: Vec<DraftEntry>,
}

impl Draft {
    /// Sum of the sizes that the file list promises, in bytes.
    #[must_use]
    pub fn declared_size(&self) -> u64 {
        self.entries.iter().filter_map(|entry| entry.size).fold(0, u64::saturating_add)
    }
}

/// What a file list promises about one path. What kind of node it is only the payload tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftEntry {
    /// Where it goes.
    pub path: PayloadPath,
    /// Length in bytes (a symlink: of its target), where it is promised.
    pub size: Option<u64>,
    /// Permission bits, 0 to 0o7777, where they are promised.
    pub mode: Option<u16>,
    /// Numeric owner, where it is promised.
    pub uid: Option<u32>,
    /// Numeric group, where it is promised.
    pub gid: Option<u32>,
    /// SHA-1 of the content (a symlink: of its target), where it is promised.
    pub sha1: Option<Sha1Digest>,
    /// PiSi's `Type`, or empty.
    pub kind: String,
    /// Configuration.
    pub config: bool,
    /// Kept on upgrade.
    pub permanent: bool,
}

/// A regular file that the payload holds, as it is handed to a [`PayloadSink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Position in [`Draft::entries`].
    pub index: usize,
    /// Length in bytes, as the container's header declares it.
    pub size: u64,
    /// Declared modification time in seconds since 1970, where there is one.
    pub mtime: Option<i64>,
    /// The package has a compiled form of this Python source, so that its modification time may matter
    /// (see [`Entry::keep_mtime`](crate::manifest::Entry::keep_mtime)); the finished manifest tells.
    pub may_keep_mtime: bool,
}

/// The receiver asked the reader to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Takes the content of regular files as the payload streams past; each member comes once, and the other
/// names of a hard-link group do not come at all.
pub trait PayloadSink {
    /// A file of at most [`Limits::small_file`] bytes, whole.
    ///
    /// # Errors
    /// [`Stopped`] ends the reading with [`Problem::Stopped`](crate::Problem::Stopped).
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped>;

    /// A larger file, as a stream of exactly `member.size` bytes. When the stream returns an error the sink
    /// must return [`Stopped`]; the reader then reports what was wrong with the package.
    ///
    /// # Errors
    /// As [`small`](Self::small).
    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped>;
}

/// What a receiver found out about one file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3.
    pub digest: Digest,
    /// SHA-1; needed where the draft promises one.
    pub sha1: Option<Sha1Digest>,
}

/// What the container itself told about each entry, besides content: types, times, links.
#[derive(Debug)]
pub struct Payload(pub(crate) pisi::Payload);

/// An opened package file.
#[derive(Debug)]
pub struct PackageFile(pisi::PisiFile);

impl PackageFile {
    /// Opens a package file and reads what it says of itself, leaving the payload alone.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened, is of no known format, is damaged, breaks a rule or a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<PackageFile, Error> {
        // Opening a pipe would wait for somebody to write to it.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            let problem = Problem::NotAPackage("it is not a regular file".into());
            return Err(Error::new(path, problem));
        }
        pisi::PisiFile::open(path, limits).map(PackageFile)
    }

    /// The container's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.0.format()
    }

    /// What it says of itself.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        self.0.draft()
    }

    /// Its texts in other languages.
    #[must_use]
    pub fn translations(&self) -> &Translations {
        self.0.translations()
    }

    /// The content of its foreign scripts, in the order of the manifest's `scripts`.
    #[must_use]
    pub fn scripts(&self) -> &[Vec<u8>] {
        self.0.scripts()
    }

    /// Streams the payload into `sink`. May be called again, and from another thread.
    ///
    /// # Errors
    /// [`Error`] for damage, forbidden members, limits, or because the sink stopped.
    pub fn read_payload(&self, sink: &mut dyn PayloadSink) -> Result<Payload, Error> {
        self.0.read_payload(sink).map(Payload)
    }

    /// Makes the manifest: the draft, with what the container and the receiver found.
    ///
    /// `hashes` has one place for each entry of the draft; those of regular files that came as a [`Member`]
    /// must be filled.
    ///
    /// # Errors
    /// [`Error`] naming the first entry (in path order) whose content, size, mode or owner is not what the
    /// file list promises, or that is missing.
    pub fn finish(&self, payload: &Payload, hashes: &[Option<Hashed>]) -> Result<Manifest, Error> {
        self.0.finish(&payload.0, hashes)
    }
}
