//! The program `ambar`: reads the command line, runs one command, answers with an exit code.

mod args;
mod commands;
mod context;
mod entry;
mod external;
mod failure;
mod manifest;
mod output;
mod plan;
mod progress;
mod signals;
mod style;
mod table;
mod text;

use std::ffi::OsString;
use std::process::ExitCode;

use ambar::Class;
use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Early};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(run(&arguments))
}

/// Runs the command line and returns the exit code.
fn run(arguments: &[OsString]) -> u8 {
    let early = Early::of(arguments);
    let output = Output::new(early.json, early.colour);
    let cli = match parse(Cli::command(), &early, arguments) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error, &early, &output),
    };
    let name = commands::name(&cli.command);
    // What follows a program's name is not ambar's, however much it looks so.
    let output = Output::new(cli.global.json, cli.global.color);
    let context = Context::new(cli.global, output);
    let done = commands::run(&context, cli.command);
    context.output().finish(&name, done)
}

fn parse(command: clap::Command, early: &Early, arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let parsed = command.color(early.colour.for_clap()).try_get_matches_from(arguments);
    match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        // Only help wants the commands on PATH, which take time to find.
        Err(error) if shows_help(&error) && early.command.is_none() && !early.listed => {
            parse(external::listed(Cli::command()), &Early { listed: true, ..early.clone() }, arguments)
        }
        parsed => parsed,
    }
}

fn shows_help(error: &clap::Error) -> bool {
    use clap::error::ErrorKind;
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
}

/// Answers a command line that names no command to run: help, the version, or a mistake.
fn unparsed(error: &clap::Error, early: &Early, output: &Output) -> u8 {
    use clap::error::ErrorKind;
    let name = early.command.as_deref().unwrap_or_default();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            output.print(&if output.out_style().is_on() {
                text.ansi().to_string()
            } else {
                text.to_string()
            });
            output.finish(name, Ok(serde_json::json!({ "text": text.to_string() }).into()))
        }
        _ => {
            let text = error.render();
            let text = if !early.json && output.err_style().is_on() {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            output.finish(name, Err(Failure::usage(text).raw()))
        }
    }
}

/// What every command returns: an answer for machines and an exit code below failure, or a failure.
type Done = Result<Answer, Failure>;

/// The answer of a command that did what it was asked.
#[derive(Debug)]
struct Answer {
    /// The `result` of `--json`.
    result: serde_json::Value,
    /// The live generation was switched, but something is pending.
    pending: bool,
}

impl From<serde_json::Value> for Answer {
    fn from(result: serde_json::Value) -> Answer {
        Answer { result, pending: false }
    }
}

/// Exit code for a switch that left something pending.
const PENDING: u8 = 11;

/// What each exit code means: the classes of the library, done, and pending.
const EXIT_CODES: [(u8, &str); 12] = [
    (0, "done"),
    (Class::Failed as u8, "failed"),
    (Class::Usage as u8, "the command line or the request makes no sense"),
    (Class::NotFound as u8, "a package, path, generation or file is not there"),
    (Class::Conflict as u8, "dependencies are not satisfied, or things are in conflict"),
    (Class::Permission as u8, "this user may not do it"),
    (Class::Locked as u8, "another process holds the lock"),
    (Class::Damaged as u8, "verification failed: something is damaged or not what it claims to be"),
    (Class::Missing as u8, "material for an offline operation is missing"),
    (Class::NoSpace as u8, "there is not enough room"),
    (Class::Cancelled as u8, "cancelled"),
    (PENDING, "the new generation is live, but something is pending"),
];
