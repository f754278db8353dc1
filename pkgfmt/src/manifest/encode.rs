//! Writing the canonical encoding; `docs/manifest.md` is the specification.

use crate::codec::Encoder;
use crate::relation::{Relation, Target};

use super::{Change, Entry, Manifest, Node, Script};

/// First bytes of every manifest; the last one is the version of the encoding.
pub(super) const MAGIC: &[u8; 8] = b"ambarmf\x01";

/// Tags of the top-level fields.
pub(super) mod tag {
    pub(crate) const NAME: u64 = 1;
    pub(crate) const VERSION: u64 = 2;
    pub(crate) const ORDER: u64 = 3;
    pub(crate) const RELEASE: u64 = 4;
    pub(crate) const BUILD: u64 = 5;
    pub(crate) const ARCH: u64 = 6;
    pub(crate) const SLOT: u64 = 7;
    pub(crate) const TAG: u64 = 8;
    pub(crate) const DISTRIBUTION: u64 = 9;
    pub(crate) const DISTRIBUTION_RELEASE: u64 = 10;
    pub(crate) const SOURCE: u64 = 11;
    pub(crate) const HOMEPAGE: u64 = 12;
    pub(crate) const PACKAGER: u64 = 13;
    pub(crate) const SUMMARY: u64 = 14;
    pub(crate) const DESCRIPTION: u64 = 15;
    pub(crate) const LICENCES: u64 = 16;
    pub(crate) const CATEGORIES: u64 = 17;
    pub(crate) const COMPONENTS: u64 = 18;
    pub(crate) const RELATIONS: u64 = 19;
    pub(crate) const SCRIPTS: u64 = 20;
    pub(crate) const HISTORY: u64 = 21;
    pub(crate) const PROPERTIES: u64 = 22;
    pub(crate) const KINDS: u64 = 23;
    pub(crate) const ENTRIES: u64 = 24;
}

/// Bits that say what follows an entry's path, type and mode.
pub(super) mod part {
    pub(crate) const OWNER: u64 = 1;
    pub(crate) const OWNER_NAMES: u64 = 1 << 1;
    pub(crate) const MTIME: u64 = 1 << 2;
    pub(crate) const KIND: u64 = 1 << 3;
    pub(crate) const LINK_GROUP: u64 = 1 << 4;
    pub(crate) const XATTRS: u64 = 1 << 5;
    pub(crate) const CONFIG: u64 = 1 << 6;
    pub(crate) const PERMANENT: u64 = 1 << 7;
    pub(crate) const KEEP_MTIME: u64 = 1 << 8;
    pub(crate) const ALL: u64 = (1 << 9) - 1;
}

/// Codes of the entry types.
pub(super) mod node {
    pub(crate) const DIRECTORY: u8 = 1;
    pub(crate) const FILE: u8 = 2;
    pub(crate) const SYMLINK: u8 = 3;
}

/// The encoding of a manifest that keeps the rules.
pub(super) fn encode(manifest: &Manifest) -> Vec<u8> {
    let mut e = Encoder::new();
    e.raw(MAGIC);
    e.text_field(tag::NAME, &manifest.name);
    e.text_field(tag::VERSION, &manifest.version);
    e.field(tag::ORDER, |e| e.number(manifest.order.code()));
    e.text_field(tag::RELEASE, &manifest.release);
    e.text_field(tag::BUILD, &manifest.build);
    e.text_field(tag::ARCH, &manifest.arch);
    e.text_field(tag::SLOT, &manifest.slot);
    e.text_field(tag::TAG, &manifest.tag);
    e.text_field(tag::DISTRIBUTION, &manifest.distribution);
    e.text_field(tag::DISTRIBUTION_RELEASE, &manifest.distribution_release);
    e.text_field(tag::SOURCE, &manifest.source);
    e.text_field(tag::HOMEPAGE, &manifest.homepage);
    e.text_field(tag::PACKAGER, &manifest.packager);
    e.text_field(tag::SUMMARY, &manifest.summary);
    e.text_field(tag::DESCRIPTION, &manifest.description);
    e.list_field(tag::LICENCES, &manifest.licences, |e, text| e.text(text));
    e.list_field(tag::CATEGORIES, &manifest.categories, |e, text| e.text(text));
    e.list_field(tag::COMPONENTS, &manifest.components, |e, text| e.text(text));
    e.list_field(tag::RELATIONS, &manifest.relations, relation);
    e.list_field(tag::SCRIPTS, &manifest.scripts, script);
    e.list_field(tag::HISTORY, &manifest.history, change);
    e.list_field(tag::PROPERTIES, &manifest.properties, |e, (key, value)| {
        e.text(key);
        e.text(value);
    });
    let kinds = kinds(manifest);
    e.list_field(tag::KINDS, &kinds, |e, text| e.text(text));
    e.field(tag::ENTRIES, |e| {
        let mut previous: &[u8] = b"";
        if !manifest.entries.is_empty() {
            e.number(manifest.entries.len() as u64);
        }
        for each in &manifest.entries {
            entry(e, each, previous, &kinds);
            previous = each.path.as_bytes();
        }
    });
    e.finish()
}

