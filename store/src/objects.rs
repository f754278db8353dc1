//! The objects on disk: 256 directories, made once; each object is one file under its final name.
//!
//! An object exists when the database says so. A file without a row is garbage that a crash left: it is
//! unlinked and written anew, never trusted (after a power cut it may be of length zero under the right
//! name) and never truncated in place. In one process the first to claim an id writes it.
//! Inode attributes are set in the order owner, extended attributes, mode, time: a change of owner takes file
//! capabilities away, and a mode without write permission would keep its owner from setting attributes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use ambar_pkgfmt::{ContentHasher, Digest, Hashed, PackageId};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use crate::cache::copy_hashing;
use crate::db::Reader;
use crate::db::rows::{ObjectRow, PackageRow};
use crate::dir::{Dir, is_file};
use crate::error::{Context, Error};
use crate::object::{Metadata, ObjectId};
use crate::sync::Barrier;

/// The directory `objects/` of a store.
#[derive(Debug)]
pub struct Objects {
    path: PathBuf,
    /// Opened when first used: a query that needs no object opens none of them.
    shards: Box<[OnceLock<Dir>; 256]>,
}

impl Objects {
    /// Makes the 256 directories in a new store.
    pub(crate) fn create(store: &Dir) -> Result<(), Error> {
        let objects = store.make_dir("objects", 0o700)?;
        for shard in 0..=255_u8 {
            objects.make_dir(format!("{shard:02x}"), 0o700)?.sync()?;
        }
        objects.sync()
    }

    /// The objects of the store in this directory.
    pub(crate) fn at(store: &Dir) -> Objects {
        Objects { path: store.join("objects"), shards: Box::new([const { OnceLock::new() }; 256]) }
    }

    /// The directory that an object is in.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn shard(&self, id: &ObjectId) -> Result<&Dir, Error> {
        self.shard_number(id.shard())
    }

    fn shard_number(&self, number: u8) -> Result<&Dir, Error> {
        let slot = &self.shards[usize::from(number)];
        if let Some(dir) = slot.get() {
            return Ok(dir);
        }
        let dir = Dir::open(&self.path.join(format!("{number:02x}")))?;
        Ok(slot.get_or_init(|| dir))
    }

    /// All directories, in order.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Result<(u8, &Dir), Error>> {
        (0..=255).map(|number| Ok((number, self.shard_number(number)?)))
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open_object(&self, id: &ObjectId) -> Result<File, Error> {
        self.shard(id)?.file(id.file_name())
    }

    /// Reads a document (manifest, translations, script) and checks it against its name.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Damaged`] when its bytes are not what its name says.
    pub fn read_document(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        const LARGEST: u64 = 1 << 30;
        let id = ObjectId::document(digest);
        let bytes = self.shard(&id)?.read(id.file_name(), LARGEST)?;
        if Digest::of(&bytes) != digest {
            let path = self.shard(&id)?.join(id.file_name());
            return Err(Error::Damaged { path, reason: "its content is not what its name says".into() });
        }
        Ok(bytes)
    }

    /// Whether the file of an object (or one of its siblings) is what its row and its name promise, by one
    /// stat: size, time, mode, owner.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_intact(&self, id: &ObjectId, sibling: u32, row: &ObjectRow) -> Result<Intact, Error> {
        match self.shard(id)?.stat(id.sibling_name(sibling))? {
            None => Ok(Intact::Missing),
            Some(stat) if matches(&stat, id, row) => Ok(Intact::Yes(stat)),
            Some(_) => Ok(Intact::Changed),
        }
    }

    /// Removes an object and its siblings.
    pub(crate) fn remove(&self, id: &ObjectId, siblings: u32) -> Result<(), Error> {
        let shard = self.shard(id)?;
        (0..=siblings).try_for_each(|n| shard.unlink_if_any(id.sibling_name(n)))
    }

    /// Makes the `n`th sibling of an object, by copying it.
    pub(crate) fn make_sibling(&self, id: &ObjectId, n: u32, barrier: &Barrier) -> Result<(), Error> {
        let shard = self.shard(id)?;
        let mut from = shard.file(id.file_name())?;
        let stat = rustix::fs::fstat(&from).on("look at", shard.join(id.file_name()))?;
        let name = id.sibling_name(n);
        let mut to = shard.make_file_anew(&name, 0o600)?;
        std::io::copy(&mut from, &mut to).on("copy", shard.join(&name))?;
        copy_attributes(&from, &stat, &to, &shard.join(&name))?;
        barrier.file(&to, &shard.join(&name));
        barrier.directory(shard);
        Ok(())
    }
}

