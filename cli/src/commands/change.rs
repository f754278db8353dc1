//! `init`; and what `install`, `remove`, `rollback`, `mark` and `apply` share: plan, show, ask, agree, execute.

use ambar::{Class, Error, OsPath, Outcome, Plan, Question, Request, Root};
use serde_json::json;

use crate::args::Init;
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

/// Plans a request, shows the plan, and carries it out when that is agreed to.
pub(crate) fn change(context: &Context, request: Request) -> Done {
    let root = context.root()?;
    let plan = root.plan(request)?;
    carry_out(context, &root, plan)
}

/// Shows a plan, and carries it out when its questions are answered and it is agreed to.
pub(crate) fn carry_out(context: &Context, root: &Root, mut plan: Plan) -> Done {
    plan::show(context, &plan);
    if plan.is_empty() {
        context.line("Nothing is to be done.");
    }
    if context.dry_run() {
        return Ok(answer(context, &plan, None));
    }
    let told = |plan: &Plan| json!({ "plan": plan, "outcome": null, "dry_run": false });
    if !plan.is_empty() {
        ask(context, &mut plan).map_err(|failure| failure.with(told(&plan)))?;
        context.agree().map_err(|failure| failure.with(told(&plan)))?;
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

/// Asks what a plan asks, where there is somebody to ask. `-y` agrees to a plan and accepts no licence.
fn ask(context: &Context, plan: &mut Plan) -> Result<(), Failure> {
    let unanswered: Vec<Question> = plan.unanswered().into_iter().cloned().collect();
    if unanswered.is_empty() {
        return Ok(());
    }
    if !context.can_ask() {
        return Err(Error::Unanswered(unanswered).into());
    }
    for question in &unanswered {
        if !context.ask(&format!("Accept the licence {}? [y/N] ", shown(&question.name))) {
            let text = format!("the licence {} is not accepted; nothing has changed", question.name);
            return Err(Failure::new(Class::Cancelled, text));
        }
        plan.accept_licence(&question.name);
    }
    Ok(())
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
