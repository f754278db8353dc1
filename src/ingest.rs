//! Storing the content of package files: decoded, hashed and written in one pass, packages side by side and
//! the files of one package as well.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ambar_pkgfmt::{
    ContentHasher, Digest, DraftEntry, Hashed, Manifest, Member, Node, PackageFile, PackageId, Payload,
    PayloadSink, Sha1Digest, Stopped, Translations,
};
use ambar_store::db::Entering;
use ambar_store::db::rows::{FileRow, PackageRow};
use ambar_store::{Made, Metadata, ObjectId, ObjectWriter, Profile, Streamed, holdings, owned_paths};
use rayon::Scope;

use crate::error::Error;
use crate::observer::{Event, Observer};
use crate::plan::PlannedFile;

/// Files are handed to other threads in batches of about so many bytes.
const BATCH_BYTES: u64 = 1 << 20;
/// And of at most so many files.
const BATCH_FILES: usize = 64;
/// Content that may wait in memory for a thread, over all packages. Beyond that the decoding thread does the
/// work itself, so memory is bounded and nothing ever waits for anything.
const IN_FLIGHT: u64 = 48 << 20;

/// A package file to be stored.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) file: PlannedFile,
    pub(crate) package: PackageFile,
    pub(crate) profile: Profile,
}

/// Stores every job's content. The result is in the order of the jobs, whatever the threads did.
pub(crate) fn ingest(
    pool: &rayon::ThreadPool,
    jobs: &[Job],
    writer: &ObjectWriter<'_>,
    observer: &dyn Observer,
) -> Result<Vec<Made>, Error> {
    let in_flight = AtomicU64::new(0);
    let works: Vec<Work<'_>> = jobs.iter().map(|job| Work::new(job, writer, observer, &in_flight)).collect();
    pool.install(|| {
        rayon::scope(|scope| {
            // The largest first, so that none is left over at the end.
            let mut order: Vec<&Work<'_>> = works.iter().collect();
            order.sort_by_key(|work| std::cmp::Reverse(work.job.file.length));
            for work in order {
                scope.spawn(|scope| work.run(scope));
            }
        });
    });
    works.into_iter().map(Work::finish).collect()
}

/// One package being stored.
struct Work<'w> {
    job: &'w Job,
    writer: &'w ObjectWriter<'w>,
    observer: &'w dyn Observer,
    in_flight: &'w AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is known of each entry of the draft.
    hashed: Vec<Option<Hashed>>,
    /// The object that each entry's content went under.
    objects: Vec<Option<ObjectId>>,
    /// The first error of a thread that works for this package.
    failed: Option<Error>,
    payload: Option<Payload>,
}

impl<'w> Work<'w> {
    fn new(
        job: &'w Job,
        writer: &'w ObjectWriter<'w>,
        observer: &'w dyn Observer,
        in_flight: &'w AtomicU64,
    ) -> Self {
        let entries = job.package.draft().entries.len();
        let state = State { hashed: vec![None; entries], objects: vec![None; entries], ..State::default() };
        Work { job, writer, observer, in_flight, state: Mutex::new(state) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: impl Into<Error>) -> Stopped {
        self.state().failed.get_or_insert(error.into());
        Stopped
    }

    fn has_failed(&self) -> bool {
        self.state().failed.is_some()
    }

    fn run<'s>(&'s self, scope: &Scope<'s>) {
        self.observer.event(Event::Package { name: &self.job.package.draft().manifest.name });
        match self.job.package.parts() {
            // Nothing to read is read at once.
            0 => self.read(None, |sink| self.job.package.read_payload(sink)),
            1 => self.read(Some(scope), |sink| self.job.package.read_part(0, sink)),
            // Each part is some thread's, which decodes and stores it: nothing is handed on.
            parts => {
                for part in 0..parts {
                    scope.spawn(move |_| self.read(None, |sink| self.job.package.read_part(part, sink)));
                }
            }
        }
    }

