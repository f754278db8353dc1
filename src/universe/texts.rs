//! What is known of texts that occur many times.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A value for each text. The texts are kept side by side, so that finding one again does not touch the index that
/// it came from, most of which has left the processor's caches by then.
pub(super) struct Known<V> {
    table: HashTable<Entry<V>>,
    hasher: DefaultHashBuilder,
    bytes: Vec<u8>,
}

/// As small as can be: most of the time goes into waiting for entries.
struct Entry<V> {
    hash: u32,
    start: u32,
    length: u32,
    value: V,
}

/// The place of a text that is not known yet.
#[derive(Clone, Copy)]
pub(super) struct Unknown(u32);

impl<V: Copy> Known<V> {
    /// Room for so many texts before anything has to be moved.
    pub(super) fn with_capacity(texts: usize) -> Self {
        Known {
            table: HashTable::with_capacity(texts),
            hasher: DefaultHashBuilder::default(),
            bytes: Vec::new(),
        }
    }

    /// What is known of a text.
    #[inline]
    pub(super) fn of(&self, text: &str) -> Result<V, Unknown> {
        let hash = self.hasher.hash_one(text.as_bytes()) as u32;
        let same = |entry: &Entry<V>| {
            let start = entry.start as usize;
            entry.hash == hash
                && entry.length as usize == text.len()
                && self.bytes[start..start + text.len()] == *text.as_bytes()
        };
        self.table.find(spread(hash), same).map(|entry| entry.value).ok_or(Unknown(hash))
    }

    /// Remembers a text that was not known. Past 4 GiB of texts it will be unknown again.
    pub(super) fn learn(&mut self, Unknown(hash): Unknown, text: &str, value: V) {
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(text.len())) else {
            return;
        };
        self.bytes.extend_from_slice(text.as_bytes());
        let entry = Entry { hash, start, length, value };
        self.table.insert_unique(spread(hash), entry, |entry| spread(entry.hash));
    }
}

/// The table looks at the first bits of a hash and at the last ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_once_it_was_learnt() {
        let mut known = Known::with_capacity(0);
        for number in 0..1000 {
            let text = format!("text {number}");
            match known.of(&text) {
                Ok(value) => panic!("{text} is {value}"),
                Err(place) => known.learn(place, &text, number),
            }
        }
        for number in 0..1000 {
            assert_eq!(known.of(&format!("text {number}")).ok(), Some(number));
        }
        assert!(known.of("text").is_err() && known.of("").is_err());
    }
}
