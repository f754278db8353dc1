//! The orders of PiSi 2.x, PiSi 1.x and Entropy against what the original code answered for some eight hundred pairs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

mod common;

use std::cmp::Ordering;

use ambar_pkgfmt::version::{InvalidVersion, Order, Version, compare, entropy};

/// Columns: two versions, then the answer of each original; `E:` and an exception where it refused them.
fn rows() -> Option<Vec<Vec<String>>> {
    let table = std::fs::read_to_string(common::shared_data()?.join("golden/version-pairs.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let rows: Vec<Vec<String>> = rows.map(|row| row.split('\t').map(str::to_owned).collect()).collect();
    assert!(rows.len() > 800, "only {} pairs", rows.len());
    Some(rows)
}

fn sign(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}

/// The originals leave numbers to Python's `int()`, which strips blanks. Here `" 1.0"` is no version, so the rows
/// with blanks, of which there is one, are expected to be refused. Nothing else differs.
#[test]
fn pisi_versions_compare_as_the_originals_did() {
    let Some(rows) = rows() else { return };
    for (order, column) in [(Order::Pisi, 2), (Order::Pisi1, 3)] {
        let mut blanks = 0;
        for row in &rows {
            let (a, b, expected) = (&row[0], &row[1], &row[column]);
            let found = match compare(order, a, b) {
                Ok(ordering) => sign(ordering),
                Err(InvalidVersion::Version { .. }) => "E:",
                Err(other) => panic!("{a} {b}: {other}"),
            };
            let blank = [a, b].iter().any(|text| text.contains(' '));
            let expected = if blank || expected.starts_with("E:") { "E:" } else { expected };
            assert_eq!(found, expected, "{order}: {a} {b}");
            blanks += usize::from(blank);
        }
        assert_eq!(blanks, 1, "rows with blanks");
    }
}

#[test]
fn entropy_is_understood_even_where_a_string_is_no_version() {
    let Some(rows) = rows() else { return };
    for row in rows {
        let found = sign(entropy::compare_as_original(&row[0], &row[1]));
        assert_eq!(found, row[4], "{} {}", row[0], row[1]);
    }
}

#[test]
fn the_order_of_entropy_agrees_with_the_original_on_versions() {
    let Some(rows) = rows() else { return };
    let (mut compared, mut refused) = (0, 0);
    for row in rows {
        let versions = [&row[0], &row[1]].map(|text| Version::parse(Order::Entropy, text));
        if let [Ok(a), Ok(b)] = versions {
            assert_eq!(sign(a.compare(&b).unwrap()), row[4], "{} {}", row[0], row[1]);
            compared += 1;
        } else {
            // What is no version equals everything on the left, and is less on the right.
            let expected = if versions[0].is_err() { "=" } else { ">" };
            assert_eq!(expected, row[4], "{} {}", row[0], row[1]);
            refused += 1;
        }
    }
    assert!(compared > 750 && refused > 10, "{compared} compared, {refused} refused");
}
