//! One package that a relation field names, and how a field falls into those; nothing is copied.
//!
//! ```text
//! field       = clause { "," clause }
//! clause      = alternative { "|" alternative }
//! alternative = name [ ":" architecture ] [ "(" [ operator ] version ")" ] [ "[" … "]" ] { "<" … ">" }
//! operator    = "<<" / "<=" / "=" / ">=" / ">>" / "<" / ">"  ; the last two mean "<=" and ">="
//! ```
//!
//! White space, line breaks included, may stand between any two of these. Without an operator a version is the
//! one that is meant. No alternative has a `,` or `|` in it, so a field is first cut at those ([`pieces`]) and a
//! piece is parsed only by who wants to look into it: most of an index's pieces occur many times.

use memchr::memchr2;

use crate::path::Shown;
use crate::relation::Op;

use super::words;

/// Why a text is no alternative.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAlternative(String);

/// One package that a relation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alternative<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The package's name, as written.
    pub name: &'a str,
    /// The architecture behind the name, such as `any`, or nothing.
    pub arch: &'a str,
    /// The condition on its version, which starts with a digit; no more is known of it.
    pub condition: Option<(Op, &'a str)>,
    /// What stands in `[]`: architectures that the relation is for. Only source packages should have it.
    pub architectures: &'a str,
    /// What stands in `<>`, from the first `<` to the last `>`: build profiles. Only source packages should have it.
    pub profiles: &'a str,
}

/// A part of a relation field between commas and bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its text, without white space around it. It can be empty.
    pub text: &'a str,
    /// A bar follows it: the next piece is another way to meet the same clause.
    pub or: bool,
}

/// The pieces of a relation field; an empty field has none.
#[must_use]
#[inline]
pub fn pieces(field: &str) -> Pieces<'_> {
    Pieces { rest: Some(field).filter(|field| !field.trim_ascii().is_empty()) }
}

/// The iterator that [`pieces`] gives.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    #[inline]
    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest?;
        let Some(end) = memchr2(b',', b'|', rest.as_bytes()) else {
            self.rest = None;
            return Some(Piece { text: rest.trim_ascii(), or: false });
        };
        self.rest = Some(&rest[end + 1..]);
        Some(Piece { text: rest[..end].trim_ascii(), or: rest.as_bytes()[end] == b'|' })
    }
}

