//! From a request to an answer.

use std::collections::BTreeSet;

use crate::explain::{Impossible, explain};
use crate::order::{Step, order};
use crate::request::{Job, Request, Selector, Verb};
use crate::solver::{Cost, Ended, Solver, yes};
use crate::world::{PackageId, World};

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This is the best that meets it.
    Solved(Solution),
    /// Nothing meets it, and this is why.
    Impossible(Impossible),
    /// The search took more steps than [`Policy::steps`](crate::Policy::steps); whether there is an answer is not
    /// known.
    Budget,
}

/// A state that meets a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Everything that is installed afterwards, sorted.
    pub packages: Vec<PackageId>,
    /// What is newly installed, sorted; new versions of installed packages included.
    pub new: Vec<PackageId>,
    /// What is installed no longer, sorted; older versions of new packages included.
    pub gone: Vec<PackageId>,
    /// What happens, in an order in which everything comes after what it needs.
    pub steps: Vec<Step>,
    /// What it costs; see [`Cost`](crate::COST_LEVELS). Of all answers this is the lowest, if `proven`.
    pub cost: [u32; crate::COST_LEVELS],
    /// Whether it is known to be the best. If not, the search for a better one took too many steps.
    pub proven: bool,
    /// Steps of the search.
    pub effort: u64,
}

/// Finds the best answer to a request. The answer depends on nothing but the world and the request.
#[must_use]
pub fn solve(world: &World<'_>, request: &Request) -> Answer {
    if !request.policy.eager {
        return solve_once(world, request);
    }
    // Eager: what new packages and named ones need is upgraded too, until nothing more is needed.
    let mut request = request.clone();
    request.policy.eager = false;
    let mut asked: BTreeSet<PackageId> = BTreeSet::new();
    loop {
        let answer = solve_once(world, &request);
        let Answer::Solved(solution) = &answer else { return answer };
        let closure = crate::removal::needed_by(world, &solution.packages, &solution.new);
        let more: Vec<PackageId> = closure
            .into_iter()
            .filter(|package| world.is_installed(*package) && asked.insert(*package))
            .collect();
        if more.is_empty() {
            return answer;
        }
        request.jobs.push(Job::new(Verb::Upgrade, Selector::Packages(more), "what it needs"));
    }
}

fn solve_once(world: &World<'_>, request: &Request) -> Answer {
    let mut solver = Solver::new(world, request, None, false);
    match solver.search() {
        Ended::Model => {}
        Ended::Budget => return Answer::Budget,
        Ended::None => return Answer::Impossible(explain(world, request)),
    }
    let mut best = solver.model();
    let mut cost = solver.demand_better();
    solver.limit = solver.steps + request.policy.improvement;
    let proven = loop {
        match solver.search() {
            Ended::Model => {
                best = solver.model();
                cost = solver.demand_better();
            }
            Ended::None => break true,
            Ended::Budget => break false,
        }
    };
    let mut effort = solver.steps;
    drop(solver);
    if proven {
        effort += first_by_name(world, request, &mut best, cost);
    }
    Answer::Solved(solution(world, &best, cost, proven, effort))
}

/// Of answers that cost the same, the one whose new names come first in the alphabet.
fn first_by_name(world: &World<'_>, request: &Request, best: &mut Vec<u32>, cost: Cost) -> u64 {
    const MOST_NEW: usize = 64;
    const MOST_REACHED: usize = 1024;
    let new_of = |model: &[u32]| -> Vec<u32> {
        model.iter().copied().filter(|package| !world.is_installed(PackageId(*package))).collect()
    };
    let names = |packages: &[u32]| {
        let mut names: Vec<&str> = packages.iter().map(|package| world.name(PackageId(*package))).collect();
        names.sort_unstable();
        names
    };
    let mut new = new_of(best);
    if new.is_empty() || new.len() > MOST_NEW {
        return 0;
    }
    let Some(reached) = reach(world, request, MOST_REACHED) else { return 0 };
    let mut effort = 0;
    let mut place = 0;
    let mut sorted = names(&new);
    while place < sorted.len() {
        let earlier: Vec<u32> = reached
            .iter()
            .map(|package| (world.name(PackageId(*package)), package))
            .filter(|(name, _)| *name < sorted[place] && !sorted[..place].contains(name))
            .map(|(_, package)| yes(*package))
            .collect();
        if earlier.is_empty() {
            place += 1;
            continue;
        }
        let mut solver = Solver::new(world, request, None, false);
        let kept = new.iter().filter(|package| sorted[..place].contains(&world.name(PackageId(**package))));
        let mut names_kept: Vec<&str> = Vec::new();
        let mut holds = true;
        for package in kept {
            let name = world.name(PackageId(*package));
            if names_kept.contains(&name) {
                continue;
            }
            names_kept.push(name);
            let same = reached.iter().filter(|other| world.name(PackageId(**other)) == name);
            holds &= solver.also(&same.map(|other| yes(*other)).collect::<Vec<_>>());
        }
        holds &= solver.also(&earlier);
        solver.at_most(cost);
        let ended = if holds { solver.search() } else { Ended::None };
        effort += solver.steps;
        match ended {
            Ended::Model => {
                *best = solver.model();
                new = new_of(best);
                sorted = names(&new);
            }
            Ended::None => place += 1,
            Ended::Budget => return effort,
        }
    }
    effort
}

/// Every package that an answer may newly bring, sorted; `None` when there are more than `most`.
fn reach(world: &World<'_>, request: &Request, most: usize) -> Option<Vec<u32>> {
    let mut reached: BTreeSet<u32> = BTreeSet::new();
    let mut todo: Vec<u32> = Vec::new();
    for job in
        request.jobs.iter().filter(|job| !matches!(job.verb, Verb::Remove | Verb::Favour | Verb::Disfavour))
    {
        todo.extend(job.selector.packages(world).into_iter().map(|package| package.0));
    }
    for (package, _) in world.installed() {
        todo.push(package.0);
        todo.extend(world.twins(package.0));
        todo.extend(world.obsoleters(package.0));
    }
    while let Some(package) = todo.pop() {
        if !reached.insert(package) {
            continue;
        }
        if reached.len() > most {
            return None;
        }
        let clauses =
            if request.policy.recommends { world.clauses(package) } else { world.strong_clauses(package) };
        for clause in clauses {
            world.each_candidate(clause, |candidate| {
                todo.push(candidate);
                todo.len() < most * 64
            });
        }
    }
    Some(reached.into_iter().filter(|package| !world.is_installed(PackageId(*package))).collect())
}

fn solution(world: &World<'_>, model: &[u32], cost: Cost, proven: bool, effort: u64) -> Solution {
    let packages: Vec<PackageId> = model.iter().copied().map(PackageId).collect();
    let new: Vec<PackageId> =
        packages.iter().copied().filter(|package| !world.is_installed(*package)).collect();
    let gone: Vec<PackageId> = world
        .installed()
        .map(|(package, _)| package)
        .filter(|package| packages.binary_search(package).is_err())
        .collect();
    let steps = order(world, &new, &gone);
    Solution { steps, packages, new, gone, cost, proven, effort }
}
