//! What can go wrong in a store or a root. Every error names the thing and the operation.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::{Instance, PayloadPath};

/// An operation on a store or a root failed; the live generation is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The database refused or is damaged.
    #[error("the database {} failed to {operation}: {message}", path.display())]
    Database {
        /// What was being done.
        operation: &'static str,
        /// The database's file.
        path: PathBuf,
        /// The database's answer.
        message: String,
    },
    /// The store was written by a newer ambar.
    #[error("{} has store format {found}; this ambar knows up to {known}: use a newer ambar", path.display())]
    NewerFormat {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// Something on disk is not what was written there.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An object that a tree needs is missing or was changed.
    #[error("object {object} of package {package} ({path}) is {problem}")]
    DamagedObject {
        /// The object's name.
        object: String,
        /// The package that names it.
        package: Box<Instance>,
        /// Where the package has it.
        path: PayloadPath,
        /// "missing" or "changed".
        problem: &'static str,
    },
    /// Another process is changing the store.
    #[error(
        "{} is locked by another ambar{}; wait for it to finish and try again",
        path.display(),
        holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// The process that holds it, where that could be read.
        holder: Option<u32>,
    },
    /// A name that the root must manage exists and is not ours.
    #[error("{} is in the way: it is not managed by ambar. Move it away, or choose another root", path.display())]
    InTheWay {
        /// What is there.
        path: PathBuf,
    },
    /// The directory is neither a root nor empty.
    #[error(
        "{} is not empty and not a root of ambar: `ambar init -D {}` makes it one", path.display(), path.display()
    )]
    NotARoot {
        /// The directory.
        path: PathBuf,
    },
    /// The store belongs to somebody else.
    #[error(
        "{} belongs to user {owner}, and you are user {user}: run ambar as the owner", path.display()
    )]
    NotOwner {
        /// The store.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// Packages claim one path.
    #[error("{}", Lines(.0))]
    Conflict(Vec<PathConflict>),
    /// A package's paths cannot be placed in the tree.
    #[error("{path} of package {package}: {reason}")]
    Unplaceable {
        /// The package.
        package: String,
        /// The path, as the package has it.
        path: PayloadPath,
        /// Why it has no place.
        reason: &'static str,
    },
    /// A generation that is not there.
    #[error("there is no generation {0}; `ambar generations` lists what there is")]
    NoGeneration(u64),
    /// A generation whose tree is not on disk.
    #[error("the tree of generation {number} is not there: {} is missing", path.display())]
    NoTree {
        /// The generation.
        number: u64,
        /// Where its tree would be.
        path: PathBuf,
    },
    /// The root moved on since a plan was made.
    #[error("{} has changed since this was planned; plan again", path.display())]
    Moved {
        /// The root.
        path: PathBuf,
    },
    /// Not enough room.
    #[error("{} has {available} bytes free and {needed} are needed: {} more", path.display(), needed - available)]
    NoSpace {
        /// Where.
        path: PathBuf,
        /// Bytes (or, where `path` says so, inodes) that are needed.
        needed: u64,
        /// What is free.
        available: u64,
    },
    /// A package file could not be read.
    #[error(transparent)]
    Package(#[from] ambar_pkgfmt::Error),
    /// The caller asked to stop.
    #[error("cancelled; nothing has changed")]
    Cancelled,
}

/// Two packages that claim one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathConflict {
    /// The path, resolved in the tree.
    pub path: PayloadPath,
    /// One package, as an [`Instance`] is shown.
    pub first: String,
    /// The other, or of the same one when its own paths meet.
    pub second: String,
    /// What they disagree about.
    pub clash: Clash,
}

/// What two packages disagree about at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clash {
    /// Both have a file or a link there.
    Both,
    /// Both have it and both are to take it from the other.
    BothTake,
    /// One has a directory there and the other has not.
    Kind,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clash::Both => "both have it",
            Clash::BothTake => "both have it and both are being installed",
            Clash::Kind => "disagree whether it is a directory",
        })
    }
}

impl fmt::Display for PathConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} and {} {}", self.path, self.first, self.second, self.clash)
    }
}

/// Conflicts, one a line; a long list is cut.
struct Lines<'a>(&'a [PathConflict]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        f.write_str("packages claim the same paths")?;
        for conflict in self.0.iter().take(SHOWN) {
            write!(f, "\n  {conflict}")?;
        }
        if self.0.len() > SHOWN {
            write!(f, "\n  and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl Error {
    /// The system's error number behind this, if there is one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Io { source, .. } => source.raw_os_error(),
            Error::Package(error) => match &error.problem {
                ambar_pkgfmt::Problem::Io { source, .. } => source.raw_os_error(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Names the operation and the path of a failed system call.
pub(crate) trait Context<T> {
    /// The error as "cannot `operation` `path`".
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> Context<T> for Result<T, io::Error> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Io { operation, path: path.as_ref().into(), source })
    }
}

impl<T> Context<T> for Result<T, rustix::io::Errno> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|errno| Error::Io { operation, path: path.as_ref().into(), source: errno.into() })
    }
}
