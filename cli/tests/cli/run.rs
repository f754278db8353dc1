//! `run` and `shell`: programs with a root as their file system.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use crate::inside::{Inside, each};
use crate::place::{Place, has, ran};

#[test]
fn nothing_of_a_generation_can_be_written() {
    for inside in each() {
        std::fs::create_dir(inside.root().join("srv")).unwrap();
        inside.directory(&inside.root().join("srv"));
        for path in
            ["/usr/share/marker", "/usr/share/new", "/usr/bin/sleep", "/etc/own.conf", "/etc/new", "/new"]
        {
            let ran = inside.script(&format!("echo spoilt >> {path}"));
            assert_ne!(ran.code, 0, "{path}");
            let said = ran.err.contains("Read-only file system") || ran.err.contains("Permission denied");
            assert!(said, "{path} {ran:?}");
        }
        assert_eq!(inside.script("echo kept > /srv/x").code, 0);
        assert_eq!(std::fs::read_to_string(inside.root().join("srv/x")).unwrap(), "kept\n");
        let verified = inside.run(&["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

#[test]
fn exit_codes_and_signals_are_the_programs_own() {
    for inside in each() {
        assert_eq!(inside.script("exit 42").code, 42);
        let status = inside.command().args(["run", "sh", "-c", "kill -TERM $$"]).status().unwrap();
        assert_eq!(status.signal(), Some(15));
        // Words that look like options of ambar's are the program's.
        let ran = inside.run(&[
            "run",
            "sh",
            "-c",
            "echo \"$@\"",
            "-",
            "--json",
            "-n",
            "-D",
            "x",
            "--",
            "--version",
        ]);
        assert_eq!((&*ran.out, ran.code), ("--json -n -D x -- --version\n", 0), "{}", ran.err);
        let ran = inside.run(&["run", "--", "sh", "-c", "cat; echo end >&2"]);
        assert_eq!((&*ran.out, &*ran.err), ("", "end\n"));
    }
}

#[test]
fn arguments_are_bytes() {
    for inside in each() {
        let odd = OsStr::from_bytes(b"a\xffb c\n");
        let output =
            inside.command().args(["run", "sh", "-c", "printf '%s|' \"$@\"", "-"]).arg(odd).output().unwrap();
        assert_eq!(output.stdout, b"a\xffb c\n|");
        let ran = ran(inside.command().arg("run").arg(OsStr::from_bytes(b"no\xff\x1b")));
        assert_eq!(ran.code, 127);
        assert!(ran.err.contains("has no program 'no\\xff\\x1b'"), "{ran:?}");
    }
}

#[test]
fn a_program_stays_in_its_generation() {
    for inside in each() {
        let mut command = inside.command();
        let script = "cat /usr/share/marker; read line; cat /usr/share/marker; echo $AMBAR_GENERATION";
        command.args(["run", "sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        assert_eq!(line(), "one");

        let content = inside.home().join("content");
        for (version, text) in [("2", "two\n"), ("3", "three\n")] {
            inside.write(&content.join("usr/share/marker"), text);
            inside.install("shell", version, &content);
        }
        // What a process lives in is not collected, and what nobody lives in is.
        let collected = inside.run(&["gc", "-y", "--keep", "1"]);
        assert_eq!(collected.code, 0, "{collected:?}");
        assert!(collected.out.contains("kept          1: processes are in there"), "{collected:?}");
        assert!(collected.out.contains("generations   2\n"), "{collected:?}");
        assert_eq!(inside.script("cat /usr/share/marker").out, "three\n");
        assert_eq!(inside.run(&["run", "--generation", "1", "cat", "/usr/share/marker"]).out, "one\n");

        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        assert_eq!((line(), line()), ("one".to_owned(), "1".to_owned()));
        assert!(child.wait().unwrap().success());
        let collected = inside.run(&["gc", "-y", "--keep", "1"]);
        assert!(collected.out.contains("generations   1\n"), "{collected:?}");
        let gone = inside.run(&["run", "--generation", "1", "cat"]);
        assert_eq!(gone.code, 3, "{gone:?}");
        assert!(gone.err.contains("there is no generation 1"), "{gone:?}");
    }
}

#[test]
fn what_cannot_be_run_is_said_as_shells_do() {
    for inside in each() {
        let root = inside.root().display().to_string();
        for (name, code, text) in [
            ("nothing", 127, format!("{root} has no program 'nothing' (generation 1)")),
            ("/usr/bin/nothing", 127, "has no program '/usr/bin/nothing'".into()),
            ("", 127, "has no program ''".into()),
            ("/usr/bin", 126, format!("cannot run /usr/bin of {root} (generation 1): it is a directory")),
            ("data", 126, "it may not be executed".into()),
            ("noloader", 126, "it is run by /no/such/loader, which is not there".into()),
        ] {
            let ran = inside.run(&["run", name]);
            assert_eq!(ran.code, code, "{name} {ran:?}");
            assert!(ran.err.contains(&text), "{name} {ran:?}");
        }
        let told = crate::place::json(inside.command().args(["--json", "run", "nothing"]));
        assert_eq!((&told["error"]["code"], &told["error"]["class"]), (&127.into(), &"not-found".into()));
        let none = inside.run(&["run"]);
        assert_eq!(none.code, 2);
        assert!(none.err.contains("`ambar shell` starts a shell"), "{none:?}");
    }
}

#[test]
fn a_shell_is_the_users_own_or_one_that_there_is() {
    for inside in each() {
        let shell = |own: &str| {
            let mut command = inside.command();
            command.env("SHELL", own).arg("shell").stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child
                .stdin
                .take()
                .unwrap()
                .write_all(b"echo $0 $SHELL; cat /usr/share/marker; exit 3\n")
                .unwrap();
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(shell("/bin/zsh"), (Some(3), "/usr/bin/sh /usr/bin/sh\none\n".into()));
        assert_eq!(shell(""), (Some(3), "/usr/bin/sh /usr/bin/sh\none\n".into()));
        assert_eq!(shell("/usr/bin/cat").0, Some(0), "the user's own comes first");

        let content = inside.home().join("content");
        std::fs::remove_file(content.join("usr/bin/sh")).unwrap();
        inside.install("shell", "2", &content);
        let none = ran(inside.command().env("SHELL", "/bin/zsh").arg("shell"));
        assert_eq!(none.code, 127);
        assert!(none.err.contains("has no shell (generation 2): looked for /bin/zsh, /bin/bash"), "{none:?}");
    }
}

#[test]
fn places_without_a_generation_are_told_apart() {
    let place = Place::new();
    let ran = place.run(["run", "cat"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("there is no root at"), "{ran:?}");
    assert_eq!(place.run(["init"]).code, 0);
    let ran = place.run(["run", "cat"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("has no generation yet: install something first"), "{ran:?}");

    let place = Place::installed();
    std::fs::rename(place.root().join(".ambar/generations/1"), place.path().join("moved")).unwrap();
    let ran = place.run(["run", "cat"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("the tree of generation 1 is not there"), "{ran:?}");
}

/// Runs something of a user without superuser rights in a user namespace made for it by `unshare`, after a
/// command in there has changed a setting.
fn in_a_namespace(inside: &Inside, setting: &str) -> crate::place::Ran {
    let ambar = inside.command();
    let mut unshare = Command::new("unshare");
    unshare.args(["-U", "-r", "sh", "-c"]);
    unshare.arg(format!("{setting}; exec setpriv --inh-caps=-all --bounding-set=-all \"$@\"")).arg("-");
    unshare.arg(ambar.get_program()).args(ambar.get_args()).args(["run", "cat", "/usr/share/marker"]);
    unshare.env("HOME", inside.home()).current_dir(inside.home());
    if inside.is_nobody() {
        unshare.uid(65534).gid(65534);
    }
    ran(&mut unshare)
}

#[test]
fn where_namespaces_are_off_the_setting_is_named() {
    if !has("unshare") || !has("setpriv") {
        return;
    }
    for inside in each() {
        let ran = in_a_namespace(&inside, "echo 0 > /proc/sys/user/max_user_namespaces");
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.err.contains("user.max_user_namespaces is 0"), "{ran:?}");
        assert!(ran.err.contains("`sysctl user.max_user_namespaces=10000` as the superuser"), "{ran:?}");
        assert!(ran.out.is_empty());
    }
}
