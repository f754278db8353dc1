//! Whether a package meets a constraint of a relation.

use std::cmp::Ordering;

use super::{InvalidVersion, Order, Version, compare_releases, entropy};
use crate::manifest::{Manifest, VersionOrder};
use crate::relation::{Constraint, Op, Subject};

/// What constraints look at in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// How its versions compare.
    pub order: VersionOrder,
    /// Version.
    pub version: &'a str,
    /// Release, a decimal integer; empty where the format has none.
    pub release: &'a str,
    /// Slot, `None` where it is not known.
    pub slot: Option<&'a str>,
    /// Tag, `None` where it is not known.
    pub tag: Option<&'a str>,
    /// Name of the repository that it comes from, `None` where it is not known.
    pub repository: Option<&'a str>,
}

impl<'a> From<&'a Manifest> for Candidate<'a> {
    /// All that a manifest says; the repository is not known.
    fn from(manifest: &'a Manifest) -> Candidate<'a> {
        Candidate {
            order: manifest.order,
            version: &manifest.version,
            release: &manifest.release,
            slot: Some(&manifest.slot),
            tag: Some(&manifest.tag),
            repository: None,
        }
    }
}

impl Candidate<'_> {
    /// Whether the package meets `constraint`.
    ///
    /// [`Op::Same`] compares texts, so that `1.01` is not `1.1` and `02` is not `2`, and works for every subject
    /// in every order. Slots, tags and repositories are texts: they are the same, equal or unequal. All else
    /// compares versions in the package's order, and releases as integers. [`Op::SameRevisionAside`] and
    /// [`Op::Prefix`] are Entropy's, on versions.
    ///
    /// # Errors
    /// [`InvalidVersion::Version`] and [`InvalidVersion::Release`] for a version or release, of the package or of
    /// the constraint, that is none; [`InvalidVersion::Undecidable`] for constraints on what is not known, and
    /// for operators that the order or the subject does not have.
    pub fn meets(&self, constraint: &Constraint) -> Result<bool, InvalidVersion> {
        let wanted = constraint.value.as_str();
        let order = Order::from(self.order);
        let undecidable = || InvalidVersion::Undecidable { order, constraint: constraint.clone() };
        let (found, is_text) = match constraint.subject {
            Subject::Version => (Some(self.version), false),
            Subject::Release => (Some(self.release), false),
            Subject::Slot => (self.slot, true),
            Subject::Tag => (self.tag, true),
            Subject::Repository => (self.repository, true),
        };
        let found = found.ok_or_else(undecidable)?;
        let accepts: fn(Ordering) -> bool = match constraint.op {
            Op::Same => return Ok(found == wanted),
            Op::Equal if is_text => return Ok(found == wanted),
            Op::Unequal if is_text => return Ok(found != wanted),
            _ if is_text => return Err(undecidable()),
            Op::Less => Ordering::is_lt,
            Op::AtMost => Ordering::is_le,
            Op::Equal => Ordering::is_eq,
            Op::AtLeast => Ordering::is_ge,
            Op::Greater => Ordering::is_gt,
            Op::Unequal => Ordering::is_ne,
            Op::SameRevisionAside | Op::Prefix
                if constraint.subject != Subject::Version || order != Order::Entropy =>
            {
                return Err(undecidable());
            }
            Op::Prefix => {
                let answer = entropy::starts_with(found, wanted);
                return answer.ok_or_else(|| InvalidVersion::Version { order, text: found.into() });
            }
            Op::SameRevisionAside => {
                let [found, wanted] = [found, wanted].map(|text| {
                    let bare = entropy::without_revision(text);
                    Version::parse(order, bare.unwrap_or(text))
                });
                return Ok(found? == wanted?);
            }
        };
        let ordering = match constraint.subject {
            Subject::Release => compare_releases(found, wanted)?,
            _ => super::compare(order, found, wanted)?,
        };
        Ok(accepts(ordering))
    }
}

