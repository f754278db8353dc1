//! Lists of rules: one match expression a line.

use std::collections::HashMap;
use std::fmt;

use ambar_pkgfmt::expression::Expression;
use ambar_pkgfmt::path::Shown;
use ambar_pkgfmt::relation::{Target, TargetKind, parse_alternatives};
use ambar_store::Dir;
use serde::Serialize;

use super::error::PolicyProblem;
use super::pattern::{Described, Matcher, last};
use super::sets::Lazy;
use super::text::Text;
use crate::error::Error;
use crate::plan::OsPath;

/// Most targets of all rules of a file, sets opened.
const TARGETS: usize = 100_000;
/// Most of them that have `*` or `?` in their names: each takes some ten KiB.
const PATTERNS: usize = 10_000;

/// A rule: a line of a policy file.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// The match expression, as it stands in the file.
    pub expression: String,
    /// The file.
    pub file: OsPath,
    /// The line in it, from 1.
    pub line: usize,
    /// The comments above it, or empty.
    pub reason: String,
    /// Any one of these will do.
    #[serde(skip)]
    matchers: Vec<Matcher>,
}

impl Rule {
    /// Whether it means that package.
    pub fn matches<'p>(&self, package: impl Into<Described<'p>>) -> bool {
        let package = package.into();
        self.matchers.iter().any(|matcher| matcher.matches(package))
    }

    /// Whether it goes by the names of packages alone, and not by what they are or provide.
    #[must_use]
    pub fn is_about_names(&self) -> bool {
        self.matchers.iter().all(|matcher| matcher.target.kind == TargetKind::Package)
    }

    /// Whether it may mean packages of that name, in some version.
    #[must_use]
    pub fn may_mean(&self, name: &str) -> bool {
        self.matchers.iter().any(|matcher| matcher.may_mean(name))
    }
}

/// Expression, place and reason, on one line.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' in {}:{}", Shown(self.expression.as_bytes()), self.file.0.display(), self.line)?;
        if !self.reason.is_empty() {
            write!(f, " ({})", Shown(self.reason.replace('\n', " ").as_bytes()))?;
        }
        Ok(())
    }
}

/// The rules of one file, in its order. A package is compared only with those that may mean it.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// The rules that name a package without a pattern, by the last part of that name.
    named: HashMap<String, Vec<usize>>,
    /// All the others, ascending.
    others: Vec<usize>,
}

impl Rules {
    pub(super) fn load(dir: &Dir, name: &str, sets: &Lazy<'_>) -> Result<Rules, Error> {
        let text = Text::read(dir, name)?;
        let mut rules = Rules::default();
        let (mut targets, mut patterns) = (0, 0);
        for line in text.lines() {
            let mut matchers = Vec::new();
            for target in parse(&line.text).map_err(|problem| text.error(&line, problem))? {
                for target in sets.expanded(target)? {
                    let matcher = Matcher::new(target).map_err(|problem| text.error(&line, problem))?;
                    targets += 1;
                    patterns += usize::from(matcher.name.literal().is_none());
                    if targets > TARGETS || patterns > PATTERNS {
                        let problem = PolicyProblem::TooMany { targets: TARGETS, patterns: PATTERNS };
                        return Err(text.error(&line, problem));
                    }
                    matchers.push(matcher);
                }
            }
            rules.push(Rule {
                expression: line.text,
                file: OsPath(text.file.clone()),
                line: line.number,
                reason: line.reason,
                matchers,
            });
        }
        Ok(rules)
    }

    fn push(&mut self, rule: Rule) {
        let number = self.rules.len();
        let literal = |matcher: &Matcher| match matcher.target.kind {
            TargetKind::Package => matcher.name.literal().map(|name| last(name).to_owned()),
            TargetKind::Component | TargetKind::Capability => None,
        };
        match rule.matchers.iter().map(literal).collect::<Option<Vec<String>>>() {
            Some(names) => {
                for name in names {
                    let known = self.named.entry(name).or_default();
                    if known.last() != Some(&number) {
                        known.push(number);
                    }
                }
            }
            None => self.others.push(number),
        }
        self.rules.push(rule);
    }

    /// The first rule that means the package.
    pub fn rule_for<'p>(&self, package: impl Into<Described<'p>>) -> Option<&Rule> {
        let package = package.into();
        let first = |numbers: &[usize]| {
            numbers
                .iter()
                .copied()
                .find(|&number| self.rules.get(number).is_some_and(|rule| rule.matches(package)))
        };
        let named = self.named.get(last(&package.manifest.name)).and_then(|numbers| first(numbers));
        let other = first(&self.others);
        let number = named.into_iter().chain(other).min()?;
        self.rules.get(number)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

/// What a line says. `*` and `?` may stand in its names. What is no relation may be an expression of Entropy's, with
/// its category.
pub(super) fn parse(expression: &str) -> Result<Vec<Target>, PolicyProblem> {
    match parse_alternatives(expression) {
        Ok(targets) => Ok(targets),
        Err(error) => {
            let entropy = expression.parse::<Expression>().ok().filter(|one| one.blocker.is_none());
            Ok(entropy.and_then(|one| one.said()).map(|said| said.targets).ok_or(error)?)
        }
    }
}
