//! Bad packages: a clear error that names the file, and a root that is what it was. And packages that are good
//! but do not go together.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};

use ambar::{Class, Error, Options, OsPath, Outcome, Request, Root, Silent};
use common::build::*;
use common::*;

/// One place for the package and two for it to go: where no root is yet, and where one is with a generation.
struct Bench {
    dir: tempfile::TempDir,
    root: Root,
    before: std::collections::BTreeMap<PathBuf, Seen>,
}

impl Bench {
    fn new() -> Bench {
        let dir = memory_dir();
        let root = Root::open(&dir.path().join("root")).unwrap();
        install(&root, &[LIB_1, CONFIG].map(example)).unwrap();
        let before = everything(root.path());
        Bench { dir, root, before }
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let file = self.dir.path().join("package.pisi");
        std::fs::write(&file, bytes).unwrap();
        file
    }

    /// The package is refused as damaged, by its file's name, and nothing has happened anywhere.
    #[track_caller]
    fn refuses(&self, bytes: &[u8], what: &str) -> String {
        let file = self.file(bytes);
        match self.attempt(&file) {
            Ok(_) => panic!("{what}: it was installed"),
            Err(error) => self.check_refusal(&error, what),
        }
    }

    fn attempt(&self, file: &Path) -> Result<Outcome, Error> {
        install(&self.root, &[file.to_path_buf()])
    }

    #[track_caller]
    fn check_refusal(&self, error: &Error, what: &str) -> String {
        let message = error.to_string();
        assert_eq!(error.class(), Class::Damaged, "{what}: {message}");
        assert!(message.contains("package.pisi"), "{what}: {message}");
        same_everything(&everything(self.root.path()), &self.before, what);

        let fresh = self.dir.path().join("fresh");
        let error =
            install(&Root::open(&fresh).unwrap(), &[self.dir.path().join("package.pisi")]).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "{what}: {error}");
        assert!(!fresh.exists(), "{what}: a root is left behind");
        message
    }

    #[track_caller]
    fn refuses_with(&self, bytes: &[u8], what: &str, words: &[&str]) {
        let message = self.refuses(bytes, what);
        for word in words {
            assert!(message.contains(word), "{what}: '{message}' does not say '{word}'");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            verified(&self.root);
        }
    }
}

#[test]
fn a_package_that_ends_early_is_refused() {
    let bench = Bench::new();
    for name in [HELLO_1, HELLO_2, LIB_2] {
        let whole = std::fs::read(example(name)).unwrap();
        let lengths = (0..whole.len()).step_by(64).chain(whole.len() - 24..whole.len());
        for length in lengths {
            bench.refuses(&whole[..length], &format!("{name} cut at {length}"));
        }
    }
}

#[test]
fn a_flipped_byte_is_refused_or_changes_nothing() {
    let (mut refused, mut harmless) = (0, 0);
    for name in [HELLO_1, HELLO_2, LIB_2] {
        let whole = std::fs::read(example(name)).unwrap();
        let mut bench = Bench::new();
        let install_whole = || {
            let bench = Bench::new();
            bench.attempt(&bench.file(&whole)).unwrap();
            (view(bench.root.path()), bench.root.packages().unwrap())
        };
        let expected = install_whole();
        for position in (0..whole.len()).step_by(97) {
            let what = format!("{name}, byte {position} flipped");
            let mut bytes = whole.clone();
            bytes[position] ^= 0xff;
            match bench.attempt(&bench.file(&bytes)) {
                Ok(_) => {
                    assert_eq!((view(bench.root.path()), bench.root.packages().unwrap()), expected, "{what}");
                    bench = Bench::new();
                    harmless += 1;
                }
                Err(error) => {
                    bench.check_refusal(&error, &what);
                    refused += 1;
                }
            }
        }
    }
    println!("{refused} flips refused, {harmless} without effect");
    assert!(refused > harmless);
}

fn honest() -> Package {
    Package::new("hello", "1.0", 1)
        .file_of("executable", "usr/bin/hello", b"#!/bin/sh\necho hello\n", 0o755)
        .file("usr/share/hello/a", b"content")
}

#[test]
fn the_honest_package_is_installed() {
    let bench = Bench::new();
    bench.attempt(&bench.file(&honest().bytes())).unwrap();
    assert!(bench.root.path().join("usr/bin/hello").is_file());
}

