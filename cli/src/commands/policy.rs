//! `hold`, `mask`, `unmask`, `protect`, `why-masked` and `set`: what is decided once about packages.

use ambar::policy::{List, Masking, Rule};
use ambar::{OsPath, Root};
use serde_json::json;

use crate::Done;
use crate::args::{Rules, Set, WhyMasked};
use crate::commands::list::print;
use crate::context::Context;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Table, plain};
use crate::text::{count, shown};

/// What a rule of a list does, after "is".
fn effect(list: List) -> &'static str {
    match list {
        List::Hold => "held",
        List::Mask => "masked",
        List::Unmask => "unmasked",
        List::Protect => "protected",
    }
}

pub(crate) fn rules(context: &Context, list: List, arguments: &Rules) -> Done {
    let root = context.root()?;
    if arguments.list {
        let policy = root.policy()?;
        let rules: Vec<&Rule> = policy.list(list).iter().collect();
        let mut table = Table::new(&["expression", "place", "reason"], &[]);
        for rule in &rules {
            table.row([plain(shown(&rule.expression)), plain(place(rule)), plain(one_line(&rule.reason))]);
        }
        match rules.is_empty() {
            true => context.output().remark(&format!("nothing is {}", effect(list))),
            false => print(context, &table),
        }
        return Ok(json!({ "list": list, "rules": rules }).into());
    }
    let dry_run = context.dry_run();
    let changed = match arguments.remove {
        true => root.remove_rules(list, &arguments.expressions, dry_run)?,
        false => root.add_rules(list, &arguments.expressions, arguments.reason.as_deref(), dry_run)?,
    };
    if !changed.is_empty() && !dry_run {
        context.output().set_changed();
    }
    let now = match (arguments.remove, dry_run) {
        (false, false) => "is",
        (false, true) => "would be",
        (true, false) => "is no longer",
        (true, true) => "would no longer be",
    };
    for expression in &changed {
        context.line(format!("{} {now} {}.", shown(expression), effect(list)));
    }
    if !arguments.remove && matches!(list, List::Hold | List::Protect) {
        remark_on_typos(context, &root, list, &changed)?;
    }
    if changed.is_empty() {
        let same = if arguments.remove { "there is no such rule" } else { "the rules are there already" };
        context.line(format!("Nothing is to be done: {same}."));
    }
    let key = if arguments.remove { "removed" } else { "added" };
    Ok(json!({ "list": list, key: changed, "dry_run": dry_run }).into())
}

/// What is about installed packages and means none of them may be misspelt.
fn remark_on_typos(context: &Context, root: &Root, list: List, added: &[String]) -> Result<(), Failure> {
    let (policy, installed) = (root.policy()?, root.packages()?);
    for rule in policy.list(list).iter().filter(|rule| added.contains(&rule.expression)) {
        if rule.is_about_names() && !installed.iter().any(|package| rule.may_mean(&package.name)) {
            context.output().remark(&format!("nothing that is installed is called {} now", rule.expression));
        }
    }
    Ok(())
}

fn place(rule: &Rule) -> String {
    format!("{}:{}", shown(&rule.file.0.display().to_string()), rule.line)
}

fn one_line(text: &str) -> String {
    shown(&text.replace('\n', " "))
}

pub(crate) fn why_masked(context: &Context, arguments: &WhyMasked) -> Done {
    let from: Vec<OsPath> = arguments.from.iter().cloned().map(OsPath).collect();
    let masking: Masking = context.root()?.why_masked(&arguments.name, &from)?;
    let painter = context.output().out_style();
    for (rules, what) in [(&masking.mask, "masked by"), (&masking.unmask, "unmasked by")] {
        for rule in rules {
            context.line(format!("{what} {} in {}", shown(&rule.expression), place(rule)));
            for line in rule.reason.lines() {
                context.line(painter.paint(Style::Faint, &format!("    {}", shown(line))));
            }
        }
    }
    if masking.mask.is_empty() {
        context.line(format!("No rule masks {}.", shown(&arguments.name)));
    }
    for package in &masking.packages {
        let source = match &package.file {
            Some(file) => shown(&file.0.display().to_string()),
            None => "installed".to_owned(),
        };
        let state = match (&package.masked_by, &package.unmasked_by) {
            (Some(_), None) => painter.paint(Style::Bad, "masked"),
            (Some(_), Some(_)) => painter.paint(Style::Good, "unmasked"),
            (None, _) => "not masked".to_owned(),
        };
        context.line(format!("{} {} ({source}): {state}", shown(&package.name), shown(&package.version)));
    }
    Ok(json!({ "name": arguments.name, "masking": masking }).into())
}

pub(crate) fn set(context: &Context, arguments: &Set) -> Done {
    let root = context.root()?;
    let dry_run = context.dry_run();
    match arguments {
        Set::List => {
            let sets = root.sets()?;
            let mut table = Table::new(&["name", "members"], &[1]);
            let mut listed = Vec::new();
            for name in sets.names() {
                let members = sets.written(name)?;
                table.row([plain(name), plain(members.len().to_string())]);
                listed.push(json!({ "name": name, "members": members }));
            }
            match listed.is_empty() {
                true => context.output().remark("there are no sets"),
                false => print(context, &table),
            }
            Ok(json!({ "sets": listed }).into())
        }
        Set::Show { name } => {
            let sets = root.sets()?;
            let (written, members) = (sets.written(name)?, sets.expand(name)?);
            for member in &members {
                let from = if member.set == *name { String::new() } else { format!("  (@{})", member.set) };
                context.line(shown(&member.expression) + &from);
            }
            Ok(json!({ "name": name, "members": written, "expanded": members }).into())
        }
        Set::Add { name, members } => {
            let added = root.add_members(name, members, dry_run)?;
            if !added.is_empty() && !dry_run {
                context.output().set_changed();
            }
            context.line(match added.is_empty() {
                true => "Nothing is to be done: the members are there already.".to_owned(),
                false => format!("{} added to {}.", count(added.len() as u64, "member"), shown(name)),
            });
            Ok(json!({ "name": name, "added": added, "dry_run": dry_run }).into())
        }
        Set::Remove { name, members } => {
            let removed = root.remove_members(name, members, dry_run)?;
            if !dry_run {
                context.output().set_changed();
            }
            context.line(match members.is_empty() {
                true => format!("The set {} is gone.", shown(name)),
                false => format!("{} taken out of {}.", count(removed.len() as u64, "member"), shown(name)),
            });
            Ok(json!({ "name": name, "removed": removed, "gone": members.is_empty(), "dry_run": dry_run })
                .into())
        }
    }
}
