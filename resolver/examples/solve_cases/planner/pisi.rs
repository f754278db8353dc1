//! Cases of PiSi's planner.
//!
//! What the original does by rule is asked for here as jobs: names to install, newer releases to install, names to
//! remove; packages of `system.base` are protected, and brought in or renewed along with every installation.
//! Every question of the original was answered with yes, so where nothing else will do, packages that conflict
//! with what is wanted may go, protected ones too if it is them that a wanted package conflicts with. No question
//! was asked about packages that merely break, so those may not.

mod operations;
mod shape;

use ambar_pkgfmt::version::{Order, Version};
use ambar_resolver::{AtomRef, Builder, Field, FieldValue, Kind, Met, Op, PackageSpec, Test};
use serde::Deserialize;
use serde_json::Value;

use super::stock::{Place, Stock};
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
            self.repo
                .iter()
                .filter(move |member| member.partof == *component)
                .map(|member| vec![member.name.clone()])
        });
        package.deps.iter().map(|one| vec![one.clone()]).chain(package.any.clone()).chain(members).collect()
    }

    /// Whether the first package declares a conflict with the second, and in which words.
    fn conflict(&self, first: Place, second: Place) -> Result<Option<String>, String> {
        for conflict in &self.package(first).conflicts {
            let conflict = relation(conflict)?;
            if first != second
                && conflict.name == self.package(second).name
                && self.meets(&conflict, second)?
            {
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

/// Answers a case. Where PiSi and eopkg differ, the order of either will do.
pub(super) fn compare(case: Case) -> Result<Compared, String> {
    let told = |reason: String| format!("{}: {reason}", case.name);
    let (answer, before) = case.answer().map_err(told)?;
    let mut same = case.same(&answer, &case.expect_pisi24, &before);
    if let Some(eopkg) = case.expect_eopkg50.as_ref().filter(|eopkg| !eopkg.is_null()) {
        same |= case.same(&answer, eopkg, &before);
    }
    Ok(Compared { name: case.name, answer, verdict: verdict(same), original: case.expect_pisi24 })
}
