//! The order of versions that the golden cases use.
// Each test uses a part of what it shares with the others.
#![allow(dead_code, unused_imports, clippy::print_stdout)]

#[path = "../examples/solve_cases/rpm.rs"]
mod rpm;
#[path = "oracle/version.rs"]
mod version;

use proptest::prelude::*;
use rpm::Evr;
use std::cmp::Ordering;
use version::{compare, compare_text, compare_version};

/// Sorted by the published rules; what stands in one row is equal.
const SORTED: &[&[&str]] = &[
    &["~~"],
    &["~"],
    &["", ".", "-"],
    &["^"],
    &["a~1"],
    &["a"],
    &["ab"],
    &["0~rc1", "0.~rc1"],
    &["0", "00", "0.", ".0"],
    &["0^a"],
    &["0.0"],
    &["1~~a"],
    &["1~rc1"],
    &["1~rc1^git1"],
    &["1~rc2"],
    &["1", "01"],
    &["1^"],
    &["1^git1~pre"],
    &["1^git1"],
    &["1^git2"],
    &["1a"],
    &["1b", "1.b", "1_b"],
    &["1.0", "1.00", "1..0", "1é0"],
    &["1.0a"],
    &["1.0.1"],
    &["1.1"],
    &["1.9"],
    &["1.10"],
    &["1.010a"],
    &["2"],
    &["18446744073709551616"],
];

#[test]
fn segments_tildes_and_carets_compare_as_rpm_says() {
    for (i, row) in SORTED.iter().enumerate() {
        for (j, other) in SORTED.iter().enumerate() {
            for (a, b) in row.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                assert_eq!(compare_text(a, b), i.cmp(&j), "{a} {b}");
            }
        }
    }
}

#[test]
fn an_epoch_comes_before_everything_and_a_release_last() {
    let sorted = ["1.0", "1.0-1", "1.0-2~a", "1.0-2", "1.0-10", "1.1-1", "1:0.1", "1:0.1-1", "10:0"];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(compare(&Evr::parse(a), &Evr::parse(b)), i.cmp(&j), "{a} {b}");
            assert_eq!(Evr::parse(a).key().cmp(&Evr::parse(b).key()), i.cmp(&j), "{a} {b}");
        }
    }
    assert_eq!(compare(&Evr::parse("0:1"), &Evr::parse("1")), Ordering::Equal);
    assert_eq!(Evr::parse("a:1-2"), Evr { epoch: "", version: "a:1", release: Some("2") });
}

fn a_version() -> impl Strategy<Value = String> {
    "([0-9]{1,2}:)?[0-2abA~^._+é]{0,6}(-[0-2ab~^.]{0,3})?"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn keys_sort_as_versions_do(a in a_version(), b in a_version()) {
        let (x, y) = (Evr::parse(&a), Evr::parse(&b));
        prop_assert_eq!(x.key().cmp(&y.key()), compare(&x, &y));
        prop_assert_eq!(x.version_key().cmp(&y.version_key()), compare_version(&x, &y));
        prop_assert_eq!(compare(&x, &y), compare(&y, &x).reverse());
    }

    #[test]
    fn the_order_has_no_circles(a in a_version(), b in a_version(), c in a_version()) {
        let order = |a: &str, b: &str| compare(&Evr::parse(a), &Evr::parse(b));
        if order(&a, &b) != Ordering::Greater && order(&b, &c) != Ordering::Greater {
            prop_assert_ne!(order(&a, &c), Ordering::Greater);
        }
    }
}
