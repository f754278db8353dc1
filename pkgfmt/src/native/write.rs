//! Writing a package in one pass: everything but the frame table's digests is known before the content is.
//!
//! Frames are packed in the rayon pool that the caller is in (outside of one, on the caller's thread), a window
//! of them at a time, and written in their order: the bytes do not depend on the number of threads.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom, Write};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::contents::Parts;
use crate::digest::{ContentHasher, Digest, PackageId};
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Manifest;

use super::frames;
use super::index::{self, FRAME_BYTES, Frame, Prefix};
use super::layout::{self, Coding, Kind, Section, Table};
use super::objects::{Object, Objects};
use super::{delta, order, similar, xattrs};

/// What a writer may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Level of zstd, 1 to 22; one level gives one file.
    pub level: i32,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { level: 19 }
    }
}

/// Writes `parts` as a native package to `out`, from where it stands, and returns the package id.
///
/// # Errors
/// [`Problem::Manifest`] when the manifest is not canonical, [`Problem::Forbidden`] and [`Problem::Limit`] for
/// extended attributes that packages may not have, [`Problem::Damaged`] where contents are not what it
/// says, [`Problem::Io`] from `out`.
pub fn write(
    parts: &Parts<'_>,
    options: &WriteOptions,
    out: &mut (impl Write + Seek),
) -> Result<PackageId, Problem> {
    let objects = Objects::of(parts.manifest)?;
    let alike = similar::pairs(parts, &objects)?;
    let choices: Vec<_> = alike.iter().map(|&(number, like)| (number, Some(Prefix::Own(like)))).collect();
    let (patches, _) = delta::choose(parts, &objects, None, &choices, options)?;
    let patched: HashSet<usize> = patches.iter().flat_map(|group| group.objects.iter().copied()).collect();
    let whole: Vec<usize> = (0..objects.len()).filter(|number| !patched.contains(number)).collect();
    let groups = order::arrange(parts.manifest, &objects, &whole);
    let groups = groups.into_iter().map(|objects| Planned { objects, patch: None }).chain(patches).collect();
    let plan = Plan { parts, objects: &objects, groups, base: None };
    write_plan(&plan, options, out)
}

/// What will be written.
pub(super) struct Plan<'a> {
    pub(super) parts: &'a Parts<'a>,
    pub(super) objects: &'a Objects,
    pub(super) groups: Vec<Planned>,
    /// In a delta, what it is made against.
    pub(super) base: Option<Old<'a>>,
}

/// One group of the index.
pub(super) struct Planned {
    pub(super) objects: Vec<usize>,
    pub(super) patch: Option<Patch>,
}

/// What a patch is made against, and the patch unless it was too large to be kept.
pub(super) struct Patch {
    pub(super) prefix: Prefix,
    pub(super) packed: Option<Vec<u8>>,
}

/// The base of a delta.
pub(super) struct Old<'a> {
    pub(super) parts: &'a Parts<'a>,
    pub(super) objects: &'a Objects,
    pub(super) id: PackageId,
}

/// Writes what is planned.
pub(super) fn write_plan(
    plan: &Plan<'_>,
    options: &WriteOptions,
    out: &mut (impl Write + Seek),
) -> Result<PackageId, Problem> {
    xattrs::check(plan.parts.manifest, &Limits::default())?;
    let manifest = plan.parts.manifest.encode()?;
    let id = PackageId(Digest::of(&manifest));
    let translations =
        if plan.parts.translations.is_empty() { Vec::new() } else { plan.parts.translations.encode() };
    let scripts = scripts(plan.parts)?;
    let base = plan.base.as_ref().map_or(Vec::new(), |old| old.id.0.0.to_vec());
    let groups = plan
        .groups
        .iter()
        .map(|group| (group.objects.as_slice(), group.patch.as_ref().map(|patch| patch.prefix)));
    let index = if plan.groups.is_empty() { Vec::new() } else { index::encode(groups) };
    let documents = [
        (Kind::Manifest, manifest),
        (Kind::Translations, translations),
        (Kind::Scripts, scripts),
        (Kind::Base, base),
        (Kind::Index, index),
    ];
    let documents = documents.into_iter().filter(|(_, bytes)| !bytes.is_empty());
    let documents =
        documents.map(|(kind, bytes)| document(kind, bytes, options.level)).collect::<Result<Vec<_>, _>>()?;
    let many = documents.len() + if plan.groups.is_empty() { 0 } else { 2 };

    let origin = out.stream_position().map_err(unwritten)?;
    let mut at = layout::start(many);
    let mut sections = Vec::with_capacity(many);
    write_all(out, &vec![0; at as usize])?;
    for (mut section, bytes) in documents {
        section.offset = at;
        at += section.stored;
        sections.push(section);
        write_all(out, &bytes)?;
    }
    if !plan.groups.is_empty() {
        let count: u64 = plan.groups.iter().map(|group| frames_of(plan.objects, group)).sum();
        let length = count * index::FRAME_RECORD as u64;
        std::io::copy(&mut std::io::repeat(0).take(length), out).map_err(unwritten)?;
        let mut frames = Frames { out, level: options.level, plan, written: Vec::new(), at: 0 };
        frames.write()?;
        let (written, packed) = (frames.written, frames.at);
        let table = index::encode_frames(&written);
        let digest = Digest::of(&table);
        out.seek(SeekFrom::Start(origin + at)).map_err(unwritten)?;
        write_all(out, &table)?;
        sections.push(raw(Kind::Frames, at, length, digest));
        sections.push(raw(Kind::Content, at + length, packed, digest));
    }
    let table = Table::new(sections);
    out.seek(SeekFrom::Start(origin)).map_err(unwritten)?;
    write_all(out, table.bytes())?;
    out.seek(SeekFrom::Start(origin + table.end())).map_err(unwritten)?;
    out.flush().map_err(unwritten)?;
    Ok(id)
}

