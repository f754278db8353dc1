//! Deltas: what they leave out comes from the base, and only what the base really has.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(feature = "liblzma")]

mod common;
mod pisi_common;

use std::io::Cursor;
use std::path::Path;

use ambar_pkgfmt::pisi::{DeltaError, Loss, Lost, WriteOptions, write_delta};
use ambar_pkgfmt::{Base, Entry, Error, Format, Limits, Manifest, Node, PackageFile, Problem, Sha1Digest};
use common::build::{Zip, directory, file, files_xml, listed, package, symlink};
use common::shared_data;
use pisi_common::{Files, Keeping, Whole, hello, independently, listing, share_content, whole, whole_of};

/// A whole package as a base, whose SHA-1s are known or not.
fn base(of: &Whole, known: bool) -> Base {
    let sha1 = |content: &Option<Vec<u8>>| content.as_deref().filter(|_| known).map(Sha1Digest::of);
    Base {
        manifest: of.manifest.clone(),
        sha1s: of.contents.0.iter().map(sha1).collect(),
        contents: Box::new(of.contents.clone()),
    }
}

/// Applies the delta at `path`.
fn apply(path: &Path, base: Base) -> Result<Whole, Error> {
    let mut delta = PackageFile::open(path, &Limits::default())?;
    delta.set_base(base)?;
    let mut sink = Keeping::new(delta.draft().entries.len());
    let payload = delta.read_payload(&mut sink)?;
    let manifest = delta.finish(&payload, &sink.hashes)?;
    share_content(&manifest, &mut sink.contents);
    Ok(Whole {
        manifest,
        translations: delta.translations().clone(),
        scripts: delta.scripts().to_vec(),
        contents: Files(sink.contents),
    })
}

fn apply_bytes(bytes: &[u8], name: &str, base: Base) -> Result<Whole, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    apply(&path, base)
}

/// Without what only a whole payload says of entries that a delta leaves out.
fn without_times(mut package: Whole) -> Whole {
    package.manifest.entries.iter_mut().for_each(|entry| {
        entry.mtime = None;
    });
    package
}

#[test]
fn the_real_delta_on_nano_117_gives_nano_118() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("packages/eopkg-delta-nano");
    let (old, new) = (
        whole(&folder.join("nano-4.6-117-1-x86_64.eopkg")).unwrap(),
        whole(&folder.join("nano-4.7-118-1-x86_64.eopkg")).unwrap(),
    );
    let path = folder.join("nano-117-118-1-x86_64.delta.eopkg");
    let delta = PackageFile::open(&path, &Limits::default()).unwrap();
    let needed = delta.base_needed().unwrap();
    assert_eq!((needed.name.as_str(), needed.release.as_deref()), ("nano", Some("117")));
    for known in [true, false] {
        let applied = apply(&path, base(&old, known)).unwrap();
        assert_eq!(applied.manifest.entries.len(), 94);
        // The delta carries nine members, and their times; the others were built again as they were, later.
        let (mut carried, mut kept) = (0, 0);
        for (entry, should) in applied.manifest.entries.iter().zip(&new.manifest.entries) {
            let before = old.manifest.entries.iter().find(|before| before.path == entry.path).unwrap();
            carried += usize::from(entry.mtime == should.mtime);
            kept += usize::from(entry.mtime == before.mtime);
        }
        assert_eq!((carried, kept), (9, 85));
        assert!(without_times(applied) == without_times(new.clone()));
    }
}

fn written(old: &Manifest, new: &Whole, format: Format) -> Result<(Vec<u8>, Vec<Loss>), DeltaError> {
    let mut out = Cursor::new(Vec::new());
    let losses = write_delta(old, &new.parts(), format, &WriteOptions::default(), &mut out)?;
    Ok((out.into_inner(), losses))
}

/// The names of the payload's members.
fn travelling(bytes: &[u8]) -> Vec<String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let Ok(member) = zip.by_name("install.tar.xz") else { return Vec::new() };
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(member));
    let entries = archive.entries().unwrap();
    entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
}

