//! Reading the canonical encoding; `docs/manifest.md` is the specification.

use crate::codec::{CodecError, Decoder, Fields, list_field, text, whole};
use crate::path::PayloadPath;
use crate::relation::{Constraint, Op, Relation, RelationKind, Subject, Target, TargetKind};

use super::encode::{MAGIC, kinds, node, part, shared_prefix, tag};
use super::{Change, ChangeAction, Entry, Manifest, Node, Script, VersionOrder};
use super::{KIND_RULE, MAX_KIND, MAX_PATHS, PATHS_RULE};

/// Reads an encoding; the rules between the parts are the caller's to check.
pub(super) fn decode(bytes: &[u8]) -> Result<Manifest, CodecError> {
    let mut decoder = Decoder::new(bytes);
    let magic = decoder.raw(MAGIC.len())?;
    if magic[..7] != MAGIC[..7] {
        return Err(CodecError::Magic);
    }
    if magic[7] != MAGIC[7] {
        return Err(CodecError::Unknown { what: "manifest version", value: u64::from(magic[7]) });
    }
    let mut manifest = Manifest::new("", "", VersionOrder::Plain);
    let mut named_kinds: Vec<String> = Vec::new();
    let mut order = None;
    let mut fields = Fields::new(decoder);
    while let Some((tag, body)) = fields.next()? {
        match tag {
            tag::NAME => manifest.name = text(body)?.into(),
            tag::VERSION => manifest.version = text(body)?.into(),
            tag::ORDER => order = Some(whole(body, |d| VersionOrder::from_code(d.number()?))?),
            tag::RELEASE => manifest.release = text(body)?.into(),
            tag::BUILD => manifest.build = text(body)?.into(),
            tag::ARCH => manifest.arch = text(body)?.into(),
            tag::SLOT => manifest.slot = text(body)?.into(),
            tag::TAG => manifest.tag = text(body)?.into(),
            tag::DISTRIBUTION => manifest.distribution = text(body)?.into(),
            tag::DISTRIBUTION_RELEASE => manifest.distribution_release = text(body)?.into(),
            tag::SOURCE => manifest.source = text(body)?.into(),
            tag::HOMEPAGE => manifest.homepage = text(body)?.into(),
            tag::PACKAGER => manifest.packager = text(body)?.into(),
            tag::SUMMARY => manifest.summary = text(body)?.into(),
            tag::DESCRIPTION => manifest.description = text(body)?.into(),
            tag::LICENCES => manifest.licences = list_field(body, 1, owned_text)?,
            tag::CATEGORIES => manifest.categories = list_field(body, 1, owned_text)?,
            tag::COMPONENTS => manifest.components = list_field(body, 1, owned_text)?,
            tag::RELATIONS => manifest.relations = list_field(body, 6, relation)?,
            tag::SCRIPTS => manifest.scripts = list_field(body, 37, script)?,
            tag::HISTORY => manifest.history = list_field(body, 8, change)?,
            tag::PROPERTIES => {
                manifest.properties = list_field(body, 2, |d| Ok((owned_text(d)?, owned_text(d)?)))?;
            }
            tag::KINDS => {
                named_kinds = list_field(body, 1, owned_text)?;
                // Each may be an entry's many times over.
                if named_kinds.iter().any(|kind| kind.len() > MAX_KIND) {
                    return Err(CodecError::Rule(KIND_RULE));
                }
            }
            tag::ENTRIES => {
                let mut previous: Vec<u8> = Vec::new();
                let mut paths = 0;
                manifest.entries = list_field(body, 5, |d| {
                    let entry = entry(d, &previous, &named_kinds)?;
                    previous.clear();
                    previous.extend_from_slice(entry.path.as_bytes());
                    // What is written of a path may be one byte.
                    paths += previous.len();
                    if paths > MAX_PATHS {
                        return Err(CodecError::Rule(PATHS_RULE));
                    }
                    Ok(entry)
                })?;
            }
            value => return Err(CodecError::Unknown { what: "manifest field", value }),
        }
    }
    manifest.order = order.ok_or(CodecError::Rule("a manifest says its version order"))?;
    if kinds(&manifest) != named_kinds {
        return Err(CodecError::Rule("the kinds named are not those of the entries, sorted"));
    }
    Ok(manifest)
}

