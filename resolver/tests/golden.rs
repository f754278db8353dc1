//! The golden cases: the judge is checked against them, and our answers by the judge.
// Each test uses a part of what it shares with the others.
#![allow(dead_code, unused_imports, clippy::print_stdout)]
#[path = "../examples/solve_cases/answer.rs"]
mod answer;
#[path = "../examples/solve_cases/case.rs"]
mod case;
#[path = "../examples/solve_cases/neutral.rs"]
mod neutral;
mod oracle;
#[path = "../examples/solve_cases/rpm.rs"]
mod rpm;
#[path = "random/shuffle.rs"]
mod shuffle;

use answer::answer;
use case::Case;
use oracle::{Model, order_faults, state};
use shuffle::{shuffled, told};
use std::path::PathBuf;

/// The cases of one golden file; nothing where there are none.
fn cases(file: &str) -> Option<Vec<Case>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/golden").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no golden cases {file} beside the repository");
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect())
}

#[test]
fn the_judge_finds_what_the_golden_files_say_of_random_universes() {
    let Some(cases) = cases("resolver-fuzz.jsonl") else { return };
    assert_eq!(cases.len(), 758);
    let mut faults = Vec::new();
    for case in &cases {
        let model = Model::new(case);
        let states = model.states();
        if Some(states.len()) != case.oracle.n_states {
            faults.push(format!("{}: {} states, not {:?}", case.id, states.len(), case.oracle.n_states));
        }
        let best = model.best();
        if Some(best.is_some()) != case.expect.solvable {
            faults.push(format!("{}: solvable", case.id));
        }
        let (Some(expected), Some((_, found))) = (&case.expect.state, best) else { continue };
        let optimum = case.oracle.optimum.as_ref().map_or(expected, |optimum| &optimum[0]);
        if found != [state(optimum)] {
            faults.push(format!("{}: {found:?}", case.id));
        }
        if let Some(cost) = &case.oracle.cost_optimum
            && *cost != model.cost_as_json(state(optimum))
        {
            faults.push(format!("{}: {:?} {cost:?}", case.id, model.cost_as_json(state(optimum))));
        }
        if let Some(cost) = &case.oracle.cost_expected
            && *cost != model.cost_as_json(state(expected))
        {
            faults.push(format!("{}: {:?} {cost:?}", case.id, model.cost_as_json(state(expected))));
        }
    }
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_judge_finds_what_the_golden_files_say_of_libsolv() {
    let Some(cases) = cases("resolver-libsolv.jsonl") else { return };
    assert_eq!(cases.len(), 50);
    let mut faults = Vec::new();
    for case in &cases {
        let model = Model::new(case);
        if let Some(expected) = &case.expect.state {
            for fault in model.faults(state(expected)) {
                faults.push(format!("{}: {fault}", case.id));
            }
        }
        if case.packages.len() > 20 {
            continue;
        }
        let (states, best) = (model.states(), model.best());
        // Of the other one the file says that its count and libsolv disagree.
        if case.oracle.n_states.is_some_and(|count| count != states.len())
            && case.oracle.solvable == case.expect.solvable
        {
            faults.push(format!("{}: {} states, not {:?}", case.id, states.len(), case.oracle.n_states));
        }
        if Some(best.is_some()) != case.expect.solvable {
            faults.push(format!("{}: solvable", case.id));
        }
        if let (Some(expected), Some((_, found)), true) = (&case.expect.state, best, case.strict)
            && found != [state(expected)]
        {
            faults.push(format!("{}: {found:?}", case.id));
        }
    }
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with our answer to a case.
fn faults_of(case: &Case) -> Vec<String> {
    let answered = answer(case);
    let model = Model::new(case);
    let solvable = match answered.status.as_str() {
        "solved" => true,
        "unsolvable" => false,
        other => return vec![format!("{other}: {:?}", answered.explanation)],
    };
    if case.expect.solvable != Some(solvable) {
        return vec![format!("{}: {:?}", answered.status, answered.explanation)];
    }
    let (Some(ours), Some(order)) = (answered.state, answered.order) else { return Vec::new() };
    let mut faults = model.faults(state(&ours));
    faults.extend(order_faults(&model, state(&ours), &order));
    if !answered.proven {
        faults.push("not known to be the best".to_owned());
    }
    let wanted = match (&case.oracle.optimum, &case.expect.state) {
        (Some(optimum), _) if case.oracle.cost_optimum.is_some() && case.id.starts_with("fuzz") => {
            Some(&optimum[0])
        }
        (_, expected) if case.strict => expected.as_ref(),
        _ => None,
    };
    if let Some(wanted) = wanted
        && *wanted != ours
    {
        let (cost, least) = (model.cost(state(&ours)), model.cost(state(wanted)));
        faults.push(format!("{ours:?} at {cost:?}, not {wanted:?} at {least:?}"));
    }
    faults
}

fn check_all(cases: &[Case]) {
    let mut faults = Vec::new();
    for case in cases {
        faults.extend(faults_of(case).into_iter().map(|fault| format!("{}: {fault}", case.id)));
    }
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn random_universes_are_solved_as_the_golden_files_say() {
    let Some(cases) = cases("resolver-fuzz.jsonl") else { return };
    check_all(&cases);
}

#[test]
fn cases_of_libsolv_are_solved_as_the_golden_files_say() {
    let Some(cases) = cases("resolver-libsolv.jsonl") else { return };
    check_all(&cases);
}

/// A case told in another order has the same answer.
fn check_shuffled(cases: &[Case]) {
    for (number, case) in cases.iter().enumerate() {
        let answered = answer(case);
        let (other, _) = shuffled(case, &[number as u64, 0x9e37_79b9_7f4a_7c15, 77]);
        let again = answer(&other);
        assert_eq!(answered.status, again.status, "{}", case.id);
        assert_eq!(answered.explanation, again.explanation, "{}", case.id);
        let (first, second) = (answered.state.unwrap_or_default(), again.state.unwrap_or_default());
        assert_eq!(told(case, &first), told(&other, &second), "{}", case.id);
    }
}

#[test]
fn the_order_in_which_packages_are_told_does_not_matter() {
    for file in ["resolver-fuzz.jsonl", "resolver-libsolv.jsonl"] {
        let Some(cases) = cases(file) else { return };
        check_shuffled(&cases);
    }
}
