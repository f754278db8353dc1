//! The pass over the content before anything is written: files.xml, which holds its hashes, comes first.

use std::io::{self, Read};

use crate::contents::Contents;
use crate::digest::{ContentHasher, Sha1Digest};
use crate::error::Problem;
use crate::manifest::{Entry, Node};
use crate::path::PayloadPath;

use crate::payload::python;

/// What the pass found of one entry.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// SHA-1 of a regular file's content.
    pub(super) sha1: Option<Sha1Digest>,
    /// Of a compiled Python file: the modification time of its source, as it records it.
    pub(super) source_mtime: Option<u32>,
}

/// For each entry the position of the regular file that holds its content: the first of its hard-link group,
/// or itself.
pub(super) fn leaders(entries: &[Entry]) -> Vec<usize> {
    let mut first = std::collections::HashMap::new();
    let leader = |(index, entry): (usize, &Entry)| match entry.link_group {
        0 => index,
        group => *first.entry(group).or_insert(index),
    };
    entries.iter().enumerate().map(leader).collect()
}

/// Reads every content once and compares it with the manifest.
pub(super) fn read(
    entries: &[Entry],
    leaders: &[usize],
    contents: &dyn Contents,
) -> Result<Vec<Found>, Problem> {
    let mut found: Vec<Found> = Vec::with_capacity(entries.len());
    for (index, (entry, &leader)) in entries.iter().zip(leaders).enumerate() {
        let one = match &entry.node {
            Node::File { .. } if leader == index => {
                let mut checked = Checked::open(contents, index, entry, true)?;
                let mut head = Vec::new();
                (&mut checked).take(python::HEAD as u64).read_to_end(&mut head).map_err(failed)?;
                io::copy(&mut checked, &mut io::sink()).map_err(failed)?;
                let compiled = python::is_compiled(&entry.path);
                let source_mtime = if compiled { python::source_mtime(&head) } else { None };
                Found { sha1: checked.finish(&entry.path)?, source_mtime }
            }
            Node::File { .. } => found.get(leader).copied().unwrap_or_default(),
            Node::Directory | Node::Symlink { .. } => Found::default(),
        };
        found.push(one);
    }
    Ok(found)
}

/// What failed while content was read.
fn failed(source: io::Error) -> Problem {
    Problem::Io { operation: "read the content to be packed", source }
}

/// A content that is compared with the manifest as it passes.
pub(super) struct Checked<'a> {
    content: Box<dyn Read + 'a>,
    hasher: ContentHasher,
    size: u64,
    node: &'a Node,
    left: u64,
}

impl<'a> Checked<'a> {
    /// The content of the entry at `index`.
    pub(super) fn open(
        contents: &'a dyn Contents,
        index: usize,
        entry: &'a Entry,
        with_sha1: bool,
    ) -> Result<Checked<'a>, Problem> {
        let content = contents.open(index).map_err(failed)?;
        let size = if let Node::File { size, .. } = entry.node { size } else { 0 };
        let hasher = ContentHasher::new(with_sha1);
        Ok(Checked { content, hasher, size, node: &entry.node, left: size })
    }

    /// Its SHA-1, where asked for, once it is known to be what the manifest says.
    pub(super) fn finish(mut self, path: &PayloadPath) -> Result<Option<Sha1Digest>, Problem> {
        let differs = || Problem::damaged(path, "its content is not what the manifest says");
        if self.left > 0 || self.content.read(&mut [0]).map_err(failed)? > 0 {
            return Err(differs());
        }
        let (length, found, sha1) = self.hasher.finish();
        match self.node {
            Node::File { digest, .. } if *digest == found && length == self.size => Ok(sha1),
            _ => Err(differs()),
        }
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.content.read(&mut buffer[..wanted])?;
        self.hasher.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}
