//! What Debian packages may be, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ambar_pkgfmt::relation::RelationKind;
use ambar_pkgfmt::{Entry, Error, Limits, Manifest, Node, PackageFile, VersionOrder};
use common::build::*;
use common::deb::*;
use common::{HashingSink, read};

/// A package's manifest.
#[track_caller]
fn manifest(bytes: &[u8]) -> Manifest {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.deb");
    std::fs::write(&path, bytes).unwrap();
    read(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn open(bytes: Vec<u8>) -> PackageFile {
    PackageFile::from_bytes(&PathBuf::from("hello.deb"), Arc::new(bytes), &Limits::default()).unwrap()
}

fn entry<'a>(manifest: &'a Manifest, path: &str) -> &'a Entry {
    manifest.entries.iter().find(|entry| entry.path.to_string() == path).unwrap()
}

fn shown(manifest: &Manifest, kind: RelationKind) -> Vec<String> {
    manifest.relations.iter().filter(|relation| relation.kind == kind).map(ToString::to_string).collect()
}

fn properties<'a>(manifest: &'a Manifest, key: &str) -> Vec<&'a str> {
    manifest.properties.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn the_honest_package_says_what_is_in_it() {
    let manifest = manifest(&honest_deb());
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("hello", "1:2.10-3"));
    assert_eq!((manifest.order, manifest.release.as_str()), (VersionOrder::Debian, ""));
    assert_eq!(manifest.summary, "says hello");
    assert_eq!(manifest.description, "Says hello, and nothing else.");
    assert_eq!(
        shown(&manifest, RelationKind::Depends),
        ["libc6 (>= 2.34)", "default-mta | mail-transport-agent"]
    );
    let paths: Vec<String> = manifest.entries.iter().map(|entry| entry.path.to_string()).collect();
    let files = ["a", "b", "c", "empty"].map(|name| format!("usr/share/hello/{name}"));
    let directories = ["etc", "etc/hello", "usr", "usr/bin", "usr/bin/hello", "usr/share", "usr/share/hello"];
    assert_eq!(paths, [&directories.map(str::to_owned)[..], &files].concat());
    assert!(entry(&manifest, "etc/hello").config && !entry(&manifest, "usr/bin/hello").config);
    assert_eq!(entry(&manifest, "usr/bin/hello").mode, 0o755);
    assert_eq!(entry(&manifest, "usr/share/hello/b").node, Node::Symlink { target: b"../hello/a".to_vec() });
    assert_eq!(entry(&manifest, "usr/share/hello/a").link_group, 1);
    assert_eq!(entry(&manifest, "usr/share/hello/c").link_group, 1);
    assert_eq!(manifest.scripts.len(), 1);
    let script = &manifest.scripts[0];
    assert_eq!(
        [&script.system, &script.role, &script.file, &script.target],
        ["deb", "postinst", "postinst", ""]
    );
}

