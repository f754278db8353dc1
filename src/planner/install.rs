//! Plans that bring packages: installing, upgrading, downgrading.

use std::collections::{BTreeMap, BTreeSet};

use ambar_pkgfmt::relation::{Relation, RelationKind};
use ambar_pkgfmt::{Instance, Manifest, PackageId};
use ambar_store::Reason;
use rayon::prelude::*;

use super::candidates::{Candidate, candidate, check_setuid, compare, distinct, item_for};
use super::choose::{Ground, Wish};
use super::paths::check_paths;
use super::{Base, removal};
use crate::base::find_base;
use crate::directory::Directory;
use crate::error::Error;
use crate::marks::marked;
use crate::plan::{Options, OsPath, Plan};
use crate::policy::Matcher;
use crate::root::Root;
use crate::select::is_excluded;

/// How many files that could not be read an error names.
const UNREAD: usize = 10;

impl Root {
    /// The directories of package files to choose from, each once. What is installed in the same version is left out,
    /// unless it is to be installed again.
    pub(super) fn sources(
        &self,
        base: &Base,
        from: &[OsPath],
        again: bool,
        plan_notes: &mut Vec<String>,
    ) -> Result<Vec<Directory>, Error> {
        let installed: BTreeMap<Instance, (String, &str)> = base
            .manifests
            .iter()
            .map(|manifest| (manifest.instance(), (manifest.full_version(), manifest.arch.as_str())))
            .collect();
        let mut sources: Vec<Directory> = Vec::new();
        for path in from {
            let mut directory = Directory::read(&path.0, self)?;
            if sources.iter().any(|known| known.path == directory.path) {
                continue;
            }
            plan_notes.extend(directory.notes.iter().map(|passed| passed.message.clone()));
            directory.packages.retain(|one| {
                let known = installed.get(&one.manifest.instance());
                again || known != Some(&(one.manifest.full_version(), one.manifest.arch.as_str()))
            });
            sources.push(directory);
        }
        Ok(sources)
    }

    fn candidates(&self, files: &[OsPath]) -> Result<Vec<Candidate>, Error> {
        self.pool()
            .install(|| files.par_iter().map(|file| candidate(self, file)).collect::<Result<_, Error>>())
    }

