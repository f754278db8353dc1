//! A case of the neutral format as a world and a request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ambar_resolver::universe::IDENTITY;
use ambar_resolver::universe::flags;
use ambar_resolver::{
    AtomRef, Builder, Field, FieldValue, Installed, Job, Kind, Met, Op, PackageId, PackageRef, PackageSpec,
    Policy, Request, Selector, Test, Universe, Verb, World,
};

use crate::case::{self, Case, Relation};
use crate::rpm::Evr;

/// Epoch, version and release.
const EVR: Field = Field(1);
/// Epoch and version alone.
const VERSION: Field = Field(2);

/// The universes of a case: what is available, and what is installed.
pub(crate) struct Universes {
    parts: [Universe; 2],
    /// For each package of the case: its universe, and its id there.
    places: Vec<(usize, u32)>,
    /// The same, the other way round.
    ids: HashMap<(usize, u32), usize>,
}

impl Universes {
    /// Compiles the packages of a case.
    ///
    /// # Errors
    /// What is wrong with the case, in words.
    pub(crate) fn new(case: &Case) -> Result<Universes, String> {
        check(case)?;
        let identities = identities(case);
        let installed: HashSet<usize> = case.installed.iter().copied().collect();
        let part_of = |id: usize| usize::from(installed.contains(&id));
        let mut parts = Vec::new();
        for part in 0..2 {
            let mut builder = Builder::new();
            for package in case.packages.iter().filter(|package| part_of(package.id) == part) {
                add_package(&mut builder, package, identities[package.id])?;
            }
            let bytes = builder.finish().map_err(|error| error.to_string())?;
            parts.push(Universe::open(Arc::new(bytes)).map_err(|error| error.to_string())?);
        }
        let found: Vec<HashMap<&[u8], u32>> =
            parts.iter().map(|part| (0..part.len()).map(|id| (part.identity(id), id)).collect()).collect();
        let places = (0..case.packages.len())
            .map(|id| {
                let part = part_of(id);
                let place = found[part].get(&identities[id][..IDENTITY]).copied();
                place.map(|place| (part, place)).ok_or_else(|| format!("package {id} was not compiled"))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let parts = <[Universe; 2]>::try_from(parts).map_err(|_| "two universes".to_owned())?;
        let ids = places.iter().enumerate().map(|(id, place)| (*place, id)).collect();
        Ok(Universes { parts, places, ids })
    }

    /// Both together.
    pub(crate) fn world(&self, case: &Case) -> World<'_> {
        let installed: Vec<(usize, u32, Installed)> = case
            .installed
            .iter()
            .map(|id| {
                let (part, place) = self.places[*id];
                // What is disabled and installed all the same may not be taken away.
                let state = Installed { protected: case.packages[*id].disabled, ..Installed::default() };
                (part, place, state)
            })
            .collect();
        World::new(&[&self.parts[0], &self.parts[1]], &installed)
    }

    /// The package of the world that is package `id` of the case.
    pub(crate) fn package(&self, world: &World<'_>, id: usize) -> Result<PackageId, String> {
        let (part, place) = *self.places.get(id).ok_or_else(|| format!("there is no package {id}"))?;
        world.id(part, place).ok_or_else(|| format!("package {id} is not in the world"))
    }

    /// The package of the case that a package of the world is.
    pub(crate) fn id(&self, world: &World<'_>, package: PackageId) -> Option<usize> {
        let origin = world.origin(package);
        self.ids.get(&origin).copied()
    }

    /// What the case asks for.
    ///
    /// # Errors
    /// What cannot be asked for, in words.
    pub(crate) fn request(&self, case: &Case, world: &World<'_>) -> Result<Request, String> {
        let mut request = Request {
            jobs: Vec::new(),
            policy: Policy {
                recommends: case.policy.install_recommends,
                removals: case.policy.allow_uninstall,
                ..Policy::default()
            },
        };
        let jobs = &case.request;
        for (verb, selectors) in [
            (Verb::Install, &jobs.install),
            (Verb::Remove, &jobs.remove),
            (Verb::Upgrade, &jobs.upgrade),
            (Verb::Synchronise, &jobs.dist_upgrade),
            (Verb::Hold, &jobs.lock),
            (Verb::Favour, &jobs.favor),
            (Verb::Disfavour, &jobs.disfavor),
        ] {
            for selector in selectors {
                request.policy.removals |= selector.flags.iter().any(|flag| flag == "cleandeps");
                let mut job = Job::new(verb, self.selector(case, world, selector)?, text(selector));
                // A version that was named, or a package itself, may be an older one.
                job.downgrade = verb == Verb::Install && (selector.by != "name" || selector.op.is_some());
                request.jobs.push(job);
            }
        }
        Ok(request)
    }

    fn selector(
        &self,
        case: &Case,
        world: &World<'_>,
        selector: &case::Selector,
    ) -> Result<Selector, String> {
        let name = || selector.name.as_deref().ok_or("a selector without a name");
        let packages = |ids: &mut dyn Iterator<Item = usize>| -> Result<Selector, String> {
            Ok(Selector::Packages(ids.map(|id| self.package(world, id)).collect::<Result<_, _>>()?))
        };
        match selector.by.as_str() {
            "name" => with_tests(&selector.relation(), |tests| Ok(Selector::named(name()?, tests))),
            "provides" => with_tests(&selector.relation(), |tests| Ok(Selector::providing(name()?, tests))),
            "pkg" | "oneof" => packages(&mut selector.ids.iter().copied()),
            "all" => Ok(Selector::Installed),
            "repo" => {
                let of_it =
                    case.packages.iter().filter(|package| Some(&package.repo) == selector.repo.as_ref());
                packages(&mut of_it.map(|package| package.id))
            }
            other => Err(format!("no selector by {other}")),
        }
    }
}

fn text(selector: &case::Selector) -> String {
    match (&selector.name, &selector.repo) {
        (Some(_), _) => selector.relation().text(),
        (None, Some(repo)) => repo.clone(),
        (None, None) => selector.by.clone(),
    }
}

impl Relation {
    /// As people write it.
    pub(crate) fn text(&self) -> String {
        match (&self.op, &self.version) {
            (Some(op), Some(version)) => format!("{} {op} {version}", self.name),
            _ => self.name.clone(),
        }
    }
}

fn check(case: &Case) -> Result<(), String> {
    if !case.version_scheme.is_empty() && case.version_scheme != "rpm" {
        return Err(format!("versions of the order {} are not read", case.version_scheme));
    }
    if let Some((other, _)) = case.request.others.iter().find(|(_, value)| !is_empty(value)) {
        return Err(format!("no job is called {other}"));
    }
    match case.packages.iter().enumerate().find(|(place, package)| package.id != *place) {
        Some((place, package)) => Err(format!("package {} stands at place {place}", package.id)),
        None => match case.installed.iter().find(|id| **id >= case.packages.len()) {
            Some(id) => Err(format!("package {id} is installed and is not there")),
            None => Ok(()),
        },
    }
}

fn is_empty(value: &serde_json::Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A digest for each package of what it is and where it is from. Copies are told apart by number.
fn identities(case: &Case) -> Vec<[u8; 32]> {
    let mut copies: HashMap<String, u32> = HashMap::new();
    let mut identities = Vec::new();
    for package in &case.packages {
        let told = format!("{:?}", case::Package { id: 0, ..package.clone() });
        let copy = copies.entry(told.clone()).or_default();
        identities.push(*blake3::hash(format!("{copy} {told}").as_bytes()).as_bytes());
        *copy += 1;
    }
    identities
}

fn add_package(builder: &mut Builder, package: &case::Package, identity: [u8; 32]) -> Result<(), String> {
    let repository = builder.repository(&package.repo, package.repo_priority);
    let own = Relation {
        name: package.name.clone(),
        op: Some("=".to_owned()),
        version: Some(package.version.clone()),
    };
    let mut rank = vec![1];
    rank.extend_from_slice(&Evr::parse(&package.version).key());
    let added = with_fields(&own, |fields| {
        Ok(builder.package(&PackageSpec {
            name: &package.name,
            version: &package.version,
            rank: &rank,
            arch: &package.arch,
            slot: &package.slot,
            identity,
            repository,
            flags: if package.disabled { flags::DISABLED } else { 0 },
            fields,
        }))
    })?;
    for provided in package.provides.iter().filter(|provided| **provided != own) {
        with_fields(provided, |fields| {
            builder.provide(added, &provided.name, fields);
            Ok(())
        })?;
    }
    for (kind, clauses) in [
        (Kind::PreDepends, &package.pre_depends),
        (Kind::Depends, &package.depends),
        (Kind::Recommends, &package.recommends),
    ] {
        for clause in clauses {
            add_clause(builder, added, kind, clause)?;
        }
    }
    for conflict in &package.conflicts {
        let atom = atom(builder, conflict, Met::ByAny)?;
        builder.conflict(added, atom);
    }
    for obsolete in &package.obsoletes {
        let atom = atom(builder, obsolete, Met::ByName)?;
        builder.obsolete(added, atom);
    }
    Ok(())
}

fn add_clause(
    builder: &mut Builder,
    package: PackageRef,
    kind: Kind,
    clause: &[Relation],
) -> Result<(), String> {
    let atoms: Vec<AtomRef> =
        clause.iter().map(|one| atom(builder, one, Met::ByAny)).collect::<Result<_, _>>()?;
    builder.clause(package, kind, &atoms);
    Ok(())
}

fn atom(builder: &mut Builder, relation: &Relation, met: Met) -> Result<AtomRef, String> {
    with_tests(relation, |tests| Ok(builder.atom(&relation.name, met, tests, &relation.text())))
}

fn op(text: &str) -> Result<Op, String> {
    match text {
        "<" => Ok(Op::Less),
        "<=" => Ok(Op::AtMost),
        "=" | "==" => Ok(Op::Equal),
        ">=" => Ok(Op::AtLeast),
        ">" => Ok(Op::Greater),
        other => Err(format!("no comparison {other}")),
    }
}

/// The version in a relation, compared by epoch and version alone when one of the two sides has no release: that
/// side stands for all releases of its version.
fn with_tests<T>(
    relation: &Relation,
    then: impl FnOnce(&[Test<'_>]) -> Result<T, String>,
) -> Result<T, String> {
    let (Some(wanted), Some(version)) = (&relation.op, &relation.version) else { return then(&[]) };
    let (op, evr) = (op(wanted)?, Evr::parse(version));
    if evr.release.is_none() {
        return then(&[Test { op, keys: &[(VERSION, &evr.version_key())] }]);
    }
    // A capability without a release that ends or begins at this version lies on both sides of the release that
    // is named; one that leaves the version out lies beyond all of its releases.
    let around = match op {
        Op::Less => beyond(&evr, 1),
        Op::Greater => before(&evr, 1),
        _ => evr.version_key(),
    };
    then(&[Test { op, keys: &[(EVR, &evr.key()), (VERSION, &around)] }])
}

/// What a version in a relation counts as.
fn with_fields<T>(
    relation: &Relation,
    then: impl FnOnce(&[FieldValue<'_>]) -> Result<T, String>,
) -> Result<T, String> {
    let (Some(meant), Some(version)) = (&relation.op, &relation.version) else {
        return then(&[FieldValue::new(Field::ANY, b"")]);
    };
    let (op, evr) = (op(meant)?, Evr::parse(version));
    if evr.release.is_none() {
        let key = match op {
            Op::Less => before(&evr, 2),
            Op::Greater => beyond(&evr, 2),
            _ => evr.version_key(),
        };
        return then(&[FieldValue { field: VERSION, op, key: &key }]);
    }
    // Without the release the range reaches into the version that it ends at.
    let around = match op {
        Op::Less => Op::AtMost,
        Op::Greater => Op::AtLeast,
        other => other,
    };
    let (key, version) = (evr.key(), evr.version_key());
    then(&[
        FieldValue { field: EVR, op, key: &key },
        FieldValue { field: VERSION, op: around, key: &version },
    ])
}

/// A key just after that of a version; the further the later.
fn beyond(evr: &Evr<'_>, how_far: usize) -> Vec<u8> {
    let mut key = evr.version_key();
    key.extend(std::iter::repeat_n(u8::MAX, how_far));
    key
}

/// A key just before that of a version, after everything that has a `~` there; the further the earlier.
fn before(evr: &Evr<'_>, how_far: u8) -> Vec<u8> {
    let mut key = evr.version_key();
    key.pop();
    key.extend_from_slice(&[1, u8::MAX - how_far]);
    key
}
