//! Arguments of the commands about policy, marks and plans in files.

use std::path::PathBuf;

use ambar::Reason;
use clap::{Args, Subcommand, ValueEnum};

use super::{Autoremove, Downgrade, Install, Remove, Upgrade};

/// Arguments of `hold`, `mask`, `unmask` and `protect`.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// Match expressions: a name, which may hold * and ?, with or without a condition: 'kde*', 'joe (>= 3.5)'
    #[arg(value_name = "EXPR", required_unless_present = "list")]
    pub(crate) expressions: Vec<String>,
    /// Take the rules off the list instead
    #[arg(long)]
    pub(crate) remove: bool,
    /// List the rules
    #[arg(long, conflicts_with_all = ["expressions", "remove", "reason"])]
    pub(crate) list: bool,
    /// Why; kept as a comment above the rule
    #[arg(long, value_name = "TEXT", conflicts_with = "remove")]
    pub(crate) reason: Option<String>,
}

/// Arguments of `why-masked`.
#[derive(Debug, Args)]
pub(crate) struct WhyMasked {
    /// Name of a package
    pub(crate) name: String,
    /// A directory of package files to look at beside what is installed; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Vec<PathBuf>,
}

/// The subcommands of `set`.
#[derive(Debug, Subcommand)]
pub(crate) enum Set {
    /// List the sets
    List,
    /// Show the members of a set, those of the sets in it as well
    Show {
        /// Name of the set
        name: String,
    },
    /// Add members to a set, which is made if it is not there
    Add {
        /// Name of the set
        name: String,
        /// Names, match expressions, @OTHER for another set
        #[arg(required = true, value_name = "MEMBER")]
        members: Vec<String>,
    },
    /// Take members out of a set; without members, take the set away
    Remove {
        /// Name of the set
        name: String,
        /// The members
        #[arg(value_name = "MEMBER")]
        members: Vec<String>,
    },
}

/// Arguments of `mark`.
#[derive(Debug, Args)]
pub(crate) struct Mark {
    /// Why the packages are there from now on
    #[arg(value_enum)]
    pub(crate) reason: Why,
    /// Names of installed packages
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// Why a package is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Why {
    /// Somebody asked for it
    Explicit,
    /// Another package needed it; it may go when none does any more
    Automatic,
}

impl From<Why> for Reason {
    fn from(why: Why) -> Reason {
        match why {
            Why::Explicit => Reason::Explicit,
            Why::Automatic => Reason::Automatic,
        }
    }
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those that somebody asked for
    #[arg(long, conflicts_with = "automatic")]
    pub(crate) explicit: bool,
    /// Only those that another package needed
    #[arg(long)]
    pub(crate) automatic: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Write the plan into this file, for `ambar apply`
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What can be planned without being carried out.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// As `ambar install`
    Install(Install),
    /// As `ambar upgrade`
    Upgrade(Upgrade),
    /// As `ambar downgrade`
    Downgrade(Downgrade),
    /// As `ambar remove`
    Remove(Remove),
    /// As `ambar autoremove`
    Autoremove(Autoremove),
    /// As `ambar rollback`
    Rollback {
        /// The generation's number; without one, the generation before the live one
        #[arg(value_name = "N")]
        generation: Option<u64>,
    },
    /// As `ambar mark`
    Mark(Mark),
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file that `ambar plan -o` wrote
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) licences: Licences,
}

/// Which licences are accepted.
#[derive(Debug, Args)]
pub(crate) struct Licences {
    /// Accept a licence that asks for it, now and later; may be given several times
    #[arg(long = "accept-licence", value_name = "NAME")]
    pub(crate) accepted: Vec<String>,
}
