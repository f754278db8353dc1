//! Debian packages that lie, hide something, or ask for too much: each is refused, by name and with the reason.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::path::PathBuf;

use ambar_pkgfmt::{Limits, Problem};
use common::build::*;
use common::deb::*;
use common::{read, read_with};

/// A package file that lives as long as the test.
struct OnDisk {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn on_disk(bytes: &[u8]) -> OnDisk {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.deb");
    std::fs::write(&path, bytes).unwrap();
    OnDisk { _directory: directory, path }
}

fn problem_within(bytes: &[u8], limits: &Limits) -> Problem {
    let file = on_disk(bytes);
    let error = read_with(&file.path, limits).expect_err("it is refused");
    assert_eq!(error.file, file.path);
    error.problem
}

/// The package is refused, and the reason has all those words.
#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let reason = problem_within(bytes, &Limits::default()).to_string();
    for word in words {
        assert!(reason.contains(word), "'{reason}' does not say '{word}'");
    }
}

#[track_caller]
fn accepted(bytes: &[u8]) {
    let file = on_disk(bytes);
    if let Err(error) = read(&file.path) {
        panic!("{error}");
    }
}

#[test]
fn a_package_cut_off_anywhere_is_refused() {
    let whole = honest_deb();
    let file = on_disk(b"");
    // The byte that pads the last member has no meaning.
    let data = gzip(&honest_data()).len();
    for length in 0..whole.len() - data % 2 {
        std::fs::write(&file.path, &whole[..length]).unwrap();
        assert!(read(&file.path).is_err(), "cut at {length} of {}", whole.len());
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_changes_nothing() {
    let whole = honest_deb();
    let file = on_disk(&whole);
    let expected = read(&file.path).unwrap();
    let mut unnoticed = 0;
    for position in 0..whole.len() {
        for bits in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[position] ^= bits;
            std::fs::write(&file.path, &bytes).unwrap();
            if let Ok(manifest) = read(&file.path) {
                assert_eq!(manifest, expected, "byte {position} ^ {bits:#x}");
                unnoticed += 1;
            }
        }
    }
    println!("{unnoticed} flips in headers changed nothing");
}

#[test]
fn what_is_no_debian_package_is_told_apart() {
    refused(b"", &[""]);
    refused(b"0.939000\n123\n", &["before 1995"]);
    refused(b"!<arch>\n", &["ar archive without debian-binary"]);
    refused(&ar(&[("hello.o/", b"x")]), &["starts with 'hello.o'"]);
    let of_format = |text: &[u8]| {
        ar(&[("debian-binary", text), ("control.tar", &honest_control()), ("data.tar", &honest_data())])
    };
    accepted(&of_format(b"2.0\n"));
    accepted(&of_format(b"2.1\nmore\n"));
    refused(&of_format(b"3.0\n"), &["format 3.0", "not known"]);
    refused(&of_format(b"1.0\n"), &["format 1.0"]);
    refused(&of_format(b"2.0"), &["debian-binary", "no end"]);
    for text in [&b""[..], b"\n", b"2\n", b"2.\n", b".0\n", b"2.x\n", b" 2.0\n", b"2.0 \n", b"\x1b[2J\n"] {
        refused(&of_format(text), &["debian-binary"]);
    }
    refused(&of_format(&vec![b'2'; 5000]), &["debian-binary", "limit"]);
}

#[test]
fn the_container_holds_the_two_archives_once_and_in_order() {
    let (version, control, data) = (("debian-binary", &b"2.0\n"[..]), honest_control(), honest_data());
    let (control, data) = (("control.tar", &control[..]), ("data.tar", &data[..]));
    accepted(&ar(&[version, control, data]));
    accepted(&ar(&[("debian-binary/", b"2.0\n"), ("control.tar/", control.1), ("data.tar/", data.1)]));
    accepted(&ar(&[version, ("_a", b"1"), control, ("_b", b""), data, ("_gpgorigin", b"sig"), ("x", b"1")]));
    refused(&ar(&[control, data]), &["starts with 'control.tar'"]);
    refused(&ar(&[("_a", b""), version, control, data]), &["starts with '_a'"]);
    refused(&ar(&[version, data, control]), &["data.tar", "before control.tar"]);
    refused(&ar(&[version, control]), &["no data.tar"]);
    refused(&ar(&[version]), &["no control.tar"]);
    refused(&ar(&[version, data]), &["before control.tar"]);
    refused(&ar(&[version, version, control, data]), &["debian-binary", "second"]);
    refused(&ar(&[version, control, control, data]), &["control.tar", "second"]);
    refused(&ar(&[version, control, data, control]), &["control.tar", "second"]);
    refused(&ar(&[version, control, data, data]), &["data.tar", "second"]);
    let packed = gzip(data.1);
    refused(&ar(&[version, control, data, ("data.tar.gz", &packed)]), &["data.tar.gz", "second"]);
    refused(&ar(&[version, ("x", b"1"), control, data]), &["x:", "before data.tar"]);
    refused(&ar(&[version, control, ("x", b"1"), data]), &["x:", "before data.tar"]);
    refused(&ar(&[version, control, ("#1/20", b"data.tar"), data]), &["before data.tar"]);
    refused(&ar(&[version, control, ("data.tar.Z", data.1)]), &["data.tar.Z", "not compressed in that way"]);
    refused(&ar(&[version, control, ("data.targz", data.1)]), &["not compressed in that way"]);
    refused(&ar(&[version, ("control.tar.bz2", control.1), data]), &["not compressed in that way"]);
    refused(&ar(&[version, ("control.tar", b""), data]), &["control.tar", "empty"]);
    refused(&ar(&[version, control, ("data.tar", b"")]), &["data.tar", "empty"]);
    refused(&ar(&[version, control, ("", b""), data]), &["no member's name"]);
    refused(&ar(&[version, control, ("\u{1b}[2J", b""), data]), &["no member's name"]);
}

#[test]
fn sizes_in_the_container_are_numbers_that_fit() {
    let start = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &honest_control())]);
    let data = honest_data();
    let with = |header: Vec<u8>| [&start[..], &header, &data].concat();
    let header = |size: &str| {
        let mut header = ar_member_of("data.tar", 0, b"");
        header[48..58].copy_from_slice(format!("{size:<10}").as_bytes());
        header
    };
    accepted(&with(header(&data.len().to_string())));
    accepted(&with(header(&format!("{:>10}", data.len()))));
    for size in ["", "-1", "+9", "0x10", "1 2", "1e3", "1\n"] {
        refused(&with(header(size)), &["data.tar", "no number"]);
    }
    refused(&with(header("9999999999")), &["data.tar", "ends early"]);
    refused(&with(header(&(data.len() + 1).to_string())), &["data.tar", "ends early"]);
    // A member that is shorter than its tar leaves the rest as the next header.
    refused(&with(header(&(data.len() - 512).to_string())), &["header is damaged"]);
    let mut unmarked = header(&data.len().to_string());
    unmarked[58] = b' ';
    refused(&with(unmarked), &["header is damaged"]);
    refused(&[&honest_deb()[..], b"trailing"].concat(), &["follows its end"]);
    refused(&[&honest_deb()[..], &[0; 100]].concat(), &["follows its end"]);
}

