//! Putting things in order by looking at little of them.

use super::interner::Texts;

/// Ids in an order, and the place of each id in that order.
pub(super) struct Sorted {
    pub(super) order: Vec<u32>,
    pub(super) place: Vec<u32>,
}

impl Sorted {
    pub(super) fn new(order: Vec<u32>) -> Sorted {
        let mut place = vec![0; order.len()];
        for (position, id) in order.iter().enumerate() {
            place[*id as usize] = position as u32;
        }
        Sorted { order, place }
    }
}

/// Bits of an id, of which there are fewer than [`MOST`](crate::layout::MOST).
const ID: u32 = 28;
/// More than eight bytes are left.
const MORE: u32 = 9;

/// Eight bytes of a text from a place on, with zeros behind its end; and its id below the number of bytes that are
/// left there, [`MORE`] for more than eight.
fn head(texts: &Texts, id: u32, from: usize) -> (u64, u32) {
    let rest = texts.get(id).get(from..).unwrap_or_default();
    let head = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut head = [0; 8];
        head[..rest.len()].copy_from_slice(rest);
        head
    });
    (u64::from_be_bytes(head), (rest.len().min(MORE as usize) as u32) << ID | id)
}

/// Texts in byte order, each of which there is once. They are sorted by eight bytes at a time; the next eight are
/// fetched only of those that are alike so far.
pub(super) fn texts(texts: &Texts) -> Sorted {
    let mut heads: Vec<(u64, u32)> = (0..texts.len() as u32).map(|id| head(texts, id, 0)).collect();
    let mut alike = vec![(0, heads.len(), 0)];
    while let Some((start, end, from)) = alike.pop() {
        let heads = &mut heads[start..end];
        if from > 0 {
            heads.iter_mut().for_each(|entry| *entry = head(texts, entry.1 & ((1 << ID) - 1), from));
        }
        heads.sort_unstable();
        let mut first = start;
        for run in heads.chunk_by(|a, b| a.0 == b.0 && a.1 >> ID == b.1 >> ID) {
            if run.len() > 1 && run[0].1 >> ID == MORE {
                alike.push((first, first + run.len(), from + 8));
            }
            first += run.len();
        }
    }
    Sorted::new(heads.into_iter().map(|(_, id)| id & ((1 << ID) - 1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_byte_order_however_long_they_are_alike() {
        let mut all: Vec<String> = ["", "a", "a\0", "a\0\0", "abcdefgh", "abcdefgh\0", "abcdefghi", "é", "b"]
            .map(String::from)
            .to_vec();
        all.extend((0..40).map(|length| "x".repeat(length)));
        all.extend((0..40).map(|length| format!("{}y", "x".repeat(length))));
        all.extend((0..300).map(|number| format!("librust-{number}-dev")));
        let mut texts_of = Texts::default();
        for text in all.iter().rev() {
            texts_of.intern(text);
        }
        all.sort();
        all.dedup();
        let sorted = texts(&texts_of);
        let found: Vec<&[u8]> = sorted.order.iter().map(|id| texts_of.get(*id)).collect();
        assert_eq!(found, all.iter().map(String::as_bytes).collect::<Vec<_>>());
        assert!((0..all.len()).all(|at| sorted.place[sorted.order[at] as usize] as usize == at));
    }
}
