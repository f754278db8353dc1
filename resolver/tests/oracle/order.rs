//! Whether an order of steps is one.

use super::model::{Model, State, members, state};

/// Everything that is wrong with the steps from what is installed to `last`: each step is a set of packages that
/// come, go, or do both together. What a package needs must be there before it or with it; whoever needs a package
/// that goes must have gone before it or with it.
pub(crate) fn order_faults(model: &Model<'_>, last: State, steps: &[Vec<usize>]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen: State = 0;
    for step in steps.iter().flatten() {
        if seen >> step & 1 == 1 {
            faults.push(format!("{step} has two steps"));
        }
        seen |= 1 << step;
    }
    let changed = last ^ model.installed;
    if seen != changed {
        faults.push(format!("steps for {:?}, changes of {:?}", members(seen), members(changed)));
    }
    let groups: Vec<State> = steps.iter().map(|step| state(step)).collect();
    let place = |id: usize| groups.iter().position(|group| group >> id & 1 == 1);
    for (position, group) in groups.iter().enumerate() {
        for id in members(group & last) {
            for clause in &model.depends[id] {
                let ready = |other: &usize| place(*other).is_none_or(|place| place <= position);
                let met = clause & last;
                if met != 0 && !members(met).iter().any(ready) {
                    faults.push(format!("{id} comes before everything that meets one of its clauses"));
                }
            }
        }
        for id in members(group & !last) {
            let later = groups[position + 1..].iter().fold(0, |all, group| all | group) & !last;
            for user in members(later) {
                let needs = model.depends[user].iter().any(|clause| {
                    clause >> id & 1 == 1
                        && clause & model.installed & !removed_by(&groups[..position], last) == 1 << id
                });
                if needs {
                    faults.push(format!("{id} goes before {user}, which needs it"));
                }
            }
        }
    }
    faults
}

fn removed_by(groups: &[State], last: State) -> State {
    groups.iter().fold(0, |all, group| all | group & !last)
}
