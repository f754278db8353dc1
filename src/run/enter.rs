//! The way in: namespaces, mounts, and another root directory.
//!
//! Two empty file systems in memory are used. The first becomes the root directory with the host's below it as
//! `/host`, so that nothing that is put together is in the way of what it is made of. The second is filled from
//! there, becomes the root directory in its turn, and everything else is let go.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::UnshareFlags;

use super::View;
use super::error::{Context, RunError};
use super::refusal::{Facts, Stage, reason};
use super::view::Shown;

/// Where the host's files are while the view is put together.
const HOST: &str = "/host";
/// Where the view is put together.
const NEW: &str = "/new";

/// A process that has entered a view: this one.
#[derive(Debug)]
pub struct Inside {
    pub(super) root: PathBuf,
    pub(super) generation: u64,
    directory: PathBuf,
    notes: Vec<String>,
}

impl Inside {
    /// The root, as it is called outside.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The generation that it shows.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The directory that the process is in now.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is not as it was asked for, for people.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl View {
    /// Makes this process see what the view says, and nothing else. It has to have one thread; with superuser
    /// rights a mount namespace is enough, otherwise there is a user namespace around it, in which the user
    /// is who they are outside.
    ///
    /// # Errors
    /// [`RunError::Refused`] where the kernel gives no namespaces, [`RunError::Threads`],
    /// [`RunError::NoDirectory`], or [`RunError::Io`] for what could not be put where it belongs. On disk
    /// nothing has changed, but this process may be half-way in: all that it can do is to end.
    pub fn enter(self) -> Result<Inside, RunError> {
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        if threads > 1 {
            return Err(RunError::Threads { threads });
        }
        // The facts are gathered while there is something to gather them from.
        let facts = Facts::gathered();
        let refused = |stage| {
            let facts = &facts;
            move |errno: Errno| match errno {
                Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::NOSPC | Errno::USERS | Errno::NOSYS => {
                    RunError::Refused { refusal: reason(stage, errno, facts), source: errno.into() }
                }
                errno => RunError::Io { operation: "make a view at", path: "/".into(), source: errno.into() },
            }
        };
        let is_user_namespace = unshare().map_err(refused(Stage::Namespaces))?;
        if let Some((user, group)) = is_user_namespace {
            map_user(user, group).map_err(refused(Stage::Rights))?;
        }
        // What is mounted from now on stays here; what the host mounts later is still seen.
        rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
            .map_err(refused(Stage::Rights))?;
        let umask = rustix::process::umask(Mode::empty());
        // The tree is a directory that is there and that nobody looks for below: a good place to stand on.
        mount_memory(&self.tree, 0o755).map_err(refused(Stage::Rights))?;
        std::env::set_current_dir(&self.tree).on("enter", &self.tree)?;
        make_dir(Path::new("host"))?;
        make_dir(Path::new("new"))?;
        rustix::process::pivot_root(".", "host").map_err(refused(Stage::Pivot))?;
        std::env::set_current_dir("/").on("enter", "/")?;

        mount_memory(Path::new(NEW), 0o755).on("mount", NEW)?;
        for (path, shown) in self.layout.entries() {
            put(path, shown)?;
        }
        protect(Path::new(NEW)).on("make read-only", "/")?;

        // The old root directory comes to lie over the new one, and is let go with all that is below it.
        std::env::set_current_dir(NEW).on("enter", NEW)?;
        rustix::process::pivot_root(".", ".").map_err(refused(Stage::Pivot))?;
        rustix::mount::unmount(".", UnmountFlags::DETACH).on("let go of", "the host's root directory")?;
        rustix::process::umask(umask);
        self.start()
    }