impl<'a> Alternative<'a> {
    /// Parses the text of a [`Piece`].
    ///
    /// # Errors
    /// What it has instead of a name, an architecture, a version or a closing bracket.
    pub fn parse(text: &'a str) -> Result<Alternative<'a>, InvalidAlternative> {
        let mut parser = Parser { rest: text.trim_ascii() };
        let text = parser.rest;
        let name = parser.name();
        if name.is_empty() {
            let name = parser.word(END | COLON);
            return Err(InvalidAlternative(format!("'{}' is no package's name", Shown(name.as_bytes()))));
        }
        let arch = match parser.rest.strip_prefix(':') {
            Some(rest) => {
                parser.rest = rest;
                let arch = parser.word(END);
                if !words::is_architecture(arch) {
                    let shown = Shown(arch.as_bytes());
                    return Err(InvalidAlternative(format!("'{name}:{shown}' names no architecture")));
                }
                arch
            }
            None => "",
        };
        let condition = if parser.take("(") { Some(parser.condition(name)?) } else { None };
        if parser.rest.is_empty() {
            return Ok(Alternative { text, name, arch, condition, architectures: "", profiles: "" });
        }
        let architectures = if parser.take("[") { parser.up_to(']', parser.rest.find(']'))? } else { "" };
        let profiles = match parser.rest.strip_prefix('<') {
            Some(rest) => {
                parser.rest = rest;
                parser.up_to('>', rest.rfind('>'))?
            }
            None => "",
        };
        match parser.rest.chars().next() {
            Some(next) => Err(out_of_place(next)),
            None => Ok(Alternative { text, name, arch, condition, architectures, profiles }),
        }
    }

    /// The same, where there is nothing that only source packages may have.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and for restrictions to architectures or build profiles: dpkg refuses them.
    pub fn parse_binary(text: &'a str) -> Result<Alternative<'a>, InvalidAlternative> {
        let alternative = Alternative::parse(text)?;
        match (alternative.architectures, alternative.profiles) {
            ("", "") => Ok(alternative),
            ("", _) => Err(out_of_place('<')),
            _ => Err(out_of_place('[')),
        }
    }
}

fn out_of_place(next: char) -> InvalidAlternative {
    let mut bytes = [0; 4];
    let shown = Shown(next.encode_utf8(&mut bytes).as_bytes());
    InvalidAlternative(format!("'{shown}' stands where a ',' should"))
}

// Classes of characters.
/// What names are made of.
const NAME: u8 = 1;
/// What ends a name or an architecture: white space and brackets that open.
const END: u8 = 2;
/// What ends a version: white space and parentheses.
const VERSION_END: u8 = 4;
/// `:`.
const COLON: u8 = 8;

const CLASS: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'+' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => NAME,
            b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' | b'(' => END | VERSION_END,
            b'[' | b'<' => END,
            b')' => VERSION_END,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// What is left of a piece.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Takes `wanted` and the white space after it, when it comes next.
    fn take(&mut self, wanted: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_ascii_start();
        true
    }

    /// A package's name and the white space after it; nothing where there is none.
    #[inline]
    fn name(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let end = bytes.iter().position(|&byte| CLASS[byte as usize] & NAME == 0).unwrap_or(bytes.len());
        let follows = bytes.get(end).is_none_or(|&byte| CLASS[byte as usize] & (END | COLON) != 0);
        let starts = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        if starts && follows && end <= words::MAX_NAME { self.split(end) } else { "" }
    }

    /// The text up to one of the characters of the classes `ends`; white space after it is passed over.
    #[inline]
    fn word(&mut self, ends: u8) -> &'a str {
        let end = self.rest.bytes().position(|byte| CLASS[byte as usize] & ends != 0);
        self.split(end.unwrap_or(self.rest.len()))
    }

    #[inline]
    fn split(&mut self, end: usize) -> &'a str {
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_ascii_start();
        word
    }

