//! XML as packages use it: elements, attributes and text, within limits.
//!
//! A document is UTF-8 (a byte order mark and white space before it are accepted). The five predefined entities
//! and character references are resolved and nothing else is: a DOCTYPE without a subset of its own is passed
//! over, one with a subset is refused, so that no entity can be declared. Comments and processing instructions
//! are passed over. Names keep their prefix (`xml:lang`).

use std::io::{self, BufRead};

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::error::Problem;
use crate::limits::Limits;

/// Most attributes of one element; PiSi's have at most six.
const ATTRIBUTES: usize = 64;

/// Most bytes of one text, tag or comment. The longest change logs of packages take some kilobytes.
const STEP: usize = 4 << 20;
/// About what an element takes in memory, besides its text and attributes.
const ELEMENT: usize = 160;

/// One step through a document.
#[derive(Debug)]
pub(super) enum Step {
    /// An element starts.
    Start(Element),
    /// Text, with references resolved.
    Text(String),
    /// The innermost open element ends.
    End,
}

/// An element: its name, its attributes, and (from [`Document::tree`]) what is in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Name, with its prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    text: String,
    /// Elements directly inside.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The text directly inside, without white space at its ends.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The value of an attribute, without white space at its ends.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// The elements of that name directly inside.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of that name directly inside.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element of that name directly inside, or nothing.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", Element::text)
    }
}

/// A document that is being read.
pub(super) struct Document<'l, R> {
    what: &'static str,
    reader: Reader<Rationed<R>>,
    limits: &'l Limits,
    buffer: Vec<u8>,
    depth: usize,
    elements: usize,
    had_root: bool,
    /// Memory that elements may still take, see [`Document::allow`].
    allowance: usize,
}

impl<'l, R: BufRead> Document<'l, R> {
    /// A document named `what` at its start. The number of bytes is for the caller to bound.
    pub(super) fn new(what: &'static str, source: R, limits: &'l Limits) -> Self {
        let mut reader = Reader::from_reader(Rationed { source, left: STEP });
        reader.config_mut().expand_empty_elements = true;
        Document {
            what,
            reader,
            limits,
            buffer: Vec::new(),
            depth: 0,
            elements: 0,
            had_root: false,
            allowance: 0,
        }
    }

