//! Unpacking a package file into a directory of its own, without a root.
//!
//! Nothing is written through a link: regular files are made first, in directories that were made here, and
//! links last. The directory must be absent or empty; if anything fails it is as it was.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use ambar_pkgfmt::{
    ContentHasher, Digest, Entry, Hashed, Limits, Manifest, Member, Node, PackageFile, PayloadPath,
    PayloadSink, Stopped,
};
use ambar_store::Dir;

use crate::error::Error;
use crate::observer::{Event, Observer, begin};

/// Unpacks the package file at `file` into `directory`, checking every entry. Owners are applied only by the
/// superuser; setuid and setgid bits and file capabilities likewise. `observer` is told how far it is, and can
/// stop it.
///
/// # Errors
/// [`Error`] for a damaged package, a directory that is not empty, or what the system refuses.
pub fn extract(
    file: &Path,
    directory: &Path,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Manifest, Error> {
    let mut package = PackageFile::open(file, limits)?;
    if let Some(needed) = package.base_needed() {
        return Err(Error::NoBaseFile { file: file.into(), needed: Box::new(needed) });
    }
    package.list()?;
    let existed = directory.exists();
    if !existed {
        let fail = |source| Error::Io { operation: "make directory", path: directory.into(), source };
        std::fs::create_dir(directory).map_err(fail)?;
    }
    let top = Dir::open(directory)?;
    if !top.list()?.is_empty() {
        return Err(Error::Usage(format!("{} is not empty", directory.display())));
    }
    let done = unpack(&package, &top, observer);
    if done.is_err() {
        // Why it failed is what people need to know, even if something of it stays.
        drop(clear(&top, directory, existed));
    }
    done
}

/// Removes what was unpacked, and the directory if it was made for that.
fn clear(top: &Dir, directory: &Path, existed: bool) -> Result<(), Error> {
    for (name, _) in top.list()? {
        top.remove_all(&name)?;
    }
    if !existed {
        let fail = |source| Error::Io { operation: "remove", path: directory.into(), source };
        std::fs::remove_dir(directory).map_err(fail)?;
    }
    Ok(())
}

fn unpack(package: &PackageFile, top: &Dir, observer: &dyn Observer) -> Result<Manifest, Error> {
    let entries = package.draft().entries.len();
    begin(observer, package.draft());
    let mut sink = Sink { package, top, observer, hashed: vec![None; entries], failed: None };
    let payload = match (package.read_payload(&mut sink), sink.failed) {
        (_, Some(error)) => return Err(error),
        (Err(error), None) => return Err(error.into()),
        (Ok(payload), None) => payload,
    };
    let manifest = package.finish(&payload, &sink.hashed)?;
    let superuser = rustix::process::geteuid().is_root();
    // Only the first of a hard-link group came, and of files with one content perhaps only one.
    let mut leaders: Vec<usize> = Vec::new();
    let mut came: HashMap<Digest, usize> = HashMap::new();
    for (index, hashed) in sink.hashed.iter().enumerate() {
        if let Some(hashed) = hashed {
            came.entry(hashed.digest).or_insert(index);
        }
    }
    for (index, entry) in manifest.entries.iter().enumerate() {
        match &entry.node {
            Node::Directory => drop(ensure(top, &entry.path)?),
            Node::File { digest, .. } => {
                let leader = (entry.link_group as usize).checked_sub(1).and_then(|group| leaders.get(group));
                let here = sink.hashed.get(index).is_some_and(Option::is_some);
                match leader {
                    // The one that came need not be the group's first name.
                    Some(&leader) if here => relink(top, &entry.path, &manifest.entries[leader].path)?,
                    Some(&leader) => link(top, &manifest.entries[leader].path, &entry.path)?,
                    None => {
                        if !here {
                            let from = came.get(digest).map(|&from| &manifest.entries[from].path);
                            duplicate(top, from, &entry.path)?;
                        }
                        if entry.link_group > 0 {
                            leaders.push(index);
                        }
                    }
                }
            }
            Node::Symlink { .. } => {}
        }
    }
    // One name of each file: the others are it, and it may be unreadable by then.
    let is_first = |index: usize, entry: &Entry| {
        (entry.link_group as usize).checked_sub(1).is_none_or(|group| leaders.get(group) == Some(&index))
    };
    let files = manifest
        .entries
        .iter()
        .enumerate()
        .filter(|(index, entry)| matches!(entry.node, Node::File { .. }) && is_first(*index, entry));
    for (_, entry) in files {
        let (dir, name) = place(top, &entry.path)?;
        attributes(&dir.file(name)?, entry, superuser, &dir.join(name))?;
    }
    // Links come after everything that is written, directories' modes after everything that is in them.
    for entry in &manifest.entries {
        if let Node::Symlink { target } = &entry.node {
            let (dir, name) = place(top, &entry.path)?;
            dir.symlink(target, name)?;
        }
    }
    for entry in manifest.entries.iter().rev().filter(|entry| matches!(entry.node, Node::Directory)) {
        let dir = ensure(top, &entry.path)?;
        attributes(&dir, entry, superuser, dir.path())?;
    }
    Ok(manifest)
}

struct Sink<'s> {
    package: &'s PackageFile,
    top: &'s Dir,
    observer: &'s dyn Observer,
    hashed: Vec<Option<Hashed>>,
    failed: Option<Error>,
}

