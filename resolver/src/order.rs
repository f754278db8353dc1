//! In which order changes happen: everything after what it needs, what needs each other at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::universe::Kind;
use crate::world::{PackageId, World};

/// Packages that change at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What changes, in the order in which it is best named. More than one when they need each other.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A package comes, and those that it takes the place of go.
    Install {
        /// What comes.
        package: PackageId,
        /// What goes for it: its older version, or what it obsoletes. Sorted.
        replaces: Vec<PackageId>,
    },
    /// A package goes.
    Remove {
        /// Which.
        package: PackageId,
    },
}

impl Change {
    /// The package that comes, or the one that goes.
    #[must_use]
    pub fn package(&self) -> PackageId {
        match self {
            Change::Install { package, .. } | Change::Remove { package } => *package,
        }
    }
}

/// Orders changes: what comes, and what goes; both sorted. Everything comes after what it needs and goes before what
/// it needs; what needs each other is one step.
#[must_use]
pub fn order(world: &World<'_>, new: &[PackageId], gone: &[PackageId]) -> Vec<Step> {
    let mut changes: Vec<Change> = Vec::with_capacity(new.len() + gone.len());
    let mut node_of: BTreeMap<PackageId, u32> = BTreeMap::new();
    let mut replaced: BTreeMap<PackageId, Vec<PackageId>> = BTreeMap::new();
    let is_new = |package: PackageId| new.binary_search(&package).is_ok();
    let mut removed = Vec::new();
    for old in gone {
        let twin = world.twins(old.0).map(PackageId).find(|twin| is_new(*twin));
        let successor = twin.or_else(|| {
            world.obsoleters(old.0).into_iter().map(PackageId).find(|successor| is_new(*successor))
        });
        match successor {
            Some(successor) => replaced.entry(successor).or_default().push(*old),
            None => removed.push(*old),
        }
    }
    for package in new {
        node_of.insert(*package, changes.len() as u32);
        let replaces = replaced.remove(package).unwrap_or_default();
        for old in &replaces {
            node_of.insert(*old, changes.len() as u32);
        }
        changes.push(Change::Install { package: *package, replaces });
    }
    for package in removed {
        node_of.insert(package, changes.len() as u32);
        changes.push(Change::Remove { package });
    }
    let edges = edges(world, &changes, &node_of);
    steps(changes, &edges)
}

/// For each change the changes that come before it, and whether that is a matter of pre-dependence.
fn edges(world: &World<'_>, changes: &[Change], node_of: &BTreeMap<PackageId, u32>) -> Vec<Vec<(u32, bool)>> {
    let mut edges: Vec<Vec<(u32, bool)>> = vec![Vec::new(); changes.len()];
    let comes = |package: PackageId| {
        let node = *node_of.get(&package)?;
        (changes[node as usize].package() == package
            && matches!(changes[node as usize], Change::Install { .. }))
        .then_some(node)
    };
    let leaves = |package: PackageId| node_of.get(&package).copied().filter(|_| comes(package).is_none());
    for (node, change) in changes.iter().enumerate() {
        let node = node as u32;
        let Change::Install { package, .. } = change else { continue };
        for clause in world.strong_clauses(package.0) {
            let pre = world.kind(clause) == Kind::PreDepends;
            world.each_candidate(clause, |candidate| {
                if let Some(other) = comes(PackageId(candidate)).filter(|other| *other != node) {
                    edges[node as usize].push((other, pre));
                }
                true
            });
        }
        // What it cannot stand beside goes first.
        for (atom, _) in world.conflicts(package.0) {
            for rival in world.candidates(atom) {
                if let Some(other) = leaves(PackageId(*rival)).filter(|other| *other != node) {
                    edges[node as usize].push((other, false));
                }
            }
        }
        for atom in world.rival_atoms(package.0) {
            for declarer in world.declarers(atom) {
                if let Some(other) = leaves(PackageId(*declarer)).filter(|other| *other != node) {
                    edges[node as usize].push((other, false));
                }
            }
        }
    }
    // Users go before what they use: the removal, or the replacement, of a user comes first.
    for (user, state) in node_of.iter().filter(|(package, _)| leaves(**package).is_some()) {
        for clause in world.strong_clauses(user.0) {
            world.each_candidate(clause, |candidate| {
                if let Some(used) = leaves(PackageId(candidate))
                    && used != *state
                    && matches!(changes[used as usize], Change::Remove { .. })
                {
                    edges[used as usize].push((*state, false));
                }
                true
            });
        }
    }
    for list in &mut edges {
        list.sort_unstable();
        list.dedup_by_key(|edge| edge.0);
    }
    edges
}

