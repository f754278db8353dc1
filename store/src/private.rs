//! Private files: configuration, and everything under `etc`. Each generation has real copies of its own.
//!
//! A new tree's `etc` is what the live one has now, changed by what packages change: a file that is still
//! what its package shipped follows upgrades and removals; one that the machine has changed, made or removed
//! stays as the machine has it. When a generation is gone back to, its packages' files are as they were left
//! there, and the machine's own files go forward with it.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use ambar_pkgfmt::path::Shown;
use ambar_pkgfmt::{ContentHasher, Digest, Entry, Node, PayloadPath};
use rustix::fs::{FileType, Gid, Mode, Stat, Uid, XattrFlags};

use crate::build::{Build, From, finish_dir, make_symlink};
use crate::dir::{Dir, is_dir, is_file, is_symlink};
use crate::error::{Context, Error};
use crate::object::{Metadata, ObjectId};
use crate::objects::{copy_attributes, set_mtime};
use crate::tree::Placed;

/// Files of `etc` that are the machine's whoever ships them: accounts, identity, file systems, resolver.
const ALWAYS_MACHINE: [&str; 10] = [
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    "etc/subuid",
    "etc/subgid",
    "etc/machine-id",
    "etc/hostname",
    "etc/fstab",
    "etc/resolv.conf",
];

/// Whether a path is the machine's whoever ships it.
pub(crate) fn is_always_machine(path: &[u8]) -> bool {
    ALWAYS_MACHINE.iter().any(|known| known.as_bytes() == path)
        || (path.starts_with(b"etc/ssh/ssh_host_") && path.len() > b"etc/ssh/ssh_host_".len())
}

/// Makes the `etc` of a new tree.
pub(crate) fn make_etc(
    build: &mut Build<'_>,
    from: Option<&From<'_>>,
    node: Option<Placed<'_, '_>>,
    into: &Dir,
) -> Result<(), Error> {
    let live = from.map(|from| from.dir.dir_if_any("etc")).transpose()?.flatten();
    let model = from.and_then(|from| from.tree.at(b"etc"));
    if node.is_none() && live.is_none() {
        return Ok(());
    }
    let etc = into.make_dir("etc", 0o755)?;
    let place = Place { path: b"etc".to_vec(), node, live: live.as_ref(), model };
    make_directory(build, &etc, &place)?;
    // Neither a package nor the machine has anything in it any more.
    if node.is_none() && etc.list()?.is_empty() {
        into.remove_dir("etc")?;
    }
    Ok(())
}

/// One directory of `etc`, seen from all sides.
struct Place<'p, 't, 'a> {
    path: Vec<u8>,
    /// What the new generation's packages have there.
    node: Option<Placed<'t, 'a>>,
    /// What the machine has there.
    live: Option<&'p Dir>,
    /// What the live generation's packages put there.
    model: Option<Placed<'t, 'a>>,
}

fn make_directory(build: &mut Build<'_>, into: &Dir, place: &Place<'_, '_, '_>) -> Result<(), Error> {
    let mut names: Vec<Vec<u8>> =
        place.node.iter().flat_map(Placed::children).map(|(name, _)| name.to_vec()).collect();
    if let Some(live) = place.live {
        names.extend(live.list()?.into_iter().map(|(name, _)| name));
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        make_name(build, into, place, &name)?;
    }
    // The machine's changes to a directory stay; otherwise it is what the packages say.
    let finished = match (place.live, place.node) {
        (Some(live), node) => {
            let stat = live.stat_self()?;
            let untouched = place.model.is_some_and(|model| {
                model.entry().is_none_or(|entry| {
                    let mode = model.profile().directory_mode(entry.mode);
                    let owner = (entry.uid, entry.gid) == (stat.st_uid, stat.st_gid);
                    mode == (stat.st_mode & 0o7777) as u16 && (owner || !model.profile().privileged())
                })
            });
            match node.filter(|node| untouched && node.entry().is_some()) {
                Some(node) => finish_dir(into, node),
                None => copy_attributes(live, &stat, into, into.path()),
            }
        }
        (None, Some(node)) => finish_dir(into, node),
        (None, None) => Ok(()),
    };
    build.barrier.directory(into);
    finished
}

