//! PiSi packages that are written read back as they were, here and in another program.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(feature = "liblzma")]

mod common;
mod pisi_common;

use ambar_pkgfmt::pisi::{Lost, losses};
use ambar_pkgfmt::relation::{Op, Relation, RelationKind, Subject, Target, TargetKind};
use ambar_pkgfmt::{Format, Problem, VersionOrder};
use common::{packages, shared_data};
use pisi_common::{Whole, hello, independently, listing, whole, whole_of};

const WRITTEN: [Format; 2] = [Format::Pisi12, Format::Pisi11];

#[test]
fn every_real_package_survives_being_written() {
    let Some(data) = shared_data() else { return };
    let mut checked = 0;
    for path in packages(&data.join("packages")) {
        let original = whole(&path).unwrap();
        let timeless = original.manifest.entries.iter().any(|entry| entry.mtime.is_none());
        // What differs between the formats is little, and packing takes time.
        let formats = if checked % 3 == 0 { &WRITTEN[..] } else { &WRITTEN[..1] };
        for &format in formats {
            let (bytes, losses) = original.write(format);
            let back = whole_of(&bytes, "written.pisi").unwrap();
            if timeless {
                // Format 1.0 has no times; tar has one for each entry.
                assert!(losses.iter().all(|loss| loss.what == Lost::Time), "{losses:?}");
                continue;
            }
            assert_eq!(losses, [], "{}", path.display());
            assert!(back == original, "{} as {}", path.display(), format.name());
            assert_eq!(back.manifest.id().unwrap(), original.manifest.id().unwrap());
        }
        if checked % 10 == 0 {
            assert_eq!(original.write(Format::Pisi12), original.write(Format::Pisi12));
        }
        checked += usize::from(!timeless);
    }
    assert!(checked > 50, "{checked} packages");
}

/// Writes a package in every format and has the independent reader look at it.
fn check_independently(package: &Whole) {
    let directory = tempfile::tempdir().unwrap();
    for format in WRITTEN {
        let path = directory.path().join(format.name());
        let (bytes, losses) = package.write(format);
        assert_eq!(losses, []);
        std::fs::write(&path, bytes).unwrap();
        if let Some(text) = independently(&path, false) {
            assert_eq!(text, listing(package, |_| true));
        }
    }
}

#[test]
fn another_program_finds_in_real_packages_what_files_xml_says() {
    let Some(data) = shared_data() else { return };
    for path in packages(&data.join("packages")).into_iter().step_by(4) {
        let package = whole(&path).unwrap();
        if package.manifest.entries.iter().all(|entry| entry.mtime.is_some()) {
            check_independently(&package);
        }
    }
}

#[test]
fn another_program_finds_extreme_members() {
    let long = ["a"; 60].map(|part| part.repeat(60)).join("/");
    let mut package = hello();
    package.add_file("usr/share/empty", b"", |_| {});
    package.add_file("usr/share/old", b"old", |entry| entry.mtime = Some(-86_400));
    package.add_file("usr/share/new", b"new", |entry| entry.mtime = Some(1 << 40));
    package.add_file("usr/share/owned", b"x", |entry| (entry.uid, entry.gid) = (4_294_967_294, 2_097_152));
    package.add_file("usr/bin/su", b"x", |entry| entry.mode = 0o4755);
    package.add_file("usr/bin/none", b"x", |entry| entry.mode = 0);
    package.add_file("usr/share/ümlaut & <tag>", "ü".as_bytes(), |_| {});
    package.add_file(&long, b"long", |entry| entry.permanent = true);
    for length in [98, 99, 100, 101, 254] {
        package.add_file(&"n".repeat(length), b"name", |_| {});
        package.add_symlink(&"s".repeat(length), &b"t".repeat(length));
        package.add_directory(&"d".repeat(length));
    }
    package.add_symlink("usr/lib/odd", b"\xff\n\\ <&>");
    package.add_symlink("usr/lib/far", &b"/".repeat(4095));
    for name in ["usr/lib/one", "usr/lib/two", &format!("{long}2")] {
        package.add_file(name, b"linked", |entry| entry.link_group = 1);
    }
    package.add_file(&format!("{long}3"), b"else", |entry| entry.link_group = 2);
    package.add_file("usr/lib/else", b"else", |entry| entry.link_group = 2);
    package.renumber();
    check_independently(&package);
    for format in WRITTEN {
        assert_eq!(whole_of(&package.write(format).0, "x.pisi").unwrap(), package);
    }
}

