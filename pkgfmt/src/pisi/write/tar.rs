//! The payload's tar: GNU headers, members in the order of paths, and nothing that the manifest does not say.
//!
//! Owners are numbers and the names in a header are `root`, as in every real package. The first name of a
//! hard-link group is a file and the others are links to it. Names of more than 100 bytes stand in a member of
//! their own before the one they are for. The archive ends like `tar` ends it, filled up to 20 blocks.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use crate::contents::Contents;
use crate::error::Problem;
use crate::manifest::{Entry, Node};

use super::hash::Checked;
use super::writing;

const BLOCK: u64 = 512;
const RECORD: u64 = 20 * BLOCK;
/// Bytes of a name or a link's target in a header.
const NAME: usize = 100;

/// Bytes that an archive of these entries has at most: to choose a dictionary, and between the two forms of a
/// zip member.
pub(super) fn bound(entries: &[Entry]) -> u64 {
    let member = |entry: &Entry| {
        let (size, link) = match &entry.node {
            Node::File { size, .. } => (*size, entry.path.as_bytes().len()),
            Node::Symlink { target } => (0, target.len()),
            Node::Directory => (0, 0),
        };
        let names = (entry.path.as_bytes().len() + link) as u64 + 6 * BLOCK;
        size.saturating_add(BLOCK).saturating_add(names)
    };
    entries.iter().map(member).fold(2 * RECORD, u64::saturating_add)
}

/// Writes the archive of those entries that `chosen` picks. Links go to the first name that is picked.
pub(super) fn write(
    entries: &[Entry],
    leaders: &[usize],
    chosen: &dyn Fn(usize) -> bool,
    contents: &dyn Contents,
    out: &mut dyn Write,
) -> Result<(), Problem> {
    let mut bytes = 0_u64;
    let mut first = std::collections::HashMap::new();
    for (index, entry) in entries.iter().enumerate().filter(|(index, _)| chosen(*index)) {
        let name = entry.path.as_bytes();
        let leader = leaders.get(index).copied().unwrap_or(index);
        let leader = *first.entry(leader).or_insert(index);
        let (kind, link, size) = match &entry.node {
            Node::Directory => (EntryType::Directory, &[][..], 0),
            Node::Symlink { target } => (EntryType::Symlink, target.as_slice(), 0),
            Node::File { size, .. } if leader == index => (EntryType::Regular, &[][..], *size),
            Node::File { .. } => {
                let target = entries.get(leader).map_or(&[][..], |first| first.path.as_bytes());
                (EntryType::Link, target, 0)
            }
        };
        let name = if kind == EntryType::Directory { [name, b"/"].concat() } else { name.to_vec() };
        bytes += long(&name, EntryType::GNULongName, out)?;
        bytes += long(link, EntryType::GNULongLink, out)?;
        out.write_all(header(entry, kind, &name, link, size).as_bytes()).map_err(writing)?;
        bytes += BLOCK;
        if kind == EntryType::Regular {
            let mut content = Checked::open(contents, index, entry, false)?;
            copy(&mut content, out)?;
            content.finish(&entry.path)?;
            bytes += fill(size, BLOCK, out)? + size;
        }
    }
    let end = (bytes + 2 * BLOCK).next_multiple_of(RECORD) - bytes;
    io::copy(&mut io::repeat(0).take(end), out).map_err(writing)?;
    Ok(())
}

/// Copies content, and tells what could not be read from what could not be written.
fn copy(content: &mut impl Read, out: &mut dyn Write) -> Result<(), Problem> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => out.write_all(&buffer[..read]).map_err(writing)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Problem::Io { operation: "read the content to be packed", source }),
        }
    }
}

fn header(entry: &Entry, kind: EntryType, name: &[u8], link: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(entry.mode.into());
    header.set_uid(entry.uid.into());
    header.set_gid(entry.gid.into());
    header.set_size(size);
    if let Some(gnu) = header.as_gnu_mut() {
        put(&mut gnu.name, name);
        put(&mut gnu.linkname, link);
        put(&mut gnu.uname, b"root");
        put(&mut gnu.gname, b"root");
    }
    set_mtime(&mut header, entry.mtime.unwrap_or(0));
    header.set_cksum();
    header
}

fn set_mtime(header: &mut Header, mtime: i64) {
    match u64::try_from(mtime) {
        Ok(mtime) => header.set_mtime(mtime),
        // Twelve bytes of two's complement, whose first byte is then 0xff.
        Err(_) => {
            if let Some(gnu) = header.as_gnu_mut() {
                gnu.mtime = [0xff; 12];
                gnu.mtime[4..].copy_from_slice(&mtime.to_be_bytes());
            }
        }
    }
}

fn put(field: &mut [u8], bytes: &[u8]) {
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// The member before one whose name or target is too long for a header; returns how many bytes it takes.
fn long(name: &[u8], kind: EntryType, out: &mut dyn Write) -> Result<u64, Problem> {
    if name.len() <= NAME {
        return Ok(0);
    }
    let size = name.len() as u64 + 1;
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    if let Some(gnu) = header.as_gnu_mut() {
        put(&mut gnu.name, b"././@LongLink");
    }
    header.set_cksum();
    out.write_all(header.as_bytes()).map_err(writing)?;
    out.write_all(name).map_err(writing)?;
    out.write_all(&[0]).map_err(writing)?;
    Ok(BLOCK + size + fill(size, BLOCK, out)?)
}

/// Zeros up to the next multiple of `unit`; returns how many.
fn fill(size: u64, unit: u64, out: &mut dyn Write) -> Result<u64, Problem> {
    let missing = size.next_multiple_of(unit) - size;
    io::copy(&mut io::repeat(0).take(missing), out).map_err(writing)
}