#[test]
fn a_delta_that_is_written_carries_what_the_real_one_does() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("packages/eopkg-delta-nano");
    let (old, new) = (
        whole(&folder.join("nano-4.6-117-1-x86_64.eopkg")).unwrap(),
        whole(&folder.join("nano-4.7-118-1-x86_64.eopkg")).unwrap(),
    );
    let real = std::fs::read(folder.join("nano-117-118-1-x86_64.delta.eopkg")).unwrap();
    let (bytes, losses) = written(&old.manifest, &new, Format::Pisi12).unwrap();
    assert_eq!(travelling(&bytes), travelling(&real));
    let [loss] = losses.as_slice() else { panic!("{losses:?}") };
    assert_eq!((loss.what, loss.others), (Lost::BaseTime, 84));
    let name = "nano-117-118-1-x86_64.delta.eopkg";
    let (a, b) = (apply_bytes(&bytes, name, base(&old, true)), apply_bytes(&real, name, base(&old, true)));
    assert!(a.unwrap() == b.unwrap());
    assert!(bytes.len() < real.len() + 1024, "{} {}", bytes.len(), real.len());
}

/// Two releases that differ in every way that entries can.
fn releases() -> (Whole, Whole) {
    let mut old = hello();
    old.add_file("usr/share/same", b"same", |_| {});
    old.add_file("usr/share/moved-from", b"moved", |_| {});
    old.add_file("usr/share/changed", b"old", |_| {});
    old.add_file("usr/share/mode", b"mode", |_| {});
    old.add_file("usr/share/dropped", b"dropped", |_| {});
    old.add_file("usr/share/copied", b"copied", |_| {});
    old.add_symlink("usr/lib/same", b"target");
    old.add_symlink("usr/lib/moved-from", b"elsewhere");
    old.add_symlink("usr/lib/to-file", b"text");
    old.add_file("usr/lib/to-link", b"link", |_| {});
    old.add_directory("var/lib/hello");
    for name in ["usr/lib/one", "usr/lib/three", "usr/lib/two"] {
        old.add_file(name, b"linked", |entry| entry.link_group = 1);
        old.add_file(&format!("{name}x"), b"linked too", |entry| entry.link_group = 2);
    }
    old.renumber();
    let mut new = old.clone();
    for path in ["usr/share/moved-from", "usr/share/changed", "usr/share/mode", "usr/share/dropped"] {
        new.remove(path);
    }
    for path in ["usr/lib/moved-from", "usr/lib/to-file", "usr/lib/to-link"] {
        new.remove(path);
    }
    new.manifest.release = "4".into();
    new.manifest.history[0].release = "4".into();
    new.add_file("usr/share/moved-to", b"moved", |_| {});
    new.add_file("usr/share/copied-too", b"copied", |_| {});
    new.add_file("usr/share/changed", b"new", |entry| entry.mtime = Some(1_400_000_000));
    new.add_file("usr/share/mode", b"mode", |entry| entry.mode = 0o600);
    new.add_file("usr/share/added", b"added", |_| {});
    new.add_file("usr/lib/to-file", b"text", |entry| entry.mode = 0o777);
    new.add_symlink("usr/lib/to-link", b"link");
    new.add_symlink("usr/lib/moved-to", b"elsewhere");
    new.renumber();
    (old, new)
}

#[test]
fn a_delta_leads_to_the_package_that_it_was_made_for() {
    let (old, new) = releases();
    for format in [Format::Pisi12, Format::Pisi11] {
        let (bytes, losses) = written(&old.manifest, &new, format).unwrap();
        assert_eq!(losses, []);
        for (name, known) in [
            ("hello-3-4-p11-x86_64.delta.pisi", true),
            ("hello-3-4-p11-x86_64.delta.pisi", false),
            ("renamed.delta.pisi", true),
        ] {
            let applied = apply_bytes(&bytes, name, base(&old, known)).unwrap();
            assert_eq!(applied.manifest, new.manifest);
            assert!(applied == new);
        }
        assert!(whole_of(&bytes, "a-package-by-its-name-1-1.pisi").is_err());
    }
    let (bytes, _) = written(&old.manifest, &new, Format::Pisi12).unwrap();
    let expected =
        ["usr/lib/to-file", "usr/lib/to-link", "usr/share/added", "usr/share/changed", "var/lib/hello/"];
    assert_eq!(travelling(&bytes), expected);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("delta");
    std::fs::write(&path, bytes).unwrap();
    if let Some(text) = independently(&path, true) {
        let travels = |path: &str| expected.iter().any(|name| name.trim_end_matches('/') == path);
        assert_eq!(text, listing(&new, travels));
    }
}

