//! The frame of a zip file: its first bytes, its end records, and a directory that fills the room before them.

use std::io::{BufReader, Read};

use crate::error::Problem;
use crate::limits::Limits;
use crate::source::Source;

/// Size of the end record without a comment.
const END_RECORD: u64 = 22;
/// Size of the zip64 locator that stands before it, where there is one.
const ZIP64_LOCATOR: u64 = 20;
/// Size of the zip64 end record that stands before that.
const ZIP64_RECORD: u64 = 56;
/// Size of a member's header in the directory, before its name.
const DIRECTORY_HEADER: usize = 46;
/// Most bytes of a central directory. A member takes at least 46, and the limit of members is the limit on
/// time; this one is the limit on memory.
const DIRECTORY_BYTES: u64 = 64 << 20;

/// What the end of the file promises.
pub(super) struct Frame {
    /// Where the end record, or its zip64 part, starts.
    end: u64,
    /// Members in the directory.
    count: u64,
    /// Bytes of the directory.
    bytes: u64,
}

impl Frame {
    /// Reads the first and last bytes of the file. What the `zip` crate then reads is bounded by what passed here.
    pub(super) fn read(source: &Source, limits: &Limits) -> Result<Frame, Problem> {
        let read = |bytes: &mut [u8], at: u64| {
            source.read_exact_at(bytes, at).map_err(|error| Problem::from_stream("the zip container", error))
        };
        let mut magic = [0; 4];
        let length = source.len();
        if length < 4 + END_RECORD {
            return Err(Problem::not_a_package("it is too short for a package of a known format"));
        }
        read(&mut magic, 0)?;
        if magic != *b"PK\x03\x04" {
            return Err(Problem::not_a_package("it is not a package of a known format"));
        }
        let mut end = [0; END_RECORD as usize];
        let mut end_at = length - END_RECORD;
        read(&mut end, end_at)?;
        if end[..4] != *b"PK\x05\x06" || end[20..] != [0, 0] {
            return Err(Problem::damaged(
                "the zip container",
                "it does not end with its end record: it is cut off, or something was added after it",
            ));
        }
        if end[8..10] != end[10..12] {
            return Err(Problem::damaged("the zip container", "it is one part of several"));
        }
        let mut count = u64::from(u16::from_le_bytes([end[10], end[11]]));
        let mut bytes = u64::from(u32::from_le_bytes([end[12], end[13], end[14], end[15]]));
        let mut locator = [0; ZIP64_LOCATOR as usize];
        if let Some(at) = end_at.checked_sub(ZIP64_LOCATOR) {
            read(&mut locator, at)?;
        }
        if locator[..4] == *b"PK\x06\x07" {
            let record_at = u64::from_le_bytes(eight(&locator[8..]));
            if record_at.checked_add(ZIP64_RECORD + ZIP64_LOCATOR) != Some(end_at) {
                return Err(Problem::damaged(
                    "the zip container",
                    "its end records do not follow one another",
                ));
            }
            end_at = record_at;
            let mut record = [0; ZIP64_RECORD as usize];
            read(&mut record, end_at)?;
            count = u64::from_le_bytes(eight(&record[32..]));
            bytes = u64::from_le_bytes(eight(&record[40..]));
        }
        if count > limits.container_members as u64 {
            return Err(Problem::limit("the number of members", limits.container_members as u64));
        }
        if bytes > DIRECTORY_BYTES {
            return Err(Problem::limit("the zip directory", DIRECTORY_BYTES));
        }
        Ok(Frame { end: end_at, count, bytes })
    }

    /// The directory, which starts at `start`, is filled by the headers of the `members` that were found in it.
    pub(super) fn check_directory(&self, source: &Source, start: u64, members: usize) -> Result<(), Problem> {
        let damaged = |reason: &str| Problem::damaged("the zip container", reason);
        if start.checked_add(self.bytes) != Some(self.end) {
            return Err(damaged("its directory does not end where its end record starts"));
        }
        let mut directory = BufReader::new(source.slice(start, self.bytes));
        let broken = |error| Problem::from_stream("the zip container", error);
        let mut left = self.bytes;
        let mut count = 0;
        while left > 0 {
            let mut header = [0; DIRECTORY_HEADER];
            directory.read_exact(&mut header).map_err(broken)?;
            let length: u64 = [28, 30, 32]
                .map(|at| u64::from(u16::from_le_bytes([header[at], header[at + 1]])))
                .iter()
                .sum();
            left = left
                .checked_sub(DIRECTORY_HEADER as u64 + length)
                .ok_or_else(|| damaged("its directory ends inside a header"))?;
            directory.seek_relative(length as i64).map_err(broken)?;
            count += 1;
        }
        if count != self.count || count != members as u64 {
            return Err(damaged("its directory holds other members than its end record counts"));
        }
        Ok(())
    }
}

/// The first eight bytes of `bytes`, zeros where there are fewer.
pub(super) fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut array = [0; 8];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}