fn raw(kind: Kind, offset: u64, length: u64, digest: Digest) -> Section {
    Section { kind, coding: Coding::Raw, offset, stored: length, unpacked: length, digest }
}

/// A metadata section, packed where that is smaller; its offset is still to come.
fn document(kind: Kind, bytes: Vec<u8>, level: i32) -> Result<(Section, Vec<u8>), Problem> {
    let unpacked = bytes.len() as u64;
    if kind != Kind::Base {
        let packed = frames::pack(level, &bytes).map_err(|reason| Problem::damaged(kind.name(), reason))?;
        let stored = packed.len() as u64;
        if stored < unpacked && layout::in_proportion(unpacked, stored) {
            let digest = Digest::of(&packed);
            return Ok((Section { kind, coding: Coding::Zstd, offset: 0, stored, unpacked, digest }, packed));
        }
    }
    let digest = Digest::of(&bytes);
    Ok((raw(kind, 0, unpacked, digest), bytes))
}

/// The scripts, one after another, as the manifest describes them.
fn scripts(parts: &Parts<'_>) -> Result<Vec<u8>, Problem> {
    if !parts.has_told_scripts() {
        return Err(Problem::damaged(Kind::Scripts.name(), "they are not those that the manifest describes"));
    }
    Ok(parts.scripts.concat())
}

fn frames_of(objects: &Objects, group: &Planned) -> u64 {
    index::frames_of(size_of(objects, &group.objects), group.patch.is_some())
}

fn size_of(objects: &Objects, numbers: &[usize]) -> u64 {
    numbers.iter().filter_map(|&number| objects.get(number)).map(|object| object.size).sum()
}

/// The content on its way to the file.
struct Frames<'a, W> {
    out: &'a mut W,
    level: i32,
    plan: &'a Plan<'a>,
    written: Vec<Frame>,
    at: u64,
}

/// What becomes one frame.
enum Job<'a> {
    /// Objects that share a frame, or a patch.
    Group(&'a Planned),
    /// A part of a large object.
    Piece(Vec<u8>),
}

impl<'a, W: Write> Frames<'a, W> {
    fn write(&mut self) -> Result<(), Problem> {
        let plan = self.plan;
        let mut window = Vec::new();
        for group in &plan.groups {
            match group.objects.as_slice() {
                &[number] if frames_of(plan.objects, group) > 1 => self.pieces(number, &mut window)?,
                _ => self.push(&mut window, Job::Group(group))?,
            }
        }
        self.flush(&mut window)
    }

    /// Reads a large object in order, a frame at a time.
    fn pieces(&mut self, number: usize, window: &mut Vec<Job<'a>>) -> Result<(), Problem> {
        let manifest = self.plan.parts.manifest;
        let Some(object) = self.plan.objects.get(number) else { return Ok(()) };
        let mut reader = open(self.plan.parts, object)?;
        let mut hasher = ContentHasher::new(false);
        loop {
            let mut piece = Vec::with_capacity(FRAME_BYTES as usize);
            (&mut reader)
                .take(FRAME_BYTES)
                .read_to_end(&mut piece)
                .map_err(|error| unreadable(manifest, object, error))?;
            hasher.update(&piece);
            let last = piece.len() < FRAME_BYTES as usize;
            if !piece.is_empty() {
                self.push(window, Job::Piece(piece))?;
            }
            if last {
                break;
            }
        }
        let (size, digest, _) = hasher.finish();
        same(manifest, object, size, digest)
    }

