//! Which extended attributes a package may have: `user.*`, which mean nothing to the system, and file
//! capabilities, which a plan shows. All others are the machine's to set. Together they are bounded for each entry.

use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::{CAPABILITY_XATTR, Manifest};
use crate::path::Shown;

/// Refuses a manifest whose entries have other attributes, or more of them than the limit.
pub(super) fn check(manifest: &Manifest, limits: &Limits) -> Result<(), Problem> {
    for entry in &manifest.entries {
        let mut bytes = 0_u64;
        for (name, value) in &entry.xattrs {
            if !name.starts_with(b"user.") && name != CAPABILITY_XATTR {
                let reason = format_args!("packages must not have the extended attribute '{}'", Shown(name));
                return Err(Problem::forbidden(&entry.path, reason));
            }
            bytes = bytes.saturating_add((name.len() + value.len()) as u64);
        }
        if bytes > limits.xattr_bytes {
            let what = format_args!("the size of the extended attributes of {}", entry.path);
            return Err(Problem::limit(what, limits.xattr_bytes));
        }
    }
    Ok(())
}
