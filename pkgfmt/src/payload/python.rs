//! Compiled Python files and the times of their sources.
//!
//! Python takes a compiled file for fresh when the modification time of the source is the one that the compiled
//! file records. A store that gives every file one time would make Python compile again at each start; so the
//! sources whose recorded time is the declared one keep it.
//!
//! ```text
//! name.pyc, name.pyo             belong to name.py beside them
//! __pycache__/name.TAG.pyc       belongs to ../name.py
//!
//! bytes 0..2 magic number, 2..4 "\r\n"
//! before Python 3.7 (magic below 3392, or of Python 2: 50000 and more):   4..8 time of the source
//! since Python 3.7:                  4..8 flags, 0 where a time follows;  8..12 time of the source
//! ```
//! All numbers have their least byte first.

use crate::package::DraftEntry;
use crate::path::{PayloadPath, compare_paths};

/// Bytes of a compiled file that have to be seen.
pub(crate) const HEAD: usize = 16;
/// The first magic number of Python 3.7's layout.
const FLAGS_SINCE: u16 = 3392;
/// Python 2's magic numbers are above all of Python 3's.
const PYTHON_2: u16 = 20_000;

/// Which entries are compiled forms of which.
#[derive(Debug, Clone, Default)]
pub(crate) struct Python {
    /// (source, compiled) by position, sorted.
    pairs: Vec<(usize, usize)>,
}

impl Python {
    /// Finds the pairs among entries that are sorted by path.
    pub(crate) fn new(entries: &[DraftEntry]) -> Python {
        let mut pairs: Vec<(usize, usize)> = entries
            .iter()
            .enumerate()
            .filter_map(|(compiled, entry)| {
                let source = source_of(&entry.path)?;
                let found = entries.binary_search_by(|entry| compare_paths(entry.path.as_bytes(), &source));
                Some((found.ok()?, compiled))
            })
            .collect();
        pairs.sort_unstable();
        Python { pairs }
    }

    /// Whether the entry has a compiled form.
    pub(crate) fn is_source(&self, index: usize) -> bool {
        self.compiled(index).next().is_some()
    }

    /// The compiled forms of an entry.
    pub(crate) fn compiled(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let start = self.pairs.partition_point(|&(source, _)| source < index);
        self.pairs[start..]
            .iter()
            .take_while(move |&&(source, _)| source == index)
            .map(|&(_, compiled)| compiled)
    }
}

/// Whether a path is that of a compiled file.
pub(crate) fn is_compiled(path: &PayloadPath) -> bool {
    path.as_bytes().ends_with(b".pyc") || path.as_bytes().ends_with(b".pyo")
}

/// The path of the source that a compiled file belongs to.
fn source_of(path: &PayloadPath) -> Option<Vec<u8>> {
    if !is_compiled(path) {
        return None;
    }
    let name = path.file_name();
    let stem = &name[..name.len() - 4];
    let directory = &path.as_bytes()[..path.as_bytes().len() - name.len()];
    let (directory, stem) = match directory.strip_suffix(b"__pycache__/") {
        Some(above) if above.is_empty() || above.ends_with(b"/") => {
            let dot = stem.iter().position(|&byte| byte == b'.')?;
            (above, &stem[..dot])
        }
        _ => (directory, stem),
    };
    Some([directory, stem, b".py"].concat())
}

/// The modification time that a compiled file records, from its first bytes.
pub(crate) fn source_mtime(head: &[u8]) -> Option<u32> {
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let magic = u16::from_le_bytes(head.get(..2)?.try_into().ok()?);
    if head.get(2..4)? != b"\r\n" {
        return None;
    }
    if !(FLAGS_SINCE..PYTHON_2).contains(&magic) {
        return word(4);
    }
    if word(4)? == 0 { word(8) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_file_knows_its_source() {
        let source = |path: &str| {
            let path = PayloadPath::new(path.as_bytes()).unwrap();
            source_of(&path).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(source("usr/lib/a.pyc").as_deref(), Some("usr/lib/a.py"));
        assert_eq!(source("usr/lib/a.pyo").as_deref(), Some("usr/lib/a.py"));
        assert_eq!(source("usr/lib/__pycache__/a.cpython-38.pyc").as_deref(), Some("usr/lib/a.py"));
        assert_eq!(source("usr/lib/__pycache__/a.cpython-38.opt-1.pyc").as_deref(), Some("usr/lib/a.py"));
        assert_eq!(source("my__pycache__/a.pyc").as_deref(), Some("my__pycache__/a.py"));
        assert_eq!(source("usr/lib/a.py"), None);
    }

    #[test]
    fn the_time_stands_where_the_magic_number_says() {
        let head = |magic: u16, rest: &[u8]| [&magic.to_le_bytes()[..], b"\r\n", rest].concat();
        assert_eq!(source_mtime(&head(62211, &[1, 0, 0, 0])), Some(1), "Python 2.7");
        assert_eq!(source_mtime(&head(3379, &[2, 0, 0, 0])), Some(2), "Python 3.6");
        assert_eq!(source_mtime(&head(3394, &[0, 0, 0, 0, 3, 0, 0, 0])), Some(3), "Python 3.7");
        assert_eq!(source_mtime(&head(3394, &[1, 0, 0, 0, 3, 0, 0, 0])), None, "checked by hash");
        assert_eq!(source_mtime(b"\x03\xf3"), None);
    }
}
