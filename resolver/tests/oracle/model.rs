//! A case with its relations worked out: for each clause the set of packages that meet it.

use super::version::{compare, compare_version};
use crate::case::{Case, Package, Relation, Selector};
use crate::rpm::Evr;
use std::cmp::Ordering;

/// A set of packages: bit `i` is package `i`.
pub(crate) type State = u128;

/// The set of these packages.
pub(crate) fn state(ids: &[usize]) -> State {
    ids.iter().fold(0, |all, id| all | 1 << id)
}

/// The packages of a set, smallest first.
pub(crate) fn members(mut state: State) -> Vec<usize> {
    let mut ids = Vec::with_capacity(state.count_ones() as usize);
    while state != 0 {
        ids.push(state.trailing_zeros() as usize);
        state &= state - 1;
    }
    ids
}

/// What an upgrade wants of one installed package.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    /// Its id.
    pub(crate) installed: usize,
    /// Whether the request names what is installed, rather than what is to come in its place.
    pub(crate) plain: bool,
    /// Whether it belongs to the repositories' own state, which must be reached.
    pub(crate) hard: bool,
    /// What may come in its place.
    pub(crate) targets: State,
}

/// A case of at most 128 packages.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) case: &'a Case,
    /// Strong clauses of each package.
    pub(crate) depends: Vec<Vec<State>>,
    pub(crate) recommends: Vec<Vec<State>>,
    /// Whom each package declares a conflict with.
    pub(crate) conflicts: Vec<State>,
    pub(crate) obsoletes: Vec<State>,
    pub(crate) installed: State,
    /// Of each package: those that it excludes because they are the same one in another version, and itself.
    pub(crate) places: Vec<State>,
    /// Of each package: how many distinct newer versions of it there are.
    pub(crate) ranks: Vec<i64>,
    /// What remove jobs name.
    pub(crate) removed: State,
    /// What lock jobs name of the installed packages.
    pub(crate) locked: State,
    /// What must not be newly installed.
    pub(crate) forbidden: State,
    /// Install jobs: the members that would do.
    pub(crate) wanted: Vec<State>,
    /// What may replace a newer package.
    pub(crate) may_be_older: State,
    pub(crate) goals: Vec<Goal>,
    pub(crate) may_remove: bool,
}

impl<'a> Model<'a> {
    pub(crate) fn new(case: &'a Case) -> Model<'a> {
        let packages = &case.packages;
        assert!(packages.len() <= 128, "{}: too many packages to try all states", case.id);
        assert!(packages.iter().enumerate().all(|(place, package)| package.id == place), "ids are positions");
        let providers = |relation: &Relation| select(packages, |package| provides(package, relation));
        let clause = |clause: &Vec<Relation>| clause.iter().fold(0, |all, one| all | providers(one));
        let clauses = |clauses: &[Vec<Relation>]| clauses.iter().map(clause).collect::<Vec<_>>();
        let others = |package: &Package, all: State| all & !(1 << package.id);
        let jobs = &case.request;
        let chosen = |jobs: &[Selector]| jobs.iter().fold(0, |all, job| all | selected(case, job));
        let installed = state(&case.installed);
        let mut model = Model {
            case,
            depends: packages
                .iter()
                .map(|package| [clauses(&package.pre_depends), clauses(&package.depends)].concat())
                .collect(),
            recommends: packages.iter().map(|package| clauses(&package.recommends)).collect(),
            conflicts: packages.iter().map(|package| others(package, clause(&package.conflicts))).collect(),
            obsoletes: packages
                .iter()
                .map(|package| {
                    let named = |relation: &Relation| select(packages, |other| is_named(other, relation));
                    others(package, package.obsoletes.iter().fold(0, |all, one| all | named(one)))
                })
                .collect(),
            installed,
            places: Vec::new(),
            ranks: Vec::new(),
            removed: chosen(&jobs.remove),
            locked: chosen(&jobs.lock) & installed,
            forbidden: (chosen(&jobs.lock) | select(packages, |package| package.disabled)) & !installed,
            wanted: jobs.install.iter().map(|job| selected(case, job)).collect(),
            may_be_older: jobs
                .install
                .iter()
                .filter(|job| job.by != "name" || job.op.is_some())
                .fold(0, |all, job| all | selected(case, job)),
            goals: Vec::new(),
            may_remove: case.policy.allow_uninstall
                || [&jobs.install, &jobs.remove, &jobs.upgrade, &jobs.dist_upgrade]
                    .into_iter()
                    .flatten()
                    .any(|job| job.flags.iter().any(|flag| flag == "cleandeps")),
        };
        model.places =
            (0..packages.len()).map(|id| select(packages, |other| model.same_place(other.id, id))).collect();
        model.ranks = (0..packages.len()).map(|id| model.rank_among(id, State::MAX)).collect();
        for (jobs, hard) in [(&jobs.upgrade, false), (&jobs.dist_upgrade, true)] {
            for job in jobs {
                model.add_goals(job, hard);
            }
        }
        model
    }

    fn add_goals(&mut self, job: &Selector, hard: bool) {
        let chosen = selected(self.case, job);
        self.may_be_older |= if hard { chosen } else { 0 };
        let plain = chosen & self.installed != 0 && job.by != "repo";
        for installed in members(self.installed & !self.locked & !self.removed) {
            let successors = select(&self.case.packages, |package| {
                self.installed >> package.id & 1 == 0
                    && !package.disabled
                    && (self.same_place(package.id, installed)
                        || self.obsoletes[package.id] >> installed & 1 == 1)
            });
            let targets = if plain { successors } else { successors & chosen };
            let concerned = if plain { chosen >> installed & 1 == 1 } else { targets != 0 };
            if concerned {
                self.goals.push(Goal { installed, plain, hard, targets });
                self.may_be_older |= if hard { targets } else { 0 };
            }
        }
    }

    pub(crate) fn package(&self, id: usize) -> &Package {
        &self.case.packages[id]
    }

    /// Whether two packages exclude each other because they are the same one in two versions.
    pub(crate) fn same_place(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.package(a), self.package(b));
        a.name == b.name && a.slot == b.slot
    }

