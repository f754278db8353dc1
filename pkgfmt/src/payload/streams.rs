//! Bounds around the payload's streams: what it may unpack to, and how long one file is.

use std::io::{self, Read};

use crate::error::Problem;
use crate::limits::Limits;
use crate::package::DraftEntry;

use super::python;

/// What a file list promises about the payload as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    pub(crate) entries: usize,
    /// Sum of the sizes, when every entry has one.
    pub(crate) bytes: Option<u64>,
}

impl Promise {
    /// What these entries promise together.
    pub(crate) fn of(entries: &[DraftEntry]) -> Promise {
        let bytes = entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.size?));
        Promise { entries: entries.len(), bytes }
    }
}

/// Ends a stream that unpacks to more than it may.
pub(crate) struct Metered<R> {
    /// The stream underneath.
    pub(crate) stream: R,
    bytes: u64,
    /// Most bytes in all.
    budget: u64,
    /// The limit that a stream past its budget breaks: for people.
    reason: String,
}

impl<R> Metered<R> {
    /// A payload that is packed into `packed` bytes and whose file list, where there is one, promises so many
    /// entries and bytes of content.
    pub(crate) fn new(stream: R, packed: u64, promise: Option<Promise>, limits: &Limits) -> Self {
        let by_ratio = limits.most_unpacked(packed);
        // Entry headers, long names, and padding; then as much as the entries promise, when all of them do.
        let entries = promise.map_or(limits.entries, |promise| promise.entries) as u64;
        let overhead = entries.saturating_add(64).saturating_mul(16 << 10);
        let promised = promise.and_then(|promise| promise.bytes);
        let by_entries = promised.map_or(u64::MAX, |sum| sum.saturating_add(overhead));
        let by_size = limits.payload_bytes.saturating_add(overhead);
        let budget = by_ratio.min(by_entries).min(by_size);
        let reason = if budget == by_entries {
            "what its file list promises".to_owned()
        } else if budget == by_size {
            "the size of a payload".to_owned()
        } else {
            format!("{} times its packed size", limits.ratio)
        };
        Metered { stream, bytes: 0, budget, reason }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.bytes += read as u64;
        if self.bytes > self.budget {
            return Err(Problem::limit(
                format_args!("the payload unpacks to more than {}; it", self.reason),
                self.budget,
            )
            .into());
        }
        Ok(read)
    }
}

/// A file's content on its way to the sink: exactly as long as promised, its first bytes and its error kept.
pub(super) struct Watched<'a> {
    content: &'a mut dyn Read,
    left: u64,
    /// The first bytes, as many as tell about a compiled Python file.
    pub(super) head: Vec<u8>,
    /// What the stream underneath failed with.
    pub(super) failed: Option<io::Error>,
}

impl<'a> Watched<'a> {
    /// The next `size` bytes of `content`.
    pub(super) fn new(content: &'a mut dyn Read, size: u64) -> Self {
        Watched { content, left: size, head: Vec::new(), failed: None }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let error = match self.content.read(&mut buffer[..wanted]) {
            Ok(0) => io::ErrorKind::UnexpectedEof.into(),
            Ok(read) => {
                let missing = python::HEAD.saturating_sub(self.head.len());
                self.head.extend_from_slice(&buffer[..read.min(missing)]);
                self.left -= read as u64;
                return Ok(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => error,
        };
        // The sink sees that there was an error, the caller of the reader sees which.
        self.failed = Some(error);
        Err(io::ErrorKind::InvalidData.into())
    }
}