/// The distinct kinds of the entries, sorted.
pub(super) fn kinds(manifest: &Manifest) -> Vec<&str> {
    let mut kinds: Vec<&str> =
        manifest.entries.iter().map(|entry| entry.kind.as_str()).filter(|kind| !kind.is_empty()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// How many bytes two paths share at their start.
pub(super) fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn relation(e: &mut Encoder, relation: &Relation) {
    e.number(relation.kind.code());
    e.list(&relation.alternatives, target);
}

fn target(e: &mut Encoder, target: &Target) {
    e.number(target.kind.code());
    e.text(&target.name);
    e.text(&target.arch);
    e.list(&target.constraints, |e, constraint| {
        e.number(constraint.subject.code());
        e.number(constraint.op.code());
        e.text(&constraint.value);
    });
}

fn script(e: &mut Encoder, script: &Script) {
    e.text(&script.system);
    e.text(&script.role);
    e.text(&script.target);
    e.text(&script.file);
    e.number(script.size);
    e.raw(&script.digest.0);
}

fn change(e: &mut Encoder, change: &Change) {
    e.text(&change.release);
    e.text(&change.version);
    e.text(&change.date);
    e.list(&change.kinds, |e, text| e.text(text));
    e.text(&change.comment);
    e.text(&change.author);
    e.text(&change.email);
    e.list(&change.actions, |e, action| {
        e.text(&action.action);
        e.text(&action.package);
        e.text(&action.target);
    });
}

fn entry(e: &mut Encoder, entry: &Entry, previous: &[u8], kinds: &[&str]) {
    let path = entry.path.as_bytes();
    let shared = shared_prefix(previous, path);
    e.number(shared as u64);
    e.bytes(&path[shared..]);
    e.byte(match entry.node {
        Node::Directory => node::DIRECTORY,
        Node::File { .. } => node::FILE,
        Node::Symlink { .. } => node::SYMLINK,
    });
    e.number(u64::from(entry.mode));
    let kind = kinds.binary_search(&entry.kind.as_str()).ok();
    let bit = |present: bool, bit: u64| if present { bit } else { 0 };
    e.number(
        bit((entry.uid, entry.gid) != (0, 0), part::OWNER)
            | bit(entry.owner_names.is_some(), part::OWNER_NAMES)
            | bit(entry.mtime.is_some(), part::MTIME)
            | bit(kind.is_some(), part::KIND)
            | bit(entry.link_group > 0, part::LINK_GROUP)
            | bit(!entry.xattrs.is_empty(), part::XATTRS)
            | bit(entry.config, part::CONFIG)
            | bit(entry.permanent, part::PERMANENT)
            | bit(entry.keep_mtime, part::KEEP_MTIME),
    );
    if (entry.uid, entry.gid) != (0, 0) {
        e.number(u64::from(entry.uid));
        e.number(u64::from(entry.gid));
    }
    if let Some((owner, group)) = &entry.owner_names {
        e.text(owner);
        e.text(group);
    }
    if let Some(mtime) = entry.mtime {
        e.signed(mtime);
    }
    if let Some(kind) = kind {
        e.number(kind as u64);
    }
    if entry.link_group > 0 {
        e.number(u64::from(entry.link_group));
    }
    if !entry.xattrs.is_empty() {
        e.list(&entry.xattrs, |e, (name, value)| {
            e.bytes(name);
            e.bytes(value);
        });
    }
    match &entry.node {
        Node::Directory => {}
        Node::File { size, digest } => {
            e.number(*size);
            e.raw(&digest.0);
        }
        Node::Symlink { target } => e.bytes(target),
    }
}
