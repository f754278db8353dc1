//! Finding a program inside, and becoming it.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Access, StatVfsMountFlags};
use rustix::io::Errno;

use super::Inside;
use super::error::RunError;

/// Where programs of a root are.
pub const PATH: [&str; 6] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where to look for programs inside, given where the host looks: in the root's own directories first, then
/// wherever else the host does, which may be in the home directory.
#[must_use]
pub fn search_path(host: Option<&OsStr>) -> Vec<PathBuf> {
    let mut path: Vec<PathBuf> = PATH.iter().map(PathBuf::from).collect();
    for directory in std::env::split_paths(host.unwrap_or_default()) {
        if directory.is_absolute() && !path.contains(&directory) {
            path.push(directory);
        }
    }
    path
}

impl Inside {
    /// Finds a program by name in `path`, or at its own path if it is given as one, and makes sure that it may
    /// be run.
    ///
    /// # Errors
    /// [`RunError::NoProgram`], or [`RunError::NotRunnable`].
    pub fn find(&self, name: &OsStr, path: &[PathBuf]) -> Result<PathBuf, RunError> {
        let mut refused = None;
        let candidates: Vec<PathBuf> = match name.as_bytes().contains(&b'/') {
            true => vec![self.directory().join(name)],
            false if name.is_empty() => Vec::new(),
            false => path.iter().map(|directory| directory.join(name)).collect(),
        };
        for candidate in candidates {
            let about = match candidate.metadata() {
                Ok(about) => about,
                // A name too long or in a directory that may not be looked into is not found there either.
                Err(_) => continue,
            };
            match rustix::fs::access(&candidate, Access::EXEC_OK) {
                _ if about.is_dir() => {
                    if name.as_bytes().contains(&b'/') {
                        return Err(self.not_runnable(candidate, "it is a directory".into()));
                    }
                }
                Ok(()) => return Ok(candidate),
                Err(errno) => drop(refused.get_or_insert((candidate, errno))),
            }
        }
        Err(match refused {
            Some((program, Errno::ACCESS)) => {
                let flags = rustix::fs::statvfs(&program).map(|about| about.f_flag);
                let reason = match flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::NOEXEC)) {
                    true => "it lies on a file system that nothing may be run from (noexec)",
                    false => "it may not be executed",
                };
                self.not_runnable(program, reason.into())
            }
            Some((program, errno)) => self.not_runnable(program, std::io::Error::from(errno).to_string()),
            None => RunError::NoProgram {
                name: ambar_pkgfmt::path::Shown(name.as_bytes()).to_string(),
                root: self.root.clone(),
                generation: self.generation,
            },
        })
    }

    /// Finds the first of several shells.
    ///
    /// # Errors
    /// [`RunError::NoShell`] when there is none of them.
    pub fn find_shell(&self, shells: &[OsString]) -> Result<PathBuf, RunError> {
        let found = shells.iter().find_map(|shell| self.find(shell, &[]).ok());
        found.ok_or_else(|| RunError::NoShell {
            tried: shells
                .iter()
                .map(|shell| ambar_pkgfmt::path::Shown(shell.as_bytes()).to_string())
                .collect(),
            root: self.root.clone(),
            generation: self.generation,
        })
    }

    /// Becomes a program: its process is this one, so that signals, the terminal and how it ends are its own.
    /// `command` says its arguments and environment. Returns only when that cannot be.
    pub fn become_program(&self, program: &Path, command: &mut Command) -> RunError {
        let error = command.exec();
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => match interpreter(program) {
                Some(interpreter) => format!("it is run by {interpreter}, which is not there"),
                None => "the loader that it names is not there: is the C library installed?".into(),
            },
            std::io::ErrorKind::PermissionDenied => match interpreter(program) {
                Some(interpreter) => format!("it is run by {interpreter}, which may not be executed"),
                None => error.to_string(),
            },
            _ => error.to_string(),
        };
        self.not_runnable(program.into(), reason)
    }

    fn not_runnable(&self, program: PathBuf, reason: String) -> RunError {
        RunError::NotRunnable { program, root: self.root.clone(), generation: self.generation, reason }
    }
}

/// What a script names in its first line.
fn interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    // As much as the kernel looks at.
    std::fs::File::open(program).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    Some(ambar_pkgfmt::path::Shown(word).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_own_programs_come_before_the_hosts() {
        let path = search_path(Some("/home/u/bin:/usr/bin:relative::/opt/x:/home/u/bin".as_ref()));
        let shown: Vec<&str> = path.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(shown[..PATH.len()], PATH);
        assert_eq!(shown[PATH.len()..], ["/home/u/bin", "/opt/x"]);
        assert_eq!(search_path(None).len(), PATH.len());
    }
}
