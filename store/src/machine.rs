//! What packages ship in directories that belong to the machine (`var`, `home`, `run` …).
//!
//! It is put there after the switch, as pending work that can be done again: real copies, written under names
//! of ours, synced, and only then renamed; otherwise a power cut could leave an empty file that looks like
//! somebody's edit. A file that is still what its package shipped follows upgrades and removals; one that the
//! machine has changed stays. Only the top name itself (`ROOT/var`) may be a symlink of the machine's; below
//! it nothing is ever followed.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use ambar_pkgfmt::path::Shown;
use ambar_pkgfmt::{Digest, Entry, Node};

use crate::build::{finish_dir, make_symlink};
use crate::dir::{Dir, absent_is_none, is_dir};
use crate::error::{Context, Error};
use crate::private::{is_as_shipped, private_metadata, set_attributes};
use crate::root::Root;
use crate::sync::Barrier;
use crate::tree::{Placed, Tree, is_machine};

/// What is being made has a name that starts with this until it is complete.
const UNFINISHED: &str = ".ambar-new-";

/// Whether anything has to be done in the machine's directories to go from one tree to another.
pub(crate) fn differ(from: Option<&Tree<'_>>, to: &Tree<'_>) -> bool {
    let has_usr = |tree: &Tree<'_>| tree.at(b"usr").is_some_and(|usr| usr.is_dir());
    if has_usr(to) && !from.is_some_and(has_usr) {
        return true;
    }
    let list = |tree: &Tree<'_>| -> Vec<(Vec<u8>, Option<Entry>)> {
        tree.walk()
            .filter(|(path, _)| path.components().next().is_some_and(is_machine))
            .map(|(path, placed)| (path.as_bytes().to_vec(), placed.entry().cloned()))
            .collect()
    };
    list(to) != from.map(list).unwrap_or_default()
}

/// Brings the machine's directories from what `from` shipped to what `to` ships, and makes it durable.
/// Doing it again changes nothing; `again` also takes away what a crash has left unfinished. Returns what
/// people should see.
///
/// # Errors
/// [`Error::Io`]; what is left is still pending.
pub(crate) fn apply(
    root: &Root,
    from: Option<&Tree<'_>>,
    to: &Tree<'_>,
    again: bool,
) -> Result<Vec<String>, Error> {
    let barrier = Barrier::new(&[root.top()])?;
    let mut work = Work { root, barrier: &barrier, again, pass: Pass::Write, notes: Vec::new() };
    work.tops(from, to)?;
    barrier.wait()?;
    work.again = false;
    work.pass = Pass::Name;
    work.tops(from, to)?;
    barrier.wait()?;
    Ok(work.notes)
}

/// What is done on a walk over the machine's directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Directories are made, and content is written under names of ours.
    Write,
    /// Content gets its own names, and what goes is removed.
    Name,
}

struct Work<'w> {
    root: &'w Root,
    barrier: &'w Barrier,
    again: bool,
    pass: Pass,
    notes: Vec<String>,
}

