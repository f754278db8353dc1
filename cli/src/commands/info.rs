//! `info` and `inspect`: everything about one thing.

use std::ffi::OsStr;
use std::path::Path;

use ambar::OsPath;
use ambar::pkgfmt::{Limits, PackageFile};
use serde_json::json;

use crate::args::is_package_file;
use crate::context::Context;
use crate::failure::Failure;
use crate::manifest::{field, name_of, show, show_rest};
use crate::style::Style;
use crate::table::{Table, plain};
use crate::text::{count, size};
use crate::{Done, entry, manifest};

pub(crate) fn info(context: &Context, subject: Option<&OsStr>) -> Done {
    match subject {
        None => root(context),
        Some(subject) if is_package_file(subject) => file(context, Path::new(subject), false),
        Some(subject) => match subject.to_str() {
            Some(name) => package(context, name),
            None => {
                Err(Failure::usage(format!("{} is not the name of a package", subject.to_string_lossy())))
            }
        },
    }
}

pub(crate) fn inspect(context: &Context, path: &Path) -> Done {
    file(context, path, true)
}

fn root(context: &Context) -> Done {
    let about = context.root()?.about()?;
    let generation = about.generation.map_or_else(|| "none yet".to_owned(), |number| number.to_string());
    field(context, "root", &about.root);
    field(context, "store", &about.store);
    field(context, "generation", &generation);
    field(context, "packages", &about.packages.to_string());
    field(
        context,
        "files are",
        match &*name_of(about.link) {
            "hard" => "hard links into the store",
            _ => "copies of what the store has: it cannot be linked from here, or config.toml says so",
        },
    );
    field(context, "owners are", if about.privileged { "applied" } else { "recorded, not applied" });
    field(context, "objects", &format!("{}, {}", about.objects, size(about.bytes)));
    Ok(json!({ "kind": "root", "root": about }).into())
}

fn package(context: &Context, name: &str) -> Done {
    let all = context.root()?.all_details(name)?;
    let mut results = Vec::new();
    for (position, details) in all.iter().enumerate() {
        if position > 0 {
            context.line(String::new());
        }
        show(context, &details.manifest, &details.translations);
        field(context, "reason", &name_of(details.installed.reason));
        field(context, "size", &size(details.installed.installed_size));
        field(context, "entries", &details.manifest.entries.len().to_string());
        field(context, "package id", &details.installed.id.to_string());
        results.push(json!({
            "kind": "package",
            "installed": details.installed,
            "manifest": manifest::to_json(&details.manifest, &details.translations),
            "entries": details.manifest.entries.len(),
        }));
    }
    Ok(match results.pop() {
        Some(only) if results.is_empty() => only,
        last => {
            results.extend(last);
            json!({ "kind": "packages", "packages": results })
        }
    }
    .into())
}

/// Tells what a package file says of itself; `everything` adds its entries and its history.
fn file(context: &Context, path: &Path, everything: bool) -> Done {
    let mut package = PackageFile::open(path, &Limits::default()).map_err(ambar::Error::from)?;
    if everything || package.format().has_file_list() {
        package.list().map_err(ambar::Error::from)?;
    }
    let draft = package.draft();
    let bytes = draft.entries.iter().filter_map(|entry| entry.size).fold(0, u64::saturating_add);
    field(context, "file", &path.display().to_string());
    field(context, "format", package.format().name());
    let signers: Vec<String> = package.signers().iter().map(ToString::to_string).collect();
    let signature = match signers.as_slice() {
        [] => "none: unsigned".to_owned(),
        keys => format!("of key {}; `verify-file --key` checks it", keys.join(", ")),
    };
    field(context, "signature", &signature);
    if let Some(base) = package.base_needed() {
        let release = base.release.as_deref().or(base.id.as_ref().map(|_| "with id")).unwrap_or_default();
        let id = base.id.map(|id| id.to_string()).unwrap_or_default();
        field(context, "delta against", &format!("{} {release} {id}", base.name));
    }
    show(context, &draft.manifest, package.translations());
    let listed = everything || package.format().has_file_list();
    let content = format!("{}, {}", count(draft.entries.len() as u64, "path"), size(bytes));
    field(context, "content", if listed { &content } else { "only the payload tells: `inspect` reads it" });
    let mut result = json!({
        "kind": "file",
        "file": OsPath(path.into()),
        "format": package.format(),
        "signed": !signers.is_empty(),
        "signers": signers,
        "base": package.base_needed(),
        "manifest": manifest::to_json(&draft.manifest, package.translations()),
        "content_bytes": listed.then_some(bytes),
    });
    if everything {
        show_rest(context, &draft.manifest, package.translations());
        let painter = context.output().out_style();
        context.line(painter.paint(Style::Heading, "entries"));
        let mut table = Table::new(&["mode", "size", "type", "path", "flags"], &[1]);
        for entry in &draft.entries {
            table.row(entry::draft_cells(entry).map(plain));
        }
        context.output().print(&table.render(painter, true));
        result["entries"] = draft.entries.iter().map(entry::draft_json).collect();
    } else {
        result["entries"] = json!(listed.then_some(draft.entries.len()));
    }
    Ok(result.into())
}
