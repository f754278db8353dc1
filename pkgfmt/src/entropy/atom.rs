//! One dependency of Portage or Entropy as targets: an [`Expression`] with a category.
//!
//! The name of a target is `category/name`. Conditions on USE flags and subslots cannot be said in a target:
//! [`Atom::loosened`] tells that they were left out.

use super::expression::Expression;
use crate::manifest::{VersionOrder, is_package_name};
use crate::relation::Target;
use crate::version::Version;

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// What must not be there, rather than what must.
    pub(super) blocker: bool,
    /// The name and the conditions that targets can say: any one of these, at least one.
    pub(super) targets: Vec<Target>,
    /// Conditions were left out.
    pub(super) loosened: bool,
}

/// Reads one atom; `None` for what is none.
pub(super) fn parse(text: &str) -> Option<Atom> {
    let expression: Expression = text.parse().ok()?;
    let said = expression.said()?;
    Some(Atom { blocker: expression.blocker.is_some(), targets: said.targets, loosened: said.loosened })
}

/// Whether `name` is `category/name` in Gentoo's letters.
pub(super) fn is_qualified(name: &str) -> bool {
    is_package_name(name)
        && name.split_once('/').is_some_and(|(category, name)| is_half(category) && is_half(name))
}

/// Whether `text` is a category, or a name without one, in Gentoo's letters.
pub(super) fn is_half(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

/// `name-version[-rN]` in its two parts; `None` where no version ends it.
pub(super) fn split_version(text: &str) -> Option<(&str, &str)> {
    let mut ends = text.rmatch_indices('-').map(|(position, _)| position);
    let (last, before) = (ends.next()?, ends.next());
    // `-rN` belongs to the version before it; a name may hold such a part as well, a version may not.
    before.into_iter().chain([last]).find_map(|dash| {
        let (name, version) = (text.get(..dash)?, text.get(dash + 1..)?);
        (!name.is_empty() && is_version(version)).then_some((name, version))
    })
}

/// Whether `text` is a version in the order of Portage and Entropy.
pub(super) fn is_version(text: &str) -> bool {
    Version::parse(VersionOrder::Entropy, text).is_ok()
}

/// A version without its `-rN`.
pub(super) fn without_revision(version: &str) -> &str {
    match version.rsplit_once("-r") {
        Some((version, revision))
            if !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            version
        }
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        parse(text).map(|atom| {
            let blocker = if atom.blocker { "!" } else { "" };
            let loosened = if atom.loosened { " …" } else { "" };
            let targets: Vec<String> = atom.targets.iter().map(ToString::to_string).collect();
            format!("{blocker}{}{loosened}", targets.join(" | "))
        })
    }

    #[test]
    fn an_atom_says_what_its_parts_say() {
        for (text, expected) in [
            ("x11-libs/gtk+:2", "x11-libs/gtk+ (slot = 2)"),
            (">=app-text/poppler-0.12.3-r3[cairo]", "app-text/poppler (>= 0.12.3-r3) …"),
            ("=dev-libs/apr-1*", "dev-libs/apr (=* 1)"),
            ("~dev-libs/foo-1.2", "dev-libs/foo (~ 1.2)"),
            ("!<www-servers/apache-2.2.4", "!www-servers/apache (< 2.2.4)"),
            ("!!sys-apps/a", "!sys-apps/a"),
            ("dev-libs/openssl:0=", "dev-libs/openssl (slot = 0)"),
            ("dev-libs/openssl:=", "dev-libs/openssl"),
            ("dev-libs/openssl:*", "dev-libs/openssl"),
            ("dev-libs/openssl:0/1.1=", "dev-libs/openssl (slot = 0) …"),
            (">=dev-lang/python-2.7.5-r2:2.7[xml(+),-tk]", "dev-lang/python (>= 2.7.5-r2, slot = 2.7) …"),
            (
                "app/a-1.0#3.2-sabayon~4@repo",
                "app/a (= 1.0, release == 4, tag = 3.2-sabayon, repository = repo)",
            ),
            (">=app/a-1.0~4", "app/a (> 1.0) | app/a (= 1.0, release >= 4)"),
            ("<app/a-1.0~4", "app/a (< 1.0) | app/a (= 1.0, release < 4)"),
            ("app/a~4", "app/a"),
            ("app/a~-1", "app/a"),
            ("app/a@one,two", "app/a (repository = one) | app/a (repository = two)"),
            ("app/a:0::gentoo", "app/a (slot = 0, repository = gentoo)"),
            ("media-libs/x264-0.0.20100118", "media-libs/x264 (= 0.0.20100118)"),
            ("virtual/libstdc++", "virtual/libstdc++"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_atom_is_none() {
        for text in [
            "",
            "!",
            "foo",
            "=foo/bar",
            ">=a/b",
            "a/b/c",
            "../b",
            "a/..",
            "a/b[",
            "a/b[]",
            "a/b:",
            "a/b#",
            "a/b~x",
            "a/b*",
            "a/\u{202e}b",
            "-a/b",
            "a/-b",
            "a /b",
            "a/b:\0",
        ] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_version_starts_after_the_last_dash_that_can_be_before_one() {
        assert_eq!(split_version("zlib-1.2.3-r1"), Some(("zlib", "1.2.3-r1")));
        assert_eq!(split_version("font-adobe-100dpi-1.0.1"), Some(("font-adobe-100dpi", "1.0.1")));
        assert_eq!(split_version("gtk+-2.18.6_rc1_p3"), Some(("gtk+", "2.18.6_rc1_p3")));
        assert_eq!(
            split_version("ca-certificates-20180409.3.37"),
            Some(("ca-certificates", "20180409.3.37"))
        );
        assert_eq!(split_version("foo"), None);
        assert_eq!(split_version("-1.0"), None);
    }
}
