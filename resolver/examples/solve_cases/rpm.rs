//! rpm's version order, as a comparison and as bytes that sort the same.
//!
//! A version is read as segments, digits or letters, and whatever stands between them only separates. Segments
//! compare one after another: numbers by value, letters as bytes, a number above letters. The text that has more
//! segments is the newer one, except that `~` stands below the end of the text and `^` just above it.

use std::cmp::Ordering;

/// `[epoch:]version[-release]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evr<'a> {
    /// Digits before the first colon, or nothing.
    pub(crate) epoch: &'a str,
    /// What is left.
    pub(crate) version: &'a str,
    /// After the last dash.
    pub(crate) release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Takes a version apart. Everything is a version.
    pub(crate) fn parse(text: &'a str) -> Evr<'a> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
            _ => ("", text),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => Evr { epoch, version, release: Some(release) },
            None => Evr { epoch, version: rest, release: None },
        }
    }

    /// Compares epoch and version; no epoch is epoch 0.
    pub(crate) fn compare_version(&self, other: &Evr<'_>) -> Ordering {
        let epoch = |evr: &Evr<'_>| evr.epoch.trim_start_matches('0').to_owned();
        let (mine, others) = (epoch(self), epoch(other));
        (mine.len(), &mine).cmp(&(others.len(), &others)).then_with(|| compare(self.version, other.version))
    }

    /// Compares everything; no release is below any.
    pub(crate) fn compare(&self, other: &Evr<'_>) -> Ordering {
        self.compare_version(other).then_with(|| match (self.release, other.release) {
            (Some(mine), Some(others)) => compare(mine, others),
            (mine, others) => mine.is_some().cmp(&others.is_some()),
        })
    }

    /// Bytes that sort as [`Evr::compare_version`] does.
    pub(crate) fn version_key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        push_number(&mut key, self.epoch);
        push_key(&mut key, self.version);
        key
    }

    /// Bytes that sort as [`Evr::compare`] does.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = self.version_key();
        if let Some(release) = self.release {
            key.push(1);
            push_key(&mut key, release);
        }
        key
    }
}

/// Compares two versions, or two releases.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (skip_separators(a), skip_separators(b));
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() != y.is_ascii_digit() => {
                return x.is_ascii_digit().cmp(&y.is_ascii_digit());
            }
            _ => {}
        }
        let (x, rest_a) = segment(a);
        let (y, rest_b) = segment(b);
        let ordering = if x[0].is_ascii_digit() {
            let (x, y) = (without_zeros(x), without_zeros(y));
            x.len().cmp(&y.len()).then(x.cmp(y))
        } else {
            x.cmp(y)
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
        (a, b) = (rest_a, rest_b);
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^'));
    &text[start.unwrap_or(text.len())..]
}

/// The digits or letters in front, of which there is one at least, and the rest.
fn segment(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text[0].is_ascii_digit();
    let alike = |byte: &u8| if digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    text.split_at(text.iter().position(|byte| !alike(byte)).unwrap_or(text.len()))
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len())..]
}

/// `~` 1, end 2, `^` 3, letters 4 and a zero behind, number 5 and its length in front: the order of what may stand
/// at one place.
fn push_key(key: &mut Vec<u8>, text: &str) {
    let mut rest = skip_separators(text.as_bytes());
    while let Some(first) = rest.first() {
        match first {
            b'~' | b'^' => {
                key.push(if *first == b'~' { 1 } else { 3 });
                rest = &rest[1..];
            }
            _ => {
                let (part, behind) = segment(rest);
                if first.is_ascii_digit() {
                    key.push(5);
                    push_digits(key, part);
                } else {
                    key.push(4);
                    key.extend_from_slice(part);
                    key.push(0);
                }
                rest = behind;
            }
        }
        rest = skip_separators(rest);
    }
    key.push(2);
}

fn push_number(key: &mut Vec<u8>, digits: &str) {
    push_digits(key, digits.as_bytes());
}

fn push_digits(key: &mut Vec<u8>, digits: &[u8]) {
    let digits = without_zeros(digits);
    key.extend_from_slice(&(digits.len() as u32).to_be_bytes());
    key.extend_from_slice(digits);
}
