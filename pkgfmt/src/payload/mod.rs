//! The payload as a stream: every member is one that the file list has, once, and of a kind that packages hold.
//!
//! Nothing is written here and no path is resolved, so there is no tree that a member could leave. Still a
//! package that tries is refused: a path that is not plainly inside, a member below a symlink, a hard link to
//! anything but an earlier regular file of the same payload, devices, FIFOs and sparse files. Sizes are checked
//! against the file list before content is read, and content is handed on in bounded pieces.
//!
//! `compression` unpacks, `tarball` finds the members, `streams` bounds both; [`Reading`] matches members with
//! the entries of a draft, and `finish` makes a manifest of what was promised and what was found. For a format
//! that has no file list, `scan` makes one from the archive's headers.

mod compression;
pub(crate) mod finish;
pub(crate) mod python;
mod scan;
mod streams;
pub(crate) mod tarball;

use std::io::{self, Read};

use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::Restart;
use crate::package::{DraftEntry, DraftNode, Member, PayloadSink};
use crate::path::{PayloadPath, Shown, compare_paths};

pub(crate) use compression::{Compression, Unpacked};
pub(crate) use scan::scan;
pub(crate) use streams::{Metered, Promise};

use python::Python;
use streams::Watched;
use tarball::{Header, Kind};

/// What the container tells about each entry of the draft, besides content.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) found: Vec<Option<Found>>,
    /// The first decoder refused the stream and a second one read it: only hashes can vouch for the content.
    pub(crate) second_opinion: bool,
}

/// What the container tells about one entry.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) node: FoundNode,
    /// Permissions, where the container has them.
    pub(crate) mode: Option<u16>,
    /// Owner and group, where the container has them.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mtime: Option<i64>,
    /// Of a compiled Python file: the modification time of its source, as it records it.
    pub(crate) source_mtime: Option<u32>,
}

#[derive(Debug, Clone)]
pub(crate) enum FoundNode {
    Directory,
    File,
    Symlink(Vec<u8>),
    /// Another name of the entry at that position, which is a `File`.
    HardLink(usize),
}

/// A payload being read: what the file list promises, and what has been found of it.
pub(crate) struct Reading<'a> {
    entries: &'a [DraftEntry],
    python: &'a Python,
    limits: &'a Limits,
    sink: &'a mut dyn PayloadSink,
    found: Vec<Option<Found>>,
    /// What the list is called, in messages.
    list: &'static str,
    /// The member of the container that holds the payload, or nothing.
    archive: String,
    /// Bytes of content so far.
    bytes: u64,
    second_opinion: bool,
}

impl<'a> Reading<'a> {
    /// A reading of the payload that `entries`, which came from `list`, describe.
    pub(crate) fn new(
        entries: &'a [DraftEntry],
        list: &'static str,
        python: &'a Python,
        limits: &'a Limits,
        sink: &'a mut dyn PayloadSink,
    ) -> Self {
        let found = vec![None; entries.len()];
        Reading {
            entries,
            python,
            limits,
            sink,
            found,
            list,
            archive: String::new(),
            bytes: 0,
            second_opinion: false,
        }
    }

    /// Reads the tar `name`, which is `packed` bytes long as it lies in `source`.
    pub(crate) fn archive<S: Restart>(
        &mut self,
        name: &str,
        source: S,
        packed: u64,
        compression: Compression,
    ) -> Result<(), Problem> {
        name.clone_into(&mut self.archive);
        let unpacked = Unpacked::new(name, source, compression, self.limits)?;
        let mut stream = Metered::new(unpacked, packed, Some(Promise::of(self.entries)), self.limits);
        tarball::read(name, &mut stream, |header, content| self.member(header, content))?;
        self.second_opinion |= stream.stream.end()?;
        Ok(())
    }

