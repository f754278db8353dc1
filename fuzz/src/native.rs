//! Targets for native packages and native deltas.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::native::{NativeFile, PublicKey};
use ambar_pkgfmt::{Contents, Node};

use crate::mend::blake3;
use crate::package::{apply, byte, limits, part, read};

/// Keys of which the first signed a package that is among the seeds.
const KEYS: [&str; 2] = [
    include_str!("../../pkgfmt/tests/vectors/native/signed-1.pub"),
    include_str!("../../pkgfmt/tests/vectors/native/signed-2.pub"),
];

const MAGIC: &[u8] = b"\x89AMB\r\n\x1a\n";
/// Bytes of the header, and of a section's record in the table.
const HEADER: usize = 16;
const RECORD: usize = 64;
/// The kinds of sections: those before the frame table, the table, the content.
const BEFORE: u32 = 5;
const FRAMES: u32 = 6;
const CONTENT: u32 = 7;

/// A package file as it is, and once more with digests that fit what it holds.
pub fn file(data: &[u8]) {
    let _ = read("a.ambar", data);
    let _ = any_order(data);
    let mut mended = data.to_vec();
    mend(&mut mended);
    if mended != data {
        let _ = read("a.ambar", &mended);
        let _ = any_order(&mended);
    }
}

/// What the format offers besides: signatures, frames that are checked as they are, content in any order.
fn any_order(bytes: &[u8]) -> Option<()> {
    let package = NativeFile::from_bytes(Path::new("a.ambar"), Arc::new(bytes.to_vec()), &limits()).ok()?;
    for key in KEYS {
        let key = PublicKey::parse(key).expect("it is a key");
        let _ = package.verify_signature(&key).map_err(|error| error.to_string());
    }
    let _ = package.verify();
    assert_eq!(package.manifest().id().ok(), Some(package.id()), "an encoding is the only one");
    for (index, entry) in package.manifest().entries.iter().enumerate().rev() {
        let mut content = Vec::new();
        let read = package.open(index).and_then(|mut reader| reader.read_to_end(&mut content));
        if let (Ok(_), Node::File { size, .. }) = (read, &entry.node) {
            assert_eq!(content.len() as u64, *size);
        }
    }
    Some(())
}

/// A file that [`build`] makes of the input.
pub fn parts(data: &[u8]) {
    let _ = read("a.ambar", &build(data));
}

/// A package, and a delta that [`build`] makes of the rest.
pub fn delta(mut data: &[u8]) {
    let base = part(&mut data);
    let _ = apply(base, "a.ambar", &build(data));
}

/// A package of raw sections: a byte of flags; manifest, translations, scripts, base and index, each a part and
/// left out where it is empty; signatures, a part that comes last in the file; and a part for each frame.
fn build(mut data: &[u8]) -> Vec<u8> {
    let flags = byte(&mut data);
    let mut sections: Vec<(u32, u32, Vec<u8>, u64)> = Vec::new();
    for kind in 1..=BEFORE {
        let raw = part(&mut data);
        let packed = zstd::bulk::compress(raw, 1).expect("it packs");
        match raw.len() {
            0 => {}
            // A section is packed where that makes it smaller.
            length if flags & 2 != 0 && packed.len() < length && kind != 4 => {
                sections.push((kind, 1, packed, length as u64));
            }
            length => sections.push((kind, 0, raw.to_vec(), length as u64)),
        }
    }
    let signatures = part(&mut data);
    let (mut table, mut content) = (Vec::new(), Vec::new());
    while !data.is_empty() {
        let raw = part(&mut data);
        let frame =
            if flags & 1 == 0 { raw.to_vec() } else { zstd::bulk::compress(raw, 1).expect("it packs") };
        table.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        table.extend_from_slice(&blake3(&frame));
        content.extend_from_slice(&frame);
    }
    if !content.is_empty() {
        let lengths = (table.len() as u64, content.len() as u64);
        sections.push((FRAMES, 0, table, lengths.0));
        sections.push((CONTENT, 0, content, lengths.1));
    }
    let mut offset = HEADER + RECORD * sections.len();
    let mut bytes = [MAGIC, &1_u32.to_le_bytes(), &(sections.len() as u32).to_le_bytes()].concat();
    let frames = sections.iter().find(|section| section.0 == FRAMES).map(|section| blake3(&section.2));
    for (kind, coding, stored, unpacked) in &sections {
        let digest = frames.filter(|_| *kind == CONTENT).unwrap_or_else(|| blake3(stored));
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&coding.to_le_bytes());
        for number in [offset as u64, stored.len() as u64, *unpacked] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&digest);
        offset += stored.len();
    }
    for (.., stored, _) in &sections {
        bytes.extend_from_slice(stored);
    }
    bytes.extend_from_slice(signatures);
    bytes
}

/// What [`build`] makes a file of, from such a file; frames stay as they are.
pub fn take_apart(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut parts = vec![Vec::new(); 6];
    let mut frames = Vec::new();
    for record in 0..long(bytes, 12)? {
        let at = HEADER + RECORD * record;
        let (offset, stored, unpacked) = (long(bytes, at + 8)?, long(bytes, at + 16)?, long(bytes, at + 24)?);
        let stored = bytes.get(offset..offset + stored)?;
        let kind = long(bytes, at)?;
        if kind <= BEFORE as usize {
            let coding = long(bytes, at + 4)?;
            let raw =
                if coding == 1 { zstd::bulk::decompress(stored, unpacked).ok()? } else { stored.into() };
            *parts.get_mut(kind - 1)? = raw;
        } else if kind == FRAMES as usize {
            frames = stored.chunks_exact(36).filter_map(|record| long(record, 0)).collect();
        } else {
            let mut rest = stored;
            for length in &frames {
                let (frame, after) = rest.split_at_checked(*length)?;
                parts.push(frame.into());
                rest = after;
            }
        }
    }
    Some([&[2][..], &parts.join(crate::package::SEPARATOR)].concat())
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// Makes the digests of frames and sections fit.
fn mend(bytes: &mut [u8]) -> Option<()> {
    let count = long(bytes, 12)?.min(7);
    let place = |bytes: &[u8], record: usize| {
        let at = HEADER + RECORD * record;
        let (offset, stored) = (long(bytes, at + 8)?, long(bytes, at + 16)?);
        bytes.get(offset..offset.checked_add(stored)?)?;
        Some((long(bytes, at)?, at + 32, offset..offset + stored))
    };
    let places: Vec<_> = (0..count).filter_map(|record| place(bytes, record)).collect();
    let of = |kind: u32| places.iter().find(|place| place.0 == kind as usize).cloned();
    if let (Some((_, _, table)), Some((_, _, content))) = (of(FRAMES), of(CONTENT)) {
        let mut start = content.start;
        for record in table.step_by(36) {
            let length = long(bytes, record)?;
            let digest = blake3(bytes.get(start..start.checked_add(length)?)?);
            bytes.get_mut(record + 4..record + 36)?.copy_from_slice(&digest);
            start += length;
        }
    }
    for (kind, at, range) in &places {
        let range = if *kind == CONTENT as usize { of(FRAMES)?.2 } else { range.clone() };
        let digest = blake3(bytes.get(range)?);
        bytes.get_mut(*at..at + 32)?.copy_from_slice(&digest);
    }
    Some(())
}
