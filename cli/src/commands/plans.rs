//! Requests from command lines; `plan` and `apply`: plans that are kept in files.

use ambar::{Options, OsPath, Plan, Request};
use serde_json::json;

use crate::args::{
    self, Apply, Autoremove, Choosing, Downgrade, Install, Mark, Remove, Storing, Upgrade, Verb,
    is_file_to_install,
};
use crate::commands::change::carry_out;
use crate::context::Context;
use crate::failure::Failure;
use crate::text::shown;
use crate::{Done, plan};

pub(crate) fn install(arguments: Install) -> Result<Request, Failure> {
    let options =
        Options { reinstall: arguments.reinstall, ..options(&arguments.choosing, arguments.storing) };
    let (mut files, mut names) = (Vec::new(), Vec::new());
    for thing in arguments.things {
        if is_file_to_install(&thing) {
            files.push(OsPath(thing.into()));
        } else {
            names.push(thing.into_string().map_err(|thing| {
                Failure::usage(format!("{} is not the name of a package", thing.to_string_lossy()))
            })?);
        }
    }
    let from = from(arguments.choosing);
    Ok(Request::Install { files, names, from, options })
}

/// Where packages are chosen from.
pub(crate) fn from(choosing: Choosing) -> Vec<OsPath> {
    choosing.from.into_iter().map(OsPath).collect()
}

/// How packages are chosen.
pub(crate) fn limits(choosing: &Choosing) -> Options {
    Options {
        ignore_dependency: choosing.ignore_dependency,
        no_recommends: choosing.no_recommends,
        allow_removals: choosing.allow_removals,
        allow_downgrades: choosing.allow_downgrades,
        eager: choosing.eager,
        exclude: choosing.exclude.clone(),
        favour: choosing.favour.clone(),
        ..Options::default()
    }
}

fn options(choosing: &Choosing, storing: Storing) -> Options {
    Options {
        overwrite: storing.overwrite,
        strip_setuid: storing.strip_setuid,
        no_cache: storing.no_cache,
        accept_licences: storing.licences.accepted,
        ..limits(choosing)
    }
}

pub(crate) fn upgrade(arguments: Upgrade) -> Request {
    let options =
        Options { security_only: arguments.security_only, ..options(&arguments.choosing, arguments.storing) };
    Request::Upgrade { names: arguments.names, from: from(arguments.choosing), options }
}

pub(crate) fn downgrade(arguments: Downgrade) -> Request {
    let options = options(&arguments.choosing, arguments.storing);
    Request::Downgrade { names: arguments.names, from: from(arguments.choosing), options }
}

pub(crate) fn autoremove(arguments: &Autoremove) -> Request {
    let options = Options { no_recommends: arguments.no_recommends, ..Options::default() };
    Request::Autoremove { options }
}

pub(crate) fn remove(arguments: Remove) -> Request {
    let options = Options {
        ignore_dependency: arguments.ignore_dependency,
        no_dependents: arguments.no_dependents,
        remove_essential: arguments.remove_essential,
        ..Options::default()
    };
    Request::Remove { names: arguments.names, options }
}

pub(crate) fn mark(arguments: Mark) -> Request {
    Request::Mark { names: arguments.names, reason: arguments.reason.into() }
}

/// `plan`: what a change would be, for people, for machines, or in a file.
pub(crate) fn plan(context: &Context, arguments: args::Plan) -> Done {
    let request = match arguments.verb {
        Verb::Install(arguments) => install(arguments)?,
        Verb::Upgrade(arguments) => upgrade(arguments),
        Verb::Downgrade(arguments) => downgrade(arguments),
        Verb::Remove(arguments) => remove(arguments),
        Verb::Autoremove(arguments) => autoremove(&arguments),
        Verb::Rollback { generation } => Request::Activate { generation },
        Verb::Mark(arguments) => mark(arguments),
    };
    let plan = context.root()?.plan(request)?;
    plan::show(context, &plan);
    if plan.is_empty() {
        context.line("Nothing is to be done.");
    }
    let file = arguments.output.filter(|_| !context.dry_run());
    if let Some(file) = &file {
        plan.save(file)?;
        context.output().set_changed();
        let name = shown(&file.display().to_string());
        context.line(format!("The plan is in {name}; `ambar apply {name}` carries it out."));
    }
    Ok(json!({ "plan": plan, "file": file.map(OsPath), "dry_run": context.dry_run() }).into())
}

/// `apply`: a plan from a file, as long as everything is as it was when it was made.
pub(crate) fn apply(context: &Context, arguments: &Apply) -> Done {
    let mut plan = Plan::load(&arguments.file)?;
    let root = context.root_or(&plan.root.0)?;
    root.check_saved(&plan)?;
    for name in &arguments.licences.accepted {
        plan.accept_licence(name);
    }
    carry_out(context, &root, plan)
}
