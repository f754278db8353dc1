//! Collection: generations that nothing keeps, and then what only they named.
//!
//! Rows go first, files after: a crash in between leaves garbage, never a row without its file. Marking is
//! over the generations of all roots of the store, as the database lists them, so a root that is not mounted
//! keeps everything.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ambar_pkgfmt::{Digest, PackageId};

use crate::dir::random_hex;
use crate::error::Error;
use crate::holdings::{holdings, owned_paths};
use crate::object::{ObjectId, Profile};
use crate::root::Root;

/// What a collection has taken, or would take.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Generations of the root.
    pub generations: Vec<u64>,
    /// Generations that would go as well if no process lived in them.
    pub in_use: Vec<u64>,
    /// Packages that no generation of any root names any more, as `name version`.
    pub packages: Vec<String>,
    /// Objects that nothing names any more.
    pub objects: u64,
    /// Their bytes, and those of package files.
    pub bytes: u64,
    /// Package files in the cache.
    pub cached_files: u64,
}

/// A package that leaves, with everything that has to be known of it.
struct Leaving {
    id: PackageId,
    profile: Profile,
    paths: Vec<Vec<u8>>,
    objects: Vec<ObjectId>,
}

/// What is to go.
#[derive(Default)]
struct Sentence {
    generations: Vec<u64>,
    packages: Vec<Leaving>,
    files: Vec<Digest>,
    shown: Collected,
}

impl Root {
    /// What a collection would take, without taking anything; no lock is needed.
    ///
    /// # Errors
    /// [`Error`].
    pub fn collectable(&self, keep: u64) -> Result<Collected, Error> {
        Ok(judge(self, keep, false)?.shown)
    }
}

/// Collects in a root whose lock is held: generations beyond the newest `keep` go, except the live one, what
/// pending work needs, and those that processes are seen to live in.
///
/// # Errors
/// [`Error`]; what was not taken can be taken later.
pub(crate) fn collect(root: &Root, keep: u64) -> Result<Collected, Error> {
    let sentence = judge(root, keep, false)?;
    execute(root, &sentence)?;
    Ok(sentence.shown)
}

/// Applies the root's own policy, after a switch: the generation that a rollback leads to is always kept.
pub(crate) fn apply_policy(root: &Root) -> Result<(), Error> {
    let keep = root.config().keep;
    // The common case, without the database: nothing is beyond the policy.
    if root.recorded()?.len() as u64 <= keep {
        return Ok(());
    }
    execute(root, &judge(root, keep, true)?)
}

fn unreadable(root: &Root) -> Error {
    Error::Database {
        operation: "open",
        path: root.store().dir().join(crate::db::NAME),
        message: "it cannot be read now".into(),
    }
}

