//! Holding, masking, protecting, sets, and licences that want to be accepted.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::place::{CONFIG, HELLO_1, HELLO_2, LIB_1, LIB_2, Place, Ran, example, has, program};

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.root().join(".ambar").join(name)).unwrap_or_default()
}

fn write(place: &Place, name: &str, text: &str) {
    let path = place.root().join(".ambar").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[track_caller]
fn good(ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn rules_are_lines_that_people_can_edit_and_comments_stay() {
    let place = Place::installed();
    let ran = place.run(["hold", "hello", "lib*  (>= 1.0)", "--reason", "the new one\nis broken"]);
    good(&ran);
    assert!(ran.out.contains("hello is held.\n"), "{ran:?}");
    let block = "# the new one\n# is broken\n";
    assert_eq!(read(&place, "policy/hold"), format!("{block}hello\n\n{block}lib*  (>= 1.0)\n"));

    write(&place, "policy/hold", "# Mine.\n\n# broken\nhello\nlib* (>= 1.0)\r\n\n# x\njoe\n");
    let ran = place.run(["hold", "--remove", "lib*>=1.0", "joe", "nothing"]);
    good(&ran);
    assert_eq!(ran.out, "lib* (>= 1.0) is no longer held.\njoe is no longer held.\n");
    assert_eq!(read(&place, "policy/hold"), "# Mine.\n\n# broken\nhello\n");
    good(&place.run(["hold", "hello"]));
    assert_eq!(read(&place, "policy/hold"), "# Mine.\n\n# broken\nhello\n", "it is there already");

    let object = place.json(["hold", "--list"]);
    let rules = object["result"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["expression"], "hello");
    assert_eq!(rules[0]["reason"], "broken");
    assert_eq!(rules[0]["line"], 4);
    assert_eq!(rules[0]["file"], place.root().join(".ambar/policy/hold").to_str().unwrap());
    assert_eq!(place.live(), "generations/1", "a policy is no generation");
}

#[test]
fn a_dry_run_changes_no_policy_and_makes_no_root() {
    let place = Place::new();
    let object = place.json(["mask", "-n", "joe"]);
    assert_eq!(object["result"]["added"][0], "joe");
    good(&place.run(["set", "add", "-n", "x", "joe"]));
    assert!(!place.root().exists());
    good(&place.run(["mask", "joe"]));
    assert_eq!(read(&place, "policy/mask"), "joe\n");
    good(&place.run(["mask", "-n", "--remove", "joe"]));
    assert_eq!(read(&place, "policy/mask"), "joe\n");
}

#[test]
fn rules_that_make_no_sense_are_2_and_name_file_and_line() {
    let place = Place::installed();
    for expression in ["joe >=", "# joe", "a:b:c", ""] {
        let ran = place.run(["mask", expression]);
        assert_eq!(ran.code, 2, "{expression} {ran:?}");
    }
    assert!(!place.root().join(".ambar/policy").exists());
    write(&place, "policy/mask", "# fine\njoe\n\njoe >=\n");
    for arguments in [["mask", "--list", "-n"], ["why-masked", "joe", "-n"], ["remove", "hello", "-n"]] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        let there =
            format!("{}:4: 'joe >=' is no relation", place.root().join(".ambar/policy/mask").display());
        assert!(ran.err.contains(&there), "{ran:?}");
    }
    write(&place, "policy/mask", &"lib*\n".repeat(10_001));
    assert!(place.run(["mask", "--list"]).err.contains("mask:10001: with this line"));
    write(&place, "policy/mask", "");
    std::fs::write(place.root().join(".ambar/policy/hold"), b"a\n\xff\n").unwrap();
    assert!(place.run(["hold", "--list"]).err.contains("hold:2: it is not UTF-8 text"));
    std::fs::write(place.root().join(".ambar/policy/hold"), vec![b'#'; 2 << 20]).unwrap();
    assert_ne!(place.run(["hold", "--list"]).code, 0);
}

#[test]
fn why_masked_shows_every_rule_with_its_place_and_unmask_has_the_last_word() {
    let place = Place::installed();
    good(&place.run(["mask", "hello (>= 1.1)", "--reason", "eats configuration"]));
    good(&place.run(["mask", "h*", "joe"]));
    let from = Path::new(&example(HELLO_1)).parent().unwrap().to_str().unwrap().to_owned();
    let object = place.json(["why-masked", "hello", "--from", &from]);
    let masking = &object["result"]["masking"];
    let lines: Vec<_> = masking["mask"].as_array().unwrap().iter().map(|rule| &rule["line"]).collect();
    assert_eq!(lines, [2, 4], "the rule about joe is not about hello");
    let state = |object: &serde_json::Value| -> Vec<String> {
        let packages = object["result"]["masking"]["packages"].as_array().unwrap().clone();
        let line = |value: &serde_json::Value| value["line"].to_string();
        packages
            .iter()
            .map(|one| {
                let at = if one["file"].is_null() { "installed" } else { "file" };
                format!("{} {at} {} {}", one["version"], line(&one["masked_by"]), line(&one["unmasked_by"]))
            })
            .collect()
    };
    assert_eq!(
        state(&object),
        ["\"1.0-1\" installed 4 null", "\"1.0-1\" file 4 null", "\"1.1-2\" file 2 null"]
    );
    good(&place.run(["unmask", "hello<1.1"]));
    let object = place.json(["why-masked", "hello", "--from", &from]);
    assert_eq!(state(&object), ["\"1.0-1\" installed 4 1", "\"1.0-1\" file 4 1", "\"1.1-2\" file 2 null"]);
    let ran = place.run(["why-masked", "hello"]);
    let masks = place.root().join(".ambar/policy/mask");
    assert!(
        ran.out.contains(&format!("masked by hello (>= 1.1) in {}:2\n    eats config", masks.display())),
        "{ran:?}"
    );
    assert!(ran.out.contains("hello 1.0-1 (installed): unmasked"), "{ran:?}");

    // The same rule is a mask or an unmask, not both.
    good(&place.run(["unmask", "h*"]));
    assert!(!read(&place, "policy/mask").contains("h*"));
    good(&place.run(["mask", "h*"]));
    assert_eq!(read(&place, "policy/unmask"), "hello<1.1\n");
    assert!(place.run(["why-masked", "nothing"]).out.contains("No rule masks nothing."));
}

#[test]
fn what_is_protected_is_not_removed_until_the_protection_is_taken_off() {
    let place = Place::installed();
    good(&place.run(["protect", "greet-*", "--reason", "boots"]));
    let ran = place.run(["remove", "-y", "greet-config"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let rule = format!("'greet-*' in {}:2 (boots)", place.root().join(".ambar/policy/protect").display());
    assert!(ran.err.contains(&rule), "{ran:?}");
    assert_eq!(place.live(), "generations/1");
    good(&place.run(["install", "-y", "--reinstall", &example(CONFIG)]));
    let ran = place.run(["remove", "-y", "hello", "greet-config"]);
    assert!(ran.err.contains("greet-config is protected"), "{ran:?}");
    good(&place.run(["protect", "--remove", "greet-*"]));
    good(&place.run(["remove", "-y", "hello", "greet-config"]));
}

#[test]
fn what_is_held_or_masked_and_named_all_the_same_is_told() {
    let place = Place::installed();
    good(&place.run(["hold", "libgreet"]));
    good(&place.run(["mask", "hello>1"]));
    let object = place.json(["install", "-n", &example(HELLO_2), &example(LIB_2)]);
    let notes = object["result"]["plan"]["notes"].to_string();
    assert!(notes.contains("libgreet is held and changes all the same: 'libgreet' in "), "{notes}");
    assert!(
        notes.contains("hello 1.1-2 is masked, and taken because it was named: 'hello>1' in "),
        "{notes}"
    );
}

#[test]
fn sets_have_members_and_other_sets() {
    let place = Place::new();
    good(&place.run(["set", "add", "editors", "joe", "nano (>= 2)"]));
    good(&place.run(["set", "add", "all", "@editors", "@system.base", "kde*"]));
    let ran = place.run(["set", "show", "all"]);
    assert_eq!(ran.out, "joe  (@editors)\nnano (>= 2)  (@editors)\n@system.base\nkde*\n");
    let ran = place.run(["set", "list"]);
    assert_eq!(ran.out.split_whitespace().collect::<Vec<_>>(), ["all", "3", "editors", "2"]);

    let ran = place.run(["set", "add", "editors", "@all"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("is a member of itself: @editors > @all > @editors"), "{ran:?}");
    assert_eq!(read(&place, "sets/editors"), "joe\nnano (>= 2)\n", "it was not written");

    good(&place.run(["set", "remove", "editors", "joe"]));
    assert_eq!(read(&place, "sets/editors"), "nano (>= 2)\n");
    good(&place.run(["set", "remove", "editors"]));
    let ran = place.run(["set", "show", "editor"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(place.run(["set", "remove", "editors"]).code, 3);
    assert!(place.run(["set", "show", "al"]).err.contains("did you mean all?"));
    for name in ["../x", ".x", ""] {
        assert_eq!(place.run(["set", "add", name, "joe"]).code, 2, "{name}");
    }
    // A set can stand in a rule.
    good(&place.run(["set", "add", "mine", "joe"]));
    good(&place.run(["mask", "@mine"]));
    assert!(place.run(["why-masked", "joe"]).out.starts_with("masked by @mine in "));
}

#[test]
fn names_and_sets_to_install_are_told_apart_from_files() {
    let place = Place::new();
    for name in ["hello", "app/hello", "hello>=1.0", "hello (= 1)"] {
        let ran = place.run(["install", "-y", name]);
        assert_eq!(ran.code, 3, "{name} {ran:?}");
        assert!(ran.err.contains(&format!("no source has {name}")), "{ran:?}");
    }
    for name in ["./hello", "/nonexistent/hello", "hello.deb"] {
        let ran = place.run(["install", "-y", name]);
        assert_eq!(ran.code, 3, "{name} {ran:?}");
        assert!(ran.err.contains("cannot open"), "{ran:?}");
    }
    assert_eq!(place.run(["install", "-y", "hello >="]).code, 2);
    // A file is one by its path, whatever it is called.
    let odd = place.path().join("package");
    std::fs::copy(example(CONFIG), &odd).unwrap();
    good(&place.run(["install", "-y", odd.to_str().unwrap()]));
    good(&place.run(["set", "add", "a", "@a2"]));
    write(&place, "sets/a2", "@a\n");
    assert!(place.run(["install", "-y", "@a"]).err.contains("is a member of itself"));
    assert_eq!(place.live(), "generations/1");
}

/// A package under a licence of its own, which wants to be accepted, and under one that others have as well.
fn licensed(place: &Place, name: &str) -> String {
    let (tree, toml) = (place.path().join(format!("tree-{name}")), place.path().join("package.toml"));
    std::fs::create_dir_all(tree.join("opt")).unwrap();
    std::fs::write(tree.join("opt").join(name), "").unwrap();
    let text = format!(
        "name = \"{name}\"\nversion = \"1\"\nlicences = [\"Common\"]\n\
         [properties]\n\"licence.ask\" = \"Own Terms\\nYou shall not.\"\n"
    );
    std::fs::write(&toml, text).unwrap();
    let file = place.path().join(format!("{name}.ambar")).to_str().unwrap().to_owned();
    good(&place.run(["pack", tree.to_str().unwrap(), "-o", &file, "--manifest", toml.to_str().unwrap()]));
    file
}

#[test]
fn a_licence_that_wants_it_is_accepted_once_and_never_by_yes_alone() {
    let place = Place::new();
    let (one, two) = (licensed(&place, "one"), licensed(&place, "two"));
    let ran = place.run(["install", "-y", &one]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("licence Own Terms of one wants to be accepted\n  You shall not.\n"), "{ran:?}");
    assert!(ran.err.contains("--accept-licence"), "{ran:?}");
    assert!(!place.root().exists());
    assert_eq!(place.run(["install", "-y", "--accept-licence", "Another", &one]).code, 2);

    let object = place.json(["install", "-n", &one]);
    let question = &object["result"]["plan"]["questions"][0];
    assert_eq!(question["kind"], "licence");
    assert_eq!(question["name"], "Own Terms");
    assert_eq!(question["packages"][0], "one");
    assert_eq!(question["text"], "You shall not.");

    let plan = place.path().join("plan").to_str().unwrap().to_owned();
    good(&place.run(["plan", "install", &one, "-o", &plan]));
    assert_eq!(place.run(["apply", "-y", &plan]).code, 2, "a saved plan keeps its questions");
    good(&place.run(["apply", "-y", "--accept-licence", "Own Terms", &plan]));
    assert_eq!(read(&place, "policy/licences"), "accept Own Terms\n");
    good(&place.run(["install", "-y", &two]));

    write(&place, "policy/licences", "accept Own Terms\nask Com*\n");
    let again = ["install", "-y", "--reinstall", &two];
    assert!(place.run(again).err.contains("Common of two"));
    write(&place, "policy/licences", "accept Own Terms\nask Com*\naccept Common\n");
    good(&place.run(again));
    write(&place, "policy/licences", "allow Common\n");
    let ran = place.run(again);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("licences:1: a line is `ask NAME` or `accept NAME`"), "{ran:?}");
    good(&place.run(["list"]));
}

#[test]
fn on_a_terminal_the_person_is_asked_about_each_licence() {
    if !has("script") {
        return;
    }
    let place = Place::new();
    let file = licensed(&place, "one");
    let answer = |yes: &str, text: &str| {
        let program = env!("CARGO_BIN_EXE_ambar");
        let line = format!("{program} -D {} install {yes} {file}", place.root().display());
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
    let (code, out) = answer("", "n\n");
    assert!(out.contains("Accept the licence Own Terms? [y/N]"), "{out}");
    assert_eq!(code, Some(10), "{out}");
    assert_eq!(answer("", "y\nn\n").0, Some(10), "accepting is not agreeing to the plan");
    assert_eq!(answer("-y", "y\n").0, Some(2), "-y asks nothing and accepts nothing");
    assert!(!place.root().exists());
    let (code, out) = answer("", "y\ny\n");
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(read(&place, "policy/licences"), "accept Own Terms\n");
}

#[test]
fn files_of_other_programs_in_the_policy_do_no_harm() {
    let place = Place::installed();
    write(&place, "policy/mask~", "nonsense >=\n");
    write(&place, "sets/.swp", "nonsense >=\n");
    write(&place, "sets/x.new", "nonsense >=\n");
    assert!(place.run(["set", "list"]).out.is_empty());
    good(&place.run(["install", "-y", "--reinstall", &example(LIB_1)]));
    good(&place.run(["verify"]));
}

#[test]
fn writers_wait_for_each_other_and_nothing_is_lost() {
    let place = Place::installed();
    let names: Vec<String> = (0..24).map(|number| format!("package{number:02}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            program().arg("-D").arg(place.root()).args(["hold", name]).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let held = read(&place, "policy/hold");
    let mut held: Vec<&str> = held.lines().collect();
    held.sort_unstable();
    assert_eq!(held, names);
    // A change that is under way does not keep anybody from deciding.
    let lock =
        std::fs::File::options().read(true).write(true).open(place.root().join(".ambar/lock")).unwrap();
    lock.lock().unwrap();
    good(&place.run(["hold", "hello"]));
}

#[test]
fn a_name_that_nothing_installed_has_is_remarked_on() {
    let place = Place::installed();
    let ran = place.run(["hold", "helo", "lib*"]);
    good(&ran);
    assert_eq!(ran.err, "nothing that is installed is called helo now\n");
}
