//! A root's life with the example packages: install, upgrade, remove, roll back, collect.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use ambar::{Action, Class, Error, Options, OsPath, Request, Root, Silent};
use common::*;

fn old_set() -> Vec<std::path::PathBuf> {
    [HELLO_1, LIB_1, CONFIG].map(example).to_vec()
}

#[test]
fn install_upgrade_roll_back_and_forward() {
    let (_dir, root) = new_root();
    let first = install_with(&root, &old_set(), Options::default()).unwrap();
    assert_eq!((first.generation, first.from), (Some(1), None));
    assert_eq!(first.pending, Vec::<String>::new());
    let old = live_tree(root.path());
    verified(&root);

    install_with(&root, &[example(HELLO_2), example(LIB_2)], Options::default()).unwrap();
    let new = live_tree(root.path());
    assert_ne!(old, new);
    assert_eq!(names(&root), ["greet-config 1-1", "hello 1.1-2", "libgreet 1.2-2"]);

    activate(&root, None).unwrap();
    assert_eq!(live_tree(root.path()), old);
    assert_eq!(names(&root), ["greet-config 1-1", "hello 1.0-1", "libgreet 1.0-1"]);
    activate(&root, Some(2)).unwrap();
    assert_eq!(live_tree(root.path()), new);
    verified(&root);

    // Numbers are never used again, and the parent is what was live.
    activate(&root, Some(1)).unwrap();
    remove(&root, &["hello"]).unwrap();
    let generations = root.generations().unwrap();
    let shape: Vec<_> = generations.iter().map(|g| (g.number, g.parent, g.live)).collect();
    assert_eq!(shape, [(1, None, false), (2, Some(1), false), (3, Some(1), true)]);
}

#[test]
fn a_path_at_the_root_leads_to_the_live_generation() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let hello = root.path().join("usr/bin/hello");
    assert!(hello.is_file());
    assert_eq!(std::fs::read_link(root.path().join("usr")).unwrap(), Path::new(".ambar/current/usr"));
    assert_eq!(std::fs::read_link(root.path().join(".ambar/current")).unwrap(), Path::new("generations/1"));
    remove(&root, &["hello"]).unwrap();
    assert!(!hello.exists());
}

#[test]
fn a_plan_is_data_and_says_what_is_stored_already() {
    let (_dir, root) = new_root();
    let request = |files: Vec<std::path::PathBuf>| {
        Request::install(files.into_iter().map(OsPath).collect(), Options::default())
    };
    let plan = root.plan(request(old_set())).unwrap();
    assert!(plan.items.iter().all(|item| item.action == Action::Install && item.stored == 0));
    assert!(!root.path().exists(), "a plan makes nothing");
    let json = serde_json::to_string(&plan).unwrap();
    let plan: ambar::Plan = serde_json::from_str(&json).unwrap();
    plan.execute(&Silent).unwrap();

    // What needs it goes with it.
    let plan = root.plan(Request::Remove { names: vec!["greet-config".into()], options: Options::default() });
    root.execute(&plan.unwrap(), &Silent).unwrap();
    assert_eq!(names(&root), ["libgreet 1.0-1"]);
    let again = root.plan(request(vec![example(CONFIG)])).unwrap();
    assert_eq!(again.items[0].stored, again.items[0].installed_size);
    assert!(again.items[0].package.is_some(), "a file that was read before is known by its digest");
    let nothing = root.plan(request(vec![example(LIB_1)])).unwrap();
    assert!(nothing.is_empty());
    assert!(!root.execute(&nothing, &Silent).unwrap().changed);
}

#[test]
fn a_saved_plan_goes_on_only_if_it_still_says_what_happens() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let request = Request::Remove { names: vec!["hello".into()], options: Options::default() };
    let plan = root.plan(request).unwrap();
    remove(&root, &["greet-config"]).unwrap();
    root.execute(&plan, &Silent).unwrap();
    assert_eq!(names(&root), ["libgreet 1.0-1"]);
    let error = root.execute(&plan, &Silent).unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

#[test]
fn missing_dependencies_are_listed_and_nothing_happens() {
    let (_dir, root) = new_root();
    let error = install_with(&root, &[example(HELLO_1)], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.to_string().contains("hello") && error.to_string().contains("libgreet"), "{error}");
    assert!(!root.path().exists());

    install_with(&root, &old_set(), Options::default()).unwrap();
    // The new hello needs the new library; removing the library would break hello.
    assert!(matches!(
        install_with(&root, &[example(HELLO_2)], Options::default()),
        Err(Error::Impossible(_))
    ));
    let alone = Options { no_dependents: true, ..Options::default() };
    let plan = root.plan(Request::Remove { names: vec!["libgreet".into()], options: alone });
    assert_eq!(plan.unwrap_err().class(), Class::Conflict);
    assert_eq!(root.generations().unwrap().len(), 1);
}

