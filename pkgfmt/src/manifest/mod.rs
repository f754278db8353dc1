//! The manifest: what a package contains and declares, whatever container it came in.
//!
//! Its canonical encoding (`docs/manifest.md`) is the package's identity: the BLAKE3 of those bytes is the
//! [`PackageId`]. What may differ between two builds of the same package file (the container's format, its
//! compression, the file's own hash) is not in it; neither are translations, so that a corrected
//! translation makes no new package.

mod decode;
mod encode;
mod instance;

use serde::{Deserialize, Serialize};

use crate::codec::CodecError;
use crate::digest::{Digest, PackageId};
use crate::path::PayloadPath;
use crate::relation::{Relation, RelationKind, coded};
use crate::version::Candidate;

pub use instance::{Instance, usual as usual_slot};

/// Longest name of an extended attribute, in bytes (`XATTR_NAME_MAX` on Linux).
const MAX_XATTR_NAME: usize = 255;
/// Most bytes of all paths together.
const MAX_PATHS: usize = 128 << 20;
const PATHS_RULE: &str = "the paths of a package have at most 134217728 bytes together";
/// Longest kind, in bytes.
const MAX_KIND: usize = 255;
const KIND_RULE: &str = "a kind has at most 255 bytes";
/// Longest value of an extended attribute, in bytes (`XATTR_SIZE_MAX` on Linux).
const MAX_XATTR_VALUE: usize = 65_536;

coded! {
    /// The order in which a package's versions are compared. Versions of two orders never meet.
    VersionOrder ("version order") {
        /// Numbers and words, for packages that say nothing else.
        Plain = 0,
        /// PiSi 2.x.
        Pisi = 1,
        /// Entropy and Portage.
        Entropy = 2,
        /// Debian.
        Debian = 3,
    }
}

/// What a package contains and declares.
///
/// Texts are empty and lists are empty where a package says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name, for example `bind`.
    pub name: String,
    /// Version without release, for example `9.9.2`.
    pub version: String,
    /// How versions of this package are compared.
    pub order: VersionOrder,
    /// Release, for example `36`; PiSi compares it as an integer.
    pub release: String,
    /// Build number of PiSi before 2.0.
    pub build: String,
    /// Architecture, for example `x86_64`.
    pub arch: String,
    /// Slot: packages of one name and different slots live side by side.
    pub slot: String,
    /// Tag, as Entropy has it.
    pub tag: String,
    /// Distribution, for example `Pardus`.
    pub distribution: String,
    /// Release of the distribution.
    pub distribution_release: String,
    /// Name of the source package.
    pub source: String,
    /// Home page.
    pub homepage: String,
    /// Packager, as `Name <address>`.
    pub packager: String,
    /// Summary in the package's own language.
    pub summary: String,
    /// Description in the package's own language.
    pub description: String,
    /// Licences, as declared.
    pub licences: Vec<String>,
    /// Categories (PiSi: `IsA`), as declared.
    pub categories: Vec<String>,
    /// Components (PiSi: `PartOf`), as declared.
    pub components: Vec<String>,
    /// Relations, sorted by kind; those of one kind as declared.
    pub relations: Vec<Relation>,
    /// Scripts of the foreign format, kept as data.
    pub scripts: Vec<Script>,
    /// Changes, newest first, as declared.
    pub history: Vec<Change>,
    /// What a foreign format says beyond this, as (key, value); sorted by key, values of one key as declared.
    pub properties: Vec<(String, String)>,
    /// Entries sorted by path (component by component), each path once.
    pub entries: Vec<Entry>,
}

/// A script of a foreign format: data that is kept and shown, and never run by surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Whose it is: `comar`, `deb` …
    pub system: String,
    /// What it does there: a COMAR model, `postinst` …; empty when the format does not say.
    pub role: String,
    /// What it is for, for example a service's name; empty when the format does not say.
    pub target: String,
    /// Its file name in the container.
    pub file: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest of its content.
    pub digest: Digest,
}

