//! Carrying out plans: lock, store, commit.

use std::collections::BTreeMap;
use std::fs::File;

use ambar_pkgfmt::{Instance, Limits, PackageFile};
use ambar_store::{Installed, Made, ObjectId, Reason, Writer};

use rayon::prelude::*;

use crate::base::{base, find_base};
use crate::error::Error;
use crate::ingest::{Job, ingest};
use crate::observer::{Event, Observer, Watching};
use crate::plan::{Action, Item, Options, OsPath, Outcome, Plan, PlannedFile};
use crate::root::{self, Root};

/// How many packages may turn out to need their content again before that is an error.
const REPAIRS: usize = 64;

impl Plan {
    /// Carries the plan out on the root that it names.
    ///
    /// # Errors
    /// As [`Root::execute`].
    pub fn execute(&self, observer: &dyn Observer) -> Result<Outcome, Error> {
        Root::open(&self.root.0)?.execute(self, observer)
    }
}

impl Root {
    /// Carries out a plan. If the root has moved on since, the request is planned again, and goes on only if
    /// that comes to the same changes.
    ///
    /// # Errors
    /// [`Error`]; the live generation is what it was, and nothing is left behind. After the switch nothing
    /// is an error any more: what could not be finished is in [`Outcome::pending`].
    pub fn execute(&self, plan: &Plan, observer: &dyn Observer) -> Result<Outcome, Error> {
        if plan.is_empty() {
            let live = plan.parent.map(|(number, _)| number);
            return Ok(Outcome::unchanged(live));
        }
        let unanswered = plan.unanswered();
        if !unanswered.is_empty() {
            return Err(Error::Unanswered(unanswered.into_iter().cloned().collect()));
        }
        let (store, made) = self.made()?;
        let mut done = self.execute_in(&store, plan, observer);
        if let Ok(outcome) = &mut done
            && let Err(error) = crate::policy::remember_licences(&store, &plan.questions)
        {
            outcome.pending.push(format!("which licences were accepted is not remembered: {error}"));
        }
        if let (Err(_), root::Made::Root { directories }) = (&done, made) {
            // A root that came to nothing is not left behind; should that fail, an empty one is.
            drop(store.unmake(&directories));
        }
        done
    }