/// Whether a package of this `version` and `release`, whose versions are of `order`, meets `constraint`; slot, tag
/// and repository are not known. See [`Candidate::meets`].
///
/// # Errors
/// As [`Candidate::meets`].
pub fn satisfies(
    constraint: &Constraint,
    order: VersionOrder,
    version: &str,
    release: &str,
) -> Result<bool, InvalidVersion> {
    Candidate { order, version, release, slot: None, tag: None, repository: None }.meets(constraint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_in(
        order: VersionOrder,
        (subject, op, value): (Subject, Op, &str),
        version: &str,
        release: &str,
    ) -> Result<bool, InvalidVersion> {
        let constraint = Constraint { subject, op, value: value.into() };
        satisfies(&constraint, order, version, release)
    }

    fn holds(
        subject: Subject,
        op: Op,
        value: &str,
        version: &str,
        release: &str,
    ) -> Result<bool, InvalidVersion> {
        holds_in(VersionOrder::Pisi, (subject, op, value), version, release)
    }

    /// The cases of PiSi's own relation tests.
    #[test]
    fn relations_hold_as_in_pisi() {
        for (subject, op, value, version, release, expected) in [
            (Subject::Version, Op::AtLeast, "1.9.1", "1.8.0", "1", false),
            (Subject::Version, Op::AtLeast, "1.9.1", "1.9.1", "1", true),
            (Subject::Version, Op::AtLeast, "1.9.1", "1.10.5", "1", true),
            (Subject::Release, Op::AtLeast, "121", "1", "2", false),
            (Subject::Release, Op::AtMost, "22", "1", "25", false),
            (Subject::Release, Op::AtMost, "22", "1", "22", true),
            (Subject::Release, Op::Same, "42", "1", "42", true),
            (Subject::Release, Op::Same, "02", "1", "2", false),
            (Subject::Release, Op::Equal, "02", "1", "2", true),
            (Subject::Version, Op::Same, "0.3", "0.3", "1", true),
            (Subject::Version, Op::Same, "1.01", "1.1", "1", false),
            (Subject::Version, Op::Equal, "1.01", "1.1", "1", true),
            (Subject::Version, Op::Unequal, "1.01", "1.1", "1", false),
            (Subject::Version, Op::AtLeast, "8", "0.3", "1", false),
            (Subject::Version, Op::Less, "1.0", "1.0_rc1", "1", true),
            (Subject::Version, Op::Greater, "1.0", "1.0", "1", false),
        ] {
            let found = holds(subject, op, value, version, release);
            assert_eq!(found, Ok(expected), "{subject:?} {op:?} {value}: {version}-{release}");
        }
    }

    #[test]
    fn relations_of_debian_hold_in_its_order() {
        for (op, value, version, expected) in [
            (Op::Less, "1.0-1", "1.0~rc1-1", true),
            (Op::AtMost, "1.0-1", "1.0-1", true),
            (Op::Equal, "1.0-0", "1.0", true),
            (Op::AtLeast, "1:0", "9.0", false),
            (Op::Greater, "1.0-1", "1.0-1+b1", true),
        ] {
            let found = holds_in(VersionOrder::Debian, (Subject::Version, op, value), version, "");
            assert_eq!(found, Ok(expected), "{op:?} {value}: {version}");
        }
    }

    #[test]
    fn revisions_are_left_aside_where_entropy_asks_for_it() {
        for (value, version, expected) in [
            ("1.2", "1.2", true),
            ("1.2", "1.2-r3", true),
            ("1.2-r1", "1.2-r3", true),
            ("1.2", "01.2-r3", true),
            ("1.2", "1.20", false),
            ("1.2", "1.2_p1", false),
            ("1.2_p1", "1.2_p1-r1", true),
        ] {
            let constraint = (Subject::Version, Op::SameRevisionAside, value);
            assert_eq!(
                holds_in(VersionOrder::Entropy, constraint, version, ""),
                Ok(expected),
                "{value}: {version}"
            );
        }
    }

    #[test]
    fn prefixes_end_at_a_component_boundary() {
        for (value, version, expected) in [
            ("1.2", "1.2", true),
            ("1.2", "1.2.3", true),
            ("1.2", "1.2-r1", true),
            ("1.2", "1.2_p1", true),
            ("1.2", "1.2a", true),
            ("1.2", "1.20", false),
            ("1.2", "11.2", false),
            ("1.2_p", "1.2_p3", true),
            ("1.2_p", "1.2_pre3", false),
            ("1.2.", "1.2.3", true),
            ("1", "cvs.01.5", true),
            ("01", "1.5", true),
            ("0", "0.5", true),
            ("00", "0.5", true),
            ("0.5", "00.5", true),
            ("0", "1", false),
            ("2", "1.5", false),
            ("", "1.5", false),
        ] {
            let constraint = (Subject::Version, Op::Prefix, value);
            assert_eq!(
                holds_in(VersionOrder::Entropy, constraint, version, ""),
                Ok(expected),
                "{value}: {version}"
            );
        }
    }

    #[test]
    fn slots_tags_and_repositories_are_texts() {
        let mut manifest = Manifest::new("linux", "1.0", VersionOrder::Entropy);
        (manifest.slot, manifest.tag) = ("4.9".into(), "4.9.0-sabayon".into());
        let candidate = Candidate { repository: Some("main"), ..Candidate::from(&manifest) };
        let meets =
            |subject, op, value: &str| candidate.meets(&Constraint { subject, op, value: value.into() });
        assert_eq!(meets(Subject::Slot, Op::Same, "4.9"), Ok(true));
        assert_eq!(meets(Subject::Slot, Op::Equal, "4.90"), Ok(false));
        assert_eq!(meets(Subject::Tag, Op::Unequal, ""), Ok(true));
        assert_eq!(meets(Subject::Repository, Op::Same, "main"), Ok(true));
        assert!(matches!(meets(Subject::Slot, Op::Less, "5"), Err(InvalidVersion::Undecidable { .. })));
    }

    #[test]
    fn what_cannot_be_decided_is_an_error_and_no_answer() {
        for (subject, op) in [
            (Subject::Slot, Op::Same),
            (Subject::Tag, Op::Equal),
            (Subject::Repository, Op::Unequal),
            (Subject::Version, Op::Prefix),
            (Subject::Version, Op::SameRevisionAside),
            (Subject::Release, Op::Prefix),
        ] {
            let answer = holds(subject, op, "1", "1.2", "1");
            assert!(
                matches!(answer, Err(InvalidVersion::Undecidable { .. })),
                "{subject:?} {op:?}: {answer:?}"
            );
        }
        let release =
            holds_in(VersionOrder::Entropy, (Subject::Release, Op::SameRevisionAside, "1"), "1", "1");
        assert!(matches!(release, Err(InvalidVersion::Undecidable { .. })));
        for op in [Op::AtLeast, Op::Prefix, Op::SameRevisionAside] {
            let answer = holds_in(VersionOrder::Entropy, (Subject::Version, op, "1"), "svn12", "1");
            assert!(matches!(answer, Err(InvalidVersion::Version { .. })), "{op:?}: {answer:?}");
        }
        assert!(matches!(
            holds(Subject::Version, Op::AtLeast, "1", "svn12", "1"),
            Err(InvalidVersion::Version { .. })
        ));
        assert_eq!(holds(Subject::Version, Op::Same, "svn12", "svn12", "1"), Ok(true));
    }
}
