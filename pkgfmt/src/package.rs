//! An opened package file of any format, and the way its payload is handed on.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::contents::Contents;
use crate::deb::{self, DebFile};
use crate::digest::{Digest, Md5Digest, PackageId, Sha1Digest};
use crate::entropy::EntropyFile;
use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::md5::Md5Check;
use crate::native::{self, KeyId, NativeFile, Signature};
use crate::path::PayloadPath;
use crate::payload;
use crate::pisi::PisiFile;
use crate::source::{SharedBytes, Source};
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
    /// Debian's format 2: control.tar and data.tar in an ar archive.
    #[serde(rename = "deb")]
    Deb,
    /// Entropy and Portage: a packed tar, an xpak and, from Entropy, a database.
    #[serde(rename = "entropy-tbz2")]
    Entropy,
    /// ambar's own, `docs/format.md`.
    #[serde(rename = "ambar")]
    Native,
}

impl Format {
    /// Every format that is read.
    pub const ALL: [Format; 6] =
        [Format::Pisi10, Format::Pisi11, Format::Pisi12, Format::Deb, Format::Entropy, Format::Native];

    /// Its name, for example `pisi-1.2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Pisi10 => "pisi-1.0",
            Format::Pisi11 => "pisi-1.1",
            Format::Pisi12 => "pisi-1.2",
            Format::Deb => "deb",
            Format::Entropy => "entropy-tbz2",
            Format::Native => "ambar",
        }
    }

    /// Whether files with this extension (without its dot) are packages, going by the name alone.
    #[must_use]
    pub fn is_extension(extension: &std::ffi::OsStr) -> bool {
        let known = ["ambar", "pisi", "eopkg", "deb", "tbz2"];
        known.iter().any(|known| extension.eq_ignore_ascii_case(known))
    }

    /// Whether a package of this format says what its payload holds before the payload is read.
    #[must_use]
    pub fn has_file_list(self) -> bool {
        !matches!(self, Format::Deb | Format::Entropy)
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

/// What a file list promises about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftEntry {
    /// Where it goes.
    pub path: PayloadPath,
    /// What is there; `None` where only the payload tells.
    pub node: Option<DraftNode>,
    /// Length in bytes (a symlink: of its target), where it is promised.
    pub size: Option<u64>,
    /// Permission bits, 0 to 0o7777, where they are promised.
    pub mode: Option<u16>,
    /// Numeric owner, where it is promised.
    pub uid: Option<u32>,
    /// Numeric group, where it is promised.
    pub gid: Option<u32>,
    /// Owner and group by name, where the format gives them and they are not plain `root`.
    pub owner_names: Option<(String, String)>,
    /// SHA-1 of the content (a symlink: of its target), where it is promised.
    pub sha1: Option<Sha1Digest>,
    /// Digest of the content, where it is promised.
    pub digest: Option<Digest>,
    /// Declared modification time in seconds since 1970, where it is known.
    pub mtime: Option<i64>,
    /// The declared time is kept on disk, where that is known
    /// (see [`Entry::keep_mtime`](crate::manifest::Entry::keep_mtime)).
    pub keep_mtime: bool,
    /// Extended attributes as (name, value), sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// PiSi's `Type`, or empty.
    pub kind: String,
    /// Configuration.
    pub config: bool,
    /// Kept on upgrade.
    pub permanent: bool,
}

impl DraftEntry {
    /// An entry about which nothing is promised.
    #[must_use]
    pub fn new(path: PayloadPath) -> DraftEntry {
        DraftEntry {
            path,
            node: None,
            size: None,
            mode: None,
            uid: None,
            gid: None,
            owner_names: None,
            sha1: None,
            digest: None,
            mtime: None,
            keep_mtime: false,
            xattrs: Vec::new(),
            kind: String::new(),
            config: false,
            permanent: false,
        }
    }

    /// Whether it may be a regular file: it is one, or only the payload tells.
    #[must_use]
    pub fn may_be_file(&self) -> bool {
        matches!(self.node, None | Some(DraftNode::File))
    }
}

