//! Debian's `Packages` as a universe: what the resolver makes of each field.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::process::Command;
use std::sync::Arc;

use ambar::pkgfmt::Limits;
use ambar::pkgfmt::deb::index::PackagesIndex;
use ambar::resolver::universe::flags;
use ambar::resolver::{
    Answer, Builder, Installed, Job, Policy, Request, Selector, Universe, Verb, World, solve,
};
use ambar::universe::debian::{self, Added, Repository};
use proptest::prelude::*;

/// Stanzas, each a name, a version and further fields.
fn text(stanzas: &[(&str, &str, &str)]) -> String {
    let stanza = |(name, version, fields): &(&str, &str, &str)| {
        let arch = if fields.contains("Architecture:") { "" } else { "Architecture: amd64\n" };
        format!("Package: {name}\nVersion: {version}\n{arch}{fields}\n\n")
    };
    stanzas.iter().map(stanza).collect()
}

fn compiled(text: &str) -> (Vec<u8>, Added) {
    let mut builder = Builder::new();
    let index = PackagesIndex::read(Arc::new(text.to_owned()), &Limits::default()).unwrap();
    let added = debian::add(&mut builder, &index, Repository { name: "main", priority: 0 }, "amd64");
    (builder.finish().unwrap(), added)
}

fn universe(text: &str) -> Universe {
    let (bytes, added) = compiled(text);
    assert_eq!(added.refused, []);
    Universe::open(Arc::new(bytes)).unwrap()
}

/// What is there after `wanted` are asked for, as `name version`; nothing when it is impossible. `installed` are
/// names in the same index.
fn after(text: &str, installed: &[&str], wanted: &[&str], policy: Policy) -> Option<Vec<String>> {
    let universe = universe(text);
    let there: Vec<(usize, u32, Installed)> = (0..universe.len())
        .filter(|package| installed.contains(&universe.name_text(universe.package_name(*package))))
        .map(|package| (0, package, Installed::default()))
        .collect();
    assert_eq!(there.len(), installed.len());
    let world = World::new(&[&universe], &there);
    let job = |name: &&str| Job::new(Verb::Install, Selector::named(name, &[]), *name);
    let request = Request { jobs: wanted.iter().map(job).collect(), policy };
    match solve(&world, &request) {
        Answer::Solved(solution) => {
            let shown = |package: &_| format!("{} {}", world.name(*package), world.version(*package));
            Some(solution.packages.iter().map(shown).collect())
        }
        Answer::Impossible(_) => None,
        Answer::Budget => panic!("out of steps"),
    }
}

fn new(stanzas: &[(&str, &str, &str)], wanted: &[&str]) -> Option<Vec<String>> {
    after(&text(stanzas), &[], wanted, Policy { recommends: false, ..Policy::default() })
}

