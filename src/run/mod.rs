//! Running a program with a root as its file system.
//!
//! A [`View`] says, as data, what such a program sees: the tree of one generation, read-only; what in the root
//! is the machine's; and of the host `/dev`, `/proc`, `/sys`, `/tmp`, a home directory, a directory to work in,
//! and the few files of `/etc` without which no name is resolved, where the root has none of its own.
//! [`View::enter`] makes it so for this process, in a mount namespace and, without superuser rights, a user
//! namespace: nothing is made on disk, nothing else sees it, and all of it is gone with the last process
//! inside. The tree is the one of a number, not the live one: a switch meanwhile changes nothing for who is
//! inside.
//!
//! ```no_run
//! use ambar::run::{Options, View};
//!
//! let view = View::of("my-root".as_ref(), &Options::default())?;
//! let inside = view.enter()?;          // for a process of one thread
//! let program = inside.find("git".as_ref(), &["/usr/bin".into()])?;
//! let error = inside.become_program(&program, std::process::Command::new(&program).arg("--version"));
//! # Err::<(), _>(error)?;
//! # Ok::<(), ambar::Error>(())
//! ```

mod enter;
mod error;
mod program;
mod refusal;
mod surroundings;
mod view;

use std::path::{Path, PathBuf};

pub use enter::Inside;
pub use error::RunError;
pub use program::{PATH, search_path};
pub use refusal::Refusal;
pub use view::Shown;

use view::Layout;

/// What a view is to have beside the root. Nothing of it is looked up in the environment.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The generation; the live one when `None`.
    pub generation: Option<u64>,
    /// The home directory, shown under its own path.
    pub home: Option<PathBuf>,
    /// An empty directory takes the place of the home directory, and is gone in the end.
    pub hide_home: bool,
    /// The directory that is worked in outside, where the program starts. It is shown under its own path,
    /// unless the root has something of its own there.
    pub directory: Option<PathBuf>,
    /// The directory, inside, to start in instead; it has to be there.
    pub start: Option<PathBuf>,
    /// The directory for sockets and the like of the user's (`XDG_RUNTIME_DIR`), shown under its own path.
    pub runtime: Option<PathBuf>,
    /// What else is shown: directories or files of the host, and where; they can be written to.
    pub binds: Vec<(PathBuf, PathBuf)>,
}

/// What a program of a root sees, as data.
#[derive(Debug, Clone)]
pub struct View {
    root: PathBuf,
    generation: u64,
    tree: PathBuf,
    layout: Layout,
    starts: Vec<PathBuf>,
    must_start: bool,
    notes: Vec<String>,
}

impl View {
    /// The root that it is of: absolute, and no link on the way.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The generation that it shows.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is put where, parents before children.
    pub fn entries(&self) -> impl Iterator<Item = (&Path, &Shown)> {
        self.layout.entries()
    }

    /// What could not be shown, for people.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}
