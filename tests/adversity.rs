//! Roots in unlucky circumstances: copied, obstructed, with the machine's own changes, made by two at once.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ambar::{Class, Options, Root, Silent};
use common::build::Package;
use common::*;

fn package(dir: &Path, file: &str, package: &Package) -> PathBuf {
    let path = dir.join(file);
    std::fs::write(&path, package.bytes()).unwrap();
    path
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn collecting_in_a_copy_takes_nothing_from_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mut original = Root::open(&dir.path().join("original")).unwrap();
    original.init(Some(&store)).unwrap();
    install(&original, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    install(&original, &[HELLO_2, LIB_2].map(example)).unwrap();
    let copy = dir.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(original.path()).arg(&copy).status().unwrap();
    assert!(copied.success());
    Root::open(&copy).unwrap().collect(Some(1), false, &Silent).unwrap();
    assert_eq!(original.generations().unwrap().len(), 2);
    activate(&original, None).unwrap();
    verified(&original);
}

#[test]
fn mode_and_owner_that_the_machine_chose_stay_when_content_changes() {
    let (dir, root) = new_root();
    let v1 = Package::new("conf", "1.0", 1).file_of("config", "etc/app.conf", b"one\n", 0o644);
    let v2 = Package::new("conf", "1.1", 2).file_of("config", "etc/app.conf", b"two\n", 0o644);
    let (v1, v2) = (package(dir.path(), "v1.pisi", &v1), package(dir.path(), "v2.pisi", &v2));
    install(&root, &[v1]).unwrap();
    let conf = root.path().join("etc/app.conf");
    set_mode(&conf, 0o600);
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    assert_eq!(mode(&conf), 0o600, "an unrelated change leaves it alone");
    install(&root, &[v2]).unwrap();
    assert_eq!((mode(&conf), std::fs::read(&conf).unwrap()), (0o600, b"two\n".to_vec()));
}

#[test]
fn what_cannot_be_done_now_is_pending_and_done_by_a_later_change() {
    let (dir, root) = new_root();
    let data = Package::new("data", "1.0", 1).file("var/lib/data/file", b"content\n");
    let data = package(dir.path(), "data.pisi", &data);
    std::fs::create_dir(root.path()).unwrap();
    let mut root = root;
    root.init(None).unwrap();
    std::fs::write(root.path().join("var"), "in the way").unwrap();
    let outcome = install(&root, &[data]).unwrap();
    assert!(outcome.changed && !outcome.pending.is_empty(), "{outcome:?}");
    // Other changes go on, and say so.
    let next = install(&root, &[HELLO_1, LIB_1].map(example)).unwrap();
    assert!(!next.pending.is_empty());
    activate(&root, None).unwrap();
    std::fs::remove_file(root.path().join("var")).unwrap();
    let done = activate(&root, Some(2)).unwrap();
    assert_eq!(done.pending, Vec::<String>::new());
    assert_eq!(std::fs::read_to_string(root.path().join("var/lib/data/file")).unwrap(), "content\n");
    verified(&root);
}

#[test]
fn the_generation_that_a_rollback_leads_to_is_never_collected_by_policy() {
    let (_dir, mut root) = new_root();
    root.init(None).unwrap();
    std::fs::write(root.path().join(".ambar/config.toml"), "keep = 2\n").unwrap();
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    for name in ["hello", "libgreet"] {
        remove(&root, &[name]).unwrap();
    }
    // 2 and 3 are kept; 3 is live. Going back to 2 and on from there keeps 2, however many follow.
    activate(&root, Some(2)).unwrap();
    remove(&root, &["greet-config"]).unwrap();
    let kept: Vec<u64> = root.generations().unwrap().iter().map(|generation| generation.number).collect();
    assert_eq!(kept, [2, 3, 4]);
    activate(&root, None).unwrap();
    assert!(root.path().join("etc/greet.conf").exists());
}

#[test]
fn setuid_that_a_file_list_hides_is_refused() {
    let (dir, root) = new_root();
    let sha1 = ambar::pkgfmt::Sha1Digest::of(b"program\n");
    let listed = format!(
        "<File><Path>usr/bin/su</Path><Type>executable</Type><Size>8</Size><Hash>{sha1}</Hash></File>"
    );
    let member = common::build::tar_member(tar::EntryType::Regular, "usr/bin/su", "", b"program\n", 0o4755);
    let hidden = Package::new("hidden", "1.0", 1).listed(listed).member(member);
    let hidden = package(dir.path(), "hidden.pisi", &hidden);
    let error = install_with(&root, std::slice::from_ref(&hidden), Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    assert!(error.to_string().contains("usr/bin/su"), "{error}");
    assert!(!root.path().exists(), "nothing is left behind");
    install(&root, &[hidden]).unwrap();
    assert_eq!(mode(&root.path().join("usr/bin/su")) & 0o6000, 0);
}

#[test]
fn setuid_that_a_plan_shows_is_kept_where_it_can_be_and_comes_back_in_a_repair() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only a root with superuser rights can have setuid files");
        return;
    }
    let (dir, root) = new_root();
    let su = Package::new("su", "1.0", 1).file_of("executable", "usr/bin/su", b"program\n", 0o4755);
    let options = Options::default();
    install_with(&root, &[package(dir.path(), "su.pisi", &su)], options).unwrap();
    let su = root.path().join("usr/bin/su");
    assert_eq!(mode(&su), 0o4755);
    // Somebody edits it through the link: the next change stores it again from the cache, as it was.
    std::fs::write(&su, "edited").unwrap();
    install(&root, &[LIB_1].map(example)).unwrap();
    assert_eq!((mode(&su), std::fs::read(&su).unwrap()), (0o4755, b"program\n".to_vec()));
    verified(&root);
}

