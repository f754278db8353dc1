//! Real packages of real distributions, compared with what an independent unpacking (`unpack.py`) finds in
//! them, and taken through a whole life together.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use ambar::pkgfmt::{Limits, Node, PackageFile, Sha1Digest};
use ambar::{Options, Root, Silent};
use common::*;

/// What `unpack.py` says of one path.
#[derive(Debug, serde::Deserialize)]
struct Unpacked {
    r#type: String,
    mode: Option<u32>,
    owner: Option<(u32, u32)>,
    size: Option<u64>,
    sha1: Option<String>,
    target: Option<String>,
}

/// What `unpack.py` says of one package file.
#[derive(Debug, serde::Deserialize)]
struct Unpacking {
    file: PathBuf,
    entries: BTreeMap<String, Unpacked>,
}

fn from_hex(text: &str) -> PathBuf {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    OsString::from_vec((0..text.len()).step_by(2).map(byte).collect()).into()
}

/// Unpacks package files independently; without Python a line says that the test was skipped.
fn unpackings(files: &[PathBuf]) -> Option<Vec<Unpacking>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/unpack.py");
    let Ok(output) = Command::new("python3").arg(script).args(files).output() else {
        println!("skipped: no python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let unpackings: Vec<Unpacking> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(unpackings.len(), files.len());
    Some(unpackings)
}

/// Where a package's path is on disk: in the machine's own directory, or through the root's link.
fn on_disk(root: &Path, path: &Path) -> PathBuf {
    let of_machine = path.components().next().is_some_and(|first| is_machine_name(first.as_os_str()));
    if of_machine {
        return root.join(path);
    }
    if let Ok(local) = path.strip_prefix("usr/local") {
        return root.join("var/usrlocal").join(local);
    }
    match path.components().count() {
        // The name at the top is the root's link; the package's entry is what it leads to.
        1 => root.join(".ambar/current").join(path),
        _ => root.join(path),
    }
}

/// The mode that an unprivileged root gives to what was declared: no write bits on files that are links.
fn expected_mode(declared: u32, is_dir: bool, path: &Path, privileged: bool) -> u32 {
    let private =
        path.starts_with("etc") || path.components().next().is_some_and(|c| is_machine_name(c.as_os_str()));
    match (privileged, is_dir || private) {
        (true, _) => declared,
        (false, true) => declared & 0o1777,
        (false, false) => declared & 0o1555,
    }
}

/// Compares what is at one path with the independent unpacking.
fn compare(root: &Path, path: &Path, unpacked: &Unpacked, privileged: bool) {
    let place = on_disk(root, path);
    let metadata = place.symlink_metadata().unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let permissions = metadata.permissions().mode() & 0o7777;
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => "directory",
        kind if kind.is_symlink() => "symlink",
        _ => "file",
    };
    assert_eq!(kind, unpacked.r#type, "{}", path.display());
    if let (Some(mode), false) = (unpacked.mode, kind == "symlink") {
        let expected = expected_mode(mode, kind == "directory", path, privileged);
        let mask = if privileged { 0o7777 } else { 0o1555 };
        assert_eq!(permissions & mask, expected & mask, "mode of {}", path.display());
    }
    if let (Some(owner), true, false) = (unpacked.owner, privileged, kind == "symlink") {
        assert_eq!((metadata.uid(), metadata.gid()), owner, "owner of {}", path.display());
    }
    match kind {
        "file" => {
            let content = std::fs::read(&place).unwrap();
            assert_eq!(Some(content.len() as u64), unpacked.size, "{}", path.display());
            assert_eq!(Some(Sha1Digest::of(&content).to_string()), unpacked.sha1, "{}", path.display());
        }
        "symlink" => {
            let target = std::fs::read_link(&place).unwrap();
            assert_eq!(target, from_hex(unpacked.target.as_ref().unwrap()), "{}", path.display());
        }
        _ => {}
    }
}

/// Every path that packages have put into a root, named as packages name it.
fn present(root: &Path) -> BTreeSet<PathBuf> {
    let mut present: BTreeSet<PathBuf> = live_tree(root).into_keys().collect();
    // The tree's own links back to the machine's directories.
    present.retain(|path| !(path.components().count() == 1 && is_machine_name(path.as_os_str())));
    present.remove(Path::new("usr/local"));
    for name in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()) {
        if is_machine_name(&name) && name != ".ambar" {
            present.insert(PathBuf::from(&name));
            present.extend(tree(&root.join(&name)).into_keys().map(|path| Path::new(&name).join(path)));
        }
    }
    let local: Vec<PathBuf> =
        present.iter().filter(|path| path.starts_with("var/usrlocal")).cloned().collect();
    for path in local {
        present.remove(&path);
        let inside = path.strip_prefix("var/usrlocal").unwrap();
        if !inside.as_os_str().is_empty() {
            present.insert(Path::new("usr/local").join(inside));
        }
    }
    present
}