/// What a file list says an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftNode {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symlink to these bytes.
    Symlink(Vec<u8>),
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
/// names of a hard-link group do not come at all. A reader that knows digests beforehand hands out one member
/// for each distinct content, and none for empty files.
pub trait PayloadSink {
    /// Whether the content with that digest, which the entry at `index` and perhaps others have, is needed. A
    /// reader that knows digests beforehand asks, and need not even read what nobody wants.
    fn wants(&mut self, _index: usize, _digest: &Digest) -> bool {
        true
    }

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
pub struct Payload(Told);

/// What a reader learns from the payload, and needs to make the manifest.
#[derive(Debug)]
pub(crate) enum Told {
    /// What an archive's headers say.
    Archive(payload::Payload),
    /// Nothing that was not known before.
    Nothing,
}

/// A package that a delta is made against.
pub struct Base {
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-1 of the content of each entry, where it is known; it is computed where not.
    pub sha1s: Vec<Option<Sha1Digest>>,
    /// The content of its regular files.
    pub contents: Box<dyn Contents>,
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base({} {})", self.manifest.name, self.manifest.full_version())
    }
}

/// What a delta says of the package that it is made against.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BaseNeeded {
    /// Its name.
    pub name: String,
    /// Its release, where the delta says that.
    pub release: Option<String>,
    /// Its id, where the delta says that.
    pub id: Option<PackageId>,
}

/// A reader of one format; see the methods of [`PackageFile`] for what each part does.
pub(crate) trait Reader: fmt::Debug + Send + Sync {
    fn format(&self) -> Format;
    fn draft(&self) -> &Draft;
    fn translations(&self) -> &Translations;
    fn scripts(&self) -> &[Vec<u8>];
    fn list(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn base_needed(&self) -> Option<BaseNeeded> {
        None
    }
    fn native(&self) -> Option<&NativeFile> {
        None
    }
    fn set_base(&mut self, _base: Base) -> Result<(), Problem> {
        Err(Problem::not_a_package("it is a whole package: there is no base to give it"))
    }
    fn parts(&self) -> usize {
        1
    }
    fn read_part(&self, part: usize, sink: &mut dyn PayloadSink) -> Result<Told, Problem>;
    fn finish(&self, told: &Told, hashes: &[Option<Hashed>]) -> Result<Manifest, Problem>;
    fn md5sums(&self) -> Result<BTreeMap<PayloadPath, Md5Digest>, Problem> {
        Ok(BTreeMap::new())
    }
}

/// An opened package file.
#[derive(Debug)]
pub struct PackageFile {
    path: PathBuf,
    reader: Box<dyn Reader>,
}

impl PackageFile {
    /// Opens a package file and reads what it says of itself, leaving the payload alone.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened, is of no known format, is damaged, breaks a rule or a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<PackageFile, Error> {
        let source = Source::open(path).map_err(|problem| Error::new(path, problem))?;
        PackageFile::of(source, path, limits)
    }

