//! The commit protocol. A [`Writer`] holds the lock; its methods are called in the order of the steps, and
//! each says what is true if everything stops there.

mod after;
mod base;

use std::collections::{BTreeMap, HashMap};

use ambar_pkgfmt::{Digest, Instance, Manifest, Sha1Digest};

use crate::build::{Build, From, LinkKind};
use crate::db::rows::{FileRow, JournalRow, PendingRow};
use crate::db::{Changes, Entering, GenerationChange, Reader};
use crate::dir::random_hex;
use crate::error::{Context, Error};
use crate::gc::Collected;
use crate::lists::{Known, Lists};
use crate::object::ObjectId;
use crate::objects::ObjectWriter;
use crate::record::{Installed, Record};
use crate::recover::Unfinished;
use crate::root::{CURRENT, Root};
use crate::store::StoreLock;
use crate::sync::Barrier;
use crate::tree::Tree;
use crate::watch::{Step, Watch};
use crate::{forward, machine, top};

pub(crate) use after::finish_pending;
use base::Base;

/// A root that this process may change.
#[derive(Debug)]
pub struct Writer<'r> {
    root: &'r Root,
    _lock: StoreLock,
    barrier: Barrier,
    reader: Option<Reader>,
    live: Option<(Record, Digest)>,
    unfinished: Unfinished,
}

/// A package whose content is being stored by this transaction.
#[derive(Debug)]
pub struct Made {
    /// Its manifest.
    pub manifest: Manifest,
    /// What the database will know of it.
    pub entering: Entering,
    /// The file it came from, if it is to be remembered.
    pub file: Option<(Digest, FileRow)>,
    /// SHA-1 of its contents, where they are known.
    pub sha1s: BTreeMap<Digest, Sha1Digest>,
}

/// A generation that is durable but not yet known to the database, or one that is gone back to.
#[derive(Debug)]
pub(crate) struct Prepared {
    number: u64,
    from: Option<u64>,
    changes: Changes,
    top_names: Vec<Vec<u8>>,
    notes: Vec<String>,
}

/// What a transaction has made of a root.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Switched {
    /// The generation that is live now.
    pub generation: u64,
    /// The one that was live before.
    pub from: Option<u64>,
    /// What people should know: files that were kept, directories that packages disagree about.
    pub notes: Vec<String>,
    /// What is not done yet, and why. The generation is live all the same.
    pub pending: Vec<String>,
}

impl Switched {
    /// After the switch a failure is not an error any more, but something pending.
    fn note(&mut self, done: Result<(), Error>) {
        self.pending.extend(done.err().map(|error| error.to_string()));
    }
}

impl<'r> Writer<'r> {
    /// Takes the lock, puts right what a crash has left, and opens the barrier before the first write.
    ///
    /// # Errors
    /// [`Error::Locked`], or whatever keeps the root from being read.
    pub fn begin(root: &'r Root, watch: &dyn Watch) -> Result<Writer<'r>, Error> {
        let lock = root.store().lock()?;
        if root.is_unregistered_copy() {
            return Err(Error::Moved { path: root.path().into() });
        }
        let unfinished = crate::recover::recover(root)?;
        let barrier = Barrier::new(&[root.ambar(), root.store().dir()])?;
        let reader = root.store().read()?;
        let live = root.live()?;
        watch.step(Step::Locked);
        Ok(Writer { root, _lock: lock, barrier, reader, live, unfinished })
    }

    /// The live generation's record and its digest.
    #[must_use]
    pub fn live(&self) -> Option<&(Record, Digest)> {
        self.live.as_ref()
    }

    /// The root that is written.
    #[must_use]
    pub fn root(&self) -> &Root {
        self.root
    }

    /// The database as it was when the lock was taken; only this process can change it.
    #[must_use]
    pub fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// Makes sure that `bytes` more fit into the store.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn check_room(&self, bytes: u64, files: u64) -> Result<(), Error> {
        let store = self.root.store().dir();
        let room = rustix::fs::fstatvfs(store).on("look at the file system of", store.path())?;
        let available = room.f_bavail.saturating_mul(room.f_frsize);
        if bytes > available {
            return Err(Error::NoSpace { path: store.path().into(), needed: bytes, available });
        }
        // Some file systems (btrfs) do not count inodes.
        if room.f_files > 0 && files > room.f_favail {
            let path = store.path().join("(inodes)");
            return Err(Error::NoSpace { path, needed: files, available: room.f_favail });
        }
        Ok(())
    }

