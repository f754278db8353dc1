//! `Packages` indexes of Debian: what is accepted, what is refused, and that the real index of this machine reads as
//! another program reads it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ambar_pkgfmt::deb::alternative::{Alternative, pieces};
use ambar_pkgfmt::deb::index::{PackagesIndex, Stanzas};
use ambar_pkgfmt::deb::stanza::{Field, InvalidStanza, MultiArch, Stanza};
use ambar_pkgfmt::digest::hex;
use ambar_pkgfmt::relation::Op;
use ambar_pkgfmt::{Limits, Problem};
use proptest::prelude::*;

const TWO: &str = "\
Package: hello
Version: 2.10-3
Architecture: amd64
Multi-Arch: foreign
Essential: yes
Priority: optional
Section: devel
Maintainer: Jörg <j@example.org>
Installed-Size: 280
Depends: libc6 (>= 2.34), awk | mawk:any (<< 1.4)
Description: says hello
 at length
 .
Filename: pool/h/hello.deb
Size: 53000
SHA256: 00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF

Package: other
Version: 1
";

fn read(text: &[u8]) -> Vec<Result<Stanza<'_>, InvalidStanza>> {
    Stanzas::new(text).collect()
}

fn refusals(text: &[u8]) -> Vec<String> {
    read(text).into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()
}

fn one(text: &str) -> Stanza<'_> {
    let mut stanzas = read(text.as_bytes());
    assert_eq!(stanzas.len(), 1, "{text}");
    stanzas.remove(0).unwrap()
}

#[test]
fn a_stanza_says_what_its_fields_say() {
    let stanzas = read(TWO.as_bytes());
    let [Ok(hello), Ok(other)] = &stanzas[..] else { panic!("{stanzas:?}") };
    assert_eq!((hello.package(), hello.version(), hello.architecture()), ("hello", "2.10-3", "amd64"));
    assert_eq!(hello.multi_arch(), Ok(MultiArch::Foreign));
    assert_eq!(hello.flag(Field::Essential), Ok(true));
    assert_eq!(hello.flag(Field::Protected), Ok(false));
    assert_eq!((hello.get(Field::Priority), hello.get(Field::Section)), ("optional", "devel"));
    assert_eq!((hello.size(), hello.installed_size()), (Ok(Some(53_000)), Ok(Some(280))));
    let digest = hex(&hello.sha256().unwrap().unwrap());
    assert_eq!(digest, "00112233445566778899aabbccddeeff".repeat(2));
    assert_eq!(hello.get(Field::Filename), "pool/h/hello.deb");
    let depends: Vec<_> = hello
        .pieces(Field::Depends)
        .map(|piece| (piece.or, hello.alternative(Field::Depends, piece).unwrap()))
        .map(|(or, found)| (found.name, found.arch, found.condition, or))
        .collect();
    assert_eq!(
        depends,
        [
            ("libc6", "", Some((Op::AtLeast, "2.34")), false),
            ("awk", "", None, true),
            ("mawk", "any", Some((Op::Less, "1.4")), false),
        ]
    );
    assert_eq!((hello.line(), other.line()), (1, 18));
    assert_eq!((other.package(), other.version(), other.architecture()), ("other", "1", ""));
    assert_eq!(other.multi_arch(), Ok(MultiArch::No));
    assert_eq!((other.size(), other.sha256()), (Ok(None), Ok(None)));
    assert_eq!(other.pieces(Field::Depends).count(), 0);
}

#[test]
fn apt_s_and_dpkg_s_leniency_is_ours() {
    let told = |text: &str| -> Vec<(String, String)> {
        let stanzas = read(text.as_bytes());
        stanzas
            .iter()
            .map(|s| s.as_ref().unwrap())
            .map(|s| (s.package().into(), s.version().into()))
            .collect()
    };
    let two = [("a".to_owned(), "1".to_owned()), ("b".into(), "2".into())];
    for text in [
        "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n",
        "\n\n\nPackage: a\nVersion: 1\n\n \n\t\nPackage: b\nVersion: 2\n\n\n",
        "Package: a\r\nVersion: 1\r\n\r\nPackage: b\r\nVersion: 2",
        "package:a\nVERSION :1\n\npAcKaGe: \tb  \nversion:2   ",
        "# a: comment\nPackage: a\n#another\nVersion: 1\n\n# more\n\nPackage: b\nVersion: 2\n#",
        "Package: a\nX-Whatever: \nEmpty:\nVersion: 1\n\nVersion: 2\nPackage: b\n",
        "Package:\n a\nVersion: 1\n\nPackage: b\nVersion:\n\t2\n",
    ] {
        assert_eq!(told(text), two, "{text:?}");
    }
    assert_eq!(told(""), []);
    assert_eq!(told("\n# nothing\n\n \n"), []);
}

