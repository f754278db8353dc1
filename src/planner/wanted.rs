//! What people name: match expressions, sets and components, as packages of a world.

use std::collections::{BTreeMap, BTreeSet};

use ambar_pkgfmt::expression::Expression;
use ambar_pkgfmt::relation::{Target, TargetKind, parse_alternatives};
use ambar_pkgfmt::{Manifest, version};
use ambar_resolver::{Job, PackageId, Selector, Verb, World};

use crate::error::Error;
use crate::policy::{Described, Matcher, Sets};
use crate::universe::{OwnTest, with_tests};

/// A package that can be named: its id, what it says of itself, and where it comes from.
pub(super) type Known<'m> = (PackageId, &'m Manifest, Option<&'m str>);

/// The jobs that install what `text` names: an expression, a component or a set.
pub(super) fn jobs(
    world: &World<'_>,
    known: &[Known<'_>],
    sets: &Sets,
    text: &str,
) -> Result<Vec<Job>, Error> {
    if let Some(set) = text.strip_prefix('@').filter(|set| sets.has(set)) {
        let mut jobs = Vec::new();
        for member in sets.expand(set)? {
            jobs.extend(of_targets(world, known, &member.alternatives, &member.expression)?);
        }
        return Ok(jobs);
    }
    let readings = readings(known, text)?;
    for targets in &readings {
        let named = matching(known, targets)?;
        if !named.is_empty() {
            return of_targets(world, known, targets, text);
        }
    }
    match readings.first() {
        Some(_) if text.starts_with('@') => {
            let components = known.iter().flat_map(|(_, manifest, _)| &manifest.components);
            let names: BTreeSet<&str> = components.map(String::as_str).chain(sets.names()).collect();
            let similar = crate::query::similar(&text[1..], names.into_iter());
            let similar = similar.into_iter().map(|name| format!("@{name}")).collect();
            Err(Error::NoSource { names: vec![text.into()], similar })
        }
        Some(targets) => of_targets(world, known, targets, text),
        None => Err(missing(world, known, text)),
    }
}

/// Whether a text says no more than a name. A version that is asked for may be older than the one that is there.
pub(super) fn is_plain(text: &str) -> bool {
    text.starts_with('@') || !text.contains(['=', '<', '>', '~', '(']) && !text.contains(char::is_whitespace)
}

/// How many names that nothing has are told at once.
const MISSING: usize = 10;

/// Names that nothing has, so that all of them can be told at once.
#[derive(Default)]
pub(super) struct Missing {
    names: Vec<String>,
    similar: Vec<String>,
}

impl Missing {
    /// The jobs of one name; none where nothing has it.
    pub(super) fn gather(&mut self, jobs: Result<Vec<Job>, Error>) -> Result<Vec<Job>, Error> {
        match jobs {
            Err(Error::NoSource { names, similar }) => {
                add(&mut self.names, names);
                add(&mut self.similar, similar);
                if self.names.len() >= MISSING {
                    return Err(std::mem::take(self).error());
                }
                Ok(Vec::new())
            }
            jobs => jobs,
        }
    }

    /// Fails when there were some.
    pub(super) fn none(self) -> Result<(), Error> {
        match self.names.is_empty() {
            true => Ok(()),
            false => Err(self.error()),
        }
    }

    fn error(self) -> Error {
        Error::NoSource { names: self.names, similar: self.similar }
    }
}

/// Adds what is not there yet.
fn add(list: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

/// The ways in which a text can be read: as a relation, and as Entropy's match expression.
fn readings(known: &[Known<'_>], text: &str) -> Result<Vec<Vec<Target>>, Error> {
    let mut readings = Vec::new();
    let relation = parse_alternatives(text);
    if let Ok(targets) = &relation {
        readings.push(targets.clone());
    }
    if let Ok(mut expression) = text.parse::<Expression>()
        && expression.blocker.is_none()
    {
        let bare = expression.category.is_empty();
        let categories: BTreeSet<&str> = match bare {
            true => known
                .iter()
                .filter_map(|(_, manifest, _)| manifest.name.rsplit_once('/'))
                .filter(|(_, name)| *name == expression.name)
                .map(|(category, _)| category)
                .collect(),
            false => BTreeSet::new(),
        };
        if bare {
            expression.category = categories.first().map_or("-", |first| first).to_owned();
        }
        let mut targets = expression.said().map(|said| said.targets).unwrap_or_default();
        if bare {
            // Without a category any package of that name is meant, whatever its category.
            targets.iter_mut().for_each(|target| target.name.clone_from(&expression.name));
        }
        if !targets.is_empty() {
            readings.push(targets);
        }
    }
    match (readings.is_empty(), relation) {
        (true, Err(error)) => Err(Error::Usage(error.to_string())),
        _ => Ok(readings),
    }
}

fn matchers(targets: &[Target]) -> Result<Vec<Matcher>, Error> {
    let one =
        |target: &Target| Matcher::new(target.clone()).map_err(|problem| Error::Usage(problem.to_string()));
    targets.iter().map(one).collect()
}

/// The packages that one of the targets means by name.
pub(super) fn matching<'k, 'm>(
    known: &'k [Known<'m>],
    targets: &[Target],
) -> Result<Vec<&'k Known<'m>>, Error> {
    let matchers = matchers(targets)?;
    let means = |(_, manifest, repository): &&Known<'_>| {
        let described = Described { manifest, repository: *repository };
        matchers.iter().any(|matcher| matcher.matches(described))
    };
    Ok(known.iter().filter(means).collect())
}

fn of_targets(
    world: &World<'_>,
    known: &[Known<'_>],
    targets: &[Target],
    text: &str,
) -> Result<Vec<Job>, Error> {
    let named = matching(known, targets)?;
    let mut by_name: BTreeMap<&str, Vec<PackageId>> = BTreeMap::new();
    for (id, manifest, _) in &named {
        by_name.entry(&manifest.name).or_default().push(*id);
    }
    let is_many = |target: &Target| target.kind == TargetKind::Component || target.name.contains(['*', '?']);
    if targets.iter().any(is_many) && !by_name.is_empty() {
        let job =
            |(name, ids): (&str, Vec<PackageId>)| Job::new(Verb::Install, Selector::Packages(ids), name);
        return Ok(by_name.into_iter().map(job).collect());
    }
    if targets.len() == 1 && by_name.len() > 1 {
        // Several categories have the name.
        let candidates = by_name.keys().map(|name| (*name).to_owned()).collect();
        return Err(Error::Ambiguous { name: text.into(), candidates });
    }
    if !named.is_empty() {
        let ids = named.iter().map(|(id, _, _)| *id).collect();
        return Ok(vec![Job::new(Verb::Install, Selector::Packages(ids), text)]);
    }
    // Nothing is called so in a version that fits: perhaps something provides it, or there are other versions.
    let mut provided = Vec::new();
    for target in targets {
        let tests: Vec<OwnTest> = target.constraints.iter().map(OwnTest::of).collect();
        let ids = with_tests(&tests, |tests| Selector::providing(&target.name, tests)).packages(world);
        provided.extend(ids.into_iter().filter(|id| is_of_arch(known, *id, &target.arch)));
    }
    if !provided.is_empty() {
        return Ok(vec![Job::new(Verb::Install, Selector::Packages(provided), text)]);
    }
    let others = |target: &&Target| {
        let ids = Selector::providing(&target.name, &[]).packages(world);
        ids.into_iter().any(|id| is_of_arch(known, id, &target.arch))
    };
    match targets.iter().find(others) {
        Some(target) => {
            let tests: Vec<OwnTest> = target.constraints.iter().map(OwnTest::of).collect();
            let selector = with_tests(&tests, |tests| Selector::named(&target.name, tests));
            Ok(vec![Job::new(Verb::Install, selector, text)])
        }
        None => Err(missing(world, known, text)),
    }
}

/// Whether a package is of the architecture that a target says, if it says one.
fn is_of_arch(known: &[Known<'_>], id: PackageId, arch: &str) -> bool {
    matches!(arch, "" | "any") || known.iter().any(|(known, one, _)| *known == id && one.arch == arch)
}

fn missing(world: &World<'_>, known: &[Known<'_>], text: &str) -> Error {
    let name = text.trim_start_matches(['<', '>', '=', '~', '!']);
    let name = name.split([' ', '(', '=', '<', '>', ':', '#']).next().unwrap_or(name);
    // Of that name there may be others: of another architecture, slot or tag.
    let others = known.iter().filter(|(_, one, _)| one.name == name);
    let others: BTreeSet<String> = others.map(|(_, one, _)| one.instance().to_string()).collect();
    let similar = match others.is_empty() {
        true => ambar_resolver::similar(world, name),
        false => others.into_iter().take(3).collect(),
    };
    Error::NoSource { names: vec![text.into()], similar }
}

/// Whether a package mends a security problem that an installed one has: one of the changes since then says so.
pub(super) fn is_security_update(new: &Manifest, old: &Manifest) -> bool {
    let since = |change: &&ambar_pkgfmt::manifest::Change| {
        let by_release = version::compare_releases(&change.release, &old.release).ok();
        let newer = by_release.or_else(|| version::compare(old.order, &change.version, &old.version).ok());
        newer.is_some_and(std::cmp::Ordering::is_gt)
    };
    let is_security = |kind: &String| kind.split('\t').next() == Some("security");
    new.history.iter().filter(since).any(|change| change.kinds.iter().any(is_security))
}