#[test]
fn the_number_of_members_is_bounded() {
    let mut bytes = honest_deb();
    for _ in 0..20 {
        bytes.extend(ar_member("_x", b""));
    }
    accepted(&bytes);
    let limits = Limits { container_members: 10, ..Limits::default() };
    assert!(matches!(problem_within(&bytes, &limits), Problem::Limit { limit: 10, .. }));
}

#[test]
fn control_tar_holds_plain_files_at_its_top() {
    let with = |members: &[Vec<u8>]| {
        let mut all = vec![file("./control", CONTROL.as_bytes())];
        all.extend_from_slice(members);
        deb_of(&tar(&all), &honest_data())
    };
    accepted(&with(&[]));
    accepted(&with(&[file("postinst", b"x"), directory(".")]));
    refused(&with(&[file("../x", b"")]), &["control.tar.gz", "../x"]);
    refused(&with(&[file("/etc/x", b"")]), &["absolute"]);
    refused(&with(&[file("./a/../b", b"")]), &["'..'"]);
    refused(&with(&[file("a\u{1b}[2J", b"")]), &["control character"]);
    refused(&with(&[directory("./sub/")]), &["sub", "only regular files"]);
    refused(&with(&[file("./sub/x", b"")]), &["sub/x", "in no directory"]);
    refused(&with(&[symlink("./postinst", "/bin/sh")]), &["postinst", "only regular files"]);
    refused(&with(&[hard_link("./postinst", "./control")]), &["postinst", "only regular files"]);
    refused(&with(&[tar_member(tar::EntryType::Char, "./dev", "", b"", 0o600)]), &["device"]);
    refused(&with(&[tar_member(tar::EntryType::Fifo, "./fifo", "", b"", 0o600)]), &["FIFO"]);
    refused(&with(&[file("control", b"Package: other\n")]), &["control", "twice"]);
    refused(&deb_of(&tar(&[file("./postinst", b"")]), &honest_data()), &["no control file"]);
    refused(&deb_of(&tar(&[symlink("./control", "/etc/passwd")]), &honest_data()), &["only regular files"]);
    refused(&deb_of(b"no tar", &honest_data()), &["control.tar.gz"]);
    let many: Vec<Vec<u8>> = (0..1001).map(|n| file(&format!("f{n}"), b"")).collect();
    refused(&with(&many), &["the number of members", "limit of 1000"]);
}