#[test]
fn nothing_is_written_that_is_not_what_the_manifest_says() {
    let mut package = hello();
    package.contents.0[0] = Some(b"#!/bin/sh\necho Hello\n".to_vec());
    for content in [&b"#!/bin/sh\necho Hello\n"[..], b"", b"#!/bin/sh\necho hello\n and more"] {
        package.contents.0[0] = Some(content.to_vec());
        let problem = package.try_write(Format::Pisi12).unwrap_err();
        assert_eq!(problem.to_string(), "usr/bin/hello: its content is not what the manifest says");
    }
    let mut package = hello();
    package.scripts[0].push(b'#');
    let problem = package.try_write(Format::Pisi12).unwrap_err();
    assert_eq!(problem.to_string(), "the scripts: their content is not what the manifest says");
    let problem = hello().try_write(Format::Pisi10).unwrap_err();
    assert_eq!(problem.to_string(), "the format: PiSi packages are written as 1.1 or 1.2, not as pisi-1.0");
}

/// What a changed package cannot say, in words.
fn lost(change: impl FnOnce(&mut Whole)) -> Vec<String> {
    let mut package = hello();
    change(&mut package);
    package.renumber();
    let losses = losses(&package.manifest, &package.translations);
    let fatal = losses.iter().any(|loss| loss.what.is_fatal());
    match package.try_write(Format::Pisi12) {
        Err(problem) => assert!(fatal && matches!(problem, Problem::Forbidden { .. }), "{problem}"),
        Ok((bytes, written)) => {
            assert!(!fatal);
            assert_eq!(written, losses);
            let back = whole_of(&bytes, "x.pisi").unwrap();
            assert_eq!(back == package, losses.iter().all(|loss| loss.what == Lost::Required));
        }
    }
    losses.iter().map(ToString::to_string).collect()
}

fn needs(package: &mut Whole, relation: RelationKind, targets: &[Target]) {
    package.manifest.relations.push(Relation { kind: relation, alternatives: targets.to_vec() });
    package.manifest.normalise();
}

