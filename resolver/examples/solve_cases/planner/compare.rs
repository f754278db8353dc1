//! Whether two orders say the same.

use std::collections::{BTreeMap, BTreeSet};

/// What has to come before what, among the steps of a plan.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// For each step those that it waits for.
    waits_for: BTreeMap<String, BTreeSet<String>>,
}

impl Before {
    /// `first` comes before `second`.
    pub(super) fn add(&mut self, first: &str, second: &str) {
        self.waits_for.entry(second.to_owned()).or_default().insert(first.to_owned());
    }

    /// All of these happen at once.
    pub(super) fn together(&mut self, steps: &[String]) {
        for (place, step) in steps.iter().enumerate().skip(1) {
            self.add(&steps[place - 1], step);
            self.add(step, &steps[place - 1]);
        }
    }

    fn all_before(&self, step: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut todo = vec![step];
        while let Some(step) = todo.pop() {
            for first in self.waits_for.get(step).into_iter().flatten() {
                if found.insert(first.as_str()) {
                    todo.push(first);
                }
            }
        }
        found
    }

    /// Whether two orders have the same steps, and agree wherever one of two steps has to come before the other.
    /// Steps that wait for each other, or for neither, may come in any order: the original does not always agree
    /// with itself about those.
    pub(super) fn same(&self, ours: &[String], theirs: &[String]) -> bool {
        let sorted = |steps: &[String]| {
            let mut steps = steps.to_vec();
            steps.sort();
            steps
        };
        if sorted(ours) != sorted(theirs) {
            return false;
        }
        let place = |steps: &[String], step: &str| steps.iter().position(|other| other == step);
        ours.iter().all(|step| {
            self.all_before(step)
                .into_iter()
                .filter(|first| !self.all_before(first).contains(step.as_str()))
                .all(|first| match (place(ours, first), place(theirs, first)) {
                    (Some(our_first), Some(their_first)) => {
                        let (our_own, their_own) = (place(ours, step), place(theirs, step));
                        (Some(our_first) < our_own) == (Some(their_first) < their_own)
                    }
                    _ => true,
                })
        })
    }
}
