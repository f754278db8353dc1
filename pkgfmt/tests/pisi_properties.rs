//! Any manifest is written as far as PiSi can say it, and the list of what is lost is the whole difference.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(feature = "liblzma")]

mod pisi_common;

use std::collections::BTreeMap;

use ambar_pkgfmt::manifest::{Change, ChangeAction};
use ambar_pkgfmt::pisi::{Loss, Lost, losses, write_delta};
use ambar_pkgfmt::relation::{Constraint, Op, Relation, RelationKind, Subject, Target, TargetKind};
use ambar_pkgfmt::{
    Base, Digest, Entry, Format, Limits, Node, PackageFile, PayloadPath, Translations, VersionOrder,
};
use pisi_common::{Files, Keeping, Whole, hello, share_content, whole_of};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Texts that XML has trouble with, and plain ones.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9.]{0,6}",
        2 => "[a-z&<>\"'\\]-]{1,6}",
        1 => "[a-z][ \t\r\n]{0,3}[a-zü\u{85}\u{2028}]",
        1 => "[ \t\r\na\u{0}\u{1}\u{7f}\u{fffe}\u{feff}\u{a0}]{0,3}",
    ]
}

/// Texts that survive.
fn plain() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z0-9.]{1,6}", 1 => "[a-z&<>\"'\\]-][ \t\r\n]{0,2}[a-zü\u{2028}]?[a-z]"]
}

fn constraint() -> impl Strategy<Value = Constraint> {
    (0..5_u64, 0..9_u64, text()).prop_map(|(subject, op, value)| Constraint {
        subject: Subject::from_code(subject).unwrap(),
        op: Op::from_code(op).unwrap(),
        value,
    })
}

fn target_name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => plain(),
        1 => "(comar|pkgconfig|pkgconfig32|python)\\([a-z]{0,3}\\)",
        1 => "pkgconfig\\([ a)(]{0,3}\\)?",
        1 => " ?[a-z]",
    ]
}

fn any_relation() -> impl Strategy<Value = Relation> {
    let target = (0..3_u64, target_name(), "(any)?", vec(constraint(), 0..3));
    let target = target.prop_map(|(kind, name, arch, constraints)| Target {
        kind: TargetKind::from_code(kind).unwrap(),
        name,
        arch,
        constraints,
    });
    (0..11_u64, vec(target, 1..3)).prop_map(|(kind, alternatives)| Relation {
        kind: RelationKind::from_code(kind).unwrap(),
        alternatives,
    })
}

/// Relations that PiSi has words for.
fn pisi_relation() -> impl Strategy<Value = Relation> {
    let conditions = vec(option::of(plain()), 6).prop_map(|values| {
        let all = [Subject::Version, Subject::Release]
            .into_iter()
            .flat_map(|subject| [Op::Same, Op::AtLeast, Op::AtMost].map(|op| (subject, op)));
        let of =
            |((subject, op), value): (_, Option<String>)| Some(Constraint { subject, op, value: value? });
        all.zip(values).filter_map(of).collect::<Vec<_>>()
    });
    let conditions = conditions.boxed();
    let target = |kind: TargetKind, name: BoxedStrategy<String>| {
        (name, conditions.clone()).prop_map(move |(name, constraints)| Target {
            kind,
            name,
            arch: String::new(),
            constraints,
        })
    };
    let package = target(TargetKind::Package, plain().boxed());
    let capability =
        target(TargetKind::Capability, plain().prop_map(|name| format!("pkgconfig({name})")).boxed());
    let provided =
        ("comar|pkgconfig|pkgconfig32", plain(), option::of(plain())).prop_map(|(family, name, version)| {
            let mut target = Target::package(&format!("{family}({name})"));
            target.kind = TargetKind::Capability;
            let target = match version {
                Some(version) => target.with(Subject::Version, Op::Equal, &version),
                None => target,
            };
            Relation::one(RelationKind::Provides, target)
        });
    prop_oneof![
        vec(prop_oneof![package.clone(), capability], 1..3)
            .prop_map(|alternatives| Relation { kind: RelationKind::Depends, alternatives }),
        target(TargetKind::Component, plain().boxed()).prop_map(|t| Relation::one(RelationKind::Depends, t)),
        package.clone().prop_map(|target| Relation::one(RelationKind::Conflicts, target)),
        package.prop_map(|target| Relation::one(RelationKind::Replaces, target)),
        provided,
    ]
}

