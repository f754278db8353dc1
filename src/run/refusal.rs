//! Why the kernel refuses namespaces, found out from what it says and what can be seen of its settings.

use std::fmt;
use std::path::Path;

use rustix::io::Errno;

/// Why this process gets no namespaces of its own, and what can be done. Its text says both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A setting of the kernel's keeps users without superuser rights from it.
    Setting {
        /// Its name, as `sysctl` has it.
        name: &'static str,
        /// What it is now.
        value: String,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// There may be no more user namespaces.
    Limit {
        /// How many there may be, `user.max_user_namespaces`, if that can be read.
        most: Option<u64>,
    },
    /// AppArmor lets only programs with a profile have namespaces.
    AppArmor,
    /// A system call filter stands against it: this is inside of a container or sandbox.
    Filter,
    /// This process has another root directory than its mount namespace.
    Chroot,
    /// The kernel was built without user namespaces.
    Kernel,
    /// The root directory is not a mount, or the kernel's first one, which cannot be left.
    RootDirectory,
    /// Something else, which the kernel does not name.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Setting { name, value, wanted } => write!(
                f,
                "the kernel's setting {name} is {value}, so only the superuser may make namespaces; \
                 `sysctl {name}={wanted}` as the superuser allows it"
            ),
            Refusal::Limit { most: Some(0) } => write!(
                f,
                "user namespaces are off: the kernel's setting user.max_user_namespaces is 0; \
                 `sysctl user.max_user_namespaces=10000` as the superuser turns them on"
            ),
            Refusal::Limit { most } => write!(
                f,
                "there may be no more user namespaces (the kernel's setting user.max_user_namespaces{}), \
                 or they are nested 32 deep; end some, or raise it with `sysctl` as the superuser",
                most.map(|most| format!(" is {most}")).unwrap_or_default()
            ),
            Refusal::AppArmor => write!(
                f,
                "AppArmor keeps programs without a profile from using user namespaces (the kernel's setting \
                 kernel.apparmor_restrict_unprivileged_userns is 1); give ambar a profile that says `userns,`, or \
                 run `sysctl kernel.apparmor_restrict_unprivileged_userns=0` as the superuser"
            ),
            Refusal::Filter => write!(
                f,
                "a system call filter (seccomp) forbids namespaces: this runs inside of a container or sandbox, \
                 which has to be started so that it allows unshare, mount and pivot_root"
            ),
            Refusal::Chroot => write!(
                f,
                "this runs inside of a chroot, where the kernel gives no user namespaces; run it outside, or as \
                 the superuser"
            ),
            Refusal::Kernel => write!(
                f,
                "the kernel has no user namespaces (it was built without CONFIG_USER_NS); the superuser can do \
                 without them"
            ),
            Refusal::RootDirectory => write!(
                f,
                "the root directory is not a mount that can be left: inside of a chroot, make the directory one before \
                 (`mount --bind DIR DIR`); the kernel's first root (an initramfs) cannot be left at all"
            ),
            Refusal::Unknown => write!(
                f,
                "the kernel forbids namespaces here and does not say why: a chroot around this process or a security \
                 module can be the reason; the superuser may be allowed"
            ),
        }
    }
}

/// What is known of the process and the kernel when namespaces were refused.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// `kernel.unprivileged_userns_clone`, which some distributions' kernels have.
    pub(super) userns_clone: Option<String>,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    pub(super) apparmor: Option<String>,
    /// `user.max_user_namespaces`.
    pub(super) most: Option<u64>,
    /// There is a system call filter.
    pub(super) filtered: bool,
    /// `/` is not the top of a mount.
    pub(super) chrooted: bool,
    /// The kernel knows user namespaces at all.
    pub(super) known: bool,
}

