//! Builds package files for the tests, honest ones and others.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use ambar::pkgfmt::Sha1Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A package under construction: what its file list says, and what its payload holds.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) release: u32,
    /// More children of `<Package>`.
    pub(crate) more: String,
    /// `<File>` elements.
    pub(crate) listed: Vec<String>,
    /// Tar members, whole.
    pub(crate) members: Vec<Vec<u8>>,
}

impl Package {
    pub(crate) fn new(name: &str, version: &str, release: u32) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            release,
            more: String::new(),
            listed: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Adds a file, listed as it is.
    pub(crate) fn file(self, path: &str, content: &[u8]) -> Package {
        self.file_of("data", path, content, 0o644)
    }

    /// Adds a file with a type and a mode.
    pub(crate) fn file_of(self, kind: &str, path: &str, content: &[u8], mode: u32) -> Package {
        let listed = listed(kind, path, content, mode);
        self.listed(listed).member(tar_member(tar::EntryType::Regular, path, "", content, mode))
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Package {
        let listed = listed("data", path, target.as_bytes(), 0o777);
        self.listed(listed).member(tar_member(tar::EntryType::Symlink, path, target, b"", 0o777))
    }

    /// Adds another name of a file that is there already; `content` is what that file holds.
    pub(crate) fn hard_link(self, path: &str, target: &str, content: &[u8]) -> Package {
        let listed = listed("data", path, content, 0o644);
        self.listed(listed).member(tar_member(tar::EntryType::Link, path, target, b"", 0o644))
    }

    pub(crate) fn directory(self, path: &str) -> Package {
        let listed = format!(
            "<File><Path>{path}</Path><Type>data</Type><Uid>0</Uid><Gid>0</Gid><Mode>0755</Mode></File>"
        );
        self.listed(listed).member(tar_member(tar::EntryType::Directory, path, "", b"", 0o755))
    }

    /// Adds a `<File>` as it is written here.
    pub(crate) fn listed(mut self, listed: String) -> Package {
        self.listed.push(listed);
        self
    }

    /// Adds a tar member as it is.
    pub(crate) fn member(mut self, member: Vec<u8>) -> Package {
        self.members.push(member);
        self
    }

    pub(crate) fn metadata_xml(&self) -> String {
        let Package { name, version, release, more, .. } = self;
        format!(
            "<PISI><Source><Name>{name}</Name><Packager><Name>A. Packager</Name>\
             <Email>a@example.org</Email></Packager></Source>\
             <Package><Name>{name}</Name><Summary>{name}, for a test</Summary>\
             <Description>{name}, for a test.</Description><License>MIT</License>{more}\
             <History><Update release=\"{release}\"><Date>2012-10-14</Date><Version>{version}</Version>\
             <Comment>New.</Comment><Name>A. Packager</Name><Email>a@example.org</Email></Update></History>\
             <Distribution>Example</Distribution><DistributionRelease>1</DistributionRelease>\
             <Architecture>x86_64</Architecture><PackageFormat>1.2</PackageFormat></Package></PISI>"
        )
    }

    pub(crate) fn files_xml(&self) -> String {
        format!("<Files>{}</Files>", self.listed.concat())
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        gzip(&tar(&self.members))
    }

    /// The package file's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        Zip::new()
            .with_deflated("metadata.xml", self.metadata_xml().as_bytes())
            .with_deflated("files.xml", self.files_xml().as_bytes())
            .with("install.tar.gz", &self.payload())
            .finish()
    }

    /// Writes the package into a directory.
    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        let file = directory.join(format!("{}-{}-{}.pisi", self.name, self.version, self.release));
        std::fs::write(&file, self.bytes()).unwrap();
        file
    }
}

/// A `<File>` with everything that PiSi writes.
pub(crate) fn listed(kind: &str, path: &str, content: &[u8], mode: u32) -> String {
    let (size, hash) = (content.len(), Sha1Digest::of(content));
    format!(
        "<File><Path>{path}</Path><Type>{kind}</Type><Size>{size}</Size><Uid>0</Uid><Gid>0</Gid>\
         <Mode>{mode:04o}</Mode><Hash>{hash}</Hash></File>"
    )
}

/// A tar member; `link` is the target of links.
pub(crate) fn tar_member(kind: tar::EntryType, path: &str, link: &str, content: &[u8], mode: u32) -> Vec<u8> {
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

/// A whole archive: the members and the end mark.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip under construction.
pub(crate) struct Zip(ZipWriter<Cursor<Vec<u8>>>);

impl Zip {
    pub(crate) fn new() -> Zip {
        Zip(ZipWriter::new(Cursor::new(Vec::new())))
    }

    /// Adds a stored member.
    pub(crate) fn with(self, name: &str, content: &[u8]) -> Zip {
        self.add(name, content, CompressionMethod::Stored)
    }

    /// Adds a deflated member.
    pub(crate) fn with_deflated(self, name: &str, content: &[u8]) -> Zip {
        self.add(name, content, CompressionMethod::Deflated)
    }

    fn add(mut self, name: &str, content: &[u8], method: CompressionMethod) -> Zip {
        let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o644);
        self.0.start_file(name, options).unwrap();
        self.0.write_all(content).unwrap();
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.finish().unwrap().into_inner()
    }
}

/// A package with enough of everything for a transaction to have many moments: files of one content, links,
/// configuration, and files in the machine's directories. Each version changes a part.
pub(crate) fn many(version: u32) -> Package {
    let mut package = Package::new("many", &format!("{version}.0"), version);
    for number in 0..40 {
        // A third changes with the version, and some files come only later or only once.
        let changes = if number % 3 == 0 { version } else { 0 };
        if (number % 10 == 9 && version == 1) || (number % 10 == 8 && version > 1) {
            continue;
        }
        let content = format!("file {number}, as of {changes}\n").repeat(1 + number * 40);
        package = package.file(&format!("usr/share/many/{}/{number}", number % 4), content.as_bytes());
    }
    let greeting = b"the same under two names\n";
    let version = version.to_string();
    package
        .file_of("executable", "usr/bin/many", format!("#!/bin/sh\necho {version}\n").as_bytes(), 0o755)
        .symlink("usr/bin/more", "many")
        .file("usr/share/many/one", greeting)
        .hard_link("usr/share/many/other", "usr/share/many/one", greeting)
        .file("usr/share/many/empty", b"")
        .file_of("config", "etc/many.conf", b"[many]\nkept = yes\n", 0o644)
        .file_of("config", "etc/many/version", format!("{version}\n").as_bytes(), 0o644)
        .file("var/lib/many/state", format!("state of {version}\n").as_bytes())
        .file("var/lib/many/fixed", b"fixed\n")
        .directory("var/log/many")
}
