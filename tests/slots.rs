//! Several packages of one name side by side: slots, tags, and architectures of `Multi-Arch: same`.
#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../pkgfmt/tests/common/build.rs"]
mod build;
mod common;
#[allow(dead_code)]
#[path = "../pkgfmt/tests/common/deb.rs"]
mod deb;
#[allow(dead_code)]
#[path = "../pkgfmt/tests/common/entropy.rs"]
mod entropy;

use std::path::{Path, PathBuf};

use ambar::pkgfmt::codec::Encoder;
use ambar::pkgfmt::{Digest, Format, Limits};
use ambar::{
    Action, Class, Description, Error, Options, OsPath, PackOptions, Plan, Request, Root, Silent, Target,
};
use build::{directory, file, tar};
use common::*;

/// A `.tbz2` of `app/NAME` in that slot.
fn tbz2(dir: &Path, name: &str, version: &str, slot: &str, files: &[(&str, &str)]) -> PathBuf {
    let full = format!("{name}-{version}");
    let xpak = entropy::xpak(&[("CATEGORY", b"app\n"), ("PF", full.as_bytes()), ("SLOT", slot.as_bytes())]);
    let mut members = vec![directory("./")];
    members.extend(files.iter().map(|(path, content)| file(&format!("./{path}"), content.as_bytes())));
    let path = dir.join(format!("{full}.tbz2"));
    std::fs::write(&path, entropy::assemble(&entropy::bzip2(&tar(&members)), &xpak)).unwrap();
    path
}

/// A native package with a slot and a tag.
fn native(dir: &Path, name: &str, version: &str, slot: &str, tag: &str, files: &[(&str, &str)]) -> PathBuf {
    let top = dir.join(format!("tree-{name}-{version}-{tag}"));
    for (path, content) in files {
        let path = top.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let mut description = Description::new(name, version);
    let manifest = description.manifest_mut();
    (manifest.slot, manifest.tag) = (slot.into(), tag.into());
    let path = dir.join(format!("{name}-{version}-{tag}.ambar"));
    let target = Target { level: Some(1), ..Target::new(&path, Some(Format::Native)).unwrap() };
    let options = PackOptions { newest: Some(1_350_000_000), ..PackOptions::default() };
    ambar::pack(&top, &description, options, &target, &Limits::default(), &Silent).unwrap();
    path
}

/// A `.deb` of an architecture, with these fields and files.
fn deb(dir: &Path, name: &str, version: &str, arch: &str, fields: &str, files: &[(&str, &str)]) -> PathBuf {
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: A <a@example.org>\n\
         Description: test\n{fields}"
    );
    let conffiles: String = files
        .iter()
        .filter(|(path, _)| path.starts_with("etc/"))
        .map(|(path, _)| format!("/{path}\n"))
        .collect();
    let control = deb::control_tar(&[("control", &control), ("conffiles", &conffiles)]);
    let mut members = vec![directory("./")];
    members.extend(files.iter().map(|(path, content)| file(&format!("./{path}"), content.as_bytes())));
    let path = dir.join(format!("{name}_{version}_{arch}.deb"));
    std::fs::write(&path, deb::deb_of(&control, &tar(&members))).unwrap();
    path
}

const SAME: &str = "Multi-Arch: same\n";

fn plan(root: &Root, files: &[&PathBuf]) -> Result<Plan, Error> {
    let files = files.iter().map(|file| OsPath((*file).clone())).collect();
    root.plan(Request::install(files, Options::default()))
}

/// What a plan does, as `action name version`.
fn steps(plan: &Plan) -> Vec<String> {
    let step = |item: &ambar::Item| format!("{} {} {}", item.action.name(), item.instance(), item.version);
    plan.items.iter().map(step).collect()
}

/// What is installed, as `name:slot#tag:arch version`.
fn shown(root: &Root) -> Vec<String> {
    let packages = root.packages().unwrap();
    packages.iter().map(|package| format!("{} {}", package.instance(), package.full_version())).collect()
}

fn content(root: &Root, path: &str) -> String {
    std::fs::read_to_string(root.path().join(path)).unwrap()
}

