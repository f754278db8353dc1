//! `docs/format.md` held to its word: packages in the repository that are rebuilt bit for bit, and a reader in
//! another language that was written from the document alone.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod native_support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar_pkgfmt::native::{self, FRAME_BYTES, NativeFile, PublicKey, SecretKey};
use ambar_pkgfmt::path::Shown;
use ambar_pkgfmt::{Limits, Manifest, Node};
use native_support::*;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(here("vectors/native").join(name)).unwrap()
}

/// The text of the vector that shows frames: it repeats, and never in steps of a frame.
fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 * seed % 256) as u8 ^ (at % 251) as u8).collect()
}

fn frames() -> Package {
    const FRAME: usize = FRAME_BYTES as usize;
    Package::new(
        "frames",
        &[
            ("a/exact", &pattern(FRAME, 1)),
            ("b/two-frames", &pattern(FRAME + 100, 3)),
            ("c/first", &pattern(FRAME / 2 + 10, 5)),
            ("d/e/second", &pattern(FRAME / 4, 7)),
            ("d/e/third", &pattern(FRAME / 3, 9)),
        ],
    )
}

/// What `delta` is made against: the example and a text.
fn older() -> Package {
    let words = words(2900);
    let mut package = example();
    package.add(file("usr/share/words", &words), &words);
    package
}

/// What `delta` makes out of it: a file less, a file more, and a longer text.
fn newer() -> Package {
    let words = words(3000);
    let mut package = example();
    package.manifest.version = "1.1".into();
    let link =
        package.manifest.entries.iter().position(|entry| entry.path.as_bytes() == b"usr/bin/hi").unwrap();
    package.manifest.entries.remove(link);
    package.contents.0.remove(link);
    package.add(file("usr/share/hello/c.txt", b"gamma\n"), b"gamma\n");
    package.add(file("usr/share/words", &words), &words);
    package
}

fn words(length: usize) -> Vec<u8> {
    noise(length, 5).iter().map(|byte| b'a' + byte % 26).collect()
}

fn built() -> BTreeMap<&'static str, (Vec<u8>, Manifest)> {
    let (example, frames, minimal) = (example(), frames(), Package::new("minimal", &[]));
    let (older, newer) = (older(), newer());
    [
        ("minimal", (minimal.written(), minimal.manifest)),
        ("example", (example.written(), example.manifest)),
        ("frames", (frames.written(), frames.manifest)),
        ("base", (older.written(), older.manifest.clone())),
        ("delta", (newer.delta_from(&older), newer.manifest)),
    ]
    .into()
}