/// Installs one package into a new root and compares all of it.
fn install_and_compare(unpacking: &Unpacking) {
    println!("{}", unpacking.file.display());
    let package = PackageFile::open(&unpacking.file, &Limits::default()).unwrap();
    let (_dir, root) = new_root();
    let options = Options { ignore_dependency: true, strip_setuid: !is_superuser(), ..Options::default() };
    let outcome = install_with(&root, std::slice::from_ref(&unpacking.file), options).unwrap();
    assert_eq!((outcome.generation, outcome.pending), (Some(1), Vec::new()));
    assert_eq!(root.packages().unwrap()[0].name, package.draft().manifest.name);
    verified(&root);

    let mut expected = BTreeSet::new();
    for (path, unpacked) in &unpacking.entries {
        let path = from_hex(path);
        compare(root.path(), &path, unpacked, is_superuser());
        expected.extend(path.ancestors().map(Path::to_path_buf));
    }
    // Directories on the way exist though no package declares them; nothing else does.
    expected.remove(Path::new(""));
    expected.remove(Path::new("usr/local"));
    let mut present = present(root.path());
    if !expected.iter().any(|path| path.starts_with("var")) {
        present.remove(Path::new("var"));
    }
    assert_eq!(present, expected, "{}", unpacking.file.display());
}

#[test]
fn every_example_is_installed_as_an_independent_unpacking_says() {
    let files = [HELLO_1, HELLO_2, LIB_1, LIB_2, CONFIG].map(example);
    let Some(unpackings) = unpackings(&files) else { return };
    unpackings.iter().for_each(install_and_compare);
}

#[test]
fn every_real_package_is_installed_as_an_independent_unpacking_says() {
    let Some(shared) = shared_packages() else { return };
    let files = packages_below(&shared);
    assert!(files.len() >= 50, "only {} packages", files.len());
    let Some(unpackings) = unpackings(&files) else { return };
    let (some, others) = unpackings.split_at(unpackings.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| some.iter().for_each(install_and_compare));
        others.iter().for_each(install_and_compare);
    });
    let entries: usize = unpackings.iter().map(|unpacking| unpacking.entries.len()).sum();
    println!("{} packages, {entries} entries", unpackings.len());
}

#[test]
fn every_debian_package_is_installed_as_dpkg_unpacks_it() {
    let Some(files) = debian_packages() else { return };
    if !Command::new("dpkg-deb").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no dpkg-deb");
        return;
    }
    let (some, others) = files.split_at(files.len() / 2);
    let compare_all = |files: &[PathBuf]| {
        // A few at a time: what is in them is held in memory twice.
        for files in files.chunks(4) {
            unpackings(files).iter().flatten().for_each(install_and_compare);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| compare_all(some));
        compare_all(others);
    });
    println!("{} packages", files.len());
}

