//! Handing content out group by group, and reading no group that nobody wants.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

use crate::digest::{ContentHasher, Digest, PackageId};
use crate::error::Problem;
use crate::manifest::{Manifest, Node};
use crate::package::{Base, BaseNeeded, Draft, Format, Hashed, Member, PayloadSink, Reader, Told};
use crate::translations::Translations;

use super::index::{Frame, Group, PATCH_BYTES, Prefix, frame_length};
use super::layout::{Kind, read_at};
use super::objects::{Object, Objects};
use super::{Given, NativeFile, frames};

impl Reader for NativeFile {
    fn native(&self) -> Option<&NativeFile> {
        Some(self)
    }

    fn format(&self) -> Format {
        Format::Native
    }

    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn translations(&self) -> &Translations {
        &self.translations
    }

    fn scripts(&self) -> &[Vec<u8>] {
        &self.scripts
    }

    fn base_needed(&self) -> Option<BaseNeeded> {
        let id = self.base_id?;
        Some(BaseNeeded { name: self.manifest.name.clone(), release: None, id: Some(id) })
    }

    fn set_base(&mut self, base: Base) -> Result<(), Problem> {
        let Some(wanted) = self.base_id else {
            return Err(Problem::not_a_package("it is a whole package: there is no base to give it"));
        };
        let id = base.manifest.id()?;
        if id != wanted {
            return Err(another_base(wanted, id, &base.manifest));
        }
        let objects = Objects::of(&base.manifest)?;
        self.check_base(&objects)?;
        self.base = Some(Given { base, objects });
        Ok(())
    }

    fn parts(&self) -> usize {
        self.index.groups.len() + self.from_base.len()
    }

    fn read_part(&self, part: usize, sink: &mut dyn PayloadSink) -> Result<Told, Problem> {
        if let Some(wanted) = self.base_id.filter(|_| self.base.is_none()) {
            return Err(Problem::base(format_args!("package {wanted} is needed to read this delta")));
        }
        match self.index.groups.get(part) {
            Some(group) => self.read_group(part, group, sink)?,
            None => {
                let bundle = part.checked_sub(self.index.groups.len()).and_then(|at| self.from_base.get(at));
                self.read_bundle(bundle.map(Vec::as_slice).unwrap_or_default(), sink)?;
            }
        }
        Ok(Told::Nothing)
    }

    fn finish(&self, _told: &Told, hashes: &[Option<Hashed>]) -> Result<Manifest, Problem> {
        for (entry, hashed) in self.manifest.entries.iter().zip(hashes) {
            let (Node::File { size, digest }, Some(hashed)) = (&entry.node, hashed) else { continue };
            if (hashed.size, hashed.digest) != (*size, *digest) {
                return Err(Problem::damaged(&entry.path, "its content is not what the manifest says"));
            }
        }
        for object in self.objects.iter() {
            if hashes.get(object.entry).is_none_or(Option::is_none) {
                let path = self.manifest.entries.get(object.entry).map(|entry| entry.path.to_string());
                return Err(Problem::damaged(path.unwrap_or_default(), "its content was not read"));
            }
        }
        Ok(self.manifest.clone())
    }
}

impl NativeFile {
    /// What only the base can tell: it has what the delta lacks, and the delta nothing that it has.
    fn check_base(&self, base: &Objects) -> Result<(), Problem> {
        let wrong = |reason: &str| Err(Problem::damaged(Kind::Index.name(), reason));
        for (object, home) in self.objects.iter().zip(&self.index.homes) {
            let there = base.number(&object.digest).and_then(|number| base.get(number));
            match (there, home) {
                (None, None) => return wrong("it lacks an object that the base does not have"),
                (Some(_), Some(_)) => return wrong("it has an object that the base has"),
                (Some(there), None) if there.size != object.size => {
                    return wrong("an object has another size in the base");
                }
                _ => {}
            }
        }
        for group in &self.index.groups {
            let Some(Prefix::Base(number)) = group.patch else { continue };
            if base.get(number).is_none_or(|object| object.size > PATCH_BYTES) {
                return wrong("a patch is made against an object that the base does not have");
            }
        }
        Ok(())
    }

