//! Plans that remove packages: those that are named with all that need them, and those that nobody needs.

use std::collections::BTreeMap;

use ambar_pkgfmt::Manifest;
use ambar_resolver::universe::flags;
use ambar_resolver::{Falls, PackageId as Id, World, dependents, order, orphans};

use super::choose::Ground;
use super::{Base, removal};
use crate::error::{Error, Problem};
use crate::plan::{Options, Plan};
use crate::root::Root;

/// How long a chain may be that is told whole.
const LINKS: usize = 10;

impl Root {
    pub(super) fn plan_remove(
        &self,
        base: &Base,
        names: &[String],
        options: &Options,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        if names.is_empty() {
            return Err(Error::Usage("no package names were given".into()));
        }
        let (policy, sets) = (self.policy()?, self.sets()?);
        let ground = Ground::new(base, &[], &[], &policy, &sets, options.ignore_dependency)?;
        let world = ground.world(&|_| false);
        // One name is one package, unless a set is named.
        for name in names.iter().filter(|name| !(name.starts_with('@') && sets.has(&name[1..]))) {
            crate::select::select_one(base.installed(), name)?;
        }
        let named = ground.installed(&world, names)?;
        let falls = dependents(&world, &named);
        let also: Vec<&Falls> = falls.iter().filter(|fall| fall.because_of.is_some()).collect();
        if options.no_dependents && !also.is_empty() {
            let problem = |fall: &&Falls| Problem {
                package: world.name(fall.package).into(),
                message: because(&world, fall),
            };
            return Err(Error::Needed(also.iter().map(problem).collect()));
        }
        self.remove_all(base, &ground, &world, &falls, options, plan)?;
        plan.notes.extend(also.iter().map(|fall| format!("{}, and goes too", because(&world, fall))));
        policy.consult(&[], &base.manifests, plan)
    }

    pub(super) fn plan_autoremove(
        &self,
        base: &Base,
        options: &Options,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let (policy, sets) = (self.policy()?, self.sets()?);
        let ground = Ground::new(base, &[], &[], &policy, &sets, options.ignore_dependency)?;
        let world = ground.world(&|_| false);
        let falls = dependents(&world, &orphans(&world, !options.no_recommends));
        self.remove_all(base, &ground, &world, &falls, options, plan)?;
        policy.consult(&[], &base.manifests, plan)
    }

    fn remove_all(
        &self,
        base: &Base,
        ground: &Ground<'_>,
        world: &World<'_>,
        falls: &[Falls],
        options: &Options,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let positions = ground.positions(world);
        let manifest = |id: Id| -> Option<(usize, &Manifest)> {
            let position = *positions.get(&id)?;
            Some((position, &base.manifests[position]))
        };
        let by_package: BTreeMap<Id, &Falls> = falls.iter().map(|fall| (fall.package, fall)).collect();
        let policy = self.policy()?;
        for fall in falls {
            let chain = || fall.because_of.map(|_| chain(world, &by_package, fall));
            let protected = world.flags(fall.package) & flags::PROTECTED != 0;
            if protected && !options.remove_essential {
                return Err(Error::Essential { package: world.name(fall.package).into(), chain: chain() });
            }
            if let Some((position, manifest)) = manifest(fall.package) {
                if let Some(rule) = policy.protected(manifest) {
                    return Err(Error::Protected {
                        package: manifest.name.clone(),
                        rule: Box::new(rule.clone()),
                        chain: chain(),
                    });
                }
                plan.items.push(removal(&base.installed()[position]));
            }
        }
        let mut gone: Vec<Id> = falls.iter().map(|fall| fall.package).collect();
        gone.sort_unstable();
        plan.steps = ground.steps(world, &order(world, &[], &gone));
        Ok(())
    }
}

/// The whole way from a package that goes along down to one that is named.
fn chain(world: &World<'_>, falls: &BTreeMap<Id, &Falls>, fall: &Falls) -> String {
    let next = |fall: &&Falls| falls.get(&fall.because_of?).copied();
    let links = std::iter::successors(Some(fall), next).take(falls.len());
    let mut texts: Vec<String> =
        links.filter(|fall| fall.because_of.is_some()).map(|fall| because(world, fall)).collect();
    if texts.len() > LINKS {
        let left_out = texts.len() - LINKS;
        texts.splice(LINKS / 2..LINKS / 2 + left_out, [format!("and so on {left_out} times")]);
    }
    texts.join(", ")
}

/// Why a package goes with others.
fn because(world: &World<'_>, fall: &Falls) -> String {
    let name = world.name(fall.package);
    match (fall.because_of, fall.demand(world)) {
        (Some(cause), Some(demand)) if demand.split([' ', ':']).next() == Some(world.name(cause)) => {
            format!("{name} needs {demand}")
        }
        (Some(cause), Some(demand)) => format!("{name} needs {demand}, which is {}", world.name(cause)),
        _ => format!("{name} is named"),
    }
}
