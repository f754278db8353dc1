//! What a command works with: the root, the choices of the command line, and where to write to.

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use ambar::{Class, Root};

use crate::args::{Global, Progress};
use crate::failure::Failure;
use crate::output::Output;

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    output: Output,
}

impl Context {
    pub(crate) fn new(global: Global, output: Output) -> Context {
        Context { global, output }
    }

    /// The same surroundings, with another root and without questions.
    pub(crate) fn within(&self, root: PathBuf) -> Context {
        let global = Global { root: Some(root), yes: true, ..self.global.clone() };
        Context { global, output: Output::new(self.output.is_json(), self.global.color) }
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    pub(crate) fn line(&self, text: impl AsRef<str>) {
        self.output.line(text.as_ref());
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.global.dry_run
    }

    pub(crate) fn threads(&self) -> usize {
        self.global.threads
    }

    pub(crate) fn progress(&self) -> Progress {
        self.global.progress
    }

    /// The root's directory: `-D`, else `$AMBAR_ROOT`, else below the user's data.
    pub(crate) fn root_path(&self) -> Result<PathBuf, Failure> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let below = |value: OsString, path: &str| PathBuf::from(value).join(path);
        let absolute = |value: &OsString| std::path::Path::new(value).is_absolute();
        self.global
            .root
            .clone()
            .or_else(|| set("AMBAR_ROOT").map(PathBuf::from))
            .or_else(|| set("XDG_DATA_HOME").filter(absolute).map(|data| below(data, "ambar")))
            .or_else(|| set("HOME").map(|home| below(home, ".local/share/ambar")))
            .ok_or_else(|| {
                Failure::usage("there is no home directory to find the root in: give it with -D DIR")
            })
    }

    /// The handle of the root that was chosen with `-D` or `$AMBAR_ROOT`, else of the one at `path`.
    pub(crate) fn root_or(&self, path: &std::path::Path) -> Result<Root, Failure> {
        let chosen = self.global.root.is_some()
            || std::env::var_os("AMBAR_ROOT").is_some_and(|value| !value.is_empty());
        let path = if chosen { self.root_path()? } else { path.to_owned() };
        Ok(Root::with_threads(&path, self.global.threads)?)
    }

    /// The handle of the root; nothing is made.
    pub(crate) fn root(&self) -> Result<Root, Failure> {
        Ok(Root::with_threads(&self.root_path()?, self.global.threads)?)
    }

    /// Makes sure that the person agrees to what was shown: `-y`, or the answer on a terminal.
    pub(crate) fn agree(&self) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        if !self.is_attended() {
            return Err(Failure::usage("nobody can be asked here, and nothing has changed")
                .advise("Give -y to go on without a question, or -n to only see the plan."));
        }
        match self.ask("Go on? [y/N] ") {
            true => Ok(()),
            false => Err(Failure::new(Class::Cancelled, "cancelled; nothing has changed")),
        }
    }

    /// Whether somebody is there to answer.
    fn is_attended(&self) -> bool {
        self.output.is_terminal() && io::stdin().is_terminal()
    }

    /// Whether questions may be asked: somebody is there, and has not said that nothing is to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        !self.global.yes && self.is_attended()
    }

    /// Asks a question, which is answered with yes or anything else.
    pub(crate) fn ask(&self, question: &str) -> bool {
        self.output.print(question);
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.unwrap_or(0) == 0 {
            drop(writeln!(io::stdout()));
        }
        matches!(answer.trim(), "y" | "Y" | "yes")
    }
}
