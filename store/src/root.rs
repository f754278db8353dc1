//! A root: a directory that ambar manages, its generations, and the one link that says which is live.
//!
//! ```text
//! ROOT/.ambar/
//!   id              root id, and device and inode of this directory
//!   store           path of the store, when it is not here
//!   config.toml     settings
//!   records/N       generation N as a document
//!   generations/N/  generation N as a tree
//!   current         → generations/N: the commit point, and the only truth about what is live
//!   policy/ sets/   what people decided about packages: text, docs/policy.md
//!   work/ trash/    being made; being removed; garbage when nobody holds the lock (0700)
//! ROOT/usr …        → .ambar/current/usr …
//! ```

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use ambar_pkgfmt::Digest;
use ambar_pkgfmt::digest::{hex, unhex};
use rustix::fs::FlockOperation;

use crate::config::Config;
use crate::dir::{Dir, random_hex};
use crate::error::{Context, Error};
use crate::record::Record;
use crate::store::Store;

/// The directory of a root that holds everything of ambar's.
pub(crate) const AMBAR: &str = ".ambar";
/// The link that names the live generation.
pub(crate) const CURRENT: &str = "current";
/// Largest record that is read.
const LARGEST_RECORD: u64 = 256 << 20;

/// An open root.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    top: Dir,
    ambar: Dir,
    store: Store,
    id: [u8; 16],
    /// The id that the directory had where it was copied from, when this is a copy that has not been given
    /// one of its own yet.
    copied_from: Option<[u8; 16]>,
    config: Config,
}

/// What is at a path where a root may be.
#[derive(Debug)]
pub enum Found {
    /// A root.
    Root(Box<Root>),
    /// Nothing, or an empty directory: it becomes a root at its first change.
    Nothing,
}

impl Root {
    /// Looks for a root at `path`, making nothing.
    ///
    /// # Errors
    /// [`Error::NotARoot`] for a directory with other things in it, or whatever keeps the root from being read.
    pub fn find(path: &Path) -> Result<Found, Error> {
        let Some(top) = crate::dir::absent_is_none(Dir::open(path))? else { return Ok(Found::Nothing) };
        if top.stat(AMBAR)?.is_some() {
            return Root::open(path).map(|root| Found::Root(Box::new(root)));
        }
        let names = top.list()?;
        // Another process has made the root just now.
        if names.iter().any(|(name, _)| name == AMBAR.as_bytes()) {
            return Root::open(path).map(|root| Found::Root(Box::new(root)));
        }
        // What a crash during the making of a root has left does not count.
        let foreign = names.into_iter().any(|(name, _)| !name.starts_with(b".ambar.new-"));
        if foreign { Err(Error::NotARoot { path: path.into() }) } else { Ok(Found::Nothing) }
    }

    /// Opens the root at `path`.
    ///
    /// # Errors
    /// [`Error`] for whatever keeps it from being read.
    pub fn open(path: &Path) -> Result<Root, Error> {
        let top = Dir::open(path)?;
        let ambar = top.dir(AMBAR)?;
        let (id, device, inode) = read_id(&ambar)?;
        let stat = ambar.stat_self()?;
        let copied_from = ((stat.st_dev, stat.st_ino) != (device, inode)).then_some(id);
        let store = match ambar.read_if_any("store", 1 << 16)? {
            Some(bytes) => {
                let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                Store::open(Path::new(std::ffi::OsStr::from_bytes(text)))?
            }
            None => Store::open(ambar.path())?,
        };
        let config = match ambar.read_if_any("config.toml", 1 << 20)? {
            Some(bytes) => Config::parse(&bytes, &ambar.join("config.toml"))?,
            None => Config::default(),
        };
        Ok(Root { path: path.into(), top, ambar, store, id, copied_from, config })
    }

    /// Opens the root at `path`, making it first: the directory may be absent, or hold things of the
    /// machine's. `store` says where the store is when it is not to be in the root.
    ///
    /// # Errors
    /// [`Error::Io`], or whatever keeps an existing root or store from being opened.
    pub fn open_or_create(path: &Path, store: Option<&Path>) -> Result<Root, Error> {
        std::fs::create_dir_all(path).on("make directory", path)?;
        let top = Dir::open(path)?;
        if top.stat(AMBAR)?.is_none() {
            // Two first changes at once: the second finds the root made.
            rustix::fs::flock(&top, FlockOperation::LockExclusive).on("lock", path)?;
            if top.stat(AMBAR)?.is_none() {
                for (name, _) in top.list()? {
                    if name.starts_with(b".ambar.new-") {
                        top.remove_all(&name)?;
                    }
                }
                Root::create(&top, store)?;
            }
            rustix::fs::flock(&top, FlockOperation::Unlock).on("unlock", path)?;
        }
        let root = Root::open(path)?;
        root.register()?;
        // A copy has been given an id of its own.
        if root.copied_from.is_some() { Root::open(path) } else { Ok(root) }
    }

