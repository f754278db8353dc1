//! Package files kept in the store, named by their digest: repair and reinstall need nothing else.
//!
//! The directory is 0700 and its files are only ever replaced by rename, so a file of it may be mapped: nobody
//! can shorten it under the mapping. A cached file is trusted only after it has been hashed.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;

use ambar_pkgfmt::Digest;
use camino::Utf8PathBuf;

use crate::error::{Context, Error};
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

    /// Keeps a package file under its digest; a reflink where the file system can, otherwise a copy.
    pub(crate) fn keep(&self, digest: Digest, mut from: &File, barrier: &Barrier) -> Result<(), Error> {
        let cache = self.dir().dir("cache")?;
        let name = digest.to_hex();
        let length = from.metadata().on("look at", cache.join(&name))?.len();
        if cache.stat(&name)?.is_some_and(|stat| u64::try_from(stat.st_size) == Ok(length)) {
            return Ok(());
        }
        let fresh = format!("{name}.new");
        let mut to = cache.make_file_anew(&fresh, 0o444)?;
        if rustix::fs::ioctl_ficlone(&to, from).is_err() {
            from.rewind().on("read", cache.join(&fresh))?;
            std::io::copy(&mut from, &mut to).on("copy to", cache.join(&fresh))?;
        }
        cache.rename(&fresh, &cache, &name)?;
        barrier.file(&to, &cache.join(&name));
        barrier.directory(&cache);
        Ok(())
    }
}

/// The digest of a file of the cache.
#[allow(unsafe_code)]
fn digest_of_mapped(file: &File, path: &std::path::Path) -> Result<Digest, Error> {
    if file.metadata().on("look at", path)?.len() == 0 {
        return Ok(Digest::of(b""));
    }
    // SAFETY: only the store's owner can reach the cache, and ambar never writes to or shortens a file of it
    // in place, so the mapping cannot change or lose pages while it is read.
    let map = unsafe { memmap2::Mmap::map(file) }.on("map", path)?;
    Ok(Digest::of(&map))
}
