//! Random universes: our answer against the judge, who tries every state.
// Each test uses a part of what it shares with the others.
#![allow(dead_code, unused_imports, clippy::print_stdout)]

#[path = "../examples/solve_cases/answer.rs"]
mod answer;
#[path = "../examples/solve_cases/case.rs"]
mod case;
#[path = "../examples/solve_cases/neutral.rs"]
mod neutral;
mod oracle;
mod random;
#[path = "../examples/solve_cases/rpm.rs"]
mod rpm;

use answer::answer;
use case::Case;
use oracle::{Model, order_faults, state};
use proptest::prelude::*;
use random::{Scope, shuffled, told};

/// What is wrong with our answer to a case.
fn faults(case: &Case) -> Vec<String> {
    let model = Model::new(case);
    let answered = answer(case);
    let best = model.best();
    let (Some(ours), Some(order)) = (&answered.state, &answered.order) else {
        return match best {
            None if answered.status == "unsolvable" => Vec::new(),
            best => vec![format!("{answered:?}, but the best is {best:?}")],
        };
    };
    let ours = state(ours);
    let mut faults = model.faults(ours);
    faults.extend(order_faults(&model, ours, order));
    match best {
        None => faults.push("there is no answer".to_owned()),
        Some((least, _)) if model.cost(ours) != least => {
            faults.push(format!("{ours:b} at {:?}, the best is at {least:?}", model.cost(ours)));
        }
        Some(_) if !answered.proven => faults.push("not known to be the best".to_owned()),
        Some(_) => {}
    }
    faults
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let faults = faults(case);
    prop_assert!(
        faults.is_empty(),
        "{}\n{}",
        faults.join("\n"),
        serde_json::to_string(case).unwrap_or_default()
    );
    Ok(())
}

const PLAIN: Scope = Scope { slots: false, broken: false, wishes: false, synchronise: false };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4000 }))]

    #[test]
    fn small_universes_are_solved_best(case in random::case(PLAIN, 12)) {
        check(&case)?;
    }

    #[test]
    fn universes_with_slots_are_solved_best(case in random::case(Scope { slots: true, ..PLAIN }, 12)) {
        check(&case)?;
    }

    #[test]
    fn what_was_broken_before_stands_in_nobodys_way(case in random::case(Scope { broken: true, ..PLAIN }, 12)) {
        check(&case)?;
    }

    #[test]
    fn holds_and_preferences_are_obeyed(case in random::case(Scope { wishes: true, ..PLAIN }, 12)) {
        check(&case)?;
    }

    #[test]
    fn what_the_repositories_have_is_reached_best(
        case in random::case(Scope { synchronise: true, ..PLAIN }, 12),
    ) {
        check(&case)?;
    }

    /// Removing anything takes along what needs it and nothing else, and what is left needs nothing that went.
    #[test]
    fn a_removal_leaves_nothing_broken(case in random::case(PLAIN, 14), name in 0..6_usize) {
        let mut case = case;
        let name = ["a", "b", "c", "d", "e", "f"][name];
        case.request = case::Request {
            remove: vec![case::Selector { by: "name".into(), name: Some(name.into()), ..Default::default() }],
            ..Default::default()
        };
        case.policy.allow_uninstall = true;
        // Only what is installed: nothing can come in the place of what goes.
        let kept: Vec<case::Package> = case.installed.iter().map(|id| case.packages[*id].clone()).collect();
        case.installed = (0..kept.len()).collect();
        case.packages = kept;
        for (id, package) in case.packages.iter_mut().enumerate() {
            package.id = id;
        }
        let model = Model::new(&case);
        let mut left = model.installed & !model.removed;
        loop {
            let whole = |id: &usize| model.depends[*id].iter().all(|clause| clause & left != 0);
            let next = oracle::members(left).into_iter().filter(whole).fold(0, |all, id| all | 1 << id);
            if next == left {
                break;
            }
            left = next;
        }
        let answered = answer(&case);
        prop_assert_eq!(answered.state, Some(oracle::members(left)));
        prop_assert!(faults(&case).is_empty(), "{:?}", faults(&case));
    }

    #[test]
    fn the_order_of_packages_does_not_matter(
        case in random::case(Scope { slots: true, broken: true, wishes: true, synchronise: false }, 14),
        keys in prop::collection::vec(any::<u64>(), 4),
    ) {
        let (other, _) = shuffled(&case, &keys);
        let (first, second) = (answer(&case), answer(&other));
        prop_assert_eq!(&first.status, &second.status);
        prop_assert_eq!(&first.explanation, &second.explanation);
        prop_assert_eq!(&first.cost, &second.cost);
        let (first, second) = (first.state.unwrap_or_default(), second.state.unwrap_or_default());
        prop_assert_eq!(told(&case, &first), told(&other, &second));
    }
}
