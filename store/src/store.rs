//! A store: objects, packages and the database, shared by one root or several.
//!
//! ```text
//! STORE/            0700, by default ROOT/.ambar
//!   format          one integer; an unknown one is refused
//!   db.redb db.gate the database and the queue in front of it
//!   roots/ID        path of each registered root; empty for the root that the store lies in
//!   objects/00..ff/ objects
//!   cache/          package files, named by digest
//!   lock            writers; never unlinked
//!   unswept         there while objects without rows may lie about
//! ```
//!
//! Concurrency: writers hold `lock` from the first object written to the end. Lock order: `lock`, `db.gate`,
//! redb's own. Crash rule: what has no row does not exist; a store is made under another name and renamed.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ambar_pkgfmt::{Digest, Manifest, PackageId, Translations};

use crate::db::{Db, Reader};
use crate::dir::{Dir, random_hex};
use crate::error::{Context, Error};
use crate::objects::Objects;

/// The store format that this version writes; the only one so far.
pub const FORMAT: u64 = 1;

/// An open store.
#[derive(Debug)]
pub struct Store {
    dir: Dir,
    db: Db,
    objects: Objects,
}

impl Store {
    /// Opens the store in the directory at `path`.
    ///
    /// # Errors
    /// [`Error::NewerFormat`], [`Error::NotOwner`], [`Error::Damaged`] or [`Error::Io`].
    pub fn open(path: &Path) -> Result<Store, Error> {
        let dir = Dir::open(path)?;
        let format = dir.read("format", 64)?;
        let format = std::str::from_utf8(&format).ok().and_then(|text| text.trim().parse::<u64>().ok());
        match format {
            Some(FORMAT) => {}
            Some(found) => return Err(Error::NewerFormat { path: path.into(), found, known: FORMAT }),
            None => return Err(Error::Damaged { path: dir.join("format"), reason: "not a number".into() }),
        }
        let db = Db::at(path);
        let objects = Objects::at(&dir);
        Ok(Store { dir, db, objects })
    }

    /// Makes the parts of a store in a fresh directory.
    pub(crate) fn fill(dir: &Dir) -> Result<(), Error> {
        dir.make_dir("roots", 0o700)?;
        dir.make_dir("cache", 0o700)?;
        Objects::create(dir)?;
        drop(dir.lock_file("lock")?);
        Db::create(dir)?;
        // Last: with it the directory is a store.
        dir.replace_file("format", format!("{FORMAT}\n").as_bytes())
    }

    /// Opens the store at `path`, making it first when there is nothing or an empty directory.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::NotARoot`] when something else is there.
    pub fn open_or_create(path: &Path) -> Result<Store, Error> {
        if path.join("format").exists() {
            return Store::open(path);
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).on("make directory", parent)?;
        let name = path.file_name().ok_or_else(|| Error::NotARoot { path: path.into() })?;
        if path.exists() && !Dir::open(path)?.list()?.is_empty() {
            return Err(Error::NotARoot { path: path.into() });
        }
        let parent = Dir::open(parent)?;
        let fresh = format!(".ambar-store.new-{}", random_hex(8)?);
        let dir = parent.make_dir(&fresh, 0o700)?;
        Store::fill(&dir)?;
        rustix::fs::syncfs(&dir).on("sync the file system of", dir.path())?;
        match parent.rename(&fresh, &parent, name.as_bytes()) {
            Ok(()) => parent.sync()?,
            // Somebody else has made it meanwhile: theirs will do.
            Err(_) if path.join("format").exists() => parent.remove_all(&fresh)?,
            Err(error) => {
                parent.remove_all(&fresh)?;
                return Err(error);
            }
        }
        Store::open(path)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Its objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Its database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// A snapshot of the database, or `None` when it cannot be read just now.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub fn read(&self) -> Result<Option<Reader>, Error> {
        self.db.read()
    }

    /// A manifest, read from its object.
    ///
    /// # Errors
    /// [`Error::Io`] when it is not stored, [`Error::Damaged`] when it is not what its name says.
    pub fn manifest(&self, id: PackageId) -> Result<Manifest, Error> {
        let bytes = self.objects.read_document(id.0)?;
        Manifest::decode(&bytes).map_err(|error| Error::Damaged {
            path: self.dir.join("objects"),
            reason: format!("manifest {id}: {error}"),
        })
    }

    /// Translations, read from their object.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest).
    pub fn translations(&self, digest: Digest) -> Result<Translations, Error> {
        let bytes = self.objects.read_document(digest)?;
        Translations::decode(&bytes).map_err(|error| Error::Damaged {
            path: self.dir.join("objects"),
            reason: format!("translations {digest}: {error}"),
        })
    }

    /// Takes the writers' lock, or says who has it.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::NotOwner`] or [`Error::Io`].
    pub fn lock(&self) -> Result<StoreLock, Error> {
        let owner = self.dir.stat_self()?.st_uid;
        let user = rustix::process::geteuid().as_raw();
        if owner != user {
            return Err(Error::NotOwner { path: self.dir.path().into(), owner, user });
        }
        let path = self.dir.join("lock");
        let mut file = self.dir.lock_file("lock")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut holder);
                return Err(Error::Locked { path, holder: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(source).on("lock", &path),
        }
        // Who holds it is for messages only; the lock itself is the kernel's.
        file.set_len(0).on("write", &path)?;
        file.rewind().on("write", &path)?;
        writeln!(file, "{}", rustix::process::getpid().as_raw_nonzero()).on("write", &path)?;
        Ok(StoreLock { file })
    }

    /// Whether owners can be applied here: the store belongs to the superuser.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_privileged(&self) -> Result<bool, Error> {
        Ok(self.dir.stat_self()?.st_uid == 0)
    }
}

/// The writers' lock of a store; let go when dropped, and by the kernel when its holder dies.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
}

impl Drop for StoreLock {
    /// Closing is not enough: a child that another thread is just starting holds a copy of the descriptor
    /// until it runs its program, and the lock with it.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
