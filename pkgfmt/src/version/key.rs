//! Building blocks of sort keys: what is pushed compares, byte by byte, as the values do.
//!
//! Each block ends by itself: no block is the beginning of another one. So what follows a block is looked at
//! only where two blocks are equal, and keys compare block by block.

use std::cmp::Ordering;

/// A non-negative integer of any length, without its leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// The number that decimal digits write, or `None` for any other text.
    pub(super) fn parse(text: &'a str) -> Option<Number<'a>> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Number(text.trim_start_matches('0')))
    }

    /// The number that a text of nothing but digits writes; 0 where there are none.
    pub(super) fn of_digits(digits: &'a str) -> Number<'a> {
        Number(digits.trim_start_matches('0'))
    }

    /// As [`Number::parse`], and 0 where there are no digits.
    pub(super) fn or_zero(text: &'a str) -> Option<Number<'a>> {
        if text.is_empty() { Some(Number("")) } else { Number::parse(text) }
    }

    pub(super) fn is_zero(self) -> bool {
        self.0.is_empty()
    }

    /// Appends its block: how many digits, then the digits.
    pub(super) fn push(self, key: &mut Vec<u8>) {
        match u8::try_from(self.0.len()) {
            Ok(length) if length < u8::MAX => key.push(length),
            _ => {
                key.push(u8::MAX);
                key.extend((self.0.len() as u64).to_be_bytes());
            }
        }
        key.extend(self.0.bytes());
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

/// Splits the ASCII digits off the front of a text.
pub(super) fn leading_digits(text: &str) -> (&str, &str) {
    split_before(text, |c| !c.is_ascii_digit())
}

/// Splits a text before the first character that is `end`.
pub(super) fn split_before(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

/// A list that compares item by item, the shorter one filled up with padding for ever.
///
/// The block counts paddings rather than holding them: the next item that is not padding decides. One below
/// padding makes the list smaller, and the sooner it comes the smaller; one above makes it greater, and the
/// sooner the greater.
#[derive(Debug, Default)]
pub(super) struct Padded {
    key: Vec<u8>,
    paddings: u32,
}

const BELOW: u8 = 1;
const END: u8 = 2;
const ABOVE: u8 = 3;

impl Padded {
    /// Appends an item: how it compares with padding, and its block (nothing for padding itself).
    pub(super) fn push(&mut self, against_padding: Ordering, item: &[u8]) {
        match against_padding {
            Ordering::Equal => {
                self.paddings = self.paddings.saturating_add(1);
                return;
            }
            Ordering::Less => {
                self.key.push(BELOW);
                self.key.extend(self.paddings.to_be_bytes());
            }
            Ordering::Greater => {
                self.key.push(ABOVE);
                self.key.extend((!self.paddings).to_be_bytes());
            }
        }
        self.key.extend(item);
        self.paddings = 0;
    }

    /// The block of the whole list.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.key.push(END);
        self.key
    }
}