    /// Reads a part of the payload, dealing its files out to the threads of `scope`, or storing them itself.
    fn read<'s>(
        &'s self,
        scope: Option<&Scope<'s>>,
        part: impl FnOnce(&mut dyn PayloadSink) -> Result<Payload, ambar_pkgfmt::Error>,
    ) {
        if self.has_failed() {
            return;
        }
        let mut sink = Sink { work: self, scope, batch: Vec::new(), bytes: 0 };
        let read = part(&mut sink);
        sink.flush();
        match read {
            Ok(payload) => self.state().payload = Some(payload),
            // When a thread has failed, that is what the sink stopped for.
            Err(error) => {
                self.fail(error);
            }
        }
    }

    /// Whether a SHA-1 has to be computed, to be compared with the file list's.
    fn promises_sha1(&self, index: usize) -> bool {
        self.job.package.draft().entries[index].sha1.is_some()
    }

    /// Whether the store has to be given this content; otherwise it is taken down as stored.
    fn wants(&self, index: usize, digest: &Digest) -> Result<bool, Error> {
        let listed = &self.job.package.draft().entries[index];
        let size = listed.size.unwrap_or(0);
        let metadata = self.job.profile.metadata(&provisional(listed, size, listed.mtime));
        if !self.writer.holds(&ObjectId::new(*digest, &metadata))? {
            return Ok(true);
        }
        let hashed = Hashed { size, digest: *digest, sha1: None };
        let mut state = self.state();
        state.objects[index] = Some(ObjectId::new(*digest, &metadata));
        state.hashed[index] = Some(hashed);
        Ok(false)
    }

    /// Where an entry's content goes, as far as the file list tells. What only the payload tells (a mode that
    /// is not listed, a time that does not matter after all) is put right at the end.
    fn metadata(&self, member: &Member) -> Metadata {
        let listed = &self.job.package.draft().entries[member.index];
        let mut entry = provisional(listed, member.size, member.mtime);
        entry.keep_mtime |= member.may_keep_mtime && member.mtime.is_some();
        self.job.profile.metadata(&entry)
    }

    fn store(&self, batch: Vec<(Member, Vec<u8>)>) {
        let mut bytes = 0;
        for (member, content) in batch {
            if self.observer.cancelled() {
                self.fail(ambar_store::Error::Cancelled);
            }
            if self.has_failed() {
                return;
            }
            let mut hasher = ContentHasher::new(self.promises_sha1(member.index));
            hasher.update(&content);
            let (size, digest, sha1) = hasher.finish();
            let metadata = self.metadata(&member);
            if let Err(error) = self.writer.put(digest, &content, &metadata) {
                self.fail(error);
                return;
            }
            self.done(&member, Hashed { size, digest, sha1 }, &metadata);
            bytes += size;
        }
        self.observer.event(Event::Stored { bytes });
    }

    fn done(&self, member: &Member, hashed: Hashed, metadata: &Metadata) {
        self.observer.event(Event::Step(ambar_store::Step::Object));
        let mut state = self.state();
        state.objects[member.index] = Some(ObjectId::new(hashed.digest, metadata));
        state.hashed[member.index] = Some(hashed);
    }

    /// Checks the package against its file list and says what the database is to know of it.
    fn finish(self) -> Result<Made, Error> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let payload = match (state.failed, state.payload) {
            (Some(error), _) => return Err(error),
            (None, Some(payload)) => payload,
            (None, None) => return Err(ambar_store::Error::Cancelled.into()),
        };
        let package = &self.job.package;
        let manifest = package.finish(&payload, &state.hashed)?;
        let by_digest: HashMap<Digest, &ObjectId> =
            state.objects.iter().flatten().map(|object| (object.digest(), object)).collect();
        for entry in &manifest.entries {
            if let (Some(object), Node::File { digest, .. }) =
                (ObjectId::of_entry(entry, self.job.profile), &entry.node)
            {
                // Hard-linked names of one content are one object; anything else is made from the one stored.
                if let Some(stored) = by_digest.get(digest)
                    && **stored != object
                {
                    self.writer.turn_into(stored, &self.job.profile.metadata(entry))?;
                }
            }
        }
        let mut documents = vec![];
        let encoded = manifest.encode().map_err(|error| not_encodable(package, error))?;
        let id = PackageId(Digest::of(&encoded));
        let length = encoded.len() as u64;
        documents.push(encoded);
        // Translations are no part of a package's identity: those that came with it first stand.
        let translations = match self.writer.known_package(id)? {
            Some(row) => match row.translations {
                Some(digest) => Some(self.writer.document(digest)?),
                None => None,
            },
            None => Some(package.translations()).filter(|texts| !texts.is_empty()).map(Translations::encode),
        };
        documents.extend(translations.clone());
        documents.extend(package.scripts().iter().cloned());
        for document in &documents {
            self.writer.put(Digest::of(document), document, &Metadata::document())?;
        }
        let translations = translations.map(|document| (Digest::of(&document), document.len() as u64));
        let sha1s: BTreeMap<Digest, Sha1Digest> =
            state.hashed.iter().flatten().filter_map(|hashed| Some((hashed.digest, hashed.sha1?))).collect();
        let row = FileRow { package: id, length: self.job.file.length, name: file_name(&self.job.file) };
        Ok(Made {
            entering: Entering {
                id,
                row: row_of(&manifest, translations.map(|(digest, _)| digest)),
                profile: self.job.profile,
                paths: owned_paths(&manifest),
                objects: holdings(&manifest, (id, length), translations, self.job.profile),
            },
            // What a delta comes to depends on its base: the file alone says nothing.
            file: (!self.job.file.delta).then_some((self.job.file.digest, row)),
            sha1s,
            manifest,
        })
    }
}

