//! Errors of the library, and what class each belongs to: the command line's exit codes and the C ABI's
//! status codes are these classes.

use std::path::PathBuf;

use ambar_pkgfmt::BaseNeeded;
use ambar_resolver::Impossible;
use ambar_store::PathConflict;

/// What kind of failure it was. The numbers are the exit codes of the program; each of them means that the
/// live generation is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Something else failed.
    Failed = 1,
    /// The request makes no sense.
    Usage = 2,
    /// A package, path, generation or file is not there.
    NotFound = 3,
    /// Dependencies are not satisfied, or things are in conflict.
    Conflict = 4,
    /// This user may not do it.
    Permission = 5,
    /// Another process holds the lock.
    Locked = 6,
    /// Something is damaged or not what it claims to be.
    Damaged = 7,
    /// Material for an offline operation is missing.
    Missing = 8,
    /// There is not enough room.
    NoSpace = 9,
    /// The caller stopped it.
    Cancelled = 10,
}

impl Class {
    /// Its name, for machines: `not-found` and so on.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Failed => "failed",
            Class::Usage => "usage",
            Class::NotFound => "not-found",
            Class::Conflict => "conflict",
            Class::Permission => "permission",
            Class::Locked => "locked",
            Class::Damaged => "verification-failed",
            Class::Missing => "material-missing",
            Class::NoSpace => "no-space",
            Class::Cancelled => "cancelled",
        }
    }
}

