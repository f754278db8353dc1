//! Arguments of commands that choose packages.

use std::path::PathBuf;

use clap::Args;

use super::Licences;

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// Names of installed packages, or sets; none for everything
    #[arg(value_name = "NAME|@SET")]
    pub(crate) names: Vec<String>,
    /// Upgrade only packages that have a security problem
    #[arg(long)]
    pub(crate) security_only: bool,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) storing: Storing,
}

/// Arguments of `downgrade`.
#[derive(Debug, Args)]
pub(crate) struct Downgrade {
    /// Names of installed packages
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) storing: Storing,
}

/// Arguments of `autoremove`.
#[derive(Debug, Args)]
pub(crate) struct Autoremove {
    /// Keep nothing for being recommended
    #[arg(long)]
    pub(crate) no_recommends: bool,
}

/// Arguments of `why-not`.
#[derive(Debug, Args)]
pub(crate) struct WhyNot {
    /// A package, as for `install`: NAME, 'NAME >= VERSION', @SET
    #[arg(value_name = "NAME[=VERSION]")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
}

/// What packages are chosen from, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choosing {
    /// A directory of package files to choose from; may be given several times
    #[arg(long, value_name = "DIR", help_heading = "Choosing")]
    pub(crate) from: Vec<PathBuf>,
    /// Do not check dependencies and conflicts between packages
    #[arg(long, help_heading = "Choosing")]
    pub(crate) ignore_dependency: bool,
    /// Leave out what new packages recommend
    #[arg(long, help_heading = "Choosing")]
    pub(crate) no_recommends: bool,
    /// Let installed packages go when nothing else helps
    #[arg(long, help_heading = "Choosing")]
    pub(crate) allow_removals: bool,
    /// Let installed packages become older when nothing else helps
    #[arg(long, help_heading = "Choosing")]
    pub(crate) allow_downgrades: bool,
    /// Bring what new packages need to its newest version too
    #[arg(long, help_heading = "Choosing")]
    pub(crate) eager: bool,
    /// Do not choose these packages
    #[arg(long, value_name = "EXPR", help_heading = "Choosing")]
    pub(crate) exclude: Vec<String>,
    /// Prefer these packages where there is a choice
    #[arg(long, value_name = "EXPR", help_heading = "Choosing")]
    pub(crate) favour: Vec<String>,
}

/// How packages are stored.
#[derive(Debug, Args)]
pub(crate) struct Storing {
    /// Take paths that other packages have; the choice is recorded
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Take setuid and setgid bits off
    #[arg(long)]
    pub(crate) strip_setuid: bool,
    /// Do not keep the files in the store's cache
    #[arg(long)]
    pub(crate) no_cache: bool,
    #[command(flatten)]
    pub(crate) licences: Licences,
}
