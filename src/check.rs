//! Reading a package file as if it were to be installed, and saying what holds.

use std::path::Path;

use ambar_pkgfmt::native::PublicKey;
use ambar_pkgfmt::{Format, Limits, Manifest, PackageId, check};

use crate::error::Error;
use crate::observer::{Observer, begin};
use crate::repack::open;

/// What is known of a package file after every byte of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its format.
    pub format: Format,
    /// What it contains.
    pub manifest: Manifest,
    /// Its id.
    pub package: PackageId,
    /// The ids of the keys that signed it, and whether a key that was given says that the signature is right.
    pub signatures: Vec<(String, bool)>,
}

/// Reads the package in `file` whole and checks every entry, every digest, and its signatures: each of `keys`
/// must have signed it. A delta needs `base`, the file of the package that it was made against.
///
/// # Errors
/// [`Error::Package`] for whatever is wrong with it, [`Error::Signature`] where a key did not sign it.
pub fn verify_file(
    file: &Path,
    base: Option<&Path>,
    keys: &[PublicKey],
    limits: &Limits,
    observer: &dyn Observer,
) -> Result<Checked, Error> {
    let mut package = open(file, base, limits, observer)?;
    let format = package.format();
    let mut signatures = Vec::new();
    if let Some(native) = package.native() {
        for key in keys {
            native.verify_signature(key).map_err(|reason| unsigned(file, reason.to_string()))?;
        }
        native.verify().map_err(|problem| ambar_pkgfmt::Error { file: file.into(), problem })?;
        let known =
            |signature: &ambar_pkgfmt::native::Signature| keys.iter().any(|key| key.id() == signature.key());
        signatures = native.signatures().iter().map(|one| (one.key().to_string(), known(one))).collect();
    } else if !keys.is_empty() {
        return Err(unsigned(file, format!("packages of the format {} carry no signatures", format.name())));
    }
    package.list()?;
    begin(observer, package.draft());
    let manifest = check(&mut package, &|| observer.cancelled())?;
    let id =
        manifest.id().map_err(|error| ambar_pkgfmt::Error { file: file.into(), problem: error.into() })?;
    Ok(Checked { format, manifest, package: id, signatures })
}

fn unsigned(file: &Path, reason: String) -> Error {
    Error::Signature { file: file.into(), reason }
}
