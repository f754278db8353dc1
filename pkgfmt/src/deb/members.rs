//! control.tar: the control file, the lists, and the scripts.
//!
//! Its members are regular files at its top, each once, with or without `./`; an entry for the top itself may be
//! there. `control`, `conffiles` and `md5sums` are read here; everything else (maintainer scripts, `config`,
//! `templates`, `triggers`, `shlibs`, `symbols`, and what others add) is data that is kept: a [`Script`] of the
//! system `deb` whose role is its name. Scripts are sorted by name. They are never run.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Script;
use crate::path::{PayloadPath, Shown};
use crate::payload::tarball::{self, Kind};
use crate::payload::{Metered, Unpacked, plain};

use super::ar::Archive;
use super::{conffiles, control, md5sums};

/// Most members; real packages have a dozen.
const MEMBERS: usize = 1000;

/// The members of control.tar.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) control: Vec<u8>,
    pub(super) conffiles: Vec<u8>,
    /// `None` when the package has no such list.
    pub(super) md5sums: Option<Vec<u8>>,
    pub(super) scripts: Vec<Script>,
    /// The content of each script.
    pub(super) contents: Vec<Vec<u8>>,
}

/// The control file alone: nothing behind it is read, which is most of control.tar.
pub(super) fn control_alone(archive: &Archive, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let what = archive.control.name.as_str();
    let unpacked = Unpacked::new(what, archive.read(&archive.control), archive.control.compression, limits)?;
    let stream = Metered::new(unpacked, archive.control.packed, None, limits);
    let mut control = None;
    let read = tarball::read(what, stream, |header, content| {
        if plain(&header.name) != control::NAME.as_bytes() || header.kind != Kind::File {
            return Ok(());
        }
        if header.size > limits.metadata_bytes {
            return Err(Problem::limit(control::NAME, limits.metadata_bytes));
        }
        let mut bytes = Vec::new();
        let shown = || format!("{what}: '{}'", control::NAME);
        content.read_to_end(&mut bytes).map_err(|error| Problem::from_stream(shown(), error))?;
        if bytes.len() as u64 != header.size {
            return Err(Problem::damaged(shown(), "it ends early"));
        }
        control = Some(bytes);
        Err(Problem::Stopped)
    });
    match (read, control) {
        (Err(Problem::Stopped), Some(control)) => Ok(control),
        (Err(problem), _) => Err(problem),
        (Ok(()), _) => Err(Problem::damaged(what, "it has no control file")),
    }
}

/// Reads all of control.tar.
pub(super) fn read(archive: &Archive, limits: &Limits) -> Result<Members, Problem> {
    let what = archive.control.name.as_str();
    let packed = archive.control.packed;
    let unpacked = Unpacked::new(what, archive.read(&archive.control), archive.control.compression, limits)?;
    let mut stream = Metered::new(unpacked, packed, None, limits);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut scripts_left = limits.script_bytes;
    tarball::read(what, &mut stream, |header, content| {
        let name = plain(&header.name);
        if name.is_empty() && header.kind == Kind::Directory {
            return Ok(());
        }
        let shown = || format!("{what}: '{}'", Shown(&header.name));
        PayloadPath::new(name).map_err(|error| Problem::forbidden(shown(), error))?;
        if header.kind != Kind::File || name.contains(&b'/') {
            return Err(Problem::forbidden(shown(), "only regular files belong there, in no directory"));
        }
        let name =
            std::str::from_utf8(name).map_err(|_| Problem::forbidden(shown(), "its name is not UTF-8"))?;
        if files.contains_key(name) {
            return Err(Problem::damaged(shown(), "it is there twice"));
        }
        if files.len() >= MEMBERS {
            return Err(Problem::limit(format_args!("{what}: the number of members"), MEMBERS as u64));
        }
        match name {
            control::NAME if header.size > limits.metadata_bytes => {
                return Err(Problem::limit(name, limits.metadata_bytes));
            }
            conffiles::NAME | md5sums::NAME if header.size > limits.file_list_bytes => {
                return Err(Problem::limit(name, limits.file_list_bytes));
            }
            control::NAME | conffiles::NAME | md5sums::NAME => {}
            _ => {
                let left = scripts_left.checked_sub(header.size);
                scripts_left =
                    left.ok_or_else(|| Problem::limit("the size of all scripts", limits.script_bytes))?;
            }
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| Problem::from_stream(shown(), error))?;
        if bytes.len() as u64 != header.size {
            return Err(Problem::damaged(shown(), "it ends early"));
        }
        files.insert(name.into(), bytes);
        Ok(())
    })?;
    if stream.stream.end()? {
        // Nothing vouches for what a second decoder made of it.
        return Err(Problem::damaged(what, "its compressed data is damaged"));
    }
    let control =
        files.remove(control::NAME).ok_or_else(|| Problem::damaged(what, "it has no control file"))?;
    let mut members = Members {
        control,
        conffiles: files.remove(conffiles::NAME).unwrap_or_default(),
        md5sums: files.remove(md5sums::NAME),
        ..Members::default()
    };
    for (name, content) in files {
        members.scripts.push(Script {
            system: "deb".into(),
            role: name.clone(),
            target: String::new(),
            file: name,
            size: content.len() as u64,
            digest: Digest::of(&content),
        });
        members.contents.push(content);
    }
    Ok(members)
}
