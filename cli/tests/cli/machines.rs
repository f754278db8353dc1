//! What programs read: `--json`, progress events, colour, closed pipes.

use std::process::Stdio;

use serde_json::Value;

use crate::place::{CONFIG, HELLO_1, LIB_1, LIB_2, Place, example, json, program, ran};

#[test]
fn every_command_answers_with_one_object() {
    let place = Place::upgraded();
    let config = example(CONFIG);
    let to = place.path().join("unpacked");
    let man = place.path().join("man");
    let plan = place.path().join("plan");
    let lines: Vec<Vec<&str>> = vec![
        vec!["init"],
        vec!["list"],
        vec!["info"],
        vec!["info", "hello"],
        vec!["info", &config],
        vec!["files", "hello"],
        vec!["owns", "usr/bin/hello"],
        vec!["generations"],
        vec!["diff", "1..2"],
        vec!["history"],
        vec!["verify"],
        vec!["inspect", &config],
        vec!["extract", &config, to.to_str().unwrap()],
        vec!["vercmp", "--order", "pisi", "1.0", "1.1"],
        vec!["vercmp", "--order", "pisi", "-"],
        vec!["version"],
        vec!["completion", "bash"],
        vec!["man"],
        vec!["man", man.to_str().unwrap()],
        vec!["help"],
        vec!["help", "install"],
        vec!["help", "exit-codes"],
        vec!["remove", "-n", "hello"],
        vec!["mark", "-n", "automatic", "hello"],
        vec!["plan", "remove", "hello", "-o", plan.to_str().unwrap()],
        vec!["apply", "-n", plan.to_str().unwrap()],
        vec!["hold", "hello"],
        vec!["mask", "joe"],
        vec!["unmask", "--remove", "joe"],
        vec!["protect", "--list"],
        vec!["why-masked", "joe"],
        vec!["set", "add", "x", "joe"],
        vec!["set", "list"],
        vec!["set", "show", "x"],
        vec!["set", "remove", "x"],
        vec!["rollback", "-y"],
        vec!["gc", "-y", "--keep", "1"],
    ];
    for line in lines {
        let object = json(program().arg("-D").arg(place.root()).arg("--json").args(&line));
        assert_eq!(object["ok"], true, "{line:?} {object}");
        assert_eq!(object["command"], line[0]);
        assert!(object["result"].is_object(), "{line:?} {object}");
    }
}

#[test]
fn errors_are_objects_too() {
    let place = Place::installed();
    for (line, class) in [
        (["files", "nothing", "--color=never"], "not-found"),
        (["instal", "x", "y"], "usage"),
        (["install", "--bogus", "x"], "usage"),
        (["diff", "x..y", "--color=never"], "usage"),
        (["remove", "hello", "--color=never"], "usage"),
        (["remove", "--no-dependents", "libgreet"], "conflict"),
        (["inspect", "/dev/null", "--color=never"], "verification-failed"),
    ] {
        let object = place.json(line);
        let error = &object["error"];
        assert_eq!(error["class"], class, "{line:?} {object}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(error["causes"].is_array() && error["conflicts"].is_array() && error["problems"].is_array());
    }
    let object = json(program().args(["--json", "--version"]));
    assert!(object["result"]["text"].as_str().unwrap().starts_with("ambar "));
    json(program().args(["--json"]));
}

#[test]
fn a_change_tells_its_plan_and_its_outcome() {
    let place = Place::new();
    let (hello, lib, config) = (example(HELLO_1), example(LIB_1), example(CONFIG));
    let object = place.json(["install", "-y", &hello, &lib, &config]);
    let plan = &object["result"]["plan"];
    assert_eq!(plan["items"].as_array().unwrap().len(), 3);
    assert_eq!(plan["items"][1]["name"], "hello");
    assert_eq!(plan["items"][1]["action"], "install");
    assert_eq!(plan["items"][0]["scripts"][0], "comar/package.py");
    assert_eq!(object["result"]["outcome"]["generation"], 1);
    assert_eq!(object["result"]["outcome"]["changed"], true);
    assert_eq!(object["result"]["outcome"]["pending"], serde_json::json!([]));

    let refused = place.json(["remove", "hello"]);
    assert_eq!(refused["result"]["plan"]["items"][0]["name"], "hello", "the plan comes with the refusal");
    assert_eq!(place.live(), "generations/1");
}

#[test]
fn progress_can_be_read_line_by_line() {
    let place = Place::installed();
    let ran = place.run(["install", "-y", "--reinstall", "--progress", "json", &example(LIB_1)]);
    assert_eq!(ran.code, 0);
    let events: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| events.iter().find(|event| event["event"] == name).cloned().unwrap();
    assert_eq!(named("begin")["packages"], 1);
    assert_eq!(named("package")["name"], "libgreet");
    let stored = events.iter().rfind(|event| event["event"] == "stored").unwrap();
    assert_eq!(stored["bytes"], 1772, "the sum so far; the second name of a hard link is not read again");
    let steps: Vec<&str> = events.iter().filter_map(|event| event["step"].as_str()).collect();
    let order = ["locked", "objects", "tree", "synced", "committed", "switched"];
    let found: Vec<&str> = steps.iter().copied().filter(|step| order.contains(step)).collect();
    assert_eq!(found, order);

    let ran = place.run(["install", "-y", "--reinstall", "--progress", "plain", &example(LIB_1)]);
    assert!(
        ran.err.contains("reading libgreet") && ran.err.contains("the new generation is live"),
        "{ran:?}"
    );
    let ran = place.run(["install", "-y", "--reinstall", &example(LIB_1)]);
    assert!(ran.err.is_empty(), "no bar without a terminal: {ran:?}");
}

#[test]
fn colour_is_used_only_when_asked_for() {
    let place = Place::installed();
    let lib = example(LIB_2);
    assert!(!place.run(["install", "-n", "--ignore-dependency", &lib]).out.contains('\x1b'));
    assert!(
        place.run(["install", "-n", "--ignore-dependency", "--color", "always", &lib]).out.contains('\x1b')
    );
    assert!(
        !place.run(["install", "-n", "--ignore-dependency", "--color", "never", &lib]).out.contains('\x1b')
    );
    assert!(place.run(["--color=always", "--bogus"]).err.contains('\x1b'));
}

#[test]
fn nobody_reading_is_no_disaster() {
    let place = Place::installed();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = program();
    child.arg("-D").arg(place.root()).args(["files", "libgreet"]).stdout(Stdio::from(writer));
    let ran = ran_with(&mut child);
    assert_eq!(ran, (Some(0), String::new()));

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (code, err) = ran_with(program().arg("-D").arg(place.root()).arg("list").stdout(full));
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot write to standard output"), "{err}");
}

fn ran_with(command: &mut std::process::Command) -> (Option<i32>, String) {
    let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_version_is_one_integer_and_the_formats() {
    let ran = ran(program().arg("version"));
    let mut lines = ran.out.lines();
    assert!(lines.next().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(lines.next(), Some("reads pisi-1.0 pisi-1.1 pisi-1.2 deb entropy-tbz2 ambar"));
    assert_eq!(lines.next(), None);
}
