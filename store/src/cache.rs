//! Package files kept in the store, named by their digest: repair and reinstall need nothing else.
//!
//! The directory is 0700 and its files are only ever replaced by rename, so a file of it may be mapped: nobody
//! can shorten it under the mapping. A cached file is trusted only after it has been hashed.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambar_pkgfmt::{ContentHasher, Digest, SharedBytes};
use camino::Utf8PathBuf;

use crate::error::{Context, Error};
use crate::private::hash_file;
use crate::store::Store;
use crate::sync::Barrier;

impl Store {
    /// Where the cached copy of the package file with that digest is, or would be.
    #[must_use]
    pub fn cached(&self, file: Digest) -> PathBuf {
        self.dir().path().join(Utf8PathBuf::from("cache").join(file.to_hex()))
    }

    /// Whether the cache has the package file with that digest, whole: it is hashed to find out.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but absence.
    pub fn has_cached(&self, file: Digest) -> Result<bool, Error> {
        let cache = self.dir().dir("cache")?;
        let Some(opened) = crate::dir::absent_is_none(cache.file(file.to_hex()))? else { return Ok(false) };
        Ok(digest_of_mapped(&opened, &self.cached(file))? == file)
    }

    /// The cached package file with that digest, mapped; `None` when the cache has none. It is not hashed.
    ///
    /// # Errors
    /// [`Error::Io`] for anything but absence.
    pub fn map_cached(&self, file: Digest) -> Result<Option<SharedBytes>, Error> {
        let cache = self.dir().dir("cache")?;
        let Some(opened) = crate::dir::absent_is_none(cache.file(file.to_hex()))? else { return Ok(None) };
        let path = self.cached(file);
        if opened.metadata().on("look at", &path)?.len() == 0 {
            return Ok(Some(Arc::new(Vec::new())));
        }
        Ok(Some(Arc::new(map(&opened, &path)?)))
    }

    /// Keeps a package file under its digest: a reflink where the file system can, otherwise a copy. What is
    /// kept is hashed, so that nothing else can come under that name; `false` says that the file has another
    /// digest now, and that nothing was kept.
    pub(crate) fn keep(&self, digest: Digest, from: &File, barrier: &Barrier) -> Result<bool, Error> {
        let cache = self.dir().dir("cache")?;
        let name = digest.to_hex();
        if self.has_cached(digest)? {
            return Ok(hash_file(from, &cache.join(&name))?.1 == digest);
        }
        let fresh = format!("{name}.new");
        let mut to = cache.make_file_anew(&fresh, 0o444)?;
        let path = cache.join(&fresh);
        let kept = if rustix::fs::ioctl_ficlone(&to, from).is_ok() {
            hash_file(&to, &path)?.1
        } else {
            copy_hashing(from, &mut to, &path)?
        };
        if kept != digest {
            cache.unlink(&fresh)?;
            return Ok(false);
        }
        cache.rename(&fresh, &cache, &name)?;
        barrier.file(&to, &cache.join(&name));
        barrier.directory(&cache);
        Ok(true)
    }
}

/// Copies a file from its start, and says the digest of what was copied.
pub(crate) fn copy_hashing(mut from: &File, to: &mut File, path: &Path) -> Result<Digest, Error> {
    from.rewind().on("read", path)?;
    let mut hasher = ContentHasher::new(false);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish().1),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                to.write_all(&buffer[..read]).on("copy to", path)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).on("read", path),
        }
    }
}

/// The digest of a file of the cache.
fn digest_of_mapped(file: &File, path: &Path) -> Result<Digest, Error> {
    if file.metadata().on("look at", path)?.len() == 0 {
        return Ok(Digest::of(b""));
    }
    Ok(Digest::of(&map(file, path)?))
}

/// Maps a file of the cache, which is not empty.
#[allow(unsafe_code)]
fn map(file: &File, path: &Path) -> Result<memmap2::Mmap, Error> {
    // SAFETY: only the store's owner can reach the cache, and ambar never writes to or shortens a file of it
    // in place, so the mapping cannot change or lose pages while it is read.
    unsafe { memmap2::Mmap::map(file) }.on("map", path)
}
