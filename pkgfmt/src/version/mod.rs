//! Version orders: how two versions of one package compare.
//!
//! The order is a property of the package ([`VersionOrder`]). Versions of two orders are never compared, so
//! every function here takes one order and both texts. Releases are integers of any length in every order.

pub mod pisi;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::manifest::VersionOrder;
use crate::path::Shown;
use crate::relation::{Constraint, Op, Subject};

use pisi::{Number, PisiVersion};

/// Why a comparison has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVersion {
    /// The order does not accept this text as a version.
    #[error("'{}' is not a version in the order '{order}'", Shown(text.as_bytes()))]
    Version {
        /// The order asked for.
        order: VersionOrder,
        /// The text refused.
        text: String,
    },
    /// A release is not made of decimal digits.
    #[error("'{}' is not a release: only decimal digits are", Shown(text.as_bytes()))]
    Release {
        /// The text refused.
        text: String,
    },
    /// This version of ambar cannot compare in that order.
    #[error("versions in the order '{order}' cannot be compared yet")]
    Unsupported {
        /// The order asked for.
        order: VersionOrder,
    },
    /// The constraint looks at something else than a version or release, or compares in a way that the order
    /// does not have.
    #[error("'{constraint}' cannot be decided from a version and release in the order '{order}'")]
    Undecidable {
        /// The order asked for.
        order: VersionOrder,
        /// The constraint.
        constraint: Constraint,
    },
}

/// Compares two versions in one order.
///
/// # Errors
/// [`InvalidVersion::Version`] for the first text that the order refuses, [`InvalidVersion::Unsupported`] for
/// an order that this version does not know.
pub fn compare(order: VersionOrder, a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    match order {
        VersionOrder::Pisi => Ok(pisi_version(a)?.cmp(&pisi_version(b)?)),
        VersionOrder::Plain | VersionOrder::Entropy | VersionOrder::Debian => {
            Err(InvalidVersion::Unsupported { order })
        }
    }
}

/// Compares two releases as integers of any length; leading zeros do not count.
///
/// # Errors
/// [`InvalidVersion::Release`] for the first text that is not made of decimal digits.
pub fn compare_releases(a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    Ok(release(a)?.cmp(&release(b)?))
}

/// Whether a package of this `version` and `release`, whose versions are of `order`, meets `constraint`.
///
/// [`Op::Same`] compares texts, so that `1.01` is not `1.1` and `02` is not `2`, and works in every order.
/// All else compares versions in `order`, and releases as integers.
///
/// # Errors
/// As [`compare`] and [`compare_releases`]; [`InvalidVersion::Undecidable`] for constraints on a slot, tag or
/// repository, and for operators that the order does not have.
pub fn satisfies(
    constraint: &Constraint,
    order: VersionOrder,
    version: &str,
    release: &str,
) -> Result<bool, InvalidVersion> {
    let wanted = constraint.value.as_str();
    let undecidable = || InvalidVersion::Undecidable { order, constraint: constraint.clone() };
    let found = match constraint.subject {
        Subject::Version => version,
        Subject::Release => release,
        Subject::Slot | Subject::Tag | Subject::Repository => return Err(undecidable()),
    };
    let accepts: fn(Ordering) -> bool = match constraint.op {
        Op::Same => return Ok(found == wanted),
        Op::Less => Ordering::is_lt,
        Op::AtMost => Ordering::is_le,
        Op::Equal => Ordering::is_eq,
        Op::AtLeast => Ordering::is_ge,
        Op::Greater => Ordering::is_gt,
        Op::Unequal => Ordering::is_ne,
        Op::SameRevisionAside | Op::Prefix => return Err(undecidable()),
    };
    let ordering = match constraint.subject {
        Subject::Release => compare_releases(found, wanted)?,
        _ => compare(order, found, wanted)?,
    };
    Ok(accepts(ordering))
}

fn pisi_version(text: &str) -> Result<PisiVersion, InvalidVersion> {
    PisiVersion::parse(text)
        .ok_or_else(|| InvalidVersion::Version { order: VersionOrder::Pisi, text: text.into() })
}

fn release(text: &str) -> Result<Number, InvalidVersion> {
    Number::parse(text).ok_or_else(|| InvalidVersion::Release { text: text.into() })
}

impl VersionOrder {
    /// Every order.
    pub const ALL: [VersionOrder; 4] =
        [VersionOrder::Plain, VersionOrder::Pisi, VersionOrder::Entropy, VersionOrder::Debian];

    /// Its name, for example `pisi`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VersionOrder::Plain => "plain",
            VersionOrder::Pisi => "pisi",
            VersionOrder::Entropy => "entropy",
            VersionOrder::Debian => "debian",
        }
    }
}

impl fmt::Display for VersionOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What [`VersionOrder::from_str`] refuses: a word that names no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version order is 'plain', 'pisi', 'entropy' or 'debian'")]
pub struct UnknownOrder;

impl FromStr for VersionOrder {
    type Err = UnknownOrder;

    fn from_str(name: &str) -> Result<Self, UnknownOrder> {
        VersionOrder::ALL.into_iter().find(|order| order.name() == name).ok_or(UnknownOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(
        subject: Subject,
        op: Op,
        value: &str,
        version: &str,
        release: &str,
    ) -> Result<bool, InvalidVersion> {
        let constraint = Constraint { subject, op, value: value.into() };
        satisfies(&constraint, VersionOrder::Pisi, version, release)
    }

    #[test]
    fn orders_answer_or_say_that_they_cannot() {
        assert_eq!(compare(VersionOrder::Pisi, "1.9", "1.10"), Ok(Ordering::Less));
        assert_eq!(
            compare(VersionOrder::Pisi, "1.9", "1..0"),
            Err(InvalidVersion::Version { order: VersionOrder::Pisi, text: "1..0".into() })
        );
        for order in [VersionOrder::Plain, VersionOrder::Entropy, VersionOrder::Debian] {
            assert_eq!(compare(order, "1", "1"), Err(InvalidVersion::Unsupported { order }));
        }
    }

    #[test]
    fn an_order_is_found_by_the_name_it_shows() {
        for order in VersionOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert_eq!("portage".parse::<VersionOrder>(), Err(UnknownOrder));
    }

    #[test]
    fn releases_are_integers_of_any_length() {
        assert_eq!(compare_releases("9", "10"), Ok(Ordering::Less));
        assert_eq!(compare_releases("002", "2"), Ok(Ordering::Equal));
        assert_eq!(
            compare_releases("100000000000000000000000", "99999999999999999999999"),
            Ok(Ordering::Greater)
        );
        for text in ["", "1a", "-1", "+1", " 1", "1_0", "٣"] {
            assert_eq!(compare_releases("1", text), Err(InvalidVersion::Release { text: text.into() }));
        }
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
    fn what_cannot_be_decided_is_an_error_and_no_answer() {
        assert!(matches!(
            holds(Subject::Slot, Op::Same, "0", "1", "1"),
            Err(InvalidVersion::Undecidable { .. })
        ));
        assert!(matches!(
            holds(Subject::Version, Op::Prefix, "1", "1.2", "1"),
            Err(InvalidVersion::Undecidable { .. })
        ));
        assert!(matches!(
            holds(Subject::Version, Op::AtLeast, "1", "svn12", "1"),
            Err(InvalidVersion::Version { .. })
        ));
        assert_eq!(holds(Subject::Version, Op::Same, "svn12", "svn12", "1"), Ok(true));
    }
}