fn make_name(build: &mut Build<'_>, into: &Dir, place: &Place<'_, '_, '_>, name: &[u8]) -> Result<(), Error> {
    let path = [&place.path[..], b"/", name].concat();
    let node = place.node.and_then(|node| node.child(name));
    let model = place.model.and_then(|model| model.child(name));
    let stat = match place.live {
        Some(live) => live.stat(name)?,
        None => None,
    };
    match (place.live.zip(stat), node) {
        (Some((live, stat)), node) if is_dir(&stat) && node.is_none_or(|node| node.is_dir()) => {
            let inner_live = live.dir(name)?;
            let inner = into.make_dir(name, 0o700)?;
            let inner_place = Place { path, node, live: Some(&inner_live), model };
            make_directory(build, &inner, &inner_place)?;
            // A package's directory that nothing is left in goes with the package.
            if node.is_none() && model.is_some() && inner.list()?.is_empty() {
                into.remove_dir(name)?;
            }
            Ok(())
        }
        (Some((live, stat)), Some(node)) if is_dir(&stat) || node.is_dir() => {
            // The machine has a directory where the package has a file, or the other way round.
            build.notes.push(format!("{}: the machine's is kept in place of the package's", Shown(&path)));
            carry(build, live, name, &stat, into)
        }
        (None, Some(node)) if node.is_dir() => {
            let inner = into.make_dir(name, 0o700)?;
            make_directory(build, &inner, &Place { path, node: Some(node), live: None, model })
        }
        (live, node) => make_file(build, into, name, &path, live, node, model),
    }
}

/// A file or link of `etc`, or configuration elsewhere: the package's, or the machine's where it differs from
/// what the live generation's package shipped.
fn make_file(
    build: &mut Build<'_>,
    into: &Dir,
    name: &[u8],
    path: &[u8],
    live: Option<(&Dir, Stat)>,
    node: Option<Placed<'_, '_>>,
    model: Option<Placed<'_, '_>>,
) -> Result<(), Error> {
    let shipped = model.and_then(|model| model.entry());
    let wanted = node.and_then(|node| node.entry());
    match (live, wanted) {
        (None, None) => Ok(()),
        (None, Some(_)) if shipped.is_some() => {
            build.notes.push(format!("{}: it was removed here and stays removed", Shown(path)));
            Ok(())
        }
        (None, Some(_)) => install(build, node, into, name),
        (Some((dir, stat)), wanted) => {
            let is = |entry: &Entry| is_as_shipped(dir, name, &stat, entry);
            let machine = is_always_machine(path);
            let unchanged = !machine && shipped.map(is).transpose()?.unwrap_or(false);
            match wanted {
                None if unchanged => Ok(()),
                // Content as shipped; mode and owner may still be the machine's choice.
                Some(wanted) if unchanged && shipped == Some(wanted) => carry(build, dir, name, &stat, into),
                Some(_) if unchanged => {
                    install(build, node, into, name)?;
                    keep_choices(model, &stat, into, name)
                }
                Some(wanted) if !machine && is(wanted)? => carry(build, dir, name, &stat, into),
                None => carry(build, dir, name, &stat, into),
                Some(_) => {
                    build.notes.push(format!("{}: it was changed here and stays as it is", Shown(path)));
                    if let (true, Ok(path)) = (is_file(&stat), PayloadPath::new(path)) {
                        let (_, digest) = hash_file(&dir.file(name)?, &dir.join(name))?;
                        build.kept.push((path, digest));
                    }
                    carry(build, dir, name, &stat, into)
                }
            }
        }
    }
}