#[test]
fn what_is_missing_or_unlisted_or_not_what_was_promised_is_refused() {
    let bench = Bench::new();
    let good = honest();
    let zip = |members: &[(&str, &[u8])]| {
        members.iter().fold(Zip::new(), |zip, (name, content)| zip.with(name, content)).finish()
    };
    let (metadata, files, payload) = (good.metadata_xml(), good.files_xml(), good.payload());
    let (metadata, files) = (metadata.as_bytes(), files.as_bytes());
    bench.refuses(&zip(&[("files.xml", files), ("install.tar.gz", &payload)]), "no metadata.xml");
    bench.refuses(&zip(&[("metadata.xml", metadata), ("install.tar.gz", &payload)]), "no files.xml");
    bench.refuses(&zip(&[("metadata.xml", metadata), ("files.xml", files)]), "no payload");
    bench.refuses(b"", "nothing at all");
    bench.refuses(b"no zip", "no zip");

    let unlisted = honest().member(tar_member(tar::EntryType::Regular, "usr/share/more", "", b"x", 0o644));
    bench.refuses_with(&unlisted.bytes(), "a file that is not listed", &["usr/share/more"]);
    let absent = honest().listed(listed("data", "usr/share/less", b"x", 0o644));
    bench.refuses_with(&absent.bytes(), "a listed file that is not there", &["usr/share/less"]);
    let mut lying = honest();
    lying.listed[1] = listed("data", "usr/share/hello/a", b"kontent", 0o644);
    bench.refuses_with(&lying.bytes(), "another hash", &["usr/share/hello/a"]);
    lying.listed[1] = listed("data", "usr/share/hello/a", b"contents", 0o644);
    bench.refuses_with(&lying.bytes(), "another size", &["usr/share/hello/a"]);
    lying.listed[1] = listed("data", "usr/share/hello/a", b"content", 0o4755);
    bench.refuses_with(&lying.bytes(), "another mode", &["usr/share/hello/a"]);
}

