//! Commits. What changes is gathered in [`Changes`] beforehand, so that the file is open for writing only
//! while rows are written, in key order, in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use ambar_pkgfmt::{Digest, PackageId, Sha1Digest};
use redb::{Database, Durability, ReadableTable, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read::number;
use super::rows::{self, FileRow, GenerationRow, JournalRow, ObjectRow, PackageRow, PendingRow, RootRow};
use super::tables::{self, Table};
use crate::error::Error;
use crate::object::{ObjectId, Profile};

/// How many actions the journal keeps.
const JOURNAL_LENGTH: u64 = 1000;

/// A package that enters the store under one profile.
#[derive(Debug, Clone)]
pub struct Entering {
    /// Its id.
    pub id: PackageId,
    /// Its row; the number and the profiles are filled in by the commit.
    pub row: PackageRow,
    /// The profile that its objects are stored under.
    pub profile: Profile,
    /// Paths of its files and links.
    pub paths: Vec<Vec<u8>>,
    /// Its distinct objects (documents too), with length and time on disk.
    pub objects: BTreeMap<ObjectId, (u64, i64)>,
}

/// A generation that is made, and the switch to it that follows.
#[derive(Debug, Clone)]
pub(crate) struct GenerationChange {
    /// Its root.
    pub root: [u8; 16],
    /// Its number.
    pub number: u64,
    /// Its packages, when the commit makes it; `None` when it is there already and is only switched to.
    pub made: Option<(Digest, Vec<(PackageId, Profile)>)>,
    /// Work to do after the switch.
    pub pending: Option<PendingRow>,
    /// The action, for the journal.
    pub journal: JournalRow,
}

/// Everything one commit changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Packages that enter the store.
    pub entering: Vec<Entering>,
    /// Package files that have been read.
    pub files: Vec<(Digest, FileRow)>,
    /// SHA-1 of content that foreign packages gave, by its digest.
    pub sha1s: BTreeMap<Digest, Sha1Digest>,
    /// Objects whose number of siblings has grown, with the new number.
    pub siblings: BTreeMap<ObjectId, u32>,
    /// The generation that is made or switched to.
    pub generation: Option<GenerationChange>,
}

/// The database, open for writing. Dropping it without [`commit`](Writing::commit) leaves it as it was.
pub(crate) struct Writing {
    transaction: Option<WriteTransaction>,
    database: Option<Database>,
    path: PathBuf,
    // Let go last, when the file is closed.
    _gate: File,
}

