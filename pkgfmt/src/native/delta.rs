//! Deltas: a package that carries only what its base lacks, whole or as a patch.
//!
//! A patch is a zstd frame that is unpacked with an object of the base before it. Which object: the one that
//! has the same path in the base, or else the same file name, or else the same extension and the nearest size.

use std::collections::HashMap;
use std::io::{Seek, Write};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::contents::Parts;
use crate::digest::{Digest, PackageId};
use crate::error::Problem;
use crate::manifest::{Manifest, Node};

use super::frames;
use super::index::{FRAME_RECORD, PATCH_BYTES, Prefix};
use super::objects::{Object, Objects};
use super::order::{self, extension};
use super::write::{self, Old, Patch, Plan, Planned, WriteOptions};

/// Bytes of patches that are kept between choosing them and writing them; others are made again.
const KEPT: usize = 256 << 20;
/// How many times smaller a patch to another object of the same package is than its object: catalogues in many
/// languages, which have half their texts in common, are smaller together in one frame.
const OWN_GAIN: usize = 2;
/// Bytes that a patch costs beside itself: its place in the index and the frame table.
const COST: usize = FRAME_RECORD + 6;

/// Writes the delta that makes `new` out of `old` to `out`, from where it stands, and returns the id of `new`.
///
/// # Errors
/// As [`write`](write::write), about either package.
pub fn write_delta(
    old: &Parts<'_>,
    new: &Parts<'_>,
    options: &WriteOptions,
    out: &mut (impl Write + Seek),
) -> Result<PackageId, Problem> {
    let id = old.manifest.id()?;
    let (before, objects) = (Objects::of(old.manifest)?, Objects::of(new.manifest)?);
    let lacking = objects.iter().enumerate().filter(|(_, object)| before.number(&object.digest).is_none());
    let candidates = Candidates::new(old.manifest, &before);
    let choices: Vec<(usize, Option<Prefix>)> = lacking
        .map(|(number, object)| (number, candidates.base(new.manifest, object).map(Prefix::Base)))
        .collect();
    let base = Old { parts: old, objects: &before, id };
    let (mut groups, whole) = choose(new, &objects, Some(&base), &choices, options)?;
    let whole = order::arrange(new.manifest, &objects, &whole);
    groups.extend(whole.into_iter().map(|objects| Planned { objects, patch: None }));
    let plan = Plan { parts: new, objects: &objects, groups, base: Some(base) };
    write::write_plan(&plan, options, out)
}

/// Makes the patches, and keeps those that are smaller than their objects: these, and what is carried whole.
pub(super) fn choose(
    new: &Parts<'_>,
    objects: &Objects,
    old: Option<&Old<'_>>,
    choices: &[(usize, Option<Prefix>)],
    options: &WriteOptions,
) -> Result<(Vec<Planned>, Vec<usize>), Problem> {
    let attempt = |&(number, prefix): &(usize, Option<Prefix>)| -> Result<_, Problem> {
        let (Some(prefix), Some(object)) = (prefix, objects.get(number)) else { return Ok(None) };
        let before = match prefix {
            Prefix::Own(number) => objects.get(number).map(|before| (new, before)),
            Prefix::Base(number) => old.and_then(|old| Some((old.parts, old.objects.get(number)?))),
        };
        let Some((parts, before)) = before else { return Ok(None) };
        let patch = write::make_patch(new, object, parts, before, options.level)?;
        let mut bytes = Vec::new();
        write::read(new, object, &mut bytes)?;
        let whole = frames::pack(options.level, &bytes)
            .map_err(|reason| Problem::damaged(write::path(new.manifest, object), reason))?;
        // What has nothing in the base to lean on may still have its like in its own frame.
        let worth = match prefix {
            Prefix::Own(_) => OWN_GAIN,
            Prefix::Base(_) => 1,
        };
        Ok(((patch.len() + COST) * worth < whole.len()).then_some((prefix, patch)))
    };
    let (mut groups, mut whole, mut kept) = (Vec::new(), Vec::new(), 0_usize);
    let pool = rayon::current_thread_index().map(|_| rayon::current_num_threads());
    for window in choices.chunks(pool.unwrap_or(1).max(1)) {
        let attempts: Vec<_> = match pool {
            Some(_) => window.par_iter().map(attempt).collect(),
            None => window.iter().map(attempt).collect(),
        };
        for (&(number, _), attempt) in window.iter().zip(attempts) {
            let Some((prefix, patch)) = attempt? else {
                whole.push(number);
                continue;
            };
            let keep = kept + patch.len() <= KEPT;
            kept += if keep { patch.len() } else { 0 };
            let patch = Patch { prefix, packed: keep.then_some(patch) };
            groups.push(Planned { objects: vec![number], patch: Some(patch) });
        }
    }
    Ok((groups, whole))
}

/// The base's objects, by what they may be found by.
struct Candidates<'a> {
    by_path: HashMap<&'a [u8], usize>,
    by_name: HashMap<&'a [u8], usize>,
    /// Size and number, ascending.
    by_extension: HashMap<&'a [u8], Vec<(u64, usize)>>,
}

impl<'a> Candidates<'a> {
    fn new(manifest: &'a Manifest, objects: &Objects) -> Self {
        let mut found =
            Candidates { by_path: HashMap::new(), by_name: HashMap::new(), by_extension: HashMap::new() };
        for entry in &manifest.entries {
            let Node::File { size, digest } = entry.node else { continue };
            let Some(number) = objects.number(&digest).filter(|_| size <= PATCH_BYTES) else { continue };
            let name = entry.path.file_name();
            found.by_path.insert(entry.path.as_bytes(), number);
            found.by_name.entry(name).or_insert(number);
            found.by_extension.entry(extension(name)).or_default().push((size, number));
        }
        for sizes in found.by_extension.values_mut() {
            sizes.sort_unstable();
            sizes.dedup();
        }
        found
    }

    /// What a patch to `object` would be made against.
    fn base(&self, manifest: &Manifest, object: &Object) -> Option<usize> {
        if object.size > PATCH_BYTES {
            return None;
        }
        let path = &manifest.entries.get(object.entry)?.path;
        let same = self.by_path.get(path.as_bytes()).or_else(|| self.by_name.get(path.file_name()));
        same.copied().or_else(|| nearest(self.by_extension.get(extension(path.file_name()))?, object.size))
    }
}

/// The number whose size is nearest; of two, the smaller.
fn nearest(sizes: &[(u64, usize)], size: u64) -> Option<usize> {
    let above = sizes.partition_point(|&(each, _)| each < size);
    let near = [above.checked_sub(1), Some(above)].into_iter().flatten().filter_map(|at| sizes.get(at));
    near.min_by_key(|(each, _)| each.abs_diff(size)).map(|&(_, number)| number)
}

/// The digest of a package whose content is the base of a delta.
pub(super) fn base_id(bytes: &[u8]) -> Option<PackageId> {
    bytes.try_into().ok().map(|digest| PackageId(Digest(digest)))
}
