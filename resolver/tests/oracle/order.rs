//! Whether an order of steps is one.

use super::model::{Model, State, members, state};

/// Everything that is wrong with the steps from what is installed to `last`: each step is a set of packages that
/// come, go, or do both together. What a package needs must be there before it or come with it, unless it comes
/// never; and nothing goes before a package that goes as well and still needs it.
pub(crate) fn order_faults(model: &Model<'_>, last: State, steps: &[Vec<usize>]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut changed: State = 0;
    let mut present = model.installed;
    for step in steps {
        let group = state(step);
        if changed & group != 0 || group.count_ones() as usize != step.len() {
            faults.push(format!("{step:?} has a package that has had its step"));
        }
        changed |= group;
        let before = present;
        present = present & !group | group & last;
        for id in members(group & last) {
            // Of the packages that are there in the end and meet the clause one must be there now.
            let late = |clause: &&State| **clause & last != 0 && **clause & last & present == 0;
            for clause in model.depends[id].iter().filter(late) {
                faults
                    .push(format!("{id} comes before all of {:?}, which it needs", members(*clause & last)));
            }
        }
        if group & last == 0 {
            for user in members(before & present & !last) {
                let broken = |clause: &&State| **clause & before != 0 && **clause & present == 0;
                if model.depends[user].iter().any(|clause| broken(&clause)) {
                    faults.push(format!("{step:?} goes before {user}, which needs it"));
                }
            }
        }
        if step.len() > 1 && !is_one(model, group, last) {
            faults.push(format!("{step:?} are one step for no reason"));
        }
    }
    if changed != last ^ model.installed {
        faults.push(format!(
            "steps for {:?}, changes of {:?}",
            members(changed),
            members(last ^ model.installed)
        ));
    }
    faults
}

/// Whether there is a reason to change all of these at once: every two of them are joined through others of them
/// by a demand, by exclusion, or by being versions of one package, in both directions taken together.
fn is_one(model: &Model<'_>, group: State, last: State) -> bool {
    let strong = |from: usize| {
        let needs = model.depends[from].iter().fold(0, |all, clause| all | clause);
        let against = model.conflicts[from] | model.obsoletes[from] | model.places[from];
        let declared = members(group)
            .into_iter()
            .filter(|other| (model.conflicts[*other] | model.obsoletes[*other]) >> from & 1 == 1)
            .fold(0, |all, other| all | 1 << other);
        (needs | against | declared) & group
    };
    // Removal turns demands round: then the user comes first.
    let users = |of: usize| {
        let needs = |user: &usize| {
            last >> user & 1 == 0 && model.depends[*user].iter().any(|clause| clause >> of & 1 == 1)
        };
        members(group).into_iter().filter(needs).fold(0, |all, user| all | 1 << user)
    };
    let mut reached: State = group & group.wrapping_neg();
    loop {
        let next = members(reached).into_iter().fold(reached, |all, id| all | strong(id) | users(id));
        if next == reached {
            return reached == group;
        }
        reached = next;
    }
}
