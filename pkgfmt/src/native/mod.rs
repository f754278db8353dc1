//! The native format, `.ambar`: `docs/format.md` specifies it byte by byte.
//!
//! ```text
//! header | section table | manifest, translations, scripts, base, index, frames, content | signatures
//! ```
//!
//! `layout` is the header and the table, `objects` what a manifest's distinct contents are called, `index`
//! where they are, `frames` single zstd frames. `write` writes a package, `order` decides what is stored beside
//! what, `similar` what is stored as a patch to another object, `delta` writes a package that lacks what its base has. Opening reads everything but the content;
//! `payload` hands content out group by group, `random` by entry, both only what is asked for. `signature` and
//! `sign` are minisign's signatures, `xattrs` the extended attributes that packages may have.

mod delta;
mod frames;
mod generate;
mod index;
mod layout;
mod objects;
mod order;
mod payload;
mod random;
mod sign;
mod signature;
mod similar;
mod write;
mod xattrs;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::codec::{Decoder, Fields};
use crate::digest::{Digest, PackageId};
use crate::error::{Error, Problem};
use crate::limits::Limits;
use crate::manifest::{Manifest, Node};
use crate::package::{Base, Draft, DraftEntry, DraftNode};
use crate::source::{SharedBytes, Source};
use crate::translations::Translations;

pub use delta::write_delta;
pub use generate::{KeyTexts, generate_keys};
pub use index::{FRAME_BYTES, PATCH_BYTES};
pub use sign::sign;
pub use signature::{KeyError, KeyId, PublicKey, SecretKey, Signature};
pub use write::{WriteOptions, write};

use index::{Frame, Index, Prefix};
use layout::{Coding, Kind, Section, Table, read_at};
use objects::Objects;
use random::Cache;

pub(crate) use layout::MAGIC;

/// Tag of the manifest's first field that is a list; those after it are lists, too.
const LISTS: u64 = 16;
/// Tag of the manifest's field that holds its entries.
const ENTRIES: u64 = 24;
/// Bytes of a manifest's encoding before its fields.
const MANIFEST_MAGIC: usize = 8;

/// An opened native package: everything but its content has been read and verified.
#[derive(Debug)]
pub struct NativeFile {
    source: Source,
    limits: Limits,
    table: Table,
    id: PackageId,
    manifest: Manifest,
    draft: Draft,
    translations: Translations,
    scripts: Vec<Vec<u8>>,
    objects: Objects,
    index: Index,
    /// Offset of the content in the file.
    content: u64,
    signatures: Vec<Signature>,
    base_id: Option<PackageId>,
    base: Option<Given>,
    /// Objects that the base has, in bundles that are read together.
    from_base: Vec<Vec<usize>>,
    /// Groups that hold what patches of this package are made against.
    leading: BTreeSet<usize>,
    cache: Cache,
}

/// The base that a delta was given.
struct Given {
    base: Base,
    objects: Objects,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

/// Why no signature of a key vouches for a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// Only other keys signed it.
    #[error("key {wanted} did not sign it; it is signed by {}", Listed(.found))]
    OtherKeys {
        /// The key that was asked for.
        wanted: KeyId,
        /// The keys of its signatures.
        found: Vec<KeyId>,
    },
    /// There is a signature that names the key, and it is wrong.
    #[error("the signature of key {0} is wrong")]
    Wrong(KeyId),
}

/// Key ids with commas between them.
struct Listed<'a>(&'a [KeyId]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.0.iter().map(KeyId::to_string).collect();
        f.write_str(&ids.join(", "))
    }
}

