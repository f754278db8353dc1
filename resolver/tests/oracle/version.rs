//! rpm's version order a second time: as a comparison, segment by segment, with nothing from the keys.

use std::cmp::Ordering;

use crate::rpm::Evr;

/// Compares epoch and version; no epoch is epoch 0.
pub(crate) fn compare_version(a: &Evr<'_>, b: &Evr<'_>) -> Ordering {
    let epoch = |evr: &Evr<'_>| if evr.epoch.is_empty() { "0".to_owned() } else { evr.epoch.to_owned() };
    compare_text(&epoch(a), &epoch(b)).then_with(|| compare_text(a.version, b.version))
}

/// Compares everything; no release is below any.
pub(crate) fn compare(a: &Evr<'_>, b: &Evr<'_>) -> Ordering {
    compare_version(a, b).then_with(|| match (a.release, b.release) {
        (Some(mine), Some(other)) => compare_text(mine, other),
        (mine, other) => mine.is_some().cmp(&other.is_some()),
    })
}

/// Compares two versions, or two releases.
pub(crate) fn compare_text(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        (a, b) = (from_segment(a), from_segment(b));
        match (a.chars().next(), b.chars().next()) {
            (Some('~'), Some('~')) | (Some('^'), Some('^')) => (a, b) = (&a[1..], &b[1..]),
            (Some('~'), _) => return Ordering::Less,
            (_, Some('~')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some('^'), Some(_)) => return Ordering::Less,
            (Some(_), Some('^')) => return Ordering::Greater,
            (Some(x), Some(y)) => {
                let digits = (x.is_ascii_digit(), y.is_ascii_digit());
                if digits.0 != digits.1 {
                    return digits.0.cmp(&digits.1);
                }
                let end = |text: &str| {
                    let other = |c: char| c.is_ascii_digit() != digits.0 || !c.is_ascii_alphanumeric();
                    text.find(other).unwrap_or(text.len())
                };
                let (x, rest_a) = a.split_at(end(a));
                let (y, rest_b) = b.split_at(end(b));
                let ordering = if digits.0 { compare_numbers(x, y) } else { x.cmp(y) };
                if ordering != Ordering::Equal {
                    return ordering;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

/// The rest of a text without the separators in front.
fn from_segment(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^')
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let width = a.len().max(b.len());
    format!("{a:0>width$}").cmp(&format!("{b:0>width$}"))
}
