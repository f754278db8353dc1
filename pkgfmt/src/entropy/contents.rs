//! `CONTENTS`: the files that Portage wrote when the package was installed where it was made.
//!
//! ```text
//! dir PATH
//! obj PATH MD5 MTIME
//! sym PATH -> TARGET MTIME
//! ```
//!
//! Many packages have none, and one that was made of an installed package may lack files that it lists. So it is
//! no file list; its MD5 sums are compared only where somebody asks for that.

use std::collections::BTreeMap;

use crate::digest::{Md5Digest, unhex};
use crate::error::Problem;
use crate::package::DraftEntry;
use crate::path::{PayloadPath, Shown};

/// Its name in an xpak.
pub(super) const NAME: &str = "CONTENTS";

/// The MD5 sums of the files that are among `entries`.
pub(super) fn md5sums(
    contents: &[u8],
    entries: &[DraftEntry],
) -> Result<BTreeMap<PayloadPath, Md5Digest>, Problem> {
    let mut sums = BTreeMap::new();
    for line in contents.split(|&byte| byte == b'\n') {
        let Some(line) = line.strip_prefix(b"obj ") else { continue };
        let damaged =
            || Problem::damaged(NAME, format_args!("'{}' is no file with its MD5 sum", Shown(line)));
        // A path may hold blanks; what stands behind it does not.
        let mut parts = line.rsplitn(3, |&byte| byte == b' ').skip(1);
        let digest = parts.next().and_then(unhex).ok_or_else(damaged)?;
        let path = parts.next().and_then(|path| path.strip_prefix(b"/")).ok_or_else(damaged)?;
        let path = PayloadPath::new(path).map_err(|_| damaged())?;
        if entries.binary_search_by(|entry| entry.path.cmp(&path)).is_ok() {
            sums.insert(path, Md5Digest(digest));
        }
    }
    Ok(sums)
}
