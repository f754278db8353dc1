//! `docs/manifest.md` held to its word: vectors in both directions, encodings that must be refused, and a
//! reader in another language that was written from the document alone.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar_pkgfmt::codec::{CodecError, Encoder};
use ambar_pkgfmt::{Digest, Manifest, PackageId, Translations};
use proptest::prelude::*;
use serde::Deserialize;

const VECTORS: [&str; 6] = ["minimal", "example", "full", "raw-paths", "overwrites", "links"];

/// A vector's JSON side.
#[derive(Deserialize)]
struct Vector {
    id: PackageId,
    manifest: Manifest,
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn text_of(name: &str) -> String {
    fs::read_to_string(here("vectors").join(name)).unwrap()
}

fn vector(name: &str) -> Vector {
    serde_json::from_str(&text_of(&format!("{name}.json"))).unwrap()
}

fn bytes_of(name: &str) -> Vec<u8> {
    unhex(&text_of(&format!("{name}.hex")))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn json_encodes_to_the_bytes_and_the_bytes_decode_to_the_json() {
    for name in VECTORS {
        let (vector, bytes) = (vector(name), bytes_of(name));
        assert_eq!(vector.manifest.encode().as_deref(), Ok(&bytes[..]), "{name}");
        assert_eq!(Manifest::decode(&bytes).as_ref(), Ok(&vector.manifest), "{name}");
        assert_eq!(vector.manifest.id(), Ok(vector.id), "{name}");
        assert_eq!(vector.id.0, Digest::of(&bytes), "{name}");
        let json: serde_json::Value = serde_json::from_str(&text_of(&format!("{name}.json"))).unwrap();
        assert_eq!(serde_json::to_value(&vector.manifest).unwrap(), json["manifest"], "{name}");
    }
}

#[test]
fn the_documents_example_is_the_vector() {
    let document =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifest.md")).unwrap();
    let block = document.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let digits: String = block.lines().map(|line| line.split(';').next().unwrap_or("")).collect();
    assert_eq!(unhex(&digits), bytes_of("example"));
    assert!(document.contains(&vector("example").id.to_string()));
}

#[test]
fn translations_have_vectors_too() {
    let translations: Translations = serde_json::from_str(&text_of("translations.json")).unwrap();
    let bytes = bytes_of("translations");
    assert_eq!(translations.encode(), bytes);
    assert_eq!(Translations::decode(&bytes).as_ref(), Ok(&translations));
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        Translations::decode(&changed)
    };
    assert_eq!(with(0, b'b'), Err(CodecError::Magic));
    assert_eq!(with(7, 2), Err(CodecError::Unknown { what: "translations version", value: 2 }));
    assert_eq!(with(10, b'z'), Err(CodecError::Order("languages")));
    assert_eq!(Translations::decode(&[&bytes[..], b"\0"].concat()), Err(CodecError::Trailing));
    assert_eq!(Translations::decode(b"ambartr\x01\x00\x00"), Ok(Translations::default()));
}

/// Where two readers of one document disagree, the document is unclear.
#[test]
fn a_reader_written_from_the_document_agrees() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: no python3");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let good = VECTORS.map(|name| (name.to_owned(), bytes_of(name)));
    let bad = refused().into_iter().map(|(what, bytes, _)| (what.to_owned(), bytes));
    let all: Vec<(String, Vec<u8>)> = good.into_iter().chain(bad).collect();
    let mut command = Command::new("python3");
    command.arg(here("manifest_reader.py"));
    for (position, (_, bytes)) in all.iter().enumerate() {
        let path = directory.path().join(position.to_string());
        fs::write(&path, bytes).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), all.len());
    for ((name, bytes), answer) in all.iter().zip(answers.lines()) {
        match Manifest::decode(bytes) {
            Ok(manifest) => assert_eq!(serde_json::from_str::<Manifest>(answer).unwrap(), manifest, "{name}"),
            Err(_) => assert!(answer.starts_with("{\"refused\""), "{name}: {answer}"),
        }
    }
}

#[test]
fn every_other_encoding_is_refused_for_the_right_reason() {
    assert!(Manifest::decode(&base(&[])).is_ok(), "what the table's rows change is itself valid");
    assert!(Manifest::decode(&entries(&[], &[DIRECTORY, b"\x03\x02/f\x01\xed\x03\x00"])).is_ok());
    for (what, bytes, expected) in refused() {
        assert_eq!(Manifest::decode(&bytes).err(), Some(expected), "{what}");
    }
}

