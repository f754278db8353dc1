//! What is asked, and under which policy.

use crate::key::{Test, push_tests};
use crate::world::{PackageId, World};

/// Which packages a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Packages of that name that meet the tests, or also those that provide it.
    Name {
        /// The name.
        name: String,
        /// Tests on version, slot and so on; see [`Selector::named`].
        tests: Vec<u8>,
        /// Whether packages that provide the name count.
        provided: bool,
    },
    /// These.
    Packages(Vec<PackageId>),
    /// Every package that is installed.
    Installed,
}

impl Selector {
    /// Packages of a name that meet all tests.
    #[must_use]
    pub fn named(name: &str, tests: &[Test<'_>]) -> Selector {
        let mut bytes = Vec::new();
        push_tests(&mut bytes, tests);
        Selector::Name { name: name.into(), tests: bytes, provided: false }
    }

    /// Packages that have or provide a name.
    #[must_use]
    pub fn providing(name: &str, tests: &[Test<'_>]) -> Selector {
        match Selector::named(name, tests) {
            Selector::Name { name, tests, .. } => Selector::Name { name, tests, provided: true },
            other => other,
        }
    }

    /// The packages, sorted.
    #[must_use]
    pub fn packages(&self, world: &World<'_>) -> Vec<PackageId> {
        match self {
            Selector::Name { name, tests, provided } => {
                world.matching(name, tests, *provided).into_iter().map(PackageId).collect()
            }
            Selector::Packages(packages) => {
                let mut packages: Vec<PackageId> =
                    packages.iter().copied().filter(|package| package.0 < world.len()).collect();
                packages.sort_unstable();
                packages.dedup();
                packages
            }
            Selector::Installed => world.installed().map(|(package, _)| package).collect(),
        }
    }
}

/// What a job does with the packages it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One of them is to be installed; an installed one will do.
    Install,
    /// Each of them is to be installed.
    InstallEach,
    /// None of them is to be installed.
    Remove,
    /// Those that are installed become as new as they can; the others are what they may become.
    Upgrade,
    /// Those that are installed become the newest that there is, older than they are if need be.
    Synchronise,
    /// Those that are installed stay exactly as they are, the others are not installed.
    Hold,
    /// Preferred where there is a choice.
    Favour,
    /// Avoided where there is a choice.
    Disfavour,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is to be done.
    pub verb: Verb,
    /// With what.
    pub selector: Selector,
    /// In the words of whoever asked, for explanations: `git (>= 2.40)`.
    pub text: String,
    /// Whether an older version than the installed one may be chosen for it.
    pub downgrade: bool,
}

impl Job {
    /// A job that does not go back to older versions.
    #[must_use]
    pub fn new(verb: Verb, selector: Selector, text: impl Into<String>) -> Job {
        Job { verb, selector, text: text.into(), downgrade: false }
    }

    /// The same, and older versions will do.
    #[must_use]
    pub fn or_older(mut self) -> Job {
        self.downgrade = true;
        self
    }
}

/// Why a package must not be newly installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The package.
    pub package: PackageId,
    /// In words that follow the package's name: `is masked by etc/mask:3`.
    pub reason: String,
}

/// How far a solution may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Install what new packages recommend, where that is possible.
    pub recommends: bool,
    /// Installed packages that nobody asked to remove may go.
    pub removals: bool,
    /// Installed packages may become older.
    pub downgrades: bool,
    /// Bring what new packages need to its newest version too, rather than keep what will do.
    pub eager: bool,
    /// Install nothing that the jobs do not name.
    pub frozen: bool,
    /// What must not be newly installed.
    pub exclusions: Vec<Exclusion>,
    /// Held packages that are not held this time.
    pub released: Vec<PackageId>,
    /// How many steps a search may take to find an answer: candidates looked at and conclusions drawn.
    pub steps: u64,
    /// How many more it may take to make the answer better, or to prove that it is the best. Where few packages are
    /// concerned a few hundred are enough; with thousands the first answer is near the best, and what is left costs
    /// far more than it brings.
    pub improvement: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            recommends: true,
            removals: false,
            downgrades: false,
            eager: false,
            frozen: false,
            exclusions: Vec::new(),
            released: Vec::new(),
            steps: 20_000_000,
            improvement: 5_000,
        }
    }
}

/// Jobs and policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// What is asked, all of it together.
    pub jobs: Vec<Job>,
    /// How far the answer may go.
    pub policy: Policy,
}

impl Request {
    /// One job, under the usual policy.
    #[must_use]
    pub fn one(job: Job) -> Request {
        Request { jobs: vec![job], policy: Policy::default() }
    }
}
