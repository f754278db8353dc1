//! Entropy's match expressions: what people and packages write to name a package, "atom" in their words.
//!
//! ```text
//! [! or !!] [>= > <= < = ~] [category/]name[-version][*] [:[slot[/subslot]][= or *]] [[use,-use]]
//!           [#tag] [~revision] [@repository[,repository]]
//! ```
//!
//! | part | means |
//! | --- | --- |
//! | `category/` | left out: whichever category, as long as there is one ([`best_match`]) |
//! | `-version` | without an operator: that version |
//! | `=…*` | a version that begins so, at a component boundary |
//! | `~…-version` | that version, whatever its `-rN` |
//! | `:slot`, `/subslot` | the very same; `:=` and `:*` allow every slot |
//! | `[flag,-flag]` | built with and without; `(+)` and `(-)` say what a package counts as that does not know it |
//! | `#tag` | the very same |
//! | `~revision` | Entropy's revision. With `=`, `~` or no operator the very same, with `<` and `>` it decides between equal versions; where no version is named, and as `~-1`, it says nothing |
//! | `@repository` | one of these |
//!
//! Portage writes the repository as `::repository`, which is read as well. The parts after the name may come in any
//! sequence, each once; they are shown in the sequence above.

mod flag;
mod matching;
mod parse;

use std::fmt;

use crate::path::Shown;
use crate::relation::{Op, Subject, Target};

pub use flag::{Flag, FlagWish};
pub use matching::{Ambiguous, Candidate, NoMatch, best_match};

/// What an expression forbids, if it forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blocker {
    /// `!`: the package must not be there in the end.
    Weak,
    /// `!!`: nor while this one is installed.
    Strong,
}

/// How an expression compares versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `=`, or no operator.
    Equal,
    /// `=…*`.
    Prefix,
    /// `~`.
    RevisionAside,
    /// `>=`.
    AtLeast,
    /// `>`.
    Greater,
}

/// The version that an expression asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionWish {
    /// How it is compared.
    pub operator: Operator,
    /// A version in the order of Entropy. For [`Operator::Prefix`] it is one as well: `1.2` of `=…-1.2*`.
    pub version: String,
}

/// The slot that an expression asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SlotWish {
    /// The slot, or empty for every one.
    pub slot: String,
    /// The subslot, or empty for every one; never without a slot.
    pub subslot: String,
    /// `=`: whoever was built against a package in this slot is to be built again when its subslot changes.
    pub rebuild: bool,
}

/// Entropy's revision in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// That one.
    Number(u64),
    /// `~-1`: whichever is newest, and no older one that is installed.
    Newest,
}

/// A match expression. Its text ([`Display`](fmt::Display)) reads back as the same expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expression {
    /// Whether it forbids.
    pub blocker: Option<Blocker>,
    /// The category, or empty for whichever there is.
    pub category: String,
    /// The name without its category.
    pub name: String,
    /// The version asked for.
    pub version: Option<VersionWish>,
    /// The slot asked for.
    pub slot: SlotWish,
    /// Conditions on USE flags.
    pub flags: Vec<Flag>,
    /// The tag, or empty for every one.
    pub tag: String,
    /// Entropy's revision.
    pub revision: Option<Revision>,
    /// The repositories to choose from; empty for all.
    pub repositories: Vec<String>,
}

/// A text that is no match expression, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{}' does not name a package: {reason}; write [operator][category/]name[-version], such as '>=app-text/foo-1.2:2'",
    Shown(text.as_bytes())
)]
pub struct InvalidExpression {
    text: String,
    reason: &'static str,
}

/// An expression in the words of relations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Any one of these is what the expression names; at least one.
    pub targets: Vec<Target>,
    /// Conditions were left out, because a target cannot say them: USE flags and subslots.
    pub loosened: bool,
}

