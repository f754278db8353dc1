//! What a writer does first, under the lock: everything half done is discarded or finished.
//!
//! Each step is idempotent, so a crash inside recovery is recovered from like any other.

use std::collections::BTreeSet;

use crate::db::rows::PendingRow;
use crate::error::Error;
use crate::lists::Lists;
use crate::root::Root;
use crate::writer;
use crate::{gc, machine};

/// What recovery could not finish: the root works all the same.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// The machine's directories still have to follow the switch to the live generation.
    pub(crate) machine: Option<PendingRow>,
    /// What is left, and why.
    pub(crate) warnings: Vec<String>,
}

impl Unfinished {
    fn note(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.warnings.push(error.to_string());
        }
    }
}

/// Puts a root right. The caller holds its store's lock. What only garbage or the machine's own directories
/// stand against is left for another time.
///
/// # Errors
/// [`Error`]: nothing has been lost, and the next writer tries again.
pub(crate) fn recover(root: &Root) -> Result<Unfinished, Error> {
    let mut unfinished = Unfinished::default();
    root.ambar().unlink_if_any("current.new")?;
    for name in ["work", "trash"] {
        let dir = root.ambar().ensure_dir(name, 0o700)?;
        for (left, _) in dir.list()? {
            unfinished.note(dir.remove_all(&left));
        }
    }
    let reader = match root.store().read()? {
        Some(reader) => reader,
        None => {
            // A killed writer has left the file to be repaired, which opening it for writing does.
            drop(root.store().db().write()?);
            root.store().read()?.ok_or_else(|| Error::Database {
                operation: "open",
                path: root.store().dir().join(crate::db::NAME),
                message: "it cannot be read after a repair".into(),
            })?
        }
    };
    let current = root.current()?;
    let row = reader.root(root.id())?;
    let switching = row.as_ref().and_then(|row| row.switching);
    let committed: BTreeSet<u64> =
        reader.generations(root.id())?.into_iter().map(|(number, _)| number).collect();
    let pending = reader.pending(root.id())?;
    drop(reader);

    let mut in_vain = None;
    if let Some((number, made)) = switching.filter(|(number, _)| current != Some(*number)) {
        // Committed, but the link was never switched: nobody was told that it exists.
        let writing = root.store().db().write()?;
        if made {
            writing.drop_generations(root.id(), &[number])?;
            in_vain = Some(number);
        }
        writing.clear_switching(root.id())?;
        writing.commit()?;
    }
    let on_disk: BTreeSet<u64> = root.recorded()?.into_iter().chain(root.trees()?).collect();
    for number in on_disk {
        let known = committed.contains(&number) && in_vain != Some(number);
        // A root that the database does not know at all is not one to throw anything away in.
        if !known && current != Some(number) && row.is_some() {
            gc::discard_generation(root, number)?;
        }
    }
    for (number, row) in pending {
        if current == Some(number) {
            let done = finish_machine(root, number, row.from);
            if done.is_err() {
                unfinished.machine = Some(row);
            }
            unfinished.note(done);
        }
    }
    if root.store().dir().stat("unswept")?.is_some() {
        // Packages of a generation made in vain leave with it.
        gc::collect(root, u64::MAX)?;
        sweep(root)?;
        root.store().dir().unlink_if_any("unswept")?;
    }
    unfinished.note(empty_trash(root));
    Ok(unfinished)
}

/// Finishes the work in the machine's directories that a switch has left.
fn finish_machine(root: &Root, number: u64, from: Option<u64>) -> Result<(), Error> {
    let known = std::collections::HashMap::new();
    let (record, _) = root.record(number)?;
    let before = match from.map(|from| root.record(from)).transpose() {
        Ok(before) => before.map(|(record, _)| record),
        // Collected since: what it shipped and nobody ships now stays.
        Err(Error::NoGeneration(_)) => None,
        Err(error) => return Err(error),
    };
    let new = Lists::of(root, &record, &known)?;
    let old = before.as_ref().map(|before| Lists::of(root, before, &known)).transpose()?;
    let to = new.tree()?;
    let from = old.as_ref().map(Lists::tree).transpose()?;
    machine::apply(root, from.as_ref(), &to, true)?;
    writer::finish_pending(root, number)
}

/// Removes every file under `objects/` and `cache/` that has no row; returns how many.
///
/// # Errors
/// [`Error`].
pub(crate) fn sweep(root: &Root) -> Result<u64, Error> {
    let Some(reader) = root.store().read()? else { return Ok(0) };
    let mut strays = 0;
    for shard in root.store().objects().shards() {
        let (number, dir) = shard?;
        for (name, _) in dir.list()? {
            let object = std::str::from_utf8(&name)
                .ok()
                .and_then(|name| crate::object::ObjectId::from_file_name(number, name));
            let known = match object {
                Some((id, sibling)) => reader.object(&id)?.is_some_and(|row| sibling <= row.siblings),
                None => false,
            };
            if !known {
                dir.unlink_if_any(&name)?;
                strays += 1;
            }
        }
    }
    let cache = root.store().dir().dir("cache")?;
    for (name, _) in cache.list()? {
        let digest = std::str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
        let known = match digest {
            Some(digest) => reader.file(digest)?.is_some(),
            None => false,
        };
        if !known {
            cache.unlink_if_any(&name)?;
            strays += 1;
        }
    }
    Ok(strays)
}

/// Removes what was renamed into `trash/`.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn empty_trash(root: &Root) -> Result<(), Error> {
    let trash = root.ambar().dir("trash")?;
    trash.list()?.iter().try_for_each(|(name, _)| trash.remove_all(name))
}