/// What one stat says of an object.
#[derive(Debug)]
pub enum Intact {
    /// Size, time, mode and owner are right.
    Yes(Stat),
    /// There is no such file.
    Missing,
    /// Something differs.
    Changed,
}

fn matches(stat: &Stat, id: &ObjectId, row: &ObjectRow) -> bool {
    let owner = match (id.owner(), rustix::process::geteuid()) {
        (Some(owner), _) => (stat.st_uid, stat.st_gid) == owner,
        // The store's own: whoever runs this, as a store has one owner.
        (None, user) if user.is_root() => (stat.st_uid, stat.st_gid) == (0, 0),
        (None, user) => stat.st_uid == user.as_raw(),
    };
    is_file(stat)
        && u64::try_from(stat.st_size) == Ok(row.length)
        && ({ stat.st_mtime }, stat.st_mtime_nsec) == (row.mtime, 0)
        && Some((stat.st_mode & 0o7777) as u16) == id.mode()
        && owner
}

/// Writes objects, from many threads, for one transaction.
#[derive(Debug)]
pub struct ObjectWriter<'s> {
    objects: &'s Objects,
    reader: Option<&'s Reader>,
    barrier: &'s Barrier,
    umask: u16,
    claims: [Mutex<HashMap<ObjectId, Claim>>; 64],
}

/// What this transaction has done about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It was stored before, and is what it should be.
    Known,
    /// It is written by this transaction.
    Written,
}

impl<'s> ObjectWriter<'s> {
    /// A writer into `objects`; `reader` says what exists (nothing, in a new store).
    pub fn new(objects: &'s Objects, reader: Option<&'s Reader>, barrier: &'s Barrier) -> ObjectWriter<'s> {
        ObjectWriter {
            objects,
            reader,
            barrier,
            umask: umask(),
            claims: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// What the store knows of a package, if it has it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn known_package(&self, id: PackageId) -> Result<Option<PackageRow>, Error> {
        Ok(self.reader.map(|reader| reader.package(id)).transpose()?.flatten())
    }

    /// A document that the store has.
    ///
    /// # Errors
    /// As [`Objects::read_document`].
    pub fn document(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        self.objects.read_document(digest)
    }

    fn claims(&self, id: &ObjectId) -> std::sync::MutexGuard<'_, HashMap<ObjectId, Claim>> {
        let shard = &self.claims[usize::from(id.digest().0[1]) % self.claims.len()];
        shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether the caller is the first with this object and has to write it.
    fn claim(&self, id: &ObjectId) -> Result<bool, Error> {
        if self.claims(id).contains_key(id) {
            return Ok(false);
        }
        let known = self.is_known(id)?;
        let claim = if known { Claim::Known } else { Claim::Written };
        Ok(match self.claims(id).entry(id.clone()) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(claim);
                !known
            }
        })
    }

    /// Whether the store has this object from before, as it should be: then its content is not needed.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Io`].
    pub fn holds(&self, id: &ObjectId) -> Result<bool, Error> {
        if let Some(claim) = self.claims(id).get(id) {
            // What another thread writes is not there yet.
            return Ok(*claim == Claim::Known);
        }
        let known = self.is_known(id)?;
        if known {
            self.claims(id).entry(id.clone()).or_insert(Claim::Known);
        }
        Ok(known)
    }

    /// Whether an object has a row, and a file that matches it.
    fn is_known(&self, id: &ObjectId) -> Result<bool, Error> {
        match self.reader.map(|reader| reader.object(id)).transpose()?.flatten() {
            // A changed object is written anew from the content at hand.
            Some(row) => Ok(matches!(self.objects.is_intact(id, 0, &row)?, Intact::Yes(_))),
            None => Ok(false),
        }
    }

