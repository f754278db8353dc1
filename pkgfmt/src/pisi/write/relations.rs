//! Relations as PiSi can say them: the inverse of what metadata.xml is read as.

use std::collections::HashSet;

use crate::relation::{Constraint, Op, Relation, RelationKind, Subject, Target, TargetKind};

use super::loss::{Losses, Lost};
use super::xml::{cleaned, survives};

/// The conditions that PiSi has, in the order in which they are read, and their attributes.
pub(super) const CONDITIONS: [(&str, Subject, Op); 6] = [
    ("version", Subject::Version, Op::Same),
    ("versionFrom", Subject::Version, Op::AtLeast),
    ("versionTo", Subject::Version, Op::AtMost),
    ("release", Subject::Release, Op::Same),
    ("releaseFrom", Subject::Release, Op::AtLeast),
    ("releaseTo", Subject::Release, Op::AtMost),
];

/// Families of capabilities that a package provides, with their elements.
pub(super) const FAMILIES: [(&str, &str); 3] =
    [("comar", "COMAR"), ("pkgconfig", "PkgConfig"), ("pkgconfig32", "PkgConfig32")];

/// Family and name of a capability that PiSi has a word for, `pkgconfig(zlib)`.
pub(super) fn capability(text: &str) -> Option<(&'static str, &str)> {
    let (family, rest) = text.split_once('(')?;
    let name = rest.strip_suffix(')')?;
    let (family, _) = FAMILIES.into_iter().find(|(known, _)| *known == family)?;
    (!name.is_empty() && survives(name)).then_some((family, name))
}

/// The relations that can be written, as they read back.
pub(super) fn sayable(relations: &[Relation], losses: &mut Losses) -> Vec<Relation> {
    let mut provided = HashSet::new();
    let mut kept = Vec::with_capacity(relations.len());
    for relation in relations {
        let said = match relation.kind {
            RelationKind::Depends => dependency(relation, losses),
            RelationKind::Conflicts | RelationKind::Replaces => negative(relation, losses),
            RelationKind::Provides => provision(relation, &mut provided, losses),
            other => {
                losses.add(Lost::Relation(other), named(relation));
                None
            }
        };
        kept.extend(said);
    }
    kept
}

fn named(relation: &Relation) -> String {
    format!("{:?} {relation}", relation.kind)
}

fn dependency(relation: &Relation, losses: &mut Losses) -> Option<Relation> {
    let single = relation.alternatives.len() == 1;
    let mut alternatives = Vec::new();
    for target in &relation.alternatives {
        let fits = match target.kind {
            TargetKind::Package => true,
            TargetKind::Component => single,
            TargetKind::Capability => {
                capability(&target.name).is_some_and(|(family, _)| family.starts_with("pkgconfig"))
            }
        };
        if !fits || !survives(&target.name) {
            let what = if target.kind == TargetKind::Capability { Lost::Capability } else { Lost::Target };
            losses.add(what, named(relation));
            return None;
        }
        let (constraints, complete) = conditions(target, relation, losses);
        if !complete {
            losses.add(Lost::Condition, named(relation));
        }
        alternatives.push(Target { arch: String::new(), constraints, ..target.clone() });
    }
    Some(Relation { kind: RelationKind::Depends, alternatives })
}

/// Conflicts and replacements: without a condition they would speak of more packages than they do.
fn negative(relation: &Relation, losses: &mut Losses) -> Option<Relation> {
    let [target] = relation.alternatives.as_slice() else {
        losses.add(Lost::Target, named(relation));
        return None;
    };
    if target.kind != TargetKind::Package || !survives(&target.name) {
        losses.add(Lost::Target, named(relation));
        return None;
    }
    let (constraints, complete) = conditions(target, relation, losses);
    if !complete {
        losses.add(Lost::LimitedRelation, named(relation));
        return None;
    }
    Some(Relation::one(relation.kind, Target { arch: String::new(), constraints, ..target.clone() }))
}

fn provision<'a>(
    relation: &'a Relation,
    provided: &mut HashSet<(&'a str, &'a [Constraint])>,
    losses: &mut Losses,
) -> Option<Relation> {
    let [target] = relation.alternatives.as_slice() else {
        losses.add(Lost::Target, named(relation));
        return None;
    };
    if target.kind != TargetKind::Capability || capability(&target.name).is_none() {
        losses.add(Lost::Capability, named(relation));
        return None;
    }
    let fits = match target.constraints.as_slice() {
        [] => true,
        [Constraint { subject: Subject::Version, op: Op::Equal, value }] => {
            !value.is_empty() && survives(value)
        }
        _ => false,
    };
    if !fits {
        losses.add(Lost::LimitedRelation, named(relation));
        return None;
    }
    if !provided.insert((&target.name, &target.constraints)) {
        losses.add(Lost::Repeated, named(relation));
        return None;
    }
    if !target.arch.is_empty() {
        losses.add(Lost::TargetArch, named(relation));
    }
    Some(Relation::one(RelationKind::Provides, Target { arch: String::new(), ..target.clone() }))
}

/// The conditions that PiSi has words for, in its order; and whether these are all.
fn conditions(target: &Target, relation: &Relation, losses: &mut Losses) -> (Vec<Constraint>, bool) {
    if !target.arch.is_empty() {
        losses.add(Lost::TargetArch, named(relation));
    }
    let mut said = Vec::new();
    for (_, subject, op) in CONDITIONS {
        let mut of_it = target.constraints.iter().filter(|c| c.subject == subject && c.op == op);
        let first = of_it.find(|constraint| !cleaned(&constraint.value).is_empty());
        said.extend(first.filter(|constraint| survives(&constraint.value)).cloned());
    }
    let complete = said.len() == target.constraints.len();
    if complete && said != target.constraints {
        losses.add(Lost::ConditionOrder, named(relation));
    }
    (said, complete)
}