#[test]
fn what_is_not_installed_gets_a_suggestion() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let error = remove(&root, &["libgret"]).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert!(error.to_string().contains("libgreet"), "{error}");
}

#[test]
fn configuration_that_was_changed_here_survives() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let conf = root.path().join("etc/greet.conf");
    std::fs::write(&conf, "greeting = mine\n").unwrap();
    std::fs::write(root.path().join("etc/hostname"), "here\n").unwrap();
    install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "greeting = mine\n");
    assert_eq!(std::fs::read_to_string(root.path().join("etc/hostname")).unwrap(), "here\n");
    // Going back brings back the packages' configuration as it was left there, and the machine's goes along.
    std::fs::write(root.path().join("etc/hostname"), "renamed\n").unwrap();
    std::fs::write(&conf, "greeting = later\n").unwrap();
    activate(&root, None).unwrap();
    assert_eq!(std::fs::read_to_string(root.path().join("etc/hostname")).unwrap(), "renamed\n");
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "greeting = mine\n");
    // Removing the package leaves what was changed.
    remove(&root, &["greet-config"]).unwrap();
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "greeting = mine\n");
}

#[test]
fn files_of_machine_directories_come_and_go_unless_changed() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let in_var = |root: &Root| -> Vec<_> {
        tree(&root.path().join("var/lib")).into_iter().filter(|(_, seen)| seen.kind == 'f').collect()
    };
    let shipped = in_var(&root);
    assert!(!shipped.is_empty());
    remove(&root, &["greet-config"]).unwrap();
    assert!(in_var(&root).is_empty());
    activate(&root, None).unwrap();
    assert_eq!(in_var(&root).len(), shipped.len());
    let file = root.path().join("var/lib").join(&shipped[0].0);
    std::fs::write(&file, "changed here").unwrap();
    let outcome = remove(&root, &["greet-config"]).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "changed here");
    assert!(outcome.notes.iter().any(|note| note.contains("var/lib")), "{:?}", outcome.notes);
}

#[test]
fn collecting_keeps_what_is_live_and_frees_the_rest() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
    let would = root.collect(Some(1), true, &Silent).unwrap();
    assert_eq!(would.generations, [1]);
    assert_eq!(would.packages, ["hello 1.0-1", "libgreet 1.0-1"]);
    assert_eq!(root.generations().unwrap().len(), 2, "a dry run takes nothing");
    let objects = || tree(&root.path().join(".ambar/objects")).len() as u64;
    let before = objects();
    let took = root.collect(Some(1), false, &Silent).unwrap();
    assert_eq!(took, would);
    assert_eq!(objects(), before - took.objects);
    verified(&root);
    assert_eq!(activate(&root, Some(1)).unwrap_err().class(), Class::NotFound);
    // And it comes back from its file.
    install(&root, &[example(HELLO_1), example(LIB_1)]).unwrap();
    verified(&root);
}

#[test]
fn two_roots_share_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mut a = Root::open(&dir.path().join("a")).unwrap();
    let mut b = Root::open(&dir.path().join("b")).unwrap();
    a.init(Some(&store)).unwrap();
    b.init(Some(&store)).unwrap();
    install(&a, &old_set()).unwrap();
    let objects = tree(&store.join("objects"));
    install(&b, &old_set()).unwrap();
    assert_eq!(tree(&store.join("objects")), objects, "the second root writes no object");
    assert_eq!(live_tree(a.path()), live_tree(b.path()));
    // What one collects, the other keeps.
    remove(&a, &["hello", "libgreet", "greet-config"]).unwrap();
    a.collect(Some(1), false, &Silent).unwrap();
    verified(&b);
    assert!(b.path().join("usr/bin/hello").is_file());
}

#[test]
fn what_is_in_the_way_is_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("usr")).unwrap();
    std::fs::write(dir.path().join("usr/mine"), "mine").unwrap();
    let mut root = Root::open(dir.path()).unwrap();
    assert_eq!(install(&root, &old_set()).unwrap_err().class(), Class::Conflict);
    assert!(!dir.path().join(".ambar").exists());
    root.init(None).unwrap();
    let error = install(&root, &old_set()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.to_string().contains("usr"), "{error}");
    assert_eq!(std::fs::read_to_string(dir.path().join("usr/mine")).unwrap(), "mine");
    assert_eq!(root.generations().unwrap().len(), 0);
}

#[test]
fn an_edit_through_a_link_is_found_and_never_linked_again() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let hello = root.path().join("usr/bin/hello");
    let original = std::fs::read(&hello).unwrap();
    let mut permissions = std::fs::metadata(&hello).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&hello, permissions).unwrap();
    std::fs::write(&hello, "edited").unwrap();
    let findings = root.verify(&[], &Silent).unwrap();
    assert!(findings.iter().any(|finding| finding.packages == ["hello"]), "{findings:#?}");
    // The next generation has the package's own content again, from the cache.
    remove(&root, &["greet-config"]).unwrap();
    assert_eq!(std::fs::read(&hello).unwrap(), original);
    verified(&root);
}

