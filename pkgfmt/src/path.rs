//! Paths inside a package: relative, normal, bytes.
//!
//! A payload path is data until it has passed [`PayloadPath::new`]; after that it names something below
//! the tree's top and nothing else. Paths need not be UTF-8, and order is by component, so that a
//! directory is followed at once by everything in it.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::{hex, unhex};

/// Longest component of a path, in bytes (`NAME_MAX` on Linux).
pub const MAX_COMPONENT: usize = 255;
/// Longest path, in bytes (`PATH_MAX` on Linux, with its terminator).
pub const MAX_PATH: usize = 4095;
/// Most components of a path.
pub const MAX_DEPTH: usize = 64;

/// A path below a tree's top: no leading or trailing `/`, no empty, `.` or `..` component, no control
/// character, within the limits of this module.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PayloadPath(Box<[u8]>);

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing is left of it.
    #[error("the path is empty")]
    Empty,
    /// It starts at the machine's root.
    #[error("the path is absolute")]
    Absolute,
    /// It would leave the tree.
    #[error("the path has a '..' component")]
    Parent,
    /// It has an empty or `.` component, or ends in `/`.
    #[error("the path is not normal: it has an empty or '.' component")]
    NotNormal,
    /// It holds NUL, a line break, an escape, another control character, or one that turns the direction of
    /// writing.
    #[error("the path holds a control character")]
    Control,
    /// A component, the whole, or the depth is past its limit.
    #[error(
        "the path is too long: at most {MAX_PATH} bytes, {MAX_COMPONENT} a component, {MAX_DEPTH} components"
    )]
    TooLong,
}

impl PayloadPath {
    /// Takes `bytes` as a payload path.
    ///
    /// # Errors
    /// The first rule that it breaks; see [`InvalidPath`].
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidPath> {
        if bytes.is_empty() {
            return Err(InvalidPath::Empty);
        }
        if bytes[0] == b'/' {
            return Err(InvalidPath::Absolute);
        }
        if bytes.len() > MAX_PATH {
            return Err(InvalidPath::TooLong);
        }
        if bytes.iter().any(|&byte| byte < 0x20 || byte == 0x7f) || !bytes.is_ascii() && misleads(bytes) {
            return Err(InvalidPath::Control);
        }
        let mut depth = 0;
        for component in bytes.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => return Err(InvalidPath::NotNormal),
                b".." => return Err(InvalidPath::Parent),
                _ if component.len() > MAX_COMPONENT => return Err(InvalidPath::TooLong),
                _ => depth += 1,
            }
        }
        if depth > MAX_DEPTH {
            return Err(InvalidPath::TooLong);
        }
        Ok(PayloadPath(bytes.into()))
    }

    /// The path's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its components, in order; never empty.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.0.split(|&byte| byte == b'/')
    }

    /// The path of the directory that holds it, or `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<PayloadPath> {
        let slash = self.0.iter().rposition(|&byte| byte == b'/')?;
        Some(PayloadPath(self.0[..slash].into()))
    }

    /// Its last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or(&self.0)
    }

    /// Whether it is `directory` or lies below it.
    #[must_use]
    pub fn starts_with(&self, directory: &[u8]) -> bool {
        self.0.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// Compares paths component by component: a directory, then all that is below it, then its next sibling.
#[must_use]
pub fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    // '/' sorts below every byte, which is the same as comparing components; NUL, which no path may hold, too, or
    // two texts would be equal that are not.
    let key = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    a.iter().map(|&byte| key(byte)).cmp(b.iter().map(|&byte| key(byte)))
}

impl Ord for PayloadPath {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_paths(&self.0, &other.0)
    }
}

