//! What constraints look at, as bytes that compare as it does: for those who compare often and parse once.

use super::key::Number;
use super::{Order, Version, entropy};

/// A release as bytes that sort as [`compare_releases`](super::compare_releases) orders, none of which is the beginning
/// of another's; `None` where it is no decimal integer.
#[must_use]
pub fn release_key(text: &str) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(text.len() + 1);
    Number::parse(text)?.push(&mut key);
    Some(key)
}

/// The sort key of an Entropy version whose revision is left aside, for
/// [`Op::SameRevisionAside`](crate::relation::Op::SameRevisionAside); `None` where it is no version.
#[must_use]
pub fn bare_key(text: &str) -> Option<Vec<u8>> {
    let bare = entropy::without_revision(text).unwrap_or(text);
    Version::parse(Order::Entropy, bare).ok().map(|version| version.sort_key().to_vec())
}

/// An Entropy version as bytes that begin with the [`prefix_key`] of whatever it starts with at a component boundary,
/// for [`Op::Prefix`](crate::relation::Op::Prefix); `None` where it is no version.
#[must_use]
pub fn component_key(text: &str) -> Option<Vec<u8>> {
    entropy::component_key(text)
}

/// What to look for at the beginning of a [`component_key`].
#[must_use]
pub fn prefix_key(text: &str) -> Vec<u8> {
    entropy::prefix_key(text)
}