fn owners(root: &Root, path: &str) -> Vec<String> {
    let owners = root.owners(Path::new(path)).unwrap();
    owners.iter().map(|package| package.instance().to_string()).collect()
}

#[test]
fn two_slots_live_side_by_side_and_are_upgraded_removed_and_rolled_back_each_for_itself() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let gtk = |version: &str, slot: &str| {
        let library = format!("usr/lib/gtk-{slot}.so");
        tbz2(dir.path(), "gtk", version, slot, &[(&library, version)])
    };
    let strict = Options::default();
    install_with(&root, &[gtk("2.1", "2"), gtk("3.1", "3")], strict.clone()).unwrap();
    assert_eq!(shown(&root), ["app/gtk:2 2.1", "app/gtk:3 3.1"]);
    assert_eq!(
        (content(&root, "usr/lib/gtk-2.so"), content(&root, "usr/lib/gtk-3.so")),
        ("2.1".into(), "3.1".into())
    );
    verified(&root);

    let newer = gtk("2.2", "2");
    let upgrade = plan(&root, &[&newer]).unwrap();
    assert_eq!(steps(&upgrade), ["upgrade app/gtk:2 2.2"]);
    assert_eq!(upgrade.items[0].replaces.as_deref(), Some("2.1"));
    root.execute(&upgrade, &Silent).unwrap();
    assert_eq!(shown(&root), ["app/gtk:2 2.2", "app/gtk:3 3.1"]);
    assert!(plan(&root, &[&newer]).unwrap().is_empty(), "it is installed already");
    // Subslots do not keep packages apart, and the slot that goes without saying is another one.
    let sub = tbz2(dir.path(), "gtk", "3.2", "3/3.2", &[("usr/lib/gtk-3.so", "3.2")]);
    let usual = tbz2(dir.path(), "gtk", "1.0", "0", &[("usr/lib/gtk.so", "1.0")]);
    install_with(&root, &[sub, usual], strict).unwrap();
    assert_eq!(shown(&root), ["app/gtk 1.0", "app/gtk:2 2.2", "app/gtk:3 3.2"]);

    remove(&root, &["app/gtk:2"]).unwrap();
    assert_eq!(shown(&root), ["app/gtk 1.0", "app/gtk:3 3.2"]);
    assert!(!root.path().join("usr/lib/gtk-2.so").exists());
    verified(&root);
    remove(&root, &["app/gtk:0"]).unwrap();
    assert_eq!(shown(&root), ["app/gtk:3 3.2"]);

    activate(&root, Some(1)).unwrap();
    assert_eq!(shown(&root), ["app/gtk:2 2.1", "app/gtk:3 3.1"]);
    assert_eq!(
        (content(&root, "usr/lib/gtk-2.so"), content(&root, "usr/lib/gtk-3.so")),
        ("2.1".into(), "3.1".into())
    );
    verified(&root);
    let changes: Vec<String> = root
        .diff(1, 3)
        .unwrap()
        .iter()
        .map(|item| {
            format!("{} {} {:?} {}", item.action.name(), item.instance(), item.replaces, item.version)
        })
        .collect();
    assert_eq!(
        changes,
        [
            "install app/gtk None 1.0",
            "upgrade app/gtk:2 Some(\"2.1\") 2.2",
            "upgrade app/gtk:3 Some(\"3.1\") 3.2"
        ]
    );
}

#[test]
fn a_name_that_several_have_means_all_in_questions_and_must_be_said_whole_to_remove() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let one = tbz2(dir.path(), "py", "2.7", "2.7", &[("usr/bin/py2", "2.7")]);
    let two = tbz2(dir.path(), "py", "3.1", "3.1", &[("usr/bin/py3", "3.1")]);
    install(&root, &[one, two]).unwrap();
    let error = remove(&root, &["app/py"]).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert_eq!(error.to_string(), "app/py is installed more than once: say which of app/py:2.7, app/py:3.1");
    let error = remove(&root, &["app/py:3"]).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert!(error.to_string().contains("app/py:3.1"), "{error}");

    assert!(matches!(root.details("app/py"), Err(Error::Ambiguous { .. })));
    assert!(matches!(root.files("app/py"), Err(Error::Ambiguous { .. })));
    let all = root.all_details("app/py").unwrap();
    assert_eq!(all.iter().map(|one| one.manifest.version.as_str()).collect::<Vec<_>>(), ["2.7", "3.1"]);
    assert_eq!(root.all_files("app/py").unwrap().len(), 2);
    assert_eq!(root.details("app/py:3.1").unwrap().manifest.version, "3.1");
    assert!(root.files("app/py:3.1").unwrap().iter().any(|entry| entry.path.to_string() == "usr/bin/py3"));
    assert!(root.verify(&["app/py".into()], &Silent).unwrap().is_empty());
    remove(&root, &["app/py:2.7"]).unwrap();
    // Now the name is enough.
    remove(&root, &["app/py"]).unwrap();
    assert!(shown(&root).is_empty());
}

