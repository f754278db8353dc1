//! `pack`, `repack` and `delta`: making package files.

use ambar::pkgfmt::{Format, Limits};
use ambar::{Description, OsPath, PackOptions, Target, Written};
use serde_json::json;

use crate::Done;
use crate::args::{Delta, Output, Pack, Repack};
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Watcher;
use crate::text::{count, shown, size};

pub(crate) fn pack(context: &Context, arguments: &Pack) -> Done {
    let description = description(arguments)?;
    let limits = Limits::default();
    let options = PackOptions { keep_owners: arguments.keep_owners, newest: newest(arguments)? };
    let target = target(context, &arguments.output)?;
    if context.dry_run() {
        return Err(no_dry_run());
    }
    let written =
        ambar::pack(&arguments.directory, &description, options, &target, &limits, &Watcher::new(context))?;
    Ok(tell(context, &written))
}

pub(crate) fn repack(context: &Context, arguments: &Repack) -> Done {
    let target = target(context, &arguments.output)?;
    if context.dry_run() {
        return Err(no_dry_run());
    }
    let watcher = Watcher::new(context);
    let base = arguments.base.as_deref();
    let written = ambar::repack(&arguments.file, base, &target, &Limits::default(), &watcher)?;
    Ok(tell(context, &written))
}

pub(crate) fn delta(context: &Context, arguments: &Delta) -> Done {
    let target = target(context, &arguments.output)?;
    if context.dry_run() {
        return Err(no_dry_run());
    }
    let watcher = Watcher::new(context);
    let written = ambar::delta(&arguments.old, &arguments.new, &target, &Limits::default(), &watcher)?;
    Ok(tell(context, &written))
}

fn no_dry_run() -> Failure {
    Failure::usage("a package file is written or it is not: there is no plan to show")
}

/// What the flags say of the package, on top of what package.toml says.
fn description(arguments: &Pack) -> Result<Description, Failure> {
    let mut description = match (&arguments.manifest, &arguments.name, &arguments.version) {
        (Some(path), ..) => Description::read(path)?,
        (None, Some(name), Some(version)) => Description::new(name, version),
        (None, ..) => {
            return Err(Failure::usage(
                "a package needs --name and --version, or a --manifest that has them",
            ));
        }
    };
    let manifest = description.manifest_mut();
    let flags = [
        (&arguments.name, &mut manifest.name),
        (&arguments.version, &mut manifest.version),
        (&arguments.release, &mut manifest.release),
        (&arguments.arch, &mut manifest.arch),
        (&arguments.summary, &mut manifest.summary),
    ];
    for (flag, field) in flags {
        if let Some(text) = flag {
            field.clone_from(text);
        }
    }
    manifest.order = arguments.order.unwrap_or(manifest.order);
    Ok(description)
}

/// The latest time that an entry may declare: from the flag, or what reproducible builds agree on.
fn newest(arguments: &Pack) -> Result<Option<i64>, Failure> {
    match (arguments.mtime, std::env::var("SOURCE_DATE_EPOCH")) {
        (Some(seconds), _) => Ok(Some(seconds)),
        (None, Ok(text)) if !text.is_empty() => {
            let seconds = text.parse();
            seconds
                .map(Some)
                .map_err(|_| Failure::usage(format!("SOURCE_DATE_EPOCH is '{text}', not a number")))
        }
        (None, _) => Ok(None),
    }
}

fn target(context: &Context, output: &Output) -> Result<Target, Failure> {
    let format = output.format.as_deref().map(|name| match name {
        "ambar" | "native" => Ok(Format::Native),
        "pisi-1.1" => Ok(Format::Pisi11),
        "pisi" | "pisi-1.2" => Ok(Format::Pisi12),
        other => {
            Err(Failure::usage(format!("'{other}' is no format that is written: ambar, pisi-1.1, pisi-1.2")))
        }
    });
    let mut target = Target::new(&output.output, format.transpose()?)?;
    (target.level, target.threads) = (output.level, context.threads());
    Ok(target)
}

fn tell(context: &Context, written: &Written) -> crate::Answer {
    let manifest = &written.manifest;
    context.line(format!(
        "{} {}: {}, {} in {}.",
        shown(&manifest.name),
        shown(&manifest.full_version()),
        count(manifest.entries.len() as u64, "path"),
        size(written.length),
        shown(&written.path.display().to_string())
    ));
    if !written.losses.is_empty() {
        let what = count(written.losses.len() as u64, "thing");
        context.line(format!("{} that {} cannot say:", what, written.format.name()));
        for loss in &written.losses {
            context.line(format!("  {}", shown(loss)));
        }
    }
    json!({
        "file": OsPath(written.path.clone()),
        "format": written.format,
        "name": manifest.name,
        "version": manifest.full_version(),
        "package": written.package,
        "length": written.length,
        "entries": manifest.entries.len(),
        "losses": written.losses,
    })
    .into()
}
