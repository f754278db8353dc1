//! What an answer costs: nine numbers, the first that differ decide.
//!
//! The order is that of "fewest unasked removals, newest of what was asked for, fewest missing recommendations,
//! fewest new names, fewest unasked changes, favour, newest of the rest, fewest new packages".

use std::collections::BTreeMap;

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
    pub(super) bound: Option<Cost>,
    /// Whether it may also cost the same.
    pub(super) or_same: bool,
    names: BTreeMap<u32, u32>,
    /// Ages of packages that were asked for.
    ages: BTreeMap<u32, u32>,
}

impl Solver<'_> {
    /// Begins to count costs: from now on only answers that cost less than the present model are found. Gives its
    /// cost.
    pub(crate) fn demand_better(&mut self) -> Cost {
        if !self.costs.counting {
            self.costs.counting = true;
            let lits = self.trail.clone();
            self.costs.now = Cost::default();
            self.costs.now[RECOMMENDS] = self.missed.len() as u32;
            for lit in &lits {
                self.count(*lit, true);
            }
        }
        self.costs.bound = Some(self.costs.now);
        self.costs.now
    }

    /// From now on only answers that cost no more than that are found.
    pub(crate) fn at_most(&mut self, cost: Cost) {
        self.costs.counting = true;
        let lits = self.trail.clone();
        for lit in &lits {
            self.count(*lit, true);
        }
        self.costs.bound = Some(cost);
        self.costs.or_same = true;
    }

    /// Adds what a literal costs, or takes it away again.
    pub(super) fn count(&mut self, lit: Lit, adds: bool) {
        let mut cost = self.cost_of(lit);
        let var = lit >> 1;
        cost[NEW_NAMES] = 0;
        if lit & 1 == 0 && var < self.world.len() && !self.world.is_installed(PackageId(var)) {
            let name = self.world.name_of(var);
            if !self.name_is_there(name) {
                let n = self.costs.names.entry(name).or_default();
                if adds {
                    cost[NEW_NAMES] = u32::from(*n == 0);
                    *n += 1;
                } else {
                    *n -= 1;
                    cost[NEW_NAMES] = u32::from(*n == 0);
                }
            }
        }
        for (level, amount) in cost.into_iter().enumerate() {
            if amount > 0 {
                let now = &mut self.costs.now[level];
                *now = if adds { now.saturating_add(amount) } else { now.saturating_sub(amount) };
            }
        }
    }

    /// What a literal costs on top of what the assignment without it costs.
    fn cost_of(&mut self, lit: Lit) -> Cost {
        let mut cost = Cost::default();
        let (var, is_true) = (lit >> 1, lit & 1 == 0);
        if var >= self.world.len() {
            if is_true {
                cost[REMOVALS] = 1;
            }
            return cost;
        }
        let installed = self.world.is_installed(PackageId(var));
        if !is_true {
            if installed && !self.setup.may_change.contains(&var) {
                cost[CHANGED] = 1;
            }
            return cost;
        }
        if let Some(age) = self.setup.target_ages.get(&var) {
            cost[TARGET_AGE] = *age;
        }
        if installed {
            return cost;
        }
        cost[AGE] = self.age(var);
        cost[NEW] = 1;
        cost[FAVOUR] = u32::from(self.setup.disfavoured.contains(&var))
            + u32::from(!self.setup.favoured.is_empty() && !self.setup.favoured.contains(&var));
        cost[PROVIDED] = self.setup.provided_ages.get(&var).copied().unwrap_or(0);
        let name = self.world.name_of(var);
        if !self.name_is_there(name) {
            let mut others = self.world.packages_of(name).filter(|other| *other != var);
            let again = others.any(|other| self.is_true(other) && !self.world.is_installed(PackageId(other)));
            cost[NEW_NAMES] = u32::from(!again);
        }
        cost
    }

    /// How many versions are newer than a package's.
    pub(super) fn age(&mut self, package: u32) -> u32 {
        let world = self.world;
        *self.costs.ages.entry(package).or_insert_with(|| world.age(package))
    }

    /// Whether the present assignment may still lead to an answer that is good enough. If not, the assignments that
    /// cost too much are written down as a contradiction.
    pub(super) fn within_bound(&mut self) -> bool {
        let Some(bound) = self.costs.bound else { return true };
        let order = self.setup.order;
        let key = |cost: &Cost| order.map(|level| cost[level]);
        let (now, bound) = (key(&self.costs.now), key(&bound));
        let too_much = if self.costs.or_same { now > bound } else { now >= bound };
        if !too_much {
            return true;
        }
        let decisive = (0..LEVELS).find(|level| now[*level] > bound[*level]).unwrap_or(LEVELS - 1);
        let counted = &order[..=decisive];
        self.conflict.clear();
        self.conflict_trace = super::analyse::Trace::default();
        let mut vars = Vec::new();
        for place in 0..self.trail.len() {
            let lit = self.trail[place];
            if self.level(lit >> 1) == 0 {
                continue;
            }
            let cost = self.cost_of_alone(lit);
            if counted.iter().any(|level| cost[*level] > 0) {
                vars.push(lit >> 1);
            }
        }
        if counted.contains(&RECOMMENDS) {
            for clause in &self.missed {
                let owner = self.owner_of(*clause);
                vars.push(owner);
                self.world.each_candidate(*clause, |candidate| {
                    vars.push(candidate);
                    true
                });
            }
        }
        self.conflict = vars;
        false
    }

    /// As `cost_of`, but each package of a new name counts.
    fn cost_of_alone(&mut self, lit: Lit) -> Cost {
        let mut cost = self.cost_of(lit);
        let var = lit >> 1;
        if lit & 1 == 0 && var < self.world.len() && !self.world.is_installed(PackageId(var)) {
            let name = self.world.name_of(var);
            cost[NEW_NAMES] = u32::from(!self.name_is_there(name));
        }
        cost
    }

    /// The package that a clause is of.
    pub(crate) fn owner_of(&self, clause: u32) -> u32 {
        self.world.owner(clause)
    }
}
