//! A directory of package files as a source.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ambar::pkgfmt::{Format, Limits, Metadata, PackageFile};
use ambar::{Available, Directory, Silent, Target};
use common::*;

fn read(path: &Path) -> Directory {
    let (_dir, root) = new_root();
    Directory::read(path, &root).unwrap()
}

fn shown(packages: &[Available]) -> Vec<String> {
    packages.iter().map(|one| format!("{} {}", one.manifest.name, one.manifest.full_version())).collect()
}

fn file_name(one: &Available) -> String {
    one.path.0.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_package_below_the_directory_is_listed_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("old/really old");
    std::fs::create_dir_all(&below).unwrap();
    for name in [HELLO_2, LIB_1, CONFIG] {
        std::fs::copy(example(name), dir.path().join(name)).unwrap();
    }
    std::fs::copy(example(HELLO_1), below.join(HELLO_1)).unwrap();
    std::fs::write(dir.path().join("README"), "no package").unwrap();
    let found = read(dir.path());
    assert_eq!(shown(&found.packages), ["greet-config 1-1", "hello 1.0-1", "hello 1.1-2", "libgreet 1.0-1"]);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    let hello = &found.packages[2];
    assert_eq!(hello.length, std::fs::metadata(example(HELLO_2)).unwrap().len());
    assert!(hello.path.0.is_absolute());
    assert!(hello.manifest.relations.iter().any(|relation| relation.to_string() == "libgreet (>= 1.2)"));
    assert_eq!(read(dir.path()), found, "the answer is the same each time");
}

