//! What the tests of the readers share: a receiver that hashes in memory, and reading a package to its end.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stdout, clippy::new_without_default)]

pub mod build;
pub mod deb;
pub mod entropy;

use std::io::Read;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::{
    ContentHasher, Draft, Error, Hashed, Limits, Manifest, Member, PackageFile, PayloadSink, Stopped,
};

/// Hashes every member and keeps nothing else.
pub struct HashingSink {
    /// One place for each entry of the draft.
    pub hashes: Vec<Option<Hashed>>,
    /// Members in the order in which they came.
    pub members: Vec<Member>,
}

impl HashingSink {
    pub fn new(draft: &Draft) -> Self {
        HashingSink { hashes: vec![None; draft.entries.len()], members: Vec::new() }
    }

    fn take(&mut self, member: Member, hasher: ContentHasher) {
        let (size, digest, sha1) = hasher.finish();
        assert_eq!(size, member.size, "a member is as long as its header says");
        let earlier = self.hashes[member.index].replace(Hashed { size, digest, sha1 });
        assert!(earlier.is_none(), "a member comes once");
        self.members.push(member);
    }
}

impl PayloadSink for HashingSink {
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        let mut hasher = ContentHasher::new(true);
        hasher.update(&content);
        self.take(member, hasher);
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        let mut hasher = ContentHasher::new(true);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => hasher.update(&buffer[..read]),
                Err(_) => return Err(Stopped),
            }
        }
        self.take(member, hasher);
        Ok(())
    }
}

/// Reads a package to its end.
pub fn read(path: &Path) -> Result<Manifest, Error> {
    read_with(path, &Limits::default())
}

/// Reads a package to its end, within limits.
pub fn read_with(path: &Path, limits: &Limits) -> Result<Manifest, Error> {
    let mut package = PackageFile::open(path, limits)?;
    package.list()?;
    let mut sink = HashingSink::new(package.draft());
    let payload = package.read_payload(&mut sink)?;
    package.finish(&payload, &sink.hashes)
}

/// The packages and other data that may lie beside the repository.
pub fn shared_data() -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    if path.is_dir() {
        return Some(path.into());
    }
    println!("skipped: no ../shared/data");
    None
}

/// Every PiSi package below `directory`, deltas aside, sorted.
pub fn packages(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                directories.push(path);
            } else if (name.ends_with(".pisi") || name.ends_with(".eopkg")) && !name.contains(".delta.") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