fn owned(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn dependencies_are_met_in_the_versions_that_they_ask_for() {
    let all = [
        ("app", "1", "Depends: lib (>= 2~), lib (<< 3), x | tool\nPre-Depends: base (= 1:1-1)\nSuggests: z"),
        ("lib", "1", ""),
        ("lib", "2", ""),
        ("lib", "2.0-1", ""),
        ("lib", "3", ""),
        ("tool", "0", ""),
        ("base", "1:1-1", ""),
        ("base", "2", ""),
    ];
    assert_eq!(new(&all, &["app"]), owned(&["app 1", "base 1:1-1", "lib 2.0-1", "tool 0"]));
    let strict = [("app", "1", "Depends: lib (>> 1), lib (<= 2)"), ("lib", "1", ""), ("lib", "3", "")];
    assert_eq!(new(&strict, &["app"]), None);
    let old = [("app", "1", "Depends: lib (< 2)"), ("lib", "2", "")];
    assert_eq!(new(&old, &["app"]), owned(&["app 1", "lib 2"]), "an old '<' means '<='");
}

#[test]
fn recommendations_come_when_they_are_wanted_and_suggestions_never_do() {
    let all = text(&[("app", "1", "Recommends: nice\nSuggests: rare"), ("nice", "1", ""), ("rare", "1", "")]);
    let policy = |recommends| Policy { recommends, ..Policy::default() };
    assert_eq!(after(&all, &[], &["app"], policy(true)), owned(&["app 1", "nice 1"]));
    assert_eq!(after(&all, &[], &["app"], policy(false)), owned(&["app 1"]));
}

#[test]
fn only_what_is_provided_in_a_version_meets_a_condition_on_it() {
    let provider = |provides| [("app", "1", "Depends: virtual (>= 2)"), ("p", "9", provides)];
    assert_eq!(new(&provider("Provides: virtual (= 2)"), &["app"]), owned(&["app 1", "p 9"]));
    assert_eq!(new(&provider("Provides: virtual (= 9), virtual (= 1)"), &["app"]), owned(&["app 1", "p 9"]));
    assert_eq!(new(&provider("Provides: virtual (= 1)"), &["app"]), None);
    assert_eq!(new(&provider("Provides: virtual"), &["app"]), None);
    let plain = [("app", "1", "Depends: virtual"), ("p", "9", "Provides: virtual")];
    assert_eq!(new(&plain, &["app"]), owned(&["app 1", "p 9"]));
}

#[test]
fn any_architecture_will_do_only_where_the_package_allows_it() {
    for (fields, met) in [
        ("Multi-Arch: allowed", true),
        ("Multi-Arch: foreign", false),
        ("Multi-Arch: same", false),
        ("", false),
        ("Architecture: all\nMulti-Arch: allowed", true),
    ] {
        let all = [("app", "1", "Depends: python:any (>= 3)"), ("python", "3", fields)];
        assert_eq!(new(&all, &["app"]).is_some(), met, "{fields}");
        let provided = format!("{fields}{}Provides: python (= 3)", if fields.is_empty() { "" } else { "\n" });
        let all = [("app", "1", "Depends: python:any (>= 3)"), ("pypy", "7", &provided)];
        assert_eq!(new(&all, &["app"]).is_some(), met, "{provided}");
    }
    let all = [("app", "1", "Depends: own:amd64"), ("own", "1", "")];
    assert!(new(&all, &["app"]).is_some());
    let all = [("app", "1", "Depends: own:i386"), ("own", "1", "")];
    assert_eq!(new(&all, &["app"]), None);
    let all = [("a", "1", "Breaks: b:any (<< 2)"), ("b", "1", "")];
    assert_eq!(new(&all, &["a", "b"]), None, "what breaks any b breaks this one");
}

#[test]
fn packages_for_other_architectures_are_left_out() {
    let all = text(&[("a", "1", "Architecture: i386"), ("b", "1", "Architecture: all"), ("c", "1", "")]);
    let (_, added) = compiled(&all);
    assert_eq!(added, Added { packages: 2, foreign: 1, refused: Vec::new() });
}

#[test]
fn conflicts_hold_against_providers_and_never_against_oneself() {
    let all = [
        ("exim", "1", "Provides: mta\nConflicts: mta"),
        ("postfix", "1", "Provides: mta\nConflicts: mta"),
        ("plain", "2", "Breaks: exim (<< 1)"),
        ("hard", "2", "Breaks: exim (<< 2)"),
    ];
    assert_eq!(new(&all, &["exim"]), owned(&["exim 1"]));
    assert_eq!(new(&all, &["exim", "postfix"]), None);
    assert_eq!(new(&all, &["exim", "plain"]), owned(&["exim 1", "plain 2"]));
    assert_eq!(new(&all, &["exim", "hard"]), None);
}

#[test]
fn a_package_takes_another_s_place_where_it_replaces_conflicts_and_provides() {
    let with = |fields: &str| text(&[("old", "1", "Provides: virtual"), ("new", "1", fields)]);
    let kept = |fields: &str| after(&with(fields), &["old"], &["new"], Policy::default());
    assert_eq!(kept("Replaces: old\nConflicts: old\nProvides: old (= 1)"), owned(&["new 1"]));
    assert_eq!(kept("Replaces: old (<< 3)\nConflicts: old (<< 2)\nProvides: OLD"), owned(&["new 1"]));
    assert_eq!(kept("Replaces: old\nProvides: old"), owned(&["new 1", "old 1"]));
    // The removal would have to be allowed.
    assert_eq!(kept("Conflicts: old\nProvides: old"), None);
    // Another program for the same end: it goes where somebody asks for this one.
    assert_eq!(kept("Replaces: old\nConflicts: old"), owned(&["new 1"]));
    assert_eq!(kept("Replaces: old (<< 9)\nConflicts: old (<< 9)"), owned(&["new 1"]));
    assert_eq!(kept("Replaces: old\nBreaks: old\nProvides: old"), None);
    assert_eq!(kept("Replaces: old (<< 1)\nConflicts: old\nProvides: old"), None);
    assert_eq!(kept("Replaces: virtual\nConflicts: virtual\nProvides: virtual"), owned(&["new 1"]));
}

#[test]
fn an_upgrade_goes_to_new_names_and_not_to_siblings() {
    let siblings = |name: &'static str, other: &str| {
        (name, "2", format!("Provides: editor\nConflicts: {other}, editor\nReplaces: {other}, editor"))
    };
    let upgraded = |stanzas: &[(&str, &str, &str)], installed: &str| {
        let universe = universe(&text(stanzas));
        let name = universe.find_name(installed).unwrap();
        let oldest = universe.packages_of(name).last().unwrap();
        let world = World::new(&[&universe], &[(0, oldest, Installed::default())]);
        let request = Request::one(Job::new(Verb::Upgrade, Selector::Installed, "everything"));
        let Answer::Solved(solution) = solve(&world, &request) else { panic!("no upgrade") };
        let shown = |package: &_| format!("{} {}", world.name(*package), world.version(*package));
        solution.packages.iter().map(shown).collect::<Vec<_>>()
    };
    let [gtk, nox] = [siblings("emacs-gtk", "emacs-nox"), siblings("emacs-nox", "emacs-gtk")];
    let all = [("emacs-nox", "1", ""), (gtk.0, gtk.1, &gtk.2), (nox.0, nox.1, &nox.2)];
    assert_eq!(upgraded(&all, "emacs-nox"), ["emacs-nox 2"]);
    let all = [("old", "1", ""), ("new", "1", "Provides: old\nConflicts: old\nReplaces: old")];
    assert_eq!(upgraded(&all, "old"), ["new 1"]);
}

