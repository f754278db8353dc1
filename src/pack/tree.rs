//! A directory as the entries of a package.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::manifest::CAPABILITY_XATTR;
use ambar_pkgfmt::{ContentHasher, Contents, Digest, Entry, Limits, Manifest, Node, PayloadPath};
use rayon::prelude::*;

use crate::error::Error;
use crate::observer::Observer;
use crate::write::StoppableRead;

/// How a directory is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct PackOptions {
    /// Entries keep the owners that the files have; otherwise all is root's.
    pub keep_owners: bool,
    /// No declared time is later than this, in seconds since 1970.
    pub newest: Option<i64>,
}

/// Reads `top` and all that is below it, hashing files on the threads of the current pool. The entries come
/// back sorted, with hard-link groups by inode.
pub(super) fn entries(
    top: &Path,
    options: PackOptions,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    walk(top, limits, &mut found)?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut entries = found
        .par_iter()
        .map(|(path, metadata)| entry(top, path, metadata, options, observer))
        .collect::<Result<Vec<Entry>, Error>>()?;
    group_links(&mut entries, &found);
    Ok(entries)
}

type Found = (PayloadPath, fs::Metadata);

/// Finds everything below `top`, without following links.
fn walk(top: &Path, limits: &Limits, found: &mut Vec<Found>) -> Result<(), Error> {
    let mut open: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let directory = top.join(&inside);
        let fail = |source| Error::Io { operation: "list", path: directory.clone(), source };
        for child in fs::read_dir(&directory).map_err(fail)? {
            let inside = inside.join(child.map_err(fail)?.file_name());
            let path = top.join(&inside);
            let metadata = fs::symlink_metadata(&path).map_err(|source| Error::Io {
                operation: "look at",
                path: path.clone(),
                source,
            })?;
            let payload = PayloadPath::new(inside.as_os_str().as_bytes())
                .map_err(|error| Error::Unpackable { path: path.clone(), reason: error.to_string() })?;
            if found.len() >= limits.entries {
                let reason = format!("it holds more than {} entries", limits.entries);
                return Err(Error::Unpackable { path: top.into(), reason });
            }
            if metadata.is_dir() {
                open.push(inside);
            }
            found.push((payload, metadata));
        }
    }
    Ok(())
}

fn entry(
    top: &Path,
    path: &PayloadPath,
    metadata: &fs::Metadata,
    options: PackOptions,
    observer: &dyn Observer,
) -> Result<Entry, Error> {
    if observer.cancelled() {
        return Err(ambar_store::Error::Cancelled.into());
    }
    let full = on_disk(top, path);
    let fail = |operation| {
        let path = full.clone();
        move |source| Error::Io { operation, path, source }
    };
    let kind = metadata.file_type();
    let node = if kind.is_dir() {
        Node::Directory
    } else if kind.is_symlink() {
        let target = fs::read_link(&full).map_err(fail("read"))?.into_os_string().into_vec();
        Node::Symlink { target }
    } else if kind.is_file() {
        let mut hasher = ContentHasher::new(false);
        let mut file = StoppableRead { inner: open(&full).map_err(fail("open"))?, observer };
        hasher.update_from(&mut file).map_err(|error| match observer.cancelled() {
            true => ambar_store::Error::Cancelled.into(),
            false => fail("read")(error),
        })?;
        let (size, digest, _) = hasher.finish();
        Node::File { size, digest }
    } else {
        let reason = "it is neither a file, nor a directory, nor a symlink".into();
        return Err(Error::Unpackable { path: full, reason });
    };
    let mode = if kind.is_symlink() { 0o777 } else { (metadata.mode() & 0o7777) as u16 };
    let mut entry = Entry::new(path.clone(), node, mode);
    if options.keep_owners {
        (entry.uid, entry.gid) = (metadata.uid(), metadata.gid());
    }
    entry.mtime = Some(options.newest.map_or(metadata.mtime(), |newest| newest.min(metadata.mtime())));
    if !kind.is_symlink() {
        entry.xattrs = xattrs(&full)?;
    }
    Ok(entry)
}

/// Extended attributes as entries have them.
type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// The extended attributes that packages carry: the user's, and file capabilities.
fn xattrs(path: &Path) -> Result<Xattrs, Error> {
    let fail = |errno: rustix::io::Errno| Error::Io {
        operation: "read the extended attributes of",
        path: path.into(),
        source: errno.into(),
    };
    let mut names = vec![0; 65_536];
    let length = match rustix::fs::llistxattr(path, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(errno) => return Err(fail(errno)),
    };
    let mut attributes = BTreeMap::new();
    for name in names[..length].split(|&byte| byte == 0) {
        if name.starts_with(b"user.") || name == CAPABILITY_XATTR {
            let mut value = vec![0; 65_536];
            let length = rustix::fs::lgetxattr(path, name, &mut value).map_err(fail)?;
            value.truncate(length);
            attributes.insert(name.to_vec(), value);
        }
    }
    Ok(attributes.into_iter().collect())
}

/// Opens what was a regular file: no link that took its place is followed, and no pipe waited for.
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is no regular file any more"))
}

/// Names of one inode are a group, numbered in the order of their first names.
fn group_links(entries: &mut [Entry], found: &[Found]) {
    let mut groups: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    for (index, (_, metadata)) in found.iter().enumerate() {
        if metadata.is_file() && metadata.nlink() > 1 {
            groups.entry((metadata.dev(), metadata.ino())).or_default().push(index);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|members| members.len() > 1).collect();
    groups.sort();
    for (number, members) in (1..).zip(groups) {
        for index in members {
            entries[index].link_group = number;
        }
    }
}

fn on_disk(top: &Path, path: &PayloadPath) -> PathBuf {
    top.join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

/// The files of a directory as the content of a manifest that was made of it.
#[derive(Debug)]
pub(super) struct Files<'m> {
    pub(super) top: &'m Path,
    pub(super) manifest: &'m Manifest,
}

impl Contents for Files<'_> {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let entry = self.manifest.entries.get(index).ok_or(io::ErrorKind::NotFound)?;
        let Node::File { size, digest } = &entry.node else { return Err(io::ErrorKind::NotFound.into()) };
        let path = on_disk(self.top, &entry.path);
        let file = open(&path)?;
        Ok(Box::new(Unchanged {
            file,
            left: *size,
            digest: *digest,
            hasher: Some(ContentHasher::new(false)),
            path,
        }))
    }
}

/// A file that is to be what it was when the manifest was made of it.
struct Unchanged {
    file: File,
    left: u64,
    digest: Digest,
    hasher: Option<ContentHasher>,
    path: PathBuf,
}

impl Read for Unchanged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let changed = || io::Error::other(format!("{} was changed while it was packed", self.path.display()));
        self.left = self.left.checked_sub(read as u64).ok_or_else(changed)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        if read == 0 && !buffer.is_empty() && self.left > 0 {
            return Err(changed());
        }
        if self.left == 0
            && let Some(hasher) = self.hasher.take()
            && hasher.finish().1 != self.digest
        {
            return Err(changed());
        }
        Ok(read)
    }
}
