//! Cases of Entropy's planner.
//!
//! An installation takes the newest of what is named, even if it is installed already, and brings what it needs to
//! its newest version too. Installed packages may become older, and may go if they conflict with what comes; not if
//! they merely break. Libraries that programs were linked with are capabilities like any other.

use std::collections::BTreeMap;

use ambar_pkgfmt::expression::{Candidate, Expression, best_match};
use ambar_pkgfmt::relation::{Op as Said, Subject, Target};
use ambar_pkgfmt::version::{Order, Version, entropy};
use ambar_resolver::{
    AtomRef, Builder, Field, FieldValue, Installed, Job, Kind, Met, Op, PackageRef, PackageSpec, Policy,
    Request, Selector, Test, Verb,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::compare::Before;
use super::stock::{Place, Plan, Step, Stock};
use super::{Compared, verdict};

/// A case.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    name: String,
    op: String,
    args: Vec<String>,
    repos: BTreeMap<String, Vec<Written>>,
    installed: Vec<Written>,
    #[serde(default)]
    empty: bool,
    expect_entropy324: Value,
}

/// A package as the file writes it.
#[derive(Debug, Deserialize)]
struct Written {
    a: String,
    #[serde(default)]
    rev: u64,
    #[serde(default)]
    deps: Vec<String>,
    #[serde(default)]
    conflicts: Vec<String>,
    /// Soname, path, class.
    #[serde(default)]
    provides: Vec<(String, String, u32)>,
    /// User, found in, soname, class, run path.
    #[serde(default)]
    needed: Vec<(String, String, String, u32, String)>,
    #[serde(default)]
    system: bool,
}

/// The parts of `category/name-version[:slot][#tag]`.
#[derive(Debug, Clone)]
struct Parts {
    name: String,
    version: String,
    slot: String,
    tag: String,
    /// That of packages from outside, 9999, is below every other.
    revision: u64,
    repository: String,
}

const VERSION: Field = Field(1);
const SLOT: Field = Field(2);
const TAG: Field = Field(3);
const REVISION: Field = Field(4);

/// The revision of packages that another package manager installed.
const FROM_OUTSIDE: u64 = 9999;

impl Parts {
    fn read(written: &Written, repository: &str) -> Result<Parts, String> {
        let (rest, tag) = written.a.split_once('#').unwrap_or((&written.a, ""));
        let (rest, slot) = rest.split_once(':').unwrap_or((rest, "0"));
        let dash = rest.match_indices('-').map(|(at, _)| at);
        let version_at = |at: &usize| rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
        let at = dash.into_iter().find(version_at).ok_or_else(|| format!("{} has no version", written.a))?;
        Ok(Parts {
            name: rest[..at].to_owned(),
            version: rest[at + 1..].to_owned(),
            slot: slot.to_owned(),
            tag: tag.to_owned(),
            revision: if written.rev == FROM_OUTSIDE { 0 } else { written.rev },
            repository: repository.to_owned(),
        })
    }

    /// As the original names packages.
    fn shown(&self) -> String {
        let tag = if self.tag.is_empty() { String::new() } else { format!("#{}", self.tag) };
        format!("{}-{}{tag}", self.name, self.version)
    }

    fn candidate(&self) -> Option<Candidate<'_>> {
        let (category, name) = self.name.split_once('/')?;
        Some(Candidate {
            category,
            name,
            version: &self.version,
            revision: self.revision,
            slot: &self.slot,
            subslot: "",
            tag: &self.tag,
            flags: Vec::new(),
            repository: &self.repository,
            place: 0,
        })
    }
}

/// A case with its packages read.
struct Read {
    case: Case,
    /// Those available, and those installed.
    parts: [Vec<Parts>; 2],
    /// Which of the written packages each available one is.
    written: Vec<(String, usize)>,
}

impl Read {
    fn new(case: Case) -> Result<Read, String> {
        let (mut available, mut written) = (Vec::new(), Vec::new());
        for (repository, packages) in &case.repos {
            for (number, package) in packages.iter().enumerate() {
                available.push(Parts::read(package, repository)?);
                written.push((repository.clone(), number));
            }
        }
        let installed =
            case.installed.iter().map(|package| Parts::read(package, "")).collect::<Result<_, _>>()?;
        Ok(Read { parts: [available, installed], written, case })
    }

    fn parts(&self, (part, number): Place) -> &Parts {
        &self.parts[part][number]
    }

