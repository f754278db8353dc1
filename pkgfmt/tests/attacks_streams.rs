//! Numbers, ends and ambiguities of a tar, in every container that has one. `docs/attacks.md` says which attack is
//! tested where; the numbers are those of its rows.
#![allow(clippy::unwrap_used)]

mod attacks_support;
mod common;

use ambar_pkgfmt::Limits;
use attacks_support::*;
use common::build::*;
use tar::EntryType;

#[test]
fn row_16_numbers_that_do_not_fit_are_refused() {
    let content = [0; 512];
    // A size whose lower 64 bits are harmless: 2^64 + 512.
    let mut wraps = sized("a", &base_256((1 << 64) + 512));
    wraps.extend(content);
    refused(&["a"], &[wraps], "header");
    for size in [u128::from(u64::MAX), u128::from(u64::MAX) - 7, u128::from(u64::MAX) - 511, 1 << 63, 1 << 94]
    {
        refused(&["a"], &[sized("a", &base_256(size)), content.into()], "");
    }
    let mut negative = [0xff; 12];
    negative[10] = 0xfe;
    refused(&["a"], &[sized("a", &negative), content.into()], "");
    for size in
        [b"-1000000000\0", b"+0000001000\0", b"0x000000200\0", b"9\0\0\0\0\0\0\0\0\0\0\0", b"777777777777"]
    {
        refused(&["a"], &[sized("a", size), content.into()], "");
    }
    // Two sizes that each fit and together do not.
    let half = base_256(1 << 62);
    refused(&["a", "b"], &[sized("a", &half), sized("b", &half)], "");
    for value in ["18446744073709551616", "-1", "1e3", "", " 1", "99999999999999999999999999"] {
        refused(&["a"], &[pax(&[("size", value.as_bytes())]), file("a", b"x")], "");
        refused(&["a"], &[pax(&[("uid", value.as_bytes())]), file("a", b"x")], "");
    }
    refused(&["a"], &[pax(&[("uid", b"4294967296")]), file("a", b"x")], "owner or group");
    refused(&["a"], &[patched(file("a", b"x"), 108, &[0x80, 0, 0, 1, 0, 0, 0, 0])], "owner or group");
    refused(&["a"], &[patched(file("a", b"x"), 116, &[0xff; 8])], "");
    for value in ["9223372036854775808", "x", "1.x", "--1"] {
        refused(&["a"], &[pax(&[("mtime", value.as_bytes())]), file("a", b"x")], "mtime");
    }
}

/// Times before 1970 exist in the world.
#[test]
fn row_16_a_negative_time_is_a_time() {
    let mut field = [0xff; 12];
    field[4..].copy_from_slice(&(-86_400_i64).to_be_bytes());
    let binary = patched(file("a", b"x"), 136, &field);
    let decimal = [pax(&[("mtime", b"-86399.5")]), file("a", b"x")];
    for members in [vec![binary], decimal.to_vec()] {
        for (container, manifest) in taken(&["a"], &members) {
            assert_eq!(manifest.entries[0].mtime, Some(-86_400), "{container:?}");
        }
    }
    refused(&["a"], &[patched(file("a", b"x"), 136, &base_256(1 << 64))], "header");
}

#[test]
fn row_17_an_archive_ends_once_and_where_it_says() {
    let whole = tar(&[file("a", b"x"), file("b", b"y")]);
    // With one block of zeros at its end, a tar is whole for some readers; less than that is a cut.
    for length in (0..whole.len() - 512).step_by(64).filter(|&length| length != whole.len() - 512) {
        refused_tar(&["a", "b"], &whole[..length], "");
    }
    let member = file("c", b"z");
    refused_tar(&["a", "b", "c"], &[&whole[..], &member].concat(), "data follows the end of the archive");
    refused_tar(&["a", "b"], &[&whole[..], b"x"].concat(), "data follows the end of the archive");
    refused_tar(&["a", "b"], &[&whole[..], &whole].concat(), "data follows the end of the archive");
    refused_tar(&["a", "b"], &[&whole[..], &[0; 100]].concat(), "ends inside a block");
    // One block of zeros inside: an end for some, nothing for others.
    let inside = [&file("a", b"x")[..], &[0; 512], &file("b", b"y"), &[0; 1024]].concat();
    refused_tar(&["a", "b"], &inside, "data follows the end of the archive");
    refused_tar(&["a"], &inside, "data follows the end of the archive");
    for container in ALL {
        let padded = [&whole[..], &[0; 20 * 512]].concat();
        read(container, &container.packed_tar(&["a", "b"], &padded), &Limits::default()).unwrap();
    }
}