    /// The text up to `bracket`, which is at `end`, and the bracket.
    fn up_to(&mut self, bracket: char, end: Option<usize>) -> Result<&'a str, InvalidAlternative> {
        let found = end.and_then(|end| Some((self.rest.get(..end)?, self.rest.get(end + 1..)?)));
        let Some((inside, rest)) = found else {
            return Err(InvalidAlternative(format!("a '{bracket}' is missing")));
        };
        if inside.trim_ascii().is_empty() {
            return Err(InvalidAlternative(format!("nothing stands before a '{bracket}'")));
        }
        self.rest = rest.trim_ascii_start();
        Ok(inside.trim_ascii())
    }

    /// What stands between parentheses, and the second of them.
    fn condition(&mut self, name: &str) -> Result<(Op, &'a str), InvalidAlternative> {
        let (op, length) = match self.rest.as_bytes() {
            [b'>', b'=', ..] => (Op::AtLeast, 2),
            [b'=', ..] => (Op::Equal, 1),
            [b'<', b'<', ..] => (Op::Less, 2),
            [b'<', b'=', ..] => (Op::AtMost, 2),
            [b'>', b'>', ..] => (Op::Greater, 2),
            [b'<', ..] => (Op::AtMost, 1),
            [b'>', ..] => (Op::AtLeast, 1),
            _ => (Op::Equal, 0),
        };
        self.split(length);
        let version = self.word(VERSION_END);
        if !version.starts_with(|first: char| first.is_ascii_digit()) {
            let shown = Shown(version.as_bytes());
            return Err(InvalidAlternative(format!("'{shown}', for {name}, is no version")));
        }
        if !self.take(")") {
            return Err(InvalidAlternative(format!("the condition on {name} does not end in ')'")));
        }
        Ok((op, version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read<'a> = (&'a str, &'a str, Option<(Op, &'a str)>);

    fn read(text: &str) -> Result<Read<'_>, String> {
        let found = Alternative::parse(text).map_err(|error| error.to_string())?;
        Ok((found.name, found.arch, found.condition))
    }

    #[test]
    fn an_alternative_is_a_name_an_architecture_and_a_condition() {
        assert_eq!(read("a"), Ok(("a", "", None)));
        assert_eq!(read(" b:any "), Ok(("b", "any", None)));
        assert_eq!(read("c:amd64 (>=1:2-3~)"), Ok(("c", "amd64", Some((Op::AtLeast, "1:2-3~")))));
        assert_eq!(read("d\n ( << 2 )"), Ok(("d", "", Some((Op::Less, "2")))));
        for (text, op) in [
            ("E(<=1)", Op::AtMost),
            ("E(=1)", Op::Equal),
            ("E(>>1)", Op::Greater),
            ("E(<1)", Op::AtMost),
            ("E(>1)", Op::AtLeast),
            ("E(1)", Op::Equal),
        ] {
            assert_eq!(read(text), Ok(("E", "", Some((op, "1")))), "{text}");
        }
    }

    #[test]
    fn what_source_packages_restrict_is_read_and_refused_in_binary_packages() {
        let text = "a:native (>= 1) [!hurd-any linux-any] <!nocheck> <cross !stage1>";
        let found = Alternative::parse(text).unwrap();
        assert_eq!((found.text, found.name, found.arch), (text, "a", "native"));
        assert_eq!(found.architectures, "!hurd-any linux-any");
        assert_eq!(found.profiles, "!nocheck> <cross !stage1");
        for (text, reason) in [
            ("a [amd64]", "'[' stands where a ',' should"),
            ("a [amd64] <x>", "'[' stands where a ',' should"),
            ("a<x>", "'<' stands where a ',' should"),
        ] {
            assert_eq!(Alternative::parse_binary(text).unwrap_err().to_string(), reason);
        }
        assert_eq!(Alternative::parse_binary("a (= 1)").unwrap().name, "a");
    }

    #[test]
    fn what_is_missing_or_left_over_is_named() {
        for (text, reason) in [
            ("", "'' is no package's name"),
            ("-a", "'-a' is no package's name"),
            ("(= 1)", "'' is no package's name"),
            ("a\u{1b}[2J", "no package's name"),
            ("a:", "'a:' names no architecture"),
            ("a:x_y", "'a:x_y' names no architecture"),
            ("a (", "'', for a, is no version"),
            ("a (>= )", "'', for a, is no version"),
            ("a (<> 1)", "'>', for a, is no version"),
            ("a (v1)", "'v1', for a, is no version"),
            ("a (= 1", "the condition on a does not end in ')'"),
            ("a (= 1 2)", "the condition on a does not end in ')'"),
            ("a (= 1) b", "'b' stands where a ',' should"),
            ("a é", "'é' stands where a ',' should"),
            ("a [amd64", "a ']' is missing"),
            ("a []", "nothing stands before a ']'"),
            ("a <", "a '>' is missing"),
            ("a < >", "nothing stands before a '>'"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(reason), "{text:?}: {refusal}");
        }
    }

    #[test]
    fn a_field_is_cut_at_commas_and_bars() {
        let cut = |field| pieces(field).map(|piece| (piece.text, piece.or)).collect::<Vec<_>>();
        assert_eq!(cut("a (= 1) |b,\n c"), [("a (= 1)", true), ("b", false), ("c", false)]);
        assert_eq!(cut("a,,"), [("a", false), ("", false), ("", false)]);
        assert_eq!(cut(" \n "), []);
        assert_eq!(cut(""), []);
    }
}
