//! Match expressions mean what they mean to Entropy.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use ambar_pkgfmt::expression::{
    Blocker, Candidate, Expression, Flag, FlagWish, NoMatch, Operator, Revision, SlotWish, VersionWish,
    best_match,
};
use ambar_pkgfmt::relation::{Op, Subject, Target};
use ambar_pkgfmt::{Manifest, VersionOrder};
use proptest::prelude::*;
use serde_json::Value;

fn parse(text: &str) -> Expression {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A package written as `category/name-version[:slot][#tag][~revision]` is written.
fn package(text: &str, revision: u64, repository: &str, place: u32) -> Owned {
    let expression = parse(text);
    let slot = if expression.slot.slot.is_empty() { "0".into() } else { expression.slot.slot };
    Owned {
        category: expression.category,
        name: expression.name,
        version: expression.version.unwrap().version,
        revision: match expression.revision {
            Some(Revision::Number(revision)) => revision,
            _ => revision,
        },
        slot,
        subslot: expression.slot.subslot,
        tag: expression.tag,
        repository: repository.into(),
        place,
    }
}

#[derive(Debug, Clone)]
struct Owned {
    category: String,
    name: String,
    version: String,
    revision: u64,
    slot: String,
    subslot: String,
    tag: String,
    repository: String,
    place: u32,
}

impl Owned {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            category: &self.category,
            name: &self.name,
            version: &self.version,
            revision: self.revision,
            slot: &self.slot,
            subslot: &self.subslot,
            tag: &self.tag,
            flags: vec!["ssl", "-doc"],
            repository: &self.repository,
            place: self.place,
        }
    }
}

/// What is taken of these packages, each in a repository of its own.
fn best(expression: &str, packages: &[&str]) -> Result<Option<String>, NoMatch> {
    let owned: Vec<Owned> =
        (0..).zip(packages).map(|(place, text)| package(text, 0, "main", place)).collect();
    let candidates: Vec<Candidate<'_>> = owned.iter().map(Owned::candidate).collect();
    let found = best_match(&parse(expression), &candidates)?;
    Ok(found.map(|position| packages[position].to_owned()))
}

#[test]
fn every_golden_match_has_the_answer_that_entropy_gave() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/golden/entropy-planner.json");
    let Ok(text) = std::fs::read(path) else {
        println!("skipped: ../shared/data is not there");
        return;
    };
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let mut checked = 0;
    for case in cases.iter().filter(|case| case["op"] == "match") {
        let repositories = case["repos"].as_object().unwrap();
        // The repository added last is the first choice.
        let places = (0..repositories.len() as u32).rev();
        let mut owned = Vec::new();
        for ((repository, packages), place) in repositories.iter().zip(places) {
            for one in packages.as_array().unwrap() {
                let revision = one["rev"].as_u64().unwrap_or(0);
                let text = one["a"].as_str().unwrap();
                owned.push((format!("{text}@{repository}"), package(text, revision, repository, place)));
            }
        }
        let candidates: Vec<Candidate<'_>> = owned.iter().map(|(_, one)| one.candidate()).collect();
        for (text, expected) in case["expect_entropy324"]["ok"].as_object().unwrap() {
            let found = match best_match(&parse(text), &candidates) {
                Ok(found) => found.map(|position| owned[position].0.as_str()),
                // Entropy finds nothing; we say what it could be.
                Err(NoMatch::Ambiguous(_)) => None,
                Err(error) => panic!("{text}: {error}"),
            };
            assert_eq!(found, expected.as_str(), "{}: {text}", case["name"]);
            checked += 1;
        }
    }
    assert!(checked >= 18, "{checked} cases");
}

#[test]
fn a_name_in_two_categories_is_ambiguous_and_the_candidates_are_named() {
    let packages = ["two/x-2", "one/x-1", "one/x-3"];
    let error = best("x", &packages).unwrap_err();
    assert_eq!(error.to_string(), "'x' is ambiguous: it could be one/x or two/x; write one of these");
    // A version does not make it clear what was meant.
    assert!(matches!(best(">=x-3", &packages), Err(NoMatch::Ambiguous(_))));
    assert_eq!(best("two/x", &packages), Ok(Some("two/x-2".into())));
    assert_eq!(best("x", &packages[1..]), Ok(Some("one/x-3".into())));
}

