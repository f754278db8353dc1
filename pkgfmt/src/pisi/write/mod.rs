//! PiSi packages as they are written: 1.2 with `install.tar.xz`, and 1.1 with `install.tar.lzma`.
//!
//! ```text
//! comar/FILE          scripts, deflated, sorted by name
//! metadata.xml        deflated
//! files.xml           deflated; sorted by path
//! install.tar.xz      stored; members sorted by path
//! ```
//! Paths are sorted component by component, everywhere. Zip members are of 1980-01-01 and of mode 0644. One
//! input gives one sequence of bytes: nothing depends on the time, the machine, or the number of threads.
//!
//! A manifest can say more than a PiSi package. [`losses`] lists what is lost before anything is written, and
//! [`write()`] returns the same list; what is not in it survives, so that a package that is written without a
//! loss reads back as the same manifest, with the same package id.

mod compress;
mod entries;
mod hash;
mod loss;
mod metadata;
mod properties;
mod relations;
mod said;
mod tar;
mod xml;

use std::io::{Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::contents::Parts;
use crate::digest::Sha1Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::Coding;
use crate::manifest::{Manifest, Node};
use crate::package::{DraftEntry, Format};
use crate::translations::Translations;

pub use loss::{Loss, Lost};
pub(super) use said::Said;

use crate::payload::python::Python;

/// Archives from this size on may pack into more than a plain zip member holds.
const LARGE: u64 = 0xf000_0000;

/// How a package is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Preset of xz, 0 to 9.
    pub level: u32,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { level: 9 }
    }
}

/// Everything that a PiSi package cannot say of this manifest and these translations. Whether a file keeps its
/// modification time depends on its content; that loss only [`write()`] finds.
#[must_use]
pub fn losses(manifest: &Manifest, translations: &Translations) -> Vec<Loss> {
    Said::new(manifest, translations).losses.0
}

/// Writes a package in the format [`Format::Pisi11`] or [`Format::Pisi12`]; returns what it could not say.
///
/// # Errors
/// [`Problem::Forbidden`] for another format, for a build without liblzma, and where a loss
/// [is fatal](Lost::is_fatal); [`Problem::Damaged`] when a content is not what the manifest says;
/// [`Problem::Limit`] when a document is larger than readers accept; [`Problem::Io`]. What was written until
/// then is of no use.
pub fn write(
    parts: &Parts<'_>,
    format: Format,
    options: &WriteOptions,
    out: impl Write + Seek,
) -> Result<Vec<Loss>, Problem> {
    written(format)?;
    Prepared::new(parts)?.write(parts, None, format, options, out)
}

/// A package that is ready to be written: its content is known to be what the manifest says.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What the package will say.
    pub(super) said: Said,
    /// files.xml, as it reads back.
    pub(super) promised: Vec<DraftEntry>,
    files: String,
    leaders: Vec<usize>,
    found: Vec<hash::Found>,
}

impl Prepared {
    /// Reads all content once.
    pub(super) fn new(parts: &Parts<'_>) -> Result<Prepared, Problem> {
        let mut said = Said::new(parts.manifest, parts.translations);
        said.losses.fatal()?;
        // A manifest that breaks a rule of its own would make a package that nobody can read.
        parts.manifest.encode()?;
        check_scripts(parts)?;
        let leaders = hash::leaders(&said.manifest.entries);
        let found = hash::read(&said.manifest.entries, &leaders, parts.contents)?;
        let sha1s: Vec<Option<Sha1Digest>> = found.iter().map(|found| found.sha1).collect();
        let files = entries::files_xml(&said.manifest.entries, &sha1s);
        let limits = Limits::default();
        check_size(super::files_xml::NAME, &files, limits.file_list_bytes)?;
        let promised = super::files_xml::read(files.as_bytes(), &limits)?;
        keep_times(&mut said, &promised, &found);
        Ok(Prepared { said, promised, files, leaders, found })
    }

