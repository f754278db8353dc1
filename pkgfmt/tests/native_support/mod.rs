//! What the tests of the native format share: packages in memory, written and read back.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]

pub mod sections;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::manifest::Script;
use ambar_pkgfmt::native::{self, WriteOptions};
use ambar_pkgfmt::{
    Base, Contents, Digest, Entry, Error, Hashed, Limits, Manifest, Member, Node, PackageFile, Parts,
    PayloadPath, PayloadSink, Problem, Stopped, Translations, VersionOrder,
};

/// A package in memory.
#[derive(Debug, Clone)]
pub struct Package {
    pub manifest: Manifest,
    pub translations: Translations,
    pub scripts: Vec<Vec<u8>>,
    pub contents: Memory,
}

/// The content of each entry.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Vec<Vec<u8>>);

impl Contents for Memory {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0[index].as_slice()))
    }
}

impl Package {
    /// `name` 1.0 with those regular files.
    pub fn new(name: &str, files: &[(&str, &[u8])]) -> Package {
        let mut package = Package {
            manifest: Manifest::new(name, "1.0", VersionOrder::Plain),
            translations: Translations::default(),
            scripts: Vec::new(),
            contents: Memory::default(),
        };
        for (path, content) in files {
            package.add(file(path, content), content);
        }
        package
    }

    /// Adds an entry with its content, in its place.
    pub fn add(&mut self, entry: Entry, content: &[u8]) {
        let at = self.manifest.entries.partition_point(|each| each.path < entry.path);
        self.manifest.entries.insert(at, entry);
        self.contents.0.insert(at, content.to_vec());
    }

    /// Adds a script.
    pub fn script(&mut self, role: &str, content: &[u8]) {
        self.manifest.scripts.push(Script {
            system: "deb".into(),
            role: role.into(),
            target: String::new(),
            file: role.into(),
            size: content.len() as u64,
            digest: Digest::of(content),
        });
        self.scripts.push(content.to_vec());
    }

    pub fn parts(&self) -> Parts<'_> {
        Parts {
            manifest: &self.manifest,
            translations: &self.translations,
            scripts: &self.scripts,
            contents: &self.contents,
        }
    }

    /// The package file.
    pub fn written(&self) -> Vec<u8> {
        self.try_written().unwrap()
    }

    pub fn try_written(&self) -> Result<Vec<u8>, Problem> {
        let mut out = Cursor::new(Vec::new());
        let id = native::write(&self.parts(), &WriteOptions::default(), &mut out)?;
        assert_eq!(id, self.manifest.id().unwrap());
        Ok(out.into_inner())
    }

    /// The delta that makes it out of `old`.
    pub fn delta_from(&self, old: &Package) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        native::write_delta(&old.parts(), &self.parts(), &WriteOptions::default(), &mut out).unwrap();
        out.into_inner()
    }

    pub fn as_base(&self) -> Base {
        let sha1s = vec![None; self.manifest.entries.len()];
        Base { manifest: self.manifest.clone(), sha1s, contents: Box::new(self.contents.clone()) }
    }

    /// The content of each of its objects.
    pub fn objects(&self) -> BTreeMap<Digest, Vec<u8>> {
        let contents = self.contents.0.iter().filter(|content| !content.is_empty());
        contents.map(|content| (Digest::of(content), content.clone())).collect()
    }
}

/// A regular file that is its owner's.
pub fn file(path: &str, content: &[u8]) -> Entry {
    let node = Node::File { size: content.len() as u64, digest: Digest::of(content) };
    Entry::new(PayloadPath::new(path.as_bytes()).unwrap(), node, 0o644)
}

pub fn directory(path: &str) -> Entry {
    Entry::new(PayloadPath::new(path.as_bytes()).unwrap(), Node::Directory, 0o755)
}

pub fn symlink(path: &str, target: &str) -> Entry {
    let node = Node::Symlink { target: target.into() };
    Entry::new(PayloadPath::new(path.as_bytes()).unwrap(), node, 0o777)
}