#[test]
fn untagged_beats_tagged_then_tag_version_revision_and_repository_decide() {
    assert_eq!(best("a/t", &["a/t-1#2.6.31", "a/t-0.9"]), Ok(Some("a/t-0.9".into())));
    assert_eq!(best("a/t", &["a/t-1#4.11.0", "a/t-2#4.9.0"]), Ok(Some("a/t-1#4.11.0".into())));
    assert_eq!(best("a/t", &["a/t-1", "a/t-1.10", "a/t-1.9"]), Ok(Some("a/t-1.10".into())));
    assert_eq!(best("a/t", &["a/t-1~1", "a/t-1~12", "a/t-1~3"]), Ok(Some("a/t-1~12".into())));
    let twice = [package("a/t-1", 0, "second", 1), package("a/t-1", 0, "first", 0)];
    let candidates: Vec<Candidate<'_>> = twice.iter().map(Owned::candidate).collect();
    assert_eq!(best_match(&parse("a/t"), &candidates), Ok(Some(1)));
    assert_eq!(best_match(&parse("a/t@second"), &candidates), Ok(Some(0)));
    assert_eq!(best_match(&parse("a/t@third,second"), &candidates), Ok(Some(0)));
    assert_eq!(best_match(&parse("a/t@third"), &candidates), Ok(None));
}

#[test]
fn every_part_is_a_condition() {
    for (expression, matched) in [
        ("foo", true),
        ("a/foo", true),
        ("b/foo", false),
        ("a/fo", false),
        ("a/foo-1.2.3-r4", true),
        ("a/foo-1.2.3", false),
        ("~a/foo-1.2.3", true),
        ("~a/foo-1.2.3-r9", true),
        ("~a/foo-1.2", false),
        ("=a/foo-1*", true),
        ("=a/foo-1.2*", true),
        ("=a/foo-1.20*", false),
        (">a/foo-1.2.3", true),
        (">a/foo-1.2.3-r4", false),
        ("<=a/foo-1.2.3-r4", true),
        ("<a/foo-2", true),
        ("a/foo:2", true),
        ("a/foo:2/2.1", true),
        ("a/foo:2/2.2", false),
        ("a/foo:1", false),
        ("a/foo:=", true),
        ("a/foo:*", true),
        ("a/foo[ssl]", true),
        ("a/foo[-ssl]", false),
        ("a/foo[ssl,-doc]", true),
        ("a/foo[doc]", false),
        ("a/foo[-doc]", true),
        ("a/foo[gtk]", false),
        ("a/foo[-gtk]", false),
        ("a/foo[gtk(+)]", true),
        ("a/foo[-gtk(-)]", true),
        ("a/foo[-gtk(+)]", false),
        ("a/foo[doc(+)]", false),
        ("a/foo#4.9-s", true),
        ("a/foo#4.9", false),
        ("a/foo~9", true),
        ("a/foo-1.2.3-r4~7", true),
        ("a/foo-1.2.3-r4~6", false),
        (">=a/foo-1.2.3-r4~7", true),
        (">=a/foo-1.2.3-r4~8", false),
        (">a/foo-1.2.3-r4~6", true),
        (">a/foo-1.2~99", true),
        ("<a/foo-1.2.3-r4~8", true),
        ("<a/foo-1.2.3-r4~7", false),
        ("=a/foo-1.2*~6", false),
        ("a/foo~-1", true),
        ("!a/foo", true),
        ("a/foo@main", true),
        ("a/foo::other", false),
    ] {
        let owned = package("a/foo-1.2.3-r4:2/2.1#4.9-s", 7, "main", 0);
        assert_eq!(parse(expression).matches(&owned.candidate()), Ok(matched), "{expression}");
    }
}

#[test]
fn a_package_that_declares_no_subslot_has_its_slot_for_one() {
    let owned = package("a/foo-1:2", 0, "main", 0);
    assert_eq!(parse("a/foo:2/2").matches(&owned.candidate()), Ok(true));
    assert_eq!(parse("a/foo:2/1").matches(&owned.candidate()), Ok(false));
}

