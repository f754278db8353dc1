//! Attacks that aim at what is written: unpacking a package into a directory, and installing and removing it.
//! `docs/attacks.md` says which attack is tested where; the numbers are those of its rows.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod attacks_support;
mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as make_symlink};
use std::path::{Path, PathBuf};

use ambar::pkgfmt::Limits;
use ambar::{Class, Options, Request, Root, Silent};
use attacks_support::build::{directory, file, hard_link, symlink, tar_member};
use attacks_support::{build, deb, entropy};
use common::{
    CONFIG, HELLO_1, LIB_1, Running, Seen, activate, child_test, example, install, is_superuser, look,
    memory_dir, names, new_root, remove, tree, verified, view,
};
use tar::EntryType;

/// Packages of those tar members in every container that has a tar, by the name of the file.
fn packages(members: &[Vec<u8>]) -> [(&'static str, Vec<u8>); 3] {
    let mut listed: Vec<String> = Vec::new();
    for member in members {
        let header = tar::Header::from_byte_slice(&member[..512]);
        let path = String::from_utf8(header.path_bytes().into_owned()).unwrap();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        // What may not be listed is not: the payload has to be refused for what it is.
        let plain = !path.is_empty() && path.split('/').all(|part| !["", ".", ".."].contains(&part));
        let listed_already = listed.iter().any(|file| file.contains(&format!("<Path>{path}</Path>")));
        if plain && !listed_already {
            listed.push(format!("<File><Path>{path}</Path></File>"));
        }
    }
    let archive = build::tar(members);
    [
        ("hostile.pisi", build::package(&listed, members)),
        ("hostile.deb", deb::deb_of(&deb::control_tar(&[("control", deb::CONTROL)]), &archive)),
        ("hostile.tbz2", entropy::assemble(&entropy::bzip2(&archive), &entropy::xpak(&entropy::VALUES))),
    ]
}

/// A directory with a victim outside of every place that a package may write to.
struct Bench {
    dir: tempfile::TempDir,
    victim: PathBuf,
}

impl Bench {
    fn new() -> Bench {
        let dir = memory_dir();
        let outside = dir.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        let victim = outside.join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o640)).unwrap();
        Bench { dir, victim }
    }

    fn outside(&self) -> &str {
        self.victim.parent().unwrap().to_str().unwrap()
    }

    fn seen(&self) -> (BTreeMap<PathBuf, Seen>, i64, i64, u64) {
        let metadata = self.victim.metadata().unwrap();
        (tree(Path::new(self.outside())), metadata.mtime(), metadata.ctime(), metadata.nlink())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn names(&self) -> Vec<PathBuf> {
        let mut names: Vec<_> =
            std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    }

    /// Neither unpacked nor installed, and nothing is left anywhere.
    #[track_caller]
    fn refuses(&self, members: &[Vec<u8>], what: &str) {
        for (name, bytes) in packages(members) {
            let package = self.write(name, &bytes);
            let before = (self.seen(), self.names());
            let into = self.dir.path().join("extracted");
            let error = ambar::extract(&package, &into, &Limits::default(), &Silent).unwrap_err();
            assert_eq!(error.class(), Class::Damaged, "{what}, {name}: {error}");
            let root = Root::open(&self.dir.path().join("root")).unwrap();
            let error = install(&root, std::slice::from_ref(&package)).unwrap_err();
            assert_eq!(error.class(), Class::Damaged, "{what}, {name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
            assert!((self.seen(), self.names()) == before, "{what}, {name}: something is left behind");
        }
    }
}

#[test]
fn rows_1_to_4_7_and_13_nothing_is_written_of_a_package_that_would_leave_its_tree() {
    let bench = Bench::new();
    let outside = bench.outside().to_owned();
    let good = || file("usr/good", b"good");
    let victim = format!("{outside}/victim");
    for path in ["../outside/new", "usr/../../outside/new", "/tmp/new", "usr//x", "usr/./x"] {
        bench.refuses(&[good(), file(path, b"x")], path);
        bench.refuses(&[good(), directory(path)], path);
        bench.refuses(&[good(), symlink(path, "x")], path);
    }
    let (link, new) = (|| symlink("usr/l", &outside), || file("usr/l/new", b"x"));
    bench.refuses(&[good(), link(), new()], "through a symlink");
    bench.refuses(&[good(), new(), link()], "through a symlink that comes later");
    bench.refuses(&[directory("usr/l"), link(), new()], "a directory, a symlink, a file");
    bench.refuses(&[link(), file("usr/l", b"x")], "a symlink, then a file of its name");
    bench.refuses(&[symlink("usr/v", &victim), file("usr/v", b"x")], "a file through a symlink");
    bench.refuses(&[good(), hard_link("usr/h", &victim)], "a hard link to outside");
    bench.refuses(&[good(), hard_link("usr/h", "../outside/victim")], "a hard link to outside");
    bench.refuses(&[symlink("usr/v", &victim), hard_link("usr/h", "usr/v")], "a hard link to a symlink");
    bench.refuses(&[link(), hard_link("usr/h", "usr/l/victim")], "a hard link through a symlink");
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::new(b's')] {
        bench.refuses(&[good(), tar_member(kind, "usr/device", "", b"", 0o666)], "a special file");
    }
    bench.refuses(&[good(), file("./usr/good", b"other")], "a path twice");
}

