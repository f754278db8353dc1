//! Why packages are there: marking them as asked for, or as there for the sake of others.

use std::collections::BTreeMap;

use ambar_pkgfmt::Instance;
use ambar_store::{Installed, Reason};

use crate::error::Error;
use crate::plan::{Action, Item, Plan};
use crate::planner::removal;
use crate::select::select;

/// Plans to mark packages, of several with one name all that are meant; those that are marked so already are left
/// alone.
pub(crate) fn plan_mark(
    installed: &[Installed],
    names: &[String],
    reason: Reason,
    plan: &mut Plan,
) -> Result<(), Error> {
    if names.is_empty() {
        return Err(Error::Usage("no package names were given".into()));
    }
    let mut wanted: BTreeMap<Instance, &Installed> = BTreeMap::new();
    for name in names {
        wanted.extend(select(installed, name)?.into_iter().map(|package| (package.instance(), package)));
    }
    plan.items.extend(wanted.into_values().filter_map(|package| marked(package, reason)));
    Ok(())
}

/// The change that gives an installed package a reason; `None` when it has that one.
pub(crate) fn marked(package: &Installed, reason: Reason) -> Option<Item> {
    (package.reason != reason).then(|| Item { action: Action::Mark, reason, ..removal(package) })
}