#[test]
fn members_of_control_tar_are_bounded() {
    let limits =
        Limits { metadata_bytes: 1000, file_list_bytes: 1000, script_bytes: 1000, ..Limits::default() };
    let limit = |bytes: &[u8]| match problem_within(bytes, &limits) {
        Problem::Limit { what, .. } => what,
        problem => panic!("{problem}"),
    };
    let big = "#".repeat(1001);
    assert_eq!(limit(&with_fields(&format!("X: {big}\n"))), "control");
    assert_eq!(limit(&with_files(&[("conffiles", &big)])), "conffiles");
    assert_eq!(limit(&with_files(&[("md5sums", &big)])), "md5sums");
    assert_eq!(
        limit(&with_files(&[("postinst", &big[..600]), ("prerm", &big[..600])])),
        "the size of all scripts"
    );
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let zeros = vec![0_u8; 80 << 20];
    let bomb = |name: &str| file(name, &zeros);
    let limits = Limits { ratio_floor: 1 << 20, ratio: 50, ..Limits::default() };
    let control = deb_of(&tar(&[bomb("./templates"), file("./control", CONTROL.as_bytes())]), &honest_data());
    assert!(matches!(problem_within(&control, &limits), Problem::Limit { .. }));
    assert!(matches!(problem_within(&control, &Limits::default()), Problem::Limit { .. }));
    // Zeros behind the end of the archive are no members, and count.
    let padded = [&honest_control()[..], &zeros].concat();
    assert!(matches!(problem_within(&deb_of(&padded, &honest_data()), &limits), Problem::Limit { .. }));
    let data = with_data(&[bomb("./zeros")]);
    assert!(matches!(problem_within(&data, &limits), Problem::Limit { .. }));
    let few = Limits { entries: 3, ..Limits::default() };
    assert!(matches!(problem_within(&honest_deb(), &few), Problem::Limit { limit: 3, .. }));
    let small = Limits { payload_bytes: 10, ..Limits::default() };
    assert!(matches!(problem_within(&honest_deb(), &small), Problem::Limit { limit: 10, .. }));
}

#[test]
fn a_decoder_gets_no_more_memory_than_it_may_take() {
    let packages = |extension: &str, packed: &[u8]| {
        let (control, data) = (honest_control(), honest_data());
        let (c, d) = (format!("control.tar{extension}"), format!("data.tar{extension}"));
        let version = ("debian-binary", &b"2.0\n"[..]);
        let first = ar(&[version, (&c, packed), ("data.tar", &data)]);
        let second = ar(&[version, ("control.tar", &control), (&d, packed)]);
        (first, second)
    };
    // A window of 2 GiB: the exponent is in the second byte after the magic number.
    let mut zst = Vec::new();
    let mut encoder = zstd::stream::Encoder::new(&mut zst, 3).unwrap();
    encoder.write_all(&honest_data()).unwrap();
    encoder.finish().unwrap();
    assert_eq!(zst[4] & 0x20, 0, "the frame says its window");
    zst[5] = 21 << 3;
    let (control, data) = packages(".zst", &zst);
    refused(&control, &["control.tar.zst"]);
    refused(&data, &["data.tar.zst"]);
    // A dictionary of 3 GiB: its code is the fifth byte of the first block's header.
    let mut xz = Vec::new();
    lzma_rs::xz_compress(&mut &honest_data()[..], &mut xz).unwrap();
    let length = (usize::from(xz[12]) + 1) * 4;
    assert_eq!(xz[14], 0x21, "the filter is LZMA2");
    xz[16] = 39;
    let mut crc = flate2::Crc::new();
    crc.update(&xz[12..12 + length - 4]);
    xz[12 + length - 4..12 + length].copy_from_slice(&crc.sum().to_le_bytes());
    let (control, data) = packages(".xz", &xz);
    // lzma-rs takes no dictionary for .xz: it holds what it gives out, which is bounded otherwise.
    if cfg!(feature = "liblzma") {
        refused(&control, &["memory", "limit"]);
        refused(&data, &["memory", "limit"]);
    }
    let mut lzma = Vec::new();
    lzma_rs::lzma_compress(&mut &honest_data()[..], &mut lzma).unwrap();
    lzma[1..5].copy_from_slice(&0xc000_0000_u32.to_le_bytes());
    refused(&packages(".lzma", &lzma).1, &["memory", "limit"]);
}

