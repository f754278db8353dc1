//! Content by entry or digest, in any order, for writers of other formats and for deltas.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::contents::Contents;
use crate::digest::Digest;
use crate::error::Problem;
use crate::manifest::Node;

use super::NativeFile;
use super::index::Group;
use super::payload::Stream;

/// Unpacked groups that are kept for whoever asks next; together at most 64 MiB, patches aside.
const KEPT: usize = 8;

/// The groups that were asked for last, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Vec<(usize, Arc<Vec<u8>>)>>);

impl Cache {
    fn get(&self, group: usize) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(each, _)| *each == group)?;
        let found = kept.remove(at);
        let bytes = Arc::clone(&found.1);
        kept.push(found);
        Some(bytes)
    }

    fn put(&self, group: usize, bytes: &Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(each, _)| *each != group);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((group, Arc::clone(bytes)));
    }
}

impl NativeFile {
    /// A stream of the content with that digest; only the frames that hold it are read.
    ///
    /// What it gives is what the frames hold, whose digests were compared; whether that is the content that the
    /// digest promises only the reader of the stream can tell.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the package has no such content; damage as a
    /// [`Problem`] inside.
    pub fn read_object(&self, digest: &Digest) -> io::Result<Box<dyn Read + '_>> {
        let not_found = || io::Error::from(io::ErrorKind::NotFound);
        let number = self.objects.number(digest).ok_or_else(not_found)?;
        let object = self.objects.get(number).ok_or_else(not_found)?;
        let Some(home) = self.index.homes.get(number).copied().flatten() else {
            return Ok(Box::new(self.in_base(object)?));
        };
        let group = self.index.groups.get(home.group).ok_or_else(not_found)?;
        if self.index.frames(group).len() > 1 {
            return Ok(Box::new(Stream::new(self, group)));
        }
        let bytes = self.kept(home.group, group)?;
        let mut content = Cursor::new(Shared(bytes));
        content.set_position(home.offset);
        Ok(Box::new(content.take(object.size)))
    }
}

impl NativeFile {
    /// The bytes of the group of that number, which are kept for whoever asks next.
    pub(super) fn kept(&self, number: usize, group: &Group) -> Result<Arc<Vec<u8>>, Problem> {
        if let Some(bytes) = self.cache.get(number) {
            return Ok(bytes);
        }
        let bytes = Arc::new(self.whole(group)?);
        self.cache.put(number, &bytes);
        Ok(bytes)
    }
}

impl Contents for NativeFile {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        match self.manifest.entries.get(index).map(|entry| &entry.node) {
            Some(Node::File { size: 0, .. }) => Ok(Box::new(io::empty())),
            Some(Node::File { digest, .. }) => self.read_object(digest),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Bytes that several readers share.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