#[test]
fn several_first_changes_at_once_make_one_root() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/root");
        let done: Vec<_> = std::thread::scope(|scope| {
            let one = |name: &'static str| {
                let path = &path;
                scope.spawn(move || {
                    let root = Root::with_threads(path, 1).unwrap();
                    loop {
                        match install(&root, &[example(name)]) {
                            Err(error) if error.class() == Class::Locked => {}
                            // Whoever came first was done in between, and had not asked for the same.
                            Err(ambar::Error::Store(ambar_store::Error::Moved { .. })) => {}
                            done => return done,
                        }
                    }
                })
            };
            [one(HELLO_1), one(LIB_1), one(CONFIG)].map(|thread| thread.join().unwrap()).into()
        });
        for outcome in done {
            outcome.unwrap();
        }
        let root = Root::open(&path).unwrap();
        assert_eq!(root.packages().unwrap().len(), 3);
        verified(&root);
    }
}

#[test]
fn a_lost_live_tree_is_a_finding_and_the_next_change_makes_one() {
    let (_dir, root) = new_root();
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    std::fs::remove_dir_all(root.path().join(".ambar/generations/1")).unwrap();
    let findings = root.verify(&[], &Silent).unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].problem.contains("missing"), "{findings:#?}");
    install(&root, &[HELLO_2, LIB_2].map(example)).unwrap();
    verified(&root);
}

#[test]
fn a_machine_s_file_deleted_since_stays_deleted_after_a_rollback() {
    let (dir, root) = new_root();
    let conf = Package::new("conf", "1.0", 1).file_of("config", "etc/app/app.conf", b"one\n", 0o644);
    install(&root, &[package(dir.path(), "conf.pisi", &conf)]).unwrap();
    std::fs::write(root.path().join("etc/app/local"), "mine").unwrap();
    remove(&root, &["conf"]).unwrap();
    assert_eq!(std::fs::read_to_string(root.path().join("etc/app/local")).unwrap(), "mine");
    std::fs::remove_file(root.path().join("etc/app/local")).unwrap();
    std::fs::remove_dir(root.path().join("etc/app")).unwrap();
    activate(&root, None).unwrap();
    let there: Vec<_> = tree(&root.path().join("etc/app")).into_keys().collect();
    assert_eq!(there, [PathBuf::from("app.conf")]);
}
