//! The index: which objects are together in which frames, in which order.
//!
//! Objects are named by their number in the manifest ([`Objects`](super::objects::Objects)), and their sizes
//! are the manifest's, so that neither a length nor an offset is written, and none can be wrong.

use std::ops::Range;

use crate::codec::{CodecError, Decoder, Encoder};
use crate::digest::Digest;
use crate::error::Problem;

use super::layout::Kind;
use super::objects::Objects;

/// Most unpacked bytes of a frame, patches aside; part of the format.
pub const FRAME_BYTES: u64 = 8 << 20;
/// Most bytes of an object that is carried as a patch, and of the object that it is a patch to; part of the
/// format.
pub const PATCH_BYTES: u64 = 64 << 20;
/// Bytes of a frame in the frame table.
pub(super) const FRAME_RECORD: usize = 36;

/// What a patch is made against, by the object's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// An object of this package, in an earlier group that is no patch.
    Own(usize),
    /// An object of the base's manifest.
    Base(usize),
}

impl Prefix {
    fn code(prefix: Option<Prefix>) -> u64 {
        match prefix {
            None => 0,
            Some(Prefix::Own(number)) => 2 * number as u64 + 1,
            Some(Prefix::Base(number)) => 2 * number as u64 + 2,
        }
    }

    fn of_code(code: u64) -> Option<Prefix> {
        let number = usize::try_from(code.checked_sub(1)? / 2).unwrap_or(usize::MAX);
        Some(if code % 2 == 1 { Prefix::Own(number) } else { Prefix::Base(number) })
    }
}

/// Objects that are decoded together: several in one frame, or one in frames of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Positions in [`Index::order`].
    pub(super) objects: Range<usize>,
    /// What the only object is a patch to.
    pub(super) patch: Option<Prefix>,
    /// Positions in [`Index::frames`].
    pub(super) frames: Range<usize>,
    /// Sum of the objects' sizes.
    pub(super) unpacked: u64,
}

/// One zstd frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Offset from the start of the content.
    pub(super) start: u64,
    /// Length in bytes.
    pub(super) packed: u32,
    /// Digest of those bytes.
    pub(super) digest: Digest,
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) group: usize,
    /// Offset from the start of the group's unpacked bytes.
    pub(super) offset: u64,
}

/// The index together with the frame table.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Objects' numbers, in the order in which they are stored.
    pub(super) order: Vec<usize>,
    pub(super) groups: Vec<Group>,
    pub(super) frames: Vec<Frame>,
    /// By object's number: where it is, or `None` when the base has it.
    pub(super) homes: Vec<Option<Home>>,
}

/// How many frames objects of `unpacked` bytes in all take.
pub(super) fn frames_of(unpacked: u64, patch: bool) -> u64 {
    if patch { 1 } else { unpacked.div_ceil(FRAME_BYTES) }
}

/// Unpacked length of frame `position` of a group.
pub(super) fn frame_length(group: &Group, position: usize) -> u64 {
    match group.patch {
        Some(_) => group.unpacked,
        None => group.unpacked.saturating_sub(FRAME_BYTES.saturating_mul(position as u64)).min(FRAME_BYTES),
    }
}

/// The encoding of groups of objects' numbers.
pub(super) fn encode<'a>(groups: impl ExactSizeIterator<Item = (&'a [usize], Option<Prefix>)>) -> Vec<u8> {
    let mut e = Encoder::new();
    let mut expected = 0_i64;
    e.number(groups.len() as u64);
    for (objects, patch) in groups {
        e.number(Prefix::code(patch));
        e.list(objects, |e, &object| {
            e.signed(object as i64 - expected);
            expected = object as i64 + 1;
        });
    }
    e.finish()
}

/// The frame table's encoding.
pub(super) fn encode_frames(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames.len() * FRAME_RECORD);
    for frame in frames {
        bytes.extend_from_slice(&frame.packed.to_le_bytes());
        bytes.extend_from_slice(&frame.digest.0);
    }
    bytes
}

impl Index {
    /// Reads index and frame table, for a content of `length` bytes. Without a base every object must be there.
    pub(super) fn decode(
        index: &[u8],
        frames: &[u8],
        length: u64,
        objects: &Objects,
        delta: bool,
    ) -> Result<Index, Problem> {
        let mut found = Index { homes: vec![None; objects.len()], ..Index::default() };
        found.decode_groups(index, objects, delta)?;
        found.decode_frames(frames, length)?;
        if !delta && let Some(missing) = found.homes.iter().position(Option::is_none) {
            return Err(wrong(format_args!("object {missing} is missing")));
        }
        Ok(found)
    }

    /// The index of a package that carries no object.
    pub(super) fn without_content(objects: &Objects) -> Index {
        Index { homes: vec![None; objects.len()], ..Index::default() }
    }

