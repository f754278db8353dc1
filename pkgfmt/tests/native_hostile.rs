//! Native packages that are damaged or lie: refused, or read as what they were.
#![allow(clippy::unwrap_used)]

mod native_support;

use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::codec::Encoder;
use ambar_pkgfmt::native::{self, NativeFile, PublicKey, SecretKey, Unverified};
use ambar_pkgfmt::{Digest, Error, Limits, Manifest, Problem};
use native_support::sections::*;
use native_support::*;

fn refusal(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().problem.to_string()
}

#[test]
fn taking_apart_and_building_changes_nothing() {
    let bytes = example().written();
    assert_eq!(Sections::of(&bytes).built(), bytes);
}

#[test]
fn a_changed_bit_anywhere_is_noticed() {
    let package = example();
    let bytes = package.written();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let package =
                NativeFile::from_bytes(Path::new("a"), Arc::new(damaged.clone()), &Limits::default());
            let verified = package.map_err(|error| error.problem).and_then(|package| package.verify());
            assert!(verified.is_err(), "byte {at}, bit {bit}: verified");
            assert!(read(&damaged).is_err(), "byte {at}, bit {bit}: read");
        }
    }
}

#[test]
fn a_changed_bit_of_a_signature_is_noticed_and_changes_no_content() {
    let package = example();
    let plain = package.written().len();
    let (bytes, public) = signed(&package);
    let key = PublicKey::parse(&public).unwrap();
    let line = plain + 16 + bytes[plain + 16..].iter().position(|&byte| byte == b'\n').unwrap();
    for at in plain..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        match NativeFile::from_bytes(Path::new("a"), Arc::new(damaged.clone()), &Limits::default()) {
            Err(_) => {}
            Ok(file) => {
                assert_eq!(read(&damaged).unwrap(), Everything::from(&package));
                // Only the untrusted comment is not signed.
                let comment = at < line;
                assert!(comment || file.verify_signature(&key).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn every_cut_and_every_tail_is_refused() {
    let package = example();
    let bytes = package.written();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    for tail in [&b"\0"[..], b"AMBARSIG", b"AMBARSIG\0\0\0\0", b"AMBARSIG\x01\0\0\0\x02\0\0\0x\n"] {
        assert!(read(&[&bytes, tail].concat()).is_err());
    }
    let (signed, _) = signed(&package);
    for length in bytes.len() + 1..signed.len() {
        assert!(read(&signed[..length]).is_err(), "{length} bytes");
    }
    assert!(read(&[&signed[..], b"\n"].concat()).is_err());
}

#[test]
fn what_is_newer_is_refused_by_name() {
    let mut bytes = example().written();
    bytes[8] = 7;
    assert_eq!(refusal(&bytes), "it is a native package of format version 7; this ambar reads version 1");
    let mut sections = Sections::of(&example().written());
    sections.0.push((8, 0, 1, vec![0]));
    assert_eq!(
        refusal(&sections.built()),
        "the section table: it has 7 sections".replace("it has 7 sections", "section kind 8 is not known")
    );
    let mut sections = Sections::of(&example().written());
    sections.0[0].1 = 2;
    assert_eq!(refusal(&sections.built()), "the section table: section coding 2 is not known");
}

#[test]
fn a_section_table_that_lies_is_refused() {
    let bytes = example().written();
    let good = Sections::of(&bytes);
    let with = |at: usize, value: u64| {
        let mut changed = bytes.clone();
        changed[at..at + 8].copy_from_slice(&value.to_le_bytes());
        refusal(&changed)
    };
    let record = |number: usize| 16 + 64 * number;
    assert!(with(record(0) + 8, 0).contains("does not follow"));
    assert!(with(record(1) + 8, u64::MAX).contains("does not follow"));
    for huge in [u64::MAX, u64::MAX - record(6) as u64, 1 << 63] {
        for field in [16, 24] {
            for number in 0..good.0.len() {
                with(record(number) + field, huge);
            }
        }
    }
    // No sections, too many, none that must be there, one twice, out of order.
    for count in [0_u32, 8, u32::MAX] {
        let mut changed = bytes.clone();
        changed[12..16].copy_from_slice(&count.to_le_bytes());
        assert!(refusal(&changed).starts_with("the section table: it has "));
    }
    assert_eq!(refusal(&good.without(MANIFEST).built()), "the manifest: it is missing");
    for kind in [INDEX, FRAMES, CONTENT] {
        assert!(refusal(&good.without(kind).built()).contains("go together"));
    }
    let mut twice = good.clone();
    twice.0.insert(0, twice.0[0].clone());
    twice.0.remove(2);
    assert!(refusal(&twice.built()).contains("out of order or repeated"));
    let mut swapped = good.clone();
    swapped.0.swap(0, 1);
    assert!(refusal(&swapped.built()).contains("out of order or repeated"));
    // The content is not to be compressed as a whole; empty sections are left out.
    let mut packed = good.clone();
    let content = packed.position(CONTENT);
    packed.0[content].1 = 1;
    assert!(refusal(&packed.built()).contains("not to be compressed"));
    assert_eq!(refusal(&good.with(3, b"").built()), "the scripts: it is empty");
}

#[test]
fn a_section_cannot_promise_more_memory_than_is_in_proportion() {
    let bomb = zstd::bulk::compress(&vec![0; 60 << 20], 3).unwrap();
    let mut sections = Sections::of(&example().written());
    sections.0[0] = (MANIFEST, 1, 60 << 20, bomb);
    assert_eq!(refusal(&sections.built()), "the manifest: it unpacks to far more than is stored of it");
    let limits = Limits { manifest_bytes: 100, ..Limits::default() };
    let error = open_with(&example().written(), &limits).unwrap_err();
    assert!(matches!(error.problem, Problem::Limit { .. }));
}

#[test]
fn an_index_that_lies_is_refused() {
    // Objects 0 to 4 in one group.
    let good = Sections::of(&example().written());
    assert_eq!(read(&good.with_index(&[&[0, 0, 0, 0, 0]]).built()).unwrap(), Everything::from(&example()));
    let refused: [(&[&[i64]], &str); 10] = [
        (&[], "it has no groups"),
        (&[&[], &[0, 0, 0, 0, 0]], "a group in it is empty"),
        (&[&[0, 0, 0, 0]], "object 4 is missing"),
        (&[&[0, 0, 0, 0, 0, -1]], "object 4 is in it twice"),
        (&[&[0, 0, 0, 0, 0, 0]], "an object in it is not in the manifest"),
        (&[&[-1]], "an object in it is not in the manifest"),
        (&[&[i64::MAX]], "an object in it is not in the manifest"),
        (&[&[1, i64::MAX]], "an object in it is not in the manifest"),
        (&[&[0, i64::MIN]], "an object in it is not in the manifest"),
        (&[&[0, 0, 0, 0], &[0]], "its frames are not as many as the objects' sizes ask for"),
    ];
    for (groups, reason) in refused {
        let answer = refusal(&good.with_index(groups).built());
        assert!(answer.ends_with(reason), "{groups:?}: {answer}");
    }
    // Counts that promise more than there is, and data after the end.
    for index in [&b"\xff\xff\xff\xff\x0f"[..], b"\x01\0\xff\xff\xff\xff\x0f", b"\x01\0\x05\0\0\0\0\0\0"] {
        assert!(refusal(&good.with(INDEX, index).built()).starts_with("the index: "));
    }
    // The right objects in another order: only the manifest's digests tell.
    let mut sink = Collected::default();
    let swapped = open(&good.with_index(&[&[1, -2, 1, 0, 0]]).built()).unwrap();
    let payload = swapped.read_payload(&mut sink).unwrap();
    let hashes = sink.hashes(swapped.draft().entries.len());
    let error = swapped.finish(&payload, &hashes).unwrap_err();
    assert!(error.to_string().contains("its content is not what the manifest says"), "{error}");
}

#[test]
fn frames_that_lie_are_refused() {
    let good = Sections::of(&example().written());
    let table = |packed: u32, content: &[u8]| {
        let record = [&packed.to_le_bytes()[..], &Digest::of(content).0].concat();
        good.with(FRAMES, &record).with(CONTENT, content).built()
    };
    let content = good.get(CONTENT).to_vec();
    let length = content.len() as u32;
    assert!(read(&table(length, &content)).is_ok());
    assert!(refusal(&table(length - 1, &content)).ends_with("do not add up to the content"));
    assert!(refusal(&table(u32::MAX, &content)).contains("longer than its content could be packed"));
    assert!(refusal(&good.with(FRAMES, &good.get(FRAMES)[..35]).built()).contains("not as many"));
    assert!(
        refusal(&good.with(FRAMES, &[good.get(FRAMES), good.get(FRAMES)].concat()).built())
            .contains("not as many")
    );
    let unpacked = zstd::bulk::decompress(&content, 1 << 20).unwrap();
    let frame = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).unwrap();
    let answer = |content: &[u8]| refusal(&table(content.len() as u32, content));
    assert!(answer(&frame(&unpacked[1..])).contains("bytes where"));
    assert!(answer(&[frame(&unpacked), frame(b"")].concat()).contains("data follows"));
    assert!(answer(&[&frame(&unpacked)[..], b"\0"].concat()).contains("data follows"));
    assert!(answer(b"no frame at all").contains("no zstd frame"));
    assert!(answer(b"\x50\x2a\x4d\x18\x00\x00\x00\x00").contains("zstd frame"));
    // A frame that does not say how long its content is.
    let mut unsized_frame = Vec::new();
    zstd::stream::copy_encode(unpacked.as_slice(), &mut unsized_frame, 3).unwrap();
    assert!(answer(&unsized_frame).contains("does not say its size"));
    // The right length and another content.
    let mut other = unpacked.clone();
    other[0] ^= 1;
    let other = frame(&other);
    let answer = open(&table(other.len() as u32, &other)).map(|package| {
        let mut sink = Collected::default();
        let payload = package.read_payload(&mut sink).unwrap();
        let hashes = sink.hashes(package.draft().entries.len());
        package.finish(&payload, &hashes).unwrap_err().to_string()
    });
    assert!(answer.unwrap().contains("its content is not what the manifest says"));
}

#[test]
fn a_manifest_is_held_to_its_own_words() {
    let good = Sections::of(&example().written());
    let answer = |manifest: Manifest| refusal(&good.with(MANIFEST, &manifest.encode().unwrap()).built());
    let mut more = example();
    more.add(file("zzz", b"not in the index"), b"");
    assert!(answer(more.manifest).contains("object 5 is missing"));
    let mut scripts = example().manifest;
    scripts.scripts[0].size += 1;
    assert!(answer(scripts).starts_with("the scripts: "));
    let mut scripts = example().manifest;
    scripts.scripts.remove(0);
    assert!(answer(scripts).starts_with("the scripts: "));
    assert!(refusal(&good.with(2, b"ambartr\x01\x00\x00").built()).starts_with("the translations: "));
    let limits = Limits { entries: 5, ..Limits::default() };
    let error = open_with(&example().written(), &limits).unwrap_err();
    assert!(matches!(&error.problem, Problem::Limit { what, .. } if what == "the number of entries"));
    let limits = Limits { payload_bytes: 1000, ..Limits::default() };
    assert!(matches!(open_with(&example().written(), &limits).unwrap_err().problem, Problem::Limit { .. }));
    // Sizes are exact and frames bounded, so zeros may pack as well as they do.
    let zeros = Package::new("zeros", &[("zeros", &vec![0; 3 << 20])]).written();
    let limits = Limits { ratio: 10, ratio_floor: 1 << 20, ..Limits::default() };
    assert!(open_with(&zeros, &limits).is_ok());
}

// Deltas.

fn older() -> Package {
    let mut package = Package::new("p", &[("a", b"alpha"), ("b", b"beta"), ("c", &noise(9000, 3))]);
    package.add(file("d/stays", &noise(5000, 8)), &noise(5000, 8));
    package
}

fn newer() -> Package {
    let mut changed = noise(9000, 3);
    changed[4000] ^= 0xff;
    let mut package = Package::new("p", &[("a", b"alpha"), ("new", b"something new"), ("c", &changed)]);
    package.manifest.version = "2.0".into();
    package.add(file("d/stays", &noise(5000, 8)), &noise(5000, 8));
    package
}

fn base_problem(result: Result<Everything, Error>) -> String {
    match result.unwrap_err().problem {
        problem @ (Problem::Base { .. } | Problem::BaseChanged { .. }) => problem.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_delta_carries_what_the_base_lacks() {
    let (older, newer) = (older(), newer());
    let delta = newer.delta_from(&older);
    assert!(delta.len() < 1000, "{} bytes for one changed byte and a small file", delta.len());
    assert_eq!(apply(&delta, older.as_base()).unwrap(), Everything::from(&newer));
    let package = open(&delta).unwrap();
    assert_eq!(package.base_needed().unwrap().id, Some(older.manifest.id().unwrap()));
    assert!(open(&newer.written()).unwrap().base_needed().is_none());
    // Threads make no difference.
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| newer.delta_from(&older)) == delta);
    }
    // Nothing new, everything new.
    assert_eq!(apply(&older.delta_from(&older), older.as_base()).unwrap(), Everything::from(&older));
    let nothing = Package::new("nothing", &[]);
    assert_eq!(apply(&older.delta_from(&nothing), nothing.as_base()).unwrap(), Everything::from(&older));
}

#[test]
fn a_delta_without_its_base_or_with_another_is_refused_by_name() {
    let (older, newer) = (older(), newer());
    let delta = newer.delta_from(&older);
    let id = older.manifest.id().unwrap().to_string();
    assert!(base_problem(read(&delta)).contains(&id));
    let answer = base_problem(apply(&delta, newer.as_base()));
    assert!(answer.contains(&id) && answer.contains("p 2.0") && answer.contains("full package"), "{answer}");
    assert!(apply(&newer.written(), older.as_base()).is_err());
}

#[test]
fn a_base_that_was_edited_is_noticed() {
    let (older, newer) = (older(), newer());
    let delta = newer.delta_from(&older);
    let position = |path: &str| {
        older.manifest.entries.iter().position(|entry| entry.path.as_bytes() == path.as_bytes()).unwrap()
    };
    for path in ["c", "d/stays", "a"] {
        let edits: [fn(&mut Vec<u8>); 3] = [|c| c[0] ^= 1, |c| c.push(0), |c| c.truncate(c.len() - 1)];
        for edit in edits {
            let mut base = older.as_base();
            let mut contents = older.contents.clone();
            edit(&mut contents.0[position(path)]);
            base.contents = Box::new(contents);
            let answer = base_problem(apply(&delta, base));
            assert!(answer.contains(path), "{answer}");
        }
    }
    // What only the base knows streams as well.
    let mut base = older.as_base();
    let mut contents = older.contents.clone();
    contents.0[position("d/stays")][7] ^= 1;
    base.contents = Box::new(contents);
    let mut package = open_with(&delta, &Limits { small_file: 100, ..Limits::default() }).unwrap();
    package.set_base(base).unwrap();
    assert!(base_problem(everything(&package)).contains("d/stays"));
}

#[test]
fn a_delta_that_lies_about_its_base_is_refused() {
    let (older, newer) = (older(), newer());
    let good = Sections::of(&newer.delta_from(&older));
    let id = older.manifest.id().unwrap();
    assert_eq!(good.get(BASE), id.0.0);
    assert!(refusal(&good.with(BASE, &[0; 31]).built()).starts_with("the base: "));
    // A whole package's index is that of no delta, and the other way round.
    assert!(read(&good.without(BASE).built()).is_err());
    let empty = good.without(INDEX).without(FRAMES).without(CONTENT).built();
    let answer = apply(&empty, older.as_base()).unwrap_err().to_string();
    assert!(answer.contains("it lacks an object that the base does not have"), "{answer}");
    // Groups: a patch (object 1 against object n), then the rest.
    let index = |groups: &[(u64, &[i64])]| {
        let mut e = Encoder::new();
        e.number(groups.len() as u64);
        for (patch, steps) in groups {
            e.number(*patch);
            e.list(steps, |e, step| e.signed(*step));
        }
        let bytes = good.with(INDEX, &e.finish()).built();
        apply(&bytes, older.as_base()).map_err(|error| error.problem.to_string())
    };
    assert_eq!(index(&[(6, &[1]), (0, &[1])]), Ok(Everything::from(&newer)));
    for (groups, reason) in [
        (
            &[(10, &[1][..]), (0, &[1][..])][..],
            "a patch is made against an object that the base does not have",
        ),
        (&[(u64::MAX - 1, &[1]), (0, &[1])], "a patch is made against an object that the base does not have"),
        (&[(6, &[1, 1])], "several objects in it share more than one plain frame"),
        (&[(6, &[1])], "its frames are not as many as the objects' sizes ask for"),
        (&[(6, &[1]), (0, &[-2])], "it has an object that the base has"),
        (&[(6, &[1]), (0, &[1, -4])], "it has an object that the base has"),
        (&[(4, &[1]), (0, &[1])], "the frame at byte"),
        (&[(7, &[1]), (0, &[1])], "a patch is made against no earlier whole object"),
        (&[(6, &[1]), (3, &[1])], "a patch is made against no earlier whole object"),
        (&[(u64::MAX, &[1]), (0, &[1])], "a patch is made against no earlier whole object"),
    ] {
        let answer = index(groups).unwrap_err();
        assert!(answer.contains(reason), "{groups:?}: {answer}");
    }
}

// Signatures.

/// A package with a new key's signature, and the public key.
fn signed(package: &Package) -> (Vec<u8>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.ambar");
    std::fs::write(&path, package.written()).unwrap();
    let keys = native::generate_keys(None).unwrap();
    let secret = SecretKey::parse(&keys.secret, None).unwrap();
    native::sign(&path, &secret, None, &Limits::default()).unwrap();
    (std::fs::read(path).unwrap(), keys.public)
}

fn native(bytes: &[u8]) -> NativeFile {
    NativeFile::from_bytes(Path::new("a"), Arc::new(bytes.to_vec()), &Limits::default()).unwrap()
}

#[test]
fn a_signature_says_who_and_what() {
    let package = example();
    let (bytes, public) = signed(&package);
    let key = PublicKey::parse(&public).unwrap();
    // The line alone is a key as well.
    assert_eq!(PublicKey::parse(public.lines().nth(1).unwrap()).unwrap().id(), key.id());
    assert!(bytes.starts_with(&package.written()), "signing changes nothing before the signatures");
    assert_eq!(native(&bytes).verify_signature(&key).unwrap().key(), key.id());
    let unsigned = package.written();
    assert_eq!(native(&unsigned).verify_signature(&key), Err(Unverified::Unsigned));
    let other = PublicKey::parse(&native::generate_keys(None).unwrap().public).unwrap();
    let expected = Unverified::OtherKeys { wanted: other.id(), found: vec![key.id()] };
    assert_eq!(native(&bytes).verify_signature(&other), Err(expected));
    // The same signature on another package.
    let mut tampered = Package::new("hello", &[("a", b"b")]).written();
    tampered.extend_from_slice(&bytes[package.written().len()..]);
    assert_eq!(native(&tampered).verify_signature(&key), Err(Unverified::Wrong(key.id())));
}

#[test]
fn two_keys_sign_in_any_order_and_one_key_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.ambar");
    std::fs::write(&path, example().written()).unwrap();
    let texts = [native::generate_keys(None).unwrap(), native::generate_keys(None).unwrap()];
    let keys = texts.each_ref().map(|texts| SecretKey::parse(&texts.secret, None).unwrap());
    for (key, comment) in [(&keys[0], "first"), (&keys[1], "second"), (&keys[0], "again")] {
        native::sign(&path, key, Some(comment), &Limits::default()).unwrap();
    }
    let package = NativeFile::open(&path, &Limits::default()).unwrap();
    assert_eq!(package.signatures().len(), 2);
    assert!(package.signatures()[0].key() < package.signatures()[1].key());
    for (texts, comment) in texts.iter().zip(["again", "second"]) {
        let signature = package.verify_signature(&PublicKey::parse(&texts.public).unwrap()).unwrap();
        assert_eq!(signature.comment(), comment);
    }
    for comment in [" spaces ", "two\nlines"] {
        assert!(native::sign(&path, &keys[0], Some(comment), &Limits::default()).is_err());
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_damaged_package_is_not_signed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.ambar");
    let mut bytes = example().written();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let keys = native::generate_keys(None).unwrap();
    let secret = SecretKey::parse(&keys.secret, None).unwrap();
    assert!(native::sign(&path, &secret, None, &Limits::default()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_is_no_key_is_refused() {
    let keys = native::generate_keys(None).unwrap();
    for text in ["", "x", &keys.secret, "untrusted comment: x\nRWQ", &keys.public.replace("RW", "AA")] {
        assert!(PublicKey::parse(text).is_err(), "{text}");
    }
    for text in ["", "x", &keys.public, "untrusted comment: x\nRWQ"] {
        assert!(SecretKey::parse(text, None).is_err(), "{text}");
        assert!(SecretKey::parse(text, Some("password")).is_err(), "{text}");
    }
}
