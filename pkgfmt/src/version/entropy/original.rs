//! What Entropy's own comparison says, accidents included.

use std::cmp::Ordering;

use super::super::key::Number;
use super::{Kind, Parts};

/// What Entropy's `compare_versions` says of two strings, which need not be versions.
///
/// Strings that are the same are equal; else one on the left that is no version equals everything, and one on
/// the right is less. This is no order and packages are never compared by it: it is for explaining what Entropy
/// did. The documentation of [`entropy`](super) tells where it differs from the order on versions.
#[must_use]
pub fn compare_as_original(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (Parts::parse(a), Parts::parse(b)) {
        (None, _) => Ordering::Equal,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => compare(&a, &b),
    }
}

fn compare(a: &Parts<'_>, b: &Parts<'_>) -> Ordering {
    let numbers = (0..a.numbers.len().max(b.numbers.len()))
        .map(|place| match (a.numbers.get(place), b.numbers.get(place)) {
            (Some(a), Some(b)) if a.starts_with('0') || b.starts_with('0') => compare_fractions(a, b),
            (Some(a), Some(b)) => Number::parse(a).cmp(&Number::parse(b)),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
        .find(|ordering| ordering.is_ne());
    Number::parse(a.first)
        .cmp(&Number::parse(b.first))
        .then(numbers.unwrap_or(Ordering::Equal))
        .then(a.letter.cmp(&b.letter))
        .then_with(|| compare_ends(a, b))
}

fn compare_fractions(a: &str, b: &str) -> Ordering {
    let value = |digits: &str| format!("0.{digits}").parse::<f64>().unwrap_or(0.0);
    value(a).total_cmp(&value(b))
}

fn compare_ends(a: &Parts<'_>, b: &Parts<'_>) -> Ordering {
    const MISSING: (Kind, &str) = (Kind::Patch, "0");
    for place in 0..a.suffixes.len().max(b.suffixes.len()) {
        let (kind, digits) = a.suffixes.get(place).copied().unwrap_or(MISSING);
        let (other_kind, other_digits) = b.suffixes.get(place).copied().unwrap_or(MISSING);
        if kind != other_kind {
            return kind.cmp(&other_kind);
        }
        if digits != other_digits {
            // The same number in other digits ends the comparison here.
            return Number::or_zero(digits).cmp(&Number::or_zero(other_digits));
        }
    }
    Number::or_zero(a.revision.unwrap_or("")).cmp(&Number::or_zero(b.revision.unwrap_or("")))
}