#[test]
fn times_and_links_that_do_not_travel_are_listed() {
    let (old, mut new) = releases();
    for entry in &mut new.manifest.entries {
        entry.mtime = Some(1_500_000_000);
        if entry.link_group == 2 {
            entry.link_group = 0;
        }
    }
    let (bytes, losses) = written(&old.manifest, &new, Format::Pisi12).unwrap();
    let lost: Vec<Lost> = losses.iter().map(|loss| loss.what).collect();
    assert_eq!(lost, [Lost::BaseTime, Lost::BaseLinks]);
    assert_eq!(losses[1].others, 2);
    let applied = apply_bytes(&bytes, "hello-3-4-p11-x86_64.delta.pisi", base(&old, true)).unwrap();
    assert!(applied != new && applied.contents == new.contents);
}

#[test]
fn a_python_source_travels_when_its_time_matters() {
    let compiled = |time: u32| [&62211_u16.to_le_bytes()[..], b"\r\n", &time.to_le_bytes()].concat();
    let with = |time: u32, release: &str| {
        let mut package = hello();
        package.manifest.release = release.into();
        package.manifest.history[0].release = release.into();
        package.add_file("a.py", b"pass", |e| (e.mtime, e.keep_mtime) = (Some(time.into()), true));
        package.add_file("a.pyc", &compiled(time), |_| {});
        package
    };
    let (old, new) = (with(7, "3"), with(8, "4"));
    let (bytes, losses) = written(&old.manifest, &new, Format::Pisi12).unwrap();
    assert_eq!(losses, []);
    assert_eq!(travelling(&bytes), ["a.py", "a.pyc"]);
    assert!(apply_bytes(&bytes, "hello-3-4-p11-x86_64.delta.pisi", base(&old, true)).unwrap() == new);
}

#[test]
fn a_delta_without_a_payload_has_no_tar() {
    let (old, _) = releases();
    let mut old = old;
    old.remove("var/lib/hello");
    let mut new = old.clone();
    new.manifest.release = "4".into();
    new.manifest.history[0].release = "4".into();
    new.remove("usr/share/dropped");
    for format in [Format::Pisi12, Format::Pisi11] {
        let (bytes, losses) = written(&old.manifest, &new, format).unwrap();
        assert_eq!(losses, []);
        assert!(travelling(&bytes).is_empty());
        assert!(apply_bytes(&bytes, "hello-3-4-p11-x86_64.delta.pisi", base(&old, true)).unwrap() == new);
    }
}

#[test]
fn there_is_no_delta_where_there_is_nothing_to_gain() {
    let (old, new) = releases();
    let refusal = |old: &Whole, new: &Whole| written(&old.manifest, new, Format::Pisi12).unwrap_err();
    assert!(matches!(refusal(&old, &old), DeltaError::SameRelease { release } if release == "3"));
    let mut other = new.clone();
    other.manifest.name = "other".into();
    assert!(matches!(refusal(&old, &other), DeltaError::OtherPackage { .. }));
    let mut other = new.clone();
    other.manifest.arch = "i686".into();
    let message = refusal(&old, &other).to_string();
    assert!(message.contains("x86_64' and 'hello Pardus 2011 i686'"), "{message}");
    let mut other = hello();
    other.manifest.release = "2".into();
    other.manifest.history[0].release = "2".into();
    other.remove("usr/bin/hello");
    other.add_file("a", b"a", |_| {});
    assert!(matches!(refusal(&old, &other), DeltaError::NothingShared));
    other.contents.0[0] = Some(b"b".to_vec());
    assert!(matches!(refusal(&old, &other), DeltaError::Problem(Problem::Damaged { .. })));
}