    fn read_group(&self, number: usize, group: &Group, sink: &mut dyn PayloadSink) -> Result<(), Problem> {
        let objects: Vec<&Object> =
            self.index.objects(group).iter().filter_map(|&number| self.objects.get(number)).collect();
        let wanted: Vec<bool> =
            objects.iter().map(|object| sink.wants(object.entry, &object.digest)).collect();
        if !wanted.contains(&true) {
            return Ok(());
        }
        if let [object] = objects.as_slice() {
            if object.size > self.limits.small_file {
                let mut stream = Stream::new(self, group);
                return large(sink, self.member(object), &mut stream, |stream| stream.failed.take());
            }
            let bytes = match self.leading.contains(&number) {
                true => self.kept(number, group)?.to_vec(),
                false => self.whole(group)?,
            };
            return sink.small(self.member(object), bytes).map_err(|_| Problem::Stopped);
        }
        // What patches are made against is wanted again soon.
        let bytes = if self.leading.contains(&number) {
            self.kept(number, group)?
        } else {
            Arc::new(self.whole(group)?)
        };
        let mut rest = bytes.as_slice();
        for (object, wanted) in objects.into_iter().zip(wanted) {
            let (mut content, tail) = usize::try_from(object.size)
                .ok()
                .and_then(|size| rest.split_at_checked(size))
                .ok_or_else(|| Problem::damaged(Kind::Content.name(), "a frame ends early"))?;
            rest = tail;
            let member = self.member(object);
            match wanted {
                false => {}
                true if object.size > self.limits.small_file => large(sink, member, &mut content, |_| None)?,
                true => sink.small(member, content.to_vec()).map_err(|_| Problem::Stopped)?,
            }
        }
        Ok(())
    }

    /// Objects that the base has.
    fn read_bundle(&self, bundle: &[usize], sink: &mut dyn PayloadSink) -> Result<(), Problem> {
        for object in bundle.iter().filter_map(|&number| self.objects.get(number)) {
            if !sink.wants(object.entry, &object.digest) {
                continue;
            }
            let mut stream = self.in_base(object)?;
            if object.size > self.limits.small_file {
                large(sink, self.member(object), &mut stream, |stream| stream.failed.take())?;
            } else {
                let content = stream.all()?;
                sink.small(self.member(object), content).map_err(|_| Problem::Stopped)?;
            }
        }
        Ok(())
    }

    fn member(&self, object: &Object) -> Member {
        let entry = self.manifest.entries.get(object.entry);
        Member {
            index: object.entry,
            size: object.size,
            mtime: entry.and_then(|entry| entry.mtime),
            may_keep_mtime: entry.is_some_and(|entry| entry.keep_mtime),
        }
    }

    /// The bytes of a frame as they lie in the file, compared with their digest.
    pub(super) fn packed(&self, frame: &Frame) -> Result<Cow<'_, [u8]>, Problem> {
        let position = self.content.saturating_add(frame.start);
        let ends = || Problem::damaged(Kind::Content.name(), "it ends early");
        let packed = match self.source.bytes() {
            Some(bytes) => {
                let start = usize::try_from(position).map_err(|_| ends())?;
                let end = start.checked_add(frame.packed as usize).ok_or_else(ends)?;
                Cow::Borrowed(bytes.get(start..end).ok_or_else(ends)?)
            }
            None => {
                let mut packed = vec![0; frame.packed as usize];
                read_at(&self.source, &mut packed, position, Kind::Content.name())?;
                Cow::Owned(packed)
            }
        };
        if Digest::of(&packed) != frame.digest {
            let what = format_args!("the frame at byte {position}");
            return Err(Problem::damaged(what, "its digest is not that of the frame table"));
        }
        Ok(packed)
    }

    /// The unpacked bytes of one frame of a group, or `None` past its last.
    fn frame(&self, group: &Group, position: usize) -> Result<Option<Vec<u8>>, Problem> {
        let Some(frame) = self.index.frames(group).get(position) else { return Ok(None) };
        let packed = self.packed(frame)?;
        let length = frame_length(group, position);
        let unpacked = match group.patch {
            None => frames::unpack(&packed, length),
            Some(Prefix::Own(number)) => frames::unpack_patch(&self.own(number)?, &packed, length),
            Some(Prefix::Base(number)) => frames::unpack_patch(&self.patched(number)?, &packed, length),
        };
        let at = self.content.saturating_add(frame.start);
        unpacked.map(Some).map_err(|reason| Problem::damaged(format_args!("the frame at byte {at}"), reason))
    }

    /// All bytes of a group that fits into memory.
    pub(super) fn whole(&self, group: &Group) -> Result<Vec<u8>, Problem> {
        let mut bytes = self.frame(group, 0)?.unwrap_or_default();
        for position in 1..self.index.frames(group).len() {
            bytes.append(&mut self.frame(group, position)?.unwrap_or_default());
        }
        Ok(bytes)
    }

    /// The object of this package that a patch is made against; its group is no patch.
    fn own(&self, number: usize) -> Result<Vec<u8>, Problem> {
        let digest = self.objects.get(number).map_or(Digest([0; 32]), |object| object.digest);
        let mut bytes = Vec::new();
        self.read_object(&digest)
            .and_then(|mut content| content.read_to_end(&mut bytes))
            .map_err(|error| Problem::from_stream(Kind::Content.name(), error))?;
        Ok(bytes)
    }

    /// The base's object that a patch is made against.
    fn patched(&self, number: usize) -> Result<Vec<u8>, Problem> {
        let given = self.base.as_ref().ok_or_else(|| Problem::base("it has not been given"))?;
        let object = given.objects.get(number).ok_or_else(|| Problem::base("it lacks an object"))?;
        given.open(object)?.all()
    }

    /// The content of `object`, which the base has.
    pub(super) fn in_base(&self, object: &Object) -> Result<Unchanged<'_>, Problem> {
        let given = self.base.as_ref().ok_or_else(|| Problem::base("it has not been given"))?;
        let there = given.objects.number(&object.digest).and_then(|number| given.objects.get(number));
        given.open(there.ok_or_else(|| Problem::base("it lacks an object"))?)
    }
}