    /// Stores content that is in memory; empty content is never an object. Returns whether it was written.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Database`].
    pub fn put(&self, digest: Digest, content: &[u8], metadata: &Metadata) -> Result<bool, Error> {
        let id = ObjectId::new(digest, metadata);
        if content.is_empty() || !self.claim(&id)? {
            return Ok(false);
        }
        let shard = self.objects.shard(&id)?;
        let name = id.file_name();
        // One write for each file: small pieces double the time of the sync.
        let mut file = shard.make_file_anew(&name, metadata.mode & 0o777)?;
        file.write_all(content).on("write", shard.join(&name))?;
        self.finish(&file, metadata, Some(metadata.mode & 0o777), shard, &name)?;
        Ok(true)
    }

    /// Stores content that streams past: under no name while it is hashed, then under its own. The length
    /// must be what was announced, or nothing is stored.
    ///
    /// # Errors
    /// As [`put`](Self::put); an error of `content` itself comes out as [`Streamed::Source`].
    pub fn put_stream(
        &self,
        content: &mut dyn Read,
        metadata: &Metadata,
        with_sha1: bool,
    ) -> Result<Streamed, Error> {
        let shard = self.objects.shard_number(0)?;
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(shard, ".", flags, Mode::from_raw_mode(0o600));
        let (mut file, named) = match opened {
            Ok(fd) => (File::from(fd), None),
            // No O_TMPFILE here (an older overlayfs, say): a name that no object can have.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let name = format!("streamed-{}", crate::dir::random_hex(8)?);
                (shard.make_file(&name, 0o600)?, Some(name))
            }
            Err(errno) => return Err(errno).on("create a file in", shard.path()),
        };
        let mut hasher = ContentHasher::new(with_sha1);
        let mut buffer = vec![0; 1 << 20];
        let outcome = loop {
            match content.read(&mut buffer) {
                Ok(0) => break None,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    file.write_all(&buffer[..read]).on("write in", shard.path())?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = outcome {
            named.iter().try_for_each(|name| shard.unlink(name))?;
            return Ok(Streamed::Source(error));
        }
        let (size, digest, sha1) = hasher.finish();
        let id = ObjectId::new(digest, metadata);
        let hashed = Hashed { size, digest, sha1 };
        if size == 0 || !self.claim(&id)? {
            named.iter().try_for_each(|name| shard.unlink(name))?;
            return Ok(Streamed::Stored(hashed));
        }
        let (home, name) = (self.objects.shard(&id)?, id.file_name());
        home.unlink_if_any(&name)?;
        match named {
            Some(temporary) => shard.rename(temporary, home, &name)?,
            None => link_open_file(&file, home, &name)?,
        }
        self.finish(&file, metadata, None, home, &name)?;
        Ok(Streamed::Stored(hashed))
    }

    /// The object `from` that this transaction wrote turns out to be `to`: the same content with other
    /// metadata.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn turn_into(&self, from: &ObjectId, to_metadata: &Metadata) -> Result<(), Error> {
        let to = ObjectId::new(from.digest(), to_metadata);
        if *from == to || !self.claim(&to)? {
            return Ok(());
        }
        // `from` may be meant by another package as it is, so it is copied; if nobody names it in the end it
        // is removed with the rest of what was written in vain.
        let shard = self.objects.shard(from)?;
        let source = shard.file(from.file_name())?;
        let name = to.file_name();
        let mut file = shard.make_file_anew(&name, to_metadata.mode & 0o777)?;
        let digest = copy_hashing(&source, &mut file, &shard.join(&name))?;
        if digest != from.digest() {
            // It was changed through a link, and its time put back.
            shard.unlink(&name)?;
            let path = shard.join(from.file_name());
            return Err(Error::Damaged { path, reason: "its content is not what its name says".into() });
        }
        self.finish(&file, to_metadata, Some(to_metadata.mode & 0o777), shard, &name)
    }

