//! The kernel's tables of mounts, as far as they tell which directory of which file system is shown somewhere.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One line of a `mountinfo`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Which file system: the device, as the kernel writes it.
    device: Vec<u8>,
    /// Which directory of it, from its own top.
    shows: PathBuf,
    /// Where.
    pub(crate) at: PathBuf,
}

/// A directory as every mount namespace knows it: the file system and the path from its top.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    device: Vec<u8>,
    path: PathBuf,
}

/// The mounts that a `mountinfo` lists; lines that make no sense are left out.
pub(crate) fn parse(table: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let device = fields.next()?.to_vec();
        let (shows, at) = (unescaped(fields.next()?), unescaped(fields.next()?));
        Some(Mount { device, shows, at })
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// What of a file system is at `path`, which is absolute and leads through no link.
pub(crate) fn place(mounts: &[Mount], path: &Path) -> Option<Place> {
    // Of several mounts on one directory the last one listed lies on top.
    let over = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.at))
        .max_by_key(|mount| mount.at.as_os_str().len())?;
    let over = mounts.iter().rfind(|mount| mount.at == over.at)?;
    let rest = path.strip_prefix(&over.at).ok()?;
    Some(Place { device: over.device.clone(), path: over.shows.join(rest) })
}

impl Mount {
    /// The path below `place` of what it shows, if it shows something there.
    pub(crate) fn shows_below<'m>(&'m self, place: &Place) -> Option<&'m Path> {
        if self.device == place.device { self.shows.strip_prefix(&place.path).ok() } else { None }
    }
}

/// Blanks, tabs, line breaks and backslashes are written as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                text.push(escaped);
                rest = &after[3..];
            }
            None => {
                text.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(text))
}

/// Whether a path's first component is a number, and which.
pub(crate) fn leading_number(path: &Path) -> Option<u64> {
    std::str::from_utf8(path.iter().next()?.as_bytes()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
        27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        30 27 254:1 /@home /home rw - btrfs /dev/vdb rw\n\
        31 30 0:30 / /home/over rw - tmpfs t rw\n\
        32 30 254:9 /top /home/over rw - ext4 t rw\n\
        40 1 254:1 /@home/a\\040b/.ambar/generations/3/usr /usr ro - btrfs /dev/vdb rw\n\
        nonsense\n";

    #[test]
    fn a_mount_elsewhere_is_known_by_file_system_and_path() {
        let mounts = parse(TABLE);
        assert_eq!(mounts.len(), 6);
        let trees = place(&mounts, Path::new("/home/a b/.ambar/generations")).unwrap();
        assert_eq!(trees.path, Path::new("/@home/a b/.ambar/generations"));
        let shown: Vec<&Path> = mounts.iter().filter_map(|mount| mount.shows_below(&trees)).collect();
        assert_eq!(shown, [Path::new("3/usr")]);
        assert_eq!(leading_number(shown[0]), Some(3));
    }

    #[test]
    fn the_mount_on_top_counts() {
        let mounts = parse(TABLE);
        let place = |path: &str| place(&mounts, Path::new(path)).unwrap();
        assert_eq!(place("/home/over/x"), Place { device: b"254:9".to_vec(), path: "/top/x".into() });
        assert_eq!(place("/homes"), Place { device: b"254:0".to_vec(), path: "/homes".into() });
    }
}
