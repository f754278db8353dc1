//! The order in which a writer stores objects, and which of them share a frame.
//!
//! The format only says what a group is; which objects are together is the writer's choice. Path order proved
//! as good as any by extension, name or type: one directory holds what is alike. What costs is a frame's end
//! among files that are alike, so a frame that is half full ends where paths differ most. Measured, at level 19
//! against one stream over a sorted tar: C library 106.0 % with frames filled to the brim, 100.0 % so.

use crate::manifest::Manifest;
use crate::path::PayloadPath;

use super::index::FRAME_BYTES;
use super::objects::Objects;

/// Bytes that a frame holds at least before it may end early.
const HALF: u64 = FRAME_BYTES / 2;

/// The numbers of `wanted` objects, group by group. They ascend, which is the order of their paths.
pub(super) fn arrange(manifest: &Manifest, objects: &Objects, wanted: &[usize]) -> Vec<Vec<usize>> {
    let size = |position: usize| {
        wanted.get(position).and_then(|&number| objects.get(number)).map_or(0, |object| object.size)
    };
    let path = |position: usize| {
        let object = wanted.get(position).and_then(|&number| objects.get(number))?;
        manifest.entries.get(object.entry).map(|entry| &entry.path)
    };
    let mut groups = Vec::new();
    let (mut start, mut filled, mut position) = (0, 0_u64, 0);
    while position < wanted.len() {
        if position == start || filled.saturating_add(size(position)) <= FRAME_BYTES {
            filled = filled.saturating_add(size(position));
            position += 1;
            continue;
        }
        // The end of the frame may be before any object that leaves it half full.
        let mut end = position;
        let mut shared = shared_directories(path(end - 1), path(end));
        let mut candidate = position;
        while candidate > start + 1 {
            candidate -= 1;
            filled -= size(candidate);
            if filled < HALF {
                break;
            }
            let here = shared_directories(path(candidate - 1), path(candidate));
            if here < shared {
                (end, shared) = (candidate, here);
            }
        }
        groups.push(wanted.get(start..end).unwrap_or_default().to_vec());
        (start, filled, position) = (end, 0, end);
    }
    if start < wanted.len() {
        groups.push(wanted.get(start..).unwrap_or_default().to_vec());
    }
    groups
}

/// How many directories lead to both paths.
fn shared_directories(a: Option<&PayloadPath>, b: Option<&PayloadPath>) -> usize {
    let (Some(a), Some(b)) = (a, b) else { return 0 };
    let same = a.components().zip(b.components()).take_while(|(a, b)| a == b).count();
    // The last component is the file's own name.
    same.min(a.components().count() - 1).min(b.components().count() - 1)
}

/// What follows the last dot of a file's name; a name may start with one that counts for nothing.
pub(super) fn extension(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if dot > 0 => name.get(dot + 1..).unwrap_or_default(),
        _ => b"",
    }
}