#[test]
fn a_folded_field_is_one_text() {
    let stanza = one("Package: a\nVersion: 1\nDepends:\r\n b\r\n | c,\r\n d (= 1),\r\nSuggests: x");
    let depends: Vec<&str> = stanza.pieces(Field::Depends).map(|piece| piece.text).collect();
    assert_eq!(depends, ["b", "c", "d (= 1)"]);
    assert_eq!(stanza.get(Field::Suggests), "x");
}

#[test]
fn a_refusal_names_line_package_and_field_and_the_next_stanza_is_read() {
    for (text, refusal) in [
        ("Package: a\nVersion: 1\nDepends: x\nDEPENDS: y\n", "line 4: a: Depends: the field occurs twice"),
        ("\n\nPackage: a\nSize: 1\n", "line 3: a: it has no field 'Version'"),
        ("Version: 1\nSize: 1\n", "line 1: it has no field 'Package'"),
        ("Package:\nVersion: 1\n", "line 1: it has no field 'Package'"),
        ("Package: a\n<html>\nVersion: 1\n", "line 2: a: it is no field: it has no colon"),
        ("Package: a\na b: c\nVersion: 1\n", "line 2: a: 'a b' is no field's name"),
        ("Package: a\n: c\nVersion: 1\n", "line 2: a: '' is no field's name"),
        (" a\nPackage: a\nVersion: 1\n", "line 1: a: it goes on with a field, and there is none before it"),
        (
            "Package: a\n# b\n c\nVersion: 1\n",
            "line 3: a: it goes on with a field, and there is none before it",
        ),
    ] {
        let text = format!("{text}\nPackage: b\nVersion: 2\n");
        assert_eq!(refusals(text.as_bytes()), [refusal], "{text:?}");
        assert_eq!(read(text.as_bytes()).last().unwrap().as_ref().unwrap().package(), "b");
    }
}

#[test]
fn only_fields_that_matter_must_be_text() {
    let text = b"Package: a\nVersion: 1\nMaintainer: J\xf6rg\n\nPackage: b\nVersion: 1\nDepends: \xff\n";
    let stanzas = read(text);
    assert_eq!(stanzas[0].as_ref().unwrap().package(), "a");
    assert_eq!(stanzas[1].as_ref().unwrap_err().to_string(), "line 7: b: Depends: it is not UTF-8");
}

#[test]
fn what_a_field_says_is_refused_with_its_line() {
    let stanza = one(
        "Package: a\nVersion: 1\nSize: -1\nInstalled-Size: 99999999999999999999\nSHA256: 00\nMulti-Arch: some\n\
         Essential: maybe\nDepends: b,\n c (>= ),\nBreaks: d [amd64]\n",
    );
    let refused = |error: InvalidStanza| error.to_string();
    assert_eq!(refused(stanza.size().unwrap_err()), "line 3: a: Size: '-1' is no number of 64 bits");
    assert!(refused(stanza.installed_size().unwrap_err()).starts_with("line 4: a: Installed-Size: '9"));
    assert!(refused(stanza.sha256().unwrap_err()).starts_with("line 5: a: SHA256: '00' is not"));
    assert!(refused(stanza.multi_arch().unwrap_err()).starts_with("line 6: a: Multi-Arch: 'some'"));
    assert!(refused(stanza.flag(Field::Essential).unwrap_err()).starts_with("line 7: a: Essential: 'maybe'"));
    let bad = stanza.pieces(Field::Depends).nth(1).unwrap();
    let error = stanza.alternative(Field::Depends, bad).unwrap_err();
    assert_eq!(refused(error), "line 8: a: Depends: '', for c, is no version");
    let bad = stanza.pieces(Field::Breaks).next().unwrap();
    let error = stanza.alternative(Field::Breaks, bad).unwrap_err();
    assert_eq!(refused(error), "line 10: a: Breaks: '[' stands where a ',' should");
}

