//! A temporary root, and the built program to work on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub(crate) const HELLO_1: &str = "hello-1.0-1-x1-x86_64.pisi";
pub(crate) const HELLO_2: &str = "hello-1.1-2-x1-x86_64.pisi";
pub(crate) const LIB_1: &str = "libgreet-1.0-1-x1-x86_64.pisi";
pub(crate) const LIB_2: &str = "libgreet-1.2-2-x1-x86_64.pisi";
pub(crate) const CONFIG: &str = "greet-config-1-1-x1-x86_64.pisi";

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A temporary directory with a root that is not there yet.
pub(crate) struct Place(tempfile::TempDir);

/// The path of an example package.
pub(crate) fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packages").join(name);
    path.to_str().unwrap().to_owned()
}

/// A command line of the program, away from the environment of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ambar"));
    for name in ["AMBAR_ROOT", "XDG_DATA_HOME", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    /// As [`new`](Self::new), in a directory of one's choice if it can be written to.
    pub(crate) fn below(directory: &Path) -> Place {
        Place(tempfile::tempdir_in(directory).or_else(|_| tempfile::tempdir()).unwrap())
    }

    /// A root with the first versions of all the examples.
    pub(crate) fn installed() -> Place {
        let place = Place::new();
        let (hello, lib, config) = (example(HELLO_1), example(LIB_1), example(CONFIG));
        assert_eq!(place.run(["install", "-y", &hello, &lib, &config]).code, 0);
        place
    }

    /// As [`installed`](Self::installed), with the second versions in generation 2.
    pub(crate) fn upgraded() -> Place {
        let place = Place::installed();
        assert_eq!(place.run(["install", "-y", &example(HELLO_2), &example(LIB_2)]).code, 0);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    /// Runs the program on the root.
    pub(crate) fn run<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        ran(program().arg("-D").arg(self.root()).args(arguments))
    }

    /// Runs the program on the root with `--json`, and takes its object apart.
    pub(crate) fn json<const N: usize>(&self, arguments: [&str; N]) -> Value {
        json(program().arg("-D").arg(self.root()).arg("--json").args(arguments))
    }

    /// What the example program says.
    pub(crate) fn greeting(&self) -> String {
        let output = Command::new("/bin/sh").arg(self.root().join("usr/bin/hello")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The names of the packages that `list` shows, with versions.
    pub(crate) fn list(&self) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        self.run(["list"]).out.lines().map(words).collect()
    }

    pub(crate) fn live(&self) -> String {
        std::fs::read_link(self.root().join(".ambar/current")).unwrap().to_str().unwrap().to_owned()
    }
}

/// Runs a command line with `--json` in it: whatever happens, standard output is one line with one object.
pub(crate) fn json(command: &mut Command) -> Value {
    let ran = ran(command);
    assert_eq!(ran.out.matches('\n').count(), 1, "{ran:?}");
    let object: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(object["schema"], 1);
    let code = object["error"]["code"].as_i64().unwrap_or(0);
    assert_eq!(i64::from(ran.code), code, "{object}");
    assert_eq!(object["ok"], ran.code == 0, "{object}");
    assert!(object["command"].is_string() || object["command"].is_null());
    assert!(ran.err.is_empty(), "{ran:?}");
    object
}

/// Whether a program is on `PATH`; tests that need one say when it is not.
pub(crate) fn has(name: impl AsRef<OsStr>) -> bool {
    let found =
        Command::new(name.as_ref()).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: there is no {}", name.as_ref().to_string_lossy());
    }
    found.is_ok()
}