    fn execute_in(
        &self,
        store: &ambar_store::Root,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> Result<Outcome, Error> {
        let mut damaged: Vec<Instance> = Vec::new();
        loop {
            match self.attempt(store, plan, &damaged, observer) {
                // An object was changed behind our back: its package is stored again, from its own file.
                Err(Error::Store(ambar_store::Error::DamagedObject { package, .. }))
                    if damaged.len() < REPAIRS
                        && !damaged.contains(&package)
                        && self.has_source(store, plan, &package)? =>
                {
                    damaged.push(*package);
                }
                done => return done,
            }
        }
    }

    /// Whether a package's content can be had: from a file of the plan, or from the cache.
    fn has_source(&self, store: &ambar_store::Root, plan: &Plan, package: &Instance) -> Result<bool, Error> {
        if plan.items.iter().any(|item| item.file.is_some() && item.instance() == *package) {
            return Ok(true);
        }
        let live = store.live()?.and_then(|(record, _)| record.counterpart(package).cloned());
        match live {
            Some(installed) => Ok(cached_file(store, &installed, self.limits())?.is_some()),
            None => Ok(false),
        }
    }

    fn attempt(
        &self,
        store: &ambar_store::Root,
        plan: &Plan,
        damaged: &[Instance],
        observer: &dyn Observer,
    ) -> Result<Outcome, Error> {
        let watch = Watching(observer);
        if observer.cancelled() {
            return Err(ambar_store::Error::Cancelled.into());
        }
        let writer = Writer::begin(store, &watch)?;
        self.check_parent(plan, &writer)?;
        let cause = plan.cause();
        if let Some(number) = plan.activates {
            return Ok(writer.activate(number, &cause, &watch).map(outcome)?);
        }
        let options = plan.options();
        let profile = Root::profile_of(Some(store), options)?;
        let live = writer.live().map(|(record, _)| record.packages.clone()).unwrap_or_default();
        let mut jobs = Vec::new();
        let mut known = Vec::new();
        for item in plan.items.iter().filter(|item| item.action != Action::Remove) {
            if item.action == Action::Mark {
                let marked = live.iter().find(|package| takes(item, package));
                known.extend(marked.map(|package| Installed { reason: item.reason, ..package.clone() }));
                continue;
            }
            let Some(file) = &item.file else { continue };
            match self.already_stored(&writer, item, profile)? {
                Some(installed) if !options.reinstall && !damaged.contains(&item.instance()) => {
                    known.push(installed);
                }
                _ => {
                    let job = self.job(&writer, file, profile, &live)?;
                    // A plan that was edited by hand could call a package by another's name.
                    if job.package.draft().manifest.name != item.name {
                        return Err(Error::FileChanged { path: file.path.0.clone() });
                    }
                    jobs.push(job);
                }
            }
        }
        let repaired: Vec<&Installed> = live
            .iter()
            .filter(|package| {
                let is_kept = |item: &Item| !takes(item, package) || item.action == Action::Mark;
                damaged.contains(&package.instance()) && plan.items.iter().all(is_kept)
            })
            .collect();
        for package in &repaired {
            if let Some(file) = cached_file(store, package, self.limits())? {
                jobs.push(self.job(&writer, &file, package.profile, &live)?);
            }
        }
        if jobs.is_empty()
            && !options.overwrite
            && is_same(&live, &list(plan, &live, &[], known.clone(), &[]))
        {
            // Planned while the database could not be read: everything is installed already.
            let number = writer.live().map(|(record, _)| record.number);
            writer.abort()?;
            return Ok(Outcome::unchanged(number));
        }
        let bytes = jobs.iter().map(|job| job.package.draft().declared_size()).fold(0, u64::saturating_add);
        let files = jobs.iter().map(|job| job.package.draft().entries.len() as u64).sum();
        writer.check_room(plan.room(&jobs), files)?;
        observer.event(Event::Begin { packages: jobs.len() as u64, bytes });
        writer.mark_unswept()?;
        let objects = writer.object_writer();
        let stored = ingest(self.pool(), &jobs, &objects, observer).and_then(|made| {
            for made in &made {
                check_setuid(plan, made)?;
            }
            let files: Vec<&PlannedFile> = plan.items.iter().filter_map(|item| item.file.as_ref()).collect();
            self.pool().install(|| files.par_iter().try_for_each(|file| keep(&writer, file, options)))?;
            let fresh = fresh(&objects, &made);
            objects.discard_unless(&fresh)?;
            Ok((made, fresh))
        });
        let (made, fresh) = match stored {
            Ok(stored) => stored,
            Err(error) => {
                drop(objects);
                writer.abort()?;
                return Err(error);
            }
        };
        let packages = list(plan, &live, &made, known, &repaired);
        drop(objects);
        let overwriting: Vec<Instance> = match options.overwrite {
            true => plan.items.iter().filter(|item| item.action.brings()).map(Item::instance).collect(),
            false => Vec::new(),
        };
        Ok(writer.commit(&cause, packages, made, &fresh, &overwriting, &watch).map(outcome)?)
    }

    /// Makes sure that the plan still says what will happen.
    fn check_parent(&self, plan: &Plan, writer: &Writer<'_>) -> Result<(), Error> {
        let parent = writer.live().map(|(record, digest)| (record.number, *digest));
        if parent == plan.parent {
            return Ok(());
        }
        let again = self.plan(plan.request.clone())?;
        if (again.activates, &again.items) == (plan.activates, &plan.items) {
            return Ok(());
        }
        Err(ambar_store::Error::Moved { path: self.path().into() }.into())
    }

    /// The package in a file that the store has seen before, with everything of it stored.
    fn already_stored(
        &self,
        writer: &Writer<'_>,
        item: &Item,
        profile: ambar_store::Profile,
    ) -> Result<Option<Installed>, Error> {
        let (Some(reader), Some(file)) = (writer.reader(), &item.file) else { return Ok(None) };
        let Some(known) = reader.file(file.digest)? else { return Ok(None) };
        let Some(row) = reader.package(known.package)? else { return Ok(None) };
        if !row.profiles.contains(&profile.code()) || row.name != item.name {
            return Ok(None);
        }
        let manifest = writer.root().store().manifest(known.package)?;
        Ok(Some(Installed::of(known.package, &manifest, profile, item.reason)))
    }

    /// Opens a package file for storing; a delta gets its base, which is `live`.
    fn job(
        &self,
        writer: &Writer<'_>,
        file: &PlannedFile,
        profile: ambar_store::Profile,
        live: &[Installed],
    ) -> Result<Job, Error> {
        let store = writer.root().store();
        let cached = (file.path.0 == store.cached(file.digest)).then(|| store.map_cached(file.digest));
        let mut package = match cached.transpose()?.flatten() {
            // Nobody can shorten a file of the store's own under a mapping.
            Some(bytes) => PackageFile::from_bytes(&file.path.0, bytes, self.limits())?,
            None => PackageFile::open(&file.path.0, self.limits())?,
        };
        if let Some(needed) = package.base_needed() {
            let installed = find_base(live, &needed, &file.path.0)?;
            // A handle of its own: the delta's reader keeps it.
            let root = self.found()?.ok_or_else(|| Error::Usage("the root has gone".into()))?;
            package.set_base(base(root, writer.reader(), installed, package.draft())?)?;
        }
        package.list()?;
        Ok(Job { file: file.clone(), package, profile })
    }
}

/// The complete list of the new generation.
fn list(
    plan: &Plan,
    live: &[Installed],
    made: &[Made],
    known: Vec<Installed>,
    repaired: &[&Installed],
) -> Vec<Installed> {
    let is_repair = |instance: &Instance| repaired.iter().any(|package| package.instance() == *instance);
    let stays = |package: &&Installed| !plan.items.iter().any(|item| takes(item, package));
    let mut packages: Vec<Installed> = live.iter().filter(stays).cloned().collect();
    packages.extend(known);
    for made in made {
        let instance = made.manifest.instance();
        if !is_repair(&instance) {
            let item = plan.coming(&instance);
            let reason = item.map_or(Reason::Explicit, |item| item.reason);
            packages.push(Installed::of(made.entering.id, &made.manifest, made.entering.profile, reason));
        }
    }
    packages
}

/// Whether an installed package goes because of an item: it is removed, or something takes its place.
fn takes(item: &Item, package: &Installed) -> bool {
    match item.action {
        Action::Remove => item.package == Some(package.id),
        _ => item.name == package.name && item.instance().excludes(&package.instance()),
    }
}

/// Whether two lists name the same packages.
fn is_same(a: &[Installed], b: &[Installed]) -> bool {
    a.len() == b.len() && a.iter().all(|package| b.contains(package))
}

impl Plan {
    /// Bytes that the store will grow by, at most: content that it has not, and the package files.
    fn room(&self, jobs: &[Job]) -> u64 {
        let kept = if self.options().no_cache { 0 } else { 1 };
        jobs.iter().fold(0, |sum: u64, job| {
            let draft = job.package.draft();
            let item = self.coming(&draft.manifest.instance());
            let missing = draft.declared_size().saturating_sub(item.map_or(0, |item| item.stored));
            sum.saturating_add(missing).saturating_add(job.file.length * kept)
        })
    }

