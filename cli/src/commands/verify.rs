//! `verify`: what is not as it should be.

use ambar::Class;
use serde_json::json;

use crate::Done;
use crate::context::Context;
use crate::failure::Failure;
use crate::manifest::name_of;
use crate::progress::Watcher;
use crate::style::Style;
use crate::text::{count, shown};

/// Paths of one finding that are shown.
const PATHS_SHOWN: usize = 3;

pub(crate) fn verify(context: &Context, names: &[String]) -> Done {
    let root = context.root()?;
    let watcher = Watcher::new(context);
    let findings = root.verify(names, &watcher);
    drop(watcher);
    let findings = findings?;
    let painter = context.output().out_style();
    for finding in &findings {
        let subject = painter.paint(Style::Bad, &name_of(finding.subject));
        context.line(format!(
            "{subject}: {}: {}",
            shown(&finding.location.display().to_string()),
            shown(&finding.problem)
        ));
        if !finding.packages.is_empty() {
            let packages: Vec<String> = finding.packages.iter().map(|name| shown(name)).collect();
            context.line(format!("  packages: {}", packages.join(", ")));
        }
        if !finding.paths.is_empty() {
            let paths: Vec<String> =
                finding.paths.iter().take(PATHS_SHOWN).map(ToString::to_string).collect();
            let more = if finding.paths.len() > PATHS_SHOWN { " …" } else { "" };
            context.line(format!("  paths: {}{more}", paths.join(", ")));
        }
    }
    let result = json!({ "packages": names, "findings": findings });
    if findings.is_empty() {
        context.line(painter.paint(Style::Good, "Everything is as it should be."));
        return Ok(result.into());
    }
    let message = format!("verification found {}", count(findings.len() as u64, "problem"));
    Err(Failure::new(Class::Damaged, message)
        .advise("`ambar install --reinstall FILE` stores a package's content again.")
        .with(result))
}
