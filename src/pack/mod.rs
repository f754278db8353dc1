//! Making a package of a directory.

mod description;
mod tree;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ambar_pkgfmt::{Limits, Manifest, Parts};
use globset::{GlobBuilder, GlobMatcher};

use crate::error::Error;
use crate::observer::{Event, Observer};
use crate::write::{Target, Written, directory_of, write};

pub use description::Description;
use description::FileRule;
pub use tree::PackOptions;

/// Packs what is below `directory` into the file of `target`. All directories become entries; so the same
/// directory and description give the same bytes, whatever the number of threads.
///
/// # Errors
/// [`Error::Unpackable`] for what packages do not hold (devices, sockets, absurd names), [`Error::Description`]
/// for rules that make no sense, [`Error::Io`]; nothing is left at the target then.
pub fn pack(
    directory: &Path,
    description: &Description,
    options: PackOptions,
    target: &Target,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Written, Error> {
    target.pool()?.install(|| {
        refuse_output_inside(directory, target)?;
        let mut manifest = description.manifest.clone();
        manifest.entries = tree::entries(directory, options, limits, observer)?;
        apply(&description.rules, &mut manifest)?;
        observer.event(Event::Begin { packages: 1, bytes: manifest.installed_size() });
        observer.event(Event::Package { name: &manifest.name });
        let contents = tree::Files { top: directory, manifest: &manifest };
        let parts = Parts {
            manifest: &manifest,
            translations: &description.translations,
            scripts: &description.scripts,
            contents: &contents,
        };
        write(&parts, target, observer)
    })
}

/// A package in the directory that is packed would be in the next package, and that one in the one after it.
fn refuse_output_inside(directory: &Path, target: &Target) -> Result<(), Error> {
    let parent = if target.path.is_dir() { &target.path } else { directory_of(&target.path) };
    match (directory.canonicalize(), parent.canonicalize()) {
        (Ok(top), Ok(parent)) if parent.starts_with(&top) => Err(Error::Usage(format!(
            "{} is in the directory that is packed: write it elsewhere",
            target.path.display()
        ))),
        // What is not there is found out by whoever opens it.
        _ => Ok(()),
    }
}

/// Applies the rules for files, in order; a rule that matches nothing is a mistake.
fn apply(rules: &[FileRule], manifest: &mut Manifest) -> Result<(), Error> {
    for rule in rules {
        let wrong = |reason: String| Error::Usage(format!("the rule for files '{}': {reason}", rule.pattern));
        let matcher = matcher(&rule.pattern).map_err(|error| wrong(error.to_string()))?;
        let mode = rule.mode.as_deref().map(|text| u16::from_str_radix(text, 8)).transpose();
        let mode = mode.map_err(|_| wrong("its mode is not an octal number".into()))?;
        let mut xattrs = Vec::new();
        for (name, value) in &rule.xattrs {
            let value = value.clone().bytes().ok_or_else(|| wrong(format!("{name}: wrong hex digits")))?;
            xattrs.push((name.clone().into_bytes(), value));
        }
        let mut matched = false;
        for entry in &mut manifest.entries {
            if !matcher.is_match(OsStr::from_bytes(entry.path.as_bytes())) {
                continue;
            }
            matched = true;
            let is_file = matches!(entry.node, ambar_pkgfmt::Node::File { .. });
            let is_link = matches!(entry.node, ambar_pkgfmt::Node::Symlink { .. });
            entry.config = rule.config.filter(|_| is_file).unwrap_or(entry.config);
            entry.permanent = rule.permanent.unwrap_or(entry.permanent);
            entry.keep_mtime = rule.keep_mtime.filter(|_| is_file).unwrap_or(entry.keep_mtime);
            entry.mode = mode.filter(|_| !is_link).unwrap_or(entry.mode);
            entry.uid = rule.uid.unwrap_or(entry.uid);
            entry.gid = rule.gid.unwrap_or(entry.gid);
            if let Some(kind) = &rule.kind {
                entry.kind.clone_from(kind);
            }
            if rule.owner.is_some() || rule.group.is_some() {
                let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "root".into());
                entry.owner_names = Some((named(&rule.owner), named(&rule.group)));
            }
            if !is_link {
                entry.xattrs.retain(|(name, _)| !xattrs.iter().any(|(new, _)| new == name));
                entry.xattrs.extend(xattrs.iter().cloned());
                entry.xattrs.sort();
            }
        }
        if !matched {
            let hint = if rule.pattern.starts_with('/') { ": paths do not begin with a slash" } else { "" };
            return Err(wrong(format!("it matches no file{hint}")));
        }
    }
    manifest.encode().map_err(|error| Error::Usage(format!("this makes no package: {error}")))?;
    Ok(())
}

fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher())
}