    fn decode_groups(&mut self, bytes: &[u8], objects: &Objects, delta: bool) -> Result<(), Problem> {
        let mut d = Decoder::new(bytes);
        let count = d.count(3).map_err(codec)?;
        if count == 0 {
            return Err(wrong("it has no groups"));
        }
        let mut expected = 0_i64;
        let mut next_frame = 0_usize;
        for _ in 0..count {
            let patch = Prefix::of_code(d.number().map_err(codec)?);
            self.check_prefix(patch, objects, delta)?;
            let first = self.order.len();
            let mut unpacked = 0_u64;
            for _ in 0..d.count(1).map_err(codec)? {
                let number = d
                    .signed()
                    .map_err(codec)?
                    .checked_add(expected)
                    .and_then(|number| usize::try_from(number).ok())
                    .filter(|&number| number < objects.len())
                    .ok_or_else(|| wrong("an object in it is not in the manifest"))?;
                expected = number as i64 + 1;
                let size = objects.get(number).map_or(0, |object| object.size);
                let home = Home { group: self.groups.len(), offset: unpacked };
                if self.homes.get_mut(number).and_then(|place| place.replace(home)).is_some() {
                    return Err(wrong(format_args!("object {number} is in it twice")));
                }
                unpacked = unpacked.checked_add(size).ok_or_else(|| wrong("sizes in it overflow"))?;
                self.order.push(number);
            }
            let several = match self.order.len() - first {
                0 => return Err(wrong("a group in it is empty")),
                number => number > 1,
            };
            if several && (unpacked > FRAME_BYTES || patch.is_some()) {
                return Err(wrong("several objects in it share more than one plain frame"));
            }
            if patch.is_some() && unpacked > PATCH_BYTES {
                return Err(wrong("an object in it is too large for a patch"));
            }
            let number = usize::try_from(frames_of(unpacked, patch.is_some())).unwrap_or(usize::MAX);
            let end = next_frame.checked_add(number).ok_or_else(|| wrong("sizes in it overflow"))?;
            let objects = first..self.order.len();
            self.groups.push(Group { objects, patch, frames: next_frame..end, unpacked });
            next_frame = end;
        }
        d.end().map_err(codec)
    }

    /// A package's own object that a patch is made against lies before it, and is no patch itself.
    fn check_prefix(&self, patch: Option<Prefix>, objects: &Objects, delta: bool) -> Result<(), Problem> {
        match patch {
            None => Ok(()),
            Some(Prefix::Base(_)) if delta => Ok(()),
            Some(Prefix::Base(_)) => Err(wrong("a patch is made against a base, and there is none")),
            Some(Prefix::Own(number)) => {
                let home = self.homes.get(number).copied().flatten();
                let group = home.and_then(|home| self.groups.get(home.group));
                let small = objects.get(number).is_some_and(|object| object.size <= PATCH_BYTES);
                match group {
                    Some(Group { patch: None, .. }) if small => Ok(()),
                    _ => Err(wrong("a patch is made against no earlier whole object")),
                }
            }
        }
    }

    fn decode_frames(&mut self, bytes: &[u8], length: u64) -> Result<(), Problem> {
        let wrong = |reason: &str| Problem::damaged(Kind::Frames.name(), reason);
        let expected = self.groups.last().map_or(0, |group| group.frames.end);
        if Some(bytes.len()) != expected.checked_mul(FRAME_RECORD) {
            return Err(wrong("its frames are not as many as the objects' sizes ask for"));
        }
        let mut start = 0_u64;
        self.frames.reserve_exact(expected);
        for record in bytes.chunks_exact(FRAME_RECORD) {
            let (packed, digest) = record.split_first_chunk().ok_or_else(|| wrong("it ends early"))?;
            let packed = u32::from_le_bytes(*packed);
            let digest = digest.try_into().map(Digest).map_err(|_| wrong("it ends early"))?;
            self.frames.push(Frame { start, packed, digest });
            start += u64::from(packed);
        }
        if let Some(position) = self.too_long() {
            return Err(Problem::damaged(
                format_args!("frame {position}"),
                "it is longer than its content could be packed",
            ));
        }
        if start != length {
            return Err(wrong("its frames do not add up to the content"));
        }
        Ok(())
    }

    /// The first frame that is longer than a compressor would have made it: whatever a frame holds, it takes
    /// no more than 1/256 and 1 KiB beyond.
    fn too_long(&self) -> Option<usize> {
        let each = self.groups.iter().flat_map(|group| {
            group.frames.clone().zip(0..).map(|(frame, position)| (frame, frame_length(group, position)))
        });
        each.zip(&self.frames).find_map(|((position, unpacked), frame)| {
            let most = unpacked.saturating_add(unpacked / 256).saturating_add(1024);
            (u64::from(frame.packed) > most || frame.packed == 0).then_some(position)
        })
    }

    /// The numbers of a group's objects.
    pub(super) fn objects(&self, group: &Group) -> &[usize] {
        self.order.get(group.objects.clone()).unwrap_or_default()
    }

    /// A group's frames.
    pub(super) fn frames(&self, group: &Group) -> &[Frame] {
        self.frames.get(group.frames.clone()).unwrap_or_default()
    }
}

fn wrong(reason: impl std::fmt::Display) -> Problem {
    Problem::damaged(Kind::Index.name(), reason)
}

fn codec(error: CodecError) -> Problem {
    wrong(error)
}