#[test]
fn an_etc_that_nobody_needs_any_more_goes() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    remove(&root, &["greet-config"]).unwrap();
    assert!(!root.path().join("etc").is_symlink());
    activate(&root, None).unwrap();
    assert!(root.path().join("etc/greet.conf").is_file());
    // What the machine has there stays reachable whoever else leaves, and what it deletes stays deleted.
    let mine = root.path().join("etc/mine");
    std::fs::write(&mine, "mine").unwrap();
    remove(&root, &["greet-config"]).unwrap();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    std::fs::remove_file(&mine).unwrap();
    remove(&root, &["hello"]).unwrap();
    assert!(!root.path().join("etc").is_symlink());
    activate(&root, None).unwrap();
    assert!(!mine.exists());
}

#[test]
fn a_copied_root_gets_a_life_of_its_own() {
    let (dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    let copy = dir.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(root.path()).arg(&copy).status().unwrap();
    assert!(copied.success());
    let copy = Root::open(&copy).unwrap();
    assert_eq!(names(&copy), names(&root));
    remove(&copy, &["hello"]).unwrap();
    install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
    assert_eq!(names(&copy), ["greet-config 1-1", "libgreet 1.0-1"]);
    let id = |root: &Root| std::fs::read_to_string(root.path().join(".ambar/id")).unwrap();
    assert_ne!(id(&root).lines().next(), id(&copy).lines().next());
    verified(&copy);
    verified(&root);
}

#[test]
fn a_path_finds_its_owner_through_links_too() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    for path in ["/usr/bin/hello", "usr/bin/hello"] {
        let owners = root.owners(Path::new(path)).unwrap();
        assert_eq!(owners.len(), 1, "{path}");
        assert_eq!(owners[0].name, "hello");
    }
    let inside = root.path().join("usr/bin/hello");
    assert_eq!(root.owners(&inside).unwrap()[0].name, "hello");
    assert_eq!(root.owners(Path::new("/usr/bin/helo")).unwrap_err().class(), Class::NotFound);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let made = [1, 2, 8].map(|threads| {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::with_threads(&dir.path().join("root"), threads).unwrap();
        install(&root, &old_set()).unwrap();
        install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
        let objects: Vec<_> = tree(&root.path().join(".ambar/objects")).into_keys().collect();
        let packages = root.packages().unwrap();
        (objects, packages, live_tree(root.path()))
    });
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[test]
fn a_lost_record_or_manifest_is_named() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
    let record = root.path().join(".ambar/records/1");
    let mut bytes = std::fs::read(&record).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&record, bytes).unwrap();
    let findings = root.verify(&[], &Silent).unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].subject, ambar::Subject::Record);
    assert!(findings[0].location.ends_with("records/1"));
}

#[test]
fn what_nobody_shipped_is_reported_in_the_live_tree() {
    let (_dir, root) = new_root();
    install(&root, &old_set()).unwrap();
    std::fs::write(root.path().join("usr/bin/stray"), "mine").unwrap();
    std::fs::remove_file(root.path().join("usr/bin/hello")).unwrap();
    let findings = root.verify(&[], &Silent).unwrap();
    let problems: Vec<_> = findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(problems, ["it is missing", "no package has it"]);
    // Asking for one package leaves the others' troubles out.
    assert!(root.verify(&["libgreet".into()], &Silent).unwrap().is_empty());
    assert_eq!(root.verify(&["hello".into()], &Silent).unwrap().len(), 1);
}

#[test]
fn a_superseded_tree_is_closed_unless_somebody_is_in_it() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only roots with superuser rights close their old trees");
        return;
    }
    if std::fs::read_link("/proc/1/cwd").is_err() {
        println!("skipped: a process that cannot be looked at may be anywhere");
        return;
    }
    let (_dir, root) = new_root();
    let mode = |generation: u64| {
        let tree = root.path().join(format!(".ambar/generations/{generation}"));
        std::fs::metadata(tree).unwrap().permissions().mode() & 0o777
    };
    install(&root, &old_set()).unwrap();
    let mut inside = std::process::Command::new("sleep")
        .arg("600")
        .current_dir(root.path().join("usr/bin"))
        .spawn()
        .unwrap();
    install(&root, &[example(HELLO_2), example(LIB_2)]).unwrap();
    let while_used = mode(1);
    inside.kill().unwrap();
    inside.wait().unwrap();
    remove(&root, &["hello"]).unwrap();
    assert_eq!((while_used, mode(1), mode(2), mode(3)), (0o755, 0o700, 0o700, 0o755));
    activate(&root, Some(1)).unwrap();
    assert_eq!((mode(1), mode(3)), (0o755, 0o700));
}
