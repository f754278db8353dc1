//! What the end-to-end tests share: packages to install, and trees to compare.
#![allow(dead_code, missing_docs, clippy::print_stdout, clippy::unwrap_used)]

pub(crate) mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use ambar::pkgfmt::Format;
use ambar::{Options, OsPath, Outcome, Request, Root, Silent};

/// The example packages of the repository.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/packages").join(name)
}

pub(crate) const HELLO_1: &str = "hello-1.0-1-x1-x86_64.pisi";
pub(crate) const HELLO_2: &str = "hello-1.1-2-x1-x86_64.pisi";
pub(crate) const LIB_1: &str = "libgreet-1.0-1-x1-x86_64.pisi";
pub(crate) const LIB_2: &str = "libgreet-1.2-2-x1-x86_64.pisi";
pub(crate) const CONFIG: &str = "greet-config-1-1-x1-x86_64.pisi";

/// The collection of real packages beside the repository, where there is one; otherwise a line says that
/// the test was skipped.
pub(crate) fn shared_packages() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/packages");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no ../shared/data");
    None
}

/// Every package file below a directory that is no delta, sorted.
pub(crate) fn packages_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut stack = vec![dir.to_path_buf()];
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(Format::is_extension) && !name.contains(".delta.") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Real Debian packages: those below `$AMBAR_TEST_DEBS`, or else those that apt has fetched. Where there are none
/// a line says that the test was skipped.
pub(crate) fn debian_packages() -> Option<Vec<PathBuf>> {
    let dir = std::env::var_os("AMBAR_TEST_DEBS").map_or("/var/cache/apt/archives".into(), PathBuf::from);
    let mut files = if dir.is_dir() { packages_below(&dir) } else { Vec::new() };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
    if files.is_empty() {
        println!("skipped: no .deb files in {} (set AMBAR_TEST_DEBS)", dir.display());
        return None;
    }
    Some(files)
}

pub(crate) fn install(root: &Root, files: &[PathBuf]) -> Result<Outcome, ambar::Error> {
    let options = Options { ignore_dependency: true, strip_setuid: true, ..Options::default() };
    install_with(root, files, options)
}

pub(crate) fn install_with(
    root: &Root,
    files: &[PathBuf],
    options: Options,
) -> Result<Outcome, ambar::Error> {
    let files = files.iter().map(|file| OsPath(file.clone())).collect();
    let plan = root.plan(Request::install(files, options))?;
    root.execute(&plan, &Silent)
}

pub(crate) fn remove(root: &Root, names: &[&str]) -> Result<Outcome, ambar::Error> {
    let options = Options { ignore_dependency: true, ..Options::default() };
    let names = names.iter().map(|name| (*name).to_string()).collect();
    let plan = root.plan(Request::Remove { names, options })?;
    root.execute(&plan, &Silent)
}

pub(crate) fn activate(root: &Root, generation: Option<u64>) -> Result<Outcome, ambar::Error> {
    let plan = root.plan(Request::Activate { generation })?;
    root.execute(&plan, &Silent)
}

/// What a test installs first, and then over it, in a directory that lives as long as this.
pub(crate) struct Packages {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) old: Vec<PathBuf>,
    pub(crate) new: Vec<PathBuf>,
}

/// What is installed, as `name version`.
pub(crate) fn names(root: &Root) -> Vec<String> {
    root.packages()
        .unwrap()
        .iter()
        .map(|package| format!("{} {}", package.name, package.full_version()))
        .collect()
}

pub(crate) fn verified(root: &Root) {
    let findings = root.verify(&[], &Silent).unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
}

/// One path of a tree: what it is, its mode, and its content or target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: char,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) inode: u64,
}

/// What is at one path, links not followed.
pub(crate) fn look(path: &Path) -> Seen {
    let metadata = path.symlink_metadata().unwrap();
    let (kind, content) = if metadata.is_dir() {
        ('d', Vec::new())
    } else if metadata.is_symlink() {
        ('l', std::fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec())
    } else {
        ('f', std::fs::read(path).unwrap())
    };
    Seen { kind, mode: metadata.permissions().mode() & 0o7777, content, inode: metadata.ino() }
}

/// Everything below a directory, links not followed.
pub(crate) fn tree(top: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut stack = vec![top.to_path_buf()];
    while let Some(dir) = stack.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let found = look(&path);
            if found.kind == 'd' {
                stack.push(path.clone());
            }
            seen.insert(path.strip_prefix(top).unwrap().to_path_buf(), found);
        }
    }
    seen
}

