//! The same life of a root on every file system that can be had here, for the superuser and for others.
//!
//! File systems are made in images and mounted in a mount namespace of a child process: when it ends, however
//! it ends, nothing of them is left. What this machine lacks is skipped, with a line that says so.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ambar::{Class, Error, Options, Root, Silent};
use ambar_store::LinkKind;
use common::build::{Package, many};
use common::*;

const KIND: &str = "AMBAR_TEST_FILE_SYSTEM";
const HOME: &str = "AMBAR_TEST_HOME";
/// Larger than what is hashed in memory, so that it is streamed to the store.
const LARGE: usize = 9 << 20;

fn packages() -> Packages {
    let dir = memory_dir();
    let content: Vec<u8> = (0..LARGE as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let large = Package::new("large", "1.0", 1).file("usr/share/large", &content).write(dir.path());
    let old = vec![many(1).write(dir.path()), large];
    let new = vec![many(2).write(dir.path())];
    Packages { dir, old, new }
}

/// Installs, upgrades, goes back and forth, removes, and collects; what the root shows after each.
fn life(root: &Root, packages: &Packages) -> Vec<View> {
    let mut views = Vec::new();
    let mut see = || {
        verified(root);
        views.push(view(root.path()));
    };
    let finished = |outcome: ambar::Outcome| assert_eq!(outcome.pending, Vec::<String>::new());
    finished(install(root, &packages.old).unwrap());
    see();
    finished(install(root, &packages.new).unwrap());
    see();
    finished(activate(root, None).unwrap());
    see();
    finished(activate(root, Some(2)).unwrap());
    see();
    finished(remove(root, &["large"]).unwrap());
    see();
    let collected = root.collect(Some(1), false, &Silent).unwrap();
    assert_eq!(collected.generations, [1, 2]);
    assert!(collected.bytes > LARGE as u64);
    see();
    views
}

/// Compares a life with that of a root in an ordinary directory.
fn lives_as_anywhere(root: &Root, packages: &Packages) {
    let (_dir, ordinary) = new_root();
    let expected = life(&ordinary, packages);
    for (number, (found, expected)) in life(root, packages).iter().zip(&expected).enumerate() {
        same_view(found, expected, &format!("step {number}"));
    }
}

/// Two roots of one store, all of them below `top`.
fn share_a_store(top: &Path, packages: &Packages) {
    let store = top.join("store");
    let mut roots = ["a", "b"].map(|name| Root::open(&top.join(name)).unwrap());
    for root in &mut roots {
        root.init(Some(&store)).unwrap();
    }
    let [a, b] = roots;
    install(&a, &packages.old).unwrap();
    let objects = everything(&store.join("objects"));
    install(&b, &packages.old).unwrap();
    same_everything(&everything(&store.join("objects")), &objects, "objects, after the second root");
    remove(&a, &["many", "large"]).unwrap();
    a.collect(Some(1), false, &Silent).unwrap();
    verified(&b);
    assert_eq!(b.path().join("usr/share/large").metadata().unwrap().len(), LARGE as u64);
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Mounts a new file system of that kind at `top`, or says why not.
fn mount(kind: &str, dir: &Path, top: &Path) -> Result<(), String> {
    if kind == "overlay" {
        let layers = ["lower", "upper", "work"].map(|name| dir.join(name));
        layers.iter().for_each(|layer| std::fs::create_dir(layer).unwrap());
        let [lower, upper, work] = layers.map(|layer| layer.display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let mounted = run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(top));
        return if mounted { Ok(()) } else { Err("no overlayfs".into()) };
    }
    let image = dir.join("image");
    std::fs::File::create(&image).unwrap().set_len(512 << 20).unwrap();
    let mkfs = format!("mkfs.{kind}");
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    if !run(Command::new(&mkfs).env("PATH", path).arg("-q").arg(&image)) {
        return Err(format!("no {mkfs}"));
    }
    match run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(top)) {
        true => Ok(()),
        false => Err(format!("{kind} cannot be mounted")),
    }
}

/// Not a test: mounts a file system and lives on it.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_on_a_file_system() {
    let Ok(kind) = std::env::var(KIND) else { return };
    let dir = memory_dir();
    let top = dir.path().join("top");
    std::fs::create_dir(&top).unwrap();
    if let Err(reason) = mount(&kind, dir.path(), &top) {
        println!("skipped: {kind}: {reason}");
        return;
    }
    let packages = packages();
    let root = Root::open(&top.join("root")).unwrap();
    lives_as_anywhere(&root, &packages);
    let about = root.about().unwrap();
    assert_eq!(about.link, Some(LinkKind::Hard));
    println!("{kind}: {} objects, {} bytes", about.objects, about.bytes);
    share_a_store(&top, &packages);
    assert!(run(Command::new("umount").arg(&top)), "nothing holds {kind} any more");
}

