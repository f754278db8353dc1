//! Cases of PiSi's planner.
//!
//! What the original does by rule is asked for here as jobs: names to install, newer releases to install, names to
//! remove; packages of `system.base` are protected, and brought in or renewed along with every installation.
//! Every question of the original was answered with yes, so where nothing else will do, packages that conflict
//! with what is wanted may go, protected ones too if it is them that a wanted package conflicts with. No question
//! was asked about packages that merely break, so those may not.

use ambar_pkgfmt::version::{Order, Version};
use ambar_resolver::{
    AtomRef, Builder, Field, FieldValue, Installed, Job, Kind, Met, Op, PackageSpec, Policy, Request, Selector,
    Test, Verb,
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
    repo: Vec<Package>,
    installed: Vec<Package>,
    ignore_safety: bool,
    #[serde(default)]
    obsoletes: Vec<String>,
    #[serde(default)]
    security_only: bool,
    expect_pisi24: Value,
    expect_eopkg50: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    release: Value,
    #[serde(default)]
    deps: Vec<String>,
    #[serde(default)]
    any: Vec<Vec<String>>,
    #[serde(default)]
    compdeps: Vec<String>,
    #[serde(default)]
    conflicts: Vec<String>,
    #[serde(default)]
    partof: String,
    #[serde(default)]
    actions: Vec<Value>,
    #[serde(default)]
    history: Vec<Update>,
    #[serde(default)]
    distrel: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Update {
    release: Value,
    version: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// As a version, by PiSi's order.
const VERSION: Field = Field(1);
/// As it is written.
const VERSION_TEXT: Field = Field(2);
/// As a number.
const RELEASE: Field = Field(3);
/// As it is written.
const RELEASE_TEXT: Field = Field(4);

const BASE: &str = "system.base";

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Digits as bytes that sort as the number does.
fn number(digits: &str) -> Result<[u8; 8], String> {
    digits.parse::<u64>().map(u64::to_be_bytes).map_err(|_| format!("the release {digits} is no number"))
}

impl Package {
    /// Version and release: what the newest entry of the history says, where there is one.
    fn version(&self) -> (&str, String) {
        match self.history.first() {
            Some(update) => (&update.version, text(&update.release)),
            None => (&self.version, text(&self.release)),
        }
    }

    /// What decides whether it is newer: the distribution's release, then its own. Versions do not count.
    fn rank(&self) -> Result<Vec<u8>, String> {
        let distribution = self.distrel.as_ref().map_or_else(|| "0".to_owned(), text);
        Ok([&[1][..], &number(&distribution)?, &number(&self.version().1)?].concat())
    }

    /// Whether a security update came after `release`.
    fn mends(&self, release: &str) -> Result<bool, String> {
        for update in self.history.iter().filter(|update| update.kind == "security") {
            if number(&text(&update.release))? > number(release)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `name attribute=value ...`.
struct Relation<'a> {
    name: &'a str,
    /// Field, comparison, value.
    tests: Vec<(Field, Op, Vec<u8>)>,
    /// As people read it.
    shown: String,
}

fn relation(text: &str) -> Result<Relation<'_>, String> {
    let mut words = text.split_whitespace();
    let name = words.next().ok_or("a relation without a name")?;
    let (mut tests, mut shown) = (Vec::new(), name.to_owned());
    for word in words {
        let (attribute, value) = word.split_once('=').ok_or_else(|| format!("no attribute: {word}"))?;
        let version = || Version::parse(Order::Pisi, value).map_err(|error| error.to_string());
        let (test, words) = match attribute {
            "version" => ((VERSION_TEXT, Op::Equal, value.as_bytes().to_vec()), "version"),
            "versionFrom" => ((VERSION, Op::AtLeast, version()?.sort_key().to_vec()), "version >="),
            "versionTo" => ((VERSION, Op::AtMost, version()?.sort_key().to_vec()), "version <="),
            "release" => ((RELEASE_TEXT, Op::Equal, value.as_bytes().to_vec()), "release"),
            "releaseFrom" => ((RELEASE, Op::AtLeast, number(value)?.to_vec()), "release >="),
            "releaseTo" => ((RELEASE, Op::AtMost, number(value)?.to_vec()), "release <="),
            other => return Err(format!("no attribute {other}")),
        };
        tests.push(test);
        shown = format!("{shown} {words} {value}");
    }
    Ok(Relation { name, tests, shown })
}

impl Case {
    fn package(&self, (part, number): Place) -> &Package {
        if part == 0 { &self.repo[number] } else { &self.installed[number] }
    }

    fn place(&self, part: usize, name: &str) -> Option<Place> {
        let packages = if part == 0 { &self.repo } else { &self.installed };
        packages.iter().position(|package| package.name == name).map(|number| (part, number))
    }

    fn stock(&self) -> Result<Stock, String> {
        Stock::new([self.repo.len(), self.installed.len()], |builder, place, identity| {
            let package = self.package(place);
            let repository = builder.repository(if place.0 == 0 { "repository" } else { "installed" }, 0);
            let (version, release) = package.version();
            let parsed = Version::parse(Order::Pisi, version).map_err(|error| error.to_string())?;
            let added = builder.package(&PackageSpec {
                name: &package.name,
                version: &format!("{version}-{release}"),
                rank: &package.rank()?,
                arch: "",
                slot: "",
                identity,
                repository,
                flags: 0,
                fields: &[
                    FieldValue::new(VERSION, parsed.sort_key()),
                    FieldValue::new(VERSION_TEXT, version.as_bytes()),
                    FieldValue::new(RELEASE, &number(&release)?),
                    FieldValue::new(RELEASE_TEXT, release.as_bytes()),
                ],
            });
            for clause in self.clauses(package) {
                let atoms: Vec<AtomRef> =
                    clause.iter().map(|one| atom(builder, one)).collect::<Result<_, _>>()?;
                builder.clause(added, Kind::Depends, &atoms);
            }
            for conflict in &package.conflicts {
                let atom = atom(builder, conflict)?;
                builder.conflict(added, atom);
            }
            Ok(())
        })
    }

    /// All demands of a package; a component demands each of its members.
    fn clauses(&self, package: &Package) -> Vec<Vec<String>> {
        let members = package.compdeps.iter().flat_map(|component| {
            self.repo.iter().filter(move |member| member.partof == *component).map(|member| vec![member.name.clone()])
        });
        package.deps.iter().map(|one| vec![one.clone()]).chain(package.any.clone()).chain(members).collect()
    }

    /// Whether the first package declares a conflict with the second, and in which words.
    fn conflict(&self, first: Place, second: Place) -> Result<Option<String>, String> {
        for conflict in &self.package(first).conflicts {
            let conflict = relation(conflict)?;
            if first != second && conflict.name == self.package(second).name && self.meets(&conflict, second)? {
                return Ok(Some(conflict.shown));
            }
        }
        Ok(None)
    }

    fn meets(&self, relation: &Relation<'_>, place: Place) -> Result<bool, String> {
        let (version, release) = self.package(place).version();
        let parsed = Version::parse(Order::Pisi, version).map_err(|error| error.to_string())?;
        let release_number = number(&release)?;
        Ok(relation.tests.iter().all(|(field, op, key)| {
            let own = match *field {
                VERSION => parsed.sort_key(),
                VERSION_TEXT => version.as_bytes(),
                RELEASE => &release_number,
                _ => release.as_bytes(),
            };
            match op {
                Op::AtLeast => own >= &key[..],
                Op::AtMost => own <= &key[..],
                _ => own == &key[..],
            }
        }))
    }

    /// What the repository has that is newer than an installed package.
    fn newer(&self, name: &str) -> Result<Option<Place>, String> {
        let (Some(new), Some(old)) = (self.place(0, name), self.place(1, name)) else { return Ok(None) };
        let (newer, older) = (self.package(new), self.package(old));
        let counts = !self.security_only || newer.mends(&older.version().1)?;
        Ok((counts && newer.rank()? > older.rank()?).then_some(new))
    }

    fn base(&self) -> impl Iterator<Item = &Package> {
        self.repo.iter().filter(|package| !self.ignore_safety && package.partof == BASE)
    }

    fn is_base(&self, name: &str) -> bool {
        self.base().any(|package| package.name == name)
    }
}

fn atom(builder: &mut Builder, written: &str) -> Result<AtomRef, String> {
    let relation = relation(written)?;
    let keys: Vec<[(Field, &[u8]); 1]> =
        relation.tests.iter().map(|(field, _, key)| [(*field, &key[..])]).collect();
    let tests: Vec<Test<'_>> =
        relation.tests.iter().zip(&keys).map(|((_, op, _), keys)| Test { op: *op, keys }).collect();
    Ok(builder.atom(relation.name, Met::ByAny, &tests, &relation.shown))
}

/// What is wanted: packages of the repository, names of anything, or nothing of that name.
#[derive(Debug, Clone)]
enum Wish {
    Name(String),
    Exactly(Place),
    IfPossible(Place),
    Gone(String),
}

impl Case {
    /// Plans, and asks for removals only where it does not go without.
    fn fulfil(&self, stock: &Stock, wishes: &[Wish]) -> Result<Result<Plan, String>, String> {
        let first = self.attempt(stock, wishes, &[], false)?;
        let Err(reason) = first else { return Ok(first) };
        let wanted: Vec<Place> = wishes.iter().filter_map(|wish| self.wanted(wish)).collect();
        let mut given_up = Vec::new();
        for number in 0..self.installed.len() {
            for one in &wanted {
                if self.conflict(*one, (1, number))?.is_some() {
                    given_up.push(number);
                }
            }
        }
        let Ok(plan) = self.attempt(stock, wishes, &given_up, true)? else { return Ok(Err(reason)) };
        let named = |place: &Place| {
            wishes.iter().any(|wish| matches!(wish, Wish::Gone(name) if *name == self.package(*place).name))
        };
        for gone in plan.removed().iter().filter(|gone| !named(gone)) {
            let mut conflicting = false;
            for new in plan.installed() {
                conflicting |= self.conflict(new, *gone)?.is_some() || self.conflict(*gone, new)?.is_some();
            }
            if !conflicting {
                return Ok(Err(format!("{} would have to go", self.package(*gone).name)));
            }
        }
        Ok(Ok(plan))
    }

    fn wanted(&self, wish: &Wish) -> Option<Place> {
        match wish {
            Wish::Name(name) => self.place(0, name),
            Wish::Exactly(place) => Some(*place),
            Wish::IfPossible(_) | Wish::Gone(_) => None,
        }
    }

    fn attempt(
        &self,
        stock: &Stock,
        wishes: &[Wish],
        given_up: &[usize],
        removals: bool,
    ) -> Result<Result<Plan, String>, String> {
        let protected = |number: usize| self.is_base(&self.installed[number].name) && !given_up.contains(&number);
        let world = stock.world(|number| Some(Installed { protected: protected(number), ..Installed::default() }));
        let mut request =
            Request { jobs: Vec::new(), policy: Policy { removals, recommends: false, ..Policy::default() } };
        for wish in wishes {
            let job = match wish {
                Wish::Name(name) => Job::new(Verb::Install, Selector::named(name, &[]), name.clone()),
                Wish::Exactly(place) | Wish::IfPossible(place) => {
                    let package = stock.package(&world, *place)?;
                    let verb = if matches!(wish, Wish::Exactly(_)) { Verb::Install } else { Verb::Upgrade };
                    let name = self.package(*place).name.clone();
                    Job::new(verb, Selector::Packages(vec![package]), name).or_older()
                }
                Wish::Gone(name) => Job::new(Verb::Remove, Selector::named(name, &[]), name.clone()),
            };
            request.jobs.push(job);
        }
        stock.plan(&world, &request)
    }

    /// Wishes of every installation or upgrade: what belongs to the system's base is there, and newest. What cannot
    /// be had beside `wishes` is left out.
    fn with_base(&self, stock: &Stock, mut wishes: Vec<Wish>) -> Result<Vec<Wish>, String> {
        for package in self.base() {
            let wish = match (self.place(1, &package.name), self.newer(&package.name)?) {
                (None, _) => Wish::Name(package.name.clone()),
                (Some(_), Some(new)) => Wish::Exactly(new),
                (Some(_), None) => continue,
            };
            let mut more = wishes.clone();
            more.push(wish);
            let forced = !matches!(more.last(), Some(Wish::Name(_)));
            if forced || self.attempt(stock, &more, &[], false)?.is_ok() {
                wishes = more;
            }
        }
        Ok(wishes)
    }

    fn install(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
        let new = self.args.iter().filter(|name| self.place(1, name).is_none());
        let wishes = new.map(|name| Wish::Name(name.clone())).collect();
        self.fulfil(stock, &self.with_base(stock, wishes)?)
    }

    fn upgrade(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
        let names: Vec<&str> = if self.args.is_empty() {
            self.installed.iter().map(|package| package.name.as_str()).collect()
        } else {
            self.args.iter().map(String::as_str).collect()
        };
        let mut wishes: Vec<Wish> = self.obsoletes.iter().map(|name| Wish::Gone(name.clone())).collect();
        for name in names {
            wishes.extend(self.newer(name)?.map(Wish::Exactly));
        }
        let wishes = self.with_base(stock, wishes)?;
        let mut all = wishes.clone();
        for place in wishes.iter().filter_map(|wish| self.wanted(wish)) {
            let package = self.package(place);
            let moves_users = |action: &Value| action["_"] == "reverseDependencyUpdate";
            if package.actions.iter().any(moves_users) {
                all.extend(self.users_of(&package.name)?.into_iter().map(Wish::IfPossible));
            }
        }
        let planned = self.fulfil(stock, &all)?;
        if planned.is_ok() || !self.args.is_empty() {
            return Ok(planned);
        }
        // All of them do not go: as many as do.
        let soft = |wish: &Wish| match wish {
            Wish::Exactly(place) => Wish::IfPossible(*place),
            other => other.clone(),
        };
        self.fulfil(stock, &all.iter().map(soft).collect::<Vec<_>>())
    }

    /// What is newer than the installed packages that need one of that name.
    fn users_of(&self, name: &str) -> Result<Vec<Place>, String> {
        let mut users = Vec::new();
        for user in &self.installed {
            for clause in self.clauses(user) {
                for one in &clause {
                    if relation(one)?.name == name {
                        users.extend(self.newer(&user.name)?);
                    }
                }
            }
        }
        users.dedup();
        Ok(users)
    }

    fn remove(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
        let world = stock.world(|number| {
            Some(Installed { protected: self.is_base(&self.installed[number].name), ..Installed::default() })
        });
        let jobs = self.args.iter().map(|name| Job::new(Verb::Remove, Selector::named(name, &[]), name.clone()));
        let policy = Policy { removals: true, frozen: true, recommends: false, ..Policy::default() };
        stock.plan(&world, &Request { jobs: jobs.collect(), policy })
    }

    /// `{"installed_to_remove", "mutual", "pairs"}`.
    fn conflicts(&self, stock: &Stock) -> Result<Value, String> {
        let wishes: Vec<Wish> = self.args.iter().filter_map(|name| self.place(0, name)).map(Wish::Exactly).collect();
        let (mut to_remove, mut mutual, mut pairs) = (Vec::new(), Vec::new(), serde_json::Map::new());
        match self.fulfil(stock, &wishes)? {
            Ok(plan) => {
                for gone in plan.removed() {
                    to_remove.push(self.package(gone).name.clone());
                    for new in plan.installed() {
                        if let Some(shown) = self.conflict(new, gone)? {
                            pairs.insert(self.package(new).name.clone(), json!([shown]));
                        }
                    }
                }
            }
            Err(_) => {
                let wanted: Vec<Place> = wishes.iter().filter_map(|wish| self.wanted(wish)).collect();
                for (first, second) in wanted.iter().flat_map(|one| wanted.iter().map(move |other| (*one, *other))) {
                    if let Some(shown) = self.conflict(first, second)? {
                        mutual.extend([self.package(first).name.clone(), shown]);
                    }
                }
            }
        }
        Ok(json!({"ok": {"installed_to_remove": to_remove, "mutual": mutual, "pairs": pairs}}))
    }

    fn names(&self, places: &[Place]) -> Vec<String> {
        places.iter().map(|place| self.package(*place).name.clone()).collect()
    }

    /// As the original traces what it does: everything is fetched, then changed.
    fn trace(&self, plan: &Plan) -> Value {
        let mut trace: Vec<String> =
            self.names(&plan.installed()).iter().map(|name| format!("fetch {name}")).collect();
        trace.extend(self.changes(plan));
        json!({"ok": {"trace": trace}})
    }

    fn changes(&self, plan: &Plan) -> Vec<String> {
        let name = |place: &Place| &self.package(*place).name;
        let mut changes = Vec::new();
        for step in &plan.steps {
            match step {
                Step::Install(new, replaced) => {
                    // What is replaced under another name has gone.
                    let others = replaced.iter().filter(|old| name(old) != name(new));
                    changes.extend(others.map(|old| format!("remove {}", name(old))));
                    changes.push(format!("install {}", name(new)));
                }
                Step::Remove(old) => changes.push(format!("remove {}", name(old))),
            }
        }
        changes
    }

    fn answer(&self) -> Result<Value, String> {
        let stock = self.stock()?;
        let list = |planned: Result<Plan, String>| match planned {
            Ok(plan) => json!({"ok": self.names(&plan.installed())}),
            Err(reason) => json!({"error": "Impossible", "message": reason}),
        };
        let traced = |planned: Result<Plan, String>| match planned {
            Ok(plan) => self.trace(&plan),
            Err(reason) => json!({"error": "Impossible", "message": reason}),
        };
        Ok(match self.op.as_str() {
            "install" => list(self.install(&stock)?),
            "upgrade" => list(self.upgrade(&stock)?),
            "full_install" => traced(self.install(&stock)?),
            "full_upgrade" => traced(self.upgrade(&stock)?),
            "full_remove" => traced(self.remove(&stock)?),
            "remove" => match self.remove(&stock)? {
                Ok(plan) => json!({"ok": self.names(&plan.removed())}),
                Err(reason) => json!({"error": "Impossible", "message": reason}),
            },
            "conflicts" => self.conflicts(&stock)?,
            "upgradable" => {
                let planned = self.upgrade(&stock)?;
                list(planned)
            }
            other => return Err(format!("no operation {other}")),
        })
    }

    /// What has to come before what.
    fn before(&self) -> Result<Before, String> {
        let mut before = Before::default();
        let (installing, removing) = ((0, &self.repo), (1, &self.installed));
        for (part, packages) in [installing, removing] {
            for (number, package) in packages.iter().enumerate() {
                for clause in self.clauses(package) {
                    for one in &clause {
                        let one = relation(one)?;
                        let Some(used) = self.place(part, one.name) else { continue };
                        if self.meets(&one, used)? && part == 0 {
                            before.add(&format!("install {}", one.name), &format!("install {}", package.name));
                        } else if self.meets(&one, used)? {
                            before.add(&format!("remove {}", package.name), &format!("remove {}", one.name));
                        }
                    }
                }
                for other in 0..self.installed.len() {
                    if self.conflict((part, number), (1, other))?.is_some() && part == 0 {
                        let gone = format!("remove {}", self.installed[other].name);
                        before.add(&gone, &format!("install {}", package.name));
                    }
                }
            }
        }
        Ok(before)
    }

    fn same(&self, ours: &Value, theirs: &Value) -> Result<bool, String> {
        if ours.get("error").is_some() || theirs.get("error").is_some() {
            return Ok(ours.get("error").is_some() && theirs.get("error").is_some());
        }
        let (ours, theirs) = (&ours["ok"], &theirs["ok"]);
        let verb = if self.op.ends_with("remove") { "remove" } else { "install" };
        let steps = |value: &Value| -> Option<Vec<String>> {
            let words = |list: &Value| -> Vec<String> {
                list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            match value {
                Value::Array(_) => Some(words(value).into_iter().map(|name| format!("{verb} {name}")).collect()),
                Value::Object(all) => all.get("trace").map(words),
                _ => None,
            }
        };
        let (Some(mut our_steps), Some(mut their_steps)) = (steps(ours), steps(theirs)) else {
            return Ok(ours == theirs);
        };
        // Everything is fetched before anything changes, in whichever order.
        let mut fetched = |steps: &mut Vec<String>| {
            let count = steps.iter().take_while(|step| step.starts_with("fetch ")).count();
            let mut first: Vec<String> = steps.drain(..count).collect();
            first.sort();
            first
        };
        Ok(fetched(&mut our_steps) == fetched(&mut their_steps) && self.before()?.same(&our_steps, &their_steps))
    }
}

/// Answers a case. Where PiSi and eopkg differ, the order of either will do.
pub(super) fn compare(case: Case) -> Result<Compared, String> {
    let told = |reason: String| format!("{}: {reason}", case.name);
    let answer = case.answer().map_err(told)?;
    let mut same = case.same(&answer, &case.expect_pisi24).map_err(told)?;
    if let Some(eopkg) = case.expect_eopkg50.as_ref().filter(|eopkg| !eopkg.is_null()) {
        same |= case.same(&answer, eopkg).map_err(told)?;
    }
    Ok(Compared { name: case.name, answer, verdict: verdict(same), original: case.expect_pisi24 })
}
