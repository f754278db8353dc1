//! What an answer costs: nine numbers, the first that differ decide.
//!
//! The order is that of "fewest unasked removals, newest of what was asked for, fewest missing recommendations,
//! fewest new names, fewest unasked changes, favour, newest of the rest, fewest new packages".

use super::{Lit, Solver};
use crate::PackageId;

/// How many numbers a cost has.
pub(crate) const LEVELS: usize = 9;
pub(crate) const REMOVALS: usize = 0;
pub(crate) const TARGET_AGE: usize = 1;
pub(crate) const RECOMMENDS: usize = 2;
pub(crate) const NEW_NAMES: usize = 3;
pub(crate) const CHANGED: usize = 4;
pub(crate) const FAVOUR: usize = 5;
pub(crate) const AGE: usize = 6;
pub(crate) const NEW: usize = 7;
pub(crate) const PROVIDED: usize = 8;

/// A cost; smaller is better.
pub(crate) type Cost = [u32; LEVELS];

/// What the present assignment costs, and what an answer may cost.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    /// Whether costs are kept up to date.
    pub(super) counting: bool,
    pub(super) now: Cost,
    /// An answer must cost less.
    bound: Option<Cost>,
    /// Whether it may also cost the same.
    or_same: bool,
    /// For each name how many of its new packages are there.
    pub(super) names: Vec<u32>,
    /// For each package 0, or one more than the place of what choosing it costs.
    pub(super) known: Vec<u32>,
    /// Costs of packages, and whose they are.
    pub(super) table: Vec<(Cost, u32)>,
    /// For each package the number of the estimate that it was last part of.
    pub(super) stamps: Vec<u32>,
    pub(super) stamp: u32,
    /// Clauses that an estimate counted, and what it counted for them.
    counted: Vec<(u32, Cost)>,
}

impl Costs {
    pub(super) fn new(names: Vec<u32>, stamps: Vec<u32>, stamp: u32, known: Vec<u32>) -> Costs {
        Costs { names, stamps, stamp, known, ..Costs::default() }
    }
}

