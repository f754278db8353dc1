//! Plans for people: the table that precedes every change.

use ambar::{Action, Item, Plan, Request};

use crate::context::Context;
use crate::style::{Painter, Style};
use crate::table::{Table, plain};
use crate::text::{count, shown, size};

/// With more packages that have scripts, only their number is told.
const SCRIPTS_SHOWN: usize = 8;

/// Shows what a plan will do.
pub(crate) fn show(context: &Context, plan: &Plan) {
    let painter = context.output().out_style();
    if let Some(number) = plan.activates {
        context.line(format!("Generation {number} becomes live again."));
    }
    if plan.items.is_empty() {
        if plan.activates.is_some() && !plan.is_empty() {
            context.line("Its packages are the same.");
        }
    } else {
        context.output().print(&table(&plan.items, painter));
        context.line(totals(plan));
    }
    let with_scripts = plan.items.iter().filter(|item| !item.scripts.is_empty()).count();
    if with_scripts > SCRIPTS_SHOWN {
        context.line(format!("Scripts of {with_scripts} packages are kept and not run; --json lists them."));
    }
    for item in &plan.items {
        let name = shown(&item.instance().to_string());
        if !item.setuid.is_empty() {
            let paths: Vec<String> = item.setuid.iter().map(ToString::to_string).collect();
            let taken_off = if strips_setuid(plan) { ", which is taken off" } else { "" };
            let text = format!("{name}: setuid or setgid{taken_off}: {}", paths.join(", "));
            context.line(painter.paint(Style::Warning, &text));
        }
        if !item.scripts.is_empty() && with_scripts <= SCRIPTS_SHOWN {
            let scripts: Vec<String> = item.scripts.iter().map(|script| shown(script)).collect();
            context.line(format!("{name}: scripts are kept and not run: {}", scripts.join(", ")));
        }
    }
    for step in plan.steps.iter().filter(|step| step.len() > 1) {
        let names: Vec<String> = step.iter().map(|name| shown(name)).collect();
        context.line(format!("{} need each other and change together.", names.join(", ")));
    }
    for note in &plan.notes {
        context.line(shown(note));
    }
    let unanswered = plan.unanswered();
    for question in &plan.questions {
        let packages: Vec<String> = question.packages.iter().map(|name| shown(name)).collect();
        let asks = if unanswered.contains(&question) { "wants to be accepted" } else { "is accepted" };
        let text = format!("licence {} of {} {asks}", shown(&question.name), packages.join(", "));
        context.line(painter.paint(Style::Warning, &text));
        for line in question.text.iter().flat_map(|text| text.lines()) {
            context.line(format!("  {}", shown(line)));
        }
    }
}

fn strips_setuid(plan: &Plan) -> bool {
    matches!(&plan.request, Request::Install { options, .. } if options.strip_setuid)
}

/// The table of a list of changes.
pub(crate) fn table(items: &[Item], painter: Painter) -> String {
    let mut table = Table::new(&["action", "name", "version", "size", "in store", ""], &[3, 4]);
    for item in items {
        let style = match item.action {
            Action::Install | Action::Upgrade => Style::Good,
            Action::Remove => Style::Bad,
            Action::Downgrade | Action::Reinstall => Style::Warning,
            Action::Mark => Style::Plain,
        };
        let version = match &item.replaces {
            Some(old) if *old != item.version => format!("{} → {}", shown(old), shown(&item.version)),
            _ => shown(&item.version),
        };
        let stored = if item.action.brings() { size(item.stored) } else { String::new() };
        // A root knows no keys yet: a file named by hand is taken as it is.
        let signed = match &item.file {
            Some(file) if file.signers.is_empty() => "unsigned".to_owned(),
            Some(file) => format!("signed by {}, not checked", file.signers.join(", ")),
            None if item.action == Action::Mark => item.reason.name().to_owned(),
            None => String::new(),
        };
        table.row([
            (style, item.action.name().to_owned()),
            plain(shown(&item.instance().to_string())),
            plain(version),
            plain(size(item.installed_size)),
            plain(stored),
            (Style::Faint, signed),
        ]);
    }
    table.render(painter, true)
}

fn totals(plan: &Plan) -> String {
    let removed: u64 =
        plan.items.iter().filter(|item| item.action == Action::Remove).map(|item| item.installed_size).sum();
    let mut text = count(plan.items.len() as u64, "package");
    if plan.incoming() > 0 {
        text +=
            &format!("; {} of content, {} of it in the store", size(plan.incoming()), size(plan.stored()));
    }
    if removed > 0 {
        text += &format!("; {} removed, kept by earlier generations", size(removed));
    }
    text + "."
}
