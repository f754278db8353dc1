//! rpm's version order as bytes that sort the same.
//!
//! A version is read as segments, digits or letters, and whatever stands between them only separates. Segments
//! compare one after another: numbers by value, letters as bytes, a number above letters. The text that has more
//! segments is the newer one, except that `~` stands below the end of the text and `^` just above it.

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

    /// Bytes that sort as epoch and version do; no epoch is epoch 0.
    pub(crate) fn version_key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        push_number(&mut key, self.epoch);
        push_key(&mut key, self.version);
        key
    }

    /// Bytes that sort as the whole does; no release is below any.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = self.version_key();
        if let Some(release) = self.release {
            key.push(1);
            push_key(&mut key, release);
        }
        key
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
