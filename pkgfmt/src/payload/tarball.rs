//! A tar archive as a strict stream of members.
//!
//! Old, ustar and GNU headers are read, with GNU's long names and pax records. Where readers of tar are known to
//! disagree about what an archive holds, it is refused: a pax size that is not the header's, two long names for
//! one member, long names and pax records for one member, records that are not read to their end, numbers that are
//! neither octal nor fit in 64 bits, links and directories with content, sparse files, global pax records, extended
//! attributes.
//! The archive must have its end mark, and only zeros may follow it.

use std::cell::Cell;
use std::io::{self, Read};

use tar::{Archive, EntryType, PaxExtensions};

use crate::error::Problem;
use crate::path::{MAX_PATH, Shown};

const BLOCK: u64 = 512;
const BAD_HEADER: &str = "one of its headers is damaged";
/// Most bytes of a long name or of a member's pax records.
const EXTENSION: u64 = 64 << 10;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symlink to these bytes.
    Symlink(Vec<u8>),
    /// Another name of the member of that name.
    HardLink(Vec<u8>),
}

/// A member's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// Its name, as written.
    pub(crate) name: Vec<u8>,
    pub(crate) kind: Kind,
    /// Length of its content; 0 for all but regular files.
    pub(crate) size: u64,
    /// Permissions.
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Modification time in seconds since 1970.
    pub(crate) mtime: i64,
    /// Owner and group by name, where both are UTF-8; either may be empty.
    pub(crate) owner_names: Option<(String, String)>,
}

/// Counts what is read of the archive, and notes what became of its stream.
struct Counted<'a, R> {
    stream: R,
    bytes: u64,
    state: &'a Cell<StreamState>,
}

/// Tells the stream's errors from those of the `tar` crate, which quote what they do not understand and have
/// several texts for an archive that is cut off.
#[derive(Clone, Copy)]
enum StreamState {
    Open,
    Ended,
    Failed,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(buffer);
        match result {
            Ok(0) if !buffer.is_empty() => self.state.set(StreamState::Ended),
            Ok(read) => self.bytes += read as u64,
            Err(_) => self.state.set(StreamState::Failed),
        }
        result
    }
}

/// What the extension headers before a member said about it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    user: Option<String>,
    group: Option<String>,
    pax: bool,
    long: bool,
}

/// Reads the archive `what` and hands each member, with its content, to `visit`.
pub(crate) fn read(
    what: &str,
    stream: impl Read,
    mut visit: impl FnMut(Header, &mut dyn Read) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let state = Cell::new(StreamState::Open);
    let broken = |error: io::Error| match state.get() {
        StreamState::Failed => Problem::from_stream(what, error),
        StreamState::Ended => Problem::damaged(what, "it ends early"),
        StreamState::Open => Problem::damaged(what, BAD_HEADER),
    };
    let mut stream = Counted { stream, bytes: 0, state: &state };
    let mut archive = Archive::new(&mut stream);
    let mut end = 0_u64;
    let mut extended = Extended::default();
    let mut pending = false;
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        check_numbers(what, entry.header())?;
        let size = entry.header().entry_size().map_err(broken)?;
        end = size
            .checked_next_multiple_of(BLOCK)
            .and_then(|size| entry.raw_file_position().checked_add(size))
            .ok_or_else(|| Problem::damaged(what, "a member's size is absurd"))?;
        pending = extension(what, &mut entry, size, &mut extended)?;
        if !pending {
            let header = header(what, &entry, size, std::mem::take(&mut extended))?;
            visit(header, &mut entry)?;
        }
    }
    if pending {
        return Err(Problem::damaged(what, "it ends before the member that its last header describes"));
    }
    // The `tar` crate takes the end of the stream for the end of the archive, too.
    if stream.bytes.checked_sub(BLOCK) != Some(end) {
        return Err(Problem::damaged(what, "it ends early"));
    }
    expect_zeros(what, &mut stream)?;
    if !stream.bytes.is_multiple_of(BLOCK) {
        return Err(Problem::damaged(what, "it ends inside a block"));
    }
    Ok(())
}

