//! Packages that lie, hide something, or ask for too much: each is refused, by name and with the reason.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::path::PathBuf;

use ambar_pkgfmt::{Limits, PackageFile, Problem};
use common::build::*;
use common::{read, read_with};

/// A package file that lives as long as the test.
struct OnDisk {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn on_disk(bytes: &[u8]) -> OnDisk {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.pisi");
    std::fs::write(&path, bytes).unwrap();
    OnDisk { _directory: directory, path }
}

/// Why a package is refused; the error must name the file.
#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let file = on_disk(bytes);
    let error = read(&file.path).expect_err("it is refused");
    assert_eq!(error.file, file.path);
    assert!(error.to_string().starts_with(&file.path.display().to_string()));
    error.problem.to_string()
}

/// The package is refused, and the reason has all those words.
#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let reason = refusal(bytes);
    for word in words {
        assert!(reason.contains(word), "'{reason}' does not say '{word}'");
    }
}

#[test]
fn the_honest_package_is_read() {
    let file = on_disk(&honest());
    let manifest = read(&file.path).unwrap();
    assert_eq!(manifest.full_version(), "1.0-3");
    assert_eq!(manifest.entries.len(), 4);
    let groups: Vec<u32> = manifest.entries.iter().map(|entry| entry.link_group).collect();
    assert_eq!(groups, [0, 1, 0, 1]);
}

