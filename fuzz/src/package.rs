//! What the targets of all package formats share: small limits, a receiver, and a package read to its end.

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::{
    Base, ContentHasher, Contents, Digest, Draft, Error, Hashed, Limits, Manifest, Member, Node, PackageFile,
    Parts, PayloadSink, Sha1Digest, Stopped, Translations, check, native,
};

/// The bytes that end a part of an input that is made of several. XML has none of them, a tar hardly.
pub const SEPARATOR: &[u8] = b"\xff|\xff";

/// Most bytes that come out of a decoder before a target has seen enough.
pub const ENOUGH: u64 = 4 << 20;

/// Limits under which no input takes long, and which are reached by small ones.
pub fn limits() -> Limits {
    Limits {
        container_members: 64,
        entries: 256,
        metadata_bytes: 256 << 10,
        file_list_bytes: 256 << 10,
        script_bytes: 16 << 10,
        metadata_fields: 200,
        relation_targets: 500,
        manifest_bytes: 256 << 10,
        index_bytes: 64 << 10,
        repository_index_bytes: 256 << 10,
        database_bytes: 256 << 10,
        database_steps: 50_000,
        dependency_depth: 8,
        xml_elements: 5_000,
        xml_depth: 16,
        payload_bytes: ENOUGH,
        ratio: 500,
        ratio_floor: 1 << 20,
        decoder_memory: 16 << 20,
        // So that both ways of handing content on are taken.
        small_file: 256,
        ..Limits::default()
    }
}

/// The next part of `input`, which is left at the one after it.
pub fn part<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let length = input.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let (part, rest) = match length {
        Some(length) => (&input[..length], &input[length + SEPARATOR.len()..]),
        None => (*input, &[][..]),
    };
    *input = rest;
    part
}

/// The first byte of `input` (0 where there is none), which is left at the second.
pub fn byte(input: &mut &[u8]) -> u8 {
    match input.split_first() {
        Some((&first, rest)) => {
            *input = rest;
            first
        }
        None => 0,
    }
}

/// Hashes every member, as the store does, and checks what the reader promises about members.
#[derive(Default)]
struct Sink {
    hashes: Vec<Option<Hashed>>,
    /// Every content, where a base or a writer will want them.
    kept: Option<HashMap<Digest, Vec<u8>>>,
    /// Contents that are refused when a reader asks.
    unwanted: usize,
    stop_at: Option<usize>,
    members: usize,
}

impl Sink {
    fn take(&mut self, member: Member, content: &[u8]) {
        let mut hasher = ContentHasher::new(true);
        hasher.update(content);
        let (size, digest, sha1) = hasher.finish();
        if let Some(kept) = &mut self.kept {
            kept.insert(digest, content.to_vec());
        }
        assert_eq!(size, member.size, "a member is as long as its header says");
        let earlier = self.hashes[member.index].replace(Hashed { size, digest, sha1 });
        assert!(earlier.is_none(), "a member comes once");
    }

    fn counted(&mut self) -> Result<(), Stopped> {
        self.members += 1;
        if self.stop_at == Some(self.members) { Err(Stopped) } else { Ok(()) }
    }
}

impl PayloadSink for Sink {
    fn wants(&mut self, index: usize, _: &Digest) -> bool {
        index >= self.unwanted
    }

    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        assert!(content.len() as u64 <= limits().small_file);
        self.counted()?;
        self.take(member, &content);
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        self.counted()?;
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|_| Stopped)?;
        self.take(member, &bytes);
        Ok(())
    }
}

/// Opens `bytes` as the package file `name` and reads it to its end; where it is a package, everything that a
/// manifest promises is looked at.
pub fn read(name: &str, bytes: &[u8]) -> Result<Manifest, Error> {
    let mut package = open(name, bytes)?;
    let manifest = finish(&mut package)?;
    if !package.format().has_file_list() {
        // With its own sums looked at, too.
        assert!(check(&mut package, &|| false).is_ok_and(|again| again == manifest) || has_sums(&package));
    }
    save(name, &mut package, &manifest);
    Ok(manifest)
}

fn has_sums(package: &PackageFile) -> bool {
    package.md5_check().map_or(true, |check| check.listed() > 0)
}

/// Reads the native package `base`, gives it to the delta `name`, and reads that to its end.
pub fn apply(base: &[u8], name: &str, delta: &[u8]) -> Result<Manifest, Error> {
    let mut delta = open(name, delta)?;
    let base = open("base.ambar", base).and_then(|mut base| contents(&mut base))?;
    let needed = delta.base_needed();
    let sha1s = base.sha1s.clone();
    let (manifest, contents) = (base.manifest.clone(), Box::new(base));
    delta.set_base(Base { manifest, sha1s, contents })?;
    assert!(needed.is_some(), "what takes a base needed one");
    finish(&mut delta)
}

/// A package's manifest and content in memory.
struct Whole {
    manifest: Manifest,
    sha1s: Vec<Option<Sha1Digest>>,
    contents: HashMap<Digest, Vec<u8>>,
}

