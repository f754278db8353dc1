//! The lines of deb822(5), which control files and `Packages` indexes are written in.

use memchr::memchr;

/// What one line is. White space at its end, a carriage return included, is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// White space or nothing.
    Blank,
    /// It goes on with the field before it; without its first blank.
    More(&'a [u8]),
    /// A field's name, without white space at its end, and what follows the colon, without white space around it.
    Field(&'a [u8], &'a [u8]),
    /// It has no colon.
    Other(&'a [u8]),
}

/// The lines of a text one by one.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    end: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `text`. A line break at its end starts no further line.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Lines { text, at: 0, end: 0, number: 0 }
    }

    /// The text that they are of.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Where the next line starts, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the line that was read last ends, in bytes, without white space at its end.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The number of the line that was read last, counted from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, taken) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        let line = line.trim_ascii_end();
        self.end = self.at + line.len();
        self.at += taken;
        self.number += 1;
        let Some(first) = line.first() else { return Some(Line::Blank) };
        if matches!(first, b' ' | b'\t') {
            return Some(Line::More(&line[1..]));
        }
        Some(match memchr(b':', line) {
            Some(colon) => Line::Field(line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii_start()),
            None => Line::Other(line),
        })
    }
}

/// Whether a field can have this name: visible ASCII, with neither `-` nor `#` first.
pub(super) fn is_field_name(name: &[u8]) -> bool {
    !matches!(name.first(), None | Some(b'-' | b'#'))
        && name.iter().fold(true, |all, byte| all & byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_by_its_first_character_and_its_colon() {
        let mut lines = Lines::new(b"A : b:c \r\n more\r\n\t.\n \r\n\nodd\n:x\nlast: ");
        let found: Vec<Line<'_>> = lines.by_ref().collect();
        assert_eq!(
            found,
            [
                Line::Field(b"A", b"b:c"),
                Line::More(b"more"),
                Line::More(b"."),
                Line::Blank,
                Line::Blank,
                Line::Other(b"odd"),
                Line::Field(b"", b"x"),
                Line::Field(b"last", b""),
            ]
        );
        assert_eq!((lines.number(), lines.at()), (8, lines.text().len()));
    }
}
