//! What a package file says of itself, without its payload and its list of files: what it takes to choose among
//! many packages, read as cheaply as each format allows.
//!
//! | format | read | not read |
//! | --- | --- | --- |
//! | native | section table, manifest, base | translations, scripts, index, content, signatures |
//! | PiSi | the zip's directory, metadata.xml | files.xml, COMAR scripts, the payload |
//! | Debian | the ar headers, control.tar up to the control file | the rest of control.tar, data.tar |
//! | Entropy | the xpak, the database | the payload |
//!
//! What is not read is not checked either: a package that is chosen is opened as a [`PackageFile`](crate::PackageFile) afterwards.

use std::path::Path;

use crate::deb::DebFile;
use crate::entropy::EntropyFile;
use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::native::NativeFile;
use crate::package::{Container, Format, Reader};
use crate::pisi::PisiFile;
use crate::source::Source;

/// What a package file says of itself before anything of its payload is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The container's format.
    pub format: Format,
    /// The manifest that [`draft`](crate::PackageFile::draft) has, without its scripts; of a Debian package also
    /// without the properties that its list of configuration adds (`deb.conffile-…`).
    pub manifest: Manifest,
    /// Length of the file in bytes.
    pub length: u64,
    /// Bytes that the package says it takes when it is installed; `None` where it says nothing. Only the native
    /// format's is exact: the others are declarations.
    pub installed_size: Option<u64>,
    /// It is a delta: of use only to who has the package that it is made against.
    pub is_delta: bool,
}

impl Metadata {
    /// Reads what the package file at `path` says of itself.
    ///
    /// # Errors
    /// As [`PackageFile::open`](crate::PackageFile::open), for what is read.
    pub fn read(path: &Path, limits: &Limits) -> Result<Metadata, Error> {
        let read = || {
            let source = Source::open(path)?;
            let length = source.len();
            let metadata = of(source, path, limits)?;
            Ok(Metadata { length, ..metadata })
        };
        read().map_err(|problem| Error::new(path, problem))
    }
}

fn of(source: Source, name: &Path, limits: &Limits) -> Result<Metadata, Problem> {
    let length = source.len();
    let whole = |format, manifest, installed_size| Metadata {
        format,
        manifest,
        length,
        installed_size,
        is_delta: false,
    };
    Ok(match Container::of(&source)? {
        Container::Native => {
            let (mut manifest, is_delta) = NativeFile::metadata(&source, limits)?;
            let installed_size = Some(manifest.installed_size());
            (manifest.entries, manifest.scripts) = (Vec::new(), Vec::new());
            Metadata { is_delta, ..whole(Format::Native, manifest, installed_size) }
        }
        Container::Deb => {
            let manifest = DebFile::metadata(source, limits)?;
            // Debian counts in KiB.
            let size = property(&manifest, "deb.installed-size").and_then(|size| size.checked_mul(1024));
            whole(Format::Deb, manifest, size)
        }
        Container::Entropy => {
            let file = EntropyFile::open(source, limits)?;
            let size = file.declared_size();
            let manifest = Manifest { scripts: Vec::new(), ..file.draft().manifest.clone() };
            whole(Format::Entropy, manifest, size)
        }
        Container::Pisi => {
            let (format, manifest, installed_size, is_delta) = PisiFile::metadata(source, name, limits)?;
            Metadata { is_delta, ..whole(format, manifest, installed_size) }
        }
    })
}

/// A property that is a number.
fn property(manifest: &Manifest, key: &str) -> Option<u64> {
    let (_, value) = manifest.properties.iter().find(|(known, _)| known == key)?;
    value.trim().parse().ok()
}
