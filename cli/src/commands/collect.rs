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
    if judged == Collected::default() {
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

fn show(context: &Context, collected: &Collected) {
    if *collected == Collected::default() {
        context.line("There is nothing to collect.");
        return;
    }
    let numbers: Vec<String> = collected.generations.iter().map(u64::to_string).collect();
    if !numbers.is_empty() {
        context.line(format!("generations   {}", numbers.join(" ")));
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
