//! The ar archive around a Debian package.
//!
//! ```text
//! "!<arch>\n"
//! debian-binary          "2.N\n"; lines that follow are not looked at
//! control.tar            what the package says of itself; or .gz, .xz, .zst
//! data.tar               its payload; or .gz, .bz2, .lzma, .xz, .zst
//!
//! member = name (16) time (12) owner (6) group (6) mode (8) size (10) "`\n" content padding
//! ```
//!
//! Numbers are decimal digits, and fields are filled up with blanks. A name may end in `/`. A content of odd
//! length is followed by one byte, whatever it is, which may be missing at the very end. As dpkg does, members
//! whose names start with `_` are passed over wherever they stand, and so is whatever stands behind the payload
//! (signatures); but the file must be an archive up to its end, and what a second reader might take for the
//! package (another control or data archive, another order) is refused.

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::Shown;
use crate::payload::Compression;
use crate::source::{Slice, Source};

/// The first bytes of an ar archive.
const MAGIC: &[u8] = b"!<arch>\n";
/// The first bytes of Debian's format before 1995.
const OLD_MAGIC: &[u8] = b"0.93";
const HEADER: u64 = 60;
const WHAT: &str = "the ar archive";
const FORMAT: &str = "debian-binary";
/// Most bytes of `debian-binary`; it has 4.
const FORMAT_BYTES: u64 = 4096;

/// Whether a file that starts with `head` is a Debian package or looks like one.
pub(crate) fn is_deb(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(OLD_MAGIC)
}

/// The two archives that make a package.
#[derive(Debug)]
pub(super) struct Archive {
    source: Source,
    pub(super) control: Member,
    pub(super) data: Member,
}

/// A tar in the archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its name, without the `/` at its end.
    pub(super) name: String,
    pub(super) compression: Compression,
    /// Packed length in bytes.
    pub(super) packed: u64,
    start: u64,
}

impl Archive {
    /// Reads the headers of all members.
    pub(super) fn open(source: Source, limits: &Limits) -> Result<Archive, Problem> {
        let mut magic = [0; MAGIC.len()];
        read(&source, &mut magic, 0)?;
        if magic.starts_with(OLD_MAGIC) {
            let reason = "it is a Debian package of the format before 1995 (0.93…), which is not read";
            return Err(Problem::not_a_package(reason));
        }
        if magic != MAGIC {
            return Err(Problem::not_a_package("it is no ar archive, so no Debian package"));
        }
        let (mut control, mut data) = (None, None);
        let mut at = MAGIC.len() as u64;
        let mut members = 0;
        while at < source.len() {
            if members >= limits.container_members {
                let limit = limits.container_members as u64;
                return Err(Problem::limit("the number of members", limit));
            }
            let (name, packed) = header(&source, at)?;
            let start = at + HEADER;
            let end = start.checked_add(packed).filter(|&end| end <= source.len());
            let end = end.ok_or_else(|| Problem::damaged(Shown(&name), "it ends early"))?;
            members += 1;
            at = end.saturating_add(packed % 2);
            if members == 1 {
                check_format(&source, &name, start, packed)?;
                continue;
            }
            let twice = || Problem::forbidden(Shown(&name), "the package has a second one");
            let member = |extension: &[u8], known: &[(&str, Compression)]| {
                let found = known.iter().find(|(known, _)| known.as_bytes() == extension);
                let (_, compression) = found.ok_or_else(|| {
                    Problem::forbidden(Shown(&name), "Debian packages are not compressed in that way")
                })?;
                if packed == 0 {
                    return Err(Problem::damaged(Shown(&name), "it is empty"));
                }
                let name = String::from_utf8_lossy(&name).into_owned();
                Ok(Member { name, compression: *compression, packed, start })
            };
            if name.starts_with(b"_") {
            } else if name == FORMAT.as_bytes() {
                return Err(twice());
            } else if let Some(extension) = name.strip_prefix(b"control.tar") {
                if control.replace(member(extension, CONTROL)?).is_some() {
                    return Err(twice());
                }
            } else if let Some(extension) = name.strip_prefix(b"data.tar") {
                if control.is_none() {
                    return Err(Problem::forbidden(Shown(&name), "it comes before control.tar"));
                }
                if data.replace(member(extension, DATA)?).is_some() {
                    return Err(twice());
                }
            } else if data.is_none() {
                return Err(Problem::forbidden(Shown(&name), "no such member belongs before data.tar"));
            }
        }
        match (control, data) {
            (Some(control), Some(data)) => Ok(Archive { source, control, data }),
            (None, _) if members == 0 => {
                Err(Problem::not_a_package("it is an ar archive without debian-binary"))
            }
            (None, _) => Err(Problem::damaged(WHAT, "it has no control.tar")),
            (_, None) => Err(Problem::damaged(WHAT, "it has no data.tar")),
        }
    }