    fn push(&mut self, window: &mut Vec<Job<'a>>, job: Job<'a>) -> Result<(), Problem> {
        window.push(job);
        let pool = rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads());
        if window.len() >= 2 * pool { self.flush(window) } else { Ok(()) }
    }

    fn flush(&mut self, window: &mut Vec<Job<'a>>) -> Result<(), Problem> {
        let (plan, level) = (self.plan, self.level);
        let packed: Vec<Result<Vec<u8>, Problem>> = match rayon::current_thread_index() {
            Some(_) => window.par_iter().map(|job| pack(plan, level, job)).collect(),
            None => window.iter().map(|job| pack(plan, level, job)).collect(),
        };
        window.clear();
        for packed in packed {
            let packed = packed?;
            let length = u32::try_from(packed.len())
                .map_err(|_| Problem::limit("the size of a frame", u64::from(u32::MAX)))?;
            self.written.push(Frame { start: self.at, packed: length, digest: Digest::of(&packed) });
            self.at += u64::from(length);
            write_all(self.out, &packed)?;
        }
        Ok(())
    }
}

fn pack(plan: &Plan<'_>, level: i32, job: &Job<'_>) -> Result<Vec<u8>, Problem> {
    let unpackable = |reason: String| Problem::damaged(Kind::Content.name(), reason);
    match job {
        Job::Piece(piece) => frames::pack(level, piece).map_err(unpackable),
        Job::Group(Planned { objects, patch: None }) => {
            let mut bytes = Vec::with_capacity(size_of(plan.objects, objects) as usize);
            for object in objects.iter().filter_map(|&number| plan.objects.get(number)) {
                read(plan.parts, object, &mut bytes)?;
            }
            frames::pack(level, &bytes).map_err(unpackable)
        }
        Job::Group(Planned { patch: Some(Patch { packed: Some(packed), .. }), .. }) => Ok(packed.clone()),
        Job::Group(Planned { objects, patch: Some(patch) }) => {
            let object = objects.first().and_then(|&number| plan.objects.get(number));
            let before = match patch.prefix {
                Prefix::Own(number) => plan.objects.get(number).map(|base| (plan.parts, base)),
                Prefix::Base(number) => {
                    plan.base.as_ref().and_then(|old| Some((old.parts, old.objects.get(number)?)))
                }
            };
            let (Some(object), Some((old, base))) = (object, before) else {
                return Err(unpackable("a patch has no base".into()));
            };
            make_patch(plan.parts, object, old, base, level)
        }
    }
}

/// The patch that makes `object` out of `base`.
pub(super) fn make_patch(
    parts: &Parts<'_>,
    object: &Object,
    old: &Parts<'_>,
    base: &Object,
    level: i32,
) -> Result<Vec<u8>, Problem> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    read(old, base, &mut before)?;
    read(parts, object, &mut after)?;
    frames::pack_patch(level, &before, &after)
        .map_err(|reason| Problem::damaged(Kind::Content.name(), reason))
}

/// Appends the content of `object`, compared with the manifest.
pub(super) fn read(parts: &Parts<'_>, object: &Object, bytes: &mut Vec<u8>) -> Result<(), Problem> {
    let start = bytes.len();
    open(parts, object)?
        .take(object.size.saturating_add(1))
        .read_to_end(bytes)
        .map_err(|error| unreadable(parts.manifest, object, error))?;
    let read = bytes.get(start..).unwrap_or_default();
    same(parts.manifest, object, read.len() as u64, Digest::of(read))
}

fn open<'a>(parts: &Parts<'a>, object: &Object) -> Result<Box<dyn Read + 'a>, Problem> {
    parts.contents.open(object.entry).map_err(|error| unreadable(parts.manifest, object, error))
}

fn same(manifest: &Manifest, object: &Object, size: u64, digest: Digest) -> Result<(), Problem> {
    if (size, digest) == (object.size, object.digest) {
        return Ok(());
    }
    Err(Problem::damaged(path(manifest, object), "its content is not what the manifest says"))
}

fn unreadable(manifest: &Manifest, object: &Object, error: std::io::Error) -> Problem {
    Problem::from_stream(path(manifest, object), error)
}

/// The path of the first entry that has `object`.
pub(super) fn path(manifest: &Manifest, object: &Object) -> String {
    manifest.entries.get(object.entry).map(|entry| entry.path.to_string()).unwrap_or_default()
}

fn write_all(out: &mut impl Write, bytes: &[u8]) -> Result<(), Problem> {
    out.write_all(bytes).map_err(unwritten)
}

fn unwritten(source: std::io::Error) -> Problem {
    Problem::Io { operation: "write it", source }
}
