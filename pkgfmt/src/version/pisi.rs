//! The version order of PiSi 2.x.
//!
//! ```text
//! version  = items [ "_" suffix ]
//! suffix   = [ keyword ] items
//! keyword  = "alpha" | "beta" | "pre" | "rc" | "m" | "p"
//! items    = item *( "." item )
//! item     = digits [ character ]
//! ```
//! The suffix starts at the first `_`. A suffix that sorts from `a` to `s` as text must start with a keyword.
//! The parts compare in this order: the items before the suffix, the keyword's rank (none is 0), the items of
//! the suffix (a lone 0 when there is none). Lists compare item by item and a prefix is smaller, so
//! `1.0 < 1.0.0`; an item compares by its number, then by its character, and none is smaller than any.
//!
//! PiSi takes `int()`'s word for what a number is; signs, blanks, `1_2` and digits that are not ASCII are
//! refused here.

use super::key::Number;

/// Keywords in the order in which they are tried, with their ranks.
const KEYWORDS: [(&str, u8); 6] = [("alpha", 0), ("beta", 1), ("pre", 2), ("rc", 3), ("m", 4), ("p", 6)];

/// Rank of a version without a keyword.
const NO_KEYWORD: u8 = 5;

// What stands at a place in a list of items, and after an item's number.
const END: u8 = 0;
const ITEM: u8 = 1;
/// Less than the first byte of any character that may stand there.
const NO_CHARACTER: u8 = 0;

/// The sort key of a version, or `None` where PiSi calls it invalid.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    let (head, suffix) = match text.split_once('_') {
        Some((head, suffix)) => (head, Some(suffix)),
        None => (text, None),
    };
    let (rank, rest) = match suffix {
        None => (NO_KEYWORD, "0"),
        Some(suffix) if ("a"..="s").contains(&suffix) => {
            KEYWORDS.iter().find_map(|(keyword, rank)| Some((*rank, suffix.strip_prefix(keyword)?)))?
        }
        Some(suffix) => (NO_KEYWORD, suffix),
    };
    let mut key = Vec::new();
    push_items(&mut key, head)?;
    key.push(rank);
    push_items(&mut key, rest)?;
    Some(key)
}

fn push_items(key: &mut Vec<u8>, text: &str) -> Option<()> {
    for item in text.split('.') {
        key.push(ITEM);
        push_item(key, item)?;
    }
    key.push(END);
    Some(())
}

/// A number with at most one character after it.
fn push_item(key: &mut Vec<u8>, text: &str) -> Option<()> {
    if let Some(number) = Number::parse(text) {
        number.push(key);
        key.push(NO_CHARACTER);
        return Some(());
    }
    let mut characters = text.chars();
    let last = characters.next_back()?;
    let fits = !last.is_whitespace() && !last.is_control() && !last.is_numeric();
    Number::parse(characters.as_str()).filter(|_| fits)?.push(key);
    key.extend(last.encode_utf8(&mut [0; 4]).bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    fn parsed(text: &str) -> Vec<u8> {
        key(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    /// What PiSi's own tests assert, and what its code answers.
    #[test]
    fn versions_compare_as_in_pisi() {
        for (a, order, b) in [
            ("103", '>', "90"),
            ("0.3.1", '<', "0.3.5"),
            ("1.5.2", '>', "0.3.5"),
            ("2.07", '>', "1.5.2"),
            ("2.23_pre10", '<', "2.23"),
            ("2.23_pre10", '>', "2.21"),
            ("2.23_pre10", '<', "2.23_p1"),
            ("2.23_pre10", '>', "2.23_beta1"),
            ("2.23", '<', "2.23_p1"),
            ("2.23", '>', "2.23_beta1"),
            ("2.23_m1", '<', "2.23_p1"),
            ("2.23_m1", '>', "2.23_beta1"),
            ("2.23_rc1", '>', "2.23_beta1"),
            ("2.23_rc2", '>', "2.23_rc1"),
            ("1.0_alpha2", '>', "1.0_alpha1"),
            ("2.10a", '>', "2.10"),
            ("2.10a", '<', "2.10d"),
            ("2.10", '<', "2.10d"),
            ("1.8.0", '<', "1.9.1"),
            ("1.10.5", '>', "1.9.1"),
            ("1.9.1", '=', "1.9.1"),
            ("1.0_2302", '<', "1.0.26.20121013"),
            ("1_2", '<', "1.2"),
            ("1.0", '<', "1.0.0"),
            ("1", '<', "1.0"),
            ("1.01", '=', "1.1"),
            ("2.07", '=', "2.7"),
            ("1.10", '>', "1.9"),
            ("1.2_20100101", '>', "1.2"),
            ("1.2_5", '>', "1.2_rc9"),
            ("1.2_5", '<', "1.2_p1"),
            ("1.0_m1", '>', "1.0_rc9"),
            ("1.0_m9", '<', "1.0"),
            ("1.0_p1", '<', "1.0a"),
            ("1.0a", '>', "1.0.1"),
            ("1.0a", '>', "1.0.0"),
            ("1.0z", '<', "1.1"),
            ("1.0_rc1", '<', "1.0.0_rc1"),
            ("1.0_rc1", '<', "1.0.0_alpha1"),
            ("4.5_p1.1", '>', "4.5_p1"),
            ("1.0_rc2a", '>', "1.0_rc2"),
            ("1.0A", '<', "1.0a"),
            ("1.0_beta10", '>', "1.0_beta9"),
            ("1.0_p0", '>', "1.0"),
            ("1.0_0", '=', "1.0"),
            ("1.1b", '>', "1.1_p1"),
            ("20100101", '>', "9.9"),
        ] {
            let expected = match order {
                '<' => Ordering::Less,
                '=' => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(parsed(a).cmp(&parsed(b)), expected, "{a} {order} {b}");
            assert_eq!(parsed(b).cmp(&parsed(a)), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn what_pisi_calls_invalid_is_refused() {
        let refused = "a ~ - _ . 1. .1 1..0 1.45. 1.0_ 1.0_alpha 1.0_rc 1.0_p 1.0_s 3.0_b1 1.0_a1 1.0_r1 1.0_s1 \
            1.0_sp1 1.0_x1 1.0_z 1.0_svn123 1.5pl2 1.0-1 1.0~1 1.0_pre1_p2 1.0ab 1.0_1_2";
        for text in refused.split(' ').chain([""]) {
            assert_eq!(key(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_only_python_takes_for_a_number_is_refused() {
        for text in ["+1", "-1", " 1", "1 ", "1\n", "1.0_1_2", "٣", "1٣", "1.+1a", "1.0_p+1"] {
            assert_eq!(key(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_of_any_length_compare() {
        let long = "1".repeat(500);
        assert!(parsed(&format!("1.{long}")) < parsed(&format!("1.{long}0")));
        assert!(parsed("18446744073709551616") > parsed("18446744073709551615"));
        assert_eq!(parsed("000"), parsed("0"));
    }
}
