//! Which files are configuration: those below a protected place, and not below a nearer exception.

use std::collections::BTreeSet;

use crate::path::PayloadPath;

/// Entropy's lists of protected places and exceptions.
#[derive(Debug, Default)]
pub(super) struct Protection {
    protect: BTreeSet<Vec<u8>>,
    mask: BTreeSet<Vec<u8>>,
}

impl Protection {
    /// The lists: absolute paths with spaces between.
    pub(super) fn new(protect: &str, mask: &str) -> Protection {
        Protection { protect: paths(protect), mask: paths(mask) }
    }

    /// Whether the file at `path` is configuration.
    pub(super) fn covers(&self, path: &PayloadPath) -> bool {
        let path = path.as_bytes();
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        let nearest = |list: &BTreeSet<Vec<u8>>| {
            ends.clone().chain([path.len()]).rev().find(|&end| list.contains(&path[..end]))
        };
        // An exception counts when it is nearer than every protected place, or as near.
        nearest(&self.protect).is_some_and(|place| nearest(&self.mask).is_none_or(|mask| mask < place))
    }
}

fn paths(list: &str) -> BTreeSet<Vec<u8>> {
    let normal = |path: &str| path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    list.split_whitespace().map(|path| normal(path).into_bytes()).filter(|path| !path.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_nearest_place_decides() {
        let protection =
            Protection::new("/etc /usr/share/X11//xkb/ /etc/env.d/own", "/etc/env.d /etc/fonts/fonts.conf");
        let covers = |path: &str| protection.covers(&PayloadPath::new(path.as_bytes()).unwrap());
        assert!(covers("etc/passwd"));
        assert!(covers("usr/share/X11/xkb/rules"));
        assert!(!covers("etc/env.d/00basic"));
        assert!(covers("etc/env.d/own/x"));
        assert!(!covers("etc/fonts/fonts.conf"));
        assert!(!covers("etcetera"));
        assert!(!covers("usr/bin/x"));
    }
}
