//! Which packages an expression names, and which of them Entropy takes.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::{Expression, Operator, Revision, VersionWish};
use crate::manifest::Manifest;
use crate::relation::{Constraint, Op, Subject};
use crate::version::{InvalidVersion, entropy, satisfies};
use crate::{VersionOrder, version};

/// What an expression looks at in a package of Entropy or Portage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Category.
    pub category: &'a str,
    /// Name without its category.
    pub name: &'a str,
    /// Version with its `-rN`, in the order of Entropy.
    pub version: &'a str,
    /// Entropy's revision.
    pub revision: u64,
    /// Slot.
    pub slot: &'a str,
    /// Subslot, or empty where it is the slot.
    pub subslot: &'a str,
    /// Tag, or empty.
    pub tag: &'a str,
    /// The USE flags that it knows, `-` before those that are off.
    pub flags: Vec<&'a str>,
    /// The repository it comes from, or empty where that is not known.
    pub repository: &'a str,
    /// Where that repository stands: of two equal packages the one with the smaller number is taken.
    pub place: u32,
}

impl<'a> Candidate<'a> {
    /// A package by its manifest, in `repository` (which may be empty) at that place; `None` for one that is not
    /// of Entropy or Portage, whose versions mean something else.
    #[must_use]
    pub fn of(manifest: &'a Manifest, repository: &'a str, place: u32) -> Option<Candidate<'a>> {
        if manifest.order != VersionOrder::Entropy {
            return None;
        }
        let (category, name) = manifest.name.split_once('/')?;
        let property = |key: &str| {
            let mut properties = manifest.properties.iter();
            properties.find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str())
        };
        let revision = if manifest.release.is_empty() { "0" } else { &manifest.release };
        Some(Candidate {
            category,
            name,
            version: &manifest.version,
            revision: revision.parse().ok()?,
            slot: &manifest.slot,
            subslot: property("portage.subslot"),
            tag: &manifest.tag,
            flags: property("portage.use").split_whitespace().collect(),
            repository,
            place,
        })
    }
}

/// A name without a category that several categories have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{expression}' is ambiguous: it could be {}; write one of these", candidates.join(" or "))]
pub struct Ambiguous {
    /// The expression, as it is shown.
    pub expression: String,
    /// What it could mean, each as `category/name`, sorted.
    pub candidates: Vec<String>,
}

/// Why no package can be taken for an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMatch {
    /// It does not say enough.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// A package that it names has a version or tag that is none.
    #[error(transparent)]
    Version(#[from] InvalidVersion),
}

impl Expression {
    /// Whether `candidate` is what this names, or forbids where it is a [blocker](Self::blocker).
    ///
    /// # Errors
    /// [`InvalidVersion`] for a candidate of this name whose version is none.
    pub fn matches(&self, candidate: &Candidate<'_>) -> Result<bool, InvalidVersion> {
        if !self.names(candidate) || !(self.category.is_empty() || self.category == candidate.category) {
            return Ok(false);
        }
        let subslot = if candidate.subslot.is_empty() { candidate.slot } else { candidate.subslot };
        let one_of = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let repositories = &self.repositories;
        Ok(one_of(&self.slot.slot, candidate.slot)
            && one_of(&self.slot.subslot, subslot)
            && one_of(&self.tag, candidate.tag)
            && (repositories.is_empty() || repositories.iter().any(|name| name == candidate.repository))
            && self.flags.iter().all(|flag| flag.is_met(&candidate.flags))
            && self.is_version_met(candidate)?)
    }

    /// Whether a package has this name, in whatever category.
    fn names(&self, candidate: &Candidate<'_>) -> bool {
        self.name == candidate.name
    }

    fn is_version_met(&self, candidate: &Candidate<'_>) -> Result<bool, InvalidVersion> {
        let Some(VersionWish { operator, version }) = &self.version else { return Ok(true) };
        let revision = match self.revision {
            Some(Revision::Number(revision)) => candidate.revision.cmp(&revision),
            Some(Revision::Newest) | None => Ordering::Equal,
        };
        let accepts: fn(Ordering) -> bool = match operator {
            Operator::Less => Ordering::is_lt,
            Operator::AtMost => Ordering::is_le,
            Operator::Equal => Ordering::is_eq,
            Operator::AtLeast => Ordering::is_ge,
            Operator::Greater => Ordering::is_gt,
            Operator::Prefix | Operator::RevisionAside => {
                let op = if *operator == Operator::Prefix { Op::Prefix } else { Op::SameRevisionAside };
                let constraint = Constraint { subject: Subject::Version, op, value: version.clone() };
                let met = satisfies(&constraint, VersionOrder::Entropy, candidate.version, "")?;
                return Ok(met && revision.is_eq());
            }
        };
        let ordering = version::compare(VersionOrder::Entropy, candidate.version, version)?;
        Ok(accepts(ordering.then(revision)))
    }
}

/// Which of `candidates` Entropy takes for an expression, by its position: one without a tag before all that have
/// one, then the newest tag, the newest version, the greatest revision, and the first repository. What is equal
/// in all of these is decided by slot and repository, so that the sequence of the candidates does not matter.
///
/// # Errors
/// [`NoMatch::Ambiguous`] for a name without a category that candidates of several categories have, whatever
/// their versions; [`NoMatch::Version`] for a candidate whose version or tag is none.
pub fn best_match(expression: &Expression, candidates: &[Candidate<'_>]) -> Result<Option<usize>, NoMatch> {
    if expression.category.is_empty() {
        let named = candidates.iter().filter(|candidate| expression.names(candidate));
        let categories: BTreeSet<&str> = named.map(|candidate| candidate.category).collect();
        if categories.len() > 1 {
            let full = |category: &str| format!("{category}/{}", expression.name);
            let candidates = categories.into_iter().map(full).collect();
            return Err(Ambiguous { expression: expression.to_string(), candidates }.into());
        }
    }
    let mut best = None;
    for (position, candidate) in candidates.iter().enumerate() {
        if expression.matches(candidate)? {
            let age = entropy::triple_key(candidate.version, candidate.tag, candidate.revision)?;
            let rest = (candidate.place, candidate.slot, candidate.repository);
            let better = best.as_ref().is_none_or(|(known_age, known_rest, _)| {
                age.cmp(known_age).then(rest.cmp(known_rest).reverse()).is_gt()
            });
            if better {
                best = Some((age, rest, position));
            }
        }
    }
    Ok(best.map(|(_, _, position)| position))
}