/// The live tree of a root, as content: nothing that differs between two equal generations.
pub(crate) fn live_tree(root: &Path) -> BTreeMap<PathBuf, (char, u32, Vec<u8>)> {
    let live = root.join(".ambar/current").canonicalize().unwrap();
    tree(&live).into_iter().map(|(path, seen)| (path, (seen.kind, seen.mode, seen.content))).collect()
}

/// A temporary directory in memory where there is one: for tests that make very many roots and need no disk.
pub(crate) fn memory_dir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// A root in a new temporary directory, which lives as long as the first of the pair.
pub(crate) fn new_root() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(&dir.path().join("root")).unwrap();
    (dir, root)
}

/// Whether a name at the top belongs to the machine (or to ambar), and so not to a generation.
pub(crate) fn is_machine_name(name: &OsStr) -> bool {
    const NAMES: [&str; 13] =
        ["boot", "dev", "home", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp", "var", ".ambar"];
    NAMES.iter().any(|known| name == *known)
}

/// Whether this runs as the superuser, so that roots apply owners and keep modes whole.
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// Paths with kind, mode and content (or target).
pub(crate) type View = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

/// Everything that a root shows to who uses it: the live tree, the links at the top, and the machine's
/// directories; nothing of `.ambar`.
pub(crate) fn view(root: &Path) -> View {
    let mut view = match root.join(".ambar/current").exists() {
        true => live_tree(root),
        false => View::new(),
    };
    view = view.into_iter().map(|(path, seen)| (Path::new("live").join(path), seen)).collect();
    for (path, seen) in tree_except(root, &[".ambar"]) {
        view.insert(path, (seen.kind, seen.mode, seen.content));
    }
    view
}

/// The names of a store's objects, each with its directory.
pub(crate) fn object_names(store: &Path) -> BTreeSet<PathBuf> {
    let objects = tree(&store.join("objects"));
    objects.into_iter().filter(|(_, seen)| seen.kind != 'd').map(|(path, _)| path).collect()
}

/// Everything below a directory apart from some names directly in it.
pub(crate) fn tree_except(top: &Path, except: &[&str]) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    for entry in std::fs::read_dir(top).into_iter().flatten() {
        let name = entry.unwrap().file_name();
        if except.iter().any(|known| name == *known) {
            continue;
        }
        let path = top.join(&name);
        if path.is_dir() && !path.is_symlink() {
            seen.extend(tree(&path).into_iter().map(|(inner, what)| (Path::new(&name).join(inner), what)));
        }
        seen.insert(PathBuf::from(&name), look(&path));
    }
    seen
}

/// Makes sure that two views are the same; says which paths differ rather than showing two whole trees.
#[track_caller]
pub(crate) fn same_view(found: &View, expected: &View, what: &str) {
    let paths: BTreeSet<&PathBuf> = found.keys().chain(expected.keys()).collect();
    let differing = paths.into_iter().filter(|path| found.get(*path) != expected.get(*path));
    let shown: Vec<String> = differing
        .map(|path| {
            let side = |view: &View| {
                view.get(path).map(|(kind, mode, content)| format!("{kind}{mode:o}:{}", content.len()))
            };
            format!("{}: {:?}, not {:?}", path.display(), side(found), side(expected))
        })
        .collect();
    assert!(shown.is_empty(), "{what}: {shown:#?}");
}

/// This very test program as a child process that runs one ignored test of its own.
pub(crate) fn child_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", name, "--test-threads=1", "--nocapture"]).stdin(Stdio::null());
    command
}

/// A child process that is killed when this goes away, whatever happens.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    pub(crate) fn kill(&mut self) {
        self.0.as_mut().unwrap().kill().unwrap();
    }

    /// Waits for its end, and says what it said.
    pub(crate) fn end(mut self) -> ExitStatus {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
        print!("{}", String::from_utf8_lossy(&output.stderr));
        output.status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Everything there is of a root, to the inode, apart from the bytes of the lock (who held it last) and of the
/// database (whose pages may move).
pub(crate) fn everything(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut everything = tree(root);
    for name in [".ambar/lock", ".ambar/db.redb"] {
        if let Some(seen) = everything.get_mut(Path::new(name)) {
            seen.content.clear();
        }
    }
    everything
}

/// Makes sure that nothing of a root has been touched.
#[track_caller]
pub(crate) fn same_everything(
    found: &BTreeMap<PathBuf, Seen>,
    expected: &BTreeMap<PathBuf, Seen>,
    what: &str,
) {
    for path in found.keys().chain(expected.keys()) {
        assert!(found.get(path) == expected.get(path), "{what}: {} is not as it was", path.display());
    }
}
