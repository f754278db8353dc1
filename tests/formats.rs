//! Packages from one format into another, deltas, and packages made of directories: what is installed in the
//! end is the same.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ambar::pkgfmt::native::{PublicKey, SecretKey, generate_keys, sign};
use ambar::pkgfmt::{Format, Limits, Manifest, PackageFile, Spool};
use ambar::{Class, Description, PackOptions, Root, Silent, Target, Written};
use common::*;

fn limits() -> Limits {
    Limits::default()
}

fn target(path: PathBuf, format: Format) -> Target {
    Target { level: Some(3), ..Target::new(&path, Some(format)).unwrap() }
}

fn repack(file: &Path, path: PathBuf, format: Format) -> Written {
    ambar::repack(file, None, &target(path, format), &limits(), &Silent).unwrap()
}

fn manifest_of(file: &Path) -> Manifest {
    let mut package = PackageFile::open(file, &limits()).unwrap();
    Spool::read(&mut package, &|| false).unwrap().0
}

/// Real packages of every foreign format, or the examples where there are none.
fn packages() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = [HELLO_1, LIB_2, CONFIG].map(example).into();
    files.extend(shared_packages().map(|dir| packages_below(&dir)).unwrap_or_default());
    files.extend(debian_packages().unwrap_or_default().into_iter().take(20));
    files
}

#[test]
fn a_package_survives_the_native_format_whole() {
    let dir = memory_dir();
    let mut count = 0;
    for file in packages() {
        let mut package = PackageFile::open(&file, &limits()).unwrap();
        let manifest = Spool::read(&mut package, &|| false).unwrap().0;
        let native = dir.path().join("one.ambar");
        let written = repack(&file, native.clone(), Format::Native);
        assert_eq!(written.losses, Vec::<String>::new(), "{}", file.display());
        let mut again = PackageFile::open(&native, &limits()).unwrap();
        assert_eq!(again.draft().entries.len(), manifest.entries.len());
        assert_eq!(again.translations(), package.translations(), "{}", file.display());
        assert_eq!(again.scripts(), package.scripts(), "{}", file.display());
        assert_eq!(Spool::read(&mut again, &|| false).unwrap().0, manifest, "{}", file.display());
        count += 1;
    }
    println!("{count} packages");
}

