//! The zip container: its directory, and its members as checked streams.
//!
//! ```text
//! comar/NAME          COMAR scripts                      (any number)
//! metadata.xml        what the package says of itself
//! files.xml           what its payload holds
//! install.tar.xz      the payload; or install.tar.lzma, .gz, .zst
//! install/PATH        the payload of format 1.0          (instead of an install.tar)
//! ```
//!
//! Members may come in any order. The directory is read with the `zip` crate; around it stand stricter rules,
//! so that no two programs can see two different packages in one file:
//!
//! - the file starts with a member and ends with the end record: no prefix, no comment, nothing after it;
//! - every name is plain (relative, normal, no backslash or control character), known, and comes once;
//! - members are stored or deflated, not encrypted, and lie in the file one after another without overlap;
//! - a member's own header says the same as the directory, and its CRC-32 is checked when it is read.

use std::io::{BufReader, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::{PayloadPath, Shown};
use crate::source::{Slice, Source};

use super::member::MemberReader;

/// Size of the end record without a comment.
const END_RECORD: u64 = 22;
/// Size of the zip64 locator that stands before it, where there is one.
const ZIP64_LOCATOR: u64 = 20;
/// Most bytes of a central directory. A member takes at least 46, and the limit of members is the limit on
/// time; this one is the limit on memory.
const DIRECTORY_BYTES: u64 = 64 << 20;
/// Size of a member's own header, before its name.
const LOCAL_HEADER: usize = 30;
/// The flag of an encrypted member.
const ENCRYPTED: u16 = 1 << 0;
/// The flag that says that CRC and sizes follow the data instead of standing in the header.
const SIZES_FOLLOW: u16 = 1 << 3;

/// An opened zip file.
#[derive(Debug)]
pub(super) struct Container {
    source: Source,
    /// Members in the order of the directory.
    members: Vec<Member>,
}

/// What the directory says about one member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its name as bytes.
    pub(super) name: Vec<u8>,
    /// Length of its content.
    pub(super) size: u64,
    /// Unix type and permissions, or 0 where the directory has none.
    pub(super) mode: u32,
    pub(super) stored: bool,
    sizes_follow: bool,
    pub(super) crc: u32,
    pub(super) packed: u64,
    header: u64,
    /// Where the next member or the directory starts.
    bound: u64,
}

impl Container {
    /// Reads the directory of a zip file.
    pub(super) fn open(source: Source, limits: &Limits) -> Result<Container, Problem> {
        let end = check_frame(&source, limits)?;
        let reader = BufReader::new(source.slice(0, source.len()));
        let archive = ZipArchive::new(reader).map_err(|error| damaged_zip(&error))?;
        if archive.offset() != 0 {
            return Err(Problem::damaged("the zip container", "its offsets are shifted"));
        }
        if archive.has_duplicate_names() {
            return Err(Problem::forbidden("the zip container", "two members have the same name"));
        }
        let mut members = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            members.push(member(&archive, index)?);
        }
        bound_members(&mut members, archive.central_directory_start(), end)?;
        Ok(Container { source, members })
    }

    /// All members, in the directory's order.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that name.
    pub(super) fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name.as_bytes())
    }

    /// A stream of a member's content, after its own header has been compared with the directory.
    pub(super) fn read(&self, member: &Member) -> Result<MemberReader, Problem> {
        let start = self.check_local_header(member)?;
        Ok(MemberReader::new(self.source.slice(start, member.packed), member))
    }

    /// A member's whole content, of at most `limit` bytes.
    pub(super) fn read_all(&self, member: &Member, limit: u64) -> Result<Vec<u8>, Problem> {
        if member.size > limit {
            return Err(Problem::limit(member, limit));
        }
        let mut content = Vec::new();
        self.read(member)?.read_to_end(&mut content).map_err(|error| Problem::from_stream(member, error))?;
        Ok(content)
    }

    /// Compares a member's own header with the directory; returns where its data starts.
    fn check_local_header(&self, member: &Member) -> Result<u64, Problem> {
        let differs =
            |what: &str| Problem::damaged(member, format_args!("its two headers disagree about {what}"));
        let mut header = [0; LOCAL_HEADER];
        let read = |bytes: &mut [u8], at: u64| {
            self.source.read_exact_at(bytes, at).map_err(|error| Problem::from_stream(member, error))
        };
        read(&mut header, member.header)?;
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let long =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if long(0) != u32::from_le_bytes(*b"PK\x03\x04") {
            return Err(Problem::damaged(member, "its header is not where the directory says"));
        }
        if short(6) & (ENCRYPTED | SIZES_FOLLOW) != if member.sizes_follow { SIZES_FOLLOW } else { 0 } {
            return Err(differs("its flags"));
        }
        if short(8) != if member.stored { 0 } else { 8 } {
            return Err(differs("its compression"));
        }
        if usize::from(short(26)) != member.name.len() {
            return Err(differs("its name"));
        }
        let mut name = vec![0; member.name.len()];
        read(&mut name, member.header + LOCAL_HEADER as u64)?;
        if name != member.name {
            return Err(differs("its name"));
        }
        let says = |at: usize, value: u64| {
            let here = u64::from(long(at));
            // All ones stand for a size in a zip64 field.
            here == value || here == 0xffff_ffff || (here == 0 && member.sizes_follow)
        };
        if !says(14, member.crc.into()) {
            return Err(differs("its checksum"));
        }
        if !says(18, member.packed) || !says(22, member.size) {
            return Err(differs("its size"));
        }
        let start = member.header + (LOCAL_HEADER + name.len()) as u64 + u64::from(short(28));
        match start.checked_add(member.packed) {
            Some(end) if end <= member.bound => Ok(start),
            _ => Err(Problem::damaged(member, "it runs into what follows it")),
        }
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Shown(&self.name).fmt(f)
    }
}

