//! What a zip can try: the container of PiSi packages, and the payload of format 1.0, which is the zip's own
//! members. `docs/attacks.md` says which attack is tested where; the numbers are those of its rows.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::{Limits, Manifest, Node, PackageFile, Problem};
use common::HashingSink;
use common::build::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn read_within(bytes: &[u8], limits: &Limits) -> Result<Manifest, Problem> {
    let read = || {
        let mut package = PackageFile::from_bytes(Path::new("hello.pisi"), Arc::new(bytes.to_vec()), limits)?;
        package.list()?;
        let mut sink = HashingSink::new(package.draft());
        let payload = package.read_payload(&mut sink)?;
        package.finish(&payload, &sink.hashes)
    };
    read().map_err(|error: ambar_pkgfmt::Error| error.problem)
}

fn read(bytes: &[u8]) -> Result<Manifest, Problem> {
    read_within(bytes, &Limits::default())
}

#[track_caller]
fn refused(bytes: &[u8], words: &str) {
    let reason = read(bytes).expect_err("it is refused").to_string();
    assert!(reason.contains(words), "'{reason}' does not say '{words}'");
}

/// A package of format 1.0: what is listed, and members with their content and Unix mode.
fn package_1_0(listed: &[&str], members: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let metadata = METADATA.replace("<License>", "<PackageFormat>1.0</PackageFormat><License>");
    let files: Vec<String> = listed.iter().map(|path| format!("<File><Path>{path}</Path></File>")).collect();
    let zip = Zip::new().with("metadata.xml", metadata.as_bytes());
    let zip = zip.with("files.xml", files_xml(&files).as_bytes());
    members.iter().fold(zip, |zip, (name, content, mode)| zip.with_mode(name, content, *mode)).finish()
}

const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// The same name, of the same length, everywhere.
fn renamed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    for start in 0..=bytes.len() - from.len() {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn rows_1_10_and_11_a_member_s_path_is_plainly_inside_and_bounded() {
    let good = package_1_0(&["abcdefgh"], &[("install/abcdefgh", b"x", FILE)]);
    read(&good).unwrap();
    for path in [
        b"../../bc",
        b"/etc/abc",
        b"a/../../",
        b"a//bcdef",
        b"a/./bcde",
        b"abcdef/.",
        b"./abcdef",
        b"a\\..\\..b",
        b"abc\0defg",
        b"abc\ndefg",
        b"a\x1b[2Jbcd",
        b"abc\x7fdefg",
        b"ab\xe2\x80\xaeefg",
    ] {
        let bytes = renamed(&good, b"install/abcdefgh", &[b"install/", &path[..]].concat());
        assert!(read(&bytes).is_err(), "{}", path.escape_ascii());
    }
    for path in ["c".repeat(256), vec!["d"; 65].join("/"), "a/".repeat(3000) + "b"] {
        refused(&package_1_0(&[], &[(&format!("install/{path}"), b"x", FILE)]), "too long");
    }
    let deepest = vec!["d"; 64].join("/");
    read(&package_1_0(&[&deepest], &[(&format!("install/{deepest}"), b"x", FILE)])).unwrap();
    // A name that is no UTF-8 cannot be listed in files.xml.
    refused(&renamed(&good, b"install/abcdefgh", b"install/abcdefg\xff"), "");
}

#[test]
fn row_2_nothing_lies_below_a_symlink_or_a_file() {
    let (link, inside) = (("install/a", &b"/etc"[..], LINK), ("install/a/b", &b"x"[..], FILE));
    refused(&package_1_0(&["a", "a/b"], &[link, inside]), "through a symlink");
    refused(&package_1_0(&["a", "a/b"], &[inside, link]), "through a symlink");
    refused(&package_1_0(&["a", "a/b"], &[("install/a", b"x", FILE), inside]), "through a file");
}

#[test]
fn rows_3_and_13_a_path_comes_once() {
    let two = package_1_0(&["a", "b"], &[("install/a", b"x", FILE), ("install/b", b"y", FILE)]);
    refused(&renamed(&two, b"install/b", b"install/a"), "same name");
    let twice = [("install/a/", &b""[..], 0o040_755), ("install/a", b"/etc", LINK)];
    refused(&package_1_0(&["a"], &twice), "twice");
}

#[test]
fn rows_7_and_8_types_and_modes() {
    for kind in [0o020_644, 0o060_644, 0o010_644, 0o140_644, 0o150_644, 0o040_755, 0o170_644] {
        refused(&package_1_0(&["a"], &[("install/a", b"", kind)]), "neither a file, nor a directory");
    }
    refused(&package_1_0(&["a"], &[("install/a/", b"", LINK)]), "neither a file, nor a directory");
    refused(&package_1_0(&["a"], &[("install/a", b"", LINK)]), "target");
    refused(&package_1_0(&["a"], &[("install/a", b"x\0y", LINK)]), "target");
    refused(&package_1_0(&["a"], &[("install/a", &[b'a'; 4096], LINK)]), "");
    for mode in [0o4755, 0o2755, 0o1755] {
        let manifest = read(&package_1_0(&["a"], &[("install/a", b"x", 0o100_000 | mode)])).unwrap();
        assert_eq!(u32::from(manifest.entries[0].mode), mode);
    }
    let manifest = read(&package_1_0(&["a"], &[("install/a", b"../../etc/passwd", LINK)])).unwrap();
    assert_eq!(manifest.entries[0].node, Node::Symlink { target: b"../../etc/passwd".to_vec() });
}

#[test]
fn row_9_names_that_differ_in_case_or_form_are_different() {
    let members = [("install/A", &b"1"[..], FILE), ("install/a", b"2", FILE), ("install/ss", b"3", FILE)];
    let manifest = read(&package_1_0(&["A", "a", "ss"], &members)).unwrap();
    assert_eq!(manifest.entries.len(), 3);
    let members = [("install/\u{e9}", &b"1"[..], FILE), ("install/e\u{301}", b"2", FILE)];
    assert_eq!(read(&package_1_0(&["\u{e9}", "e\u{301}"], &members)).unwrap().entries.len(), 2);
}

#[test]
fn row_12_members_are_no_bombs() {
    let metadata = METADATA.replace("<License>", "<PackageFormat>1.0</PackageFormat><License>");
    let zip = Zip::new().with("metadata.xml", metadata.as_bytes());
    let zip = zip.with("files.xml", files_xml(&["<File><Path>a</Path></File>".into()]).as_bytes());
    let bytes = zip.with_deflated("install/a", &vec![0; 8 << 20]).finish();
    let limits = Limits { ratio_floor: 1 << 20, ratio: 10, ..Limits::default() };
    assert!(matches!(read_within(&bytes, &limits).unwrap_err(), Problem::Limit { .. }));
    let limits = Limits { payload_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read_within(&bytes, &limits).unwrap_err(), Problem::Limit { .. }));
    // A member that unpacks to more, or to less, than both of its headers say.
    let size = |size: u32| renamed(&bytes, &(8_u32 << 20).to_le_bytes(), &size.to_le_bytes());
    refused(&size((8 << 20) - 1), "does not end where the directory says");
    refused(&size((8 << 20) + 1), "");
    refused(&size(u32::MAX), "");
}

