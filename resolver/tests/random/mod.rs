//! Random small cases: few names, few versions, many relations among them.

mod shuffle;

use crate::case::{Case, Package, Policy, Relation, Request, Selector};
use crate::oracle::{Model, State, members, state};
use proptest::prelude::*;

pub(crate) use shuffle::{shuffled, told};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const VIRTUAL: [&str; 2] = ["v1", "v2"];

/// What a case may contain beside packages, dependencies, conflicts and capabilities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    /// Names with more than one slot.
    pub(crate) slots: bool,
    /// Installed packages that lack something, or exclude each other.
    pub(crate) broken: bool,
    /// Locks, and what is favoured or avoided.
    pub(crate) wishes: bool,
    /// Becoming what the repositories have, rather than upgrades.
    pub(crate) synchronise: bool,
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

/// A version range, or none.
fn range(with: f64, ops: &'static [&'static str]) -> impl Strategy<Value = (Option<String>, Option<String>)> {
    prop::option::weighted(with, (one_of(ops), one_of(&["1", "1-1", "2", "2-1", "2-2", "3-1"])))
        .prop_map(Option::unzip)
}

const OPS: &[&str] = &["<", "<=", "=", ">=", ">"];

/// A package's name or, less often, a capability's.
fn relation() -> impl Strategy<Value = Relation> {
    (prop_oneof![4 => one_of(&NAMES), 1 => one_of(&VIRTUAL)], range(0.5, OPS))
        .prop_map(|(name, (op, version))| Relation { name, op, version })
}

fn provided() -> impl Strategy<Value = Relation> {
    let ranges = prop_oneof![4 => range(0.7, &["="]), 1 => range(0.95, OPS)];
    (one_of(&VIRTUAL), ranges).prop_map(|(name, (op, version))| Relation { name, op, version })
}

/// None, or once in `rarity` one or two.
fn few<S: Strategy + 'static>(rarity: u32, what: S) -> BoxedStrategy<Vec<S::Value>>
where
    S::Value: Clone,
{
    prop_oneof![rarity - 1 => Just(Vec::new()), 1 => prop::collection::vec(what, 1..3)].boxed()
}

fn clauses(rarity: u32) -> BoxedStrategy<Vec<Vec<Relation>>> {
    few(rarity, prop::collection::vec(relation(), 1..3))
}

fn package(scope: Scope) -> impl Strategy<Value = Package> {
    let slots: &[&str] = if scope.slots { &["", "1"] } else { &[""] };
    let identity = (one_of(&NAMES), one_of(&["1-1", "2-1", "2-2", "3-1"]), one_of(slots), 0..2_i32);
    let relations =
        (clauses(2), clauses(10), clauses(6), few(3, provided()), few(5, relation()), few(10, relation()));
    (identity, relations).prop_map(|((name, version, slot, priority), relations)| {
        let (depends, pre_depends, recommends, mut provides, conflicts, obsoletes) = relations;
        provides.push(Relation {
            name: name.clone(),
            op: Some("=".to_owned()),
            version: Some(version.clone()),
        });
        Package {
            name,
            version,
            slot,
            repo: format!("repo{priority}"),
            repo_priority: priority,
            depends,
            pre_depends,
            recommends,
            provides,
            conflicts,
            obsoletes,
            ..Package::default()
        }
    })
}

fn selector() -> impl Strategy<Value = Selector> {
    (relation(), prop::bool::weighted(0.15)).prop_map(|(relation, provides)| Selector {
        by: if provides || VIRTUAL.contains(&relation.name.as_str()) { "provides" } else { "name" }
            .to_owned(),
        name: Some(relation.name),
        op: relation.op,
        version: relation.version,
        ..Selector::default()
    })
}

fn request(scope: Scope) -> impl Strategy<Value = Request> {
    let all = Just(vec![Selector { by: "all".to_owned(), ..Selector::default() }]);
    let wishes = if scope.wishes { 4 } else { 1_000_000 };
    (
        few(2, selector()),
        few(4, selector()),
        prop_oneof![2 => Just(Vec::new()), 1 => all, 1 => selector().prop_map(|one| vec![one])],
        few(wishes, selector()),
        few(wishes, selector()),
        few(wishes, selector()),
    )
        .prop_map(move |(install, remove, upgrade, lock, favor, disfavor)| {
            let (upgrade, dist_upgrade) =
                if scope.synchronise { (Vec::new(), upgrade) } else { (upgrade, Vec::new()) };
            Request { install, remove, upgrade, dist_upgrade, lock, favor, disfavor, ..Request::default() }
        })
}

/// A case of up to `most` packages.
pub(crate) fn case(scope: Scope, most: usize) -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(
            (package(scope), prop::bool::weighted(0.3), prop::bool::weighted(0.5)),
            1..most,
        ),
        request(scope),
        (any::<bool>(), prop::bool::weighted(0.3)),
    )
        .prop_map(move |(drawn, request, (install_recommends, allow_uninstall))| {
            let mut case = Case {
                id: "random".to_owned(),
                request,
                policy: Policy { install_recommends, allow_uninstall },
                ..Case::default()
            };
            for (package, installed, twin) in drawn {
                add(&mut case, package, installed, twin);
            }
            if !scope.broken {
                repair(&mut case);
            }
            case
        })
}

/// Adds a package; one that is installed only if nothing of its name and slot is, and with a twin that is available.
fn add(case: &mut Case, package: Package, installed: bool, twin: bool) {
    let here = |other: &usize| {
        let other = &case.packages[*other];
        other.name == package.name && other.slot == package.slot
    };
    let installed = installed && !case.installed.iter().any(here);
    let id = case.packages.len();
    if installed {
        let of_the_system = Package { id, repo: "system".to_owned(), repo_priority: 0, ..package.clone() };
        case.packages.push(of_the_system);
        case.installed.push(id);
    }
    if !installed || twin {
        let id = case.packages.len();
        case.packages.push(Package { id, ..package });
    }
}

/// Takes installed packages for merely available ones until nothing is wrong with those that are left.
fn repair(case: &mut Case) {
    loop {
        let model = Model::new(case);
        let lacks = |id: &usize, all: State| model.depends[*id].iter().any(|clause| clause & all == 0);
        let excludes = |id: &usize, all: State| (model.conflicts[*id] | model.obsoletes[*id]) & all != 0;
        let all = state(&case.installed);
        let Some(wrong) = members(all).into_iter().find(|id| lacks(id, all) || excludes(id, all)) else {
            return;
        };
        case.installed.retain(|id| *id != wrong);
    }
}
