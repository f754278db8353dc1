//! The names at a root's top: relative links through `.ambar/current`. A name that exists and is not our link
//! is somebody else's, and nothing is touched then.

use crate::dir::Dir;
use crate::error::Error;
use crate::root::{AMBAR, CURRENT};
use crate::tree::{Tree, is_machine};

/// What a link at the root's top points to.
pub(crate) fn target(name: &[u8]) -> Vec<u8> {
    [AMBAR.as_bytes(), b"/", CURRENT.as_bytes(), b"/", name].concat()
}

/// The names that a tree needs at the root's top.
pub(crate) fn names(tree: &Tree<'_>) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> =
        tree.top().children().map(|(name, _)| name.to_vec()).filter(|name| !is_machine(name)).collect();
    if tree.at(b"var/usrlocal").is_some() && tree.at(b"usr").is_none() {
        names.push(b"usr".to_vec());
    }
    names
}

/// Makes sure that every one of `names` is free at the top of a root, or our own link.
///
/// # Errors
/// [`Error::InTheWay`], and nothing has been touched.
pub fn check<'n>(top: &Dir, names: impl Iterator<Item = &'n [u8]>) -> Result<(), Error> {
    for name in names.filter(|name| !is_machine(name)) {
        let Some(stat) = top.stat(name)? else { continue };
        let ours = crate::dir::is_symlink(&stat) && top.read_link(name)?.as_ref() == Some(&target(name));
        if !ours {
            return Err(Error::InTheWay { path: top.join(name) });
        }
    }
    Ok(())
}

/// Removes our links at the top that lead to nothing in the live generation.
pub(crate) fn remove_stale_links(top: &Dir, names: &[Vec<u8>]) -> Result<(), Error> {
    for (name, kind) in top.list()? {
        let stale = kind == rustix::fs::FileType::Symlink
            && !names.contains(&name)
            && top.read_link(&name)?.as_ref() == Some(&target(&name));
        // `etc` may hold the machine's files alone.
        if stale && top.dir(AMBAR)?.dir(CURRENT_DIR)?.stat(&name)?.is_none() {
            top.unlink(&name)?;
        }
    }
    Ok(())
}

/// The live tree, as a directory to look into (the link is followed).
const CURRENT_DIR: &str = "current/.";

/// Makes the links that are missing, durably. One that leads nowhere yet is harmless.
pub(crate) fn make_links(top: &Dir, names: &[Vec<u8>]) -> Result<(), Error> {
    let mut made = false;
    for name in names {
        if top.stat(name)?.is_none() {
            top.symlink(&target(name), name)?;
            made = true;
        }
    }
    if made { top.sync() } else { Ok(()) }
}
