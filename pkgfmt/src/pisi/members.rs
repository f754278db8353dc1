//! The payload of format 1.0: members of the container, under `install/`.

use std::io;

use crate::error::Problem;
use crate::limits::Limits;
use crate::payload::tarball::{Header, Kind};
use crate::payload::{Found, FoundNode, Reading};

use super::container::Container;

/// Reads the members that are the payload.
pub(super) fn read(container: &Container, limits: &Limits, reading: &mut Reading<'_>) -> Result<(), Problem> {
    check_ratio(container, limits)?;
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
        let header =
            Header { name: name.into(), kind, size, mode, uid: 0, gid: 0, mtime: 0, owner_names: None };
        let has_mode = member.mode != 0;
        let mut content = container.read(member)?;
        let index = reading.place(&header)?;
        if let Some(index) = index {
            let found = Found {
                node: FoundNode::Directory,
                mode: has_mode.then_some(mode),
                owner: None,
                mtime: None,
                source_mtime: None,
            };
            reading.take(index, header, found, &mut content)?;
        }
        // The member's checksum is looked at where its content ends.
        io::copy(&mut content, &mut io::sink()).map_err(|error| Problem::from_stream(member, error))?;
    }
    Ok(())
}

/// The members say how long they are, and none is read further than that.
fn check_ratio(container: &Container, limits: &Limits) -> Result<(), Problem> {
    let payload = || container.members().iter().filter(|member| member.name.starts_with(b"install/"));
    let packed = payload().fold(0_u64, |sum, member| sum.saturating_add(member.packed));
    let unpacked = payload().fold(0_u64, |sum, member| sum.saturating_add(member.size));
    let bound = limits.most_unpacked(packed);
    if unpacked > bound {
        let what = format!("the payload unpacks to more than {} times its packed size; it", limits.ratio);
        return Err(Problem::limit(what, bound));
    }
    Ok(())
}