#[test]
fn compressed_data_is_of_the_kind_its_name_says_and_ends_where_it_should() {
    let version = ("debian-binary", &b"2.0\n"[..]);
    let control = honest_control();
    let control = ("control.tar", &control[..]);
    for name in ["data.tar.gz", "data.tar.xz", "data.tar.zst", "data.tar.bz2", "data.tar.lzma"] {
        refused(&ar(&[version, control, (name, &honest_data())]), &[name]);
    }
    refused(&ar(&[version, control, ("data.tar", &gzip(&honest_data()))]), &["data.tar"]);
    let mut trailing = gzip(&honest_data());
    trailing.extend(b"more");
    refused(&ar(&[version, control, ("data.tar.gz", &trailing)]), &["data.tar.gz", "follows the end"]);
    let twice = [&gzip(&honest_control())[..], &gzip(b"x")].concat();
    refused(
        &ar(&[version, ("control.tar.gz", &twice), ("data.tar", &honest_data())]),
        &["control.tar.gz", "follows the end"],
    );
}

#[test]
fn a_control_file_names_a_package_and_a_version() {
    refused(&with_control("Version: 1\n"), &["control", "'Package'"]);
    refused(&with_control("Package: a\n"), &["control", "'Version'"]);
    accepted(&with_control("Package: a\nVersion: 1\n"));
    refused(&with_control(""), &["control"]);
    for name in ["", "-a", ".a", "a b", "a/b", "../a", "a_b\u{e9}", "a,b", "\u{1b}[2J"] {
        refused(&with_control(&format!("Package: {name}\nVersion: 1\n")), &["control", "Package"]);
    }
    for version in ["", "a1", "v1.0", "1_0", "1 2", "1/2", "x:1", ":1", "1-", "99999999999:1", "1\u{1b}[2J"] {
        refused(&with_control(&format!("Package: a\nVersion: {version}\n")), &["control", "Version"]);
    }
    refused(&with_fields("package: other\n"), &["'package' occurs twice"]);
    refused(&with_fields("\nPackage: other\n"), &["second paragraph"]);
    refused(&with_fields("Revision: 2\n"), &["Revision"]);
    refused(&with_fields("nonsense\n"), &["no colon"]);
    refused(&with_fields("X: a\0b\n"), &["NUL"]);
    refused(&with_fields("X: cut"), &["no end"]);
    refused(&with_fields("Multi-Arch: maybe\n"), &["Multi-Arch", "maybe"]);
    refused(&with_fields("Essential: perhaps\n"), &["Essential", "perhaps"]);
    refused(&with_fields("Homepage: a\n b\n"), &["Homepage", "more than one line"]);
    accepted(&with_fields(&format!("X-Long: {}\n", "x".repeat(1 << 20))));
    refused(&with_fields(&format!("X-Long: {}\n", "x".repeat(16 << 20))), &["control", "limit"]);
    let many: String = (0..1001).map(|n| format!("X-{n}: y\n")).collect();
    refused(&with_fields(&many), &["number of fields", "limit of 1000"]);
}

#[test]
fn relations_that_dpkg_refuses_are_refused() {
    refused(&with_fields("Conflicts: a | b\n"), &["Conflicts", "alternatives"]);
    refused(&with_fields("Pre-Depends: a [amd64]\n"), &["Pre-Depends"]);
    refused(&with_fields("Recommends: a (~ 1)\n"), &["Recommends", "no version"]);
    refused(&with_fields("Provides: a (>= 1)\n"), &["Provides", "one version"]);
    let limits = Limits { relation_targets: 10, ..Limits::default() };
    let many = with_fields(&format!("Suggests: {}a\n", "a,".repeat(10)));
    accepted(&many);
    assert!(matches!(problem_within(&many, &limits), Problem::Limit { limit: 10, .. }));
    let more = with_fields(&format!("Suggests: {}a\n", "a,".repeat(Limits::default().relation_targets)));
    refused(&more, &["relations name", "limit"]);
}

#[test]
fn a_list_of_configuration_files_stays_inside() {
    for line in ["/etc/../../x", "etc/hello", "/", "keep /etc/hello", "/etc/a\u{1b}b"] {
        refused(&with_files(&[("conffiles", &format!("{line}\n"))]), &["conffiles"]);
    }
}