#[test]
fn row_5_what_a_symlink_leads_to_keeps_its_mode_owner_and_time() {
    let bench = Bench::new();
    let victim = bench.victim.to_str().unwrap();
    let members = [
        tar_member(EntryType::Symlink, "usr/file", victim, b"", 0o4777),
        tar_member(EntryType::Symlink, "usr/dir", bench.outside(), b"", 0o777),
        tar_member(EntryType::Symlink, "etc/conf", victim, b"", 0o777),
        tar_member(EntryType::Symlink, "var/lib/state", victim, b"", 0o777),
        tar_member(EntryType::Directory, "usr/d", "", b"", 0o711),
    ];
    let before = bench.seen();
    for (name, bytes) in packages(&members) {
        let package = bench.write(name, &bytes);
        let into = bench.dir.path().join(format!("{name}.extracted"));
        ambar::extract(&package, &into, &Limits::default(), &Silent).unwrap();
        assert_eq!(std::fs::read_link(into.join("usr/file")).unwrap(), bench.victim);
        assert!(bench.seen() == before, "{name} unpacked");
        let root = Root::open(&bench.dir.path().join(format!("{name}.root"))).unwrap();
        install(&root, &[package]).unwrap();
        let installed = root.packages().unwrap()[0].name.clone();
        assert_eq!(std::fs::read_link(root.path().join("usr/file")).unwrap(), bench.victim);
        assert!(bench.seen() == before, "{name} installed");
        verified(&root);
        remove(&root, &[&installed]).unwrap();
        root.collect(Some(1), false, &Silent).unwrap();
        assert!(bench.seen() == before, "{name} removed");
    }
}

#[test]
fn row_6_what_is_being_made_is_nobody_else_s() {
    let (_dir, root) = new_root();
    install(&root, &[HELLO_1, LIB_1, CONFIG].map(example)).unwrap();
    for private in ["work", "trash", "objects"] {
        assert_eq!(look(&root.path().join(".ambar").join(private)).mode, 0o700, "{private}");
    }
}

/// A package that is installed, unpacked and looked at in a child, whose umask is its own.
const UMASK: &str = "AMBAR_TEST_UMASK";