    /// Goes to the directory to start in.
    fn start(self) -> Result<Inside, RunError> {
        let View { root, generation, mut notes, starts, must_start, .. } = self;
        let mut missed = None;
        for path in starts.iter().map(PathBuf::as_path).chain([Path::new("/")]) {
            match std::env::set_current_dir(path) {
                Ok(()) => {
                    notes.extend(missed.map(|missed| {
                        format!(
                            "there is no {missed} inside that could be worked in: starting in {}",
                            path.display()
                        )
                    }));
                    return Ok(Inside { root, generation, directory: path.into(), notes });
                }
                Err(error) if must_start && error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(RunError::NoDirectory { path: path.into(), root, generation });
                }
                Err(source) if must_start => {
                    return Err(RunError::Io { operation: "start in", path: path.into(), source });
                }
                Err(_) => drop(missed.get_or_insert_with(|| path.display().to_string())),
            }
        }
        Err(RunError::NoDirectory { path: "/".into(), root, generation })
    }
}

/// A mount namespace for this process. Where that takes a user namespace, the user and group that are to be
/// who they are in it.
fn unshare() -> Result<Option<(u32, u32)>, Errno> {
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match unshare_namespaces(UnshareFlags::NEWNS) {
        Ok(()) => Ok(None),
        Err(Errno::PERM) => {
            unshare_namespaces(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
            Ok(Some(ids))
        }
        Err(errno) => Err(errno),
    }
}

#[allow(unsafe_code, reason = "see SAFETY")]
fn unshare_namespaces(flags: UnshareFlags) -> Result<(), Errno> {
    let namespaces = flags & (UnshareFlags::NEWNS | UnshareFlags::NEWUSER);
    // SAFETY: what is unsafe about unshare is CLONE_FILES, which takes descriptors away from under other
    // threads; it is masked out here.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }
}

/// Makes the user and the group of this process themselves in its new user namespace.
fn map_user(user: u32, group: u32) -> Result<(), Errno> {
    let write = |path: &str, text: String| {
        let written =
            File::options().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    };
    // A group may be mapped only by who gives up changing groups.
    match write("/proc/self/setgroups", "deny".into()) {
        // Kernels before 3.19 have no such file.
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    write("/proc/self/gid_map", format!("{group} {group} 1\n"))?;
    write("/proc/self/uid_map", format!("{user} {user} 1\n"))
}

fn mount_memory(at: &Path, mode: u32) -> Result<(), Errno> {
    let options = std::ffi::CString::new(format!("mode={mode:o}")).map_err(|_| Errno::INVAL)?;
    rustix::mount::mount("ambar", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
}

/// Makes a mount read-only, with everything else about it as it is: in a user namespace, what keeps a mount
/// from being written to or run from may not be taken off.
fn protect(at: &Path) -> Result<(), Errno> {
    let now = rustix::fs::statvfs(at)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (has, flag) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if now.contains(has) {
            flags |= flag;
        }
    }
    rustix::mount::mount_remount(at, flags, c"")
}

/// Where something of the host's is while the view is put together.
fn on_host(path: &Path) -> PathBuf {
    below(HOST, path)
}

/// An absolute path as one below another directory.
fn below(directory: &str, path: &Path) -> PathBuf {
    let relative = path.strip_prefix("/").unwrap_or(path);
    Path::new(directory).join(relative)
}

/// Puts one thing where it belongs.
fn put(path: &Path, shown: &Shown) -> Result<(), RunError> {
    let at = below(NEW, path);
    let is_there = at.symlink_metadata().is_ok();
    match shown {
        Shown::Link { target } => {
            rustix::fs::symlink(target, &at).on("make the link", path)?;
        }
        Shown::Places if is_there => {}
        Shown::Places => make_dir(&at)?,
        Shown::Volatile { mode } => {
            if !is_there {
                make_dir(&at)?;
            }
            mount_memory(&at, *mode).on("mount", path)?;
        }
        Shown::Bound { source, writable } => {
            let from = on_host(source);
            let about = from.metadata().on("show", source)?;
            if !is_there && about.is_dir() {
                make_dir(&at)?;
            } else if !is_there {
                File::create(&at).on("make a place at", path)?;
            }
            if *writable {
                // With what is mounted below it.
                rustix::mount::mount_bind_recursive(&from, &at).on("show", source)?;
            } else {
                rustix::mount::mount_bind(&from, &at).on("show", source)?;
                protect(&at).on("make read-only", path)?;
            }
        }
    }
    Ok(())
}

fn make_dir(path: &Path) -> Result<(), RunError> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)).on("make a place at", path)
}
