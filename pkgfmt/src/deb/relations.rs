//! Fields that name other packages, as [`alternative`](super::alternative) reads them.
//!
//! Names are not case-sensitive and come out in lower case. What only source packages have (restrictions to
//! architectures in `[]`, build profiles in `<>`) is refused, as dpkg does; so are an empty clause, a comma at the
//! end, and alternatives where all must hold.
//!
//! | field | kind | alternatives | conditions |
//! | --- | --- | --- | --- |
//! | `Depends`, `Pre-Depends`, `Recommends`, `Suggests`, `Enhances` | of that name | yes | any |
//! | `Conflicts`, `Breaks` | of that name | no | any |
//! | `Provides` | `Provides` a package | no | `=` |
//! | `Replaces` | `Overwrites`; see [`replaced`] | no | any |

use crate::error::Problem;
use crate::limits::Limits;
use crate::path::Shown;
use crate::relation::{Op, Relation, RelationKind, Subject, Target};

use super::alternative::{Alternative, pieces};
use super::control::Field;
use super::words;

/// Fields that name packages, in lower case, and what they mean.
const FIELDS: [(&str, RelationKind); 9] = [
    ("depends", RelationKind::Depends),
    ("pre-depends", RelationKind::PreDepends),
    ("recommends", RelationKind::Recommends),
    ("suggests", RelationKind::Suggests),
    ("enhances", RelationKind::Enhances),
    ("conflicts", RelationKind::Conflicts),
    ("breaks", RelationKind::Breaks),
    ("provides", RelationKind::Provides),
    ("replaces", RelationKind::Overwrites),
];

/// The kind of relation that the field of that name (in lower case) holds.
pub(super) fn kind_of(name: &str) -> Option<RelationKind> {
    FIELDS.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind)
}

/// Reads one field; `relations` is what all of them give.
pub(super) fn read(
    field: &Field,
    kind: RelationKind,
    limits: &Limits,
    relations: &mut Vec<Relation>,
) -> Result<(), Problem> {
    let text = field.text();
    let mut targets: usize = relations.iter().map(|relation| relation.alternatives.len()).sum();
    let mut alternatives = Vec::new();
    for piece in pieces(&text) {
        targets += 1;
        if targets > limits.relation_targets {
            let limit = limits.relation_targets as u64;
            return Err(Problem::limit("the number of packages that relations name", limit));
        }
        alternatives.push(target(field, kind, piece.text)?);
        if !piece.or {
            relations.push(Relation { kind, alternatives: std::mem::take(&mut alternatives) });
        } else if !has_alternatives(kind) {
            return Err(field.damaged("it must not have alternatives"));
        }
    }
    Ok(())
}

/// What one piece of a field names.
fn target(field: &Field, kind: RelationKind, piece: &str) -> Result<Target, Problem> {
    let found = Alternative::parse_binary(piece).map_err(|error| field.damaged(error))?;
    let mut target = Target::package(&found.name.to_ascii_lowercase());
    target.arch = found.arch.into();
    if let Some((op, version)) = found.condition {
        if kind == RelationKind::Provides && op != Op::Equal {
            return Err(field.damaged(format_args!("{} must be provided in one version", found.name)));
        }
        if !words::is_version(version) {
            let shown = Shown(version.as_bytes());
            return Err(field.damaged(format_args!("'{shown}', for {}, is no version", found.name)));
        }
        target = target.with(Subject::Version, op, version);
    }
    Ok(target)
}

/// Relations of the kind `Replaces`: packages that go when this one comes.
///
/// To Debian, `Replaces` alone is leave to take paths, and the other package stays (policy 7.6.1). Only where
/// this package also conflicts with it does the other go (7.6.2): so for each pair of a `Replaces` and a
/// `Conflicts` on one name, what both their conditions admit is replaced. `Breaks` removes nothing.
pub(super) fn replaced(relations: &[Relation], limits: &Limits) -> Result<Vec<Relation>, Problem> {
    let of = |wanted: RelationKind| {
        relations.iter().filter(move |relation| relation.kind == wanted).flat_map(|r| &r.alternatives)
    };
    let mut conflicts: std::collections::HashMap<(&str, &str), Vec<&Target>> = Default::default();
    for target in of(RelationKind::Conflicts) {
        conflicts.entry((&target.name, &target.arch)).or_default().push(target);
    }
    let mut replaced = Vec::new();
    for overwritten in of(RelationKind::Overwrites) {
        let key = (overwritten.name.as_str(), overwritten.arch.as_str());
        for conflict in conflicts.get(&key).into_iter().flatten() {
            let mut target = overwritten.clone();
            for constraint in &conflict.constraints {
                if !target.constraints.contains(constraint) {
                    target.constraints.push(constraint.clone());
                }
            }
            if replaced.len() >= limits.relation_targets {
                let limit = limits.relation_targets as u64;
                return Err(Problem::limit("the number of packages that relations name", limit));
            }
            replaced.push(Relation::one(RelationKind::Replaces, target));
        }
    }
    Ok(replaced)
}