/// The package that most tests are about: every section, and everything that an entry can be.
pub fn example() -> Package {
    let greeting = "#!/bin/sh\necho hello\n".repeat(4);
    let licence = "Permission is hereby granted, free of charge, to any person. ".repeat(40);
    let mut package = Package::new(
        "hello",
        &[
            ("usr/bin/hello", greeting.as_bytes()),
            ("usr/share/doc/hello/copyright", licence.as_bytes()),
            ("usr/share/doc/hello/empty", b""),
            ("usr/share/hello/a.txt", b"alpha\n"),
            ("usr/share/hello/b.txt", b"beta\n"),
            ("usr/share/hello/copy.txt", b"alpha\n"),
            ("usr/share/licences/hello", licence.as_bytes()),
        ],
    );
    package.add(directory("usr/share/hello"), b"");
    package.add(symlink("usr/bin/hi", "hello"), b"");
    for path in ["usr/lib/one", "usr/lib/two"] {
        let entry =
            Entry { link_group: 1, mode: 0o755, mtime: Some(1_290_211_200), ..file(path, b"linked\n") };
        package.add(entry, b"linked\n");
    }
    package.script("postinst", b"#!/bin/sh\nexit 0\n");
    package.script("prerm", b"");
    package.manifest.summary = "Says hello".into();
    package.translations.summary.insert("tr".into(), "Selam verir".into());
    package
}

/// What a reader handed out, by digest of the entry that it was handed out for.
#[derive(Default)]
pub struct Collected {
    pub contents: BTreeMap<usize, Vec<u8>>,
    /// Digests that are not wanted.
    pub known: Vec<Digest>,
    pub streamed: usize,
}

impl PayloadSink for Collected {
    fn wants(&mut self, _index: usize, digest: &Digest) -> bool {
        !self.known.contains(digest)
    }

    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        assert_eq!(content.len() as u64, member.size);
        assert!(self.contents.insert(member.index, content).is_none(), "a member comes once");
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|_| Stopped)?;
        self.streamed += 1;
        self.small(member, bytes)
    }
}

impl Collected {
    pub fn hashes(&self, entries: usize) -> Vec<Option<Hashed>> {
        let mut hashes = vec![None; entries];
        for (&index, content) in &self.contents {
            let size = content.len() as u64;
            hashes[index] = Some(Hashed { size, digest: Digest::of(content), sha1: None });
        }
        hashes
    }
}

pub fn open(bytes: &[u8]) -> Result<PackageFile, Error> {
    open_with(bytes, &Limits::default())
}

pub fn open_with(bytes: &[u8], limits: &Limits) -> Result<PackageFile, Error> {
    PackageFile::from_bytes(Path::new("a.ambar"), Arc::new(bytes.to_vec()), limits)
}

/// Everything that a package file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Everything {
    pub manifest: Manifest,
    pub translations: Translations,
    pub scripts: Vec<Vec<u8>>,
    pub objects: BTreeMap<Digest, Vec<u8>>,
}

/// Reads a package to its end.
pub fn read(bytes: &[u8]) -> Result<Everything, Error> {
    everything(&open(bytes)?)
}

/// Reads a delta to its end.
pub fn apply(bytes: &[u8], base: Base) -> Result<Everything, Error> {
    let mut package = open(bytes)?;
    package.set_base(base)?;
    everything(&package)
}

pub fn everything(package: &PackageFile) -> Result<Everything, Error> {
    let mut sink = Collected::default();
    let payload = package.read_payload(&mut sink)?;
    let hashes = sink.hashes(package.draft().entries.len());
    let manifest = package.finish(&payload, &hashes)?;
    let objects = sink.contents.into_values().map(|content| (Digest::of(&content), content)).collect();
    Ok(Everything {
        manifest,
        translations: package.translations().clone(),
        scripts: package.scripts().to_vec(),
        objects,
    })
}

impl From<&Package> for Everything {
    fn from(package: &Package) -> Everything {
        Everything {
            manifest: package.manifest.clone(),
            translations: package.translations.clone(),
            scripts: package.scripts.clone(),
            objects: package.objects(),
        }
    }
}

/// Bytes that do not compress, always the same for one seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}
