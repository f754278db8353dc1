//! Policy and marks where several packages of one name are side by side.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use ambar::pkgfmt::{Format, Limits};
use ambar::policy::List;
use ambar::{Description, Error, Options, OsPath, PackOptions, Reason, Request, Root, Silent, Target};
use common::*;

/// A package `lib` in that slot.
fn lib(dir: &Path, slot: &str) -> PathBuf {
    let top = dir.join(format!("tree-{slot}"));
    std::fs::create_dir_all(top.join("usr/lib")).unwrap();
    std::fs::write(top.join(format!("usr/lib/lib.so.{slot}")), slot).unwrap();
    let mut description = Description::new("lib", &format!("{slot}.0"));
    description.manifest_mut().slot = slot.into();
    let path = dir.join(format!("lib-{slot}.ambar"));
    let target = Target { level: Some(1), ..Target::new(&path, Some(Format::Native)).unwrap() };
    ambar::pack(&top, &description, PackOptions::default(), &target, &Limits::default(), &Silent).unwrap();
    path
}

fn both() -> (tempfile::TempDir, Root) {
    let (dir, root) = new_root();
    let files = ["1", "2"].map(|slot| lib(dir.path(), slot));
    install(&root, &files).unwrap();
    (dir, root)
}

fn reasons(root: &Root) -> Vec<String> {
    let packages = root.packages().unwrap();
    packages.iter().map(|one| format!("{} {}", one.full_version(), one.reason.name())).collect()
}

fn mark(root: &Root, name: &str, reason: Reason) {
    let plan = root.plan(Request::Mark { names: vec![name.into()], reason }).unwrap();
    root.execute(&plan, &Silent).unwrap();
}

#[test]
fn a_mark_is_on_all_of_a_name_or_on_the_one_that_is_said() {
    let (_dir, root) = both();
    mark(&root, "lib", Reason::Automatic);
    assert_eq!(reasons(&root), ["1.0 automatic", "2.0 automatic"]);
    mark(&root, "lib:2", Reason::Explicit);
    assert_eq!(reasons(&root), ["1.0 automatic", "2.0 explicit"]);
    verified(&root);
}

#[test]
fn a_rule_about_one_slot_is_not_about_the_other() {
    let (dir, root) = both();
    root.add_rules(List::Protect, &["lib (slot = 1)".into()], None, false).unwrap();
    root.add_rules(List::Hold, &["lib (slot = 2)".into()], None, false).unwrap();
    let error = remove(&root, &["lib:1"]).unwrap_err();
    assert!(matches!(&error, Error::Protected { rule, .. } if rule.line == 1), "{error}");
    let again = |slot: &str| {
        let options = Options { reinstall: true, ..Options::default() };
        let plan = root.plan(Request::install(vec![OsPath(lib(dir.path(), slot))], options)).unwrap();
        plan.notes.iter().filter(|note| note.contains("is held")).count()
    };
    assert_eq!((again("1"), again("2")), (0, 1));
    remove(&root, &["lib:2"]).unwrap();
    assert_eq!(reasons(&root), ["1.0 explicit"]);
}
