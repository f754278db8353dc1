//! What packages may do, though few do it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Read;

use ambar_pkgfmt::relation::RelationKind;
use ambar_pkgfmt::{Limits, Manifest, Member, Node, PackageFile, PayloadSink, Problem, Stopped};
use common::build::*;
use common::{HashingSink, read};

fn opened(bytes: &[u8]) -> (tempfile::TempDir, PackageFile) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.pisi");
    std::fs::write(&path, bytes).unwrap();
    let package = PackageFile::open(&path, &Limits::default()).unwrap();
    (directory, package)
}

fn manifest(bytes: &[u8]) -> Manifest {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.pisi");
    std::fs::write(&path, bytes).unwrap();
    read(&path).unwrap()
}

fn with_metadata(metadata: &str) -> Vec<u8> {
    let zip = Zip::new().with("files.xml", b"<Files/>").with_deflated("metadata.xml", metadata.as_bytes());
    zip.with("install.tar.gz", &gzip(&tar(&[]))).finish()
}

#[test]
fn a_list_that_says_only_paths_takes_the_rest_from_the_payload() {
    let only = |path: &str| format!("<File><Path>\n  {path}\n</Path></File>");
    let bytes = package(
        &[only("bin"), only("bin/a"), only("bin/l")],
        &[
            directory("./"),
            directory("./bin/"),
            tar_member(tar::EntryType::Regular, "./bin/a", "", b"x", 0o4711),
            symlink("./bin/l", "../../anywhere"),
        ],
    );
    let entries = manifest(&bytes).entries;
    let modes: Vec<u16> = entries.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [0o755, 0o4711, 0o777]);
    assert_eq!(entries[2].node, Node::Symlink { target: b"../../anywhere".to_vec() });
    assert_eq!(entries[1].mtime, Some(1_350_000_000));
}

#[test]
fn a_directory_that_is_not_listed_is_passed_over_when_something_in_it_is() {
    let bytes = package(&[listed("usr/a", b"x", "0644")], &[directory("usr/"), file("usr/a", b"x")]);
    assert_eq!(manifest(&bytes).entries.len(), 1);
}

#[test]
fn long_names_come_in_both_kinds() {
    let long = format!("usr/{}/file", "d".repeat(200));
    let gnu =
        tar_member(tar::EntryType::GNULongName, "././@LongLink", "", format!("{long}\0").as_bytes(), 0o644);
    let record = |key: &str, value: &str| {
        let rest = key.len() + value.len() + 3;
        let length = rest + (rest + 3).to_string().len();
        format!("{length} {key}={value}\n")
    };
    let records = [record("path", &long), record("mtime", "1350000001.75")].concat();
    let pax = tar_member(tar::EntryType::XHeader, "pax", "", records.as_bytes(), 0o644);
    for (extension, mtime) in [(gnu, 1_350_000_000), (pax, 1_350_000_001)] {
        let bytes = package(&[listed(&long, b"x", "0644")], &[extension, file("short", b"x")]);
        let entries = manifest(&bytes).entries;
        assert_eq!(entries[0].path.to_string(), long);
        assert_eq!(entries[0].mtime, Some(mtime));
    }
}

#[test]
fn a_source_keeps_the_time_that_its_compiled_form_records() {
    let compiled = |time: u32| [&62211_u16.to_le_bytes()[..], b"\r\n", &time.to_le_bytes(), b"code"].concat();
    let (right, wrong) = (compiled(1_350_000_000), compiled(1));
    let files = [("a.py", &b"a"[..]), ("a.pyc", &right), ("b.py", b"b"), ("b.pyc", &wrong), ("c.py", b"c")];
    let listed: Vec<String> = files.iter().map(|(path, content)| listed(path, content, "0644")).collect();
    let members: Vec<Vec<u8>> = files.iter().map(|(path, content)| file(path, content)).collect();
    let bytes = package(&listed, &members);
    let kept: Vec<bool> = manifest(&bytes).entries.iter().map(|entry| entry.keep_mtime).collect();
    assert_eq!(kept, [true, false, false, false, false]);

    let (_directory, package) = opened(&bytes);
    let mut sink = HashingSink::new(package.draft());
    package.read_payload(&mut sink).unwrap();
    let may: Vec<bool> = sink.members.iter().map(|member| member.may_keep_mtime).collect();
    assert_eq!(may, [true, false, true, false, false], "whether it does is known at the end only");
}

#[test]
fn hard_links_whose_attributes_differ_are_separate_files() {
    let files = [listed("a", b"x", "0644"), listed("b", b"x", "0600")];
    let link = tar_member(tar::EntryType::Link, "b", "a", b"", 0o600);
    let entries = manifest(&package(&files, &[file("a", b"x"), link])).entries;
    assert_eq!((entries[0].link_group, entries[1].link_group), (0, 0));
    assert_eq!(entries[0].node, entries[1].node);
}