#[test]
fn damage_is_found_in_the_slot_that_has_it() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let one = tbz2(dir.path(), "py", "2.7", "2.7", &[("usr/bin/py2", "2.7")]);
    let two = tbz2(dir.path(), "py", "3.1", "3.1", &[("usr/bin/py3", "3.1")]);
    install(&root, &[one, two]).unwrap();
    std::fs::remove_file(root.path().join("usr/bin/py3")).unwrap();
    let of = |name: &str| root.verify(&[name.to_owned()], &Silent).unwrap();
    assert!(of("app/py:2.7").is_empty());
    assert_eq!(of("app/py:3.1")[0].packages, ["app/py:3.1"]);
    assert_eq!(of("app/py").len(), 1);
}

#[test]
fn kernels_with_tags_stay_beside_each_other() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let kernel = |version: &str, tag: &str, text: &str| {
        let (image, modules) = (format!("usr/lib/kernel/{tag}"), format!("usr/lib/modules/{tag}/dep"));
        native(dir.path(), "linux", version, "", tag, &[(&image, text), (&modules, text)])
    };
    install(&root, &[kernel("4.9.0", "4.9.0-s", "old")]).unwrap();
    install(&root, &[kernel("4.11.0", "4.11.0-s", "new")]).unwrap();
    assert_eq!(shown(&root), ["linux#4.11.0-s 4.11.0", "linux#4.9.0-s 4.9.0"]);
    // The same tag in another version takes the place of the one before.
    let rebuilt = kernel("4.11.1", "4.11.0-s", "newer");
    let upgrade = plan(&root, &[&rebuilt]).unwrap();
    assert_eq!(steps(&upgrade), ["upgrade linux#4.11.0-s 4.11.1"]);
    root.execute(&upgrade, &Silent).unwrap();
    assert_eq!(content(&root, "usr/lib/kernel/4.9.0-s"), "old");
    remove(&root, &["linux#4.9.0-s"]).unwrap();
    assert_eq!(shown(&root), ["linux#4.11.0-s 4.11.1"]);
    activate(&root, None).unwrap();
    assert_eq!(shown(&root), ["linux#4.11.0-s 4.11.1", "linux#4.9.0-s 4.9.0"]);
    verified(&root);
}

#[test]
fn a_clash_between_slots_is_refused_and_both_are_named_with_their_slots() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let one = tbz2(dir.path(), "py", "2.7", "2.7", &[("usr/bin/py", "2.7")]);
    let two = tbz2(dir.path(), "py", "3.1", "3.1", &[("usr/bin/py", "2.7")]);
    install(&root, std::slice::from_ref(&one)).unwrap();
    // Equal content is no excuse: only architectures of one package share.
    for files in [vec![two.clone()], vec![one, two.clone()]] {
        let error = install(&root, &files).unwrap_err();
        assert_eq!(error.class(), Class::Conflict);
        let conflict = &error.path_conflicts()[0];
        assert_eq!((conflict.first.as_str(), conflict.second.as_str()), ("app/py:2.7", "app/py:3.1"));
        assert!(error.to_string().contains("usr/bin/py: app/py:2.7 and app/py:3.1 both have it"), "{error}");
    }
    // Told to take it, the choice holds, among these two.
    let options = Options { overwrite: true, ignore_dependency: true, ..Options::default() };
    install_with(&root, &[two], options).unwrap();
    assert_eq!(owners(&root, "usr/bin/py"), ["app/py:3.1"]);
    let newer = tbz2(dir.path(), "py", "2.8", "2.7", &[("usr/bin/py", "2.8")]);
    install(&root, &[newer]).unwrap();
    assert_eq!(
        (content(&root, "usr/bin/py"), owners(&root, "usr/bin/py")),
        ("2.7".into(), vec!["app/py:3.1".into()])
    );
    remove(&root, &["app/py:3.1"]).unwrap();
    assert_eq!(content(&root, "usr/bin/py"), "2.8");
    verified(&root);
}

