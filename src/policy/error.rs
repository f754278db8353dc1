//! What can be wrong in a policy file or a set.

use std::path::PathBuf;

use ambar_pkgfmt::relation::InvalidRelation;

/// Something in a policy file or a set that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {problem}", file.display())]
pub struct PolicyError {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: PolicyProblem,
}

/// What is wrong in a line of a policy file or a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// The bytes are no UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It is no match expression.
    #[error("{0}")]
    Expression(#[from] InvalidRelation),
    /// A name with `*` or `?` that cannot be used.
    #[error("'{name}' cannot be matched: {reason}")]
    Pattern {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// More than one list can hold.
    #[error("with this line the file has more than {targets} targets or more than {patterns} with * or ?")]
    TooMany {
        /// Most targets, sets opened.
        targets: usize,
        /// Most of them with `*` or `?`.
        patterns: usize,
    },
    /// A line of `licences` that begins with neither of its two words.
    #[error("a line is `ask NAME` or `accept NAME`, not '{0}'")]
    Licence(String),
    /// A set that has itself among its members, by way of these sets.
    #[error("set {} is a member of itself: {}", chain.first().map_or("", String::as_str), Chain(chain))]
    Cycle {
        /// The sets from one to itself.
        chain: Vec<String>,
    },
    /// Sets that are nested too deep.
    #[error("sets are nested more than {most} deep: {}", Chain(chain))]
    TooDeep {
        /// The most that is allowed.
        most: usize,
        /// The sets, from the outermost.
        chain: Vec<String>,
    },
}

/// Names of sets, each a member of the one before it.
struct Chain<'a>(&'a [String]);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            write!(f, "{}@{name}", if position == 0 { "" } else { " > " })?;
        }
        Ok(())
    }
}
