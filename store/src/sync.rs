//! Making what was written durable: one `syncfs` for each file system, or, when little has changed, an
//! fsync of each new file and each changed directory.
//!
//! `syncfs` reports only errors that happen after its descriptor was opened, so a [`Barrier`] is opened
//! before the first write. It waits for what every program has written, which a small change should not pay
//! for. A failed sync is never retried and called good: the error aborts the transaction.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};

use crate::dir::Dir;
use crate::error::{Context, Error};

/// Up to this many files and directories are synced one by one.
const ONE_BY_ONE: usize = 48;
/// File systems whose `syncfs` does not report write errors: FUSE, NFS, CIFS, SMB2, 9P.
const NO_SYNCFS_REPORT: [u64; 5] = [0x6573_5546, 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

/// What has to be durable before a commit.
#[derive(Debug)]
pub struct Barrier {
    file_systems: Mutex<Vec<(u64, OwnedFd, PathBuf)>>,
    /// `syncfs` proves nothing here: everything is synced when it is noted.
    silent: AtomicBool,
    touched: Mutex<Touched>,
}

/// What has been written, as open descriptors (names may still change), until it is too much.
#[derive(Debug, Default)]
struct Touched {
    files: BTreeMap<PathBuf, OwnedFd>,
    directories: BTreeMap<PathBuf, OwnedFd>,
    many: bool,
    failed: Option<Error>,
}

impl Barrier {
    /// A barrier over the file systems of these directories, opened before the first write.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(directories: &[&Dir]) -> Result<Barrier, Error> {
        let barrier = Barrier {
            file_systems: Mutex::default(),
            silent: AtomicBool::new(false),
            touched: Mutex::default(),
        };
        directories.iter().try_for_each(|directory| barrier.cover(directory))?;
        Ok(barrier)
    }

    /// Makes sure that the file system of a directory is one of the barrier's; called before anything is
    /// written there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn cover(&self, directory: &Dir) -> Result<(), Error> {
        let device = directory.stat_self()?.st_dev;
        let mut file_systems = self.file_systems.lock().unwrap_or_else(PoisonError::into_inner);
        if file_systems.iter().any(|(known, ..)| *known == device) {
            return Ok(());
        }
        let path = directory.path().to_owned();
        let statfs = rustix::fs::fstatfs(directory).on("look at the file system of", &path)?;
        if NO_SYNCFS_REPORT.contains(&(statfs.f_type as u64)) {
            self.silent.store(true, Ordering::Relaxed);
        }
        let descriptor = rustix::fs::openat(directory, ".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        file_systems.push((device, descriptor.on("open", &path)?, path));
        Ok(())
    }

    /// Takes note of a file that was written and will not be written again.
    pub fn file(&self, file: &File, path: &Path) {
        self.touch(file, path, false);
    }

    /// Takes note of a directory whose entries or attributes have changed.
    pub fn directory(&self, directory: &Dir) {
        self.touch(directory, directory.path(), true);
    }

    fn touch(&self, descriptor: impl AsFd, path: &Path, is_dir: bool) {
        let silent = self.silent.load(Ordering::Relaxed);
        let synced = silent.then(|| rustix::fs::fsync(&descriptor).on("sync", path));
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let known = touched.files.contains_key(path) || touched.directories.contains_key(path);
        match synced {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                touched.failed.get_or_insert(error);
            }
            None if touched.many || known => {}
            None => match descriptor.as_fd().try_clone_to_owned() {
                Ok(clone) if touched.files.len() + touched.directories.len() < ONE_BY_ONE => {
                    let map = if is_dir { &mut touched.directories } else { &mut touched.files };
                    map.insert(path.into(), clone);
                }
                // Too many, or out of descriptors: everything at once, then.
                _ => {
                    touched.many = true;
                    touched.files.clear();
                    touched.directories.clear();
                }
            },
        }
    }

    /// Waits until everything noted is on disk: files first, then the directories that name them.
    ///
    /// # Errors
    /// [`Error::Io`]: something may not be on disk, and nothing may be committed.
    pub fn wait(&self) -> Result<(), Error> {
        let touched = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(error) = touched.failed {
            return Err(error);
        }
        if touched.many {
            for (_, descriptor, path) in &*self.file_systems.lock().unwrap_or_else(PoisonError::into_inner) {
                rustix::fs::syncfs(descriptor).on("sync the file system of", path)?;
            }
        }
        let mut noted = touched.files.iter().chain(&touched.directories);
        noted.try_for_each(|(path, descriptor)| rustix::fs::fsync(descriptor).on("sync", path))
    }
}