    fn written(&self, (part, number): Place) -> &Written {
        if part == 1 {
            return &self.case.installed[number];
        }
        let (repository, number) = &self.written[number];
        &self.case.repos[repository][*number]
    }

    fn stock(&self) -> Result<Stock, String> {
        Stock::new([self.parts[0].len(), self.parts[1].len()], |builder, place, identity| {
            let (parts, written) = (self.parts(place), self.written(place));
            let version =
                Version::parse(Order::Entropy, &parts.version).map_err(|error| error.to_string())?;
            let age = entropy::triple_key(&parts.version, &parts.tag, parts.revision);
            let age = age.map_err(|error| error.to_string())?;
            let repository = builder.repository(&parts.repository, 0);
            // Tagged packages of one slot stand side by side.
            let slot = format!("{} {}", parts.slot, parts.tag);
            let added = builder.package(&PackageSpec {
                name: &parts.name,
                version: &parts.version,
                rank: &[&[1][..], &age].concat(),
                arch: "",
                slot: slot.trim_end(),
                identity,
                repository,
                flags: 0,
                fields: &[
                    FieldValue::new(VERSION, version.sort_key()),
                    FieldValue::new(SLOT, parts.slot.as_bytes()),
                    FieldValue::new(TAG, parts.tag.as_bytes()),
                    FieldValue::new(REVISION, &parts.revision.to_be_bytes()),
                ],
            });
            for (soname, _, class) in &written.provides {
                builder.provide(added, &library(soname, *class), &[]);
            }
            for (_, _, soname, class, _) in &written.needed {
                let name = library(soname, *class);
                let atom = builder.atom(&name, Met::ByAny, &[], &name);
                builder.clause(added, Kind::Depends, &[atom]);
            }
            add_dependencies(builder, added, &written.deps)?;
            for conflict in &written.conflicts {
                for atom in atoms(builder, conflict)? {
                    builder.conflict(added, atom);
                }
            }
            Ok(())
        })
    }

    /// The available packages that an expression names.
    fn matching(&self, text: &str) -> Result<Vec<Place>, String> {
        let expression = expression(text)?;
        let mut found = Vec::new();
        for (number, parts) in self.parts[0].iter().enumerate() {
            let candidate = parts.candidate().ok_or("a package without a category")?;
            if expression.matches(&candidate).map_err(|error| error.to_string())? {
                found.push((0, number));
            }
        }
        Ok(found)
    }

    fn best_match(&self, text: &str) -> Result<Value, String> {
        let expression = expression(text)?;
        let candidates: Vec<Candidate<'_>> = self.parts[0].iter().filter_map(Parts::candidate).collect();
        // The original calls what is ambiguous not found.
        let best = best_match(&expression, &candidates).unwrap_or(None);
        Ok(best.map_or(Value::Null, |number| self.with_repository((0, number)).into()))
    }

    fn with_repository(&self, place: Place) -> String {
        let parts = self.parts(place);
        format!("{}@{}", parts.shown(), parts.repository)
    }

