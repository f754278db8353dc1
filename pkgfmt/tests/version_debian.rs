//! Debian's order against dpkg itself, and a table of what dpkg answers for where there is none.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use ambar_pkgfmt::version::{Order, Version, compare};

/// What dpkg answers.
const PAIRS: &[(&str, Ordering, &str)] = &[
    ("1.0", Ordering::Less, "1.1"),
    ("1.9", Ordering::Less, "1.10"),
    ("1.0", Ordering::Less, "1.0.0"),
    ("1.0", Ordering::Equal, "1.00"),
    ("1.0", Ordering::Equal, "1.0-0"),
    ("1.0", Ordering::Equal, "0:1.0"),
    ("00:1.0", Ordering::Equal, "0:1.0-00"),
    ("1.0-0", Ordering::Less, "1.0-0a"),
    ("1.0-a", Ordering::Equal, "1.0-a0"),
    ("1.0.", Ordering::Equal, "1.0.0"),
    ("1.", Ordering::Equal, "1.00"),
    ("9.9", Ordering::Less, "1:0"),
    ("9:1", Ordering::Less, "10:0"),
    ("1.0~rc1", Ordering::Less, "1.0"),
    ("1.0~rc1-9", Ordering::Less, "1.0-1"),
    ("1.0~~", Ordering::Less, "1.0~~a"),
    ("1.0~~a", Ordering::Less, "1.0~"),
    ("1.0~", Ordering::Less, "1.0"),
    ("1.0-~", Ordering::Less, "1.0"),
    ("1.0-1~bpo12+1", Ordering::Less, "1.0-1"),
    ("1.0-1", Ordering::Less, "1.0-1+b1"),
    ("1.0-1+b9", Ordering::Less, "1.0-1+b10"),
    ("1.0-1+b1", Ordering::Less, "1.0-1.1"),
    ("1.0-1", Ordering::Less, "1.0-1-1"),
    ("1.0a", Ordering::Less, "1.0+"),
    ("1.0Z", Ordering::Less, "1.0a"),
    ("1.0+", Ordering::Less, "1.0-+1-1"),
    ("1.0a", Ordering::Less, "1.0.0"),
    ("1:1:1", Ordering::Greater, "1:1"),
    ("0a", Ordering::Greater, "0"),
    ("2147483647:1", Ordering::Greater, "1:1"),
    ("1.18446744073709551616", Ordering::Greater, "1.18446744073709551615"),
];

const REFUSED: &[&str] = &[
    "",
    "a1",
    "1:",
    ":1",
    "a:1",
    "-1:1",
    "1 2",
    "1-",
    "-1",
    "1_1",
    "1-1_1",
    "1:1-1:1",
    "~1",
    "2147483648:1",
    "1é",
    "1/2",
    "1:a",
    "99999999999999999999:1",
    "1\t1",
];

fn dpkg(arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new("dpkg");
    let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    status.code()
}

fn operator(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Less => "lt",
        Ordering::Equal => "eq",
        Ordering::Greater => "gt",
    }
}

fn has_dpkg() -> bool {
    let has = dpkg(&["--compare-versions", "1", "lt", "2"]) == Some(0);
    if !has {
        println!("skipped: no dpkg");
    }
    has
}

#[test]
fn versions_compare_as_dpkg_is_known_to() {
    for &(a, expected, b) in PAIRS {
        assert_eq!(compare(Order::Debian, a, b), Ok(expected), "{a} {b}");
        assert_eq!(compare(Order::Debian, b, a), Ok(expected.reverse()), "{b} {a}");
    }
    // Blanks and signs that dpkg leaves to C.
    for text in REFUSED.iter().chain(&[" 1", "1 ", "1\n", "+1:1", "٣:1", "1\0"]) {
        assert!(Version::parse(Order::Debian, text).is_err(), "{text:?}");
    }
}

#[test]
fn the_table_is_what_dpkg_says() {
    if !has_dpkg() {
        return;
    }
    for &(a, expected, b) in PAIRS {
        assert_eq!(dpkg(&["--compare-versions", a, operator(expected), b]), Some(0), "{a} {b}");
        for text in [a, b] {
            assert_eq!(dpkg(&["--validate-version", text]), Some(0), "{text}");
        }
    }
    for text in REFUSED {
        assert_ne!(dpkg(&["--validate-version", text]), Some(0), "{text:?}");
    }
}

/// Versions of the packages that apt knows, and those that their relations name.
fn real_versions() -> Vec<String> {
    let Ok(output) = Command::new("apt-cache").arg("dumpavail").output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut versions = BTreeSet::new();
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("Version: ") {
            versions.insert(version);
        } else if ["Depends: ", "Breaks: ", "Provides: "].iter().any(|field| line.starts_with(field)) {
            let relations = line.split('(').skip(1).filter_map(|part| part.split_once(')'));
            versions.extend(relations.map(|(relation, _)| relation.trim_start_matches(['<', '=', '>', ' '])));
        }
    }
    versions.retain(|version| Version::parse(Order::Debian, version).is_ok());
    versions.into_iter().map(str::to_owned).collect()
}

/// `AMBAR_DPKG_PAIRS` says how many pairs; dpkg takes a millisecond or two for each.
#[test]
fn real_versions_compare_as_in_dpkg() {
    if !has_dpkg() {
        return;
    }
    let versions = real_versions();
    if versions.len() < 1000 {
        println!("skipped: apt knows {} versions", versions.len());
        return;
    }
    let pairs = std::env::var("AMBAR_DPKG_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let mut answers = [0; 3];
    for pair in 0..pairs {
        // Neighbours in text, which differ late, and strangers; each anywhere in the list.
        let place = pair * versions.len() / pairs;
        let other = if pair % 2 == 0 { place + 1 } else { place * 31 + pair * 7919 };
        let (a, b) = (&versions[place], &versions[other % versions.len()]);
        let found = compare(Order::Debian, a, b).unwrap();
        assert_eq!(dpkg(&["--compare-versions", a, operator(found), b]), Some(0), "{a} {b}: found {found:?}");
        answers[(found as i8 + 1) as usize] += 1;
    }
    println!("{pairs} pairs of {} versions: {answers:?} less, equal, greater", versions.len());
}
