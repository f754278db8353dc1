//! Package files without a root: inspecting, extracting, comparing versions.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::place::{CONFIG, HELLO_2, LIB_1, Place, example, json, program, ran};

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