impl PartialOrd for PayloadPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes bytes for people: UTF-8 as it is, other bytes and control characters as `\xNN`.
#[derive(Clone, Copy)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() || is_direction_override(character) {
                    let mut buffer = [0; 4];
                    for byte in character.encode_utf8(&mut buffer).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                } else {
                    write!(f, "{character}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a path, where it is text, holds a character that makes a terminal show something else.
fn misleads(bytes: &[u8]) -> bool {
    bytes
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().chars())
        .any(|c| c.is_control() || is_direction_override(c))
}

/// Characters that make a terminal show text in another order than it is stored in.
fn is_direction_override(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

impl fmt::Display for PayloadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

impl fmt::Debug for PayloadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes as people and machines read them: text where they are UTF-8, otherwise `{"hex": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TextOrHex {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes {
        /// Two digits for each byte.
        hex: String,
    },
}

impl TextOrHex {
    /// The bytes, written.
    #[must_use]
    pub fn of(bytes: &[u8]) -> TextOrHex {
        match std::str::from_utf8(bytes) {
            Ok(text) => TextOrHex::Text(text.into()),
            Err(_) => TextOrHex::Bytes { hex: hex(bytes) },
        }
    }

    /// The bytes that were written, or `None` where the digits are wrong.
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            TextOrHex::Text(text) => Some(text.into_bytes()),
            TextOrHex::Bytes { hex } => {
                hex.as_bytes().chunks(2).map(|pair| unhex::<1>(pair).map(|[byte]| byte)).collect()
            }
        }
    }
}

impl Serialize for PayloadPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        TextOrHex::of(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PayloadPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let written = TextOrHex::deserialize(deserializer)?;
            written.bytes().ok_or_else(|| de::Error::custom("a path's hex digits are wrong"))?
        } else {
            Vec::<u8>::deserialize(deserializer)?
        };
        PayloadPath::new(&bytes).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_paths_are_ordered_too() {
        assert_eq!(compare_paths(b"a\0", b"a/"), Ordering::Greater);
        assert_eq!(compare_paths(b"a/b", b"a-b"), Ordering::Less);
        assert_eq!(compare_paths(b"a/b", b"a/b"), Ordering::Equal);
    }

    #[test]
    fn refuses_every_path_that_is_not_plainly_inside() {
        for (path, reason) in [
            (&b""[..], InvalidPath::Empty),
            (b"/etc", InvalidPath::Absolute),
            (b"../etc", InvalidPath::Parent),
            (b"a/../b", InvalidPath::Parent),
            (b"a//b", InvalidPath::NotNormal),
            (b"./a", InvalidPath::NotNormal),
            (b"a/", InvalidPath::NotNormal),
            (b"a/.", InvalidPath::NotNormal),
            (b"a\0b", InvalidPath::Control),
            (b"a\nb", InvalidPath::Control),
            (b"a\x1b[2J", InvalidPath::Control),
            ("a\u{202e}fdp.sh".as_bytes(), InvalidPath::Control),
            ("a\u{9b}2J".as_bytes(), InvalidPath::Control),
        ] {
            assert_eq!(PayloadPath::new(path), Err(reason), "{}", Shown(path));
        }
        assert_eq!(PayloadPath::new(&[b'a'; 256]), Err(InvalidPath::TooLong));
        assert_eq!(
            PayloadPath::new("a/".repeat(65).trim_end_matches('/').as_bytes()),
            Err(InvalidPath::TooLong)
        );
        assert!(PayloadPath::new(b"usr/share/\xff\xfe").is_ok());
        assert!(PayloadPath::new(b"a/..b/...").is_ok());
    }

    #[test]
    fn a_directory_is_followed_by_what_it_holds() {
        let mut paths =
            ["a-b", "a/c", "a", "a.d", "b"].map(|path| PayloadPath::new(path.as_bytes()).unwrap());
        paths.sort();
        assert_eq!(paths.map(|path| path.to_string()), ["a", "a/c", "a-b", "a.d", "b"]);
    }

    #[test]
    fn bytes_that_are_not_text_survive_json() {
        for bytes in [&b"usr/bin/x"[..], b"usr/\xff"] {
            let path = PayloadPath::new(bytes).unwrap();
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<PayloadPath>(&json).unwrap(), path);
        }
    }

    #[test]
    fn nothing_shown_can_move_a_cursor_or_reverse_a_line() {
        assert_eq!(Shown("a\x1b[2Jb\u{202e}c".as_bytes()).to_string(), "a\\x1b[2Jb\\xe2\\x80\\xaec");
    }
}