#[test]
fn what_leads_out_is_refused() {
    use tar::EntryType as Type;
    let bench = Bench::new();
    let outside = bench.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let outside_text = outside.to_str().unwrap();
    for path in ["../x", "/etc/passwd", "usr/../../x", "usr//x", "./../x"] {
        bench.refuses(&honest().file(path, b"x").bytes(), path);
        let member = tar_member(Type::Regular, path, "", b"x", 0o644);
        bench.refuses(&honest().member(member).bytes(), &format!("{path}, not listed"));
    }
    let through = honest().symlink("usr/out", outside_text).file("usr/out/x", b"x");
    bench.refuses_with(&through.bytes(), "a file through a symlink", &["usr/out"]);
    let through = honest().file("usr/out/x", b"x").symlink("usr/out", outside_text);
    bench.refuses_with(&through.bytes(), "a symlink over a directory", &["usr/out"]);
    for target in ["../../../etc/passwd", "/etc/passwd", "usr/share/hello/none", "usr/share/hello/b"] {
        let link = honest().hard_link("usr/share/hello/b", target, b"content");
        bench.refuses_with(&link.bytes(), &format!("a hard link to {target}"), &["usr/share/hello/b"]);
    }
    let twice = honest().member(tar_member(Type::Regular, "usr/share/hello/a", "", b"content", 0o644));
    bench.refuses_with(&twice.bytes(), "a member twice", &["usr/share/hello/a"]);
    let listed_twice = honest().listed(listed("data", "usr/share/hello/a", b"content", 0o644));
    bench.refuses_with(&listed_twice.bytes(), "a path listed twice", &["usr/share/hello/a"]);
    for kind in [Type::Char, Type::Block, Type::Fifo] {
        let device = honest().listed(listed("data", "usr/device", b"", 0o644)).member(tar_member(
            kind,
            "usr/device",
            "",
            b"",
            0o644,
        ));
        bench.refuses_with(&device.bytes(), "a device node", &["usr/device"]);
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_symlink_may_point_wherever_it_likes() {
    let bench = Bench::new();
    let package =
        honest().symlink("usr/absolute", "/no/such/place").symlink("usr/dangling", "../../../../../x");
    bench.attempt(&bench.file(&package.bytes())).unwrap();
    let target = |name: &str| std::fs::read_link(bench.root.path().join("usr").join(name)).unwrap();
    assert_eq!(target("absolute"), Path::new("/no/such/place"));
    assert_eq!(target("dangling"), Path::new("../../../../../x"));
}

fn with_documents(metadata: &str, files: &str) -> Vec<u8> {
    Zip::new()
        .with_deflated("metadata.xml", metadata.as_bytes())
        .with_deflated("files.xml", files.as_bytes())
        .with("install.tar.gz", &honest().payload())
        .finish()
}

#[test]
fn xml_with_entities_is_refused() {
    let bench = Bench::new();
    let (metadata, files) = (honest().metadata_xml(), honest().files_xml());
    let entity = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    bench.refuses_with(
        &with_documents(&format!("{entity}{metadata}"), &files),
        "entities",
        &["metadata.xml"],
    );
    bench.refuses_with(&with_documents(&metadata, &format!("{entity}{files}")), "entities", &["files.xml"]);
    let used = metadata.replace("hello, for a test.", "&e;");
    bench.refuses_with(&with_documents(&used, &files), "an entity", &["metadata.xml"]);
}

/// The header of a regular file in a tar, of whatever size.
fn header(path: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(path).unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A package whose payload says that it has `size` bytes, and has them, or as many as `real`.
fn bomb(listed_size: &str, size: u64, real: u64) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(&header("usr/zeros", size)).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..real >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    let files = format!("<Files><File><Path>usr/zeros</Path>{listed_size}</File></Files>");
    Zip::new()
        .with("metadata.xml", honest().metadata_xml().as_bytes())
        .with("files.xml", files.as_bytes())
        .with("install.tar.gz", &encoder.finish().unwrap())
        .finish()
}

/// The same in the oldest format, where the zip itself holds the files.
fn bomb_in_zip(size: usize) -> Vec<u8> {
    let metadata = honest().metadata_xml().replace("<PackageFormat>1.2<", "<PackageFormat>1.0<");
    Zip::new()
        .with("metadata.xml", metadata.as_bytes())
        .with("files.xml", b"<Files><File><Path>usr/zeros</Path></File></Files>")
        .with_deflated("install/usr/zeros", &vec![0; size])
        .finish()
}

const HOSTILE: &str = "AMBAR_TEST_PACKAGE";

/// Not a test: meets one package and says how much memory that took.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_meets_a_bomb() {
    let Some(file) = std::env::var_os(HOSTILE).map(PathBuf::from) else { return };
    let bench = Bench::new();
    let message = bench.refuses(&std::fs::read(&file).unwrap(), &file.display().to_string());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kilobytes: u64 = peak.split(' ').next().unwrap().parse().unwrap();
    println!("{}: at most {} MiB: {message}", file.file_name().unwrap().to_string_lossy(), kilobytes >> 10);
    assert!(kilobytes < 256 << 10, "{peak}");
}

#[test]
fn what_would_fill_memory_is_refused_within_256_mebibytes() {
    let dir = memory_dir();
    let (metadata, files) = (honest().metadata_xml(), honest().files_xml());
    let million = "<x/>".repeat(1_000_000);
    let many_files: String = (0..1_000_000).map(|n| format!("<File><Path>{n}</Path></File>")).collect();
    let packages = [
        ("ten-gibibytes", bomb("<Size>1000</Size>", 10 << 30, 64 << 20)),
        ("ratio", bomb("", 512 << 20, 512 << 20)),
        ("ratio-in-zip", bomb_in_zip(512 << 20)),
        (
            "million-elements",
            with_documents(&metadata.replace("<Package>", &format!("<Package>{million}")), &files),
        ),
        ("million-files", with_documents(&metadata, &format!("<Files>{many_files}</Files>"))),
        ("deep", with_documents(&metadata.replace("<Package>", &"<Package>".repeat(100_000)), &files)),
    ];
    for (name, bytes) in packages {
        let file = dir.path().join(name);
        println!("{name}: {} bytes", bytes.len());
        std::fs::write(&file, &bytes).unwrap();
        let child = Running::start(child_test("child_meets_a_bomb").env(HOSTILE, &file));
        assert!(child.end().success(), "{name}");
    }
}

/// The packages are in conflict: both are named, and the path, and nothing has happened.
#[track_caller]
fn in_conflict(root: &Root, files: &[PathBuf], words: &[&str]) {
    let before = everything(root.path());
    let options = Options { ignore_dependency: true, ..Options::default() };
    let error = install_with(root, files, options).unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    assert!(!error.path_conflicts().is_empty(), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "'{error}' does not say '{word}'");
    }
    same_everything(&everything(root.path()), &before, "a conflict");
}

