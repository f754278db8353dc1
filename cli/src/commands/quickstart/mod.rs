//! `quickstart`: the main things that ambar does, in a new temporary root, step by step.
//!
//! Each step shows the command that a person would type, runs that command through the same functions as the
//! command line does, and then looks at the disk.

mod disk;
mod examples;
mod packages;

use std::path::{Path, PathBuf};

use ambar::{Class, OsPath};
use clap::Parser;
use serde_json::{Value, json};

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::envelope;
use crate::style::Style;
use crate::{Done, commands};

/// Files of one command that are shown by name.
const FILES_SHOWN: usize = 4;

pub(crate) fn quickstart(context: &Context, directory: Option<&Path>) -> Done {
    if context.dry_run() {
        return Err(Failure::usage("quickstart works in a temporary root of its own and has no dry run"));
    }
    let temporary = std::env::temp_dir();
    let place = tempfile::Builder::new()
        .prefix("ambar-quickstart-")
        .tempdir()
        .map_err(|error| Failure::system("make a directory in", &temporary, &error))?
        .keep();
    let mut tour = Tour {
        context,
        inner: context.within(place.join("root")),
        root: place.join("root"),
        files_in: directory.map_or_else(|| place.clone(), Path::to_owned),
        steps: Vec::new(),
    };
    let done = match directory {
        None => examples::tour(&mut tour, &place),
        Some(directory) => packages::tour(&mut tour, directory),
    };
    tour.heading("Where to look");
    context.line(format!("The root is {}; delete {} when done.", tour.root.display(), place.display()));
    let result = json!({ "root": OsPath(tour.root), "steps": tour.steps });
    match done {
        Ok(()) => Ok(result.into()),
        Err(failure) => Err(failure.with(result)),
    }
}

/// A tour through ambar in a root of its own.
struct Tour<'c> {
    context: &'c Context,
    inner: Context,
    root: PathBuf,
    /// The directory that package files are shown relative to.
    files_in: PathBuf,
    steps: Vec<Value>,
}

impl Tour<'_> {
    fn heading(&self, text: &str) {
        self.context.line(format!(
            "\n{}",
            self.context.output().out_style().paint(Style::Heading, &format!("== {text}"))
        ));
    }

    /// Shows what a person would type.
    fn typed(&self, line: &str) {
        self.context.line(self.context.output().out_style().paint(Style::Good, &format!("$ {line}")));
    }

    /// Says where the commands are typed.
    fn begin(&self) {
        self.typed(&format!("cd {}", self.files_in.display()));
        self.typed(&format!("export AMBAR_ROOT={}", self.root.display()));
    }

    /// Shows and runs one command of ambar, with package files after its words.
    fn run(&mut self, words: &[&str], files: &[PathBuf]) -> Result<(), Failure> {
        let mut line = format!("ambar {}", words.join(" "));
        for file in files.iter().take(FILES_SHOWN) {
            line += &format!(" {}", file.strip_prefix(&self.files_in).unwrap_or(file).display());
        }
        if files.len() > FILES_SHOWN {
            line += &format!(" … # and {} more", files.len() - FILES_SHOWN);
        }
        self.typed(&line);
        let arguments = ["ambar"].iter().chain(words).map(std::ffi::OsString::from);
        let arguments = arguments.chain(files.iter().map(|file| file.clone().into_os_string()));
        let cli =
            Cli::try_parse_from(arguments).map_err(|error| Failure::new(Class::Failed, error.to_string()))?;
        let name = commands::name(&cli.command);
        let done = commands::run(&self.inner, cli.command);
        let mut step = envelope(&name, &done);
        step["line"] = json!(line);
        self.steps.push(step);
        let answer = done?;
        if answer.pending {
            return Err(Failure::new(Class::Failed, format!("`{line}` has left something pending")));
        }
        Ok(())
    }
}
