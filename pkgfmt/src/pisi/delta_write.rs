//! Writing deltas: the whole package's documents, and a payload with what the base lacks.
//!
//! As in PiSi, directories always travel, and files whose content is anywhere in the base do not. Beyond that
//! an entry travels where a reader of this crate would take it for something else: a file whose content is the
//! target of a link, or the other way round, and a Python source whose own modification time matters.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{Seek, Write};

use crate::contents::Parts;
use crate::digest::{Digest, Sha1Digest};
use crate::error::Problem;
use crate::manifest::{Entry, Manifest, Node};
use crate::package::Format;
use crate::path::Shown;

use super::delta_base::BaseIndex;
use super::write::{Loss, Lost, Prepared, WriteOptions};

/// Why there is no delta between two packages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The packages have different names, architectures or distributions.
    #[error("'{}' and '{}' are not two releases of one package", Shown(old.as_bytes()), Shown(new.as_bytes()))]
    OtherPackage {
        /// Name of the base, with what it is for.
        old: String,
        /// Name of the new package, with what it is for.
        new: String,
    },
    /// Both packages are of the same release, by which clients choose a delta.
    #[error("both packages are of release {}", Shown(release.as_bytes()))]
    SameRelease {
        /// The release.
        release: String,
    },
    /// The packages have nothing in common that a delta could leave out.
    #[error("the packages have no file in common, so that a delta would be the whole package")]
    NothingShared,
    /// The package could not be written.
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// Writes the delta that leads from the package with the manifest `old` to the package `new`; returns what it
/// cannot say. Besides the losses of a whole package these are modification times and hard links of entries
/// that do not travel.
///
/// # Errors
/// [`DeltaError`]; what was written until then is of no use.
pub fn write_delta(
    old: &Manifest,
    new: &Parts<'_>,
    format: Format,
    options: &WriteOptions,
    out: impl Write + Seek,
) -> Result<Vec<Loss>, DeltaError> {
    let place = |m: &Manifest| {
        [m.name.clone(), m.distribution.clone(), m.distribution_release.clone(), m.arch.clone()]
    };
    if place(old) != place(new.manifest) {
        let shown = |manifest: &Manifest| place(manifest).join(" ").trim_end().to_owned();
        return Err(DeltaError::OtherPackage { old: shown(old), new: shown(new.manifest) });
    }
    let mut prepared = Prepared::new(new)?;
    if old.release == prepared.said.manifest.release {
        return Err(DeltaError::SameRelease { release: old.release.clone() });
    }
    let chosen = choose(old, &mut prepared)?;
    if chosen.iter().all(|&chosen| chosen) {
        return Err(DeltaError::NothingShared);
    }
    Ok(prepared.write(new, Some(&chosen), format, options, out)?)
}

/// Which entries travel. What the others become is put into the manifest that the delta is to lead to.
fn choose(old: &Manifest, prepared: &mut Prepared) -> Result<Vec<bool>, Problem> {
    let mut index = BaseIndex::new(old, &shared_sha1s(old, prepared));
    let entries = &prepared.said.manifest.entries;
    // Where each entry is found in the base; nothing is read that is not known already.
    let mut unknown = |_: usize| Err(Problem::Stopped);
    let mut sources: Vec<Option<usize>> = Vec::with_capacity(entries.len());
    for (entry, promised) in entries.iter().zip(&prepared.promised) {
        let found = index.find(old, promised, &mut unknown).ok();
        sources.push(found.filter(|&found| {
            let base = &old.entries[found];
            let in_time = !entry.keep_mtime || base.mtime == entry.mtime;
            entry.node != Node::Directory && base.node == entry.node && in_time
        }));
    }
    // Names of one file travel together, or they would not be links any more.
    let mut travelling = HashSet::new();
    for (entry, source) in entries.iter().zip(&sources) {
        if entry.link_group > 0 && source.is_none() {
            travelling.insert(entry.link_group);
        }
    }
    for (entry, source) in entries.iter().zip(&mut sources) {
        if travelling.contains(&entry.link_group) {
            *source = None;
        }
    }
    amend(old, prepared, &sources);
    Ok(sources.iter().map(Option::is_none).collect())
}

/// SHA-1s of those files of the base whose content the new package has, as a file or as a link's target. No
/// other content of the base can be asked for.
fn shared_sha1s(old: &Manifest, prepared: &Prepared) -> Vec<Option<Sha1Digest>> {
    let mut known: HashMap<Digest, Sha1Digest> = HashMap::new();
    for (entry, promised) in prepared.said.manifest.entries.iter().zip(&prepared.promised) {
        let digest = match &entry.node {
            Node::Directory => continue,
            Node::File { digest, .. } => *digest,
            Node::Symlink { target } => Digest::of(target),
        };
        known.extend(promised.sha1.map(|sha1| (digest, sha1)));
    }
    let sha1 = |entry: &Entry| match &entry.node {
        Node::File { digest, .. } => known.get(digest).copied(),
        _ => None,
    };
    old.entries.iter().map(sha1).collect()
}

/// Gives what does not travel the times and hard links that it has in the base, as a reader will.
fn amend(old: &Manifest, prepared: &mut Prepared, sources: &[Option<usize>]) {
    let said = &mut prepared.said;
    let before = groups(said.manifest.entries.iter().map(|entry| (false, entry.link_group)));
    let base = |source: &Option<usize>| source.and_then(|source| old.entries.get(source));
    for (entry, base) in said.manifest.entries.iter_mut().zip(sources.iter().map(base)) {
        if let Some(base) = base.filter(|base| base.mtime != entry.mtime) {
            entry.mtime = base.mtime;
            said.losses.add_path(Lost::BaseTime, &entry.path);
        }
    }
    let entries = &mut said.manifest.entries;
    // A group is one of the new package where its names travel, else one of the base.
    let number = |(entry, base): (&Entry, Option<&Entry>)| match base {
        None => (false, entry.link_group),
        Some(base) if base.path == entry.path => (true, base.link_group),
        Some(_) => (true, 0),
    };
    let mut after = groups(entries.iter().zip(sources.iter().map(base)).map(number));
    let shared = |&index: &usize| {
        let entry = &entries[index];
        (entry.mode, entry.uid, entry.gid, entry.mtime)
    };
    after.retain(|names| names.windows(2).all(|pair| shared(&pair[0]) == shared(&pair[1])));
    for entry in entries.iter_mut() {
        entry.link_group = 0;
    }
    for (number, &name) in
        (1_u32..).zip(&after).flat_map(|(n, names)| names.iter().map(move |name| (n, name)))
    {
        entries[name].link_group = number;
    }
    // Numbers alone may shift; a loss is only where other names are linked than were.
    let changed: BTreeSet<usize> = before.symmetric_difference(&after).flatten().copied().collect();
    for index in changed {
        said.losses.add_path(Lost::BaseLinks, &entries[index].path);
    }
}

/// The hard-link groups, in the order of their first names: the positions of those with the same key, whose
/// second part is 0 for none.
fn groups(keys: impl Iterator<Item = (bool, u32)>) -> BTreeSet<Vec<usize>> {
    let mut groups: BTreeMap<(bool, u32), Vec<usize>> = BTreeMap::new();
    for (position, key) in keys.enumerate().filter(|(_, (_, group))| *group > 0) {
        groups.entry(key).or_default().push(position);
    }
    groups.into_values().filter(|names| names.len() > 1).collect()
}