/// The files of one package in every container format that there is of it.
fn formats_of(shared: &Path, name: &str) -> Vec<PathBuf> {
    let mut files = packages_below(shared);
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with(name));
    files
}

/// What packages' files are, by content, in a store: names of objects without what manifests are.
fn payload_objects(root: &Root, name: &str) -> BTreeSet<String> {
    let digest = |entry: &ambar::pkgfmt::Entry| match &entry.node {
        Node::File { size: 1.., digest } => Some(digest.to_hex()),
        _ => None,
    };
    root.files(name).unwrap().iter().filter_map(digest).collect()
}

#[test]
fn the_container_format_leaves_no_trace() {
    let Some(shared) = shared_packages() else { return };
    for (name, count) in [("bind-chroot-9.9.2-36", 3), ("par2cmdline-0.4-4", 4)] {
        let files = formats_of(&shared, name);
        assert_eq!(files.len(), count, "{files:?}");
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let mut known: Option<(_, BTreeSet<PathBuf>, BTreeSet<String>)> = None;
        for (number, file) in files.iter().enumerate() {
            let mut root = Root::open(&dir.path().join(format!("root-{number}"))).unwrap();
            root.init(Some(&store)).unwrap();
            install(&root, std::slice::from_ref(file)).unwrap();
            verified(&root);
            let package = root.packages().unwrap().remove(0);
            let payload = payload_objects(&root, &package.name);
            let objects = object_names(&store);
            let live = view(root.path());
            if let Some((first_live, before, first_payload)) = &known {
                assert_eq!(&live, first_live, "{}", file.display());
                assert_eq!(&payload, first_payload);
                for object in objects.difference(before) {
                    let digest: String = object.to_string_lossy().replace('/', "").chars().take(64).collect();
                    assert!(!payload.contains(&digest), "{} is stored again by {}", digest, file.display());
                }
            } else {
                assert!(!payload.is_empty());
                known = Some((live, objects, payload));
            }
        }
    }
}

#[test]
fn a_group_of_packages_goes_one_by_one_and_comes_back() {
    let Some(shared) = shared_packages() else { return };
    let files = packages_below(&shared.join("pardus-2011"));
    let (_dir, mut root) = new_root();
    root.init(None).unwrap();
    std::fs::write(root.path().join(".ambar/config.toml"), "keep = 0\n").unwrap();
    install(&root, &files).unwrap();
    verified(&root);
    let names: Vec<String> = root.packages().unwrap().into_iter().map(|package| package.name).collect();
    assert_eq!(names.len(), files.len());

    let mut views = vec![view(root.path())];
    for name in &names {
        assert_eq!(remove(&root, &[name]).unwrap().pending, Vec::<String>::new());
        views.push(view(root.path()));
        assert_ne!(views[views.len() - 1], views[views.len() - 2], "removing {name} changes something");
    }
    verified(&root);
    assert_eq!(root.packages().unwrap().len(), 0);
    let last = views.len() as u64;
    for number in (1..last).rev() {
        activate(&root, None).unwrap();
        same_view(&view(root.path()), &views[number as usize - 1], &format!("generation {number}"));
    }
    assert_eq!(root.packages().unwrap().len(), names.len());
    for number in 2..=last {
        activate(&root, Some(number)).unwrap();
        same_view(&view(root.path()), &views[number as usize - 1], &format!("generation {number}"));
    }
    activate(&root, Some(1)).unwrap();
    verified(&root);
    let collected = root.collect(Some(1), false, &Silent).unwrap();
    println!("{} packages; collected {collected:?}", names.len());
    same_view(&view(root.path()), &views[0], "after collecting");
    verified(&root);
    // What is left is what one installation alone would have left.
    let (_other_dir, other) = new_root();
    install(&other, &files).unwrap();
    let objects = |root: &Root| object_names(&root.path().join(".ambar"));
    assert_eq!(objects(&root), objects(&other));
}