#[test]
fn a_packed_index_is_unpacked_and_its_length_is_bounded() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(TWO.as_bytes()).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    xz.write_all(TWO.as_bytes()).unwrap();
    let mut bzip2 = bzip2::read::BzEncoder::new(TWO.as_bytes(), bzip2::Compression::fast());
    let mut bz2 = Vec::new();
    bzip2.read_to_end(&mut bz2).unwrap();
    let zstd = zstd::encode_all(TWO.as_bytes(), 1).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("plain", TWO.as_bytes().to_vec()),
        ("gz", gzip.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("bz2", bz2),
        ("zst", zstd),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let limits = |repository_index_bytes| Limits { repository_index_bytes, ..Limits::default() };
        let enough = limits(TWO.len() as u64);
        for index in [
            PackagesIndex::open(&path, &enough).unwrap(),
            PackagesIndex::read(Arc::new(bytes.clone()), &enough).unwrap(),
        ] {
            assert_eq!(index.text(), TWO.as_bytes(), "{name}");
            assert_eq!(index.stanzas().count(), 2);
        }
        let short = limits(TWO.len() as u64 - 1);
        let refusal = PackagesIndex::open(&path, &short).unwrap_err();
        assert!(matches!(refusal.problem, Problem::Limit { .. }), "{name}: {refusal}");
        assert_eq!(refusal.file, path);
        let problem = PackagesIndex::read(Arc::new(bytes.clone()), &short).unwrap_err();
        assert!(matches!(problem, Problem::Limit { .. }), "{name}: {problem}");
        if name != "plain" {
            let half = Arc::new(bytes[..bytes.len() / 2].to_vec());
            let problem = PackagesIndex::read(half, &Limits::default()).unwrap_err();
            assert!(matches!(problem, Problem::Damaged { .. }), "{name}: {problem}");
        }
    }
    let empty = PackagesIndex::read(Arc::new(Vec::new()), &Limits::default()).unwrap();
    assert_eq!(empty.stanzas().count(), 0);
}

/// As `deb_index_reader.py` prints it.
fn told(stanza: &Stanza<'_>) -> String {
    use Field::*;
    let plain = [Package, Version, Architecture, Size, InstalledSize, Sha256, Filename, MultiArch, Essential];
    let mut values: Vec<String> = plain.iter().map(|field| stanza.get(*field).into()).collect();
    for field in [Depends, PreDepends, Recommends, Suggests, Enhances, Conflicts, Breaks, Provides, Replaces]
    {
        let mut text = String::new();
        for piece in stanza.pieces(field) {
            let found = stanza.alternative(field, piece).unwrap();
            let (op, version) = found.condition.map_or(("", ""), |(op, version)| {
                let op = match op {
                    Op::Less => "<<",
                    Op::AtMost => "<=",
                    Op::Equal => "=",
                    Op::AtLeast => ">=",
                    _ => ">>",
                };
                (op, version)
            });
            text +=
                &format!("{}:{} {op} {version}{}", found.name, found.arch, if piece.or { '|' } else { ',' });
        }
        values.push(text.strip_suffix(',').unwrap_or_default().into());
    }
    values.join("\u{1f}")
}

#[test]
fn the_index_of_this_machine_reads_as_python_reads_it() {
    let text = match std::env::var_os("AMBAR_TEST_PACKAGES") {
        Some(path) => std::fs::read(path).unwrap(),
        None => Command::new("apt-cache").arg("dumpavail").output().map(|run| run.stdout).unwrap_or_default(),
    };
    if text.len() < 1 << 20 {
        println!("skipped: apt knows no index, and AMBAR_TEST_PACKAGES names none");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deb_index_reader.py");
    let python = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        println!("skipped: no python3");
        return;
    };
    // It reads everything before it writes anything.
    python.stdin.take().unwrap().write_all(&text).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let expected = String::from_utf8(output.stdout).unwrap();
    let mut expected = expected.lines();
    let mut count = 0;
    for stanza in Stanzas::new(&text) {
        let stanza = stanza.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(&*told(&stanza)), expected.next());
        stanza.sha256().unwrap();
        stanza.size().unwrap();
        stanza.multi_arch().unwrap();
        count += 1;
    }
    assert_eq!(expected.next(), None);
    assert!(count > 100, "{count}");
}

