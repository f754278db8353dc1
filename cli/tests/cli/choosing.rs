//! Choosing packages on the command line: what is said, the exit codes, and the JSON.

use crate::place::Place;

/// Packs a package into the place's `shop`; `more` is the rest of its package.toml.
fn put(place: &Place, name: &str, version: &str, more: &str) {
    let top = place.path().join("top");
    std::fs::create_dir_all(top.join("usr/share")).unwrap();
    std::fs::create_dir_all(shop_path(place)).unwrap();
    std::fs::write(top.join("usr/share").join(name), version).unwrap();
    let toml = place.path().join("package.toml");
    std::fs::write(&toml, format!("name = {name:?}\nversion = {version:?}\n{more}")).unwrap();
    let file = shop_path(place).join(format!("{name}-{version}.ambar"));
    let [top, file, toml] = [&top, &file, &toml].map(|path| path.to_str().unwrap());
    let ran = place.run(["pack", top, "-o", file, "--level", "1", "--manifest", toml]);
    assert_eq!(ran.code, 0, "{ran:?}");
    std::fs::remove_dir_all(top).unwrap();
}

fn shop_path(place: &Place) -> std::path::PathBuf {
    place.path().join("shop")
}

fn depends(on: &[&str]) -> String {
    format!("[relations]\ndepends = {on:?}\n")
}

/// `app` needs `lib`, of which there is a newer one; `rival` conflicts with `lib`.
fn shop() -> (Place, String) {
    let place = Place::new();
    put(&place, "app", "1", &depends(&["lib"]));
    put(&place, "lib", "1", "");
    put(&place, "rival", "1", "[relations]\nconflicts = ['lib']\n");
    let from = shop_path(&place).to_str().unwrap().to_owned();
    let ran = place.run(["install", "-y", "app", "--from", &from]);
    assert_eq!(ran.code, 0, "{ran:?}");
    put(&place, "lib", "2", "");
    (place, from)
}

