//! Version orders: how two versions of one package compare.
//!
//! The order is a property of the package ([`VersionOrder`](crate::VersionOrder)). A version is parsed once, into a
//! key whose bytes sort as the versions do ([`Version`]); versions of two orders are never compared. Releases are
//! integers of any length in every order. What is no version in an order is an error, never a guess.

mod constraint;
mod debian;
pub mod entropy;
mod fields;
mod key;
mod order;
mod pisi;
mod pisi1;
mod plain;

use std::cmp::Ordering;

use crate::path::Shown;
use crate::relation::Constraint;

pub use constraint::{Candidate, satisfies};
pub use fields::{bare_key, component_key, prefix_key, release_key};
pub use order::{Order, UnknownOrder};

use key::Number;

/// Why a comparison has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVersion {
    /// The order does not accept this text as a version.
    #[error("'{}' is not a version in the order '{order}'", Shown(text.as_bytes()))]
    Version {
        /// The order asked for.
        order: Order,
        /// The text refused.
        text: String,
    },
    /// A release is not made of decimal digits.
    #[error("'{}' is not a release: only decimal digits are", Shown(text.as_bytes()))]
    Release {
        /// The text refused.
        text: String,
    },
    /// A tag has characters that tags do not have.
    #[error("'{}' is not a tag: only letters, digits and + _ . - are", Shown(text.as_bytes()))]
    Tag {
        /// The text refused.
        text: String,
    },
    /// The constraint looks at something that is not known, or compares in a way that the order does not have.
    #[error("'{constraint}' cannot be decided for a package whose versions are in the order '{order}'")]
    Undecidable {
        /// The order asked for.
        order: Order,
        /// The constraint.
        constraint: Constraint,
    },
}

/// A version, parsed once into the key that it compares by.
///
/// Two versions that are equal may be written differently, as `1.01` and `1.1` are in PiSi. Versions of two
/// orders are unequal, and have no other relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    order: Order,
    key: Box<[u8]>,
}

impl Version {
    /// Parses a version.
    ///
    /// # Errors
    /// [`InvalidVersion::Version`] for a text that is none in this order.
    pub fn parse(order: impl Into<Order>, text: &str) -> Result<Version, InvalidVersion> {
        let order = order.into();
        let key = match order {
            Order::Plain => plain::key(text),
            Order::Pisi => pisi::key(text),
            Order::Pisi1 => pisi1::key(text),
            Order::Entropy => entropy::key(text),
            Order::Debian => debian::key(text),
        };
        match key {
            Some(key) => Ok(Version { order, key: key.into() }),
            None => Err(InvalidVersion::Version { order, text: text.into() }),
        }
    }

    /// The order it was parsed in.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Compares with another version; `None` when that one is of another order.
    #[must_use]
    pub fn compare(&self, other: &Version) -> Option<Ordering> {
        (self.order == other.order).then(|| self.key.cmp(&other.key))
    }

    /// Bytes that compare as the versions of this order do. No key is the beginning of another one. They are for
    /// sorting and interning within one run: another release of ambar may make other keys.
    #[must_use]
    pub fn sort_key(&self) -> &[u8] {
        &self.key
    }
}

/// Appends to `keys` the bytes that [`Version::sort_key`] gives of a version: for who keeps very many of them.
///
/// # Errors
/// [`InvalidVersion::Version`] for a text that is none in this order; nothing is appended then.
pub fn append_sort_key(
    order: impl Into<Order>,
    text: &str,
    keys: &mut Vec<u8>,
) -> Result<(), InvalidVersion> {
    let order = order.into();
    let start = keys.len();
    let done = match order {
        Order::Debian => debian::append_key(text, keys),
        _ => Version::parse(order, text).ok().map(|version| keys.extend_from_slice(version.sort_key())),
    };
    done.ok_or_else(|| {
        keys.truncate(start);
        InvalidVersion::Version { order, text: text.into() }
    })
}

/// Compares two versions in one order.
///
/// # Errors
/// [`InvalidVersion::Version`] for the first text that the order refuses.
pub fn compare(order: impl Into<Order>, a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    let order = order.into();
    Ok(Version::parse(order, a)?.key.cmp(&Version::parse(order, b)?.key))
}

/// Compares two releases as integers of any length; leading zeros do not count.
///
/// # Errors
/// [`InvalidVersion::Release`] for the first text that is not made of decimal digits.
pub fn compare_releases(a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    let release = |text| Number::parse(text).ok_or_else(|| InvalidVersion::Release { text: text.into() });
    Ok(release(a)?.cmp(&release(b)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VersionOrder;

    #[test]
    fn versions_compare_within_an_order_and_not_across() {
        assert_eq!(compare(VersionOrder::Pisi, "1.9", "1.10"), Ok(Ordering::Less));
        assert_eq!(
            compare(VersionOrder::Pisi, "1.9", "1..0"),
            Err(InvalidVersion::Version { order: Order::Pisi, text: "1..0".into() })
        );
        for order in Order::ALL {
            for other in Order::ALL {
                let [a, b] =
                    [(order, "1.9"), (other, "1.10")].map(|(o, text)| Version::parse(o, text).unwrap());
                assert_eq!(a.compare(&b), (order == other).then_some(Ordering::Less), "{order} {other}");
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn an_appended_key_is_the_version_s_and_nothing_is_appended_for_what_is_none() {
        let mut keys = vec![7];
        for order in Order::ALL {
            append_sort_key(order, "1.9", &mut keys).unwrap();
            assert_eq!(keys[1..], *Version::parse(order, "1.9").unwrap().sort_key(), "{order}");
            keys.truncate(1);
            for text in ["", "1..~_0-", "9:1-"] {
                assert_eq!(
                    append_sort_key(order, text, &mut keys).is_ok(),
                    Version::parse(order, text).is_ok()
                );
                keys.truncate(1);
            }
        }
        assert!(append_sort_key(Order::Debian, "1.0-", &mut keys).is_err());
        assert_eq!(keys, [7]);
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
}
