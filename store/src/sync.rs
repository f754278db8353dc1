//! Making what was written durable: one `syncfs` for each file system, or, when little has changed, an
//! fsync of each new file and each changed directory.
//!
//! `syncfs` reports only errors that happen after its descriptor was opened, so a [`Barrier`] is opened
//! before the first write. It waits for what every program has written, which a small change should not pay
//! for. A failed sync is never retried and called good: the error aborts the transaction.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::dir::Dir;
use crate::error::{Context, Error};

/// Up to this many files and directories are synced one by one.
const ONE_BY_ONE: usize = 48;
/// File systems whose `syncfs` does not report write errors: FUSE, NFS, CIFS, SMB2, 9P.
const NO_SYNCFS_REPORT: [u64; 5] = [0x6573_5546, 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

/// What has to be durable before a commit.
#[derive(Debug)]
pub struct Barrier {
    file_systems: Vec<(u64, File, PathBuf)>,
    silent: bool,
    touched: Mutex<Touched>,
}

#[derive(Debug, Default)]
struct Touched {
    files: BTreeSet<PathBuf>,
    directories: BTreeSet<PathBuf>,
    many: bool,
}

impl Barrier {
    /// A barrier over the file systems of these directories, opened before the first write.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(directories: &[&Dir]) -> Result<Barrier, Error> {
        let mut barrier = Barrier { file_systems: Vec::new(), silent: false, touched: Mutex::default() };
        for directory in directories {
            let device = directory.stat_self()?.st_dev;
            if barrier.file_systems.iter().any(|(known, ..)| *known == device) {
                continue;
            }
            let path = directory.path().to_owned();
            let statfs = rustix::fs::fstatfs(directory).on("look at the file system of", &path)?;
            barrier.silent |= NO_SYNCFS_REPORT.contains(&(statfs.f_type as u64));
            let descriptor = File::open(&path).on("open", &path)?;
            barrier.file_systems.push((device, descriptor, path));
        }
        Ok(barrier)
    }

    /// Takes note of a file that was written.
    pub fn file(&self, path: PathBuf) {
        self.touch(|touched| touched.files.insert(path));
    }

    /// Takes note of a directory whose entries or attributes have changed.
    pub fn directory(&self, path: PathBuf) {
        self.touch(|touched| touched.directories.insert(path));
    }

    fn touch(&self, note: impl FnOnce(&mut Touched) -> bool) {
        let mut touched = self.touched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if touched.many {
            return;
        }
        note(&mut touched);
        // On a file system that cannot report, every file has to be remembered.
        if !self.silent && touched.files.len() + touched.directories.len() > ONE_BY_ONE {
            *touched = Touched { many: true, ..Touched::default() };
        }
    }

    /// Waits until everything noted is on disk.
    ///
    /// # Errors
    /// [`Error::Io`]: something may not be on disk, and nothing may be committed.
    pub fn wait(&self) -> Result<(), Error> {
        let touched = std::mem::take(
            &mut *self.touched.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        if touched.many {
            for (_, descriptor, path) in &self.file_systems {
                rustix::fs::syncfs(descriptor).on("sync the file system of", path)?;
            }
            return Ok(());
        }
        for path in touched.files.iter().chain(&touched.directories) {
            // The owner may have no right to read it: O_PATH cannot be synced, so root's rights or a syncfs.
            match File::open(path) {
                Ok(file) => file.sync_all().on("sync", path)?,
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    for (_, descriptor, path) in &self.file_systems {
                        rustix::fs::syncfs(descriptor).on("sync the file system of", path)?;
                    }
                }
                Err(error) => return Err(error).on("open", path),
            }
        }
        Ok(())
    }
}
