//! The same case, told in another order.

use crate::case::{Case, Package};

/// The case with its packages in the order of `keys`, and for each of its packages its place in the original.
pub(crate) fn shuffled(case: &Case, keys: &[u64]) -> (Case, Vec<usize>) {
    let mut origin: Vec<usize> = (0..case.packages.len()).collect();
    origin.sort_by_key(|id| (keys[id % keys.len()].wrapping_mul(*id as u64 + 1).rotate_left(17), *id));
    let mut place = vec![0; origin.len()];
    for (new, old) in origin.iter().enumerate() {
        place[*old] = new;
    }
    let mut told = case.clone();
    told.packages =
        origin.iter().enumerate().map(|(id, old)| Package { id, ..case.packages[*old].clone() }).collect();
    told.installed = case.installed.iter().map(|id| place[*id]).collect();
    told.installed.reverse();
    let jobs = &mut told.request;
    for job in [
        &mut jobs.install,
        &mut jobs.remove,
        &mut jobs.upgrade,
        &mut jobs.dist_upgrade,
        &mut jobs.lock,
        &mut jobs.favor,
        &mut jobs.disfavor,
    ]
    .into_iter()
    .flatten()
    {
        job.ids = job.ids.iter().map(|id| place[*id]).collect();
    }
    (told, origin)
}

/// What packages are, so that copies in one repository count as one.
pub(crate) fn told(case: &Case, ids: &[usize]) -> Vec<String> {
    let mut told: Vec<String> =
        ids.iter().map(|id| format!("{:?}", Package { id: 0, ..case.packages[*id].clone() })).collect();
    told.sort();
    told
}
