//! `run` and `shell`: programs with a root as their file system.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::inside::{Inside, each};
use crate::place::{Place, has, ran};

#[test]
fn a_program_sees_the_root_and_its_own_surroundings() {
    for inside in each() {
        let outside = inside.path().join("outside");
        inside.write(&outside, "from outside");
        let script = format!(
            "cat /usr/share/marker /etc/own.conf; pwd; echo $HOME; cat '{}'; echo; \
             test -e /usr/bin/env && echo env of the host; test -e /.ambar && echo ambar; \
             test -c /dev/null && echo dev; test -d /proc/1 && echo proc; test -d /sys && echo sys; \
             echo written > '{}/by a program'; echo $AMBAR_GENERATION",
            outside.display(),
            inside.home().display()
        );
        let ran = inside.script(&script);
        let home = inside.home().display().to_string();
        let expected = format!("one\nown\n{home}\n{home}\nfrom outside\ndev\nproc\nsys\n1\n");
        assert_eq!((ran.out, ran.code), (expected, 0), "{}", ran.err);
        let written = std::fs::read_to_string(inside.home().join("by a program")).unwrap();
        assert_eq!(written, "written\n");
    }
}

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
fn the_roots_programs_come_before_the_hosts() {
    for inside in each() {
        let bin = inside.home().join("bin");
        for (name, text) in
            [("cat", "#!/usr/bin/sh\necho cat of the home\n"), ("mine", "#!/usr/bin/sh\necho mine\n")]
        {
            inside.write(&bin.join(name), text);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(bin.join(name), mode).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let run = |arguments: &[&str]| ran(inside.command().env("PATH", &path).args(arguments));
        assert_eq!(run(&["run", "cat", "/usr/share/marker"]).out, "one\n");
        assert_eq!(run(&["run", "mine"]).out, "mine\n");
        assert_eq!(run(&["run", "./bin/mine"]).out, "mine\n");
        assert!(run(&["run", "sh", "-c", "echo $PATH"]).out.trim_end().ends_with(&bin.display().to_string()));
    }
}

#[test]
fn the_place_to_work_in_is_there_or_something_is_said() {
    for inside in each() {
        let work = inside.path().join("a place/to work");
        std::fs::create_dir_all(&work).unwrap();
        inside.directory(&work);
        let pwd = |command: &mut Command| ran(command.args(["run", "sh", "-c", "pwd; echo x > made"]));
        let there = pwd(inside.command().current_dir(&work));
        assert_eq!((there.out, &*there.err), (format!("{}\n", work.display()), ""));
        assert!(work.join("made").exists());

        // Where the generation has something, the host's is not shown.
        let share =
            ran(inside.command().current_dir("/usr/share").args(["run", "sh", "-c", "pwd; cat marker"]));
        assert_eq!(share.out, "/usr/share\none\n");
        assert!(share.err.contains("/usr/share is the root's own inside"), "{share:?}");
        let absent = ran(inside.command().current_dir("/usr/lib/..").args(["run", "sh", "-c", "pwd"]));
        assert_eq!(absent.out, "/usr\n");

        let gone = work.join("gone");
        inside.directory(&gone);
        let script = "cd \"$1\" && rmdir \"$1\" && shift && exec \"$@\"";
        let mut shell = Command::new("/bin/sh");
        let ambar = inside.command();
        shell.args(["-c", script, "-"]).arg(&gone).arg(ambar.get_program()).args(ambar.get_args());
        shell.args(["run", "sh", "-c", "pwd"]).env("HOME", inside.home()).env_remove("AMBAR_ROOT");
        let gone = ran(&mut shell);
        assert_eq!((gone.out, gone.code), (format!("{}\n", inside.home().display()), 0), "{}", gone.err);

        let chosen = inside.run(&["run", "--chdir", "/usr/share", "cat", "marker"]);
        assert_eq!(chosen.out, "one\n");
        let nowhere = inside.run(&["run", "--chdir", "/no/where", "cat"]);
        assert_eq!(nowhere.code, 3, "{nowhere:?}");
        assert!(nowhere.err.contains("there is no directory /no/where to start in"), "{nowhere:?}");
    }
}

#[test]
fn directories_of_the_hosts_are_shown_where_the_root_has_none() {
    // Not in anything that is shown anyway.
    let (home, here) = ("/var/cache", "/var/lib");
    if ![home, here].iter().all(|path| std::path::Path::new(path).is_dir()) {
        return println!("skipped: there is no {home} or {here}");
    }
    for inside in each() {
        let script = "echo $PWD *; cd; echo $PWD *; echo /var/*";
        let mut command = inside.command();
        command.env("HOME", home).current_dir(here).args(["run", "sh", "-c", script]);
        let ran = ran(&mut command);
        let listed = |path: &str| {
            let mut shell = Command::new("/bin/sh");
            crate::place::ran(shell.args(["-c", "echo $PWD *"]).current_dir(path)).out
        };
        let expected = format!("{}{}/var/cache /var/lib /var/usrlocal\n", listed(here), listed(home));
        assert_eq!((ran.out, ran.code), (expected, 0), "{}", ran.err);

        // What the root has of its own is not covered by where somebody happens to be.
        inside.directory(&inside.root().join("var/lib/of the root"));
        let mut command = inside.command();
        let script = "cd /var/lib; echo *";
        let ran = crate::place::ran(command.current_dir(here).args(["run", "sh", "-c", script]));
        assert_eq!(ran.out, "of the root\n");
        assert!(ran.err.contains("/var/lib is the root's own inside"), "{ran:?}");
    }
}

#[test]
fn more_can_be_shown_and_home_can_be_hidden() {
    for inside in each() {
        let more = inside.path().join("more:to show");
        inside.write(&more.join("file"), "more\n");
        let bind = format!("{}:/data/of mine", more.display());
        let ran = inside.run(&["run", "--bind", &bind, "cat", "/data/of mine/file"]);
        assert_eq!((&*ran.out, ran.code), ("more\n", 0), "{}", ran.err);
        // In the middle of what the generation has.
        let bind = format!("{}:/usr/share/more", more.display());
        let ran = inside.run(&["run", "--bind", &bind, "cat", "/usr/share/more/file", "/usr/share/marker"]);
        assert_eq!((&*ran.out, ran.code), ("more\none\n", 0), "{}", ran.err);
        for (bind, code, text) in [
            ("/no/such/thing", 3, "/no/such/thing"),
            ("/tmp:/usr/share/marker", 2, "a file is there, and this is a directory"),
            ("/tmp:/usr/share/../x", 2, "an absolute path without . and .."),
            ("/tmp:/usr/share/marker/x", 2, "is no directory inside"),
        ] {
            let ran = inside.run(&["run", "--bind", bind, "cat"]);
            assert_eq!(ran.code, code, "{bind} {ran:?}");
            assert!(ran.err.contains(text), "{bind} {ran:?}");
        }
        let ran = inside.run(&[
            "run",
            "--no-home",
            "--chdir",
            "/",
            "sh",
            "-c",
            "cd && echo * && echo x > y && cat y",
        ]);
        assert_eq!((&*ran.out, ran.code), ("*\nx\n", 0), "{}", ran.err);
        assert!(!inside.home().join("y").exists());
    }
}

#[test]
fn the_hosts_names_are_shown_where_the_root_has_none() {
    for inside in each() {
        let hosts = std::fs::read_to_string("/etc/hosts");
        let Ok(hosts) = hosts else { return println!("skipped: there is no /etc/hosts") };
        assert_eq!(inside.run(&["run", "cat", "/etc/hosts"]).out, hosts);
        let content = inside.home().join("content");
        inside.write(&content.join("etc/hosts"), "127.0.0.1 of the root\n");
        // Leads nowhere inside until somebody makes it lead somewhere.
        std::os::unix::fs::symlink("../run/resolv/resolv.conf", content.join("etc/resolv.conf")).unwrap();
        inside.install("shell", "2", &content);
        assert_eq!(inside.run(&["run", "cat", "/etc/hosts"]).out, "127.0.0.1 of the root\n");
        if let Ok(resolv) = std::fs::read_to_string("/etc/resolv.conf") {
            assert_eq!(inside.run(&["run", "cat", "/etc/resolv.conf"]).out, resolv);
        }
        assert!(!inside.root().join("etc/passwd").exists(), "nothing is made in the root");
    }
}

#[test]
fn nothing_is_left_behind() {
    for inside in each() {
        let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let listing = || {
            let mut names = Vec::new();
            let mut open = vec![inside.home()];
            while let Some(directory) = open.pop() {
                for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
                    if entry.file_type().unwrap().is_dir() {
                        open.push(entry.path());
                    }
                    names.push((entry.path(), entry.metadata().unwrap().modified().unwrap()));
                }
            }
            names.sort();
            names
        };
        let before = (mounts(), listing());
        let bind = format!("{}:/srv/a/b", inside.path().display());
        assert_eq!(
            inside.run(&["run", "--bind", &bind, "cat", "/srv/a/b/home of one/content/etc/own.conf"]).code,
            0
        );
        assert_eq!(inside.run(&["run", "nothing"]).code, 127);
        assert_eq!((mounts(), listing()), before);
    }
}

#[test]
fn a_shell_is_the_users_own_or_one_that_there_is() {
    for inside in each() {
        let shell = |own: &str| {
            let mut command = inside.command();
            command.env("SHELL", own).arg("shell").stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"echo $0; cat /usr/share/marker; exit 3\n").unwrap();
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(shell("/bin/zsh"), (Some(3), "/usr/bin/sh\none\n".into()));
        assert_eq!(shell(""), (Some(3), "/usr/bin/sh\none\n".into()));
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
fn a_view_can_be_looked_at_first() {
    for inside in each() {
        let ran = inside.run(&["run", "-n", "cat"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("generations/1/usr") && ran.out.contains("writable"), "{ran:?}");
        let told = crate::place::json(inside.command().args(["--json", "-n", "run", "cat"]));
        let entries = told["result"]["entries"].as_array().unwrap();
        let at = |path: &str| entries.iter().find(|entry| entry["path"] == path).unwrap();
        assert_eq!((&at("/usr")["kind"], &at("/usr")["writable"]), (&"bound".into(), &Value::Bool(false)));
        assert_eq!(at("/dev")["of"], "/dev");
        assert_eq!(told["result"]["generation"], 1);
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
