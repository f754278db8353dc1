//! The file list of a payload that comes without one: the archive is read once for its headers.
//!
//! The same rules hold as for a payload that is listed (`super`), so what passes here is met again, unchanged,
//! when the content is read.

use std::collections::HashMap;

use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::Restart;
use crate::package::{DraftEntry, DraftNode};
use crate::path::{PayloadPath, Shown};

use super::compression::{Compression, Unpacked};
use super::streams::Metered;
use super::tarball::{self, Header, Kind};
use super::{check_target, plain};

/// Reads the tar `what`, which is `packed` bytes long as it lies in `source`; the entries come back sorted by
/// path, each path once.
pub(crate) fn scan<S: Restart>(
    what: &str,
    source: S,
    packed: u64,
    compression: Compression,
    limits: &Limits,
) -> Result<Vec<DraftEntry>, Problem> {
    let mut stream = Unpacked::new(what, source, compression, limits)?;
    let mut entries: Vec<DraftEntry> = Vec::new();
    // Positions of regular files, for the hard links that name them.
    let mut files: HashMap<PayloadPath, usize> = HashMap::new();
    let mut bytes = 0_u64;
    tarball::read(what, Metered::new(&mut stream, packed, None, limits), |header, _| {
        let name = plain(&header.name);
        if header.kind == Kind::Directory && name.is_empty() {
            return Ok(());
        }
        let path = PayloadPath::new(name)
            .map_err(|error| Problem::forbidden(format_args!("payload: '{}'", Shown(&header.name)), error))?;
        if entries.len() >= limits.entries {
            return Err(Problem::limit("the number of files", limits.entries as u64));
        }
        bytes = bytes
            .checked_add(header.size)
            .filter(|&bytes| bytes <= limits.payload_bytes)
            .ok_or_else(|| Problem::limit("the size of the payload", limits.payload_bytes))?;
        let mut entry = DraftEntry::new(path);
        entry.mode = Some(header.mode);
        (entry.uid, entry.gid) = (Some(header.uid), Some(header.gid));
        entry.mtime = Some(header.mtime);
        entry.owner_names = owner_names(&header);
        match header.kind {
            Kind::Directory => entry.node = Some(DraftNode::Directory),
            Kind::File => {
                (entry.node, entry.size) = (Some(DraftNode::File), Some(header.size));
                files.insert(entry.path.clone(), entries.len());
            }
            Kind::Symlink(target) => {
                check_target(&entry.path, &target)?;
                entry.size = Some(target.len() as u64);
                entry.mode = Some(0o777);
                entry.node = Some(DraftNode::Symlink(target));
            }
            Kind::HardLink(target) => {
                let leader = PayloadPath::new(plain(&target)).ok().and_then(|path| files.get(&path).copied());
                let Some(leader) = leader else {
                    return Err(no_leader(&entry.path, &target));
                };
                (entry.node, entry.size) = (Some(DraftNode::File), entries[leader].size);
                files.insert(entry.path.clone(), leader);
            }
        }
        entries.push(entry);
        Ok(())
    })?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    for pair in entries.windows(2) {
        if pair[0].path == pair[1].path {
            return Err(Problem::damaged(&pair[0].path, "the payload holds it twice"));
        }
        if pair[1].path.starts_with(pair[0].path.as_bytes()) && pair[0].node != Some(DraftNode::Directory) {
            return Err(super::below(&pair[1].path, &pair[0].path, pair[0].node.as_ref()));
        }
    }
    stream.end()?;
    Ok(entries)
}

/// A hard link that names no earlier file.
pub(super) fn no_leader(path: &PayloadPath, target: &[u8]) -> Problem {
    let reason =
        format_args!("it is a hard link to '{}', which is no earlier file of the payload", Shown(target));
    Problem::forbidden(path, reason)
}

/// Owner and group by name, where they say more than that they are root's.
fn owner_names(header: &Header) -> Option<(String, String)> {
    let (user, group) = header.owner_names.as_ref()?;
    let plain = |name: &str| name.is_empty() || name == "root";
    (!(plain(user) && plain(group))).then(|| (user.clone(), group.clone()))
}
