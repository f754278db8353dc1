//! Where a package's bytes are: an open file read by position, or memory (a mapped file of the store's own).
//!
//! Parts of one source share its handle and nothing else, so that several readers (a second decoder, another
//! thread) never move each other's position.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::Problem;

/// Bytes that can be shared between threads: a `Vec`, or a mapping.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The bytes of one package file; a clone is another handle of the same.
#[derive(Clone)]
pub(crate) enum Source {
    File(Arc<File>, u64),
    Bytes(SharedBytes),
}

impl Source {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<Source, Problem> {
        // Opening a pipe would wait for somebody to write to it.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Problem::not_a_package("it is not a regular file"));
        }
        let file = File::open(path).map_err(|source| Problem::Io { operation: "open it", source })?;
        let metadata = file.metadata().map_err(|source| Problem::Io { operation: "examine it", source })?;
        if !metadata.is_file() {
            return Err(Problem::not_a_package("it is not a regular file"));
        }
        Ok(Source::File(Arc::new(file), metadata.len()))
    }

    /// Length in bytes when it was opened.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Source::File(_, length) => *length,
            Source::Bytes(bytes) => bytes.as_ref().as_ref().len() as u64,
        }
    }

    /// Fills `buffer` with the bytes from `at`.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Source::File(file, _) => file.read_exact_at(buffer, at),
            Source::Bytes(_) => {
                let mut slice = self.slice(at, buffer.len() as u64);
                slice.read_exact(buffer)
            }
        }
    }

    /// Reads some bytes from `at`; 0 only at the end or for an empty buffer.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Source::File(file, _) => file.read_at(buffer, at),
            Source::Bytes(bytes) => {
                let bytes = bytes.as_ref().as_ref();
                let mut rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                rest.read(buffer)
            }
        }
    }

    /// The whole of it, where it is in memory.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Source::File(..) => None,
            Source::Bytes(bytes) => Some(bytes.as_ref().as_ref()),
        }
    }

    /// A reader of `length` bytes from `start`.
    pub(crate) fn slice(&self, start: u64, length: u64) -> Slice {
        Slice { source: self.clone(), start, length, position: 0 }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Source::File(..) => "File",
            Source::Bytes(_) => "Bytes",
        };
        f.debug_tuple(kind).field(&self.len()).finish()
    }
}

/// A part of a source, with a position of its own.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    source: Source,
    start: u64,
    length: u64,
    position: u64,
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let offset = self.start.checked_add(self.position).ok_or(io::ErrorKind::InvalidInput)?;
        let read = self.source.read_at(&mut buffer[..wanted], offset)?;
        if read == 0 {
            // The file became shorter after it was opened.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Slice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.length.checked_add_signed(delta),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl crate::lzma::Restart for Slice {
    fn restart(&self) -> Slice {
        Slice { position: 0, ..self.clone() }
    }
}
