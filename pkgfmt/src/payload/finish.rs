//! From promise to manifest: every entry of the file list against what the payload and the receiver found.
//!
//! Where the list and the payload both say something (size, SHA-1, mode, owner, group), they must agree; where
//! one of them is silent, the other decides, and where both are, the entry is root's with the usual mode. The
//! time is the payload's. A symlink's size and SHA-1 are those of its target, its mode is always 0777.
//!
//! The names of a hard-link group share what hard links share. Names whose attributes differ are separate
//! files: the package then says something that no file system could keep.

use std::collections::BTreeMap;

use crate::digest::Sha1Digest;
use crate::error::Problem;
use crate::manifest::{Entry, Manifest, Node};
use crate::package::{Draft, DraftEntry, Hashed, Told};

use super::python::Python;
use super::{Found, FoundNode, Payload};

/// Modes of an entry that nothing gives one.
const DIRECTORY_MODE: u16 = 0o755;
const FILE_MODE: u16 = 0o644;

/// Makes the manifest.
pub(crate) fn finish(
    draft: &Draft,
    list: &'static str,
    python: &Python,
    told: &Told,
    hashes: &[Option<Hashed>],
) -> Result<Manifest, Problem> {
    let Told::Archive(payload) = told else {
        return Err(Problem::damaged("the payload", "it was not read"));
    };
    let mut entries = Vec::with_capacity(draft.entries.len());
    for (index, promised) in draft.entries.iter().enumerate() {
        let found = payload.found.get(index).and_then(Option::as_ref).ok_or_else(|| {
            Problem::damaged(&promised.path, format_args!("{list} has it, and the payload does not hold it"))
        })?;
        let mut entry = entry(index, (promised, list), found, payload, hashes)?;
        entry.keep_mtime = keeps_mtime(index, &entry, python, payload);
        entries.push(entry);
    }
    group_links(&mut entries, payload);
    let mut manifest = draft.manifest.clone();
    manifest.entries = entries;
    manifest.normalise();
    // Whoever has a manifest can count on its encoding.
    manifest.encode()?;
    Ok(manifest)
}

fn entry(
    index: usize,
    (promised, list): (&DraftEntry, &'static str),
    found: &Found,
    payload: &Payload,
    hashes: &[Option<Hashed>],
) -> Result<Entry, Problem> {
    let differs = |what: &str, is: &str, should: &str| {
        Problem::damaged(&promised.path, format_args!("its {what} is {is}, {list} promises {should}"))
    };
    let check = |what: &str, is: &str, should: Option<String>| match should {
        Some(should) if should != is => Err(differs(what, is, &should)),
        _ => Ok(()),
    };
    let size = promised.size.map(|size| size.to_string());
    let sha1 = promised.sha1.map(|sha1| sha1.to_string());
    let node = match &found.node {
        FoundNode::Directory => Node::Directory,
        FoundNode::Symlink(target) => {
            check("target's length", &target.len().to_string(), size)?;
            check("target's SHA-1", &Sha1Digest::of(target).to_string(), sha1)?;
            Node::Symlink { target: target.clone() }
        }
        FoundNode::File | FoundNode::HardLink(_) => {
            let leader = if let FoundNode::HardLink(leader) = found.node { leader } else { index };
            let hashed = hashes.get(leader).and_then(Option::as_ref);
            let hashed =
                hashed.ok_or_else(|| Problem::damaged(&promised.path, "its content was not read"))?;
            check("size", &hashed.size.to_string(), size)?;
            match (hashed.sha1, promised.sha1) {
                (Some(is), _) => check("SHA-1", &is.to_string(), sha1)?,
                (None, Some(_)) => {
                    return Err(Problem::damaged(&promised.path, "its SHA-1 was not computed"));
                }
                (None, None) => {}
            }
            if payload.second_opinion && promised.sha1.is_none() {
                let reason = "the payload's compressed data is damaged, and no hash vouches for this file";
                return Err(Problem::damaged(&promised.path, reason));
            }
            Node::File { size: hashed.size, digest: hashed.digest }
        }
    };
    let usual = if node == Node::Directory { DIRECTORY_MODE } else { FILE_MODE };
    let mode = match (&node, promised.mode, found.mode) {
        (Node::Symlink { .. }, ..) => 0o777,
        (_, Some(should), Some(is)) if should != is => {
            return Err(differs("mode", &format!("{is:04o}"), &format!("{should:04o}")));
        }
        (_, promised, found) => promised.or(found).unwrap_or(usual),
    };
    if let Some((uid, gid)) = found.owner {
        check("owner", &uid.to_string(), promised.uid.map(|uid| uid.to_string()))?;
        check("group", &gid.to_string(), promised.gid.map(|gid| gid.to_string()))?;
    }
    let mut entry = Entry::new(promised.path.clone(), node, mode);
    entry.uid = promised.uid.or(found.owner.map(|owner| owner.0)).unwrap_or(0);
    entry.gid = promised.gid.or(found.owner.map(|owner| owner.1)).unwrap_or(0);
    entry.owner_names.clone_from(&promised.owner_names);
    entry.mtime = found.mtime;
    entry.kind.clone_from(&promised.kind);
    entry.config = promised.config;
    entry.permanent = promised.permanent;
    Ok(entry)
}

/// Whether a Python source's declared time is the one that a compiled form of it records.
fn keeps_mtime(index: usize, entry: &Entry, python: &Python, payload: &Payload) -> bool {
    let (Some(mtime), Node::File { .. }) = (entry.mtime, &entry.node) else { return false };
    let recorded = |compiled: usize| {
        let found = payload.found.get(compiled)?.as_ref()?;
        match found.node {
            // The other names of a compiled file record what the first one does.
            FoundNode::HardLink(leader) => payload.found.get(leader)?.as_ref()?.source_mtime,
            _ => found.source_mtime,
        }
    };
    // Python, too, compares the lower 32 bits.
    python.compiled(index).any(|compiled| recorded(compiled) == Some(mtime as u32))
}

/// Numbers hard-link groups by first appearance. Entries are in path order, like the draft.
fn group_links(entries: &mut [Entry], payload: &Payload) {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, found) in payload.found.iter().enumerate() {
        if let Some(Found { node: FoundNode::HardLink(leader), .. }) = found {
            groups.entry(*leader).or_insert_with(|| vec![*leader]).push(index);
        }
    }
    let mut sorted: Vec<Vec<usize>> = groups.into_values().collect();
    for members in &mut sorted {
        members.sort_unstable();
    }
    sorted.sort();
    let mut number = 0;
    for members in sorted {
        let group: Vec<&Entry> = members.iter().filter_map(|&index| entries.get(index)).collect();
        let shared =
            |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.mtime, entry.owner_names.clone());
        if group.len() != members.len() || group.windows(2).any(|pair| shared(pair[0]) != shared(pair[1])) {
            continue;
        }
        // The one file has one time: what one of its names needs, it keeps.
        let keep = group.iter().any(|entry| entry.keep_mtime);
        number += 1;
        for index in members {
            entries[index].link_group = number;
            entries[index].keep_mtime = keep;
        }
    }
}