    /// Writes it. `chosen` are the entries of a delta's payload; without any there is none.
    pub(super) fn write(
        mut self,
        parts: &Parts<'_>,
        chosen: Option<&[bool]>,
        format: Format,
        options: &WriteOptions,
        out: impl Write + Seek,
    ) -> Result<Vec<Loss>, Problem> {
        let (version, coding, payload) = written(format)?;
        if chosen.is_some() {
            keep_times(&mut self.said, &self.promised, &self.found);
        }
        let said = &self.said;
        let metadata = metadata::write(&said.manifest, &said.translations, version);
        check_metadata(&metadata, said)?;

        // Dropped unfinished, after an error, it would try to finish and print that it could not.
        let mut zip = std::mem::ManuallyDrop::new(ZipWriter::new(out));
        let mut last = "";
        for (script, &given) in said.manifest.scripts.iter().zip(&said.scripts) {
            // One file may serve several models.
            if script.file != last {
                let content = parts.scripts.get(given).map_or(&[][..], Vec::as_slice);
                member(&mut zip, &format!("comar/{}", script.file), content)?;
            }
            last = &script.file;
        }
        member(&mut zip, super::metadata::NAME, metadata.as_bytes())?;
        member(&mut zip, super::files_xml::NAME, self.files.as_bytes())?;
        if chosen.is_none_or(|chosen| chosen.contains(&true)) {
            let bound = tar::bound(&said.manifest.entries);
            let stored = member_options(CompressionMethod::Stored).large_file(bound >= LARGE);
            zip.start_file(payload, stored).map_err(zipping)?;
            let in_payload = |index: usize| chosen.is_none_or(|chosen| chosen.get(index) == Some(&true));
            compress::pack(&mut *zip, coding, options.level, bound, |out| {
                tar::write(&said.manifest.entries, &self.leaders, &in_payload, parts.contents, out)
            })?;
        }
        std::mem::ManuallyDrop::into_inner(zip).finish().map_err(zipping)?.flush().map_err(writing)?;
        Ok(self.said.losses.0)
    }
}

/// `<PackageFormat>`, the payload's coding and its name in a format that is written.
fn written(format: Format) -> Result<(&'static str, Coding, &'static str), Problem> {
    compress::check()?;
    match format {
        Format::Pisi11 => Ok(("1.1", Coding::Lzma, "install.tar.lzma")),
        Format::Pisi12 => Ok(("1.2", Coding::Xz, "install.tar.xz")),
        other => {
            let reason = format_args!("PiSi packages are written as 1.1 or 1.2, not as {}", other.name());
            Err(Problem::forbidden("the format", reason))
        }
    }
}

fn member_options(method: CompressionMethod) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(method);
    options.last_modified_time(DateTime::default()).unix_permissions(0o644)
}

/// A member that is deflated.
fn member(zip: &mut ZipWriter<impl Write + Seek>, name: &str, content: &[u8]) -> Result<(), Problem> {
    let options = member_options(CompressionMethod::Deflated).compression_level(Some(9));
    zip.start_file(name, options).map_err(zipping)?;
    zip.write_all(content).map_err(writing)
}

/// The scripts given are those that the manifest tells of.
fn check_scripts(parts: &Parts<'_>) -> Result<(), Problem> {
    if parts.has_told_scripts() {
        return Ok(());
    }
    Err(Problem::damaged("the scripts", "their content is not what the manifest says"))
}

/// Tells, as a reader will, which Python sources keep their time.
fn keep_times(said: &mut Said, promised: &[DraftEntry], found: &[hash::Found]) {
    let python = Python::new(promised);
    let entries = &mut said.manifest.entries;
    let mut groups = std::collections::HashSet::new();
    let keeps: Vec<bool> = (0..entries.len())
        .map(|index| {
            let Node::File { .. } = entries[index].node else { return false };
            let recorded = |compiled: usize| found.get(compiled).and_then(|found| found.source_mtime);
            let time = entries[index].mtime.map(|time| time as u32);
            let keeps = python.compiled(index).any(|compiled| time.is_some() && recorded(compiled) == time);
            if keeps && entries[index].link_group > 0 {
                groups.insert(entries[index].link_group);
            }
            keeps
        })
        .collect();
    for (entry, keeps) in entries.iter_mut().zip(keeps) {
        let keeps = keeps || groups.contains(&entry.link_group);
        if entry.keep_mtime != keeps {
            said.losses.add_path(Lost::KeepTime, &entry.path);
            entry.keep_mtime = keeps;
        }
    }
}

/// Reads what is about to be written, which must say what can be said.
fn check_metadata(document: &str, said: &Said) -> Result<(), Problem> {
    let limits = Limits::default();
    check_size(super::metadata::NAME, document, limits.metadata_bytes)?;
    let read = super::metadata::read(document.as_bytes(), &limits)?;
    let (scripts, entries) = (said.manifest.scripts.clone(), said.manifest.entries.clone());
    let complete = Manifest { scripts, entries, ..read.manifest };
    if complete != said.manifest || read.translations != said.translations {
        return Err(Problem::damaged(super::metadata::NAME, "it would not say what the manifest says"));
    }
    Ok(())
}

fn check_size(what: &str, document: &str, limit: u64) -> Result<(), Problem> {
    if document.len() as u64 > limit { Err(Problem::limit(what, limit)) } else { Ok(()) }
}

/// What failed while the package was written.
fn writing(source: std::io::Error) -> Problem {
    if source.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Problem>) {
        return Problem::from_stream("the package", source);
    }
    Problem::Io { operation: "write the package", source }
}

fn zipping(error: zip::result::ZipError) -> Problem {
    match error {
        zip::result::ZipError::Io(source) => writing(source),
        other => Problem::damaged("the zip container", other),
    }
}