#[test]
fn two_files_of_one_slot_are_a_contradiction_and_of_two_slots_are_not() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let old = tbz2(dir.path(), "py", "2.6", "2", &[("usr/bin/py2", "2.6")]);
    let new = tbz2(dir.path(), "py", "2.7", "2", &[("usr/bin/py2", "2.7")]);
    let other = tbz2(dir.path(), "py", "3.1", "3", &[("usr/bin/py3", "3.1")]);
    let error = plan(&root, &[&old, &other, &new]).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("are both package app/py:2"), "{error}");
    assert_eq!(
        steps(&plan(&root, &[&new, &other, &new]).unwrap()),
        ["install app/py:2 2.7", "install app/py:3 3.1"]
    );
}

#[test]
fn a_conflict_with_another_slot_of_its_own_name_counts() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let one = native(dir.path(), "x", "1", "1", "", &[("usr/x1", "1")]);
    install(&root, &[one]).unwrap();
    let top = dir.path().join("against");
    std::fs::create_dir_all(&top).unwrap();
    let mut description = Description::new("x", "2");
    let manifest = description.manifest_mut();
    manifest.slot = "2".into();
    let target = "x (slot = 1)".parse::<ambar::pkgfmt::relation::Target>().unwrap();
    let kind = ambar::pkgfmt::relation::RelationKind::Conflicts;
    manifest.relations = vec![ambar::pkgfmt::relation::Relation::one(kind, target)];
    let path = dir.path().join("x-2.ambar");
    let written = Target::new(&path, Some(Format::Native)).unwrap();
    ambar::pack(&top, &description, PackOptions::default(), &written, &Limits::default(), &Silent).unwrap();
    let error = plan(&root, &[&path]).unwrap_err();
    assert!(matches!(error, Error::Impossible(_)), "{error}");
}

#[test]
fn two_architectures_share_what_is_the_same_and_come_and_go_each_for_itself() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let lib = |version: &str, arch: &str, doc: &str| {
        let library = format!("usr/lib/{arch}/libx.so");
        let files = [
            (library.as_str(), arch),
            ("usr/share/doc/libx/copyright", doc),
            ("etc/libx.conf", "shared=1\n"),
        ];
        deb(dir.path(), "libx", version, arch, SAME, &files)
    };
    let (amd64, i386) = (lib("1.0", "amd64", "free"), lib("1.0", "i386", "free"));
    install(&root, std::slice::from_ref(&amd64)).unwrap();
    let second = plan(&root, &[&i386]).unwrap();
    assert_eq!(steps(&second), ["install libx:i386 1.0"]);
    root.execute(&second, &Silent).unwrap();
    assert_eq!(shown(&root), ["libx:amd64 1.0", "libx:i386 1.0"]);
    assert_eq!(owners(&root, "usr/share/doc/libx/copyright"), ["libx:amd64", "libx:i386"]);
    assert_eq!(owners(&root, "usr/lib/i386/libx.so"), ["libx:i386"]);
    verified(&root);
    let copyright = root.path().join("usr/share/doc/libx/copyright");
    let away = dir.path().join("away");
    std::fs::copy(&copyright, &away).unwrap();
    std::fs::remove_file(&copyright).unwrap();
    for name in ["libx:amd64", "libx:i386"] {
        let findings = root.verify(&[name.to_owned()], &Silent).unwrap();
        assert_eq!(findings[0].packages, ["libx:amd64", "libx:i386"], "{name}");
    }
    std::fs::copy(&away, &copyright).unwrap();

    // Whoever goes, what they share stays as long as one of them does.
    std::fs::write(root.path().join("etc/libx.conf"), "mine=1\n").unwrap();
    for name in ["libx:amd64", "libx:i386"] {
        remove(&root, &[name]).unwrap();
        assert_eq!(content(&root, "usr/share/doc/libx/copyright"), "free");
        assert_eq!(content(&root, "etc/libx.conf"), "mine=1\n");
        assert_eq!(shown(&root).len(), 1);
        verified(&root);
        activate(&root, Some(2)).unwrap();
        assert_eq!(content(&root, "usr/lib/amd64/libx.so"), "amd64");
    }

    // Both go up together when what they share has changed; one alone would have the other's paths.
    let newer = [lib("2.0", "amd64", "freer"), lib("2.0", "i386", "freer")];
    let error = install(&root, &newer[..1]).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    let conflict = &error.path_conflicts()[0];
    assert_eq!(conflict.path.to_string(), "usr/share/doc/libx/copyright");
    assert_eq!((conflict.first.as_str(), conflict.second.as_str()), ("libx:amd64", "libx:i386"));
    let both = plan(&root, &[&newer[0], &newer[1]]).unwrap();
    assert_eq!(steps(&both), ["upgrade libx:amd64 2.0", "upgrade libx:i386 2.0"]);
    root.execute(&both, &Silent).unwrap();
    assert_eq!(content(&root, "usr/share/doc/libx/copyright"), "freer");
    verified(&root);

    // In one step as well, in a root that has neither.
    let (_other_dir, other) = new_root();
    install(&other, &[i386, amd64]).unwrap();
    assert_eq!(shown(&other), ["libx:amd64 1.0", "libx:i386 1.0"]);
    verified(&other);
}

