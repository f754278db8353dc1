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

/// Keywords in the order in which they are tried, with their ranks.
const KEYWORDS: [(&str, i8); 6] = [("alpha", -5), ("beta", -4), ("pre", -3), ("rc", -2), ("m", -1), ("p", 1)];

/// A version, parsed once into the key that it compares by. Versions that are equal here may be written
/// differently, as `1.01` and `1.1` are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PisiVersion {
    // The derived order compares fields from first to last: their sequence is the rule above.
    items: Vec<Item>,
    rank: i8,
    suffix: Vec<Item>,
}

impl PisiVersion {
    /// Parses a version, or `None` where PiSi calls it invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<PisiVersion> {
        let (head, suffix) = match text.split_once('_') {
            Some((head, suffix)) => (head, Some(suffix)),
            None => (text, None),
        };
        let (rank, rest) = match suffix {
            None => (0, "0"),
            Some(suffix) if ("a"..="s").contains(&suffix) => {
                KEYWORDS.iter().find_map(|(keyword, rank)| Some((*rank, suffix.strip_prefix(keyword)?)))?
            }
            Some(suffix) => (0, suffix),
        };
        Some(PisiVersion { items: items(head)?, rank, suffix: items(rest)? })
    }
}

/// A number with at most one character after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    number: Number,
    character: Option<char>,
}

fn items(text: &str) -> Option<Vec<Item>> {
    text.split('.').map(item).collect()
}

fn item(text: &str) -> Option<Item> {
    if let Some(number) = Number::parse(text) {
        return Some(Item { number, character: None });
    }
    let mut characters = text.chars();
    let last = characters.next_back()?;
    let fits = !last.is_whitespace() && !last.is_control() && !last.is_numeric();
    let number = Number::parse(characters.as_str()).filter(|_| fits)?;
    Some(Item { number, character: Some(last) })
}

/// A non-negative integer of any length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number {
    // Without leading zeros the longer one is greater; the derived order looks at the length first.
    length: usize,
    digits: Box<str>,
}

impl Number {
    /// The number that decimal digits write, or `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Number> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = text.trim_start_matches('0');
        Some(Number { length: digits.len(), digits: digits.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> PisiVersion {
        PisiVersion::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
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
            assert_eq!(PisiVersion::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_only_python_takes_for_a_number_is_refused() {
        for text in ["+1", "-1", " 1", "1 ", "1\n", "1.0_1_2", "٣", "1٣", "1.+1a", "1.0_p+1"] {
            assert_eq!(PisiVersion::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_of_any_length_compare() {
        let long = "1".repeat(500);
        assert!(parsed(&format!("1.{long}")) < parsed(&format!("1.{long}0")));
        assert!(parsed("18446744073709551616") > parsed("18446744073709551615"));
        assert_eq!(parsed("000"), parsed("0"));
    }

    /// Texts that are often versions, and now and then almost one.
    fn near_versions() -> impl Strategy<Value = String> {
        "[0-9]{1,3}[a-c]?(\\.[0-9]{1,2}[a-cA]?){0,3}(_(alpha|beta|pre|rc|m|p|)[0-9]{0,2}[ab]?(\\.[0-9])?)?"
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = PisiVersion::parse(&text);
        }

        #[test]
        fn parsing_of_almost_versions_never_panics(text in "[0-9a-z_.+~ \\-é]{0,12}") {
            let _ = PisiVersion::parse(&text);
        }

        #[test]
        fn the_order_is_total(a in near_versions(), b in near_versions(), c in near_versions()) {
            let versions = [&a, &b, &c].map(|text| PisiVersion::parse(text));
            if let [Some(a), Some(b), Some(c)] = versions {
                prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
                prop_assert_eq!(a == b, a.cmp(&b).is_eq());
                let mut sorted = [&a, &b, &c];
                sorted.sort();
                prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
                if a <= b && b <= c {
                    prop_assert!(a <= c);
                }
            }
        }
    }
}
