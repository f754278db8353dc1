//! Dependencies as relations.
//!
//! | Portage (xpak) | Entropy (type) | relation |
//! | --- | --- | --- |
//! | `RDEPEND`, `IDEPEND` | 0, and 2 "manual" | `Depends` |
//! | `PDEPEND` | 1 | `Depends`: it may come later, but must be there in the end, and a transaction ends at once |
//! | `DEPEND`, `BDEPEND` | 3 | `BuildDepends` |
//! | `!atom`, `!!atom` in what is needed at run time | `conflicts`, `!atom` | `Conflicts` |
//! | `PROVIDE` | `provide` | `Provides` |
//!
//! Where there is a database its lists count, and those of the xpak do not: Entropy decided the conditions and
//! rewrote what its repository calls differently. What a relation cannot say is kept: a string that is not
//! understood, or that forbids one of several things, as property `entropy.unread-dependency`; an atom of which
//! conditions were left out (USE flags, subslot) as `entropy.loosened-dependency`. Both begin with where it stood
//! and a tab.

use std::collections::{BTreeSet, HashSet};

use crate::error::Problem;
use crate::limits::Limits;
use crate::relation::{Relation, RelationKind, Target};

use super::atom::{self, Atom};
use super::depend::{self, Tree};
use super::record::Record;
use super::xpak::Xpak;

/// Keys of the xpak, and the relation that they ask for.
const KEYS: [(&str, RelationKind); 6] = [
    ("RDEPEND", RelationKind::Depends),
    ("PDEPEND", RelationKind::Depends),
    ("IDEPEND", RelationKind::Depends),
    ("DEPEND", RelationKind::BuildDepends),
    ("BDEPEND", RelationKind::BuildDepends),
    ("PROVIDE", RelationKind::Provides),
];

/// Relations and what they could not say.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) relations: Vec<Relation>,
    pub(super) properties: Vec<(String, String)>,
    known: HashSet<Relation>,
    /// Targets so far.
    targets: usize,
}

/// The relations of a package that has only an xpak, built with `flags`.
pub(super) fn of_xpak(xpak: &Xpak, flags: &BTreeSet<&str>, limits: &Limits) -> Result<Relations, Problem> {
    let mut all = Relations::default();
    for (key, kind) in KEYS {
        let text = xpak.text_or_empty(key);
        match depend::portage(text, flags, limits)? {
            Some(tree) => all.take(key, kind, tree, limits)?,
            None => all.unread(key, text),
        }
    }
    Ok(all)
}

/// The relations of a package that has a database.
pub(super) fn of_record(record: &Record, limits: &Limits) -> Result<Relations, Problem> {
    let mut all = Relations::default();
    for (text, number) in &record.dependencies {
        let (name, kind) = match number.as_str() {
            "0" => ("run", RelationKind::Depends),
            "1" => ("post", RelationKind::Depends),
            "2" => ("manual", RelationKind::Depends),
            "3" => ("build", RelationKind::BuildDepends),
            other => {
                all.unread(other, text);
                continue;
            }
        };
        all.take_text(name, kind, text, limits)?;
    }
    for text in &record.conflicts {
        let text = text.strip_prefix("!!").or(text.strip_prefix('!')).unwrap_or(text);
        all.take_text("conflicts", RelationKind::Conflicts, text, limits)?;
    }
    for text in &record.provides {
        all.take_text("provide", RelationKind::Provides, text, limits)?;
    }
    Ok(all)
}

impl Relations {
    fn take_text(
        &mut self,
        place: &str,
        kind: RelationKind,
        text: &str,
        limits: &Limits,
    ) -> Result<(), Problem> {
        match depend::entropy(text, limits)? {
            Some(tree) => self.take(place, kind, tree, limits),
            None => {
                self.unread(place, text);
                Ok(())
            }
        }
    }

    /// Takes every part of a tree that can be said.
    fn take(
        &mut self,
        place: &str,
        kind: RelationKind,
        tree: Tree<'_>,
        limits: &Limits,
    ) -> Result<(), Problem> {
        for part in tree.parts() {
            if !self.take_part(place, kind, &part, limits)? {
                self.unread(place, &part.words().join(" "));
            }
        }
        Ok(())
    }

    /// Whether a part could be said; if so, it has been taken.
    fn take_part(
        &mut self,
        place: &str,
        kind: RelationKind,
        part: &Tree<'_>,
        limits: &Limits,
    ) -> Result<bool, Problem> {
        // Only what is needed can be one of several things.
        let choice = matches!(kind, RelationKind::Depends | RelationKind::BuildDepends);
        let Some(clauses) = part.clauses(limits.relation_targets) else { return Ok(false) };
        let mut said: Vec<(RelationKind, Vec<Atom>)> = Vec::new();
        for clause in clauses {
            let Some(atoms) = clause.iter().map(|word| atom::parse(word)).collect::<Option<Vec<Atom>>>()
            else {
                return Ok(false);
            };
            let kind = match atoms.as_slice() {
                // What a builder must not have is of no use here, and stays where it was said.
                [one] if one.blocker && kind == RelationKind::BuildDepends => continue,
                [one] if one.blocker && kind == RelationKind::Depends => RelationKind::Conflicts,
                all if all.iter().any(|atom| atom.blocker) => return Ok(false),
                [_] => kind,
                _ if choice => kind,
                _ => return Ok(false),
            };
            // Leaving a condition out of what is forbidden would forbid more than the package does.
            if kind == RelationKind::Conflicts && atoms.iter().any(|atom| atom.loosened) {
                return Ok(false);
            }
            said.push((kind, atoms));
        }
        for (kind, atoms) in said {
            let targets: Vec<Target> = atoms.into_iter().flat_map(|atom| atom.targets).collect();
            self.targets += targets.len();
            if self.targets > limits.relation_targets {
                return Err(Problem::limit("the number of dependencies", limits.relation_targets as u64));
            }
            // What one of several things is enough for is one relation; what every one of them is, is several.
            let relations = if matches!(kind, RelationKind::Depends | RelationKind::BuildDepends) {
                vec![Relation { kind, alternatives: targets }]
            } else {
                targets.into_iter().map(|target| Relation::one(kind, target)).collect()
            };
            for relation in relations {
                if self.known.insert(relation.clone()) {
                    self.relations.push(relation);
                }
            }
        }
        for word in part.words() {
            if atom::parse(word).is_some_and(|atom| atom.loosened) {
                self.properties.push(("entropy.loosened-dependency".into(), format!("{place}\t{word}")));
            }
        }
        Ok(true)
    }

    fn unread(&mut self, place: &str, text: &str) {
        self.properties.push(("entropy.unread-dependency".into(), format!("{place}\t{text}")));
    }
}