fn owned_text(d: &mut Decoder<'_>) -> Result<String, CodecError> {
    Ok(d.text()?.to_owned())
}

fn relation(d: &mut Decoder<'_>) -> Result<Relation, CodecError> {
    Ok(Relation { kind: RelationKind::from_code(d.number()?)?, alternatives: d.list(4, target)? })
}

fn target(d: &mut Decoder<'_>) -> Result<Target, CodecError> {
    Ok(Target {
        kind: TargetKind::from_code(d.number()?)?,
        name: owned_text(d)?,
        arch: owned_text(d)?,
        constraints: d.list(3, |d| {
            Ok(Constraint {
                subject: Subject::from_code(d.number()?)?,
                op: Op::from_code(d.number()?)?,
                value: owned_text(d)?,
            })
        })?,
    })
}

fn script(d: &mut Decoder<'_>) -> Result<Script, CodecError> {
    Ok(Script {
        system: owned_text(d)?,
        role: owned_text(d)?,
        target: owned_text(d)?,
        file: owned_text(d)?,
        size: d.number()?,
        digest: d.digest()?,
    })
}

fn change(d: &mut Decoder<'_>) -> Result<Change, CodecError> {
    Ok(Change {
        release: owned_text(d)?,
        version: owned_text(d)?,
        date: owned_text(d)?,
        kinds: d.list(1, owned_text)?,
        comment: owned_text(d)?,
        author: owned_text(d)?,
        email: owned_text(d)?,
        actions: d.list(3, |d| {
            Ok(ChangeAction { action: owned_text(d)?, package: owned_text(d)?, target: owned_text(d)? })
        })?,
    })
}

fn entry(d: &mut Decoder<'_>, previous: &[u8], kinds: &[String]) -> Result<Entry, CodecError> {
    let shared: usize = d.fitting()?;
    let start = previous.get(..shared).ok_or(CodecError::Rule("a path shares more than there was"))?;
    let path = [start, d.bytes()?].concat();
    if shared_prefix(previous, &path) != shared {
        return Err(CodecError::Rule("a path shares more with the one before than it says"));
    }
    let path = PayloadPath::new(&path).map_err(|_| CodecError::Rule("a path is not a valid payload path"))?;
    let kind_code = d.byte()?;
    let mode = d.fitting()?;
    let parts = d.number()?;
    if parts & !part::ALL != 0 {
        return Err(CodecError::Unknown { what: "entry part", value: parts & !part::ALL });
    }
    let has = |bit: u64| parts & bit != 0;
    let mut entry = Entry::new(path, Node::Directory, mode);
    if has(part::OWNER) {
        (entry.uid, entry.gid) = (d.fitting()?, d.fitting()?);
        if (entry.uid, entry.gid) == (0, 0) {
            return Err(CodecError::Rule("owner 0, group 0 is left out"));
        }
    }
    if has(part::OWNER_NAMES) {
        entry.owner_names = Some((owned_text(d)?, owned_text(d)?));
    }
    if has(part::MTIME) {
        entry.mtime = Some(d.signed()?);
    }
    if has(part::KIND) {
        let position: usize = d.fitting()?;
        entry.kind = kinds.get(position).ok_or(CodecError::Rule("a kind has no name"))?.clone();
    }
    if has(part::LINK_GROUP) {
        entry.link_group = d.fitting()?;
        if entry.link_group == 0 {
            return Err(CodecError::Rule("link group 0 is left out"));
        }
    }
    if has(part::XATTRS) {
        entry.xattrs = d.list(2, |d| Ok((d.bytes()?.to_vec(), d.bytes()?.to_vec())))?;
        if entry.xattrs.is_empty() {
            return Err(CodecError::Rule("an empty list of attributes is left out"));
        }
    }
    entry.config = has(part::CONFIG);
    entry.permanent = has(part::PERMANENT);
    entry.keep_mtime = has(part::KEEP_MTIME);
    entry.node = match kind_code {
        node::DIRECTORY => Node::Directory,
        node::FILE => Node::File { size: d.number()?, digest: d.digest()? },
        node::SYMLINK => Node::Symlink { target: d.bytes()?.to_vec() },
        value => return Err(CodecError::Unknown { what: "entry type", value: u64::from(value) }),
    };
    Ok(entry)
}
