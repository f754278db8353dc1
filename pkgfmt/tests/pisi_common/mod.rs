//! What the tests of the PiSi writers share: packages that are kept in memory whole.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ambar_pkgfmt::digest::hex;
use ambar_pkgfmt::manifest::{Change, Script};
use ambar_pkgfmt::pisi::{self, Loss, WriteOptions};
use ambar_pkgfmt::relation::{Op, Relation, RelationKind, Subject, Target, TargetKind};
use ambar_pkgfmt::{
    ContentHasher, Contents, Digest, Entry, Error, Format, Hashed, Limits, Manifest, Member, Node,
    PackageFile, Parts, PayloadPath, PayloadSink, Problem, Sha1Digest, Stopped, Translations, VersionOrder,
};

/// A package in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    pub manifest: Manifest,
    pub translations: Translations,
    pub scripts: Vec<Vec<u8>>,
    /// Content of each entry that is a regular file.
    pub contents: Files,
}

/// Content by position of the entry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files(pub Vec<Option<Vec<u8>>>);

impl Contents for Files {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        match self.0.get(index) {
            Some(Some(content)) => Ok(Box::new(content.as_slice())),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Whole {
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            manifest: &self.manifest,
            translations: &self.translations,
            scripts: &self.scripts,
            contents: &self.contents,
        }
    }

    pub fn write(&self, format: Format) -> (Vec<u8>, Vec<Loss>) {
        let mut out = Cursor::new(Vec::new());
        let losses = pisi::write(&self.parts(), format, &WriteOptions { level: 2 }, &mut out).unwrap();
        (out.into_inner(), losses)
    }

    pub fn try_write(&self, format: Format) -> Result<(Vec<u8>, Vec<Loss>), Problem> {
        let mut out = Cursor::new(Vec::new());
        let losses = pisi::write(&self.parts(), format, &WriteOptions { level: 2 }, &mut out)?;
        Ok((out.into_inner(), losses))
    }

    pub fn add_file(&mut self, path: &str, content: &[u8], change: impl FnOnce(&mut Entry)) {
        self.add_raw_file(path.as_bytes(), content, change);
    }

    pub fn add_raw_file(&mut self, path: &[u8], content: &[u8], change: impl FnOnce(&mut Entry)) {
        let node = Node::File { size: content.len() as u64, digest: Digest::of(content) };
        let mut entry = Entry::new(PayloadPath::new(path).unwrap(), node, 0o644);
        (entry.kind, entry.mtime) = ("data".into(), Some(1_350_000_000));
        change(&mut entry);
        self.add(entry, Some(content.to_vec()));
    }

    pub fn add_symlink(&mut self, path: &str, target: &[u8]) {
        let node = Node::Symlink { target: target.to_vec() };
        let mut entry = Entry::new(PayloadPath::new(path.as_bytes()).unwrap(), node, 0o777);
        (entry.kind, entry.mtime) = ("library".into(), Some(1_350_000_000));
        self.add(entry, None);
    }

    pub fn add_directory(&mut self, path: &str) {
        let mut entry = Entry::new(PayloadPath::new(path.as_bytes()).unwrap(), Node::Directory, 0o755);
        (entry.kind, entry.mtime) = ("data".into(), Some(1_350_000_000));
        self.add(entry, None);
    }

    /// Adds an entry at its place.
    fn add(&mut self, entry: Entry, content: Option<Vec<u8>>) {
        let place = self.manifest.entries.partition_point(|other| other.path < entry.path);
        self.manifest.entries.insert(place, entry);
        self.contents.0.insert(place, content);
    }

    /// Removes the entry at a path.
    pub fn remove(&mut self, path: &str) {
        let place = self.manifest.entries.iter().position(|entry| entry.path.to_string() == path).unwrap();
        self.manifest.entries.remove(place);
        self.contents.0.remove(place);
    }

    pub fn add_script(&mut self, system: &str, role: &str, target: &str, file: &str) {
        let content = format!("# {file} {role} {target}\n").into_bytes();
        self.manifest.scripts.push(Script {
            system: system.into(),
            role: role.into(),
            target: target.into(),
            file: file.into(),
            size: content.len() as u64,
            digest: Digest::of(&content),
        });
        self.scripts.push(content);
    }

    /// Numbers hard-link groups by first appearance.
    pub fn renumber(&mut self) {
        let mut numbers = Vec::new();
        for entry in self.manifest.entries.iter_mut().filter(|entry| entry.link_group > 0) {
            let known = numbers.iter().position(|&number| number == entry.link_group);
            let place = known.unwrap_or_else(|| {
                numbers.push(entry.link_group);
                numbers.len() - 1
            });
            entry.link_group = place as u32 + 1;
        }
    }
}

/// Keeps every content.
pub struct Keeping {
    pub hashes: Vec<Option<Hashed>>,
    pub contents: Vec<Option<Vec<u8>>>,
}

impl Keeping {
    pub fn new(entries: usize) -> Keeping {
        Keeping { hashes: vec![None; entries], contents: vec![None; entries] }
    }
}

impl PayloadSink for Keeping {
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        let mut hasher = ContentHasher::new(true);
        hasher.update(&content);
        let (size, digest, sha1) = hasher.finish();
        self.hashes[member.index] = Some(Hashed { size, digest, sha1 });
        self.contents[member.index] = Some(content);
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|_| Stopped)?;
        self.small(member, bytes)
    }
}

