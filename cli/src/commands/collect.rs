//! `gc`: what no kept generation needs.

use ambar::Collected;
use serde_json::json;

use crate::Done;
use crate::context::Context;
use crate::progress::Watcher;
use crate::style::Style;
use crate::text::{count, shown, size};

pub(crate) fn collect(context: &Context, keep: Option<u64>) -> Done {
    let root = context.root()?;
    let watcher = Watcher::new(context);
    let judged = root.collect(keep, true, &watcher)?;
    drop(watcher);
    show(context, &judged);
    if context.dry_run() {
        return Ok(json!({ "collected": judged, "dry_run": true }).into());
    }
    if is_nothing(&judged) {
        return Ok(json!({ "collected": judged, "dry_run": false }).into());
    }
    context.agree().map_err(|failure| failure.with(json!({ "collected": judged, "dry_run": true })))?;
    let watcher = Watcher::new(context);
    let collected = root.collect(keep, false, &watcher)?;
    drop(watcher);
    context.output().set_changed();
    let text = format!("{} freed.", size(collected.bytes));
    context.line(context.output().out_style().paint(Style::Good, &text));
    Ok(json!({ "collected": collected, "dry_run": false }).into())
}

/// Whether there is nothing to take.
fn is_nothing(collected: &Collected) -> bool {
    *collected == Collected { in_use: collected.in_use.clone(), ..Collected::default() }
}

fn show(context: &Context, collected: &Collected) {
    let numbers = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    if !collected.in_use.is_empty() {
        context.line(format!("kept          {}: processes are in there", numbers(&collected.in_use)));
    }
    if is_nothing(collected) {
        context.line("There is nothing to collect.");
        return;
    }
    if !collected.generations.is_empty() {
        context.line(format!("generations   {}", numbers(&collected.generations)));
    }
    for package in &collected.packages {
        context.line(format!("package       {}", shown(package)));
    }
    context.line(format!(
        "content       {}, {}, {}",
        count(collected.objects, "object"),
        count(collected.cached_files, "cached package file"),
        size(collected.bytes)
    ));
}
