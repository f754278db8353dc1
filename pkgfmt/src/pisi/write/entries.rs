//! Entries as files.xml and tar can say them, and files.xml itself.

use crate::digest::Sha1Digest;
use crate::manifest::{Entry, Node};

use super::loss::{Losses, Lost};
use super::xml::{Xml, survives};

/// The type that marks configuration.
const CONFIG: &str = "config";
/// The type that PiSi gives what it knows nothing about.
const DATA: &str = "data";
/// The time of an entry that has none, in seconds since 1970.
const NO_TIME: i64 = 1;

/// The entries as they read back, in the same order.
pub(super) fn sayable(entries: &[Entry], losses: &mut Losses) -> Vec<Entry> {
    entries.iter().map(|entry| sayable_entry(entry, losses)).collect()
}

fn sayable_entry(given: &Entry, losses: &mut Losses) -> Entry {
    let mut entry = given.clone();
    let mut lost = |what| losses.add_path(what, &given.path);
    if std::str::from_utf8(given.path.as_bytes()).map_or(true, |path| !survives(path)) {
        lost(Lost::Path);
    }
    if entry.owner_names.take().is_some() {
        lost(Lost::OwnerNames);
    }
    if !entry.xattrs.is_empty() {
        entry.xattrs.clear();
        lost(Lost::Attributes);
    }
    if entry.mtime.is_none() {
        entry.mtime = Some(NO_TIME);
        lost(Lost::Time);
    }
    if !survives(&entry.kind) {
        entry.kind = super::xml::cleaned(&entry.kind);
        lost(Lost::Text);
    }
    match (entry.config, entry.kind.as_str()) {
        (true, CONFIG) => {}
        (true, _) => {
            entry.kind = CONFIG.into();
            lost(Lost::ConfigKind);
        }
        (false, CONFIG) => {
            entry.kind = DATA.into();
            lost(Lost::NotConfig);
        }
        (false, "") => {
            entry.kind = DATA.into();
            lost(Lost::Kind);
        }
        (false, _) => {}
    }
    entry
}

/// files.xml; `sha1s` has the SHA-1 of each regular file's content.
pub(super) fn files_xml(entries: &[Entry], sha1s: &[Option<Sha1Digest>]) -> String {
    let mut xml = Xml::new();
    xml.open("Files", &[]);
    for (entry, sha1) in entries.iter().zip(sha1s) {
        let (size, sha1) = match &entry.node {
            Node::Directory => (0, None),
            Node::File { size, .. } => (*size, *sha1),
            Node::Symlink { target } => (target.len() as u64, Some(Sha1Digest::of(target))),
        };
        xml.open("File", &[]);
        xml.element("Path", &[], &String::from_utf8_lossy(entry.path.as_bytes()));
        xml.element("Type", &[], &entry.kind);
        xml.element("Size", &[], &size.to_string());
        xml.element("Uid", &[], &entry.uid.to_string());
        xml.element("Gid", &[], &entry.gid.to_string());
        xml.element("Mode", &[], &format!("0{:03o}", entry.mode));
        if let Some(sha1) = sha1 {
            xml.element("Hash", &[], &sha1.to_string());
        }
        if entry.permanent {
            xml.element("Permanent", &[], "true");
        }
        xml.close();
    }
    xml.finish()
}
