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
//! - members are stored or deflated, not encrypted, and lie in the file one after another without overlap or gap;
//!   the directory follows the last one, holds as many members as it says, and ends where the end record starts;
//! - a member's own header says the same as the directory, a data descriptor likewise, and its CRC-32 is checked
//!   when it is read.

use std::io::{BufReader, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::{PayloadPath, Shown};
use crate::source::{Slice, Source};

use super::frame::{Frame, eight};
use super::member::MemberReader;

/// The extra field of sizes that take more than 32 bits.
const ZIP64_SIZES: u16 = 1;
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
        let frame = Frame::read(&source, limits)?;
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
        let start = archive.central_directory_start();
        frame.check_directory(&source, start, members.len())?;
        bound_members(&mut members, start)?;
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
        let mut extra = vec![0; usize::from(short(28))];
        read(&mut extra, member.header + (LOCAL_HEADER + name.len()) as u64)?;
        let zip64 = zip64_sizes(&extra);
        let says = |at: usize, value: u64, large: Option<u64>| match long(at) {
            0 if member.sizes_follow => true,
            // All ones stand for a size in a zip64 field.
            u32::MAX if large.is_some() => large == Some(value),
            here => u64::from(here) == value,
        };
        if !says(14, member.crc.into(), None) {
            return Err(differs("its checksum"));
        }
        if !says(18, member.packed, zip64.map(|(_, packed)| packed))
            || !says(22, member.size, zip64.map(|(size, _)| size))
        {
            return Err(differs("its size"));
        }
        let start = member.header + (LOCAL_HEADER + name.len() + extra.len()) as u64;
        let rest = start.checked_add(member.packed).and_then(|end| member.bound.checked_sub(end));
        match rest {
            None => Err(Problem::damaged(member, "it runs into what follows it")),
            Some(0) if !member.sizes_follow => Ok(start),
            Some(length @ (12 | 16 | 20 | 24)) if member.sizes_follow => {
                let mut descriptor = vec![0; length as usize];
                read(&mut descriptor, start + member.packed)?;
                if member.is_described_by(&descriptor) { Ok(start) } else { Err(differs("its descriptor")) }
            }
            Some(_) => Err(Problem::damaged(member, "bytes that belong to no member follow it")),
        }
    }
}

impl Member {
    /// Whether the data descriptor says what the directory says: CRC-32 and both sizes, of 32 or 64 bits, after
    /// a signature or without one.
    fn is_described_by(&self, descriptor: &[u8]) -> bool {
        let crc = self.crc.to_le_bytes();
        let wide = [self.packed.to_le_bytes(), self.size.to_le_bytes()].concat();
        let narrow = match (u32::try_from(self.packed), u32::try_from(self.size)) {
            (Ok(packed), Ok(size)) => Some([packed.to_le_bytes(), size.to_le_bytes()].concat()),
            _ => None,
        };
        let is = |body: &[u8]| {
            body.strip_prefix(&crc).is_some_and(|sizes| sizes == wide || Some(sizes) == narrow.as_deref())
        };
        is(descriptor) || descriptor.strip_prefix(b"PK\x07\x08").is_some_and(is)
    }
}

/// The length of a member and of its packed data that the zip64 field among the `extra` fields of its own header
/// gives.
fn zip64_sizes(mut extra: &[u8]) -> Option<(u64, u64)> {
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let length = u16::from_le_bytes([head[2], head[3]]);
        let (body, rest) = rest.split_at_checked(length.into())?;
        if u16::from_le_bytes([head[0], head[1]]) == ZIP64_SIZES {
            let (size, packed) = body.split_at_checked(8)?;
            return (packed.len() >= 8)
                .then(|| (u64::from_le_bytes(eight(size)), u64::from_le_bytes(eight(packed))));
        }
        extra = rest;
    }
    None
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Shown(&self.name).fmt(f)
    }
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
fn bound_members(members: &mut [Member], directory: u64) -> Result<(), Problem> {
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