    /// Whether the entry at `index` has been found.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.found.get(index).is_some_and(Option::is_some)
    }

    /// Ends the reading: what it found.
    pub(crate) fn end(self) -> Result<Payload, Problem> {
        self.check_parents()?;
        Ok(Payload { found: self.found, second_opinion: self.second_opinion })
    }

    /// A member of a tar.
    fn member(&mut self, header: Header, content: &mut dyn Read) -> Result<(), Problem> {
        let Some(index) = self.place(&header)? else { return Ok(()) };
        let found = Found {
            node: FoundNode::Directory,
            mode: Some(header.mode),
            owner: Some((header.uid, header.gid)),
            mtime: Some(header.mtime),
            source_mtime: None,
        };
        self.take(index, header, found, content)
    }

    /// The entry that a member is; `None` for a directory that is not listed and holds something that is.
    pub(crate) fn place(&self, header: &Header) -> Result<Option<usize>, Problem> {
        let name = plain(&header.name);
        let directory = header.kind == Kind::Directory;
        if directory && name.is_empty() {
            return Ok(None);
        }
        let path = PayloadPath::new(name)
            .map_err(|error| Problem::forbidden(format_args!("payload: '{}'", Shown(&header.name)), error))?;
        match self.find(path.as_bytes()) {
            Ok(index) if self.found[index].is_some() => {
                Err(Problem::damaged(path, "the payload holds it twice"))
            }
            Ok(index) => Ok(Some(index)),
            // What lies below a path follows it in the order of paths.
            Err(next) if directory && self.entries.get(next).is_some_and(|e| e.path.starts_with(name)) => {
                Ok(None)
            }
            Err(_) => Err(Problem::forbidden(
                path,
                format_args!("the payload holds it, and {} does not list it", self.list),
            )),
        }
    }

    fn find(&self, path: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| compare_paths(entry.path.as_bytes(), path))
    }

    /// Takes a member as the entry at `index`.
    pub(crate) fn take(
        &mut self,
        index: usize,
        header: Header,
        mut found: Found,
        content: &mut dyn Read,
    ) -> Result<(), Problem> {
        let entry = &self.entries[index];
        found.node = match header.kind {
            Kind::Directory => FoundNode::Directory,
            Kind::Symlink(target) => {
                check_target(&entry.path, &target)?;
                FoundNode::Symlink(target)
            }
            Kind::HardLink(target) => FoundNode::HardLink(self.leader(entry, &target)?),
            Kind::File => {
                found.source_mtime = self.file(index, header.size, found.mtime, content)?;
                FoundNode::File
            }
        };
        self.found[index] = Some(found);
        Ok(())
    }

    /// The regular file that a hard link names.
    fn leader(&self, entry: &DraftEntry, target: &[u8]) -> Result<usize, Problem> {
        let index = self.find(plain(target)).ok();
        match index.and_then(|index| Some((index, self.found[index].as_ref()?))) {
            Some((index, Found { node: FoundNode::File, .. })) => Ok(index),
            Some((_, Found { node: FoundNode::HardLink(leader), .. })) => Ok(*leader),
            _ => Err(scan::no_leader(&entry.path, target)),
        }
    }

    /// Hands a regular file on; returns the time that it records of its source.
    fn file(
        &mut self,
        index: usize,
        size: u64,
        mtime: Option<i64>,
        content: &mut dyn Read,
    ) -> Result<Option<u32>, Problem> {
        let entry = &self.entries[index];
        if let Some(promised) = entry.size.filter(|&promised| promised != size) {
            let reason = format_args!("it has {size} bytes, {} promises {promised}", self.list);
            return Err(Problem::damaged(&entry.path, reason));
        }
        self.bytes = self
            .bytes
            .checked_add(size)
            .filter(|&bytes| bytes <= self.limits.payload_bytes)
            .ok_or_else(|| Problem::limit("the size of the payload", self.limits.payload_bytes))?;
        let member = Member { index, size, mtime, may_keep_mtime: self.python.is_source(index) };
        let mut content = Watched::new(content, size);
        let result = if size <= self.limits.small_file {
            let mut bytes = Vec::with_capacity(size.min(64 << 10) as usize);
            match content.read_to_end(&mut bytes) {
                Ok(_) => self.sink.small(member, bytes),
                Err(_) => Ok(()),
            }
        } else {
            self.sink.large(member, &mut content)
        };
        // An error of the stream tells more than that the sink stopped because of it.
        if let Some(error) = content.failed {
            return Err(self.broken(entry, error));
        }
        result.map_err(|_| Problem::Stopped)?;
        // A sink may leave a rest; the start of the next member needs it gone, and its errors seen.
        io::copy(&mut content, &mut io::sink()).map_err(|error| self.broken(entry, error))?;
        Ok(if python::is_compiled(&entry.path) { python::source_mtime(&content.head) } else { None })
    }

    /// An error of the stream, met inside an entry's content.
    fn broken(&self, entry: &DraftEntry, error: io::Error) -> Problem {
        match self.archive.as_str() {
            "" => Problem::from_stream(&entry.path, error),
            archive => Problem::from_stream(format_args!("{archive}: {}", entry.path), error),
        }
    }

    /// No entry lies below one that the payload has as a symlink or a file.
    fn check_parents(&self) -> Result<(), Problem> {
        for (pair, found) in self.entries.windows(2).zip(&self.found) {
            let parent = match found.as_ref().map(|found| &found.node) {
                Some(FoundNode::Symlink(target)) => DraftNode::Symlink(target.clone()),
                Some(FoundNode::File | FoundNode::HardLink(_)) => DraftNode::File,
                Some(FoundNode::Directory) | None => continue,
            };
            if pair[1].path.starts_with(pair[0].path.as_bytes()) {
                return Err(below(&pair[1].path, &pair[0].path, Some(&parent)));
            }
        }
        Ok(())
    }
}

/// An entry that lies below one that is no directory.
fn below(path: &PayloadPath, parent: &PayloadPath, node: Option<&DraftNode>) -> Problem {
    let what = if matches!(node, Some(DraftNode::Symlink(_))) { "a symlink" } else { "a file" };
    Problem::forbidden(path, format_args!("it is a file through {what}, {parent}"))
}

/// The rules for a symlink's target, which is data otherwise.
fn check_target(path: &PayloadPath, target: &[u8]) -> Result<(), Problem> {
    if target.is_empty() || target.contains(&0) || target.len() > crate::path::MAX_PATH {
        return Err(Problem::damaged(path, "its target is empty, too long, or holds a NUL"));
    }
    Ok(())
}

/// A member's name without the `./` before it and the `/` after it that some archivers write.
pub(crate) fn plain(name: &[u8]) -> &[u8] {
    let name = if name == b"." { b"" } else { name };
    let name = name.strip_prefix(b"./").unwrap_or(name);
    name.strip_suffix(b"/").unwrap_or(name)
}