    /// As [`open`](Self::open), of bytes that are in memory or mapped; `name` is the file's name, which errors
    /// name and which some formats need.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(name: &Path, bytes: SharedBytes, limits: &Limits) -> Result<PackageFile, Error> {
        PackageFile::of(Source::Bytes(bytes), name, limits)
    }

    fn of(source: Source, path: &Path, limits: &Limits) -> Result<PackageFile, Error> {
        let reader = reader(source, path, limits).map_err(|problem| Error::new(path, problem))?;
        Ok(PackageFile { path: path.into(), reader })
    }

    /// The file that it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The container's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.reader.format()
    }

    /// What it says of itself. Where only the payload tells what it holds ([`Format::has_file_list`]), there are
    /// no entries before [`list`](Self::list).
    #[must_use]
    pub fn draft(&self) -> &Draft {
        self.reader.draft()
    }

    /// Its texts in other languages.
    #[must_use]
    pub fn translations(&self) -> &Translations {
        self.reader.translations()
    }

    /// The content of its foreign scripts, in the order of the manifest's `scripts`.
    #[must_use]
    pub fn scripts(&self) -> &[Vec<u8>] {
        self.reader.scripts()
    }

    /// Completes the draft's entries: reads the headers of the payload where there is no file list, and
    /// nothing otherwise. Needed before the payload is read.
    ///
    /// # Errors
    /// [`Error`] for damage, forbidden members and limits.
    pub fn list(&mut self) -> Result<(), Error> {
        self.reader.list().map_err(|problem| Error::new(&self.path, problem))
    }

    /// The package as what it is, where it is a native one.
    #[must_use]
    pub fn native(&self) -> Option<&NativeFile> {
        self.reader.native()
    }

    /// The keys that its signatures name; whether these are right is another question.
    #[must_use]
    pub fn signers(&self) -> Vec<KeyId> {
        self.native().into_iter().flat_map(NativeFile::signatures).map(Signature::key).collect()
    }

    /// The package that has to be [given](Self::set_base) before the payload of this delta can be read; `None`
    /// when this is a whole package.
    #[must_use]
    pub fn base_needed(&self) -> Option<BaseNeeded> {
        self.reader.base_needed()
    }

    /// Gives a delta its base.
    ///
    /// # Errors
    /// [`Error`] when it is not the package that the delta was made against.
    pub fn set_base(&mut self, base: Base) -> Result<(), Error> {
        self.reader.set_base(base).map_err(|problem| Error::new(&self.path, problem))
    }

    /// Into how many pieces the payload falls that can be read independently, on several threads.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.reader.parts()
    }

    /// Streams one piece of the payload, 0 up to [`parts`](Self::parts), into `sink`. May be called again.
    ///
    /// # Errors
    /// [`Error`] for damage, forbidden members, limits, or because the sink stopped.
    pub fn read_part(&self, part: usize, sink: &mut dyn PayloadSink) -> Result<Payload, Error> {
        self.reader.read_part(part, sink).map(Payload).map_err(|problem| Error::new(&self.path, problem))
    }

    /// Streams the whole payload into `sink`, piece by piece. What comes back is the last piece's; any one
    /// serves to [`finish`](Self::finish).
    ///
    /// # Errors
    /// As [`read_part`](Self::read_part).
    pub fn read_payload(&self, sink: &mut dyn PayloadSink) -> Result<Payload, Error> {
        let mut payload = Payload(Told::Nothing);
        for part in 0..self.parts() {
            payload = self.read_part(part, sink)?;
        }
        Ok(payload)
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
        self.reader.finish(&payload.0, hashes).map_err(|problem| Error::new(&self.path, problem))
    }

    /// A check of the package's content against the MD5 sums that it lists itself, where it does.
    ///
    /// # Errors
    /// [`Error`] when the list cannot be read.
    pub fn md5_check(&self) -> Result<Md5Check, Error> {
        let sums = self.reader.md5sums().map_err(|problem| Error::new(&self.path, problem))?;
        Ok(Md5Check::new(&self.path, sums))
    }
}

/// The containers, told apart by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Native,
    Deb,
    Entropy,
    Pisi,
}

impl Container {
    /// What `source` is, going by its content; what is nothing else may be a zip.
    pub(crate) fn of(source: &Source) -> Result<Container, Problem> {
        let mut head = vec![0; source.len().min(512) as usize];
        source.read_exact_at(&mut head, 0).map_err(|error| Problem::from_stream("its first bytes", error))?;
        Ok(if head.starts_with(&native::MAGIC) {
            Container::Native
        } else if deb::is_deb(&head) {
            Container::Deb
        } else if EntropyFile::may_be(&head) {
            Container::Entropy
        } else {
            Container::Pisi
        })
    }
}

/// The reader of whatever format `source` has.
fn reader(source: Source, name: &Path, limits: &Limits) -> Result<Box<dyn Reader>, Problem> {
    Ok(match Container::of(&source)? {
        Container::Native => Box::new(NativeFile::of(source, limits)?),
        Container::Deb => Box::new(DebFile::open(source, limits)?),
        Container::Entropy => Box::new(EntropyFile::open(source, limits)?),
        Container::Pisi => Box::new(PisiFile::open(source, name, limits)?),
    })
}
