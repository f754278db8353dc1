//! What a state costs, level by level.

use super::model::{Goal, Model, State, members, selected};
use crate::case::Selector;
use std::collections::BTreeSet;

/// Levels 1 to 9, and the names of level 10.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    /// In the order in which they count.
    pub(crate) levels: [i64; 9],
    /// Names of new packages, sorted.
    pub(crate) names: Vec<String>,
}

impl Model<'_> {
    /// What `state` costs. To become what the repositories have, orphans may go: the second level is in front then.
    pub(crate) fn cost(&self, state: State) -> Cost {
        let mut levels = self.levels(state);
        if !self.case.request.dist_upgrade.is_empty() {
            levels.swap(0, 1);
        }
        Cost { levels, names: self.new_names(state) }
    }

    /// As the golden files write it.
    pub(crate) fn cost_as_json(&self, state: State) -> Vec<serde_json::Value> {
        let mut all: Vec<serde_json::Value> =
            self.levels(state).iter().map(|level| (*level).into()).collect();
        all.push(self.new_names(state).into());
        all
    }

    fn new_names(&self, state: State) -> Vec<String> {
        let mut names: Vec<String> =
            members(state & !self.installed).iter().map(|id| self.package(*id).name.clone()).collect();
        names.sort();
        names
    }

    fn levels(&self, state: State) -> [i64; 9] {
        let new = state & !self.installed;
        let gone = self.installed & !state;
        [
            self.removed_unasked(state),
            self.age_of_targets(state),
            if self.case.policy.install_recommends { self.missing_recommendations(state) } else { 0 },
            self.names_of(new).difference(&self.names_of(self.installed)).count() as i64,
            i64::from((gone & !self.asked_to_change()).count_ones()),
            self.disliked(new),
            members(new).into_iter().map(|id| self.ranks[id]).sum(),
            i64::from(new.count_ones()),
            self.lower_provided(state),
        ]
    }

    fn names_of(&self, ids: State) -> BTreeSet<&str> {
        members(ids).into_iter().map(|id| self.case.packages[id].name.as_str()).collect()
    }

    fn removed_unasked(&self, state: State) -> i64 {
        let new = state & !self.installed;
        let lost = |id: &usize| state & self.places[*id] == 0 && !self.is_obsoleted(*id, new);
        members(self.installed & !self.removed).iter().filter(|id| lost(id)).count() as i64
    }

    fn age_of_targets(&self, state: State) -> i64 {
        let asked: i64 = self
            .wanted
            .iter()
            // What is there already is no target: it is kept or not as any other.
            .filter(|wanted| *wanted & self.installed == 0)
            .flat_map(|wanted| members(wanted & state))
            .map(|id| self.ranks[id])
            .sum();
        let mut places = BTreeSet::new();
        let upgrades: i64 = self
            .goals
            .iter()
            .filter(|goal| {
                let package = self.package(goal.installed);
                !goal.plain || places.insert((&package.name, &package.slot))
            })
            .map(|goal| self.age_of_goal(goal, state))
            .sum();
        asked + upgrades
    }

    /// The age of everything that stands in the place of an installed package: new ones, or itself.
    fn age_of_goal(&self, goal: &Goal, state: State) -> i64 {
        let place = self.places[goal.installed];
        let successor = |id: &usize| place >> id & 1 == 1 || self.obsoletes[*id] >> goal.installed & 1 == 1;
        let candidates = state & (!self.installed | 1 << goal.installed);
        let age = |id: usize| {
            if goal.plain && !goal.hard {
                self.age_of_successor(id, goal)
            } else {
                self.age_as_target(id, goal)
            }
        };
        members(candidates).into_iter().filter(successor).map(age).sum()
    }

    /// Whatever was not asked for is older than all that was.
    fn age_as_target(&self, id: usize, goal: &Goal) -> i64 {
        let none = i64::from(goal.targets.count_ones());
        if goal.targets >> id & 1 == 1 { self.rank_among(id, goal.targets) } else { none }
    }

    /// Another package that takes the place of the installed one and of `id` is newer than `id`.
    fn age_of_successor(&self, id: usize, goal: &Goal) -> i64 {
        let other_name = |other: usize| self.package(other).name != self.package(goal.installed).name;
        if other_name(id) {
            return 0;
        }
        let others = members(goal.targets).into_iter().filter(|other| other_name(*other));
        self.ranks[id] + i64::from(others.into_iter().any(|other| self.obsoletes[other] >> id & 1 == 1))
    }

    /// Installed packages whose change was asked for.
    fn asked_to_change(&self) -> State {
        self.goals.iter().fold(self.removed, |all, goal| all | 1 << goal.installed)
    }

    fn missing_recommendations(&self, state: State) -> i64 {
        members(state & !self.installed)
            .into_iter()
            .flat_map(|id| &self.recommends[id])
            .filter(|clause| *clause & state == 0)
            .count() as i64
    }

    /// New packages that are to be avoided; and, where some are preferred, those that are not.
    fn disliked(&self, new: State) -> i64 {
        let chosen = |jobs: &[Selector]| jobs.iter().fold(0, |all, job| all | selected(self.case, job));
        let jobs = &self.case.request;
        let avoided = chosen(&jobs.disfavor) & new;
        let others = if jobs.favor.is_empty() { 0 } else { new & !chosen(&jobs.favor) };
        i64::from(avoided.count_ones() + others.count_ones())
    }

    /// Of the golden costs none has anything else here, whatever was chosen for a capability.
    fn lower_provided(&self, _state: State) -> i64 {
        0
    }
}