    /// Lets the elements that [`fill`](Self::fill) builds from here on take about that many bytes of memory.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    fn take_allowance(&mut self, bytes: usize) -> Result<(), Problem> {
        self.allowance = self
            .allowance
            .checked_sub(bytes)
            .ok_or_else(|| Problem::damaged(self.what, "an element holds more than any package's does"))?;
        Ok(())
    }

    /// The next step, or `None` after the root element's end and the document's.
    pub(super) fn step(&mut self) -> Result<Option<Step>, Problem> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().left = STEP;
            let what = self.what;
            let position = self.reader.buffer_position();
            let bad = |reason: &str| Problem::damaged(what, format_args!("{reason} (near byte {position})"));
            let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| match error {
                quick_xml::Error::Io(error) => Problem::from_stream(
                    what,
                    match error.raw_os_error() {
                        Some(code) => io::Error::from_raw_os_error(code),
                        None => io::Error::new(error.kind(), error.to_string()),
                    },
                ),
                error => bad(&error.to_string()),
            })?;
            let text = match event {
                Event::Eof if self.depth > 0 => return Err(bad("it ends inside an element")),
                Event::Eof if !self.had_root => return Err(bad("it has no element")),
                Event::Eof => return Ok(None),
                Event::Start(start) => {
                    if self.depth == 0 && self.had_root {
                        return Err(bad("it has a second root element"));
                    }
                    self.had_root = true;
                    self.depth += 1;
                    self.elements += 1;
                    if self.depth > self.limits.xml_depth {
                        return Err(Problem::limit(
                            format_args!("{what}'s depth"),
                            self.limits.xml_depth as u64,
                        ));
                    }
                    if self.elements > self.limits.xml_elements {
                        let limit = self.limits.xml_elements as u64;
                        return Err(Problem::limit(format_args!("{what}'s number of elements"), limit));
                    }
                    return Ok(Some(Step::Start(element(&start).map_err(|reason| bad(&reason))?)));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Step::End));
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    match reference.resolve_char_ref().map_err(|error| bad(&error.to_string()))? {
                        Some(character) => character.to_string(),
                        None => match quick_xml::escape::resolve_xml_entity(&name) {
                            Some(text) => text.to_owned(),
                            None => return Err(bad("it uses an entity that XML does not define")),
                        },
                    }
                }
                Event::Decl(declaration) => {
                    if let Some(encoding) = declaration.encoding() {
                        let encoding = encoding.map_err(|error| bad(&error.to_string()))?;
                        if !encoding.eq_ignore_ascii_case("utf-8")
                            && !encoding.eq_ignore_ascii_case("us-ascii")
                        {
                            return Err(bad("it is not UTF-8"));
                        }
                    }
                    continue;
                }
                Event::DocType(doctype) => {
                    if doctype.xml10_content().contains(['[', '&', '%']) {
                        return Err(bad("its DOCTYPE declares something, which packages must not"));
                    }
                    continue;
                }
                Event::Comment(_) | Event::PI(_) | Event::Empty(_) => continue,
            };
            if self.depth == 0 {
                if text.chars().all(|c| c.is_ascii_whitespace() || c == '\u{feff}') {
                    continue;
                }
                return Err(bad("it has text outside its root element"));
            }
            check_characters(&text).map_err(|reason| bad(&reason))?;
            return Ok(Some(Step::Text(text)));
        }
    }

    /// Reads the rest of the innermost open element into `element`.
    pub(super) fn fill(&mut self, element: &mut Element) -> Result<(), Problem> {
        // Recursion is bounded by the limit on depth.
        while let Some(step) = self.step()? {
            match step {
                Step::Start(mut child) => {
                    let attributes = child.attributes.iter().map(|(key, value)| 64 + key.len() + value.len());
                    self.take_allowance(ELEMENT + attributes.sum::<usize>())?;
                    self.fill(&mut child)?;
                    element.children.push(child);
                }
                Step::Text(text) => {
                    self.take_allowance(text.len())?;
                    element.text.push_str(&text);
                }
                Step::End => return Ok(()),
            }
        }
        Err(Problem::damaged(self.what, "it ends inside an element"))
    }

    /// Reads the whole document, whose elements may take about `bytes` of memory.
    pub(super) fn tree(mut self, bytes: usize) -> Result<Element, Problem> {
        self.allow(bytes);
        let Some(Step::Start(mut root)) = self.step()? else {
            return Err(Problem::damaged(self.what, "it has no element"));
        };
        self.fill(&mut root)?;
        match self.step()? {
            None => Ok(root),
            Some(_) => Err(Problem::damaged(self.what, "something follows its root element")),
        }
    }
}

/// A source that gives [`STEP`] bytes and then waits for a new ration: the XML reader takes a whole text into
/// memory before anyone else sees it.
struct Rationed<R> {
    source: R,
    left: usize,
}

impl<R: BufRead> io::Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = io::Read::read(&mut self.fill_buf()?, buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Rationed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = self.source.fill_buf()?;
        if self.left == 0 && !available.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a text or tag is longer than any package's is",
            ));
        }
        Ok(&available[..available.len().min(self.left)])
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.source.consume(amount);
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: start.name().as_ref().to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        check_characters(&value)?;
        element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        if element.attributes.len() > ATTRIBUTES {
            return Err(format!("an element has more than {ATTRIBUTES} attributes"));
        }
    }
    Ok(element)
}

/// XML has no control characters but tab and line ends; a reference may not bring one in either.
fn check_characters(text: &str) -> Result<(), String> {
    let bad = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.chars().find(|&c| bad(c)) {
        Some(c) => Err(format!("it holds the character U+{:04X}, which XML does not have", u32::from(c))),
        None => Ok(()),
    }
}
