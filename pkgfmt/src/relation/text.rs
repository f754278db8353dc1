//! Relations as people write them, which is how they are shown.
//!
//! ```text
//! relation   = target *( "|" target )
//! target     = name [ ":" arch ] [ constraint | "(" constraint *( "," constraint ) ")" ]
//! constraint = [ "release" | "slot" | "tag" | "repository" ] op value
//! op         = "<" | "<=" | "=" | "==" | ">=" | ">" | "!=" | "~" | "=*"
//! ```
//! `@NAME` is a component, a name with a parenthesis in it, such as `pkgconfig(zlib)`, a capability, and
//! anything else a package. `=` is equal in the version order, `==` the very same text (for slots, tags and repositories both are), `~` equal when
//! revisions are left aside, `=*` a prefix. A name ends at a blank or an operator.

use std::str::FromStr;

use super::{Constraint, Op, Subject, Target, TargetKind};

/// Operators, the longer ones first where one begins with another.
const OPERATORS: [(&str, Op); 9] = [
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("!=", Op::Unequal),
    ("==", Op::Same),
    ("=*", Op::Prefix),
    ("<", Op::Less),
    (">", Op::Greater),
    ("=", Op::Equal),
    ("~", Op::SameRevisionAside),
];

const SUBJECTS: [(&str, Subject); 4] = [
    ("release", Subject::Release),
    ("slot", Subject::Slot),
    ("tag", Subject::Tag),
    ("repository", Subject::Repository),
];

/// A text that is no relation, and where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no relation: {reason}")]
pub struct InvalidRelation {
    text: String,
    reason: &'static str,
}

/// Parses the alternatives of a relation.
///
/// # Errors
/// [`InvalidRelation`] for a text that is not of the grammar above.
pub fn parse_alternatives(text: &str) -> Result<Vec<Target>, InvalidRelation> {
    split(text, '|').map(str::parse).collect()
}

impl FromStr for Target {
    type Err = InvalidRelation;

    fn from_str(text: &str) -> Result<Target, InvalidRelation> {
        let refused = |reason| InvalidRelation { text: text.trim().to_owned(), reason };
        let trimmed = text.trim();
        let (kind, rest) = match trimmed.strip_prefix('@') {
            Some(rest) => (Some(TargetKind::Component), rest),
            None => (None, trimmed),
        };
        let is_end = |c: char| c.is_whitespace() || "<>=!~".contains(c);
        let (name, conditions) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        let kind = kind.unwrap_or(match name.contains('(') {
            true => TargetKind::Capability,
            false => TargetKind::Package,
        });
        let (name, arch) = match name.split_once(':') {
            Some((_, arch)) if kind == TargetKind::Package && !is_arch(arch) => {
                return Err(refused("what follows its ':' is no architecture"));
            }
            Some((name, arch)) if kind == TargetKind::Package => (name, arch),
            _ => (name, ""),
        };
        if name.is_empty() {
            return Err(refused("it has no name"));
        }
        if name.contains(char::is_control) {
            return Err(refused("its name holds a control character"));
        }
        let conditions = conditions.trim();
        let list = match conditions.strip_prefix('(') {
            Some(list) => list.strip_suffix(')').ok_or_else(|| refused("a ')' is missing"))?,
            None => conditions,
        };
        let mut target = Target { kind, name: name.into(), arch: arch.into(), constraints: Vec::new() };
        if !conditions.is_empty() {
            for one in list.split(',') {
                target
                    .constraints
                    .push(constraint(one).ok_or_else(|| refused("a condition is an operator and a value"))?);
            }
        }
        Ok(target)
    }
}

/// Whether a text can be an architecture's name.
fn is_arch(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn constraint(text: &str) -> Option<Constraint> {
    let text = text.trim();
    let named = SUBJECTS.iter().find_map(|(word, subject)| {
        let rest = text.strip_prefix(word)?;
        rest.starts_with(|c: char| c.is_whitespace() || "<>=!~".contains(c))
            .then(|| (*subject, rest.trim_start()))
    });
    let (subject, rest) = named.unwrap_or((Subject::Version, text));
    let (op, value) = OPERATORS.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)))?;
    let value = value.trim();
    let is_foreign = |c: char| c.is_whitespace() || c.is_control() || "<>=!()|".contains(c);
    let fits = !value.is_empty() && !value.contains(is_foreign);
    let op = if op == Op::Equal && subject.is_text() { Op::Same } else { op };
    fits.then(|| Constraint { subject, op, value: value.into() })
}

/// The parts between separators that stand outside of parentheses.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == separator && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Relation, RelationKind};
    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_target_is_read_as_it_is_written() {
        assert_eq!(target("libc"), Target::package("libc"));
        let wanted = Target::package("libc").with(Subject::Version, Op::AtLeast, "2.36");
        assert_eq!(target("libc >= 2.36"), wanted);
        assert_eq!(target("libc>=2.36"), wanted);
        assert_eq!(target(" libc  ( >= 2.36 ) "), wanted);
        let two = wanted.with(Subject::Release, Op::Less, "9");
        assert_eq!(target("libc (>= 2.36, release < 9)"), two);
        assert_eq!(target("python3:any").arch, "any");
        assert_eq!(target("@system.base").kind, TargetKind::Component);
        assert_eq!(target("@system.base").name, "system.base");
        assert_eq!(target("pkgconfig(zlib) >= 1.2").kind, TargetKind::Capability);
        assert_eq!(target("pkgconfig(zlib) >= 1.2").name, "pkgconfig(zlib)");
        assert_eq!(target("a (== 1.01)").constraints[0].op, Op::Same);
        assert_eq!(target("gtk+ (slot = 2)").constraints[0].subject, Subject::Slot);
    }

    #[test]
    fn alternatives_stand_between_bars() {
        let names: Vec<String> = parse_alternatives("exim4 | mta(x|y) | sendmail (> 8)")
            .unwrap()
            .into_iter()
            .map(|t| t.name)
            .collect();
        assert_eq!(names, ["exim4", "mta(x|y)", "sendmail"]);
    }

    #[test]
    fn what_is_no_relation_is_refused() {
        for text in [
            ":any",
            "a:",
            "a:b:c",
            "a\u{14}",
            "a (= 1\u{14})",
            "",
            " ",
            "|",
            "a |",
            ">= 1",
            "a >=",
            "a 1",
            "a (>= 1",
            "a (>= 1,)",
            "a ()",
            "a >= 1 2",
            "@",
            "a => 1",
        ] {
            assert!(parse_alternatives(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for text in [
            "a",
            "a:any (>= 1)",
            "@system.base",
            "pkgconfig(zlib) (>= 1.2, < 2)",
            "a (!= 1) | b (slot = 2)",
            "a (== 1)",
        ] {
            let relation =
                Relation { kind: RelationKind::Depends, alternatives: parse_alternatives(text).unwrap() };
            assert_eq!(relation.to_string(), text);
        }
    }
}