/// Why a request could not be planned or carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store or the root refused.
    #[error(transparent)]
    Store(#[from] ambar_store::Error),
    /// A package file cannot be used.
    #[error(transparent)]
    Package(#[from] ambar_pkgfmt::Error),
    /// The request contradicts itself or asks for nothing that exists.
    #[error("{0}")]
    Usage(String),
    /// A package that is not installed.
    #[error("package {name} is not installed{}", suggestion(similar))]
    NotInstalled {
        /// The name.
        name: String,
        /// Installed names that are close to it.
        similar: Vec<String>,
    },
    /// A name that several installed packages have, where one is meant.
    #[error("{name} is installed more than once: say which of {}", candidates.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The packages of that name, each as it can be written instead.
        candidates: Vec<String>,
    },
    /// A path that no installed package has.
    #[error("no installed package has {0}")]
    NotOwned(String),
    /// There is no generation to go back to.
    #[error("there is no generation before the live one")]
    NothingBefore,
    /// Nothing meets the request.
    #[error("this cannot be done:{}", explained(.0))]
    Impossible(Box<Impossible>),
    /// Something is missing, and it may be in files that could not be read.
    #[error("{error}\nthese files of the directories could not be read:{}", lines(files))]
    Unread {
        /// What is the matter.
        error: Box<Error>,
        /// The files, each with the reason.
        files: Vec<String>,
    },
    /// No source has an older version.
    #[error("no source has a version of {name} before {version}")]
    NoOlder {
        /// The package.
        name: String,
        /// The version that is installed.
        version: String,
    },
    /// The search for an answer took too long; whether there is one is not known.
    #[error("the search was given up after {steps} steps: whether this can be done is not known")]
    TooHard {
        /// How many steps it may take.
        steps: u64,
    },
    /// Packages that would go with what is to be removed, where nothing else may go.
    #[error("other packages need what is to be removed:{}", listed(.0))]
    Needed(Vec<Problem>),
    /// An essential package would go.
    #[error("{package} is essential and would be removed{}", chain.as_ref().map(|chain| format!(": {chain}")).unwrap_or_default())]
    Essential {
        /// Its name.
        package: String,
        /// What it would go with, where it was not named itself.
        chain: Option<String>,
    },
    /// A package ships a setuid or setgid file, which an unprivileged root cannot have.
    #[error(
        "{package} ships {} with setuid or setgid, which a root without superuser rights cannot have: \
         give --strip-setuid to install it without those bits", paths.join(", ")
    )]
    Setuid {
        /// The package.
        package: String,
        /// The paths.
        paths: Vec<String>,
    },
    /// A package ships a setuid or setgid file that its file list did not show.
    #[error(
        "{package} ships {} with setuid or setgid, which its file list hides: give --strip-setuid to install \
         it without those bits", paths.join(", ")
    )]
    HiddenSetuid {
        /// The package.
        package: String,
        /// The paths.
        paths: Vec<String>,
    },
    /// The package that a delta is made against is not installed.
    #[error(
        "{} is a delta against {}, and {}: install the whole package",
        file.display(), wanted(needed), there(installed.as_ref())
    )]
    NoBase {
        /// The delta.
        file: PathBuf,
        /// What it needs.
        needed: Box<BaseNeeded>,
        /// The version of that name that is installed.
        installed: Option<String>,
    },
    /// A delta was given without the file of the package that it is made against.
    #[error(
        "{} is a delta against {}, and only with that package whole",
        file.display(), wanted(needed)
    )]
    NoBaseFile {
        /// The delta.
        file: PathBuf,
        /// What it needs.
        needed: Box<BaseNeeded>,
    },
    /// Two packages have no delta of the kind asked for between them.
    #[error("there is no delta: {0}")]
    NoDelta(String),
    /// A signature that was asked for is not there or is wrong.
    #[error("{}: {reason}", file.display())]
    Signature {
        /// The package file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A directory that is to be packed holds what a package cannot.
    #[error("cannot pack {}: {reason}", path.display())]
    Unpackable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A package.toml that makes no sense.
    #[error("{}: {reason}", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and where.
        reason: String,
    },
    /// Something in a policy file or a set makes no sense.
    #[error(transparent)]
    Policy(#[from] crate::policy::PolicyError),
    /// There is no such set.
    #[error("there is no set {name}{}", suggestion(similar))]
    NoSet {
        /// The name.
        name: String,
        /// Names of sets that are close to it.
        similar: Vec<String>,
    },
    /// A package that must not be removed.
    #[error("{package} is protected and would be removed{}: {rule}", chain.as_ref().map(|chain| format!(" ({chain})")).unwrap_or_default())]
    Protected {
        /// The package.
        package: String,
        /// What it would go with, where it was not named itself.
        chain: Option<String>,
        /// The rule that protects it.
        rule: Box<crate::policy::Rule>,
    },
    /// Packages that are named and that no source has.
    #[error("no source has {}{}", names.join(", "), suggestion(similar))]
    NoSource {
        /// The names, as they were given.
        names: Vec<String>,
        /// Names that are like them.
        similar: Vec<String>,
    },
    /// A plan asks what nobody has answered.
    #[error("the plan cannot be carried out before these licences are accepted:{}", asked(.0))]
    Unanswered(Vec<crate::plan::Question>),
    /// A saved plan cannot be read.
    #[error("{}: {reason}", path.display())]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What a saved plan starts from is not there any more.
    #[error("the plan does not fit any more:{}", lines(.0))]
    Outdated(Vec<String>),
    /// A package file is not the one that was planned with.
    #[error("{} has changed since it was planned with; plan again", path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
    },
    /// A program of the root could not be run.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// The system refused something outside of the store.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// A relation that the result would not satisfy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The package that declares the relation.
    pub package: String,
    /// What is wrong, as a sentence that names both sides.
    pub message: String,
}

fn there(installed: Option<&String>) -> String {
    installed.map_or_else(|| "that is not installed".into(), |version| format!("{version} is installed"))
}

fn suggestion(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {}", problem.message)).collect()
}