#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_with_a_umask() {
    let Some(said) = std::env::var_os(UMASK).map(PathBuf::from) else { return };
    let umask = said.extension().and_then(|text| u32::from_str_radix(text.to_str().unwrap(), 8).ok());
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask.unwrap()));
    let dir = memory_dir();
    let package = common::build::many(1).write(dir.path());
    let root = Root::open(&dir.path().join("root")).unwrap();
    install(&root, std::slice::from_ref(&package)).unwrap();
    let into = dir.path().join("extracted");
    ambar::extract(&package, &into, &Limits::default(), &Silent).unwrap();
    let modes = |seen: BTreeMap<PathBuf, (char, u32, Vec<u8>)>| -> Vec<String> {
        seen.iter().map(|(path, (kind, mode, _))| format!("{kind}{mode:o} {}\n", path.display())).collect()
    };
    let listed = |path: &PathBuf| path != Path::new("usr") && path != Path::new("usr/share");
    let extracted = tree(&into).into_iter().filter(|(path, seen)| seen.kind != 'd' && listed(path));
    let extracted = extracted.map(|(path, seen)| (path, (seen.kind, seen.mode, seen.content))).collect();
    std::fs::write(said, [modes(view(root.path())), modes(extracted)].concat().concat()).unwrap();
}

#[test]
fn row_22_the_umask_decides_about_no_mode() {
    let dir = memory_dir();
    let said = ["000", "022", "077", "777"].map(|umask| {
        let path = dir.path().join(format!("modes.{umask}"));
        let child = Running::start(child_test("child_with_a_umask").env(UMASK, &path));
        assert!(child.end().success(), "{umask}");
        std::fs::read_to_string(path).unwrap()
    });
    assert!(said[0].contains("755 live/usr/bin/many") || said[0].contains("555 live/usr/bin/many"));
    assert!(said.iter().all(|modes| *modes == said[1]), "{said:#?}");
}

#[test]
fn row_9_paths_that_differ_in_case_or_form_live_beside_one_another() {
    let bench = Bench::new();
    let names = ["usr/A", "usr/a", "usr/e\u{301}", "usr/\u{e9}", "usr/ss", "usr/\u{df}"];
    for (name, bytes) in packages(&names.map(|name| file(name, name.as_bytes()))) {
        let package = bench.write(name, &bytes);
        let into = bench.dir.path().join(format!("{name}.extracted"));
        ambar::extract(&package, &into, &Limits::default(), &Silent).unwrap();
        let root = Root::open(&bench.dir.path().join(format!("{name}.root"))).unwrap();
        install(&root, &[package]).unwrap();
        for path in names {
            assert_eq!(std::fs::read_to_string(into.join(path)).unwrap(), path);
            assert_eq!(std::fs::read_to_string(root.path().join(path)).unwrap(), path);
        }
        verified(&root);
    }
}

#[test]
fn row_8_a_plan_lists_setuid_and_an_unprivileged_root_refuses_it() {
    let bench = Bench::new();
    let member = tar_member(EntryType::Regular, "usr/bin/su", "", b"su\n", 0o4755);
    // files.xml says no mode here, so that only the two formats without a file list show it in a plan.
    for (name, bytes) in packages(&[member]).into_iter().skip(1) {
        let files = vec![ambar::OsPath(bench.write(name, &bytes))];
        let root = Root::open(&bench.dir.path().join(format!("{name}.root"))).unwrap();
        let plan = root
            .plan(Request::install(files.clone(), Options { ignore_dependency: true, ..Options::default() }));
        if is_superuser() {
            let setuid: Vec<String> = plan.unwrap().items[0].setuid.iter().map(ToString::to_string).collect();
            assert_eq!(setuid, ["usr/bin/su"], "{name}");
        } else {
            assert!(matches!(plan.unwrap_err(), ambar::Error::Setuid { .. }), "{name}");
        }
        let options = Options { ignore_dependency: true, strip_setuid: true, ..Options::default() };
        let plan = root.plan(Request::install(files, options)).unwrap();
        root.execute(&plan, &Silent).unwrap();
        assert_eq!(look(&root.path().join("usr/bin/su")).mode & 0o6000, 0, "{name}");
    }
}

