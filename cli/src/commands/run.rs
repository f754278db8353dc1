//! `run` and `shell`: a program with the root as its file system.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar::pkgfmt::path::Shown as Printable;
use ambar::run::{Inside, Options, Shown, View, search_path};
use ambar::{Error, OsPath};
use serde_json::{Value, json};

use crate::Done;
use crate::args;
use crate::context::Context;
use crate::failure::Failure;
use crate::table::{Table, plain};

/// What the help of both commands says in the end.
pub(crate) const HELP: &str = "\
The program sees the generation that was live when it started (read-only), the root's own var, srv and the like, \
and of the host /dev, /proc, /sys, /tmp, the home directory, the working directory, and files of /etc such as \
resolv.conf that the root has none of. No superuser rights are needed where the kernel gives user namespaces. \
Nothing is left behind. With -n ambar shows what would be where.

The exit code is the program's. 127 says that the root has no such program, 126 that it cannot be run; what ambar \
itself cannot do has the codes of `ambar help exit-codes`.";

pub(crate) fn run(context: &Context, arguments: &args::Run) -> Done {
    let Some((name, rest)) = arguments.command.split_first() else {
        return Err(Failure::usage("no program was named").advise(
            "`ambar run CMD [ARGUMENT]…` runs a program of the root; `ambar shell` starts a shell.",
        ));
    };
    let view = view(context, &arguments.inside)?;
    if context.dry_run() {
        return Ok(shown(context, &view).into());
    }
    let path = search_path(std::env::var_os("PATH").as_deref());
    let inside = enter(context, view)?;
    let program = inside.find(name, &path).map_err(Error::from)?;
    let mut command = command(&inside, &program, &path);
    command.arg0(name).args(rest);
    Err(Error::from(inside.become_program(&program, &mut command)).into())
}

pub(crate) fn shell(context: &Context, arguments: &args::Inside) -> Done {
    let view = view(context, arguments)?;
    if context.dry_run() {
        return Ok(shown(context, &view).into());
    }
    let own = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute());
    let usual = ["/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh"];
    let mut shells: Vec<OsString> = own.into_iter().collect();
    shells.extend(usual.iter().map(OsString::from));
    let path = search_path(std::env::var_os("PATH").as_deref());
    let inside = enter(context, view)?;
    if context.output().is_terminal() {
        context.output().remark(&format!(
            "This is generation {} of {}; `exit` leaves it.",
            inside.generation(),
            inside.root().display()
        ));
    }
    let program = inside.find_shell(&shells).map_err(Error::from)?;
    let mut command = command(&inside, &program, &path);
    // Programs start another one by this name.
    command.env("SHELL", &program);
    Err(Error::from(inside.become_program(&program, &mut command)).into())
}

fn view(context: &Context, inside: &args::Inside) -> Result<View, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let binds = inside.binds.iter().map(|bind| bind_of(bind)).collect::<Result<_, _>>()?;
    let options = Options {
        generation: inside.generation,
        home: set("HOME"),
        hide_home: inside.no_home,
        // One that is gone cannot be shown.
        directory: std::env::current_dir().ok(),
        start: inside.chdir.clone(),
        runtime: set("XDG_RUNTIME_DIR"),
        binds,
    };
    Ok(View::of(&context.root_path()?, &options)?)
}

/// `SRC[:DST]`, where DST is absolute. Colons that are not before a slash belong to the name.
fn bind_of(bind: &OsStr) -> Result<(PathBuf, PathBuf), Failure> {
    let bytes = bind.as_bytes();
    let colon = bytes.windows(2).rposition(|pair| pair == b":/").filter(|&at| at > 0);
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let source = path(&bytes[..colon.unwrap_or(bytes.len())]);
    let target = match colon {
        Some(colon) => path(&bytes[colon + 1..]),
        None => std::path::absolute(&source).map_err(|error| Failure::system("show", &source, &error))?,
    };
    Ok((source, target))
}

/// Shows where everything would be.
fn shown(context: &Context, view: &View) -> Value {
    let mut table = Table::new(&["inside", "is", ""], &[]);
    let mut entries = Vec::new();
    let text = |path: &Path| Printable(path.as_os_str().as_bytes()).to_string();
    for (path, shown) in view.entries() {
        let (kind, of, writable) = match shown {
            Shown::Bound { source, writable } => ("bound", Some(source), *writable),
            Shown::Places => ("places", None, false),
            Shown::Volatile { .. } => ("volatile", None, true),
            Shown::Link { target } => ("link", Some(target), false),
        };
        let is = match (shown, of) {
            (Shown::Link { .. }, Some(target)) => format!("→ {}", text(target)),
            (_, Some(source)) => text(source),
            (Shown::Volatile { .. }, None) => "(empty, gone in the end)".to_owned(),
            (_, None) => "(holds the others)".to_owned(),
        };
        table.row([plain(text(path)), plain(is), plain(if writable { "writable" } else { "" })]);
        entries.push(json!({
            "path": OsPath(path.into()),
            "kind": kind,
            "of": of.map(|path| OsPath(path.clone())),
            "writable": writable,
        }));
    }
    context.output().print(&table.render(context.output().out_style(), context.output().is_terminal()));
    remarks(context, view.notes());
    json!({
        "root": OsPath(view.root().into()),
        "generation": view.generation(),
        "entries": entries,
        "notes": view.notes(),
        "dry_run": true,
    })
}

fn remarks(context: &Context, notes: &[String]) {
    for note in notes {
        context.output().remark(&format!("ambar: {note}"));
    }
}

fn enter(context: &Context, view: View) -> Result<Inside, Failure> {
    let inside = view.enter().map_err(Error::from)?;
    remarks(context, inside.notes());
    Ok(inside)
}

/// A program with the environment that it is to have inside: the caller's, as far as that is true there.
fn command(inside: &Inside, program: &Path, path: &[PathBuf]) -> Command {
    let mut command = Command::new(program);
    // Each of them came out of one variable or has no colon in it.
    if let Ok(path) = std::env::join_paths(path) {
        command.env("PATH", path);
    }
    command.env("AMBAR_ROOT", inside.root()).env("AMBAR_GENERATION", inside.generation().to_string());
    command.env("PWD", inside.directory());
    command
}