    /// Collects generations beyond the newest `keep`, and what only they named; see [`Collected`].
    ///
    /// # Errors
    /// [`Error`].
    pub fn collect(mut self, keep: u64) -> Result<Collected, Error> {
        self.reader = None;
        let collected = crate::gc::collect(self.root, keep)?;
        crate::recover::empty_trash(self.root)?;
        Ok(collected)
    }

    /// Step 1, objects: a writer for them. *If everything stops: files without rows, garbage.*
    #[must_use]
    pub fn object_writer(&self) -> ObjectWriter<'_> {
        ObjectWriter::new(self.root.store().objects(), self.reader.as_ref(), &self.barrier)
    }

    /// Takes note that objects without rows may lie about from now on, so that they are looked for if this
    /// process dies.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn mark_unswept(&self) -> Result<(), Error> {
        drop(self.root.store().dir().lock_file("unswept")?);
        Ok(())
    }

    /// Everything written so far has been taken back.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn mark_swept(&self) -> Result<(), Error> {
        self.root.store().dir().unlink_if_any("unswept")
    }

    /// Keeps a package file in the cache, synced with the rest. `false` says that it has another digest than
    /// `digest` now, and was not kept.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_file(&self, digest: Digest, file: &std::fs::File) -> Result<bool, Error> {
        self.root.store().keep(digest, file, &self.barrier)
    }

    /// The number that the next generation gets: never one that anything on disk has.
    fn next_number(&self) -> Result<u64, Error> {
        let row = self.reader.as_ref().map(|reader| reader.root(self.root.id())).transpose()?.flatten();
        let recorded = self.root.recorded()?.last().copied().unwrap_or(0);
        let trees = self.root.trees()?.last().copied().unwrap_or(0);
        Ok(row.map_or(1, |row| row.next).max(recorded + 1).max(trees + 1))
    }

    /// Gives up before anything is committed: what was written is taken back.
    ///
    /// # Errors
    /// [`Error`]; what is left is garbage that the next writer takes back.
    pub fn abort(mut self) -> Result<(), Error> {
        self.reader = None;
        crate::recover::recover(self.root).map(drop)
    }

    /// Steps 2 to 5 for a new generation: tree and record, barrier, database, link.
    ///
    /// `packages` is its complete list; `made` are those of them that this transaction stores, and `fresh`
    /// the objects it has written. `overwriting` are packages that take paths from others.
    ///
    /// # Errors
    /// [`Error`]; the live generation is what it was, and what was made is taken back.
    pub fn commit(
        mut self,
        cause: &str,
        packages: Vec<Installed>,
        made: Vec<Made>,
        fresh: &BTreeMap<ObjectId, (u64, i64)>,
        overwriting: &[Instance],
        watch: &dyn Watch,
    ) -> Result<Switched, Error> {
        let done = self.commit_new(cause, packages, made, fresh, overwriting, watch);
        self.or_abort(done)
    }

    /// A failure is the reason that is told, whatever taking things back comes to: what is left then is
    /// garbage for the next writer.
    fn or_abort(self, done: Result<Switched, Error>) -> Result<Switched, Error> {
        done.inspect_err(|_| drop(self.abort()))
    }

    fn commit_new(
        &mut self,
        cause: &str,
        mut packages: Vec<Installed>,
        made: Vec<Made>,
        fresh: &BTreeMap<ObjectId, (u64, i64)>,
        overwriting: &[Instance],
        watch: &dyn Watch,
    ) -> Result<Switched, Error> {
        packages.sort_by_cached_key(|package| (package.instance(), package.id));
        watch.step(Step::Objects);
        let mut known: Known<'_> = made.iter().map(|made| (made.entering.id, &made.manifest)).collect();
        let live = self.live.take().map(|(record, _)| record);
        let old = live.as_ref().map(|live| Lists::of(self.root, live, &known)).transpose()?;
        known.extend(old.iter().flat_map(Lists::manifests));
        let recorded = live.as_ref().map_or(&[][..], |live| &live.overwrites);
        let new = Lists::load(self.root, &packages, recorded, &known)?;
        let from_tree = old.as_ref().map(Lists::tree).transpose()?;
        let to_tree = new.tree_with(overwriting)?;
        let base = Base::of(self)?;
        let base_lists = base.lists(self.root)?;
        let base_tree = base_lists.as_ref().map(Lists::tree).transpose()?;
        let machine_from = if base.is_live { from_tree.as_ref() } else { base_tree.as_ref() };
        let mut top_names = top::names(&to_tree);
        top::check(self.root.top(), top_names.iter().map(Vec::as_slice))?;

        let number = self.next_number()?;
        let from_number = live.as_ref().map(|live| live.number);
        let mut record = Record {
            number,
            parent: from_number,
            root: self.root.id(),
            time: now(),
            cause: cause.into(),
            packages,
            overwrites: to_tree.overwrites.clone(),
            kept: Vec::new(),
        };
        let from = match (&from_tree, from_number) {
            (Some(tree), Some(number)) => {
                // Should somebody have removed the tree, its packages are all the same what they were.
                let dir = self.root.ambar().dir("generations")?.dir_if_any(number.to_string())?;
                dir.map(|dir| From { tree, dir })
            }
            _ => None,
        };
        // Step 2. Stopping here leaves a tree in `work/`, or one under a number without a row: garbage.
        let built = self.build(&to_tree, from.as_ref(), fresh, &mut record, watch)?;
        let digest = self.write_record(&record)?;
        watch.step(Step::Record);
        let (work, generations) = (self.root.ambar().dir("work")?, self.root.ambar().dir("generations")?);
        work.rename(&built.name, &generations, number.to_string())?;
        self.barrier.directory(&generations);
        self.barrier.directory(&work);
        self.add_etc(number, &mut top_names)?;
        watch.step(Step::Named);

        let pending =
            machine::differ(machine_from, &to_tree).then_some(PendingRow { from: base.number(from_number) });
        let list = record.packages.iter().map(|package| (package.id, package.profile)).collect();
        let mut changes = Changes { siblings: built.siblings, ..Changes::default() };
        for made in &made {
            changes.entering.push(made.entering.clone());
            changes.files.extend(made.file.clone());
            changes.sha1s.extend(made.sha1s.iter().map(|(digest, sha1)| (*digest, *sha1)));
        }
        changes.generation = Some(GenerationChange {
            root: self.root.id(),
            number,
            made: Some((digest, list)),
            pending,
            journal: self.journal(number, from_number, cause),
        });
        let prepared = Prepared {
            number,
            from: from_number,
            changes,
            top_names,
            notes: to_tree.notes.iter().cloned().chain(built.notes).collect(),
        };
        drop(from);
        self.switch(prepared, machine_from, &to_tree, watch)
    }

    /// Steps 2 to 5 for a generation that exists: its tree is made again if it is gone, the machine's own
    /// configuration goes forward with it, and the link is switched.
    ///
    /// # Errors
    /// [`Error`]; the live generation is what it was.
    pub fn activate(mut self, number: u64, cause: &str, watch: &dyn Watch) -> Result<Switched, Error> {
        let done = self.activate_known(number, cause, watch);
        self.or_abort(done)
    }

    fn activate_known(&mut self, number: u64, cause: &str, watch: &dyn Watch) -> Result<Switched, Error> {
        let (target, _) = self.root.record(number)?;
        let live = self.live.take().map(|(record, _)| record);
        let old = live.as_ref().map(|live| Lists::of(self.root, live, &HashMap::new())).transpose()?;
        let known = old.iter().flat_map(Lists::manifests).collect();
        let new = Lists::of(self.root, &target, &known)?;
        let from_tree = old.as_ref().map(Lists::tree).transpose()?;
        let to_tree = new.tree()?;
        let base = Base::of(self)?;
        let base_lists = base.lists(self.root)?;
        let base_tree = base_lists.as_ref().map(Lists::tree).transpose()?;
        let machine_from = if base.is_live { from_tree.as_ref() } else { base_tree.as_ref() };
        let mut top_names = top::names(&to_tree);
        top::check(self.root.top(), top_names.iter().map(Vec::as_slice))?;
        let from_number = live.as_ref().map(|live| live.number);
        let generations = self.root.ambar().dir("generations")?;
        let from = match (&from_tree, from_number) {
            (Some(tree), Some(number)) => {
                generations.dir_if_any(number.to_string())?.map(|dir| From { tree, dir })
            }
            _ => None,
        };
        let mut changes = Changes::default();
        let notes;
        let fresh = BTreeMap::new();
        if generations.stat(number.to_string())?.is_some() {
            let mut build = self.new_build(&fresh, watch)?;
            let target = generations.dir(number.to_string())?;
            if let Some(from) = &from {
                forward::forward_etc(&mut build, from, &to_tree, &target)?;
            }
            target.chmod(0o755)?;
            self.barrier.directory(&target);
            notes = build.notes;
        } else {
            let built = self.build(&to_tree, from.as_ref(), &fresh, &mut target.clone(), watch)?;
            let work = self.root.ambar().dir("work")?;
            // The generation has a row already: what has its name must be complete.
            self.barrier.wait()?;
            self.barrier.directory(&work);
            work.rename(&built.name, &generations, number.to_string())?;
            self.barrier.directory(&generations);
            changes.siblings = built.siblings;
            notes = built.notes;
        }
        self.add_etc(number, &mut top_names)?;
        watch.step(Step::Named);
        let pending =
            machine::differ(machine_from, &to_tree).then_some(PendingRow { from: base.number(from_number) });
        changes.generation = Some(GenerationChange {
            root: self.root.id(),
            number,
            made: None,
            pending,
            journal: self.journal(number, from_number, cause),
        });
        let prepared = Prepared { number, from: from_number, changes, top_names, notes };
        drop(from);
        self.switch(prepared, machine_from, &to_tree, watch)
    }

    fn journal(&self, generation: u64, from: Option<u64>, cause: &str) -> JournalRow {
        JournalRow { root: self.root.id(), time: now(), generation, from, cause: cause.into() }
    }

    fn new_build<'b>(
        &'b self,
        fresh: &'b BTreeMap<ObjectId, (u64, i64)>,
        watch: &'b dyn Watch,
    ) -> Result<Build<'b>, Error> {
        Ok(Build {
            root: self.root,
            reader: self.reader.as_ref(),
            barrier: &self.barrier,
            watch,
            link: LinkKind::probe(self.root)?,
            fresh,
            siblings: BTreeMap::new(),
            kept: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn build(
        &self,
        to: &Tree<'_>,
        from: Option<&From<'_>>,
        fresh: &BTreeMap<ObjectId, (u64, i64)>,
        record: &mut Record,
        watch: &dyn Watch,
    ) -> Result<Built, Error> {
        let work = self.root.ambar().dir("work")?;
        let name = format!("tree-{}", random_hex(8)?);
        let mut build = self.new_build(fresh, watch)?;
        let made = work.make_dir(&name, 0o700).and_then(|dir| build.make(from, to, &dir));
        if let Err(error) = made {
            work.remove_all(&name)?;
            return Err(error);
        }
        watch.step(Step::Tree);
        record.kept = build.kept;
        record.kept.sort();
        Ok(Built { name, siblings: build.siblings, notes: build.notes })
    }

    /// A tree may have an `etc` that only the machine has anything in.
    fn add_etc(&self, number: u64, top_names: &mut Vec<Vec<u8>>) -> Result<(), Error> {
        let tree = self.root.ambar().dir("generations")?.dir(number.to_string())?;
        if tree.stat("etc")?.is_some() && !top_names.iter().any(|name| name == b"etc") {
            top_names.push(b"etc".to_vec());
        }
        Ok(())
    }

    fn write_record(&self, record: &Record) -> Result<Digest, Error> {
        let document = record.encode();
        let records = self.root.ambar().dir("records")?;
        let name = record.number.to_string();
        let mut file = records.make_file_anew(&name, 0o644)?;
        std::io::Write::write_all(&mut file, &document).on("write", records.join(&name))?;
        self.barrier.file(&file, &records.join(&name));
        self.barrier.directory(&records);
        Ok(Record::digest_of(&document))
    }

    fn switch(
        &mut self,
        prepared: Prepared,
        from: Option<&Tree<'_>>,
        to: &Tree<'_>,
        watch: &dyn Watch,
    ) -> Result<Switched, Error> {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        // Step 3. Everything is durable under its final name, and unreachable.
        self.barrier.wait()?;
        watch.step(Step::Synced);
        // Step 4. The generation exists and is complete; if the link is never switched, the next writer
        // discards it and readers do not see it.
        self.reader = None;
        let writing = self.root.store().db().write()?;
        writing.apply(&prepared.changes)?;
        writing.commit()?;
        watch.step(Step::Committed);
        // Step 5. New names at the top may dangle; they are durable before the link can name their targets.
        top::make_links(self.root.top(), &prepared.top_names)?;
        watch.step(Step::TopLinks);
        let ambar = self.root.ambar();
        let fresh = "current.new";
        ambar.unlink_if_any(fresh)?;
        ambar.symlink(format!("generations/{}", prepared.number).as_bytes(), fresh)?;
        ambar.rename(fresh, ambar, CURRENT)?;
        // From here on no outcome is "unchanged".
        let mut outcome = Switched {
            generation: prepared.number,
            from: prepared.from,
            notes: prepared.notes,
            pending: std::mem::take(&mut self.unfinished.warnings),
        };
        if let Err(error) = ambar.sync() {
            outcome.pending.push(format!("the switch may not survive a power cut: {error}"));
        }
        watch.step(Step::Switched);
        self.after_switch(&prepared.changes, &prepared.top_names, from, to, &mut outcome, watch);
        Ok(outcome)
    }
}

struct Built {
    name: String,
    siblings: BTreeMap<ObjectId, u32>,
    notes: Vec<String>,
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
