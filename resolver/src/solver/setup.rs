//! Writing down what is asked: jobs, what is installed, what must not be.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::{self, LEVELS};

use super::{Lit, Reason, Solver, no, yes};
use crate::PackageId;
use crate::fact::Fact;
use crate::request::Verb;
use crate::universe::flags;
use crate::world::Rivalry;

/// What a request comes to.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// It contradicts itself without any decision.
    pub(super) contradiction: bool,
    /// The job or the like that nothing can meet.
    pub(super) empty: Option<Fact>,
    /// Choices in order of preference, named by the lists of the solver.
    pub(super) choices: Vec<Vec<Lit>>,
    /// What chosen packages add to the age of what was asked for.
    pub(super) target_ages: BTreeMap<u32, u32>,
    /// Ages among those that provide what was asked for.
    pub(super) provided_ages: BTreeMap<u32, u32>,
    /// Installed packages that were asked to change or to go.
    pub(super) may_change: BTreeSet<u32>,
    pub(super) favoured: BTreeSet<u32>,
    pub(super) disfavoured: BTreeSet<u32>,
    /// The order in which costs are compared.
    pub(super) order: [usize; LEVELS],
}

/// What is wanted of an installed package.
#[derive(Debug, Default, Clone)]
struct Target {
    /// Only these will do; with how much older than the newest each is.
    only: Option<BTreeMap<u32, u32>>,
    /// None of `only` is not good enough.
    must: Option<u32>,
}

