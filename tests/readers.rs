//! Readers in other processes never fail and never hang while transactions run, and see one generation or the
//! other; two writers never spoil anything for each other.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ambar::pkgfmt::Node;
use ambar::{Class, Options, OsPath, Request, Root, Silent};
use common::*;

const ROOT: &str = "AMBAR_TEST_ROOT";
const EXPECTED: &str = "AMBAR_TEST_EXPECTED";
const PACKAGE: &str = "AMBAR_TEST_PACKAGE";
const STOP: &str = "AMBAR_TEST_STOP";
const READERS: usize = 4;
/// Far more than any commit takes: it only tells waiting from hanging.
const HANG: Duration = Duration::from_secs(5);

/// Not a test: lists packages, and the files of one of them, until it is told to stop.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_reader() {
    let Some(path) = std::env::var_os(ROOT).map(PathBuf::from) else { return };
    let expected: BTreeSet<Vec<String>> = serde_json::from_str(&std::env::var(EXPECTED).unwrap()).unwrap();
    let package = std::env::var(PACKAGE).unwrap();
    let stop = std::env::var_os(STOP).map(PathBuf::from).unwrap();
    let (mut rounds, mut seen, mut longest) = (0, BTreeSet::new(), Duration::ZERO);
    while !stop.exists() || rounds == 0 {
        let root = Root::with_threads(&path, 1).unwrap();
        let started = Instant::now();
        let names = names(&root);
        longest = longest.max(started.elapsed());
        assert!(expected.contains(&names), "nobody ever installed {names:?}");
        if !names.is_empty() {
            let started = Instant::now();
            let files = root.files(&package).unwrap();
            longest = longest.max(started.elapsed());
            assert!(!files.is_empty());
            assert!(!root.generations().unwrap().is_empty());
            let file = files.iter().find(|entry| matches!(entry.node, Node::File { .. })).unwrap();
            assert!(!root.owners(file.path.to_string().as_ref()).unwrap().is_empty());
        }
        seen.insert(names);
        rounds += 1;
    }
    assert!(longest < HANG, "one call took {longest:?}");
    println!("reader: {rounds} rounds, {} lists, the longest call took {longest:?}", seen.len());
}

/// Runs `work` while readers loop; each of them must end well.
fn while_others_read(root: &Path, package: &str, expected: &[Vec<String>], work: impl FnOnce()) {
    let dir = tempfile::tempdir().unwrap();
    let stop = dir.path().join("stop");
    let readers: Vec<Running> = (0..READERS)
        .map(|_| {
            let mut command = child_test("child_reader");
            command.env(ROOT, root).env(EXPECTED, serde_json::to_string(expected).unwrap());
            Running::start(command.env(PACKAGE, package).env(STOP, &stop))
        })
        .collect();
    work();
    std::fs::write(&stop, "").unwrap();
    for reader in readers {
        assert!(reader.end().success());
    }
}

/// Does the same in another root, to know every list that there will be.
fn lists(steps: &[&dyn Fn(&Root)]) -> Vec<Vec<String>> {
    let (_dir, root) = new_root();
    let mut lists = vec![names(&root)];
    for step in steps {
        step(&root);
        lists.push(names(&root));
    }
    lists
}

#[test]
fn readers_see_old_or_new_and_nothing_else() {
    let packages = tempfile::tempdir().unwrap();
    let (old, new) = (build::many(1).write(packages.path()), build::many(2).write(packages.path()));
    let hello = [HELLO_1, LIB_1, CONFIG].map(example);
    let up = |root: &Root| drop(install(root, std::slice::from_ref(&new)).unwrap());
    let down = |root: &Root| drop(install(root, std::slice::from_ref(&old)).unwrap());
    let more = |root: &Root| drop(install(root, &hello).unwrap());
    let less = |root: &Root| drop(remove(root, &["greet-config", "hello", "libgreet"]).unwrap());
    let back = |root: &Root| drop(activate(root, None).unwrap());
    let collect = |root: &Root| drop(root.collect(Some(2), false, &Silent).unwrap());
    let steps: [&dyn Fn(&Root); 7] = [&down, &up, &more, &back, &more, &less, &collect];
    let expected = lists(&steps);
    let (_dir, root) = new_root();
    // From the very first transaction on, when there is no root yet.
    while_others_read(root.path(), "many", &expected, || {
        let started = Instant::now();
        for step in steps.iter().chain(&steps[1..]) {
            step(&root);
        }
        println!("writer: {:?}", started.elapsed());
    });
    verified(&root);
}

