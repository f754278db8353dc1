//! The order of PiSi 2.x against what the original code answered for some eight hundred pairs.

use std::cmp::Ordering;
use std::path::Path;

use ambar_pkgfmt::VersionOrder;
use ambar_pkgfmt::version::{InvalidVersion, compare};

/// Columns: two versions, then the answer of each original; `E:` and an exception where it refused them.
///
/// The original leaves numbers to Python's `int()`, which strips blanks. Here `" 1.0"` is no version, so the rows
/// with blanks, of which there is one, are expected to be refused.
#[test]
fn pisi_versions_compare_as_the_original_did() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        println!("skipped: no ../shared/data");
        return;
    }
    let table = std::fs::read_to_string(data.join("golden/version-pairs.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let (mut compared, mut blanks) = (0, 0);
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [a, b, expected, ..] = columns[..] else { panic!("too few columns: {row}") };
        let found = match compare(VersionOrder::Pisi, a, b) {
            Ok(Ordering::Less) => "<",
            Ok(Ordering::Equal) => "=",
            Ok(Ordering::Greater) => ">",
            Err(InvalidVersion::Version { .. }) => "E:",
            Err(other) => panic!("{a} {b}: {other}"),
        };
        let blank = [a, b].iter().any(|text| text.contains(' '));
        let refused = expected.starts_with("E:") || blank;
        let agree = if refused { found == "E:" } else { found == expected };
        assert!(agree, "{a} {b}: expected {expected}, found {found}");
        compared += 1;
        blanks += usize::from(blank);
    }
    assert_eq!(blanks, 1, "rows with blanks");
    assert!(compared > 800, "only {compared} pairs");
}
