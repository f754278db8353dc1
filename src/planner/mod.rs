//! Making plans: from a request and what is installed to a list of what will change. Nothing is written.

mod candidates;
mod choose;
mod install;
mod paths;
mod remove;
mod wanted;
mod why;

use ambar_pkgfmt::{Digest, Instance, Manifest};
use ambar_store::{Installed, MtimePolicy, Profile, Record, Store, counterpart};

use crate::error::Error;
use crate::marks::{marked, plan_mark};
use crate::plan::{Action, Item, Options, OsPath, Plan, Request};
use crate::root::Root;
use candidates::step;
use choose::Wish;

pub(crate) use candidates::hash;
pub use why::{Why, WhyNot};

/// What a plan is made against.
struct Base {
    root: Option<ambar_store::Root>,
    live: Option<(Record, Digest)>,
    /// Manifests of what is installed, in the order of the record.
    manifests: Vec<Manifest>,
}

impl Base {
    fn new(root: &Root) -> Result<Base, Error> {
        let found = root.found()?;
        let live = found.as_ref().map(ambar_store::Root::live).transpose()?.flatten();
        let mut manifests = Vec::new();
        if let (Some(found), Some((record, _))) = (&found, &live) {
            for package in &record.packages {
                manifests.push(found.store().manifest(package.id)?);
            }
        }
        Ok(Base { root: found, live, manifests })
    }

    fn installed(&self) -> &[Installed] {
        self.live.as_ref().map_or(&[], |(record, _)| &record.packages)
    }
}

impl Base {
    /// What a package of that instance takes the place of.
    fn find(&self, instance: &Instance) -> Option<(&Installed, &Manifest)> {
        let found = counterpart(self.installed(), instance)?;
        self.installed().iter().zip(&self.manifests).find(|(package, _)| package.id == found.id)
    }
}

impl Root {
    /// Plans a request against what is live now. Nothing is changed, and no lock is taken.
    ///
    /// # Errors
    /// [`Error`] for files that cannot be read, names that are not installed, relations that would not hold,
    /// paths that are in conflict, or things in the way: in each case nothing has happened.
    pub fn plan(&self, request: Request) -> Result<Plan, Error> {
        let base = Base::new(self)?;
        let mut plan = Plan {
            root: OsPath(std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_owned())),
            parent: base.live.as_ref().map(|(record, digest)| (record.number, *digest)),
            request: request.absolute(),
            items: Vec::new(),
            activates: None,
            notes: Vec::new(),
            questions: Vec::new(),
            steps: Vec::new(),
        };
        match request {
            Request::Install { files, names, from, options } => {
                if files.is_empty() && names.is_empty() {
                    return Err(Error::Usage("nothing was named that is to be installed".into()));
                }
                self.plan_change(&base, &Wish::Install { names }, &files, &from, &options, &mut plan)?;
            }
            Request::Upgrade { names, from, options } => {
                self.plan_change(&base, &Wish::Upgrade { names }, &[], &from, &options, &mut plan)?;
            }
            Request::Downgrade { names, from, options } => {
                self.plan_change(&base, &Wish::Downgrade { names }, &[], &from, &options, &mut plan)?;
            }
            Request::Remove { names, options } => self.plan_remove(&base, &names, &options, &mut plan)?,
            Request::Autoremove { options } => self.plan_autoremove(&base, &options, &mut plan)?,
            Request::Activate { generation } => plan_activate(&base, generation, &mut plan)?,
            Request::Mark { names, reason } => plan_mark(base.installed(), &names, reason, &mut plan)?,
        }
        plan.items.sort_by_cached_key(|item| (item.instance(), item.action));
        Ok(plan)
    }

    /// How package metadata goes to disk in this root.
    pub(crate) fn profile_of(root: Option<&ambar_store::Root>, options: &Options) -> Result<Profile, Error> {
        let (privileged, exact) = match root {
            Some(root) => (root.store().is_privileged()?, root.config().mtime == MtimePolicy::Exact),
            None => (rustix::process::geteuid().is_root(), false),
        };
        Ok(Profile::new(privileged, options.strip_setuid, exact))
    }

    fn profile(&self, base: &Base, options: &Options) -> Result<Profile, Error> {
        Root::profile_of(base.root.as_ref(), options)
    }
}

pub(crate) fn removal(old: &Installed) -> Item {
    Item {
        action: Action::Remove,
        name: old.name.clone(),
        version: old.full_version(),
        replaces: None,
        arch: old.arch.clone(),
        slot: old.slot.clone(),
        tag: old.tag.clone(),
        coinstallable: old.coinstallable,
        reason: old.reason,
        file: None,
        package: Some(old.id),
        installed_size: old.installed_size,
        stored: 0,
        entries: 0,
        setuid: Vec::new(),
        scripts: Vec::new(),
    }
}

fn plan_activate(base: &Base, generation: Option<u64>, plan: &mut Plan) -> Result<(), Error> {
    let (Some(root), Some((live, _))) = (&base.root, &base.live) else { return Err(Error::NothingBefore) };
    let number = match generation {
        Some(number) => number,
        None => live.parent.ok_or(Error::NothingBefore)?,
    };
    if !root.generations()?.contains(&number) {
        return Err(ambar_store::Error::NoGeneration(number).into());
    }
    let (target, _) = root.record(number)?;
    plan.activates = Some(number);
    plan.items = difference(root.store(), live, &target)?;
    Ok(())
}

/// What changes from one generation to another, sorted by instance.
pub(crate) fn difference(store: &Store, from: &Record, to: &Record) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    for new in &to.packages {
        let old = from.counterpart(&new.instance());
        let action = match old {
            None => Action::Install,
            Some(old) if old.id == new.id && old.profile == new.profile => {
                items.extend(marked(old, new.reason));
                continue;
            }
            Some(old) => step(&store.manifest(new.id)?, &store.manifest(old.id)?),
        };
        items.push(Item {
            action,
            version: new.full_version(),
            replaces: old.map(Installed::full_version),
            stored: new.installed_size,
            ..removal(new)
        });
    }
    // One may have taken the place of several: it is shown in that of its counterpart.
    let stays = |old: &&Installed| {
        let new = to.counterpart(&old.instance())?;
        from.counterpart(&new.instance()).filter(|counterpart| counterpart.id == old.id)
    };
    items.extend(from.packages.iter().filter(|old| stays(old).is_none()).map(removal));
    items.sort_by_cached_key(Item::instance);
    Ok(items)
}