/// Runs the above in a mount namespace of its own.
fn lives_on(kind: &str) {
    if !is_superuser() {
        println!("skipped: {kind}: only the superuser can mount");
        return;
    }
    if !run(Command::new("unshare").args(["--mount", "--propagation", "private", "true"])) {
        println!("skipped: {kind}: no mount namespaces");
        return;
    }
    let child = child_test("child_on_a_file_system");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "--"])
        .arg(child.get_program())
        .args(child.get_args());
    command.env(KIND, kind).stdin(Stdio::null());
    assert!(Running::start(&mut command).end().success(), "{kind}");
}

#[test]
fn a_root_lives_on_ext4() {
    lives_on("ext4");
}

#[test]
fn a_root_lives_on_xfs() {
    lives_on("xfs");
}

#[test]
fn a_root_lives_on_btrfs() {
    lives_on("btrfs");
}

#[test]
fn a_root_lives_on_an_overlay() {
    lives_on("overlay");
}

#[test]
fn a_root_on_another_file_system_than_its_store_has_copies() {
    let (here, there) = (tempfile::tempdir().unwrap(), memory_dir());
    let device = |dir: &tempfile::TempDir| dir.path().metadata().unwrap().dev();
    if device(&here) == device(&there) {
        println!("skipped: there is but one file system that can be written to");
        return;
    }
    let packages = packages();
    let store = there.path().join("store");
    let mut root = Root::open(&here.path().join("root")).unwrap();
    root.init(Some(&store)).unwrap();
    assert_eq!(root.about().unwrap().link, Some(LinkKind::Copy));
    lives_as_anywhere(&root, &packages);
    let file = root.path().join("usr/bin/many").metadata().unwrap();
    assert_eq!((file.nlink(), file.dev()), (1, device(&here)));
}

/// The command that runs one child test as a user without rights, with a directory of that user's. The
/// program goes there too, since that user may not be able to reach it where it is.
fn as_ordinary_user(home: &Path, name: &str) -> Option<Command> {
    let child = child_test(name);
    let mut command = if is_superuser() {
        if !run(Command::new("setpriv").arg("--version")) {
            println!("skipped: no setpriv");
            return None;
        }
        std::fs::set_permissions(home, PermissionsExt::from_mode(0o755)).unwrap();
        let program = home.join("program");
        std::fs::copy(child.get_program(), &program).unwrap();
        let own = home.join("home");
        std::fs::create_dir_all(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(65534), Some(65534)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(program);
        command
    } else {
        std::fs::create_dir_all(home.join("home")).unwrap();
        Command::new(child.get_program())
    };
    command.args(child.get_args()).env(HOME, home).env("TMPDIR", home.join("home")).stdin(Stdio::null());
    Some(command)
}

/// Not a test: what an ordinary user does.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_of_an_ordinary_user() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    assert!(!is_superuser());
    let packages = packages();
    let root = Root::open(&home.join("home/root")).unwrap();
    life(&root, &packages);
    assert!(!root.about().unwrap().privileged);
    assert_eq!(root.about().unwrap().link, Some(LinkKind::Hard));

    let live = root.path().join(".ambar/current").canonicalize().unwrap();
    let mut linked = BTreeMap::new();
    for (path, seen) in tree(&live) {
        match seen.kind {
            'd' => assert_eq!(seen.mode & 0o700, 0o700, "{} is its owner's", path.display()),
            'f' if path.starts_with("etc") => assert_ne!(seen.mode & 0o200, 0, "{}", path.display()),
            'f' => drop(linked.insert(path, seen.mode)),
            _ => {}
        }
    }
    assert!(linked.len() > 30);
    for (path, mode) in &linked {
        assert_eq!(mode & 0o222, 0, "{} cannot be written to", path.display());
    }
    assert_eq!(linked[Path::new("usr/bin/many")], 0o555);
    assert!(std::fs::OpenOptions::new().write(true).open(live.join("usr/bin/many")).is_err());
    std::fs::write(root.path().join("etc/many.conf"), "mine\n").unwrap();

    let setuid = Package::new("setuid", "1.0", 1).file_of("executable", "usr/bin/su", b"su\n", 0o4755);
    let file = setuid.write(&home.join("home"));
    let before = everything(root.path());
    let refused = install_with(&root, std::slice::from_ref(&file), Options::default()).unwrap_err();
    assert!(matches!(refused, Error::Setuid { .. }), "{refused}");
    assert_eq!(refused.class(), Class::Conflict);
    assert!(
        refused.to_string().contains("usr/bin/su") && refused.to_string().contains("setuid"),
        "{refused}"
    );
    same_everything(&everything(root.path()), &before, "setuid refused");
    let options = Options { strip_setuid: true, ..Options::default() };
    install_with(&root, std::slice::from_ref(&file), options).unwrap();
    assert_eq!(look(&root.path().join("usr/bin/su")).mode, 0o555);
    assert_eq!(std::fs::read(root.path().join("etc/many.conf")).unwrap(), b"mine\n");
    verified(&root);
    println!("an ordinary user: {} linked files, none writable", linked.len());
}

