//! The end of the file: where the payload stops, and what follows it.
//!
//! ```text
//! payload                                   a packed tar, from the start of the file
//! "XPAKPACK" be32 be32 index data "XPAKSTOP"
//! be32 "STOP"                               length of the line above
//! "|ENTROPY:PROJECT:DB:MAGIC:START|"        Entropy's own packages: 32 bytes, then an SQLite database
//! database                                  up to the end of the file
//! ```
//!
//! Nothing says where the database starts (older SQLite did not even record its length), so the mark before it
//! is looked for from the end, as Entropy does, and no further than the limit for a database. A mark counts
//! when the lengths prove it: right before it an xpak ends whose lengths agree, right behind it a database of
//! whole pages begins. So the same bytes inside a database or inside a payload mislead nobody.

use crate::error::Problem;
use crate::limits::Limits;
use crate::source::Source;

use super::{DATABASE, XPAK};

/// What stands before the database.
const MARK: &[u8; 32] = b"|ENTROPY:PROJECT:DB:MAGIC:START|";
/// First bytes of an SQLite database.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";
/// Length of an SQLite database's header.
const HEADER: u64 = 100;
/// What stands around an xpak: two magic words and two lengths.
const FRAME: u64 = 24;
/// Length of what follows an xpak.
const TAIL: u64 = 8;
/// Bytes that are searched at a time.
const WINDOW: u64 = 1 << 20;
/// Most marks that are tried; an honest file has one, rarely a second inside its database.
const TRIES: usize = 64;

/// The parts of a package file.
#[derive(Debug)]
pub(super) struct Trailer {
    /// Length of the payload, which starts the file.
    pub(super) payload: u64,
    /// The xpak's index.
    pub(super) index: Vec<u8>,
    /// The xpak's data.
    pub(super) data: Vec<u8>,
    /// Start and length of the database.
    pub(super) database: Option<(u64, u64)>,
}

/// Finds the parts of the package in `source`; of the payload nothing is read.
pub(super) fn find(source: &Source, limits: &Limits) -> Result<Trailer, Problem> {
    let end = source.len();
    let without = xpak(source, end, limits);
    if let Ok(Some(trailer)) = without {
        return Ok(trailer);
    }
    // What was wrong with the likeliest place is worth more than that there was nothing at all.
    let mut wrong = without.err();
    let mut tries = 0;
    let lowest = end.saturating_sub(limits.database_bytes.saturating_add(MARK.len() as u64));
    let mut top = end;
    let mut window = Vec::new();
    while top > lowest {
        let start = lowest.max(top.saturating_sub(WINDOW));
        // A mark may lie across two windows: this one ends inside the one that was searched before.
        let stop = end.min(top.saturating_add(MARK.len() as u64 - 1));
        window.resize((stop - start) as usize, 0);
        read(source, &mut window, start)?;
        let mut rest = window.as_slice();
        while let Some(position) = last_mark(rest) {
            tries += 1;
            if tries > TRIES {
                return Err(Problem::limit("the number of marks before the database", TRIES as u64));
            }
            match with_database(source, start + position as u64, limits) {
                Ok(Some(trailer)) => return Ok(trailer),
                Ok(None) => {}
                Err(problem @ Problem::Io { .. }) => return Err(problem),
                Err(problem) => wrong = wrong.or(Some(problem)),
            }
            rest = rest.get(..position + MARK.len() - 1).unwrap_or_default();
        }
        top = start;
    }
    Err(wrong.unwrap_or_else(|| {
        Problem::not_a_package("it has no xpak at its end, so it is no package of Portage or Entropy")
    }))
}

/// Where the last mark in `bytes` starts.
fn last_mark(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len().checked_sub(MARK.len() - 1)?;
    loop {
        let position = bytes.get(..end)?.iter().rposition(|&byte| byte == MARK[0])?;
        if bytes[position..].starts_with(MARK) {
            return Some(position);
        }
        end = position;
    }
}

/// The parts, when the mark at `mark` is one: an xpak ends there, and a database follows.
fn with_database(source: &Source, mark: u64, limits: &Limits) -> Result<Option<Trailer>, Problem> {
    let Some(mut trailer) = xpak(source, mark, limits)? else { return Ok(None) };
    let start = mark + MARK.len() as u64;
    let length = source.len().saturating_sub(start);
    let damaged = |reason: &str| Problem::damaged(DATABASE, reason);
    if length < HEADER {
        return Err(damaged("it ends early"));
    }
    let mut header = [0; HEADER as usize];
    read(source, &mut header, start)?;
    if !header.starts_with(SQLITE) {
        return Err(damaged("it is no SQLite database"));
    }
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => size,
        _ => return Err(damaged("its pages have an absurd size")),
    };
    if !length.is_multiple_of(page) {
        return Err(damaged("it is no whole number of pages"));
    }
    // SQLite before 3.7 wrote no page count; it counts only when it was written with the last change.
    let word = |at: usize| header[at..at + 4].try_into().map_or(0, u32::from_be_bytes);
    let (changes, pages, valid_for) = (word(24), word(28), word(92));
    if pages != 0 && changes == valid_for && u64::from(pages) * page != length {
        return Err(damaged("it does not end where it says"));
    }
    trailer.database = Some((start, length));
    Ok(Some(trailer))
}

/// The payload and the xpak, when an xpak ends at `end`. One that is there and is wrong is an error.
fn xpak(source: &Source, end: u64, limits: &Limits) -> Result<Option<Trailer>, Problem> {
    let damaged = |reason: &str| Problem::damaged(XPAK, reason);
    let Some(stop) = end.checked_sub(TAIL) else { return Ok(None) };
    let mut tail = [0; TAIL as usize];
    read(source, &mut tail, stop)?;
    let [a, b, c, d, word @ ..] = tail;
    if &word != b"STOP" {
        return Ok(None);
    }
    let length = u64::from(u32::from_be_bytes([a, b, c, d]));
    let Some(start) = stop.checked_sub(length).filter(|_| length >= FRAME) else {
        return Err(damaged("its length does not fit the file"));
    };
    if length > limits.metadata_bytes {
        return Err(Problem::limit(XPAK, limits.metadata_bytes));
    }
    let mut bytes = vec![0; length as usize];
    read(source, &mut bytes, start)?;
    let body = bytes.strip_prefix(b"XPAKPACK").and_then(|bytes| bytes.strip_suffix(b"XPAKSTOP"));
    let Some(([a, b, c, d, e, f, g, h], rest)) = body.and_then(<[u8]>::split_first_chunk) else {
        return Err(damaged("it does not begin and end with its magic words"));
    };
    let index = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
    let data = u64::from(u32::from_be_bytes([*e, *f, *g, *h]));
    if index + data != rest.len() as u64 {
        return Err(damaged("its parts do not add up to its length"));
    }
    let (index, data) = rest.split_at(index as usize);
    Ok(Some(Trailer { payload: start, index: index.to_vec(), data: data.to_vec(), database: None }))
}

fn read(source: &Source, buffer: &mut [u8], at: u64) -> Result<(), Problem> {
    source.read_exact_at(buffer, at).map_err(|error| Problem::from_stream("the file", error))
}