#[test]
fn every_field_has_its_place() {
    let control = "\
Package: Hello
Source: hello-src (1.2-3+b1)
Version: 2:1.0~rc1-1+b2
Architecture: all
Multi-Arch: Foreign
Essential: yes
Priority: optional
Section: contrib/net
Installed-Size: 17
Tag: role::program,
 use::editing
Homepage: https://example.org/
Maintainer: A. Packager <a@example.org>
Pre-Depends: dpkg (>= 1.16.1)
Depends: perl:any, libc6:amd64 (<< 3) | Libc6.1
Recommends: a
Suggests: b (> 1), c (< 2)
Enhances: d
Breaks: old (<< 2)
Conflicts: mta, gone, was (<< 3)
Provides: mta, api (= 1.2)
Replaces: mta, old (<< 2), was (>= 1)
Built-Using: gcc-12 (= 12.2.0-14), glibc (= 2.36-9)
X-Odd: odd
Description: short
 One line,
 another.
 .
  Verse.
";
    let manifest = manifest(&with_control(control));
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("hello", "2:1.0~rc1-1+b2"));
    assert_eq!((manifest.source.as_str(), manifest.arch.as_str()), ("hello-src", "all"));
    assert_eq!(manifest.homepage, "https://example.org/");
    assert_eq!(manifest.packager, "A. Packager <a@example.org>");
    assert_eq!(manifest.components, ["contrib/net"]);
    assert_eq!(manifest.description, "One line,\nanother.\n\n Verse.");
    assert_eq!(shown(&manifest, RelationKind::PreDepends), ["dpkg (>= 1.16.1)"]);
    assert_eq!(shown(&manifest, RelationKind::Depends), ["perl:any", "libc6:amd64 (< 3) | libc6.1"]);
    assert_eq!(shown(&manifest, RelationKind::Suggests), ["b (>= 1)", "c (<= 2)"]);
    assert_eq!(shown(&manifest, RelationKind::Provides), ["mta", "api (= 1.2)"]);
    assert_eq!(shown(&manifest, RelationKind::Conflicts), ["mta", "gone", "was (< 3)"]);
    assert_eq!(shown(&manifest, RelationKind::Breaks), ["old (< 2)"]);
    assert_eq!(shown(&manifest, RelationKind::Overwrites), ["mta", "old (< 2)", "was (>= 1)"]);
    assert_eq!(
        shown(&manifest, RelationKind::Replaces),
        ["mta", "was (>= 1, < 3)"],
        "what it conflicts with goes"
    );
    let expected = [
        ("deb.built-using", "gcc-12 (= 12.2.0-14), glibc (= 2.36-9)"),
        ("deb.essential", "yes"),
        ("deb.installed-size", "17"),
        ("deb.multi-arch", "foreign"),
        ("deb.priority", "optional"),
        ("deb.source-version", "1.2-3+b1"),
        ("deb.tag", "role::program,\nuse::editing"),
        ("deb.x-odd", "odd"),
    ];
    assert_eq!(manifest.properties, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn the_container_s_compression_leaves_no_trace() {
    let pack = |kind: &str, tar: &[u8]| -> Vec<u8> {
        let mut packed = Vec::new();
        match kind {
            "" => packed = tar.to_vec(),
            ".gz" => packed = gzip(tar),
            ".bz2" => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut packed, bzip2::Compression::best());
                encoder.write_all(tar).unwrap();
                encoder.finish().unwrap();
            }
            ".lzma" => lzma_rs::lzma_compress(&mut &tar[..], &mut packed).unwrap(),
            ".xz" => lzma_rs::xz_compress(&mut &tar[..], &mut packed).unwrap(),
            _ => packed = zstd::encode_all(tar, 19).unwrap(),
        }
        packed
    };
    let expected = manifest(&honest_deb());
    for control in ["", ".gz", ".xz", ".zst"] {
        for data in ["", ".gz", ".bz2", ".lzma", ".xz", ".zst"] {
            let package = ar(&[
                ("debian-binary", b"2.0\n"),
                (&format!("control.tar{control}"), &pack(control, &honest_control())),
                (&format!("data.tar{data}"), &pack(data, &honest_data())),
            ]);
            assert_eq!(manifest(&package), expected, "control.tar{control}, data.tar{data}");
        }
    }
}

#[test]
fn opening_a_package_leaves_its_payload_alone() {
    let version = ("debian-binary", &b"2.0\n"[..]);
    let package = ar(&[version, ("control.tar", &honest_control()), ("data.tar.xz", b"not even xz")]);
    let mut package = open(package);
    assert_eq!(package.draft().manifest.name, "hello");
    assert_eq!(package.scripts(), [b"#!/bin/sh\nrm -rf /\n"]);
    assert!(package.list().unwrap_err().to_string().contains("data.tar.xz"));
}

#[test]
fn configuration_files_that_are_no_files_are_remembered() {
    let list = "/etc/hello\n/etc/gone\n/usr/share/hello/b\nremove-on-upgrade /etc/old\n\n/etc/hello  \n";
    let manifest = manifest(&with_files(&[("conffiles", list)]));
    assert!(entry(&manifest, "etc/hello").config);
    assert!(!entry(&manifest, "usr/share/hello/b").config, "a symlink is no configuration file");
    assert_eq!(properties(&manifest, "deb.conffile"), ["/etc/gone", "/usr/share/hello/b"]);
    assert_eq!(properties(&manifest, "deb.conffile-remove-on-upgrade"), ["/etc/old"]);
}

#[test]
fn everything_else_in_control_tar_is_kept_as_data() {
    let files = [("templates", "T"), ("config", "#!/bin/sh\n"), ("triggers", "activate x\n"), ("odd", "")];
    let mut package = open(with_files(&files));
    package.list().unwrap();
    let names: Vec<&str> = package.draft().manifest.scripts.iter().map(|s| s.role.as_str()).collect();
    assert_eq!(names, ["config", "odd", "templates", "triggers"]);
    let contents: Vec<&[u8]> = package.scripts().iter().map(Vec::as_slice).collect();
    assert_eq!(contents, [&b"#!/bin/sh\n"[..], b"", b"T", b"activate x\n"]);
}

