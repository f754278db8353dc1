//! A policy file or a set as text: lines that mean something, the comments above them, and changes that leave
//! everything else as it was.
//!
//! Blank lines and lines that begin with `#` mean nothing. The comments right above a line are its reason, and
//! that of the lines that follow it without a blank line or another comment between.

use std::path::{Path, PathBuf};

use ambar_store::Dir;

use super::LARGEST;
use super::error::{PolicyError, PolicyProblem};
use crate::error::Error;

/// A line that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it says, without blanks at its ends.
    pub(super) text: String,
    /// Its number, from 1.
    pub(super) number: usize,
    /// The comments above it, without their `#`, one a line; or empty.
    pub(super) reason: String,
}

/// A file's text.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) file: PathBuf,
    /// As they are in the file, without line breaks.
    lines: Vec<String>,
}

impl Text {
    /// Reads a file; one that is not there is empty.
    pub(super) fn read(dir: &Dir, name: &str) -> Result<Text, Error> {
        let bytes = dir.read_if_any(name, LARGEST)?.unwrap_or_default();
        Text::of(&dir.join(name), &bytes)
    }

    pub(super) fn of(file: &Path, bytes: &[u8]) -> Result<Text, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            PolicyError { file: file.into(), line, problem: PolicyProblem::NotText }
        })?;
        Ok(Text { file: file.into(), lines: text.lines().map(str::to_owned).collect() })
    }

    /// The lines that mean something.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut found = Vec::new();
        let mut reason: Vec<&str> = Vec::new();
        let mut above_is_comment = false;
        for (index, line) in self.lines.iter().enumerate() {
            let text = line.trim();
            if let Some(comment) = text.strip_prefix('#') {
                if !above_is_comment {
                    reason.clear();
                }
                reason.push(comment.trim());
            } else if text.is_empty() {
                reason.clear();
            } else {
                let reason = reason.join("\n").trim().to_owned();
                found.push(Line { text: text.into(), number: index + 1, reason });
            }
            above_is_comment = text.starts_with('#');
        }
        found
    }

    /// An error about one of its lines.
    pub(super) fn error(&self, line: &Line, problem: impl Into<PolicyProblem>) -> Error {
        PolicyError { file: self.file.clone(), line: line.number, problem: problem.into() }.into()
    }

    /// Adds a line at the end, with its reason above it; one without a reason must not get that of another.
    pub(super) fn add(&mut self, text: &str, reason: Option<&str>) {
        let last_has_reason = self.lines().last().is_some_and(|line| !line.reason.is_empty());
        let ends_in = |test: fn(&str) -> bool| self.lines.last().is_some_and(|line| test(line.trim()));
        let is_apart = self.lines.is_empty() || ends_in(str::is_empty);
        if !is_apart && (reason.is_some() || last_has_reason || ends_in(|line| line.starts_with('#'))) {
            self.lines.push(String::new());
        }
        for line in reason.into_iter().flat_map(str::lines) {
            self.lines.push(format!("# {}", line.trim()).trim_end().to_owned());
        }
        self.lines.push(text.to_owned());
    }

    /// Takes out a line, and the comments above it unless they are also the reason of another.
    pub(super) fn remove(&mut self, number: usize) {
        let Some(index) = number.checked_sub(1).filter(|&index| index < self.lines.len()) else { return };
        let is = |index: usize, test: fn(&str) -> bool| {
            self.lines.get(index).is_some_and(|line| test(line.trim()))
        };
        let comment = |line: &str| line.starts_with('#');
        let mut first = index;
        let another_follows = is(index + 1, |line| !line.is_empty() && !line.starts_with('#'));
        if !another_follows {
            while first > 0 && is(first - 1, comment) {
                first -= 1;
            }
        }
        // Of two blank lines that would meet one goes too.
        let mut end = index + 1;
        let blank_above = first == 0 || is(first - 1, str::is_empty);
        if blank_above && is(end, str::is_empty) {
            end += 1;
        } else if blank_above && first > 0 && end == self.lines.len() {
            first -= 1;
        }
        self.lines.drain(first..end);
    }

    /// Writes the file in one go, durably.
    pub(super) fn write(&self, dir: &Dir, name: &str) -> Result<(), Error> {
        let mut bytes = self.lines.join("\n").into_bytes();
        if !bytes.is_empty() {
            bytes.push(b'\n');
        }
        if bytes.len() as u64 > LARGEST {
            let text = format!("{} would get larger than {LARGEST} bytes", self.file.display());
            return Err(Error::Usage(text));
        }
        Ok(dir.replace_file(name, &bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Text {
        Text::of(Path::new("mask"), content.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn content(text: &Text) -> String {
        text.lines.join("\n")
    }

    #[test]
    fn comments_right_above_a_line_are_its_reason() {
        let lines =
            text("# About this file.\n\n# breaks suspend\n#  see 12\n a \nb\n# other\nc\n\nd\n").lines();
        let seen: Vec<_> =
            lines.iter().map(|line| (line.number, line.text.as_str(), line.reason.as_str())).collect();
        let shared = "breaks suspend\nsee 12";
        assert_eq!(seen, [(5, "a", shared), (6, "b", shared), (8, "c", "other"), (10, "d", "")]);
    }

    #[test]
    fn what_is_added_has_its_own_reason_or_none() {
        let mut file = text("# About.\n");
        file.add("a", None);
        file.add("b", None);
        file.add("c", Some("bad\nvery bad"));
        file.add("d", None);
        assert_eq!(content(&file), "# About.\n\na\nb\n\n# bad\n# very bad\nc\n\nd");
        let reasons: Vec<String> = file.lines().into_iter().map(|line| line.reason).collect();
        assert_eq!(reasons, ["", "", "bad\nvery bad", ""]);
    }

    #[test]
    fn what_is_removed_takes_its_reason_along_and_nothing_else() {
        let whole = "# About.\n\n# one\na\n\n# two\nb\nc\n";
        let without = |number| {
            let mut file = text(whole);
            file.remove(number);
            content(&file)
        };
        assert_eq!(without(4), "# About.\n\n# two\nb\nc");
        assert_eq!(without(7), "# About.\n\n# one\na\n\n# two\nc");
        assert_eq!(without(8), "# About.\n\n# one\na\n\n# two\nb");
        assert_eq!(without(99), whole.trim_end());
    }

    /// What a file says: lines with their reasons, in order.
    fn said(text: &Text) -> Vec<(String, String)> {
        text.lines().into_iter().map(|line| (line.text, line.reason)).collect()
    }

    proptest::proptest! {
        #[test]
        fn a_change_leaves_every_other_rule_with_its_reason(
            lines in proptest::collection::vec(proptest::sample::select(vec!["", " ", "# x", "#y", "a", "b "]), 0..24),
            reason in proptest::option::of("[a-z]{0,3}(\n[a-z]{1,3})?"),
        ) {
            let before = text(&lines.join("\n"));
            let known = said(&before);
            for (index, line) in before.lines().into_iter().enumerate() {
                let mut after = before.clone();
                after.remove(line.number);
                let mut expected = known.clone();
                expected.remove(index);
                proptest::prop_assert_eq!(said(&after), expected);
            }
            let mut after = before.clone();
            after.add("new", reason.as_deref());
            let mut expected = known;
            expected.push(("new".into(), reason.unwrap_or_default().trim().into()));
            proptest::prop_assert_eq!(said(&after), expected);
            // Nothing that people wrote is gone.
            proptest::prop_assert_eq!(&after.lines[..before.lines.len()], &before.lines[..]);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        let error = Text::of(Path::new("hold"), b"a\nb\n\xff\n").unwrap_err();
        assert_eq!(error.to_string(), "hold:3: it is not UTF-8 text");
    }
}