impl NativeFile {
    /// Opens a package file: reads and verifies everything but its content.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened, is no native package or of another version, is damaged, is not
    /// canonical or breaks a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<NativeFile, Error> {
        Source::open(path)
            .and_then(|source| NativeFile::of(source, limits))
            .map_err(|problem| Error::new(path, problem))
    }

    /// As [`open`](Self::open), of bytes in memory or mapped; errors call them `name`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(name: &Path, bytes: SharedBytes, limits: &Limits) -> Result<NativeFile, Error> {
        NativeFile::of(Source::Bytes(bytes), limits).map_err(|problem| Error::new(name, problem))
    }

    /// The manifest, with its entries, and whether the package is a delta: nothing else is read.
    pub(crate) fn metadata(source: &Source, limits: &Limits) -> Result<(Manifest, bool), Problem> {
        let table = Table::read(source, limits)?;
        let section = table.find(Kind::Manifest).map(|section| read_section(source, section)).transpose()?;
        let manifest = decode_manifest(&section.unwrap_or_default(), limits)?;
        Ok((manifest, table.find(Kind::Base).is_some()))
    }

    /// Reads and verifies everything but the content of the package in `source`.
    pub(crate) fn of(source: Source, limits: &Limits) -> Result<NativeFile, Problem> {
        let table = Table::read(&source, limits)?;
        let signatures = signature::read(&source, table.end())?;
        let read = |kind: Kind| -> Result<Option<Vec<u8>>, Problem> {
            table.find(kind).map(|section| read_section(&source, section)).transpose()
        };
        let encoded = read(Kind::Manifest)?.unwrap_or_default();
        let mut manifest = decode_manifest(&encoded, limits)?;
        xattrs::check(&manifest, limits)?;
        let id = PackageId(Digest::of(&encoded));
        drop(encoded);
        let translations = match read(Kind::Translations)? {
            Some(bytes) => decode_translations(&bytes)?,
            None => Translations::default(),
        };
        let scripts = split_scripts(&manifest, &read(Kind::Scripts)?.unwrap_or_default())?;
        let base_id = match read(Kind::Base)? {
            Some(bytes) => Some(
                delta::base_id(&bytes)
                    .ok_or_else(|| Problem::damaged(Kind::Base.name(), "it is not 32 bytes long"))?,
            ),
            None => None,
        };
        let objects = Objects::of(&manifest)?;
        let (content, length) =
            table.find(Kind::Content).map_or((table.end(), 0), |content| (content.offset, content.stored));
        let index = match (read(Kind::Index)?, read(Kind::Frames)?) {
            (Some(index), Some(frames)) => {
                Index::decode(&index, &frames, length, &objects, base_id.is_some())?
            }
            _ if base_id.is_none() && objects.len() > 0 => {
                return Err(Problem::damaged(Kind::Index.name(), "it is missing"));
            }
            _ => Index::without_content(&objects),
        };
        check_sizes(&objects, limits)?;
        let from_base = bundles(&objects, &index);
        let leading = leading(&index);
        let draft = draft(&mut manifest);
        Ok(NativeFile {
            source,
            limits: limits.clone(),
            table,
            id,
            manifest,
            draft,
            translations,
            scripts,
            objects,
            index,
            content,
            signatures,
            base_id,
            base: None,
            from_base,
            leading,
            cache: Cache::default(),
        })
    }

    /// The package id.
    #[must_use]
    pub fn id(&self) -> PackageId {
        self.id
    }

    /// What it contains and declares; a delta, what is there once it has been applied.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its texts in other languages.
    #[must_use]
    pub fn translations(&self) -> &Translations {
        &self.translations
    }

    /// The content of its foreign scripts, in the order of the manifest's `scripts`.
    #[must_use]
    pub fn scripts(&self) -> &[Vec<u8>] {
        &self.scripts
    }

    /// The id of the package that this delta is made against, or `None` for a whole package.
    #[must_use]
    pub fn base_id(&self) -> Option<PackageId> {
        self.base_id
    }

    /// Its signatures, in ascending order of key ids. Nothing is known about them until they are verified.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// What signatures sign: the header and the section table, whose digests cover everything else.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        self.table.bytes()
    }

    /// The signature of `key`, verified. That the content is what was signed [`verify`](Self::verify) tells, or
    /// reading it.
    ///
    /// # Errors
    /// [`Unverified`] when there is no right one.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<&Signature, Unverified> {
        match self.signatures.iter().find(|signature| signature.key() == key.id()) {
            Some(signature) if signature.verify(key, self.signed_bytes()) => Ok(signature),
            Some(_) => Err(Unverified::Wrong(key.id())),
            None if self.signatures.is_empty() => Err(Unverified::Unsigned),
            None => {
                let found = self.signatures.iter().map(Signature::key).collect();
                Err(Unverified::OtherKeys { wanted: key.id(), found })
            }
        }
    }

    /// Compares the content with its digests, without unpacking it; all else was verified by opening. Works in
    /// the rayon pool that the caller is in.
    ///
    /// # Errors
    /// [`Problem::Damaged`] for the first frame that is not what the frame table says.
    pub fn verify(&self) -> Result<(), Problem> {
        let check = |frame: &Frame| self.packed(frame).map(|_| ());
        if rayon::current_thread_index().is_none() {
            return self.index.frames.iter().try_for_each(check);
        }
        let checks: Vec<Result<(), Problem>> = self.index.frames.par_iter().map(check).collect();
        checks.into_iter().collect()
    }

    /// Where the last section ends.
    pub(crate) fn end(&self) -> u64 {
        self.table.end()
    }
}

/// Reads a section, compares it with its digest, and unpacks it.
fn read_section(source: &Source, section: &Section) -> Result<Vec<u8>, Problem> {
    let name = section.kind.name();
    let too_large = || Problem::limit(name, usize::MAX as u64);
    let mut stored = vec![0; usize::try_from(section.stored).map_err(|_| too_large())?];
    read_at(source, &mut stored, section.offset, name)?;
    if Digest::of(&stored) != section.digest {
        return Err(Problem::damaged(name, "its digest is not that of the section table"));
    }
    match section.coding {
        Coding::Raw => Ok(stored),
        Coding::Zstd => {
            frames::unpack(&stored, section.unpacked).map_err(|reason| Problem::damaged(name, reason))
        }
    }
}