/// Gives a new database its tables and its schema.
pub(super) fn initialise(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    for table in tables::ALL {
        transaction.open_table(table)?;
    }
    transaction.open_table(tables::META)?.insert(&b"schema"[..], &tables::SCHEMA.to_be_bytes()[..])?;
    Ok(transaction.commit()?)
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writing {
    pub(super) fn new(database: Database, gate: File, path: PathBuf) -> Result<Writing, Error> {
        let begin = "begin a commit";
        let mut transaction = database.begin_write().map_err(|error| super::failed(begin, &path, error))?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|error| super::failed(begin, &path, error))?;
        // After a kill the next opening then takes under a millisecond instead of a walk over all pages.
        transaction.set_quick_repair(true);
        let writing = Writing { transaction: Some(transaction), database: Some(database), path, _gate: gate };
        match writing.get(tables::META, b"schema")?.as_deref().map(number) {
            Some(tables::SCHEMA) => Ok(writing),
            found => Err(Error::NewerFormat {
                path: writing.path.clone(),
                found: found.unwrap_or(0),
                known: tables::SCHEMA,
            }),
        }
    }

    fn failed(&self, error: impl Into<redb::Error>) -> Error {
        super::failed("write", &self.path, error)
    }

    fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    fn transaction(&self) -> Result<&WriteTransaction, Error> {
        self.transaction.as_ref().ok_or_else(|| self.damaged("it is closed"))
    }

    fn with<T>(
        &self,
        table: Table,
        work: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>) -> Result<T, redb::StorageError>,
    ) -> Result<T, Error> {
        let mut table = self.transaction()?.open_table(table).map_err(|error| self.failed(error))?;
        work(&mut table).map_err(|error| self.failed(error))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.with(table, |table| Ok(table.get(key)?.map(|guard| guard.value().to_vec())))
    }

    fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.with(table, |table| table.insert(key, value).map(|_| ()))
    }

    fn remove(&self, table: Table, key: &[u8]) -> Result<(), Error> {
        self.with(table, |table| table.remove(key).map(|_| ()))
    }

    fn row<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, Error> {
        let bytes = self.get(table, key)?;
        bytes.map(|bytes| rows::decode(&bytes).map_err(|error| self.damaged(error))).transpose()
    }

    fn put_row<T: Serialize>(&self, table: Table, key: &[u8], row: &T) -> Result<(), Error> {
        let bytes = rows::encode(row).map_err(|error| self.damaged(error))?;
        self.put(table, key, &bytes)
    }

    /// A number that has not been given before, from the counter `name`.
    fn next_number(&self, name: &[u8]) -> Result<u64, Error> {
        let next = self.get(tables::META, name)?.as_deref().map_or(1, number);
        self.put(tables::META, name, &(next + 1).to_be_bytes())?;
        Ok(next)
    }

    /// Writes everything in `changes`; nothing of it holds before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`Error::Database`], here and below.
    pub(crate) fn apply(&self, changes: &Changes) -> Result<(), Error> {
        let mut objects: BTreeMap<&ObjectId, ObjectRow> = BTreeMap::new();
        let mut paths = Vec::new();
        for entering in &changes.entering {
            self.enter(entering, &mut objects, &mut paths)?;
        }
        self.add_objects(&objects, changes)?;
        paths.sort_unstable();
        self.with(tables::PATHS, |table| {
            paths.iter().try_for_each(|key: &Vec<u8>| table.insert(key.as_slice(), &[][..]).map(|_| ()))
        })?;
        for (digest, row) in &changes.files {
            self.put_row(tables::FILES, &digest.0, row)?;
        }
        changes.generation.iter().try_for_each(|change| self.change_generation(change))
    }

    fn enter<'a>(
        &self,
        entering: &'a Entering,
        objects: &mut BTreeMap<&'a ObjectId, ObjectRow>,
        paths: &mut Vec<Vec<u8>>,
    ) -> Result<(), Error> {
        let known: Option<PackageRow> = self.row(tables::PACKAGES, &entering.id.0.0)?;
        let is_new = known.is_none();
        let mut row = match known {
            Some(row) => row,
            None => {
                let number = self.next_number(b"next package")?;
                let number =
                    u32::try_from(number).map_err(|_| self.damaged("no package numbers are left"))?;
                PackageRow { number, profiles: Vec::new(), ..entering.row.clone() }
            }
        };
        let code = entering.profile.code();
        if row.profiles.contains(&code) {
            return Ok(());
        }
        row.profiles.push(code);
        row.profiles.sort_unstable();
        self.put_row(tables::PACKAGES, &entering.id.0.0, &row)?;
        if is_new {
            self.put(tables::NUMBERS, &row.number.to_be_bytes(), &entering.id.0.0)?;
            self.put(tables::NAMES, &tables::set_key(row.name.as_bytes(), row.number), &[])?;
            paths.extend(entering.paths.iter().map(|path| tables::set_key(path, row.number)));
        }
        for (id, &(length, mtime)) in &entering.objects {
            let fresh = || ObjectRow { length, mtime, siblings: 0, references: 0, sha1: None };
            objects.entry(id).or_insert_with(fresh).references += 1;
        }
        Ok(())
    }

    /// Adds claims (`references` of each row in `added`) and siblings to the objects, in key order.
    fn add_objects(&self, added: &BTreeMap<&ObjectId, ObjectRow>, changes: &Changes) -> Result<(), Error> {
        let ids: BTreeSet<&ObjectId> = added.keys().copied().chain(changes.siblings.keys()).collect();
        let mut known_sha1s = Vec::new();
        let mut damaged = None;
        self.with(tables::OBJECTS, |table| {
            for id in ids {
                let key = id.key();
                let stored = table.get(key.as_slice())?.map(|guard| rows::decode::<ObjectRow>(guard.value()));
                let mut row = match (stored, added.get(id)) {
                    (Some(Err(error)), _) => {
                        damaged = Some(error);
                        break;
                    }
                    (Some(Ok(mut row)), new) => {
                        row.references += new.map_or(0, |new| new.references);
                        row
                    }
                    (None, Some(new)) => new.clone(),
                    (None, None) => continue,
                };
                row.siblings = row.siblings.max(changes.siblings.get(id).copied().unwrap_or(0));
                if let Some(&sha1) = changes.sha1s.get(&id.digest()) {
                    row.sha1 = Some(sha1.0);
                    known_sha1s.push((sha1.0, id.digest()));
                }
                match rows::encode(&row) {
                    Ok(bytes) => table.insert(key.as_slice(), bytes.as_slice())?,
                    Err(error) => {
                        damaged = Some(error);
                        break;
                    }
                };
            }
            Ok(())
        })?;
        if let Some(error) = damaged {
            return Err(self.damaged(error));
        }
        known_sha1s.sort_unstable();
        self.with(tables::SHA1S, |table| {
            known_sha1s
                .iter()
                .try_for_each(|(sha1, digest)| table.insert(&sha1[..], &digest.0[..]).map(|_| ()))
        })
    }

    fn change_generation(&self, change: &GenerationChange) -> Result<(), Error> {
        let key = tables::generation_key(change.root, change.number);
        let mut root: RootRow = self.row(tables::ROOTS, &change.root)?.unwrap_or_default();
        if let Some((record, packages)) = &change.made {
            let mut numbered = Vec::with_capacity(packages.len());
            for (id, profile) in packages {
                let row: PackageRow = self
                    .row(tables::PACKAGES, &id.0.0)?
                    .ok_or_else(|| self.damaged(format!("package {id} is not stored")))?;
                numbered.push((row.number, profile.code()));
            }
            numbered.sort_unstable();
            self.put_row(tables::GENERATIONS, &key, &GenerationRow { record: *record, packages: numbered })?;
            root.next = root.next.max(change.number + 1);
        }
        root.switching = Some((change.number, change.made.is_some()));
        self.put_row(tables::ROOTS, &change.root, &root)?;
        // Work of an earlier switch that is still pending is part of this one's.
        self.with(tables::PENDING, |table| table.retain(|key, _| !key.starts_with(&change.root)))?;
        if let Some(pending) = &change.pending {
            self.put_row(tables::PENDING, &key, pending)?;
        }
        let entry = self.next_number(b"next journal")?;
        self.put_row(tables::JOURNAL, &entry.to_be_bytes(), &change.journal)?;
        if let Some(old) = entry.checked_sub(JOURNAL_LENGTH) {
            self.remove(tables::JOURNAL, &old.to_be_bytes())?;
        }
        Ok(())
    }

    /// Takes note that the pending work of a generation is done.
    pub(crate) fn finish_pending(&self, root: [u8; 16], generation: u64) -> Result<(), Error> {
        self.remove(tables::PENDING, &tables::generation_key(root, generation))
    }

    /// Registers a root that is new here; one that is known stays as it is.
    pub(crate) fn register(&self, root: [u8; 16]) -> Result<(), Error> {
        if self.get(tables::ROOTS, &root)?.is_none() {
            self.put_row(tables::ROOTS, &root, &RootRow { next: 1, switching: None })?;
        }
        Ok(())
    }

    /// Gives everything that is known of root `old` to root `new`; `old` is forgotten when `moves`.
    pub(crate) fn adopt(&self, old: [u8; 16], new: [u8; 16], moves: bool) -> Result<(), Error> {
        for table in [tables::ROOTS, tables::GENERATIONS, tables::PINS, tables::PENDING] {
            let rows = self.with(table, |table| {
                let mut rows = Vec::new();
                for pair in table.range(&old[..]..)? {
                    let (key, value) = pair?;
                    if !key.value().starts_with(&old) {
                        break;
                    }
                    rows.push((key.value().to_vec(), value.value().to_vec()));
                }
                Ok(rows)
            })?;
            for (key, value) in rows {
                self.put(table, &[&new[..], &key[16..]].concat(), &value)?;
                if moves {
                    self.remove(table, &key)?;
                }
            }
        }
        Ok(())
    }

    /// Forgets generations of a root.
    pub(crate) fn drop_generations(&self, root: [u8; 16], generations: &[u64]) -> Result<(), Error> {
        for &generation in generations {
            let key = tables::generation_key(root, generation);
            self.remove(tables::GENERATIONS, &key)?;
            self.remove(tables::PENDING, &key)?;
        }
        Ok(())
    }

    /// Forgets what a switch that did not happen has left.
    pub(crate) fn clear_switching(&self, root: [u8; 16]) -> Result<(), Error> {
        if let Some(mut row) = self.row::<RootRow>(tables::ROOTS, &root)? {
            row.switching = None;
            self.put_row(tables::ROOTS, &root, &row)?;
        }
        Ok(())
    }

    /// Takes a package's profile out of the store: its rows, and its claim on its objects. Returns the
    /// objects that nothing names any more, with how many siblings they have; their rows are gone.
    pub(crate) fn leave(
        &self,
        id: PackageId,
        profile: Profile,
        paths: &[Vec<u8>],
        objects: &[ObjectId],
    ) -> Result<Vec<(ObjectId, u32)>, Error> {
        let Some(mut row) = self.row::<PackageRow>(tables::PACKAGES, &id.0.0)? else { return Ok(Vec::new()) };
        row.profiles.retain(|&code| code != profile.code());
        if row.profiles.is_empty() {
            self.remove(tables::PACKAGES, &id.0.0)?;
            self.remove(tables::NUMBERS, &row.number.to_be_bytes())?;
            self.remove(tables::NAMES, &tables::set_key(row.name.as_bytes(), row.number))?;
            for path in paths {
                self.remove(tables::PATHS, &tables::set_key(path, row.number))?;
            }
        } else {
            self.put_row(tables::PACKAGES, &id.0.0, &row)?;
        }
        self.release(objects)
    }

    /// Takes one claim off each of `objects`; see [`leave`](Self::leave) for the result.
    fn release(&self, objects: &[ObjectId]) -> Result<Vec<(ObjectId, u32)>, Error> {
        let mut unnamed = Vec::new();
        let mut sha1s = Vec::new();
        let mut damaged = None;
        self.with(tables::OBJECTS, |table| {
            for object in objects {
                let key = object.key();
                let stored = table.get(key.as_slice())?.map(|guard| rows::decode::<ObjectRow>(guard.value()));
                let mut row = match stored {
                    Some(Ok(row)) => row,
                    Some(Err(error)) => {
                        damaged = Some(error);
                        break;
                    }
                    None => continue,
                };
                row.references = row.references.saturating_sub(1);
                if row.references == 0 {
                    table.remove(key.as_slice())?;
                    sha1s.extend(row.sha1);
                    unnamed.push((object.clone(), row.siblings));
                } else if let Ok(bytes) = rows::encode(&row) {
                    table.insert(key.as_slice(), bytes.as_slice())?;
                }
            }
            Ok(())
        })?;
        if let Some(error) = damaged {
            return Err(self.damaged(error));
        }
        self.with(tables::SHA1S, |table| {
            sha1s.iter().try_for_each(|sha1| table.remove(&sha1[..]).map(|_| ()))
        })?;
        Ok(unnamed)
    }

    /// Forgets package files.
    pub(crate) fn drop_files(&self, files: &[Digest]) -> Result<(), Error> {
        files.iter().try_for_each(|digest| self.remove(tables::FILES, &digest.0))
    }

    /// Makes everything written here hold, durably, and closes the database.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        let transaction = self.transaction.take().ok_or_else(|| self.damaged("it is closed"))?;
        transaction.commit().map_err(|error| self.failed(error))?;
        let database = self.database.take().ok_or_else(|| self.damaged("it is closed"))?;
        database.close().map_err(|error| self.failed(error))
    }
}