    pub(super) fn plan_change(
        &self,
        base: &Base,
        wish: &Wish,
        files: &[OsPath],
        from: &[OsPath],
        options: &Options,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let mut candidates = distinct(self.candidates(files)?)?;
        let sources = self.sources(base, from, options.reinstall, &mut plan.notes)?;
        let (policy, sets) = (self.policy()?, self.sets()?);
        let ground = Ground::new(base, &candidates, &sources, &policy, &sets, options.ignore_dependency)?;
        let chosen = ground.choose(wish, options).map_err(|error| unread(error, &sources))?;
        drop(ground);
        let mut explicit: BTreeSet<Instance> =
            candidates.iter().map(|new| new.draft.manifest.instance()).collect();
        explicit.extend(chosen.explicit);
        plan.notes.extend(chosen.notes);
        plan.steps = chosen.steps;
        let chosen_files: Vec<OsPath> = chosen
            .available
            .iter()
            .map(|(source, position)| sources[*source].packages[*position].path.clone())
            .collect();
        candidates.extend(self.candidates(&chosen_files)?);
        candidates.sort_by_cached_key(|new| new.draft.manifest.instance());

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
        for new in &candidates {
            if let Some(needed) = &new.base {
                find_base(base.installed(), needed, &new.file.path.0)?;
            }
            check_setuid(new, profile)?;
            let instance = new.draft.manifest.instance();
            let old = base.find(&instance);
            if let Some((_, old)) = old.filter(|(_, old)| compare(&new.draft.manifest, old).is_none()) {
                plan.notes.push(format!(
                    "{}: which of {} and {} is newer cannot be said",
                    old.name,
                    old.full_version(),
                    new.draft.manifest.full_version()
                ));
            }
            let before = old.map(|(old, _)| old.reason);
            // Who asked for a package under its old name asked for it.
            let inherits = |position: &usize| {
                base.installed()[*position].reason == Reason::Explicit
                    && takes_place(&new.draft.manifest, &base.manifests[*position])
            };
            let asked = explicit.contains(&instance) || chosen.gone.iter().any(inherits);
            let reason = match (asked, before) {
                (true, _) => Reason::Explicit,
                (false, Some(reason)) => reason,
                (false, None) => Reason::Automatic,
            };
            plan.items.extend(item_for(base, reader.as_ref(), new, profile, reason, options)?);
        }
        drop(reader);
        // One that cannot be beside other architectures may take the place of several that can.
        let counterparts: BTreeSet<PackageId> =
            coming.iter().filter_map(|new| Some(base.find(new)?.0.id)).collect();
        let mut replaced: BTreeSet<Instance> = BTreeSet::new();
        for (position, old) in base.installed().iter().enumerate() {
            let instance = old.instance();
            let goes = chosen.gone.contains(&position) || superseded(&instance);
            if goes && !counterparts.contains(&old.id) {
                plan.items.push(removal(old));
                plan.notes.push(format!(
                    "{instance} is removed: {}",
                    why_gone(&base.manifests[position], &candidates, options)
                ));
                replaced.insert(instance);
            } else if !goes && explicit.contains(&instance) {
                plan.items.extend(marked(old, Reason::Explicit));
            }
        }
        let goes = |old: &Instance| replaced.contains(old) || superseded(old);
        plan.notes.extend(check_paths(base, &candidates, profile, &goes, options)?);
        if let Some(found) = &base.root {
            let paths = candidates.iter().flat_map(|new| &new.draft.entries).map(|entry| &entry.path);
            let names: BTreeSet<&[u8]> = paths.filter_map(|path| path.components().next()).collect();
            ambar_store::check_top(found.top(), names.into_iter())?;
        }
        let incoming: Vec<&Manifest> = candidates.iter().map(|new| &new.draft.manifest).collect();
        policy.consult(&incoming, &base.manifests, plan)?;
        // What is there already in the same version is no change.
        let changing: BTreeSet<String> = plan.items.iter().map(|item| item.instance().to_string()).collect();
        for step in &mut plan.steps {
            step.retain(|name| changing.contains(name));
        }
        plan.steps.retain(|step| !step.is_empty());
        Ok(())
    }
}

/// What is missing may be in a file that could not be read: an error about that names these files.
pub(super) fn unread(error: Error, sources: &[Directory]) -> Error {
    let passed = sources.iter().flat_map(|source| &source.notes).filter(|passed| passed.is_unread);
    let mut files: Vec<String> = passed.map(|passed| passed.message.clone()).collect();
    if files.is_empty() || !matches!(error, Error::Impossible(_) | Error::NoSource { .. }) {
        return error;
    }
    let more = files.len().saturating_sub(UNREAD);
    files.truncate(UNREAD);
    if more > 0 {
        files.push(format!("and {more} more"));
    }
    Error::Unread { error: Box::new(error), files }
}

/// Whether a package says that it takes the place of one that has another name.
pub(super) fn takes_place(new: &Manifest, old: &Manifest) -> bool {
    let says = |relation: &&Relation| {
        matches!(relation.kind, RelationKind::Replaces | RelationKind::Obsoletes) && new.name != old.name
    };
    let mut targets = new.relations.iter().filter(says).flat_map(|relation| &relation.alternatives);
    targets.any(|target| Matcher::new(target.clone()).is_ok_and(|matcher| matcher.matches(old.into())))
}

/// Why an installed package goes although nobody named it.
fn why_gone(old: &Manifest, candidates: &[Candidate], options: &Options) -> String {
    match candidates.iter().find(|new| takes_place(&new.draft.manifest, old)) {
        Some(new) => format!("{} replaces it", new.draft.manifest.name),
        None if options.allow_removals => "what is installed cannot stay beside it".into(),
        None => "a package being installed replaces it".into(),
    }
}
