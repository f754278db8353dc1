//! Writing deltas: the whole package's documents, and a payload with what the base lacks.
//!
//! As in PiSi, directories always travel, and files whose content is anywhere in the base do not. Beyond that
//! an entry travels where a reader of this crate would take it for something else: a file whose content is the
//! target of a link, or the other way round, and a Python source whose own modification time matters.

use std::collections::{BTreeMap, HashMap};
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
    let mut travelling = std::collections::HashSet::new();
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
    // A group is one of the new package where its names travel, else one of the base.
    let mut groups: BTreeMap<(bool, u32), Vec<usize>> = BTreeMap::new();
    for (position, (entry, source)) in said.manifest.entries.iter_mut().zip(sources).enumerate() {
        let base = source.and_then(|source| old.entries.get(source));
        let group = match base {
            None => entry.link_group,
            Some(base) if base.path == entry.path => base.link_group,
            Some(_) => 0,
        };
        if group > 0 {
            groups.entry((base.is_some(), group)).or_default().push(position);
        }
        if let Some(base) = base.filter(|base| base.mtime != entry.mtime) {
            entry.mtime = base.mtime;
            said.losses.add_path(Lost::BaseTime, &entry.path);
        }
    }
    let entries = &mut said.manifest.entries;
    let mut sorted: Vec<Vec<usize>> = groups.into_values().filter(|names| names.len() > 1).collect();
    let shared = |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.mtime);
    sorted
        .retain(|names| names.windows(2).all(|pair| shared(&entries[pair[0]]) == shared(&entries[pair[1]])));
    sorted.sort();
    let mut numbers = vec![0; entries.len()];
    for (group, names) in sorted.iter().enumerate() {
        for &name in names {
            numbers[name] = group as u32 + 1;
        }
    }
    // Numbers alone may shift; a loss is only where other names are linked than were.
    let partners = |number: &dyn Fn(usize) -> u32, count: usize| {
        let mut first = HashMap::new();
        let leader = |index: usize| match number(index) {
            0 => index,
            group => *first.entry(group).or_insert(index),
        };
        (0..count).map(leader).collect::<Vec<usize>>()
    };
    let before = partners(&|index| entries[index].link_group, entries.len());
    let after = partners(&|index| numbers[index], entries.len());
    let sizes = |leaders: &[usize]| {
        let mut sizes = HashMap::new();
        leaders.iter().for_each(|leader| *sizes.entry(*leader).or_insert(0) += 1);
        sizes
    };
    let (sizes_before, sizes_after) = (sizes(&before), sizes(&after));
    for (index, entry) in entries.iter_mut().enumerate() {
        let same = before[index] == after[index]
            && sizes_before.get(&before[index]) == sizes_after.get(&after[index]);
        if !same {
            said.losses.add_path(Lost::BaseLinks, &entry.path);
        }
        entry.link_group = numbers[index];
    }
}
