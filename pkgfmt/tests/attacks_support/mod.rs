//! One payload in every container that has a tar.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::{Base, Contents, Limits, Manifest, PackageFile, Problem, VersionOrder};
use tar::EntryType;

use crate::common::HashingSink;
use crate::common::build::*;
use crate::common::{deb, entropy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    Pisi,
    PisiDelta,
    Deb,
    Entropy,
}

pub const ALL: [Container; 4] = [Container::Pisi, Container::PisiDelta, Container::Deb, Container::Entropy];

impl Container {
    /// A package of those tar members; where there is a file list, it says those paths and nothing about them.
    pub fn packed(self, listed: &[&str], members: &[Vec<u8>]) -> Vec<u8> {
        self.packed_tar(listed, &tar(members))
    }

    /// The same, of an archive.
    pub fn packed_tar(self, listed: &[&str], archive: &[u8]) -> Vec<u8> {
        let files: Vec<String> =
            listed.iter().map(|path| format!("<File><Path>{path}</Path></File>")).collect();
        match self {
            Container::Pisi | Container::PisiDelta => Zip::new()
                .with_deflated("metadata.xml", METADATA.as_bytes())
                .with_deflated("files.xml", files_xml(&files).as_bytes())
                .with("install.tar.gz", &gzip(archive))
                .finish(),
            Container::Deb => deb::deb_of(&deb::control_tar(&[("control", deb::CONTROL)]), archive),
            Container::Entropy => {
                entropy::assemble(&entropy::bzip2(archive), &entropy::xpak(&entropy::VALUES))
            }
        }
    }

    fn name(self) -> &'static Path {
        Path::new(match self {
            Container::Pisi => "hello-1.0-3-p11-x86_64.pisi",
            Container::PisiDelta => "hello-2-3-p11-x86_64.delta.pisi",
            Container::Deb => "hello.deb",
            Container::Entropy => "hello.tbz2",
        })
    }
}

struct Nothing;

impl Contents for Nothing {
    fn open(&self, _: usize) -> std::io::Result<Box<dyn Read + '_>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Reads a package to its end; a delta against a base that has no files.
pub fn read(container: Container, bytes: &[u8], limits: &Limits) -> Result<Manifest, Problem> {
    let read = || {
        let mut package = PackageFile::from_bytes(container.name(), Arc::new(bytes.to_vec()), limits)?;
        if container == Container::PisiDelta {
            let mut manifest = Manifest::new("hello", "1.0", VersionOrder::Pisi);
            manifest.release = "2".into();
            package.set_base(Base { manifest, sha1s: Vec::new(), contents: Box::new(Nothing) })?;
        }
        package.list()?;
        let mut sink = HashingSink::new(package.draft());
        let payload = package.read_payload(&mut sink)?;
        package.finish(&payload, &sink.hashes)
    };
    read().map_err(|error: ambar_pkgfmt::Error| error.problem)
}

/// The members are refused in every container, and the reason says `words`; the last reason.
#[track_caller]
pub fn refused(listed: &[&str], members: &[Vec<u8>], words: &str) -> String {
    refused_tar(listed, &tar(members), words)
}

/// The same, of an archive.
#[track_caller]
pub fn refused_tar(listed: &[&str], archive: &[u8], words: &str) -> String {
    let mut reason = String::new();
    for container in ALL {
        match read(container, &container.packed_tar(listed, archive), &Limits::default()) {
            Ok(manifest) => panic!("{container:?} took it: {:?}", paths(&manifest)),
            Err(problem) => reason = problem.to_string(),
        }
        assert!(reason.contains(words), "{container:?}: '{reason}' does not say '{words}'");
    }
    reason
}

/// The members are taken in every container.
#[track_caller]
pub fn taken(listed: &[&str], members: &[Vec<u8>]) -> Vec<(Container, Manifest)> {
    let mut manifests = Vec::new();
    for container in ALL {
        match read(container, &container.packed(listed, members), &Limits::default()) {
            Ok(manifest) => manifests.push((container, manifest)),
            Err(problem) => panic!("{container:?} refuses it: {problem}"),
        }
    }
    manifests
}

pub fn paths(manifest: &Manifest) -> Vec<String> {
    manifest.entries.iter().map(|entry| entry.path.to_string()).collect()
}

/// An extension header with that content.
pub fn extension(kind: EntryType, content: &[u8]) -> Vec<u8> {
    tar_member(kind, "extension", "", content, 0o644)
}

pub fn long_name(name: &[u8]) -> Vec<u8> {
    extension(EntryType::GNULongName, &[name, b"\0"].concat())
}

pub fn long_link(target: &[u8]) -> Vec<u8> {
    extension(EntryType::GNULongLink, &[target, b"\0"].concat())
}

/// One pax record, whose length counts its own digits.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

/// The pax header with those records.
pub fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = records.iter().map(|(key, value)| record(key, value)).collect();
    extension(EntryType::XHeader, &records.concat())
}

/// A member with other bytes at an offset of its header, whose checksum is right.
pub fn patched(mut member: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    member[at..at + bytes.len()].copy_from_slice(bytes);
    let mut header = tar::Header::from_byte_slice(&member[..512]).clone();
    header.set_cksum();
    [header.as_bytes(), &member[512..]].concat()
}

/// A regular file whose header has those bytes for its size; no content follows.
pub fn sized(path: &str, size: &[u8; 12]) -> Vec<u8> {
    patched(file(path, b""), 124, size)
}

/// A number in base 256, as a field of twelve bytes.
pub fn base_256(number: u128) -> [u8; 12] {
    let mut field = [0; 12];
    field.copy_from_slice(&number.to_be_bytes()[4..]);
    field[0] |= 0x80;
    field
}