impl Expression {
    /// What the expression names (or forbids, where it is a [blocker](Self::blocker)) as targets of a relation;
    /// `None` without a category, which only the packages there are can tell.
    ///
    /// `>=name-1~2` is *newer than 1, or 1 with a revision of at least 2*: two targets. Several repositories
    /// multiply them.
    #[must_use]
    pub fn said(&self) -> Option<Said> {
        if self.category.is_empty() {
            return None;
        }
        let name = Target::package(&format!("{}/{}", self.category, self.name));
        let mut targets: Vec<Target> =
            self.versions().into_iter().map(|conditions| with_all(name.clone(), conditions)).collect();
        let mut add = |subject, value: &str| {
            for target in &mut targets {
                *target = target.clone().with(subject, Op::Same, value);
            }
        };
        if !self.slot.slot.is_empty() {
            add(Subject::Slot, &self.slot.slot);
        }
        if !self.tag.is_empty() {
            add(Subject::Tag, &self.tag);
        }
        if !self.repositories.is_empty() {
            let with = |target: &Target| {
                let target = target.clone();
                self.repositories
                    .iter()
                    .map(move |repository| target.clone().with(Subject::Repository, Op::Same, repository))
            };
            targets = targets.iter().flat_map(with).collect();
        }
        let loosened = !self.flags.is_empty() || !self.slot.subslot.is_empty();
        Some(Said { targets, loosened })
    }

    /// The conditions on version and revision: any one of these lists, all of its members.
    fn versions(&self) -> Vec<Vec<(Subject, Op, String)>> {
        let Some(wish) = &self.version else { return vec![Vec::new()] };
        let op = match wish.operator {
            Operator::Less => Op::Less,
            Operator::AtMost => Op::AtMost,
            Operator::Equal => Op::Equal,
            Operator::Prefix => Op::Prefix,
            Operator::RevisionAside => Op::SameRevisionAside,
            Operator::AtLeast => Op::AtLeast,
            Operator::Greater => Op::Greater,
        };
        let version = match wish.operator {
            Operator::RevisionAside => super::atom::without_revision(&wish.version),
            _ => &wish.version,
        };
        let condition = |op| (Subject::Version, op, version.to_owned());
        let Some(Revision::Number(revision)) = self.revision else { return vec![vec![condition(op)]] };
        let revision = |op| (Subject::Release, op, revision.to_string());
        match op {
            // Revisions decide between equal versions.
            Op::Less | Op::AtMost => {
                vec![vec![condition(Op::Less)], vec![condition(Op::Equal), revision(op)]]
            }
            Op::Greater | Op::AtLeast => {
                vec![vec![condition(Op::Greater)], vec![condition(Op::Equal), revision(op)]]
            }
            _ => vec![vec![condition(op), revision(Op::Same)]],
        }
    }
}

fn with_all(target: Target, conditions: Vec<(Subject, Op, String)>) -> Target {
    conditions.into_iter().fold(target, |target, (subject, op, value)| target.with(subject, op, &value))
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.blocker {
            None => "",
            Some(Blocker::Weak) => "!",
            Some(Blocker::Strong) => "!!",
        })?;
        let operator = self.version.as_ref().map(|wish| wish.operator);
        f.write_str(match operator {
            None => "",
            Some(Operator::Less) => "<",
            Some(Operator::AtMost) => "<=",
            Some(Operator::Equal | Operator::Prefix) => "=",
            Some(Operator::RevisionAside) => "~",
            Some(Operator::AtLeast) => ">=",
            Some(Operator::Greater) => ">",
        })?;
        if !self.category.is_empty() {
            write!(f, "{}/", self.category)?;
        }
        f.write_str(&self.name)?;
        if let Some(wish) = &self.version {
            write!(f, "-{}", wish.version)?;
        }
        if operator == Some(Operator::Prefix) {
            f.write_str("*")?;
        }
        let SlotWish { slot, subslot, rebuild } = &self.slot;
        if !slot.is_empty() || *rebuild {
            write!(f, ":{slot}")?;
        }
        if !subslot.is_empty() {
            write!(f, "/{subslot}")?;
        }
        if *rebuild {
            f.write_str("=")?;
        }
        for (position, flag) in self.flags.iter().enumerate() {
            write!(f, "{}{flag}", if position == 0 { '[' } else { ',' })?;
        }
        if !self.flags.is_empty() {
            f.write_str("]")?;
        }
        if !self.tag.is_empty() {
            write!(f, "#{}", self.tag)?;
        }
        match self.revision {
            None => {}
            Some(Revision::Number(revision)) => write!(f, "~{revision}")?,
            Some(Revision::Newest) => f.write_str("~-1")?,
        }
        if !self.repositories.is_empty() {
            write!(f, "@{}", self.repositories.join(","))?;
        }
        Ok(())
    }
}
