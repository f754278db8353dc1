//! Pairs of versions with known answers, and texts that are none, in the orders of Entropy, Debian and plain.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cmp::Ordering;

use ambar_pkgfmt::version::{InvalidVersion, Order, Version, compare, entropy};

fn check(order: Order, table: &[(&str, char, &str)]) {
    for &(a, expected, b) in table {
        let expected = match expected {
            '<' => Ordering::Less,
            '=' => Ordering::Equal,
            _ => Ordering::Greater,
        };
        assert_eq!(compare(order, a, b), Ok(expected), "{order}: {a} {b}");
        assert_eq!(compare(order, b, a), Ok(expected.reverse()), "{order}: {b} {a}");
    }
}

fn refuse(order: Order, texts: &[&str]) {
    for text in texts {
        let refused = InvalidVersion::Version { order, text: (*text).into() };
        assert_eq!(Version::parse(order, text), Err(refused), "{order}: {text:?}");
    }
}

#[test]
fn entropy_versions_compare_as_portage_had_them() {
    check(
        Order::Entropy,
        &[
            ("1.0", '<', "1.0.0"),
            ("1.0", '=', "1.00"),
            ("1.0.1", '>', "1.0.0"),
            ("1.10", '>', "1.9"),
            ("1.01", '<', "1.1"),
            ("1.001", '<', "1.1"),
            ("1.09", '<', "1.1"),
            ("1.010", '=', "1.01"),
            ("2.07", '<', "2.7"),
            ("1.0a", '>', "1.0"),
            ("1.0a", '<', "1.0b"),
            ("1.0b", '<', "1.0.1"),
            ("12.2.5", '>', "12.2b"),
            ("1.0_alpha", '<', "1.0"),
            ("1.0_alpha", '<', "1.0_alpha1"),
            ("9999", '>', "999"),
            ("cvs.1.0", '=', "1.0"),
            ("1.0_rc1", '>', "1.0_rc"),
            ("1.0_alpha9", '<', "1.0_beta1"),
            ("1.0_beta9", '<', "1.0_pre1"),
            ("1.0_pre9", '<', "1.0_rc1"),
            ("1.0_rc9", '<', "1.0"),
            ("1.0", '=', "1.0_p"),
            ("1.0", '<', "1.0_p1"),
            ("1.0_p1", '>', "1.0-r1"),
            ("1.0", '=', "1.0-r0"),
            ("1.0-r0002", '=', "1.0-r2"),
            ("1.0-r9", '<', "1.0-r10"),
            ("1.0_alpha1_p2", '>', "1.0_alpha1"),
            ("1.0_alpha1_beta1", '<', "1.0_alpha1"),
            ("01.0", '=', "1.0"),
            ("6.0", '<', "6.0.1"),
        ],
    );
    let refused = [
        "",
        "foo",
        "1.",
        ".1",
        "1..2",
        "1.0A",
        "1.0ab",
        "1.0_m1",
        "1.0_20100101",
        "1.0-1",
        "1.0-r",
        "1.0-r1-r2",
    ];
    refuse(Order::Entropy, &refused);
    refuse(Order::Entropy, &["1.0_p1a", "1.0-r1_p1", "cvs.", "cvs.cvs.1", " 1", "1\n", "١", "1.0_"]);
}

/// Where the original is not transitive, and what the order makes of it.
#[test]
fn the_order_of_entropy_is_total_where_the_original_is_none() {
    let original = |a, b| entropy::compare_as_original(a, b);
    assert_eq!(original("1.0", "1.0_p-r3"), Ordering::Equal);
    assert_eq!(original("1.0_p", "1.0"), Ordering::Equal);
    assert_eq!(original("1.0_p", "1.0_p-r3"), Ordering::Less);
    assert_eq!(original("1.0_rc1_p2", "1.0_rc01_p1"), Ordering::Equal);
    let long = "1.09999999999999999999";
    assert_eq!(original(long, "1.1"), Ordering::Equal);
    assert_eq!(original(long, "1.10"), Ordering::Equal);
    assert_eq!(original("1.1", "1.10"), Ordering::Less);
    check(
        Order::Entropy,
        &[
            ("1.0", '<', "1.0_p-r3"),
            ("1.0_rc1_p2", '>', "1.0_rc01_p1"),
            (long, '<', "1.1"),
            (long, '<', "1.10"),
        ],
    );
}

#[test]
fn entropys_triples_compare_tag_first_and_make_no_order() {
    for (a, expected, b) in [
        (("2.0", "2.6.31-s", 0), Ordering::Less, ("1.0", "2.6.32-s", 0)),
        (("2.0", "4.9.0-s", 0), Ordering::Less, ("1.0", "4.11.0-s", 0)),
        (("1.0", "", 5), Ordering::Greater, ("1.0", "", 1)),
        (("2.0", "2.6.31-s", 0), Ordering::Greater, ("1.0", "", 9)),
        (("1.0", "a", 0), Ordering::Greater, ("1.0", "", 0)),
        (("1.0-r1", "", 0), Ordering::Greater, ("1.0", "", 9)),
        (("1.0", "A", 0), Ordering::Equal, ("1.0", "a", 0)),
        (("2", "a", 0), Ordering::Less, ("1", "b", 0)),
        (("1", "b", 0), Ordering::Less, ("1.5", "", 0)),
        (("1.5", "", 0), Ordering::Less, ("2", "a", 0)),
    ] {
        assert_eq!(entropy::compare_triples(a, b), Ok(expected), "{a:?} {b:?}");
    }
    assert!(matches!(entropy::triple_key("1", "a b", 0), Err(InvalidVersion::Tag { .. })));
    assert!(matches!(entropy::triple_key("foo", "", 0), Err(InvalidVersion::Version { .. })));
}

#[test]
fn plain_versions_are_numbers_and_words() {
    let ascending =
        "alpha rc1 git 0 1.0-alpha 1.0-RC.1 1.0rc2 1.0 1.0a 1.0b 1.0.0-pre1 1.0.0 1.0.1 1.1 1.9 1.10 2";
    let ascending: Vec<&str> = ascending.split(' ').collect();
    for pair in ascending.windows(2) {
        check(Order::Plain, &[(pair[0], '<', pair[1])]);
    }
    check(
        Order::Plain,
        &[("1.0-2", '=', "1_00.2"), ("1.0", '=', ".1.0~"), ("1RC1", '=', "1.rc.01"), ("~", '=', "-")],
    );
    let long = "9".repeat(400);
    check(
        Order::Plain,
        &[(&long, '<', &format!("1{long}")), (&format!("{long}8"), '<', &format!("{long}9"))],
    );
    refuse(Order::Plain, &["", " ", "1 0", "1/0", "1\0"]);
}

#[test]
fn numbers_of_hundreds_of_digits_have_their_place() {
    for order in Order::ALL {
        let numbers: Vec<String> =
            [1, 2, 253, 254, 255, 256, 257, 5000].iter().map(|n| "7".repeat(*n)).collect();
        for pair in numbers.windows(2) {
            check(
                order,
                &[(&pair[0], '<', &pair[1]), (&format!("1.{}", pair[0]), '<', &format!("1.{}", pair[1]))],
            );
        }
    }
}
