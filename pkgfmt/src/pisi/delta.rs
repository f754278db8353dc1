//! Delta packages: `.delta.pisi` and `.delta.eopkg`.
//!
//! A delta has the metadata.xml and files.xml of the whole package, and a payload with the members that its
//! base lacks; none at all when the base has everything. What the payload leaves out is taken from the base
//! ([`delta_base`](super::delta_base)) and streamed to the receiver like the rest, so that what comes out is
//! hashed and stored in the same way. Before it is handed on to anyone as what was promised, its SHA-1 has to
//! be the promised one: a file that was edited after it was installed is noticed.
//!
//! Only the file's name tells a delta from a package, and the release that it starts from. A name that does not
//! agree with the metadata is not believed in that.
//!
//! Times and hard links are in the payload alone. What comes from the base has the modification time that it
//! has there, and names that are hard links there, at the same paths, still are.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use sha1::Digest as _;

use crate::digest::{ContentHasher, Hashing, Sha1Digest};
use crate::error::Problem;
use crate::manifest::{Entry, Manifest, Node, full_version};
use crate::package::{Base, BaseNeeded, DraftEntry};
use crate::path::Shown;
use crate::payload::tarball::{Header, Kind};
use crate::payload::{Found, FoundNode, Reading};

use super::delta_base::{BaseIndex, changed};
use super::filename::FileName;

/// What is known of a delta besides the package that it leads to.
#[derive(Debug)]
pub(super) struct Delta {
    needed: BaseNeeded,
    /// The build that it starts from, where the older scheme of names says that.
    build: Option<String>,
    base: Option<Base>,
}

impl Delta {
    /// What the name of the file at `path` and the metadata say.
    pub(super) fn new(path: &Path, manifest: &Manifest) -> Delta {
        let mut delta = Delta {
            needed: BaseNeeded { name: manifest.name.clone(), release: None, id: None },
            build: None,
            base: None,
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(FileName::Delta(says)) = FileName::parse(&name) {
            if says.name == manifest.name && !says.arch.is_empty() && says.to == manifest.release {
                delta.needed.release = Some(says.from);
            } else if says.name == manifest.name && says.arch.is_empty() && says.to == manifest.build {
                delta.build = Some(says.from);
            }
        }
        delta
    }

    /// The package that it needs.
    pub(super) fn needed(&self) -> BaseNeeded {
        self.needed.clone()
    }

    /// Takes the base, which must be of the same name, distribution and architecture, and of the release that
    /// the delta starts from.
    pub(super) fn set_base(&mut self, base: Base, manifest: &Manifest) -> Result<(), Problem> {
        let given = &base.manifest;
        let wrong = |what: &str, is: &str, should: &str| {
            let version = full_version(&given.version, &given.release);
            let is = Shown(is.as_bytes());
            let reason = format!("the {what} is '{is}', and the delta is made against '{should}'");
            Err(Problem::forbidden(format_args!("the base {} {version}", given.name), reason))
        };
        if given.name != manifest.name {
            return wrong("name", &given.name, &manifest.name);
        }
        if let Some(release) = self.needed.release.as_ref().filter(|&release| *release != given.release) {
            return wrong("release", &given.release, release);
        }
        if let Some(build) = self.build.as_ref().filter(|&build| *build != given.build) {
            return wrong("build", &given.build, build);
        }
        for (what, is, should) in [
            ("architecture", &given.arch, &manifest.arch),
            ("distribution", &given.distribution, &manifest.distribution),
            ("distribution release", &given.distribution_release, &manifest.distribution_release),
        ] {
            if !is.is_empty() && !should.is_empty() && is != should {
                return wrong(what, is, should);
            }
        }
        self.base = Some(base);
        Ok(())
    }

    /// Refuses to go on without a base.
    pub(super) fn base(&self) -> Result<&Base, Problem> {
        self.base.as_ref().ok_or_else(|| Problem::not_a_package("it is a delta package; it needs its base"))
    }

    /// Takes from the base what the payload left out.
    pub(super) fn fill(&self, entries: &[DraftEntry], reading: &mut Reading<'_>) -> Result<(), Problem> {
        let base = self.base()?;
        let mut index = BaseIndex::new(&base.manifest, &base.sha1s);
        let mut hash = |position: usize| {
            let mut hasher = ContentHasher::new(true);
            let read = |error: io::Error| Problem::from_stream("the base", error);
            hasher.update_from(&mut base.contents.open(position).map_err(read)?).map_err(read)?;
            let (_, digest, sha1) = hasher.finish();
            Ok((digest, sha1.unwrap_or(Sha1Digest([0; 20]))))
        };
        // The first name of each hard-link group of the base that stays at its path.
        let mut leaders: HashMap<u32, usize> = HashMap::new();
        for (position, promised) in entries.iter().enumerate() {
            if reading.has(position) {
                continue;
            }
            let source = index.find(&base.manifest, promised, &mut hash)?;
            let Some(entry) = base.manifest.entries.get(source) else { continue };
            let linked = entry.link_group > 0 && entry.path == promised.path;
            let leader = if linked { leaders.get(&entry.link_group) } else { None };
            match leader.and_then(|&leader| entries.get(leader)) {
                Some(leader) => {
                    let kind = Kind::HardLink(leader.path.as_bytes().to_vec());
                    take(reading, position, entry, promised, kind, &mut io::empty())?;
                }
                None => {
                    take_content(reading, base, (position, promised), (source, entry))?;
                    if linked {
                        leaders.insert(entry.link_group, position);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Takes an entry of the base with its content, which has to be what the delta promises.
fn take_content(
    reading: &mut Reading<'_>,
    base: &Base,
    (position, promised): (usize, &DraftEntry),
    (source, entry): (usize, &Entry),
) -> Result<(), Problem> {
    let kind = match &entry.node {
        Node::Directory => Kind::Directory,
        Node::Symlink { target } => Kind::Symlink(target.clone()),
        Node::File { .. } => Kind::File,
    };
    if kind != Kind::File {
        return take(reading, position, entry, promised, kind, &mut io::empty());
    }
    let content = base.contents.open(source).map_err(|_| changed(entry))?;
    let mut content = Hashing { content, hash: sha1::Sha1::new() };
    take(reading, position, entry, promised, kind, &mut content).map_err(|problem| match problem {
        // What ends early or cannot be read is no more what was installed.
        Problem::Damaged { .. } | Problem::Io { .. } => changed(entry),
        other => other,
    })?;
    let more = content.content.read(&mut [0]).map_err(|_| changed(entry))?;
    let found = Sha1Digest(content.hash.finalize().into());
    if more > 0 || promised.sha1.is_some_and(|sha1| sha1 != found) {
        return Err(changed(entry));
    }
    Ok(())
}

/// Takes an entry of the base as the one at `position`; mode and owner are what files.xml promises.
fn take(
    reading: &mut Reading<'_>,
    position: usize,
    entry: &Entry,
    promised: &DraftEntry,
    kind: Kind,
    content: &mut dyn Read,
) -> Result<(), Problem> {
    let size = match &entry.node {
        Node::File { size, .. } if kind == Kind::File => *size,
        _ => 0,
    };
    let found = Found {
        node: FoundNode::Directory,
        // Where nothing is promised, the base decides.
        mode: promised.mode.is_none().then_some(entry.mode),
        owner: None,
        mtime: entry.mtime,
        source_mtime: None,
    };
    let header = Header {
        name: promised.path.as_bytes().to_vec(),
        kind,
        size,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime.unwrap_or(0),
        owner_names: None,
    };
    reading.take(position, header, found, content)
}
