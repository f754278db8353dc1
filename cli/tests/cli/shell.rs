//! Life in a shell: external commands, help, completions, man pages.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::place::{Place, has, program, ran};

/// A directory on `PATH` with a program `ambar-frob`.
fn path_with_frob(place: &Place) -> std::ffi::OsString {
    let directory = place.path().join("bin");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("ambar-frob");
    std::fs::write(&file, "#!/bin/sh\necho \"$AMBAR_ROOT|$*\"\nexit 42\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(directory.join("ambar-notes"), "not a program").unwrap();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(directory).chain(std::env::split_paths(&rest))).unwrap()
}

#[test]
fn a_program_on_path_is_a_command() {
    let place = Place::new();
    let path = path_with_frob(&place);
    let ran_frob =
        ran(program().env("PATH", &path).args(["-D", "/some/root", "frob", "-x", "--json", "a b"]));
    assert_eq!(ran_frob.code, 42);
    assert_eq!(ran_frob.out, "/some/root|-x --json a b\n");

    for help in [["help"], ["--help"], ["-h"]] {
        let ran = ran(program().env("PATH", &path).args(help));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("frob") && !ran.out.contains("notes"), "{help:?} {ran:?}");
    }
    let ran = ran(program().env("PATH", &path).arg("forb"));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean frob?"), "{ran:?}");
}

#[test]
fn help_explains_commands_and_exit_codes() {
    let help = ran(program().arg("help")).out;
    for command in ["install", "rollback", "vercmp", "quickstart", "--dry-run", "AMBAR_ROOT"] {
        assert!(help.contains(command), "{command} is missing:\n{help}");
    }
    assert!(ran(program().args(["help", "install"])).out.contains("--strip-setuid"));
    let codes = ran(program().args(["help", "exit-codes"])).out;
    let first: Vec<&str> = codes.lines().take(12).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
    assert_eq!(ran(program().args(["help", "nonsense"])).code, 2);
}

#[test]
fn completions_are_scripts_that_their_shells_accept() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = ran(program().args(["completion", shell]));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("rollback"), "{shell}");
        if has(shell) {
            let place = Place::new();
            let file = place.path().join("completion");
            std::fs::write(&file, ran.out).unwrap();
            assert!(Command::new(shell).arg("-n").arg(&file).status().unwrap().success(), "{shell}");
        }
    }
    assert_eq!(ran(program().args(["completion", "tcsh"])).code, 2);
}

#[test]
fn every_command_has_a_man_page() {
    let page = ran(program().arg("man"));
    assert!(page.out.contains(".TH ambar 1") && page.out.contains("Exit codes"), "{page:?}");
    let place = Place::new();
    let directory = place.path().join("share/man/man1");
    assert_eq!(ran(program().arg("man").arg(&directory)).code, 0);
    for name in ["ambar", "ambar-install", "ambar-rollback", "ambar-help"] {
        let text = std::fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {name} 1")), "{text}");
    }
}
