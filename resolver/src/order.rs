//! In which order changes happen: everything after what it needs, what needs each other at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::groups::Groups;
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
    let mut nodes = Nodes { node_of: vec![0; world.len() as usize], changes: Vec::with_capacity(new.len()) };
    for package in new {
        nodes.changes.push(Change::Install { package: *package, replaces: Vec::new() });
        nodes.node_of[package.0 as usize] = nodes.changes.len() as u32;
    }
    for old in gone {
        let mut twins = world.twins(old.0);
        let mut successor = twins.find_map(|twin| nodes.coming(twin));
        if successor.is_none() {
            let mut others = world.obsoleters(old.0);
            others.extend(world.displacers(old.0));
            successor = others.into_iter().find_map(|other| nodes.coming(other));
        }
        match successor.map(|node| (node, &mut nodes.changes[node as usize])) {
            Some((node, Change::Install { replaces, .. })) => {
                replaces.push(*old);
                nodes.node_of[old.0 as usize] = node + 1;
            }
            _ => {
                nodes.changes.push(Change::Remove { package: *old });
                nodes.node_of[old.0 as usize] = nodes.changes.len() as u32;
            }
        }
    }
    let edges = Edges::new(world, &nodes, gone);
    steps(nodes.changes, &edges)
}

/// The changes, and which of them each package is part of.
struct Nodes {
    changes: Vec<Change>,
    /// 0, or one more than the change's number.
    node_of: Vec<u32>,
}

impl Nodes {
    fn node(&self, package: u32) -> Option<u32> {
        self.node_of[package as usize].checked_sub(1)
    }

    /// The change in which a package comes.
    fn coming(&self, package: u32) -> Option<u32> {
        let node = self.node(package)?;
        let change = &self.changes[node as usize];
        (matches!(change, Change::Install { .. }) && change.package().0 == package).then_some(node)
    }

    /// The change in which a package goes.
    fn leaving(&self, package: u32) -> Option<u32> {
        self.node(package).filter(|_| self.coming(package).is_none())
    }
}

/// For each change the changes that come before it.
struct Edges {
    starts: Vec<u32>,
    before: Vec<(u32, Class)>,
}

/// Why one change comes before another; the later ones count more where they need each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// One of them goes.
    Leaving,
    /// One needs the other.
    Needed,
    /// One needs the other complete.
    PreNeeded,
}

impl Edges {
    fn new(world: &World<'_>, nodes: &Nodes, gone: &[PackageId]) -> Edges {
        // What goes comes after its users: such edges are found from the users.
        let mut after_users: Vec<(u32, u32)> = Vec::new();
        for user in gone {
            let Some(node) = nodes.leaving(user.0) else { continue };
            for clause in world.strong_clauses(user.0) {
                world.each_candidate(clause, |candidate| {
                    if let Some(used) = nodes.leaving(candidate)
                        && used != node
                        && matches!(nodes.changes[used as usize], Change::Remove { .. })
                    {
                        after_users.push((used, node));
                    }
                    true
                });
            }
        }
        after_users.sort_unstable();
        let mut after_users = after_users.into_iter().peekable();
        let mut edges = Edges { starts: vec![0], before: Vec::with_capacity(nodes.changes.len() * 6) };
        for (node, change) in nodes.changes.iter().enumerate() {
            let (node, start) = (node as u32, edges.before.len());
            if let Change::Install { package, .. } = change {
                edges.of_new(world, nodes, node, package.0);
                if !gone.is_empty() {
                    edges.of_rivals(world, nodes, node, package.0);
                }
            }
            while let Some((_, user)) = after_users.next_if(|edge| edge.0 == node) {
                // Both go: they are ordered as they were when they came, the other way round.
                let class = match nodes.changes[user as usize] {
                    Change::Remove { .. } => Class::Needed,
                    Change::Install { .. } => Class::Leaving,
                };
                edges.before.push((user, class));
            }
            let own = &mut edges.before[start..];
            own.sort_unstable_by_key(|(other, class)| (*other, Reverse(*class)));
            let mut kept = start;
            for place in start..edges.before.len() {
                if kept == start || edges.before[kept - 1].0 != edges.before[place].0 {
                    edges.before[kept] = edges.before[place];
                    kept += 1;
                }
            }
            edges.before.truncate(kept);
            edges.starts.push(kept as u32);
        }
        edges
    }

    /// What a new package needs comes before it.
    fn of_new(&mut self, world: &World<'_>, nodes: &Nodes, node: u32, package: u32) {
        for clause in world.strong_clauses(package) {
            let class = match world.kind(clause) {
                Kind::PreDepends => Class::PreNeeded,
                _ => Class::Needed,
            };
            world.each_candidate(clause, |candidate| {
                if let Some(other) = nodes.coming(candidate).filter(|other| *other != node) {
                    self.before.push((other, class));
                }
                true
            });
        }
    }

    /// What a new package cannot stand beside goes first.
    fn of_rivals(&mut self, world: &World<'_>, nodes: &Nodes, node: u32, package: u32) {
        let mut add = |rival: u32| {
            if let Some(other) = nodes.leaving(rival).filter(|other| *other != node) {
                self.before.push((other, Class::Leaving));
            }
        };
        for (atom, _) in world.conflicts(package) {
            world.candidates(atom).iter().for_each(|rival| add(*rival));
        }
        for atom in world.rival_atoms(package) {
            world.declarers(atom).iter().for_each(|rival| add(*rival));
        }
    }