    /// A member's packed bytes.
    pub(super) fn read(&self, member: &Member) -> Slice {
        self.source.slice(member.start, member.packed)
    }
}

/// How control.tar may be packed, by what follows that in its name.
const CONTROL: &[(&str, Compression)] = &[
    ("", Compression::None),
    (".gz", Compression::Gzip),
    (".xz", Compression::Xz),
    (".zst", Compression::Zstd),
];

/// How data.tar may be packed.
const DATA: &[(&str, Compression)] = &[
    ("", Compression::None),
    (".gz", Compression::Gzip),
    (".bz2", Compression::Bzip2),
    (".lzma", Compression::Lzma),
    (".xz", Compression::Xz),
    (".zst", Compression::Zstd),
];

fn read(source: &Source, buffer: &mut [u8], at: u64) -> Result<(), Problem> {
    source.read_exact_at(buffer, at).map_err(|error| Problem::from_stream(WHAT, error))
}

/// Name and size of the member whose header is at `at`.
fn header(source: &Source, at: u64) -> Result<(Vec<u8>, u64), Problem> {
    let mut header = [0; HEADER as usize];
    if source.len() - at < HEADER {
        return Err(Problem::damaged(WHAT, "it ends inside a member's header, or something follows its end"));
    }
    read(source, &mut header, at)?;
    let (name, rest) = header.split_at(16);
    if rest[42..] != *b"`\n" {
        return Err(Problem::damaged(WHAT, "a member's header is damaged, or something follows its end"));
    }
    let blanks = name.iter().rev().take_while(|&&byte| byte == b' ').count();
    let name = &name[..name.len() - blanks];
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return Err(Problem::damaged(WHAT, format_args!("'{}' is no member's name", Shown(name))));
    }
    let digits = std::str::from_utf8(&rest[32..42]).unwrap_or_default().trim_matches(' ');
    let size = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let size = size.and_then(|digits| digits.parse().ok());
    let size = size.ok_or_else(|| Problem::damaged(Shown(name), "its size is no number"))?;
    Ok((name.to_vec(), size))
}

/// The first member says that this is a package, and of which format.
fn check_format(source: &Source, name: &[u8], start: u64, size: u64) -> Result<(), Problem> {
    if name != FORMAT.as_bytes() {
        let reason = format_args!("it is an ar archive that starts with '{}', not {FORMAT}", Shown(name));
        return Err(Problem::not_a_package(reason));
    }
    if size > FORMAT_BYTES {
        return Err(Problem::limit(FORMAT, FORMAT_BYTES));
    }
    let mut content = vec![0; size as usize];
    read(source, &mut content, start)?;
    let line = content.split(|&byte| byte == b'\n').next().filter(|line| line.len() < content.len());
    let line = line.ok_or_else(|| Problem::damaged(FORMAT, "its first line has no end"))?;
    let number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let dot = line.iter().position(|&byte| byte == b'.');
    match dot.map(|dot| (&line[..dot], &line[dot + 1..])) {
        Some((b"2", minor)) if number(minor) => Ok(()),
        Some((major, minor)) if number(major) && number(minor) => Err(Problem::not_a_package(format_args!(
            "it is a Debian package of format {}, which is not known",
            Shown(line)
        ))),
        _ => Err(Problem::damaged(FORMAT, "it is not the number of a format")),
    }
}
