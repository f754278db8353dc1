//! Native packages taken apart and put together again, with digests that are right.

use ambar_pkgfmt::Digest;
use ambar_pkgfmt::codec::Encoder;

/// A native package taken apart: sections with their kind, coding and unpacked length.
#[derive(Debug, Clone)]
pub struct Sections(pub Vec<(u32, u32, u64, Vec<u8>)>);

pub const MANIFEST: u32 = 1;
pub const BASE: u32 = 4;
pub const INDEX: u32 = 5;
pub const FRAMES: u32 = 6;
pub const CONTENT: u32 = 7;

impl Sections {
    pub fn of(bytes: &[u8]) -> Sections {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let sections = (0..u32_at(12) as usize).map(|number| {
            let at = 16 + 64 * number;
            let (start, length) = (u64_at(at + 8) as usize, u64_at(at + 16) as usize);
            (u32_at(at), u32_at(at + 4), u64_at(at + 24), bytes[start..start + length].to_vec())
        });
        Sections(sections.collect())
    }

    pub fn position(&self, kind: u32) -> usize {
        self.0.iter().position(|section| section.0 == kind).unwrap()
    }

    /// With one section stored as it is.
    pub fn with(&self, kind: u32, bytes: &[u8]) -> Sections {
        let mut changed = self.clone();
        let at = changed.position(kind);
        changed.0[at] = (kind, 0, bytes.len() as u64, bytes.to_vec());
        changed
    }

    pub fn without(&self, kind: u32) -> Sections {
        Sections(self.0.iter().filter(|section| section.0 != kind).cloned().collect())
    }

    pub fn get(&self, kind: u32) -> &[u8] {
        &self.0[self.position(kind)].3
    }

    /// A file with all digests and offsets right.
    pub fn built(&self) -> Vec<u8> {
        let mut bytes = b"\x89AMB\r\n\x1a\n\x01\0\0\0".to_vec();
        bytes.extend_from_slice(&(self.0.len() as u32).to_le_bytes());
        let mut offset = 16 + 64 * self.0.len() as u64;
        let table = self.0.iter().find(|section| section.0 == FRAMES).map(|section| Digest::of(&section.3));
        for (kind, coding, unpacked, stored) in &self.0 {
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&coding.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&(stored.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&unpacked.to_le_bytes());
            let own = Digest::of(stored);
            bytes.extend_from_slice(&if *kind == CONTENT { table.unwrap_or(own) } else { own }.0);
            offset += stored.len() as u64;
        }
        for (_, _, _, stored) in &self.0 {
            bytes.extend_from_slice(stored);
        }
        bytes
    }

    /// With another index, of groups of steps.
    pub fn with_index(&self, groups: &[&[i64]]) -> Sections {
        let mut e = Encoder::new();
        e.list(groups, |e, group| {
            e.number(0);
            e.list(group, |e, step| e.signed(*step));
        });
        self.with(INDEX, &e.finish())
    }
}
