//! The plain version order: numbers and words, for packages that say nothing else.
//!
//! A version is a list of numbers (runs of the digits 0 to 9) and words (runs of all other letters and digits);
//! whatever else it has only separates. Lists compare item by item. At one place,
//!
//! 1. the words `alpha`, `beta`, `dev`, `pre` and `rc` come first, as what leads to a version does,
//! 2. then the end of the version,
//! 3. then all other words,
//! 4. then numbers.
//!
//! Words compare as text without regard to the case of ASCII letters, numbers as numbers of any length. So
//! `1.0-rc1 < 1.0 < 1.0a < 1.0.0 < 1.0.1 < 1.1`. Versions that differ only in separators, leading zeros and case
//! are equal: `1.0-2 = 1_00.2`. Every text that a package may have as its version is a version.

use super::key::{Number, leading_digits, split_before};

/// Words that lead to a version.
const LEADING: [&str; 5] = ["alpha", "beta", "dev", "pre", "rc"];

// Marks of what comes at a place, in the order of the rules.
const LEADING_WORD: u8 = 1;
const END: u8 = 2;
const WORD: u8 = 3;
const NUMBER: u8 = 4;
/// Ends a word: less than any byte of one.
const END_OF_WORD: u8 = 0;

/// The sort key of a version, or `None` where it cannot be a package's version.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !crate::manifest::is_word(text) {
        return None;
    }
    let mut key = Vec::new();
    let mut rest = text;
    loop {
        let (_, item) = split_before(rest, char::is_alphanumeric);
        let (digits, after) = leading_digits(item);
        if let Some(number) = Number::parse(digits) {
            key.push(NUMBER);
            number.push(&mut key);
            rest = after;
            continue;
        }
        let (word, after) = split_before(item, |c| c.is_ascii_digit() || !c.is_alphanumeric());
        if word.is_empty() {
            key.push(END);
            return Some(key);
        }
        let word = word.to_ascii_lowercase();
        key.push(if LEADING.contains(&&*word) { LEADING_WORD } else { WORD });
        key.extend(word.bytes());
        key.push(END_OF_WORD);
        rest = after;
    }
}