/// Decodes the manifest, whose entries must not be more than the limit: they take far more memory than bytes.
fn decode_manifest(bytes: &[u8], limits: &Limits) -> Result<Manifest, Problem> {
    let mut fields = Fields::new(Decoder::new(bytes.get(MANIFEST_MAGIC..).unwrap_or_default()));
    // A field that cannot be read is the decoder's to refuse.
    while let Ok(Some((tag, body))) = fields.next() {
        let is_list = tag >= LISTS;
        if is_list && Decoder::new(body).number().is_ok_and(|count| count > limits.entries as u64) {
            let what =
                if tag == ENTRIES { "the number of entries" } else { "the length of a list in the manifest" };
            return Err(Problem::limit(what, limits.entries as u64));
        }
        if tag != ENTRIES && body.len() as u64 > limits.manifest_field_bytes {
            return Err(Problem::limit("the size of a field of the manifest", limits.manifest_field_bytes));
        }
    }
    Ok(Manifest::decode(bytes)?)
}

fn decode_translations(bytes: &[u8]) -> Result<Translations, Problem> {
    let wrong = |reason: &dyn fmt::Display| Problem::damaged(Kind::Translations.name(), reason);
    let translations = Translations::decode(bytes).map_err(|error| wrong(&error))?;
    if translations.is_empty() {
        return Err(wrong(&"there are none, and the section is not left out"));
    }
    Ok(translations)
}

/// The scripts that lie one after another in `bytes`.
fn split_scripts(manifest: &Manifest, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let wrong = |reason: &str| Problem::damaged(Kind::Scripts.name(), reason);
    let mut rest = bytes;
    let mut scripts = Vec::with_capacity(manifest.scripts.len());
    for script in &manifest.scripts {
        let (head, tail) = usize::try_from(script.size)
            .ok()
            .and_then(|size| rest.split_at_checked(size))
            .ok_or_else(|| wrong("they are shorter than the manifest says"))?;
        if Digest::of(head) != script.digest {
            return Err(wrong("one is not what the manifest says"));
        }
        scripts.push(head.to_vec());
        rest = tail;
    }
    if rest.is_empty() { Ok(scripts) } else { Err(wrong("they are longer than the manifest says")) }
}

/// The sizes that the manifest declares stay within the limits.
fn check_sizes(objects: &Objects, limits: &Limits) -> Result<(), Problem> {
    let all = objects.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
    if all > limits.payload_bytes {
        return Err(Problem::limit("the size of the payload", limits.payload_bytes));
    }
    // No ratio is held to: every size is known beforehand and exact, and a frame is bounded.
    Ok(())
}

/// The groups that hold what patches of this package are made against.
fn leading(index: &Index) -> BTreeSet<usize> {
    let prefixes = index.groups.iter().filter_map(|group| match group.patch {
        Some(Prefix::Own(number)) => Some(number),
        Some(Prefix::Base(_)) | None => None,
    });
    prefixes.filter_map(|number| Some(index.homes.get(number).copied().flatten()?.group)).collect()
}

/// The objects that the index does not have, in bundles of about a frame.
fn bundles(objects: &Objects, index: &Index) -> Vec<Vec<usize>> {
    let mut bundles: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (number, (object, home)) in objects.iter().zip(&index.homes).enumerate() {
        if home.is_some() {
            continue;
        }
        match bundles.last_mut() {
            Some(bundle) if object.size <= room => bundle.push(number),
            _ => {
                bundles.push(vec![number]);
                room = FRAME_BYTES;
            }
        }
        room = room.saturating_sub(object.size);
    }
    bundles
}

/// What the manifest says, in the shape that all formats share.
fn draft(manifest: &mut Manifest) -> Draft {
    let entries = manifest.entries.iter().map(|entry| {
        let (node, size, digest) = match &entry.node {
            Node::Directory => (DraftNode::Directory, None, None),
            Node::File { size, digest } => (DraftNode::File, Some(*size), Some(*digest)),
            Node::Symlink { target } => (DraftNode::Symlink(target.clone()), Some(target.len() as u64), None),
        };
        DraftEntry {
            node: Some(node),
            size,
            mode: Some(entry.mode),
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            owner_names: entry.owner_names.clone(),
            digest,
            mtime: entry.mtime,
            keep_mtime: entry.keep_mtime,
            xattrs: entry.xattrs.clone(),
            kind: entry.kind.clone(),
            config: entry.config,
            permanent: entry.permanent,
            ..DraftEntry::new(entry.path.clone())
        }
    });
    let entries = entries.collect();
    let kept = std::mem::take(&mut manifest.entries);
    let draft = Draft { manifest: manifest.clone(), entries };
    manifest.entries = kept;
    draft
}