#[test]
fn an_ordinary_user_has_roots_without_write_bits_or_setuid() {
    let home = tempfile::tempdir().unwrap();
    let Some(mut command) = as_ordinary_user(home.path(), "child_of_an_ordinary_user") else { return };
    assert!(Running::start(&mut command).end().success());
}

#[test]
fn a_privileged_root_keeps_setuid_and_owners() {
    if !is_superuser() {
        println!("skipped: only the superuser can apply owners");
        return;
    }
    let (dir, root) = new_root();
    let mut package = Package::new("setuid", "1.0", 1).file_of("executable", "usr/bin/su", b"same\n", 0o4755);
    // The same bytes without the bit, and as somebody else's, are other objects.
    package = package.file("usr/share/plain", b"same\n").file("usr/share/owned", b"same\n");
    package.listed[2] =
        package.listed[2].replace("<Uid>0</Uid><Gid>0</Gid>", "<Uid>65534</Uid><Gid>12</Gid>");
    let member = package.members.pop().unwrap();
    let mut header = tar::Header::from_byte_slice(&member[..512]).clone();
    header.set_uid(65534);
    header.set_gid(12);
    header.set_cksum();
    package.members.push([header.as_bytes(), &member[512..]].concat());
    install_with(&root, &[package.write(dir.path())], Options::default()).unwrap();
    let seen = |path: &str| {
        let metadata = root.path().join(path).metadata().unwrap();
        (metadata.permissions().mode() & 0o7777, metadata.uid(), metadata.gid())
    };
    assert_eq!(seen("usr/bin/su"), (0o4755, 0, 0));
    assert_eq!(seen("usr/share/plain"), (0o644, 0, 0));
    assert_eq!(seen("usr/share/owned"), (0o644, 65534, 12));
    assert_eq!(object_names(&root.path().join(".ambar")).len(), 4, "three objects and a manifest");
    verified(&root);
}

/// Not a test: what an ordinary user can do with the superuser's root.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_in_the_root_of_another() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    let root = Root::open(&home.join("root")).unwrap();
    assert_eq!(root.packages().unwrap().len(), 3);
    assert_eq!(root.generations().unwrap().len(), 1);
    let error = remove(&root, &["hello"]).unwrap_err();
    assert_eq!(error.class(), Class::Permission, "{error}");
    let error = root.collect(Some(1), false, &Silent).unwrap_err();
    assert_eq!(error.class(), Class::Permission, "{error}");
}

#[test]
fn whoever_does_not_own_a_root_may_look_and_not_touch() {
    if !is_superuser() {
        println!("skipped: only the superuser can be two users");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let root = Root::open(&home.path().join("root")).unwrap();
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    let before = everything(root.path());
    let Some(mut command) = as_ordinary_user(home.path(), "child_in_the_root_of_another") else { return };
    assert!(Running::start(&mut command).end().success());
    same_everything(&everything(root.path()), &before, "another user's visit");
}