/// Where the parts of a zip are: each member's own header, the directory, the end record.
struct Layout {
    headers: Vec<usize>,
    directory: usize,
    end: usize,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn layout(bytes: &[u8]) -> Layout {
    let end = bytes.len() - 22;
    let directory = u32_at(bytes, end + 16);
    let (mut headers, mut at) = (Vec::new(), directory);
    while at < end {
        headers.push(u32_at(bytes, at + 42));
        at += 46 + [28, 30, 32].map(|field| u32_at(bytes, at + field) & 0xffff).iter().sum::<usize>();
    }
    Layout { headers, directory, end }
}

/// The zip with bytes put in at an offset before the directory; whatever points behind it is moved.
fn inserted(bytes: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
    let Layout { directory, end, .. } = layout(bytes);
    let mut bytes = bytes.to_vec();
    let moved = |bytes: &mut Vec<u8>, field: usize| {
        let offset = u32_at(bytes, field) + more.len();
        bytes[field..field + 4].copy_from_slice(&(offset as u32).to_le_bytes());
    };
    let mut header = directory;
    while header < end {
        if u32_at(&bytes, header + 42) >= at {
            moved(&mut bytes, header + 42);
        }
        header +=
            46 + [28, 30, 32].map(|field| u32_at(&bytes, header + field) & 0xffff).iter().sum::<usize>();
    }
    moved(&mut bytes, end + 16);
    bytes.splice(at..at, more.iter().copied());
    bytes
}

#[test]
fn row_19_members_follow_one_another_without_gaps() {
    let good = honest();
    read(&inserted(&good, layout(&good).directory, b"")).unwrap();
    let Layout { headers, directory, .. } = layout(&good);
    // A member that only those see who read from the front.
    let hidden = &Zip::new().with("evil", b"evil").finish()[..38];
    for more in [&b"x"[..], &[0; 4096], hidden] {
        refused(&inserted(&good, headers[1], more), "belong to no member");
        refused(&inserted(&good, headers[2], more), "belong to no member");
        refused(&inserted(&good, directory, more), "belong to no member");
        refused(&inserted(&good, 0, more), "");
    }
    // The same in format 1.0, where every member is payload.
    let members =
        [("install/a", &b"x"[..], FILE), ("install/b/", b"", 0o040_755), ("install/b/c", b"y", FILE)];
    let good = package_1_0(&["a", "b", "b/c"], &members);
    read(&good).unwrap();
    let Layout { headers, directory, .. } = layout(&good);
    for &at in headers[1..].iter().chain([&directory]) {
        refused(&inserted(&good, at, hidden), "belong to no member");
    }
}

#[test]
fn row_19_the_directory_fills_its_room() {
    let good = honest();
    let Layout { directory, end, .. } = layout(&good);
    let patched = |at: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    // Between the directory and the end record, and in the directory behind what is counted.
    let mut gap = good.clone();
    gap.splice(end..end, *b"gap");
    refused(&gap, "");
    let first: Vec<u8> = good[directory..directory + 46 + 12].to_vec();
    let mut uncounted = good.clone();
    uncounted.splice(end..end, first.iter().copied());
    let at = uncounted.len() - 22 + 12;
    let size = (end - directory + first.len()) as u32;
    uncounted[at..at + 4].copy_from_slice(&size.to_le_bytes());
    refused(&uncounted, "");
    for (at, value) in [(end + 8, 2_u16), (end + 10, 2), (end + 10, 4), (end + 8, 0), (end + 10, u16::MAX)] {
        refused(&patched(at, &value.to_le_bytes()), "");
    }
    refused(&patched(end + 8, &[2, 0, 2, 0]), "");
    for value in [0_u32, 1, (end - directory) as u32 - 1, (end - directory) as u32 + 1, u32::MAX] {
        refused(&patched(end + 12, &value.to_le_bytes()), "");
    }
    for value in [0_u32, directory as u32 - 1, directory as u32 + 1, u32::MAX - 1] {
        refused(&patched(end + 16, &value.to_le_bytes()), "");
    }
    refused(&patched(end + 20, &[1, 0]), "end record");
    // One archive behind the other: which one counts depends on the end that a reader starts at.
    let other = package(&[listed("evil", b"x", "0644")], &[file("evil", b"x")]);
    refused(&[&good[..], &other].concat(), "");
    refused(&[&other[..], &good].concat(), "");
    refused(&inserted(&good, 0, &other), "");
}

#[test]
fn row_19_a_member_s_own_header_says_what_the_directory_says() {
    let good = honest();
    for (number, &header) in layout(&good).headers.iter().enumerate() {
        for (at, what) in [
            (6, "flags"),
            (8, "compression"),
            (14, "checksum"),
            (18, "size"),
            (22, "size"),
            (26, "name"),
            (30, "name"),
        ] {
            let mut bytes = good.clone();
            bytes[header + at] ^= 1;
            refused(&bytes, what);
            // All ones stand for a field that is not there.
            if (14..26).contains(&at) {
                bytes[header + at..header + at + 4].fill(0xff);
                refused(&bytes, what);
                bytes[header + at..header + at + 4].fill(0);
                assert!(read(&bytes).is_err(), "member {number}, {what}");
            }
        }
        // Bytes that count to the extra field come from the data.
        let mut bytes = good.clone();
        bytes[header + 28] += 1;
        assert!(read(&bytes).is_err(), "member {number}");
    }
}

/// A package whose members have data descriptors, as writers make them that cannot go back.
fn streamed() -> Vec<u8> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    let files = files_xml(&[listed("a", b"x", "0644")]);
    for (name, content) in [
        ("metadata.xml", METADATA.as_bytes()),
        ("files.xml", files.as_bytes()),
        ("install.tar.gz", &gzip(&tar(&[file("a", b"x")]))),
    ] {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn row_19_a_data_descriptor_says_what_the_directory_says() {
    let good = streamed();
    let Layout { headers, directory, .. } = layout(&good);
    assert!(headers.iter().all(|&header| good[header + 6] & 8 != 0), "sizes follow");
    assert_eq!(read(&good).unwrap().entries.len(), 1);
    for &next in headers[1..].iter().chain([&directory]) {
        for back in [1, 5, 9, 13] {
            let mut bytes = good.clone();
            bytes[next - back] ^= 1;
            refused(&bytes, "descriptor");
        }
        refused(&inserted(&good, next, b"x"), "belong to no member");
        refused(&inserted(&good, next, &[0; 8]), "descriptor");
    }
}

#[test]
fn rows_16_and_17_what_ends_early_or_goes_on_is_refused() {
    for good in [streamed(), package_1_0(&["a"], &[("install/a", b"x", FILE)])] {
        read(&good).unwrap();
        for length in 0..good.len() {
            assert!(read(&good[..length]).is_err(), "{length}");
        }
        refused(&[&good[..], b"\0"].concat(), "");
        refused(&[&good[..], &[0; 22]].concat(), "");
        let Layout { headers, directory, .. } = layout(&good);
        // Sizes and offsets in the directory that wrap, or lead out of the file.
        for header in 0..headers.len() {
            for field in [20, 24, 42] {
                for value in [u32::MAX, u32::MAX - 1, u32::MAX - 7, 1 << 31] {
                    let mut bytes = good.clone();
                    let mut at = directory;
                    for _ in 0..header {
                        at += 46
                            + [28, 30, 32]
                                .map(|field| u32_at(&good, at + field) & 0xffff)
                                .iter()
                                .sum::<usize>();
                    }
                    bytes[at + field..at + field + 4].copy_from_slice(&value.to_le_bytes());
                    assert!(read(&bytes).is_err(), "member {header}, field {field}: {value}");
                }
            }
        }
    }
}
