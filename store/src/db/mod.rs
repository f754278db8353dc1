//! The database: redb, opened for one query or one commit at a time.
//!
//! redb lets one process write or several read, and its own lock is polled. So everyone who opens the file
//! first takes `db.gate` with a blocking lock: readers let go of it as soon as the file is open, the writer
//! keeps it until the file is closed, and so gets in after the readers that were there before it. Where the
//! file cannot be opened for reading (a killed writer has left it to be repaired), readers go without:
//! [`Db::read`] says `None`, and the caller answers from `current` and `records/`.

pub mod rows;
pub(crate) mod tables;

mod read;
mod write;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Builder, Database, DatabaseError, ReadOnlyDatabase};

use crate::dir::Dir;
use crate::error::{Context, Error};

pub use read::Reader;
pub use write::Entering;
pub(crate) use write::{Changes, GenerationChange, Writing};

/// Name of the database in a store.
pub(crate) const NAME: &str = "db.redb";
/// Name of the file that openers queue on.
const GATE: &str = "db.gate";
/// Cache of an open database, in bytes; the default of a gigabyte is for servers.
const CACHE: usize = 8 << 20;
/// How long a writer waits for readers that opened the file before it took the gate.
const READERS_LEAVE: Duration = Duration::from_secs(30);
/// How long it keeps new readers out meanwhile, at a time.
const GATE_HELD: Duration = Duration::from_millis(200);

/// Where a store's database is.
#[derive(Debug, Clone)]
pub struct Db {
    directory: PathBuf,
}

impl Db {
    /// The database in the store at `directory`.
    pub(crate) fn at(directory: &Path) -> Db {
        Db { directory: directory.into() }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// Makes a new, empty database in `directory`: under another name first, since making a redb file is
    /// not atomic.
    pub(crate) fn create(directory: &Dir) -> Result<(), Error> {
        let fresh = "db.redb.new";
        directory.unlink_if_any(fresh)?;
        let path = directory.join(fresh);
        let database = builder().create(&path).map_err(|error| failed("create", &path, error))?;
        write::initialise(&database).map_err(|error| failed("create", &path, error))?;
        database.close().map_err(|error| failed("create", &path, error))?;
        directory.file(fresh)?.sync_all().on("sync", &path)?;
        directory.rename(fresh, directory, NAME)?;
        drop(directory.lock_file(GATE)?);
        directory.sync()
    }

    /// Opens the database for one query; `None` when it cannot be read now without being repaired.
    ///
    /// # Errors
    /// [`Error::Database`] when it is damaged or of a newer schema, [`Error::Io`] when it is missing.
    pub fn read(&self) -> Result<Option<Reader>, Error> {
        let path = self.path();
        let opened = match self.gate() {
            Ok(_gate) => builder().open_read_only(&path),
            // Somebody who may look at the root but not into its store.
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match opened {
            Ok(database) => Reader::new(database, path).map(Some),
            Err(DatabaseError::DatabaseAlreadyOpen | DatabaseError::RepairAborted) => Ok(None),
            Err(error) => Err(self.failed("open", error)),
        }
    }

    /// Opens the database for one commit. The caller holds the store's lock and has dropped its readers.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Io`].
    pub(crate) fn write(&self) -> Result<Writing, Error> {
        let path = self.path();
        let started = Instant::now();
        loop {
            let gate = self.gate()?;
            let patience = Instant::now();
            loop {
                match builder().open(&path) {
                    Ok(database) => return Writing::new(database, gate, path),
                    Err(DatabaseError::DatabaseAlreadyOpen) if patience.elapsed() < GATE_HELD => {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                    Err(DatabaseError::DatabaseAlreadyOpen) if started.elapsed() < READERS_LEAVE => break,
                    Err(error) => return Err(self.failed("open", error)),
                }
            }
            // A reader has stopped in the middle of a query: the others shall not wait with us.
            drop(gate);
            std::thread::sleep(GATE_HELD / 10);
        }
    }

    fn gate(&self) -> Result<File, Error> {
        let path = self.directory.join(GATE);
        // Readers of a store that they may not write to lock the gate all the same: flock asks for no rights.
        let gate = File::open(&path).on("open", &path)?;
        gate.lock().on("lock", &path)?;
        Ok(gate)
    }

    fn failed(&self, operation: &'static str, error: DatabaseError) -> Error {
        failed(operation, &self.path(), error)
    }
}

/// An error of redb's with the operation and the path; what the system refused stays the system's error.
fn failed(operation: &'static str, path: &Path, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(source) => Error::Io { operation, path: path.into(), source },
        error => Error::Database { operation, path: path.into(), message: error.to_string() },
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

/// A read-only database with the path for messages.
pub(crate) type ReadOnly = ReadOnlyDatabase;
