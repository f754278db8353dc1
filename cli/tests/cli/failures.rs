//! Failures and their exit codes. In each case the live generation is what it was.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::place::{CONFIG, HELLO_1, HELLO_2, LIB_1, LIB_2, Place, example, program, ran};

#[test]
fn a_command_line_that_makes_no_sense_is_2() {
    let place = Place::new();
    for arguments in [["install", "--bogus"], ["list", "extra"], ["--progress", "loud"], ["diff", "1-2"]] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?} {ran:?}");
        assert!(ran.err.starts_with("ambar: "), "{ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    assert_eq!(place.run([]).code, 2);
    assert_eq!(
        place.run(["install", "-y", &example(HELLO_1), &example(HELLO_2)]).code,
        2,
        "two versions of one name"
    );
}

#[test]
fn misspelt_commands_are_2_and_get_suggestions() {
    let place = Place::new();
    let ran = place.run(["instal", "x"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no command 'instal'; did you mean install?"), "{ran:?}");
    assert!(place.run(["help", "rolback"]).err.contains("did you mean rollback?"));
}

#[test]
fn what_is_not_there_is_3() {
    let place = Place::installed();
    assert_eq!(place.run(["install", "-y", "/nonexistent/x.pisi"]).code, 3);
    assert_eq!(place.run(["inspect", "/nonexistent/x.pisi"]).code, 3);
    assert_eq!(place.run(["rollback", "-y"]).code, 3);
    assert_eq!(place.run(["rollback", "-y", "7"]).code, 3);
    assert_eq!(place.run(["remove", "-y", "nothing"]).code, 3);
}

#[test]
fn relations_that_would_not_hold_are_4() {
    let place = Place::installed();
    let ran = place.run(["install", "-y", &example(HELLO_2)]);
    assert_eq!(ran.code, 4);
    let needs = "hello 1.1-2 (file) needs libgreet (>= 1.2), but there is only libgreet 1.0-1 (installed)";
    assert!(ran.err.contains(needs), "{ran:?}");
    let object = place.json(["install", "-y", &example(HELLO_2)]);
    let facts = &object["error"]["explanation"]["facts"];
    assert_eq!((&facts[0]["code"], &facts[1]["code"]), (&"requested".into(), &"needs".into()));
    assert_eq!(facts[1]["packages"][0], "hello 1.1-2");
    assert_eq!(place.live(), "generations/1");
}

#[test]
fn a_directory_of_somebody_else_is_4_and_untouched() {
    let place = Place::new();
    std::fs::create_dir_all(place.root().join("usr/bin")).unwrap();
    let ran = place.run(["install", "-y", &example(CONFIG)]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let names: Vec<_> =
        std::fs::read_dir(place.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["usr"]);
}

#[test]
fn what_this_user_may_not_do_is_5() {
    let place = Place::installed();
    let ambar = place.root().join(".ambar");
    if std::fs::metadata(&ambar).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&ambar, Some(1), None).unwrap();
        let ran = place.run(["install", "-y", "--reinstall", &example(LIB_1)]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.err.contains("belongs to user 1"), "{ran:?}");
    } else {
        let file = place.path().join("unreadable.pisi");
        std::fs::copy(example(LIB_2), &file).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
        assert_eq!(place.run(["install", "-y", file.to_str().unwrap()]).code, 5);
    }
}

#[test]
fn a_lock_that_another_holds_is_6() {
    let place = Place::installed();
    let lock =
        std::fs::File::options().read(true).write(true).open(place.root().join(".ambar/lock")).unwrap();
    lock.lock().unwrap();
    let ran = place.run(["install", "-y", "--reinstall", &example(LIB_1)]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.err.contains("wait for it to finish"), "{ran:?}");
    assert_eq!(place.list().len(), 3, "questions do not wait");
    drop(lock);
    assert_eq!(place.run(["install", "-y", "--reinstall", &example(LIB_1)]).code, 0);
}

#[test]
fn damaged_packages_are_7_and_leave_nothing() {
    let place = Place::new();
    let whole = std::fs::read(example(LIB_2)).unwrap();
    let damaged = place.path().join("damaged.pisi");
    let file = damaged.to_str().unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 0x10;
    for bytes in [&whole[..middle], &flipped, b"not a package"] {
        std::fs::write(&damaged, bytes).unwrap();
        let ran = place.run(["install", "-y", "--ignore-dependency", file]);
        assert_eq!(ran.code, 7, "{ran:?}");
        assert!(ran.err.contains("damaged.pisi"), "the file is named: {ran:?}");
        assert!(!place.root().exists());
        let to = place.path().join("unpacked");
        assert_eq!(place.run(["extract", file, to.to_str().unwrap()]).code, 7);
        assert!(!to.exists());
    }
}

#[test]
fn without_a_home_the_root_must_be_named() {
    let ran = ran(program().arg("list").env_remove("HOME"));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("-D DIR"), "{ran:?}");
}

#[test]
fn the_root_is_found_through_the_environment() {
    let place = Place::installed();
    let list =
        |name: &str, value: &std::path::Path| ran(program().arg("list").env(name, value)).out.lines().count();
    assert_eq!(list("AMBAR_ROOT", &place.root()), 3);
    let data = place.path().join("home/.local/share");
    std::fs::create_dir_all(&data).unwrap();
    std::os::unix::fs::symlink(place.root(), data.join("ambar")).unwrap();
    assert_eq!(list("XDG_DATA_HOME", &data), 3);
    assert_eq!(list("HOME", &place.path().join("home")), 3);
}
