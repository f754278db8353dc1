//! Universes that are deep, wide, or nonsense: an answer within the step budget, and no exhausted stack.

use ambar_resolver::{
    Answer, Builder, Installed, Job, Kind, Met, PackageRef, PackageSpec, Policy, Request, Selector, Solution,
    Universe, Verb, World, dependents, solve,
};
use std::sync::Arc;

fn package(builder: &mut Builder, name: &str) -> PackageRef {
    versioned(builder, name, 1)
}

fn versioned(builder: &mut Builder, name: &str, version: u8) -> PackageRef {
    let repository = builder.repository("test", 0);
    let mut identity = [version; 32];
    for (place, byte) in name.bytes().take(31).enumerate() {
        identity[place] = byte;
    }
    builder.package(&PackageSpec {
        name,
        version: &version.to_string(),
        rank: &[1, version],
        arch: "",
        slot: "",
        identity,
        repository,
        flags: 0,
        fields: &[],
    })
}

fn needs(builder: &mut Builder, package: PackageRef, names: &[&str]) {
    let atoms: Vec<_> = names.iter().map(|name| builder.atom(name, Met::ByAny, &[], name)).collect();
    builder.clause(package, Kind::Depends, &atoms);
}

fn conflicts(builder: &mut Builder, package: PackageRef, name: &str) {
    let atom = builder.atom(name, Met::ByAny, &[], name);
    builder.conflict(package, atom);
}

fn compiled(builder: Builder) -> Universe {
    let bytes = builder.finish().expect("a universe that is not too large");
    Universe::open(Arc::new(bytes)).expect("a universe that was just compiled")
}

fn job(verb: Verb, name: &str) -> Job {
    Job::new(verb, Selector::named(name, &[]), name)
}

fn install(names: &[&str]) -> Request {
    Request { jobs: names.iter().map(|name| job(Verb::Install, name)).collect(), policy: Policy::default() }
}

fn all_installed(universe: &Universe) -> Vec<(usize, u32, Installed)> {
    (0..universe.len()).map(|id| (0, id, Installed::default())).collect()
}

fn solved(answer: Answer) -> Solution {
    match answer {
        Answer::Solved(solution) => solution,
        other => panic!("no solution: {other:?}"),
    }
}

fn order(world: &World<'_>, solution: &Solution) -> Vec<String> {
    let changes = solution.steps.iter().flat_map(|step| &step.changes);
    changes.map(|change| world.name(change.package()).to_owned()).collect()
}

const DEEP: usize = 100_000;

fn chain() -> Universe {
    let mut builder = Builder::new();
    for number in 0..DEEP {
        let this = package(&mut builder, &format!("p{number:06}"));
        if number + 1 < DEEP {
            needs(&mut builder, this, &[&format!("p{:06}", number + 1)]);
        }
    }
    compiled(builder)
}

#[test]
fn a_chain_of_100_000_packages_is_installed_from_its_end() {
    let universe = chain();
    let world = World::new(&[&universe], &[]);
    let solution = solved(solve(&world, &install(&["p000000"])));
    assert!(solution.proven);
    let order = order(&world, &solution);
    assert_eq!(order.len(), DEEP);
    assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "from the last to the first");
}

#[test]
fn the_last_of_a_chain_of_100_000_goes_with_all_the_others_users_first() {
    let universe = chain();
    let world = World::new(&[&universe], &all_installed(&universe));
    let last = format!("p{:06}", DEEP - 1);
    let policy = Policy { removals: true, ..Policy::default() };
    let solution = solved(solve(&world, &Request { jobs: vec![job(Verb::Remove, &last)], policy }));
    assert!(solution.packages.is_empty());
    let order = order(&world, &solution);
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "from the first to the last");
    let named = Selector::named(&last, &[]).packages(&world);
    assert_eq!(dependents(&world, &named).len(), DEEP);
}