#[test]
fn names_modes_and_owners_are_what_the_payload_says() {
    let mut owned = tar::Header::new_gnu();
    owned.set_path("./owned").unwrap();
    owned.set_size(0);
    owned.set_mode(0o4755);
    owned.set_uid(0);
    owned.set_gid(42);
    owned.set_username("root").unwrap();
    owned.set_groupname("shadow").unwrap();
    owned.set_mtime(7);
    owned.set_cksum();
    let mut root = owned.clone();
    root.set_path("./root").unwrap();
    root.set_groupname("root").unwrap();
    root.set_cksum();
    // Names longer than a header's field come before it.
    let long = format!("./usr/{}/{}", "d".repeat(200), "f".repeat(255));
    let mut name = tar::Header::new_gnu();
    name.set_path("././@LongLink").unwrap();
    name.set_entry_type(tar::EntryType::GNULongName);
    name.set_size(long.len() as u64 + 1);
    name.set_cksum();
    let mut long_name = [name.as_bytes(), long.as_bytes(), b"\0"].concat();
    long_name.resize(long_name.len().next_multiple_of(512), 0);
    let records = b"30 mtime=1234567890.987654321\n";
    let pax = tar_member(tar::EntryType::XHeader, "./PaxHeaders/pax", "", records, 0o644);
    let mut raw = file("./usr/r?w", b"x");
    raw[7] = 0xff;
    let checksum: u32 =
        (0..512).map(|at| if (148..156).contains(&at) { 32 } else { u32::from(raw[at]) }).sum();
    raw[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    let manifest = manifest(&with_data(&[
        owned.as_bytes().to_vec(),
        root.as_bytes().to_vec(),
        long_name,
        file("./usr/truncated", b"long"),
        pax,
        file("./pax", b""),
        file("./Case", b"1"),
        file("./case", b"2"),
        file("no-dot", b""),
        raw,
    ]));
    assert_eq!(entry(&manifest, "owned").mode, 0o4755);
    assert_eq!((entry(&manifest, "owned").gid, entry(&manifest, "owned").mtime), (42, Some(7)));
    assert_eq!(entry(&manifest, "owned").owner_names, Some(("root".into(), "shadow".into())));
    assert_eq!(entry(&manifest, "root").owner_names, None);
    assert_eq!(entry(&manifest, &long[2..]).mode, 0o644);
    assert_eq!(entry(&manifest, "pax").mtime, Some(1_234_567_890));
    assert_ne!(entry(&manifest, "Case").node, entry(&manifest, "case").node);
    assert!(manifest.entries.iter().any(|entry| entry.path.as_bytes() == b"usr/r\xffw"));
}

#[test]
fn a_package_without_files_is_a_package() {
    assert!(manifest(&with_data(&[])).entries.is_empty());
    assert!(manifest(&with_data(&[directory("./")])).entries.is_empty());
}

/// Reads a package with the check of its MD5 sums around the receiver.
fn checked(bytes: Vec<u8>) -> Result<usize, Error> {
    let mut package = open(bytes);
    package.list()?;
    let mut sink = HashingSink::new(package.draft());
    let mut check = package.md5_check()?;
    let payload = package.read_payload(&mut check.around(&mut sink))?;
    check.finish(&package.finish(&payload, &sink.hashes)?)
}

#[test]
fn md5_sums_are_compared_where_somebody_asks() {
    // Of "content" and of nothing.
    let (sum, empty) = ("9a0364b9e99bb480dd25e1f0284c8555", "d41d8cd98f00b204e9800998ecf8427e");
    let list = |lines: &str| with_files(&[("md5sums", lines)]);
    assert_eq!(checked(with_files(&[])).unwrap(), 0);
    // usr/share/hello/c is another name of a.
    let good =
        format!("{sum}  usr/share/hello/a\n{sum} *./usr/share/hello/c\n{empty}  usr/share/hello/empty\n");
    assert_eq!(checked(list(&good)).unwrap(), 3);
    for (lines, words) in [
        (format!("{empty}  usr/share/hello/a\n"), "usr/share/hello/a: its MD5 sum is 9a0364"),
        (format!("{empty}  usr/share/hello/c\n"), "usr/share/hello/c: its MD5 sum is 9a0364"),
        (format!("{sum}  usr/share/hello/d\n"), "does not hold it"),
        (format!("{sum}  usr/share/hello\n"), "no regular file"),
        (format!("{sum}  ../x\n"), "md5sums: "),
        ("garbage\n".into(), "md5sums: "),
    ] {
        let error = checked(list(&lines)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(manifest(&list(&lines)).entries.len(), 11, "reading does not look at the list");
    }
}

#[test]
fn md5_sums_of_files_that_stream_are_compared_too() {
    let limits = Limits { small_file: 4, ..Limits::default() };
    let list = "9a0364b9e99bb480dd25e1f0284c8555  usr/share/hello/a\n";
    let bytes = with_files(&[("md5sums", list)]);
    let mut package = PackageFile::from_bytes(&PathBuf::from("hello.deb"), Arc::new(bytes), &limits).unwrap();
    package.list().unwrap();
    let mut sink = HashingSink::new(package.draft());
    let mut check = package.md5_check().unwrap();
    let payload = package.read_payload(&mut check.around(&mut sink)).unwrap();
    assert_eq!(check.finish(&package.finish(&payload, &sink.hashes).unwrap()).unwrap(), 1);
}
