//! Making plans: from a request and what is installed to a list of what will change. Nothing is written.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use ambar_pkgfmt::manifest::gives_rights;
use ambar_pkgfmt::relation::parse_alternatives;
use ambar_pkgfmt::{
    BaseNeeded, ContentHasher, Digest, Draft, DraftEntry, DraftNode, Entry, Instance, Manifest, Node,
    PackageFile, PackageId, PayloadPath, Sha1Digest, VersionOrder, version,
};
use ambar_store::db::Reader;
use ambar_store::{Contents, Installed, MtimePolicy, Profile, Reason, Record, Store, Tree, counterpart};
use rayon::prelude::*;

use crate::base::find_base;
use crate::dependencies::{Universe, replaced_by};
use crate::error::Error;
use crate::marks::{marked, plan_mark};
use crate::plan::{Action, Item, Options, OsPath, Plan, PlannedFile, Request};
use crate::root::Root;
use crate::select::{is_excluded, select_one};

/// A package file that has been opened and hashed.
struct Candidate {
    file: PlannedFile,
    draft: Draft,
    /// The package that it is a delta against.
    base: Option<BaseNeeded>,
    /// Its id, where the store has seen the file before.
    known: Option<PackageId>,
}

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
            request: request.clone(),
            items: Vec::new(),
            activates: None,
            notes: Vec::new(),
            questions: Vec::new(),
        };
        match request {
            Request::Install { files, names, from, options } => {
                self.check_names(&names, &from)?;
                self.plan_install(&base, &files, &options, &mut plan)?;
            }
            Request::Remove { names, options } => {
                let policy = self.policy()?;
                policy.check_removal(base.manifests.iter().filter(|old| names.contains(&old.name)))?;
                plan_remove(&base, &names, &options, &mut plan)?;
                policy.consult(&[], &base.manifests, &mut plan)?;
            }
            Request::Activate { generation } => plan_activate(&base, generation, &mut plan)?,
            Request::Mark { names, reason } => plan_mark(base.installed(), &names, reason, &mut plan)?,
        }
        plan.items.sort_by_cached_key(|item| (item.instance(), item.action));
        Ok(plan)
    }

    /// What is named has to make sense, even though no source has it yet.
    fn check_names(&self, names: &[String], _from: &[OsPath]) -> Result<(), Error> {
        for name in names {
            match name.strip_prefix('@') {
                Some(set) if self.sets()?.has(set) => drop(self.sets()?.expand(set)?),
                _ => drop(parse_alternatives(name).map_err(|error| Error::Usage(error.to_string()))?),
            }
        }
        if names.is_empty() { Ok(()) } else { Err(Error::NoSource { names: names.to_vec() }) }
    }

    fn plan_install(
        &self,
        base: &Base,
        files: &[OsPath],
        options: &Options,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        if files.is_empty() {
            return Err(Error::Usage("no package files were given".into()));
        }
        let candidates: Vec<Candidate> = self
            .pool()
            .install(|| files.par_iter().map(|file| candidate(self, file)).collect::<Result<_, Error>>())?;
        let mut candidates = distinct(candidates)?;
        // Opened when everything has been read and hashed: a query is over soon, and holds up nobody.
        let reader = base.root.as_ref().map(|root| root.store().read()).transpose()?.flatten();
        for new in &mut candidates {
            if let Some(reader) = &reader {
                new.known = reader.file(new.file.digest)?.map(|row| row.package);
            }
        }
        let profile = self.profile(base, options)?;
        let coming: Vec<Instance> = candidates.iter().map(|new| new.draft.manifest.instance()).collect();
        let superseded = |old: &Instance| is_excluded(&coming, old);
        let mut replaced: BTreeSet<Instance> = candidates
            .iter()
            .flat_map(|new| replaced_by(&new.draft.manifest, &base.manifests.iter().collect::<Vec<_>>()))
            .map(Manifest::instance)
            .filter(|old| !superseded(old))
            .collect();
        for new in &candidates {
            if let Some(needed) = &new.base {
                find_base(base.installed(), needed, &new.file.path.0)?;
            }
            check_setuid(new, profile)?;
            let old = base.find(&new.draft.manifest.instance()).map(|(_, old)| old);
            if let Some(old) = old.filter(|old| compare(&new.draft.manifest, old).is_none()) {
                plan.notes.push(format!(
                    "{}: which of {} and {} is newer cannot be said",
                    old.name,
                    old.full_version(),
                    new.draft.manifest.full_version()
                ));
            }
            if let Some(item) = item_for(base, reader.as_ref(), new, profile, options)? {
                plan.items.push(item);
            }
        }
        drop(reader);
        // One that cannot be beside other architectures may take the place of several that can.
        let counterparts: BTreeSet<PackageId> =
            coming.iter().filter_map(|new| Some(base.find(new)?.0.id)).collect();
        let others = base.installed().iter().filter(|old| !counterparts.contains(&old.id));
        replaced.extend(others.map(Installed::instance).filter(|old| superseded(old)));
        for old in base.installed() {
            let instance = old.instance();
            if replaced.contains(&instance) {
                plan.items.push(removal(old));
                plan.notes.push(format!("{instance} is removed: a package being installed replaces it"));
            }
        }
        let goes = |old: &Instance| replaced.contains(old) || superseded(old);
        let kept = base.manifests.iter().filter(|manifest| !goes(&manifest.instance()));
        let after = kept.chain(candidates.iter().map(|new| &new.draft.manifest));
        check_relations(base, after, options)?;
        plan.notes.extend(check_paths(base, &candidates, profile, &goes, options)?);
        if let Some(found) = &base.root {
            let paths = candidates.iter().flat_map(|new| &new.draft.entries).map(|entry| &entry.path);
            let names: BTreeSet<&[u8]> = paths.filter_map(|path| path.components().next()).collect();
            ambar_store::check_top(found.top(), names.into_iter())?;
        }
        let incoming: Vec<&Manifest> = candidates.iter().map(|new| &new.draft.manifest).collect();
        self.policy()?.consult(&incoming, &base.manifests, plan)
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

/// Opens and hashes a package file.
fn candidate(root: &Root, path: &OsPath) -> Result<Candidate, Error> {
    let mut package = PackageFile::open(&path.0, root.limits())?;
    package.list()?;
    let (length, digest) = hash(&path.0)?;
    let signers = package.signers().iter().map(ToString::to_string).collect();
    let base = package.base_needed();
    let (format, delta) = (package.format(), base.is_some());
    let file = PlannedFile { path: absolute(path), digest, length, format, signers, delta };
    Ok(Candidate { file, draft: package.draft().clone(), base, known: None })
}

fn absolute(path: &OsPath) -> OsPath {
    OsPath(std::path::absolute(&path.0).unwrap_or_else(|_| path.0.clone()))
}

/// Length and digest of a file.
pub(crate) fn hash(path: &Path) -> Result<(u64, Digest), Error> {
    let fail = |operation| move |source| Error::Io { operation, path: path.into(), source };
    let mut file = File::open(path).map_err(fail("open"))?;
    let mut hasher = ContentHasher::new(false);
    hasher.update_from(&mut file).map_err(fail("read"))?;
    let (length, digest, _) = hasher.finish();
    Ok((length, digest))
}

/// One candidate for each instance: the same file given twice is one, two versions of one are a contradiction.
fn distinct(candidates: Vec<Candidate>) -> Result<Vec<Candidate>, Error> {
    let mut by_instance: BTreeMap<Instance, Candidate> = BTreeMap::new();
    for new in candidates {
        let instance = new.draft.manifest.instance();
        // Those of one name, slot and tag are beside each other.
        let first = Instance { arch: String::new(), ..instance.clone() };
        let alike = by_instance.range(first..).take_while(|(known, _)| known.is_sibling(&instance));
        match alike.filter(|(known, _)| known.excludes(&instance)).map(|(_, known)| known).next() {
            None => {
                by_instance.insert(instance, new);
            }
            Some(known) if known.file.digest == new.file.digest => {}
            Some(known) => {
                return Err(Error::Usage(format!(
                    "{} and {} are both package {instance}: give one of them",
                    known.file.path.0.display(),
                    new.file.path.0.display()
                )));
            }
        }
    }
    Ok(by_instance.into_values().collect())
}

fn check_setuid(new: &Candidate, profile: Profile) -> Result<(), Error> {
    let setuid = setuid_paths(&new.draft);
    if setuid.is_empty() || profile.privileged() || profile.strips_setuid() {
        return Ok(());
    }
    Err(Error::Setuid {
        package: new.draft.manifest.instance().to_string(),
        paths: setuid.iter().map(ToString::to_string).collect(),
    })
}

/// What gives rights to whoever runs it, as far as the file list tells.
fn setuid_paths(draft: &Draft) -> Vec<PayloadPath> {
    let special = draft
        .entries
        .iter()
        .filter(|entry| is_file(entry) && gives_rights(entry.mode.unwrap_or(0), &entry.xattrs));
    special.map(|entry| entry.path.clone()).collect()
}

/// Whether an entry is a regular file; where only the payload tells, one that has a hash is taken for one.
fn is_file(entry: &DraftEntry) -> bool {
    entry.node.as_ref().map_or(entry.sha1.is_some(), |node| *node == DraftNode::File)
}

/// The change that a candidate makes, or `None` when it is installed already.
fn item_for(
    base: &Base,
    reader: Option<&Reader>,
    new: &Candidate,
    profile: Profile,
    options: &Options,
) -> Result<Option<Item>, Error> {
    let manifest = &new.draft.manifest;
    let old = base.find(&manifest.instance());
    let action = match old {
        None => Action::Install,
        Some((old, _)) if new.known == Some(old.id) && old.profile == profile && !options.reinstall => {
            return Ok(marked(old, Reason::Explicit));
        }
        Some((_, old)) => step(manifest, old),
    };
    Ok(Some(Item {
        action,
        name: manifest.name.clone(),
        version: manifest.full_version(),
        replaces: old.map(|(old, _)| old.full_version()),
        arch: manifest.arch.clone(),
        slot: manifest.slot.clone(),
        tag: manifest.tag.clone(),
        coinstallable: manifest.is_coinstallable(),
        reason: Reason::Explicit,
        file: Some(new.file.clone()),
        package: new.known,
        installed_size: new.draft.declared_size(),
        stored: stored(reader, new, profile)?,
        entries: new.draft.entries.len() as u64,
        setuid: setuid_paths(&new.draft),
        scripts: manifest.scripts.iter().map(|script| format!("{}/{}", script.system, script.file)).collect(),
    }))
}

/// What it is called to put one package in the place of another of its name.
fn step(new: &Manifest, old: &Manifest) -> Action {
    match compare(new, old) {
        Some(Ordering::Greater) => Action::Upgrade,
        Some(Ordering::Less) => Action::Downgrade,
        Some(Ordering::Equal) | None => Action::Reinstall,
    }
}

/// Newer, older or the same; `None` where versions of two orders meet, or one is no version of its order. PiSi
/// goes by the release where both have one, everybody else by the version first.
fn compare(new: &Manifest, old: &Manifest) -> Option<Ordering> {
    if new.order != old.order {
        return None;
    }
    let by_release = version::compare_releases(&new.release, &old.release).ok();
    let by_version = version::compare(new.order, &new.version, &old.version).ok();
    match (new.order, by_release) {
        (VersionOrder::Pisi, Some(Ordering::Less | Ordering::Greater)) => by_release,
        _ => by_version.map(|ordering| ordering.then(by_release.unwrap_or(Ordering::Equal))),
    }
}

/// How many bytes of a candidate's content the store has: known exactly for a file seen before, otherwise
/// from the digests or SHA-1s that its file list promises, which are good enough to tell people.
fn stored(reader: Option<&Reader>, new: &Candidate, profile: Profile) -> Result<u64, Error> {
    let Some(reader) = reader else { return Ok(0) };
    if let Some(id) = new.known
        && reader.package(id)?.is_some_and(|row| row.profiles.contains(&profile.code()))
    {
        return Ok(new.draft.declared_size());
    }
    let mut bytes = 0;
    let mut seen: BTreeMap<(Option<Digest>, Option<Sha1Digest>), bool> = BTreeMap::new();
    for entry in &new.draft.entries {
        let (promised, Some(size)) = ((entry.digest, entry.sha1), entry.size) else { continue };
        let there = match seen.get(&promised) {
            Some(there) => *there,
            None => {
                let digest = match promised {
                    (Some(digest), _) => Some(digest),
                    (None, Some(sha1)) => reader.by_sha1(sha1)?,
                    (None, None) => None,
                };
                let there = match digest {
                    Some(digest) => !reader.objects_of(digest)?.is_empty(),
                    None => false,
                };
                seen.insert(promised, there);
                there
            }
        };
        if there {
            bytes = u64::saturating_add(bytes, size);
        }
    }
    Ok(bytes)
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

fn plan_remove(base: &Base, names: &[String], options: &Options, plan: &mut Plan) -> Result<(), Error> {
    if names.is_empty() {
        return Err(Error::Usage("no package names were given".into()));
    }
    let mut wanted: BTreeSet<PackageId> = BTreeSet::new();
    for name in names {
        let old = select_one(base.installed(), name)?;
        if wanted.insert(old.id) {
            plan.items.push(removal(old));
        }
    }
    let all = base.installed().iter().zip(&base.manifests);
    let kept = all.filter(|(package, _)| !wanted.contains(&package.id)).map(|(_, manifest)| manifest);
    check_relations(base, kept, options)
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

/// Makes sure that the change makes no relation fail that holds now.
fn check_relations<'m>(
    base: &'m Base,
    after: impl Iterator<Item = &'m Manifest>,
    options: &Options,
) -> Result<(), Error> {
    if options.ignore_dependency {
        return Ok(());
    }
    let before = Universe::new(base.manifests.iter()).problems();
    let problems: Vec<_> = Universe::new(after).problems().difference(&before).cloned().collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Unsatisfied(problems)) }
}