    /// How many distinct newer versions of it there are in `among`.
    pub(crate) fn rank_among(&self, id: usize, among: State) -> i64 {
        let own = self.package(id);
        let version = Evr::parse(&own.version);
        let mut newer: Vec<Evr<'_>> = Vec::new();
        for other in self
            .case
            .packages
            .iter()
            .filter(|other| among >> other.id & 1 == 1 && self.same_place(other.id, id))
        {
            let other = Evr::parse(&other.version);
            let known = newer.iter().any(|known| compare(known, &other) == Ordering::Equal);
            if !known && compare(&other, &version) == Ordering::Greater {
                newer.push(other);
            }
        }
        newer.len() as i64
    }
}

fn select(packages: &[Package], wanted: impl Fn(&Package) -> bool) -> State {
    packages.iter().filter(|package| wanted(package)).fold(0, |all, package| all | 1 << package.id)
}

pub(crate) fn selected(case: &Case, job: &Selector) -> State {
    let relation = job.relation();
    let pick = |wanted: &dyn Fn(&Package) -> bool| select(&case.packages, wanted);
    match job.by.as_str() {
        "name" => pick(&|package| is_named(package, &relation)),
        "provides" => pick(&|package| provides(package, &relation)),
        "oneof" | "pkg" => state(&job.ids),
        "repo" => pick(&|package| Some(&package.repo) == job.repo.as_ref()),
        "all" => pick(&|_| true),
        other => panic!("{}: no selector by {other}", case.id),
    }
}

fn is_named(package: &Package, relation: &Relation) -> bool {
    let own = Relation {
        name: package.name.clone(),
        op: Some("=".to_owned()),
        version: Some(package.version.clone()),
    };
    own.name == relation.name && overlap(&own, relation)
}

fn provides(package: &Package, relation: &Relation) -> bool {
    package.provides.iter().any(|provided| provided.name == relation.name && overlap(provided, relation))
}

/// Below, at, above.
fn reach(op: &str) -> (bool, bool, bool) {
    match op {
        "<" => (true, false, false),
        "<=" => (true, true, false),
        "=" | "==" => (false, true, false),
        ">=" => (false, true, true),
        ">" => (false, false, true),
        other => panic!("no comparison {other}"),
    }
}

/// Whether two version ranges have something in common, as rpm sees it: without a version everything is in it,
/// and a version without a release stands for all of its releases.
fn overlap(a: &Relation, b: &Relation) -> bool {
    let (Some(op_a), Some(version_a), Some(op_b), Some(version_b)) = (&a.op, &a.version, &b.op, &b.version)
    else {
        return true;
    };
    let ((a_below, a_at, a_above), (b_below, b_at, b_above)) = (reach(op_a), reach(op_b));
    if a_below && b_below || a_above && b_above {
        return true;
    }
    let (a, b) = (Evr::parse(version_a), Evr::parse(version_b));
    let ordering = compare_version(&a, &b).then_with(|| match (a.release, b.release) {
        (Some(_), Some(_)) => compare(&a, &b),
        _ => Ordering::Equal,
    });
    match ordering {
        Ordering::Less => a_above || b_below,
        Ordering::Greater => a_below || b_above,
        Ordering::Equal => match (a.release, b.release) {
            (None, Some(_)) => a_at,
            (Some(_), None) => b_at,
            _ => a_at && b_at,
        },
    }
}