/// One change in a package's history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Release that the change made.
    pub release: String,
    /// Version of that release.
    pub version: String,
    /// Date, as written.
    pub date: String,
    /// Kinds, for example `security`; with the package they are for after a tab, when they name one.
    pub kinds: Vec<String>,
    /// What was done.
    pub comment: String,
    /// Who did it.
    pub author: String,
    /// That person's address.
    pub email: String,
    /// What has to happen afterwards.
    pub actions: Vec<ChangeAction>,
}

/// What a change asks for afterwards, for example a restart of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeAction {
    /// For example `serviceRestart`.
    pub action: String,
    /// The package that it is for, or empty.
    pub package: String,
    /// What it is done to, or empty.
    pub target: String,
}

/// One path of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it goes.
    pub path: PayloadPath,
    /// What is there.
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky: 0 to 0o7777. Always 0o777 for a symlink.
    pub mode: u16,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Owner and group by name, where the format gives them and they are not plain `root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_names: Option<(String, String)>,
    /// Declared modification time in seconds since 1970, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<i64>,
    /// PiSi's `Type` of the file (`library`, `doc` …); empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Configuration: private to each generation, merged on upgrade.
    #[serde(default)]
    pub config: bool,
    /// Kept on upgrade even when the new version no longer has it.
    #[serde(default)]
    pub permanent: bool,
    /// The declared modification time is part of the content's meaning and is kept on disk: a Python source
    /// whose compiled form in the same package records it.
    #[serde(default)]
    pub keep_mtime: bool,
    /// Number of its hard-link group, from 1; 0 for none.
    #[serde(default)]
    pub link_group: u32,
    /// Extended attributes as (name, value), sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// Digest of the content.
        digest: Digest,
    },
    /// A symlink; the target is kept verbatim.
    Symlink {
        /// What it points to: bytes, never empty, never with NUL.
        target: Vec<u8>,
    },
}

/// The extended attribute that holds a file's capabilities, which are what setuid is.
pub const CAPABILITY_XATTR: &[u8] = b"security.capability";

impl Entry {
    /// Whether running this file gives rights that its user has not: setuid, setgid or file capabilities.
    #[must_use]
    pub fn gives_rights(&self) -> bool {
        matches!(self.node, Node::File { .. }) && gives_rights(self.mode, &self.xattrs)
    }

    /// An entry owned by root, with nothing said beyond its path, type and mode.
    #[must_use]
    pub fn new(path: PayloadPath, node: Node, mode: u16) -> Entry {
        Entry {
            path,
            node,
            mode,
            uid: 0,
            gid: 0,
            owner_names: None,
            mtime: None,
            kind: String::new(),
            config: false,
            permanent: false,
            keep_mtime: false,
            link_group: 0,
            xattrs: Vec::new(),
        }
    }
}

impl Manifest {
    /// A manifest that has a name, a version and an order, and nothing else.
    #[must_use]
    pub fn new(name: &str, version: &str, order: VersionOrder) -> Manifest {
        Manifest {
            name: name.into(),
            version: version.into(),
            order,
            release: String::new(),
            build: String::new(),
            arch: String::new(),
            slot: String::new(),
            tag: String::new(),
            distribution: String::new(),
            distribution_release: String::new(),
            source: String::new(),
            homepage: String::new(),
            packager: String::new(),
            summary: String::new(),
            description: String::new(),
            licences: Vec::new(),
            categories: Vec::new(),
            components: Vec::new(),
            relations: Vec::new(),
            scripts: Vec::new(),
            history: Vec::new(),
            properties: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Puts entries, relations and properties into their canonical order.
    pub fn normalise(&mut self) {
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.relations.sort_by_key(|relation| relation.kind);
        self.properties.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The canonical encoding.
    ///
    /// # Errors
    /// [`CodecError::Order`] or [`CodecError::Rule`] where the manifest is not one that [`decode`](Self::decode)
    /// would return, for example when it has not been [normalised](Self::normalise).
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        self.check()?;
        Ok(encode::encode(self))
    }

    /// Reads a canonical encoding.
    ///
    /// # Errors
    /// Whatever makes the bytes not canonical, see [`CodecError`]. `decode(bytes)?.encode()? == bytes` holds
    /// for all bytes that are accepted.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, CodecError> {
        let manifest = decode::decode(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The package id: BLAKE3 of the canonical encoding.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn id(&self) -> Result<PackageId, CodecError> {
        Ok(PackageId(Digest::of(&self.encode()?)))
    }

    /// Sum of the sizes of its regular files and the lengths of its links' targets, in bytes, as PiSi counts
    /// it; each hard-link name counts.
    #[must_use]
    pub fn installed_size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match &entry.node {
                Node::File { size, .. } => *size,
                Node::Symlink { target } => target.len() as u64,
                Node::Directory => 0,
            })
            .fold(0, u64::saturating_add)
    }

    /// Whether this package may have paths that `other` has as well, and takes them
    /// ([`RelationKind::Overwrites`]). A condition that cannot be decided does not hold.
    #[must_use]
    pub fn overwrites(&self, other: &Manifest) -> bool {
        let overwrites = self.relations.iter().filter(|relation| relation.kind == RelationKind::Overwrites);
        overwrites.flat_map(|relation| &relation.alternatives).any(|target| {
            let met = |constraint| Candidate::from(other).meets(constraint).unwrap_or(false);
            target.name == other.name && target.constraints.iter().all(met)
        })
    }

    /// `version`, or `version-release` where there is a release.
    #[must_use]
    pub fn full_version(&self) -> String {
        full_version(&self.version, &self.release)
    }

    /// The rules that hold between the parts, in the order of `docs/manifest.md`.
    fn check(&self) -> Result<(), CodecError> {
        if !is_package_name(&self.name) {
            return Err(CodecError::Rule(
                "a package's name is one or two parts with '/' between, without space or control character, \
                 that do not start with '.' or '-'",
            ));
        }
        if self.version.is_empty() || !is_word(&self.version) {
            return Err(CodecError::Rule(
                "a version is not empty and has no space, slash or control character",
            ));
        }
        if ![&self.release, &self.build, &self.arch].into_iter().all(|text| is_word(text)) {
            return Err(CodecError::Rule(
                "a release, build or architecture has no space, slash or control character",
            ));
        }
        if !self.relations.is_sorted_by_key(|relation| relation.kind) {
            return Err(CodecError::Order("relations"));
        }
        if self.relations.iter().any(|relation| {
            relation.alternatives.is_empty()
                || relation.alternatives.iter().any(|target| target.name.is_empty())
        }) {
            return Err(CodecError::Rule("a relation names at least one target"));
        }
        if !self.properties.is_sorted_by(|a, b| a.0 <= b.0) {
            return Err(CodecError::Order("properties"));
        }
        if !self.entries.is_sorted_by(|a, b| a.path < b.path) {
            return Err(CodecError::Order("entries"));
        }
        if self.entries.iter().map(|entry| entry.path.as_bytes().len()).sum::<usize>() > MAX_PATHS {
            return Err(CodecError::Rule(PATHS_RULE));
        }
        if self.entries.iter().any(|entry| entry.kind.len() > MAX_KIND) {
            return Err(CodecError::Rule(KIND_RULE));
        }
        self.check_parents()?;
        self.check_groups()?;
        self.entries.iter().try_for_each(check_entry)
    }

    /// An entry that others lie below is a directory. A symlink to one will not do: the path of what lies below
    /// it is the one that the link leads to.
    fn check_parents(&self) -> Result<(), CodecError> {
        for pair in self.entries.windows(2) {
            let inside = pair[1].path.starts_with(pair[0].path.as_bytes());
            if inside && !matches!(pair[0].node, Node::Directory) {
                return Err(CodecError::Rule("an entry lies below one that is not a directory"));
            }
        }
        Ok(())
    }

    /// Groups are numbered from 1 in order of first appearance, have two members or more, and their members
    /// differ in nothing that hard links share.
    fn check_groups(&self) -> Result<(), CodecError> {
        let mut first: Vec<(&Entry, usize)> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.link_group > 0) {
            let position = entry.link_group as usize - 1;
            if position == first.len() {
                first.push((entry, 1));
                continue;
            }
            let Some((leader, members)) = first.get_mut(position) else {
                return Err(CodecError::Order("hard-link groups"));
            };
            let shared = |e: &Entry| {
                (
                    e.node.clone(),
                    e.mode,
                    e.uid,
                    e.gid,
                    e.mtime,
                    e.keep_mtime,
                    e.owner_names.clone(),
                    e.xattrs.clone(),
                )
            };
            if shared(leader) != shared(entry) {
                return Err(CodecError::Rule(
                    "the names of a hard-link group differ in content or attributes",
                ));
            }
            *members += 1;
        }
        if first.iter().any(|(_, members)| *members < 2) {
            return Err(CodecError::Rule("a hard-link group has a single name"));
        }
        Ok(())
    }
}

/// Whether a regular file's mode and extended attributes give whoever runs it rights that they have not.
#[must_use]
pub fn gives_rights(mode: u16, xattrs: &[(Vec<u8>, Vec<u8>)]) -> bool {
    mode & 0o6000 != 0 || xattrs.iter().any(|(name, _)| name == CAPABILITY_XATTR)
}

/// `version`, or `version-release` where there is a release.
#[must_use]
pub fn full_version(version: &str, release: &str) -> String {
    if release.is_empty() { version.into() } else { format!("{version}-{release}") }
}

/// Whether `name` can be a package's name: at most 255 bytes, a [name](is_name) or, as Gentoo and Entropy have
/// it, two of them with a `/` between, the first of which is the category. So it is one or two components of a
/// path, and never leads up.
#[must_use]
pub fn is_package_name(name: &str) -> bool {
    let (category, rest) = name.split_once('/').unwrap_or(("category", name));
    name.len() <= 255 && is_name(category) && is_name(rest)
}

/// Whether `name` can be a package's name without a category: at most 255 bytes, no space, slash or control
/// character, no leading `.` or `-`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with(['.', '-']) && is_word(name)
}

/// Whether `text` has no white space, slash or control character, so that it can be part of a file's name and
/// of a line.
pub(crate) fn is_word(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '/')
}

fn check_entry(entry: &Entry) -> Result<(), CodecError> {
    match &entry.node {
        Node::Symlink { target } => {
            if target.is_empty() || target.contains(&0) || target.len() > crate::path::MAX_PATH {
                return Err(CodecError::Rule("a symlink's target is 1 to 4095 bytes without NUL"));
            }
            if entry.mode != 0o777 {
                return Err(CodecError::Rule("a symlink's mode is 0777"));
            }
        }
        Node::Directory | Node::File { .. } => {
            if entry.mode > 0o7777 {
                return Err(CodecError::Rule("a mode has only permission bits"));
            }
        }
    }
    if entry.link_group > 0 && !matches!(entry.node, Node::File { .. }) {
        return Err(CodecError::Rule("only regular files are in hard-link groups"));
    }
    if entry.keep_mtime && (entry.mtime.is_none() || !matches!(entry.node, Node::File { .. })) {
        return Err(CodecError::Rule("only a regular file with a declared time can keep it"));
    }
    // chown(2) takes -1 for "as it is", which would leave a file with whoever made it.
    if entry.uid == u32::MAX || entry.gid == u32::MAX {
        return Err(CodecError::Rule("4294967295 is no owner or group"));
    }
    if !entry.xattrs.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(CodecError::Order("extended attributes"));
    }
    if entry.xattrs.iter().any(|(name, value)| {
        name.is_empty() || name.len() > MAX_XATTR_NAME || name.contains(&0) || value.len() > MAX_XATTR_VALUE
    }) {
        return Err(CodecError::Rule(
            "an extended attribute's name is 1 to 255 bytes without NUL, its value at most 65536 bytes",
        ));
    }
    Ok(())
}
