//! Real Debian packages: what is read of them is what dpkg-deb and Python's tarfile find.
//!
//! The packages are those in the directory that `AMBAR_TEST_DEBS` names, or in apt's cache.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar_pkgfmt::digest::hex;
use ambar_pkgfmt::relation::RelationKind;
use ambar_pkgfmt::{Entry, Format, Limits, Manifest, Node, PackageFile};
use common::HashingSink;
use serde::Deserialize;

/// Kind, mode, uid, gid, owner, group, time, size, link, SHA-1.
type Told = (String, u16, u32, u32, String, String, i64, u64, String, String);

#[derive(Deserialize)]
struct Opinion {
    entries: BTreeMap<String, Told>,
    control: String,
}

fn debs() -> Vec<PathBuf> {
    let directory = std::env::var_os("AMBAR_TEST_DEBS").unwrap_or("/var/cache/apt/archives".into());
    let found = std::fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut debs: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|e| e == "deb")).collect();
    debs.sort();
    if debs.is_empty() {
        println!("skipped: no .deb in AMBAR_TEST_DEBS or apt's cache");
    }
    debs
}

/// What dpkg-deb and Python say; `None` without either.
fn opinion(path: &Path) -> Option<Opinion> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deb_payload.py");
    let dpkg = Command::new("dpkg-deb").arg("--version").output();
    let output = dpkg.and_then(|_| Command::new("python3").arg(script).arg(path).output());
    let Ok(output) = output else {
        println!("skipped: no dpkg-deb or python3");
        return None;
    };
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The manifest, with the SHA-1 of each content by its digest.
fn read(path: &Path) -> (Manifest, BTreeMap<String, String>) {
    let mut package = PackageFile::open(path, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(package.format(), Format::Deb);
    assert!(package.draft().entries.is_empty(), "opening does not read the payload");
    package.list().unwrap_or_else(|error| panic!("{error}"));
    let mut sink = HashingSink::new(package.draft());
    let mut check = package.md5_check().unwrap_or_else(|error| panic!("{error}"));
    let payload = package.read_payload(&mut check.around(&mut sink)).unwrap_or_else(|e| panic!("{e}"));
    let manifest = package.finish(&payload, &sink.hashes).unwrap_or_else(|error| panic!("{error}"));
    let listed = check.listed();
    assert_eq!(check.finish(&manifest).unwrap_or_else(|error| panic!("{error}")), listed);
    let sha1s = sink.hashes.iter().flatten().map(|h| (h.digest.to_hex(), h.sha1.unwrap().to_string()));
    (manifest, sha1s.collect())
}

fn compare(path: &Path) -> Option<()> {
    let opinion = opinion(path)?;
    let (manifest, sha1s) = read(path);
    let name = path.display();
    assert_eq!(Manifest::decode(&manifest.encode().unwrap()).unwrap(), manifest, "{name}");

    let mut groups: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let paths: Vec<String> = manifest.entries.iter().map(|entry| hex(entry.path.as_bytes())).collect();
    let known: BTreeSet<&String> = opinion.entries.keys().collect();
    assert_eq!(paths.iter().collect::<BTreeSet<_>>(), known, "{name}");
    for (path, entry) in paths.iter().zip(&manifest.entries) {
        let told = &opinion.entries[path];
        compare_entry(&format!("{name}: {}", entry.path), entry, told, &opinion, &sha1s);
        if entry.link_group > 0 {
            groups.entry(entry.link_group).or_default().insert(path.clone());
        }
        if told.0 == "link" {
            let group = expected.entry(told.8.clone()).or_default();
            group.extend([path.clone(), told.8.clone()]);
        }
    }
    let groups: BTreeSet<_> = groups.into_values().collect();
    assert_eq!(groups, expected.into_values().collect(), "{name}: hard links");
    compare_control(&name.to_string(), &manifest, &opinion.control);
    Some(())
}

fn compare_entry(
    what: &str,
    entry: &Entry,
    told: &Told,
    opinion: &Opinion,
    sha1s: &BTreeMap<String, String>,
) {
    let (kind, mode, uid, gid, user, group, mtime, ..) = told;
    assert_eq!((entry.uid, entry.gid, entry.mtime), (*uid, *gid, Some(*mtime)), "{what}");
    let names = (user.as_str(), group.as_str());
    let names = (!matches!(names, ("root" | "", "root" | ""))).then(|| (user.clone(), group.clone()));
    assert_eq!(entry.owner_names, names, "{what}");
    match (&entry.node, kind.as_str()) {
        (Node::Directory, "directory") => assert_eq!(entry.mode, *mode, "{what}"),
        (Node::Symlink { target }, "symlink") => assert_eq!(hex(target), told.8, "{what}"),
        (Node::File { size, digest }, "file" | "link") => {
            let told = if kind == "link" { &opinion.entries[&told.8] } else { told };
            assert_eq!((entry.mode, *size), (told.1, told.7), "{what}");
            assert_eq!(sha1s[&digest.to_hex()], told.9, "{what}");
        }
        (node, kind) => panic!("{what}: {node:?} is no {kind}"),
    }
}

fn compare_control(name: &str, manifest: &Manifest, control: &str) {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut last = "";
    for line in control.lines() {
        if let Some(more) = line.strip_prefix(' ') {
            let text = fields.get_mut(last).unwrap();
            text.push('\n');
            text.push_str(more);
        } else {
            let (field, text) = line.split_once(':').unwrap();
            fields.insert(field, text.trim().into());
            last = field;
        }
    }
    let text = |field: &str| fields.get(field).cloned().unwrap_or_default();
    assert_eq!(manifest.name, text("Package"), "{name}");
    assert_eq!((&manifest.version, &manifest.arch), (&text("Version"), &text("Architecture")), "{name}");
    assert_eq!((&manifest.packager, &manifest.homepage), (&text("Maintainer"), &text("Homepage")), "{name}");
    let section: Vec<String> = Some(text("Section")).into_iter().filter(|s| !s.is_empty()).collect();
    assert_eq!(manifest.components, section, "{name}");
    let description = text("Description").replace("\n.\n", "\n\n").replace("\n.\n", "\n\n");
    let (summary, long) = description.split_once('\n').unwrap_or((&description, ""));
    assert_eq!((manifest.summary.as_str(), manifest.description.as_str()), (summary, long), "{name}");
    for (field, kind) in [
        ("Depends", RelationKind::Depends),
        ("Pre-Depends", RelationKind::PreDepends),
        ("Recommends", RelationKind::Recommends),
        ("Suggests", RelationKind::Suggests),
        ("Enhances", RelationKind::Enhances),
        ("Conflicts", RelationKind::Conflicts),
        ("Breaks", RelationKind::Breaks),
        ("Provides", RelationKind::Provides),
        ("Replaces", RelationKind::Overwrites),
    ] {
        let ours = manifest.relations.iter().filter(|relation| relation.kind == kind);
        // Debian and the manifest write some operators differently.
        let ours: Vec<String> =
            ours.map(|r| r.to_string().replace("(< ", "(<< ").replace("(> ", "(>> ")).collect();
        let theirs = text(field);
        let theirs: Vec<&str> =
            theirs.split(',').map(str::trim).filter(|clause| !clause.is_empty()).collect();
        assert_eq!(ours, theirs, "{name}: {field}");
    }
    assert_eq!(
        manifest.properties.iter().find(|(key, _)| key == "deb.multi-arch").map(|(_, value)| value.clone()),
        fields.get("Multi-Arch").cloned(),
        "{name}"
    );
}

#[test]
fn every_package_is_what_dpkg_and_python_find() {
    let debs = debs();
    let mut compared = 0;
    for path in &debs {
        let Some(()) = compare(path) else { return };
        compared += 1;
    }
    println!("{compared} packages compared");
}