fn judge(root: &Root, keep: u64, keeps_parent: bool) -> Result<Sentence, Error> {
    let reader = root.store().read()?.ok_or_else(|| unreadable(root))?;
    let mut sentence = Sentence::default();
    let current = root.current()?;
    let own = reader.generations(root.id())?;
    // The live generation, the one that a rollback leads to, and those that pending work is compared with.
    let parent = current.and_then(|number| root.record(number).ok()).and_then(|(record, _)| record.parent);
    let pending = reader.pending(root.id())?;
    let needed: HashSet<u64> = current
        .into_iter()
        .chain(parent.filter(|_| keeps_parent))
        .chain(pending.into_iter().filter_map(|(_, row)| row.from))
        .collect();
    let newest: BTreeSet<u64> = own
        .iter()
        .rev()
        .map(|(number, _)| *number)
        .take(usize::try_from(keep).unwrap_or(usize::MAX))
        .collect();
    sentence.generations = own
        .iter()
        .map(|(number, _)| *number)
        .filter(|number| !newest.contains(number) && !needed.contains(number))
        .collect();
    if !sentence.generations.is_empty() {
        let inhabited = crate::in_use::inhabited_generations(root)?;
        sentence.shown.in_use =
            sentence.generations.iter().copied().filter(|n| inhabited.contains(n)).collect();
        sentence.generations.retain(|number| !inhabited.contains(number));
    }
    let dropped: HashSet<u64> = sentence.generations.iter().copied().collect();
    let mut named: HashSet<(u32, u8)> = HashSet::new();
    for (number, row) in &own {
        if !dropped.contains(number) {
            named.extend(&row.packages);
        }
    }
    for row in reader.generations_of_others(root.id())? {
        named.extend(&row.packages);
    }
    let mut claims: BTreeMap<ObjectId, (u32, u64, u32)> = BTreeMap::new();
    let mut gone = HashSet::new();
    for (id, row) in reader.packages()? {
        let leaving: Vec<Profile> = row
            .profiles
            .iter()
            .filter(|&&code| !named.contains(&(row.number, code)))
            .filter_map(|&code| Profile::from_code(code))
            .collect();
        if leaving.is_empty() {
            continue;
        }
        let manifest = root.store().manifest(id)?;
        for profile in &leaving {
            let held = holdings(&manifest, (id, 0), row.translations.map(|digest| (digest, 0)), *profile);
            for object in held.keys() {
                if let Some(stored) = reader.object(object)? {
                    let claim = claims.entry(object.clone()).or_insert((stored.references, stored.length, 0));
                    claim.2 += 1;
                }
            }
            sentence.packages.push(Leaving {
                id,
                profile: *profile,
                paths: owned_paths(&manifest),
                objects: held.into_keys().collect(),
            });
        }
        if leaving.len() == row.profiles.len() {
            gone.insert(id);
            sentence.shown.packages.push(format!("{} {}", row.name, manifest.full_version()));
        }
    }
    for (references, length, taken) in claims.into_values() {
        if taken >= references {
            sentence.shown.objects += 1;
            sentence.shown.bytes += length;
        }
    }
    for (digest, file) in reader.files()? {
        if gone.contains(&file.package) {
            sentence.files.push(digest);
            if root.store().cached(digest).exists() {
                sentence.shown.cached_files += 1;
                sentence.shown.bytes += file.length;
            }
        }
    }
    sentence.shown.packages.sort();
    sentence.shown.generations.clone_from(&sentence.generations);
    Ok(sentence)
}

fn execute(root: &Root, sentence: &Sentence) -> Result<(), Error> {
    let nothing =
        sentence.generations.is_empty() && sentence.packages.is_empty() && sentence.files.is_empty();
    let mut unnamed = Vec::new();
    if !nothing {
        let writing = root.store().db().write()?;
        writing.drop_generations(root.id(), &sentence.generations)?;
        for leaving in &sentence.packages {
            unnamed.extend(writing.leave(leaving.id, leaving.profile, &leaving.paths, &leaving.objects)?);
        }
        writing.drop_files(&sentence.files)?;
        // Should this process die now, what follows is found as garbage by the next writer.
        drop(root.store().dir().lock_file("unswept")?);
        writing.commit()?;
    }
    for number in &sentence.generations {
        discard_generation(root, *number)?;
    }
    for (object, siblings) in &unnamed {
        root.store().objects().remove(object, *siblings)?;
    }
    let cache = root.store().dir().dir("cache")?;
    for file in &sentence.files {
        cache.unlink_if_any(file.to_hex())?;
    }
    if !nothing {
        root.store().dir().unlink_if_any("unswept")?;
    }
    Ok(())
}

/// Takes a generation's tree and record away; its row is gone already.
pub(crate) fn discard_generation(root: &Root, number: u64) -> Result<(), Error> {
    let generations = root.ambar().dir("generations")?;
    let name = number.to_string();
    if generations.stat(&name)?.is_some() {
        let trash = root.ambar().dir("trash")?;
        generations.rename(&name, &trash, format!("{name}-{}", random_hex(4)?))?;
    }
    root.ambar().dir("records")?.unlink_if_any(&name)
}