#[test]
fn readers_go_on_while_everything_is_installed() {
    let Some(shared) = shared_packages() else { return };
    let mut files = packages_below(&shared);
    let base =
        files.iter().position(|file| file.to_string_lossy().contains("par2cmdline-0.4-4-p13-x86_64.pisi"));
    let base = files.remove(base.unwrap());
    // One file of each package.
    let name = |file: &PathBuf| {
        let package = ambar::pkgfmt::PackageFile::open(file, &Default::default()).unwrap();
        package.draft().manifest.name.clone()
    };
    let mut known = BTreeSet::from([name(&base)]);
    files.retain(|file| known.insert(name(file)));
    let options = || Options { ignore_dependency: true, overwrite: true, ..Options::default() };
    let first = |root: &Root| drop(install(root, std::slice::from_ref(&base)).unwrap());
    let all = |root: &Root| drop(install_with(root, &files, options()).unwrap());
    let expected = lists(&[&first, &all]);
    let (_dir, root) = new_root();
    first(&root);
    while_others_read(root.path(), "par2cmdline", &expected, || {
        let started = Instant::now();
        all(&root);
        println!("writer: {} packages in {:?}", files.len(), started.elapsed());
    });
    verified(&root);
}

/// Not a test: installs and removes one package again and again.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_writer() {
    let Some(path) = std::env::var_os(ROOT).map(PathBuf::from) else { return };
    let name = std::env::var(PACKAGE).unwrap();
    let file = PathBuf::from(std::env::var_os(EXPECTED).unwrap());
    let root = Root::open(&path).unwrap();
    let options = || Options { ignore_dependency: true, ..Options::default() };
    let mut refused = 0;
    for round in 0..10 {
        let started = Instant::now();
        let outcome = loop {
            let request = match round % 2 {
                0 => Request::install(vec![OsPath(file.clone())], options()),
                _ => Request::Remove { names: vec![name.clone()], options: options() },
            };
            // Each plans against what is live now, and may find that it has moved on when its turn comes.
            match root.plan(request).and_then(|plan| root.execute(&plan, &Silent)) {
                Ok(outcome) => break outcome,
                Err(error) if error.class() == Class::Locked => refused += 1,
                Err(error) => panic!("round {round}: {error}"),
            }
            assert!(started.elapsed() < HANG * 4, "the lock is never free");
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(outcome.changed && outcome.pending.is_empty(), "{outcome:?}");
    }
    println!("writer of {name}: refused {refused} times");
}

#[test]
fn two_writers_take_turns() {
    let packages = tempfile::tempdir().unwrap();
    let many = build::many(1).write(packages.path());
    let (_dir, mut root) = new_root();
    root.init(None).unwrap();
    std::fs::write(root.path().join(".ambar/config.toml"), "keep = 0\n").unwrap();
    install(&root, &[LIB_1, CONFIG].map(example)).unwrap();
    let before = view(root.path());
    let writers: Vec<Running> = [("hello", example(HELLO_1)), ("many", many)]
        .iter()
        .map(|(name, file)| {
            let mut command = child_test("child_writer");
            command.env(ROOT, root.path()).env(PACKAGE, name).env(EXPECTED, file);
            Running::start(&mut command)
        })
        .collect();
    for writer in writers {
        assert!(writer.end().success());
    }
    // Ten changes by each of them, all of which happened once.
    let generations = root.generations().unwrap();
    assert_eq!(generations.len(), 21);
    assert!(generations.windows(2).all(|pair| pair[1].parent == Some(pair[0].number)));
    assert_eq!(names(&root), ["greet-config 1-1", "libgreet 1.0-1"]);
    let after = view(root.path());
    let live = |view: &View| view.clone().into_iter().filter(|(path, _)| path.starts_with("live")).collect();
    same_view(&live(&after), &live(&before), "after ten rounds");
    verified(&root);
}

#[test]
fn a_second_writer_is_told_who_holds_the_lock() {
    struct Slow<'s>(&'s Root);
    impl ambar::Observer for Slow<'_> {
        fn event(&self, event: ambar::Event<'_>) {
            if event == ambar::Event::Step(ambar::Step::Tree) {
                let error = remove(self.0, &["hello"]).unwrap_err();
                assert_eq!(error.class(), Class::Locked, "{error}");
                assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
                // What is live can be asked all the while.
                assert_eq!(names(self.0), ["greet-config 1-1", "hello 1.0-1", "libgreet 1.0-1"]);
                assert!(!self.0.files("hello").unwrap().is_empty());
                verified(self.0);
            }
        }
    }
    let (_dir, root) = new_root();
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    let files = [HELLO_2, LIB_2].map(|name| OsPath(example(name))).to_vec();
    let plan = root.plan(Request::install(files, Options::default())).unwrap();
    root.execute(&plan, &Slow(&root)).unwrap();
    assert_eq!(names(&root), ["greet-config 1-1", "hello 1.1-2", "libgreet 1.2-2"]);
}