impl Work<'_> {
    fn tops(&mut self, from: Option<&Tree<'_>>, to: &Tree<'_>) -> Result<(), Error> {
        self.clear_unfinished(self.root.top())?;
        let mut names: Vec<&[u8]> = Vec::new();
        for tree in [Some(to), from].into_iter().flatten() {
            names.extend(tree.top().children().map(|(name, _)| name).filter(|name| is_machine(name)));
        }
        // `usr/local` of every tree leads to `var/usrlocal`.
        let local = to.at(b"usr").is_some_and(|usr| usr.is_dir());
        if local {
            names.push(b"var");
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            let new = to.top().child(name);
            let old = from.and_then(|from| from.top().child(name));
            let path = self.root.path().join(OsStr::from_bytes(name));
            let dir = match absent_is_none(Dir::open(&path))? {
                Some(dir) => dir,
                None if new.is_none() && !(name == b"var" && local) => continue,
                None => self.make_dir(self.root.top(), name, new)?,
            };
            if name == b"var" && local && dir.stat("usrlocal")?.is_none() {
                self.make_dir(&dir, b"usrlocal", None)?;
            }
            self.directory(&dir, name.to_vec(), old, new)?;
        }
        Ok(())
    }

    fn clear_unfinished(&self, dir: &Dir) -> Result<(), Error> {
        if self.again {
            for (name, _) in dir.list()?.iter().filter(|(name, _)| name.starts_with(UNFINISHED.as_bytes())) {
                dir.remove_all(name)?;
            }
        }
        Ok(())
    }

    /// Makes a directory: it has its name only when it has its mode and owner, since one that is there is
    /// left as it is.
    fn make_dir(&self, dir: &Dir, name: &[u8], new: Option<Placed<'_, '_>>) -> Result<Dir, Error> {
        let fresh = unfinished(name);
        dir.remove_all(&fresh)?;
        let inner = dir.make_dir(&fresh, 0o700)?;
        match new {
            Some(new) => finish_dir(&inner, new)?,
            None => inner.chmod(0o755)?,
        }
        dir.rename(&fresh, dir, name)?;
        self.barrier.directory(dir);
        let inner = dir.dir(name)?;
        self.barrier.directory(&inner);
        Ok(inner)
    }

    fn directory(
        &mut self,
        dir: &Dir,
        path: Vec<u8>,
        old: Option<Placed<'_, '_>>,
        new: Option<Placed<'_, '_>>,
    ) -> Result<(), Error> {
        self.barrier.cover(dir)?;
        self.clear_unfinished(dir)?;
        let mut names: Vec<&[u8]> =
            [old, new].iter().flatten().flat_map(|placed| placed.children().map(|(name, _)| name)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let path = [&path[..], b"/", name].concat();
            let old = old.and_then(|old| old.child(name));
            let new = new.and_then(|new| new.child(name));
            self.name(dir, name, path, old, new)?;
        }
        Ok(())
    }

    fn name(
        &mut self,
        dir: &Dir,
        name: &[u8],
        path: Vec<u8>,
        old: Option<Placed<'_, '_>>,
        new: Option<Placed<'_, '_>>,
    ) -> Result<(), Error> {
        let stat = dir.stat(name)?;
        let is_directory = |placed: Option<Placed<'_, '_>>| placed.is_some_and(|placed| placed.is_dir());
        if is_directory(new) || (new.is_none() && is_directory(old)) {
            let inner = match &stat {
                Some(stat) if is_dir(stat) => dir.dir(name)?,
                None if new.is_some() => self.make_dir(dir, name, new)?,
                None => return Ok(()),
                Some(_) => {
                    self.note(&path, "is not a directory here; what a package ships below it is left out");
                    return Ok(());
                }
            };
            self.directory(&inner, path, old.filter(Placed::is_dir), new)?;
            if self.pass == Pass::Name && new.is_none() && inner.list()?.is_empty() {
                dir.remove_dir(name)?;
                self.barrier.directory(dir);
            }
            return Ok(());
        }
        let shipped = old.and_then(|old| old.entry());
        let wanted = new.and_then(|new| new.entry());
        let unchanged = match (&stat, shipped) {
            (Some(stat), Some(shipped)) => is_as_shipped(dir, name, stat, shipped)?,
            (None, None) => true,
            _ => false,
        };
        match (stat, wanted) {
            (Some(stat), Some(wanted)) if is_as_shipped(dir, name, &stat, wanted)? => Ok(()),
            (_, Some(_)) if unchanged => self.put(dir, name, new),
            (Some(_), None) if unchanged && self.pass == Pass::Write => Ok(()),
            (Some(_), None) if unchanged => {
                dir.unlink(name)?;
                self.barrier.directory(dir);
                Ok(())
            }
            (Some(_), Some(_)) => {
                self.note(&path, "was changed here and stays as it is");
                Ok(())
            }
            (Some(_), None) => {
                self.note(&path, "was changed here and stays, though no package has it any more");
                Ok(())
            }
            // Removed by the machine, and it stays so.
            (None, _) => Ok(()),
        }
    }

    fn note(&mut self, path: &[u8], what: &str) {
        if self.pass == Pass::Name {
            self.notes.push(format!("{}: {what}", Shown(path)));
        }
    }

    /// Writes a package's file or link under a name of ours, or gives it its own.
    fn put(&self, dir: &Dir, name: &[u8], new: Option<Placed<'_, '_>>) -> Result<(), Error> {
        let Some((placed, entry)) = new.and_then(|placed| Some((placed, placed.entry()?))) else {
            return Ok(());
        };
        let fresh = unfinished(name);
        if self.pass == Pass::Name {
            dir.rename(&fresh, dir, name)?;
            self.barrier.directory(dir);
            return Ok(());
        }
        dir.remove_all(&fresh)?;
        match &entry.node {
            Node::Directory => Ok(()),
            Node::Symlink { target } => make_symlink(dir, fresh.as_bytes(), target, placed),
            Node::File { .. } => {
                let mut file = dir.make_file(&fresh, 0o600)?;
                if let Some(id) = placed.object() {
                    let mut from = self.root.store().objects().open_object(&id)?;
                    std::io::copy(&mut from, &mut file).on("copy to", dir.join(&fresh))?;
                    file.flush().on("write", dir.join(&fresh))?;
                }
                set_attributes(&file, &private_metadata(entry, placed), &dir.join(&fresh))?;
                self.barrier.file(&file, &dir.join(&fresh));
                Ok(())
            }
        }
    }
}

/// The name that something has until it is complete: always the same for a name, so that doing it again
/// leaves nothing behind.
fn unfinished(name: &[u8]) -> String {
    format!("{UNFINISHED}{}", &Digest::of(name).to_hex()[..16])
}