/// A package as the `.list` of a vector shows it.
fn list(manifest: &Manifest) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in &manifest.entries {
        let (kind, size, digest) = match &entry.node {
            Node::Directory => ('d', 0, "-".into()),
            Node::File { size, digest } => ('f', *size, digest.to_hex()),
            Node::Symlink { target } => ('l', target.len() as u64, "-".into()),
        };
        lines.extend_from_slice(format!("{kind} {:04o} {size} {digest} ", entry.mode).as_bytes());
        lines.extend_from_slice(entry.path.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// Run with `--ignored` to write the vectors anew; those that are signed come out different each time.
#[test]
#[ignore = "writes into the repository"]
fn write_the_vectors() {
    let directory = here("vectors/native");
    for (name, (bytes, manifest)) in built() {
        fs::write(directory.join(format!("{name}.ambar")), bytes).unwrap();
        fs::write(directory.join(format!("{name}.list")), list(&manifest)).unwrap();
    }
    let signed = directory.join("signed.ambar");
    fs::copy(directory.join("example.ambar"), &signed).unwrap();
    fs::copy(directory.join("example.list"), directory.join("signed.list")).unwrap();
    for number in [1, 2] {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let key = SecretKey::parse(&pair.sk.to_box(None).unwrap().into_string(), None).unwrap();
        native::sign(&signed, &key, None, &Limits::default()).unwrap();
        let public = pair.pk.to_box().unwrap().into_string();
        fs::write(directory.join(format!("signed-{number}.pub")), public).unwrap();
    }
}

#[test]
fn the_vectors_are_what_is_written_now() {
    for (name, (bytes, manifest)) in built() {
        let kept = vector(&format!("{name}.ambar"));
        assert_eq!(vector(&format!("{name}.list")), list(&manifest), "{name}");
        if zstd::zstd_safe::version_number() == 10507 {
            assert!(bytes == kept, "{name}");
        } else {
            println!("skipped: another zstd may pack {name} differently");
        }
    }
}

#[test]
fn the_vectors_are_read() {
    for (name, package) in
        [("minimal", Package::new("minimal", &[])), ("example", example()), ("frames", frames())]
    {
        assert_eq!(read(&vector(&format!("{name}.ambar"))).unwrap(), Everything::from(&package), "{name}");
    }
    let applied = apply(&vector("delta.ambar"), older().as_base()).unwrap();
    assert_eq!(applied, Everything::from(&newer()));
}

#[test]
fn the_signed_vector_is_the_example_with_two_signatures() {
    let (signed, example) = (vector("signed.ambar"), vector("example.ambar"));
    assert!(signed.starts_with(&example));
    let path = here("vectors/native/signed.ambar");
    let package = NativeFile::open(&path, &Limits::default()).unwrap();
    assert_eq!(package.signatures().len(), 2);
    for number in [1, 2] {
        let key = String::from_utf8(vector(&format!("signed-{number}.pub"))).unwrap();
        let signature = package.verify_signature(&PublicKey::parse(&key).unwrap()).unwrap();
        assert_eq!(signature.comment(), format!("hello 1.0 {}", package.id()));
    }
}

/// Where two readers of one document disagree, the document is unclear.
#[test]
fn a_reader_written_from_the_document_agrees() {
    for program in ["python3", "zstd"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: no {program}");
            return;
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut large = example();
    for number in 0..30_u64 {
        let content = noise(400_000, number + 1);
        large.add(file(&format!("usr/lib/{number}"), &content), &content);
    }
    let (older, newer) = (older(), newer());
    let packages = [
        ("minimal", Package::new("minimal", &[]), vector("minimal.ambar")),
        ("example", example(), vector("example.ambar")),
        ("signed", example(), vector("signed.ambar")),
        ("frames", frames(), vector("frames.ambar")),
        ("base", older.clone(), vector("base.ambar")),
        ("delta", newer.clone(), vector("delta.ambar")),
        ("same", older.clone(), older.delta_from(&older)),
        ("large", large.clone(), large.written()),
    ];
    let base = here("vectors/native/base.ambar");
    for (name, package, bytes) in packages {
        let path = directory.path().join(format!("{name}.ambar"));
        fs::write(&path, bytes).unwrap();
        let run = |arguments: &[&Path]| {
            let output =
                Command::new("python3").arg(here("format_reader.py")).args(arguments).output().unwrap();
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let listed = run(&[Path::new("list"), &path, &base]);
        assert_eq!(Shown(&listed).to_string(), Shown(&list(&package.manifest)).to_string(), "{name}");
        let top = directory.path().join(name);
        run(&[Path::new("extract"), &path, &top, &base]);
        for (entry, content) in package.manifest.entries.iter().zip(&package.contents.0) {
            let path = top.join(Path::new(std::ffi::OsStr::from_bytes(entry.path.as_bytes())));
            match &entry.node {
                Node::Directory => assert!(path.is_dir()),
                Node::File { .. } => assert!(fs::read(path).unwrap() == *content, "{name}: {}", entry.path),
                Node::Symlink { target } => {
                    assert_eq!(fs::read_link(path).unwrap().as_os_str().as_bytes(), target);
                }
            }
        }
    }
    for (what, bytes) in [("version 2", 8), ("the manifest", 16 + 64 * 6 + 3)] {
        let mut damaged = vector("example.ambar");
        damaged[bytes] ^= 3;
        let path = directory.path().join("damaged");
        fs::write(&path, damaged).unwrap();
        let output = Command::new("python3").arg(here("format_reader.py")).arg("list").arg(path).output();
        assert!(!output.unwrap().status.success(), "{what}");
    }
}