/// A delta of those documents and members, applied to `base` under that name.
fn applied(files: &[String], members: &[Vec<u8>], old: Base) -> Problem {
    apply_bytes(&package(files, members), "hello-2-3-p11-x86_64.delta.pisi", old).unwrap_err().problem
}

/// Release 2 of `hello`, with one file and one link.
fn release_2() -> Whole {
    let mut old = hello();
    old.manifest.release = "2".into();
    old.remove("usr/bin/hello");
    old.add_file("usr/share/a", b"content", |_| {});
    old.add_symlink("usr/share/link", b"target");
    old
}

#[test]
fn only_the_right_base_will_do() {
    let bytes = package(&[listed("usr/share/a", b"content", "0644")], &[]);
    let name = "hello-2-3-p11-x86_64.delta.pisi";
    let right = release_2();
    assert!(apply_bytes(&bytes, name, base(&right, true)).is_ok());
    let refused = |name: &str, change: &dyn Fn(&mut Manifest)| {
        let mut wrong = right.clone();
        change(&mut wrong.manifest);
        apply_bytes(&bytes, name, base(&wrong, true)).unwrap_err().problem.to_string()
    };
    assert_eq!(
        refused(name, &|m| m.release = "1".into()),
        "the base hello 1.0-1: the release is '1', and the delta is made against '2'"
    );
    let message = refused(name, &|m| m.name = "other".into());
    assert_eq!(message, "the base other 1.0-2: the name is 'other', and the delta is made against 'hello'");
    // Of a name that says something else than the metadata nothing is believed.
    for name in ["hello-1-4-p11-x86_64.delta.pisi", "other-1-3-p11-x86_64.delta.pisi", "x.delta.eopkg"] {
        assert!(apply_bytes(&bytes, name, base(&right, true)).is_ok(), "{name}");
    }
    // A whole package takes no base, and a delta does not do without one.
    let problem = apply_bytes(&bytes, "hello-1.0-3-p11-x86_64.pisi", base(&right, true)).unwrap_err();
    assert!(problem.to_string().ends_with("there is no base to give it"), "{problem}");
    let problem = whole_of(&bytes, name).unwrap_err().problem.to_string();
    assert_eq!(problem, "it is a delta package; it needs its base");
}

#[test]
fn a_base_file_that_was_edited_is_noticed() {
    let files = [listed("usr/share/a", b"content", "0644"), listed("usr/share/b", b"content", "0644")];
    for content in [&b"Content"[..], b"", b"content and more", b"conten"] {
        for known in [true, false] {
            let mut old = release_2();
            let sha1s = base(&old, known).sha1s;
            old.contents.0[0] = Some(content.to_vec());
            let problem = applied(&files, &[], Base { sha1s, ..base(&old, known) });
            let Problem::BaseChanged { path } = &problem else { panic!("{problem}") };
            assert_eq!(path, "usr/share/a");
        }
    }
    let mut old = release_2();
    old.contents.0[0] = None;
    let problem = applied(&files, &[], Base { sha1s: base(&release_2(), true).sha1s, ..base(&old, true) });
    assert!(matches!(problem, Problem::BaseChanged { .. }), "{problem}");
    // A database that remembers a wrong hash makes no wrong package.
    let sha1s = vec![Some(Sha1Digest::of(b"Content")), None];
    let files = [listed("usr/share/a", b"Content", "0644")];
    let problem = applied(&files, &[], Base { sha1s, ..base(&release_2(), true) });
    assert!(matches!(problem, Problem::BaseChanged { .. }), "{problem}");
}

