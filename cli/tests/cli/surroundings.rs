//! `run`: what a program sees beside the generation.

use std::process::Command;

use serde_json::Value;

use crate::inside::each;
use crate::place::ran;

#[test]
fn a_program_sees_the_root_and_its_own_surroundings() {
    for inside in each() {
        // Everybody's place for what is in passing is seen; nothing else of the host's is.
        let shared = tempfile::tempdir_in("/tmp").unwrap();
        inside.open(shared.path());
        let outside = shared.path().join("outside");
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
