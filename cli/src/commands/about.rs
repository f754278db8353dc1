//! `version`, `completion`, `man`: what ambar says of itself.

use std::path::Path;

use ambar::OsPath;
use ambar::pkgfmt::Format;
use clap::{Command, CommandFactory};
use serde_json::json;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::{Done, EXIT_CODES};

/// Version of everything that programs rely on: commands, flags, `--json`, exit codes. It grows by one with
/// each release that adds to them, and never shrinks.
const INTERFACE: u64 = 1;

pub(crate) fn version(context: &Context) -> Done {
    let formats: Vec<&str> = Format::ALL.into_iter().map(Format::name).collect();
    context.line(INTERFACE.to_string());
    context.line(format!("reads {}", formats.join(" ")));
    Ok(json!({ "version": INTERFACE, "formats": formats, "release": env!("CARGO_PKG_VERSION") }).into())
}

pub(crate) fn completion(context: &Context, shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ambar", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.output().print(&script);
    Ok(json!({ "shell": shell.to_string(), "script": script }).into())
}

pub(crate) fn man(context: &Context, directory: Option<&Path>) -> Done {
    let Some(directory) = directory else {
        let page = String::from_utf8_lossy(&page(pages().into_iter().next().unwrap_or_else(Cli::command))?)
            .into_owned();
        context.output().print(&page);
        return Ok(json!({ "page": page }).into());
    };
    let mut files = Vec::new();
    for command in pages() {
        let path = directory.join(format!("{}.1", command.get_display_name().unwrap_or(command.get_name())));
        let page = page(command)?;
        if !context.dry_run() {
            let fail = |error| Failure::system("write", &path, &error);
            std::fs::create_dir_all(directory).map_err(fail)?;
            std::fs::write(&path, page).map_err(fail)?;
            context.output().set_changed();
        }
        context.line(path.display().to_string());
        files.push(OsPath(path));
    }
    Ok(json!({ "files": files, "dry_run": context.dry_run() }).into())
}

/// The commands that have a page: ambar itself first, then each of its commands as `ambar-NAME`.
fn pages() -> Vec<Command> {
    let mut codes = String::from("Exit codes:\n");
    for (code, meaning) in EXIT_CODES {
        codes += &format!("  {code:>2}  {meaning}\n");
    }
    let mut whole = Cli::command().after_long_help(codes);
    whole.build();
    let mut pages = vec![whole.clone()];
    // Building has given each command its name for display, `ambar-NAME`.
    pages.extend(whole.get_subcommands().cloned());
    pages
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::system("write", Path::new("the man page"), &error))?;
    Ok(page)
}
