//! The version order of Debian (policy 5.6.12, as dpkg compares).
//!
//! ```text
//! version  = [ epoch ":" ] upstream [ "-" revision ]
//! epoch    = digits                                        ; at most 2147483647
//! upstream = digit *( letter | digit | "." "+" "~" "-" ":" )
//! revision = 1*( letter | digit | "." "+" "~" )
//! ```
//! The epoch ends at the first `:`, the revision starts after the last `-`. Epochs compare as numbers; one that
//! is missing is 0. Upstream versions, then revisions, compare by turns: the characters up to the next digit,
//! then the digits as a number, 0 where there are none. Of characters, `~` comes before everything, even the
//! end; then the end; then letters; then the rest. A revision that is missing is an empty one, so
//! `1~rc1 < 1-~1 < 1 = 1-0 < 1-1 < 1a < 1+`.
//!
//! Refused is what `dpkg --validate-version` refuses; also the blanks around a version and the sign before an
//! epoch that dpkg leaves to C.

use super::key::Number;

/// The greatest epoch.
const MAX_EPOCH: &str = "2147483647";

// What the characters between digits become. Letters keep their codes, which lie between.
const TILDE: u8 = 1;
const END: u8 = 2;
const REST: u8 = 0x80;

/// The sort key of a version, or `None` where dpkg refuses it.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    append_key(text, &mut key)?;
    Some(key)
}

/// Appends it; something of it even where it turns out that there is none.
pub(super) fn append_key(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((upstream, revision)) => (upstream, Some(revision)),
        None => (rest, None),
    };
    let epoch =
        Number::parse(epoch).filter(|epoch| Number::parse(MAX_EPOCH).is_some_and(|max| *epoch <= max))?;
    if !upstream.starts_with(|c: char| c.is_ascii_digit()) || revision == Some("") {
        return None;
    }
    epoch.push(key);
    push_part(key, upstream, b".+~-:")?;
    push_part(key, revision.unwrap_or(""), b".+~")
}

/// One turn of characters and digits at least, so that nothing equals `0`. A later turn has a character, so what
/// starts it is never the mark of the end. `None` for a byte that is no letter, no digit and not in `punctuation`.
fn push_part(key: &mut Vec<u8>, part: &str, punctuation: &[u8]) -> Option<()> {
    let bytes = part.as_bytes();
    let mut place = 0;
    loop {
        while let Some(byte) = bytes.get(place).filter(|byte| !byte.is_ascii_digit()) {
            key.push(match byte {
                b'~' => TILDE,
                letter if letter.is_ascii_alphabetic() => *letter,
                other if punctuation.contains(other) => REST | other,
                _ => return None,
            });
            place += 1;
        }
        key.push(END);
        let digits = bytes[place..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Number::of_digits(part.get(place..place + digits)?).push(key);
        place += digits;
        if place == bytes.len() {
            key.push(END);
            return Some(());
        }
    }
}