#[test]
fn two_packages_with_one_path_are_refused_by_name() {
    let dir = memory_dir();
    let write = |package: Package| package.write(dir.path());
    let first =
        write(Package::new("first", "1.0", 1).file("usr/share/x", b"first").file("usr/share/a", b"a"));
    let second = write(Package::new("second", "1.0", 1).file("usr/share/x", b"second"));
    let file = write(Package::new("file", "1.0", 1).file("usr/share", b"no directory"));
    let below = write(Package::new("below", "1.0", 1).file("usr/share/x/y", b"x is a file elsewhere"));
    let directory = write(Package::new("directory", "1.0", 1).directory("usr/share/x"));
    let link = write(Package::new("link", "1.0", 1).symlink("usr/share/x", "/tmp"));

    let root = Root::open(&dir.path().join("root")).unwrap();
    let clashes: [(&PathBuf, &str, &str); 5] = [
        (&second, "second", "usr/share/x"),
        (&file, "file", "usr/share"),
        (&below, "below", "usr/share/x"),
        (&directory, "directory", "usr/share/x"),
        (&link, "link", "usr/share/x"),
    ];
    for (other, name, path) in clashes {
        in_conflict(&root, &[first.clone(), other.clone()], &["first", name, path]);
        assert!(!root.path().exists());
    }
    install(&root, std::slice::from_ref(&first)).unwrap();
    for (other, name, path) in clashes {
        in_conflict(&root, std::slice::from_ref(other), &["first", name, path]);
    }
    verified(&root);
}

#[test]
fn paths_meet_after_links_are_followed() {
    let dir = memory_dir();
    let write = |package: Package| package.write(dir.path());
    let layout = write(Package::new("layout", "1.0", 1).symlink("lib", "usr/lib").directory("usr/lib"));
    let first = write(Package::new("first", "1.0", 1).file("lib/x", b"first"));
    let second = write(Package::new("second", "1.0", 1).file("usr/lib/x", b"second"));
    let root = Root::open(&dir.path().join("root")).unwrap();
    in_conflict(&root, &[layout.clone(), first.clone(), second.clone()], &["first", "second", "usr/lib/x"]);
    install(&root, &[layout, first]).unwrap();
    assert_eq!(std::fs::read(root.path().join("usr/lib/x")).unwrap(), b"first");
    assert_eq!(root.owners(Path::new("/lib/x")).unwrap()[0].name, "first");
    in_conflict(&root, &[second], &["first", "second", "usr/lib/x"]);

    // A link that leaves the tree is nobody's directory.
    let out = write(Package::new("out", "1.0", 1).symlink("opt", "../opt"));
    let into = write(Package::new("into", "1.0", 1).file("opt/x", b"x"));
    let before = everything(root.path());
    let error = install(&root, &[out, into]).unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    assert!(error.to_string().contains("into") && error.to_string().contains("opt/x"), "{error}");
    same_everything(&everything(root.path()), &before, "a link out of the tree");
}

#[test]
fn a_choice_to_overwrite_is_kept_until_the_winner_goes() {
    let dir = memory_dir();
    let write = |package: Package| package.write(dir.path());
    let first = write(Package::new("first", "1.0", 1).file("usr/share/x", b"first").file("etc/x", b"first"));
    let second = write(Package::new("second", "1.0", 1).file("usr/share/x", b"second"));
    let second_next = write(Package::new("second", "2.0", 2).file("usr/share/x", b"second, again"));
    let other = write(Package::new("other", "1.0", 1).file("usr/share/y", b"other"));
    let root = Root::open(&dir.path().join("root")).unwrap();
    let read = || std::fs::read_to_string(root.path().join("usr/share/x")).unwrap();
    let owner =
        || root.owners(Path::new("usr/share/x")).unwrap().into_iter().map(|p| p.name).collect::<Vec<_>>();

    install(&root, &[first]).unwrap();
    let files = vec![OsPath(second)];
    let options = Options { overwrite: true, ..Options::default() };
    let plan = root.plan(Request::install(files, options)).unwrap();
    root.execute(&plan, &Silent).unwrap();
    assert_eq!((read().as_str(), owner()), ("second", vec!["second".to_owned()]));
    // Later transactions need not say it again.
    install(&root, &[other]).unwrap();
    assert_eq!((read().as_str(), owner()), ("second", vec!["second".to_owned()]));
    install(&root, &[second_next]).unwrap();
    assert_eq!((read().as_str(), owner()), ("second, again", vec!["second".to_owned()]));
    verified(&root);
    activate(&root, Some(1)).unwrap();
    assert_eq!(read(), "first");
    activate(&root, Some(4)).unwrap();
    assert_eq!(read(), "second, again");
    // Who is left has the path.
    remove(&root, &["second"]).unwrap();
    assert_eq!((read().as_str(), owner()), ("first", vec!["first".to_owned()]));
    verified(&root);
}
