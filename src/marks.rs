//! Why packages are there: marking them as asked for, or as there for the sake of others.

use std::collections::BTreeSet;

use ambar_store::{Installed, Reason};

use crate::error::Error;
use crate::plan::{Action, Item, Plan};
use crate::planner::removal;
use crate::query::similar;

/// Plans to mark packages; those that are marked so already are left alone.
pub(crate) fn plan_mark(
    installed: &[Installed],
    names: &[String],
    reason: Reason,
    plan: &mut Plan,
) -> Result<(), Error> {
    if names.is_empty() {
        return Err(Error::Usage("no package names were given".into()));
    }
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for name in wanted {
        let Some(package) = installed.iter().find(|package| package.name == name) else {
            let known = installed.iter().map(|package| package.name.as_str());
            return Err(Error::NotInstalled { name: name.into(), similar: similar(name, known) });
        };
        plan.items.extend(marked(package, reason));
    }
    Ok(())
}

/// The change that gives an installed package a reason; `None` when it has that one.
pub(crate) fn marked(package: &Installed, reason: Reason) -> Option<Item> {
    (package.reason != reason).then(|| Item { action: Action::Mark, reason, ..removal(package) })
}
