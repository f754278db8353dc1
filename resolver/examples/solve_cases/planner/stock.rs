//! Packages that are available and packages that are installed, as universes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::answer::sentences;
use ambar_resolver::universe::IDENTITY;
use ambar_resolver::{
    Answer, Builder, Change, Installed, PackageId, Request, Solution, Universe, World, solve,
};

/// Where a package is: 0 for those available, 1 for those installed; and its place in that list.
pub(super) type Place = (usize, usize);

/// Both lists, compiled.
pub(super) struct Stock {
    parts: [Universe; 2],
    ids: HashMap<Place, u32>,
    places: HashMap<(usize, u32), Place>,
}

impl Stock {
    /// Compiles both lists: `add` adds the package of a place under an identity of its own, so that an installed
    /// package and its twin that is available stay two packages, and the one can be installed over the other.
    pub(super) fn new(
        counts: [usize; 2],
        mut add: impl FnMut(&mut Builder, Place, [u8; 32]) -> Result<(), String>,
    ) -> Result<Stock, String> {
        let (mut parts, mut ids, mut places) = (Vec::new(), HashMap::new(), HashMap::new());
        for (part, count) in counts.into_iter().enumerate() {
            let mut builder = Builder::new();
            let mut by_identity = HashMap::new();
            for number in 0..count {
                let identity = *blake3::hash(format!("{part} {number}").as_bytes()).as_bytes();
                by_identity.insert(identity[..IDENTITY].to_vec(), number);
                add(&mut builder, (part, number), identity)?;
            }
            let bytes = builder.finish().map_err(|error| error.to_string())?;
            let universe = Universe::open(Arc::new(bytes)).map_err(|error| error.to_string())?;
            for id in 0..universe.len() {
                let number = by_identity.get(universe.identity(id)).ok_or("no such identity")?;
                ids.insert((part, *number), id);
                places.insert((part, id), (part, *number));
            }
            parts.push(universe);
        }
        let parts = <[Universe; 2]>::try_from(parts).map_err(|_| "two universes".to_owned())?;
        Ok(Stock { parts, ids, places })
    }

    /// Both together; `state` says how each of the second list is installed, or that it is not.
    pub(super) fn world(&self, state: impl Fn(usize) -> Option<Installed>) -> World<'_> {
        let mut installed: Vec<(usize, u32, Installed)> = self
            .ids
            .iter()
            .filter(|((part, _), _)| *part == 1)
            .filter_map(|((part, number), id)| Some((*part, *id, state(*number)?)))
            .collect();
        installed.sort_unstable_by_key(|(part, id, _)| (*part, *id));
        World::new(&[&self.parts[0], &self.parts[1]], &installed)
    }

    /// A package of the world.
    pub(super) fn package(&self, world: &World<'_>, place: Place) -> Result<PackageId, String> {
        let id = self.ids.get(&place).and_then(|id| world.id(place.0, *id));
        id.ok_or_else(|| format!("there is no package at {place:?}"))
    }

    /// Where a package of the world is from.
    pub(super) fn place(&self, world: &World<'_>, package: PackageId) -> Result<Place, String> {
        self.places.get(&world.origin(package)).copied().ok_or_else(|| "a package from nowhere".to_owned())
    }

    /// Solves, and gives what happens in order.
    pub(super) fn plan(&self, world: &World<'_>, request: &Request) -> Result<Result<Plan, String>, String> {
        match solve(world, request) {
            Answer::Solved(solution) => Ok(Ok(self.steps(world, &solution)?)),
            Answer::Impossible(problem) => Ok(Err(sentences(&problem))),
            Answer::Budget => Err("it took too many steps".to_owned()),
        }
    }

    fn steps(&self, world: &World<'_>, solution: &Solution) -> Result<Plan, String> {
        let mut plan = Plan::default();
        let changes = |step: &ambar_resolver::Step| step.changes.len();
        plan.groups = solution.steps.iter().map(changes).collect();
        for change in solution.steps.iter().flat_map(|step| &step.changes) {
            match change {
                Change::Install { package, replaces } => {
                    let replaces =
                        replaces.iter().map(|old| self.place(world, *old)).collect::<Result<Vec<_>, _>>()?;
                    plan.steps.push(Step::Install(self.place(world, *package)?, replaces));
                }
                Change::Remove { package } => plan.steps.push(Step::Remove(self.place(world, *package)?)),
            }
        }
        Ok(plan)
    }
}

/// What happens, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// How many of them happen at once, group by group.
    groups: Vec<usize>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A package comes, and these go for it.
    Install(Place, Vec<Place>),
    /// A package goes.
    Remove(Place),
}

impl Plan {
    /// The steps that happen at once, group by group.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Step]> {
        let mut rest = &self.steps[..];
        self.groups.iter().map(move |count| {
            let (group, behind) = rest.split_at((*count).min(rest.len()));
            rest = behind;
            group
        })
    }

    /// What comes, in order.
    pub(super) fn installed(&self) -> Vec<Place> {
        let place = |step: &Step| if let Step::Install(place, _) = step { Some(*place) } else { None };
        self.steps.iter().filter_map(place).collect()
    }

    /// What goes and is not replaced, in order.
    pub(super) fn removed(&self) -> Vec<Place> {
        let place = |step: &Step| if let Step::Remove(place) = step { Some(*place) } else { None };
        self.steps.iter().filter_map(place).collect()
    }
}
