//! Native packages from outside: what is written is what is read, the same bytes whatever the machine, and no
//! more is read than is asked for.
#![allow(clippy::unwrap_used)]

mod native_support;

use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ambar_pkgfmt::native::{self, FRAME_BYTES, NativeFile, WriteOptions};
use ambar_pkgfmt::{
    Contents, Digest, Entry, Format, Limits, Manifest, Node, PackageFile, PayloadPath, Problem,
};
use native_support::*;
use proptest::prelude::*;

const FRAME: usize = FRAME_BYTES as usize;

/// A package of several frames: many small files, one of exactly a frame, one of more than two.
fn several_frames() -> Package {
    let mut package = example();
    for number in 0..40_u64 {
        let content = noise(300_000, number + 1);
        package.add(file(&format!("usr/lib/small/{number:02}"), &content), &content);
    }
    let exact = noise(FRAME, 100);
    package.add(file("usr/lib/exact", &exact), &exact);
    let large = noise(2 * FRAME + 12_345, 101);
    package.add(file("usr/lib/large", &large), &large);
    package
}

fn quick(package: &Package) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    native::write(&package.parts(), &WriteOptions { level: 1 }, &mut out).unwrap();
    out.into_inner()
}

#[test]
fn what_is_written_is_read() {
    for package in [example(), Package::new("minimal", &[]), Package::new("empty", &[("a", b"")])] {
        let bytes = package.written();
        assert_eq!(read(&bytes).unwrap(), Everything::from(&package));
        assert_eq!(open(&bytes).unwrap().format(), Format::Native);
    }
    let package = several_frames();
    assert_eq!(read(&quick(&package)).unwrap(), Everything::from(&package));
}

#[test]
fn a_draft_is_complete_before_the_content_is_read() {
    let package = example();
    let file = open(&package.written()).unwrap();
    assert_eq!(file.draft().entries.len(), package.manifest.entries.len());
    assert!(file.draft().manifest.entries.is_empty());
    for (draft, entry) in file.draft().entries.iter().zip(&package.manifest.entries) {
        assert_eq!(draft.path, entry.path);
        assert_eq!((draft.mode, draft.uid, draft.gid), (Some(entry.mode), Some(entry.uid), Some(entry.gid)));
        assert_eq!(draft.mtime, entry.mtime);
        let digest = if let Node::File { digest, .. } = entry.node { Some(digest) } else { None };
        assert_eq!(draft.digest, digest);
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let package = several_frames();
    let written = [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| quick(&package))
    });
    let alone = quick(&package);
    assert!(written.iter().all(|bytes| *bytes == alone));
}

#[test]
fn equal_contents_are_stored_once() {
    let content = noise(100_000, 7);
    let once = Package::new("p", &[("a", &content)]).written().len();
    let twice = Package::new("p", &[("a", &content), ("b", &content), ("c", &content)]).written().len();
    assert!(twice < once + 100, "{twice} is not much more than {once}");
}

#[test]
fn a_writer_notices_contents_that_are_not_the_manifests() {
    let wrong = |change: fn(&mut Package)| {
        let mut package = example();
        change(&mut package);
        package.try_written().unwrap_err().to_string()
    };
    let position =
        example().manifest.entries.iter().position(|e| e.path.as_bytes() == b"usr/share/hello/b.txt");
    assert_eq!(position, Some(8));
    assert_eq!(
        wrong(|package| package.contents.0[8] = b"bet!\n".to_vec()),
        "usr/share/hello/b.txt: its content is not what the manifest says"
    );
    assert_eq!(
        wrong(|package| package.contents.0[8] = b"beta\n\n".to_vec()),
        "usr/share/hello/b.txt: its content is not what the manifest says"
    );
    assert!(wrong(|package| package.scripts[0].push(b' ')).starts_with("the scripts: "));
    assert!(wrong(|package| package.manifest.entries.reverse()).contains("out of order"));
}

