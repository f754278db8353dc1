//! Debian packages in a root: what their relations, versions and flags come to.
#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../pkgfmt/tests/common/build.rs"]
mod build;
mod common;
#[allow(dead_code)]
#[path = "../pkgfmt/tests/common/deb.rs"]
mod deb;

use std::path::{Path, PathBuf};

use ambar::{Action, Options, OsPath, Plan, Request, Root};
use build::{directory, file, tar, tar_member};
use common::*;
use deb::{control_tar, deb_of};

/// Writes a package with these fields beside name and version, and these files.
fn package(dir: &Path, name: &str, version: &str, fields: &str, files: &[(&str, &str)]) -> PathBuf {
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n\
         Description: test\n{fields}"
    );
    let mut members = vec![directory("./")];
    members.extend(files.iter().map(|(path, content)| file(&format!("./{path}"), content.as_bytes())));
    let path = dir.join(format!("{name}_{}.deb", version.replace([':', '~'], "_")));
    std::fs::write(&path, deb_of(&control_tar(&[("control", &control)]), &tar(&members))).unwrap();
    path
}

fn plan(root: &Root, files: &[&PathBuf]) -> Result<Plan, ambar::Error> {
    let files = files.iter().map(|file| OsPath((*file).clone())).collect();
    root.plan(Request::install(files, Options::default()))
}

fn content(root: &Root, path: &str) -> String {
    std::fs::read_to_string(root.path().join(path)).unwrap()
}

#[test]
fn a_package_takes_the_paths_that_it_replaces_and_the_other_stays() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let old = package(dir.path(), "old", "1", "", &[("usr/share/x", "old"), ("usr/share/y", "old")]);
    let new = package(dir.path(), "new", "1", "Replaces: old (<< 2)\n", &[("usr/share/x", "new")]);
    install(&root, &[old]).unwrap();
    let outcome = install(&root, &[new]).unwrap();
    assert_eq!(outcome.generation, Some(2));
    assert_eq!(names(&root), ["new 1", "old 1"]);
    assert_eq!((content(&root, "usr/share/x"), content(&root, "usr/share/y")), ("new".into(), "old".into()));
    verified(&root);
    // When the one that took it goes, it is the other's again.
    remove(&root, &["new"]).unwrap();
    assert_eq!(content(&root, "usr/share/x"), "old");
    verified(&root);
}

#[test]
fn a_path_is_only_taken_from_versions_that_are_named() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let old = package(dir.path(), "old", "2", "", &[("usr/share/x", "old")]);
    let new = package(dir.path(), "new", "1", "Replaces: old (<< 2)\n", &[("usr/share/x", "new")]);
    install(&root, &[old]).unwrap();
    let error = install(&root, &[new]).unwrap_err();
    assert_eq!(error.path_conflicts().len(), 1, "{error}");
    assert_eq!(content(&root, "usr/share/x"), "old");
}

#[test]
fn a_rival_of_one_virtual_name_is_removed_in_the_same_step() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let mta =
        "Provides: mail-transport-agent\nConflicts: mail-transport-agent\nReplaces: mail-transport-agent\n";
    let one = package(dir.path(), "exim", "1", mta, &[("usr/sbin/sendmail", "exim")]);
    let two = package(dir.path(), "postfix", "1", mta, &[("usr/sbin/sendmail", "postfix")]);
    let user = package(dir.path(), "user", "1", "Depends: nothing | mail-transport-agent\n", &[]);
    let strict = Options::default();
    install_with(&root, &[one, user], strict.clone()).unwrap();
    let plan = plan(&root, &[&two]).unwrap();
    let actions: Vec<(Action, &str)> = plan.items.iter().map(|item| (item.action, &*item.name)).collect();
    assert_eq!(actions, [(Action::Remove, "exim"), (Action::Install, "postfix")]);
    install_with(&root, &[two], strict).unwrap();
    assert_eq!(names(&root), ["postfix 1", "user 1"]);
    assert_eq!(content(&root, "usr/sbin/sendmail"), "postfix");
}