impl Solver<'_> {
    pub(super) fn set_up(&mut self) {
        self.setup.order = std::array::from_fn(|level| level);
        let ended = self.write_down();
        if !ended {
            self.setup.contradiction = true;
            if self.traced {
                self.learn();
            }
        }
    }

    /// Everything about the request as clauses; no when that is a contradiction.
    fn write_down(&mut self) -> bool {
        let (world, request) = (self.world, self.request);
        let policy = &request.policy;
        let mut removed: BTreeSet<u32> = BTreeSet::new();
        let mut allowed_older: BTreeSet<u32> = BTreeSet::new();
        let mut named: BTreeSet<u32> = BTreeSet::new();
        let mut held: BTreeMap<u32, Fact> = BTreeMap::new();
        let mut targets: BTreeMap<u32, Target> = BTreeMap::new();
        let selected: Vec<Vec<u32>> = request
            .jobs
            .iter()
            .map(|job| job.selector.packages(world).into_iter().map(|package| package.0).collect())
            .collect();
        for (package, state) in world.installed() {
            if state.held && !policy.released.contains(&package) {
                held.insert(package.0, Fact::Held(package.0));
            }
        }
        for (number, job) in request.jobs.iter().enumerate() {
            let (packages, fact) = (&selected[number], Fact::Job(number as u32));
            match job.verb {
                Verb::Remove => removed.extend(packages),
                Verb::Hold => {
                    let installed =
                        packages.iter().filter(|package| world.is_installed(PackageId(**package)));
                    held.extend(installed.map(|package| (*package, fact)));
                }
                Verb::Favour => self.setup.favoured.extend(packages),
                Verb::Disfavour => self.setup.disfavoured.extend(packages),
                Verb::Install | Verb::InstallEach | Verb::Upgrade | Verb::Synchronise => {
                    named.extend(packages);
                }
            }
            if job.downgrade || job.verb == Verb::Synchronise {
                allowed_older.extend(packages);
                if job.verb == Verb::Synchronise {
                    allowed_older.extend(packages.iter().flat_map(|package| world.twins(*package)));
                    allowed_older.extend(packages.iter().flat_map(|package| world.obsoleters(*package)));
                }
            }
        }
        for (number, job) in request.jobs.iter().enumerate() {
            if matches!(job.verb, Verb::Upgrade | Verb::Synchronise) {
                self.targets(number as u32, &selected[number], job.verb, &held, &mut targets);
            }
        }
        if request.jobs.iter().any(|job| job.verb == Verb::Synchronise) {
            self.setup.order.swap(cost::REMOVALS, cost::TARGET_AGE);
        }
        self.setup.may_change.extend(&removed);
        self.setup.may_change.extend(targets.keys());

        // What may not be there.
        for (number, job) in request.jobs.iter().enumerate() {
            let fact = Fact::Job(number as u32);
            if matches!(job.verb, Verb::Remove | Verb::Hold) && self.holds(fact) {
                for package in &selected[number] {
                    let stays = job.verb == Verb::Hold && world.is_installed(PackageId(*package));
                    if !stays && !self.unit(no(*package), fact) {
                        return false;
                    }
                }
            }
        }
        for (number, exclusion) in policy.exclusions.iter().enumerate() {
            let fact = Fact::Excluded(number as u32);
            let package = exclusion.package;
            if package.0 < world.len()
                && !world.is_installed(package)
                && self.holds(fact)
                && !self.unit(no(package.0), fact)
            {
                return false;
            }
        }
        for package in world.disabled().iter().copied() {
            let fact = Fact::Disabled(package);
            if !world.is_installed(PackageId(package)) && self.holds(fact) && !self.unit(no(package), fact) {
                return false;
            }
        }
        if policy.frozen {
            for package in 0..world.len() {
                let apart = world.is_installed(PackageId(package)) || named.contains(&package);
                let fact = Fact::Frozen(package);
                if !apart && self.holds(fact) && !self.unit(no(package), fact) {
                    return false;
                }
            }
        }
        for (package, fact) in &held {
            if self.holds(*fact) && !self.unit(yes(*package), *fact) {
                return false;
            }
        }
        for (number, job) in request.jobs.iter().enumerate() {
            let fact = Fact::Job(number as u32);
            if matches!(job.verb, Verb::Install | Verb::InstallEach)
                && self.holds(fact)
                && !self.install(number, &selected[number], fact)
            {
                return false;
            }
        }
        if !removed.is_empty() && policy.removals && !self.watch_installed() {
            return false;
        }
        self.keep(&removed, &allowed_older, &held, &targets)
    }

    /// Writes down all demands of what is installed, so that a removal goes through a long chain of users at once
    /// rather than in one contradiction after another.
    fn watch_installed(&mut self) -> bool {
        let world = self.world;
        for (package, _) in world.installed() {
            for clause in world.strong_clauses(package.0) {
                let (mut there, mut lits) = (false, Vec::new());
                world.each_candidate(clause, |candidate| {
                    there |= world.is_installed(PackageId(candidate));
                    lits.push(yes(candidate));
                    true
                });
                if !there || lits.contains(&yes(package.0)) || !self.holds(Fact::Clause(clause)) {
                    continue;
                }
                lits.sort_unstable();
                lits.dedup();
                lits.push(no(package.0));
                lits.sort_by_key(|lit| self.value(*lit));
                if self.value(lits[0]) == 1 || lits.iter().any(|lit| self.value(*lit) == 1) {
                    continue;
                }
                let fact = self.fact(Fact::Clause(clause));
                let at = self.add_clause(&lits, fact + 1);
                self.clause_at[clause as usize] = at;
                self.placed.push(clause);
                let open = lits.iter().filter(|lit| self.value(**lit) == 0).count();
                if open < 2 && !self.assign(lits[0], Reason::Arena { at }) {
                    return false;
                }
            }
        }
        true
    }

    fn unit(&mut self, lit: Lit, fact: Fact) -> bool {
        let fact = self.fact(fact);
        self.assign(lit, Reason::Unit { fact })
    }

    /// Demands one of these as well; no when that cannot be.
    pub(crate) fn also(&mut self, lits: &[Lit]) -> bool {
        !self.setup.contradiction && self.choose(lits.to_vec(), Fact::Job(u32::MAX))
    }

    /// A clause that must hold, and that is decided early; its literals are in order of preference.
    fn choose(&mut self, lits: Vec<Lit>, fact: Fact) -> bool {
        let possible = self.require(&lits, fact);
        self.first.push(self.setup.choices.len() as u32);
        self.setup.choices.push(lits);
        possible
    }

    /// A clause that must hold, with a choice in this order; no when it cannot.
    fn require(&mut self, lits: &[Lit], fact: Fact) -> bool {
        let open: Vec<Lit> = lits.iter().copied().filter(|lit| self.value(*lit) != 2).collect();
        let number = self.fact(fact);
        if lits.is_empty() {
            self.setup.empty = Some(fact);
            return false;
        }
        if open.iter().any(|lit| self.value(*lit) == 1) {
            return true;
        }
        let mut ordered = open.clone();
        ordered.extend(lits.iter().copied().filter(|lit| self.value(*lit) == 2));
        let at = self.add_clause(&ordered, number + 1);
        match open.len() {
            0 | 1 => self.assign(ordered[0], Reason::Arena { at }),
            _ => true,
        }
    }

    /// One of the packages (or, for each name and slot, one of its packages) has to be there.
    fn install(&mut self, number: usize, packages: &[u32], fact: Fact) -> bool {
        let (world, job) = (self.world, &self.request.jobs[number]);
        let mut groups: Vec<Vec<u32>> = Vec::new();
        if job.verb == Verb::InstallEach {
            for package in packages {
                let known = groups.iter_mut().rev().find(|group| {
                    world.name_of(group[0]) == world.name_of(*package) && world.same_slot(group[0], *package)
                });
                match known {
                    Some(group) => group.push(*package),
                    None => groups.push(vec![*package]),
                }
            }
        } else {
            groups.push(packages.to_vec());
        }
        if packages.is_empty() {
            return self.require(&[], fact);
        }
        for mut group in groups {
            let there = group.iter().any(|package| world.is_installed(PackageId(*package)));
            let wanted = match &job.selector {
                crate::Selector::Name { name, provided: true, .. } => world.find_name(name),
                _ => None,
            };
            for package in &group {
                if !there {
                    let age = world.age(*package);
                    if age > 0 {
                        *self.setup.target_ages.entry(*package).or_default() += age;
                    }
                }
            }
            let mut keys: Vec<_> = group
                .drain(..)
                .map(|package| {
                    let installed = world.is_installed(PackageId(package));
                    let disfavoured = self.setup.disfavoured.contains(&package);
                    let favoured = self.setup.favoured.contains(&package);
                    let is_virtual = wanted.is_some_and(|name| world.name_of(package) != name);
                    let age = world.age(package);
                    ((!installed, disfavoured, !favoured, is_virtual, age), package)
                })
                .collect();
            keys.sort();
            let lits: Vec<Lit> = keys.iter().map(|(_, package)| yes(*package)).collect();
            if !self.choose(lits, fact) {
                return false;
            }
        }
        true
    }

    /// What an upgrade wants of installed packages.
    fn targets(
        &mut self,
        number: u32,
        packages: &[u32],
        verb: Verb,
        held: &BTreeMap<u32, Fact>,
        targets: &mut BTreeMap<u32, Target>,
    ) {
        let world = self.world;
        let installed: Vec<u32> =
            packages.iter().copied().filter(|package| world.is_installed(PackageId(*package))).collect();
        if !installed.is_empty() {
            for package in installed.into_iter().filter(|package| !held.contains_key(package)) {
                let target = targets.entry(package).or_default();
                if verb == Verb::Synchronise {
                    let twins = world.twins(package).chain(world.obsoleters(package));
                    let fit: Vec<u32> =
                        twins.filter(|other| !world.is_installed(PackageId(*other))).collect();
                    *target = Target { only: Some(self.ages_among(&fit)), must: Some(number) };
                }
            }
            return;
        }
        let mut by_installed: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for package in packages {
            let twins = world.twins(*package).filter(|other| world.is_installed(PackageId(*other)));
            let replaced = world.conflicts(*package).filter(|entry| entry.1 == Rivalry::Obsoletes);
            let replaced = replaced.flat_map(|(atom, _)| world.candidates(atom).iter().copied());
            let replaced = replaced.filter(|other| world.is_installed(PackageId(*other)));
            for old in twins.chain(replaced).filter(|old| *old != *package && !held.contains_key(old)) {
                by_installed.entry(old).or_default().push(*package);
            }
        }
        for (old, mut fit) in by_installed {
            fit.sort_unstable();
            fit.dedup();
            let must = (verb == Verb::Synchronise).then_some(number);
            targets.insert(old, Target { only: Some(self.ages_among(&fit)), must });
        }
    }

    /// For each package how many of the others of its name are newer.
    fn ages_among(&self, packages: &[u32]) -> BTreeMap<u32, u32> {
        let world = self.world;
        let age = |package: u32| {
            let newer: BTreeSet<&[u8]> = packages
                .iter()
                .filter(|other| {
                    world.name_of(**other) == world.name_of(package) && world.is_older(package, **other)
                })
                .map(|other| world.rank(*other))
                .collect();
            newer.len() as u32
        };
        packages.iter().map(|package| (*package, age(*package))).collect()
    }

    /// Installed packages stay, or become newer, or are replaced; or go, where they may.
    fn keep(
        &mut self,
        removed: &BTreeSet<u32>,
        allowed_older: &BTreeSet<u32>,
        held: &BTreeMap<u32, Fact>,
        targets: &BTreeMap<u32, Target>,
    ) -> bool {
        let world = self.world;
        let policy = &self.request.policy;
        let mut first = Vec::new();
        for (position, (package, _)) in world.installed().enumerate() {
            let package = package.0;
            if held.contains_key(&package) {
                continue;
            }
            let mut successors: Vec<u32> = Vec::new();
            for twin in world.twins(package) {
                if world.is_installed(PackageId(twin)) {
                    continue;
                }
                if !policy.downgrades && !allowed_older.contains(&twin) && world.is_older(twin, package) {
                    let fact = Fact::Older(twin);
                    if self.holds(fact) && !self.unit(no(twin), fact) {
                        return false;
                    }
                }
                successors.push(twin);
            }
            let protected =
                world.is_protected(package) || world.flags(PackageId(package)) & flags::DISABLED != 0;
            if removed.contains(&package) && !protected {
                continue;
            }
            let obsoleters = world.obsoleters(package);
            successors.extend(obsoleters.iter().filter(|new| !world.is_installed(PackageId(**new))));
            let displacers: BTreeSet<u32> = world
                .displacers(package)
                .into_iter()
                .filter(|new| !world.is_installed(PackageId(*new)) && !obsoleters.contains(new))
                .collect();
            successors.extend(&displacers);
            successors.sort_unstable();
            successors.dedup();
            let target = targets.get(&package);
            let mut wants_change = false;
            let mut costs: Vec<((u32, u32, u32), u32)> = Vec::new();
            if let Some(target) = target {
                let mut ages = BTreeMap::new();
                for new in successors.iter().copied().chain([package]) {
                    let age = match &target.only {
                        Some(only) => only.get(&new).copied().unwrap_or(only.len() as u32),
                        // Nothing is upgraded to what is no newer form of it.
                        None if displacers.contains(&new) => world.age(package) + 1,
                        None if world.name_of(new) != world.name_of(package) => 0,
                        None => {
                            let renamed = obsoleters.iter().any(|one| {
                                world.name_of(*one) != world.name_of(new) && world.obsoletes(*one, new)
                            });
                            world.age(new) + u32::from(renamed)
                        }
                    };
                    ages.insert(new, age);
                }
                let own = ages.get(&package).copied().unwrap_or(0);
                wants_change = ages.values().any(|age| *age < own);
                for (new, age) in &ages {
                    if *age > 0 {
                        *self.setup.target_ages.entry(*new).or_default() += age;
                    }
                    let renamed = world.name_of(*new) != world.name_of(package);
                    let own_age = world.age(*new);
                    // What is there is kept rather than changed for the same.
                    let place = 2 * u32::from(*new != package) + u32::from(renamed);
                    costs.push(((*age, place, own_age), *new));
                }
                if let (Some(only), Some(job)) = (&target.only, target.must)
                    && !only.is_empty()
                    && !policy.removals
                    && self.holds(Fact::Job(job))
                {
                    let mut fit: Vec<(u32, u32)> = only.iter().map(|(new, age)| (*age, *new)).collect();
                    fit.sort_unstable();
                    let lits: Vec<Lit> = fit.iter().map(|(_, new)| yes(*new)).collect();
                    if !self.choose(lits, Fact::Job(job)) {
                        return false;
                    }
                }
            } else {
                costs.push(((0, 0, 0), package));
                for new in &successors {
                    let renamed = world.name_of(*new) != world.name_of(package);
                    let age = world.age(*new);
                    let place = u32::from(renamed);
                    costs.push(((1 + u32::from(displacers.contains(new)), place, age), *new));
                }
            }
            costs.sort_unstable();
            let mut lits: Vec<Lit> = costs.iter().map(|(_, new)| yes(*new)).collect();
            // What the repositories no longer have may go when everything is to be as they have it.
            let is_orphan = target.is_some_and(|target| {
                target.must.is_some() && target.only.as_ref().is_some_and(BTreeMap::is_empty)
            });
            if (policy.removals || is_orphan) && !protected {
                let goes = world.len() + position as u32;
                lits.push(yes(goes));
                let fact = self.fact(Fact::Keep(package));
                self.add_clause(&[no(goes), no(package)], fact + 1);
            }
            if self.holds(Fact::Keep(package)) {
                if !self.require(&lits, Fact::Keep(package)) {
                    return false;
                }
                let choice = self.setup.choices.len() as u32;
                self.setup.choices.push(lits);
                // What stays anyway is decided once everything else is known.
                if wants_change { first.push(choice) } else { self.last.push(choice) }
            }
        }
        self.first.extend(first);
        true
    }
}
