//! Entries of packages, for people and for machines.

use ambar::pkgfmt::digest::hex;
use ambar::pkgfmt::manifest::gives_rights;
use ambar::pkgfmt::path::Shown;
use ambar::pkgfmt::{DraftEntry, DraftNode, Entry, Node};
use serde_json::{Value, json};

/// Bytes as text where they are UTF-8, otherwise as `{"hex": "…"}`.
pub(crate) fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "hex": hex(bytes) }),
    }
}

fn mode_text(mode: u16) -> String {
    format!("{mode:04o}")
}

/// An entry of an installed package, for machines.
pub(crate) fn to_json(entry: &Entry) -> Value {
    let mut value = json!({
        "path": entry.path,
        "mode": mode_text(entry.mode),
        "uid": entry.uid,
        "gid": entry.gid,
        "mtime": entry.mtime,
        "kind": entry.kind,
        "config": entry.config,
        "permanent": entry.permanent,
        "link_group": entry.link_group,
    });
    match &entry.node {
        Node::Directory => value["type"] = json!("directory"),
        Node::File { size, digest } => {
            value["type"] = json!("file");
            value["size"] = json!(size);
            value["digest"] = json!(digest);
        }
        Node::Symlink { target } => {
            value["type"] = json!("symlink");
            value["target"] = bytes_json(target);
        }
    }
    value
}

/// An entry of an installed package, for people: its path, and what that cannot say.
pub(crate) fn line(entry: &Entry) -> String {
    match &entry.node {
        Node::Directory => format!("{}/", entry.path),
        Node::File { .. } => entry.path.to_string(),
        Node::Symlink { target } => format!("{} -> {}", entry.path, Shown(target)),
    }
}

/// What a file list promises of an entry, for machines.
pub(crate) fn draft_json(entry: &DraftEntry) -> Value {
    let (kind, target) = match &entry.node {
        None => (None, None),
        Some(DraftNode::Directory) => (Some("directory"), None),
        Some(DraftNode::File) => (Some("file"), None),
        Some(DraftNode::Symlink(target)) => (Some("symlink"), Some(bytes_json(target))),
    };
    json!({
        "path": entry.path,
        "type": kind,
        "target": target,
        "digest": entry.digest,
        "owner_names": entry.owner_names,
        "size": entry.size,
        "mode": entry.mode.map(mode_text),
        "uid": entry.uid,
        "gid": entry.gid,
        "sha1": entry.sha1.map(|sha1| sha1.to_string()),
        "kind": entry.kind,
        "config": entry.config,
        "permanent": entry.permanent,
        "mtime": entry.mtime,
        "xattrs": entry.xattrs.iter().map(|(name, value)| json!([bytes_json(name), hex(value)])).collect::<Vec<_>>(),
    })
}

/// The cells of what a file list promises of an entry: mode, size, kind, path, flags.
pub(crate) fn draft_cells(entry: &DraftEntry) -> [String; 5] {
    let flags: Vec<&str> = [
        (entry.config, "config"),
        (entry.permanent, "permanent"),
        (entry.may_be_file() && gives_rights(entry.mode.unwrap_or(0), &entry.xattrs), "setuid"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    [
        entry.mode.map_or_else(|| "-".to_owned(), mode_text),
        entry.size.map_or_else(|| "-".to_owned(), |size| size.to_string()),
        if entry.kind.is_empty() { "-".to_owned() } else { crate::text::shown(&entry.kind) },
        match &entry.node {
            Some(DraftNode::Directory) => format!("{}/", entry.path),
            Some(DraftNode::Symlink(target)) => format!("{} -> {}", entry.path, Shown(target)),
            Some(DraftNode::File) | None => entry.path.to_string(),
        },
        flags.join(" "),
    ]
}
