//! Open directories: every call is relative to one, never through a path that somebody could change, and
//! every error says the whole path.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::{Context, Error};

/// An open directory, and where it lies (for messages only).
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// How a directory is opened: never through a symlink in its last component.
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory at `path`, following symlinks (a caller's own choice of place).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<Dir, Error> {
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        let fd = rustix::fs::open(path, flags, Mode::empty()).on("open", path)?;
        Ok(Dir { fd, path: path.into() })
    }

    /// Its path, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it, for messages.
    #[must_use]
    pub fn join(&self, name: impl AsRef<[u8]>) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.as_ref()))
    }

    /// Opens a directory in it; a symlink is refused.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dir(&self, name: impl AsRef<[u8]>) -> Result<Dir, Error> {
        let name = name.as_ref();
        let fd = rustix::fs::openat(&self.fd, name, DIRECTORY, Mode::empty()).on("open", self.join(name))?;
        Ok(Dir { fd, path: self.join(name) })
    }

    /// Opens a directory in it, or says that there is nothing.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but absence.
    pub fn dir_if_any(&self, name: impl AsRef<[u8]>) -> Result<Option<Dir>, Error> {
        absent_is_none(self.dir(name))
    }

    /// Makes a directory in it, and opens it. `mode` is exact whatever the umask.
    ///
    /// # Errors
    /// [`Error::Io`], also when the name exists.
    pub fn make_dir(&self, name: impl AsRef<[u8]>, mode: u16) -> Result<Dir, Error> {
        let name = name.as_ref();
        rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o700))
            .on("make directory", self.join(name))?;
        let dir = self.dir(name)?;
        // Also takes off a setgid bit that the directory has from its parent.
        dir.chmod(mode)?;
        Ok(dir)
    }

    /// Opens a directory in it, making it first if it is absent.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn ensure_dir(&self, name: impl AsRef<[u8]>, mode: u16) -> Result<Dir, Error> {
        match self.dir_if_any(&name)? {
            Some(dir) => Ok(dir),
            None => match self.make_dir(&name, mode) {
                Err(Error::Io { source, .. })
                    if source.raw_os_error() == Some(Errno::EXIST.raw_os_error()) =>
                {
                    self.dir(name)
                }
                made => made,
            },
        }
    }

    /// Sets the directory's own mode.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn chmod(&self, mode: u16) -> Result<(), Error> {
        rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(u32::from(mode))).on("set the mode of", &self.path)
    }

    /// Opens a file in it for reading; a symlink is refused.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn file(&self, name: impl AsRef<[u8]>) -> Result<File, Error> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).on("open", self.join(name))?;
        Ok(File::from(fd))
    }

    /// Makes a file in it for writing; the name must be free. `mode` is subject to the umask.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn make_file(&self, name: impl AsRef<[u8]>, mode: u16) -> Result<File, Error> {
        let name = name.as_ref();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(u32::from(mode));
        let fd = rustix::fs::openat(&self.fd, name, flags, mode).on("create", self.join(name))?;
        Ok(File::from(fd))
    }

    /// Makes a file in it, after removing whatever file had the name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn make_file_anew(&self, name: impl AsRef<[u8]>, mode: u16) -> Result<File, Error> {
        match self.make_file(&name, mode) {
            Err(Error::Io { source, .. }) if source.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {
                self.unlink(&name)?;
                self.make_file(name, mode)
            }
            made => made,
        }
    }

    /// Opens or makes a file in it that locks live on.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn lock_file(&self, name: impl AsRef<[u8]>) -> Result<File, Error> {
        let name = name.as_ref();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600))
            .on("open", self.join(name))?;
        Ok(File::from(fd))
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Damaged`] when it is larger.
    pub fn read(&self, name: impl AsRef<[u8]>, limit: u64) -> Result<Vec<u8>, Error> {
        let name = name.as_ref();
        let mut bytes = Vec::new();
        self.file(name)?.take(limit + 1).read_to_end(&mut bytes).on("read", self.join(name))?;
        if bytes.len() as u64 > limit {
            return Err(Error::Damaged {
                path: self.join(name),
                reason: format!("larger than {limit} bytes"),
            });
        }
        Ok(bytes)
    }

    /// Reads a whole file, or says that there is none.
    ///
    /// # Errors
    /// As [`read`](Self::read), absence aside.
    pub fn read_if_any(&self, name: impl AsRef<[u8]>, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        absent_is_none(self.read(name, limit))
    }

    /// Replaces a file by one with `bytes`: written beside it, synced, renamed over it, the directory synced.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replace_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let fresh = format!("{name}.new");
        let mut file = self.make_file_anew(&fresh, 0o644)?;
        file.write_all(bytes).on("write", self.join(&fresh))?;
        file.sync_all().on("sync", self.join(&fresh))?;
        self.rename(&fresh, self, name)?;
        self.sync()
    }

    /// What a name in it is, without following a symlink; `None` when there is nothing.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but absence.
    pub fn stat(&self, name: impl AsRef<[u8]>) -> Result<Option<Stat>, Error> {
        let name = name.as_ref();
        let stat =
            rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).on("look at", self.join(name));
        absent_is_none(stat)
    }

    /// What the directory itself is.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn stat_self(&self) -> Result<Stat, Error> {
        rustix::fs::fstat(&self.fd).on("look at", &self.path)
    }

    /// Where a symlink in it points to; `None` when there is nothing.
    ///
    /// # Errors
    /// [`Error::Io`], also when it is not a symlink.
    pub fn read_link(&self, name: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let name = name.as_ref();
        let target = rustix::fs::readlinkat(&self.fd, name, Vec::new()).on("read the link", self.join(name));
        Ok(absent_is_none(target)?.map(std::ffi::CString::into_bytes))
    }

    /// Makes a symlink in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn symlink(&self, target: &[u8], name: impl AsRef<[u8]>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::symlinkat(target, &self.fd, name).on("make the link", self.join(name))
    }

    /// Renames, replacing a file or an empty directory of that name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn rename(&self, name: impl AsRef<[u8]>, to: &Dir, new_name: impl AsRef<[u8]>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::renameat(&self.fd, name, &to.fd, new_name.as_ref()).on("rename", self.join(name))
    }

    /// Removes a file or a symlink.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn unlink(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()).on("remove", self.join(name))
    }

    /// Removes a file or a symlink if it is there.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but absence.
    pub fn unlink_if_any(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        absent_is_none(self.unlink(name)).map(|_| ())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_dir(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR).on("remove", self.join(name))
    }

    /// Removes whatever is there, with everything below it; symlinks are not followed. Depth is bounded by
    /// memory, not by the stack.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_all(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        let name = name.as_ref();
        match self.stat(name)? {
            None => return Ok(()),
            Some(stat) if !is_dir(&stat) => return self.unlink_if_any(name),
            Some(_) => {}
        }
        let mut stack = vec![(self.opened_for_removal(name)?, name.to_vec())];
        while let Some((dir, _)) = stack.last() {
            let mut below = None;
            for (child, kind) in dir.list()? {
                if kind == FileType::Directory {
                    below = Some(child);
                    break;
                }
                dir.unlink_if_any(&child)?;
            }
            match below {
                Some(child) => stack.push((dir.opened_for_removal(&child)?, child)),
                None => {
                    let Some((_, done)) = stack.pop() else { break };
                    stack.last().map_or(self, |(dir, _)| dir).remove_dir(done)?;
                }
            }
        }
        Ok(())
    }

    /// Opens a directory that is to be emptied, giving its owner the right to do so.
    fn opened_for_removal(&self, name: &[u8]) -> Result<Dir, Error> {
        let dir = self.dir(name)?;
        let mode = dir.stat_self()?.st_mode;
        if mode & 0o700 != 0o700 {
            dir.chmod(0o700)?;
        }
        Ok(dir)
    }

    /// What is in it, sorted by name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn list(&self) -> Result<Vec<(Vec<u8>, FileType)>, Error> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).on("list", &self.path)? {
            let entry = entry.on("list", &self.path)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match self.stat(name)? {
                    Some(stat) => FileType::from_raw_mode(stat.st_mode),
                    None => continue,
                },
                kind => kind,
            };
            names.push((name.to_vec(), kind));
        }
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }

    /// Writes the directory itself to disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        rustix::fs::fsync(&self.fd).on("sync", &self.path)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether a stat is of a directory.
#[must_use]
pub(crate) fn is_dir(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Whether a stat is of a regular file.
#[must_use]
pub(crate) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Whether a stat is of a symlink.
#[must_use]
pub(crate) fn is_symlink(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

/// Turns "there is nothing of that name" into `None`.
pub(crate) fn absent_is_none<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `length` random bytes as hexadecimal digits: for names that nobody else may have chosen.
///
/// # Errors
/// [`Error::Io`] when the system gives no random bytes.
pub(crate) fn random_hex(length: usize) -> Result<String, Error> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .on("read random bytes for", "a name")?;
    }
    Ok(ambar_pkgfmt::digest::hex(&bytes))
}
