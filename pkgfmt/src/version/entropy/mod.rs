//! The version order of Entropy, which is that of Portage in 2008.
//!
//! ```text
//! version  = [ "cvs." ] digits *( "." digits ) [ letter ] *( "_" suffix ) [ "-r" digits ]
//! letter   = "a" … "z"
//! suffix   = ( "alpha" | "beta" | "pre" | "rc" | "p" ) [ digits ]
//! ```
//! `cvs.` does not count. Compared are, in turn:
//!
//! 1. the first numbers, as numbers;
//! 2. the numbers after dots, pairwise. One that starts with 0 is a decimal fraction and less than any that does
//!    not: `1.01 < 1.1`, `1.010 = 1.01`. A missing one is less than any: `1.0 < 1.0.0`;
//! 3. the letters; none is less than any;
//! 4. the suffixes, pairwise, by kind (in the sequence above) and then by number; no number is 0, and a missing
//!    suffix is `_p0`, so `1.0 = 1.0_p`;
//! 5. the numbers after `-r`; a missing one is 0.
//!
//! # Where this order is not the original comparison
//!
//! The original ([`compare_as_original`]) is no order: it is not transitive, and it answers for strings that are
//! no versions. Here the same rules make a total order. On versions the two differ only where the original says
//! *equal*, by accident, in two cases:
//!
//! - It stops at the first pair of suffixes whose numbers are the same number in different digits (`_p` and
//!   `_p0`, `_rc1` and `_rc01`, a missing suffix and `_p` or `_p00`). It finds `1.0 = 1.0_p-r3` and
//!   `1.0_p = 1.0`, but `1.0_p < 1.0_p-r3`. Here the later suffixes and the revision are looked at.
//! - It reads decimal fractions as floating-point numbers, which lose digits after some sixteen. It finds
//!   `1.09999999999999999999` equal to both `1.1` and `1.10`, but `1.1 < 1.10`. Here all digits count.

mod original;
mod triple;

pub use original::compare_as_original;
pub use triple::{compare_triples, triple_key};

use std::cmp::Ordering;

use super::key::{Number, Padded, leading_digits};

/// Kinds of suffixes in the sequence in which they are tried: `pre` before `p`, which it starts with.
const KINDS: [(&str, Kind); 5] = [
    ("alpha", Kind::Alpha),
    ("beta", Kind::Beta),
    ("pre", Kind::Pre),
    ("rc", Kind::Candidate),
    ("p", Kind::Patch),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Alpha = 0,
    Beta = 1,
    Pre = 2,
    Candidate = 3,
    Patch = 4,
}

// What stands at a place among the numbers after dots.
const NO_MORE: u8 = 0;
const FRACTION: u8 = 1;
const INTEGER: u8 = 2;
/// Ends a fraction's digits: less than any of them.
const END_OF_DIGITS: u8 = 0;

/// A version taken apart, in its own digits.
#[derive(Debug)]
struct Parts<'a> {
    first: &'a str,
    /// The digits after each dot.
    numbers: Vec<&'a str>,
    letter: Option<u8>,
    /// Kind and digits, which may be none.
    suffixes: Vec<(Kind, &'a str)>,
    /// Digits of the revision, without `-r`.
    revision: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Option<Parts<'a>> {
        let text = text.strip_prefix("cvs.").unwrap_or(text);
        let (first, mut rest) = digits(text)?;
        let mut numbers = Vec::new();
        while let Some(after) = rest.strip_prefix('.') {
            let (number, after) = digits(after)?;
            numbers.push(number);
            rest = after;
        }
        let letter = rest.bytes().next().filter(u8::is_ascii_lowercase);
        rest = rest.get(usize::from(letter.is_some())..)?;
        let mut suffixes = Vec::new();
        while let Some(after) = rest.strip_prefix('_') {
            let (kind, after) =
                KINDS.iter().find_map(|(name, kind)| Some((*kind, after.strip_prefix(name)?)))?;
            let (number, after) = leading_digits(after);
            suffixes.push((kind, number));
            rest = after;
        }
        let revision = match rest.strip_prefix("-r") {
            None => None,
            Some(after) => {
                let (revision, after) = digits(after)?;
                rest = after;
                Some(revision)
            }
        };
        rest.is_empty().then_some(Parts { first, numbers, letter, suffixes, revision })
    }
}

/// Splits one digit or more off the front.
fn digits(text: &str) -> Option<(&str, &str)> {
    Some(leading_digits(text)).filter(|(digits, _)| !digits.is_empty())
}

/// The sort key of a version, or `None` where it is none.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    let parts = Parts::parse(text)?;
    let mut key = Vec::new();
    Number::parse(parts.first)?.push(&mut key);
    for number in parts.numbers {
        if number.starts_with('0') {
            key.push(FRACTION);
            key.extend(number.trim_end_matches('0').bytes());
            key.push(END_OF_DIGITS);
        } else {
            key.push(INTEGER);
            Number::parse(number)?.push(&mut key);
        }
    }
    key.push(NO_MORE);
    key.push(parts.letter.unwrap_or(0));
    let mut suffixes = Padded::default();
    for (kind, digits) in parts.suffixes {
        let number = Number::or_zero(digits)?;
        let mut suffix = vec![kind as u8];
        number.push(&mut suffix);
        let against_padding = match kind {
            Kind::Patch if number.is_zero() => Ordering::Equal,
            Kind::Patch => Ordering::Greater,
            _ => Ordering::Less,
        };
        suffixes.push(against_padding, &suffix);
    }
    key.extend(suffixes.finish());
    Number::or_zero(parts.revision.unwrap_or(""))?.push(&mut key);
    Some(key)
}

/// A version without its revision, or `None` where it is none: `1.2_p3` of `1.2_p3-r4`.
pub(super) fn without_revision(text: &str) -> Option<&str> {
    match Parts::parse(text)?.revision {
        Some(revision) => text.get(..text.len() - "-r".len() - revision.len()),
        None => Some(text),
    }
}

/// A version as bytes that begin with those of `prefix` where it starts with `prefix` at a component boundary;
/// `None` where it is no version. The bytes of a prefix are made in the same way from what need not be one.
///
/// The boundary is Portage's: the version ends there, or goes on with `.`, `_` or `-`, or a digit meets something
/// that is no digit. `cvs.` and leading zeros of the first number do not count.
pub(super) fn component_key(text: &str) -> Option<Vec<u8>> {
    Parts::parse(text)?;
    Some(prefix_key(text))
}

/// See [`component_key`].
pub(super) fn prefix_key(text: &str) -> Vec<u8> {
    let text = text.strip_prefix("cvs.").unwrap_or(text);
    let trimmed = text.trim_start_matches('0');
    let zeros = text.len() - trimmed.len();
    let needed = if trimmed.starts_with(|c: char| c.is_ascii_digit()) { 0 } else { 1 };
    let bare = text.get(zeros.saturating_sub(needed)..).unwrap_or(text).as_bytes();
    let mut key = Vec::with_capacity(bare.len() * 2);
    for (place, byte) in bare.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| bare[before]);
        let boundary = |before: u8| {
            matches!(byte, b'.' | b'_' | b'-') || before.is_ascii_digit() != byte.is_ascii_digit()
        };
        if before.is_some_and(boundary) {
            key.push(0);
        }
        key.push(*byte);
    }
    key.push(0);
    key
}

/// Whether a version starts with `prefix`, at a component boundary; `None` where it is none.
pub(super) fn starts_with(text: &str, prefix: &str) -> Option<bool> {
    Some(component_key(text)?.starts_with(&prefix_key(prefix)))
}
