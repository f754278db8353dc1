//! `Packages`: the index of a Debian repository, a stanza for each package.
//!
//! ```no_run
//! use ambar_pkgfmt::Limits;
//! use ambar_pkgfmt::deb::{index::PackagesIndex, stanza::Field};
//!
//! let index = PackagesIndex::open("Packages.xz".as_ref(), &Limits::default())?;
//! for stanza in index.stanzas() {
//!     let stanza = stanza?;
//!     for piece in stanza.pieces(Field::Depends) {
//!         let alternative = stanza.alternative(Field::Depends, piece)?;
//!         assert!(!alternative.name.is_empty());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing is copied: a [`Stanza`] borrows from the text, which is read once from front to back. Fields that nobody
//! asks for cost a look at their name.
//!
//! A stanza ends at an empty line, or one of white space; the last one may end with the text, in the middle of a line
//! too. Lines may end in CR LF, lines that start with `#` are passed over (except inside a field), names of fields
//! are not case-sensitive, and one stanza that is wrong says nothing about the others: reading goes on behind it.
//! Wrong is what apt and dpkg cannot use: a line that is no field, a field of [`Field`] that occurs twice, no
//! `Package` or `Version`, and text that is not UTF-8 in one of these fields (elsewhere any bytes will do).

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::path::Shown;
use crate::payload::{Compression, Unpacked};
use crate::source::{SharedBytes, Source};

use super::lines::{Line, Lines, is_field_name};
use super::stanza::{FIELDS, Field, InvalidStanza, Stanza};

/// What errors call the text.
const NAME: &str = "Packages";

/// The text of an index, unpacked.
#[derive(Clone)]
pub struct PackagesIndex(SharedBytes);

impl PackagesIndex {
    /// Reads the index in the file `path`.
    ///
    /// # Errors
    /// The file cannot be read, or what [`read`](Self::read) refuses.
    pub fn open(path: &Path, limits: &Limits) -> Result<PackagesIndex, Error> {
        Source::open(path)
            .and_then(|source| Self::unpack(&source, limits))
            .map_err(|problem| Error::new(path, problem))
    }

    /// Takes an index that is in memory or mapped, and unpacks it where it is packed with gzip, bzip2, xz or zstd,
    /// going by its first bytes. What is not packed is used where it is.
    ///
    /// # Errors
    /// [`Problem::Limit`] for a text longer than [`Limits::repository_index_bytes`], [`Problem::Damaged`] where
    /// unpacking fails.
    pub fn read(bytes: SharedBytes, limits: &Limits) -> Result<PackagesIndex, Problem> {
        let all = (*bytes).as_ref();
        if Compression::of_magic(all) != Compression::None {
            return Self::unpack(&Source::Bytes(bytes), limits);
        }
        if all.len() as u64 > limits.repository_index_bytes {
            return Err(too_long(limits));
        }
        Ok(PackagesIndex(bytes))
    }

    fn unpack(source: &Source, limits: &Limits) -> Result<PackagesIndex, Problem> {
        let broken = |error| Problem::from_stream(NAME, error);
        let (length, most) = (source.len(), limits.repository_index_bytes);
        let mut head = [0; 8];
        let head = &mut head[..length.min(8) as usize];
        source.read_exact_at(head, 0).map_err(broken)?;
        let compression = Compression::of_magic(head);
        let mut text = Vec::new();
        if compression == Compression::None {
            // One byte more shows a reader the end without growing the buffer.
            text.reserve_exact(length.min(most) as usize + 1);
        }
        let mut unpacked = Unpacked::new(NAME, source.slice(0, length), compression, limits)?;
        let read = unpacked.by_ref().take(most.saturating_add(1)).read_to_end(&mut text).map_err(broken)?;
        if read as u64 > most {
            return Err(too_long(limits));
        }
        unpacked.end()?;
        Ok(PackagesIndex(Arc::new(text)))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        (*self.0).as_ref()
    }

    /// Its packages, in the index's order.
    #[must_use]
    pub fn stanzas(&self) -> Stanzas<'_> {
        Stanzas::new(self.text())
    }
}

impl std::fmt::Debug for PackagesIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PackagesIndex").field(&self.text().len()).finish()
    }
}

fn too_long(limits: &Limits) -> Problem {
    Problem::limit("the length of its text", limits.repository_index_bytes)
}

/// The packages of an index's text.
#[derive(Debug, Clone)]
pub struct Stanzas<'a> {
    lines: Lines<'a>,
    /// The text as such, where all of it is UTF-8.
    text: Option<&'a str>,
}

