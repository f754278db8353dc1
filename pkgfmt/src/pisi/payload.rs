//! The payload as a stream: every member is one that files.xml lists, once, and of a kind that packages hold.
//!
//! Nothing is written here and no path is resolved, so there is no tree that a member could leave. Still a
//! package that tries is refused: a path that is not plainly inside, a member below a symlink, a hard link to
//! anything but an earlier regular file of the same payload, devices, FIFOs and sparse files. Sizes are checked
//! against files.xml before content is read, and content is handed on in bounded pieces.

use std::io::{self, BufReader, Read};

use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::{Coding, Decoder};
use crate::package::{DraftEntry, Member, PayloadSink};
use crate::path::{PayloadPath, Shown, compare_paths};

use super::Storage;
use super::container::Container;
use super::member::MemberReader;
use super::python::{self, Python};
use super::streams::{Metered, Watched};
use super::tarball::{self, Header, Kind};

/// What the container tells about each entry of the draft, besides content.
#[derive(Debug)]
pub struct Payload {
    pub(super) found: Vec<Option<Found>>,
    /// liblzma refused the stream and lzma-rs read it: only hashes can vouch for the content.
    pub(super) second_opinion: bool,
}

/// What the container tells about one entry.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) node: FoundNode,
    /// Permissions, where the container has them.
    pub(super) mode: Option<u16>,
    /// Owner and group, where the container has them.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mtime: Option<i64>,
    /// Of a compiled Python file: the modification time of its source, as it records it.
    pub(super) source_mtime: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) enum FoundNode {
    Directory,
    File,
    Symlink(Vec<u8>),
    /// Another name of the entry at that position, which is a `File`.
    HardLink(usize),
}

/// Reads the payload of `container` into `sink`.
pub(super) fn read(
    container: &Container,
    storage: &Storage,
    entries: &[DraftEntry],
    python: &Python,
    limits: &Limits,
    sink: &mut dyn PayloadSink,
) -> Result<Payload, Problem> {
    let mut reading = Reading {
        entries,
        python,
        limits,
        sink,
        found: vec![None; entries.len()],
        archive: storage.archive().to_owned(),
        bytes: 0,
        second_opinion: false,
    };
    match storage {
        Storage::Members => reading.members(container)?,
        Storage::Lzma(name) => reading.lzma(container, name, Coding::Lzma)?,
        Storage::Xz(name) => reading.lzma(container, name, Coding::Xz)?,
        Storage::Gzip(name) => {
            let (source, packed) = open(container, name)?;
            // One stream: what follows it is left for `tar`, which sees neither a member nor zeros there.
            let mut stream = Metered::new(
                flate2::bufread::GzDecoder::new(BufReader::new(source)),
                packed,
                entries,
                limits,
            );
            reading.tar(name, &mut stream)?;
            expect_end(name, stream.stream.into_inner())?;
        }
        Storage::Zstd(name) => {
            let (source, packed) = open(container, name)?;
            let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::new(source))
                .map_err(|error| Problem::from_stream(name, error))?
                .single_frame();
            decoder
                .window_log_max(limits.decoder_memory.max(1 << 10).ilog2().min(31))
                .map_err(|error| Problem::from_stream(name, error))?;
            let mut stream = Metered::new(decoder, packed, entries, limits);
            reading.tar(name, &mut stream)?;
            expect_end(name, stream.stream.finish())?;
        }
    }
    reading.check_parents()?;
    Ok(Payload { found: reading.found, second_opinion: reading.second_opinion })
}

fn open(container: &Container, name: &str) -> Result<(MemberReader, u64), Problem> {
    let member = container.find(name).ok_or_else(|| Problem::damaged(name, "it is missing"))?;
    Ok((container.read(member)?, member.size))
}

/// Refuses packed bytes after the end of the stream; reading to the end also checks the member's checksum.
fn expect_end(what: &str, mut rest: impl Read) -> Result<(), Problem> {
    match rest.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Problem::damaged(what, "data follows the end of the compressed stream")),
        Err(error) => Err(Problem::from_stream(what, error)),
    }
}

struct Reading<'a> {
    entries: &'a [DraftEntry],
    python: &'a Python,
    limits: &'a Limits,
    sink: &'a mut dyn PayloadSink,
    found: Vec<Option<Found>>,
    /// The member of the container that holds the payload, or nothing.
    archive: String,
    /// Bytes of content so far.
    bytes: u64,
    second_opinion: bool,
}

