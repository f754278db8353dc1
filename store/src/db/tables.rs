//! The tables. Keys and values are bytes: numbers in keys are big-endian, so that they sort; values are rows.
//!
//! `objects` and `paths` are facts about the store, not about any generation: they change when packages
//! enter or leave it. What is live only the link says.

use redb::TableDefinition;

/// A table from bytes to bytes.
pub(crate) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// `"schema"` → version; `"next package"` → number; `"next journal"` → number.
pub(crate) const META: Table = Table::new("meta");
/// Object key → [`ObjectRow`](super::rows::ObjectRow).
pub(crate) const OBJECTS: Table = Table::new("objects");
/// Package id → [`PackageRow`](super::rows::PackageRow).
pub(crate) const PACKAGES: Table = Table::new("packages");
/// Package number (u32) → package id.
pub(crate) const NUMBERS: Table = Table::new("numbers");
/// Name, NUL, package number → nothing.
pub(crate) const NAMES: Table = Table::new("names");
/// Path, NUL, package number → nothing; files and links only.
pub(crate) const PATHS: Table = Table::new("paths");
/// Digest of a package file → [`FileRow`](super::rows::FileRow).
pub(crate) const FILES: Table = Table::new("files");
/// SHA-1 of a foreign package's file → its BLAKE3: tells a plan what is stored already, and nothing else.
pub(crate) const SHA1S: Table = Table::new("sha1s");
/// Root id → [`RootRow`](super::rows::RootRow).
pub(crate) const ROOTS: Table = Table::new("roots");
/// Root id, generation (u64) → [`GenerationRow`](super::rows::GenerationRow).
pub(crate) const GENERATIONS: Table = Table::new("generations");
/// Root id, generation (u64), reason → nothing.
pub(crate) const PINS: Table = Table::new("pins");
/// Root id, generation (u64) → [`PendingRow`](super::rows::PendingRow).
pub(crate) const PENDING: Table = Table::new("pending");
/// Number (u64) → [`JournalRow`](super::rows::JournalRow); the last thousand.
pub(crate) const JOURNAL: Table = Table::new("journal");

/// Every table, so that a new database has them all.
pub(crate) const ALL: [Table; 13] = [
    META,
    OBJECTS,
    PACKAGES,
    NUMBERS,
    NAMES,
    PATHS,
    FILES,
    SHA1S,
    ROOTS,
    GENERATIONS,
    PINS,
    PENDING,
    JOURNAL,
];

/// The schema that this version reads and writes.
pub(crate) const SCHEMA: u64 = 1;

/// `bytes`, NUL, big-endian `number`: the key of a set of (name or path, package number).
pub(crate) fn set_key(bytes: &[u8], number: u32) -> Vec<u8> {
    [bytes, &[0], &number.to_be_bytes()].concat()
}

/// The package number at the end of a set key whose name or path is `bytes`.
pub(crate) fn set_member(key: &[u8], bytes: &[u8]) -> Option<u32> {
    let number = key.strip_prefix(bytes)?.strip_prefix(&[0])?;
    number.try_into().map(u32::from_be_bytes).ok()
}

/// Root id, then big-endian generation.
pub(crate) fn generation_key(root: [u8; 16], generation: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&root);
    key[16..].copy_from_slice(&generation.to_be_bytes());
    key
}

/// The generation in a key of [`generation_key`]'s form.
pub(crate) fn generation_of(key: &[u8]) -> Option<u64> {
    key.get(16..24)?.try_into().map(u64::from_be_bytes).ok()
}