#[test]
fn a_chain_of_100_000_with_a_hole_at_its_end_is_explained() {
    let mut builder = Builder::new();
    for number in 0..DEEP {
        let this = package(&mut builder, &format!("p{number:06}"));
        needs(&mut builder, this, &[&format!("p{:06}", number + 1)]);
    }
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    match solve(&world, &install(&["p000000"])) {
        Answer::Impossible(problem) => {
            let hole = format!("p{DEEP:06}");
            assert!(
                problem.facts.iter().any(|fact| fact.text.contains(&hole)),
                "{} facts",
                problem.facts.len()
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_million_alternatives_are_looked_through() {
    let mut builder = Builder::new();
    let wide = package(&mut builder, "wide");
    let names: Vec<String> = (0..1_000_000).map(|number| format!("absent{number}")).collect();
    let mut alternatives: Vec<&str> = names.iter().map(String::as_str).collect();
    alternatives.push("present");
    package(&mut builder, "present");
    needs(&mut builder, wide, &alternatives);
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    let solution = solved(solve(&world, &install(&["wide"])));
    assert_eq!(order(&world, &solution), ["present", "wide"]);
}

#[test]
fn a_million_packages_that_provide_one_name_are_no_obstacle() {
    let mut builder = Builder::new();
    let user = package(&mut builder, "user");
    needs(&mut builder, user, &["service"]);
    for number in 0..1_000_000 {
        let provider = package(&mut builder, &format!("provider{number:07}"));
        builder.provide(provider, "service", &[]);
    }
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    let solution = solved(solve(&world, &install(&["user"])));
    assert_eq!(solution.packages.len(), 2);
}

#[test]
fn a_package_that_needs_or_excludes_itself_is_installed() {
    let mut builder = Builder::new();
    let own = package(&mut builder, "own");
    needs(&mut builder, own, &["own"]);
    conflicts(&mut builder, own, "own");
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    assert_eq!(order(&world, &solved(solve(&world, &install(&["own"])))), ["own"]);
}

#[test]
fn a_demand_that_nothing_meets_is_named() {
    let mut builder = Builder::new();
    let user = package(&mut builder, "user");
    needs(&mut builder, user, &["nowhere"]);
    let empty = package(&mut builder, "empty");
    builder.clause(empty, Kind::Depends, &[]);
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    match solve(&world, &install(&["user"])) {
        Answer::Impossible(problem) => {
            assert!(problem.facts.iter().any(|fact| fact.text.contains("nowhere")), "{:?}", problem.facts);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(solve(&world, &install(&["empty"])), Answer::Impossible(_)));
    assert!(matches!(solve(&world, &install(&["unheard-of"])), Answer::Impossible(_)));
}

#[test]
fn a_request_that_contradicts_itself_is_impossible() {
    let mut builder = Builder::new();
    package(&mut builder, "a");
    let universe = compiled(builder);
    for installed in [Vec::new(), all_installed(&universe)] {
        let world = World::new(&[&universe], &installed);
        let jobs = vec![job(Verb::Install, "a"), job(Verb::Remove, "a")];
        match solve(&world, &Request { jobs, policy: Policy::default() }) {
            Answer::Impossible(problem) => assert_eq!(problem.facts.len(), 2, "{:?}", problem.facts),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn copies_of_a_package_count_as_one() {
    let mut builder = Builder::new();
    for _ in 0..3 {
        package(&mut builder, "a");
    }
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    assert_eq!(order(&world, &solved(solve(&world, &install(&["a"])))), ["a"]);
}

/// One more pigeon than holes: the classic of contradictions that are long to find.
fn pigeons(holes: usize) -> Universe {
    let mut builder = Builder::new();
    let all = package(&mut builder, "all");
    for pigeon in 0..=holes {
        let names: Vec<String> = (0..holes).map(|hole| format!("p{pigeon}in{hole}")).collect();
        needs(&mut builder, all, &names.iter().map(String::as_str).collect::<Vec<_>>());
        for (hole, name) in names.iter().enumerate() {
            let this = package(&mut builder, name);
            for other in 0..pigeon {
                conflicts(&mut builder, this, &format!("p{other}in{hole}"));
            }
        }
    }
    compiled(builder)
}

#[test]
fn running_out_of_steps_is_not_called_impossible() {
    let universe = pigeons(11);
    let world = World::new(&[&universe], &[]);
    let mut request = install(&["all"]);
    request.policy.steps = 50_000;
    assert_eq!(solve(&world, &request), Answer::Budget);
    let universe = pigeons(4);
    let world = World::new(&[&universe], &[]);
    assert!(matches!(solve(&world, &install(&["all"])), Answer::Impossible(_)));
}

/// Twelve services, six providers of each, newer ones among them: the best is the best of each, and that is known
/// without trying six to the twelfth power of combinations.
#[test]
fn independent_choices_are_known_to_be_best() {
    let mut builder = Builder::new();
    let user = package(&mut builder, "user");
    for service in 0..12 {
        let name = format!("service{service}");
        needs(&mut builder, user, &[&name]);
        for provider in 0..6 {
            let package = package(&mut builder, &format!("provider{service}-{provider}"));
            builder.provide(package, &name, &[]);
        }
    }
    let universe = compiled(builder);
    let world = World::new(&[&universe], &[]);
    let solution = solved(solve(&world, &install(&["user"])));
    assert_eq!(solution.packages.len(), 13);
    assert!(solution.proven, "after {} steps", solution.effort);
}