impl Contents for Whole {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        match self.manifest.entries.get(index).map(|entry| &entry.node) {
            Some(Node::File { size: 0, .. }) => Ok(Box::new(io::empty())),
            Some(Node::File { digest, .. }) => {
                Ok(Box::new(self.contents.get(digest).ok_or(io::ErrorKind::NotFound)?.as_slice()))
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn contents(package: &mut PackageFile) -> Result<Whole, Error> {
    package.list()?;
    let hashes = vec![None; package.draft().entries.len()];
    let mut sink = Sink { hashes, kept: Some(HashMap::new()), ..Sink::default() };
    let payload = package.read_payload(&mut sink)?;
    let manifest = package.finish(&payload, &sink.hashes)?;
    // Every second hash is left for the reader to find out.
    let sha1s = sink.hashes.iter().enumerate();
    let sha1s = sha1s.map(|(index, hashed)| hashed.filter(|_| index % 2 == 0)?.sha1).collect();
    Ok(Whole { manifest, sha1s, contents: sink.kept.unwrap_or_default() })
}

/// Opens `bytes` as the package file `name`.
pub fn open(name: &str, bytes: &[u8]) -> Result<PackageFile, Error> {
    let package = PackageFile::from_bytes(Path::new(name), Arc::new(bytes.to_vec()), &limits());
    // Every refusal can be shown.
    package.inspect_err(|error| assert!(!error.problem.to_string().contains(|c: char| c.is_control())))
}

fn finish(package: &mut PackageFile) -> Result<Manifest, Error> {
    package.list()?;
    package.list().expect("a list that is there stays there");
    check_draft(package.draft());
    assert_eq!(package.scripts().len(), package.draft().manifest.scripts.len());
    let texts = package.translations();
    assert_eq!(Translations::decode(&texts.encode()).as_ref(), Ok(texts));
    let _ = package.signers();
    let entries = package.draft().entries.len();
    let mut sink = Sink { hashes: vec![None; entries], ..Sink::default() };
    let payload = package.read_payload(&mut sink)?;
    let manifest = package.finish(&payload, &sink.hashes)?;
    let encoded = manifest.encode().expect("what a reader finishes is a valid manifest");
    assert!(Manifest::decode(&encoded).as_ref() == Ok(&manifest), "an encoding reads back as what it was");
    // Reading does not change a package, and a receiver that stops at a member, or wants none, is heard.
    let mut again = Sink { hashes: vec![None; entries], stop_at: Some(sink.members), ..Sink::default() };
    assert!(sink.members == 0 || package.read_payload(&mut again).is_err(), "a receiver that stops is heard");
    let mut half = Sink { hashes: vec![None; entries], unwanted: entries / 2, ..Sink::default() };
    let payload = package.read_payload(&mut half).expect("a package reads twice");
    assert!(package.finish(&payload, &sink.hashes).is_ok_and(|again| again == manifest));
    Ok(manifest)
}

fn check_draft(draft: &Draft) {
    assert!(draft.entries.len() <= limits().entries);
    assert!(
        draft.entries.is_sorted_by(|a, b| a.path < b.path),
        "entries are sorted, and each path comes once"
    );
    let _ = draft.declared_size();
}

/// Keeps what a package is made into as seeds of the targets that read such things, where `fuzz/seed` wants that.
fn save(name: &str, package: &mut PackageFile, manifest: &Manifest) {
    let Some(folder) = std::env::var_os("FUZZ_SAVE") else { return };
    let (translations, scripts) = (package.translations().clone(), package.scripts().to_vec());
    let Ok(whole) = contents(package) else { return };
    let name = format!("seed-{}-{}-{}", name, manifest.name, manifest.full_version()).replace('/', "-");
    let write = |target: &str, bytes: &[u8]| {
        std::fs::write(Path::new(&folder).join(target).join(&name), bytes)
            .expect("the corpus can be written to");
    };
    write("manifest", &manifest.encode().expect("it is valid"));
    write("translations", &translations.encode());
    let parts = Parts { manifest, translations: &translations, scripts: &scripts, contents: &whole };
    let mut file = Cursor::new(Vec::new());
    native::write(&parts, &native::WriteOptions::default(), &mut file).expect("every package can be native");
    let file = file.into_inner();
    write("ambar_parts", &crate::native::take_apart(&file).expect("it is a native package"));
    write("ambar", &file);
}

/// Of a native package and another package: the seed of a native delta that leads from one to the other.
pub fn make_deltas(mut data: &[u8]) {
    let Some(folder) = std::env::var_os("FUZZ_SAVE") else { return };
    let base = part(&mut data);
    let read = |bytes: &[u8]| {
        let mut package = open("a.pisi", bytes)?;
        Ok::<_, Error>((contents(&mut package)?, package.translations().clone(), package.scripts().to_vec()))
    };
    let (Ok(old), Ok(new)) = (read(base), read(data)) else { return };
    let [old, new] = [&old, &new].map(|(whole, translations, scripts)| Parts {
        manifest: &whole.manifest,
        translations,
        scripts,
        contents: whole,
    });
    let mut file = Cursor::new(Vec::new());
    native::write_delta(&old, &new, &native::WriteOptions::default(), &mut file)
        .expect("a delta can be made");
    let delta = crate::native::take_apart(&file.into_inner()).expect("it is a native package");
    let name = format!("ambar_delta/seed-{}-{}", new.manifest.name, new.manifest.full_version());
    let seed = [base, SEPARATOR, &delta].concat();
    std::fs::write(Path::new(&folder).join(name), seed).expect("the corpus can be written to");
}
