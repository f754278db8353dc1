//! What the manifest of a native package or delta can try; the container itself is in `native_hostile.rs`.
//! `docs/attacks.md` says which attack is tested where; the numbers are those of its rows.
#![allow(clippy::unwrap_used)]

mod native_support;

use ambar_pkgfmt::codec::Encoder;
use ambar_pkgfmt::manifest::CAPABILITY_XATTR;
use ambar_pkgfmt::{Digest, Limits, Manifest, Problem, VersionOrder};
use native_support::sections::*;
use native_support::*;

const DIRECTORY: u8 = 1;
const FILE: u8 = 2;
const SYMLINK: u8 = 3;
const OWNER: u64 = 1;
const MTIME: u64 = 1 << 2;
const LINK_GROUP: u64 = 1 << 4;
const XATTRS: u64 = 1 << 5;

/// An entry as it is encoded, whether it keeps the rules or not.
struct Raw {
    path: Vec<u8>,
    kind: u8,
    mode: u64,
    parts: u64,
    /// What those parts say.
    said: Vec<u8>,
    /// What follows them.
    node: Vec<u8>,
}

fn raw(path: impl AsRef<[u8]>, kind: u8) -> Raw {
    let mut e = Encoder::new();
    match kind {
        FILE => {
            e.number(0);
            e.raw(&Digest::of(b"").0);
        }
        SYMLINK => e.bytes(b"target"),
        _ => {}
    }
    let mode = if kind == SYMLINK { 0o777 } else { 0o755 };
    Raw { path: path.as_ref().into(), kind, mode, parts: 0, said: Vec::new(), node: e.finish() }
}

impl Raw {
    fn part(mut self, bit: u64, write: impl FnOnce(&mut Encoder)) -> Raw {
        let mut e = Encoder::new();
        write(&mut e);
        self.parts |= bit;
        self.said.extend(e.finish());
        self
    }

    fn with_node(mut self, write: impl FnOnce(&mut Encoder)) -> Raw {
        let mut e = Encoder::new();
        write(&mut e);
        self.node = e.finish();
        self
    }
}

/// A manifest of those entries.
fn manifest(entries: &[Raw]) -> Vec<u8> {
    let mut e = Encoder::new();
    e.raw(&Manifest::new("hello", "1.0", VersionOrder::Plain).encode().unwrap());
    e.field(24, |e| {
        e.number(entries.len() as u64);
        let mut previous: &[u8] = b"";
        for entry in entries {
            let shared = entry.path.iter().zip(previous).take_while(|(a, b)| a == b).count();
            e.number(shared as u64);
            e.bytes(&entry.path[shared..]);
            e.byte(entry.kind);
            e.number(entry.mode);
            e.number(entry.parts);
            e.raw(&entry.said);
            e.raw(&entry.node);
            previous = &entry.path;
        }
    });
    e.finish()
}

/// The manifest in a whole package and in a delta.
fn packages(manifest: &[u8]) -> [Vec<u8>; 2] {
    let section = |kind, bytes: &[u8]| (kind, 0, bytes.len() as u64, bytes.to_vec());
    let whole = Sections(vec![section(MANIFEST, manifest)]);
    let delta = Sections(vec![section(MANIFEST, manifest), section(BASE, &[7; 32])]);
    [whole.built(), delta.built()]
}

#[track_caller]
fn refused(entries: &[Raw], words: &str) {
    for bytes in packages(&manifest(entries)) {
        let reason = open(&bytes).expect_err("it is refused").problem.to_string();
        assert!(reason.contains(words), "'{reason}' does not say '{words}'");
    }
}

#[track_caller]
fn taken(entries: &[Raw]) -> Manifest {
    let [whole, delta] = packages(&manifest(entries));
    open(&delta).unwrap();
    read(&whole).unwrap().manifest
}

#[test]
fn rows_1_10_and_11_a_path_is_plainly_inside_and_bounded() {
    let component = "c".repeat(255);
    let deepest = vec!["d"; 64].join("/");
    let longest = [vec![component.as_str(); 15].join("/"), "e".repeat(255)].join("/");
    let (deeper, longer) = (format!("{deepest}/d"), format!("{longest}e"));
    for kind in [DIRECTORY, FILE, SYMLINK] {
        for path in
            ["", ".", "..", "/", "../x", "a/..", "a/../x", "/etc/passwd", "a//b", "a/./b", "a/.", "a/", "./a"]
        {
            refused(&[raw(path, kind)], "not a valid payload path");
        }
        for path in
            ["a\0b", "a\nb", "a\u{1b}[2J", "a\u{7f}", "a\u{9b}", "a\u{202e}b", "a\u{2066}", "a\u{200f}"]
        {
            refused(&[raw(path, kind)], "not a valid payload path");
        }
        for path in [&"c".repeat(256), &deeper, &longer, &"a/".repeat(100_000)] {
            refused(&[raw(path, kind)], "not a valid payload path");
        }
        for path in [&component, &deepest, &longest] {
            taken(&[raw(path, kind)]);
        }
        assert_eq!(taken(&[raw(b"a\xff", kind)]).entries[0].path.to_string(), "a\\xff");
    }
}

