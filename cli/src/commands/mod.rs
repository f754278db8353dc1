//! The commands, each in a file of its own or with its next of kin.

mod about;
mod change;
mod collect;
mod help;
mod info;
mod list;
mod package;
mod quickstart;
mod run;
mod sign;
mod unpack;
mod vercmp;
mod verify;

use crate::Done;
use crate::args::{Command, Key};
use crate::context::Context;
use crate::external;

pub(crate) use run::HELP as RUN_HELP;

/// The name of a command, as it is typed.
pub(crate) fn name(command: &Command) -> String {
    match command {
        Command::Init(_) => "init",
        Command::Install(_) => "install",
        Command::Remove(_) => "remove",
        Command::Rollback { .. } => "rollback",
        Command::Run(_) => "run",
        Command::Shell(_) => "shell",
        Command::List => "list",
        Command::Info { .. } => "info",
        Command::Files { .. } => "files",
        Command::Owns { .. } => "owns",
        Command::Generations => "generations",
        Command::Diff { .. } => "diff",
        Command::History => "history",
        Command::Verify { .. } => "verify",
        Command::Gc { .. } => "gc",
        Command::Pack(_) => "pack",
        Command::Repack(_) => "repack",
        Command::Delta(_) => "delta",
        Command::Key(_) => "key",
        Command::Sign(_) => "sign",
        Command::VerifyFile(_) => "verify-file",
        Command::Inspect { .. } => "inspect",
        Command::Extract { .. } => "extract",
        Command::Vercmp(_) => "vercmp",
        Command::Version => "version",
        Command::Completion { .. } => "completion",
        Command::Man { .. } => "man",
        Command::Quickstart { .. } => "quickstart",
        Command::Help { .. } => "help",
        Command::External(words) => {
            return words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        }
    }
    .to_owned()
}

/// Runs a command.
pub(crate) fn run(context: &Context, command: Command) -> Done {
    match command {
        Command::Init(arguments) => change::init(context, &arguments),
        Command::Install(arguments) => change::install(context, arguments),
        Command::Remove(arguments) => change::remove(context, arguments),
        Command::Rollback { generation } => change::rollback(context, generation),
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Shell(arguments) => run::shell(context, &arguments),
        Command::List => list::packages(context),
        Command::Info { subject } => info::info(context, subject.as_deref()),
        Command::Files { name } => list::files(context, &name),
        Command::Owns { path } => list::owners(context, &path),
        Command::Generations => list::generations(context),
        Command::Diff { range } => list::diff(context, range),
        Command::History => list::history(context),
        Command::Verify { names } => verify::verify(context, &names),
        Command::Gc { keep } => collect::collect(context, keep),
        Command::Pack(arguments) => package::pack(context, &arguments),
        Command::Repack(arguments) => package::repack(context, &arguments),
        Command::Delta(arguments) => package::delta(context, &arguments),
        Command::Key(Key::Generate(arguments)) => sign::generate(context, &arguments),
        Command::Sign(arguments) => sign::sign(context, &arguments),
        Command::VerifyFile(arguments) => sign::verify_file(context, &arguments),
        Command::Inspect { file } => info::inspect(context, &file),
        Command::Extract { file, directory } => unpack::extract(context, &file, &directory),
        Command::Vercmp(arguments) => vercmp::vercmp(context, &arguments),
        Command::Version => about::version(context),
        Command::Completion { shell } => about::completion(context, shell),
        Command::Man { directory } => about::man(context, directory.as_deref()),
        Command::Quickstart { directory } => quickstart::quickstart(context, directory.as_deref()),
        Command::Help { topic } => help::help(context, topic.as_deref()),
        Command::External(words) => Err(external::run(context, &words)),
    }
}