impl Facts {
    /// Looks at this process and its kernel. What cannot be read is not known.
    pub(super) fn gathered() -> Facts {
        let setting = |path: &str| {
            std::fs::read_to_string(Path::new("/proc/sys").join(path)).ok().map(|text| text.trim().to_owned())
        };
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let filter = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let is_top = |line: &str| line.split(' ').nth(4) == Some("/");
        Facts {
            userns_clone: setting("kernel/unprivileged_userns_clone"),
            apparmor: setting("kernel/apparmor_restrict_unprivileged_userns"),
            most: setting("user/max_user_namespaces").and_then(|text| text.parse().ok()),
            filtered: filter.is_some_and(|mode| mode.trim() == "2"),
            chrooted: !mounts.is_empty() && !mounts.lines().any(is_top),
            known: Path::new("/proc/self/ns/user").exists(),
        }
    }
}

/// At which step it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The namespaces were not given.
    Namespaces,
    /// They were, and then rights in them were not: mapping the user, or the first mount.
    Rights,
    /// The root directory could not be changed.
    Pivot,
}

/// The reason, as far as it can be told.
pub(super) fn reason(stage: Stage, errno: Errno, facts: &Facts) -> Refusal {
    let off = |value: &Option<String>, is: &str| value.as_deref() == Some(is);
    let forbidden = matches!(errno, Errno::PERM | Errno::ACCESS);
    match (stage, errno) {
        (Stage::Pivot | Stage::Rights, Errno::INVAL) => Refusal::RootDirectory,
        (Stage::Namespaces, Errno::NOSPC | Errno::USERS) => Refusal::Limit { most: facts.most },
        (Stage::Namespaces, Errno::INVAL | Errno::NOSYS) if !facts.known => Refusal::Kernel,
        _ if forbidden && off(&facts.userns_clone, "0") => {
            Refusal::Setting { name: "kernel.unprivileged_userns_clone", value: "0".into(), wanted: "1" }
        }
        (Stage::Namespaces, _) if forbidden && facts.chrooted => Refusal::Chroot,
        _ if facts.filtered => Refusal::Filter,
        _ if forbidden && facts.apparmor.as_deref().is_some_and(|value| value != "0") => Refusal::AppArmor,
        (Stage::Namespaces, Errno::NOSYS) => Refusal::Kernel,
        _ => Refusal::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_turning_namespaces_off_is_told_from_the_others() {
        let usual = Facts { known: true, most: Some(90_000), ..Facts::default() };
        let clone = Facts { userns_clone: Some("0".into()), ..usual.clone() };
        let on = Facts { userns_clone: Some("1".into()), apparmor: Some("0".into()), ..usual.clone() };
        let apparmor = Facts { apparmor: Some("1".into()), ..usual.clone() };
        let filtered = Facts { filtered: true, ..usual.clone() };
        let chrooted = Facts { chrooted: true, ..usual.clone() };
        let unknown = Facts { known: false, most: None, ..usual.clone() };
        let none = Facts { most: Some(0), ..usual.clone() };
        use Stage::{Namespaces, Pivot, Rights};
        for (stage, errno, facts, text) in [
            (Namespaces, Errno::NOSPC, &none, "user.max_user_namespaces is 0"),
            (Namespaces, Errno::NOSPC, &usual, "user.max_user_namespaces is 90000"),
            (Namespaces, Errno::PERM, &clone, "sysctl kernel.unprivileged_userns_clone=1"),
            (Namespaces, Errno::PERM, &chrooted, "chroot"),
            (Namespaces, Errno::PERM, &filtered, "seccomp"),
            (Namespaces, Errno::NOSYS, &filtered, "seccomp"),
            (Namespaces, Errno::INVAL, &unknown, "CONFIG_USER_NS"),
            (Namespaces, Errno::PERM, &on, "does not say why"),
            (Rights, Errno::ACCESS, &apparmor, "apparmor_restrict_unprivileged_userns=0"),
            (Rights, Errno::PERM, &filtered, "seccomp"),
            (Pivot, Errno::INVAL, &usual, "initramfs"),
            (Rights, Errno::INVAL, &usual, "mount --bind DIR DIR"),
        ] {
            let told = reason(stage, errno, facts).to_string();
            assert!(told.contains(text), "{stage:?} {errno}: {told}");
        }
    }
}
