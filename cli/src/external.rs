//! Programs named `ambar-NAME` on `PATH`: they are commands, too.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use ambar::Class;
use clap::CommandFactory;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::text::shown;

const PREFIX: &str = "ambar-";

/// The external commands there are: name and program, the first on `PATH` of each name. Built-in commands
/// come before them.
pub(crate) fn all() -> BTreeMap<OsString, PathBuf> {
    let mut found = BTreeMap::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for directory in std::env::split_paths(&path).filter(|directory| directory.is_absolute()) {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let Some(name) = file_name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes()) else { continue };
            let name: OsString = std::os::unix::ffi::OsStringExt::from_vec(name.to_vec());
            let program = directory.join(&file_name);
            let runs = program
                .metadata()
                .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0);
            if runs && !name.is_empty() && !is_built_in(&name) {
                found.entry(name).or_insert(program);
            }
        }
    }
    found
}

fn is_built_in(name: &OsStr) -> bool {
    Cli::command().get_subcommands().any(|command| name == command.get_name())
}

/// The command line with the external commands that there are now added to its help.
pub(crate) fn listed(command: clap::Command) -> clap::Command {
    let lines: Vec<String> = all()
        .iter()
        .map(|(name, program)| format!("  {:<12} {}", shown_os(name), shown_os(program.as_os_str())))
        .collect();
    let mut after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if !lines.is_empty() {
        after = format!("Commands on PATH:\n{}\n\n{after}", lines.join("\n"));
    }
    command.after_help(after)
}

fn shown_os(text: &OsStr) -> String {
    ambar::pkgfmt::path::Shown(text.as_encoded_bytes()).to_string()
}

/// Becomes the external command. Returns only when that cannot be.
pub(crate) fn run(context: &Context, words: &[OsString]) -> Failure {
    let Some((name, arguments)) = words.split_first() else { return Failure::usage("no command was given") };
    match all().get(name) {
        Some(program) => {
            let root = match context.root_path() {
                Ok(root) => root,
                Err(failure) => return failure,
            };
            let root = std::path::absolute(&root).unwrap_or(root);
            let error = std::process::Command::new(program).args(arguments).env("AMBAR_ROOT", root).exec();
            Failure::system("run", program, &error)
        }
        None => unknown(name),
    }
}

/// The failure for a word that names no command.
pub(crate) fn unknown(name: &OsStr) -> Failure {
    let name = name.to_string_lossy();
    let command = Cli::command();
    let external: Vec<String> = all().keys().map(|name| name.to_string_lossy().into_owned()).collect();
    let known =
        command.get_subcommands().map(clap::Command::get_name).chain(external.iter().map(String::as_str));
    let close = ambar::similar(&name, known);
    let meant =
        if close.is_empty() { String::new() } else { format!("; did you mean {}?", close.join(" or ")) };
    Failure::new(Class::Usage, format!("there is no command '{}'{meant}", shown(&name)))
        .advise("`ambar help` lists the commands.")
}
