//! Paths that packages of a plan have in common, before anything is touched.

use ambar_pkgfmt::{Digest, Draft, DraftNode, Entry, Instance, Manifest, Node};
use ambar_store::{Contents, Profile, Tree};

use super::Base;
use super::candidates::{Candidate, is_file};
use crate::error::Error;
use crate::plan::Options;

/// Merges the trees as far as file lists can tell, and so finds paths that two packages claim, and directories
/// that they disagree about. What may be a symlink only the payload tells: such entries are left out here, and
/// looked at again when the tree is made.
pub(super) fn check_paths(
    base: &Base,
    candidates: &[Candidate],
    profile: Profile,
    goes: &dyn Fn(&Instance) -> bool,
    options: &Options,
) -> Result<Vec<String>, Error> {
    let listed: Vec<Manifest> = candidates.iter().map(|new| as_listed(&new.draft)).collect();
    let kept = base.manifests.iter().zip(base.installed()).filter(|(_, package)| !goes(&package.instance()));
    let mut contents: Vec<Contents<'_>> = kept
        .map(|(manifest, package)| Contents {
            manifest,
            profile: package.profile,
            overwrites: false,
            listed: false,
        })
        .chain(listed.iter().map(|manifest| Contents {
            manifest,
            profile,
            overwrites: options.overwrite,
            listed: true,
        }))
        .collect();
    contents.sort_by_cached_key(|package| package.manifest.instance());
    let recorded = base.live.as_ref().map_or(&[][..], |(record, _)| &record.overwrites);
    Ok(Tree::merge(contents, recorded)?.notes)
}

/// A draft as a manifest. Where only the payload tells what an entry is, one with a hash is a file, unless its
/// mode is that of links, and one without a directory.
fn as_listed(draft: &Draft) -> Manifest {
    let mut manifest = draft.manifest.clone();
    for listed in &draft.entries {
        let (node, mode) = match (&listed.node, listed.mode) {
            (Some(DraftNode::Symlink(target)), _) => (Node::Symlink { target: target.clone() }, 0o777),
            // Only the payload tells whether this is a symlink.
            (None, Some(0o777)) if listed.sha1.is_some() => continue,
            (_, mode) if is_file(listed) => {
                let size = listed.size.unwrap_or(0);
                let digest = listed.digest.unwrap_or(Digest([0; 32]));
                (Node::File { size, digest }, mode.unwrap_or(0o644))
            }
            (_, mode) => (Node::Directory, mode.unwrap_or(0o755)),
        };
        let mut entry = Entry::new(listed.path.clone(), node, mode);
        (entry.uid, entry.gid) = (listed.uid.unwrap_or(0), listed.gid.unwrap_or(0));
        manifest.entries.push(entry);
    }
    manifest
}
