//! Several packages of one name, as they are shown and named.

use crate::place::Place;

/// Packs `kernel` in that slot, with one file.
fn kernel(place: &Place, version: &str, slot: &str) -> String {
    let top = place.path().join(format!("kernel-{version}"));
    std::fs::create_dir_all(top.join("usr/lib")).unwrap();
    std::fs::write(top.join(format!("usr/lib/kernel-{slot}")), version).unwrap();
    let description = place.path().join("package.toml");
    let text = format!("name = \"kernel\"\nversion = \"{version}\"\nslot = \"{slot}\"\n");
    std::fs::write(&description, text).unwrap();
    let file = place.path().join(format!("kernel-{version}.ambar")).to_str().unwrap().to_owned();
    let (top, description) = (top.to_str().unwrap(), description.to_str().unwrap());
    assert_eq!(place.run(["pack", top, "-o", &file, "--manifest", description]).code, 0);
    file
}

fn installed() -> Place {
    let place = Place::new();
    let (one, two) = (kernel(&place, "5.1", "5"), kernel(&place, "6.1", "6"));
    assert_eq!(place.run(["install", "-y", &one, &two]).code, 0);
    place
}

#[test]
fn a_name_means_all_of_it_to_list_info_and_files() {
    let place = installed();
    assert_eq!(place.list(), ["kernel:5 5.1", "kernel:6 6.1"]);
    let packages = &place.json(["list"])["result"]["packages"];
    assert_eq!((&packages[0]["name"], &packages[0]["slot"]), (&"kernel".into(), &"5".into()));
    let info = place.run(["info", "kernel"]).out;
    assert!(info.contains("5.1") && info.contains("6.1"), "{info}");
    let info = place.json(["info", "kernel"])["result"].clone();
    assert_eq!(
        (&info["kind"], &info["packages"][1]["manifest"]["version"]),
        (&"packages".into(), &"6.1".into())
    );
    let info = place.json(["info", "kernel:6"])["result"].clone();
    assert_eq!((&info["kind"], &info["manifest"]["version"]), (&"package".into(), &"6.1".into()));
    let files = place.run(["files", "kernel"]).out;
    let lines: Vec<&str> = files.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("kernel:")).count(), 2, "{files}");
    assert!(lines.contains(&"usr/lib/kernel-5") && lines.contains(&"usr/lib/kernel-6"), "{files}");
    let files = place.run(["files", "kernel:5"]).out;
    assert!(files.contains("usr/lib/kernel-5") && !files.contains("kernel-6"), "{files}");
    let entries = place.json(["files", "kernel"])["result"]["entries"].clone();
    assert!(entries.as_array().unwrap().iter().any(|entry| entry["package"] == "kernel:6"));
    assert_eq!(place.run(["owns", "usr/lib/kernel-6"]).out, "kernel:6 6.1\n");
}

#[test]
fn a_name_of_several_is_not_removed_until_it_is_said_which() {
    let place = installed();
    let refused = place.run(["remove", "-y", "kernel"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("say which of kernel:5, kernel:6"), "{refused:?}");
    let error = place.json(["remove", "-y", "kernel"])["error"].clone();
    assert_eq!(error["class"], "usage");
    let removed = place.run(["remove", "-y", "kernel:5"]);
    assert!(removed.out.contains("remove  kernel:5  5.1"), "{removed:?}");
    assert_eq!(place.list(), ["kernel:6 6.1"]);
    assert!(place.run(["diff", "1..2"]).out.contains("kernel:5"), "the difference says which");
    assert!(place.run(["history"]).out.contains("install kernel:5 kernel:6"));
    assert_eq!(place.run(["remove", "-y", "kernel"]).code, 0);
}
