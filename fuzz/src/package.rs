//! What the targets of all package formats share: small limits, a receiver, and a package read to its end.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::{
    ContentHasher, Draft, Error, Hashed, Limits, Manifest, Member, PackageFile, PayloadSink, Stopped,
};

/// The bytes that end a part of an input that is made of several. XML has none of them, a tar hardly.
const SEPARATOR: &[u8] = b"\xff|\xff";

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
struct Sink {
    hashes: Vec<Option<Hashed>>,
    stop_at: Option<usize>,
    members: usize,
}

impl Sink {
    fn take(&mut self, member: Member, hasher: ContentHasher) {
        let (size, digest, sha1) = hasher.finish();
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
    fn small(&mut self, member: Member, content: Vec<u8>) -> Result<(), Stopped> {
        assert!(content.len() as u64 <= limits().small_file);
        self.counted()?;
        let mut hasher = ContentHasher::new(true);
        hasher.update(&content);
        self.take(member, hasher);
        Ok(())
    }

    fn large(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Stopped> {
        self.counted()?;
        let mut hasher = ContentHasher::new(true);
        let mut buffer = [0; 4096];
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

/// Opens `bytes` as the package file `name` and reads it to its end; where it is a package, everything that a
/// manifest promises is looked at.
pub fn read(name: &str, bytes: &[u8]) -> Result<Manifest, Error> {
    let mut package = open(name, bytes)?;
    package.list()?;
    let manifest = finish(&package)?;
    let encoded = manifest.encode().expect("what a reader finishes is a valid manifest");
    let decoded = Manifest::decode(&encoded).expect("an encoding reads back");
    assert!(decoded == manifest, "an encoding reads back as what it was");
    save(&package, &encoded);
    // Reading does not change a package.
    assert!(finish(&package).is_ok_and(|again| again == manifest), "a package reads twice as the same");
    Ok(manifest)
}

/// Opens `bytes` as the package file `name`.
pub fn open(name: &str, bytes: &[u8]) -> Result<PackageFile, Error> {
    let package = PackageFile::from_bytes(Path::new(name), Arc::new(bytes.to_vec()), &limits());
    // Every refusal can be shown.
    package.inspect_err(|error| assert!(!error.to_string().contains(|c: char| c.is_control())))
}

fn finish(package: &PackageFile) -> Result<Manifest, Error> {
    check_draft(package.draft());
    let mut sink = Sink { hashes: vec![None; package.draft().entries.len()], stop_at: None, members: 0 };
    let payload = package.read_payload(&mut sink)?;
    let members = sink.members;
    let manifest = package.finish(&payload, &sink.hashes)?;
    // A receiver may stop at any member, and hears that it was so.
    sink.hashes.fill(None);
    (sink.stop_at, sink.members) = (Some(members), 0);
    let stopped = package.read_payload(&mut sink);
    assert!(members == 0 || stopped.is_err(), "a receiver that stops is heard");
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
fn save(package: &PackageFile, manifest: &[u8]) {
    let Some(folder) = std::env::var_os("FUZZ_SAVE") else { return };
    let name = format!("seed-{}", package.draft().manifest.name);
    let write =
        |target: &str, bytes: &[u8]| std::fs::write(Path::new(&folder).join(target).join(&name), bytes);
    write("manifest", manifest).expect("the corpus can be written to");
    write("translations", &package.translations().encode()).expect("the corpus can be written to");
}
