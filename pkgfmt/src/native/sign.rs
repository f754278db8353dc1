//! Signing a package file: the same bytes and one signature more, in a new file that takes its name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::source::Source;

use super::NativeFile;
use super::signature::{self, SecretKey};

/// Adds the signature of `key` to the package file at `path`, in place of an earlier one of the same key. The
/// new file is verified and durable before it takes the name of the old one.
///
/// `comment` is what the signature vouches for in words; without one it is the package's name, version and id,
/// so that it does not tell when it was made.
///
/// # Errors
/// [`Error`] when the package is damaged, has too many signatures, or cannot be written.
pub fn sign(path: &Path, key: &SecretKey, comment: Option<&str>, limits: &Limits) -> Result<(), Error> {
    // A link stays one, and what it leads to is signed.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    sign_file(&real, key, comment, limits).map_err(|problem| Error::new(path, problem))
}

fn sign_file(path: &Path, key: &SecretKey, comment: Option<&str>, limits: &Limits) -> Result<(), Problem> {
    let io = |operation: &'static str| move |source| Problem::Io { operation, source };
    let package = NativeFile::of(Source::open(path)?, limits)?;
    let words = match comment {
        Some(comment) => comment.to_owned(),
        None => format!("{} {} {}", package.manifest().name, package.manifest().full_version(), package.id()),
    };
    let new =
        key.sign(package.signed_bytes(), &words).map_err(|error| Problem::damaged("the signature", error))?;
    let mut signatures: Vec<_> =
        package.signatures().iter().filter(|old| old.key() != new.key()).cloned().collect();
    signatures.push(new);
    let tail = signature::encode(signatures)
        .ok_or_else(|| Problem::forbidden("the signatures", "there would be too many"))?;

    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut signed = tempfile::NamedTempFile::new_in(directory).map_err(io("write beside it"))?;
    let metadata = fs::metadata(path).map_err(io("look at it"))?;
    // Whoever may not give the file to its owner keeps it.
    drop(std::os::unix::fs::fchown(signed.as_file(), Some(metadata.uid()), Some(metadata.gid())));
    signed.as_file().set_permissions(metadata.permissions()).map_err(io("write beside it"))?;
    let mut sections = package.source.slice(0, package.end());
    io::copy(&mut sections, &mut signed).map_err(io("write beside it"))?;
    signed.write_all(&tail).map_err(io("write beside it"))?;
    // What is signed is what was written, even when somebody changed the old file meanwhile.
    let written = NativeFile::of(Source::open(signed.path())?, limits)?;
    written.verify()?;
    if written.signed_bytes() != package.signed_bytes() {
        return Err(Problem::damaged("the file", "it changed while it was signed"));
    }
    signed.as_file().sync_all().map_err(io("write beside it"))?;
    signed.persist(path).map_err(|error| io("replace it")(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("make it durable"))
}
