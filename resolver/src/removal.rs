//! Questions about sets of packages that need no search: what falls with a removal, what nobody needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{PackageId, World};

/// Of the packages `there`, those that `from` need, themselves included, through every alternative that is there.
/// Sorted.
#[must_use]
pub fn needed_by(world: &World<'_>, there: &[PackageId], from: &[PackageId]) -> Vec<PackageId> {
    let there: BTreeSet<u32> = there.iter().map(|package| package.0).collect();
    let mut needed: BTreeSet<u32> = BTreeSet::new();
    let mut todo: Vec<u32> =
        from.iter().map(|package| package.0).filter(|package| there.contains(package)).collect();
    while let Some(package) = todo.pop() {
        if !needed.insert(package) {
            continue;
        }
        for clause in world.strong_clauses(package) {
            world.each_candidate(clause, |candidate| {
                if there.contains(&candidate) && !needed.contains(&candidate) {
                    todo.push(candidate);
                }
                true
            });
        }
    }
    needed.into_iter().map(PackageId).collect()
}

/// Why a package goes with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Falls {
    /// It.
    pub package: PackageId,
    /// What it needs and nothing else provides; `None` for one that was named.
    pub because_of: Option<PackageId>,
    clause: Option<u32>,
}

impl Falls {
    /// The demand that would not be met, as its package writes it.
    #[must_use]
    pub fn demand(&self, world: &World<'_>) -> Option<String> {
        self.clause.map(|clause| crate::explain::clause_text(world, clause))
    }
}

/// The installed packages that cannot stay when `removed` go: each has a demand that held, and of whose
/// candidates none is left. In the order in which they fall; `removed` come first.
#[must_use]
pub fn dependents(world: &World<'_>, removed: &[PackageId]) -> Vec<Falls> {
    let installed: Vec<u32> = world.installed().map(|(package, _)| package.0).collect();
    // For each demand of an installed package how many candidates are left, and who they are.
    let mut left: Vec<(u32, u32, u32)> = Vec::new();
    let mut users: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for package in &installed {
        for clause in world.strong_clauses(*package) {
            let number = left.len() as u32;
            let mut met: Vec<u32> = Vec::new();
            world.each_candidate(clause, |candidate| {
                if world.is_installed(PackageId(candidate)) {
                    met.push(candidate);
                }
                true
            });
            met.sort_unstable();
            met.dedup();
            // What it provides itself goes only with it.
            if met.is_empty() || met.contains(package) {
                continue;
            }
            left.push((*package, clause, met.len() as u32));
            for candidate in met {
                users.entry(candidate).or_default().push(number);
            }
        }
    }
    let mut fallen: BTreeSet<u32> = BTreeSet::new();
    let mut falls: Vec<Falls> = Vec::new();
    let mut named: Vec<PackageId> =
        removed.iter().copied().filter(|package| world.is_installed(*package)).collect();
    named.sort_unstable();
    named.dedup();
    for package in named {
        fallen.insert(package.0);
        falls.push(Falls { package, because_of: None, clause: None });
    }
    let mut next = 0;
    while let Some(fall) = falls.get(next).copied() {
        next += 1;
        for number in users.get(&fall.package.0).into_iter().flatten() {
            let (user, clause, count) = &mut left[*number as usize];
            *count -= 1;
            if *count == 0 && fallen.insert(*user) {
                let (package, clause) = (PackageId(*user), Some(*clause));
                falls.push(Falls { package, because_of: Some(fall.package), clause });
            }
        }
    }
    falls
}

/// The installed packages that nobody asked for and nobody needs, sorted: those that cannot be reached from what is
/// explicit, held or protected through any candidate of any demand, nor, if `recommended` count, through what is
/// recommended. Packages that only need each other fall together.
#[must_use]
pub fn orphans(world: &World<'_>, recommended: bool) -> Vec<PackageId> {
    let mut reached: BTreeSet<u32> = BTreeSet::new();
    let mut todo: Vec<u32> = world
        .installed()
        .filter(|(package, state)| !state.automatic || state.held || world.is_protected(package.0))
        .map(|(package, _)| package.0)
        .collect();
    while let Some(package) = todo.pop() {
        if !reached.insert(package) {
            continue;
        }
        let clauses = if recommended { world.clauses(package) } else { world.strong_clauses(package) };
        for clause in clauses {
            if !world.kind(clause).is_strong() && world.kind(clause) != crate::Kind::Recommends {
                continue;
            }
            world.each_candidate(clause, |candidate| {
                if world.is_installed(PackageId(candidate)) && !reached.contains(&candidate) {
                    todo.push(candidate);
                }
                true
            });
        }
    }
    world.installed().map(|(package, _)| package).filter(|package| !reached.contains(&package.0)).collect()
}