    fn conflicts(&self, first: Place, second: Place) -> Result<bool, String> {
        let candidate = self.parts(second).candidate().ok_or("a package without a category")?;
        for conflict in &self.written(first).conflicts {
            if first != second
                && expression(conflict)?.matches(&candidate).map_err(|error| error.to_string())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn attempt(&self, stock: &Stock, removals: bool) -> Result<Result<Plan, String>, String> {
        // From nothing: everything that is needed is installed again.
        let world = stock.world(|_| (!self.case.empty).then(Installed::default));
        let policy = Policy { eager: true, downgrades: true, removals, ..Policy::default() };
        let mut request = Request { jobs: Vec::new(), policy };
        for name in &self.case.args {
            let packages = self.matching(name)?.into_iter().map(|place| stock.package(&world, place));
            let packages = Selector::Packages(packages.collect::<Result<_, _>>()?);
            request.jobs.push(Job::new(Verb::Install, packages, name.clone()));
        }
        stock.plan(&world, &request)
    }

    fn install(&self, stock: &Stock) -> Result<Value, String> {
        let mut planned = self.attempt(stock, false)?;
        if planned.is_err()
            && let Ok(plan) = self.attempt(stock, true)?
        {
            planned = Ok(plan);
        }
        let plan = match planned {
            Ok(plan) => plan,
            Err(reason) => return Ok(json!({"error": "Impossible", "message": reason})),
        };
        let new = plan.installed();
        for gone in plan.removed() {
            let mut conflicting = false;
            for one in &new {
                conflicting |= self.conflicts(*one, gone)? || self.conflicts(gone, *one)?;
            }
            if !conflicting {
                let reason = format!("{} would have to go", self.parts(gone).shown());
                return Ok(json!({"error": "Impossible", "message": reason}));
            }
        }
        let install: Vec<String> = new.iter().map(|place| self.with_repository(*place)).collect();
        let mut remove: Vec<String> = plan.removed().iter().map(|place| self.parts(*place).shown()).collect();
        remove.sort();
        Ok(json!({"ok": {"install": install, "remove": remove}}))
    }

    fn remove(&self, stock: &Stock) -> Result<Value, String> {
        let world = stock.world(|number| {
            Some(Installed { protected: self.case.installed[number].system, ..Installed::default() })
        });
        let mut request = Request {
            jobs: Vec::new(),
            policy: Policy { removals: true, frozen: true, recommends: false, ..Policy::default() },
        };
        for name in &self.case.args {
            request.jobs.push(Job::new(Verb::Remove, Selector::named(name, &[]), name.clone()));
        }
        Ok(match stock.plan(&world, &request)? {
            Ok(plan) => {
                let gone: Vec<String> =
                    plan.removed().iter().map(|place| self.parts(*place).shown()).collect();
                json!({"ok": gone})
            }
            Err(reason) => json!({"error": "Impossible", "message": reason}),
        })
    }

    fn updates(&self, stock: &Stock) -> Result<Value, String> {
        let world = stock.world(|_| Some(Installed::default()));
        let plan =
            match stock.plan(&world, &Request::one(Job::new(Verb::Upgrade, Selector::Installed, "all")))? {
                Ok(plan) => plan,
                Err(reason) => return Ok(json!({"error": "Impossible", "message": reason})),
            };
        let update: Vec<String> = plan.installed().iter().map(|place| self.with_repository(*place)).collect();
        let replaced = |number: usize| {
            plan.steps.iter().any(|step| matches!(step, Step::Install(_, old) if old.contains(&(1, number))))
        };
        let (mut fine, mut remove) = (Vec::new(), Vec::new());
        for (number, parts) in self.parts[1].iter().enumerate() {
            if replaced(number) {
                continue;
            }
            let known =
                self.parts[0].iter().any(|other| other.name == parts.name && other.slot == parts.slot);
            if known { fine.push(parts.shown()) } else { remove.push(parts.shown()) }
        }
        Ok(json!({"ok": {"fine": fine, "remove": remove, "update": update}}))
    }

    fn answer(&self) -> Result<Value, String> {
        if self.case.op == "match" {
            let mut found = serde_json::Map::new();
            for text in &self.case.args {
                found.insert(text.clone(), self.best_match(text)?);
            }
            return Ok(json!({"ok": found}));
        }
        let stock = self.stock()?;
        match self.case.op.as_str() {
            "install" => self.install(&stock),
            "remove" => self.remove(&stock),
            "updates" => self.updates(&stock),
            other => Err(format!("no operation {other}")),
        }
    }

    fn before(&self) -> Result<Before, String> {
        let mut before = Before::default();
        for part in 0..2 {
            for user in 0..self.parts[part].len() {
                for used in 0..self.parts[part].len() {
                    if !self.needs((part, user), (part, used))? {
                        continue;
                    }
                    if part == 0 {
                        before.add(&self.with_repository((0, used)), &self.with_repository((0, user)));
                    } else {
                        before.add(&self.parts((1, user)).shown(), &self.parts((1, used)).shown());
                    }
                }
            }
        }
        Ok(before)
    }

    /// Whether one package has a demand that the other can meet.
    fn needs(&self, user: Place, used: Place) -> Result<bool, String> {
        let candidate = self.parts(used).candidate().ok_or("a package without a category")?;
        for dependency in &self.written(user).deps {
            let Some((Kind::Depends, choice)) = dependency_kind(dependency) else { continue };
            for one in choice.split(';') {
                if expression(one.trim_end_matches('?'))?
                    .matches(&candidate)
                    .map_err(|error| error.to_string())?
                {
                    return Ok(true);
                }
            }
        }
        let provides = &self.written(used).provides;
        let linked = |(_, _, soname, class, _): &(String, String, String, u32, String)| {
            provides.iter().any(|(provided, _, other)| provided == soname && other == class)
        };
        Ok(self.written(user).needed.iter().any(linked))
    }

    fn same(&self, ours: &Value, theirs: &Value) -> Result<bool, String> {
        if ours.get("error").is_some() || theirs.get("error").is_some() {
            return Ok(ours.get("error").is_some() && theirs.get("error").is_some());
        }
        let list = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (ours, theirs) = (&ours["ok"], &theirs["ok"]);
        let before = self.before()?;
        Ok(match self.case.op.as_str() {
            "install" => {
                before.same(&list(&ours["install"]), &list(&theirs["install"]))
                    && ours["remove"] == theirs["remove"]
            }
            "remove" => before.same(&list(ours), &list(theirs)),
            _ => ours == theirs,
        })
    }
}

/// The capability that a library is.
fn library(soname: &str, class: u32) -> String {
    format!("so:{soname}({class})")
}

fn expression(text: &str) -> Result<Expression, String> {
    text.parse::<Expression>().map_err(|error| error.to_string())
}

/// What a dependency demands, and the text after its mark; nothing for one that only builds need.
fn dependency_kind(dependency: &str) -> Option<(Kind, &str)> {
    match dependency.split_once(':') {
        Some(("b", _)) => None,
        // Installed afterwards, where it can be.
        Some(("p", rest)) => Some((Kind::Recommends, rest)),
        Some(("m", rest)) => Some((Kind::Depends, rest)),
        _ => Some((Kind::Depends, dependency)),
    }
}

fn add_dependencies(
    builder: &mut Builder,
    package: PackageRef,
    dependencies: &[String],
) -> Result<(), String> {
    for dependency in dependencies {
        let Some((kind, choice)) = dependency_kind(dependency) else { continue };
        let mut alternatives: Vec<AtomRef> = Vec::new();
        for one in choice.split(';') {
            alternatives.extend(atoms(builder, one.trim_end_matches('?'))?);
        }
        builder.clause(package, kind, &alternatives);
    }
    Ok(())
}

/// What an expression names: any one of these.
fn atoms(builder: &mut Builder, text: &str) -> Result<Vec<AtomRef>, String> {
    let said = expression(text)?.said().ok_or_else(|| format!("{text} has no category"))?;
    if said.loosened {
        return Err(format!("{text} says more than a relation can"));
    }
    said.targets.iter().map(|target| atom(builder, target, text)).collect()
}

fn atom(builder: &mut Builder, target: &Target, text: &str) -> Result<AtomRef, String> {
    let mut tests: Vec<(Field, Op, Vec<u8>)> = Vec::new();
    for constraint in &target.constraints {
        let value = &constraint.value;
        let (field, key) = match constraint.subject {
            Subject::Version => {
                let version = Version::parse(Order::Entropy, value).map_err(|error| error.to_string())?;
                (VERSION, version.sort_key().to_vec())
            }
            Subject::Slot => (SLOT, value.clone().into_bytes()),
            Subject::Tag => (TAG, value.clone().into_bytes()),
            Subject::Release => {
                let revision: u64 =
                    value.parse().map_err(|_| format!("the revision {value} is no number"))?;
                (REVISION, revision.to_be_bytes().to_vec())
            }
            other => return Err(format!("{text}: no test on {other:?}")),
        };
        let op = match constraint.op {
            Said::Less => Op::Less,
            Said::AtMost => Op::AtMost,
            Said::Equal | Said::Same => Op::Equal,
            Said::AtLeast => Op::AtLeast,
            Said::Greater => Op::Greater,
            other => return Err(format!("{text}: no test {other:?}")),
        };
        tests.push((field, op, key));
    }
    let keys: Vec<[(Field, &[u8]); 1]> = tests.iter().map(|(field, _, key)| [(*field, &key[..])]).collect();
    let tests: Vec<Test<'_>> =
        tests.iter().zip(&keys).map(|((_, op, _), keys)| Test { op: *op, keys }).collect();
    Ok(builder.atom(&target.name, Met::ByAny, &tests, text))
}

/// Answers a case.
pub(super) fn compare(case: Case) -> Result<Compared, String> {
    let (name, original) = (case.name.clone(), case.expect_entropy324.clone());
    let told = |reason: String| format!("{name}: {reason}");
    let read = Read::new(case).map_err(told)?;
    let answer = read.answer().map_err(told)?;
    let same = read.same(&answer, &original).map_err(told)?;
    Ok(Compared { answer, verdict: verdict(same), original, name: read.case.name })
}
