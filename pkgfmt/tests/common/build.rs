//! Builds package files, honest ones and others.

use std::io::{Cursor, Write};

use ambar_pkgfmt::Sha1Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub const METADATA: &str = r#"<PISI>
    <Source>
        <Name>hello</Name>
        <Packager><Name>A. Packager</Name><Email>a@example.org</Email></Packager>
    </Source>
    <Package>
        <Name>hello</Name>
        <Summary xml:lang="en">Says hello</Summary>
        <Description>Says hello, and nothing else.</Description>
        <License>MIT</License>
        <RuntimeDependencies><Dependency versionFrom="2.0">glibc</Dependency></RuntimeDependencies>
        <History>
            <Update release="3">
                <Date>2012-10-14</Date><Version>1.0</Version><Comment>New.</Comment>
                <Name>A. Packager</Name><Email>a@example.org</Email>
            </Update>
        </History>
    </Package>
</PISI>
"#;

/// A `<File>` of files.xml, complete.
pub fn listed(path: &str, content: &[u8], mode: &str) -> String {
    let (size, hash) = (content.len(), Sha1Digest::of(content));
    format!(
        "<File><Path>{path}</Path><Type>data</Type><Size>{size}</Size><Uid>0</Uid><Gid>0</Gid>\
         <Mode>{mode}</Mode><Hash>{hash}</Hash></File>"
    )
}

/// files.xml with those `<File>`s.
pub fn files_xml(files: &[String]) -> String {
    format!("<Files>{}</Files>", files.concat())
}

/// A tar member; `link` is the target of links.
pub fn tar_member(kind: tar::EntryType, path: &str, link: &str, content: &[u8], mode: u32) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    // The builder of the `tar` crate refuses the names that matter here.
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_350_000_000);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub fn file(path: &str, content: &[u8]) -> Vec<u8> {
    tar_member(tar::EntryType::Regular, path, "", content, 0o644)
}

pub fn symlink(path: &str, target: &str) -> Vec<u8> {
    tar_member(tar::EntryType::Symlink, path, target, b"", 0o777)
}

pub fn hard_link(path: &str, target: &str) -> Vec<u8> {
    tar_member(tar::EntryType::Link, path, target, b"", 0o644)
}

pub fn directory(path: &str) -> Vec<u8> {
    tar_member(tar::EntryType::Directory, path, "", b"", 0o755)
}

/// A whole archive: the members and the end mark.
pub fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A package file under construction.
pub struct Zip(ZipWriter<Cursor<Vec<u8>>>);

impl Zip {
    pub fn new() -> Zip {
        Zip(ZipWriter::new(Cursor::new(Vec::new())))
    }

    /// Adds a stored member.
    pub fn with(mut self, name: &str, content: &[u8]) -> Zip {
        self.0.start_file(name, options()).unwrap();
        self.0.write_all(content).unwrap();
        self
    }

    /// Adds a deflated member.
    pub fn with_deflated(mut self, name: &str, content: &[u8]) -> Zip {
        let options = options().compression_method(CompressionMethod::Deflated);
        self.0.start_file(name, options).unwrap();
        self.0.write_all(content).unwrap();
        self
    }

    /// Adds a member of that Unix type and those permissions.
    pub fn with_mode(mut self, name: &str, content: &[u8], mode: u32) -> Zip {
        // The writer keeps permissions only; the type goes to the upper half as it is.
        let options = options().external_attributes(mode << 16);
        self.0.start_file(name, options).unwrap();
        self.0.write_all(content).unwrap();
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.0.finish().unwrap().into_inner()
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o644)
}

/// A package with those `<File>`s and those tar members, packed with gzip.
pub fn package(files: &[String], members: &[Vec<u8>]) -> Vec<u8> {
    Zip::new()
        .with_deflated("metadata.xml", METADATA.as_bytes())
        .with_deflated("files.xml", files_xml(files).as_bytes())
        .with("install.tar.gz", &gzip(&tar(members)))
        .finish()
}

/// The honest package that the others are measured against.
pub fn honest() -> Vec<u8> {
    package(
        &[
            listed("usr/bin/hello", b"#!/bin/sh\necho hello\n", "0755"),
            listed("usr/share/hello/a", b"content", "0644"),
            listed("usr/share/hello/b", b"a", "0777"),
            listed("usr/share/hello/c", b"content", "0644"),
        ],
        &[
            tar_member(tar::EntryType::Regular, "usr/bin/hello", "", b"#!/bin/sh\necho hello\n", 0o755),
            file("usr/share/hello/a", b"content"),
            symlink("usr/share/hello/b", "a"),
            hard_link("usr/share/hello/c", "usr/share/hello/a"),
        ],
    )
}
