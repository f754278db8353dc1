//! The file `control`: one paragraph of fields, as deb822(5) has it.
//!
//! ```text
//! Package: hello
//! Description: says hello
//!  A line that starts with a blank goes on with the field before it.
//! ```
//!
//! What dpkg refuses in a package's control file is refused: a field that occurs twice (in whatever case), a second
//! paragraph, a line that is no field, a last line without its end. Names of fields are letters, digits and
//! other visible ASCII; there are no comments. A line may end in CR LF. Bytes that are not UTF-8, which very old
//! packages have in people's names, become U+FFFD: the fields that matter to a program have stricter grammars.

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::Shown;

use super::lines::{Line, Lines, is_field_name};

/// The file's name in a package.
pub(super) const NAME: &str = "control";

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Its name, as written.
    pub(super) name: String,
    /// The text on its first line, without white space around it.
    pub(super) first: String,
    /// The lines that follow, without their first blank and white space at their ends.
    pub(super) more: Vec<String>,
}

impl Field {
    /// All its lines, with line breaks between them.
    pub(super) fn text(&self) -> String {
        let mut text = self.first.clone();
        for line in &self.more {
            text.push('\n');
            text.push_str(line);
        }
        text
    }

    /// The text of a field that has one line.
    pub(super) fn line(&self) -> Result<&str, Problem> {
        if self.more.is_empty() {
            return Ok(&self.first);
        }
        Err(self.damaged("it has more than one line"))
    }

    /// Something is wrong with this field.
    pub(super) fn damaged(&self, reason: impl std::fmt::Display) -> Problem {
        Problem::damaged(format_args!("{NAME}: {}", self.name), reason)
    }
}

/// The fields of the one paragraph, in their order.
#[derive(Debug)]
pub(super) struct Control(pub(super) Vec<Field>);

impl Control {
    /// Reads the paragraph.
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Control, Problem> {
        let damaged = |number: usize, reason: &str| {
            Err(Problem::damaged(NAME, format_args!("line {number}: {reason}")))
        };
        if bytes.contains(&0) {
            return Err(Problem::damaged(NAME, "it holds a NUL"));
        }
        let Some(bytes) = bytes.strip_suffix(b"\n") else {
            return Err(Problem::damaged(NAME, "its last line has no end"));
        };
        let mut fields: Vec<Field> = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut ended = false;
        let mut lines = Lines::new(bytes);
        while let Some(line) = lines.next() {
            let number = lines.number();
            if line == Line::Blank {
                ended = !fields.is_empty();
                continue;
            }
            if ended {
                return damaged(number, "a second paragraph starts; a package has one");
            }
            let (name, first) = match line {
                Line::More(more) => {
                    match fields.last_mut() {
                        Some(field) => field.more.push(String::from_utf8_lossy(more).into()),
                        None => {
                            return damaged(number, "it goes on with a field, and there is none before it");
                        }
                    }
                    continue;
                }
                Line::Field(name, first) => (String::from_utf8_lossy(name), String::from_utf8_lossy(first)),
                Line::Other(_) | Line::Blank => return damaged(number, "it is no field: it has no colon"),
            };
            if !is_field_name(name.as_bytes()) {
                let shown = Shown(name.as_bytes());
                return damaged(number, &format!("'{shown}' is no field's name"));
            }
            if fields.len() >= limits.metadata_fields {
                let limit = limits.metadata_fields as u64;
                return Err(Problem::limit(format_args!("{NAME}: the number of fields"), limit));
            }
            if !names.insert(name.to_ascii_lowercase()) {
                return damaged(number, &format!("the field '{name}' occurs twice"));
            }
            fields.push(Field { name: name.into(), first: first.into(), more: Vec::new() });
        }
        Ok(Control(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Field>, String> {
        Control::read(text.as_bytes(), &Limits::default()).map(|control| control.0).map_err(|e| e.to_string())
    }

    #[test]
    fn a_field_goes_on_over_lines_that_start_with_a_blank() {
        let fields =
            read("\nPackage: a\nDescription :  short \r\n long\r\n .\n\t  verse\nEmpty:\n\n").unwrap();
        let shown: Vec<(&str, String)> = fields.iter().map(|f| (f.name.as_str(), f.text())).collect();
        let description = "short\nlong\n.\n  verse".to_owned();
        assert_eq!(shown, [("Package", "a".into()), ("Description", description), ("Empty", String::new())]);
    }

    #[test]
    fn what_is_no_single_paragraph_is_refused() {
        for (text, reason) in [
            ("", "last line"),
            ("Package: a", "last line"),
            ("Package: a\n\nPackage: b\n", "second paragraph"),
            ("Package: a\npackage: b\n", "twice"),
            ("Package: a\nnonsense\n", "line 2: it is no field"),
            (" more\nPackage: a\n", "none before it"),
            ("# a: comment\nPackage: a\n", "no field's name"),
            ("-a: b\n", "no field's name"),
            (": b\n", "no field's name"),
            ("a b: c\n", "no field's name"),
            ("Packagé: c\n", "no field's name"),
            ("Package: a\0b\n", "NUL"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(reason), "{text:?}: {refusal}");
        }
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        let limits = Limits { metadata_fields: 2, ..Limits::default() };
        assert!(Control::read(b"a: 1\nb: 2\n", &limits).is_ok());
        let problem = Control::read(b"a: 1\nb: 2\nc: 3\n", &limits).unwrap_err();
        assert!(matches!(problem, Problem::Limit { limit: 2, .. }), "{problem}");
    }

    #[test]
    fn a_name_in_latin_1_does_not_keep_a_package_from_being_read() {
        let control = Control::read(b"Maintainer: J\xf6rg\n", &Limits::default()).unwrap();
        assert_eq!(control.0[0].first, "J\u{fffd}rg");
    }
}
