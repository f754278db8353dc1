//! Installing, upgrading, removing, going back, collecting; and what happens when nobody agrees.

use std::io::Write;
use std::process::Stdio;

use crate::place::{CONFIG, HELLO_1, HELLO_2, LIB_1, LIB_2, Place, example, has, program};

#[test]
fn packages_are_installed_upgraded_and_rolled_back() {
    let place = Place::installed();
    assert_eq!(place.list(), ["greet-config 1-1", "hello 1.0-1", "libgreet 1.0-1"]);
    assert_eq!(place.greeting(), "Hello! This is hello 1.0.");
    assert_eq!(place.live(), "generations/1");

    let ran = place.run(["install", "-y", &example(HELLO_2), &example(LIB_2)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("upgrade  hello     1.0-1 → 1.1-2"), "{ran:?}");
    assert!(ran.out.contains("Generation 2 is live; `ambar rollback 1` goes back."), "{ran:?}");
    assert_eq!(place.greeting(), "Good day! This is hello 1.1.");
    assert!(place.root().join("usr/share/greet/fr.txt").exists());
    assert!(!place.root().join("usr/share/greet/de.txt").exists());

    let ran = place.run(["rollback", "-y"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("Generation 1 becomes live again."), "{ran:?}");
    assert_eq!(place.live(), "generations/1");
    assert_eq!(place.greeting(), "Hello! This is hello 1.0.");

    assert_eq!(place.run(["rollback", "-y", "2"]).code, 0);
    assert_eq!(place.greeting(), "Good day! This is hello 1.1.");
    assert_eq!(place.run(["verify"]).code, 0);
}

#[test]
fn packages_are_removed_when_nobody_needs_them() {
    let place = Place::installed();
    let ran = place.run(["remove", "-y", "--no-dependents", "libgreet"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("hello needs libgreet"), "{ran:?}");
    let ran = place.run(["remove", "-n", "libgreet"]);
    assert!(ran.out.contains("hello needs libgreet (>= 1.0), and goes too"), "{ran:?}");
    assert_eq!(place.live(), "generations/1");

    assert_eq!(place.run(["remove", "-y", "hello", "libgreet"]).code, 0);
    assert_eq!(place.list(), ["greet-config 1-1"]);
    assert!(!place.root().join("usr/bin/hello").exists());

    assert_eq!(place.run(["remove", "-y", "greet-config"]).code, 0);
    assert!(place.list().is_empty());
}

#[test]
fn dependencies_can_be_ignored_by_explicit_choice() {
    let place = Place::new();
    assert_eq!(place.run(["install", "-y", &example(HELLO_1)]).code, 4);
    assert!(!place.root().exists(), "nothing is left of a root that came to nothing");
    assert_eq!(place.run(["install", "-y", "--ignore-dependency", &example(HELLO_1)]).code, 0);
    assert_eq!(place.list(), ["hello 1.0-1"]);
}

#[test]
fn the_plan_says_what_people_should_know() {
    let place = Place::new();
    let ran = place.run(["install", "-n", &example(HELLO_1), &example(LIB_1), &example(CONFIG)]);
    assert_eq!(ran.code, 0);
    let first = ran.out.lines().next().unwrap_or_default();
    assert_eq!(
        first.split_whitespace().collect::<Vec<_>>(),
        ["action", "name", "version", "size", "in", "store"]
    );
    assert!(ran.out.contains("unsigned"), "{ran:?}");
    assert!(ran.out.contains("3 packages; 2.8 KiB of content, 0 B of it in the store."), "{ran:?}");
    assert!(ran.out.contains("greet-config: scripts are kept and not run: comar/package.py"), "{ran:?}");
}

#[test]
fn a_dry_run_leaves_nothing_on_disk() {
    let place = Place::new();
    let config = example(CONFIG);
    assert_eq!(place.run(["install", "-n", &config]).code, 0);
    assert_eq!(place.run(["init", "-n"]).code, 0);
    assert!(!place.root().exists());
    let to = place.path().join("unpacked");
    assert_eq!(place.run(["extract", "-n", &config, to.to_str().unwrap()]).code, 0);
    assert_eq!(place.run(["man", "-n", to.to_str().unwrap()]).code, 0);
    assert!(!to.exists());

    let place = Place::upgraded();
    for arguments in [["remove", "hello", "-n"], ["rollback", "1", "-n"], ["gc", "--keep=1", "-n"]] {
        assert_eq!(place.run(arguments).code, 0, "{arguments:?}");
    }
    assert_eq!(place.live(), "generations/2");
    assert_eq!(place.run(["generations"]).out.lines().count(), 2);
}

#[test]
fn without_a_terminal_nothing_happens_unless_told_to() {
    let place = Place::new();
    let ran = place.run(["install", &example(CONFIG)]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("greet-config"), "the plan is shown: {ran:?}");
    assert!(ran.err.contains("Give -y"), "{ran:?}");
    assert!(!place.root().exists());

    let place = Place::upgraded();
    for arguments in [["remove", "hello"], ["rollback", "1"], ["gc", "--keep=1"]] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?} {ran:?}");
    }
    assert_eq!(place.live(), "generations/2");
    assert_eq!(place.run(["generations"]).out.lines().count(), 2);
}

#[test]
fn on_a_terminal_the_person_decides() {
    if !has("script") {
        return;
    }
    let place = Place::new();
    let line =
        format!("{} -D {} install {}", env!("CARGO_BIN_EXE_ambar"), place.root().display(), example(CONFIG));
    let answer = |text: &str| {
        let mut script = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        script.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = script.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, out) = answer("n\n");
    assert!(out.contains("Go on? [y/N]"), "{out}");
    assert_eq!(code, Some(10), "{out}");
    assert!(!place.root().exists());
    assert_eq!(answer("y\n").0, Some(0));
    assert_eq!(place.list(), ["greet-config 1-1"]);
}

#[test]
fn what_is_installed_already_changes_nothing() {
    let place = Place::installed();
    let ran = place.run(["install", &example(LIB_1)]);
    assert_eq!(ran.code, 0, "no agreement is needed: {ran:?}");
    assert!(ran.out.contains("Nothing is to be done."), "{ran:?}");
    assert_eq!(place.live(), "generations/1");
    assert_eq!(place.run(["install", "-y", "--reinstall", &example(LIB_1)]).code, 0);
    assert_eq!(place.live(), "generations/2");
}

#[test]
fn generations_beyond_the_policy_are_collected() {
    let place = Place::upgraded();
    let ran = place.run(["gc", "-n", "--keep", "1"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("generations   1"), "{ran:?}");
    assert!(ran.out.contains("hello 1.0-1"), "{ran:?}");
    assert!(place.root().join(".ambar/records/1").exists());

    let ran = place.run(["gc", "-y", "--keep", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("freed"), "{ran:?}");
    assert!(!place.root().join(".ambar/records/1").exists());
    assert_eq!(place.run(["verify"]).code, 0);
    assert_eq!(place.run(["rollback", "-y", "1"]).code, 3);
    assert_eq!(place.greeting(), "Good day! This is hello 1.1.");
    let ran = place.run(["gc", "--keep", "1"]);
    assert_eq!((ran.code, &*ran.out), (0, "There is nothing to collect.\n"));
}

#[test]
fn roots_can_share_a_store() {
    let place = Place::new();
    let store = place.path().join("store");
    let other = place.path().join("other");
    let ran = place.run(["init", "--store", store.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        place.run(["init", "--store", store.to_str().unwrap(), "-D", other.to_str().unwrap()]).code,
        0
    );
    assert_eq!(place.run(["install", "-y", &example(CONFIG)]).code, 0);
    let plan = place.json(["install", "-n", &example(CONFIG), "-D", other.to_str().unwrap()]);
    let item = &plan["result"]["plan"]["items"][0];
    assert_eq!(item["stored"], item["installed_size"]);
}

#[test]
fn the_quickstart_goes_from_install_to_verify() {
    let place = Place::new();
    let output = program().arg("quickstart").env("TMPDIR", place.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for line in [
        "Hello! This is hello 1.0.",
        "Good day! This is hello 1.1.",
        "$ ambar rollback -y",
        "Everything is as it should be.",
        "The root is ",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
}

#[test]
fn the_quickstart_takes_packages_of_ones_own() {
    let place = Place::new();
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/packages");
    let output = program().args(["quickstart", packages]).env("TMPDIR", place.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("upgrade  hello     1.0-1 → 1.1-2"), "{text}");
    assert!(text.contains("Generation 1 is live"), "{text}");
}

#[test]
fn an_interrupt_stops_cleanly() {
    let place = Place::installed();
    // Nobody reads the progress and its pipe is full, so the program waits at its first event, with the lock.
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let stderr = writer.try_clone().unwrap();
    let filler = std::thread::spawn(move || writer.write_all(&vec![b'\n'; 1 << 20]));
    let child = program()
        .arg("-D")
        .arg(place.root())
        .args(["install", "-y", "--progress", "json", &example(HELLO_2), &example(LIB_2)])
        .stderr(stderr)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let holder = || std::fs::read_to_string(place.root().join(".ambar/lock")).unwrap_or_default();
    while holder().trim() != pid {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let drained = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let output = child.wait_with_output().unwrap();
    filler.join().unwrap().unwrap();
    drop(drained);
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(place.live(), "generations/1");
    assert_eq!(place.run(["generations"]).out.lines().count(), 1);
    assert_eq!(place.run(["verify"]).code, 0);
    assert_eq!(place.run(["install", "-y", &example(HELLO_2), &example(LIB_2)]).code, 0);
}
