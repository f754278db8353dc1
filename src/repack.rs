//! Packages from one format into another, deltas between them, and deltas made whole again.

use std::path::Path;

use ambar_pkgfmt::{Base, Limits, Manifest, PackageFile, Parts, Spool};

use crate::error::Error;
use crate::observer::{Observer, begin};
use crate::write::{Target, Written, write, write_delta};

/// Writes the package in `file` in another format. A delta becomes a whole package with the help of `base`, the
/// file of the package that it was made against.
///
/// # Errors
/// [`Error::Package`] for whatever is wrong with a package, [`Error::NoBase`] for a delta without its base, and
/// [`Error::Io`]; nothing is left at the target then.
pub fn repack(
    file: &Path,
    base: Option<&Path>,
    target: &Target,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Written, Error> {
    target.pool()?.install(|| {
        let whole = Whole::read(file, base, limits, observer)?;
        write(&whole.parts(), target, observer)
    })
}

/// Writes what has to be known to make the package in `new` of the one in `old`.
///
/// # Errors
/// As [`repack`]; [`Error::Package`] also when the format has no such delta.
pub fn delta(
    old: &Path,
    new: &Path,
    target: &Target,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Written, Error> {
    target.pool()?.install(|| {
        let old = Whole::read(old, None, limits, observer)?;
        let new = Whole::read(new, None, limits, observer)?;
        if old.manifest.name != new.manifest.name {
            let (old, new) = (&old.manifest.name, &new.manifest.name);
            return Err(Error::NoDelta(format!("{old} and {new} are not two versions of one package")));
        }
        if old.manifest == new.manifest {
            return Err(Error::NoDelta("the two packages are the same".into()));
        }
        write_delta(&old.parts(), &new.parts(), target, observer)
    })
}

/// A package file that has been read and checked, with its content at hand.
struct Whole {
    package: PackageFile,
    manifest: Manifest,
    contents: Spool,
}

impl Whole {
    fn read(
        file: &Path,
        base: Option<&Path>,
        limits: &Limits,
        observer: &dyn Observer,
    ) -> Result<Whole, Error> {
        let mut package = open(file, base, limits, observer)?;
        let stop = || observer.cancelled();
        package.list()?;
        begin(observer, package.draft());
        let (manifest, contents) = Spool::read(&mut package, &stop).map_err(|error| match stop() {
            true => ambar_store::Error::Cancelled.into(),
            false => Error::from(error),
        })?;
        Ok(Whole { package, manifest, contents })
    }

    fn parts(&self) -> Parts<'_> {
        Parts {
            manifest: &self.manifest,
            translations: self.package.translations(),
            scripts: self.package.scripts(),
            contents: &self.contents,
        }
    }
}

/// Opens a package file, with the base that it needs if it is a delta.
pub(crate) fn open(
    file: &Path,
    base: Option<&Path>,
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<PackageFile, Error> {
    let mut package = PackageFile::open(file, limits)?;
    match (package.base_needed(), base) {
        (None, None) => {}
        (None, Some(_)) => {
            return Err(Error::Usage(format!("{} is no delta and needs no base", file.display())));
        }
        (Some(needed), None) => {
            return Err(Error::NoBaseFile { file: file.into(), needed: Box::new(needed) });
        }
        (Some(_), Some(base)) => {
            let mut base = PackageFile::open(base, limits)?;
            let (manifest, contents) = Spool::read(&mut base, &|| observer.cancelled())?;
            let sha1s = vec![None; manifest.entries.len()];
            package.set_base(Base { manifest, sha1s, contents: Box::new(contents) })?;
        }
    }
    Ok(package)
}
