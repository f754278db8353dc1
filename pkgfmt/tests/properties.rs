//! No input makes a reader panic, and an encoding is the only one of what it says.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use ambar_pkgfmt::manifest::{Change, ChangeAction, Script};
use ambar_pkgfmt::relation::{Constraint, Op, Relation, RelationKind, Subject, Target, TargetKind};
use ambar_pkgfmt::{Digest, Entry, Manifest, Node, PayloadPath, Translations, VersionOrder};
use common::build::*;
use common::read;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn try_to_read(bytes: &[u8]) -> Option<Manifest> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("any.pisi");
    std::fs::write(&path, bytes).unwrap();
    read(&path).ok()
}

/// A package around a payload and documents that may be anything.
fn around(metadata: &[u8], files: &[u8], name: &str, payload: &[u8]) -> Vec<u8> {
    let zip = Zip::new().with("metadata.xml", metadata).with("files.xml", files);
    zip.with(name, payload).finish()
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9+_-]{0,12}"
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn relation() -> impl Strategy<Value = Relation> {
    let constraint = (0..5_u64, 0..9_u64, ".{0,8}").prop_map(|(subject, op, value)| Constraint {
        subject: Subject::from_code(subject).unwrap(),
        op: Op::from_code(op).unwrap(),
        value,
    });
    let target = (0..3_u64, name(), "[a-z]{0,3}", vec(constraint, 0..3)).prop_map(
        |(kind, name, arch, constraints)| Target {
            kind: TargetKind::from_code(kind).unwrap(),
            name,
            arch,
            constraints,
        },
    );
    (0..12_u64, vec(target, 1..3)).prop_map(|(kind, alternatives)| Relation {
        kind: RelationKind::from_code(kind).unwrap(),
        alternatives,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let action = (".{0,9}", ".{0,9}", ".{0,9}").prop_map(|(action, package, target)| ChangeAction {
        action,
        package,
        target,
    });
    (vec(".{0,9}", 6), vec(".{0,9}", 0..3), vec(action, 0..3)).prop_map(|(texts, kinds, actions)| Change {
        release: texts[0].clone(),
        version: texts[1].clone(),
        date: texts[2].clone(),
        comment: texts[3].clone(),
        author: texts[4].clone(),
        email: texts[5].clone(),
        kinds,
        actions,
    })
}

/// An entry at a path that no other one lies below: names of files and of directories differ.
fn entry() -> impl Strategy<Value = (Vec<u8>, Entry)> {
    let node = prop_oneof![
        (any::<u64>(), digest()).prop_map(|(size, digest)| Node::File { size, digest }),
        vec(1..=255_u8, 1..20).prop_map(|target| Node::Symlink { target }),
    ];
    let path = (vec("[a-c]{1,2}", 0..4), vec(0x80..=0xff_u8, 1..4))
        .prop_map(|(directories, name)| [directories.join("/").into_bytes(), name].concat())
        .prop_filter("a path", |path| PayloadPath::new(path).is_ok());
    let numbers = (0..=0o7777_u16, any::<u32>(), any::<u32>(), any::<Option<i64>>());
    (
        path,
        node,
        numbers,
        "[a-z]{0,4}",
        any::<(bool, bool, bool)>(),
        btree_map(vec(1..=255_u8, 1..5), vec(0..=255_u8, 0..5), 0..3),
    )
        .prop_map(|(path, node, (mode, uid, gid, mtime), kind, (config, permanent, keep), xattrs)| {
            let symlink = matches!(node, Node::Symlink { .. });
            let mut entry =
                Entry::new(PayloadPath::new(&path).unwrap(), node, if symlink { 0o777 } else { mode });
            (entry.uid, entry.gid, entry.mtime, entry.kind) = (uid, gid, mtime, kind);
            (entry.config, entry.permanent) = (config, permanent);
            entry.keep_mtime = keep && mtime.is_some() && !symlink;
            entry.xattrs = xattrs.into_iter().collect();
            (path, entry)
        })
}

prop_compose! {
    fn manifest()(
        name in name(),
        version in "[0-9][0-9.a-z_]{0,8}",
        order in 0..4_u64,
        words in vec("[a-z0-9._]{0,9}", 3),
        texts in vec(".{0,20}", 9),
        lists in vec(vec(".{0,9}", 0..3), 3),
        relations in vec(relation(), 0..4),
        scripts in vec((".{0,9}", ".{0,9}", ".{0,9}", ".{0,9}", any::<u64>(), digest()), 0..3),
        history in vec(change(), 0..3),
        properties in vec((".{0,9}", ".{0,9}"), 0..4),
        entries in vec(entry(), 0..8),
    ) -> Manifest {
        let mut manifest = Manifest::new(&name, &version, VersionOrder::from_code(order).unwrap());
        let mut texts = words.into_iter().chain(texts);
        for field in [
            &mut manifest.release, &mut manifest.build, &mut manifest.arch, &mut manifest.slot, &mut manifest.tag,
            &mut manifest.distribution, &mut manifest.distribution_release, &mut manifest.source,
            &mut manifest.homepage, &mut manifest.packager, &mut manifest.summary, &mut manifest.description,
        ] {
            *field = texts.next().unwrap_or_default();
        }
        [manifest.licences, manifest.categories, manifest.components] = lists.try_into().unwrap();
        manifest.relations = relations;
        manifest.scripts = scripts
            .into_iter()
            .map(|(system, role, target, file, size, digest)| Script { system, role, target, file, size, digest })
            .collect();
        manifest.history = history;
        manifest.properties = properties;
        let entries: std::collections::BTreeMap<Vec<u8>, Entry> = entries.into_iter().collect();
        manifest.entries = entries.into_values().collect();
        manifest.normalise();
        manifest
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_package(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(try_to_read(&bytes).is_none());
        prop_assert!(try_to_read(&[b"PK\x03\x04", &bytes[..]].concat()).is_none());
        let end = [b"PK\x03\x04", &bytes[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x10\0\0\0\x04\0\0\0\0\0"].concat();
        prop_assert!(try_to_read(&end).is_none());
    }

    #[test]
    fn a_changed_package_is_refused_or_read(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = honest();
        for (position, byte) in changes {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_to_read(&bytes);
    }

    #[test]
    fn any_payload_is_refused_or_read(payload in vec(any::<u8>(), 0..1500), kind in 0..4_usize) {
        let name = ["install.tar.gz", "install.tar.xz", "install.tar.lzma", "install.tar.zst"][kind];
        let files = files_xml(&[listed("a", b"x", "0644")]);
        prop_assert!(try_to_read(&around(METADATA.as_bytes(), files.as_bytes(), name, &payload)).is_none());
        // The same below the compression.
        let packed = gzip(&payload);
        prop_assert!(try_to_read(&around(METADATA.as_bytes(), files.as_bytes(), "install.tar.gz", &packed)).is_none());
    }

    #[test]
    fn a_changed_tar_is_refused_or_read(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut archive = tar(&[file("a", b"x"), symlink("b", "a"), hard_link("c", "a")]);
        for (position, byte) in changes {
            let position = position.index(archive.len());
            archive[position] = byte;
        }
        let only = |path: &str| format!("<File><Path>{path}</Path></File>");
        let files = files_xml(&["a", "b", "c"].map(only));
        try_to_read(&around(METADATA.as_bytes(), files.as_bytes(), "install.tar.gz", &gzip(&archive)));
    }

    #[test]
    fn changed_documents_are_refused_or_read(
        changes in vec((any::<prop::sample::Index>(), "[<>&;/a \"=!\\[\\]-]{0,3}"), 1..6),
        which in any::<bool>(),
    ) {
        let mut documents = [METADATA.to_owned(), files_xml(&[listed("a", b"x", "0644")])];
        let document = &mut documents[usize::from(which)];
        for (position, text) in changes {
            let position = position.index(document.len());
            document.replace_range(position..=position, &text);
        }
        let payload = gzip(&tar(&[file("a", b"x")]));
        try_to_read(&around(documents[0].as_bytes(), documents[1].as_bytes(), "install.tar.gz", &payload));
    }

    #[test]
    fn a_manifest_survives_its_encoding(manifest in manifest()) {
        let encoded = manifest.encode().unwrap();
        prop_assert_eq!(&Manifest::decode(&encoded).unwrap(), &manifest);
        let json = serde_json::to_string(&manifest).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Manifest>(&json).unwrap(), &manifest);
    }

    #[test]
    fn what_decodes_is_what_would_be_encoded(
        manifest in manifest(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = manifest.encode().unwrap();
        for (position, byte) in changes {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(decoded) = Manifest::decode(&bytes) {
            prop_assert_eq!(decoded.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn random_bytes_decode_to_what_encodes_to_them(bytes in vec(any::<u8>(), 0..300)) {
        for bytes in [bytes.clone(), [b"ambarmf\x01", &bytes[..]].concat(), [b"ambartr\x01", &bytes[..]].concat()] {
            if let Ok(manifest) = Manifest::decode(&bytes) {
                prop_assert_eq!(manifest.encode().unwrap(), bytes.clone());
            }
            if let Ok(translations) = Translations::decode(&bytes) {
                prop_assert_eq!(translations.encode(), bytes);
            }
        }
    }
}