#[test]
fn a_hash_that_nobody_has_is_damage() {
    let nobody = "usr/share/a: neither the delta nor its base has the content that it promises";
    for (file, expected) in [
        (listed("usr/share/a", b"another", "0644"), nobody),
        (listed("usr/share/a", b"con", "0644"), nobody),
        // The size is not that of the content with this hash.
        (listed("usr/share/a", b"content", "0644").replace("<Size>7<", "<Size>8<"), nobody),
        (
            "<File><Path>usr/share/a</Path><Size>7</Size></File>".into(),
            "usr/share/a: the delta does not hold it, and no hash says which file of the base it is",
        ),
        (
            "<File><Path>usr/lib</Path></File>".into(),
            "usr/lib: the delta does not hold it, and no hash says which file of the base it is",
        ),
    ] {
        for known in [true, false] {
            assert_eq!(
                applied(std::slice::from_ref(&file), &[], base(&release_2(), known)).to_string(),
                expected
            );
        }
    }
}

/// The one entry of a delta that leaves everything to the base.
fn the_entry(file: &str, old: &Whole) -> Result<Entry, String> {
    let bytes = package(&[file.into()], &[]);
    let applied = apply_bytes(&bytes, "hello-2-3-p11-x86_64.delta.pisi", base(old, true));
    applied.map(|package| package.manifest.entries[0].clone()).map_err(|error| error.problem.to_string())
}

#[test]
fn a_file_and_a_link_of_the_same_bytes_are_told_apart_by_mode_and_path() {
    let mut old = release_2();
    let is_link = |entry: Entry| matches!(entry.node, Node::Symlink { .. });
    // Only a link has these bytes: what is not of mode 0777 cannot be it.
    assert_eq!(the_entry(&listed("x", b"target", "0777"), &old).map(is_link), Ok(true));
    let nobody = "x: neither the delta nor its base has the content that it promises";
    assert_eq!(the_entry(&listed("x", b"target", "0644"), &old).map(is_link), Err(nobody.into()));
    let nobody = nobody.replace("x:", "usr/share/link:");
    assert_eq!(the_entry(&listed("usr/share/link", b"target", "0644"), &old).map(is_link), Err(nobody));
    // A file has them as well.
    old.add_file("usr/share/file", b"target", |_| {});
    assert_eq!(the_entry(&listed("x", b"target", "0777"), &old).map(is_link), Ok(true));
    assert_eq!(the_entry(&listed("x", b"target", "0644"), &old).map(is_link), Ok(false));
    assert_eq!(the_entry(&listed("usr/share/link", b"target", "0644"), &old).map(is_link), Ok(false));
    let opened = the_entry(&listed("usr/share/file", b"target", "0777"), &old).unwrap();
    assert!(!is_link(opened.clone()) && opened.mode == 0o777, "it stays what it was");
}

#[test]
fn a_delta_is_held_to_the_rules_of_every_package() {
    let old = || base(&release_2(), true);
    let known = listed("usr/share/a", b"content", "0644");
    let refused = |files: &[String], members: &[Vec<u8>], words: &str| {
        let problem = applied(files, members, old()).to_string();
        assert!(problem.contains(words), "{problem}");
    };
    let one = std::slice::from_ref(&known);
    refused(one, &[file("usr/share/b", b"b")], "files.xml does not list it");
    refused(one, &[file("usr/share/a", b"Content")], "SHA-1");
    refused(one, &[symlink("usr/share/a", "content"), symlink("usr/share/a", "b")], "twice");
    refused(&[known.clone(), listed("usr/share/a/b", b"content", "0644")], &[], "through a file");
    let below = listed("usr/share/link/b", b"content", "0644");
    refused(&[listed("usr/share/link", b"target", "0777"), below], &[], "through a symlink");
    refused(one, &[directory("../x")], "'..'");
    // Nothing travels and there is no tar: a whole package would be of format 1.0 or damaged.
    let bytes = Zip::new()
        .with_deflated("metadata.xml", common::build::METADATA.as_bytes())
        .with_deflated("files.xml", files_xml(&[known]).as_bytes());
    assert!(apply_bytes(&bytes.finish(), "hello-2-3-p11-x86_64.delta.pisi", old()).is_ok());
}
