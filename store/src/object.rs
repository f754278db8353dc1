//! Objects by name: content, and the inode metadata that hard links share.
//!
//! Hard links share one inode, so two files may be one object only when content, mode, owner, extended
//! attributes and kept time are all equal. An [`ObjectId`] is therefore the digest of the content and a
//! suffix made from the rest:
//!
//! ```text
//! <64 hex digits> - <mode, octal> [u<uid>g<gid>] [t<mtime>] [x<32 hex digits>]
//! ```
//!
//! `u…g…` is there when the owner is not the store's, `t…` when the time is not 1, `x…` (the first 16 bytes
//! of BLAKE3 over the attributes) when there are extended attributes. On disk the first two digits are the
//! directory; siblings that `EMLINK` forces get `.1`, `.2` … after the name.

use std::fmt;

use ambar_pkgfmt::manifest::CAPABILITY_XATTR;
use ambar_pkgfmt::{Digest, Entry, Node};
use serde::{Deserialize, Serialize};

/// The time every object has unless its own matters: one second after the epoch, as Nix and OSTree do.
pub const OBJECT_MTIME: i64 = 1;

/// Times that every file system can hold; any other cannot be kept, and would never match what is on disk.
const KEPT_TIMES: std::ops::RangeInclusive<i64> = 0..=i32::MAX as i64;

/// How a package's declared metadata becomes metadata on disk. One package may be stored under several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Profile(u8);

/// Root's owner, where the superuser's process has another group than root's and so would make files of
/// that group; `None` where what is made is right by itself.
#[must_use]
pub(crate) fn default_owner() -> Option<(u32, u32)> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (user.is_root() && !group.is_root()).then_some((0, 0))
}

impl Profile {
    const UNPRIVILEGED: u8 = 1;
    const STRIP_SETUID: u8 = 2;
    const EXACT_MTIME: u8 = 4;

    /// The profile with these choices.
    #[must_use]
    pub fn new(privileged: bool, strip_setuid: bool, exact_mtime: bool) -> Profile {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Profile(
            bit(!privileged, Self::UNPRIVILEGED)
                | bit(strip_setuid, Self::STRIP_SETUID)
                | bit(exact_mtime, Self::EXACT_MTIME),
        )
    }

    /// Owners are applied, and files keep their write bits.
    #[must_use]
    pub fn privileged(self) -> bool {
        self.0 & Self::UNPRIVILEGED == 0
    }

    /// Setuid and setgid bits are taken off.
    #[must_use]
    pub fn strips_setuid(self) -> bool {
        self.0 & Self::STRIP_SETUID != 0
    }

    /// Its code in records and rows.
    #[must_use]
    pub fn code(self) -> u8 {
        self.0
    }

    /// The profile with that code, or `None` where this version knows no such one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Profile> {
        (code < 8).then_some(Profile(code))
    }

    /// What a regular file's inode gets.
    #[must_use]
    pub fn metadata(self, entry: &Entry) -> Metadata {
        let mut mode = entry.mode;
        if !self.privileged() || self.strips_setuid() {
            mode &= !0o6000;
        }
        if !self.privileged() {
            // Nobody may write through a link; its owner must be able to read it for verification.
            mode = (mode & 0o555) | 0o400;
        }
        let keeps_time = entry.keep_mtime || self.0 & Self::EXACT_MTIME != 0;
        Metadata {
            mode,
            owner: (self.privileged() && (entry.uid, entry.gid) != (0, 0)).then_some((entry.uid, entry.gid)),
            mtime: entry.mtime.filter(|time| keeps_time && KEPT_TIMES.contains(time)).unwrap_or(OBJECT_MTIME),
            xattrs: self.xattrs(entry),
        }
    }

    /// What a directory gets: in unprivileged roots its owner can always change it, and nobody else.
    #[must_use]
    pub fn directory_mode(self, mode: u16) -> u16 {
        if self.privileged() { mode } else { (mode & 0o755) | 0o700 }
    }

    /// The mode of a private copy (configuration, files of machine directories).
    #[must_use]
    pub fn private_mode(self, mode: u16) -> u16 {
        let mode = if self.strips_setuid() || !self.privileged() { mode & !0o6000 } else { mode };
        if self.privileged() { mode } else { mode | 0o600 }
    }

    /// The extended attributes that are set: all, or only those that an ordinary user may set; file capabilities
    /// go where setuid goes.
    #[must_use]
    pub fn xattrs(self, entry: &Entry) -> Vec<(Vec<u8>, Vec<u8>)> {
        entry
            .xattrs
            .iter()
            .filter(|(name, _)| self.privileged() || name.starts_with(b"user."))
            .filter(|(name, _)| !(self.strips_setuid() && name == CAPABILITY_XATTR))
            .cloned()
            .collect()
    }
}

