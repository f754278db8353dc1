//! The order in which a writer stores objects, and which of them share a frame.
//!
//! A format rule only says what a group is; which objects are together is the writer's choice. Files of one
//! extension compress best beside each other, and within an extension those of one directory.

use crate::manifest::Manifest;

use super::index::FRAME_BYTES;
use super::objects::Objects;

/// The numbers of `wanted` objects, group by group.
pub(super) fn arrange(manifest: &Manifest, objects: &Objects, mut wanted: Vec<usize>) -> Vec<Vec<usize>> {
    let path = |number: usize| {
        let entry = objects.get(number).and_then(|object| manifest.entries.get(object.entry));
        entry.map(|entry| &entry.path)
    };
    wanted.sort_by_cached_key(|&number| {
        let path = path(number);
        (path.map(|path| extension(path.file_name()).to_vec()), path.cloned())
    });
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for number in wanted {
        let size = objects.get(number).map_or(0, |object| object.size);
        match groups.last_mut() {
            Some(group) if size <= room => group.push(number),
            _ => {
                groups.push(vec![number]);
                room = FRAME_BYTES;
            }
        }
        room = room.saturating_sub(size);
    }
    groups
}

/// What follows the last dot of a file's name; a name may start with one that counts for nothing.
pub(super) fn extension(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if dot > 0 => name.get(dot + 1..).unwrap_or_default(),
        _ => b"",
    }
}
