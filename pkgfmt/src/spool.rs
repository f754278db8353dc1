//! A package's content set aside in a temporary file, for writers, which want it in an order of their own.

use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use crate::contents::Contents;
use crate::digest::{ContentHasher, Digest};
use crate::error::{Error, Problem};
use crate::manifest::{Manifest, Node};
use crate::package::{Hashed, Member, PackageFile, Payload, PayloadSink, Stopped};
use crate::source::Source;

/// The content of a package's regular files.
#[derive(Debug)]
pub struct Spool {
    source: Source,
    /// Where the content of each entry of the manifest lies, for regular files.
    places: Vec<Option<Place>>,
}

/// Position and length of one content.
type Place = (u64, u64);

impl Spool {
    /// Reads a whole package, every entry checked against what the package promises. `stop` is asked now and
    /// then whether to give up. The temporary file has no name: it goes when the spool goes.
    ///
    /// # Errors
    /// [`Error`] for whatever is wrong with the package, and where no temporary file can be written.
    pub fn read(package: &mut PackageFile, stop: &dyn Fn() -> bool) -> Result<(Manifest, Spool), Error> {
        let file = tempfile::tempfile().map_err(|error| no_room(package, error))?;
        let (manifest, sink) =
            read_into(package, BufWriter::with_capacity(1 << 20, file), stop, PackageFile::read_payload)?;
        let file = sink.out.into_inner().map_err(|error| no_room(package, error.into_error()))?;
        let source = Source::File(Arc::new(file), sink.end);
        // One member may stand for several entries: hard links, or all files of one content.
        let both = sink.placed.iter().zip(&sink.hashed);
        let by_digest: HashMap<Digest, Place> =
            both.filter_map(|(place, hashed)| Some((hashed.as_ref()?.digest, (*place)?))).collect();
        let place = |node: &Node| match node {
            Node::File { size: 0, .. } => Some((0, 0)),
            Node::File { digest, .. } => by_digest.get(digest).copied(),
            _ => None,
        };
        let places = manifest.entries.iter().map(|entry| place(&entry.node)).collect();
        Ok((manifest, Spool { source, places }))
    }
}

impl Contents for Spool {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let (start, length) = self.places.get(index).copied().flatten().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(BufReader::with_capacity(64 << 10, self.source.slice(start, length))))
    }
}

/// Reads a whole package and lets its content go: every entry is checked against what the package promises,
/// and against the MD5 sums that it lists.
///
/// # Errors
/// As [`Spool::read`].
pub fn check(package: &mut PackageFile, stop: &dyn Fn() -> bool) -> Result<Manifest, Error> {
    let mut md5 = package.md5_check()?;
    let read =
        |package: &PackageFile, sink: &mut dyn PayloadSink| package.read_payload(&mut md5.around(sink));
    let (manifest, _) = read_into(package, io::sink(), stop, read)?;
    md5.finish(&manifest)?;
    Ok(manifest)
}

fn read_into<'s, W: Write>(
    package: &mut PackageFile,
    out: W,
    stop: &'s dyn Fn() -> bool,
    read: impl FnOnce(&PackageFile, &mut dyn PayloadSink) -> Result<Payload, Error>,
) -> Result<(Manifest, Sink<'s, W>), Error> {
    package.list()?;
    let entries = &package.draft().entries;
    let mut sink = Sink {
        out,
        end: 0,
        placed: vec![None; entries.len()],
        hashed: vec![None; entries.len()],
        wants_sha1: entries.iter().map(|entry| entry.sha1.is_some()).collect(),
        stop,
        failed: None,
    };
    let read = read(package, &mut sink);
    if let Some(source) = sink.failed.take() {
        return Err(no_room(package, source));
    }
    let manifest = package.finish(&read?, &sink.hashed)?;
    Ok((manifest, sink))
}

fn no_room(package: &PackageFile, source: io::Error) -> Error {
    Error::new(package.path(), Problem::Io { operation: "write a temporary file for it", source })
}

struct Sink<'s, W> {
    out: W,
    end: u64,
    placed: Vec<Option<Place>>,
    hashed: Vec<Option<Hashed>>,
    wants_sha1: Vec<bool>,
    stop: &'s dyn Fn() -> bool,
    failed: Option<io::Error>,
}

impl<W: Write> PayloadSink for Sink<'_, W> {
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        self.large(member, &mut content.as_slice())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let mut hasher = ContentHasher::new(self.wants_sha1[member.index]);
        let mut buffer = vec![0; 256 << 10];
        loop {
            if (self.stop)() {
                return Err(Stopped);
            }
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    if let Err(error) = self.out.write_all(&buffer[..read]) {
                        self.failed = Some(error);
                        return Err(Stopped);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The package's reader says what was wrong with it.
                Err(_) => return Err(Stopped),
            }
        }
        let (size, digest, sha1) = hasher.finish();
        self.placed[member.index] = Some((self.end, size));
        self.hashed[member.index] = Some(Hashed { size, digest, sha1 });
        self.end += size;
        Ok(())
    }
}
