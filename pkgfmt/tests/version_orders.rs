//! Keys sort as versions compare: each order against a direct comparison, written another way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cmp::Ordering;

use ambar_pkgfmt::version::{Order, Version, compare, entropy};
use proptest::prelude::*;

fn key(order: Order, text: &str) -> Option<Version> {
    Version::parse(order, text).ok()
}

fn number(digits: &str) -> u128 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap() }
}

/// Splits a text into runs of digits and runs of the rest.
fn runs(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0;
    for (end, c) in text.char_indices().skip(1).chain([(text.len(), '.')]) {
        let before = text[..end].chars().next_back().is_some_and(|c| c.is_ascii_digit());
        if end == text.len() || before != c.is_ascii_digit() {
            runs.push(&text[start..end]);
            start = end;
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Numbers, each with the character after it.
type Items = Vec<(u128, Option<char>)>;

/// PiSi 2.x: tuples of lists of pairs.
fn pisi(text: &str) -> (Items, i32, Items) {
    let items = |text: &str| -> Items {
        let items = text.split('.').map(|item| {
            let digits = item.trim_end_matches(|c: char| c.is_alphabetic());
            (number(digits), item[digits.len()..].chars().next())
        });
        items.collect()
    };
    let Some((head, suffix)) = text.split_once('_') else { return (items(text), 0, vec![(0, None)]) };
    let keywords = [("alpha", -5), ("beta", -4), ("pre", -3), ("rc", -2), ("m", -1), ("p", 1), ("", 0)];
    let (keyword, rank) = keywords.into_iter().find(|(keyword, _)| suffix.starts_with(keyword)).unwrap();
    (items(head), rank, items(&suffix[keyword.len()..]))
}

/// PiSi 1.x: lists of (rank, is letter, value), filled up with zeros, and two numbers.
fn pisi1(a: &str, b: &str) -> Ordering {
    fn parsed(text: &str) -> (Vec<(i32, bool, u128)>, u128, u128) {
        let fields: Vec<&str> = text.split('-').collect();
        let mut items = Vec::new();
        for part in fields[0].split(['.', '_']) {
            let letter = part.chars().next_back().filter(char::is_ascii_alphabetic);
            let head = &part[..part.len() - usize::from(letter.is_some())];
            let keywords = [("alpha", 0), ("beta", 1), ("pre", 2), ("rc", 3), ("m", 4), ("p", 6), ("", 5)];
            let (keyword, rank) =
                keywords.into_iter().find(|(keyword, _)| head.starts_with(keyword)).unwrap();
            items.push((rank, false, number(&head[keyword.len()..])));
            items.extend(letter.map(|letter| (5, true, u128::from(letter))));
        }
        let field = |place: usize| fields.get(place).map_or(0, |digits| number(digits));
        (items, field(1), field(2))
    }
    let (mut a, mut b) = (parsed(a), parsed(b));
    let longest = a.0.len().max(b.0.len());
    a.0.resize(longest, (5, false, 0));
    b.0.resize(longest, (5, false, 0));
    a.cmp(&b)
}

/// Debian: character by character, as dpkg's `verrevcmp`.
fn debian(a: &str, b: &str) -> Ordering {
    fn weight(byte: u8) -> i32 {
        match byte {
            b'~' => -1,
            b'0'..=b'9' | 0 => 0,
            byte if byte.is_ascii_alphabetic() => byte.into(),
            byte => i32::from(byte) + 256,
        }
    }
    fn part(a: &str, b: &str) -> Ordering {
        let (a, b) = (format!("{a}\0"), format!("{b}\0"));
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let (mut i, mut j) = (0, 0);
        while a[i] != 0 || b[j] != 0 {
            while (a[i] != 0 && !a[i].is_ascii_digit()) || (b[j] != 0 && !b[j].is_ascii_digit()) {
                let (one, other) = (weight(a[i]), weight(b[j]));
                if one != other {
                    return one.cmp(&other);
                }
                (i, j) = (i + 1, j + 1);
            }
            while a[i] == b'0' {
                i += 1;
            }
            while b[j] == b'0' {
                j += 1;
            }
            let mut first = Ordering::Equal;
            while a[i].is_ascii_digit() && b[j].is_ascii_digit() {
                first = first.then(a[i].cmp(&b[j]));
                (i, j) = (i + 1, j + 1);
            }
            let longer = a[i].is_ascii_digit().cmp(&b[j].is_ascii_digit());
            if longer.then(first).is_ne() {
                return longer.then(first);
            }
        }
        Ordering::Equal
    }
    let split = |text: &str| {
        let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (number(epoch), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| part(&a.1, &b.1)).then_with(|| part(&a.2, &b.2))
}

/// Plain: lists of (place, word, number), the end among them.
fn plain(text: &str) -> Vec<(u8, String, u128)> {
    let mut items: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric())
        .flat_map(runs)
        .map(|run| match run.to_ascii_lowercase() {
            run if run.starts_with(|c: char| c.is_ascii_digit()) => (4, String::new(), number(&run)),
            word if ["alpha", "beta", "dev", "pre", "rc"].contains(&&*word) => (1, word, 0),
            word => (3, word, 0),
        })
        .collect();
    items.push((2, String::new(), 0));
    items
}

/// Entropy on versions: lists and a letter, suffixes filled up with `_p0`, and a revision.
fn in_entropy(a: &str, b: &str) -> Ordering {
    type Parts = (u128, Vec<(bool, String, u128)>, Option<char>, Vec<(usize, u128)>, u128);
    fn parsed(text: &str) -> Parts {
        let text = text.trim_start_matches("cvs.");
        let (text, revision) = text.split_once("-r").unwrap_or((text, ""));
        let mut fields = text.split('_');
        let numbers = fields.next().unwrap();
        let letter = numbers.chars().next_back().filter(char::is_ascii_lowercase);
        let mut numbers = numbers.trim_end_matches(|c: char| c.is_ascii_lowercase()).split('.');
        let first = number(numbers.next().unwrap());
        let numbers = numbers.map(|digits| match digits.starts_with('0') {
            true => (false, format!("{digits:0<40}"), 0),
            false => (true, String::new(), number(digits)),
        });
        let suffixes = fields.map(|suffix| {
            let digits = suffix.trim_start_matches(|c: char| c.is_ascii_lowercase());
            let name = &suffix[..suffix.len() - digits.len()];
            (
                ["alpha", "beta", "pre", "rc", "p"].iter().position(|kind| *kind == name).unwrap(),
                number(digits),
            )
        });
        (first, numbers.collect(), letter, suffixes.collect(), number(revision))
    }
    let (mut a, mut b) = (parsed(a), parsed(b));
    let longest = a.3.len().max(b.3.len());
    a.3.resize(longest, (4, 0));
    b.3.resize(longest, (4, 0));
    a.cmp(&b)
}

const PISI: &str = "(0|1|2|01|10|123){1}[aA]?(\\.(0|1|02|10)[a-c]?){0,3}(_(alpha|beta|pre|rc|m|p|)(0|1|02|12)[ab]?(\\.(0|1))?)?";
const PISI1: &str =
    "(0|1|2|01|10)[aA]?([._](alpha|beta|pre|rc|m|p||||)(0|00|0|1|02|10)[aZ]?){0,4}(-(0|1|02)(-(0|1))?)?";
const ENTROPY: &str = "(cvs\\.)?(0|1|01|10)(\\.(0|00|1|01|010|10|2|0123456789012345678901)){0,3}[ab]?\
    (_(alpha|beta|pre|rc|p|p)(0|00|1|01|2)?){0,3}(-r(0|1|01|10))?";
const DEBIAN: &str = "((0|00|1|2):)?[0-2]([0-2a~.+-]|00|[a-zA-Z]|rc){0,6}(-[0-2a~+.]{1,4})?";
const PLAIN: &str = "([0-2]|00|rc|RC|alpha|pre|a|B|git|é|[-._+~]){1,7}";

/// Two or three versions that often share a beginning.
fn texts(pattern: &'static str) -> impl Strategy<Value = [String; 3]> {
    [pattern, pattern, pattern]
}

/// What holds of every order that is one, and that keys do not begin one another.
fn is_an_order(order: Order, texts: &[String; 3]) -> Result<(), TestCaseError> {
    let [a, b, c] =
        texts.each_ref().map(|text| key(order, text).unwrap_or_else(|| panic!("{order}: {text}")));
    let [ab, bc, ac] = [(&a, &b), (&b, &c), (&a, &c)].map(|(one, other)| one.compare(other).unwrap());
    prop_assert_eq!(ab, b.compare(&a).unwrap().reverse());
    prop_assert_eq!(ab.is_eq(), a == b);
    prop_assert_eq!(ab, a.sort_key().cmp(b.sort_key()));
    if ab == bc || bc.is_eq() {
        prop_assert_eq!(ac, ab);
    }
    if ab.is_eq() {
        prop_assert_eq!(ac, bc);
    } else {
        prop_assert!(!a.sort_key().starts_with(b.sort_key()) && !b.sort_key().starts_with(a.sort_key()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn pisi_keys_sort_as_its_versions_compare(texts in texts(PISI)) {
        is_an_order(Order::Pisi, &texts)?;
        prop_assert_eq!(compare(Order::Pisi, &texts[0], &texts[1]).unwrap(), pisi(&texts[0]).cmp(&pisi(&texts[1])));
    }

    #[test]
    fn pisi_1_keys_sort_as_its_versions_compare(texts in texts(PISI1)) {
        is_an_order(Order::Pisi1, &texts)?;
        prop_assert_eq!(compare(Order::Pisi1, &texts[0], &texts[1]).unwrap(), pisi1(&texts[0], &texts[1]));
    }

    #[test]
    fn debian_keys_sort_as_its_versions_compare(texts in texts(DEBIAN)) {
        prop_assume!(texts.iter().all(|text| !text.ends_with('-')));
        is_an_order(Order::Debian, &texts)?;
        prop_assert_eq!(compare(Order::Debian, &texts[0], &texts[1]).unwrap(), debian(&texts[0], &texts[1]));
    }

    #[test]
    fn plain_keys_sort_as_its_versions_compare(texts in texts(PLAIN)) {
        is_an_order(Order::Plain, &texts)?;
        prop_assert_eq!(compare(Order::Plain, &texts[0], &texts[1]).unwrap(), plain(&texts[0]).cmp(&plain(&texts[1])));
    }

    /// Whenever the original finds a difference it is the one that the order has, unless floating-point numbers
    /// were too short for it.
    #[test]
    fn entropy_keys_sort_as_its_versions_compare(texts in texts(ENTROPY)) {
        is_an_order(Order::Entropy, &texts)?;
        let found = compare(Order::Entropy, &texts[0], &texts[1]).unwrap();
        prop_assert_eq!(found, in_entropy(&texts[0], &texts[1]));
        let original = entropy::compare_as_original(&texts[0], &texts[1]);
        if original.is_ne() && !texts.iter().any(|text| text.contains("0123456789")) {
            prop_assert_eq!(found, original);
        }
    }

    #[test]
    fn no_text_makes_an_order_panic(a in any::<String>(), b in "[0-9a-z_.+~: \\-éA-C]{0,12}") {
        for order in Order::ALL {
            let _ = (Version::parse(order, &a), Version::parse(order, &b));
        }
        let _ = (entropy::compare_as_original(&a, &b), entropy::triple_key(&b, &a, 1));
    }

    /// Every text that a package may have as its version has a place in the plain order.
    #[test]
    fn the_plain_order_knows_every_text(text in "[^ \\s/\\p{Cc}]{1,12}") {
        prop_assert!(key(Order::Plain, &text).is_some());
    }

    #[test]
    fn keys_of_entropys_triples_agree_with_its_comparison(
        versions in ["1|1\\.0|1\\.5|2", "1|1\\.0|1\\.5|2"], same in any::<bool>(),
        tags in ["|4\\.9\\.0-s|4\\.11\\.0-S|a|A|a1|4", "|4\\.9\\.0-s|4\\.11\\.0-S|a|A|a1|4"], revisions in [0..3_u64, 0..3_u64],
    ) {
        let tags = if same { [&tags[0], &tags[0]] } else { [&tags[0], &tags[1]] };
        let [a, b] = [0, 1].map(|i| (&*versions[i], tags[i].as_str(), revisions[i]));
        let found = entropy::compare_triples(a, b).unwrap();
        prop_assert_eq!(found, entropy::compare_triples(b, a).unwrap().reverse());
        let [a_key, b_key] = [a, b].map(|(version, tag, revision)| entropy::triple_key(version, tag, revision).unwrap());
        let by_key = a_key.cmp(&b_key);
        prop_assert_eq!(by_key, if a.1.is_empty() == b.1.is_empty() { found } else { a.1.is_empty().cmp(&b.1.is_empty()) });
    }
}
