//! What a tar can try, in every container that has one: the members of the payload. `docs/attacks.md` says which
//! attack is tested where; the numbers are those of its rows.
#![allow(clippy::unwrap_used)]

mod attacks_support;
mod common;

use ambar_pkgfmt::{Limits, Problem};
use attacks_support::*;
use common::build::*;
use tar::EntryType;

#[test]
fn row_1_a_path_that_is_not_plainly_inside_is_refused() {
    for path in
        ["../x", "..", "a/..", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a/.", "./../x", "././a", ".", ""]
    {
        refused(&[], &[file(path, b"")], "payload: '");
    }
    refused(&[], &[directory("..")], "payload: '");
    refused(&[], &[directory("a/../..")], "payload: '");
    refused(&[], &[symlink("../x", "a")], "payload: '");
    // What is normal once the './' of archivers is gone is as good as without it.
    for (_, manifest) in taken(&["a"], &[directory("./"), file("./a", b"x")]) {
        assert_eq!(paths(&manifest), ["a"]);
    }
}

#[test]
fn row_2_nothing_lies_below_a_symlink_or_a_file() {
    let (link, deep) = (symlink("a", "/etc"), file("a/b/c", b"x"));
    refused(&["a", "a/b"], &[link.clone(), file("a/b", b"x")], "through a symlink");
    refused(&["a", "a/b"], &[file("a/b", b"x"), link.clone()], "through a symlink");
    refused(&["a", "a/b/c"], &[link.clone(), deep.clone()], "through a symlink");
    refused(&["a", "a/b/c"], &[deep.clone(), link.clone()], "through a symlink");
    refused(&["a", "a/b"], &[link.clone(), directory("a/b")], "through a symlink");
    refused(&["a", "b", "b/c"], &[directory("a"), symlink("b", "a"), file("b/c", b"x")], "through a symlink");
    refused(&["a", "a/b/c"], &[file("a", b"x"), deep], "through a file");
    // Names that sort between the link and what lies below it.
    let between = [link, file("a-b", b"x"), file("a.b", b"x"), file("a/b", b"x")];
    refused(&["a", "a-b", "a.b", "a/b"], &between, "through a symlink");
}

#[test]
fn rows_3_and_13_a_path_comes_once() {
    let (dir, link) = (directory("a/"), symlink("a", "/etc"));
    refused(&["a"], &[dir.clone(), link.clone(), file("a/x", b"x")], "");
    refused(&["a", "a/x"], &[dir.clone(), link.clone(), file("a/x", b"x")], "");
    refused(&["a"], &[dir.clone(), link.clone()], "a: the payload holds it twice");
    refused(&["a"], &[link.clone(), dir.clone()], "a: the payload holds it twice");
    refused(&["a"], &[link.clone(), file("a", b"x")], "a: the payload holds it twice");
    refused(&["a"], &[file("a", b"x"), file("./a", b"x")], "a: the payload holds it twice");
    refused(&["a"], &[file("a", b"x"), hard_link("a", "a")], "a:");
}

#[test]
fn row_4_a_hard_link_names_an_earlier_file_of_the_payload() {
    let a = || file("a", b"x");
    for target in ["/etc/passwd", "../a", "b", "c", "", ".", "a/../a", "a/."] {
        refused(&["a", "b"], &[a(), hard_link("b", target)], "hard link");
    }
    refused(&["a", "b"], &[hard_link("b", "a"), a()], "hard link");
    refused(&["b"], &[hard_link("b", "b")], "hard link");
    refused(&["a", "b"], &[symlink("a", "/etc/passwd"), hard_link("b", "a")], "hard link");
    refused(&["a", "b"], &[directory("a"), hard_link("b", "a")], "hard link");
    refused(&["a", "b", "c"], &[symlink("a", "c"), hard_link("b", "a"), hard_link("c", "b")], "hard link");
    let members = [a(), hard_link("b", "./a"), hard_link("c", "b")];
    for (_, manifest) in taken(&["a", "b", "c"], &members) {
        assert_eq!(manifest.entries.iter().map(|entry| entry.link_group).collect::<Vec<_>>(), [1, 1, 1]);
    }
}

#[test]
fn row_7_only_files_directories_and_links_are_members() {
    use EntryType::{Block, Char, Continuous, Fifo};
    // Sockets and doors, as Solaris writes them, and whatever else has a letter.
    let letters = [b's', b'D', b'M', b'N', b'V', b'X', b'8', b'A'].map(EntryType::new);
    for kind in [Char, Block, Fifo, Continuous].into_iter().chain(letters) {
        refused(&["a"], &[tar_member(kind, "a", "", b"", 0o644)], "'a'");
    }
    refused(&["a"], &[file("a/", b"x")], "directory's name");
    refused(&["a"], &[tar_member(EntryType::Symlink, "a", "b", b"content", 0o777)], "has content");
    refused(&["a"], &[tar_member(EntryType::Directory, "a", "", b"content", 0o755)], "has content");
}

#[test]
fn row_8_special_bits_are_what_the_package_says_and_attributes_are_refused() {
    for mode in [0o4755, 0o2755, 0o1755, 0o7777] {
        for (container, manifest) in taken(&["a"], &[tar_member(EntryType::Regular, "a", "", b"x", mode)]) {
            assert_eq!(u32::from(manifest.entries[0].mode), mode, "{container:?}");
        }
    }
    for name in [
        "security.capability",
        "security.ima",
        "trusted.overlay.redirect",
        "user.a",
        "system.posix_acl_access",
    ] {
        for prefix in ["SCHILY.xattr.", "LIBARCHIVE.xattr."] {
            let records = pax(&[(&format!("{prefix}{name}"), b"x")]);
            refused(&["a"], &[records, file("a", b"x")], "extended attributes");
        }
    }
}

#[test]
fn row_9_paths_that_differ_in_case_or_form_are_different() {
    let names = ["A", "a", "e\u{301}", "ss", "x\u{2215}y", "\u{df}", "\u{e9}"];
    let members = names.map(|name| file(name, name.as_bytes()));
    for (container, manifest) in taken(&names, &members) {
        assert_eq!(paths(&manifest), names, "{container:?}");
    }
}

#[test]
fn row_10_names_that_mislead_are_refused_and_bytes_are_bytes() {
    for name in
        ["a\nb", "a\u{1b}[2J", "a\tb", "a\u{7f}", "a\u{9b}2J", "a\u{202e}gpj.exe", "a\u{2066}b", "a\u{200f}"]
    {
        let problem = refused(&[], &[file(name, b"")], "control character");
        assert!(!problem.contains(|c: char| c.is_control() || ('\u{200f}'..='\u{2069}').contains(&c)));
    }
    // A NUL, which ends the name for those who read it as C does.
    refused(&["a"], &[pax(&[("path", b"a\0b")]), file("a", b"")], "control character");
    refused(&["a"], &[long_name(b"a\0/../b"), file("a", b"")], "control character");
    refused(&["a"], &[tar_member(EntryType::Symlink, "a", "", b"", 0o777)], "a: its target");
    refused(&["a"], &[pax(&[("linkpath", b"x\0y")]), symlink("a", "x")], "a: its target");
    // A name that is no UTF-8 is bytes, shown escaped; files.xml cannot list it.
    let members = [long_name(b"a\xff"), file("x", b"content")];
    for container in [Container::Deb, Container::Entropy] {
        let manifest = read(container, &container.packed(&[], &members), &Limits::default()).unwrap();
        assert_eq!(manifest.entries[0].path.as_bytes(), b"a\xff");
        assert_eq!(manifest.entries[0].path.to_string(), "a\\xff");
    }
    for container in [Container::Pisi, Container::PisiDelta] {
        let problem = read(container, &container.packed(&[], &members), &Limits::default()).unwrap_err();
        assert!(problem.to_string().contains("a\\xff: the payload holds it"), "{problem}");
    }
}

#[test]
fn row_11_paths_are_bounded() {
    let long = |path: &str| [long_name(path.as_bytes()), file("x", b"")];
    let component = "c".repeat(255);
    let deepest = vec!["d"; 64].join("/");
    let longest = [vec![component.as_str(); 15].join("/"), "e".repeat(255)].join("/");
    assert_eq!(longest.len(), 4095);
    for path in [&component, &deepest, &longest] {
        taken(&[path], &long(path));
    }
    refused(&[], &long(&"c".repeat(256)), "too long");
    refused(&[], &long(&format!("{deepest}/d")), "too long");
    refused(&[], &long(&format!("{longest}e")), "length of a path");
    refused(&[], &long(&vec!["a"; 30_000].join("/")), "length of a path");
    refused(&[], &[long_name(&[b'a'; 65 << 10]), file("x", b"")], "limit");
    refused(&["a"], &[long_link(&[b'a'; 4096]), symlink("a", "x")], "a: its target");
}

#[test]
fn row_12_what_would_fill_memory_or_disk_is_refused() {
    let limit = |members: &[Vec<u8>], limits: &Limits| {
        for container in ALL {
            let listed: Vec<String> = (0..members.len()).map(|number| number.to_string()).collect();
            let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
            let problem = read(container, &container.packed(&listed, members), limits).unwrap_err();
            assert!(matches!(problem, Problem::Limit { .. }), "{container:?}: {problem}");
        }
    };
    let empty: Vec<Vec<u8>> = (0..20).map(|number| file(&number.to_string(), b"")).collect();
    limit(&empty, &Limits { entries: 19, ..Limits::default() });
    let zeros = [file("0", &vec![0; 8 << 20])];
    limit(&zeros, &Limits { ratio_floor: 1 << 20, ratio: 10, ..Limits::default() });
    limit(&zeros, &Limits { payload_bytes: 1 << 20, ..Limits::default() });
    // Ten EiB that are not there: nobody takes the memory that the header asks for.
    let huge = sized("0", &base_256(10 << 60));
    limit(&[huge], &Limits::default());
}

#[test]
fn row_14_sparse_files_are_refused() {
    refused(&["a"], &[tar_member(EntryType::GNUSparse, "a", "", b"", 0o644)], "sparse");
    for key in
        ["GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.realsize", "SCHILY.realsize", "SUN.holesdata"]
    {
        refused(&["a"], &[pax(&[(key, b"1")]), file("a", b"x")], "sparse");
    }
}

/// Attributes are refused, so their number and size do not matter; the records themselves are bounded.
#[test]
fn row_15_records_are_bounded() {
    let value = vec![b'x'; 64 << 10];
    refused(&["a"], &[pax(&[("SCHILY.xattr.user.a", &value)]), file("a", b"x")], "limit");
    let keys: Vec<String> = (0..10_000).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
    let records: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), &b""[..])).collect();
    refused(&["a"], &[pax(&records), file("a", b"x")], "limit");
    refused(&["a"], &[pax(&records[..100]), file("a", b"x")], "extended attributes");
}