#[test]
fn a_payload_holds_what_packages_may_hold() {
    let device = |kind| tar_member(kind, "./dev/x", "", b"", 0o600);
    refused(&with_data(&[device(tar::EntryType::Char)]), &["dev/x", "device"]);
    refused(&with_data(&[device(tar::EntryType::Block)]), &["dev/x", "device"]);
    refused(&with_data(&[device(tar::EntryType::Fifo)]), &["dev/x", "FIFO"]);
    refused(&with_data(&[device(tar::EntryType::GNUSparse)]), &["dev/x", "sparse"]);
    for path in ["../x", "./../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\u{1b}[2Jb"] {
        refused(&with_data(&[file(path, b"")]), &["payload"]);
    }
    refused(&with_data(&[file("./a", b"1"), file("a", b"2")]), &["a:", "twice"]);
    refused(&with_data(&[directory("./a/"), symlink("./a", "/etc")]), &["a:", "twice"]);
    refused(&with_data(&[symlink("./a", "/etc"), file("./a/passwd", b"x")]), &["through a symlink"]);
    refused(&with_data(&[file("./a/passwd", b"x"), symlink("./a", "/etc")]), &["through a symlink"]);
    refused(&with_data(&[file("./a", b"x"), file("./a/b", b"x")]), &["through a file"]);
    refused(&with_data(&[symlink("./a", "")]), &["a:", "target"]);
    for target in ["/etc/passwd", "../x", "./later", "./a"] {
        refused(&with_data(&[hard_link("./a", target), file("./later", b"x")]), &["a:", "hard link"]);
    }
    refused(&with_data(&[symlink("./l", "x"), hard_link("./a", "./l")]), &["a:", "hard link"]);
    let records = |text: &[u8]| tar_member(tar::EntryType::XHeader, "./PaxHeaders/a", "", text, 0o644);
    for (record, word) in [
        (&b"38 SCHILY.xattr.security.capability=x\n"[..], "extended attributes"),
        (b"22 GNU.sparse.major=1\n", "sparse"),
        (b"9 size=9\n", "size"),
        (b"9 path=b\n9 path=c\n", "twice"),
        (b"99 path=b\n", "pax record"),
    ] {
        refused(&with_data(&[records(record), file("./a", b"x")]), &["data.tar.gz", word]);
    }
    let whole = tar_member(tar::EntryType::XGlobalHeader, "pax", "", b"9 path=b\n", 0o644);
    refused(&with_data(&[whole, file("./a", b"x")]), &["whole archive"]);
    let mut huge = tar::Header::new_gnu();
    huge.set_path("a").unwrap();
    huge.set_size(u64::MAX / 2);
    huge.set_mode(0o644);
    huge.set_cksum();
    refused(&with_data(&[huge.as_bytes().to_vec()]), &[""]);
}

#[test]
fn whatever_the_bytes_are_nothing_panics() {
    use proptest::prelude::*;
    let disk = on_disk(b"");
    let version = ("debian-binary", &b"2.0\n"[..]);
    let (control, data) = (honest_control(), honest_data());
    proptest!(ProptestConfig::with_cases(300), |(bytes in proptest::collection::vec(any::<u8>(), 0..600), which in 0..5_u8)| {
        let package = match which {
            0 => [&b"!<arch>\n"[..], &bytes].concat(),
            1 => ar(&[version, ("control.tar", &bytes), ("data.tar", &data)]),
            2 => ar(&[version, ("control.tar", &control), ("data.tar.xz", &bytes)]),
            3 => deb_of(&tar(&[file("control", &bytes)]), &data),
            _ => deb_of(&tar(&[file("control", CONTROL.as_bytes()), file("conffiles", &bytes)]), &data),
        };
        std::fs::write(&disk.path, package).unwrap();
        let _ = read(&disk.path);
    });
}

#[test]
fn any_text_in_a_relation_is_refused_or_shown_as_it_is_meant() {
    use proptest::prelude::*;
    let file = on_disk(b"");
    proptest!(ProptestConfig::with_cases(500), |(text in "[a-c1 ,|():<>=\\[\\]~.:\\-]{0,24}")| {
        std::fs::write(&file.path, with_fields(&format!("Recommends: {text}\n"))).unwrap();
        if let Ok(manifest) = read(&file.path) {
            let shown: Vec<String> = manifest
                .relations
                .iter()
                .filter(|relation| relation.kind == ambar_pkgfmt::relation::RelationKind::Recommends)
                .map(|r| r.to_string().replace("(< ", "(<< ").replace("(> ", "(>> "))
                .collect();
            std::fs::write(&file.path, with_fields(&format!("Recommends: {}\n", shown.join(", ")))).unwrap();
            prop_assert_eq!(read(&file.path).unwrap().relations, manifest.relations);
        }
    });
}