/// What an object's inode has besides content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u16,
    /// Numeric owner and group, where they are not the store's own.
    pub owner: Option<(u32, u32)>,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metadata {
    /// The owner that has to be set explicitly: the declared one, or root's, where what this process makes
    /// would get another group.
    #[must_use]
    pub fn owner_to_set(&self) -> Option<(u32, u32)> {
        self.owner.or_else(default_owner)
    }

    /// Of documents that the store keeps for itself (manifests, translations, scripts).
    #[must_use]
    pub fn document() -> Metadata {
        Metadata { mode: 0o444, owner: None, mtime: OBJECT_MTIME, xattrs: Vec::new() }
    }

    fn suffix(&self) -> String {
        use std::fmt::Write as _;
        let mut suffix = format!("{:03o}", self.mode);
        if let Some((uid, gid)) = self.owner {
            let _ = write!(suffix, "u{uid}g{gid}");
        }
        if self.mtime != OBJECT_MTIME {
            let _ = write!(suffix, "t{}", self.mtime);
        }
        if !self.xattrs.is_empty() {
            let mut hasher = blake3::Hasher::new();
            for (name, value) in &self.xattrs {
                for part in [name, value] {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part);
                }
            }
            let _ = write!(suffix, "x{}", &hasher.finalize().to_hex()[..32]);
        }
        suffix
    }
}

/// The name of an object: digest of the content, suffix of the metadata.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    digest: Digest,
    suffix: Box<str>,
}

impl ObjectId {
    /// The object with that content and metadata.
    #[must_use]
    pub fn new(digest: Digest, metadata: &Metadata) -> ObjectId {
        ObjectId { digest, suffix: metadata.suffix().into() }
    }

    /// The object of a document that the store keeps for itself.
    #[must_use]
    pub fn document(digest: Digest) -> ObjectId {
        ObjectId::new(digest, &Metadata::document())
    }

    /// The object that a regular, non-empty file entry is linked from, or `None` for anything else.
    #[must_use]
    pub fn of_entry(entry: &Entry, profile: Profile) -> Option<ObjectId> {
        match entry.node {
            Node::File { size, digest } if size > 0 => Some(ObjectId::new(digest, &profile.metadata(entry))),
            _ => None,
        }
    }

    /// The digest of its content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Which of the 256 directories it is in.
    #[must_use]
    pub fn shard(&self) -> u8 {
        self.digest.0[0]
    }