/// Lines of which stanzas could be made, and others.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "(Package|package|Version|Depends|Provides|Size|SHA256|X): ?[a-c0-9:(<>=)|,.~\\[\\]-]{0,12}",
        "[ \t#:\r-]{0,2}[a-c:]{0,3}",
        Just(String::new()),
    ];
    proptest::collection::vec((line, any::<bool>()), 0..20).prop_map(|lines| {
        let texts = lines.into_iter().map(|(line, cr)| line + if cr { "\r\n" } else { "\n" });
        texts.collect::<String>().into_bytes()
    })
}

/// Reads everything; gives for each stanza its line, and its package's name or why it is refused.
fn read_all(text: &[u8]) -> Vec<(usize, Result<String, String>)> {
    let mut found = Vec::new();
    for stanza in Stanzas::new(text) {
        let stanza = match stanza {
            Ok(stanza) => stanza,
            Err(error) => {
                found.push((error.line, Err(error.to_string())));
                continue;
            }
        };
        assert!(!stanza.package().is_empty() && !stanza.version().is_empty());
        for field in Field::ALL {
            assert_eq!(stanza.get(field), stanza.get(field).trim_ascii());
            for piece in stanza.pieces(field) {
                if let Ok(found) = stanza.alternative(field, piece) {
                    assert_eq!(found.text, piece.text);
                    assert!(found.text.starts_with(found.name) && !found.name.is_empty());
                }
            }
        }
        let _ = (stanza.size(), stanza.installed_size(), stanza.sha256(), stanza.multi_arch());
        let _ = (stanza.flag(Field::Essential), stanza.flag(Field::Protected), stanza.flag(Field::Important));
        found.push((stanza.line(), Ok(stanza.package().into())));
    }
    found
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
        let _ = PackagesIndex::read(Arc::new(bytes), &Limits::default());
    }

    #[test]
    fn a_stanza_reads_alike_wherever_it_stands(one in lines(), two in lines()) {
        let (first, second) = (read_all(&one), read_all(&two));
        let mut both = one.clone();
        both.push(b'\n');
        let before = both.iter().filter(|&&byte| byte == b'\n').count();
        both.extend_from_slice(&two);
        let together = read_all(&both);
        let lines: Vec<usize> = first.iter().map(|(line, _)| *line)
            .chain(second.iter().map(|(line, _)| line + before)).collect();
        prop_assert_eq!(together.iter().map(|(line, _)| *line).collect::<Vec<_>>(), lines);
        let names = |found: &[(usize, Result<String, String>)]| -> Vec<Option<String>> {
            found.iter().map(|(_, told)| told.clone().ok()).collect()
        };
        prop_assert_eq!(names(&together), [names(&first), names(&second)].concat());
    }

    #[test]
    fn no_text_makes_an_alternative_panic(text in "[a-c0-9:()<>=\\[\\]|, \n\u{e9}.~-]{0,24}") {
        for piece in pieces(&text) {
            if let Ok(found) = Alternative::parse(piece.text) {
                prop_assert!(Alternative::parse(found.text) == Ok(found));
            }
        }
    }

    #[test]
    fn an_alternative_is_found_again_however_it_is_spaced(
        name in "[a-z0-9][a-z0-9+.-]{0,9}", arch in "([a-z][a-z0-9-]{0,4})?", op in 0..8_usize,
        version in "[0-9][0-9a-z.+~:-]{0,7}", blanks in proptest::collection::vec("[ \n\t]{0,2}", 5),
    ) {
        let ops = ["", "<<", "<=", "=", ">=", ">>", "<", ">"];
        let means = [Op::Equal, Op::Less, Op::AtMost, Op::Equal, Op::AtLeast, Op::Greater, Op::AtMost, Op::AtLeast];
        let colon = if arch.is_empty() { "" } else { ":" };
        let [a, b, c, d, e] = &blanks[..] else { unreachable!() };
        let text = format!("{name}{colon}{arch}{a}({b}{}{c}{version}{d}){e}", ops[op]);
        let found = Alternative::parse(&text).unwrap();
        prop_assert_eq!((found.name, found.arch), (name.as_str(), arch.as_str()));
        prop_assert_eq!(found.condition, Some((means[op], version.as_str())));
    }
}