#[test]
fn install_by_name_brings_what_is_needed_and_list_tells_who_asked() {
    let (place, from) = shop();
    assert_eq!(place.list(), ["app 1", "lib 1"]);
    assert_eq!(place.run(["list", "--explicit"]).out.lines().count(), 1);
    let again = place.run(["install", "-y", "app", "--from", &from]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains("Nothing is to be done."), "{again:?}");
    let object = place.json(["install", "-n", "rival", "--allow-removals", "--from", &from]);
    let items = object["result"]["plan"]["items"].as_array().unwrap();
    let shown: Vec<String> =
        items.iter().map(|item| format!("{} {}", item["action"], item["name"])).collect();
    assert_eq!(shown, [r#""remove" "app""#, r#""remove" "lib""#, r#""install" "rival""#]);
    assert_eq!(place.live(), "generations/1");
}

#[test]
fn upgrade_and_downgrade_go_one_way_each() {
    let (place, from) = shop();
    let ran = place.run(["upgrade", "-y", "--from", &from]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("1 → 2"), "{ran:?}");
    let ran = place.run(["upgrade", "-y", "--from", &from]);
    assert!(ran.code == 0 && ran.out.contains("Nothing is to be done."), "{ran:?}");
    let ran = place.run(["upgrade", "-y", "--security-only", "--from", &from]);
    assert!(ran.code == 0 && ran.out.contains("Nothing is to be done."), "{ran:?}");
    assert_eq!(place.run(["downgrade", "-y", "lib", "--from", &from]).code, 0);
    assert_eq!(place.list(), ["app 1", "lib 1"]);
    let ran = place.run(["downgrade", "-y", "lib", "--from", &from]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("no source has a version of lib before 1"), "{ran:?}");
    assert_eq!(place.run(["downgrade", "-y"]).code, 2);
    assert_eq!(place.json(["upgrade", "-y", "absent"])["error"]["class"], "not-found");
    assert_eq!(place.json(["upgrade", "-y", "--from", "/nonexistent"])["error"]["code"], 3);
}

#[test]
fn what_cannot_be_done_is_4_with_an_explanation_for_machines() {
    let (place, from) = shop();
    let ran = place.run(["install", "-y", "rival", "--from", &from]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("what would help:") && ran.err.contains("Nothing has changed"), "{ran:?}");
    let error = place.json(["install", "-y", "rival", "--from", &from])["error"].clone();
    assert_eq!(error["class"], "conflict");
    let facts = error["explanation"]["facts"].as_array().unwrap();
    let codes: Vec<&str> = facts.iter().map(|fact| fact["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"requested") && codes.contains(&"conflicts"), "{error}");
    assert_eq!(error["explanation"]["minimal"], true);
    assert!(!error["explanation"]["corrections"].as_array().unwrap().is_empty(), "{error}");
    let error = place.json(["install", "-y", "rivall", "--from", &from])["error"].clone();
    assert_eq!((&error["code"], &error["explanation"]), (&3.into(), &serde_json::Value::Null));
    assert!(error["message"].as_str().unwrap().contains("did you mean rival?"), "{error}");
    assert_eq!(place.list(), ["app 1", "lib 1"]);
}

#[test]
fn an_explanation_stays_one_where_files_could_not_be_read() {
    let (place, from) = shop();
    std::fs::write(shop_path(&place).join("other.deb"), "cut off").unwrap();
    let error = place.json(["install", "-y", "rival", "--from", &from])["error"].clone();
    assert!(error["explanation"]["facts"].is_array(), "{error}");
    assert!(error["message"].as_str().unwrap().contains("other.deb"), "{error}");
    let ran = place.run(["install", "-y", "rival", "--from", &from]);
    assert!(
        ran.code == 4 && ran.err.contains("other.deb") && ran.err.contains("Nothing has changed"),
        "{ran:?}"
    );
}

#[test]
fn advice_fits_what_went_wrong() {
    let (place, from) = shop();
    let ran = place.run(["install", "-y", "app = 7", "--from", &from]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("there is only app 1"), "{ran:?}");
    assert!(!ran.err.contains("--ignore-dependency"), "it would not help: {ran:?}");
    let ran = place.run(["install", "-y", "rival", "--from", &from]);
    assert!(ran.err.contains("--ignore-dependency"), "{ran:?}");
    let ran = place.run(["install", "-y", "rival"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("--from DIR"), "{ran:?}");
    let ran = place.run(["install", "-y", &from]);
    assert!(ran.err.contains("It is a directory: --from"), "{ran:?}");
    put(&place, "vital", "1", "[properties]\n'deb.essential' = 'yes'\n");
    assert_eq!(place.run(["install", "-y", "vital", "--from", &from]).code, 0);
    assert_eq!(place.run(["mark", "-y", "automatic", "vital"]).code, 0);
    assert_eq!(place.run(["why", "vital"]).out, "vital 1 is essential.\n");
    let ran = place.run(["remove", "-y", "vital"]);
    assert!(ran.code == 4 && ran.err.contains("--remove-essential"), "{ran:?}");
}

#[test]
fn why_and_why_not_answer_with_0_whatever_the_answer_is() {
    let (place, from) = shop();
    assert!(place.run(["why", "app"]).out.contains("app 1 was asked for."));
    assert_eq!(place.run(["why", "lib"]).out, "app 1 needs lib\n");
    let object = place.json(["why", "lib"]);
    assert_eq!(object["result"]["packages"][0]["chain"][0]["to"], "lib");
    assert_eq!(place.run(["why", "absent"]).code, 3);

    let ran = place.run(["why-not", "rival", "--from", &from]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("rival") && ran.out.contains("what would help"), "{ran:?}");
    let object = place.json(["why-not", "rival", "--from", &from]);
    assert_eq!(object["result"]["answer"], "impossible");
    assert!(object["result"]["explanation"]["facts"].is_array());
    assert_eq!(place.json(["why-not", "app", "--from", &from])["result"]["answer"], "installed");
    let object = place.json(["why-not", "lib = 2", "--from", &from]);
    assert_eq!(
        (&object["result"]["answer"], &object["result"]["comes"][0]),
        (&"possible".into(), &"lib 2".into())
    );
    assert_eq!(place.run(["why-not", "absent", "--from", &from]).code, 3);
}

#[test]
fn remove_and_autoremove_take_what_they_say() {
    let (place, _) = shop();
    let ran = place.run(["remove", "-y", "--no-dependents", "lib"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("app needs lib"), "{ran:?}");
    let error = place.json(["remove", "-y", "--no-dependents", "lib"])["error"].clone();
    assert_eq!(error["problems"][0]["package"], "app");
    let ran = place.run(["remove", "-n", "lib"]);
    assert!(ran.out.contains("app needs lib, and goes too"), "{ran:?}");
    assert_eq!(place.run(["autoremove", "-y"]).out, "Nothing is to be done.\n");
    assert_eq!(place.run(["remove", "-y", "app"]).code, 0);
    assert!(place.run(["why", "lib"]).out.contains("nothing needs it"));
    let ran = place.run(["autoremove", "-y"]);
    assert!(ran.code == 0 && ran.out.contains("remove  lib"), "{ran:?}");
    assert!(place.list().is_empty());
}

#[test]
fn a_plan_from_a_directory_is_4_after_the_root_moved_on() {
    let (place, from) = shop();
    let file = place.path().join("plan").to_str().unwrap().to_owned();
    assert_eq!(place.run(["plan", "-o", &file, "upgrade", "--from", &from]).code, 0);
    assert_eq!(place.run(["apply", "-y", &file]).code, 0);
    assert_eq!(place.list(), ["app 1", "lib 2"]);
    assert_eq!(place.run(["apply", "-y", &file]).code, 4);
}