impl<'a> Stanzas<'a> {
    /// The packages of `text`, which is not packed.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Stanzas { lines: Lines::new(text), text: std::str::from_utf8(text).ok() }
    }
}

/// Where the value of a field is in the text. It never starts at 0: its name and a colon come before it.
type Span = (usize, usize);

/// Which field a continuation line belongs to.
#[derive(Clone, Copy)]
enum Open {
    /// None: the stanza starts here, or a comment came.
    Nothing,
    /// One that nobody asks for.
    Other,
    Kept(Field),
}

/// What is wrong with a line.
enum Wrong<'a> {
    Twice(Field),
    Name(&'a [u8]),
    NoField,
    GoesOn,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Result<Stanza<'a>, InvalidStanza>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut spans: [Span; FIELDS] = [(0, 0); FIELDS];
        let mut open = Open::Nothing;
        // Where the stanza starts: in bytes, and in lines.
        let mut first = None;
        // The first line that is wrong, and how.
        let mut wrong = None;
        loop {
            let start = self.lines.at();
            let line = match self.lines.next() {
                Some(Line::Blank) if first.is_none() => continue,
                Some(Line::Blank) => break,
                None if first.is_none() => return None,
                None => break,
                Some(line) => line,
            };
            let number = self.lines.number();
            match line {
                Line::Field(name, value) => {
                    if let Some(field) = Field::of_name(name) {
                        let span = &mut spans[field as usize];
                        if span.0 != 0 {
                            wrong.get_or_insert((number, Wrong::Twice(field)));
                        }
                        *span = (self.lines.end() - value.len(), self.lines.end());
                        open = Open::Kept(field);
                    } else if is_field_name(name) {
                        open = Open::Other;
                    } else if name.starts_with(b"#") {
                        open = Open::Nothing;
                        continue;
                    } else {
                        wrong.get_or_insert((number, Wrong::Name(name)));
                    }
                }
                Line::More(_) => match open {
                    Open::Kept(field) => spans[field as usize].1 = self.lines.end(),
                    Open::Other => {}
                    Open::Nothing => {
                        wrong.get_or_insert((number, Wrong::GoesOn));
                    }
                },
                Line::Other([b'#', ..]) => {
                    open = Open::Nothing;
                    continue;
                }
                Line::Other(_) | Line::Blank => {
                    wrong.get_or_insert((number, Wrong::NoField));
                }
            }
            first.get_or_insert((start, number));
        }
        let (start, line) = first?;
        let text = self.lines.text().get(start..self.lines.at()).unwrap_or_default();
        let mut stanza = Stanza { text, line, values: [""; FIELDS] };
        let mut no_text = None;
        for (field, (value, span)) in Field::ALL.into_iter().zip(stanza.values.iter_mut().zip(spans)) {
            match self.value(span) {
                Some(text) => *value = text,
                None => no_text = no_text.or(Some(field)),
            }
        }
        if wrong.is_none()
            && no_text.is_none()
            && !stanza.package().is_empty()
            && !stanza.version().is_empty()
        {
            return Some(Ok(stanza));
        }
        Some(Err(refusal(&stanza, wrong, no_text)))
    }
}

impl<'a> Stanzas<'a> {
    /// The text of a value, or `None` where it is not UTF-8.
    #[inline]
    fn value(&self, (start, end): Span) -> Option<&'a str> {
        let value = match self.text {
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(self.lines.text().get(start..end)?).ok(),
        };
        // The first line of a folded value can be empty.
        value.map(str::trim_ascii_start)
    }
}

/// Why a stanza cannot be used.
#[cold]
fn refusal(stanza: &Stanza<'_>, wrong: Option<(usize, Wrong<'_>)>, no_text: Option<Field>) -> InvalidStanza {
    let package = stanza.package().to_owned();
    if let Some((line, wrong)) = wrong {
        let (field, reason) = match wrong {
            Wrong::Twice(field) => (Some(field), "the field occurs twice".into()),
            Wrong::Name(name) => (None, format!("'{}' is no field's name", Shown(name))),
            Wrong::NoField => (None, "it is no field: it has no colon".into()),
            Wrong::GoesOn => (None, "it goes on with a field, and there is none before it".into()),
        };
        return InvalidStanza { line, package, field, reason };
    }
    if let Some(field) = no_text {
        return stanza.invalid(field, "it is not UTF-8".into());
    }
    let missing = if package.is_empty() { Field::Package } else { Field::Version };
    let reason = format!("it has no field '{}'", missing.name());
    InvalidStanza { line: stanza.line, package, field: None, reason }
}