/// A package that promises more than the disk has room for is refused before it is read.
#[test]
fn row_12_room_is_looked_for_first() {
    let bench = Bench::new();
    let listed = format!("<File><Path>usr/huge</Path><Size>{}</Size></File>", 1_u64 << 60);
    let package = bench.write("huge.pisi", &build::package(&[listed], &[file("usr/huge", b"x")]));
    let root = Root::open(&bench.dir.path().join("root")).unwrap();
    install(&root, &[example(CONFIG)]).unwrap();
    let before = view(root.path());
    let error = install(&root, &[package]).unwrap_err();
    assert_eq!(error.class(), Class::NoSpace, "{error}");
    assert!(view(root.path()) == before);
    verified(&root);
}

/// Somebody put links where a package has directories: removing it must not follow them.
#[test]
fn row_20_removing_follows_no_link() {
    let bench = Bench::new();
    let content = b"the same content";
    let package = common::build::Package::new("p", "1.0", 1)
        .file("usr/share/p/victim", content)
        .file("etc/p/victim", content)
        .file("var/lib/p/victim", content)
        .file("var/lib/p/deep/victim", content);
    std::fs::write(&bench.victim, content).unwrap();
    std::fs::create_dir(bench.victim.with_file_name("deep")).unwrap();
    std::fs::write(bench.victim.with_file_name("deep/victim"), content).unwrap();
    let before = bench.seen();
    let package = package.write(bench.dir.path());
    for replaced in [&["usr/share/p"][..], &["etc/p"], &["var/lib/p"], &["var/lib/p/deep"], &["var/lib"]] {
        let at = bench.dir.path().join(replaced.join("-").replace('/', "-"));
        let root = Root::open(&at).unwrap();
        install(&root, std::slice::from_ref(&package)).unwrap();
        for path in replaced {
            let path = root.path().join(path);
            std::fs::rename(&path, path.with_file_name("aside")).unwrap();
            let target =
                if path.ends_with("var/lib") { bench.dir.path() } else { Path::new(bench.outside()) };
            make_symlink(target, &path).unwrap();
        }
        // `var/lib/p` is found through the link, too, when that is what was replaced.
        if replaced == ["var/lib"] {
            make_symlink(bench.outside(), bench.dir.path().join("p")).unwrap();
        }
        match remove(&root, &["p"]) {
            Ok(_) => assert!(names(&root).is_empty()),
            Err(error) => println!("{replaced:?}: {error}"),
        }
        let _ = root.collect(Some(1), false, &Silent);
        assert!(bench.seen() == before, "{replaced:?}: something outside was removed");
    }
}

#[test]
fn row_25_scripts_are_data_and_nothing_runs_them() {
    let bench = Bench::new();
    let ran = bench.dir.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", ran.display());
    let roles = ["preinst", "postinst", "prerm", "postrm", "config"].map(|role| (role, script.as_str()));
    let debian = deb::with_files(&roles);
    let triggers = entropy::xpak(&[&entropy::VALUES[..], &[("hello-1.2-r3.sh", script.as_bytes())]].concat());
    let archive = build::tar(&[file("usr/a", b"a")]);
    let portage = entropy::assemble(&entropy::bzip2(&archive), &triggers);
    let comar = build::Zip::new()
        .with("metadata.xml", build::METADATA.as_bytes())
        .with("files.xml", b"<Files/>")
        .with("comar/package.py", format!("import os\nos.system('touch {}')\n", ran.display()).as_bytes())
        .with("install.tar.gz", &build::gzip(&build::tar(&[])));
    for (name, bytes) in [("a.deb", debian), ("a.tbz2", portage), ("a.pisi", comar.finish())] {
        let package = bench.write(name, &bytes);
        let root = Root::open(&bench.dir.path().join(format!("{name}.root"))).unwrap();
        install(&root, &[package]).unwrap();
        let installed = root.packages().unwrap()[0].name.clone();
        remove(&root, &[&installed]).unwrap();
        activate(&root, Some(1)).unwrap();
        root.collect(Some(1), false, &Silent).unwrap();
        assert!(!ran.exists(), "{name}");
    }
}
