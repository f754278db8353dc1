//! Facts as sentences, in the order in which they lead from the request to the contradiction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Statement, job_text, similar};
use crate::PackageId;
use crate::fact::Fact;
use crate::request::{Request, Selector, Verb};
use crate::world::{Rivalry, World};

/// How many packages a sentence names.
const NAMED: usize = 4;
/// How many sentences there are at most.
const MOST_TOLD: usize = 100;

/// A demand as its package writes it.
pub(crate) fn clause_text(world: &World<'_>, clause: u32) -> String {
    let texts: Vec<&str> = world.alternatives(clause).iter().map(|atom| world.atom_text(*atom)).collect();
    if texts.is_empty() { "what cannot be had".into() } else { texts.join(" | ") }
}

/// `NAME VERSION`.
pub(super) fn full_name(world: &World<'_>, package: u32) -> String {
    format!("{} {}", world.name(PackageId(package)), world.version(PackageId(package)))
}

/// `NAME VERSION (REPOSITORY)`, or that it is installed.
fn with_source(world: &World<'_>, package: u32) -> String {
    let id = PackageId(package);
    let source = if world.is_installed(id) { "installed" } else { world.repository(id) };
    if source.is_empty() {
        full_name(world, package)
    } else {
        format!("{} ({source})", full_name(world, package))
    }
}

fn listed(world: &World<'_>, packages: &[u32]) -> String {
    let mut names: Vec<String> =
        packages.iter().take(NAMED).map(|package| with_source(world, *package)).collect();
    if packages.len() > NAMED {
        names.push(format!("{} more", packages.len() - NAMED));
    }
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn candidates(world: &World<'_>, clause: u32) -> Vec<u32> {
    let mut found = Vec::new();
    world.each_candidate(clause, |candidate| {
        if !found.contains(&candidate) {
            found.push(candidate);
        }
        found.len() < 1000
    });
    found
}

fn statement(
    world: &World<'_>,
    code: &str,
    text: String,
    packages: &[u32],
    relation: Option<String>,
) -> Statement {
    Statement {
        code: code.into(),
        text,
        packages: packages.iter().map(|package| full_name(world, *package)).collect(),
        relation,
        similar: Vec::new(),
    }
}

/// The facts as sentences; demands of several versions of a package that are the same are one.
pub(super) fn statements(world: &World<'_>, request: &Request, facts: &BTreeSet<Fact>) -> Vec<Statement> {
    let mut told = Vec::new();
    let mut reached: Vec<u32> = Vec::new();
    for fact in facts {
        if let Fact::Job(number) = fact {
            let statement = job(world, request, *number, &mut reached);
            told.push(statement);
        }
    }
    for fact in facts {
        if let Fact::Keep(package) | Fact::Held(package) = fact {
            reached.push(*package);
            told.push(staying(world, request, *fact, *package));
        }
    }
    let seen = tell_demands(world, facts, &reached, &mut told);
    told.extend(refusals(world, request, facts));
    told.extend(rivalries(world, facts, &seen));
    if told.len() > MOST_TOLD {
        // A long chain: where it begins, and where it breaks.
        let left_out = told.len() - MOST_TOLD;
        let end = told.split_off(MOST_TOLD / 2 + left_out);
        told.truncate(MOST_TOLD / 2);
        told.push(statement(world, "left-out", format!("… and {left_out} more between these"), &[], None));
        told.extend(end);
    }
    told
}

/// Tells the demands among the facts, in the order in which they lead on from the packages `reached`; gives those
/// and the candidates of what was told.
fn tell_demands(
    world: &World<'_>,
    facts: &BTreeSet<Fact>,
    reached: &[u32],
    told: &mut Vec<Statement>,
) -> BTreeSet<u32> {
    // The same demand of several versions is one sentence.
    let mut demands: BTreeMap<(u32, String), (Vec<u32>, u32)> = BTreeMap::new();
    for fact in facts {
        if let Fact::Clause(clause) = fact {
            let owner = world.owner(*clause);
            let key = (world.name_of(owner), clause_text(world, *clause));
            demands.entry(key).or_insert_with(|| (Vec::new(), *clause)).0.push(owner);
        }
    }
    let demands: Vec<_> = demands.into_iter().collect();
    let mut of_owner: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, (_, (owners, _))) in demands.iter().enumerate() {
        owners.iter().for_each(|owner| of_owner.entry(*owner).or_default().push(place));
    }
    let mut is_told = vec![false; demands.len()];
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    let mut todo: VecDeque<u32> = reached.iter().copied().collect();
    let mut next = 0;
    loop {
        let Some(package) = todo.pop_front() else {
            // What follows from nothing that was told.
            while is_told.get(next) == Some(&true) {
                next += 1;
            }
            match demands.get(next) {
                Some((_, (owners, _))) => todo.extend(owners.first()),
                None => return seen,
            }
            continue;
        };
        if !seen.insert(package) {
            continue;
        }
        for place in of_owner.get(&package).into_iter().flatten() {
            if std::mem::replace(&mut is_told[*place], true) {
                continue;
            }
            let ((_, text), (owners, clause)) = &demands[*place];
            todo.extend(candidates(world, *clause));
            told.push(demand(world, text, owners, *clause));
        }
    }
}

