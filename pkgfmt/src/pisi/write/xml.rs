//! XML as it is written: indented elements, and text that reads back as it is.
//!
//! A carriage return is written as a reference, because a reader makes a line feed of it; so are tab and line
//! feed in attributes, where a reader makes spaces of them.

/// Whether a text comes out of a document as it went in: no white space at its ends, and only characters that
/// XML has.
pub(super) fn survives(text: &str) -> bool {
    text.trim().len() == text.len() && text.chars().all(is_character)
}

/// The text without what does not survive.
pub(super) fn cleaned(text: &str) -> String {
    let kept: String = text.chars().filter(|&c| is_character(c)).collect();
    kept.trim().to_owned()
}

fn is_character(c: char) -> bool {
    (c >= ' ' || matches!(c, '\t' | '\n' | '\r')) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A document under construction.
#[derive(Debug, Default)]
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// A document with nothing in it.
    pub(super) fn new() -> Xml {
        Xml::default()
    }

    /// Starts an element that others go into. Attributes without a value are left out.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the innermost open element.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.end(name);
        }
    }

    /// An element that holds a text.
    pub(super) fn element(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        self.text.push('>');
        self.escape(text, false);
        self.end(name);
    }

    /// An element that holds a text, unless there is none.
    pub(super) fn optional(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.element(name, &[], text);
        }
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.escape(value, true);
            self.text.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn indent(&mut self) {
        for _ in &self.open {
            self.text.push_str("    ");
        }
    }

    fn escape(&mut self, text: &str, attribute: bool) {
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' if attribute => self.text.push_str("&quot;"),
                '\r' => self.text.push_str("&#13;"),
                '\t' if attribute => self.text.push_str("&#9;"),
                '\n' if attribute => self.text.push_str("&#10;"),
                c => self.text.push(c),
            }
        }
    }
}
