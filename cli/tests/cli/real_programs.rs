//! Real programs of Debian's in a root in a home directory.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::inside::{Inside, users};

/// What is to run.
const WANTED: [&str; 3] = ["bash", "git", "python3"];

/// Lets apt fetch the packages and all that they depend on, through any alternative: more than what is installed.
fn fetch(into: &Path) -> Result<(), String> {
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
    Ok(())
}

/// A directory of packages is all that an installation needs: it picks what the named ones need.
#[test]
fn git_and_python_are_chosen_from_a_directory_and_run_in_a_root_in_a_home_directory() {
    let place = tempfile::tempdir().unwrap();
    if let Err(reason) = fetch(place.path()) {
        return println!("skipped: no packages of git and python3: {reason}");
    }
    for nobody in users() {
        let inside = Inside::empty(nobody);
        inside.open(place.path());
        let mut install = inside.command();
        install.args(["install", "-y", "--json", "--strip-setuid", "--no-cache", "--from"]).arg(place.path());
        let installed = crate::place::ran(install.args(WANTED));
        assert_eq!(installed.code, 0, "{}", installed.err);
        let answer: serde_json::Value = serde_json::from_str(&installed.out).unwrap();
        let items = answer["result"]["plan"]["items"].as_array().unwrap();
        let explicit =
            items.iter().filter(|item| item["reason"] == "explicit").map(|item| item["name"].as_str());
        assert_eq!(explicit.map(Option::unwrap).collect::<Vec<_>>(), WANTED);
        let offered = std::fs::read_dir(place.path()).unwrap().count();
        assert!(items.len() > 40 && items.len() < offered, "{} of {offered}", items.len());

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
        if !nobody {
            chrooted(&inside.root());
        }
        let verified = inside.run(&["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

/// The root is also an ordinary tree for who may change to it; what `dev` has to have is the machine's matter.
fn chrooted(root: &Path) {
    let null = root.join("dev/null");
    let made = Command::new("mknod").arg(&null).args(["c", "1", "3"]).status();
    let opened = made.is_ok_and(|made| made.success()) && std::fs::write(&null, "").is_ok();
    if !opened {
        return println!("skipped: no device can be made for a chroot");
    }
    let output = Command::new("chroot").arg(root).args(["/usr/bin/git", "--version"]).output().unwrap();
    assert!(output.stdout.starts_with(b"git version ") && output.status.success(), "{output:?}");
    std::fs::remove_file(&null).unwrap();
}