fn has_alternatives(kind: RelationKind) -> bool {
    use RelationKind::{Breaks, Conflicts, Overwrites, Provides};
    !matches!(kind, Conflicts | Breaks | Provides | Overwrites)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<Vec<Relation>, String> {
        let field = Field { name: name.into(), first: value.into(), more: Vec::new() };
        let kind = kind_of(&name.to_ascii_lowercase()).unwrap();
        let mut relations = Vec::new();
        read(&field, kind, &Limits::default(), &mut relations).map_err(|problem| problem.to_string())?;
        Ok(relations)
    }

    fn shown(name: &str, value: &str) -> Vec<String> {
        parse(name, value).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_whole_grammar_is_read() {
        assert_eq!(
            shown(
                "Depends",
                "a, b:any | c:amd64 (>=1:2-3~) ,d( << 2 )|E+f (1)\n, g (< 1), h (> 1), i (>> 1)"
            ),
            ["a", "b:any | c:amd64 (>= 1:2-3~)", "d (< 2) | e+f (= 1)", "g (<= 1)", "h (>= 1)", "i (> 1)"]
        );
        assert_eq!(shown("Provides", "mta, x (= 1.2)"), ["mta", "x (= 1.2)"]);
        assert_eq!(shown("Suggests", ""), [""; 0]);
    }

    #[test]
    fn garbage_is_refused_with_the_field_s_name() {
        for (field, value, reason) in [
            ("Depends", "a,", "''"),
            ("Depends", ",a", "''"),
            ("Depends", "a,,b", "''"),
            ("Depends", "a |", "''"),
            ("Depends", "a b", "'b' stands"),
            ("Depends", "a [amd64]", "'[' stands"),
            ("Depends", "a <!nocheck>", "'<' stands"),
            ("Depends", "${shlibs:Depends}", "no package's name"),
            ("Depends", "-a", "no package's name"),
            ("Depends", "a:", "no architecture"),
            ("Depends", "a:x_y", "no architecture"),
            ("Depends", "a (", "no version"),
            ("Depends", "a ()", "no version"),
            ("Depends", "a (= )", "no version"),
            ("Depends", "a (= 1", "does not end"),
            ("Depends", "a (= 1 2)", "does not end"),
            ("Depends", "a (= 1(2)", "does not end"),
            ("Depends", "a (<> 1)", "no version"),
            ("Depends", "a (!= 1)", "no version"),
            ("Depends", "a (= v1)", "no version"),
            ("Depends", "a (= 1) b", "'b' stands"),
            ("Depends", "a\u{1b}[2J", "no package's name"),
            ("Conflicts", "a | b", "alternatives"),
            ("Breaks", "a | b", "alternatives"),
            ("Replaces", "a | b", "alternatives"),
            ("Provides", "a | b", "alternatives"),
            ("Provides", "a (>= 1)", "one version"),
        ] {
            let refusal = parse(field, value).unwrap_err();
            assert!(refusal.starts_with(&format!("control: {field}: ")), "{refusal}");
            assert!(refusal.contains(reason), "{value:?}: {refusal}");
        }
    }

    #[test]
    fn a_package_goes_only_where_both_fields_admit_it() {
        let mut relations = parse("Replaces", "a, b (<< 2), c, d").unwrap();
        relations.extend(parse("Conflicts", "a, b, b (>= 1), c (<< 3), e").unwrap());
        relations.extend(parse("Breaks", "d").unwrap());
        let replaced = replaced(&relations, &Limits::default()).unwrap();
        let shown: Vec<String> = replaced.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a", "b (< 2)", "b (< 2, >= 1)", "c (< 3)"]);
        assert!(replaced.iter().all(|relation| relation.kind == RelationKind::Replaces));
    }

    #[test]
    fn the_number_of_targets_is_bounded_over_all_fields() {
        let limits = Limits { relation_targets: 3, ..Limits::default() };
        let mut relations = Vec::new();
        let mut read = |value: &str| {
            let field = Field { name: "Depends".into(), first: value.into(), more: Vec::new() };
            super::read(&field, RelationKind::Depends, &limits, &mut relations)
        };
        assert!(read("a | b").is_ok());
        assert!(matches!(read("c, d"), Err(Problem::Limit { limit: 3, .. })));
    }
}