impl Sink<'_> {
    fn write(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let path = &self.package.draft().entries[member.index].path;
        match write(self.top, path, content, self.observer) {
            Ok(Some(hashed)) => {
                self.hashed[member.index] = Some(hashed);
                Ok(())
            }
            // The content itself failed: the package's reader says why.
            Ok(None) => Err(Stopped),
            Err(error) => {
                self.failed = Some(error);
                Err(Stopped)
            }
        }
    }
}

impl PayloadSink for Sink<'_> {
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        self.write(member, &mut content.as_slice())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        self.write(member, content)
    }
}

fn write(
    top: &Dir,
    path: &PayloadPath,
    content: &mut dyn Read,
    observer: &dyn Observer,
) -> Result<Option<Hashed>, Error> {
    let (dir, name) = place(top, path)?;
    let fail = |operation| {
        let path = dir.join(name);
        move |source| Error::Io { operation, path, source }
    };
    let mut file: File = dir.make_file(name, 0o600)?;
    let mut hasher = ContentHasher::new(true);
    let mut buffer = vec![0; 256 << 10];
    loop {
        if observer.cancelled() {
            return Err(ambar_store::Error::Cancelled.into());
        }
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                observer.event(Event::Stored { bytes: read as u64 });
                file.write_all(&buffer[..read]).map_err(fail("write"))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
    let (size, digest, sha1) = hasher.finish();
    Ok(Some(Hashed { size, digest, sha1 }))
}

/// The directory of a path, made where it is missing, and the path's last name.
fn place<'p>(top: &Dir, path: &'p PayloadPath) -> Result<(Dir, &'p [u8]), Error> {
    let dir = match path.parent() {
        Some(parent) => ensure(top, &parent)?,
        None => Dir::open(top.path())?,
    };
    Ok((dir, path.file_name()))
}

/// Opens a directory below `top`, making what is missing; a link on the way is refused.
fn ensure(top: &Dir, path: &PayloadPath) -> Result<Dir, Error> {
    let mut components = path.components();
    let first = components.next().unwrap_or_default();
    let mut dir = top.ensure_dir(first, 0o755)?;
    for component in components {
        dir = dir.ensure_dir(component, 0o755)?;
    }
    Ok(dir)
}

/// Makes a file with the content of another; an empty one without.
fn duplicate(top: &Dir, from: Option<&PayloadPath>, to: &PayloadPath) -> Result<(), Error> {
    let (to_dir, to_name) = place(top, to)?;
    let mut file = to_dir.make_file(to_name, 0o600)?;
    if let Some(from) = from {
        let (from_dir, from_name) = place(top, from)?;
        let copied = std::io::copy(&mut from_dir.file(from_name)?, &mut file);
        copied.map_err(|source| Error::Io { operation: "write", path: to_dir.join(to_name), source })?;
    }
    Ok(())
}

/// Makes `path` another name of `leader`, instead of the file of its own that it is.
fn relink(top: &Dir, path: &PayloadPath, leader: &PayloadPath) -> Result<(), Error> {
    let (dir, name) = place(top, path)?;
    dir.unlink(name)?;
    link(top, leader, path)
}

fn link(top: &Dir, from: &PayloadPath, to: &PayloadPath) -> Result<(), Error> {
    let ((from_dir, from_name), (to_dir, to_name)) = (place(top, from)?, place(top, to)?);
    rustix::fs::linkat(&from_dir, from_name, &to_dir, to_name, rustix::fs::AtFlags::empty())
        .map_err(|errno| Error::Io { operation: "link", path: to_dir.join(to_name), source: errno.into() })
}

fn attributes(
    file: impl std::os::fd::AsFd,
    entry: &Entry,
    superuser: bool,
    path: &Path,
) -> Result<(), Error> {
    let fail = |operation| {
        move |errno: rustix::io::Errno| Error::Io { operation, path: path.into(), source: errno.into() }
    };
    if superuser {
        let (uid, gid) = (rustix::fs::Uid::from_raw(entry.uid), rustix::fs::Gid::from_raw(entry.gid));
        rustix::fs::fchown(&file, Some(uid), Some(gid)).map_err(fail("set the owner of"))?;
    }
    for (name, value) in &entry.xattrs {
        if superuser || name.starts_with(b"user.") {
            rustix::fs::fsetxattr(&file, name.as_slice(), value, rustix::fs::XattrFlags::empty())
                .map_err(fail("set an extended attribute of"))?;
        }
    }
    let mode = if superuser { entry.mode } else { entry.mode & 0o1777 };
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(u32::from(mode)))
        .map_err(fail("set the mode of"))?;
    if let Some(mtime) = entry.mtime {
        let time = rustix::fs::Timespec { tv_sec: mtime, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::futimens(&file, &times).map_err(fail("set the time of"))?;
    }
    Ok(())
}