#[test]
fn metadata_may_be_untidy_or_minified() {
    let tidy = manifest(&with_metadata(METADATA));
    let minified: String = METADATA.lines().map(str::trim).collect();
    for text in [
        minified.clone(),
        format!("\u{feff}\n\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{METADATA}"),
        format!("<!DOCTYPE PISI SYSTEM \"http://www.example.org/pisi-spec.dtd\">{METADATA}<!-- end -->"),
        METADATA.replace("Says hello<", "Says <![CDATA[hello]]><"),
        METADATA.replace("Says hello<", "S&#97;ys&#x20;hello<"),
    ] {
        let read = manifest(&with_metadata(&text));
        assert_eq!(read, tidy, "{text}");
    }
}

#[test]
fn relations_come_in_every_shape() {
    let relations = "<RuntimeDependencies>
            <Dependency version=\"1\" releaseFrom=\"2\" releaseTo=\"9\">a</Dependency>
            <Dependency type=\"pkgconfig\">zlib</Dependency>
            <Dependency type=\"pkgconfig32\">zlib</Dependency>
            <AnyDependency><Dependency>b</Dependency><Dependency versionTo=\"3\">c</Dependency></AnyDependency>
            <Component>system.base</Component>
            <Dependency></Dependency>
        </RuntimeDependencies>
        <Conflicts><Package release=\"4\">d</Package></Conflicts>
        <Replaces><Package>e</Package></Replaces>
        <Provides>
            <COMAR script=\"s.py\" name=\"x\">System.Service</COMAR><COMAR script=\"t.py\">System.Service</COMAR>
            <PkgConfig version=\"1.2\">hello</PkgConfig><PkgConfig32>hello</PkgConfig32>
        </Provides>";
    let metadata = METADATA.replace(
        "<RuntimeDependencies><Dependency versionFrom=\"2.0\">glibc</Dependency></RuntimeDependencies>",
        relations,
    );
    let manifest = manifest(&with_metadata(&metadata));
    let shown = |kind| -> Vec<String> {
        manifest.relations.iter().filter(|relation| relation.kind == kind).map(ToString::to_string).collect()
    };
    assert_eq!(
        shown(RelationKind::Depends),
        [
            "a (== 1, release >= 2, release <= 9)",
            "pkgconfig(zlib)",
            "pkgconfig32(zlib)",
            "b | c (<= 3)",
            "@system.base",
        ]
    );
    assert_eq!(shown(RelationKind::Conflicts), ["d (release == 4)"]);
    assert_eq!(shown(RelationKind::Replaces), ["e"]);
    assert_eq!(
        shown(RelationKind::Provides),
        ["comar(System.Service)", "pkgconfig(hello) (= 1.2)", "pkgconfig32(hello)"]
    );
}

#[test]
fn the_own_language_is_english_or_the_first() {
    let with = |texts: &str| {
        let metadata = METADATA.replace("<Summary xml:lang=\"en\">Says hello</Summary>", texts);
        opened(&with_metadata(&metadata)).1
    };
    let package = with("<Summary xml:lang='tr'>merhaba</Summary><Summary>hello</Summary>");
    assert_eq!(package.draft().manifest.summary, "hello");
    assert_eq!(package.translations().summary["tr"], "merhaba");
    let package = with("<Summary xml:lang='tr'>merhaba</Summary><Summary xml:lang='de'>hallo</Summary>");
    assert_eq!(package.draft().manifest.summary, "hallo");
    assert_eq!(package.translations().summary.len(), 1);
    assert_eq!(with("").draft().manifest.summary, "");
}

#[test]
fn scripts_are_kept_whether_mentioned_or_not() {
    let metadata = METADATA.replace(
        "<License>",
        "<Provides><COMAR script=\"s.py\" name=\"b\">System.Service</COMAR>
         <COMAR script=\"s.py\" name=\"a\">System.Service</COMAR><COMAR script=\"gone.py\">X</COMAR></Provides><License>",
    );
    let zip = Zip::new().with("comar/z.py", b"z").with("comar/s.py", b"service");
    let zip = zip.with("metadata.xml", metadata.as_bytes()).with("files.xml", b"<Files/>");
    let (_directory, package) = opened(&zip.with("install.tar.gz", &gzip(&tar(&[]))).finish());
    let scripts: Vec<[&str; 3]> = package
        .draft()
        .manifest
        .scripts
        .iter()
        .map(|script| [script.file.as_str(), script.role.as_str(), script.target.as_str()])
        .collect();
    assert_eq!(scripts, [["s.py", "System.Service", "a"], ["s.py", "System.Service", "b"], ["z.py", "", ""]]);
    assert_eq!(package.scripts(), [b"service".to_vec(), b"service".to_vec(), b"z".to_vec()]);
}

