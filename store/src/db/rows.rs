//! The values inside the database: small rows, encoded by bincode, which only ambar writes.
//!
//! bincode is frozen upstream, so it never meets bytes from elsewhere, and every decoding has a byte limit.

use ambar_pkgfmt::{Digest, PackageId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Largest row that is ever read, in bytes.
const MAX_ROW: usize = 16 << 20;

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRow {
    /// Length in bytes.
    pub length: u64,
    /// Modification time on disk, seconds since 1970.
    pub mtime: i64,
    /// How many siblings `EMLINK` has forced.
    pub siblings: u32,
    /// How many (package, profile) pairs name it.
    pub references: u32,
    /// SHA-1 of its content, where a foreign package gave it.
    pub sha1: Option<[u8; 20]>,
}

/// A stored package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRow {
    /// Its number in this store.
    pub number: u32,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Release, or empty.
    pub release: String,
    /// Architecture, or empty.
    pub arch: String,
    /// Summary in the package's own language.
    pub summary: String,
    /// Sum of the sizes of its files, in bytes.
    pub installed_size: u64,
    /// Number of its entries.
    pub entries: u32,
    /// Codes of the profiles that its objects are stored under, sorted.
    pub profiles: Vec<u8>,
    /// The document of its translations, if it has any.
    pub translations: Option<Digest>,
}

/// A package file that has been read before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// The package in it.
    pub package: PackageId,
    /// Length of the file in bytes.
    pub length: u64,
    /// Its name when it was installed, for people.
    pub name: String,
}

/// A root of this store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootRow {
    /// Number that its next generation gets; no number is used twice.
    pub next: u64,
    /// The switch that was about to happen when this was written: the generation, and whether that commit
    /// made it. If the link says otherwise, the switch did not happen.
    pub switching: Option<(u64, bool)>,
}

/// A generation of a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationRow {
    /// Digest of its record.
    pub record: Digest,
    /// Numbers of its packages, ascending, with the profile of each.
    pub packages: Vec<(u32, u8)>,
}

/// Work that a switch has left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRow {
    /// The generation that was live before, if there was one: what machine files are compared with.
    pub from: Option<u64>,
}

/// One action, for `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRow {
    /// Root that it was done to.
    pub root: [u8; 16],
    /// Seconds since 1970.
    pub time: i64,
    /// The generation that became live.
    pub generation: u64,
    /// The generation that was live before.
    pub from: Option<u64>,
    /// What was asked for, in words.
    pub cause: String,
}

/// A row as bytes.
pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(row, bincode::config::standard()).map_err(|error| error.to_string())
}

/// A row from bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let config = bincode::config::standard().with_limit::<MAX_ROW>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((row, read)) if read == bytes.len() => Ok(row),
        Ok(_) => Err("a row has bytes left over".into()),
        Err(error) => Err(error.to_string()),
    }
}
