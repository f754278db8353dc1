//! Why a program of a root could not be run.

use std::path::PathBuf;

use super::refusal::Refusal;
use crate::error::{Class, io_class};

/// A program could not be run inside of a root. Nothing has changed anywhere: namespaces and mounts go with
/// the process that made them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no root.
    #[error("there is no root at {}", root.display())]
    NoRoot {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// There is no generation to run anything of.
    #[error("{} has no generation yet: install something first", root.display())]
    Empty {
        /// The root.
        root: PathBuf,
    },
    /// The kernel does not let this process have a file system view of its own.
    #[error("cannot make a view of the root's files for the program: {refusal} ({source})")]
    Refused {
        /// Why, and what to do.
        refusal: Refusal,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Namespaces are made for a process that has one thread, and only there.
    #[error("a process with {threads} threads cannot enter a root: start a program that does")]
    Threads {
        /// How many there are.
        threads: usize,
    },
    /// A place inside cannot be made for something.
    #[error("cannot show {} at {}: {reason}", source_path.display(), target.display())]
    Unplaceable {
        /// What was to be shown.
        source_path: PathBuf,
        /// Where.
        target: PathBuf,
        /// What stands against it.
        reason: String,
    },
    /// A step on the way in failed.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The directory to start in is not there.
    #[error("there is no directory {} to start in, inside of generation {generation} of {}", path.display(), root.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// The root.
        root: PathBuf,
        /// The generation.
        generation: u64,
    },
    /// The root has no such program.
    #[error("{} has no program '{name}' (generation {generation})", root.display())]
    NoProgram {
        /// As it was named, made printable.
        name: String,
        /// The root.
        root: PathBuf,
        /// The generation.
        generation: u64,
    },
    /// The root has none of the shells that were looked for.
    #[error("{} has no shell (generation {generation}): looked for {}", root.display(), tried.join(", "))]
    NoShell {
        /// What was looked for.
        tried: Vec<String>,
        /// The root.
        root: PathBuf,
        /// The generation.
        generation: u64,
    },
    /// The program is there and cannot be run.
    #[error("cannot run {} of {} (generation {generation}): {reason}", program.display(), root.display())]
    NotRunnable {
        /// The program, as a path inside.
        program: PathBuf,
        /// The root.
        root: PathBuf,
        /// The generation.
        generation: u64,
        /// What stands against it.
        reason: String,
    },
}

impl RunError {
    /// The class it belongs to.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            RunError::NoRoot { .. }
            | RunError::Empty { .. }
            | RunError::NoDirectory { .. }
            | RunError::NoProgram { .. }
            | RunError::NoShell { .. } => Class::NotFound,
            RunError::Refused { .. } => Class::Permission,
            RunError::Threads { .. } | RunError::Unplaceable { .. } => Class::Usage,
            RunError::NotRunnable { .. } => Class::Failed,
            RunError::Io { source, .. } => io_class(source),
        }
    }

    /// The exit code that shells use for it, where they have one: 127 for a program that is not there, 126
    /// for one that cannot be run.
    #[must_use]
    pub fn shell_code(&self) -> Option<u8> {
        match self {
            RunError::NoProgram { .. } | RunError::NoShell { .. } => Some(127),
            RunError::NotRunnable { .. } => Some(126),
            _ => None,
        }
    }
}

/// Names the operation and the path of a failed system call.
pub(super) trait Context<T> {
    /// The error as "cannot `operation` `path`".
    fn on(self, operation: &'static str, path: impl Into<PathBuf>) -> Result<T, RunError>;
}

impl<T, E: Into<std::io::Error>> Context<T> for Result<T, E> {
    fn on(self, operation: &'static str, path: impl Into<PathBuf>) -> Result<T, RunError> {
        self.map_err(|error| RunError::Io { operation, path: path.into(), source: error.into() })
    }
}