impl Solver<'_> {
    /// Begins to count costs: from now on only answers that cost less than the present model are found. Gives its
    /// cost.
    pub(crate) fn demand_better(&mut self) -> Cost {
        self.begin_counting();
        self.costs.bound = Some(self.costs.now);
        self.costs.now
    }

    /// From now on only answers that cost no more than that are found.
    pub(crate) fn at_most(&mut self, cost: Cost) {
        self.begin_counting();
        self.costs.bound = Some(cost);
        self.costs.or_same = true;
    }

    fn begin_counting(&mut self) {
        if !self.costs.counting {
            self.costs.counting = true;
            self.costs.now = Cost::default();
            self.costs.now[RECOMMENDS] = self.missed.len() as u32;
            for place in 0..self.trail.len() {
                self.count(self.trail[place], true);
            }
        }
    }

    /// Adds what a literal costs, or takes it away again.
    pub(super) fn count(&mut self, lit: Lit, adds: bool) {
        let mut cost = self.cost_of(lit);
        if cost[NEW_NAMES] > 0 {
            // Several packages of one name are one new name.
            let count = &mut self.costs.names[self.world.name_of(lit >> 1) as usize];
            let before = *count;
            *count = if adds { before + 1 } else { before - 1 };
            cost[NEW_NAMES] = u32::from(before.min(*count) == 0);
        }
        for (now, amount) in self.costs.now.iter_mut().zip(cost) {
            *now = if adds { now.saturating_add(amount) } else { now.saturating_sub(amount) };
        }
    }

    /// What a literal costs by itself.
    fn cost_of(&mut self, lit: Lit) -> Cost {
        let (var, is_true) = (lit >> 1, lit & 1 == 0);
        if var >= self.world.len() {
            let mut cost = Cost::default();
            cost[REMOVALS] = u32::from(is_true);
            return cost;
        }
        if is_true {
            return self.cost_of_package(var);
        }
        let mut cost = Cost::default();
        if self.world.is_installed(PackageId(var)) && !self.setup.may_change.contains(&var) {
            cost[CHANGED] = 1;
        }
        cost
    }

    /// What choosing a package costs.
    fn cost_of_package(&mut self, package: u32) -> Cost {
        if let Some(at) = self.costs.known[package as usize].checked_sub(1) {
            return self.costs.table[at as usize].0;
        }
        let setup = &self.setup;
        let mut cost = Cost::default();
        cost[TARGET_AGE] = setup.target_ages.get(&package).copied().unwrap_or(0);
        if !self.world.is_installed(PackageId(package)) {
            cost[AGE] = self.world.age(package);
            cost[NEW] = 1;
            // What is favoured is better than what is not, but nothing is chosen for that alone.
            cost[FAVOUR] = u32::from(setup.disfavoured.contains(&package))
                + u32::from(!setup.favoured.is_empty() && !setup.favoured.contains(&package));
            cost[PROVIDED] = setup.provided_ages.get(&package).copied().unwrap_or(0);
            cost[NEW_NAMES] = u32::from(!self.world.name_is_installed(self.world.name_of(package)));
        }
        self.costs.table.push((cost, package));
        self.costs.known[package as usize] = self.costs.table.len() as u32;
        cost
    }

    /// Whether the present assignment may still lead to an answer that is good enough. If not, the assignments that
    /// cost too much are written down as a contradiction.
    pub(super) fn within_bound(&mut self) -> bool {
        let Some(bound) = self.costs.bound else { return true };
        let order = self.setup.order;
        let or_same = self.costs.or_same;
        let key = |cost: &Cost| order.map(|level| cost[level]);
        let bound = key(&bound);
        let is_enough = |cost: &Cost| if or_same { key(cost) <= bound } else { key(cost) < bound };
        self.costs.counted.clear();
        let mut least = self.costs.now;
        if is_enough(&least) {
            least = self.least();
            if is_enough(&least) {
                return true;
            }
        }
        let least = key(&least);
        let decisive = (0..LEVELS).find(|level| least[*level] > bound[*level]).unwrap_or(LEVELS - 1);
        self.write_down_cost(&order[..=decisive]);
        false
    }

    /// What an answer costs at least: what is chosen, and the cheapest candidate of each open demand, as far as the
    /// demands have no candidates in common.
    fn least(&mut self) -> Cost {
        let mut least = self.costs.now;
        self.costs.stamp += 1;
        let stamp = self.costs.stamp;
        let world = self.world;
        for place in self.now.pending_next as usize..self.pending.len() {
            let clause = self.pending[place];
            let mut cheapest = [u32::MAX; LEVELS];
            let mut apart = true;
            world.each_candidate(clause, |candidate| {
                self.steps += 1;
                if self.is_true(candidate) || self.costs.stamps[world.name_of(candidate) as usize] == stamp {
                    apart = false;
                } else if self.is_open(candidate) {
                    let mut cost = self.cost_of_package(candidate);
                    if self.costs.names[world.name_of(candidate) as usize] > 0 {
                        // Another slot of a name that is chosen is no new name.
                        cost[NEW_NAMES] = 0;
                    }
                    for (least, amount) in cheapest.iter_mut().zip(cost) {
                        *least = amount.min(*least);
                    }
                    apart = cheapest.iter().any(|least| *least > 0);
                }
                apart
            });
            if !apart || cheapest[0] == u32::MAX {
                continue;
            }
            world.each_candidate(clause, |candidate| {
                self.costs.stamps[world.name_of(candidate) as usize] = stamp;
                true
            });
            for (least, amount) in least.iter_mut().zip(cheapest) {
                *least = least.saturating_add(amount);
            }
            self.costs.counted.push((clause, cheapest));
        }
        least
    }

    /// The assignments that cost something on these levels, as a contradiction.
    fn write_down_cost(&mut self, levels: &[usize]) {
        self.conflict_trace = super::analyse::Trace::default();
        let mut vars = std::mem::take(&mut self.conflict);
        vars.clear();
        let begin = self.marks.first().map_or(self.trail.len(), |mark| mark.trail as usize);
        for place in begin..self.trail.len() {
            let lit = self.trail[place];
            let cost = self.cost_of(lit);
            if levels.iter().any(|level| cost[*level] > 0) {
                vars.push(lit >> 1);
            }
        }
        self.steps += (self.trail.len() - begin) as u64;
        let world = self.world;
        let mut because = |clause: u32| {
            vars.push(world.owner(clause));
            world.each_candidate(clause, |candidate| {
                if self.slots[candidate as usize][0] & 3 == 2 {
                    vars.push(candidate);
                }
                true
            });
        };
        if levels.contains(&RECOMMENDS) {
            self.missed.iter().copied().for_each(&mut because);
        }
        for (clause, cost) in &self.costs.counted {
            if levels.iter().any(|level| cost[*level] > 0) {
                because(*clause);
            }
        }
        self.conflict = vars;
    }
}