#[test]
fn row_2_nothing_lies_below_a_symlink_or_a_file() {
    for kind in [SYMLINK, FILE] {
        refused(&[raw("a", kind), raw("a/b", FILE)], "below one that is not a directory");
        refused(&[raw("a", kind), raw("a/b/c", FILE)], "below one that is not a directory");
        refused(&[raw("a", DIRECTORY), raw("a/b", kind), raw("a/b/c", DIRECTORY)], "below one");
        refused(&[raw("a", kind), raw("a/b", FILE), raw("a-b", FILE)], "below one");
        // Out of order, what lies below might be far from what it lies below.
        refused(&[raw("a", kind), raw("a-b", FILE), raw("a/b", FILE)], "order");
        refused(&[raw("a/b", FILE), raw("a", kind)], "order");
    }
    taken(&[raw("a", SYMLINK), raw("a-b", FILE), raw("b", DIRECTORY), raw("b/c", FILE)]);
}

#[test]
fn rows_3_and_13_a_path_comes_once() {
    for kind in [DIRECTORY, FILE, SYMLINK] {
        refused(&[raw("a", DIRECTORY), raw("a", kind)], "order");
        refused(&[raw("a", DIRECTORY), raw("a", SYMLINK), raw("a/b", kind)], "order");
        refused(&[raw("a", DIRECTORY), raw("a/b", FILE), raw("a", kind)], "order");
    }
}

/// There are no targets: a group is a number, and its names share everything.
#[test]
fn row_4_hard_links_are_groups_of_files_of_this_package() {
    let name = |path: &str, kind: u8, group: u64| raw(path, kind).part(LINK_GROUP, |e| e.number(group));
    let mut taken_groups = taken(&[name("a", FILE, 1), name("b", FILE, 1)]).entries;
    assert_eq!(taken_groups.pop().unwrap().link_group, 1);
    refused(&[name("a", FILE, 1)], "single name");
    refused(&[name("a", FILE, 0), name("b", FILE, 0)], "link group 0");
    refused(&[name("a", FILE, 2), name("b", FILE, 2)], "groups");
    refused(&[name("a", FILE, u64::from(u32::MAX)), name("b", FILE, 1)], "groups");
    refused(&[name("a", FILE, 1 << 32), name("b", FILE, 1 << 32)], "");
    refused(&[name("a", DIRECTORY, 1), name("b", DIRECTORY, 1)], "only regular files");
    refused(&[name("a", SYMLINK, 1), name("b", SYMLINK, 1)], "only regular files");
    refused(&[name("a", FILE, 1), name("b", SYMLINK, 1)], "differ");
    let other = Raw { mode: 0o4755, ..name("b", FILE, 1) };
    refused(&[name("a", FILE, 1), other], "differ");
}

#[test]
fn rows_7_and_14_there_are_files_directories_and_symlinks() {
    for kind in [0, 4, 5, 6, b's', 0xff] {
        refused(&[raw("a", kind)], "entry type");
    }
    // Nor is there anything else that an entry could say: no holes, no devices.
    for bit in 9..64 {
        refused(&[raw("a", FILE).part(1 << bit, |_| {})], "entry part");
    }
    for target in [&b""[..], b"a\0b", &[b'a'; 4096]] {
        refused(&[raw("a", SYMLINK).with_node(|e| e.bytes(target))], "target");
    }
    for target in [&b"/etc/passwd"[..], b"../../x", b"\xff\x1b[2J"] {
        taken(&[raw("a", SYMLINK).with_node(|e| e.bytes(target))]);
    }
}

#[test]
fn rows_8_and_15_attributes_are_bounded_and_few_are_taken() {
    let with = |pairs: &[(&[u8], &[u8])]| {
        raw("a", FILE).part(XATTRS, |e| {
            e.list(pairs, |e, (name, value)| {
                e.bytes(name);
                e.bytes(value);
            });
        })
    };
    for mode in [0o4755, 0o2755, 0o1755] {
        assert_eq!(u64::from(taken(&[Raw { mode, ..raw("a", FILE) }]).entries[0].mode), mode);
    }
    for mode in [0o10_000, 0o100_644, 0o7_777_777, u64::MAX] {
        refused(&[Raw { mode, ..raw("a", FILE) }], "");
    }
    let capability = taken(&[with(&[(CAPABILITY_XATTR, b"\x01")])]);
    assert!(capability.entries[0].gives_rights(), "a plan lists it");
    assert!(!taken(&[with(&[(b"user.a", b"x")])]).entries[0].gives_rights());
    for name in [
        "security.ima",
        "security.selinux",
        "security.capability.x",
        "trusted.overlay.redirect",
        "system.posix_acl_access",
        "user",
        "users.a",
        "USER.a",
        "x",
    ] {
        refused(&[with(&[(name.as_bytes(), b"x")])], "must not have the extended attribute");
    }
    refused(&[with(&[(b"user.a", b"x"), (b"user.a", b"y")])], "order");
    refused(&[with(&[(b"user.b", b"x"), (b"user.a", b"y")])], "order");
    refused(&[with(&[(b"", b"x")])], "name");
    refused(&[with(&[(b"user.a\0b", b"x")])], "name");
    refused(&[with(&[(&[b"user.", &[b'a'; 251][..]].concat(), b"x")])], "name");
    refused(&[with(&[])], "left out");
    // Together at most 64 KiB.
    let value = |length: usize| vec![0; length];
    taken(&[with(&[(b"user.a", &value(65_536 - 6))])]);
    refused(&[with(&[(b"user.a", &value(65_536 - 5))])], "extended attributes of a is past the limit");
    refused(&[with(&[(b"user.a", &value(32_768)), (b"user.b", &value(32_768))])], "limit");
    let names: Vec<String> = (0..10_000).map(|number| format!("user.{number:05}")).collect();
    let many: Vec<(&[u8], &[u8])> = names.iter().map(|name| (name.as_bytes(), &b""[..])).collect();
    refused(&[with(&many)], "limit");
}

