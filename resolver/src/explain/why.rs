//! Why an installed package is there, and which names are like one that is not.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::sentences::clause_text;
use crate::universe::Kind;
use crate::world::{PackageId, World};

/// One link of the chain from something asked for to a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Name of the package that demands.
    pub from: String,
    /// Its version.
    pub version: String,
    /// `pre-depends on`, `needs`, `recommends` or `suggests`.
    pub kind: String,
    /// The demand, as it is written.
    pub relation: String,
    /// Name of the package that meets it.
    pub to: String,
}

/// The shortest chain by which an installed package is needed, from one that was asked for (or is held or protected)
/// down to it; empty when it was asked for itself, `None` when nothing that was asked for needs it. Demands count
/// before recommendations.
#[must_use]
pub fn why(world: &World<'_>, package: PackageId) -> Option<Vec<Link>> {
    let is_root = |id: PackageId| {
        world.state(id).is_some_and(|state| !state.automatic || state.held) || world.is_protected(id.0)
    };
    if is_root(package) {
        return Some(Vec::new());
    }
    for least in [Kind::Depends, Kind::Recommends, Kind::Suggests] {
        let mut from: BTreeMap<u32, Option<(u32, u32)>> = BTreeMap::new();
        let mut todo: VecDeque<u32> = VecDeque::new();
        for (root, _) in world.installed().filter(|(id, _)| is_root(*id)) {
            from.insert(root.0, None);
            todo.push_back(root.0);
        }
        while let Some(user) = todo.pop_front() {
            for clause in world.clauses(user) {
                if world.kind(clause) > least {
                    continue;
                }
                world.each_candidate(clause, |candidate| {
                    if world.is_installed(PackageId(candidate)) && !from.contains_key(&candidate) {
                        from.insert(candidate, Some((user, clause)));
                        todo.push_back(candidate);
                    }
                    true
                });
            }
        }
        if from.contains_key(&package.0) {
            let mut links = Vec::new();
            let mut at = package.0;
            while let Some(Some((user, clause))) = from.get(&at) {
                links.push(Link {
                    from: world.name(PackageId(*user)).into(),
                    version: world.version(PackageId(*user)).into(),
                    kind: world.kind(*clause).verb().into(),
                    relation: clause_text(world, *clause),
                    to: world.name(PackageId(at)).into(),
                });
                at = *user;
            }
            links.reverse();
            return Some(links);
        }
    }
    None
}

/// Up to three names of packages that are like `name`, the nearest first.
#[must_use]
pub fn similar(world: &World<'_>, name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = world
        .package_names()
        .filter(|known| known.len().abs_diff(name.len()) <= 2 + name.len() / 4)
        // Case costs nothing.
        .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &lower), known))
        .filter(|(distance, known)| *known != name && *distance <= 1 + name.len() / 4)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, known)| known.to_owned()).collect()
}