    /// Its file name inside that directory.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}", &self.digest.to_hex()[2..], self.suffix)
    }

    /// Its file name as the `n`th sibling; 0 is the object itself.
    #[must_use]
    pub fn sibling_name(&self, n: u32) -> String {
        if n == 0 { self.file_name() } else { format!("{}.{n}", self.file_name()) }
    }

    /// Its key in the database: 32 bytes of digest, then the suffix.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        [&self.digest.0[..], self.suffix.as_bytes()].concat()
    }

    /// The object with that key, or `None` when the key is not one.
    #[must_use]
    pub fn from_key(key: &[u8]) -> Option<ObjectId> {
        let (digest, suffix) = key.split_first_chunk::<32>()?;
        let suffix = std::str::from_utf8(suffix).ok()?;
        (!suffix.is_empty()).then(|| ObjectId { digest: Digest(*digest), suffix: suffix.into() })
    }

    /// The object that has this file name in directory `shard`, and which sibling it is.
    #[must_use]
    pub fn from_file_name(shard: u8, name: &str) -> Option<(ObjectId, u32)> {
        let (hex, rest) = name.split_once('-')?;
        let digest = format!("{shard:02x}{hex}").parse().ok()?;
        let (suffix, sibling) = match rest.split_once('.') {
            Some((suffix, number)) => (suffix, number.parse().ok().filter(|&n: &u32| n > 0)?),
            None => (rest, 0),
        };
        (!suffix.is_empty()).then(|| (ObjectId { digest, suffix: suffix.into() }, sibling))
    }

    /// The mode that the name promises, where it can be read from it.
    #[must_use]
    pub fn mode(&self) -> Option<u16> {
        let digits = self.suffix.split(['u', 't', 'x']).next()?;
        u16::from_str_radix(digits, 8).ok()
    }

    /// The owner that the name promises: `None` inside for the store's own.
    #[must_use]
    pub fn owner(&self) -> Option<(u32, u32)> {
        let (_, rest) = self.suffix.split_once('u')?;
        let (uid, rest) = rest.split_once('g')?;
        let gid = rest.split(['t', 'x']).next()?;
        Some((uid.parse().ok()?, gid.parse().ok()?))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.digest, self.suffix)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::PayloadPath;

    fn entry(mode: u16) -> Entry {
        let node = Node::File { size: 3, digest: Digest::of(b"abc") };
        Entry::new(PayloadPath::new(b"usr/bin/x").unwrap(), node, mode)
    }

    #[test]
    fn files_that_differ_in_what_links_share_are_different_objects() {
        let privileged = Profile::new(true, false, false);
        let plain = ObjectId::of_entry(&entry(0o755), privileged).unwrap();
        let setuid = ObjectId::of_entry(&entry(0o4755), privileged).unwrap();
        assert_ne!(plain, setuid);
        let mut owned = entry(0o755);
        owned.uid = 8;
        let owned = ObjectId::of_entry(&owned, privileged).unwrap();
        assert_ne!(plain, owned);
        assert_eq!((owned.mode(), owned.owner()), (Some(0o755), Some((8, 0))));
        assert_eq!((setuid.mode(), setuid.owner()), (Some(0o4755), None));
    }

    #[test]
    fn an_unprivileged_root_has_no_write_bits_and_no_owners() {
        let profile = Profile::new(false, true, false);
        let mut owned = entry(0o4755);
        owned.uid = 8;
        let id = ObjectId::of_entry(&owned, profile).unwrap();
        assert_eq!((id.mode(), id.owner()), (Some(0o555), None));
    }

    #[test]
    fn names_and_keys_read_back() {
        let mut entry = entry(0o2755);
        (entry.uid, entry.gid, entry.mtime, entry.keep_mtime) = (1, 2, Some(77), true);
        entry.xattrs = vec![(b"user.a".to_vec(), b"b".to_vec())];
        let id = ObjectId::of_entry(&entry, Profile::new(true, false, false)).unwrap();
        assert_eq!(ObjectId::from_key(&id.key()), Some(id.clone()));
        assert_eq!(ObjectId::from_file_name(id.shard(), &id.sibling_name(0)), Some((id.clone(), 0)));
        assert_eq!(ObjectId::from_file_name(id.shard(), &id.sibling_name(7)), Some((id.clone(), 7)));
        assert_eq!((id.mode(), id.owner()), (Some(0o2755), Some((1, 2))));
    }

    #[test]
    fn empty_files_are_never_objects() {
        let mut empty = entry(0o644);
        empty.node = Node::File { size: 0, digest: Digest::of(b"") };
        assert_eq!(ObjectId::of_entry(&empty, Profile::default()), None);
    }
}
