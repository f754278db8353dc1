//! Looking at a root's disk, as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar::Class;

use super::Tour;
use crate::failure::Failure;
use crate::text::{count, shown};

/// Paths of a tree that are shown.
const PATHS_SHOWN: usize = 24;

/// The tree of a generation.
pub(super) fn generation(root: &Path, number: u64) -> PathBuf {
    root.join(".ambar/generations").join(number.to_string())
}

/// Shows which generation is live.
pub(super) fn current(tour: &Tour<'_>) -> Result<(), Failure> {
    let link = tour.root.join(".ambar/current");
    tour.typed("readlink $AMBAR_ROOT/.ambar/current");
    let target = std::fs::read_link(&link).map_err(|error| Failure::system("read", &link, &error))?;
    tour.context.line(target.display().to_string());
    Ok(())
}

/// Shows the paths of the live tree; links to the machine's own directories are left aside.
pub(super) fn tree(tour: &Tour<'_>) -> Result<(), Failure> {
    let paths = paths(&tour.root.join(".ambar/current/"))?;
    let is_deep = |path: &&PathBuf| path.components().nth(1).is_some();
    let tops: BTreeSet<String> = paths
        .keys()
        .filter(is_deep)
        .filter_map(|path| path.iter().next())
        .map(|top| shown(&top.to_string_lossy()))
        .collect();
    let tops: Vec<String> = tops.into_iter().collect();
    tour.typed(&format!("(cd $AMBAR_ROOT/.ambar/current/ && find {} ! -type d | sort)", tops.join(" ")));
    for path in paths.keys().filter(is_deep).take(PATHS_SHOWN) {
        tour.context.line(shown(&path.to_string_lossy()));
    }
    let more = paths.keys().filter(is_deep).count().saturating_sub(PATHS_SHOWN);
    if more > 0 {
        tour.context.line(format!("… and {more} more"));
    }
    Ok(())
}

/// Runs the example program.
pub(super) fn greet(tour: &Tour<'_>) -> Result<(), Failure> {
    let program = tour.root.join("usr/bin/hello");
    tour.typed("sh $AMBAR_ROOT/usr/bin/hello");
    let fail = |error| Failure::system("run", &program, &error);
    let output = Command::new("/bin/sh").arg(&program).output().map_err(fail)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(Class::Failed, format!("{} failed: {text}", program.display())));
    }
    tour.context.line(shown(String::from_utf8_lossy(&output.stdout).trim_end()));
    Ok(())
}

/// Shows inodes and link counts.
pub(super) fn links(tour: &Tour<'_>, files: &[PathBuf]) -> Result<(), Failure> {
    let shown_path = |file: &PathBuf| match file.strip_prefix(&tour.root) {
        Ok(path) => format!("$AMBAR_ROOT/{}", path.display()),
        Err(_) => file.display().to_string(),
    };
    let names: Vec<String> = files.iter().map(shown_path).collect();
    tour.typed(&format!("stat -c 'inode %i, %h links: %n' {}", names.join(" ")));
    for file in files {
        let about = std::fs::metadata(file).map_err(|error| Failure::system("look at", file, &error))?;
        tour.context.line(format!("inode {}, {} links: {}", about.ino(), about.nlink(), file.display()));
    }
    Ok(())
}

/// Shows what two generations share on disk.
pub(super) fn compare(tour: &Tour<'_>, from: u64, to: u64) -> Result<(), Failure> {
    let (old, new) = (paths(&generation(&tour.root, from))?, paths(&generation(&tour.root, to))?);
    let gone = old.keys().filter(|path| !new.contains_key(*path)).count();
    let (mut links, mut same, mut other, mut fresh) = (0, 0, 0, 0);
    for (path, node) in &new {
        match (old.get(path), node) {
            (None, _) => fresh += 1,
            (Some(before), Node::Link(_)) if before == node => links += 1,
            (Some(before), _) if before == node => same += 1,
            (Some(_), _) => other += 1,
        }
    }
    tour.context.line(format!(
        "On disk, from generation {from} to {to}: {} with the same inode, {other} with another (changed, or \
         configuration, which each generation has for itself), {fresh} new, {gone} gone; {} as before.",
        count(same, "file"),
        count(links, "symlink")
    ));
    Ok(())
}

/// What is at a path: a file, known by its inode, or a symlink, known by its target.
#[derive(PartialEq, Eq)]
enum Node {
    File(u64),
    Link(PathBuf),
}

/// The paths below a directory that are no directories.
fn paths(top: &Path) -> Result<BTreeMap<PathBuf, Node>, Failure> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(directory) = waiting.pop() {
        let fail = |error| Failure::system("list", &directory, &error);
        for entry in std::fs::read_dir(&directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let about = entry.metadata().map_err(fail)?;
            let path = entry.path();
            if about.is_dir() {
                waiting.push(path);
                continue;
            }
            let node = match about.is_symlink() {
                true => Node::Link(std::fs::read_link(&path).map_err(fail)?),
                false => Node::File(about.ino()),
            };
            if let Ok(path) = path.strip_prefix(top) {
                found.insert(path.to_owned(), node);
            }
        }
    }
    Ok(found)
}
