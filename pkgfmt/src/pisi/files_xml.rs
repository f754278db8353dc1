//! files.xml: what a package promises about each path of its payload.
//!
//! ```xml
//! <Files>
//!     <File>
//!         <Path>usr/bin/joe</Path>        relative; white space at its ends does not count
//!         <Type>executable</Type>         free text; "config" marks configuration
//!         <Size>238000</Size>             of a symlink: the length of its target
//!         <Uid>0</Uid> <Gid>0</Gid>       numbers
//!         <Mode>0755</Mode>               octal, four or five digits; a file type above them is passed over
//!         <Permanent>true</Permanent>     kept on upgrade
//!         <Hash>4e10…5242</Hash>          SHA-1; of a symlink: of its target
//!     </File>
//! ```
//!
//! Everything but the path may be missing. The list is read as a stream: a package with 100,000 files costs
//! the memory of its entries and not that of a document.

use std::io::BufRead;

use crate::digest::{Sha1Digest, unhex};
use crate::error::Problem;
use crate::limits::Limits;
use crate::package::DraftEntry;
use crate::path::{PayloadPath, Shown};

use super::xml::{Document, Element, Step};

/// The document's name in a package.
pub(super) const NAME: &str = "files.xml";

/// Memory for one `<File>` while it is read.
const FILE: usize = 64 << 10;

/// Reads the list; the entries come back sorted by path.
pub(super) fn read(source: impl BufRead, limits: &Limits) -> Result<Vec<DraftEntry>, Problem> {
    let mut document = Document::new(NAME, source, limits);
    match document.step()? {
        Some(Step::Start(root)) if root.name == "Files" => {}
        _ => return Err(Problem::damaged(NAME, "its root element is not <Files>")),
    }
    let mut entries = Vec::new();
    let mut open = true;
    while let Some(step) = document.step()? {
        match step {
            Step::Start(mut element) => {
                document.allow(FILE);
                document.fill(&mut element)?;
                if element.name != "File" {
                    continue;
                }
                if entries.len() >= limits.entries {
                    return Err(Problem::limit("the number of files", limits.entries as u64));
                }
                entries.push(entry(&element)?);
            }
            Step::End => open = false,
            Step::Text(_) => {}
        }
    }
    if open {
        return Err(Problem::damaged(NAME, "it ends inside an element"));
    }
    entries.sort_by(|a: &DraftEntry, b| a.path.cmp(&b.path));
    match entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        Some(pair) => Err(Problem::damaged(&pair[0].path, "files.xml lists it twice")),
        None => Ok(entries),
    }
}

fn entry(file: &Element) -> Result<DraftEntry, Problem> {
    let path = file.text_of("Path").as_bytes();
    let path = PayloadPath::new(path)
        .map_err(|error| Problem::forbidden(format_args!("files.xml: '{}'", Shown(path)), error))?;
    let kind = file.text_of("Type").to_owned();
    let bad = |name: &str, text: &str| {
        Problem::damaged(&path, format_args!("files.xml gives it the {name} '{}'", Shown(text.as_bytes())))
    };
    // The value of an element that may be missing or empty, but not nonsense.
    fn value<T>(
        file: &Element,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        bad: impl Fn(&str, &str) -> Problem,
    ) -> Result<Option<T>, Problem> {
        match file.text_of(name) {
            "" => Ok(None),
            text => parse(text).map(Some).ok_or_else(|| bad(name, text)),
        }
    }
    let mode =
        |text: &str| u32::from_str_radix(text, 8).ok().and_then(|mode| u16::try_from(mode & 0o7777).ok());
    let mut entry = DraftEntry::new(path.clone());
    entry.size = value(file, "Size", |text| text.parse().ok(), bad)?;
    entry.mode = value(file, "Mode", mode, bad)?;
    entry.uid = value(file, "Uid", |text| text.parse().ok(), bad)?;
    entry.gid = value(file, "Gid", |text| text.parse().ok(), bad)?;
    entry.sha1 = value(file, "Hash", |text| unhex(text.as_bytes()).map(Sha1Digest), bad)?;
    entry.config = kind == "config";
    entry.permanent = file.text_of("Permanent") == "true";
    entry.kind = kind;
    Ok(entry)
}
