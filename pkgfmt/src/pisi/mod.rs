//! PiSi packages: `.pisi`, and `.eopkg`, which differs only in its name.
//!
//! `container` reads the zip, `metadata` and `files_xml` its two documents, `comar` its scripts, `tarball` and
//! `payload` its payload, and `finish` compares what was promised with what was found.
//!
//! | format | payload | `<PackageFormat>` |
//! | --- | --- | --- |
//! | 1.0 | members under `install/` | `1.0` |
//! | 1.1 | `install.tar.lzma` | `1.1` |
//! | 1.2 | `install.tar.xz`; as an extension `install.tar.gz` or `install.tar.zst` | `1.2` |
//!
//! Where `<PackageFormat>` is missing, the payload tells. Opening reads the zip's directory, metadata.xml,
//! files.xml and the scripts, and nothing of the payload. `InstallTarHash` and `PackageHash` are never
//! believed: PiSi Linux wrote the former before the archive was complete.

mod comar;
mod container;
pub mod filename;
mod files_xml;
mod finish;
mod member;
mod metadata;
mod payload;
mod python;
mod slice;
mod streams;
mod tarball;
mod xml;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::package::{Draft, Format, Hashed, PayloadSink};
use crate::path::Shown;
use crate::translations::Translations;

use container::Container;
pub use payload::Payload;
use python::Python;

/// An opened PiSi package.
#[derive(Debug)]
pub struct PisiFile {
    path: PathBuf,
    limits: Limits,
    container: Container,
    format: Format,
    storage: Storage,
    draft: Draft,
    python: Python,
    translations: Translations,
    scripts: Vec<Vec<u8>>,
    unknown_elements: usize,
}

/// Where the payload is: in the container itself, or in the member of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Storage {
    Members,
    Lzma(String),
    Xz(String),
    Gzip(String),
    Zstd(String),
}

impl Storage {
    /// The member that holds the payload, or nothing.
    fn archive(&self) -> &str {
        match self {
            Storage::Members => "",
            Storage::Lzma(name) | Storage::Xz(name) | Storage::Gzip(name) | Storage::Zstd(name) => name,
        }
    }
}

impl PisiFile {
    /// Opens a package file and reads what it says of itself, leaving the payload alone.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened, is no PiSi package, is damaged, breaks a rule or a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<PisiFile, Error> {
        PisiFile::read(path, limits).map_err(|problem| Error::new(path, problem))
    }

    fn read(path: &Path, limits: &Limits) -> Result<PisiFile, Problem> {
        if is_delta(path) {
            return Err(Problem::not_a_package("it is a delta package; it needs its base"));
        }
        let container = Container::open(path, limits)?;
        let metadata = metadata::read(document(&container, metadata::NAME, limits.metadata_bytes)?, limits)?;
        let (format, storage) = storage(&container, &metadata.format)?;
        let entries =
            files_xml::read(document(&container, files_xml::NAME, limits.file_list_bytes)?, limits)?;
        let mut manifest = metadata.manifest;
        let scripts;
        (manifest.scripts, scripts) = comar::read(&container, &metadata.comar, limits)?;
        let python = Python::new(&entries);
        Ok(PisiFile {
            path: path.into(),
            limits: limits.clone(),
            container,
            format,
            storage,
            draft: Draft { manifest, entries },
            python,
            translations: metadata.translations,
            scripts,
            unknown_elements: metadata.unknown_elements,
        })
    }

    /// The container's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What it says of itself.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Its texts in other languages.
    #[must_use]
    pub fn translations(&self) -> &Translations {
        &self.translations
    }

    /// The content of its COMAR scripts, in the order of the manifest's `scripts`.
    #[must_use]
    pub fn scripts(&self) -> &[Vec<u8>] {
        &self.scripts
    }

    /// Elements of its metadata that nothing here knows.
    #[must_use]
    pub fn unknown_elements(&self) -> usize {
        self.unknown_elements
    }

    /// Streams the payload into `sink`. May be called again, and from another thread.
    ///
    /// # Errors
    /// [`Error`] for damage, forbidden members, limits, or because the sink stopped.
    pub fn read_payload(&self, sink: &mut dyn PayloadSink) -> Result<Payload, Error> {
        payload::read(&self.container, &self.storage, &self.draft.entries, &self.python, &self.limits, sink)
            .map_err(|problem| Error::new(&self.path, problem))
    }

    /// Makes the manifest: the draft, with what the container and the receiver found.
    ///
    /// # Errors
    /// [`Error`] naming the first entry, in path order, that is not what the file list promises or is missing.
    pub fn finish(&self, payload: &Payload, hashes: &[Option<Hashed>]) -> Result<Manifest, Error> {
        finish::finish(&self.draft, &self.python, payload, hashes)
            .map_err(|problem| Error::new(&self.path, problem))
    }
}

/// Whether the file's name is that of a delta. The content does not tell: a delta's documents are those of the
/// whole package, and only its payload lacks what the base has.
fn is_delta(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.as_encoded_bytes().to_ascii_lowercase()).unwrap_or_default();
    name.ends_with(b".delta.pisi") || name.ends_with(b".delta.eopkg")
}

/// A stream of a document that the package must have, of at most `limit` bytes.
fn document(
    container: &Container,
    name: &'static str,
    limit: u64,
) -> Result<BufReader<member::MemberReader>, Problem> {
    let member = container.find(name).ok_or_else(|| {
        Problem::not_a_package(format_args!("it is a zip archive without {name}, so no PiSi package"))
    })?;
    if member.size > limit {
        return Err(Problem::limit(member, limit));
    }
    Ok(BufReader::with_capacity(32 << 10, container.read(member)?))
}

/// Where the payload is, and which format that makes together with what the package says.
fn storage(container: &Container, declared: &str) -> Result<(Format, Storage), Problem> {
    let mut tar: Option<(Format, Storage)> = None;
    let mut loose = false;
    for member in container.members() {
        if !member.name.starts_with(b"install.tar.") {
            loose |= member.name.starts_with(b"install/");
            continue;
        }
        let name = String::from_utf8_lossy(&member.name).into_owned();
        let one = match member.name.as_slice() {
            b"install.tar.lzma" => (Format::Pisi11, Storage::Lzma(name)),
            b"install.tar.xz" => (Format::Pisi12, Storage::Xz(name)),
            b"install.tar.gz" => (Format::Pisi12, Storage::Gzip(name)),
            b"install.tar.zst" => (Format::Pisi12, Storage::Zstd(name)),
            _ => return Err(Problem::forbidden(member, "no package format has such a payload")),
        };
        if tar.replace(one).is_some() {
            return Err(Problem::forbidden(member, "the package has a second payload"));
        }
    }
    if loose && tar.is_some() {
        return Err(Problem::forbidden("install/", "the package has a second payload"));
    }
    let (format, storage) = tar.unwrap_or((Format::Pisi10, Storage::Members));
    match declared {
        "" => {}
        "1.0" if format == Format::Pisi10 => {}
        "1.1" if format == Format::Pisi11 => {}
        "1.2" if format == Format::Pisi12 => {}
        "1.0" | "1.1" | "1.2" => {
            let reason =
                format!("it says that its format is {declared}, but its payload is not of that format");
            return Err(Problem::damaged("the payload", reason));
        }
        other => {
            let shown = Shown(other.as_bytes());
            return Err(Problem::not_a_package(format_args!("its package format '{shown}' is not known")));
        }
    }
    Ok((format, storage))
}