    /// Takes back the making of a root that has come to nothing: no generation was ever made in it, and its
    /// store is its own. `directories`, the innermost first, go as well, as far as they are empty.
    ///
    /// # Errors
    /// [`Error`]; an empty root is left.
    pub fn unmake(self, directories: &[PathBuf]) -> Result<(), Error> {
        if !self.has_own_store() || self.current()?.is_some() {
            return Ok(());
        }
        let _lock = self.store.lock()?;
        if !self.recorded()?.is_empty() {
            return Ok(());
        }
        let dead = format!(".ambar.new-{}", random_hex(8)?);
        self.top.rename(AMBAR, &self.top, &dead)?;
        self.top.remove_all(&dead)?;
        if !self.top.list()?.is_empty() {
            return Ok(());
        }
        directories.iter().try_for_each(|directory| std::fs::remove_dir(directory).on("remove", directory))
    }

    /// Makes `.ambar` under another name, all of it, durably, and gives it its name.
    fn create(top: &Dir, store: Option<&Path>) -> Result<(), Error> {
        let store = match store {
            Some(path) => {
                let inside = std::path::absolute(path).ok().zip(std::path::absolute(top.path()).ok());
                if inside.is_some_and(|(store, root)| store == root || store.starts_with(root.join(AMBAR))) {
                    return Err(Error::InTheWay { path: path.into() });
                }
                Store::open_or_create(path)?;
                Some(path.canonicalize().on("resolve", path)?)
            }
            None => None,
        };
        let fresh = format!(".ambar.new-{}", random_hex(8)?);
        let ambar = top.make_dir(&fresh, 0o755)?;
        let made = fill(&ambar, store.as_deref());
        let made = made.and_then(|()| rustix::fs::syncfs(&ambar).on("sync the file system of", ambar.path()));
        let named = made.and_then(|()| top.rename(&fresh, top, AMBAR));
        match named {
            Ok(()) => {}
            // Another process was faster: theirs is as good.
            Err(_) if top.stat(AMBAR)?.is_some() => top.remove_all(&fresh)?,
            Err(error) => {
                top.remove_all(&fresh)?;
                return Err(error);
            }
        }
        top.sync()?;
        if let Some(parent) = top.path().parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Dir::open(parent)?.sync()?;
        }
        Ok(())
    }

    /// Makes the store know this root, under an id of its own if it is a copy of another.
    fn register(&self) -> Result<(), Error> {
        let roots = self.store.dir().dir("roots")?;
        if self.copied_from.is_none() && roots.stat(hex(&self.id))?.is_some() {
            return Ok(());
        }
        let _lock = self.store.lock()?;
        self.write_registration(&roots)
    }

    fn write_registration(&self, roots: &Dir) -> Result<(), Error> {
        let path = if self.has_own_store() {
            Vec::new()
        } else {
            self.path.canonicalize().on("resolve", &self.path)?.into_os_string().into_vec()
        };
        let writing = self.store.db().write()?;
        match self.copied_from {
            None => {
                writing.register(self.id)?;
                writing.commit()?;
                roots.replace_file(&hex(&self.id), &path)
            }
            Some(old) => {
                // The same path under a new device number is the same root after a reboot; any other path is
                // a copy. A root's own store was copied with it, so nobody else uses the old id there.
                let old_path = roots.read_if_any(hex(&old), 1 << 16)?;
                let moves = self.has_own_store() || old_path.as_ref() == Some(&path);
                // The id is chosen durably first: should this stop half-way, the next attempt goes on with it.
                let fresh = match read_id_file(&self.ambar, "id.next")? {
                    Some((id, device, inode)) if self.is_at(device, inode)? => id,
                    _ => {
                        let id = random_id()?;
                        write_id(&self.ambar, "id.next", id)?;
                        id
                    }
                };
                writing.adopt(old, fresh, moves)?;
                writing.commit()?;
                roots.replace_file(&hex(&fresh), &path)?;
                self.ambar.rename("id.next", &self.ambar, "id")?;
                self.ambar.sync()?;
                if moves { roots.unlink_if_any(hex(&old)) } else { Ok(()) }
            }
        }
    }

    /// Whether this is a copy that has not been given an id of its own yet: nothing may be changed before.
    pub(crate) fn is_unregistered_copy(&self) -> bool {
        self.copied_from.is_some()
    }

    fn is_at(&self, device: u64, inode: u64) -> Result<bool, Error> {
        let stat = self.ambar.stat_self()?;
        Ok((stat.st_dev, stat.st_ino) == (device, inode))
    }

    /// Its directory, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory, open.
    #[must_use]
    pub fn top(&self) -> &Dir {
        &self.top
    }

    /// Its `.ambar`, open.
    #[must_use]
    pub fn ambar(&self) -> &Dir {
        &self.ambar
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its id in the store.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the store lies in this root.
    #[must_use]
    pub fn has_own_store(&self) -> bool {
        self.store.dir().path() == self.ambar.path()
    }

    /// The number of the live generation; `None` in a root that has none yet.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the link points elsewhere than to a generation.
    pub fn current(&self) -> Result<Option<u64>, Error> {
        let Some(target) = self.ambar.read_link(CURRENT)? else { return Ok(None) };
        let number = target.strip_prefix(b"generations/").and_then(|number| std::str::from_utf8(number).ok());
        match number.and_then(|number| number.parse().ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(Error::Damaged {
                path: self.ambar.join(CURRENT),
                reason: "it does not point to a generation".into(),
            }),
        }
    }

    /// The record of a generation, with its digest.
    ///
    /// # Errors
    /// [`Error::NoGeneration`], or [`Error::Damaged`] when the document does not hash to itself.
    pub fn record(&self, number: u64) -> Result<(Record, Digest), Error> {
        let records = self.ambar.dir("records")?;
        let name = number.to_string();
        let document = records.read_if_any(&name, LARGEST_RECORD)?.ok_or(Error::NoGeneration(number))?;
        let mut record = Record::decode(&document)
            .map_err(|error| Error::Damaged { path: records.join(&name), reason: error.to_string() })?;
        if record.number != number {
            let reason = format!("it says that it is generation {}", record.number);
            return Err(Error::Damaged { path: records.join(&name), reason });
        }
        if Record::is_of_names(&document)
            && let Err(error) = record.complete(|id| self.store.manifest(id))
        {
            // Its packages may have been collected since it was read.
            let is_there = records.stat(&name)?.is_some();
            return Err(if is_there { error } else { Error::NoGeneration(number) });
        }
        Ok((record, Record::digest_of(&document)))
    }

    /// The record of the live generation, if there is one.
    ///
    /// # Errors
    /// As [`current`](Self::current) and [`record`](Self::record).
    pub fn live(&self) -> Result<Option<(Record, Digest)>, Error> {
        loop {
            let Some(number) = self.current()? else { return Ok(None) };
            match self.record(number) {
                // Superseded and collected since the link was read.
                Err(Error::NoGeneration(_)) if self.current()? != Some(number) => {}
                record => return record.map(Some),
            }
        }
    }

    /// The numbers of the generations that there are, ascending: those whose commit has happened.
    ///
    /// # Errors
    /// [`Error`] when neither the database nor the records can be read.
    pub fn generations(&self) -> Result<Vec<u64>, Error> {
        let current = self.current()?;
        let recorded = self.recorded()?;
        let Some(reader) = self.store.read()? else { return Ok(recorded) };
        let switching = reader.root(self.id)?.and_then(|row| row.switching);
        let committed = reader.generations(self.id)?;
        let begun_in_vain = |number: u64| switching == Some((number, true)) && current != Some(number);
        Ok(committed
            .into_iter()
            .map(|(number, _)| number)
            .filter(|&number| !begun_in_vain(number) && recorded.contains(&number))
            .collect())
    }

    /// The numbers that have a record, ascending.
    pub(crate) fn recorded(&self) -> Result<Vec<u64>, Error> {
        numbers(&self.ambar.dir("records")?)
    }

    /// The numbers that have a tree, ascending.
    pub(crate) fn trees(&self) -> Result<Vec<u64>, Error> {
        numbers(&self.ambar.dir("generations")?)
    }
}