/// One demand, of one or several versions of a package.
fn demand(world: &World<'_>, text: &str, owners: &[u32], clause: u32) -> Statement {
    let candidates = candidates(world, clause);
    let names: Vec<u32> = world.alternatives(clause).iter().map(|atom| world.atom_name(*atom)).collect();
    let others: Vec<u32> = names.iter().flat_map(|name| world.packages_of(*name)).collect();
    let end = match candidates.as_slice() {
        [] if others.is_empty() => ", which nothing provides".to_owned(),
        [] => format!(", but there is only {}", listed(world, &others)),
        [one] if text == world.name(PackageId(*one)) => String::new(),
        several => format!(", {}", meet(world, several)),
    };
    let verb = world.kind(clause).verb();
    let verb = if owners.len() > 1 && verb == "needs" { "need" } else { verb };
    let sentence = format!("{} {verb} {text}{end}", listed(world, owners));
    let mut told = statement(world, "needs", sentence, owners, Some(text.to_owned()));
    if candidates.is_empty() && others.is_empty() {
        told.similar = names.iter().flat_map(|name| similar(world, world.name_text(*name))).collect();
    }
    told
}

fn meet(world: &World<'_>, candidates: &[u32]) -> String {
    let listed = listed(world, candidates);
    if candidates.len() == 1 { format!("which is {listed}") } else { format!("for which there are {listed}") }
}

fn job(world: &World<'_>, request: &Request, number: u32, reached: &mut Vec<u32>) -> Statement {
    let Some(job) = request.jobs.get(number as usize) else {
        return statement(world, "requested", job_text(request, number), &[], None);
    };
    let packages: Vec<u32> = job.selector.packages(world).into_iter().map(|package| package.0).collect();
    let mut text = job_text(request, number);
    let mut near = Vec::new();
    let code = match job.verb {
        Verb::Install | Verb::InstallEach => "requested",
        Verb::Remove => "removal-requested",
        Verb::Hold => "hold-requested",
        _ => "upgrade-requested",
    };
    if packages.is_empty()
        && let Selector::Name { name, .. } = &job.selector
    {
        let others = world.matching(name, &[], true);
        if others.is_empty() {
            text.push_str(&format!(", but nothing is called or provides {name}"));
            near = similar(world, name);
        } else {
            text.push_str(&format!(", but there is only {}", listed(world, &others)));
        }
    } else if job.verb == Verb::Install && packages.len() > 1 {
        text.push_str(&format!(", as {}", listed(world, &packages)));
    }
    reached.extend(&packages);
    let mut told = statement(world, code, text, &packages, Some(job.text.clone()));
    told.packages.truncate(16);
    told.similar = near;
    told
}