/// Gives a new default the mode and owner that the machine has chosen for the file, where they differ from
/// what the package shipped.
fn keep_choices(model: Option<Placed<'_, '_>>, stat: &Stat, into: &Dir, name: &[u8]) -> Result<(), Error> {
    let Some((model, shipped)) = model.and_then(|model| Some((model, model.entry()?))) else { return Ok(()) };
    if !is_file(stat) || !matches!(shipped.node, Node::File { .. }) {
        return Ok(());
    }
    let (file, path) = (into.file(name)?, into.join(name));
    if model.profile().privileged() && (shipped.uid, shipped.gid) != (stat.st_uid, stat.st_gid) {
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        rustix::fs::fchown(&file, Some(uid), Some(gid)).on("set the owner of", &path)?;
    }
    let mode = (stat.st_mode & 0o7777) as u16;
    if mode != private_metadata(shipped, model).mode {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(u32::from(mode))).on("set the mode of", &path)?;
    }
    Ok(())
}

/// Makes a configuration file that lies outside `etc`.
pub(crate) fn make_config(
    build: &mut Build<'_>,
    from: Option<&From<'_>>,
    path: &[u8],
    placed: Placed<'_, '_>,
    into: &Dir,
    name: &[u8],
) -> Result<(), Error> {
    let mut live = None;
    if let (Some(from), Some(slash)) = (from, path.iter().rposition(|&byte| byte == b'/')) {
        live = open_below(&from.dir, &path[..slash])?;
    }
    let stat = match &live {
        Some(live) => live.stat(name)?.filter(|stat| !is_dir(stat)),
        None => None,
    };
    let model = from.and_then(|from| from.tree.at(path)).filter(|model| !model.is_dir());
    make_file(build, into, name, path, live.as_ref().zip(stat), Some(placed), model)
}

/// Opens a directory some levels below another, or says that it is not there.
fn open_below(top: &Dir, path: &[u8]) -> Result<Option<Dir>, Error> {
    let mut components = path.split(|&byte| byte == b'/');
    let Some(first) = components.next() else { return Ok(None) };
    let Some(mut dir) = top.dir_if_any(first)? else { return Ok(None) };
    for component in components {
        match dir.dir_if_any(component)? {
            Some(inner) => dir = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(dir))
}

/// Puts the package's own file or link in place.
fn install(
    build: &mut Build<'_>,
    node: Option<Placed<'_, '_>>,
    into: &Dir,
    name: &[u8],
) -> Result<(), Error> {
    let Some((placed, entry)) = node.and_then(|placed| Some((placed, placed.entry()?))) else {
        return Ok(());
    };
    match &entry.node {
        Node::Symlink { target } => make_symlink(into, name, target, placed),
        Node::Directory => Ok(()),
        Node::File { .. } => {
            let metadata = private_metadata(entry, placed);
            match placed.object() {
                Some(id) => {
                    build.checked(&id, placed)?;
                    copy_object(build, &id, placed, into, name, Some(metadata))
                }
                None => {
                    let file = into.make_file(name, 0o600)?;
                    set_attributes(&file, &metadata, &into.join(name))?;
                    build.barrier.file(&file, &into.join(name));
                    Ok(())
                }
            }
        }
    }
}

/// What a private copy has besides content: the declared time, and write bits for its owner.
pub(crate) fn private_metadata(entry: &Entry, placed: Placed<'_, '_>) -> Metadata {
    let profile = placed.profile();
    Metadata {
        mode: profile.private_mode(entry.mode),
        mtime: entry.mtime.unwrap_or(crate::object::OBJECT_MTIME),
        ..profile.metadata(entry)
    }
}

/// Copies an object's content to a file of its own; without `metadata` it gets the object's.
pub(crate) fn copy_object(
    build: &Build<'_>,
    id: &ObjectId,
    placed: Placed<'_, '_>,
    into: &Dir,
    name: &[u8],
    metadata: Option<Metadata>,
) -> Result<(), Error> {
    let from = build.root.store().objects().open_object(id)?;
    let file = into.make_file(name, 0o600)?;
    copy_content(&from, &file, &into.join(name))?;
    let metadata = match (metadata, placed.entry()) {
        (Some(metadata), _) => metadata,
        (None, Some(entry)) => placed.profile().metadata(entry),
        (None, None) => Metadata::document(),
    };
    set_attributes(&file, &metadata, &into.join(name))?;
    build.barrier.file(&file, &into.join(name));
    Ok(())
}

/// Copies what the machine has, with all of its attributes. Directories are copied whole; sockets, devices
/// and pipes are not configuration and stay behind.
pub(crate) fn carry(
    build: &mut Build<'_>,
    from: &Dir,
    name: &[u8],
    stat: &Stat,
    into: &Dir,
) -> Result<(), Error> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let copy = copy_file(from, name, into)?;
            build.barrier.file(&copy, &into.join(name));
        }
        FileType::Symlink => copy_link(from, name, into)?,
        FileType::Directory => {
            let (from, into) = (from.dir(name)?, into.make_dir(name, 0o700)?);
            for (child, _) in from.list()? {
                if let Some(stat) = from.stat(&child)? {
                    carry(build, &from, &child, &stat, &into)?;
                }
            }
            copy_attributes(&from, stat, &into, into.path())?;
            build.barrier.directory(&into);
            return Ok(());
        }
        _ => {
            build.notes.push(format!("{}: not a file; left behind", from.join(name).display()));
            return Ok(());
        }
    }
    build.barrier.directory(into);
    Ok(())
}

