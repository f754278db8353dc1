//! The commands, each in a file of its own or with its next of kin.

mod about;
mod change;
mod collect;
mod help;
mod info;
mod list;
mod package;
mod plans;
mod policy;
mod quickstart;
mod run;
mod sign;
mod unpack;
mod vercmp;
mod verify;
mod why;

use ambar::Request;
use ambar::policy::List;

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
        Command::Upgrade(_) => "upgrade",
        Command::Downgrade(_) => "downgrade",
        Command::Remove(_) => "remove",
        Command::Autoremove(_) => "autoremove",
        Command::Why { .. } => "why",
        Command::WhyNot(_) => "why-not",
        Command::Rollback { .. } => "rollback",
        Command::Run(_) => "run",
        Command::Shell(_) => "shell",
        Command::Mark(_) => "mark",
        Command::Plan(_) => "plan",
        Command::Apply(_) => "apply",
        Command::Hold(_) => "hold",
        Command::Mask(_) => "mask",
        Command::Unmask(_) => "unmask",
        Command::WhyMasked(_) => "why-masked",
        Command::Protect(_) => "protect",
        Command::Set(_) => "set",
        Command::List(_) => "list",
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
        Command::Install(arguments) => change::change(context, plans::install(arguments)?),
        Command::Upgrade(arguments) => change::change(context, plans::upgrade(arguments)),
        Command::Downgrade(arguments) => change::change(context, plans::downgrade(arguments)),
        Command::Remove(arguments) => change::change(context, plans::remove(arguments)),
        Command::Autoremove(arguments) => change::change(context, plans::autoremove(&arguments)),
        Command::Why { name } => why::why(context, &name),
        Command::WhyNot(arguments) => why::why_not(context, arguments),
        Command::Rollback { generation } => change::change(context, Request::Activate { generation }),
        Command::Mark(arguments) => change::change(context, plans::mark(arguments)),
        Command::Plan(arguments) => plans::plan(context, arguments),
        Command::Apply(arguments) => plans::apply(context, &arguments),
        Command::Hold(arguments) => policy::rules(context, List::Hold, &arguments),
        Command::Mask(arguments) => policy::rules(context, List::Mask, &arguments),
        Command::Unmask(arguments) => policy::rules(context, List::Unmask, &arguments),
        Command::WhyMasked(arguments) => policy::why_masked(context, &arguments),
        Command::Protect(arguments) => policy::rules(context, List::Protect, &arguments),
        Command::Set(arguments) => policy::set(context, &arguments),
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Shell(arguments) => run::shell(context, &arguments),
        Command::List(arguments) => list::packages(context, &arguments),
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
