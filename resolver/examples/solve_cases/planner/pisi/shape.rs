//! Our answers in the shape of the original's.

use serde_json::{Value, json};

use super::super::compare::Before;
use super::super::stock::{Place, Step, Stock};
use super::operations::Wish;
use super::{Case, relation};

impl Case {
    /// `{"installed_to_remove", "mutual", "pairs"}`.
    fn conflicts(&self, stock: &Stock) -> Result<Value, String> {
        let wishes: Vec<Wish> =
            self.args.iter().filter_map(|name| self.place(0, name)).map(Wish::Exactly).collect();
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
                for (first, second) in
                    wanted.iter().flat_map(|one| wanted.iter().map(move |other| (*one, *other)))
                {
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

    fn changes(&self, steps: &[Step]) -> Vec<String> {
        let name = |place: &Place| &self.package(*place).name;
        let mut changes = Vec::new();
        for step in steps {
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

    /// Our answer, and what has to come before what.
    pub(super) fn answer(&self) -> Result<(Value, Before), String> {
        let stock = self.stock()?;
        let mut before = self.before()?;
        let planned = match self.op.as_str() {
            "install" | "full_install" => self.install(&stock)?,
            "upgrade" | "full_upgrade" | "upgradable" => self.upgrade(&stock)?,
            "remove" | "full_remove" => self.remove(&stock)?,
            "conflicts" => return Ok((self.conflicts(&stock)?, before)),
            other => return Err(format!("no operation {other}")),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(reason) => return Ok((json!({"error": "Impossible", "message": reason}), before)),
        };
        for group in plan.groups() {
            before.together(&self.changes(group));
        }
        let answer = if self.op.starts_with("full_") {
            // As the original traces what it does: everything is fetched, then changed.
            let names = self.names(&plan.installed());
            let mut trace: Vec<String> = names.iter().map(|name| format!("fetch {name}")).collect();
            trace.extend(self.changes(&plan.steps));
            json!({"ok": {"trace": trace}})
        } else if self.op == "remove" {
            json!({"ok": self.names(&plan.removed())})
        } else {
            json!({"ok": self.names(&plan.installed())})
        };
        Ok((answer, before))
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
                            before
                                .add(&format!("install {}", one.name), &format!("install {}", package.name));
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

    /// Whether two answers say the same.
    pub(super) fn same(&self, ours: &Value, theirs: &Value, before: &Before) -> bool {
        if ours.get("error").is_some() || theirs.get("error").is_some() {
            return ours.get("error").is_some() && theirs.get("error").is_some();
        }
        let (ours, theirs) = (&ours["ok"], &theirs["ok"]);
        let verb = if self.op.ends_with("remove") { "remove" } else { "install" };
        let steps = |value: &Value| -> Option<Vec<String>> {
            let words = |list: &Value| -> Vec<String> {
                list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            match value {
                Value::Array(_) => {
                    Some(words(value).into_iter().map(|name| format!("{verb} {name}")).collect())
                }
                Value::Object(all) => all.get("trace").map(words),
                _ => None,
            }
        };
        let (Some(mut our_steps), Some(mut their_steps)) = (steps(ours), steps(theirs)) else {
            return ours == theirs;
        };
        // Everything is fetched before anything changes, in whichever order.
        let fetched = |steps: &mut Vec<String>| {
            let count = steps.iter().take_while(|step| step.starts_with("fetch ")).count();
            let mut first: Vec<String> = steps.drain(..count).collect();
            first.sort();
            first
        };
        fetched(&mut our_steps) == fetched(&mut their_steps) && before.same(&our_steps, &their_steps)
    }
}