#[test]
fn a_package_cut_off_anywhere_is_refused() {
    let whole = honest();
    let file = on_disk(b"");
    for length in 0..whole.len() {
        std::fs::write(&file.path, &whole[..length]).unwrap();
        assert!(read(&file.path).is_err(), "cut at {length} of {}", whole.len());
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_changes_nothing() {
    let whole = honest();
    let file = on_disk(&whole);
    let expected = read(&file.path).unwrap();
    let mut unnoticed = 0;
    for position in 0..whole.len() {
        for bits in [0x01, 0x80, 0xff] {
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
fn a_flipped_byte_inside_the_payload_is_noticed_by_the_payload_alone() {
    // The zip's checksum is made to fit, so that only gzip, tar and files.xml are left to notice.
    let packed = gzip(&tar(&[file("a", b"some content of a file")]));
    let files = [listed("a", b"some content of a file", "0644")];
    let build = |packed: &[u8]| {
        let zip = Zip::new().with("metadata.xml", METADATA.as_bytes());
        zip.with("files.xml", files_xml(&files).as_bytes()).with("install.tar.gz", packed).finish()
    };
    let file = on_disk(&build(&packed));
    let expected = read(&file.path).unwrap();
    for position in 0..packed.len() {
        let mut bytes = packed.clone();
        bytes[position] ^= 0x10;
        std::fs::write(&file.path, build(&bytes)).unwrap();
        match read(&file.path) {
            Ok(manifest) => assert_eq!(manifest, expected, "byte {position}"),
            Err(error) => assert!(!matches!(error.problem, Problem::Io { .. }), "byte {position}: {error}"),
        }
    }
}

#[test]
fn what_the_list_and_the_payload_say_must_agree() {
    let a = || listed("a", b"abc", "0644");
    refused(&package(&[a(), listed("b", b"x", "0644")], &[file("a", b"abc")]), &["b:", "does not hold it"]);
    refused(&package(&[a()], &[file("a", b"abc"), file("b", b"x")]), &["b:", "does not list it"]);
    refused(&package(&[a()], &[file("a", b"abd")]), &["a:", "SHA-1"]);
    refused(&package(&[a()], &[file("a", b"abcd")]), &["a:", "4 bytes", "promises 3"]);
    refused(
        &package(&[a()], &[tar_member(tar::EntryType::Regular, "a", "", b"abc", 0o755)]),
        &["a:", "mode"],
    );
    refused(&package(&[a()], &[file("a", b"abc"), file("./a", b"abc")]), &["a:", "twice"]);
    refused(&package(&[a(), a()], &[file("a", b"abc")]), &["a:", "twice"]);
    let owned = a().replace("<Uid>0", "<Uid>7");
    refused(&package(&[owned], &[file("a", b"abc")]), &["a:", "owner", "7"]);
    let link = || listed("l", b"target", "0777");
    refused(&package(&[link()], &[symlink("l", "tarpit")]), &["l:", "SHA-1"]);
    refused(&package(&[link()], &[symlink("l", "elsewhere")]), &["l:", "length"]);
}

#[test]
fn a_path_that_is_not_plainly_inside_is_refused() {
    for path in ["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\u{1b}[2Jb"] {
        refused(&package(&[listed("a", b"", "0644")], &[file("a", b""), file(path, b"")]), &["payload"]);
        if !path.contains('\u{1b}') {
            refused(&package(&[listed(path, b"", "0644")], &[]), &["files.xml", path]);
        }
    }
}

#[test]
fn a_file_through_a_symlink_is_refused_in_either_order() {
    let files = [listed("a", b"/etc", "0777"), listed("a/passwd", b"x", "0644")];
    refused(
        &package(&files, &[symlink("a", "/etc"), file("a/passwd", b"x")]),
        &["a/passwd", "through a symlink"],
    );
    refused(
        &package(&files, &[file("a/passwd", b"x"), symlink("a", "/etc")]),
        &["a/passwd", "through a symlink"],
    );
    let files = [listed("a", b"y", "0644"), listed("a/b", b"x", "0644")];
    refused(&package(&files, &[file("a", b"y"), file("a/b", b"x")]), &["a/b", "through a file"]);
}

#[test]
fn a_hard_link_leads_to_an_earlier_file_of_the_payload() {
    let files = [listed("a", b"x", "0644"), listed("b", b"x", "0644")];
    for target in ["/etc/passwd", "../x", "b", "c", ""] {
        let bytes = package(&files, &[file("a", b"x"), hard_link("b", target)]);
        refused(&bytes, &["b:", "hard link", &format!("'{target}'")]);
    }
    refused(&package(&files, &[hard_link("b", "a"), file("a", b"x")]), &["b:", "hard link to 'a'"]);
    let files = [listed("a", b"x", "0777"), listed("b", b"x", "0777")];
    refused(&package(&files, &[symlink("a", "x"), hard_link("b", "a")]), &["b:", "hard link to 'a'"]);
}

#[test]
fn only_files_directories_and_links_are_members() {
    use tar::EntryType;
    for kind in
        [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::Continuous]
    {
        let bytes = package(&[listed("a", b"", "0644")], &[tar_member(kind, "a", "", b"", 0o644)]);
        refused(&bytes, &["install.tar.gz", "'a'"]);
    }
    let socket = tar_member(EntryType::new(b's'), "a", "", b"", 0o644);
    refused(&package(&[listed("a", b"", "0644")], &[socket]), &["'a'", "unknown type"]);
    let link = tar_member(EntryType::Symlink, "a", "b", b"content", 0o777);
    refused(&package(&[listed("a", b"b", "0777")], &[link]), &["'a'", "has content"]);
}

#[test]
fn the_archive_ends_where_it_says() {
    let files = [listed("a", b"x", "0644")];
    let build = |payload: &[u8]| {
        let zip = Zip::new().with("metadata.xml", METADATA.as_bytes());
        zip.with("files.xml", files_xml(&files).as_bytes()).with("install.tar.gz", payload).finish()
    };
    let whole = tar(&[file("a", b"x")]);
    refused(&build(&gzip(&whole[..1024])), &["install.tar.gz", "ends early"]);
    refused(&build(&gzip(&whole[..700])), &["ends early"]);
    refused(
        &build(&gzip(&[&whole[..], &file("a", b"x")].concat())),
        &["data follows the end of the archive"],
    );
    refused(
        &build(&[&gzip(&whole)[..], b"more"].concat()),
        &["data follows the end of the compressed stream"],
    );
    refused(
        &build(&[gzip(&whole), gzip(&whole)].concat()),
        &["data follows the end of the compressed stream"],
    );
    refused(&build(&gzip(&whole)[..60]), &["ends early"]);
}

#[test]
fn extensions_of_tar_are_bounded_and_plain() {
    use tar::EntryType;
    let files = [listed("a", b"x", "0644")];
    let header = |kind, content: &[u8]| tar_member(kind, "ext", "", content, 0o644);
    let long = header(EntryType::GNULongName, &vec![b'a'; 1 << 20]);
    refused(&package(&files, &[long, file("a", b"x")]), &["limit"]);
    let twice = || header(EntryType::GNULongName, b"a\0");
    refused(&package(&files, &[twice(), twice(), file("b", b"x")]), &["described twice"]);
    let both = header(EntryType::XHeader, b"10 path=a\n");
    refused(&package(&files, &[twice(), both, file("b", b"x")]), &["described twice"]);
    let size = header(EntryType::XHeader, b"12 size=999\n");
    refused(&package(&files, &[size, file("a", b"x")]), &["disagree about its size"]);
    let sparse = header(EntryType::XHeader, b"22 GNU.sparse.major=1\n");
    refused(&package(&files, &[sparse, file("a", b"x")]), &["sparse"]);
    let global = header(EntryType::XGlobalHeader, b"10 path=a\n");
    refused(&package(&files, &[global, file("a", b"x")]), &["whole archive"]);
    let dangling = header(EntryType::XHeader, b"10 path=a\n");
    refused(&package(&files, &[file("a", b"x"), dangling]), &["ends before the member"]);
}

#[test]
fn the_container_has_the_members_of_a_package_once_each() {
    let base = || Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", b"<Files/>");
    let payload = gzip(&tar(&[]));
    read(&on_disk(&base().with("install.tar.gz", &payload).finish()).path).unwrap();
    for name in [
        "../x",
        "/etc/passwd",
        "comar/../../x",
        "a\\b",
        "README",
        "install",
        "install/../x",
        "metadata.xml/x",
    ] {
        let bytes = base().with("install.tar.gz", &payload).with(name, b"").finish();
        assert!(!refusal(&bytes).is_empty(), "{name}");
    }
    let listing = files_xml(&[listed("a", b"x", "0644")]);
    let without = Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", listing.as_bytes());
    refused(&without.finish(), &["a:", "does not hold it"]);
    refused(&Zip::new().with("files.xml", b"<Files/>").finish(), &["without metadata.xml"]);
    refused(&Zip::new().with("metadata.xml", METADATA.as_bytes()).finish(), &[]);
    let both = base().with("install.tar.gz", &payload).with("install.tar.xz", b"").finish();
    refused(&both, &["second payload"]);
    let loose = base().with("install.tar.gz", &payload).with("install/x", b"").finish();
    refused(&loose, &["second payload"]);
    refused(&base().with("install.tar.bz2", b"").finish(), &["install.tar.bz2"]);

    // The writer refuses two members of one name; a name of the same length is renamed in both places.
    let bytes = base().with("install.tar.gz", &payload).with("comar/x", b"1").with("comar/y", b"2").finish();
    let renamed: Vec<u8> = replace(&bytes, b"comar/y", b"comar/x");
    refused(&renamed, &["same name"]);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for start in 0..=bytes.len() - from.len() {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn the_two_headers_of_a_member_say_the_same() {
    let bytes = honest();
    // The first occurrence is the member's own header, the last one the directory's.
    let first = bytes.windows(9).position(|w| w == b"files.xml").unwrap();
    let last = bytes.windows(9).rposition(|w| w == b"files.xml").unwrap();
    for position in [first, last] {
        let mut changed = bytes.clone();
        changed[position..position + 9].copy_from_slice(b"fil3s.xml");
        assert!(!refusal(&changed).is_empty());
    }
    let mut changed = bytes.clone();
    changed[first - 16] ^= 1;
    refused(&changed, &["files.xml", "checksum"]);
    let mut changed = bytes.clone();
    changed[first - 8] ^= 1;
    refused(&changed, &["files.xml", "size"]);
    refused(&[b"prefix".as_slice(), &bytes].concat(), &["not a package"]);
    refused(&[bytes.as_slice(), b"suffix"].concat(), &["end record"]);
    refused(&[bytes.as_slice(), &bytes].concat(), &[]);
}

fn with_documents(metadata: &str, files: &str) -> Vec<u8> {
    let zip = Zip::new().with_deflated("metadata.xml", metadata.as_bytes());
    zip.with_deflated("files.xml", files.as_bytes()).with("install.tar.gz", &gzip(&tar(&[]))).finish()
}

#[test]
fn xml_declares_nothing_and_stays_within_its_limits() {
    let entity = format!("<!DOCTYPE PISI [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{METADATA}");
    refused(&with_documents(&entity, "<Files/>"), &["metadata.xml", "DOCTYPE"]);
    let used = METADATA.replace("Says hello, and", "&x;");
    refused(&with_documents(&used, "<Files/>"), &["metadata.xml", "entity"]);
    let nul = METADATA.replace("Says hello, and", "&#27;[2J");
    refused(&with_documents(&nul, "<Files/>"), &["metadata.xml", "U+001B"]);
    let many = METADATA.replace("<Package>", &format!("<Package>{}", "<x/>".repeat(1_000_000)));
    refused(&with_documents(&many, "<Files/>"), &["metadata.xml", "holds more"]);
    let deep = METADATA.replace("<Package>", &format!("<Package>{}", "<x>".repeat(100_000)));
    refused(&with_documents(&deep, "<Files/>"), &["depth", "limit"]);
    let wide = METADATA.replace("<Package>", &format!("<Package><x {}/>", many_attributes()));
    refused(&with_documents(&wide, "<Files/>"), &["attributes"]);
    refused(&with_documents(METADATA, &"<x>".repeat(1000)), &["files.xml"]);
    refused(&with_documents(METADATA, &format!("<Files>{}</Files>", "<x/>".repeat(1_000_000))), &["limit"]);
    let long = format!("<Files><File><Path>{}</Path></File></Files>", "x".repeat(5 << 20));
    refused(&with_documents(METADATA, &long), &["files.xml", "longer than"]);
    let long = format!("<Files><File>{}</File></Files>", "<Path>x</Path>".repeat(10_000));
    refused(&with_documents(METADATA, &long), &["files.xml", "holds more"]);
    refused(&with_documents(METADATA, "<Files><File>"), &["files.xml"]);
    refused(&with_documents(METADATA, ""), &["files.xml"]);
    refused(&with_documents(METADATA, "<Files/><Files/>"), &["second root"]);
    refused(
        &with_documents(
            &METADATA.replace("<PISI>", "<?xml version='1.0' encoding='latin-5'?><PISI>"),
            "<Files/>",
        ),
        &["UTF-8"],
    );
    let zip = Zip::new().with("metadata.xml", b"<PISI>\xff</PISI>").with("files.xml", b"<Files/>");
    refused(&zip.with("install.tar.gz", &gzip(&tar(&[]))).finish(), &["metadata.xml"]);
}

fn many_attributes() -> String {
    (0..1000).map(|n| format!("a{n}='' ")).collect()
}

#[test]
fn metadata_must_name_a_package_and_a_version() {
    let with = |from: &str, to: &str| with_documents(&METADATA.replace(from, to), "<Files/>");
    refused(&with("<Package>\n        <Name>hello</Name>", "<Package>"), &["metadata.xml", "package name"]);
    refused(&with("<Package>\n        <Name>hello</Name>", "<Package><Name>../x</Name>"), &["package name"]);
    refused(&with("<Version>1.0</Version>", ""), &["metadata.xml", "version"]);
    refused(&with("<Version>1.0</Version>", "<Version>1.45.</Version>"), &["'1.45.'"]);
    refused(&with("release=\"3\"", "release=\"three\""), &["'three'"]);
    refused(&with("release=\"3\"", ""), &["release"]);
    refused(&with("<Package>\n", "<Package><PackageFormat>2.0</PackageFormat>\n"), &["'2.0'", "not known"]);
    refused(
        &with("<Package>\n", "<Package><PackageFormat>1.0</PackageFormat>\n"),
        &["1.0", "not of that format"],
    );
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    // 4 GiB of zeros declare themselves in the tar, files.xml does not.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut header = file("zeros", b"")[..512].to_vec();
    header[124..136].copy_from_slice(b"40000000000\0");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    encoder.write_all(&header).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&zeros).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let build = |files: &str| {
        let zip = Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", files.as_bytes());
        zip.with("install.tar.gz", &packed).finish()
    };
    let listed = |size: &str| format!("<Files><File><Path>zeros</Path>{size}</File></Files>");
    refused(&build(&listed("<Size>1000</Size>")), &["zeros", "4294967296 bytes", "promises 1000"]);
    // Nothing promises a size: the ratio of packed and unpacked bytes ends it.
    let file = on_disk(&build(&listed("")));
    let limits = Limits { ratio: 100, ..Limits::default() };
    let problem = read_with(&file.path, &limits).unwrap_err().problem.to_string();
    assert!(problem.contains("100 times its packed size"), "{problem}");
    let limits = Limits { payload_bytes: 1 << 20, ..Limits::default() };
    let problem = read_with(&file.path, &limits).unwrap_err().problem;
    assert!(matches!(problem, Problem::Limit { .. }), "{problem}");
}

/// xz packs zeros seven thousand times smaller than they are.
#[cfg(feature = "liblzma")]
#[test]
fn a_bomb_in_xz_is_refused_before_it_goes_off() {
    use liblzma::write::XzEncoder;
    let mut encoder = XzEncoder::new(Vec::new(), 0);
    let mut header = file("zeros", b"")[..512].to_vec();
    // Ten GiB.
    header[124..136].copy_from_slice(b"120000000000");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    encoder.write_all(&header).unwrap();
    for _ in 0..160 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let zip = Zip::new().with("metadata.xml", METADATA.as_bytes());
    let zip = zip.with("files.xml", b"<Files><File><Path>zeros</Path></File></Files>");
    refused(&zip.with("install.tar.xz", &packed).finish(), &["500 times its packed size", "limit"]);
}

/// liblzma looks at a byte that says nothing, lzma-rs does not.
#[cfg(feature = "liblzma")]
#[test]
fn what_only_the_second_decoder_reads_needs_a_hash() {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(&tar(&[file("a", b"content")])).unwrap();
    let mut packed = encoder.finish().unwrap();
    packed[12 + 12 + 6] ^= 1;
    let build = |listed: String| {
        let zip = Zip::new().with("metadata.xml", METADATA.as_bytes());
        zip.with("files.xml", files_xml(&[listed]).as_bytes()).with("install.tar.xz", &packed).finish()
    };
    assert!(read(&on_disk(&build(listed("a", b"content", "0644"))).path).is_ok());
    refused(&build("<File><Path>a</Path></File>".into()), &["a:", "no hash vouches"]);
}

#[test]
fn a_bomb_of_metadata_is_refused_by_its_size() {
    let spaces = " ".repeat(20 << 20);
    refused(&with_documents(&format!("{METADATA}{spaces}"), "<Files/>"), &["metadata.xml", "limit"]);
    let zip = Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", b"<Files/>");
    let zip = zip.with_deflated("comar/x.py", spaces.as_bytes()).with("install.tar.gz", &gzip(&tar(&[])));
    refused(&zip.finish(), &["scripts", "limit"]);
}

#[test]
fn no_message_carries_control_characters_or_whole_documents() {
    let mut noise: Vec<u8> = (0..2048_u32).map(|n| (n * 37 % 251) as u8 | 1).collect();
    noise[156] = b'0';
    let files = files_xml(&[listed("a", b"x", "0644")]);
    let zip = Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", files.as_bytes());
    let messages = [
        refusal(&zip.with("install.tar.gz", &gzip(&noise)).finish()),
        refusal(&with_documents(&METADATA.replace("</PISI>", "</\u{1b}[2J\u{202e}>"), "<Files/>")),
        refusal(&with_documents(
            &METADATA.replace("1.0<", &format!("{}<", "1\u{7f}".repeat(9999))),
            "<Files/>",
        )),
        refusal(&with_documents(METADATA, "<Files><File><Path>a\u{9b}b//</Path></File></Files>")),
        refusal(&package(&[], &[symlink("a\u{1b}]0;x", "b")])),
    ];
    for message in messages {
        assert!(!message.contains(|c: char| c.is_control() || c == '\u{202e}'), "{message:?}");
        assert!(message.chars().count() < 1000, "{message}");
    }
}

#[test]
fn limits_on_counts_hold() {
    let file = on_disk(&honest());
    for limits in [
        Limits { container_members: 2, ..Limits::default() },
        Limits { entries: 3, ..Limits::default() },
        Limits { metadata_bytes: 100, ..Limits::default() },
        Limits { file_list_bytes: 100, ..Limits::default() },
        Limits { xml_depth: 3, ..Limits::default() },
        Limits { payload_bytes: 10, ..Limits::default() },
    ] {
        let problem = read_with(&file.path, &limits).unwrap_err().problem;
        assert!(matches!(problem, Problem::Limit { .. }), "{problem}");
    }
}

#[test]
fn what_is_no_file_or_no_package_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| PackageFile::open(path, &Limits::default()).unwrap_err().problem;
    assert!(matches!(open(directory.path()), Problem::NotAPackage(_)));
    assert!(matches!(open(&directory.path().join("missing.pisi")), Problem::Io { .. }));
    let delta = directory.path().join("a-1-2.delta.pisi");
    std::fs::write(&delta, honest()).unwrap();
    let unbased = common::read(&delta).unwrap_err().problem;
    assert_eq!(unbased.to_string(), "it is a delta package; it needs its base");
    refused(b"", &["too short"]);
    refused(&[0; 4096], &["not a package"]);
}
