//! What can be wrong with a package file. Every error names the file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::codec::CodecError;
use crate::path::Shown;

/// A package file could not be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct Error {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

impl Error {
    /// An error about `file`.
    pub(crate) fn new(file: &Path, problem: Problem) -> Error {
        Error { file: file.into(), problem }
    }
}

/// What is wrong with a package file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The operating system refused.
    #[error("cannot {operation}: {source}")]
    Io {
        /// What was being done, for example "open it".
        operation: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It is not a package of a format that is read here.
    #[error("{0}")]
    NotAPackage(String),
    /// The container, a member or an entry is damaged or contradicts itself.
    #[error("{what}: {reason}")]
    Damaged {
        /// The member or entry, escaped for showing.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It asks for something that a package must not do.
    #[error("{what}: {reason}")]
    Forbidden {
        /// The member or entry, escaped for showing.
        what: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// It is larger than the limits allow.
    #[error("{what} is past the limit of {limit}")]
    Limit {
        /// What is too large.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// A file of the package that a delta is made against was changed after it was installed. The whole
    /// package is needed.
    #[error("the delta needs the installed file {path}, which was changed; use the whole package")]
    BaseChanged {
        /// Path of the file, escaped for showing.
        path: String,
    },
    /// What it declares makes no valid manifest.
    #[error("its metadata cannot be used: {0}")]
    Manifest(#[from] CodecError),
    /// The package that a delta is made against is missing, another one, or was changed.
    #[error("its base: {reason}")]
    Base {
        /// What is wrong with it, and what would help.
        reason: String,
    },
    /// The receiver of the payload asked to stop.
    #[error("reading was stopped")]
    Stopped,
}

impl Problem {
    /// Damage to, or a contradiction about, `what`.
    pub(crate) fn damaged(what: impl fmt::Display, reason: impl fmt::Display) -> Problem {
        Problem::Damaged { what: presentable(what), reason: presentable(reason) }
    }

    /// `what` asks for something that a package must not do.
    pub(crate) fn forbidden(what: impl fmt::Display, reason: impl fmt::Display) -> Problem {
        Problem::Forbidden { what: presentable(what), reason: presentable(reason) }
    }

    /// It is no package of a format that is read here, because of `reason`.
    pub(crate) fn not_a_package(reason: impl fmt::Display) -> Problem {
        Problem::NotAPackage(presentable(reason))
    }

    /// `what` is larger than `limit`.
    pub(crate) fn limit(what: impl fmt::Display, limit: u64) -> Problem {
        Problem::Limit { what: presentable(what), limit }
    }

    /// The base of a delta cannot be used, because of `reason`.
    pub(crate) fn base(reason: impl fmt::Display) -> Problem {
        Problem::Base { reason: presentable(reason) }
    }

    /// What an error met while reading `what` means. A [`Problem`] that came through a [`Read`](io::Read)
    /// comes out as it went in; what the system refused stays the system's; all else is damage.
    pub(crate) fn from_stream(what: impl fmt::Display, error: io::Error) -> Problem {
        if error.raw_os_error().is_some() {
            return Problem::Io { operation: "read it", source: error };
        }
        if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Problem>) {
            let text = error.to_string();
            return match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Problem>) {
                Some(Ok(problem)) => *problem,
                _ => Problem::damaged(what, text),
            };
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::damaged(what, "it ends early"),
            _ => Problem::damaged(what, error),
        }
    }
}

/// Most characters of a part of a message: some of them come from the package.
const LONGEST: usize = 400;

/// A part of a message that a terminal can show: decoders and parsers quote what they do not understand.
fn presentable(text: impl fmt::Display) -> String {
    let text = Shown(text.to_string().as_bytes()).to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> io::Error {
        io::Error::other(problem)
    }
}