#[test]
fn row_8_what_cannot_be_read_is_not_written() {
    let mut package = Package::new("hello", &[("a", b"x")]);
    package.manifest.entries[0].xattrs = vec![(b"trusted.a".to_vec(), b"x".to_vec())];
    assert!(matches!(package.try_written(), Err(Problem::Forbidden { .. })));
    package.manifest.entries[0].xattrs = vec![(b"user.a".to_vec(), vec![0; 65_536])];
    assert!(matches!(package.try_written(), Err(Problem::Limit { .. })));
}

#[test]
fn row_9_paths_that_differ_in_case_or_form_are_different() {
    let names = ["A", "a", "e\u{301}", "ss", "x\u{2215}y", "\u{df}", "\u{e9}"];
    let manifest = taken(&names.map(|name| raw(name, FILE)));
    assert_eq!(manifest.entries.iter().map(|entry| entry.path.to_string()).collect::<Vec<_>>(), names);
}

#[test]
fn rows_12_and_16_numbers_are_checked_before_they_are_used() {
    let sized = |path: &str, size: u64, digest: u8| {
        raw(path, FILE).with_node(|e| {
            e.number(size);
            e.raw(&[digest; 32]);
        })
    };
    for size in [u64::MAX, u64::MAX - 7, 1 << 63, 1 << 37] {
        refused(&[sized("a", size, 1)], "");
        refused(&[sized("a", size, 1), sized("b", size, 2)], "");
    }
    refused(&[sized("a", 1, 1), sized("b", 2, 1)], "same digest and another size");
    refused(&[sized("a", 0, 1)], "contradict");
    for owner in [u64::from(u32::MAX), 1 << 32, u64::MAX] {
        let owned = raw("a", FILE).part(OWNER, |e| {
            e.number(owner);
            e.number(0);
        });
        refused(&[owned], "");
    }
    for mtime in [i64::MIN, -1, i64::MAX] {
        let manifest = taken(&[raw("a", FILE).part(MTIME, |e| e.signed(mtime))]);
        assert_eq!(manifest.entries[0].mtime, Some(mtime));
    }
    // A count, a length and a number that go on longer than there is, and numbers of more than 64 bits.
    let good = manifest(&[raw("a", FILE)]);
    let start = good.len() - good.iter().rev().position(|&byte| byte == b'a').unwrap() - 4;
    assert_eq!(&good[start..start + 4], [1, 0, 1, b'a'], "count, shared, length, path");
    for at in [start, start + 1, start + 2] {
        for number in [0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = number;
            packages(&bytes).iter().for_each(|bytes| assert!(open(bytes).is_err(), "{at}: {number}"));
        }
    }
    let entries: Vec<Raw> = (10..30).map(|number| raw(number.to_string(), FILE)).collect();
    for bytes in packages(&manifest(&entries)) {
        let limits = Limits { entries: 19, ..Limits::default() };
        assert!(matches!(open_with(&bytes, &limits).unwrap_err().problem, Problem::Limit { .. }));
    }
}

/// A name that could be more than a name, wherever it is used as one.
#[test]
fn row_25_a_package_s_name_is_a_name() {
    let good = Manifest::new("NAMEPLACE", "VERSIONPL", VersionOrder::Plain).encode().unwrap();
    let with = |place: &[u8], text: &[u8; 9]| {
        let at = good.windows(9).position(|window| window == place).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + 9].copy_from_slice(text);
        bytes
    };
    for text in [
        b"../../../",
        b"/etc/pass",
        b"..      .",
        b"-rf/slash",
        b"a b c d e",
        b"$(reb\noo)",
        b"a/b/c/d/e",
        b"hello\0\0\0\0",
        b".hidden/x",
    ] {
        packages(&with(b"NAMEPLACE", text))
            .iter()
            .for_each(|bytes| assert!(open(bytes).is_err(), "{text:?}"));
    }
    for text in [b"../../../", b"1.0 && rm", b"1.0\n\n\n\n\n\n", b"1.0\0\0\0\0\0\0", b"1/2/3/4/5"] {
        packages(&with(b"VERSIONPL", text))
            .iter()
            .for_each(|bytes| assert!(open(bytes).is_err(), "{text:?}"));
    }
}