impl Reading<'_> {
    fn lzma(&mut self, container: &Container, name: &str, coding: Coding) -> Result<(), Problem> {
        let (source, packed) = open(container, name)?;
        let decoder = Decoder::new(source, coding, self.limits.decoder_memory)
            .map_err(|error| Problem::from_stream(name, error))?;
        let mut stream = Metered::new(decoder, packed, self.entries, self.limits);
        self.tar(name, &mut stream)?;
        self.second_opinion = stream.stream.had_second_opinion();
        Ok(())
    }

    fn tar(&mut self, name: &str, stream: &mut dyn Read) -> Result<(), Problem> {
        tarball::read(name, stream, |header, content| self.member(header, content))
    }

    /// The members say how long they are, and none is read further than that.
    fn check_ratio(&self, container: &Container) -> Result<(), Problem> {
        let payload = || container.members().iter().filter(|member| member.name.starts_with(b"install/"));
        let packed = payload().fold(0_u64, |sum, member| sum.saturating_add(member.packed));
        let unpacked = payload().fold(0_u64, |sum, member| sum.saturating_add(member.size));
        let bound = packed.saturating_mul(self.limits.ratio).max(self.limits.ratio_floor);
        if unpacked > bound {
            let what =
                format!("the payload unpacks to more than {} times its packed size; it", self.limits.ratio);
            return Err(Problem::limit(what, bound));
        }
        Ok(())
    }

    /// Format 1.0: the payload is in the container itself.
    fn members(&mut self, container: &Container) -> Result<(), Problem> {
        self.check_ratio(container)?;
        for member in container.members() {
            let Some(name) = member.name.strip_prefix(b"install/") else { continue };
            if name.is_empty() {
                continue;
            }
            let mode = (member.mode & 0o7777) as u16;
            let directory = name.ends_with(b"/");
            let kind = match member.mode & 0o170_000 {
                0o040_000 if directory => Kind::Directory,
                0 if directory => Kind::Directory,
                0 | 0o100_000 if !directory => Kind::File,
                0o120_000 if !directory => {
                    Kind::Symlink(container.read_all(member, crate::path::MAX_PATH as u64)?)
                }
                _ => {
                    return Err(Problem::forbidden(
                        member,
                        "it is neither a file, nor a directory, nor a symlink",
                    ));
                }
            };
            let size = if kind == Kind::File { member.size } else { 0 };
            let header = Header { name: name.into(), kind, size, mode, uid: 0, gid: 0, mtime: 0 };
            let has_mode = member.mode != 0;
            let mut content = container.read(member)?;
            let index = self.place(&header)?;
            if let Some(index) = index {
                let found = Found {
                    node: FoundNode::Directory,
                    mode: has_mode.then_some(mode),
                    owner: None,
                    mtime: None,
                    source_mtime: None,
                };
                self.take(index, header, found, &mut content)?;
            }
            // The member's checksum is looked at where its content ends.
            io::copy(&mut content, &mut io::sink()).map_err(|error| Problem::from_stream(member, error))?;
        }
        Ok(())
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
    fn place(&self, header: &Header) -> Result<Option<usize>, Problem> {
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
            Err(_) => Err(Problem::forbidden(path, "the payload holds it, and files.xml does not list it")),
        }
    }

    fn find(&self, path: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| compare_paths(entry.path.as_bytes(), path))
    }

    /// Takes a member as the entry at `index`.
    fn take(
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
                if target.is_empty() || target.contains(&0) || target.len() > crate::path::MAX_PATH {
                    return Err(Problem::damaged(
                        &entry.path,
                        "its target is empty, too long, or holds a NUL",
                    ));
                }
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
            _ => Err(Problem::forbidden(
                &entry.path,
                format_args!(
                    "it is a hard link to '{}', which is no earlier file of the payload",
                    Shown(target)
                ),
            )),
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
            let reason = format_args!("it has {size} bytes, files.xml promises {promised}");
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
            let inside = pair[1].path.starts_with(pair[0].path.as_bytes());
            let parent = match found {
                Some(Found { node: FoundNode::Symlink(_), .. }) => "a symlink",
                Some(Found { node: FoundNode::File | FoundNode::HardLink(_), .. }) => "a file",
                Some(Found { node: FoundNode::Directory, .. }) | None => continue,
            };
            if inside {
                let reason = format_args!("it is a file through {parent}, {}", pair[0].path);
                return Err(Problem::forbidden(&pair[1].path, reason));
            }
        }
        Ok(())
    }
}

/// A member's name without the `./` before it and the `/` after it that some archivers write.
fn plain(name: &[u8]) -> &[u8] {
    let name = if name == b"." { b"" } else { name };
    let name = name.strip_prefix(b"./").unwrap_or(name);
    name.strip_suffix(b"/").unwrap_or(name)
}