#[test]
fn every_way_of_packing_gives_the_same_package() {
    let archive = tar(&[file("a", b"some content"), symlink("b", "a")]);
    let files = files_xml(&[listed("a", b"some content", "0644"), listed("b", b"a", "0777")]);
    let build = |name: &str, payload: &[u8]| {
        let zip = Zip::new().with("metadata.xml", METADATA.as_bytes()).with("files.xml", files.as_bytes());
        zip.with(name, payload).finish()
    };
    let expected = manifest(&build("install.tar.gz", &gzip(&archive)));
    assert_eq!(manifest(&build("install.tar.zst", &zstd::encode_all(&archive[..], 3).unwrap())), expected);
    let mut packed = Vec::new();
    lzma_rs::xz_compress(&mut &archive[..], &mut packed).unwrap();
    assert_eq!(manifest(&build("install.tar.xz", &packed)), expected);
    packed.clear();
    lzma_rs::lzma_compress(&mut &archive[..], &mut packed).unwrap();
    assert_eq!(manifest(&build("install.tar.lzma", &packed)), expected);
}

#[test]
fn opening_leaves_the_payload_alone() {
    let mut bytes = honest();
    let name = bytes.windows(14).position(|window| window == b"install.tar.gz").unwrap();
    bytes[name + 14..name + 100].fill(0xff);
    let (_directory, package) = opened(&bytes);
    assert_eq!(package.draft().entries.len(), 4);
    assert!(package.read_payload(&mut HashingSink::new(package.draft())).is_err());
}

#[test]
fn format_1_0_has_its_payload_in_the_zip() {
    let only = |path: &str| format!("<File><Path>{path}</Path></File>");
    let build = |kind: u32| {
        let metadata = METADATA.replace("<License>", "<PackageFormat>1.0</PackageFormat><License>");
        let zip = Zip::new().with("metadata.xml", metadata.as_bytes());
        let zip = zip.with("files.xml", files_xml(&["bin", "bin/a", "bin/l"].map(only)).as_bytes());
        let zip = zip.with_mode("install/bin/", b"", 0o040_711).with_mode("install/bin/a", b"x", 0o100_750);
        zip.with_mode("install/bin/l", b"a", kind).finish()
    };
    let entries = manifest(&build(0o120_755)).entries;
    assert_eq!(entries.iter().map(|entry| entry.mode).collect::<Vec<_>>(), [0o711, 0o750, 0o777]);
    assert_eq!(entries[2].node, Node::Symlink { target: b"a".to_vec() });
    assert!(entries.iter().all(|entry| entry.mtime.is_none()));

    let (_directory, package) = opened(&build(0o060_644));
    let error = package.read_payload(&mut HashingSink::new(package.draft())).unwrap_err();
    assert!(error.to_string().contains("install/bin/l: it is neither"), "{error}");
}

/// Stops at the second member.
struct Impatient(usize);

impl PayloadSink for Impatient {
    fn small(&mut self, _: Member, _: Vec<u8>) -> Result<(), Stopped> {
        self.0 += 1;
        if self.0 == 2 { Err(Stopped) } else { Ok(()) }
    }

    fn large(&mut self, _: Member, _: &mut dyn Read) -> Result<(), Stopped> {
        Err(Stopped)
    }
}

#[test]
fn a_receiver_can_stop_and_another_can_start_again() {
    let files = ["a", "b", "c"].map(|path| listed(path, b"x", "0644"));
    let (_directory, package) = opened(&package(&files, &["a", "b", "c"].map(|path| file(path, b"x"))));
    let mut sink = Impatient(0);
    assert!(matches!(package.read_payload(&mut sink).unwrap_err().problem, Problem::Stopped));
    assert_eq!(sink.0, 2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut sink = HashingSink::new(package.draft());
                let payload = package.read_payload(&mut sink).unwrap();
                assert_eq!(package.finish(&payload, &sink.hashes).unwrap().entries.len(), 3);
            });
        }
    });
}

#[test]
fn large_files_are_streamed() {
    let content = vec![7; (9 << 20) + 5];
    let (_directory, package) = opened(&package(&[listed("a", &content, "0644")], &[file("a", &content)]));
    let mut sink = HashingSink::new(package.draft());
    let payload = package.read_payload(&mut sink).unwrap();
    package.finish(&payload, &sink.hashes).unwrap();
    assert!(matches!(package.read_payload(&mut Impatient(0)).unwrap_err().problem, Problem::Stopped));
}