fn expect_zeros(what: &str, stream: &mut impl Read) -> Result<(), Problem> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) if buffer[..read].iter().all(|&byte| byte == 0) => {}
            Ok(_) => return Err(Problem::damaged(what, "data follows the end of the archive")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::from_stream(what, error)),
        }
    }
}

/// Takes an extension header into `extended`; whether the entry was one.
fn extension<R: Read>(
    what: &str,
    entry: &mut tar::Entry<'_, R>,
    size: u64,
    extended: &mut Extended,
) -> Result<bool, Problem> {
    let kind = entry.header().entry_type();
    match kind {
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader => {}
        EntryType::XGlobalHeader => {
            return Err(Problem::forbidden(
                what,
                "it has pax records for the whole archive, which packages have not",
            ));
        }
        _ => return Ok(false),
    }
    if size > EXTENSION {
        return Err(Problem::limit(format_args!("{what}: a name or a member's records"), EXTENSION));
    }
    let mut bytes = Vec::new();
    entry.take(size).read_to_end(&mut bytes).map_err(|error| Problem::from_stream(what, error))?;
    let twice = || Problem::damaged(what, "a member is described twice");
    match kind {
        // Whether the pax records are those of the member or of its long name, readers disagree.
        EntryType::XHeader if extended.pax || extended.long => return Err(twice()),
        _ if extended.pax => return Err(twice()),
        EntryType::XHeader => {
            extended.pax = true;
            pax(what, &bytes, extended)?;
        }
        _ => {
            extended.long = true;
            // The name ends in a NUL, which counts to its size.
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            let slot = if kind == EntryType::GNULongName { &mut extended.name } else { &mut extended.link };
            if slot.replace(bytes).is_some() {
                return Err(twice());
            }
        }
    }
    Ok(true)
}

/// Refuses numbers that the `tar` crate reads otherwise than other readers: with a sign, which once meant base 64,
/// and in base 256 with more than 64 bits, of which it drops the upper ones.
fn check_numbers(what: &str, header: &tar::Header) -> Result<(), Problem> {
    let old = header.as_old();
    let fields: [&[u8]; 5] = [&old.mode, &old.uid, &old.gid, &old.size, &old.mtime];
    for field in fields {
        let good = match field {
            [first, rest @ ..] if first & 0x80 != 0 => {
                let upper =
                    rest.len().checked_sub(8).and_then(|length| rest.get(..length)).unwrap_or_default();
                let negative = *first == 0xff && field.len() == old.mtime.len();
                let fill = if negative { 0xff } else { 0 };
                (negative || *first == 0x80) && upper.iter().all(|&byte| byte == fill)
            }
            _ => !field.iter().take_while(|&&byte| byte != 0).any(|byte| matches!(byte, b'+' | b'-')),
        };
        if !good {
            return Err(Problem::damaged(what, BAD_HEADER));
        }
    }
    Ok(())
}