    /// The item that brings a package of that instance.
    fn coming(&self, instance: &Instance) -> Option<&Item> {
        let mut coming = self.items.iter().filter(|item| item.action != Action::Remove);
        coming.find(|item| item.name == instance.name && item.instance() == *instance)
    }

    fn options(&self) -> &Options {
        static NONE: std::sync::LazyLock<Options> = std::sync::LazyLock::new(Options::default);
        self.request.options().unwrap_or(&NONE)
    }
}

/// Makes sure that the payload has no setuid or setgid file that the plan did not show: file lists may be
/// silent about modes.
fn check_setuid(plan: &Plan, made: &Made) -> Result<(), Error> {
    if made.entering.profile.strips_setuid() {
        return Ok(());
    }
    // What is only stored again was agreed to when it was installed.
    let instance = made.manifest.instance();
    let Some(item) = plan.coming(&instance) else { return Ok(()) };
    let hidden = made
        .manifest
        .entries
        .iter()
        .filter(|entry| entry.gives_rights() && !item.setuid.contains(&entry.path));
    let paths: Vec<String> = hidden.map(|entry| entry.path.to_string()).collect();
    match (paths.is_empty(), made.entering.profile.privileged()) {
        (true, _) => Ok(()),
        (false, false) => Err(Error::Setuid { package: instance.to_string(), paths }),
        (false, true) => Err(Error::HiddenSetuid { package: instance.to_string(), paths }),
    }
}

/// Makes sure that a package file is still the one that was planned with, and keeps it in the cache.
fn keep(writer: &Writer<'_>, file: &PlannedFile, options: &Options) -> Result<(), Error> {
    let path = &file.path.0;
    let same = if options.no_cache || file.delta {
        crate::planner::hash(path)? == (file.length, file.digest)
    } else {
        let fail = |source| Error::Io { operation: "open", path: path.clone(), source };
        writer.keep_file(file.digest, &File::open(path).map_err(fail)?)?
    };
    if same { Ok(()) } else { Err(Error::FileChanged { path: path.clone() }) }
}

/// What this transaction has written, of what its packages hold.
fn fresh(objects: &ambar_store::ObjectWriter<'_>, made: &[Made]) -> BTreeMap<ObjectId, (u64, i64)> {
    let held: BTreeMap<&ObjectId, (u64, i64)> =
        made.iter().flat_map(|made| &made.entering.objects).map(|(id, about)| (id, *about)).collect();
    objects.written().into_iter().filter_map(|id| Some((id.clone(), *held.get(&id)?))).collect()
}

/// The cached file of an installed package, if the cache has it whole.
fn cached_file(
    store: &ambar_store::Root,
    package: &Installed,
    limits: &Limits,
) -> Result<Option<PlannedFile>, Error> {
    let Some(reader) = store.store().read()? else { return Ok(None) };
    for (digest, row) in reader.files()? {
        if row.package == package.id && store.store().has_cached(digest)? {
            let path = store.store().cached(digest);
            let format = PackageFile::open(&path, limits)?.format();
            let (path, length, signers) = (OsPath(path), row.length, Vec::new());
            return Ok(Some(PlannedFile { path, digest, length, format, signers, delta: false }));
        }
    }
    Ok(None)
}

fn outcome(switched: ambar_store::Switched) -> Outcome {
    Outcome {
        generation: Some(switched.generation),
        from: switched.from,
        changed: true,
        notes: switched.notes,
        pending: switched.pending,
    }
}