#[test]
fn a_package_survives_pisi_whenever_nothing_is_said_to_be_lost() {
    let dir = memory_dir();
    let (mut whole, mut lossy) = (0, 0);
    for file in packages() {
        let manifest = manifest_of(&file);
        for (format, name) in [(Format::Pisi11, "one.pisi"), (Format::Pisi12, "two.pisi")] {
            let path = dir.path().join(name);
            let target = target(path.clone(), format);
            let written = match ambar::repack(&file, None, &target, &limits(), &Silent) {
                Ok(written) => written,
                // What no PiSi package can say at all, such as a version, is refused and named.
                Err(error) => {
                    assert!(!["pisi", "eopkg"].iter().any(|e| file.extension().unwrap() == *e), "{error}");
                    lossy += 1;
                    continue;
                }
            };
            let again = manifest_of(&path);
            if written.losses.is_empty() {
                assert_eq!(again, manifest, "{}", file.display());
                whole += 1;
            } else {
                assert_ne!(again, manifest, "{}: {:?}", file.display(), written.losses);
                lossy += 1;
            }
            // What is left of it is still a package, with the same files.
            let files = |manifest: &Manifest| {
                manifest
                    .entries
                    .iter()
                    .map(|entry| (entry.path.clone(), entry.node.clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(files(&again), files(&manifest), "{}", file.display());
        }
    }
    println!("{whole} whole, {lossy} with losses");
    assert!(whole > 0);
}

#[test]
fn a_native_package_installs_as_the_foreign_one_does_and_brings_nothing_new() {
    let dir = memory_dir();
    for file in packages().into_iter().take(30) {
        let native = dir.path().join("one.ambar");
        repack(&file, native.clone(), Format::Native);
        let store = dir.path().join("store");
        let views: Vec<View> = [&file, &native]
            .into_iter()
            .map(|file| {
                let path = dir.path().join("root");
                let mut root = Root::open(&path).unwrap();
                root.init(Some(&store)).unwrap();
                install(&root, std::slice::from_ref(file)).unwrap();
                verified(&root);
                let view = view(&path);
                drop(root);
                std::fs::remove_dir_all(&path).unwrap();
                view
            })
            .collect();
        same_view(&views[1], &views[0], &file.display().to_string());
        std::fs::remove_dir_all(&store).unwrap();
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    let Some(shared) = shared_packages() else { return };
    let dir = memory_dir();
    let file = shared.join("pardus-2011/bind-9.9.2-36-p11-x86_64.pisi");
    for format in [Format::Native, Format::Pisi12] {
        let bytes: Vec<Vec<u8>> = [1, 2, 8]
            .into_iter()
            .map(|threads| {
                let target = Target { threads, ..target(dir.path().join("one"), format) };
                ambar::repack(&file, None, &target, &limits(), &Silent).unwrap();
                std::fs::read(dir.path().join("one")).unwrap()
            })
            .collect();
        assert!(bytes.iter().all(|other| *other == bytes[0]), "{format:?}");
    }
}

/// The two releases of nano and the delta between them.
fn nano() -> Option<[PathBuf; 3]> {
    let dir = shared_packages()?.join("eopkg-delta-nano");
    let names = ["nano-4.6-117-1-x86_64.eopkg", "nano-4.7-118-1-x86_64.eopkg"];
    Some([dir.join(names[0]), dir.join(names[1]), dir.join("nano-117-118-1-x86_64.delta.eopkg")])
}

#[test]
fn a_real_delta_on_its_base_gives_the_new_package() {
    let Some([old, new, delta]) = nano() else { return };
    let (_whole_dir, whole) = new_root();
    install(&whole, std::slice::from_ref(&new)).unwrap();
    let (_dir, root) = new_root();
    install(&root, std::slice::from_ref(&old)).unwrap();
    let outcome = install(&root, std::slice::from_ref(&delta)).unwrap();
    assert_eq!(outcome.generation, Some(2));
    verified(&root);
    let (of_delta, of_whole) = (view(root.path()), view(whole.path()));
    same_view(&of_delta, &of_whole, "nano 118");
    assert_eq!(root.packages().unwrap()[0].release, "118");
}

#[test]
fn a_delta_without_its_base_asks_for_the_whole_package() {
    let Some([_, new, delta]) = nano() else { return };
    let (_dir, root) = new_root();
    let error = install(&root, std::slice::from_ref(&delta)).unwrap_err();
    assert_eq!(error.class(), Class::Missing);
    assert!(error.to_string().contains("nano 117"), "{error}");
    assert!(error.to_string().contains("whole package"), "{error}");
    install(&root, std::slice::from_ref(&new)).unwrap();
    let error = install(&root, std::slice::from_ref(&delta)).unwrap_err();
    assert!(error.to_string().contains("4.7-118 is installed"), "{error}");
}

#[test]
fn a_base_that_was_edited_is_noticed_and_the_whole_package_asked_for() {
    let Some([old, new, delta]) = nano() else { return };
    let (_dir, root) = new_root();
    install(&root, std::slice::from_ref(&old)).unwrap();
    // A file that both releases have, and that the delta does not bring.
    let digest = |manifest: &Manifest, path: &[u8]| {
        manifest.entries.iter().find(|e| e.path.as_bytes() == path).map(|e| e.node.clone())
    };
    let (before, after) = (manifest_of(&old), manifest_of(&new));
    let shared = before.entries.iter().find(|entry| {
        matches!(entry.node, ambar::pkgfmt::Node::File { size: 100.., .. })
            && digest(&after, entry.path.as_bytes()) == Some(entry.node.clone())
    });
    let path = root.path().join(shared.unwrap().path.to_string());
    let mode = path.metadata().unwrap().permissions();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![b'x'; content.len()]).unwrap();
    std::fs::set_permissions(&path, mode).unwrap();

    let error = install(&root, std::slice::from_ref(&delta)).unwrap_err();
    assert_eq!(error.class(), Class::Damaged, "{error}");
    assert!(
        error.to_string().contains("whole package") || error.to_string().contains("full package"),
        "{error}"
    );
    assert_eq!(root.packages().unwrap()[0].release, "117");
    install(&root, std::slice::from_ref(&new)).unwrap();
    verified(&root);
}

#[test]
fn deltas_that_are_written_lead_to_the_same_package() {
    let Some([old, new, _]) = nano() else { return };
    let dir = memory_dir();
    let natives = [(&old, "old.ambar"), (&new, "new.ambar")].map(|(file, name)| {
        let path = dir.path().join(name);
        repack(file, path.clone(), Format::Native);
        path
    });
    let whole = manifest_of(&new);
    for (format, name, old) in [
        (Format::Native, "nano.delta.ambar", &natives[0]),
        (Format::Pisi12, "nano-117-118-1-x86_64.delta.eopkg", &old),
    ] {
        let delta = dir.path().join(name);
        let written = ambar::delta(old, &new, &target(delta.clone(), format), &limits(), &Silent).unwrap();
        assert!(written.length < new.metadata().unwrap().len(), "{name} is no smaller");
        // Whole again with the base's file, and installed over the base.
        let again = dir.path().join("again.ambar");
        let made =
            ambar::repack(&delta, Some(old), &target(again.clone(), Format::Native), &limits(), &Silent);
        let made = made.unwrap().manifest;
        let entries = |manifest: &Manifest| -> BTreeMap<_, _> {
            manifest
                .entries
                .iter()
                .map(|e| (e.path.clone(), (e.node.clone(), e.mode, e.uid, e.gid)))
                .collect()
        };
        assert_eq!(entries(&made), entries(&whole), "{name}");
        if format == Format::Native {
            assert_eq!(made, whole);
        }
        let (_root_dir, root) = new_root();
        install(&root, std::slice::from_ref(old)).unwrap();
        install(&root, std::slice::from_ref(&delta)).unwrap();
        verified(&root);
        assert_eq!(root.packages().unwrap()[0].release, "118");
    }
}

/// A directory with one of everything.
fn directory(top: &Path) {
    std::fs::create_dir_all(top.join("usr/bin")).unwrap();
    std::fs::create_dir_all(top.join("usr/share/empty")).unwrap();
    std::fs::create_dir_all(top.join("etc")).unwrap();
    std::fs::write(top.join("usr/bin/tool"), "#!/bin/sh\necho tool\n").unwrap();
    std::fs::set_permissions(top.join("usr/bin/tool"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::hard_link(top.join("usr/bin/tool"), top.join("usr/bin/other-name")).unwrap();
    std::fs::write(top.join("usr/bin/same-content"), "#!/bin/sh\necho tool\n").unwrap();
    std::fs::write(top.join("usr/share/nothing"), "").unwrap();
    std::fs::write(top.join("etc/tool.conf"), "a=1\n").unwrap();
    symlink("tool", top.join("usr/bin/link")).unwrap();
}

#[test]
fn a_directory_becomes_a_package_and_the_package_that_directory() {
    let dir = memory_dir();
    let top = dir.path().join("tree");
    directory(&top);
    let path = dir.path().join("tool.ambar");
    let description = Description::new("tool", "1.0");
    let options = PackOptions::default();
    let written =
        ambar::pack(&top, &description, options, &target(path.clone(), Format::Native), &limits(), &Silent)
            .unwrap();
    assert_eq!(written.manifest.entries.len(), 11);

    let out = dir.path().join("out");
    ambar::extract(&path, &out, &limits(), &Silent).unwrap();
    let without_inodes = |top: &Path| {
        tree(top)
            .into_iter()
            .map(|(path, seen)| (path, (seen.kind, seen.mode, seen.content)))
            .collect::<Vec<_>>()
    };
    assert_eq!(without_inodes(&out), without_inodes(&top));
    let inode = |name: &str| out.join("usr/bin").join(name).metadata().unwrap().ino();
    assert_eq!(inode("tool"), inode("other-name"));
    assert_ne!(inode("tool"), inode("same-content"));

    let (_root_dir, root) = new_root();
    install(&root, std::slice::from_ref(&path)).unwrap();
    verified(&root);
    assert_eq!(std::fs::read(root.path().join("usr/bin/same-content")).unwrap(), b"#!/bin/sh\necho tool\n");
    let again = dir.path().join("again.ambar");
    ambar::pack(&top, &description, options, &target(again.clone(), Format::Native), &limits(), &Silent)
        .unwrap();
    assert_eq!(std::fs::read(again).unwrap(), std::fs::read(path).unwrap());
}

#[test]
fn what_no_package_holds_is_named_and_nothing_is_written() {
    let dir = memory_dir();
    let top = dir.path().join("tree");
    directory(&top);
    let _socket = std::os::unix::net::UnixListener::bind(top.join("usr/socket")).unwrap();
    let path = dir.path().join("tool.ambar");
    let target = target(path.clone(), Format::Native);
    let error = ambar::pack(
        &top,
        &Description::new("tool", "1"),
        PackOptions::default(),
        &target,
        &limits(),
        &Silent,
    );
    assert!(error.unwrap_err().to_string().contains("usr/socket"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the tree is there");
}

/// Cancels once storing has begun, which is when the first file is being written into the package.
#[derive(Default)]
struct CancelsInTheMiddle(std::sync::atomic::AtomicBool);

impl ambar::Observer for CancelsInTheMiddle {
    fn event(&self, event: ambar::Event<'_>) {
        if matches!(event, ambar::Event::Package { .. }) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn writing_a_large_file_can_be_cancelled_and_leaves_nothing() {
    let dir = memory_dir();
    let top = dir.path().join("tree");
    std::fs::create_dir(&top).unwrap();
    std::fs::write(top.join("large"), vec![7; 4 << 20]).unwrap();
    for format in [Format::Native, Format::Pisi12] {
        let target = target(dir.path().join("tool"), format);
        let observer = CancelsInTheMiddle::default();
        let description = Description::new("tool", "1");
        let error = ambar::pack(&top, &description, PackOptions::default(), &target, &observer).unwrap_err();
        assert_eq!(error.class(), Class::Cancelled, "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the tree is there");
    }
}

#[test]
fn a_signature_is_checked_and_covers_every_byte() {
    let dir = memory_dir();
    let path = dir.path().join("hello.ambar");
    repack(&example(HELLO_1), path.clone(), Format::Native);
    let texts = [(); 2].map(|()| generate_keys(None).unwrap());
    let keys = [0, 1].map(|n: usize| PublicKey::parse(&texts[n].public).unwrap());
    let verify = |keys: &[PublicKey]| ambar::verify_file(&path, None, keys, &limits(), &Silent);

    let error = verify(&keys[..1]).unwrap_err();
    assert!(error.to_string().contains("not signed"), "{error}");
    sign(&path, &SecretKey::parse(&texts[0].secret, None).unwrap(), None, &limits()).unwrap();
    let checked = verify(&keys[..1]).unwrap();
    assert_eq!(checked.signatures, [(keys[0].id().to_string(), true)]);
    let error = verify(&keys).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains(&keys[1].id().to_string()), "{error}");

    let signed = std::fs::read(&path).unwrap();
    for at in (0..signed.len()).step_by(7) {
        let mut changed = signed.clone();
        changed[at] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        assert!(verify(&keys[..1]).is_err(), "byte {at} of {}", signed.len());
    }
}