#[test]
fn architectures_with_different_content_at_one_path_are_refused_even_of_one_length() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let lib = |arch: &str, text: &str| deb(dir.path(), "libx", "1.0", arch, SAME, &[("usr/share/x", text)]);
    let (amd64, i386) = (lib("amd64", "one"), lib("i386", "two"));
    // A list of files does not tell that they differ; the content does, and nothing has happened.
    let error = install(&root, &[amd64.clone(), i386.clone()]).unwrap_err();
    assert_eq!(error.path_conflicts().len(), 1, "{error}");
    assert!(!root.path().exists());
    install(&root, &[amd64]).unwrap();
    let error = install(&root, &[i386]).unwrap_err();
    assert!(error.to_string().contains("libx:amd64 and libx:i386 both have it"), "{error}");
    assert_eq!(root.generations().unwrap().len(), 1);
    verified(&root);
}

#[test]
fn a_package_that_cannot_be_beside_itself_takes_the_place_of_every_architecture() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let of = |version: &str, arch: &str, fields: &str| {
        deb(dir.path(), "libx", version, arch, fields, &[(&format!("usr/lib/{arch}/x"), version)])
    };
    // From one that cannot to one that can: an upgrade.
    install(&root, &[of("1", "amd64", "")]).unwrap();
    assert_eq!(shown(&root), ["libx 1"]);
    let same = of("2", "amd64", SAME);
    let upgrade = plan(&root, &[&same]).unwrap();
    assert_eq!((upgrade.items[0].action, upgrade.items[0].replaces.as_deref()), (Action::Upgrade, Some("1")));
    install(&root, &[same, of("2", "i386", SAME)]).unwrap();
    assert_eq!(shown(&root), ["libx:amd64 2", "libx:i386 2"]);
    // And back: both go.
    let alone = of("3", "amd64", "");
    let back = plan(&root, &[&alone]).unwrap();
    assert_eq!(steps(&back), ["upgrade libx 3", "remove libx:i386 2"]);
    root.execute(&back, &Silent).unwrap();
    assert_eq!(shown(&root), ["libx 3"]);
    verified(&root);
    let changes: Vec<String> =
        root.diff(2, 3).unwrap().iter().map(|item| item.instance().to_string()).collect();
    assert_eq!(changes, ["libx", "libx:i386"]);
    activate(&root, None).unwrap();
    assert_eq!(shown(&root), ["libx:amd64 2", "libx:i386 2"]);
    verified(&root);
}

