//! The installed package that a delta is made against, with its content from the store.

use std::io::{self, Read};
use std::path::Path;

use ambar_pkgfmt::{Base, BaseNeeded, Contents, Draft, Manifest, Node};
use ambar_store::db::Reader;
use ambar_store::{Installed, ObjectId, Profile};

use crate::error::Error;

/// The installed package that the delta in `file` needs.
pub(crate) fn find_base<'i>(
    installed: &'i [Installed],
    needed: &BaseNeeded,
    file: &Path,
) -> Result<&'i Installed, Error> {
    let mut named = installed.iter().filter(|package| package.name == needed.name);
    let found = named.clone().next();
    let fits = |package: &&Installed| {
        needed.release.as_ref().is_none_or(|release| *release == package.release)
            && needed.id.is_none_or(|id| id == package.id)
    };
    named.find(fits).ok_or_else(|| Error::NoBase {
        file: file.into(),
        needed: Box::new(needed.clone()),
        installed: found.map(Installed::full_version),
    })
}

/// What a delta's reader needs of an installed package. SHA-1s come from what the store remembers of foreign
/// packages, as far as `draft` asks for them.
pub(crate) fn base(
    root: ambar_store::Root,
    reader: Option<&Reader>,
    package: &Installed,
    draft: &Draft,
) -> Result<Base, Error> {
    let manifest = root.store().manifest(package.id)?;
    let mut known = std::collections::HashMap::new();
    if let Some(reader) = reader {
        for sha1 in draft.entries.iter().filter_map(|entry| entry.sha1) {
            if let Some(digest) = reader.by_sha1(sha1)? {
                known.insert(digest, sha1);
            }
        }
    }
    let sha1 = |node: &Node| match node {
        Node::File { digest, .. } => known.get(digest).copied(),
        _ => None,
    };
    let sha1s = manifest.entries.iter().map(|entry| sha1(&entry.node)).collect();
    let contents = Stored { root, manifest: manifest.clone(), profile: package.profile };
    Ok(Base { manifest, sha1s, contents: Box::new(contents) })
}

/// The content of an installed package. What comes out is hashed by whoever reads it: an object that was
/// edited through a link is found there.
struct Stored {
    root: ambar_store::Root,
    manifest: Manifest,
    profile: Profile,
}

impl Contents for Stored {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let entry = self.manifest.entries.get(index).ok_or(io::ErrorKind::NotFound)?;
        match (ObjectId::of_entry(entry, self.profile), &entry.node) {
            (Some(object), _) => {
                let file = self.root.store().objects().open_object(&object).map_err(io::Error::other)?;
                Ok(Box::new(file))
            }
            // An empty file is no object.
            (None, Node::File { .. }) => Ok(Box::new(io::empty())),
            (None, _) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
