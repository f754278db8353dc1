//! All valid states, and the best of them.

use super::cost::Cost;
use super::model::{Model, State};

impl Model<'_> {
    /// Every valid state. Places are filled one after another; what excludes something chosen before is left out
    /// at once, and everything else is judged when the state is complete.
    pub(crate) fn states(&self) -> Vec<State> {
        let mut places: Vec<Vec<usize>> = Vec::new();
        for id in 0..self.case.packages.len() {
            match places.iter_mut().find(|place| self.same_place(place[0], id)) {
                Some(place) => place.push(id),
                None => places.push(vec![id]),
            }
        }
        let mut found = Vec::new();
        self.fill(&places, 0, &mut found);
        found
    }

    fn fill(&self, places: &[Vec<usize>], chosen: State, found: &mut Vec<State>) {
        let Some((place, rest)) = places.split_first() else {
            if self.is_valid(chosen) {
                found.push(chosen);
            }
            return;
        };
        self.fill(rest, chosen, found);
        for id in place {
            let old = if self.installed >> id & 1 == 1 { self.installed } else { 0 };
            let excluded = |other: usize| {
                let exclusive = (self.conflicts[other] | self.obsoletes[other]) >> id & 1 == 1;
                exclusive && old >> other & 1 == 0
            };
            let mine = (self.conflicts[*id] | self.obsoletes[*id]) & chosen & !old;
            if mine == 0 && !super::members(chosen).into_iter().any(excluded) {
                self.fill(rest, chosen | 1 << id, found);
            }
        }
    }

    /// The least cost and the states that have it; nothing when there is no valid state.
    pub(crate) fn best(&self) -> Option<(Cost, Vec<State>)> {
        let costs: Vec<(Cost, State)> =
            self.states().into_iter().map(|state| (self.cost(state), state)).collect();
        let least = costs.iter().map(|(cost, _)| cost).min()?.clone();
        let best = costs.into_iter().filter(|(cost, _)| *cost == least).map(|(_, state)| state).collect();
        Some((least, best))
    }
}
