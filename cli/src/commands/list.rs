//! `list`, `files`, `owns`, `generations`, `diff`, `history`: questions that are answered with a list.

use std::path::Path;

use ambar::Reason;
use serde_json::json;

use crate::args::List;
use crate::context::Context;
use crate::style::Style;
use crate::table::{Table, plain};
use crate::text::{count, shown, size, time};
use crate::{Done, entry, plan};

/// Prints a table; its headings only where a person looks.
pub(super) fn print(context: &Context, table: &Table) {
    let output = context.output();
    output.print(&table.render(output.out_style(), output.is_terminal()));
}

/// What was asked for, short enough for a line.
fn cause(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = shown(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

pub(crate) fn packages(context: &Context, arguments: &List) -> Done {
    let mut packages = context.root()?.packages()?;
    let is_empty = packages.is_empty();
    packages.retain(|package| match package.reason {
        Reason::Explicit => !arguments.automatic,
        Reason::Automatic => !arguments.explicit,
    });
    let mut table = Table::new(&["name", "version", "arch", "size", "reason"], &[3]);
    for package in &packages {
        let reason = if package.reason == Reason::Automatic { "automatic" } else { "" };
        table.row([
            plain(shown(&package.instance().to_string())),
            plain(shown(&package.full_version())),
            plain(shown(&package.arch)),
            plain(size(package.installed_size)),
            (Style::Faint, reason.to_owned()),
        ]);
    }
    if is_empty {
        context.output().remark("nothing is installed");
    } else {
        print(context, &table);
    }
    Ok(json!({ "packages": packages }).into())
}

pub(crate) fn files(context: &Context, name: &str) -> Done {
    let packages = context.root()?.all_files(name)?;
    let several = packages.len() > 1;
    let mut all = Vec::new();
    for (package, entries) in &packages {
        let instance = package.instance().to_string();
        if several {
            context.line(context.output().out_style().paint(Style::Heading, &shown(&instance)));
        }
        let lines: String = entries.iter().map(|entry| entry::line(entry) + "\n").collect();
        context.output().print(&lines);
        for entry in entries {
            let mut entry = entry::to_json(entry);
            entry["package"] = instance.clone().into();
            all.push(entry);
        }
    }
    Ok(json!({ "package": name, "entries": all }).into())
}

pub(crate) fn owners(context: &Context, path: &Path) -> Done {
    let owners = context.root()?.owners(path)?;
    for package in &owners {
        let instance = package.instance().to_string();
        context.line(format!("{} {}", shown(&instance), shown(&package.full_version())));
    }
    Ok(json!({ "path": ambar::OsPath(path.into()), "packages": owners }).into())
}

pub(crate) fn generations(context: &Context) -> Done {
    let generations = context.root()?.generations()?;
    let mut table = Table::new(&["", "number", "made", "packages", "from", "cause"], &[1, 3, 4]);
    for generation in &generations {
        table.row([
            (Style::Good, if generation.live { "*" } else { "" }.to_owned()),
            plain(generation.number.to_string()),
            plain(time(generation.time)),
            plain(generation.packages.to_string()),
            plain(generation.parent.map_or_else(|| "-".to_owned(), |parent| parent.to_string())),
            plain(cause(&generation.cause)),
        ]);
    }
    if generations.is_empty() {
        context.output().remark("there are no generations yet");
    } else {
        print(context, &table);
    }
    Ok(json!({ "generations": generations }).into())
}

pub(crate) fn diff(context: &Context, (from, to): (u64, u64)) -> Done {
    let items = context.root()?.diff(from, to)?;
    if items.is_empty() {
        context.line(format!("Generations {from} and {to} have the same packages."));
    } else {
        context.output().print(&plan::table(&items, context.output().out_style()));
        context.line(format!("{} from generation {from} to {to}.", count(items.len() as u64, "change")));
    }
    Ok(json!({ "from": from, "to": to, "items": items }).into())
}

pub(crate) fn history(context: &Context) -> Done {
    let actions = context.root()?.history()?;
    let mut table = Table::new(&["time", "from", "to", "cause"], &[1, 2]);
    for action in &actions {
        table.row([
            plain(time(action.time)),
            plain(action.from.map_or_else(|| "-".to_owned(), |from| from.to_string())),
            plain(action.generation.to_string()),
            plain(cause(&action.cause)),
        ]);
    }
    if actions.is_empty() {
        context.output().remark("nothing has been done yet");
    } else {
        print(context, &table);
    }
    Ok(json!({ "actions": actions }).into())
}