#[test]
fn what_is_not_canonical_is_not_written() {
    let refuse = |change: fn(&mut Manifest)| {
        let mut manifest = vector("full").manifest;
        change(&mut manifest);
        manifest.encode().err()
    };
    assert_eq!(refuse(|m| m.entries.reverse()), Some(CodecError::Order("entries")));
    assert_eq!(refuse(|m| m.relations.reverse()), Some(CodecError::Order("relations")));
    assert_eq!(refuse(|m| m.properties.reverse()), Some(CodecError::Order("properties")));
    let sorted = refuse(|m| {
        m.entries.reverse();
        m.properties.reverse();
        m.relations.rotate_left(3);
        m.normalise();
    });
    assert_eq!(sorted, None);
}

proptest! {
    /// Canonical: whatever is accepted is the encoding of what it means.
    #[test]
    fn damage_is_refused_or_another_canonical_encoding(
        name in prop::sample::select(&VECTORS[..]),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
        cut in any::<bool>(),
    ) {
        let mut bytes = bytes_of(name);
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip;
        }
        if let Ok(manifest) = Manifest::decode(&bytes) {
            prop_assert_eq!(manifest.encode(), Ok(bytes));
        }
    }
}

/// Bytes that are almost a manifest, with what is wrong with them.
type Refused = (&'static str, Vec<u8>, CodecError);

const DIRECTORY: &[u8] = b"\x00\x03usr\x01\xed\x03\x00";

const NAME: (u64, &[u8]) = (1, b"a");
const VERSION: (u64, &[u8]) = (2, b"1");
const ORDER: (u64, &[u8]) = (3, b"\x01");

fn document(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.raw(b"ambarmf\x01");
    for (tag, body) in fields {
        encoder.number(*tag);
        encoder.bytes(body);
    }
    encoder.finish()
}

/// Package `a` 1 with more fields.
fn base(more: &[(u64, &[u8])]) -> Vec<u8> {
    document(&[&[NAME, VERSION, ORDER], more].concat())
}

fn named(name: &str) -> Vec<u8> {
    document(&[(1, name.as_bytes()), VERSION, ORDER])
}

/// Package `a` 1 with kinds (field 23, when not empty) and entries.
fn entries(kinds: &[u8], entries: &[&[u8]]) -> Vec<u8> {
    let body = [&[u8::try_from(entries.len()).unwrap()][..], &entries.concat()].concat();
    let fields: &[(u64, &[u8])] = &[(23, kinds), (24, &body)];
    base(&fields[usize::from(kinds.is_empty())..])
}

/// One entry: path `f`, then type, mode, parts and content as given.
fn entry(rest: &[u8]) -> Vec<u8> {
    entries(b"", &[&[b"\x00\x01f", rest].concat()])
}

/// An entry that shares nothing: its path, then the rest.
fn whole(path: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.number(0);
    encoder.bytes(path);
    encoder.raw(rest);
    encoder.finish()
}

/// A regular file's mode, parts and attributes, then its content: one byte, `digest` 32 times.
fn file(mode_and_parts: &[u8], digest: u8) -> Vec<u8> {
    [b"\x02", mode_and_parts, b"\x01", &[digest; 32]].concat()
}

fn refused() -> Vec<Refused> {
    [refused_documents(), refused_fields(), refused_entries(), refused_paths(), refused_groups()].concat()
}

fn refused_documents() -> Vec<Refused> {
    let no_order = CodecError::Rule("a manifest says its version order");
    let empty = CodecError::Rule("a field is empty; an absent field is left out");
    vec![
        ("nothing", vec![], CodecError::Truncated),
        ("half a magic", b"ambar".to_vec(), CodecError::Truncated),
        ("another magic", b"ambartr\x01\x00\x00".to_vec(), CodecError::Magic),
        ("version 2", b"ambarmf\x02".to_vec(), CodecError::Unknown { what: "manifest version", value: 2 }),
        ("no fields", document(&[]), no_order),
        ("no order", document(&[NAME, VERSION]), no_order),
        ("fields swapped", document(&[VERSION, NAME, ORDER]), CodecError::Order("fields")),
        ("a field twice", document(&[NAME, NAME, VERSION, ORDER]), CodecError::Order("fields")),
        ("an empty field", base(&[(4, b"")]), empty),
        ("field 0", document(&[(0, b"x")]), CodecError::Unknown { what: "manifest field", value: 0 }),
        ("field 25", base(&[(25, b"x")]), CodecError::Unknown { what: "manifest field", value: 25 }),
        ("a tag in a longer form", [&base(&[])[..], b"\x84\x00\x011"].concat(), CodecError::Number),
        ("a tag past 64 bits", [&base(&[])[..], &[0xff; 9], b"\x02\x011"].concat(), CodecError::Number),
        ("a tag of eleven bytes", [&base(&[])[..], &[0x80; 10], b"\x01\x011"].concat(), CodecError::Number),
        ("a body past the end", [&base(&[])[..], b"\x04\x021"].concat(), CodecError::Truncated),
        ("a tag without a body", [&base(&[])[..], b"\x04"].concat(), CodecError::Truncated),
        ("a byte after the end", [&base(&[])[..], b"\x00"].concat(), CodecError::Truncated),
    ]
}

fn refused_fields() -> Vec<Refused> {
    let name = CodecError::Rule(
        "a package's name is one or two parts with '/' between, without space or control character, \
         that do not start with '.' or '-'",
    );
    let version = CodecError::Rule("a version is not empty and has no space, slash or control character");
    let word = CodecError::Rule("a release, build or architecture has no space, slash or control character");
    let no_items = CodecError::Rule("a list is empty; an absent field is left out");
    let no_target = CodecError::Rule("a relation names at least one target");
    let unknown = |what, value| CodecError::Unknown { what, value };
    vec![
        ("no name", document(&[VERSION, ORDER]), name),
        ("a name with a space", named("a b"), name),
        ("a name with a wide space", named("a\u{3000}b"), name),
        ("a name with two slashes", named("a/b/c"), name),
        ("a name without a category before its slash", named("/b"), name),
        ("a name without anything after its slash", named("a/"), name),
        ("a name that leads up", named("../b"), name),
        ("a name with a category that leads up", named("a/.."), name),
        ("a name with a control character", named("a\u{9b}b"), name),
        ("a name that starts with a dot", named(".a"), name),
        ("a name that starts with a dash", named("-a"), name),
        ("a name of 256 bytes", named(&"a".repeat(256)), name),
        ("a name that is not UTF-8", document(&[(1, b"\xff"), VERSION, ORDER]), CodecError::Text),
        ("no version", document(&[NAME, ORDER]), version),
        ("a version with a slash", document(&[NAME, (2, b"1/2"), ORDER]), version),
        ("a version with a no-break space", document(&[NAME, (2, b"1\xc2\xa02"), ORDER]), version),
        ("a release with a slash", base(&[(4, b"../1")]), word),
        ("a build with a line break", base(&[(5, b"1\n")]), word),
        ("an architecture with a space", base(&[(6, b"x 86")]), word),
        ("order 4", document(&[NAME, VERSION, (3, b"\x04")]), unknown("version order", 4)),
        ("an order and more", document(&[NAME, VERSION, (3, b"\x01\x00")]), CodecError::Trailing),
        ("a list of nothing", base(&[(16, b"\x00")]), no_items),
        ("a list and more", base(&[(16, b"\x01\x01x\x00")]), CodecError::Trailing),
        ("a list that promises more", base(&[(16, b"\x02\x01x")]), CodecError::Truncated),
        ("a list that promises 2^40", base(&[(16, b"\x80\x80\x80\x80\x80\x20\x00")]), CodecError::Truncated),
        ("an item that is not UTF-8", base(&[(17, b"\x01\x01\xff")]), CodecError::Text),
        ("relation kind 12", base(&[(19, b"\x01\x0c\x01\x00\x01b\x00\x00")]), unknown("relation kind", 12)),
        ("target kind 3", base(&[(19, b"\x01\x00\x01\x03\x01b\x00\x00")]), unknown("target kind", 3)),
        (
            "subject 5",
            base(&[(19, b"\x01\x00\x01\x00\x01b\x00\x01\x05\x05\x011")]),
            unknown("constraint subject", 5),
        ),
        (
            "operator 9",
            base(&[(19, b"\x01\x00\x01\x00\x01b\x00\x01\x00\x09\x011")]),
            unknown("constraint operator", 9),
        ),
        ("a target without a name", base(&[(19, b"\x01\x00\x01\x00\x00\x00\x00")]), no_target),
        (
            "a relation without targets",
            base(&[(19, b"\x02\x00\x00\x00\x01\x00\x05other\x00\x00")]),
            no_target,
        ),
        (
            "relations out of order",
            base(&[(19, b"\x02\x05\x01\x00\x01b\x00\x00\x00\x01\x00\x01b\x00\x00")]),
            CodecError::Order("relations"),
        ),
        ("half a script", base(&[(20, &[&[1][..], &[0; 36]].concat())]), CodecError::Truncated),
        (
            "properties out of order",
            base(&[(22, b"\x02\x01b\x00\x01a\x00")]),
            CodecError::Order("properties"),
        ),
    ]
}

fn refused_entries() -> Vec<Refused> {
    let rule = CodecError::Rule;
    let kinds = rule("the kinds named are not those of the entries, sorted");
    let mode = rule("a mode has only permission bits");
    let target = rule("a symlink's target is 1 to 4095 bytes without NUL");
    let keeps = rule("only a regular file with a declared time can keep it");
    let unknown = |what, value| CodecError::Unknown { what, value };
    let attribute =
        rule("an extended attribute's name is 1 to 255 bytes without NUL, its value at most 65536 bytes");
    let link = |target: &[u8]| {
        let mut encoder = Encoder::new();
        encoder.raw(b"\x03\xff\x03\x00");
        encoder.bytes(target);
        entry(&encoder.finish())
    };
    vec![
        ("type 0", entry(b"\x00\xed\x03\x00\x00\x00"), unknown("entry type", 0)),
        ("type 4", entry(b"\x04\xed\x03\x00\x00\x00"), unknown("entry type", 4)),
        ("part 512", entry(b"\x01\xed\x03\x80\x04"), unknown("entry part", 512)),
        ("mode 010000", entry(b"\x01\x80\x20\x00"), mode),
        ("mode 0200000", entry(b"\x01\x80\x80\x04\x00"), CodecError::Number),
        ("a symlink with mode 0644", entry(b"\x03\xa4\x03\x00\x01x"), rule("a symlink's mode is 0777")),
        ("owner 0, group 0", entry(b"\x01\xed\x03\x01\x00\x00"), rule("owner 0, group 0 is left out")),
        ("owner 2^32", entry(b"\x01\xed\x03\x01\x80\x80\x80\x80\x10\x00"), CodecError::Number),
        (
            "group 2^32 - 1",
            entry(b"\x01\xed\x03\x01\x00\xff\xff\xff\xff\x0f"),
            rule("4294967295 is no owner or group"),
        ),
        ("a size past 64 bits", entry(&[b"\x02\xa4\x03\x00", &[0xff; 10][..]].concat()), CodecError::Number),
        ("half a digest", entry(b"\x02\xa4\x03\x00\x01half"), CodecError::Truncated),
        ("a kind without a name", entry(b"\x01\xed\x03\x08\x00"), rule("a kind has no name")),
        ("a kind that is not used", entries(b"\x01\x01k", &[DIRECTORY]), kinds),
        ("the empty kind", entries(b"\x01\x00", &[b"\x00\x01f\x01\xed\x03\x08\x00"]), kinds),
        (
            "kinds out of order",
            entries(b"\x02\x01l\x01k", &[b"\x00\x01f\x01\xed\x03\x08\x00", b"\x00\x01g\x01\xed\x03\x08\x01"]),
            kinds,
        ),
        (
            "a kind twice",
            entries(b"\x02\x01k\x01k", &[b"\x00\x01f\x01\xed\x03\x08\x00", b"\x00\x01g\x01\xed\x03\x08\x01"]),
            kinds,
        ),
        ("link group 0", entry(&file(b"\xa4\x03\x10\x00", 1)), rule("link group 0 is left out")),
        ("no attributes", entry(b"\x01\xed\x03\x20\x00"), rule("an empty list of attributes is left out")),
        (
            "attributes out of order",
            entry(b"\x01\xed\x03\x20\x02\x01b\x00\x01a\x00"),
            CodecError::Order("extended attributes"),
        ),
        (
            "an attribute twice",
            entry(b"\x01\xed\x03\x20\x02\x01a\x00\x01a\x00"),
            CodecError::Order("extended attributes"),
        ),
        ("an attribute without a name", entry(b"\x01\xed\x03\x20\x01\x00\x01v"), attribute),
        ("an attribute's name with NUL", entry(b"\x01\xed\x03\x20\x01\x03a\0b\x00"), attribute),
        ("a symlink to nothing", link(b""), target),
        ("a target with NUL", link(b"a\0b"), target),
        ("a target of 4096 bytes", link(&[b'a'; 4096]), target),
        ("a kept time that is not declared", entry(&file(b"\xa4\x03\x80\x02", 1)), keeps),
        ("a directory that keeps its time", entry(b"\x01\xed\x03\x84\x02\x00"), keeps),
    ]
}

fn refused_paths() -> Vec<Refused> {
    let rule = CodecError::Rule;
    let invalid = rule("a path is not a valid payload path");
    let below = rule("an entry lies below one that is not a directory");
    let at = |path: &[u8]| entries(b"", &[&whole(path, b"\x01\xed\x03\x00")]);
    let plain: &[u8] = b"\x01\xed\x03\x00";
    vec![
        ("no path", at(b""), invalid),
        ("an absolute path", at(b"/a"), invalid),
        ("a path with ..", at(b"a/../b"), invalid),
        ("a path with .", at(b"a/./b"), invalid),
        ("a path with an empty component", at(b"a//b"), invalid),
        ("a path that ends in a slash", at(b"a/"), invalid),
        ("a path with NUL", at(b"a\0b"), invalid),
        ("a path with DEL", at(b"a\x7fb"), invalid),
        ("a component of 256 bytes", at(&[b'a'; 256]), invalid),
        ("65 components", at("a/".repeat(65).trim_end_matches('/').as_bytes()), invalid),
        ("4099 bytes", at([[b'a'; 204]; 20].join(&b'/').as_slice()), invalid),
        (
            "more shared than there was",
            entries(b"", &[DIRECTORY, b"\x04\x02/f\x01\xed\x03\x00"]),
            rule("a path shares more than there was"),
        ),
        (
            "less shared than there is",
            entries(b"", &[DIRECTORY, b"\x02\x03r/f\x01\xed\x03\x00"]),
            rule("a path shares more with the one before than it says"),
        ),
        (
            "the first shares",
            entries(b"", &[b"\x01\x01f\x01\xed\x03\x00"]),
            rule("a path shares more than there was"),
        ),
        (
            "a path twice",
            entries(b"", &[DIRECTORY, b"\x03\x00\x01\xed\x03\x00"]),
            CodecError::Order("entries"),
        ),
        (
            "entries in the order of their bytes",
            entries(
                b"",
                &[&whole(b"a", plain), b"\x01\x02-b\x01\xed\x03\x00", b"\x01\x02/c\x01\xed\x03\x00"],
            ),
            CodecError::Order("entries"),
        ),
        (
            "below a file",
            entries(b"", &[&whole(b"f", &file(b"\xa4\x03\x00", 1)), b"\x01\x02/g\x01\xed\x03\x00"]),
            below,
        ),
        (
            "below a symlink",
            entries(b"", &[b"\x00\x01f\x03\xff\x03\x00\x01x", b"\x01\x02/g\x01\xed\x03\x00"]),
            below,
        ),
    ]
}

fn refused_groups() -> Vec<Refused> {
    let rule = CodecError::Rule;
    let differ = rule("the names of a hard-link group differ in content or attributes");
    let pair = |first: &[u8], second: &[u8]| entries(b"", &[&whole(b"f", first), &whole(b"g", second)]);
    let one = file(b"\xa4\x03\x10\x01", 1);
    vec![
        ("a group of one", entry(&one), rule("a hard-link group has a single name")),
        (
            "groups from 2",
            pair(&file(b"\xa4\x03\x10\x02", 1), &file(b"\xa4\x03\x10\x02", 1)),
            CodecError::Order("hard-link groups"),
        ),
        ("other content", pair(&one, &file(b"\xa4\x03\x10\x01", 2)), differ),
        ("another mode", pair(&one, &file(b"\xed\x03\x10\x01", 1)), differ),
        ("another owner", pair(&one, &file(b"\xa4\x03\x11\x05\x00\x01", 1)), differ),
        ("another time", pair(&one, &file(b"\xa4\x03\x14\x02\x01", 1)), differ),
        ("another attribute", pair(&one, &file(b"\xa4\x03\x30\x01\x01\x01a\x00", 1)), differ),
        (
            "a group of directories",
            pair(b"\x01\xed\x03\x10\x01", b"\x01\xed\x03\x10\x01"),
            rule("only regular files are in hard-link groups"),
        ),
    ]
}