fn change(text: BoxedStrategy<String>, kind: BoxedStrategy<String>) -> impl Strategy<Value = Change> {
    let action = (text.clone(), text.clone(), text.clone());
    let action = action.prop_map(|(action, package, target)| ChangeAction { action, package, target });
    (vec(text, 6), vec(kind, 0..3), vec(action, 0..3)).prop_map(|(texts, kinds, actions)| Change {
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

fn any_property() -> impl Strategy<Value = (String, String)> {
    let key = prop_oneof![
        5 => "pisi\\.(path|additional-file|build-flag|build-host|icon|build-type)",
        1 => text(),
    ];
    (key, prop_oneof![text(), "[a ]{0,2}\t[a\t ]{0,5}(permanent)?", "([a ]{0,2}\t){4}[a\t ]{0,2}"])
}

fn pisi_property() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        ("pisi\\.(build-flag|build-host|icon|build-type)", plain()),
        (Just("pisi.path".to_owned()), "[a-z]{0,3}\t[a-z/]{0,5}(\tpermanent)?"),
        (Just("pisi.additional-file".to_owned()), "([a-z]{0,3}\t){4}[a-z/]{0,5}"),
    ]
}

/// What stands at a path.
#[derive(Debug, Clone)]
enum Thing {
    Directory,
    File(Vec<u8>),
    Link(Vec<u8>),
}

/// Something in one case of ten, or never.
fn seldom<T: std::fmt::Debug + Clone>(
    what: impl Strategy<Value = T>,
    at_all: bool,
) -> impl Strategy<Value = Option<T>> {
    (what, 0..10_u8).prop_map(move |(what, roll)| (roll == 0 && at_all).then_some(what))
}

/// A thing with mode, owner, group and flags, time, kind, owner's name and attribute, and whether it has no time.
type Made = (Thing, (u16, u32, u32, (bool, bool, bool)), i64, String, (Option<String>, bool), Option<()>);

/// Entries at paths that no other one lies below, a few of them hard links or compiled Python files.
fn entries(
    kind: BoxedStrategy<String>,
    awkward: bool,
) -> impl Strategy<Value = BTreeMap<String, (Thing, Entry)>> {
    let compiled = (0..4_u32).prop_map(|time| {
        Thing::File([&62211_u16.to_le_bytes()[..], b"\r\n", &time.to_le_bytes(), b"code"].concat())
    });
    let thing = prop_oneof![
        1 => Just(Thing::Directory),
        2 => vec(any::<u8>(), 0..4).prop_map(Thing::File),
        1 => vec(any::<u8>(), 0..2000).prop_map(Thing::File),
        1 => compiled,
        1 => vec(1..=255_u8, 1..200).prop_map(Thing::Link),
    ];
    let name = "([a-c]{1,2}/){0,2}[x-z]{1,2}(\\.py|\\.pyc|)";
    let long = "([a-c]{30}/){3,5}z{1,90}";
    let path = if awkward {
        prop_oneof![6 => name, 1 => long, 1 => " ?[x-z&<ü]{1,2} ?"].boxed()
    } else {
        prop_oneof![6 => name, 1 => long].boxed()
    };
    let numbers = (0..=0o7777_u16, 0..u32::MAX, 0..u32::MAX, any::<(bool, bool, bool)>());
    let mtime = prop_oneof![Just(1_i64), 0..4_i64, any::<i64>()];
    let extra = (seldom("[a-z]{1,3}", awkward), any::<bool>());
    let entry = (thing, numbers, mtime, kind, extra, seldom(Just(()), awkward));
    btree_map(path, entry, 0..8).prop_map(move |all| {
        let build =
            |(path, (thing, (mode, uid, gid, flags), mtime, kind, (owner, attribute), timeless)): (
                String,
                Made,
            )| {
                let node = match &thing {
                    Thing::Directory => Node::Directory,
                    Thing::File(content) => {
                        Node::File { size: content.len() as u64, digest: Digest::of(content) }
                    }
                    Thing::Link(target) => Node::Symlink { target: target.clone() },
                };
                let mode = if matches!(thing, Thing::Link(_)) { 0o777 } else { mode };
                let mut entry = Entry::new(PayloadPath::new(path.as_bytes()).ok()?, node, mode);
                (entry.uid, entry.gid, entry.permanent) = (uid, gid, flags.1);
                entry.mtime = Some(mtime).filter(|_| timeless.is_none());
                entry.config = if awkward { flags.0 } else { kind == "config" };
                entry.kind = kind;
                entry.keep_mtime =
                    awkward && flags.2 && entry.mtime.is_some() && matches!(thing, Thing::File(_));
                if let Some(owner) = owner {
                    entry.owner_names = Some((owner.clone(), owner));
                    entry.xattrs =
                        if attribute { vec![(b"user.a".to_vec(), b"b".to_vec())] } else { Vec::new() };
                }
                Some((path, (thing, entry)))
            };
        all.into_iter().filter_map(build).collect()
    })
}

/// Puts entries into a package; those of one content and the same attributes become hard links where `link`.
fn put(package: &mut Whole, entries: BTreeMap<String, (Thing, Entry)>, link: bool) {
    package.manifest.entries.clear();
    package.contents = Files::default();
    let mut sorted: Vec<(Thing, Entry)> = entries.into_values().collect();
    sorted.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    let mut groups: Vec<(Entry, u32)> = Vec::new();
    for (thing, mut entry) in sorted {
        if let (Thing::File(_), true) = (&thing, link) {
            // What hard links share is made equal to the first name's.
            let same = groups.iter().position(|(first, _)| first.node == entry.node);
            if let Some(position) = same {
                let first = &groups[position].0;
                (entry.mode, entry.uid, entry.gid) = (first.mode, first.uid, first.gid);
                (entry.mtime, entry.keep_mtime) = (first.mtime, first.keep_mtime);
                entry.owner_names.clone_from(&first.owner_names);
                entry.xattrs.clone_from(&first.xattrs);
                groups[position].1 += 1;
            } else {
                groups.push((entry.clone(), 1));
            }
            let position = groups.iter().position(|(first, _)| first.node == entry.node).unwrap();
            entry.link_group = position as u32 + 1;
        }
        let content = if let Thing::File(content) = thing { Some(content) } else { None };
        package.manifest.entries.push(entry);
        package.contents.0.push(content);
    }
    for entry in package.manifest.entries.iter_mut().filter(|entry| entry.link_group > 0) {
        if groups[entry.link_group as usize - 1].1 < 2 {
            entry.link_group = 0;
        }
    }
    package.renumber();
}

prop_compose! {
    /// A package that may say anything.
    fn any_package()(
        version in prop_oneof![4 => Just("1.0".to_owned()), 1 => "[0-9][0-9.a-z_:-]{0,8}"],
        release in prop_oneof![4 => Just("3".to_owned()), 1 => "[0-9a-z]{0,3}"],
        order in prop_oneof![4 => Just(1_u64), 1 => 0..4_u64],
        words in vec("[a-z0-9]{0,3}", 4),
        texts in vec(text(), 7),
        lists in vec(vec(text(), 0..3), 3),
        relations in vec(any_relation(), 0..3),
        scripts in vec(("comar|comar|deb", "[a-b ]{0,2}", "[a-b]{0,1}", "[a-b/]{0,2}"), 0..3),
        history in vec(change(text().boxed(), prop_oneof![text(), "[a ]{0,2}\t[a\t ]{0,3}"].boxed()), 0..3),
        properties in vec(any_property(), 0..3),
        languages in vec(btree_map(prop_oneof!["[a-d]{0,2}", Just("en".to_owned()), Just(" ".to_owned())], text(), 0..3), 2),
        entries in entries(prop_oneof![3 => "data|config", 1 => text()].boxed(), true),
        link in any::<bool>(),
    ) -> Whole {
        let mut package = hello();
        let first = package.manifest.history.remove(0);
        (package.manifest.version, package.manifest.release) = (version, release);
        package.manifest.order = VersionOrder::from_code(order).unwrap();
        let m = &mut package.manifest;
        for (field, word) in [&mut m.build, &mut m.arch, &mut m.slot, &mut m.tag].into_iter().zip(words) {
            *field = word;
        }
        let fields = [
            &mut m.distribution, &mut m.distribution_release, &mut m.source, &mut m.homepage, &mut m.packager,
            &mut m.summary, &mut m.description,
        ];
        for (field, text) in fields.into_iter().zip(texts) {
            *field = text;
        }
        for (field, list) in [&mut m.licences, &mut m.categories, &mut m.components].into_iter().zip(lists) {
            *field = list;
        }
        m.relations = relations;
        m.history = history;
        if link {
            m.history.insert(0, first);
        }
        m.properties = properties;
        m.scripts.clear();
        package.scripts.clear();
        for (system, role, target, file) in scripts {
            package.add_script(&system, &role, &target, &file);
        }
        let mut languages = languages.into_iter();
        package.translations = Translations {
            summary: languages.next().unwrap(),
            description: languages.next().unwrap(),
        };
        put(&mut package, entries, link);
        package.manifest.normalise();
        package
    }
}

prop_compose! {
    /// A package that says nothing that PiSi cannot say.
    fn pisi_package()(
        texts in vec(plain(), 5),
        optional in vec(option::of(plain()), 3),
        packager in prop_oneof![
            plain(), (plain(), plain()).prop_map(|(a, b)| format!("{a} <{b}>")), plain().prop_map(|a| format!("<{a}>")),
            Just("a <b> <c>".to_owned()), Just("a<b>".to_owned()), Just("a <>".to_owned()), Just("<".to_owned()),
            Just("a < b>".to_owned()), Just("a  <b>".to_owned()), Just("a>".to_owned()),
        ],
        lists in vec(btree_map(plain(), Just(()), 1..3), 3),
        relations in vec(pisi_relation(), 0..4),
        history in vec(
            change(
                prop_oneof![plain(), Just(String::new())].boxed(),
                prop_oneof![plain().prop_map(|kind| kind.replace('\t', "")).prop_filter("", |k| k.trim() == k && !k.is_empty()), "[a-z]\t[a-z]\t?[a-z]"].boxed(),
            ),
            0..3,
        ),
        properties in vec(pisi_property(), 0..3),
        languages in vec(btree_map("(tr|de|pt_BR|f-g)", prop_oneof![plain(), Just(String::new())], 0..3), 2),
        entries in entries("data|config|[a-z&]{1,3}".boxed(), false),
        link in any::<bool>(),
    ) -> Whole {
        let mut package = hello();
        let m = &mut package.manifest;
        let fields =
            [&mut m.distribution, &mut m.distribution_release, &mut m.source, &mut m.summary, &mut m.description];
        for (field, text) in fields.into_iter().zip(texts) {
            *field = text;
        }
        m.homepage = optional[0].clone().unwrap_or_default();
        m.build = optional[1].as_ref().map(|_| "7".to_owned()).unwrap_or_default();
        m.packager = packager;
        for (field, list) in [&mut m.licences, &mut m.categories, &mut m.components].into_iter().zip(lists) {
            *field = list.into_keys().collect();
        }
        let service = m.relations.pop().unwrap();
        m.relations = relations;
        m.relations.push(service);
        let mut seen = Vec::new();
        m.relations.retain(|relation| {
            let fresh = relation.kind != RelationKind::Provides || !seen.contains(relation);
            seen.push(relation.clone());
            fresh
        });
        m.history.extend(history);
        m.properties = properties;
        let mut languages = languages.into_iter();
        package.translations = Translations {
            summary: languages.next().unwrap(),
            description: languages.next().unwrap(),
        };
        put(&mut package, entries, link);
        package.manifest.normalise();
        package
    }
}

/// A package that PiSi can say, but for one thing that another one lends it.
fn almost_pisi_package() -> impl Strategy<Value = Whole> {
    (pisi_package(), any_package(), 0..16_u8).prop_map(|(mut package, other, which)| {
        let (m, o) = (&mut package.manifest, other.manifest);
        match which {
            0 => m.version = o.version,
            1 => m.release = o.release,
            2 => m.order = o.order,
            3 => (m.build, m.arch) = (o.build, o.arch),
            4 => (m.slot, m.tag) = (o.slot, o.tag),
            5 => (m.source, m.homepage) = (o.source, o.homepage),
            6 => m.packager = o.packager,
            7 => (m.summary, m.description) = (o.summary, o.description),
            8 => m.licences = o.licences,
            9 => (m.categories, m.components) = (o.categories, o.components),
            10 => m.relations = o.relations,
            11 => (m.scripts, package.scripts) = (o.scripts, other.scripts),
            12 => m.history = o.history,
            13 => m.properties = o.properties,
            14 => package.translations = other.translations,
            _ => (m.entries, package.contents) = (o.entries, other.contents),
        }
        package
    })
}

/// Gives a package some of the entries of the one before it, with new times where `touched`.
fn keep(old: &Whole, new: &mut Whole, kept: &[bool], touched: bool) {
    for (index, (entry, content)) in old.manifest.entries.iter().zip(&old.contents.0).enumerate() {
        let group = entry.link_group as usize;
        let free = new.manifest.entries.iter().all(|other| {
            !other.path.starts_with(entry.path.as_bytes()) && !entry.path.starts_with(other.path.as_bytes())
        });
        if !free || !kept[if group > 0 { group } else { index } % kept.len()] {
            continue;
        }
        let mut entry = entry.clone();
        if touched {
            entry.mtime = entry.mtime.map(|time| time / 2);
        }
        if group > 0 {
            entry.link_group += 100;
        }
        let place = new.manifest.entries.partition_point(|other| other.path < entry.path);
        new.manifest.entries.insert(place, entry);
        new.contents.0.insert(place, content.clone());
    }
    new.renumber();
    // Which sources keep their time is not for the manifest to decide.
    if let Ok((bytes, _)) = new.try_write(Format::Pisi12) {
        *new = whole_of(&bytes, "x.pisi").unwrap();
    }
}

/// Losses that change what reads back.
fn real(losses: &[Loss]) -> Vec<&Loss> {
    losses.iter().filter(|loss| loss.what != Lost::Required).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_not_listed_as_lost_survives(
        package in prop_oneof![any_package(), almost_pisi_package(), almost_pisi_package()],
        new in any::<bool>(),
    ) {
        if package.manifest.encode().is_err() {
            return Ok(());
        }
        let foreseen = losses(&package.manifest, &package.translations);
        let fatal = foreseen.iter().any(|loss| loss.what.is_fatal());
        let format = if new { Format::Pisi12 } else { Format::Pisi11 };
        match package.try_write(format) {
            Err(problem) => prop_assert!(fatal, "{}", problem),
            Ok((bytes, lost)) => {
                prop_assert!(!fatal && lost.starts_with(&foreseen));
                let back = whole_of(&bytes, "x.pisi").unwrap();
                prop_assert_eq!(back == package, real(&lost).is_empty(), "{:?}\n{:?}", back, lost);
                // What was said once can be said again.
                let (again, lost) = back.write(format);
                prop_assert!(real(&lost).is_empty(), "{:?}", lost);
                prop_assert!(again == bytes);
            }
        }
    }

    #[test]
    fn what_pisi_can_say_survives(mut package in pisi_package()) {
        if package.manifest.encode().is_err() {
            return Ok(());
        }
        // Which sources keep their time is not for the manifest to decide.
        let (bytes, lost) = package.write(Format::Pisi12);
        let back = whole_of(&bytes, "x.pisi").unwrap();
        prop_assert!(real(&lost).iter().all(|loss| loss.what == Lost::KeepTime), "{:?}", lost);
        for (entry, told) in package.manifest.entries.iter_mut().zip(&back.manifest.entries) {
            entry.keep_mtime = told.keep_mtime;
        }
        prop_assert_eq!(&back, &package);
        prop_assert_eq!(&package.write(Format::Pisi11).1, &[]);
        prop_assert_eq!(package.manifest.id().unwrap(), back.manifest.id().unwrap());
    }

    #[test]
    fn a_delta_leads_to_the_package_unless_it_says_otherwise(
        old in pisi_package(), new in pisi_package(), known in any::<bool>(), format in any::<bool>(),
        kept in vec(any::<bool>(), 8), touched in any::<bool>(),
    ) {
        let (mut old, mut new) = (old, new);
        keep(&old, &mut new, &kept, touched);
        if old.manifest.encode().is_err() || new.manifest.encode().is_err() {
            return Ok(());
        }
        old.manifest.release = "2".into();
        old.manifest.distribution.clone_from(&new.manifest.distribution);
        old.manifest.distribution_release.clone_from(&new.manifest.distribution_release);
        let mut out = std::io::Cursor::new(Vec::new());
        let options = ambar_pkgfmt::pisi::WriteOptions { level: 0 };
        let format = if format { Format::Pisi12 } else { Format::Pisi11 };
        let Ok(lost) = write_delta(&old.manifest, &new.parts(), format, &options, &mut out) else {
            return Ok(());
        };
        let bytes = std::sync::Arc::new(out.into_inner());
        let name = std::path::Path::new("hello-2-3-p11-x86_64.delta.pisi");
        let mut delta = PackageFile::from_bytes(name, bytes, &Limits::default()).unwrap();
        let sha1 = |content: &Option<Vec<u8>>| {
            content.as_deref().filter(|_| known).map(ambar_pkgfmt::Sha1Digest::of)
        };
        let sha1s = old.contents.0.iter().map(sha1).collect();
        delta.set_base(Base { manifest: old.manifest, sha1s, contents: Box::new(old.contents) }).unwrap();
        let mut sink = Keeping::new(delta.draft().entries.len());
        let payload = delta.read_payload(&mut sink).unwrap();
        let manifest = delta.finish(&payload, &sink.hashes).unwrap();
        share_content(&manifest, &mut sink.contents);
        prop_assert_eq!(manifest == new.manifest, real(&lost).is_empty(), "{:?}\n{:?}", manifest, lost);
        prop_assert_eq!(Files(sink.contents), new.contents);
        prop_assert_eq!(delta.translations(), &new.translations);
    }
}
