//! Building the tree of a generation on disk, from the tree that is live and the plan of the new one.
//!
//! A tree is built whole, under `work/`; only its private files (`etc`, and configuration elsewhere) depend
//! on the tree it comes from. Directory descriptors are kept open: one `linkat` for each linked entry, and at
//! most one stat, which shows whether the object is still what its row says.

use std::collections::BTreeMap;

use ambar_pkgfmt::{Digest, Node, PayloadPath};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::config::LinkMode;
use crate::db::Reader;
use crate::dir::Dir;
use crate::error::{Context, Error};
use crate::object::{OBJECT_MTIME, ObjectId, default_owner};
use crate::objects::{Intact, set_mtime};
use crate::private;
use crate::root::Root;
use crate::sync::Barrier;
use crate::tree::{MACHINE, Placed, Tree, is_machine};
use crate::watch::{Step, Watch};

/// How a tree's files come from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// Hard links.
    Hard,
    /// Copies, which share blocks where the file system can.
    Copy,
}

impl LinkKind {
    /// Finds out by a real link from the store to the root: equal device numbers prove nothing.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but a refusal to link.
    pub fn probe(root: &Root) -> Result<LinkKind, Error> {
        if root.config().link == LinkMode::Copy {
            return Ok(LinkKind::Copy);
        }
        let (store, work) = (root.store().dir(), root.ambar().dir("work")?);
        let name = format!("probe-{}", crate::dir::random_hex(8)?);
        let linked = rustix::fs::linkat(store, "format", &work, &name, AtFlags::empty());
        match linked {
            Ok(()) => {
                work.unlink(&name)?;
                Ok(LinkKind::Hard)
            }
            Err(Errno::XDEV | Errno::PERM | Errno::MLINK | Errno::OPNOTSUPP) => Ok(LinkKind::Copy),
            Err(errno) => Err(errno).on("link into", work.path()),
        }
    }
}

/// The live tree that a new one comes from.
#[derive(Debug)]
pub(crate) struct From<'a> {
    /// What packages put there.
    pub(crate) tree: &'a Tree<'a>,
    /// What is there now.
    pub(crate) dir: Dir,
}

/// One building of a tree.
pub(crate) struct Build<'b> {
    pub(crate) root: &'b Root,
    pub(crate) reader: Option<&'b Reader>,
    pub(crate) barrier: &'b Barrier,
    pub(crate) watch: &'b dyn Watch,
    pub(crate) link: LinkKind,
    /// Objects that this transaction has written: they have no row yet, and need no look.
    pub(crate) fresh: &'b BTreeMap<ObjectId, (u64, i64)>,
    /// Siblings made on the way.
    pub(crate) siblings: BTreeMap<ObjectId, u32>,
    /// Configuration that the machine had changed.
    pub(crate) kept: Vec<(PayloadPath, Digest)>,
    /// What people should see.
    pub(crate) notes: Vec<String>,
}

