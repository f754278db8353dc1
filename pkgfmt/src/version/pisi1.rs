//! The version order of PiSi 1.x, which old histories were written in.
//!
//! ```text
//! version  = part *( ( "." | "_" ) part ) [ "-" release [ "-" build ] ]
//! part     = item | item letter
//! item     = digits | letter | keyword digits
//! keyword  = "alpha" | "beta" | "pre" | "rc" | "m" | "p"
//! release  = digits
//! build    = digits
//! ```
//! A part that ends in a letter is two items, so that one letter alone is no part. Items compare from first to
//! last, by rank and then by value; the ranks are those of the keywords, and plain numbers and letters come
//! between `m` and `p`. A letter is greater than any number. The shorter version is filled up with zeros, so
//! `1.0 = 1.0.0`. Then the releases and the builds compare; one that is missing is 0.
//!
//! As in PiSi 2.x, what only Python's `int()` takes for a number is refused.

use std::cmp::Ordering;

use super::key::{Number, Padded};

/// Keywords with their ranks. No text starts with two of them but `p` and `pre`, of which the longer counts.
const KEYWORDS: [(&str, u8); 6] = [("alpha", 0), ("beta", 1), ("pre", 2), ("rc", 3), ("m", 4), ("p", 6)];

/// Rank of numbers and letters.
const BARE: u8 = 5;

/// The sort key of a version, or `None` where PiSi calls it invalid.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    let mut fields = text.split('-');
    let version = fields.next()?;
    let mut items = Padded::default();
    for part in version.split(['.', '_']) {
        match part.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
            Some(head) => {
                push_item(&mut items, head)?;
                push_item(&mut items, part.get(head.len()..)?)?;
            }
            None => push_item(&mut items, part)?,
        }
    }
    let mut key = items.finish();
    for field in [fields.next(), fields.next()] {
        Number::parse(field.unwrap_or("0"))?.push(&mut key);
    }
    fields.next().is_none().then_some(key)
}

fn push_item(items: &mut Padded, text: &str) -> Option<()> {
    if let [letter] = text.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        items.push(Ordering::Greater, &[BARE, 1, *letter]);
        return Some(());
    }
    let keyword = KEYWORDS.iter().find_map(|(keyword, rank)| Some((*rank, text.strip_prefix(keyword)?)));
    let (rank, digits) = keyword.unwrap_or((BARE, text));
    let number = Number::parse(digits)?;
    let mut item = vec![rank, 0];
    number.push(&mut item);
    let is_padding = rank == BARE && number.is_zero();
    let otherwise = if rank < BARE { Ordering::Less } else { Ordering::Greater };
    items.push(if is_padding { Ordering::Equal } else { otherwise }, &item);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(a: &str, b: &str) -> Ordering {
        let parsed = |text| key(text).unwrap_or_else(|| panic!("{text} is a version"));
        parsed(a).cmp(&parsed(b))
    }

    #[test]
    fn versions_compare_as_in_pisi_1() {
        for (a, expected, b) in [
            ("1.0", '=', "1.0.0"),
            ("1", '=', "1_0.0"),
            ("1.0_p1", '>', "1.0a"),
            ("1.0_rc", '>', "1.0_rc1"),
            ("1.0_rc2a", '>', "1.0_rc2"),
            ("1.0_pre1_p2", '>', "1.0_pre1"),
            ("1.0_2302", '>', "1.0.26.20121013"),
            ("1.0_m1", '<', "1.0"),
            ("1.0_m1", '<', "1.0.0_m1"),
            ("1.0_p1", '>', "1.0.0_p1"),
            ("1.0.0_alpha1", '<', "1"),
            ("1.0_p0", '>', "1.0"),
            ("1.0a", '>', "1.0.999"),
            ("1.0Z", '<', "1.0a"),
            ("1.01", '=', "1.1"),
            ("1.0-1", '>', "1.0"),
            ("1.0-0-0", '=', "1.0"),
            ("1.0-2", '<', "1.0-10"),
            ("1.0-2-9", '<', "1.0-2-10"),
            ("1.0-9-9", '<', "1.0.1"),
        ] {
            let expected = match expected {
                '<' => Ordering::Less,
                '=' => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn what_pisi_1_calls_invalid_is_refused() {
        let refused = "a . _ - 1. .1 1..0 1._1 1.0_ 1.0_p 1.0_z 1.0_s1 1.0_x1 1.5pl2 1.0_alpha 1.0_pre 1.0~1 \
            1- 1-- 1-1- 1-1-1-1 1-a 1.0_p-1 +1 1.٣ 1.0é";
        for text in refused.split(' ').chain(["", " 1", "1 ", "1\n"]) {
            assert_eq!(key(text), None, "{text:?}");
        }
    }
}
