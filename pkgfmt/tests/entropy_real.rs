//! Real packages of Entropy and Portage, against what Python's own means read of them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use ambar_pkgfmt::relation::RelationKind;
use ambar_pkgfmt::{Format, Hashed, Limits, Manifest, Node, PackageFile, VersionOrder};
use common::{HashingSink, shared_data};
use serde_json::Value;

fn packages() -> Vec<PathBuf> {
    let Some(data) = shared_data() else { return Vec::new() };
    let files = std::fs::read_dir(data.join("packages/entropy-tbz2")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5);
    files
}

fn open(path: &Path) -> PackageFile {
    PackageFile::open(path, &Limits::default()).unwrap()
}

fn package(name: &str) -> Option<PackageFile> {
    let data = shared_data()?;
    Some(open(&data.join("packages/entropy-tbz2").join(name)))
}

/// The manifest, and what was hashed of each entry.
fn read(path: &Path) -> (Manifest, Vec<Option<Hashed>>) {
    let mut package = open(path);
    package.list().unwrap();
    let mut sink = HashingSink::new(package.draft());
    let payload = package.read_payload(&mut sink).unwrap();
    (package.finish(&payload, &sink.hashes).unwrap(), sink.hashes)
}

/// What Python reads, one document for each file.
fn python(files: &[PathBuf]) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/entropy_reader.py");
    let Ok(output) = Command::new("python3").arg(script).args(files).output() else {
        println!("skipped: no python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn properties<'m>(manifest: &'m Manifest, key: &str) -> Vec<&'m str> {
    let properties = manifest.properties.iter().filter(|(name, _)| name == key);
    properties.map(|(_, value)| value.as_str()).collect()
}

fn relations(manifest: &Manifest, kind: RelationKind) -> Vec<String> {
    manifest.relations.iter().filter(|relation| relation.kind == kind).map(ToString::to_string).collect()
}

#[test]
fn the_tree_is_the_one_that_tarfile_finds() {
    let files = packages();
    let Some(expected) = python(&files) else { return };
    for (path, expected) in files.iter().zip(expected) {
        let (manifest, hashes) = read(path);
        let expected = expected["tree"].as_array().unwrap();
        assert_eq!(manifest.entries.len(), expected.len(), "{}", path.display());
        for ((entry, expected), hashed) in manifest.entries.iter().zip(expected).zip(hashes) {
            let what = entry.path.to_string();
            assert_eq!(what, expected["path"], "{}", path.display());
            let (kind, target) = match &entry.node {
                Node::Directory => ("directory", None),
                Node::File { .. } => ("file", None),
                Node::Symlink { target } => ("symlink", Some(String::from_utf8(target.clone()).unwrap())),
            };
            assert_eq!(kind, expected["kind"], "{what}");
            assert_eq!(target.as_deref(), expected["target"].as_str(), "{what}");
            assert_eq!(u64::from(entry.mode), expected["mode"].as_u64().unwrap(), "{what}");
            assert_eq!(u64::from(entry.uid), expected["uid"].as_u64().unwrap(), "{what}");
            assert_eq!(u64::from(entry.gid), expected["gid"].as_u64().unwrap(), "{what}");
            assert_eq!(entry.mtime, expected["mtime"].as_i64(), "{what}");
            if let (Node::File { size, .. }, Some(hashed)) = (&entry.node, hashed) {
                assert_eq!(Some(*size), expected["size"].as_u64(), "{what}");
                assert_eq!(hashed.sha1.unwrap().to_string(), expected["sha1"], "{what}");
            }
        }
    }
}

#[test]
fn contents_and_payload_agree() {
    let mut compared = 0;
    for path in packages() {
        let mut package = open(&path);
        package.list().unwrap();
        let mut check = package.md5_check().unwrap();
        let mut sink = HashingSink::new(package.draft());
        let payload = package.read_payload(&mut check.around(&mut sink)).unwrap();
        compared += check.finish(&package.finish(&payload, &sink.hashes).unwrap()).unwrap();
    }
    assert!(compared > 20, "{compared} files");
}

#[test]
fn the_manifest_says_what_xpak_and_database_say() {
    let files = packages();
    let Some(expected) = python(&files) else { return };
    for (path, expected) in files.iter().zip(expected) {
        let package = open(path);
        assert_eq!(package.format(), Format::Entropy);
        let manifest = &package.draft().manifest;
        let (xpak, record) = (&expected["xpak"], &expected["record"]);
        let text = |key: &str| xpak[key].as_str().unwrap_or_default().trim_end();
        assert_eq!(manifest.order, VersionOrder::Entropy);
        let (category, name) = manifest.name.split_once('/').unwrap();
        assert_eq!(category, text("CATEGORY"));
        assert_eq!(format!("{name}-{}", manifest.version), text("PF"));
        assert_eq!(manifest.slot, text("SLOT"));
        assert_eq!(manifest.arch, "amd64");
        assert_eq!(manifest.categories, [category]);
        assert_eq!(manifest.summary, text("DESCRIPTION"));
        assert_eq!(manifest.homepage, text("HOMEPAGE"));
        assert_eq!(manifest.licences.join(" "), text("LICENSE"));
        for key in ["USE", "RDEPEND", "NEEDED.ELF.2", "KEYWORDS", "repository"] {
            let expected = Some(text(key)).filter(|text| !text.is_empty());
            assert_eq!(
                properties(manifest, &format!("xpak.{key}")),
                expected.into_iter().collect::<Vec<_>>()
            );
        }
        let scripts: Vec<&str> = manifest.scripts.iter().map(|script| script.role.as_str()).collect();
        assert_eq!(scripts.iter().filter(|role| **role == "environment").count(), 1);
        assert_eq!(scripts.iter().filter(|role| **role == "ebuild").count(), 1);
        for (script, content) in manifest.scripts.iter().zip(package.scripts()) {
            let expected: Vec<u8> = xpak[&script.file].as_str().unwrap().chars().map(|c| c as u8).collect();
            assert_eq!(*content, expected, "{}", script.file);
        }
        if record.is_null() {
            assert_eq!((manifest.release.as_str(), manifest.tag.as_str()), ("", ""));
            continue;
        }
        assert_eq!(category, record["category"]);
        assert_eq!(name, record["name"]);
        assert_eq!(manifest.version, record["version"].as_str().unwrap());
        assert_eq!(manifest.release, record["revision"].to_string());
        assert_eq!(manifest.tag, record["versiontag"].as_str().unwrap());
        assert_eq!(properties(manifest, "entropy.branch"), [record["branch"].as_str().unwrap()]);
        assert_eq!(properties(manifest, "entropy.download"), [record["download"].as_str().unwrap()]);
        let flags: Vec<&str> =
            record["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
        assert_eq!(properties(manifest, "portage.use"), [flags.join(" ")]);
        let count = manifest.relations.len() + properties(manifest, "entropy.unread-dependency").len();
        assert_eq!(count, record["dependencies"].as_array().unwrap().len());
        // Entropy measured and hashed the file before it put its database behind it.
        assert_eq!(record["digest"], expected["digest"]);
    }
}

#[test]
fn a_manifest_survives_its_encoding_and_does_not_depend_on_the_files_name() {
    let directory = tempfile::tempdir().unwrap();
    for path in packages() {
        let (manifest, _) = read(&path);
        let encoded = manifest.encode().unwrap();
        assert_eq!(Manifest::decode(&encoded).unwrap(), manifest);
        let renamed = directory.path().join("category:other-9.9#tag~77.tbz2");
        std::fs::copy(&path, &renamed).unwrap();
        assert_eq!(read(&renamed).0, manifest);
    }
}

#[test]
fn entropys_lists_count_where_there_is_a_database() {
    let Some(package) = package("xfce-extra:xfce4-verve-0.3.6~4.tbz2") else { return };
    let manifest = &package.draft().manifest;
    assert_eq!((manifest.name.as_str(), manifest.release.as_str()), ("xfce-extra/xfce4-verve", "4"));
    assert_eq!(
        relations(manifest, RelationKind::Depends),
        [
            "xfce-base/xfce4-panel (>= 4.4.0)",
            "dev-libs/libpcre",
            "dev-libs/dbus-glib",
            "xfce-extra/exo (>= 0.3.2)"
        ]
    );
    assert_eq!(properties(manifest, "portage.use"), ["-debug dbus"]);
    assert_eq!(properties(manifest, "entropy.needed-library").len(), 55);
    assert!(properties(manifest, "entropy.config-protect")[0].starts_with("/etc /etc/entropy "));
    assert!(
        properties(manifest, "entropy.changelog")[0].starts_with("# ChangeLog for xfce-extra/xfce4-verve")
    );

    let Some(package) = self::package("media-gfx:pdf2svg-0.2.1~3.tbz2") else { return };
    let manifest = &package.draft().manifest;
    assert_eq!(
        relations(manifest, RelationKind::Depends),
        ["x11-libs/gtk+ (slot = 2)", "app-text/poppler (>= 0.12.3-r3)", "x11-libs/cairo (>= 1.2.6)"]
    );
    assert_eq!(relations(manifest, RelationKind::BuildDepends), ["dev-util/pkgconfig"]);
    assert_eq!(
        properties(manifest, "entropy.loosened-dependency"),
        ["run\t>=app-text/poppler-0.12.3-r3[cairo]", "run\t>=x11-libs/cairo-1.2.6[svg]"]
    );
}

#[test]
fn portages_strings_count_where_there_is_none() {
    let Some(package) = package("apache-tools-2.2.11.tbz2") else { return };
    let manifest = &package.draft().manifest;
    assert_eq!(
        (manifest.name.as_str(), manifest.full_version().as_str()),
        ("app-admin/apache-tools", "2.2.11")
    );
    assert_eq!(
        relations(manifest, RelationKind::Depends),
        ["dev-libs/apr (=* 1)", "dev-libs/apr-util (=* 1)", "dev-libs/libpcre", "dev-libs/openssl"],
        "the package was built with USE=ssl"
    );
    assert_eq!(relations(manifest, RelationKind::Conflicts), ["www-servers/apache (< 2.2.4)"]);

    let Some(package) = self::package("ca-certificates-20180409.3.37.tbz2") else { return };
    let manifest = &package.draft().manifest;
    assert_eq!(relations(manifest, RelationKind::Depends), ["app-misc/c_rehash", "sys-apps/debianutils"]);
    assert_eq!(
        relations(manifest, RelationKind::BuildDepends),
        ["dev-lang/python (slot = 3.6) | dev-lang/python (slot = 3.5) | dev-lang/python (slot = 3.4) | \
          dev-lang/python (>= 2.7.5-r2, slot = 2.7)"]
    );
    let flags = properties(manifest, "portage.use")[0];
    assert!(flags.starts_with("-cacert abi_x86_64 amd64 "), "{flags}");
}

#[test]
fn owners_without_names_have_none() {
    let Some(mut package) = package("zlib-1.2.3-r1.tbz2") else { return };
    package.list().unwrap();
    let manifest = &package.draft().manifest;
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("sys-libs/zlib", "1.2.3-r1"));
    assert!(!package.draft().entries.is_empty());
    assert!(package.draft().entries.iter().all(|entry| entry.owner_names.is_none()));
}
