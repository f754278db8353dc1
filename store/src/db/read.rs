//! Questions to the database. A reader sees one snapshot and lives for one query.

use std::path::PathBuf;

use ambar_pkgfmt::{Digest, PackageId, Sha1Digest};
use redb::{ReadTransaction, ReadableDatabase};
use serde::de::DeserializeOwned;

use super::ReadOnly;
use super::rows::{self, FileRow, GenerationRow, JournalRow, ObjectRow, PackageRow, PendingRow, RootRow};
use super::tables::{self, Table};
use crate::error::Error;
use crate::object::ObjectId;

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// A snapshot of the database.
pub struct Reader {
    transaction: ReadTransaction,
    path: PathBuf,
    // Dropped after the transaction, as fields drop in order; keeps the file open and its lock held.
    _database: ReadOnly,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(database: ReadOnly, path: PathBuf) -> Result<Reader, Error> {
        let transaction =
            database.begin_read().map_err(|error| super::failed("begin a query", &path, error))?;
        let reader = Reader { transaction, path, _database: database };
        match reader.bytes(tables::META, b"schema")?.as_deref().map(number) {
            Some(tables::SCHEMA) => Ok(reader),
            found => Err(Error::NewerFormat {
                path: reader.path.clone(),
                found: found.unwrap_or(0),
                known: tables::SCHEMA,
            }),
        }
    }

    fn failed(&self, error: impl Into<redb::Error>) -> Error {
        super::failed("answer", &self.path, error)
    }

    fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    fn bytes(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let table = self.transaction.open_table(table).map_err(|error| self.failed(error))?;
        let value = table.get(key).map_err(|error| self.failed(error))?;
        Ok(value.map(|guard| guard.value().to_vec()))
    }

    fn row<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, Error> {
        let bytes = self.bytes(table, key)?;
        bytes.map(|bytes| rows::decode(&bytes).map_err(|error| self.damaged(error))).transpose()
    }