#[test]
fn symlinks_count_where_they_lead_to_files() {
    let dir = tempfile::tempdir().unwrap();
    let (packages, elsewhere) = (dir.path().join("packages"), dir.path().join("elsewhere"));
    std::fs::create_dir_all(&packages).unwrap();
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::copy(example(LIB_1), elsewhere.join(LIB_1)).unwrap();
    symlink(example(CONFIG), packages.join("config.pisi")).unwrap();
    symlink(&elsewhere, packages.join("elsewhere")).unwrap();
    symlink(&elsewhere, packages.join("directory.pisi")).unwrap();
    symlink(&packages, packages.join("round")).unwrap();
    let found = read(&packages);
    assert_eq!(shown(&found.packages), ["greet-config 1-1"]);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

#[test]
fn what_cannot_be_read_is_told_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(example(LIB_1), dir.path().join(LIB_1)).unwrap();
    let whole = std::fs::read(example(HELLO_1)).unwrap();
    std::fs::write(dir.path().join("cut.pisi"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(dir.path().join("empty.deb"), "").unwrap();
    std::fs::write(dir.path().join("text.ambar"), "not a package").unwrap();
    symlink("nowhere", dir.path().join("dangling.tbz2")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("pipe.deb"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_bits_retain(0o644),
        0,
    )
    .unwrap();
    let found = read(dir.path());
    assert_eq!(shown(&found.packages), ["libgreet 1.0-1"]);
    let told: Vec<_> =
        found.notes.iter().map(|note| note.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(told, ["cut.pisi", "dangling.tbz2", "empty.deb", "pipe.deb", "text.ambar"]);
    assert!(found.notes.iter().all(|note| note.message.contains(&*note.path.to_string_lossy())));

    let (_root, root) = new_root();
    let missing = Directory::read(&dir.path().join("missing"), &root).unwrap_err();
    assert_eq!(missing.class(), ambar::Class::NotFound, "{missing}");
}

#[test]
fn of_the_same_package_the_native_file_is_taken_then_the_first_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(example(LIB_1), dir.path().join("b.pisi")).unwrap();
    std::fs::copy(example(LIB_1), dir.path().join("a.pisi")).unwrap();
    let found = read(dir.path());
    assert_eq!(found.packages.iter().map(file_name).collect::<Vec<_>>(), ["a.pisi"]);
    assert_eq!(found.notes.len(), 1);
    assert!(found.notes[0].message.contains("is the same libgreet 1.0-1 as"), "{:?}", found.notes);

    let native = dir.path().join("z.ambar");
    let target = Target::new(&native, None).unwrap();
    ambar::repack(&example(LIB_1), None, &target, &Limits::default(), &Silent).unwrap();
    let found = read(dir.path());
    assert_eq!(found.packages.iter().map(file_name).collect::<Vec<_>>(), ["z.ambar"]);
    assert_eq!(found.packages[0].format, Format::Native);
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
}

#[test]
fn deltas_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["d.delta.pisi", "d.ambar"] {
        let target = Target::new(&dir.path().join(name), None).unwrap();
        ambar::delta(&example(LIB_1), &example(LIB_2), &target, &Limits::default(), &Silent).unwrap();
    }
    let found = read(dir.path());
    assert_eq!((found.packages, found.notes), (Vec::new(), Vec::new()));
}

/// All the real packages that there are, without deltas.
fn real() -> Vec<PathBuf> {
    let mut files = shared_packages().map(|dir| packages_below(&dir)).unwrap_or_default();
    files.extend(debian_packages().unwrap_or_default());
    files
}

#[test]
fn metadata_says_what_an_opened_package_says() {
    for file in real().into_iter().chain([example(HELLO_1), example(CONFIG)]) {
        let limits = Limits::default();
        let metadata = Metadata::read(&file, &limits);
        let opened = PackageFile::open(&file, &limits);
        match (metadata, opened) {
            (Ok(metadata), Ok(opened)) => {
                let mut expected = opened.draft().manifest.clone();
                expected.scripts.clear();
                expected.properties.retain(|(key, _)| !key.starts_with("deb.conffile-"));
                assert_eq!(metadata.manifest, expected, "{}", file.display());
                assert_eq!(metadata.format, opened.format());
                assert_eq!(metadata.length, std::fs::metadata(&file).unwrap().len());
            }
            (Err(metadata), Err(opened)) => assert_eq!(metadata.to_string(), opened.to_string()),
            (metadata, opened) => panic!("{}: {metadata:?} but {:?}", file.display(), opened.err()),
        }
    }
}

#[test]
fn a_native_package_says_the_same_as_what_it_was_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let native = dir.path().join("hello.ambar");
    ambar::repack(&example(HELLO_1), None, &Target::new(&native, None).unwrap(), &Limits::default(), &Silent)
        .unwrap();
    let [foreign, native] =
        [example(HELLO_1), native].map(|file| Metadata::read(&file, &Limits::default()).unwrap());
    assert_eq!(foreign.manifest, native.manifest);
    assert!(native.manifest.entries.is_empty());
    let (_dir, root) = new_root();
    install(&root, &[example(HELLO_1)]).unwrap();
    let size = root.packages().unwrap()[0].installed_size;
    assert_eq!(native.installed_size, Some(size));
}

#[test]
fn real_directories_are_read_whole() {
    for (directory, count) in real_directories() {
        let start = std::time::Instant::now();
        let found = read(&directory);
        println!("{}: {} packages in {:?}", directory.display(), found.packages.len(), start.elapsed());
        let superseded = found.notes.iter().filter(|note| note.message.contains("is the same")).count();
        let damaged = found.notes.len() - superseded;
        assert_eq!(found.packages.len() + superseded + damaged, count, "{:?}", found.notes);
        assert_eq!(damaged, 0, "{:?}", found.notes);
        // Packages that Portage did not build need not say their size.
        let silent = found.packages.iter().filter(|one| one.installed_size.is_none());
        let silent: Vec<_> = silent.filter(|one| one.format != Format::Entropy).map(file_name).collect();
        assert!(silent.is_empty(), "{silent:?} do not tell their sizes");
    }
}

/// Directories of real packages, with the number of whole packages in each.
fn real_directories() -> Vec<(PathBuf, usize)> {
    let mut directories: Vec<(PathBuf, usize)> = Vec::new();
    for file in real() {
        let directory = file.parent().unwrap().to_path_buf();
        match directories.iter_mut().find(|(known, _)| *known == directory) {
            Some((_, count)) => *count += 1,
            None => directories.push((directory, 1)),
        }
    }
    directories
}