#[test]
fn essential_packages_are_protected() {
    for (fields, protected) in [
        ("Essential: yes", true),
        ("Protected: yes", true),
        ("Important: yes", true),
        ("Essential: no", false),
        ("Priority: required", false),
    ] {
        let universe = universe(&text(&[("a", "1", fields)]));
        assert_eq!(universe.flags(0) & flags::PROTECTED != 0, protected, "{fields}");
    }
}

#[test]
fn a_digest_is_a_package_s_identity_and_its_name_is_in_lower_case() {
    let digest = "0123456789abcdef".repeat(4);
    let universe =
        universe(&text(&[("Hello", "1", &format!("SHA256: {digest}")), ("b", "1", "Depends: HELLO")]));
    let package = universe.packages_of(universe.find_name("hello").unwrap()).start;
    assert_eq!(universe.identity(package)[..2], [0x01, 0x23]);
    assert_eq!((universe.version(package), universe.arch(package)), ("1", "amd64"));
}

#[test]
fn a_package_with_a_wrong_word_is_left_out_alone() {
    let all = text(&[
        ("a", "1", "Depends: b (>= x)"),
        ("b", "v1", ""),
        ("c", "1", "Conflicts: d | e"),
        ("d", "1", "Provides: x (>= 1)"),
        ("e", "1", "Depends: f,, g"),
        ("f", "1", "Depends: g [amd64]"),
        ("g", "1", "Replaces: h (= -)\nConflicts: h"),
        ("h", "1", "Recommends: i (= 1"),
        ("i", "1", "Essential: perhaps"),
        ("ok", "1", "Depends: ok,"),
    ]);
    let (_, added) = compiled(&all);
    let refused: Vec<String> = added.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "line 4: a: Depends: 'x', for b, is no version",
            "line 7: b: Version: 'v1' is no version",
            "line 14: c: Conflicts: it must not have alternatives",
            "line 19: d: Provides: x must be provided in one version",
            "line 24: e: Depends: '' is no package's name",
            "line 29: f: Depends: '[' stands where a ',' should",
            "line 34: g: Replaces: '-', for h, is no version",
            "line 40: h: Recommends: the condition on i does not end in ')'",
            "line 45: i: Essential: 'perhaps' is neither yes nor no",
        ]
    );
    assert_eq!(added.packages, 1);
}

proptest! {
    #[test]
    fn the_order_of_stanzas_does_not_matter(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all = [
            ("a", "1", "Depends: b (>= 1) | c:any, d"),
            ("a", "2", "Depends: b(>=1)|c, d\nConflicts: e"),
            ("b", "1:0", "Provides: d (= 2), e\nMulti-Arch: same"),
            ("c", "1", "Replaces: e\nConflicts: e\nMulti-Arch: allowed"),
            ("d", "0~1", "Essential: yes\nRecommends: a"),
            ("d", "0~1", "Architecture: all\nSHA256: 0101010101010101010101010101010101010101010101010101010101010101"),
        ];
        let shuffled: Vec<_> = order.into_iter().map(|at| all[at]).collect();
        prop_assert_eq!(compiled(&text(&all)).0, compiled(&text(&shuffled)).0);
    }
}

#[test]
fn the_index_of_this_machine_is_taken_whole_and_solves() {
    let text = match std::env::var_os("AMBAR_TEST_PACKAGES") {
        Some(path) => std::fs::read(path).unwrap(),
        None => Command::new("apt-cache").arg("dumpavail").output().map(|run| run.stdout).unwrap_or_default(),
    };
    let text = String::from_utf8_lossy(&text);
    if !text.contains("\nPackage: build-essential\n") || !text.contains("\nArchitecture: amd64\n") {
        println!("skipped: apt knows no index for amd64, and AMBAR_TEST_PACKAGES names none");
        return;
    }
    let (bytes, added) = compiled(&text);
    assert_eq!(added.refused, []);
    let universe = Universe::open(Arc::new(bytes)).unwrap();
    let world = World::new(&[&universe], &[]);
    let job = Job::new(Verb::Install, Selector::named("build-essential", &[]), "build-essential");
    let policy = Policy { recommends: false, ..Policy::default() };
    let Answer::Solved(solution) = solve(&world, &Request { jobs: vec![job], policy }) else {
        panic!("build-essential cannot be installed");
    };
    let names: Vec<&str> = solution.packages.iter().map(|package| world.name(*package)).collect();
    for name in ["build-essential", "gcc", "libc6", "make"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}