fn copy_file(from: &Dir, name: &[u8], into: &Dir) -> Result<File, Error> {
    let source = from.file(name)?;
    let stat = rustix::fs::fstat(&source).on("look at", from.join(name))?;
    let copy = into.make_file_anew(name, 0o600)?;
    copy_content(&source, &copy, &into.join(name))?;
    copy_attributes(&source, &stat, &copy, &into.join(name))?;
    Ok(copy)
}

fn copy_link(from: &Dir, name: &[u8], into: &Dir) -> Result<(), Error> {
    let target = from.read_link(name)?.unwrap_or_default();
    into.unlink_if_any(name)?;
    into.symlink(&target, name)
}

/// Files from so many bytes on share blocks where the file system can; below, a copy costs no more, and
/// sharing blocks that are not on disk yet forces them there one file at a time.
const WORTH_SHARING: u64 = 256 << 10;

/// Copies content, sharing blocks where that pays.
fn copy_content(mut from: &File, mut to: &File, path: &Path) -> Result<(), Error> {
    let length = from.metadata().on("look at", path)?.len();
    if length < WORTH_SHARING || rustix::fs::ioctl_ficlone(to, from).is_err() {
        std::io::copy(&mut from, &mut to).on("copy to", path)?;
        to.flush().on("write", path)?;
    }
    Ok(())
}

/// Sets owner, attributes, mode and time, in that order: see `objects`.
pub(crate) fn set_attributes(file: &File, metadata: &Metadata, path: &Path) -> Result<(), Error> {
    if let Some((uid, gid)) = metadata.owner_to_set() {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::fchown(file, Some(uid), Some(gid)).on("set the owner of", path)?;
    }
    for (name, value) in &metadata.xattrs {
        rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            .on("set an extended attribute of", path)?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(u32::from(metadata.mode))).on("set the mode of", path)?;
    set_mtime(file, metadata.mtime).on("set the time of", path)
}

/// Whether what is at `name` has the content (or target) that a package shipped.
pub(crate) fn is_as_shipped(dir: &Dir, name: &[u8], stat: &Stat, entry: &Entry) -> Result<bool, Error> {
    match &entry.node {
        Node::File { size, digest } => {
            if !is_file(stat) || u64::try_from(stat.st_size) != Ok(*size) {
                return Ok(false);
            }
            let (_, found) = hash_file(&dir.file(name)?, &dir.join(name))?;
            Ok(found == *digest)
        }
        Node::Symlink { target } => Ok(is_symlink(stat) && dir.read_link(name)?.as_ref() == Some(target)),
        Node::Directory => Ok(is_dir(stat)),
    }
}

/// Length and digest of an open file, read from its start.
pub(crate) fn hash_file(mut file: &File, path: &Path) -> Result<(u64, Digest), Error> {
    file.rewind().on("read", path)?;
    let mut hasher = ContentHasher::new(false);
    hasher.update_from(&mut file).on("read", path)?;
    let (length, digest, _) = hasher.finish();
    Ok((length, digest))
}
