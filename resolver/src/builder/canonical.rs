//! The canonical order of packages.

use std::cmp::{Ordering, Reverse};

use super::interner::part;
use super::{Builder, Package};
use crate::groups::Groups;

/// Packages in canonical order, each once.
pub(super) struct Ordered {
    /// Builder's number of each.
    pub(super) packages: Vec<u32>,
    /// Where each of the builder's packages is; one that stands twice is where the first is.
    pub(super) place: Vec<u32>,
    /// Whether a builder's package is one that stands already.
    pub(super) repeated: Vec<bool>,
}

impl Ordered {
    /// Of packages whose names are numbers in the order of names, of which there are so many.
    pub(super) fn new(builder: &Builder, names: usize, string_place: &[u32]) -> Ordered {
        let (blob, packages) = (&builder.blob, &builder.packages);
        let repository = |package: &Package| {
            let (name, priority) = builder.repositories[package.repository as usize];
            (Reverse(priority), string_place[name as usize])
        };
        let compare = |a: u32, b: u32| {
            let (a, b) = (&packages[a as usize], &packages[b as usize]);
            let text = |id: u32| string_place[id as usize];
            (part(blob, b.rank).cmp(part(blob, a.rank)))
                .then_with(|| text(a.slot).cmp(&text(b.slot)))
                .then_with(|| text(a.arch).cmp(&text(b.arch)))
                .then_with(|| repository(a).cmp(&repository(b)))
                .then_with(|| part(blob, a.version).cmp(part(blob, b.version)))
                .then_with(|| a.identity.cmp(&b.identity))
        };
        let mut by_name = Groups::new(names, packages.iter().map(|package| package.name));
        by_name.sort_each(compare);
        let mut ordered = Ordered {
            packages: Vec::with_capacity(packages.len()),
            place: vec![0; packages.len()],
            repeated: vec![false; packages.len()],
        };
        for id in by_name.positions {
            let same = ordered.packages.last().is_some_and(|last: &u32| {
                packages[*last as usize].name == packages[id as usize].name
                    && compare(*last, id) == Ordering::Equal
            });
            if !same {
                ordered.packages.push(id);
            }
            ordered.repeated[id as usize] = same;
            ordered.place[id as usize] = ordered.packages.len() as u32 - 1;
        }
        ordered
    }
}
