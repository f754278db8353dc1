//! A directory of package files as a source: what there is to install, without a repository.
//!
//! Every file below the directory whose name ends like a package's is read as far as its metadata goes
//! ([`Metadata`]): never its payload, never the whole of it. Symlinks count where they lead to a file;
//! directories are only entered when they really lie there. Deltas are left out. What cannot be read is told and
//! passed over: it is an error only when somebody asks for that very file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::{Format, Manifest, Metadata, VersionOrder};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::Error;
use crate::plan::OsPath;
use crate::root::Root;

/// How many directories deep package files are looked for; deeper ones are told and not entered.
const DEPTH: usize = 32;
/// Most package files in one directory and below.
const FILES: usize = 1_000_000;

/// A package that can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// Its file.
    pub path: OsPath,
    /// The format of that.
    pub format: Format,
    /// What it says of itself, as [`Metadata`] has it: there are no entries and no scripts in it.
    pub manifest: Manifest,
    /// Length of the file in bytes.
    pub length: u64,
    /// Bytes that it takes when it is installed, as far as it says so.
    pub installed_size: Option<u64>,
}

/// The package files of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The directory, as an absolute path.
    pub path: OsPath,
    /// What it offers, each package once; sorted by the texts of name, version, release,
    /// architecture, slot and tag.
    pub packages: Vec<Available>,
    /// What was passed over, sorted by path.
    pub notes: Vec<Passed>,
}

/// Something in a directory of packages that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Passed {
    /// Where it is; in messages, and to sort by.
    #[serde(skip)]
    pub path: PathBuf,
    /// Why, as a sentence that names it.
    pub message: String,
    /// What is in it is not known, because it could not be read.
    #[serde(skip)]
    pub is_unread: bool,
}

impl Directory {
    /// Reads what the package files in `path` and below say of themselves, on the threads and within the limits
    /// of `root`. The answer depends on nothing but the names and the content of the files.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory itself cannot be read, [`Error::Usage`] when it is a file or holds more than a
    /// million package files.
    pub fn read(path: &Path, root: &Root) -> Result<Directory, Error> {
        let fail = |operation| move |source| Error::Io { operation, path: path.into(), source };
        let top = std::path::absolute(path).map_err(fail("resolve"))?;
        if fs::metadata(&top).is_ok_and(|metadata| !metadata.is_dir()) {
            let text = format!(
                "{} is no directory to choose packages from: a package file is given by its own path",
                path.display()
            );
            return Err(Error::Usage(text));
        }
        let mut notes = Vec::new();
        let files = files(&top, &mut notes)?;
        let limits = root.limits();
        let read: Vec<_> =
            root.pool().install(|| files.par_iter().map(|file| Metadata::read(file, limits)).collect());
        let mut chosen: BTreeMap<Identity, Available> = BTreeMap::new();
        for (file, metadata) in files.into_iter().zip(read) {
            let metadata = match metadata {
                Ok(metadata) if metadata.is_delta => continue,
                Ok(metadata) => metadata,
                Err(error) => {
                    notes.push(Passed { path: file, message: error.to_string(), is_unread: true });
                    continue;
                }
            };
            let new = Available {
                path: OsPath(file),
                format: metadata.format,
                manifest: metadata.manifest,
                length: metadata.length,
                installed_size: metadata.installed_size,
            };
            let identity = Identity::of(&new.manifest);
            let Some(known) = chosen.get_mut(&identity) else {
                chosen.insert(identity, new);
                continue;
            };
            let passed =
                if preference(&new) < preference(known) { std::mem::replace(known, new) } else { new };
            let message = format!(
                "{} is the same {} {} as {}, which is taken",
                passed.path.0.display(),
                passed.manifest.name,
                passed.manifest.full_version(),
                known.path.0.display()
            );
            notes.push(Passed { path: passed.path.0, message, is_unread: false });
        }
        notes.sort();
        Ok(Directory { path: OsPath(top), packages: chosen.into_values().collect(), notes })
    }
}

/// What makes two files the same package to whoever chooses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: String,
    version: String,
    release: String,
    arch: String,
    slot: String,
    tag: String,
    order: VersionOrder,
}

impl Identity {
    fn of(manifest: &Manifest) -> Identity {
        Identity {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            release: manifest.release.clone(),
            arch: manifest.arch.clone(),
            slot: manifest.slot.clone(),
            tag: manifest.tag.clone(),
            order: manifest.order,
        }
    }
}

/// Of two files with one package the native one is taken, because it is read fastest and only as far as its
/// content is new; then the first by path.
fn preference(package: &Available) -> (bool, &[u8]) {
    (package.format != Format::Native, package.path.0.as_os_str().as_bytes())
}

/// The package files in `top` and below, by their names, sorted.
fn files(top: &Path, notes: &mut Vec<Passed>) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut waiting = vec![(top.to_path_buf(), 0_usize)];
    while let Some((directory, depth)) = waiting.pop() {
        let listed = fs::read_dir(&directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match listed {
            Ok(entries) => entries,
            Err(source) => {
                let error = Error::Io { operation: "list", path: directory.clone(), source };
                if depth == 0 {
                    return Err(error);
                }
                notes.push(Passed { path: directory, message: error.to_string(), is_unread: true });
                continue;
            }
        };
        for entry in entries {
            let path = entry.path();
            // Asked of the entry, not of the path: a symlink to a directory is none.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && depth < DEPTH {
                waiting.push((path, depth + 1));
            } else if is_directory {
                let message = format!("{} lies more than {DEPTH} directories deep", path.display());
                notes.push(Passed { path, message, is_unread: true });
            } else if path.extension().is_some_and(Format::is_extension) && !leads_to_directory(&path) {
                files.push(path);
            }
        }
        if files.len() > FILES {
            let text = format!("{} holds more than {FILES} package files: name one below it", top.display());
            return Err(Error::Usage(text));
        }
    }
    files.sort_by(|a, b| bytes(a).cmp(bytes(b)));
    Ok(files)
}

fn bytes(path: &Path) -> &[u8] {
    OsStr::as_bytes(path.as_os_str())
}

/// Whether it is a symlink to a directory, which is passed over without a word.
fn leads_to_directory(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
