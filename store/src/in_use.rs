//! Which trees a process is inside of: as its root, working directory, program, open file, mapped file or
//! mount. A tree that has been live is not changed or closed off under anybody.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error};
use crate::mounts::{self, Place};
use crate::root::{AMBAR, Root};

/// Where the trees of a root are, as processes name them.
struct Trees {
    /// The path of the directory that holds them.
    path: PathBuf,
    /// The same as a mount namespace of its own knows it, where nothing lies under that path.
    place: Option<Place>,
}

impl Trees {
    fn of(root: &Root) -> Result<Trees, Error> {
        let path = root.path().canonicalize().on("resolve", root.path())?.join(AMBAR).join("generations");
        let table = std::fs::read("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
        let place = mounts::place(&mounts::parse(&table), &path);
        Ok(Trees { path, place })
    }

    /// Adds the generations that a path or a table of paths names.
    fn note(&self, text: &[u8], used: &mut BTreeSet<u64>) {
        // Links and tables name a file by its path, in whatever surroundings.
        let trees = self.path.as_os_str().as_bytes();
        let mut rest = text;
        while let Some(position) = rest.windows(trees.len()).position(|window| window == trees) {
            rest = &rest[position + trees.len()..];
            let digits = rest.strip_prefix(b"/").unwrap_or_default();
            let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            used.extend(
                std::str::from_utf8(&digits[..end]).ok().and_then(|number| number.parse::<u64>().ok()),
            );
        }
    }

    /// Adds the generations that a table of mounts shows something of, wherever.
    fn note_mounts(&self, table: &[u8], used: &mut BTreeSet<u64>) {
        for mount in mounts::parse(table) {
            self.note(mount.at.as_os_str().as_bytes(), used);
            let shown = self.place.as_ref().and_then(|place| mount.shows_below(place));
            used.extend(shown.and_then(mounts::leading_number));
        }
    }
}

/// The processes there are, as their directories in `/proc`.
fn processes() -> Result<Vec<PathBuf>, Error> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").on("list", "/proc")? {
        let path = entry.on("list", "/proc")?.path();
        if path.file_name().is_some_and(|name| name.as_bytes().iter().all(u8::is_ascii_digit)) {
            processes.push(path);
        }
    }
    Ok(processes)
}

/// The generations whose trees some process uses; `None` when a process could not be looked at, and so may
/// be using any.
///
/// # Errors
/// [`Error::Io`] when `/proc` or the root cannot be read at all.
pub(crate) fn used_generations(root: &Root) -> Result<Option<BTreeSet<u64>>, Error> {
    let trees = Trees::of(root)?;
    let mut used = BTreeSet::new();
    let mut seen_self = false;
    let own = rustix::process::getpid().as_raw_nonzero().to_string();
    for process in processes()? {
        seen_self |= process.file_name().is_some_and(|name| name.as_bytes() == own.as_bytes());
        if !look_at(&process, &trees, &mut used) {
            return Ok(None);
        }
    }
    // Without ourselves in it, `/proc` shows nothing that could be relied on.
    Ok(seen_self.then_some(used))
}

/// The generations that some process lives in, as far as this user may see: as its root or working directory,
/// or shown in its mount namespace (`ambar run`). Who has only a file open or mapped keeps that anyway.
/// Without `/proc` nobody is seen.
///
/// # Errors
/// [`Error::Io`] when the root cannot be found.
pub(crate) fn inhabited_generations(root: &Root) -> Result<BTreeSet<u64>, Error> {
    let mut inhabited = BTreeSet::new();
    if !Path::new("/proc/self/mountinfo").exists() {
        return Ok(inhabited);
    }
    let trees = Trees::of(root)?;
    let mut namespaces = HashSet::new();
    // Processes that end meanwhile or belong to others cannot be read.
    for process in processes()? {
        for name in ["root", "cwd"] {
            if let Ok(target) = std::fs::read_link(process.join(name)) {
                trees.note(target.as_os_str().as_bytes(), &mut inhabited);
            }
        }
        let is_new = std::fs::read_link(process.join("ns/mnt")).is_ok_and(|link| namespaces.insert(link));
        if is_new && let Ok(table) = std::fs::read(process.join("mountinfo")) {
            trees.note_mounts(&table, &mut inhabited);
        }
    }
    Ok(inhabited)
}

/// Adds what one process uses; `false` when it may not be looked at. One that has ended uses nothing.
fn look_at(process: &Path, trees: &Trees, used: &mut BTreeSet<u64>) -> bool {
    let readable = |kind: ErrorKind| kind != ErrorKind::PermissionDenied;
    for name in ["root", "cwd", "exe"] {
        match std::fs::read_link(process.join(name)) {
            Ok(target) => trees.note(target.as_os_str().as_bytes(), used),
            Err(error) if readable(error.kind()) => {}
            Err(_) => return false,
        }
    }
    match std::fs::read(process.join("maps")) {
        Ok(table) => trees.note(&table, used),
        Err(error) if readable(error.kind()) => {}
        Err(_) => return false,
    }
    match std::fs::read(process.join("mountinfo")) {
        Ok(table) => trees.note_mounts(&table, used),
        Err(error) if readable(error.kind()) => {}
        Err(_) => return false,
    }
    match std::fs::read_dir(process.join("fd")) {
        Ok(descriptors) => {
            for descriptor in descriptors.flatten() {
                if let Ok(target) = std::fs::read_link(descriptor.path()) {
                    trees.note(OsStr::as_bytes(target.as_os_str()), used);
                }
            }
            true
        }
        Err(error) => readable(error.kind()),
    }
}

/// Closes the trees that are not live to everybody but the owner, so that a superseded setuid program cannot
/// be run. Only roots with superuser rights can have such programs; a tree in use is closed another time.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn close_others(root: &Root, live: u64) -> Result<(), Error> {
    if !root.store().is_privileged()? {
        return Ok(());
    }
    let generations = root.ambar().dir("generations")?;
    let mut open = Vec::new();
    for number in root.trees()?.into_iter().filter(|&number| number != live) {
        // Not opened: this process would then be one that uses it.
        if generations.stat(number.to_string())?.is_some_and(|stat| stat.st_mode & 0o077 != 0) {
            open.push(number);
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let Some(used) = used_generations(root)? else { return Ok(()) };
    for number in open.into_iter().filter(|number| !used.contains(number)) {
        generations.dir(number.to_string())?.chmod(0o700)?;
    }
    Ok(())
}
