//! `extract`: a package file into a directory.

use std::path::Path;

use ambar::OsPath;
use ambar::pkgfmt::{Limits, PackageFile};
use serde_json::json;

use crate::Done;
use crate::context::Context;
use crate::progress::Watcher;
use crate::text::{count, shown};

pub(crate) fn extract(context: &Context, file: &Path, directory: &Path) -> Done {
    let limits = Limits::default();
    let (manifest, entries) = if context.dry_run() {
        let mut package = PackageFile::open(file, &limits).map_err(ambar::Error::from)?;
        package.list().map_err(ambar::Error::from)?;
        let draft = package.draft().clone();
        (draft.manifest, draft.entries.len())
    } else {
        let manifest = ambar::extract(file, directory, &limits, &Watcher::new(context))?;
        context.output().set_changed();
        let entries = manifest.entries.len();
        (manifest, entries)
    };
    context.line(format!(
        "{} {}: {} {} {}.",
        shown(&manifest.name),
        shown(&manifest.full_version()),
        count(entries as u64, "path"),
        if context.dry_run() { "would go into" } else { "checked and unpacked into" },
        directory.display()
    ));
    Ok(json!({
        "name": manifest.name,
        "version": manifest.full_version(),
        "directory": OsPath(directory.into()),
        "entries": entries,
        "dry_run": context.dry_run(),
    })
    .into())
}
