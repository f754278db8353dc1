//! What the original's operations ask for.

use ambar_resolver::{Installed, Job, Policy, Request, Selector, Verb};
use serde_json::Value;

use super::super::stock::{Place, Plan, Stock};
use super::{Case, relation};

/// What is wanted: packages of the repository, names of anything, or nothing of that name.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Name(String),
    Exactly(Place),
    IfPossible(Place),
    Gone(String),
}

impl Case {
    /// Plans, and asks for removals only where it does not go without.
    pub(super) fn fulfil(&self, stock: &Stock, wishes: &[Wish]) -> Result<Result<Plan, String>, String> {
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

    pub(super) fn wanted(&self, wish: &Wish) -> Option<Place> {
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
        let protected =
            |number: usize| self.is_base(&self.installed[number].name) && !given_up.contains(&number);
        let world =
            stock.world(|number| Some(Installed { protected: protected(number), ..Installed::default() }));
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

    pub(super) fn install(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
        let new = self.args.iter().filter(|name| self.place(1, name).is_none());
        let wishes = new.map(|name| Wish::Name(name.clone())).collect();
        self.fulfil(stock, &self.with_base(stock, wishes)?)
    }

    pub(super) fn upgrade(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
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

    pub(super) fn remove(&self, stock: &Stock) -> Result<Result<Plan, String>, String> {
        let world = stock.world(|number| {
            Some(Installed { protected: self.is_base(&self.installed[number].name), ..Installed::default() })
        });
        let jobs =
            self.args.iter().map(|name| Job::new(Verb::Remove, Selector::named(name, &[]), name.clone()));
        let policy = Policy { removals: true, frozen: true, recommends: false, ..Policy::default() };
        stock.plan(&world, &Request { jobs: jobs.collect(), policy })
    }
}