#[test]
fn breaks_and_versioned_dependencies_are_held_to() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let strict = Options::default();
    let lib = package(dir.path(), "lib", "1.0~rc1", "Provides: api (= 3)\nMulti-Arch: allowed\n", &[]);
    let needs = package(dir.path(), "needs", "1", "Depends: lib (>= 1.0)\n", &[]);
    let error = install_with(&root, &[lib.clone(), needs], strict.clone()).unwrap_err();
    assert!(error.to_string().contains("needs lib (>= 1.0), but there is only lib 1.0~rc1"), "{error}");
    let uses = package(dir.path(), "uses", "1", "Depends: api (>= 3), lib:any\n", &[]);
    install_with(&root, &[lib, uses], strict.clone()).unwrap();
    let breaks = package(dir.path(), "breaks", "1", "Breaks: lib (<< 1.0)\n", &[]);
    let error = install_with(&root, std::slice::from_ref(&breaks), strict.clone()).unwrap_err();
    let rivals = "breaks 1 (file) conflicts with lib (< 1.0), which is lib 1.0~rc1 (installed)";
    assert!(error.to_string().contains(rivals), "{error}");
    let newer = package(dir.path(), "lib", "1.0", "Provides: api (= 3)\nMulti-Arch: allowed\n", &[]);
    install_with(&root, &[newer, breaks], strict).unwrap();
    assert_eq!(names(&root), ["breaks 1", "lib 1.0", "uses 1"]);
}

#[test]
fn versions_go_up_and_down_in_debians_order() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let mut last: Option<&str> = None;
    for version in ["1.0~~", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0.1-1", "1:0.5-1"] {
        let file = package(dir.path(), "p", version, "", &[("usr/share/p", version)]);
        let plan = plan(&root, &[&file]).unwrap();
        let expected = if last.is_some() { Action::Upgrade } else { Action::Install };
        assert_eq!((plan.items[0].action, plan.items[0].replaces.as_deref()), (expected, last), "{version}");
        install(&root, &[file]).unwrap();
        last = Some(version);
    }
    let down = package(dir.path(), "p", "9.0-1", "", &[]);
    assert_eq!(plan(&root, &[&down]).unwrap().items[0].action, Action::Downgrade);
}

#[test]
fn conffiles_are_private_and_scripts_are_kept_and_not_run() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let path = dir.path().join("hello.deb");
    std::fs::write(&path, deb::honest_deb()).unwrap();
    let plan = plan(&root, &[&path]);
    assert!(plan.unwrap_err().to_string().contains("libc6"), "its dependencies are checked");
    install(&root, &[path]).unwrap();
    verified(&root);
    let details = root.details("hello").unwrap();
    let config: Vec<String> =
        details.manifest.entries.iter().filter(|entry| entry.config).map(|e| e.path.to_string()).collect();
    assert_eq!(config, ["etc/hello"]);
    assert_eq!(details.manifest.scripts[0].role, "postinst");
    assert!(root.path().join("usr/bin/hello").exists(), "postinst was not run");
}

#[test]
fn setuid_is_shown_in_the_plan_or_refused() {
    let dir = memory_dir();
    let (_root_dir, root) = new_root();
    let control = control_tar(&[(
        "control",
        "Package: su\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n",
    )]);
    let member = tar_member(tar::EntryType::Regular, "./usr/bin/su", "", b"su", 0o4755);
    let path = dir.path().join("su.deb");
    std::fs::write(&path, deb_of(&control, &tar(&[directory("./"), member]))).unwrap();
    match plan(&root, &[&path]) {
        Ok(plan) => {
            assert!(is_superuser());
            assert_eq!(plan.items[0].setuid[0].to_string(), "usr/bin/su");
        }
        Err(error) => {
            assert!(!is_superuser());
            assert!(error.to_string().contains("--strip-setuid"), "{error}");
        }
    }
    let options = Options { strip_setuid: true, ..Options::default() };
    install_with(&root, &[path], options).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&look_at(&root, "usr/bin/su").permissions());
    assert_eq!(mode & 0o6000, 0);
}

fn look_at(root: &Root, path: &str) -> std::fs::Metadata {
    root.path().join(path).metadata().unwrap()
}
