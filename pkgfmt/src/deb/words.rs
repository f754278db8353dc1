//! The words of a control file: names of packages, architectures, versions.

use crate::manifest::VersionOrder;
use crate::version::Version;

/// Most bytes of a package's name.
pub(super) const MAX_NAME: usize = 255;

/// Whether `word` is a package's name to dpkg: letters, digits and `+-._`, with a letter or digit first. (Debian
/// itself wants lower case and two characters; others do not.)
pub(super) fn is_name(word: &str) -> bool {
    word.len() <= MAX_NAME
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

/// Whether `word` is an architecture's name to dpkg: letters, digits and `-`, with a letter or digit first.
pub(super) fn is_architecture(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether `word` is a version.
pub(super) fn is_version(word: &str) -> bool {
    Version::parse(VersionOrder::Debian, word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_dpkg_takes() {
        for word in ["1", "0:1", "1:2.3-4", "1-2-3", "1:2:3-4", "1.2+dfsg~rc1-1~bpo12+1", "2147483647:0"] {
            assert!(is_version(word), "{word}");
        }
        for word in
            ["", "a1", "v1", ":1", "x:1", "-1:1", "+1:1", "2147483648:1", "1:", "1-", "-1", "1_2", "1/2"]
        {
            assert!(!is_version(word), "{word}");
        }
        assert!(!is_version("1-2:3"), "that is the epoch '1-2'");
    }
}
