//! Requests from command lines; `plan` and `apply`: plans that are kept in files.

use ambar::{Options, OsPath, Plan, Request};
use serde_json::json;

use crate::args::{self, Apply, Install, Mark, Remove, Verb, is_file_to_install};
use crate::commands::change::carry_out;
use crate::context::Context;
use crate::failure::Failure;
use crate::text::shown;
use crate::{Done, plan};

pub(crate) fn install(arguments: Install) -> Result<Request, Failure> {
    let options = Options {
        ignore_dependency: arguments.ignore_dependency,
        overwrite: arguments.overwrite,
        strip_setuid: arguments.strip_setuid,
        no_cache: arguments.no_cache,
        reinstall: arguments.reinstall,
        accept_licences: arguments.licences.accepted,
    };
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
    let from = arguments.from.into_iter().map(OsPath).collect();
    Ok(Request::Install { files, names, from, options })
}

pub(crate) fn remove(arguments: Remove) -> Request {
    let options = Options { ignore_dependency: arguments.ignore_dependency, ..Options::default() };
    Request::Remove { names: arguments.names, options }
}

pub(crate) fn mark(arguments: Mark) -> Request {
    Request::Mark { names: arguments.names, reason: arguments.reason.into() }
}

/// `plan`: what a change would be, for people, for machines, or in a file.
pub(crate) fn plan(context: &Context, arguments: args::Plan) -> Done {
    let request = match arguments.verb {
        Verb::Install(arguments) => install(arguments)?,
        Verb::Remove(arguments) => remove(arguments),
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