#[test]
fn a_package_that_replaces_takes_what_two_architectures_share() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let old = deb(dir.path(), "old", "1", "all", "", &[("usr/share/x", "old")]);
    let fields = format!("{SAME}Replaces: old (<< 2)\n");
    let new =
        ["amd64", "i386"].map(|arch| deb(dir.path(), "new", "1", arch, &fields, &[("usr/share/x", "new")]));
    install(&root, &[old]).unwrap();
    install(&root, &new).unwrap();
    assert_eq!(content(&root, "usr/share/x"), "new");
    verified(&root);
    remove(&root, &["new:amd64"]).unwrap();
    assert_eq!(content(&root, "usr/share/x"), "new");
    remove(&root, &["new"]).unwrap();
    assert_eq!(content(&root, "usr/share/x"), "old");
    verified(&root);
}

/// What version 1 wrote of the record of a generation without choices and kept files.
fn record_of_version_1(root: &Root, number: u64) -> Vec<u8> {
    let path = root.path().join(format!(".ambar/records/{number}"));
    let document = std::fs::read(&path).unwrap();
    assert_eq!(&document[..8], b"ambarrc\x02");
    // The fields up to the list of packages are as they were: number, parent, root, time, cause.
    let generation = root.generations().unwrap().into_iter().find(|one| one.number == number).unwrap();
    let id = std::fs::read(root.path().join(".ambar/id")).unwrap();
    let id: Vec<u8> = (0..32)
        .step_by(2)
        .map(|at| u8::from_str_radix(std::str::from_utf8(&id[at..at + 2]).unwrap(), 16).unwrap())
        .collect();
    let mut e = Encoder::new();
    e.raw(b"ambarrc\x01");
    e.field(1, |e| e.number(number));
    e.field(2, |e| generation.parent.into_iter().for_each(|parent| e.number(parent)));
    e.field(3, |e| e.raw(&id));
    e.field(4, |e| e.signed(generation.time));
    e.text_field(5, &generation.cause);
    e.list_field(6, &root.packages().unwrap(), |e, package| {
        e.raw(&package.id.0.0);
        for text in [&package.name, &package.version, &package.release, &package.arch] {
            e.text(text);
        }
        e.number(package.installed_size);
        let profile = serde_json::to_value(package).unwrap()["profile"].as_u64().unwrap();
        e.byte(profile as u8);
        e.byte(1);
    });
    let mut bytes = e.finish();
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(&digest.0);
    bytes
}

#[test]
fn a_root_whose_records_are_older_opens_and_its_packages_keep_their_slots() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let two = tbz2(dir.path(), "py", "2.7", "2", &[("usr/bin/py2", "2.7")]);
    let lib = |arch: &str| deb(dir.path(), "libx", "1", arch, SAME, &[(&format!("usr/lib/{arch}/x"), arch)]);
    install(&root, &[two, lib("amd64")]).unwrap();
    let before = shown(&root);
    let record = record_of_version_1(&root, 1);
    std::fs::write(root.path().join(".ambar/records/1"), &record).unwrap();

    assert_eq!(shown(&root), before);
    assert_eq!(before, ["app/py:2 2.7", "libx:amd64 1"]);
    verified(&root);
    // A new slot comes beside what the old record has, and an upgrade takes its place.
    let three = tbz2(dir.path(), "py", "3.1", "3", &[("usr/bin/py3", "3.1")]);
    let newer = tbz2(dir.path(), "py", "2.8", "2", &[("usr/bin/py2", "2.8")]);
    install(&root, &[three, newer, lib("i386")]).unwrap();
    assert_eq!(shown(&root), ["app/py:2 2.8", "app/py:3 3.1", "libx:amd64 1", "libx:i386 1"]);
    assert_eq!(
        std::fs::read(root.path().join(".ambar/records/1")).unwrap(),
        record,
        "records are not rewritten"
    );
    assert_eq!(root.diff(1, 2).unwrap().len(), 3);
    activate(&root, None).unwrap();
    assert_eq!(shown(&root), before);
    remove(&root, &["app/py"]).unwrap();
    assert_eq!(shown(&root), ["libx:amd64 1"]);
    verified(&root);
}