impl Build<'_> {
    /// Makes `to` in the empty directory `into`, taking private files from `from`.
    ///
    /// # Errors
    /// [`Error::DamagedObject`] for the first object that cannot be linked, [`Error::Cancelled`], or
    /// [`Error::Io`].
    pub(crate) fn make(&mut self, from: Option<&From<'_>>, to: &Tree<'_>, into: &Dir) -> Result<(), Error> {
        let top = to.top();
        for (name, placed) in top.children() {
            if !is_machine(name) && name != b"etc" {
                self.place(into, name, placed, name.to_vec(), from)?;
            }
        }
        private::make_etc(self, from, top.child(b"etc"), into)?;
        let usr = top.child(b"usr");
        if usr.is_some_and(|usr| usr.is_dir()) || (usr.is_none() && to.at(b"var/usrlocal").is_some()) {
            let usr = into.ensure_dir("usr", 0o755)?;
            usr.symlink(b"../../../../var/usrlocal", "local")?;
        }
        for name in MACHINE.iter().filter(|name| !name.starts_with('.')) {
            into.symlink(format!("../../../{name}").as_bytes(), name)?;
        }
        into.chmod(0o755)?;
        self.barrier.directory(into);
        Ok(())
    }

    fn place(
        &mut self,
        dir: &Dir,
        name: &[u8],
        placed: Placed<'_, '_>,
        path: Vec<u8>,
        from: Option<&From<'_>>,
    ) -> Result<(), Error> {
        if self.watch.cancelled() {
            return Err(Error::Cancelled);
        }
        self.watch.step(Step::TreeEntry);
        let Some(entry) = placed.entry() else { return self.place_children(dir, name, placed, &path, from) };
        match &entry.node {
            Node::Directory => self.place_children(dir, name, placed, &path, from),
            Node::Symlink { target } => make_symlink(dir, name, target, placed),
            Node::File { .. } if entry.config => private::make_config(self, from, &path, placed, dir, name),
            Node::File { size: 0, .. } => self.make_empty(dir, name, placed),
            Node::File { .. } => self.link(dir, name, placed),
        }
    }

    fn place_children(
        &mut self,
        dir: &Dir,
        name: &[u8],
        placed: Placed<'_, '_>,
        path: &[u8],
        from: Option<&From<'_>>,
    ) -> Result<(), Error> {
        let inner = dir.make_dir(name, 0o700)?;
        for (child, placed) in placed.children() {
            let path = [path, b"/", child].concat();
            self.place(&inner, child, placed, path, from)?;
        }
        finish_dir(&inner, placed)?;
        self.barrier.directory(&inner);
        Ok(())
    }

    /// Empty files share nothing worth sharing, and a link count has an end: each is a file of its own.
    pub(crate) fn make_empty(&self, dir: &Dir, name: &[u8], placed: Placed<'_, '_>) -> Result<(), Error> {
        let file = dir.make_file(name, 0o600)?;
        let Some(entry) = placed.entry() else { return Ok(()) };
        let metadata = placed.profile().metadata(entry);
        private::set_attributes(&file, &metadata, &dir.join(name))?;
        self.barrier.file(&file, &dir.join(name));
        Ok(())
    }

    /// Links (or copies) a file's object to its place.
    fn link(&mut self, dir: &Dir, name: &[u8], placed: Placed<'_, '_>) -> Result<(), Error> {
        let Some(id) = placed.object() else { return Ok(()) };
        let sibling = self.checked(&id, placed)?;
        if self.link == LinkKind::Copy {
            return private::copy_object(self, &id, placed, dir, name, None);
        }
        let mut sibling = self.siblings.get(&id).copied().unwrap_or(sibling);
        loop {
            let objects = self.root.store().objects();
            let linked = rustix::fs::linkat(
                objects.shard(&id)?,
                id.sibling_name(sibling),
                dir,
                name,
                AtFlags::empty(),
            );
            match linked {
                Ok(()) => return Ok(()),
                Err(Errno::MLINK) => {
                    sibling += 1;
                    objects.make_sibling(&id, sibling, self.barrier)?;
                    self.siblings.insert(id.clone(), sibling);
                }
                Err(errno) => return Err(errno).on("link", dir.join(name)),
            }
        }
    }

    /// Makes sure, by one stat, that an object is what its row says; returns the sibling to link.
    pub(crate) fn checked(&self, id: &ObjectId, placed: Placed<'_, '_>) -> Result<u32, Error> {
        if self.fresh.contains_key(id) {
            return Ok(0);
        }
        let row = self.reader.map(|reader| reader.object(id)).transpose()?.flatten();
        let problem = match &row {
            None => "missing",
            Some(row) => match self.root.store().objects().is_intact(id, row.siblings, row)? {
                Intact::Yes(_) => return Ok(row.siblings),
                Intact::Missing => "missing",
                Intact::Changed => "changed",
            },
        };
        let (package, path) = match (placed.package(), placed.entry()) {
            (Some(package), Some(entry)) => (Box::new(package.manifest.instance()), entry.path.clone()),
            _ => return Err(Error::NoGeneration(0)),
        };
        Err(Error::DamagedObject { object: id.to_string(), package, path, problem })
    }
}

/// Makes a link as its entry declares it; a link has an owner as well.
pub(crate) fn make_symlink(
    dir: &Dir,
    name: &[u8],
    target: &[u8],
    placed: Placed<'_, '_>,
) -> Result<(), Error> {
    dir.symlink(target, name)?;
    match owner_to_set(placed) {
        Some((uid, gid)) => {
            let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
            rustix::fs::chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
                .on("set the owner of", dir.join(name))
        }
        None => Ok(()),
    }
}

/// The owner that a link or a directory has to be given.
fn owner_to_set(placed: Placed<'_, '_>) -> Option<(u32, u32)> {
    let declared = placed.entry().map(|entry| (entry.uid, entry.gid));
    declared.filter(|owner| placed.profile().privileged() && *owner != (0, 0)).or_else(default_owner)
}

/// Gives a directory the owner, mode and attributes that its entry declares.
pub(crate) fn finish_dir(dir: &Dir, placed: Placed<'_, '_>) -> Result<(), Error> {
    if let Some((uid, gid)) = owner_to_set(placed) {
        let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
        rustix::fs::fchown(dir, Some(uid), Some(gid)).on("set the owner of", dir.path())?;
    }
    let Some(entry) = placed.entry() else { return dir.chmod(0o755) };
    let profile = placed.profile();
    dir.chmod(profile.directory_mode(entry.mode))?;
    for (name, value) in profile.xattrs(entry) {
        rustix::fs::fsetxattr(dir, name.as_slice(), &value, rustix::fs::XattrFlags::empty())
            .on("set an extended attribute of", dir.path())?;
    }
    set_mtime(dir, entry.mtime.unwrap_or(OBJECT_MTIME)).on("set the time of", dir.path())
}