/// Reads a package whole.
pub fn whole(path: &Path) -> Result<Whole, Error> {
    whole_from(&PackageFile::open(path, &Limits::default())?)
}

fn whole_from(package: &PackageFile) -> Result<Whole, Error> {
    let mut sink = Keeping::new(package.draft().entries.len());
    let payload = package.read_payload(&mut sink)?;
    let manifest = package.finish(&payload, &sink.hashes)?;
    share_content(&manifest, &mut sink.contents);
    Ok(Whole {
        manifest,
        translations: package.translations().clone(),
        scripts: package.scripts().to_vec(),
        contents: Files(sink.contents),
    })
}

/// The names of a hard-link group have one content, which came with one of them.
pub fn share_content(manifest: &Manifest, contents: &mut [Option<Vec<u8>>]) {
    let groups: Vec<(u32, Vec<u8>)> = manifest
        .entries
        .iter()
        .zip(contents.iter())
        .filter_map(|(entry, content)| Some((entry.link_group, content.clone()?)))
        .filter(|(group, _)| *group > 0)
        .collect();
    for (entry, content) in manifest.entries.iter().zip(contents.iter_mut()) {
        if let (Node::File { digest, .. }, None) = (&entry.node, &content) {
            let found = groups.iter().find(|(_, content)| Digest::of(content) == *digest);
            *content = Some(found.unwrap().1.clone());
        }
    }
}

/// Reads the bytes of a package whole.
pub fn whole_of(bytes: &[u8], name: &str) -> Result<Whole, Error> {
    let bytes = Arc::new(bytes.to_vec());
    whole_from(&PackageFile::from_bytes(Path::new(name), bytes, &Limits::default())?)
}

/// What the independent reader prints of a package, or what it refuses.
pub fn independently(path: &Path, delta: bool) -> Option<String> {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pisi_reader.py");
    let mut command = Command::new("python3");
    command.arg(reader).arg(path).args(delta.then_some("delta"));
    let Ok(output) = command.output() else {
        println!("skipped: no python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The same listing, from what was to be written, of the paths that travel.
pub fn listing(package: &Whole, travels: impl Fn(&str) -> bool) -> String {
    use std::fmt::Write as _;
    let m = &package.manifest;
    let mut text = format!("{} {} {} {}\n", m.name, m.version, m.release, m.arch);
    let mut first = HashMap::new();
    for (index, entry) in package.manifest.entries.iter().enumerate() {
        let content = package.contents.0[index].as_deref().unwrap_or_default();
        let (kind, size, what) = match &entry.node {
            Node::Directory => ("d", 0, "-".into()),
            Node::Symlink { target } => ("l", target.len(), hex(target)),
            Node::File { digest, .. } => {
                assert_eq!(Digest::of(content), *digest);
                let leader = if entry.link_group > 0 {
                    *first.entry(entry.link_group).or_insert(index)
                } else {
                    index
                };
                match leader == index {
                    true => ("f", content.len(), Sha1Digest::of(content).to_string()),
                    false => ("h", content.len(), package.manifest.entries[leader].path.to_string()),
                }
            }
        };
        let (mode, uid, gid, time) = (entry.mode, entry.uid, entry.gid, entry.mtime.unwrap());
        if !travels(&entry.path.to_string()) {
            continue;
        }
        writeln!(text, "{kind} {mode:o} {uid} {gid} {time} {size} {what} {}", entry.path).unwrap();
    }
    text
}

/// A package that says a little of everything that PiSi has.
pub fn hello() -> Whole {
    let mut manifest = Manifest::new("hello", "1.0", VersionOrder::Pisi);
    manifest.release = "3".into();
    manifest.arch = "x86_64".into();
    manifest.distribution = "Pardus".into();
    manifest.distribution_release = "2011".into();
    manifest.source = "hello".into();
    manifest.homepage = "https://example.org/?a=1&b=2".into();
    manifest.packager = "A. Packager <a@example.org>".into();
    manifest.summary = "Says \"hello\" & more".into();
    manifest.description = "Says hello,\r\n  and <nothing> else.".into();
    manifest.licences = vec!["MIT".into()];
    manifest.history = vec![Change {
        release: "3".into(),
        version: "1.0".into(),
        date: "2012-10-14".into(),
        kinds: vec!["security".into(), "critical\tlibrary".into()],
        comment: "New.".into(),
        author: "A. Packager".into(),
        email: "a@example.org".into(),
        actions: Vec::new(),
    }];
    let needs = Target::package("glibc").with(Subject::Version, Op::AtLeast, "2.0");
    let mut service = Target::package("comar(System.Service)");
    service.kind = TargetKind::Capability;
    manifest.relations =
        vec![Relation::one(RelationKind::Depends, needs), Relation::one(RelationKind::Provides, service)];
    let mut whole = Whole {
        manifest,
        translations: Translations {
            summary: [("tr".into(), "Merhaba".into())].into(),
            description: [("de".into(), "Hallo".into())].into(),
        },
        scripts: Vec::new(),
        contents: Files::default(),
    };
    whole.add_script("comar", "System.Service", "hello", "service.py");
    whole.add_file("usr/bin/hello", b"#!/bin/sh\necho hello\n", |entry| entry.mode = 0o755);
    whole
}
