//! What can be asked of a root.

use crate::place::{CONFIG, Place, example};

#[test]
fn a_root_that_is_not_there_has_nothing() {
    let place = Place::new();
    for command in ["list", "generations", "history", "verify"] {
        assert_eq!(place.run([command]).code, 0, "{command}");
    }
    assert_eq!(place.run(["info"]).code, 3);
    assert_eq!(place.run(["files", "hello"]).code, 3);
    assert!(!place.root().exists());
}

#[test]
fn files_lists_paths_and_where_links_lead() {
    let place = Place::installed();
    let ran = place.run(["files", "libgreet"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "usr/lib/libgreet.so -> libgreet.so.1");
    assert!(lines.contains(&"usr/share/greet/fallback.txt"), "{lines:?}");
    let ran = place.run(["files", "greet-config"]);
    assert!(ran.out.lines().any(|line| line == "var/log/greet/"), "{ran:?}");
}

#[test]
fn owns_finds_a_path_however_it_is_written() {
    let place = Place::installed();
    let below = place.root().join("usr/bin/hello");
    for path in ["usr/bin/hello", "/usr/bin/hello", below.to_str().unwrap()] {
        let ran = place.run(["owns", path]);
        assert_eq!((ran.code, &*ran.out), (0, "hello 1.0-1\n"), "{path}");
    }
    let ran = place.run(["owns", "usr/bin/nothing"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("no installed package has usr/bin/nothing"), "{ran:?}");
}

#[test]
fn generations_differences_and_history_tell_what_happened() {
    let place = Place::upgraded();
    assert_eq!(place.run(["rollback", "-y"]).code, 0);
    let generations = place.run(["generations"]).out;
    let lines: Vec<&str> = generations.lines().collect();
    assert!(
        lines[0].starts_with("*  1  ") && lines[0].ends_with("install greet-config hello libgreet"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("   2  "), "{lines:?}");

    let diff = place.run(["diff", "1..2"]).out;
    assert!(diff.contains("upgrade  hello     1.0-1 → 1.1-2"), "{diff}");
    assert!(diff.contains("2 changes from generation 1 to 2."), "{diff}");
    let diff = place.run(["diff", "2..1"]).out;
    assert!(diff.contains("downgrade  libgreet  1.2-2 → 1.0-1"), "{diff}");
    assert_eq!(place.run(["diff", "1..9"]).code, 3);
    assert_eq!(place.run(["diff", "1"]).code, 2);

    let history = place.run(["history"]).out;
    let causes: Vec<&str> =
        history.lines().map(|line| line.split_once('Z').unwrap_or_default().1.trim()).collect();
    assert_eq!(causes.len(), 3, "{history}");
    assert!(causes[2].contains("rollback"), "{history}");
}

#[test]
fn info_tells_about_roots_packages_and_files() {
    let place = Place::installed();
    let root = place.run(["info"]).out;
    assert!(root.contains("generation    1\n") && root.contains("packages      3\n"), "{root}");
    let package = place.run(["info", "hello"]).out;
    assert!(package.contains("summary       Greets whoever asks\n"), "{package}");
    assert!(package.contains("depends       libgreet (>= 1.0)\n"), "{package}");
    assert!(package.contains("summary tr    Soranı selamlar\n"), "{package}");
    let file = place.run(["info", &example(CONFIG)]).out;
    assert!(file.contains("format        pisi-1.1\n") && file.contains("unsigned"), "{file}");
}

#[test]
fn misspelt_names_get_suggestions() {
    let place = Place::installed();
    for command in ["info", "files", "verify", "remove"] {
        let ran = place.run([command, "helo"]);
        assert_eq!(ran.code, 3, "{command}");
        assert!(ran.err.contains("package helo is not installed; did you mean hello?"), "{ran:?}");
    }
}

#[test]
fn verify_finds_what_was_changed() {
    let place = Place::installed();
    assert_eq!(place.run(["verify"]).code, 0);
    assert_eq!(place.run(["verify", "hello"]).code, 0);
    let file = place.root().join("usr/bin/hello");
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&file, permissions).unwrap();
    std::fs::write(&file, "#!/bin/sh\necho changed\n").unwrap();

    let ran = place.run(["verify"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.out.contains("object") && ran.out.contains("usr/bin/hello"), "{ran:?}");
    assert!(ran.err.contains("verification found"), "{ran:?}");
    let object = place.json(["verify"]);
    assert_eq!(object["error"]["class"], "verification-failed");
    assert!(!object["result"]["findings"].as_array().unwrap().is_empty());
    assert_eq!(place.run(["verify", "greet-config"]).code, 0, "the others are not concerned");
}