fn explained(impossible: &Impossible) -> String {
    let mut text: String = impossible.facts.iter().map(|fact| format!("\n  {}", fact.text)).collect();
    let similar: Vec<&str> =
        impossible.facts.iter().flat_map(|fact| &fact.similar).map(String::as_str).take(3).collect();
    if !similar.is_empty() {
        text += &format!("\n  did you mean {}?", similar.join(", "));
    }
    if !impossible.corrections.is_empty() {
        text += "\nwhat would help:";
        text.extend(impossible.corrections.iter().map(|correction| format!("\n  {}", correction.text)));
    }
    text
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn asked(questions: &[crate::plan::Question]) -> String {
    let line = |question: &crate::plan::Question| {
        format!("\n  {} of {}", question.name, question.packages.join(", "))
    };
    questions.iter().map(line).collect()
}

impl Error {
    /// The class it belongs to.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Error::Store(error) => store_class(error),
            Error::Package(error) => package_class(error),
            Error::Usage(_) | Error::Ambiguous { .. } | Error::Policy(_) | Error::Unanswered(_) => {
                Class::Usage
            }
            Error::NotInstalled { .. }
            | Error::NotOwned(_)
            | Error::NothingBefore
            | Error::NoSet { .. }
            | Error::NoSource { .. }
            | Error::NoOlder { .. } => Class::NotFound,
            Error::Impossible(_)
            | Error::TooHard { .. }
            | Error::Needed(_)
            | Error::Essential { .. }
            | Error::Protected { .. }
            | Error::Outdated(_)
            | Error::Setuid { .. }
            | Error::HiddenSetuid { .. }
            | Error::FileChanged { .. } => Class::Conflict,
            Error::NoBase { .. } | Error::NoBaseFile { .. } => Class::Missing,
            Error::Signature { .. } | Error::NotAPlan { .. } => Class::Damaged,
            Error::NoDelta(_) | Error::Unpackable { .. } | Error::Description { .. } => Class::Usage,
            Error::Run(error) => error.class(),
            Error::Unread { error, .. } => error.class(),
            Error::Io { source, .. } => io_class(source),
        }
    }

    /// The conflicting paths, where that is what it is about.
    #[must_use]
    pub fn path_conflicts(&self) -> &[PathConflict] {
        match self {
            Error::Store(ambar_store::Error::Conflict(conflicts)) => conflicts,
            _ => &[],
        }
    }

    /// The unsatisfied relations, where that is what it is about.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Error::Needed(problems) => problems,
            _ => &[],
        }
    }
}

fn store_class(error: &ambar_store::Error) -> Class {
    use ambar_store::Error as E;
    match error {
        // Something of the store's own is not there.
        E::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Class::Damaged,
        E::Io { source, .. } => io_class(source),
        E::Package(error) => package_class(error),
        E::Locked { .. } => Class::Locked,
        E::NotOwner { .. } => Class::Permission,
        E::InTheWay { .. }
        | E::NotARoot { .. }
        | E::Conflict(_)
        | E::Unplaceable { .. }
        | E::Moved { .. } => Class::Conflict,
        E::NoGeneration(_) | E::NoTree { .. } => Class::NotFound,
        E::NoSpace { .. } => Class::NoSpace,
        E::Damaged { .. } | E::DamagedObject { .. } => Class::Damaged,
        E::Cancelled => Class::Cancelled,
        _ => Class::Failed,
    }
}

/// The package that a delta needs, as far as the delta tells: by its release, or by its id.
fn wanted(needed: &BaseNeeded) -> String {
    match (&needed.release, needed.id) {
        (Some(release), _) => format!("{} {release}", needed.name),
        (None, Some(id)) => format!("{} with id {id}", needed.name),
        (None, None) => needed.name.clone(),
    }
}

fn package_class(error: &ambar_pkgfmt::Error) -> Class {
    match &error.problem {
        ambar_pkgfmt::Problem::Io { source, .. } => io_class(source),
        ambar_pkgfmt::Problem::Stopped => Class::Cancelled,
        _ => Class::Damaged,
    }
}

pub(crate) fn io_class(error: &std::io::Error) -> Class {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::NotFound => Class::NotFound,
        K::PermissionDenied | K::ReadOnlyFilesystem => Class::Permission,
        K::NotADirectory => Class::Conflict,
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => Class::NoSpace,
        _ => Class::Failed,
    }
}