#[test]
fn large_files_stream_and_small_ones_come_whole() {
    let package = several_frames();
    let bytes = quick(&package);
    for (small_file, streamed) in [(8 << 20, 1), (1 << 20, 2), (64 << 20, 0), (1000, 43)] {
        let limits = Limits { small_file, ..Limits::default() };
        let file = open_with(&bytes, &limits).unwrap();
        let mut sink = Collected::default();
        file.read_payload(&mut sink).unwrap();
        assert_eq!(sink.streamed, streamed, "{small_file}");
        assert_eq!(everything(&file).unwrap(), Everything::from(&package));
    }
}

/// Damage to every frame but one goes unnoticed, as long as nobody asks for what is in the others.
#[test]
fn what_nobody_wants_is_not_even_read() {
    let package = several_frames();
    let mut bytes = quick(&package);
    let wanted = Digest::of(&package.contents.0[package.contents.0.len() - 1]);
    let content = content_section(&bytes);
    // The frame of the wanted object is the only one that is whole.
    let file = open(&bytes).unwrap();
    let known: Vec<Digest> = package.objects().into_keys().filter(|digest| *digest != wanted).collect();
    let mut sink = Collected { known: known.clone(), ..Collected::default() };
    file.read_payload(&mut sink).unwrap();
    assert_eq!(sink.contents.len(), 1);
    let kept = last_frame(&bytes, content.clone());
    for at in content.clone() {
        if !kept.contains(&at) {
            bytes[at] ^= 0x55;
        }
    }
    let file = open(&bytes).unwrap();
    let mut sink = Collected { known, ..Collected::default() };
    file.read_payload(&mut sink).unwrap();
    assert_eq!(sink.contents.len(), 1);
    assert!(file.read_payload(&mut Collected::default()).is_err());
}

/// Where the content lies.
fn content_section(bytes: &[u8]) -> Range<usize> {
    let count = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let record = 16 + 64 * (count - 1);
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let start = number(record + 8);
    start..start + number(record + 16)
}

/// Where the last frame lies, which is the only one of the last group.
fn last_frame(bytes: &[u8], content: Range<usize>) -> Range<usize> {
    let table = content.start - 36;
    let packed = u32::from_le_bytes(bytes[table..table + 4].try_into().unwrap()) as usize;
    content.end - packed..content.end
}

#[test]
fn parts_can_be_read_alone_and_on_several_threads() {
    let package = several_frames();
    let file = open(&quick(&package)).unwrap();
    assert!(file.parts() > 3);
    let all = Mutex::new(Collected::default());
    std::thread::scope(|scope| {
        for part in 0..file.parts() {
            let (file, all) = (&file, &all);
            scope.spawn(move || {
                let mut sink = Collected::default();
                file.read_part(part, &mut sink).unwrap();
                all.lock().unwrap().contents.extend(sink.contents);
            });
        }
    });
    let objects: Vec<_> = all.into_inner().unwrap().contents.into_values().collect();
    assert_eq!(objects.len(), package.objects().len());
}

#[test]
fn content_can_be_read_by_entry_and_by_digest() {
    let package = several_frames();
    let bytes = quick(&package);
    let native = NativeFile::from_bytes(Path::new("a"), Arc::new(bytes), &Limits::default()).unwrap();
    for (index, entry) in package.manifest.entries.iter().enumerate().rev() {
        let Node::File { .. } = entry.node else {
            assert!(native.open_entry(index).is_err());
            continue;
        };
        let mut content = Vec::new();
        native.open_entry(index).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, package.contents.0[index], "{}", entry.path);
    }
    assert!(native.read_object(&Digest::of(b"another")).is_err());
    // A package is content for the writer of another one.
    let mut again = Cursor::new(Vec::new());
    let parts = ambar_pkgfmt::Parts {
        manifest: native.manifest(),
        translations: native.translations(),
        scripts: native.scripts(),
        contents: &native,
    };
    native::write(&parts, &WriteOptions { level: 1 }, &mut again).unwrap();
    assert_eq!(again.into_inner(), quick(&package));
}

trait OpenEntry {
    fn open_entry(&self, index: usize) -> std::io::Result<Box<dyn Read + '_>>;
}

impl<C: Contents> OpenEntry for C {
    fn open_entry(&self, index: usize) -> std::io::Result<Box<dyn Read + '_>> {
        Contents::open(self, index)
    }
}