    fn of(&self, node: u32) -> &[(u32, Class)] {
        &self.before[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }
}

/// Changes that need each other as one step each, after all that they need. That something leaves before something else
/// comes counts as far as it goes with that. Among steps that may come next, the one with the smallest package is first.
fn steps(mut changes: Vec<Change>, edges: &Edges) -> Vec<Step> {
    let (component_of, count) = components(edges);
    // Members of each component, and users of each component, as lists one after another.
    let members = Groups::new(count, component_of.iter().copied());
    let mut pairs: Vec<(u32, u32, bool)> = Vec::new();
    for node in 0..edges.len() as u32 {
        let own = component_of[node as usize];
        for (other, class) in edges.of(node) {
            let other = component_of[*other as usize];
            if other != own {
                pairs.push((other, own, *class >= Class::Needed));
            }
        }
    }
    let users = Groups::new(count, pairs.iter().map(|pair| pair.0));
    // How many each waits for: what it needs, and what leaves.
    let mut waiting = vec![[0_u32; 2]; count];
    pairs.iter().for_each(|pair| waiting[pair.1 as usize][usize::from(!pair.2)] += 1);
    let first: Vec<u32> = (0..count as u32)
        .map(|component| {
            let packages = members.of(component).iter().map(|node| changes[*node as usize].package().0);
            packages.min().unwrap_or(0)
        })
        .collect();
    let entry = |component: u32| Reverse((false, first[component as usize], component));
    // Where it has to be against the order, what goes makes room before something comes.
    let comes = |node: &u32| matches!(changes[*node as usize], Change::Install { .. });
    let comes: Vec<bool> =
        (0..count as u32).map(|component| members.of(component).iter().any(comes)).collect();
    let late = |component: u32| Reverse((comes[component as usize], first[component as usize], component));
    // Those that wait for nothing, and those that wait only for what leaves.
    let (mut ready, mut almost) = (BinaryHeap::new(), BinaryHeap::new());
    for component in 0..count as u32 {
        match waiting[component as usize] {
            [0, 0] => ready.push(entry(component)),
            [0, _] => almost.push(late(component)),
            _ => {}
        }
    }
    let mut placed = vec![false; count];
    let mut steps = Vec::with_capacity(count);
    while let Some(Reverse((_, _, component))) = ready.pop().or_else(|| almost.pop()) {
        if std::mem::replace(&mut placed[component as usize], true) {
            continue;
        }
        let inside = match members.of(component) {
            [one] => vec![*one],
            several => within(several, edges, &changes),
        };
        let taken = |node: u32| {
            let empty = Change::Remove { package: PackageId(0) };
            std::mem::replace(&mut changes[node as usize], empty)
        };
        steps.push(Step { changes: inside.into_iter().map(taken).collect() });
        for place in users.of(component) {
            let (_, user, strong) = pairs[*place as usize];
            let left = &mut waiting[user as usize];
            left[usize::from(!strong)] -= 1;
            match *left {
                [0, 0] => ready.push(entry(user)),
                [0, _] if strong => almost.push(late(user)),
                _ => {}
            }
        }
    }
    steps
}

/// The order inside a cycle: what it needs counts before what leaves, and what must be complete before that; as far as
/// there is no cycle of those alone. Among equals the smallest package comes first.
fn within(members: &[u32], edges: &Edges, changes: &[Change]) -> Vec<u32> {
    let mut sorted = members.to_vec();
    sorted.sort_by_key(|node| changes[*node as usize].package());
    let place_of: BTreeMap<u32, usize> =
        sorted.iter().enumerate().map(|(place, node)| (*node, place)).collect();
    for class in [Class::Leaving, Class::Needed, Class::PreNeeded] {
        let order = topological(&sorted, &place_of, edges, class);
        if order.len() == sorted.len() {
            return order.into_iter().map(|place| sorted[place]).collect();
        }
    }
    // Even what must be complete before needs itself: somebody has to be first.
    sorted
}

/// The places of the members that can be put in an order by edges of `class` and those that count more.
fn topological(sorted: &[u32], place_of: &BTreeMap<u32, usize>, edges: &Edges, class: Class) -> Vec<usize> {
    let mut waiting = vec![0_u32; sorted.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); sorted.len()];
    for (place, node) in sorted.iter().enumerate() {
        for (other, _) in edges.of(*node).iter().filter(|edge| edge.1 >= class) {
            if let Some(other) = place_of.get(other) {
                waiting[place] += 1;
                users[*other].push(place);
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..sorted.len()).filter(|place| waiting[*place] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(sorted.len());
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for user in &users[place] {
            waiting[*user] -= 1;
            if waiting[*user] == 0 {
                ready.push(Reverse(*user));
            }
        }
    }
    order
}

/// The number of the component of each node that is strongly connected by what is needed, and how many there are
/// (Tarjan 1972, with a stack of its own so that a long chain cannot exhaust the program's).
fn components(edges: &Edges) -> (Vec<u32>, usize) {
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
            if let Some((other, class)) = edges.of(*node).get(*edge as usize) {
                *edge += 1;
                if *class < Class::Needed {
                    continue;
                }
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
    (component, next_component as usize)
}
