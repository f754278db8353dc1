//! Explanations: the facts that are at odds and no others, and corrections that work.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ambar_resolver::{
    Answer, Builder, Field, FieldValue, Impossible, Installed, Job, Kind, Met, Op, PackageSpec, Request,
    Selector, Test, Universe, Verb, World, solve,
};

const VERSION: Field = Field(1);

/// A package: name, version, what it needs (a name and a least version), what it conflicts with.
type Package<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

fn universe(repository: &str, packages: &[Package<'_>]) -> Universe {
    let mut builder = Builder::new();
    let repository = builder.repository(repository, 0);
    for (number, (name, version, needs, rivals)) in packages.iter().enumerate() {
        let package = builder.package(&PackageSpec {
            name,
            version,
            rank: version.as_bytes(),
            arch: "",
            slot: "",
            identity: [number as u8 + name.as_bytes()[0]; 32],
            repository,
            flags: 0,
            fields: &[FieldValue::new(VERSION, version.as_bytes())],
        });
        for (name, least) in *needs {
            let tests = [Test { op: Op::AtLeast, keys: &[(VERSION, least.as_bytes())] }];
            let atom = builder.atom(name, Met::ByAny, &tests, &format!("{name} (>= {least})"));
            builder.clause(package, Kind::Depends, &[atom]);
        }
        for name in *rivals {
            let atom = builder.atom(name, Met::ByAny, &[], name);
            builder.conflict(package, atom);
        }
    }
    Universe::open(Arc::new(builder.finish().unwrap())).unwrap()
}

fn install(name: &str) -> Request {
    Request::one(Job::new(Verb::Install, Selector::named(name, &[]), name))
}

fn impossible(offers: &[Package<'_>], installed: &[Package<'_>], request: &Request) -> Impossible {
    let (offers, installed) = (universe("main", offers), universe("", installed));
    let all: Vec<_> = (0..installed.len()).map(|id| (1, id, Installed::default())).collect();
    match solve(&World::new(&[&offers, &installed], &all), request) {
        Answer::Impossible(impossible) => impossible,
        other => panic!("{other:?}"),
    }
}

fn texts(explained: &Impossible) -> (Vec<&str>, Vec<&str>) {
    let facts = explained.facts.iter().map(|fact| fact.text.as_str()).collect();
    (facts, explained.corrections.iter().map(|correction| correction.text.as_str()).collect())
}

#[test]
fn the_chain_is_told_from_the_request_to_what_is_missing() {
    let offers: &[Package<'_>] = &[
        ("app", "1", &[("lib", "2")], &[]),
        ("lib", "2", &[("core", "5")], &[]),
        ("core", "4", &[], &[]),
        ("other", "1", &[("lib", "9")], &[]),
    ];
    let explained = impossible(offers, &[], &install("app"));
    let (facts, corrections) = texts(&explained);
    assert_eq!(
        facts,
        [
            "app is to be installed",
            "app 1 (main) needs lib (>= 2), which is lib 2 (main)",
            "lib 2 (main) needs core (>= 5), but there is only core 4 (main)",
        ]
    );
    assert!(explained.minimal);
    // There is only one thing that was asked for, and to ask for nothing is no correction.
    assert!(corrections.is_empty());
}

#[test]
fn what_is_in_the_way_is_named_and_several_removals_are_one_correction() {
    let offers: &[Package<'_>] = &[("b", "1", &[], &["a"])];
    let installed: &[Package<'_>] = &[("a", "2", &[], &[]), ("d", "1", &[("a", "2")], &[])];
    let explained = impossible(offers, installed, &install("b"));
    let (facts, corrections) = texts(&explained);
    assert!(facts.contains(&"b 1 (main) conflicts with a 2"), "{facts:?}");
    assert_eq!(corrections, ["remove a 2, and remove d 1"]);
}

#[test]
fn of_two_wishes_that_exclude_each_other_either_can_be_left_out() {
    let offers: &[Package<'_>] = &[("one", "1", &[], &["two"]), ("two", "1", &[], &[])];
    let mut request = install("one");
    request.jobs.extend(install("two").jobs);
    let explained = impossible(offers, &[], &request);
    let (facts, corrections) = texts(&explained);
    assert_eq!(facts.len(), 3, "{facts:?}");
    assert_eq!(corrections, ["leave out one", "leave out two"]);
}

#[test]
fn a_name_that_nothing_has_gets_those_that_are_like_it() {
    let offers: &[Package<'_>] = &[("Firefox", "1", &[], &[]), ("app", "1", &[("fireflox", "1")], &[])];
    let explained = impossible(offers, &[], &install("app"));
    assert_eq!(explained.facts.last().unwrap().similar, ["Firefox"]);
}
