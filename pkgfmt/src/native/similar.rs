//! Finds large files of a package that are much like each other, so that all but one can be stored as patches.
//!
//! Frames share nothing, and programs that are linked with the same library easily fill several. Each file is
//! sampled where a rolling hash of 32 bytes says so, about once a kilobyte, which gives the same samples
//! wherever the same bytes stand; two files are alike as far as they have samples in common. Measured: git,
//! whose programs share 2 MB, was 27 % larger than one stream without this.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::contents::Parts;
use crate::error::Problem;

use super::index::{FRAME_BYTES, PATCH_BYTES};
use super::objects::{Object, Objects};
use super::write;

/// Smaller files are not worth a look.
const SMALLEST: u64 = 256 << 10;
/// Part of a file's samples that another file must have: a tenth. Programs that share a library's code share few
/// runs of 32 bytes, since addresses in between differ; whether a patch is worth it is tried afterwards.
const PART: usize = 10;
/// Files that one file is compared with at most.
const COMPARED: usize = 64;
/// Bits of the rolling hash, those that 32 bytes made, that are 0 at a sample.
const MASK: u64 = 0xffc0_0000;

/// For objects that are much like an earlier one: their numbers, and that one's. No object is in both places.
pub(super) fn pairs(parts: &Parts<'_>, objects: &Objects) -> Result<Vec<(usize, usize)>, Problem> {
    let large: Vec<(usize, &Object)> = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| (SMALLEST..=PATCH_BYTES).contains(&object.size))
        .collect();
    if large.len() < 2 || objects.iter().map(|object| object.size).sum::<u64>() <= FRAME_BYTES {
        return Ok(Vec::new());
    }
    let pool = rayon::current_thread_index().map(|_| rayon::current_num_threads());
    let mut pairs = Vec::new();
    let mut leaders: Vec<(usize, Vec<u32>)> = Vec::new();
    for window in large.chunks(pool.unwrap_or(1).max(1)) {
        let sample = |&(number, object): &(usize, &Object)| -> Result<(usize, Vec<u32>), Problem> {
            let mut bytes = Vec::new();
            write::read(parts, object, &mut bytes)?;
            Ok((number, samples(&bytes)))
        };
        let sampled: Vec<_> = match pool {
            Some(_) => window.par_iter().map(sample).collect(),
            None => window.iter().map(sample).collect(),
        };
        for sampled in sampled {
            let (number, samples) = sampled?;
            let nearest = leaders
                .iter()
                .rev()
                .take(COMPARED)
                .map(|(leader, other)| (shared(&samples, other), std::cmp::Reverse(*leader)));
            match nearest.max() {
                Some((shared, leader)) if shared * PART >= samples.len().max(PART) => {
                    pairs.push((number, leader.0));
                }
                _ => leaders.push((number, samples)),
            }
        }
    }
    Ok(pairs)
}

/// The samples of a content, ascending, each once.
fn samples(bytes: &[u8]) -> Vec<u32> {
    let table = table();
    let mut hash = 0_u64;
    let mut samples = Vec::new();
    for &byte in bytes {
        hash = (hash << 1).wrapping_add(table.get(usize::from(byte)).copied().unwrap_or(0));
        if hash & MASK == 0 {
            samples.push(hash as u32);
        }
    }
    samples.sort_unstable();
    samples.dedup();
    samples
}

/// A number without a pattern for each byte.
fn table() -> [u64; 256] {
    let mut state = 0_u64;
    [(); 256].map(|()| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}

/// How many samples are in both; each ascends.
fn shared(a: &[u32], b: &[u32]) -> usize {
    let mut rest = b.iter().peekable();
    let mut both = 0;
    for sample in a {
        while rest.next_if(|other| *other < sample).is_some() {}
        both += usize::from(rest.next_if(|other| *other == sample).is_some());
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_give_the_same_samples_wherever_they_stand() {
        let mut state = 1_u64;
        let mut noise = |length: usize| -> Vec<u8> {
            (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) as u8
                })
                .collect()
        };
        let (common, one, other) = (noise(200_000), noise(50_000), noise(70_001));
        let (a, b) = (samples(&[&one[..], &common].concat()), samples(&[&other[..], &common].concat()));
        assert!((200..320).contains(&a.len()), "{}", a.len());
        assert!(shared(&a, &b) > a.len() / 2);
        assert!(shared(&samples(&one), &samples(&other)) < 3);
    }
}
