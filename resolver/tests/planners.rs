//! Planner cases of PiSi and Entropy: what we answer is what they answer, except where they are wrong.
// Each test uses a part of what it shares with the others.
#![allow(dead_code, unused_imports, clippy::print_stdout)]

#[path = "../examples/solve_cases/answer.rs"]
mod answer;
#[path = "../examples/solve_cases/case.rs"]
mod case;
#[path = "../examples/solve_cases/neutral.rs"]
mod neutral;
#[path = "../examples/solve_cases/planner/mod.rs"]
mod planner;
#[path = "../examples/solve_cases/rpm.rs"]
mod rpm;

use serde_json::{Value, json};
use std::path::PathBuf;

/// Answers every case, and expects those that differ to be these, with these answers.
fn check(which: &str, count: usize, different: &[(&str, Value)]) {
    let file = format!("../../shared/data/golden/{which}-planner.json");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no planner cases of {which} beside the repository");
        return;
    };
    let compared = planner::compare_all(which, &text).expect("planner cases");
    assert_eq!(compared.len(), count);
    let mut faults = Vec::new();
    for case in &compared {
        let expected = different.iter().find(|(name, _)| *name == case.name).map(|(_, answer)| answer);
        let ours = if case.answer.get("error").is_some() { &json!("impossible") } else { &case.answer["ok"] };
        match (case.verdict, expected) {
            ("same", None) => {}
            ("differs", Some(expected)) if ours == expected => {}
            _ => faults.push(format!(
                "{}: {}: {}, original {}",
                case.name, case.verdict, case.answer, case.original
            )),
        }
    }
    let names: Vec<&str> = compared.iter().map(|case| case.name.as_str()).collect();
    assert!(different.iter().all(|(name, _)| names.contains(name)), "a case is gone");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn we_plan_as_pisi_does_except_where_it_is_wrong() {
    check(
        "pisi",
        61,
        &[
            // x needs the b that is there, and no other: a newer b would break it. Nobody agreed to lose x.
            ("install-side-upgrade-breaks-revdep", json!("impossible")),
            // A package that needs itself has what it needs: a cycle is one step, and no error.
            ("install-self-dep", json!(["a"])),
            // A conflict counts whoever declares it.
            (
                "conflict-asymmetric-declared-by-installed",
                json!({"installed_to_remove": ["b"], "mutual": [], "pairs": {}}),
            ),
            // Packages that need each other's new version change at once.
            ("upgrade-cycle", json!(["a", "b"])),
            // base needs the new x, so x comes first, whatever component it belongs to.
            (
                "base-reorder-breaks-deps",
                json!({"trace": ["fetch x", "fetch base", "install x", "install base"]}),
            ),
            // a uses b and c, so it goes before both of them. The original forgets the order between a package and
            // a user that it has met already, as in `remove-two-related-order`.
            ("remove-diamond", json!(["a", "b", "c", "d"])),
            // Protection covers what would fall with a removal, not only what is named.
            ("remove-full-revdep-is-systembase", json!("impossible")),
            // One package that cannot be upgraded does not hold up the others.
            ("upgrade-blocked-by-one-bad-package", json!({"trace": ["fetch a", "install a"]})),
            // a conflicts with b and is content with c.
            (
                "install-any-conflicting-alternative",
                json!({"trace": ["fetch c", "fetch a", "install c", "install a"]}),
            ),
            // openoffice needs sun-jre, so the new sun-jre comes first, even though the old one would do.
            (
                "SCEN-4211",
                json!({"trace": [
                    "fetch comar", "fetch mudur", "fetch sun-jre", "fetch openoffice",
                    "install comar", "install mudur", "install sun-jre", "install openoffice",
                ]}),
            ),
            // hashalot went because coreutils conflicts with it, and does not come back uninvited.
            ("SCEN-3481-next-install", json!({"trace": ["fetch foo", "install foo"]})),
        ],
    );
}

#[test]
fn we_plan_as_entropy_does_except_where_it_is_wrong() {
    check(
        "entropy",
        31,
        &[
            // a conflicts with b: they cannot both be installed.
            ("install-conflict-between-requested", json!("impossible")),
            // Nothing becomes older because a repository has nothing newer, unless that is asked for.
            ("updates-downgrade", json!({"fine": ["app/a-2"], "remove": [], "update": []})),
        ],
    );
}
