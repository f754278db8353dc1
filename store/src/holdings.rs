//! What a package holds in the store: its documents and the objects of its files.

use std::collections::BTreeMap;

use ambar_pkgfmt::{Digest, Manifest, Node, PackageId};

use crate::object::{OBJECT_MTIME, ObjectId, Profile};

/// Every distinct object of a package under `profile`, with its length in bytes and its time on disk. The
/// lengths of the manifest and the translations are given, as the caller has their bytes.
#[must_use]
pub fn holdings(
    manifest: &Manifest,
    id: (PackageId, u64),
    translations: Option<(Digest, u64)>,
    profile: Profile,
) -> BTreeMap<ObjectId, (u64, i64)> {
    let mut held = BTreeMap::new();
    held.insert(ObjectId::document(id.0.0), (id.1, OBJECT_MTIME));
    if let Some((digest, length)) = translations {
        held.insert(ObjectId::document(digest), (length, OBJECT_MTIME));
    }
    for script in manifest.scripts.iter().filter(|script| script.size > 0) {
        held.insert(ObjectId::document(script.digest), (script.size, OBJECT_MTIME));
    }
    for entry in &manifest.entries {
        if let (Some(object), Node::File { size, .. }) = (ObjectId::of_entry(entry, profile), &entry.node) {
            held.insert(object, (*size, profile.metadata(entry).mtime));
        }
    }
    held
}

/// The paths of a package's files and links: what the database finds owners by.
#[must_use]
pub fn owned_paths(manifest: &Manifest) -> Vec<Vec<u8>> {
    let files = manifest.entries.iter().filter(|entry| !matches!(entry.node, Node::Directory));
    files.map(|entry| entry.path.as_bytes().to_vec()).collect()
}