fn numbers(dir: &Dir) -> Result<Vec<u64>, Error> {
    let names = dir.list()?;
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|(name, _)| std::str::from_utf8(name).ok()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes the parts of `.ambar` in a fresh directory, with a store in it unless it is elsewhere.
fn fill(ambar: &Dir, store: Option<&Path>) -> Result<(), Error> {
    ambar.make_dir("records", 0o755)?;
    ambar.make_dir("generations", 0o755)?;
    ambar.make_dir("work", 0o700)?;
    ambar.make_dir("trash", 0o700)?;
    match store {
        Some(path) => {
            ambar.replace_file("store", &[path.as_os_str().as_bytes(), b"\n"].concat())?;
        }
        None => Store::fill(ambar)?,
    }
    write_id(ambar, "id", random_id()?)
}

fn random_id() -> Result<[u8; 16], Error> {
    unhex(random_hex(16)?.as_bytes())
        .ok_or_else(|| Error::Damaged { path: PathBuf::new(), reason: "no random id".into() })
}

fn write_id(ambar: &Dir, name: &str, id: [u8; 16]) -> Result<(), Error> {
    let stat = ambar.stat_self()?;
    let text = format!("{}\ndevice {}\ninode {}\n", hex(&id), stat.st_dev, stat.st_ino);
    ambar.replace_file(name, text.as_bytes())
}

fn read_id(ambar: &Dir) -> Result<([u8; 16], u64, u64), Error> {
    read_id_file(ambar, "id")?.ok_or_else(|| Error::Damaged {
        path: ambar.join("id"),
        reason: "it does not say which root this is".into(),
    })
}

/// What a file of `id`'s form says, or `None` when there is none or it says nothing.
fn read_id_file(ambar: &Dir, name: &str) -> Result<Option<([u8; 16], u64, u64)>, Error> {
    let Some(bytes) = ambar.read_if_any(name, 4096)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let id = lines.next().and_then(|line| unhex(line.as_bytes()));
    let device = lines.next().and_then(|line| line.strip_prefix("device ")?.parse().ok());
    let inode = lines.next().and_then(|line| line.strip_prefix("inode ")?.parse().ok());
    Ok(id.zip(device).zip(inode).map(|((id, device), inode)| (id, device, inode)))
}
