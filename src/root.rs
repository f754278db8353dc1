//! The handle of a root: opened, asked, changed.

use std::path::{Path, PathBuf};

use ambar_pkgfmt::Limits;
use ambar_store::{Found, Record};
use rayon::ThreadPool;

use crate::error::Error;

/// A root, or a place where one will be at the first change.
///
/// A handle has its own threads and keeps no lock between calls, so several may be open in one process.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    store: Option<PathBuf>,
    pool: ThreadPool,
    limits: Limits,
}

impl Root {
    /// The root at `path`. Nothing is made: an absent or empty directory becomes a root at its first change.
    ///
    /// # Errors
    /// [`Error::Usage`] when no threads can be had.
    pub fn open(path: &Path) -> Result<Root, Error> {
        Root::with_threads(path, 0)
    }

    /// As [`open`](Self::open), with that many threads; 0 is one for each core.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_threads(path: &Path, threads: usize) -> Result<Root, Error> {
        let pool = thread_pool(threads)?;
        // What is opened later must not depend on where the process is then.
        let path = std::path::absolute(path).map_err(|source| Error::Io {
            operation: "resolve",
            path: path.into(),
            source,
        })?;
        Ok(Root { path, store: None, pool, limits: Limits::default() })
    }

    /// Makes the root now rather than at its first change; the directory may hold things of the machine's.
    /// `store` says where the store is when it is not to be in the root; several roots may share one.
    ///
    /// # Errors
    /// [`Error::Usage`] when the root exists with another store, or whatever keeps it from being made.
    pub fn init(&mut self, store: Option<&Path>) -> Result<(), Error> {
        let root = ambar_store::Root::open_or_create(&self.path, store)?;
        if let Some(store) = store {
            let same =
                std::fs::canonicalize(store).ok() == std::fs::canonicalize(root.store().dir().path()).ok();
            if !same {
                return Err(Error::Usage(format!(
                    "{} is a root already, and its store is {}",
                    self.path.display(),
                    root.store().dir().path().display()
                )));
            }
        }
        self.store = store.map(Path::to_owned);
        Ok(())
    }

    /// Sets what package files may ask for.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What package files may ask for.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// The root on disk, or `None` where there is none yet.
    pub(crate) fn found(&self) -> Result<Option<ambar_store::Root>, Error> {
        match ambar_store::Root::find(&self.path)? {
            Found::Root(root) => Ok(Some(*root)),
            Found::Nothing => Ok(None),
        }
    }

    /// The record of the live generation, or `None` where there is none yet.
    pub(crate) fn live(&self) -> Result<Option<Record>, Error> {
        match self.found()? {
            Some(root) => Ok(root.live()?.map(|(record, _)| record)),
            None => Ok(None),
        }
    }

    /// The root on disk, made if it is not there, and what of it this call has made.
    pub(crate) fn made(&self) -> Result<(ambar_store::Root, Made), Error> {
        let made = match self.found()? {
            Some(_) => Made::Nothing,
            None => {
                let missing = self.path.ancestors().take_while(|path| !path.exists());
                Made::Root { directories: missing.map(Path::to_owned).collect() }
            }
        };
        // Opening for a change also registers a copy under an id of its own.
        Ok((ambar_store::Root::open_or_create(&self.path, self.store.as_deref())?, made))
    }
}

/// A pool of so many threads; 0 is one for each core.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("ambar-{number}"))
        .build()
        .map_err(|error| Error::Usage(format!("cannot start threads: {error}")))
}

/// What a change had to make before it could begin.
#[derive(Debug)]
pub(crate) enum Made {
    /// The root was there.
    Nothing,
    /// The root, and these directories, the innermost first.
    Root { directories: Vec<PathBuf> },
}
