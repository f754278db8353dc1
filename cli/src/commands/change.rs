//! `init`, `install`, `remove`, `rollback`: plan, show, agree, execute.

use ambar::{Options, OsPath, Outcome, Plan, Request};
use serde_json::json;

use crate::args::{Init, Install, Remove};
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Watcher;
use crate::style::Style;
use crate::text::shown;
use crate::{Answer, Done, plan};

pub(crate) fn init(context: &Context, arguments: &Init) -> Done {
    let mut root = context.root()?;
    if context.dry_run() {
        context.line(format!("{} would become a root.", root.path().display()));
        return Ok(json!({ "root": OsPath(root.path().into()), "store": null, "dry_run": true }).into());
    }
    root.init(arguments.store.as_deref())?;
    context.output().set_changed();
    let about = root.about()?;
    context.line(format!("{} is a root; its store is {}.", shown(&about.root), shown(&about.store)));
    Ok(json!({ "root": about.root, "store": about.store, "dry_run": false }).into())
}

pub(crate) fn install(context: &Context, arguments: Install) -> Done {
    let options = Options {
        ignore_dependency: arguments.ignore_dependency,
        overwrite: arguments.overwrite,
        strip_setuid: arguments.strip_setuid,
        no_cache: arguments.no_cache,
        reinstall: arguments.reinstall,
    };
    let files = arguments.files.into_iter().map(OsPath).collect();
    change(context, Request::Install { files, options })
}

pub(crate) fn remove(context: &Context, arguments: Remove) -> Done {
    let options = Options { ignore_dependency: arguments.ignore_dependency, ..Options::default() };
    change(context, Request::Remove { names: arguments.names, options })
}

pub(crate) fn rollback(context: &Context, generation: Option<u64>) -> Done {
    change(context, Request::Activate { generation })
}

/// Plans a request, shows the plan, and carries it out when that is agreed to.
fn change(context: &Context, request: Request) -> Done {
    let root = context.root()?;
    let plan = root.plan(request)?;
    plan::show(context, &plan);
    if plan.is_empty() {
        context.line("Nothing is to be done.");
    }
    if context.dry_run() {
        return Ok(answer(context, &plan, None));
    }
    if !plan.is_empty() {
        context
            .agree()
            .map_err(|failure| failure.with(json!({ "plan": plan, "outcome": null, "dry_run": false })))?;
    }
    let watcher = Watcher::new(context);
    let done = root.execute(&plan, &watcher);
    drop(watcher);
    let outcome = done.map_err(Failure::from)?;
    if outcome.changed {
        context.output().set_changed();
    }
    tell(context, &outcome);
    Ok(answer(context, &plan, Some(&outcome)))
}

/// Says what has been done.
fn tell(context: &Context, outcome: &Outcome) {
    let painter = context.output().out_style();
    for note in &outcome.notes {
        context.line(shown(note));
    }
    if let (true, Some(generation)) = (outcome.changed, outcome.generation) {
        let before = match outcome.from {
            Some(from) => format!("; `ambar rollback {from}` goes back"),
            None => String::new(),
        };
        context.line(painter.paint(Style::Good, &format!("Generation {generation} is live{before}.")));
    }
    for pending in &outcome.pending {
        context.line(painter.paint(Style::Warning, &format!("pending: {}", shown(pending))));
    }
}

fn answer(context: &Context, plan: &Plan, outcome: Option<&Outcome>) -> Answer {
    Answer {
        result: json!({ "plan": plan, "outcome": outcome, "dry_run": context.dry_run() }),
        pending: outcome.is_some_and(|outcome| !outcome.pending.is_empty()),
    }
}