#[test]
fn files_that_are_alike_in_different_frames_are_stored_once() {
    // Programs that are linked with the same library, in more than a frame.
    let library = noise(3 << 20, 1);
    let mut package = Package::new("alike", &[]);
    for number in 0..5_u64 {
        let content = [noise(200_000, 50 + number), library.clone(), noise(1000, 60 + number)].concat();
        package.add(file(&format!("usr/bin/{number}"), &content), &content);
    }
    let other = noise(1 << 20, 99);
    package.add(file("usr/share/other", &other), &other);
    let bytes = quick(&package);
    assert!(bytes.len() < 6 << 20, "{}", bytes.len());
    assert_eq!(read(&bytes).unwrap(), Everything::from(&package));
    // Only what one part needs is handed out with it.
    let file = open(&bytes).unwrap();
    let mut sink = Collected::default();
    file.read_part(file.parts() - 1, &mut sink).unwrap();
    assert_eq!(sink.contents.len(), 1);
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| quick(&package)) == bytes);
    }
}

#[test]
fn a_file_on_disk_reads_as_one_in_memory() {
    let package = several_frames();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.ambar");
    // What is written starts where the file stands.
    let mut out = std::fs::File::create(&path).unwrap();
    native::write(&package.parts(), &WriteOptions { level: 1 }, &mut out).unwrap();
    let file = PackageFile::open(&path, &Limits::default()).unwrap();
    assert_eq!(everything(&file).unwrap(), Everything::from(&package));
    NativeFile::open(&path, &Limits::default()).unwrap().verify().unwrap();
}

/// Path, content, mode and time.
type File = (Vec<u8>, Vec<u8>, u16, Option<i64>);

fn files() -> impl Strategy<Value = Vec<File>> {
    let name = prop::collection::vec(prop_oneof![Just(b'a'), Just(b'.'), Just(b'-'), 0x21_u8..=0xff], 1..6);
    let path = prop::collection::vec(name, 1..4).prop_map(|names| names.join(&b'/'));
    let content = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..50),
        (1_usize..5000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    prop::collection::vec((path, content, 0_u16..0o10000, any::<Option<i64>>()), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_manifest_and_contents_come_back(
        files in files(),
        script in any::<Vec<u8>>(),
        summary in ".*",
        other in any::<prop::sample::Index>(),
    ) {
        let mut package = Package::new("any", &[]);
        package.manifest.summary = summary.clone();
        package.translations.summary.insert("tr".into(), summary);
        package.script("postinst", &script);
        for (path, content, mode, mtime) in files {
            let Ok(path) = PayloadPath::new(&path) else { continue };
            let below = |a: &PayloadPath, b: &PayloadPath| a.starts_with(b.as_bytes());
            if package.manifest.entries.iter().any(|e| below(&e.path, &path) || below(&path, &e.path)) {
                continue;
            }
            let node = Node::File { size: content.len() as u64, digest: Digest::of(&content) };
            package.add(Entry { mtime, ..Entry::new(path, node, mode) }, &content);
        }
        let bytes = package.written();
        prop_assert_eq!(read(&bytes).unwrap(), Everything::from(&package));
        // A delta from a package with some of its files, and one with none.
        let mut old = package.clone();
        if !old.contents.0.is_empty() {
            let at = other.index(old.contents.0.len());
            old.contents.0.truncate(at);
            old.manifest.entries.truncate(at);
        }
        let delta = package.delta_from(&old);
        prop_assert_eq!(apply(&delta, old.as_base()).unwrap(), Everything::from(&package));
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_not_written() {
    let mut package = Package::new("p", &[("a", b"x"), ("b", b"x")]);
    let refused = |manifest: &Manifest, package: &Package| {
        let package = Package { manifest: manifest.clone(), ..package.clone() };
        matches!(package.try_written(), Err(Problem::Damaged { .. }))
    };
    package.manifest.entries[1].node = Node::File { size: 2, digest: Digest::of(b"x") };
    assert!(refused(&package.manifest, &package));
    package.manifest.entries[1].node = Node::File { size: 0, digest: Digest::of(b"x") };
    assert!(refused(&package.manifest, &package));
    package.manifest.entries[1].node = Node::File { size: 1, digest: Digest::of(b"") };
    assert!(refused(&package.manifest, &package));
}