/// Merges the trees as far as file lists can tell, and so finds paths that two packages claim, and directories
/// that they disagree about. What may be a symlink only the payload tells: such entries are left out here, and
/// looked at again when the tree is made.
fn check_paths(
    base: &Base,
    candidates: &[Candidate],
    profile: Profile,
    goes: &dyn Fn(&Instance) -> bool,
    options: &Options,
) -> Result<Vec<String>, Error> {
    let listed: Vec<Manifest> = candidates.iter().map(|new| as_listed(&new.draft)).collect();
    let kept = base.manifests.iter().zip(base.installed()).filter(|(_, package)| !goes(&package.instance()));
    let mut contents: Vec<Contents<'_>> = kept
        .map(|(manifest, package)| Contents {
            manifest,
            profile: package.profile,
            overwrites: false,
            listed: false,
        })
        .chain(listed.iter().map(|manifest| Contents {
            manifest,
            profile,
            overwrites: options.overwrite,
            listed: true,
        }))
        .collect();
    contents.sort_by_cached_key(|package| package.manifest.instance());
    let recorded = base.live.as_ref().map_or(&[][..], |(record, _)| &record.overwrites);
    Ok(Tree::merge(contents, recorded)?.notes)
}

/// A draft as a manifest. Where only the payload tells what an entry is, one with a hash is a file, unless its
/// mode is that of links, and one without a directory.
fn as_listed(draft: &Draft) -> Manifest {
    let mut manifest = draft.manifest.clone();
    for listed in &draft.entries {
        let (node, mode) = match (&listed.node, listed.mode) {
            (Some(DraftNode::Symlink(target)), _) => (Node::Symlink { target: target.clone() }, 0o777),
            // Only the payload tells whether this is a symlink.
            (None, Some(0o777)) if listed.sha1.is_some() => continue,
            (_, mode) if is_file(listed) => {
                let size = listed.size.unwrap_or(0);
                let digest = listed.digest.unwrap_or(Digest([0; 32]));
                (Node::File { size, digest }, mode.unwrap_or(0o644))
            }
            (_, mode) => (Node::Directory, mode.unwrap_or(0o755)),
        };
        let mut entry = Entry::new(listed.path.clone(), node, mode);
        (entry.uid, entry.gid) = (listed.uid.unwrap_or(0), listed.gid.unwrap_or(0));
        manifest.entries.push(entry);
    }
    manifest
}