fn pax(what: &str, bytes: &[u8], extended: &mut Extended) -> Result<(), Problem> {
    // The `tar` crate takes an empty line for the end of the records, and a last line without its end for one.
    let empty_line = bytes.starts_with(b"\n") || bytes.windows(2).any(|pair| pair == b"\n\n");
    if empty_line || bytes.last().is_some_and(|&last| last != b'\n') {
        return Err(Problem::damaged(what, "a pax record is damaged"));
    }
    for record in PaxExtensions::new(bytes) {
        let record = record.map_err(|_| Problem::damaged(what, "a pax record is damaged"))?;
        let (key, value) = (record.key_bytes(), record.value_bytes());
        let bad = || Problem::damaged(what, format_args!("its pax record '{}' is damaged", Shown(key)));
        let text = || std::str::from_utf8(value).map_err(|_| bad());
        let number = || text()?.parse::<u64>().map_err(|_| bad());
        let fresh = match key {
            b"path" => extended.name.replace(value.to_vec()).is_none(),
            b"linkpath" => extended.link.replace(value.to_vec()).is_none(),
            b"size" => extended.size.replace(number()?).is_none(),
            b"uid" => extended.uid.replace(number()?).is_none(),
            b"gid" => extended.gid.replace(number()?).is_none(),
            b"uname" => extended.user.replace(text()?.to_owned()).is_none(),
            b"gname" => extended.group.replace(text()?.to_owned()).is_none(),
            b"mtime" => extended.mtime.replace(seconds(text()?).ok_or_else(bad)?).is_none(),
            b"SCHILY.realsize" | b"SUN.holesdata" => {
                return Err(Problem::forbidden(what, "it holds a sparse file, which packages have not"));
            }
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err(Problem::forbidden(what, "it holds a sparse file, which packages have not"));
            }
            _ if key.starts_with(b"SCHILY.xattr.") || key.starts_with(b"LIBARCHIVE.xattr.") => {
                return Err(Problem::forbidden(
                    what,
                    "it holds extended attributes, which packages have not",
                ));
            }
            _ => true,
        };
        if !fresh {
            return Err(Problem::damaged(what, "a member is described twice"));
        }
    }
    Ok(())
}

/// Whole seconds, rounded down, of a decimal number.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let below = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    seconds.checked_sub(i64::from(below))
}

fn header<R: Read>(
    what: &str,
    entry: &tar::Entry<'_, R>,
    size: u64,
    extended: Extended,
) -> Result<Header, Problem> {
    let header = entry.header();
    let name = extended.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let shown = || format!("{what}: '{}'", Shown(&name));
    let forbidden = |reason: &str| Err(Problem::forbidden(shown(), reason));
    if name.len() > MAX_PATH {
        return Err(Problem::limit(format_args!("{what}: the length of a path"), MAX_PATH as u64));
    }
    let link =
        || extended.link.clone().or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
    let kind = match header.entry_type() {
        EntryType::Regular if name.ends_with(b"/") => {
            return forbidden("it is a regular file with a directory's name");
        }
        EntryType::Regular => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(link().unwrap_or_default()),
        EntryType::Link => Kind::HardLink(link().unwrap_or_default()),
        EntryType::Char | EntryType::Block => {
            return forbidden("it is a device, which packages must not hold");
        }
        EntryType::Fifo => return forbidden("it is a FIFO, which packages must not hold"),
        EntryType::GNUSparse => return forbidden("it is a sparse file, which packages have not"),
        _ => return forbidden("it is of an unknown type"),
    };
    if extended.size.is_some_and(|other| other != size) {
        return Err(Problem::damaged(shown(), "its header and its pax record disagree about its size"));
    }
    if size > 0 && kind != Kind::File {
        return Err(Problem::damaged(shown(), "it is no regular file and yet has content"));
    }
    let broken = |_: io::Error| Problem::damaged(shown(), BAD_HEADER);
    let id = |extended: Option<u64>, own: io::Result<u64>| {
        let id = extended.map_or(own, Ok).map_err(broken)?;
        u32::try_from(id).map_err(|_| Problem::damaged(shown(), "its owner or group is not a 32-bit number"))
    };
    let own_name = |bytes: Option<&[u8]>| {
        String::from_utf8(bytes.unwrap_or_default().to_vec())
            .ok()
            .filter(|name| !name.contains(char::is_control))
    };
    let user = extended.user.or_else(|| own_name(header.username_bytes()));
    let group = extended.group.or_else(|| own_name(header.groupname_bytes()));
    Ok(Header {
        owner_names: user.zip(group),
        kind,
        size,
        mode: (header.mode().map_err(broken)? & 0o7777) as u16,
        uid: id(extended.uid, header.uid())?,
        gid: id(extended.gid, header.gid())?,
        // A base-256 time before 1970 comes out of the `tar` crate as its two's complement.
        mtime: extended.mtime.map_or_else(|| header.mtime().map(|time| time as i64), Ok).map_err(broken)?,
        name,
    })
}
