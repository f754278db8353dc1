//! Real programs of Debian's in a root in a home directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ambar::pkgfmt::relation::RelationKind;
use ambar::pkgfmt::{Limits, Manifest, PackageFile};

use crate::inside::{Inside, users};

/// What is to run.
const WANTED: [&str; 3] = ["bash", "git", "python3"];

/// Files of packages and everything that they depend on, out of a directory; or what is missing there.
fn closure(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    files.sort();
    let mut packages: BTreeMap<String, (PathBuf, Manifest)> = BTreeMap::new();
    let mut provided: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let manifest = PackageFile::open(&file, &Limits::default()).unwrap().draft().manifest.clone();
        for relation in manifest.relations.iter().filter(|relation| relation.kind == RelationKind::Provides) {
            for target in &relation.alternatives {
                provided.entry(target.name.clone()).or_insert_with(|| manifest.name.clone());
            }
        }
        packages.insert(manifest.name.clone(), (file, manifest));
    }
    let mut chosen = BTreeSet::new();
    let mut open: Vec<String> = WANTED.map(str::to_owned).to_vec();
    while let Some(name) = open.pop() {
        let Some((_, manifest)) = packages.get(&name) else { return Err(format!("there is no {name}")) };
        if !chosen.insert(name.clone()) {
            continue;
        }
        for relation in &manifest.relations {
            if !matches!(relation.kind, RelationKind::Depends | RelationKind::PreDepends) {
                continue;
            }
            let mut names = relation.alternatives.iter().map(|target| target.name.as_str());
            let found = names.clone().find(|name| packages.contains_key(*name));
            let found = found.or_else(|| names.find_map(|name| provided.get(name).map(String::as_str)));
            match found {
                Some(found) => open.push(found.to_owned()),
                None => {
                    return Err(format!(
                        "nothing there is what {name} depends on: {:?}",
                        relation.alternatives
                    ));
                }
            }
        }
    }
    Ok(chosen.iter().map(|name| packages[name].0.clone()).collect())
}

/// Lets apt fetch the packages and all that they depend on.
fn fetched(into: &Path) -> Result<Vec<PathBuf>, String> {
    let apt = |program: &str, arguments: &[&str], names: &[String]| {
        let mut command = Command::new(program);
        command.args(arguments).args(names).current_dir(into).stderr(Stdio::null()).stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("{program}: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(format!("{program} {} has failed", arguments[0])),
        }
    };
    let strict = [
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
        "--no-replaces",
        "--no-enhances",
    ];
    let arguments = [&["depends"][..], &strict].concat();
    let listed = apt("apt-cache", &arguments, &WANTED.map(str::to_owned))?;
    let is_name = |line: &&str| line.starts_with(|first: char| first.is_ascii_alphanumeric());
    let names: BTreeSet<String> = listed.lines().filter(is_name).map(|line| line.trim().to_owned()).collect();
    apt("apt-get", &["download", "-q"], &names.into_iter().collect::<Vec<_>>())?;
    closure(into)
}

#[test]
fn git_and_python_run_in_a_root_in_a_home_directory() {
    let place = tempfile::tempdir().unwrap();
    let own = std::env::var_os("AMBAR_TEST_DEBS").map(PathBuf::from);
    let given = own.map_or(Err("AMBAR_TEST_DEBS is not set".to_owned()), |directory| closure(&directory));
    let files = match given.or_else(|given| fetched(place.path()).map_err(|apt| format!("{given}; {apt}"))) {
        Ok(files) => files,
        Err(reason) => return println!("skipped: no packages of git and python3: {reason}"),
    };
    // Whoever installs them has to be able to read them.
    let readable: Vec<PathBuf> =
        files.iter().map(|file| place.path().join(file.file_name().unwrap())).collect();
    for (from, to) in files.iter().zip(&readable) {
        if from != to {
            std::fs::copy(from, to).unwrap();
        }
    }
    for nobody in users() {
        let inside = Inside::empty(nobody);
        inside.open(place.path());
        let mut install = inside.command();
        install
            .args(["install", "-y", "--ignore-dependency", "--strip-setuid", "--no-cache"])
            .args(&readable);
        let installed = crate::place::ran(&mut install);
        assert_eq!(installed.code, 0, "{}", installed.err);

        let git = inside.run(&["run", "git", "--version"]);
        if git.err.contains("cannot make a view") {
            println!("skipped: {}", git.err.trim_end());
            continue;
        }
        assert!(git.out.starts_with("git version ") && git.code == 0, "{git:?}");
        let python = inside.run(&["run", "python3", "-c", "import json, sys; print(json.dumps(sys.prefix))"]);
        assert_eq!((&*python.out, python.code), ("\"/usr\"\n", 0), "{python:?}");
        // A program with its helpers, the home directory, and the user's name.
        let script = "git init -q work && cd work && echo a > a && git add a && \
                      git -c user.name=a -c user.email=a@example.org commit -q -m first && git log --format=%s";
        let worked = inside.run(&["run", "bash", "-c", script]);
        assert_eq!((&*worked.out, worked.code), ("first\n", 0), "{worked:?}");
        assert!(inside.home().join("work/.git/HEAD").exists());
        let verified = inside.run(&["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}
