//! Whether a set of packages is consistent: every relation of every package holds within it.
//!
//! The check is over the packages given and installed; choosing packages is the resolver's work. Relations
//! are those that must hold (depends, pre-depends, conflicts, breaks); conflicts are symmetric. A problem that the live
//! generation has already is not held against a change that did not make it.

use std::collections::{BTreeMap, BTreeSet};

use ambar_pkgfmt::Manifest;
use ambar_pkgfmt::relation::{Constraint, Relation, RelationKind, Target, TargetKind};
use ambar_pkgfmt::version::Candidate;

use crate::error::Problem;

/// A package, and the version in which it provides something, if it says one.
type Provider<'m> = (&'m Manifest, &'m [Constraint]);

/// A set of packages.
#[derive(Debug, Default)]
pub(crate) struct Universe<'m> {
    packages: BTreeMap<&'m str, Vec<&'m Manifest>>,
    /// Who provides a capability or is in a component.
    provided: BTreeMap<(TargetKind, &'m str), Vec<Provider<'m>>>,
}

impl<'m> Universe<'m> {
    pub(crate) fn new(manifests: impl Iterator<Item = &'m Manifest>) -> Universe<'m> {
        let mut universe = Universe::default();
        for manifest in manifests {
            universe.packages.entry(&manifest.name).or_default().push(manifest);
            for component in &manifest.components {
                let key = (TargetKind::Component, component.as_str());
                universe.provided.entry(key).or_default().push((manifest, &[]));
            }
            for relation in &manifest.relations {
                if relation.kind == RelationKind::Provides {
                    for target in &relation.alternatives {
                        let key = (target.kind, target.name.as_str());
                        universe.provided.entry(key).or_default().push((manifest, &target.constraints));
                    }
                }
            }
        }
        universe
    }

    /// The packages other than `but` (and it in other architectures) that are or provide what `target` names.
    fn matching(&self, target: &Target, but: Option<&Manifest>) -> Vec<&'m Manifest> {
        let mut found = Vec::new();
        if target.kind == TargetKind::Package {
            let named = self.packages.get(target.name.as_str()).into_iter().flatten();
            found.extend(
                named.copied().filter(|one| holds(&target.constraints, one, &one.version, &one.release)),
            );
        }
        let key = (target.kind, target.name.as_str());
        for (manifest, version) in self.provided.get(&key).into_iter().flatten() {
            // A capability has the version it is provided in; without one only an unconditional wish is met.
            let met = match version.first() {
                Some(provided) => holds(&target.constraints, manifest, &provided.value, ""),
                None => target.constraints.is_empty(),
            };
            if met {
                found.push(manifest);
            }
        }
        found.retain(|manifest| but.is_none_or(|but| !is_one(manifest, but)));
        found
    }

    /// Every relation that does not hold, sorted.
    pub(crate) fn problems(&self) -> BTreeSet<Problem> {
        let mut problems = BTreeSet::new();
        for manifest in self.packages.values().flatten() {
            for relation in &manifest.relations {
                if let Some(message) = self.problem(manifest, relation) {
                    problems.insert(Problem { package: manifest.name.clone(), message });
                }
            }
        }
        problems
    }

    fn problem(&self, manifest: &Manifest, relation: &Relation) -> Option<String> {
        match relation.kind {
            RelationKind::Depends | RelationKind::PreDepends => {
                let own = |target: &Target| self.is_own(manifest, target);
                let met = relation
                    .alternatives
                    .iter()
                    .any(|target| own(target) || !self.matching(target, Some(manifest)).is_empty());
                (!met).then(|| {
                    let there: Vec<String> = relation
                        .alternatives
                        .iter()
                        .filter_map(|target| self.packages.get(target.name.as_str()))
                        .flatten()
                        .map(|other| format!("{} is {}", other.name, other.full_version()))
                        .collect();
                    let there = if there.is_empty() { "it is not there".into() } else { there.join(", ") };
                    format!("{} {} needs {relation}: {there}", manifest.name, manifest.full_version())
                })
            }
            RelationKind::Conflicts | RelationKind::Breaks => {
                let rival = relation
                    .alternatives
                    .iter()
                    .find_map(|target| self.matching(target, Some(manifest)).into_iter().next())?;
                Some(format!(
                    "{} {} conflicts with {relation}: {} is {}",
                    manifest.name,
                    manifest.full_version(),
                    rival.name,
                    rival.full_version()
                ))
            }
            _ => None,
        }
    }

    /// A package may satisfy its own wish.
    fn is_own(&self, manifest: &Manifest, target: &Target) -> bool {
        self.matching(target, None).iter().any(|other| is_one(other, manifest))
    }
}