#[test]
fn row_18_what_readers_of_tar_disagree_about_is_refused() {
    let a = || file("a", b"x");
    refused(&["a"], &[pax(&[("size", b"0")]), a()], "disagree about its size");
    refused(&["a"], &[pax(&[("size", b"1024")]), a()], "disagree about its size");
    // The header says nothing, and the records say that the next member is content.
    let hidden = [pax(&[("size", b"1536")]), file("a", b""), file("evil", b"x")];
    refused(&["a"], &hidden, "disagree about its size");
    for (container, manifest) in taken(&["a"], &[pax(&[("size", b"1")]), a()]) {
        assert_eq!(paths(&manifest), ["a"], "{container:?}");
    }
    // Records and long names together: whose are the records?
    for records in [pax(&[("path", b"b")]), pax(&[("size", b"1")]), pax(&[("mtime", b"1")])] {
        refused(&["a"], &[records.clone(), long_name(b"a"), a()], "described twice");
        refused(&["a"], &[long_name(b"a"), records.clone(), a()], "described twice");
        refused(&["a"], &[records.clone(), long_link(b"a"), symlink("a", "b")], "described twice");
        refused(&["a"], &[records.clone(), records, a()], "described twice");
    }
    refused(&["a"], &[long_name(b"a"), long_name(b"a"), a()], "described twice");
    refused(&["a"], &[pax(&[("path", b"a"), ("path", b"b")]), a()], "described twice");
    refused(&["a"], &[pax(&[("size", b"1"), ("size", b"1")]), a()], "described twice");
    refused(&["a"], &[a(), long_name(b"b")], "ends before the member");
    refused(&["a"], &[a(), pax(&[("path", b"b")])], "ends before the member");
    let global = extension(EntryType::XGlobalHeader, &record("path", b"b"));
    refused(&["a"], &[global, a()], "whole archive");
    let size = extension(EntryType::XGlobalHeader, &record("size", b"0"));
    refused(&["a"], &[size, a()], "whole archive");
}

#[test]
fn row_18_a_pax_record_that_is_not_understood_is_not_skipped() {
    let path = record("path", b"b");
    for records in [
        &b"\n"[..],
        &[b"\n", &path[..]].concat(),
        &[&record("mtime", b"1")[..], b"\n", &path].concat(),
        &path[..path.len() - 1],
        &[&path[..], b"x"].concat(),
        &[&path[..], &[0; 8]].concat(),
        b"9 path=b\nx\n",
        b"12 path=b\n",
        b"8 path=b\n",
        b"-9 path=b\n",
        b" 9 path=b\n",
        b"9path=bb\n",
        b"8 pathb\n",
        b"18446744073709551625 path=b\n",
        b"11 path=b\nc\n",
    ] {
        refused(&["a"], &[extension(EntryType::XHeader, records), file("a", b"x")], "pax record");
        refused(&["b"], &[extension(EntryType::XHeader, records), file("a", b"x")], "");
    }
    // What says nothing about content, name or place may be there.
    for (_, manifest) in taken(&["a"], &[pax(&[("comment", b"x"), ("atime", b"1.5")]), file("a", b"x")]) {
        assert_eq!(paths(&manifest), ["a"]);
    }
}

#[test]
fn row_18_a_header_whose_checksum_is_wrong_is_refused() {
    let mut member = file("a", b"x");
    member[0] = b'b';
    refused(&["b"], &[member], "header");
}