impl Given {
    fn open(&self, object: &Object) -> Result<Unchanged<'_>, Problem> {
        let path = self.base.manifest.entries.get(object.entry).map(|entry| entry.path.to_string());
        let path = path.unwrap_or_default();
        let reader = self
            .base
            .contents
            .open(object.entry)
            .map_err(|error| Problem::base(format_args!("{path} cannot be read ({error}); {FULL}")))?;
        Ok(Unchanged {
            reader,
            hasher: ContentHasher::new(false),
            left: object.size,
            size: object.size,
            digest: object.digest,
            path,
            failed: None,
        })
    }
}

/// What helps when a base cannot be used.
const FULL: &str = "the full package is needed";

fn another_base(wanted: PackageId, found: PackageId, manifest: &Manifest) -> Problem {
    let name = format_args!("{} {}", manifest.name, manifest.full_version()).to_string();
    Problem::base(format_args!("package {wanted} is needed, {name} is {found}; {FULL}"))
}

/// Hands a stream to the sink; what the stream failed with tells more than that the sink stopped.
fn large<R: Read>(
    sink: &mut dyn PayloadSink,
    member: Member,
    stream: &mut R,
    failed: impl FnOnce(&mut R) -> Option<Problem>,
) -> Result<(), Problem> {
    let mut limited = stream.take(member.size);
    let result = sink.large(member, &mut limited);
    if result.is_ok() {
        // A sink may leave a rest, whose errors count as well; they are in `failed`.
        let _ = io::copy(&mut limited, &mut io::sink());
    }
    match failed(limited.into_inner()) {
        Some(problem) => Err(problem),
        None => result.map_err(|_| Problem::Stopped),
    }
}

/// The objects of a group as a stream, unpacked frame by frame.
pub(super) struct Stream<'a> {
    file: &'a NativeFile,
    group: &'a Group,
    next: usize,
    current: Vec<u8>,
    at: usize,
    pub(super) failed: Option<Problem>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(file: &'a NativeFile, group: &'a Group) -> Self {
        Stream { file, group, next: 0, current: Vec::new(), at: 0, failed: None }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.current.len() && !buffer.is_empty() {
            // The old frame goes before the next one comes.
            self.current = Vec::new();
            self.at = 0;
            match self.file.frame(self.group, self.next) {
                Ok(frame) => self.current = frame.unwrap_or_default(),
                Err(problem) => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, problem.to_string());
                    self.failed = Some(problem);
                    return Err(error);
                }
            }
            self.next += 1;
        }
        let read = self.current.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

/// Content of a base, which must be what its manifest says, to the last byte.
pub(super) struct Unchanged<'a> {
    reader: Box<dyn Read + 'a>,
    hasher: ContentHasher,
    left: u64,
    size: u64,
    digest: Digest,
    path: String,
    pub(super) failed: Option<Problem>,
}

impl Unchanged<'_> {
    /// All of it; it is to be small.
    fn all(mut self) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.failed.take().unwrap_or_else(|| Problem::base(error))),
        }
    }

    fn fail(&mut self, problem: Problem) -> io::Error {
        let error = io::Error::new(io::ErrorKind::InvalidData, problem.to_string());
        self.failed = Some(problem);
        error
    }

    fn changed(&mut self) -> io::Error {
        let problem = Problem::base(format_args!("{} was changed after it was installed; {FULL}", self.path));
        self.fail(problem)
    }
}

impl Read for Unchanged<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // The last bytes are handed out only when all of them are right and nothing follows.
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let read = match self.reader.read(buffer.get_mut(..wanted).unwrap_or_default()) {
            Ok(0) => return Err(self.changed()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let problem = Problem::base(format_args!("{} cannot be read ({error}); {FULL}", self.path));
                return Err(self.fail(problem));
            }
        };
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        if self.left == 0 {
            let hasher = std::mem::replace(&mut self.hasher, ContentHasher::new(false));
            let longer = !matches!(self.reader.read(&mut [0]), Ok(0));
            if longer || hasher.finish().1 != self.digest {
                return Err(self.changed());
            }
        }
        Ok(read)
    }
}
