//! PiSi packages: `.pisi`, and `.eopkg`, which differs only in its name.
//!
//! `container` reads the zip, `metadata` and `files_xml` its two documents, `comar` its scripts, `members` the
//! payload of format 1.0; that of the others is a tar, which `payload` reads. `delta` gives a
//! delta what it leaves to its base. [`write()`] writes whole packages and [`write_delta`] deltas.
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
mod delta;
mod delta_base;
mod delta_write;
pub mod filename;
mod files_xml;
mod frame;
mod member;
mod members;
mod metadata;
mod write;
mod xml;

use std::io::BufReader;
use std::path::Path;

use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::package::{Base, BaseNeeded, Draft, Format, Hashed, PayloadSink, Reader, Told};
use crate::path::Shown;
use crate::payload::python::Python;
use crate::payload::{Compression, Reading, finish};
use crate::source::Source;
use crate::translations::Translations;

use container::Container;
use delta::Delta;
pub use delta_write::{DeltaError, write_delta};
pub use write::{Loss, Lost, WriteOptions, losses, write};

/// An opened PiSi package.
#[derive(Debug)]
pub(crate) struct PisiFile {
    limits: Limits,
    container: Container,
    format: Format,
    storage: Storage,
    draft: Draft,
    python: Python,
    translations: Translations,
    scripts: Vec<Vec<u8>>,
    delta: Option<Delta>,
}

/// Where the payload is: in the container itself, or packed in the member of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Storage {
    Members,
    Archive(String, Compression),
}

impl PisiFile {
    /// Reads what the package in `source`, a file called `name`, says of itself, leaving the payload alone.
    pub(crate) fn open(source: Source, name: &Path, limits: &Limits) -> Result<PisiFile, Problem> {
        let container = Container::open(source, limits)?;
        let metadata = metadata::read(document(&container, metadata::NAME, limits.metadata_bytes)?, limits)?;
        let (format, storage) = storage(&container, &metadata.format, is_delta(name))?;
        let entries =
            files_xml::read(document(&container, files_xml::NAME, limits.file_list_bytes)?, limits)?;
        let mut manifest = metadata.manifest;
        let scripts;
        (manifest.scripts, scripts) = comar::read(&container, &metadata.comar, limits)?;
        let python = Python::new(&entries);
        let delta = is_delta(name).then(|| Delta::new(name, &manifest));
        Ok(PisiFile {
            limits: limits.clone(),
            container,
            format,
            storage,
            draft: Draft { manifest, entries },
            python,
            translations: metadata.translations,
            scripts,
            delta,
        })
    }

    /// Format, manifest without entries and scripts, declared size, and whether it is a delta.
    pub(crate) fn metadata(
        source: Source,
        name: &Path,
        limits: &Limits,
    ) -> Result<(Format, Manifest, Option<u64>, bool), Problem> {
        let container = Container::open(source, limits)?;
        let metadata = metadata::read(document(&container, metadata::NAME, limits.metadata_bytes)?, limits)?;
        let (format, _) = storage(&container, &metadata.format, is_delta(name))?;
        Ok((format, metadata.manifest, metadata.installed_size, is_delta(name)))
    }
}

impl Reader for PisiFile {
    fn format(&self) -> Format {
        self.format
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

    fn base_needed(&self) -> Option<BaseNeeded> {
        self.delta.as_ref().map(Delta::needed)
    }

    fn set_base(&mut self, base: Base) -> Result<(), Problem> {
        match &mut self.delta {
            Some(delta) => delta.set_base(base, &self.draft.manifest),
            None => Err(Problem::not_a_package("it is a whole package: there is no base to give it")),
        }
    }

    fn read_part(&self, _part: usize, sink: &mut dyn PayloadSink) -> Result<Told, Problem> {
        if let Some(delta) = &self.delta {
            // Nothing is read for nothing.
            delta.base()?;
        }
        let mut reading =
            Reading::new(&self.draft.entries, files_xml::NAME, &self.python, &self.limits, sink);
        match &self.storage {
            Storage::Members => members::read(&self.container, &self.limits, &mut reading)?,
            Storage::Archive(name, compression) => {
                let member = self.container.find(name);
                let member = member.ok_or_else(|| Problem::damaged(name, "it is missing"))?;
                reading.archive(name, self.container.read(member)?, member.size, *compression)?;
            }
        }
        if let Some(delta) = &self.delta {
            delta.fill(&self.draft.entries, &mut reading)?;
        }
        reading.end().map(Told::Archive)
    }

    fn finish(&self, told: &Told, hashes: &[Option<Hashed>]) -> Result<Manifest, Problem> {
        finish::finish(&self.draft, files_xml::NAME, &self.python, told, hashes)
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

/// Where the payload is, and which format that makes together with what the package says. A delta may have
/// none.
fn storage(container: &Container, declared: &str, delta: bool) -> Result<(Format, Storage), Problem> {
    let mut tar: Option<(Format, Storage)> = None;
    let mut loose = false;
    for member in container.members() {
        if !member.name.starts_with(b"install.tar.") {
            loose |= member.name.starts_with(b"install/");
            continue;
        }
        let name = String::from_utf8_lossy(&member.name).into_owned();
        let one = match member.name.as_slice() {
            b"install.tar.lzma" => (Format::Pisi11, Storage::Archive(name, Compression::Lzma)),
            b"install.tar.xz" => (Format::Pisi12, Storage::Archive(name, Compression::Xz)),
            b"install.tar.gz" => (Format::Pisi12, Storage::Archive(name, Compression::Gzip)),
            b"install.tar.zst" => (Format::Pisi12, Storage::Archive(name, Compression::Zstd)),
            _ => return Err(Problem::forbidden(member, "no package format has such a payload")),
        };
        if tar.replace(one).is_some() {
            return Err(Problem::forbidden(member, "the package has a second payload"));
        }
    }
    if loose && tar.is_some() {
        return Err(Problem::forbidden("install/", "the package has a second payload"));
    }
    let without = match declared {
        "1.1" if delta && !loose => Format::Pisi11,
        "" | "1.2" if delta && !loose => Format::Pisi12,
        _ => Format::Pisi10,
    };
    let (format, storage) = tar.unwrap_or((without, Storage::Members));
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