#[test]
fn a_manifest_of_entropy_is_a_candidate_and_another_is_none() {
    let mut manifest = Manifest::new("app-misc/foo", "1.2-r1", VersionOrder::Entropy);
    (manifest.slot, manifest.release) = ("3".into(), "5".into());
    manifest.properties =
        vec![("portage.subslot".into(), "9".into()), ("portage.use".into(), "-doc ssl".into())];
    let candidate = Candidate::of(&manifest, "main", 0).unwrap();
    for text in ["=foo-1.2-r1~5:3/9[ssl,-doc]@main", ">=app-misc/foo-1.2-r1~5"] {
        assert_eq!(parse(text).matches(&candidate), Ok(true), "{text}");
    }
    let other = Manifest::new("app-misc/foo", "1.2-1", VersionOrder::Debian);
    assert_eq!(Candidate::of(&other, "main", 0), None);
}

#[test]
fn an_expression_is_said_as_targets_where_a_target_can_say_it() {
    let said = parse(">=a/b-1.0~2:3#t@one,two").said().unwrap();
    let target = |op, release: Option<&str>, repository| {
        let target = Target::package("a/b").with(Subject::Version, op, "1.0");
        let target = match release {
            Some(release) => target.with(Subject::Release, Op::AtLeast, release),
            None => target,
        };
        let target = target.with(Subject::Slot, Op::Same, "3").with(Subject::Tag, Op::Same, "t");
        target.with(Subject::Repository, Op::Same, repository)
    };
    assert_eq!(
        said.targets,
        [
            target(Op::Greater, None, "one"),
            target(Op::Greater, None, "two"),
            target(Op::Equal, Some("2"), "one"),
            target(Op::Equal, Some("2"), "two")
        ]
    );
    assert!(!said.loosened);
    assert!(parse("a/b[ssl]").said().unwrap().loosened);
    assert!(parse("a/b:0/1").said().unwrap().loosened);
    assert_eq!(parse("b").said(), None, "only the packages there are tell the category");
}

#[test]
fn what_is_no_expression_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "this is no name"),
        ("!", "this is no name"),
        (">=a/b", "an operator wants a version"),
        ("a/b-1*", "'*' stands after a version"),
        (">=a/b-1*", "'*' stands after a version"),
        ("a/b/c", "this is no name"),
        ("../b", "this is no category"),
        ("/b", "this is no category"),
        ("a/b:", "this is no slot"),
        ("a/b:0:1", "one thing twice"),
        ("a/b::r@r", "one thing twice"),
        ("a/b[", "wants a ']'"),
        ("a/b[]", "this is no USE flag"),
        ("a/b[-x?]", "this is no USE flag"),
        ("a/b[x]y", "after ']'"),
        ("a/b#", "this is no tag"),
        ("a/b~x", "this is no revision"),
        ("a/b~-2", "this is no revision"),
        ("a/b~99999999999999999999", "this is no revision"),
        ("a/b@", "this is no repository"),
        ("a/b@a,,b", "this is no repository"),
        ("a b", "this is no name"),
        ("a/\u{202e}b", "this is no name"),
    ] {
        let error = text.parse::<Expression>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text:?}: {error}");
        assert!(!error.contains('\u{202e}'), "{error:?}");
    }
    assert!(format!("a/{}", "b".repeat(5000)).parse::<Expression>().is_err());
}

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9+._-]{0,6}"
}

fn flag() -> impl Strategy<Value = Flag> {
    let wish = prop::sample::select(vec![
        FlagWish::On,
        FlagWish::Off,
        FlagWish::Equal,
        FlagWish::Opposite,
        FlagWish::OnIfOn,
        FlagWish::OffIfOff,
    ]);
    ("[a-z][a-z0-9_@.-]{0,5}", wish, any::<Option<bool>>()).prop_map(|(name, wish, unknown)| Flag {
        name,
        wish,
        unknown,
    })
}

fn version() -> impl Strategy<Value = String> {
    "[0-9]{1,3}(\\.[0-9]{1,2}){0,2}[a-c]?(_(alpha|rc|p)[0-9]?)?(-r[0-9]{1,2})?"
}