fn not_encodable(package: &PackageFile, error: ambar_pkgfmt::codec::CodecError) -> Error {
    Error::Usage(format!("package {} has no valid manifest: {error}", package.draft().manifest.name))
}

fn file_name(file: &PlannedFile) -> String {
    file.path.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The entry that a file will be, as far as it can be told before its package has been read.
fn provisional(listed: &DraftEntry, size: u64, mtime: Option<i64>) -> ambar_pkgfmt::Entry {
    let node = Node::File { size, digest: Digest([0; 32]) };
    let mut entry = ambar_pkgfmt::Entry::new(listed.path.clone(), node, listed.mode.unwrap_or(0o644));
    entry.uid = listed.uid.unwrap_or(0);
    entry.gid = listed.gid.unwrap_or(0);
    entry.mtime = mtime;
    entry.keep_mtime = listed.keep_mtime && mtime.is_some();
    entry.xattrs.clone_from(&listed.xattrs);
    entry
}

/// What lists show of a package; the commit gives it a number.
fn row_of(manifest: &Manifest, translations: Option<Digest>) -> PackageRow {
    PackageRow {
        number: 0,
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        release: manifest.release.clone(),
        arch: manifest.arch.clone(),
        summary: manifest.summary.clone(),
        installed_size: manifest.installed_size(),
        entries: u32::try_from(manifest.entries.len()).unwrap_or(u32::MAX),
        profiles: Vec::new(),
        translations,
    }
}

/// Takes one package's content from the decoder and deals it out.
struct Sink<'s, 'e, 'w> {
    work: &'s Work<'w>,
    /// Where files are dealt out; without it this thread stores them.
    scope: Option<&'e Scope<'s>>,
    batch: Vec<(Member, Vec<u8>)>,
    bytes: u64,
}

impl Sink<'_, '_, '_> {
    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.bytes);
        if batch.is_empty() {
            return;
        }
        let work = self.work;
        let room = work.in_flight.load(Ordering::Relaxed) + bytes <= IN_FLIGHT;
        let Some(scope) = self.scope.filter(|_| room) else {
            work.store(batch);
            return;
        };
        work.in_flight.fetch_add(bytes, Ordering::Relaxed);
        scope.spawn(move |_| {
            work.store(batch);
            work.in_flight.fetch_sub(bytes, Ordering::Relaxed);
        });
    }
}

impl PayloadSink for Sink<'_, '_, '_> {
    fn wants(&mut self, index: usize, digest: &Digest) -> bool {
        // An error shows as soon as the content is stored.
        self.work.wants(index, digest).unwrap_or(true)
    }

    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        if self.work.has_failed() {
            return Err(Stopped);
        }
        self.bytes += content.len() as u64;
        self.batch.push((member, content));
        if self.bytes >= BATCH_BYTES || self.batch.len() >= BATCH_FILES {
            self.flush();
        }
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        self.flush();
        let metadata = self.work.metadata(&member);
        let mut content = Watched { content, work: self.work };
        let with_sha1 = self.work.promises_sha1(member.index);
        match self.work.writer.put_stream(&mut content, &metadata, with_sha1) {
            Ok(Streamed::Stored(hashed)) => {
                self.work.done(&member, hashed, &metadata);
                Ok(())
            }
            // Either the package is damaged, which its reader reports, or somebody wants to stop.
            Ok(Streamed::Source(_)) if self.work.observer.cancelled() => {
                Err(self.work.fail(ambar_store::Error::Cancelled))
            }
            Ok(Streamed::Source(_)) => Err(Stopped),
            Err(error) => Err(self.work.fail(error)),
        }
    }
}

/// A large file's content, which tells how far it is and can be stopped.
struct Watched<'c, 'w> {
    content: &'c mut dyn Read,
    work: &'c Work<'w>,
}

impl Read for Watched<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.work.observer.cancelled() || self.work.has_failed() {
            return Err(std::io::Error::other("stopped"));
        }
        let read = self.content.read(buffer)?;
        self.work.observer.event(Event::Stored { bytes: read as u64 });
        Ok(read)
    }
}
