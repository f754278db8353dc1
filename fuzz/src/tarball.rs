//! The target for a tar alone, as the formats without a file list have it.

use ambar_pkgfmt::fuzzing;

use crate::mend;
use crate::package::limits;

/// A tar as it is, and once more with headers whose sums fit.
pub fn tarball(data: &[u8]) {
    let read = |bytes: &[u8]| {
        if let Ok(entries) = fuzzing::tar(bytes.to_vec(), &limits()) {
            assert!(entries.is_sorted_by(|a, b| a.path < b.path));
            assert!(entries.iter().all(|entry| entry.node.is_some()));
        }
    };
    read(data);
    let mut mended = data.to_vec();
    mend::tar(&mut mended);
    if mended != data {
        read(&mended);
    }
}