prop_compose! {
    fn expression()(
        blocker in prop::option::of(prop::sample::select(vec![Blocker::Weak, Blocker::Strong])),
        category in prop::option::of("[a-z]{1,4}(-[a-z]{1,3})?"),
        name in "[a-z]{1,4}(-[a-z]{1,3})?[+]?",
        operator in prop::sample::select(vec![
            Operator::Less, Operator::AtMost, Operator::Equal, Operator::Prefix, Operator::RevisionAside,
            Operator::AtLeast, Operator::Greater,
        ]),
        version in prop::option::of(version()),
        slot in prop::option::of((label(), prop::option::of(label()))),
        rebuild in any::<bool>(),
        flags in prop::collection::vec(flag(), 0..3),
        tag in prop::option::of(label()),
        revision in prop::option::of(prop_oneof![
            any::<u64>().prop_map(Revision::Number), Just(Revision::Newest)
        ]),
        repositories in prop::collection::vec(label(), 0..3),
    ) -> Expression {
        let (slot, subslot) = slot.unwrap_or_default();
        Expression {
            blocker,
            category: category.unwrap_or_default(),
            name,
            version: version.map(|version| VersionWish { operator, version }),
            slot: SlotWish { slot, subslot: subslot.unwrap_or_default(), rebuild },
            flags,
            tag: tag.unwrap_or_default(),
            revision,
            repositories,
        }
    }
}

proptest! {
    #[test]
    fn an_expression_reads_back_from_its_text(expression in expression()) {
        let text = expression.to_string();
        prop_assert_eq!(text.parse::<Expression>(), Ok(expression), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[!<>=~a-c/*:#@,\\[\\]()+?r0-2._é -]{0,32}") {
        if let Ok(expression) = text.parse::<Expression>() {
            let shown = expression.to_string();
            prop_assert_eq!(shown.parse::<Expression>(), Ok(expression), "{}", shown);
        }
    }

    #[test]
    fn any_string_is_read_or_refused(text in any::<String>()) {
        let _ = text.parse::<Expression>();
    }

    /// What an expression matches is what the targets that it is said in allow, where they can say all of it.
    #[test]
    fn targets_allow_what_the_expression_matches(expression in expression(), wanted in version(), revision in 0..4_u64) {
        let mut expression = expression;
        (expression.category, expression.name) = ("a".into(), "b".into());
        (expression.flags, expression.slot.subslot) = (Vec::new(), String::new());
        if let (Some(Revision::Number(number)), true) = (&mut expression.revision, revision > 0) {
            *number %= 4;
        }
        let mut manifest = Manifest::new("a/b", &wanted, VersionOrder::Entropy);
        manifest.release = revision.to_string();
        (manifest.slot, manifest.tag) = (expression.slot.slot.clone(), expression.tag.clone());
        let repository = expression.repositories.last().cloned().unwrap_or_default();
        let candidate = Candidate::of(&manifest, &repository, 0).unwrap();
        let seen = ambar_pkgfmt::version::Candidate {
            repository: Some(&repository),
            ..ambar_pkgfmt::version::Candidate::from(&manifest)
        };
        let said = expression.said().unwrap();
        let allowed = said.targets.iter().any(|target| {
            target.constraints.iter().all(|constraint| seen.meets(constraint).unwrap())
        });
        prop_assert_eq!(expression.matches(&candidate), Ok(allowed), "{}", expression);
    }

    #[test]
    fn the_sequence_of_candidates_does_not_matter(seed in prop::collection::vec((0..3_u8, 0..3_u8, 0..3_u64, 0..2_u8), 1..8)) {
        let of = |&(version, tag, revision, slot): &(u8, u8, u64, u8)| {
            let tag = if tag == 0 { String::new() } else { format!("#k{tag}") };
            package(&format!("a/b-1.{version}:{slot}{tag}"), revision, "main", 0)
        };
        let owned: Vec<Owned> = seed.iter().map(of).collect();
        let forwards: Vec<Candidate<'_>> = owned.iter().map(Owned::candidate).collect();
        let backwards: Vec<Candidate<'_>> = owned.iter().rev().map(Owned::candidate).collect();
        let expression = parse("a/b");
        let one = best_match(&expression, &forwards).unwrap().map(|position| forwards[position].clone());
        let other = best_match(&expression, &backwards).unwrap().map(|position| backwards[position].clone());
        prop_assert_eq!(one, other);
    }
}
