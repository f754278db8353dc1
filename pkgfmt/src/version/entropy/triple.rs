//! Versions of Entropy packages with the tag and the revision that Entropy adds.
//!
//! A tag says what a package was built for, for example a kernel. Tags compare naturally: runs of digits as
//! numbers, the rest as text without regard to case; `4.9.0-sabayon < 4.11.0-sabayon`. No tag is less than any.

use std::cmp::Ordering;

use super::super::key::{Number, leading_digits, split_before};
use super::super::{InvalidVersion, Order, Version};

// Ends a run of text, less than any byte of one; what follows it.
const END_OF_TEXT: u8 = 0;
const END_OF_TAG: u8 = 0;
const NUMBER: u8 = 1;

/// Compares two packages by (version, tag, revision) as Entropy does: when both have tags, first by these; then
/// by version; then by tag; then by revision.
///
/// This is **no order**: with tags `a < b`, `(2, a) < (1, b) < (1.5, none) < (2, a)`. It says which of two
/// packages Entropy calls newer. To sort packages, use [`triple_key`].
///
/// # Errors
/// [`InvalidVersion::Version`] and [`InvalidVersion::Tag`] for the first that is none.
pub fn compare_triples(a: (&str, &str, u64), b: (&str, &str, u64)) -> Result<Ordering, InvalidVersion> {
    let versions = [Version::parse(Order::Entropy, a.0)?, Version::parse(Order::Entropy, b.0)?];
    let [version, other_version] = versions.each_ref().map(Version::sort_key);
    let (tag, other_tag) = (tag_key(a.1)?, tag_key(b.1)?);
    let by_tag = tag.cmp(&other_tag);
    let first = if a.1.is_empty() || b.1.is_empty() { Ordering::Equal } else { by_tag };
    Ok(first.then(version.cmp(other_version)).then(by_tag).then(a.2.cmp(&b.2)))
}

/// A key for (version, tag, revision), greatest for what Entropy would take: packages without a tag before those
/// with one, whatever their versions, as its matching does; then as [`compare_triples`] compares two packages
/// that both have a tag, or both none.
///
/// # Errors
/// As [`compare_triples`].
pub fn triple_key(version: &str, tag: &str, revision: u64) -> Result<Box<[u8]>, InvalidVersion> {
    let version = Version::parse(Order::Entropy, version)?;
    let mut key = vec![u8::from(tag.is_empty())];
    key.extend(tag_key(tag)?);
    key.extend(version.sort_key());
    key.extend(revision.to_be_bytes());
    Ok(key.into())
}

/// Text and numbers by turns, text at both ends.
fn tag_key(tag: &str) -> Result<Vec<u8>, InvalidVersion> {
    let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    if !tag.bytes().all(is_tag) {
        return Err(InvalidVersion::Tag { text: tag.into() });
    }
    let mut key = Vec::new();
    let mut rest = tag;
    loop {
        let (text, after) = split_before(rest, |c| c.is_ascii_digit());
        let (digits, after) = leading_digits(after);
        key.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
        key.push(END_OF_TEXT);
        match Number::parse(digits) {
            Some(number) => {
                key.push(NUMBER);
                number.push(&mut key);
            }
            None => {
                key.push(END_OF_TAG);
                return Ok(key);
            }
        }
        rest = after;
    }
}
