//! Package files without a root: inspecting, extracting, comparing versions.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::place::{CONFIG, HELLO_1, HELLO_2, LIB_1, Place, example, json, program, ran};

#[test]
fn inspect_shows_all_that_a_file_says() {
    let ran = ran(program().args(["inspect", &example(CONFIG)]));
    assert_eq!(ran.code, 0);
    for line in [
        "name          greet-config",
        "version       1-1",
        "summary tr    libgreet ayarları",
        "script        comar/package.py (System.Package",
        "var/lib/greet/visitors",
        "permanent",
        "0644",
    ] {
        assert!(ran.out.contains(line), "{line} is missing:\n{}", ran.out);
    }
    let object = json(program().args(["--json", "inspect", &example(HELLO_2)]));
    let result = &object["result"];
    assert_eq!(result["format"], "pisi-1.2");
    assert_eq!(result["manifest"]["relations"][0]["alternatives"][0]["name"], "libgreet");
    assert_eq!(result["manifest"]["history"].as_array().unwrap().len(), 2);
    let hello =
        result["entries"].as_array().unwrap().iter().find(|entry| entry["path"] == "usr/bin/hello").unwrap();
    assert_eq!(hello["mode"], "0755");
    assert_eq!(hello["size"], 298);
}

#[test]
fn inspect_leaves_the_payload_alone() {
    let place = Place::new();
    let mut bytes = std::fs::read(example(LIB_1)).unwrap();
    let payload = bytes.windows(16).position(|window| window == b"install.tar.lzma").unwrap() + 200;
    bytes[payload] ^= 1;
    let file = place.path().join("damaged.pisi");
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(place.run(["inspect", file.to_str().unwrap()]).code, 0);
    assert_eq!(place.run(["install", "-y", file.to_str().unwrap()]).code, 7);
}

#[test]
fn extract_unpacks_into_an_empty_directory_only() {
    let place = Place::new();
    let to = place.path().join("unpacked");
    let ran = place.run(["extract", &example(LIB_1), to.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("libgreet 1.0-1: 7 paths checked and unpacked into "), "{ran:?}");
    assert_eq!(std::fs::read_link(to.join("usr/lib/libgreet.so")).unwrap().to_str(), Some("libgreet.so.1"));
    let (a, b) = (to.join("usr/share/greet/en.txt"), to.join("usr/share/greet/fallback.txt"));
    assert_eq!(std::fs::metadata(&a).unwrap().ino(), std::fs::metadata(&b).unwrap().ino());
    let mode = std::fs::metadata(to.join("usr/lib/libgreet.so.1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);

    let ran = place.run(["extract", &example(LIB_1), to.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is not empty"), "{ran:?}");
}

/// A directory with one small file, below `place`.
fn tree(place: &Place) -> String {
    let tree = place.path().join("tree");
    std::fs::create_dir_all(tree.join("etc")).unwrap();
    std::fs::write(tree.join("etc/one"), "1").unwrap();
    tree.to_str().unwrap().to_owned()
}

#[test]
fn pack_refuses_what_makes_no_sense_and_writes_nothing() {
    let place = Place::new();
    let tree = tree(&place);
    let out = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let pack = |to: &str, more: [&str; 2]| {
        place.run(["pack", &tree, "-o", to, "--name", "one", "--version", "1", more[0], more[1]])
    };
    for (to, more, word) in [
        (out("tree/one.ambar"), ["--arch", "all"], "in the directory that is packed"),
        (out("tree"), ["--format", "ambar"], "in the directory that is packed"),
        (out(""), ["--arch", "all"], "--format ambar"),
        (out("one.pisi"), ["--level", "22"], "levels 0 to 9"),
        (out("one.ambar"), ["--level", "0"], "levels 1 to 22"),
    ] {
        let ran = pack(&to, more);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(word), "{ran:?}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "only the tree is there");
    assert_eq!(pack(&out(""), ["--format", "ambar"]).code, 0);
    assert!(place.path().join("one-1.ambar").exists());
}

#[test]
fn what_a_format_cannot_hold_is_no_damage() {
    let place = Place::new();
    let tree = tree(&place);
    let native = place.path().join("one.ambar").to_str().unwrap().to_owned();
    let made = place.run(["pack", &tree, "-o", &native, "--name", "one", "--version", "1.0-2+deb"]);
    assert_eq!(made.code, 0, "{made:?}");
    let ran = place.run(["repack", &native, "-o", place.path().join("one.pisi").to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("cannot write ") && !ran.err.contains("Get the file again"), "{ran:?}");
}

#[test]
fn a_dry_run_neither_signs_nor_makes_keys() {
    let place = Place::new();
    let name = place.path().join("key").to_str().unwrap().to_owned();
    let (key, tree) = (format!("{name}.key"), tree(&place));
    assert_eq!(place.run(["-n", "key", "generate", &name, "--no-password"]).code, 2);
    assert!(!place.path().join("key.key").exists());
    assert_eq!(place.run(["key", "generate", &name, "--no-password"]).code, 0);
    let again = place.run(["key", "generate", &name, "--no-password"]);
    assert!(again.code == 1 && again.err.contains("is there already"), "{again:?}");

    let file = place.path().join("one.ambar");
    let path = file.to_str().unwrap();
    assert_eq!(place.run(["pack", &tree, "-o", path, "--name", "one", "--version", "1"]).code, 0);
    let before = std::fs::read(&file).unwrap();
    assert_eq!(place.run(["-n", "sign", path, "--key", &key]).code, 2);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(place.run(["sign", path, "--key", &key]).code, 0);
    assert_ne!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn an_empty_password_protects_no_key() {
    let place = Place::new();
    let (name, password) = (place.path().join("key"), place.path().join("password"));
    std::fs::write(&password, "\n").unwrap();
    let (name, password) = (name.to_str().unwrap(), password.to_str().unwrap());
    let ran = place.run(["key", "generate", name, "--password-file", password]);
    assert!(ran.code == 2 && ran.err.contains("is empty"), "{ran:?}");
    assert!(!place.path().join("key.key").exists());
}

#[test]
fn extracting_a_delta_says_which_base_it_lacks() {
    let place = Place::new();
    let delta = place.path().join("hello.delta.ambar").to_str().unwrap().to_owned();
    assert_eq!(place.run(["delta", &example(HELLO_1), &example(HELLO_2), "-o", &delta]).code, 0);
    let to = place.path().join("unpacked");
    let ran = place.run(["extract", &delta, to.to_str().unwrap()]);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.err.contains("a delta against hello with id ") && ran.err.contains("--base"), "{ran:?}");
    assert!(!to.exists());
}
