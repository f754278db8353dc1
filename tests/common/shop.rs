//! A root and a directory of small packages to choose from, for tests about choosing.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use ambar::pkgfmt::{Format, Limits};
use ambar::{
    Action, Description, Error, Options, OsPath, Outcome, PackOptions, Plan, Reason, Request, Root, Silent,
    Target,
};

/// Writes the native package `NAME-VERSION.ambar`, with one file of its own; `more` is the rest of its package.toml.
pub(crate) fn put(dir: &Path, name: &str, version: &str, more: &str) -> PathBuf {
    put_as(dir, &format!("{name}-{version}.ambar"), name, version, more)
}

/// As [`put`], under another file name.
pub(crate) fn put_as(dir: &Path, file: &str, name: &str, version: &str, more: &str) -> PathBuf {
    let work = tempfile::tempdir().unwrap();
    let top = work.path().join("top");
    std::fs::create_dir_all(top.join("usr/share")).unwrap();
    std::fs::write(top.join("usr/share").join(format!("{name}-{version}")), format!("{name} {version}\n"))
        .unwrap();
    let toml = work.path().join("package.toml");
    std::fs::write(&toml, format!("name = {name:?}\nversion = {version:?}\n{more}")).unwrap();
    let description = Description::read(&toml).unwrap();
    std::fs::create_dir_all(dir).unwrap();
    let path = dir.join(file);
    let target = Target { level: Some(1), ..Target::new(&path, Some(Format::Native)).unwrap() };
    let options = PackOptions { newest: Some(1_350_000_000), ..PackOptions::default() };
    ambar::pack(&top, &description, options, &target, &Limits::default(), &Silent).unwrap();
    path
}

/// `[relations]` of one kind.
pub(crate) fn depends(on: &[&str]) -> String {
    format!("[relations]\ndepends = {on:?}\n")
}

/// A root, and a directory to choose from.
pub(crate) struct Shop {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) root: Root,
}

impl Shop {
    pub(crate) fn new() -> Shop {
        let dir = super::common::memory_dir();
        std::fs::create_dir(dir.path().join("shop")).unwrap();
        let root = Root::open(&dir.path().join("root")).unwrap();
        Shop { dir, root }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    pub(crate) fn put(&self, name: &str, version: &str, more: &str) -> &Shop {
        put(&self.path(), name, version, more);
        self
    }

    /// Leaves nothing to choose from.
    pub(crate) fn clear(&self) {
        std::fs::remove_dir_all(self.path()).unwrap();
        std::fs::create_dir(self.path()).unwrap();
    }

    pub(crate) fn from(&self) -> Vec<OsPath> {
        vec![OsPath(self.path())]
    }

    pub(crate) fn plan_install(&self, names: &[&str], options: Options) -> Result<Plan, Error> {
        let names = owned(names);
        self.root.plan(Request::Install { files: Vec::new(), names, from: self.from(), options })
    }

    pub(crate) fn plan_upgrade(&self, names: &[&str], options: Options) -> Result<Plan, Error> {
        self.root.plan(Request::Upgrade { names: owned(names), from: self.from(), options })
    }

    pub(crate) fn plan_downgrade(&self, names: &[&str], options: Options) -> Result<Plan, Error> {
        self.root.plan(Request::Downgrade { names: owned(names), from: self.from(), options })
    }

    pub(crate) fn plan_remove(&self, names: &[&str], options: Options) -> Result<Plan, Error> {
        self.root.plan(Request::Remove { names: owned(names), options })
    }

    pub(crate) fn plan_autoremove(&self) -> Plan {
        self.root.plan(Request::Autoremove { options: Options::default() }).unwrap()
    }

    #[track_caller]
    pub(crate) fn run(&self, plan: &Plan) -> Outcome {
        self.root.execute(plan, &Silent).unwrap()
    }

    #[track_caller]
    pub(crate) fn install(&self, names: &[&str]) -> Plan {
        let plan = self.plan_install(names, Options::default()).unwrap();
        self.run(&plan);
        plan
    }

    #[track_caller]
    pub(crate) fn remove(&self, names: &[&str]) -> Plan {
        let plan = self.plan_remove(names, Options::default()).unwrap();
        self.run(&plan);
        plan
    }

    pub(crate) fn mark(&self, name: &str, reason: Reason) {
        let plan = self.root.plan(Request::Mark { names: owned(&[name]), reason }).unwrap();
        self.run(&plan);
    }

    /// What is installed, as `name version`, with a `*` where somebody asked for it.
    pub(crate) fn installed(&self) -> Vec<String> {
        let packages = self.root.packages().unwrap();
        let asked = |reason| if reason == Reason::Explicit { "*" } else { "" };
        let show = |one: &ambar::Installed| {
            format!("{} {}{}", one.instance(), one.full_version(), asked(one.reason))
        };
        packages.iter().map(show).collect()
    }
}

pub(crate) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What a plan does, as `action name version`.
pub(crate) fn changes(plan: &Plan) -> Vec<String> {
    let show = |item: &ambar::Item| format!("{} {} {}", item.action.name(), item.instance(), item.version);
    plan.items.iter().map(show).collect()
}

/// What comes with a plan that only installs.
pub(crate) fn comes(plan: &Plan) -> Vec<String> {
    assert!(plan.items.iter().all(|item| item.action == Action::Install), "{:?}", changes(plan));
    plan.items.iter().map(|item| format!("{} {}", item.instance(), item.version)).collect()
}

#[track_caller]
pub(crate) fn tells(text: impl std::fmt::Display, parts: &[&str]) {
    let text = text.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}