    /// Sets what creation did not give; `created` is the mode that creation was asked for.
    fn finish(
        &self,
        file: &File,
        metadata: &Metadata,
        created: Option<u16>,
        shard: &Dir,
        name: &str,
    ) -> Result<(), Error> {
        let path = shard.join(name);
        let owner = metadata.owner_to_set();
        if let Some((uid, gid)) = owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::fs::fchown(file, Some(uid), Some(gid)).on("set the owner of", &path)?;
        }
        let given = created.map(|mode| mode & !self.umask);
        if !metadata.xattrs.is_empty() {
            // Only who may write to a file may set its attributes, whatever it was opened for.
            rustix::fs::fchmod(file, Mode::from_raw_mode(0o600)).on("set the mode of", &path)?;
            for (attribute, value) in &metadata.xattrs {
                rustix::fs::fsetxattr(file, attribute.as_slice(), value, XattrFlags::empty())
                    .on("set an extended attribute of", &path)?;
            }
        }
        if given != Some(metadata.mode) || owner.is_some() || !metadata.xattrs.is_empty() {
            rustix::fs::fchmod(file, Mode::from_raw_mode(u32::from(metadata.mode)))
                .on("set the mode of", &path)?;
        }
        set_mtime(file, metadata.mtime).on("set the time of", &path)?;
        self.barrier.file(file, &path);
        self.barrier.directory(shard);
        Ok(())
    }

    /// The objects this transaction has written, with nothing else.
    pub fn written(&self) -> Vec<ObjectId> {
        let mut written = Vec::new();
        for shard in &self.claims {
            let claims = shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            written.extend(
                claims.iter().filter(|(_, claim)| **claim == Claim::Written).map(|(id, _)| id.clone()),
            );
        }
        written.sort_unstable();
        written
    }

    /// Removes what this transaction has written and `needed` does not name: all of it, when it is given up.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn discard_unless<T>(&self, needed: &BTreeMap<ObjectId, T>) -> Result<(), Error> {
        for id in self.written() {
            // An object that was stored before and changed under us has a row: it stays, rewritten.
            let has_row = self.reader.map(|reader| reader.object(&id)).transpose()?.flatten().is_some();
            if !needed.contains_key(&id) && !has_row {
                self.objects.remove(&id, 0)?;
            }
        }
        Ok(())
    }
}

/// The outcome of [`ObjectWriter::put_stream`].
#[derive(Debug)]
pub enum Streamed {
    /// The content is stored (or was already).
    Stored(Hashed),
    /// The source failed; nothing is stored.
    Source(std::io::Error),
}

/// Gives a name to a file that was opened without one.
fn link_open_file(file: &File, home: &Dir, name: &str) -> Result<(), Error> {
    let through_proc = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    match rustix::fs::linkat(file, "", home, name, AtFlags::EMPTY_PATH) {
        Ok(()) => Ok(()),
        // Without the right for AT_EMPTY_PATH the way through /proc does the same.
        Err(_) => rustix::fs::linkat(rustix::fs::CWD, through_proc, home, name, AtFlags::SYMLINK_FOLLOW)
            .on("name", home.join(name)),
    }
}

/// Sets the modification time of an open file, in whole seconds.
pub(crate) fn set_mtime(file: impl AsFd, seconds: i64) -> Result<(), Errno> {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })
}

/// Gives an open file or directory the owner (where that is possible), mode, attributes and time of another.
pub(crate) fn copy_attributes(
    from: impl AsFd,
    stat: &Stat,
    to: impl AsFd,
    path: &std::path::Path,
) -> Result<(), Error> {
    let (from, to) = (from.as_fd(), to.as_fd());
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        rustix::fs::fchown(to, Some(uid), Some(gid)).on("set the owner of", path)?;
    }
    let mut names = vec![0; 65536];
    let length = match rustix::fs::flistxattr(from, &mut names) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::RANGE) => 0,
        Err(errno) => return Err(errno).on("list the extended attributes of", path),
    };
    for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 65536];
        let read = rustix::fs::fgetxattr(from, name, &mut value).on("read an extended attribute of", path)?;
        match rustix::fs::fsetxattr(to, name, &value[..read], XattrFlags::empty()) {
            // What this user may not set (security.*, trusted.*) this user's copy does not have.
            Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::ACCESS) => {}
            Err(errno) => return Err(errno).on("set an extended attribute of", path),
        }
    }
    rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777)).on("set the mode of", path)?;
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ };
    rustix::fs::futimens(to, &Timestamps { last_access: time, last_modification: time })
        .on("set the time of", path)
}

/// The mode bits that creation takes away in this process; all of them where that cannot be read, so that
/// every mode is then set explicitly.
fn umask() -> u16 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?.trim().to_owned();
            u16::from_str_radix(&line, 8).ok()
        })
        .unwrap_or(0o777)
}
