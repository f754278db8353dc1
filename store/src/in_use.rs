//! Which trees a process is inside of: as its root, working directory, program, open file, mapped file or
//! mount. A tree that has been live is not changed or closed off under anybody.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Context, Error};
use crate::root::{AMBAR, Root};

/// The generations whose trees some process uses; `None` when a process could not be looked at, and so may
/// be using any.
///
/// # Errors
/// [`Error::Io`] when `/proc` or the root cannot be read at all.
pub(crate) fn used_generations(root: &Root) -> Result<Option<BTreeSet<u64>>, Error> {
    let top = root.path().canonicalize().on("resolve", root.path())?;
    let trees = top.join(AMBAR).join("generations");
    let mut used = BTreeSet::new();
    let mut seen_self = false;
    let own = rustix::process::getpid().as_raw_nonzero().to_string();
    for entry in std::fs::read_dir("/proc").on("list", "/proc")? {
        let process = entry.on("list", "/proc")?.path();
        let is_process =
            process.file_name().is_some_and(|name| name.as_bytes().iter().all(u8::is_ascii_digit));
        seen_self |= process.file_name().is_some_and(|name| name.as_bytes() == own.as_bytes());
        if is_process && !look_at(&process, trees.as_os_str().as_bytes(), &mut used) {
            return Ok(None);
        }
    }
    // Without ourselves in it, `/proc` shows nothing that could be relied on.
    Ok(seen_self.then_some(used))
}

/// Adds what one process uses; `false` when it may not be looked at. One that has ended uses nothing.
fn look_at(process: &Path, trees: &[u8], used: &mut BTreeSet<u64>) -> bool {
    let mut note = |text: &[u8]| {
        // Links and tables name a file by its path, in whatever surroundings.
        let mut rest = text;
        while let Some(position) = rest.windows(trees.len()).position(|window| window == trees) {
            rest = &rest[position + trees.len()..];
            let digits = rest.strip_prefix(b"/").unwrap_or_default();
            let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            used.extend(
                std::str::from_utf8(&digits[..end]).ok().and_then(|number| number.parse::<u64>().ok()),
            );
        }
    };
    let readable = |kind: ErrorKind| kind != ErrorKind::PermissionDenied;
    for name in ["root", "cwd", "exe"] {
        match std::fs::read_link(process.join(name)) {
            Ok(target) => note(target.as_os_str().as_bytes()),
            Err(error) if readable(error.kind()) => {}
            Err(_) => return false,
        }
    }
    for name in ["maps", "mountinfo"] {
        match std::fs::read(process.join(name)) {
            Ok(table) => note(&table),
            Err(error) if readable(error.kind()) => {}
            Err(_) => return false,
        }
    }
    match std::fs::read_dir(process.join("fd")) {
        Ok(descriptors) => {
            for descriptor in descriptors.flatten() {
                if let Ok(target) = std::fs::read_link(descriptor.path()) {
                    note(OsStr::as_bytes(target.as_os_str()));
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