/// Strongly connected changes as one step each, after all that they need; among those that may come next, the one
/// with the smallest package first.
fn steps(changes: Vec<Change>, edges: &[Vec<(u32, bool)>]) -> Vec<Step> {
    let components = components(edges);
    let count = components.iter().max().map_or(0, |most| *most as usize + 1);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (node, component) in components.iter().enumerate() {
        members[*component as usize].push(node as u32);
    }
    let mut waiting = vec![0_u32; count];
    let mut users: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (node, list) in edges.iter().enumerate() {
        let own = components[node];
        for (other, _) in list {
            let other = components[*other as usize];
            if other != own {
                users[other as usize].push(own);
                waiting[own as usize] += 1;
            }
        }
    }
    let first = |component: u32| {
        members[component as usize].iter().map(|node| changes[*node as usize].package()).min()
    };
    let mut ready: BinaryHeap<Reverse<(Option<PackageId>, u32)>> = (0..count as u32)
        .filter(|component| waiting[*component as usize] == 0)
        .map(|component| Reverse((first(component), component)))
        .collect();
    let mut steps = Vec::with_capacity(count);
    while let Some(Reverse((_, component))) = ready.pop() {
        let inside = within(&members[component as usize], edges, &changes);
        steps.push(Step { changes: inside.into_iter().map(|node| changes[node as usize].clone()).collect() });
        for user in &users[component as usize] {
            waiting[*user as usize] -= 1;
            if waiting[*user as usize] == 0 {
                ready.push(Reverse((first(*user), *user)));
            }
        }
    }
    steps
}

/// The order inside a cycle: pre-dependences count as far as they can, then the smallest package comes first.
fn within(members: &[u32], edges: &[Vec<(u32, bool)>], changes: &[Change]) -> Vec<u32> {
    let mut sorted = members.to_vec();
    sorted.sort_by_key(|node| changes[*node as usize].package());
    if sorted.len() < 2 {
        return sorted;
    }
    let own: std::collections::BTreeSet<u32> = sorted.iter().copied().collect();
    let mut waiting: BTreeMap<u32, u32> = BTreeMap::new();
    let mut users: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for node in &sorted {
        let before = edges[*node as usize].iter().filter(|(other, pre)| *pre && own.contains(other));
        for (other, _) in before {
            *waiting.entry(*node).or_default() += 1;
            users.entry(*other).or_default().push(*node);
        }
    }
    let rank: BTreeMap<u32, usize> = sorted.iter().enumerate().map(|(place, node)| (*node, place)).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        sorted.iter().filter(|node| !waiting.contains_key(node)).map(|node| Reverse(rank[node])).collect();
    let mut placed = vec![false; sorted.len()];
    let mut result = Vec::with_capacity(sorted.len());
    let mut fallback = 0;
    while result.len() < sorted.len() {
        let place = match ready.pop() {
            Some(Reverse(place)) => place,
            // A cycle of pre-dependences: somebody has to be first.
            None => {
                while placed[fallback] {
                    fallback += 1;
                }
                fallback
            }
        };
        if std::mem::replace(&mut placed[place], true) {
            continue;
        }
        let node = sorted[place];
        result.push(node);
        for user in users.get(&node).into_iter().flatten() {
            let count = waiting.entry(*user).or_insert(1);
            *count -= 1;
            if *count == 0 {
                ready.push(Reverse(rank[user]));
            }
        }
    }
    result
}

/// The number of the strongly connected component of each node (Tarjan 1972, with a stack of its own so that a long
/// chain cannot exhaust the program's).
fn components(edges: &[Vec<(u32, bool)>]) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let count = edges.len();
    let (mut index, mut low) = (vec![NONE; count], vec![0; count]);
    let mut component = vec![NONE; count];
    let mut on_path: Vec<u32> = Vec::new();
    let (mut next_index, mut next_component) = (0, 0);
    let mut work: Vec<(u32, u32)> = Vec::new();
    for root in 0..count as u32 {
        if index[root as usize] != NONE {
            continue;
        }
        work.push((root, 0));
        while let Some((node, edge)) = work.last_mut() {
            let at = *node as usize;
            if *edge == 0 && index[at] == NONE {
                (index[at], low[at]) = (next_index, next_index);
                next_index += 1;
                on_path.push(*node);
            }
            if let Some((other, _)) = edges[at].get(*edge as usize) {
                *edge += 1;
                let other = *other as usize;
                if index[other] == NONE {
                    work.push((other as u32, 0));
                } else if component[other] == NONE {
                    low[at] = low[at].min(index[other]);
                }
                continue;
            }
            let node = *node;
            work.pop();
            if let Some((parent, _)) = work.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[at]);
            }
            if low[at] == index[at] {
                while let Some(member) = on_path.pop() {
                    component[member as usize] = next_component;
                    if member == node {
                        break;
                    }
                }
                next_component += 1;
            }
        }
    }
    component
}
