//! Compiled universes that were damaged: an error, or answers about other packages, and never a panic.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ambar_resolver::{
    Builder, Field, FieldValue, Installed, Job, Kind, Met, Op, PackageSpec, Policy, Request, Selector, Test,
    Universe, Verb, World, dependents, orphans, similar, solve, why,
};
use proptest::prelude::*;

const VERSION: Field = Field(1);

/// A few packages with every kind of relation.
fn compiled() -> Vec<u8> {
    let mut builder = Builder::new();
    let repository = builder.repository("main", 1);
    for (number, (name, version)) in
        [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"), ("d", "3"), ("e", "1")].into_iter().enumerate()
    {
        let fields = [FieldValue::new(VERSION, version.as_bytes())];
        let package = builder.package(&PackageSpec {
            name,
            version,
            rank: &[b"v", version.as_bytes()].concat(),
            arch: "any",
            slot: "",
            identity: [number as u8; 32],
            repository,
            flags: 0,
            fields: &fields,
        });
        let newer = [Test { op: Op::AtLeast, keys: &[(VERSION, b"2")] }];
        let atoms = [
            builder.atom("virtual", Met::ByAny, &[], "virtual"),
            builder.atom("a", Met::ByAny, &newer, "a (>= 2)"),
            builder.atom("c", Met::ByName, &[], "c"),
        ];
        match name {
            "a" => builder.provide(package, "virtual", &fields),
            "b" => builder.clause(package, Kind::Depends, &atoms[..2]),
            "c" => builder.conflict(package, atoms[1]),
            "d" => builder.obsolete(package, atoms[2]),
            _ => builder.clause(package, Kind::Recommends, &atoms),
        }
    }
    builder.finish().unwrap()
}

/// Asks everything that there is to ask.
fn ask(bytes: Vec<u8>) {
    let Ok(universe) = Universe::open(Arc::new(bytes)) else { return };
    let own = Universe::open(Arc::new(compiled())).unwrap();
    for parts in [vec![&universe], vec![&universe, &own], vec![&own, &universe]] {
        let installed: Vec<_> =
            (0..parts[0].len()).step_by(2).map(|id| (0, id, Installed::default())).collect();
        let world = World::new(&parts, &installed);
        for verb in [Verb::Install, Verb::Upgrade, Verb::Remove, Verb::Synchronise] {
            let names = ["a", "b", "c", "d", "e", "nothing"];
            let jobs =
                names.iter().map(|name| Job::new(verb, Selector::providing(name, &[]), *name)).collect();
            let policy = Policy { removals: true, steps: 20_000, improvement: 1_000, ..Policy::default() };
            let _ = solve(&world, &Request { jobs, policy });
        }
        let all: Vec<_> = world.installed().map(|(id, _)| id).collect();
        let _ = (dependents(&world, &all), orphans(&world, true), similar(&world, "aa"));
        all.first().map(|id| why(&world, *id));
    }
}

#[test]
fn what_ends_early_is_refused() {
    let bytes = compiled();
    for length in 0..bytes.len() {
        let opened = Universe::open(Arc::new(bytes[..length].to_vec()));
        // Only what no section needs may be missing.
        assert!(opened.is_err() || length + 8 > bytes.len(), "{length} of {}", bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_found_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = compiled();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        ask(bytes);
    }

    #[test]
    fn anything_at_all_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(Universe::open(Arc::new(bytes)).is_err());
    }
}
