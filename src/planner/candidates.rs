//! Package files that a plan brings: opened, hashed, and as items of the plan.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use ambar_pkgfmt::manifest::gives_rights;
use ambar_pkgfmt::{
    BaseNeeded, ContentHasher, Digest, Draft, DraftEntry, DraftNode, Instance, Manifest, PackageFile,
    PackageId, PayloadPath, Sha1Digest, VersionOrder, version,
};
use ambar_store::db::Reader;
use ambar_store::{Profile, Reason};

use super::Base;
use crate::error::Error;
use crate::marks::marked;
use crate::plan::{Action, Item, Options, OsPath, PlannedFile};
use crate::root::Root;

/// A package file that has been opened and hashed.
pub(super) struct Candidate {
    pub(super) file: PlannedFile,
    pub(super) draft: Draft,
    /// The package that it is a delta against.
    pub(super) base: Option<BaseNeeded>,
    /// Its id, where the store has seen the file before.
    pub(super) known: Option<PackageId>,
}

/// Opens and hashes a package file.
pub(super) fn candidate(root: &Root, path: &OsPath) -> Result<Candidate, Error> {
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
pub(super) fn distinct(candidates: Vec<Candidate>) -> Result<Vec<Candidate>, Error> {
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

pub(super) fn check_setuid(new: &Candidate, profile: Profile) -> Result<(), Error> {
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
pub(super) fn is_file(entry: &DraftEntry) -> bool {
    entry.node.as_ref().map_or(entry.sha1.is_some(), |node| *node == DraftNode::File)
}

/// The change that a candidate makes, or `None` when it is installed already; `reason` is why it will be there.
pub(super) fn item_for(
    base: &Base,
    reader: Option<&Reader>,
    new: &Candidate,
    profile: Profile,
    reason: Reason,
    options: &Options,
) -> Result<Option<Item>, Error> {
    let manifest = &new.draft.manifest;
    let old = base.find(&manifest.instance());
    let action = match old {
        None => Action::Install,
        Some((old, _)) if new.known == Some(old.id) && old.profile == profile && !options.reinstall => {
            return Ok(marked(old, reason));
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
        reason,
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
pub(super) fn step(new: &Manifest, old: &Manifest) -> Action {
    match compare(new, old) {
        Some(Ordering::Greater) => Action::Upgrade,
        Some(Ordering::Less) => Action::Downgrade,
        Some(Ordering::Equal) | None => Action::Reinstall,
    }
}

/// Newer, older or the same; `None` where versions of two orders meet, or one is no version of its order. PiSi
/// goes by the release where both have one, everybody else by the version first.
pub(super) fn compare(new: &Manifest, old: &Manifest) -> Option<Ordering> {
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
