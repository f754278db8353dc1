//! A part of a file, read by position.
//!
//! Slices of one file share its handle and nothing else, so that several readers (a second decoder, another
//! thread) never move each other's position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// `length` bytes of a file from `start`, with a position of its own.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    file: Arc<File>,
    start: u64,
    length: u64,
    position: u64,
}

impl Slice {
    /// A reader at the start of those bytes.
    pub(super) fn new(file: &Arc<File>, start: u64, length: u64) -> Slice {
        Slice { file: Arc::clone(file), start, length, position: 0 }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let offset = self.start.checked_add(self.position).ok_or(io::ErrorKind::InvalidInput)?;
        let read = self.file.read_at(&mut buffer[..wanted], offset)?;
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