#[test]
fn whatever_cannot_be_said_is_listed() {
    assert_eq!(lost(|_| {}), [""; 0]);
    let library = || Target::package("library");
    let kind = |kind, name: &str| Target { kind, ..Target::package(name) };
    for (expected, change) in [
        (
            "Recommends library: PiSi has no word for such a relation; it is left out",
            &(|p: &mut Whole| needs(p, RelationKind::Recommends, &[library()])) as &dyn Fn(&mut Whole),
        ),
        ("PreDepends library: PiSi has no word", &|p| needs(p, RelationKind::PreDepends, &[library()])),
        ("Breaks library: PiSi has no word", &|p| needs(p, RelationKind::Breaks, &[library()])),
        ("Depends library (> 1): PiSi has no word for a condition; the target is written without it", &|p| {
            needs(p, RelationKind::Depends, &[library().with(Subject::Version, Op::Greater, "1")]);
        }),
        ("Conflicts library (< 1): PiSi has no word for a condition; the relation is left out", &|p| {
            needs(p, RelationKind::Conflicts, &[library().with(Subject::Version, Op::Less, "1")]);
        }),
        ("Depends library (>= 2, == 1): its conditions are written in another order", &|p| {
            let target = library().with(Subject::Version, Op::AtLeast, "2");
            needs(p, RelationKind::Depends, &[target.with(Subject::Version, Op::Same, "1")]);
        }),
        ("Depends library (>= 2, >= 1): PiSi has no word for a condition", &|p| {
            let target = library().with(Subject::Version, Op::AtLeast, "2");
            needs(p, RelationKind::Depends, &[target.with(Subject::Version, Op::AtLeast, "1")]);
        }),
        ("Depends library (slot = 2): PiSi has no word for a condition", &|p| {
            needs(p, RelationKind::Depends, &[library().with(Subject::Slot, Op::Same, "2")]);
        }),
        ("Depends library:any: the target's architecture is left out", &|p| {
            needs(p, RelationKind::Depends, &[Target { arch: "any".into(), ..library() }]);
        }),
        ("Depends python(abi): PiSi has no word for this capability", &|p| {
            needs(p, RelationKind::Depends, &[kind(TargetKind::Capability, "python(abi)")]);
        }),
        ("Depends comar(System.Boot): PiSi has no word for this capability", &|p| {
            needs(p, RelationKind::Depends, &[kind(TargetKind::Capability, "comar(System.Boot)")]);
        }),
        ("Depends library | @base: PiSi cannot say this of such a target", &|p| {
            needs(p, RelationKind::Depends, &[library(), kind(TargetKind::Component, "base")]);
        }),
        ("Conflicts library | other: PiSi cannot say this", &|p| {
            needs(p, RelationKind::Conflicts, &[library(), Target::package("other")]);
        }),
        ("Provides library: PiSi has no word for this capability", &|p| {
            needs(p, RelationKind::Provides, &[library()]);
        }),
        ("Provides comar(System.Service): the package provides it twice", &|p| {
            needs(p, RelationKind::Provides, &[kind(TargetKind::Capability, "comar(System.Service)")]);
        }),
        ("slot '1': PiSi does not have this field", &|p| p.manifest.slot = "1".into()),
        ("tag '5.4': PiSi does not have this field", &|p| p.manifest.tag = "5.4".into()),
        ("summary: white space at its ends", &|p| p.manifest.summary.push('\n')),
        ("description: white space at its ends and characters", &|p| p.manifest.description.push('\u{1}')),
        ("licence: PiSi's own tools require it", &|p| p.manifest.licences.clear()),
        ("categories: 'app': an item is empty or repeated", &|p| {
            p.manifest.categories = vec!["app".into(), "app".into()];
        }),
        ("release '': PiSi's releases are numbers; 1 is written", &|p| {
            p.manifest.release.clear();
            p.manifest.history[0].release = "1".into();
        }),
        ("release '1ubuntu2': PiSi's releases are numbers", &|p| {
            p.manifest.release = "1ubuntu2".into();
            p.manifest.history[0].release = "1".into();
        }),
        ("2:1.0-1: this is no version in PiSi's order", &|p| {
            p.manifest.version = "2:1.0-1".into();
            p.manifest.history[0].version = "2:1.0-1".into();
        }),
        ("version order 'debian': versions are compared in another order", &|p| {
            p.manifest.order = VersionOrder::Debian;
        }),
        ("1.0-3: the newest change is of another version or release", &|p| p.manifest.history.clear()),
        ("history, release 3: 'critical\\x09': a kind of a change", &|p| {
            p.manifest.history[0].kinds.push("critical\t".into());
        }),
        ("postinst: no COMAR script; it is left out", &|p| p.add_script("deb", "postinst", "", "postinst")),
        ("comar(System.Boot): a script serves this model", &|p| {
            p.add_script("comar", "System.Boot", "", "z.py");
        }),
        ("service.py: two scripts of one file name differ", &|p| {
            p.add_script("comar", "System.Service", "", "service.py");
            p.manifest.scripts.swap(0, 1);
            p.scripts.swap(0, 1);
        }),
        ("scripts: the scripts are written in another order", &|p| p.add_script("comar", "", "", "a.py")),
        ("deb.section = net: PiSi does not have this property", &|p| {
            p.manifest.properties = vec![("deb.section".into(), "net".into())];
        }),
        ("pisi.path = x: PiSi does not have this property", &|p| {
            p.manifest.properties = vec![("pisi.path".into(), "x".into())];
        }),
        ("summary in 'en': a text's language cannot be written", &|p| {
            p.translations.summary.insert("en".into(), "English".into());
        }),
        ("a: configuration is of the type 'config'", &|p| p.add_file("a", b"", |e| e.config = true)),
        ("a: of the type 'config', but no configuration", &|p| {
            p.add_file("a", b"", |e| e.kind = "config".into());
        }),
        ("a and one other: PiSi requires a type; 'data' is written", &|p| {
            p.add_file("a", b"", |entry| entry.kind.clear());
            p.add_file("b", b"", |entry| entry.kind.clear());
        }),
        ("a: owner and group are written as numbers", &|p| {
            p.add_file("a", b"", |entry| entry.owner_names = Some(("news".into(), "news".into())));
        }),
        ("a: extended attributes are left out", &|p| {
            p.add_file("a", b"", |entry| entry.xattrs = vec![(b"user.x".to_vec(), b"y".to_vec())]);
        }),
        ("a: a modification time is required", &|p| p.add_file("a", b"", |entry| entry.mtime = None)),
        ("a : files.xml cannot hold the path", &|p| p.add_file("a ", b"", |_| {})),
        ("\\xff: files.xml cannot hold the path", &|p| p.add_raw_file(b"\xff", b"", |_| {})),
    ] {
        let found = lost(change);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].starts_with(expected), "{expected}: {found:?}");
    }
}

#[test]
fn whether_a_python_source_keeps_its_time_is_told_by_its_compiled_form() {
    let compiled = |time: u32| [&62211_u16.to_le_bytes()[..], b"\r\n", &time.to_le_bytes()].concat();
    for (recorded, keep) in [(7, true), (8, false)] {
        let mut package = hello();
        package.add_file("a.py", b"pass", |entry| (entry.mtime, entry.keep_mtime) = (Some(7), true));
        package.add_file("a.pyc", &compiled(recorded), |_| {});
        let (bytes, losses) = package.write(Format::Pisi12);
        let back = whole_of(&bytes, "x.pisi").unwrap();
        assert_eq!(losses.is_empty(), keep, "{losses:?}");
        assert_eq!(back == package, keep);
        assert!(losses.iter().all(|loss| loss.what == Lost::KeepTime));
    }
}
