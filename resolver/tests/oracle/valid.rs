//! What is wrong with a state, in words.

use super::model::{Model, State, members};
use super::version::compare;
use crate::rpm::Evr;
use std::cmp::Ordering;

impl Model<'_> {
    /// Everything that is wrong with `state` as the answer to the request.
    pub(crate) fn faults(&self, state: State) -> Vec<String> {
        let mut faults = Vec::new();
        for id in members(state) {
            self.faults_of_member(id, state, &mut faults);
        }
        for (job, wanted) in self.wanted.iter().enumerate() {
            if wanted & state == 0 {
                faults.push(format!("install job {job} is not met"));
            }
        }
        for id in members(self.installed & (self.locked | !self.removed)) {
            self.faults_of_installed(id, state, &mut faults);
        }
        faults
    }

    pub(crate) fn is_valid(&self, state: State) -> bool {
        self.faults(state).is_empty()
    }

    fn faults_of_member(&self, id: usize, state: State, faults: &mut Vec<String>) {
        let package = self.package(id);
        let kept = self.installed >> id & 1 == 1;
        let name = || format!("{} {} ({id})", package.name, package.version);
        if self.removed >> id & 1 == 1 {
            faults.push(format!("{} is to be removed", name()));
        }
        if state & self.places[id] != 1 << id {
            faults.push(format!("{} is there in two versions", name()));
        }
        // What stood together before may go on doing so.
        let old = if kept { self.installed } else { 0 };
        if (self.conflicts[id] | self.obsoletes[id]) & state & !old != 0 {
            faults.push(format!("{} excludes another", name()));
        }
        for (place, clause) in self.depends[id].iter().enumerate() {
            let broken_before = kept && clause & self.installed == 0;
            if clause & state == 0 && !broken_before {
                faults.push(format!("{} lacks what its clause {place} demands", name()));
            }
        }
        if !kept {
            self.faults_of_new(id, name, faults);
        }
    }

    fn faults_of_new(&self, id: usize, name: impl Fn() -> String, faults: &mut Vec<String>) {
        if self.forbidden >> id & 1 == 1 {
            faults.push(format!("{} must not be installed", name()));
        }
        let version = Evr::parse(&self.package(id).version);
        let older = members(self.installed & self.places[id])
            .into_iter()
            .any(|other| compare(&version, &Evr::parse(&self.package(other).version)) == Ordering::Less);
        if older && self.may_be_older >> id & 1 == 0 {
            faults.push(format!("{} is older than what is installed", name()));
        }
    }

    fn faults_of_installed(&self, id: usize, state: State, faults: &mut Vec<String>) {
        let package = self.package(id);
        let stays = state >> id & 1 == 1;
        if self.locked >> id & 1 == 1 {
            if !stays {
                faults.push(format!("{} is locked", package.name));
            }
            return;
        }
        if self.may_remove && !package.disabled {
            return;
        }
        let new = state & !self.installed;
        if let Some(goal) = self.goals.iter().find(|goal| goal.installed == id && goal.hard) {
            if goal.targets != 0 && goal.targets & new == 0 {
                faults.push(format!("{} is not what the repositories have", package.name));
            }
            return;
        }
        let replaced = state & self.places[id] != 0 || self.is_obsoleted(id, new);
        if !replaced {
            faults.push(format!("{} was removed unasked", package.name));
        }
    }

    /// Whether something of `by` takes the place of `id`.
    pub(crate) fn is_obsoleted(&self, id: usize, by: State) -> bool {
        members(by).into_iter().any(|other| self.obsoletes[other] >> id & 1 == 1)
    }
}