/// Whether two are one package, maybe in two versions or architectures.
fn is_one(a: &Manifest, b: &Manifest) -> bool {
    a.name == b.name && a.instance().is_sibling(&b.instance())
}

/// The `installed` packages that `newcomer` says it takes the place of.
pub(crate) fn replaced_by<'m>(newcomer: &Manifest, installed: &[&'m Manifest]) -> Vec<&'m Manifest> {
    let replaces = newcomer.relations.iter().filter(|relation| relation.kind == RelationKind::Replaces);
    let targets: Vec<&Target> = replaces.flat_map(|relation| &relation.alternatives).collect();
    installed
        .iter()
        .filter(|old| !is_one(old, newcomer))
        .filter(|old| targets.iter().any(|target| is_replaced(target, old)))
        .copied()
        .collect()
}

/// Whether a package is what a `Replaces` names, by its name or because it counts as that name.
fn is_replaced(target: &Target, old: &Manifest) -> bool {
    if target.kind != TargetKind::Package {
        return false;
    }
    if target.name == old.name {
        return holds(&target.constraints, old, &old.version, &old.release);
    }
    let provides = old.relations.iter().filter(|relation| relation.kind == RelationKind::Provides);
    let counts = |one: &&Target| one.kind == TargetKind::Package && one.name == target.name;
    target.constraints.is_empty()
        && provides.flat_map(|relation| &relation.alternatives).any(|one| counts(&one))
}

/// Whether all conditions hold of a package in that version and release; one that cannot be decided does not.
fn holds(constraints: &[Constraint], manifest: &Manifest, version: &str, release: &str) -> bool {
    let candidate = Candidate { version, release, ..Candidate::from(manifest) };
    constraints.iter().all(|constraint| candidate.meets(constraint).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::VersionOrder;
    use ambar_pkgfmt::relation::{Op, Subject};

    fn package(name: &str, version: &str, release: &str, relations: Vec<Relation>) -> Manifest {
        let mut manifest = Manifest::new(name, version, VersionOrder::Pisi);
        manifest.release = release.into();
        manifest.relations = relations;
        manifest
    }

    fn messages(manifests: &[Manifest]) -> Vec<String> {
        Universe::new(manifests.iter()).problems().into_iter().map(|problem| problem.message).collect()
    }

    fn needs(target: Target) -> Vec<Relation> {
        vec![Relation::one(RelationKind::Depends, target)]
    }

    #[test]
    fn bounds_on_versions_and_releases_are_inclusive() {
        let at_least = |release| Target::package("b").with(Subject::Release, Op::AtLeast, release);
        let b = package("b", "1.0", "4", vec![]);
        assert!(messages(&[package("a", "1", "1", needs(at_least("4"))), b.clone()]).is_empty());
        let found = messages(&[package("a", "1", "1", needs(at_least("5"))), b]);
        assert_eq!(found, ["a 1-1 needs b (release >= 5): b is 1.0-4"]);
    }

    #[test]
    fn any_one_alternative_will_do() {
        let either = Relation {
            kind: RelationKind::Depends,
            alternatives: vec![Target::package("x"), Target::package("y")],
        };
        assert!(
            messages(&[package("a", "1", "1", vec![either.clone()]), package("y", "1", "1", vec![])])
                .is_empty()
        );
        assert_eq!(messages(&[package("a", "1", "1", vec![either])]), ["a 1-1 needs x | y: it is not there"]);
    }

    #[test]
    fn a_conflict_counts_whoever_declares_it() {
        let against = vec![Relation::one(RelationKind::Conflicts, Target::package("b"))];
        let both = [package("a", "1", "1", against), package("b", "1", "1", vec![])];
        assert_eq!(messages(&both).len(), 1);
    }

    #[test]
    fn capabilities_are_met_by_whoever_provides_them() {
        let capability = Target { kind: TargetKind::Capability, ..Target::package("pkgconfig(z)") };
        let provider =
            package("z", "1", "1", vec![Relation::one(RelationKind::Provides, capability.clone())]);
        assert!(messages(&[package("a", "1", "1", needs(capability.clone())), provider]).is_empty());
        assert_eq!(messages(&[package("a", "1", "1", needs(capability))]).len(), 1);
    }

    #[test]
    fn a_replacement_names_what_it_replaces() {
        let old = package("old", "1.0", "3", vec![]);
        let target = Target::package("old").with(Subject::Release, Op::AtMost, "3");
        let new = package("new", "1", "1", vec![Relation::one(RelationKind::Replaces, target)]);
        assert_eq!(replaced_by(&new, &[&old]), [&old]);
        assert!(replaced_by(&new, &[&package("old", "1.0", "4", vec![])]).is_empty());
    }
}
