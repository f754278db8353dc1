//! Plans in files, and marks.

use serde_json::{Value, json};

use crate::place::{CONFIG, HELLO_2, LIB_1, LIB_2, Place, Ran, example, program, ran};

#[track_caller]
fn good(ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn reasons(place: &Place) -> Vec<String> {
    let object = place.json(["list"]);
    let packages = object["result"]["packages"].as_array().unwrap().clone();
    packages.iter().map(|one| format!("{} {}", one["name"], one["reason"]).replace('"', "")).collect()
}

#[test]
fn a_mark_is_a_generation_with_the_same_packages() {
    let place = Place::installed();
    let before = place.greeting();
    let ran = place.run(["mark", "-y", "automatic", "libgreet", "greet-config"]);
    good(&ran);
    assert!(ran.out.contains("mark    libgreet      1.0-1"), "{ran:?}");
    assert!(ran.out.contains("automatic"), "{ran:?}");
    assert_eq!(place.live(), "generations/2");
    assert_eq!(reasons(&place), ["greet-config automatic", "hello explicit", "libgreet automatic"]);
    assert_eq!(place.greeting(), before);
    good(&place.run(["verify"]));
    let names = |arguments: [&str; 2]| {
        let out = place.run(arguments).out;
        out.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(["list", "--explicit"]), ["hello"]);
    assert_eq!(names(["list", "--automatic"]), ["greet-config", "libgreet"]);

    // What is so already makes no generation, and needs no agreement.
    let ran = place.run(["mark", "automatic", "libgreet"]);
    good(&ran);
    assert!(ran.out.contains("Nothing is to be done."), "{ran:?}");
    let diff = place.json(["diff", "1..2"]);
    let actions: Vec<&Value> =
        diff["result"]["items"].as_array().unwrap().iter().map(|item| &item["action"]).collect();
    assert_eq!(actions, ["mark", "mark"]);
    let causes = place.run(["generations"]).out;
    assert!(causes.contains("mark automatic libgreet greet-config"), "{causes}");

    good(&place.run(["rollback", "-y"]));
    assert_eq!(reasons(&place), ["greet-config explicit", "hello explicit", "libgreet explicit"]);
    assert_eq!(place.run(["mark", "-y", "explicit", "nothing"]).code, 3);
    assert_eq!(place.run(["mark", "-y", "sometimes", "hello"]).code, 2);
}

#[test]
fn a_package_that_is_named_becomes_explicit() {
    let place = Place::installed();
    good(&place.run(["mark", "-y", "automatic", "libgreet", "greet-config"]));
    good(&place.run(["install", "-y", &example(HELLO_2), &example(LIB_2)]));
    assert_eq!(reasons(&place), ["greet-config automatic", "hello explicit", "libgreet explicit"]);
    // Installed already: only the reason changes.
    let ran = place.run(["install", "-y", &example(CONFIG)]);
    good(&ran);
    assert!(ran.out.contains("mark    greet-config"), "{ran:?}");
    assert_eq!(reasons(&place)[0], "greet-config explicit");
    assert!(place.run(["history"]).out.contains("install greet-config"));
    good(&place.run(["verify"]));
}

#[test]
fn a_mark_repairs_what_it_needs_on_the_way() {
    let place = Place::installed();
    // The content of files is gone from the store: the tree of the new generation cannot be made of it.
    let objects = place.root().join(".ambar/objects");
    let mut damaged = 0;
    for directory in std::fs::read_dir(objects).unwrap() {
        for object in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = object.unwrap().path();
            if !path.to_str().unwrap().ends_with("-444") {
                std::fs::remove_file(path).unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
    let ran = place.run(["mark", "-y", "automatic", "libgreet"]);
    good(&ran);
    assert_eq!(reasons(&place), ["greet-config explicit", "hello explicit", "libgreet automatic"]);
    // Configuration is carried over from the live tree, so what the store has of it was not looked at.
    good(&place.run(["verify", "hello", "libgreet"]));
}

/// A plan for an upgrade, in a file.
fn planned(place: &Place) -> String {
    let file = place.path().join("upgrade.plan").to_str().unwrap().to_owned();
    for name in [HELLO_2, LIB_2] {
        std::fs::copy(example(name), place.path().join(name)).unwrap();
    }
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let ran = place.run(["plan", "install", &at(HELLO_2), &at(LIB_2), "-o", &file]);
    good(&ran);
    assert!(ran.out.contains("upgrade  hello     1.0-1 → 1.1-2"), "{ran:?}");
    assert!(ran.out.contains("`ambar apply"), "{ran:?}");
    assert_eq!(place.live(), "generations/1");
    file
}

#[test]
fn a_plan_is_shown_and_nothing_is_done() {
    let place = Place::installed();
    let ran = place.run(["plan", "remove", "hello"]);
    good(&ran);
    assert!(ran.out.contains("remove  hello"), "{ran:?}");
    let object = place.json(["plan", "mark", "automatic", "hello"]);
    assert_eq!(object["result"]["plan"]["items"][0]["action"], "mark");
    assert_eq!(
        object["result"]["plan"]["request"],
        json!({ "do": "mark", "names": ["hello"], "reason": "automatic" })
    );
    assert_eq!(object["result"]["file"], Value::Null);
    assert_eq!(place.run(["plan", "remove", "--no-dependents", "libgreet"]).code, 4);
    assert_eq!(place.run(["plan", "rollback"]).code, 3);
    let file = place.path().join("dry.plan");
    good(&place.run(["plan", "remove", "-n", "hello", "-o", file.to_str().unwrap()]));
    assert!(!file.exists());
    assert_eq!(place.live(), "generations/1");
}

#[test]
fn a_saved_plan_is_applied_to_the_root_it_was_made_for() {
    let place = Place::installed();
    let file = planned(&place);
    // The plan knows its root.
    let ran = ran(program().args(["apply", "-y", &file]));
    good(&ran);
    assert!(ran.out.contains("Generation 2 is live"), "{ran:?}");
    assert_eq!(place.greeting(), "Good day! This is hello 1.1.");
    let again = place.run(["apply", "-y", &file]);
    assert_eq!(again.code, 4, "{again:?}");
    assert!(again.err.contains("it starts from generation 1, and generation 2 is live"), "{again:?}");
}

#[test]
fn a_saved_plan_makes_a_root_that_is_not_there_yet() {
    let place = Place::new();
    let file = place.path().join("first.plan").to_str().unwrap().to_owned();
    good(&place.run(["plan", "install", &example(CONFIG), "-o", &file]));
    assert!(!place.root().exists());
    good(&place.run(["apply", "-y", &file]));
    assert_eq!(place.list(), ["greet-config 1-1"]);
    assert!(
        place
            .run(["apply", "-y", &file])
            .err
            .contains("it starts from no generation, and generation 1 is live")
    );
}

#[test]
fn a_saved_plan_that_does_not_fit_any_more_is_4_and_says_why() {
    let place = Place::installed();
    let file = planned(&place);
    std::fs::remove_file(place.path().join(HELLO_2)).unwrap();
    std::fs::copy(example(LIB_1), place.path().join(LIB_2)).unwrap();
    good(&place.run(["mark", "-y", "automatic", "greet-config"]));
    let ran = place.run(["apply", "-y", &file]);
    assert_eq!(ran.code, 4, "{ran:?}");
    for text in [
        "it starts from generation 1, and generation 2 is live".to_owned(),
        format!("{} is gone", place.path().join(HELLO_2).display()),
        format!("{} has other content", place.path().join(LIB_2).display()),
    ] {
        assert!(ran.err.contains(&text), "{text} is missing: {ran:?}");
    }
    assert_eq!(place.live(), "generations/2");

    let other = Place::installed();
    let ran = other.run(["apply", "-y", &file]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("it is for the root"), "{ran:?}");
}

#[test]
fn a_file_that_is_no_plan_of_ours_is_7() {
    let place = Place::installed();
    let file = planned(&place);
    let whole: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let refused = |text: &str, reason: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = place.run(["apply", "-y", &file]);
        assert_eq!(ran.code, 7, "{ran:?}");
        assert!(ran.err.contains(&file) && ran.err.contains(reason), "{reason} is missing: {ran:?}");
        assert_eq!(place.live(), "generations/1");
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = whole.clone();
        change(&mut value);
        value.to_string()
    };
    refused("", "it is no plan");
    refused("[1]", "it is no plan");
    refused(&"[".repeat(100_000), "it is no plan");
    refused(&changed(&|plan| plan["ambar-plan"] = json!(2)), "it is a plan of version 2");
    // A newer version may look different in every other respect.
    refused("{\"ambar-plan\": 7, \"more\": [1]}", "it is a plan of version 7");
    refused(&changed(&|plan| plan["plan"]["more"] = json!(1)), "unknown field `more`");
    refused(&changed(&|plan| plan["plan"]["items"][0]["more"] = json!(1)), "unknown field `more`");
    refused(&changed(&|plan| plan["plan"]["request"]["more"] = json!(1)), "unknown field `more`");
    refused(&changed(&|plan| plan["plan"]["request"]["options"]["more"] = json!(1)), "unknown field `more`");
    refused(&changed(&|plan| plan["plan"]["items"][0]["name"] = json!("other")), "it was changed after");
    let large = std::fs::File::create(&file).unwrap();
    large.set_len(65 << 20).unwrap();
    let ran = place.run(["apply", "-y", &file]);
    assert_eq!(ran.code, 7);
    assert!(ran.err.contains("larger than"), "{ran:?}");
    assert_eq!(place.run(["apply", "-y", "/nonexistent/plan"]).code, 3);
}
