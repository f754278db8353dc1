//! One dependency of Portage or Entropy, "atom" in their words, as a target.
//!
//! ```text
//! [! or !!] [>= > <= < = ~] category/name[-version][*] [:slot[/subslot][= or *]] [::repository]
//!           [[use,-use]] [#tag] [~revision] [@repository]
//! ```
//!
//! The name of the target is `category/name`. `=…*` is a prefix, `~` leaves `-rN` aside, a tag, revision and
//! repository must be the same; `:=` and `:*` allow every slot. Conditions on USE flags and subslots cannot be
//! said in a target: [`Atom::loosened`] tells that they were left out.

use crate::manifest::{VersionOrder, is_package_name};
use crate::relation::{Op, Subject, Target};
use crate::version::Version;

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// What must not be there, rather than what must.
    pub(super) blocker: bool,
    /// The name and the conditions that a target can say.
    pub(super) target: Target,
    /// Conditions were left out.
    pub(super) loosened: bool,
}

/// Reads one atom; `None` for what is none.
pub(super) fn parse(text: &str) -> Option<Atom> {
    let (blocker, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.strip_prefix('!').unwrap_or(rest)),
        None => (false, text),
    };
    let (op, text) = operator(text);
    let end = text.find([':', '[', '#', '~', '@']).unwrap_or(text.len());
    let (head, mut rest) = text.split_at_checked(end)?;
    let (head, prefix) = match head.strip_suffix('*') {
        Some(head) if op == Some(Op::Equal) => (head, true),
        Some(_) => return None,
        None => (head, false),
    };
    let (name, version) = match (split_version(head), op) {
        (Some(parts), _) => parts,
        (None, None) => (head, ""),
        // `=category/name-1*` where the prefix alone is no version.
        (None, Some(_)) => return None,
    };
    if !is_qualified(name) {
        return None;
    }
    let mut target = Target::package(name);
    if !version.is_empty() {
        let op = match op {
            Some(Op::Equal) if prefix => Op::Prefix,
            Some(op) => op,
            // Entropy takes a version without an operator for that version.
            None => Op::Equal,
        };
        let version = if op == Op::SameRevisionAside { without_revision(version) } else { version };
        target = target.with(Subject::Version, op, version);
    }
    let mut loosened = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("::") {
            let (repository, next) = word(after, &['[', '#', '~', '@', ':'])?;
            target = target.with(Subject::Repository, Op::Same, repository);
            rest = next;
        } else if let Some(after) = rest.strip_prefix(':') {
            let (slot, next) = word(after, &['[', '#', '~', '@', ':'])?;
            let slot = slot.strip_suffix('=').unwrap_or(slot);
            let (slot, subslot) = slot.split_once('/').unwrap_or((slot, ""));
            loosened |= !subslot.is_empty();
            if !matches!(slot, "" | "*") {
                target = target.with(Subject::Slot, Op::Same, slot);
            }
            rest = next;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (flags, next) = after.split_once(']')?;
            if flags.is_empty() || flags.contains('[') {
                return None;
            }
            loosened = true;
            rest = next;
        } else {
            let after = rest.get(1..)?;
            let (value, next) = word(after, &['[', '#', '~', '@', ':'])?;
            let subject = match rest.as_bytes().first()? {
                b'#' => Subject::Tag,
                b'~' if value.bytes().all(|byte| byte.is_ascii_digit()) => Subject::Release,
                b'@' => Subject::Repository,
                _ => return None,
            };
            target = target.with(subject, Op::Same, value);
            rest = next;
        }
    }
    Some(Atom { blocker, target, loosened })
}

fn operator(text: &str) -> (Option<Op>, &str) {
    for (sign, op) in [
        (">=", Op::AtLeast),
        ("<=", Op::AtMost),
        (">", Op::Greater),
        ("<", Op::Less),
        ("=", Op::Equal),
        ("~", Op::SameRevisionAside),
    ] {
        if let Some(rest) = text.strip_prefix(sign) {
            return (Some(op), rest);
        }
    }
    (None, text)
}

/// A value up to one of `ends`, never empty and without characters that no name has.
fn word<'a>(text: &'a str, ends: &[char]) -> Option<(&'a str, &'a str)> {
    let (word, rest) = text.split_at_checked(text.find(ends).unwrap_or(text.len()))?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._/*=,".contains(&byte);
    (!word.is_empty() && word.bytes().all(known)).then_some((word, rest))
}

/// Whether `name` is `category/name` in Gentoo's letters.
pub(super) fn is_qualified(name: &str) -> bool {
    let half = |half: &str| {
        half.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && half.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
    };
    is_package_name(name) && name.split_once('/').is_some_and(|(category, name)| half(category) && half(name))
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
fn without_revision(version: &str) -> &str {
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
            format!("{blocker}{}{loosened}", atom.target)
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
                "app/a (= 1.0, tag = 3.2-sabayon, release == 4, repository = repo)",
            ),
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