    /// Every key that starts with `prefix`, with its value, in order.
    fn scan(&self, table: Table, prefix: &[u8]) -> Result<Vec<Pair>, Error> {
        let table = self.transaction.open_table(table).map_err(|error| self.failed(error))?;
        let mut found = Vec::new();
        for pair in table.range(prefix..).map_err(|error| self.failed(error))? {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            if !key.value().starts_with(prefix) {
                break;
            }
            found.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(found)
    }

    fn set_members(&self, table: Table, name: &[u8]) -> Result<Vec<u32>, Error> {
        let prefix = [name, &[0]].concat();
        let keys = self.scan(table, &prefix)?;
        Ok(keys.iter().filter_map(|(key, _)| tables::set_member(key, name)).collect())
    }

    /// The row of an object, if it is stored.
    ///
    /// # Errors
    /// [`Error::Database`], here and below.
    pub fn object(&self, id: &ObjectId) -> Result<Option<ObjectRow>, Error> {
        self.row(tables::OBJECTS, &id.key())
    }

    /// Every stored object whose content has that digest.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn objects_of(&self, digest: Digest) -> Result<Vec<(ObjectId, ObjectRow)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.scan(tables::OBJECTS, &digest.0)? {
            let id = ObjectId::from_key(&key).ok_or_else(|| self.damaged("an object's key is damaged"))?;
            found.push((id, rows::decode(&value).map_err(|error| self.damaged(error))?));
        }
        Ok(found)
    }

    /// Every stored object, in order; `visit` is called for each.
    ///
    /// # Errors
    /// [`Error::Database`], or what `visit` returns.
    pub fn each_object(
        &self,
        mut visit: impl FnMut(ObjectId, ObjectRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let table = self.transaction.open_table(tables::OBJECTS).map_err(|error| self.failed(error))?;
        for pair in table.range::<&[u8]>(..).map_err(|error| self.failed(error))? {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            let id =
                ObjectId::from_key(key.value()).ok_or_else(|| self.damaged("an object's key is damaged"))?;
            visit(id, rows::decode(value.value()).map_err(|error| self.damaged(error))?)?;
        }
        Ok(())
    }

    /// The row of a package, if it is stored.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn package(&self, id: PackageId) -> Result<Option<PackageRow>, Error> {
        self.row(tables::PACKAGES, &id.0.0)
    }

    /// Every stored package.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn packages(&self) -> Result<Vec<(PackageId, PackageRow)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.scan(tables::PACKAGES, b"")? {
            let id = key.try_into().map_err(|_| self.damaged("a package's key is damaged"))?;
            found.push((PackageId(Digest(id)), rows::decode(&value).map_err(|error| self.damaged(error))?));
        }
        Ok(found)
    }

    /// The package with that number in this store.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn package_id(&self, number: u32) -> Result<Option<PackageId>, Error> {
        let id = self.bytes(tables::NUMBERS, &number.to_be_bytes())?;
        id.map(|id| {
            id.try_into().map(|id| PackageId(Digest(id))).map_err(|_| self.damaged("a number is damaged"))
        })
        .transpose()
    }

    /// The packages that have a file or a link at `path`, by number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn owners(&self, path: &[u8]) -> Result<Vec<u32>, Error> {
        self.set_members(tables::PATHS, path)
    }

    /// What is known of a package file with that digest.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn file(&self, digest: Digest) -> Result<Option<FileRow>, Error> {
        self.row(tables::FILES, &digest.0)
    }

    /// Every package file that is known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn files(&self) -> Result<Vec<(Digest, FileRow)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.scan(tables::FILES, b"")? {
            let digest = key.try_into().map_err(|_| self.damaged("a file's key is damaged"))?;
            found.push((Digest(digest), rows::decode(&value).map_err(|error| self.damaged(error))?));
        }
        Ok(found)
    }

    /// The digest of content whose SHA-1 is known. A hint for plans: SHA-1 proves nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn by_sha1(&self, sha1: Sha1Digest) -> Result<Option<Digest>, Error> {
        let digest = self.bytes(tables::SHA1S, &sha1.0)?;
        digest
            .map(|digest| digest.try_into().map(Digest).map_err(|_| self.damaged("a digest is damaged")))
            .transpose()
    }

    /// The row of a root, if it is registered.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn root(&self, root: [u8; 16]) -> Result<Option<RootRow>, Error> {
        self.row(tables::ROOTS, &root)
    }

    /// The generations of a root, by number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn generations(&self, root: [u8; 16]) -> Result<Vec<(u64, GenerationRow)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.scan(tables::GENERATIONS, &root)? {
            let number =
                tables::generation_of(&key).ok_or_else(|| self.damaged("a generation's key is damaged"))?;
            found.push((number, rows::decode(&value).map_err(|error| self.damaged(error))?));
        }
        Ok(found)
    }

    /// The generations of every other root of the store.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn generations_of_others(&self, root: [u8; 16]) -> Result<Vec<GenerationRow>, Error> {
        let rows = self.scan(tables::GENERATIONS, b"")?;
        let others = rows.iter().filter(|(key, _)| !key.starts_with(&root));
        others.map(|(_, value)| rows::decode(value).map_err(|error| self.damaged(error))).collect()
    }

    /// The work that switches of a root have left to do, by generation.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn pending(&self, root: [u8; 16]) -> Result<Vec<(u64, PendingRow)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.scan(tables::PENDING, &root)? {
            let number =
                tables::generation_of(&key).ok_or_else(|| self.damaged("a pending key is damaged"))?;
            found.push((number, rows::decode(&value).map_err(|error| self.damaged(error))?));
        }
        Ok(found)
    }

    /// The last actions on a root, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn journal(&self, root: [u8; 16]) -> Result<Vec<JournalRow>, Error> {
        let mut found: Vec<JournalRow> = Vec::new();
        for (_, value) in self.scan(tables::JOURNAL, b"")? {
            found.push(rows::decode(&value).map_err(|error| self.damaged(error))?);
        }
        found.retain(|row| row.root == root);
        Ok(found)
    }
}

/// A big-endian number of at most eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
