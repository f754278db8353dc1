//! xpak: what Portage knows of a package, as names with values.
//!
//! The index is a sequence of `be32 length, name, be32 offset, be32 length`; offsets count from the start of the
//! data. Names are file names, each once; values lie inside the data, beside each other, and fill it: what no
//! name leads to would be seen by some readers and not by others.

use std::collections::BTreeMap;

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::{MAX_COMPONENT, Shown};

use super::XPAK;

/// The values by name.
#[derive(Debug, Default)]
pub(super) struct Xpak(BTreeMap<String, Vec<u8>>);

impl Xpak {
    /// Reads an index and its data.
    pub(super) fn read(index: &[u8], data: &[u8], limits: &Limits) -> Result<Xpak, Problem> {
        let mut values: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut places: Vec<(usize, usize)> = Vec::new();
        let mut rest = index;
        while !rest.is_empty() {
            if places.len() >= limits.container_members {
                return Err(Problem::limit(
                    "the number of values in the xpak",
                    limits.container_members as u64,
                ));
            }
            let length = number(&mut rest)?;
            let name = rest.split_at_checked(length).ok_or_else(truncated)?;
            rest = name.1;
            let name = self::name(name.0)?;
            let (offset, length) = (number(&mut rest)?, number(&mut rest)?);
            let end = offset.checked_add(length).filter(|&end| end <= data.len());
            let Some(value) = end.and_then(|end| data.get(offset..end)) else {
                return Err(damaged(&name, "it lies outside the data"));
            };
            places.push((offset, length));
            if values.insert(name.clone(), value.to_vec()).is_some() {
                return Err(damaged(&name, "the index has it twice"));
            }
        }
        places.sort_unstable();
        let mut end = 0;
        for (offset, length) in places {
            if offset != end {
                return Err(Problem::damaged(XPAK, "its values overlap or leave gaps"));
            }
            end += length;
        }
        if end != data.len() {
            return Err(Problem::damaged(XPAK, "its data goes on after its last value"));
        }
        Ok(Xpak(values))
    }

    /// The value of that name as text, without the line break that ends it; `None` where there is none or it is
    /// no text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| text(value))
    }

    /// The text of that name; empty where there is none.
    pub(super) fn text_or_empty(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// The value of that name; nothing where there is none.
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names and values, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// A value as text, without the line breaks and blanks that end it; `None` for what is not UTF-8 or holds NUL.
pub(super) fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    (!text.contains('\0')).then(|| text.trim_end())
}

fn name(bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).ok();
    let plain = |text: &&str| {
        !text.is_empty()
            && text.len() <= MAX_COMPONENT
            && !matches!(*text, "." | "..")
            && !text.contains(|c: char| c.is_control() || c == '/')
    };
    let name = text.filter(plain);
    name.map(String::from).ok_or_else(|| {
        Problem::forbidden(format_args!("xpak: '{}'", Shown(bytes)), "it is not the name of a value")
    })
}

fn number(rest: &mut &[u8]) -> Result<usize, Problem> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    *rest = tail;
    Ok(u32::from_be_bytes(*head) as usize)
}

fn truncated() -> Problem {
    Problem::damaged(XPAK, "its index ends inside an entry")
}

fn damaged(name: &str, reason: &str) -> Problem {
    Problem::damaged(format_args!("xpak: {}", Shown(name.as_bytes())), reason)
}