fn staying(world: &World<'_>, request: &Request, fact: Fact, package: u32) -> Statement {
    let name = full_name(world, package);
    let (code, text) = match fact {
        Fact::Held(_) => ("held", format!("{name} is installed and held as it is")),
        _ if world.is_protected(package) => ("protected", format!("{name} is installed and protected")),
        _ if request.policy.removals => ("stays", format!("{name} is installed and cannot go")),
        _ => ("stays", format!("{name} is installed, and nobody asked for its removal")),
    };
    statement(world, code, text, &[package], None)
}

/// What must not be installed, and why; several versions of one name together.
fn refusals(world: &World<'_>, request: &Request, facts: &BTreeSet<Fact>) -> Vec<Statement> {
    let mut told = Vec::new();
    let mut grouped: BTreeMap<(&str, u32, String), Vec<u32>> = BTreeMap::new();
    for fact in facts {
        let (code, package, reason) = match fact {
            Fact::Older(package) => {
                let there = world.twins(*package).find(|twin| world.is_installed(PackageId(*twin)));
                let there =
                    there.map_or_else(String::new, |there| format!(" {}", world.version(PackageId(there))));
                ("older", *package, format!("older than the installed{there}"))
            }
            Fact::Excluded(number) => match request.policy.exclusions.get(*number as usize) {
                Some(exclusion) => ("excluded", exclusion.package.0, exclusion.reason.clone()),
                None => continue,
            },
            Fact::Disabled(package) => ("disabled", *package, "not to be newly installed".to_owned()),
            Fact::Frozen(package) => {
                ("not-asked-for", *package, "not asked for, and nothing else may come".to_owned())
            }
            _ => continue,
        };
        grouped.entry((code, world.name_of(package), reason)).or_default().push(package);
    }
    for ((code, _, reason), packages) in grouped {
        let sentence = match code {
            "excluded" => {
                let reason = match reason.strip_prefix("is ") {
                    Some(rest) if packages.len() > 1 => format!("are {rest}"),
                    _ => reason,
                };
                format!("{} {reason}", listed(world, &packages))
            }
            _ if packages.len() > 1 => format!("{} are {reason}", listed(world, &packages)),
            _ => format!("{} is {reason}", listed(world, &packages)),
        };
        told.push(statement(world, code, sentence, &packages, None));
    }
    told
}

/// What cannot be installed together.
fn rivalries(world: &World<'_>, facts: &BTreeSet<Fact>, seen: &BTreeSet<u32>) -> Vec<Statement> {
    let mut told = Vec::new();
    let mut twins: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Conflict(declarer, atom) => {
                let all = world.candidates(*atom).iter().copied().filter(|other| other != declarer);
                let (mut involved, others): (Vec<u32>, Vec<u32>) =
                    all.partition(|other| seen.contains(other));
                if involved.is_empty() {
                    involved = others;
                }
                let takes = |how: Rivalry| how != Rivalry::Excludes;
                let obsoletes = world.conflicts(*declarer).any(|(other, how)| other == *atom && takes(how));
                let (code, verb) = if obsoletes {
                    ("obsoletes", "takes the place of")
                } else {
                    ("conflicts", "conflicts with")
                };
                let text = world.atom_text(*atom);
                let end = match involved.as_slice() {
                    [one] if world.name(PackageId(*one)) == text => {
                        format!(" {}", world.version(PackageId(*one)))
                    }
                    [] => String::new(),
                    several => format!(", {}", meet(world, several)),
                };
                let sentence = format!("{} {verb} {text}{end}", with_source(world, *declarer));
                let mut packages = vec![*declarer];
                packages.extend(involved);
                told.push(statement(world, code, sentence, &packages, Some(text.to_owned())));
            }
            Fact::Twins(a, b) => twins.entry(world.name_of(*a)).or_default().extend([*a, *b]),
            _ => {}
        }
    }
    for (name, packages) in twins {
        let packages: Vec<u32> = packages.into_iter().collect();
        let sentence = format!(
            "only one of {} can be installed, being versions of {}",
            listed(world, &packages),
            world.name_text(name)
        );
        told.push(statement(world, "one-version", sentence, &packages, None));
    }
    told
}
