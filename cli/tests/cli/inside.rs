//! A root with programs in it that are small enough to look through: a shell of the host's, and what it needs.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Place, Ran, has, program, ran};

/// The user and group that tests without superuser rights run as, when they are started with them.
const NOBODY: u32 = 65534;

/// A root with a shell in it, and who it belongs to.
pub(crate) struct Inside {
    place: Place,
    ambar: PathBuf,
    nobody: bool,
}

/// The users that there can be: who runs the tests, and nobody where that is the superuser.
pub(crate) fn users() -> Vec<bool> {
    let is_superuser = std::fs::metadata("/proc/self").is_ok_and(|about| {
        use std::os::unix::fs::MetadataExt;
        about.uid() == 0
    });
    if is_superuser { vec![false, true] } else { vec![false] }
}

/// Such a root for each of the users; none, and a line that says so, where namespaces are off.
pub(crate) fn each() -> Vec<Inside> {
    users().into_iter().filter_map(Inside::installed).collect()
}

impl Inside {
    /// A place for the root of one user, which is not there yet.
    pub(crate) fn empty(nobody: bool) -> Inside {
        // Where the build leaves room for tests, which is rarely in what every program sees anyway (`/tmp`).
        let place = Place::below(Path::new(env!("CARGO_TARGET_TMPDIR")));
        let place = if nobody && !is_open(place.path().parent().unwrap()) { Place::new() } else { place };
        let inside = Inside { ambar: place.path().join("ambar"), place, nobody };
        // Whoever it is has to reach the program, which may lie in a closed home directory.
        let program = env!("CARGO_BIN_EXE_ambar");
        if std::fs::hard_link(program, &inside.ambar).is_err() {
            std::fs::copy(program, &inside.ambar).unwrap();
        }
        inside.open(inside.place.path());
        std::fs::create_dir(inside.home()).unwrap();
        inside.open(&inside.home());
        inside
    }

    /// The root of one user, with generation 1: a shell, `cat`, `sleep`, and files of its own.
    fn installed(nobody: bool) -> Option<Inside> {
        let inside = Inside::empty(nobody);
        let content = inside.home().join("content");
        for name in ["sh", "cat", "sleep"] {
            copy_program(name, &content)?;
        }
        inside.write(&content.join("usr/share/marker"), "one\n");
        inside.write(&content.join("etc/own.conf"), "own\n");
        inside.write(&content.join("usr/bin/noloader"), "#!/no/such/loader\n");
        inside.write(&content.join("usr/bin/data"), "data\n");
        std::fs::set_permissions(content.join("usr/bin/noloader"), PermissionsExt::from_mode(0o755)).unwrap();
        inside.install("shell", "1", &content);
        let tried = inside.run(&["run", "sh", "-c", ":"]);
        if tried.err.contains("cannot make a view") {
            println!("skipped: {}", tried.err.trim_end());
            return None;
        }
        assert_eq!(tried.code, 0, "{tried:?}");
        Some(inside)
    }

    /// Makes something that a test has written belong to the user.
    pub(crate) fn open(&self, path: &Path) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        if self.nobody {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// Makes a directory that belongs to the user.
    pub(crate) fn directory(&self, path: &Path) {
        std::fs::create_dir_all(path).unwrap();
        self.open(path);
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, path: &Path, content: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Packs a directory and installs it.
    pub(crate) fn install(&self, name: &str, version: &str, content: &Path) {
        let file = self.home().join(format!("{name}-{version}.ambar"));
        for line in [
            vec![
                "pack",
                content.to_str().unwrap(),
                "-o",
                file.to_str().unwrap(),
                "--name",
                name,
                "--version",
                version,
                "--level",
                "1",
            ],
            vec!["install", "-y", file.to_str().unwrap()],
        ] {
            let ran = self.run(&line);
            assert_eq!(ran.code, 0, "{line:?} {ran:?}");
        }
    }

    pub(crate) fn is_nobody(&self) -> bool {
        self.nobody
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home of one")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.home().join("the root")
    }

    /// A command line on the root, of its user, started at home.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.ambar);
        let theirs = program();
        for (name, value) in theirs.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("HOME", self.home()).env_remove("XDG_RUNTIME_DIR").current_dir(self.home());
        command.stdin(std::process::Stdio::null()).arg("-D").arg(self.root());
        if self.nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command().args(arguments))
    }

    /// What a script says inside.
    pub(crate) fn script(&self, script: &str) -> Ran {
        self.run(&["run", "sh", "-c", script])
    }
}

/// Whether everybody can go through a directory and all above it.
fn is_open(path: &Path) -> bool {
    path.ancestors().all(|path| path.metadata().is_ok_and(|about| about.permissions().mode() & 0o001 != 0))
}

/// Copies a program of the host's and the libraries that it names, under their own paths.
fn copy_program(name: &str, into: &Path) -> Option<()> {
    if !has("ldd") {
        return None;
    }
    let path = std::env::split_paths("/usr/bin:/bin").map(|dir| dir.join(name)).find(|path| path.exists());
    let Some(path) = path else {
        println!("skipped: there is no {name}");
        return None;
    };
    let libraries = ran(Command::new("ldd").arg(&path)).out;
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    let to = Path::new("/usr/bin").join(name);
    copy(&path, &to, into);
    for library in libraries {
        copy(Path::new(library), Path::new(library), into);
    }
    Some(())
}

fn copy(from: &Path, to: &Path, into: &Path) {
    let to = into.join(to.strip_prefix("/").unwrap());
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}