/// The first and last bytes of the file, and the sizes that the end record promises; returns where the end
/// record (or its zip64 part) starts. What the `zip` crate then reads is bounded by what passed here.
fn check_frame(source: &Source, limits: &Limits) -> Result<u64, Problem> {
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
    let mut count = u64::from(u16::from_le_bytes([end[10], end[11]]));
    let mut bytes = u64::from(u32::from_le_bytes([end[12], end[13], end[14], end[15]]));
    let mut locator = [0; ZIP64_LOCATOR as usize];
    if let Some(at) = end_at.checked_sub(ZIP64_LOCATOR) {
        read(&mut locator, at)?;
    }
    if locator[..4] == *b"PK\x06\x07" {
        end_at = u64::from_le_bytes(eight(&locator[8..]));
        let mut record = [0; 56];
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
    Ok(end_at)
}

/// The first eight bytes of `bytes`, zeros where there are fewer.
fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut array = [0; 8];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

/// What the directory says about member `index`, checked against the rules.
fn member(archive: &ZipArchive<BufReader<Slice>>, index: usize) -> Result<Member, Problem> {
    let entry = archive.by_index_data(index).map_err(|error| damaged_zip(&error))?;
    let name = entry.name_raw().to_vec();
    let shown = Shown(&name).to_string();
    check_name(&name)?;
    if entry.encrypted() {
        return Err(Problem::forbidden(shown, "it is encrypted"));
    }
    let stored = match entry.compression() {
        CompressionMethod::Stored => true,
        CompressionMethod::Deflated => false,
        other => {
            return Err(Problem::forbidden(
                shown,
                format_args!("its compression ({other}) is not one of packages"),
            ));
        }
    };
    let (size, packed) = (entry.size(), entry.compressed_size());
    if stored && size != packed {
        return Err(Problem::damaged(shown, "it is stored, yet its two sizes differ"));
    }
    Ok(Member {
        size,
        mode: entry.external_attributes() >> 16,
        stored,
        sizes_follow: entry.flags().is_using_data_descriptor(),
        crc: entry.crc32(),
        packed,
        header: entry.header_start(),
        bound: 0,
        name,
    })
}

/// A member's name must be one that a package has, and plain.
fn check_name(name: &[u8]) -> Result<(), Problem> {
    let shown = Shown(name);
    if name.contains(&b'\\') {
        return Err(Problem::forbidden(shown, "a member's name has a backslash"));
    }
    // A directory member ends in one slash.
    let plain = name.strip_suffix(b"/").unwrap_or(name);
    let below_install = plain == b"install" || plain.starts_with(b"install/");
    // One component more than a payload path has: `install` itself.
    let checked = plain.strip_prefix(b"install/").unwrap_or(plain);
    PayloadPath::new(checked).map_err(|error| Problem::forbidden(shown, error))?;
    let known = match name {
        b"metadata.xml" | b"files.xml" | b"comar/" => true,
        _ if name.starts_with(b"comar/") => name == plain,
        _ if name.starts_with(b"install.tar.") => name == plain,
        _ => below_install && name != b"install",
    };
    if known { Ok(()) } else { Err(Problem::forbidden(shown, "a package has no such member")) }
}

/// Finds each member's bound, and refuses members that share bytes.
fn bound_members(members: &mut [Member], directory: u64, end: u64) -> Result<(), Problem> {
    if directory > end {
        return Err(Problem::damaged("the zip container", "its directory starts after its end"));
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&index| members[index].header);
    let mut bound = directory;
    for &index in order.iter().rev() {
        let member = &mut members[index];
        let least = member.header.saturating_add(LOCAL_HEADER as u64 + member.name.len() as u64);
        if least.saturating_add(member.packed) > bound {
            return Err(Problem::damaged(&*member, "it shares bytes with what follows it"));
        }
        member.bound = bound;
        bound = member.header;
    }
    if bound != 0 {
        return Err(Problem::damaged("the zip container", "it does not start with its first member"));
    }
    Ok(())
}

fn damaged_zip(error: &zip::result::ZipError) -> Problem {
    Problem::damaged("the zip container", error)
}
