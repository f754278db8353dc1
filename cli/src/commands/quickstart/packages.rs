//! The tour with a person's own packages.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ambar::pkgfmt::pisi::filename::FileName;
use ambar::pkgfmt::{Limits, PackageFile, version};
use ambar::{Class, Error, Options, OsPath, Request};

use super::{Tour, disk};
use crate::failure::Failure;
use crate::text::shown;

/// Directories below the one given that are looked into.
const DEPTH: usize = 8;
/// How often the request is made smaller or more lenient until it can be planned.
const ATTEMPTS: usize = 64;

/// A package file that can be opened.
struct Found {
    path: PathBuf,
    version: String,
    release: String,
    order: ambar::pkgfmt::VersionOrder,
}

impl Found {
    /// Older or newer: by release where both have one, otherwise by version.
    fn compare(&self, other: &Found) -> Ordering {
        let release = version::compare_releases(&self.release, &other.release).unwrap_or(Ordering::Equal);
        release.then_with(|| {
            version::compare(self.order, &self.version, &other.version).unwrap_or(Ordering::Equal)
        })
    }
}

pub(super) fn tour(tour: &mut Tour<'_>, directory: &Path) -> Result<(), Failure> {
    let found = find(tour, directory)?;
    if found.is_empty() {
        return Err(Failure::new(Class::NotFound, format!("there is no package in {}", directory.display())));
    }
    tour.begin();

    tour.heading("Install");
    let mut oldest: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut newest: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (name, mut versions) in found {
        versions.sort_by(Found::compare);
        if let (Some(first), Some(last)) = (versions.first(), versions.last()) {
            if first.compare(last).is_lt() {
                newest.insert(name.clone(), last.path.clone());
            }
            oldest.insert(name, first.path.clone());
        }
    }
    let flags = settle(tour, &mut oldest)?;
    tour.run(&words("install", &flags), &oldest.values().cloned().collect::<Vec<_>>())?;
    disk::current(tour)?;
    disk::tree(tour)?;

    newest.retain(|name, _| oldest.contains_key(name));
    if newest.is_empty() {
        tour.heading("Remove one");
        let name = oldest.keys().next_back().cloned().unwrap_or_default();
        tour.run(&["remove", "-y", "--ignore-dependency", &name], &[])?;
    } else {
        tour.heading("Upgrade");
        let flags = settle(tour, &mut newest)?;
        tour.run(&words("install", &flags), &newest.values().cloned().collect::<Vec<_>>())?;
    }
    disk::current(tour)?;
    disk::compare(tour, 1, 2)?;
    tour.run(&["diff", "1..2"], &[])?;

    tour.heading("Go back");
    tour.run(&["rollback", "-y"], &[])?;
    disk::current(tour)?;

    tour.heading("Verify: everything is read and hashed again");
    tour.run(&["verify"], &[])?;
    tour.run(&["generations"], &[])
}

fn words<'w>(command: &'w str, flags: &[&'w str]) -> Vec<&'w str> {
    [&[command, "-y"], flags].concat()
}

/// The packages below a directory, by name. Deltas and what cannot be read are left out, and said so.
fn find(tour: &Tour<'_>, directory: &Path) -> Result<BTreeMap<String, Vec<Found>>, Failure> {
    let mut files = Vec::new();
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let fail = |error| Failure::system("list", &directory, &error);
        for entry in std::fs::read_dir(&directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() && depth < DEPTH {
                waiting.push((entry.path(), depth + 1));
            } else if entry.path().extension().is_some_and(|is| is == "pisi" || is == "eopkg") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if matches!(FileName::parse(&name), Some(FileName::Delta(_))) {
            tour.context.line(format!("left out, a delta: {}", shown(&name)));
            continue;
        }
        match PackageFile::open(&path, &Limits::default()) {
            Ok(package) => {
                let manifest = &package.draft().manifest;
                found.entry(manifest.name.clone()).or_default().push(Found {
                    path,
                    version: manifest.version.clone(),
                    release: manifest.release.clone(),
                    order: manifest.order,
                });
            }
            Err(error) => tour.context.line(format!("left out: {}", shown(&error.to_string()))),
        }
    }
    Ok(found)
}

/// The flags that the packages need to go in together. Packages whose paths others have are left out, and
/// said so.
fn settle(tour: &Tour<'_>, packages: &mut BTreeMap<String, PathBuf>) -> Result<Vec<&'static str>, Failure> {
    let root = tour.inner.root()?;
    let mut options = Options::default();
    for _ in 0..ATTEMPTS {
        let files = packages.values().cloned().map(OsPath).collect();
        match root.plan(Request::install(files, options.clone())) {
            Ok(_) => break,
            Err(Error::Impossible(_)) => {
                let text = "they need others that are not there, or cannot be together";
                tour.context.line(format!("{text}; --ignore-dependency goes on all the same."));
                options.ignore_dependency = true;
            }
            Err(Error::Setuid { package, .. }) => {
                tour.context.line(format!(
                    "{} has setuid files; --strip-setuid takes the bits off.",
                    shown(&package)
                ));
                options.strip_setuid = true;
            }
            Err(error) if !error.path_conflicts().is_empty() => {
                for conflict in error.path_conflicts() {
                    if packages.remove(&conflict.second).is_some() {
                        tour.context.line(format!("left out: {}", shown(&conflict.to_string())));
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let flags =
        [(options.ignore_dependency, "--ignore-dependency"), (options.strip_setuid, "--strip-setuid")];
    Ok(flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect())
}
