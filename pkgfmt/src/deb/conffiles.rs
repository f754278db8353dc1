//! The list of configuration files.
//!
//! ```text
//! conffiles = { [ flag " " ] path "\n" }     ; path: absolute; flag: "remove-on-upgrade"
//! ```
//!
//! Blank lines and white space at the end of a line do not matter. A regular file that is listed is
//! configuration. What cannot be marked so is kept as a property: `deb.conffile` has the paths that the package
//! does not hold as a regular file, `deb.conffile-remove-on-upgrade` those that are to go on an upgrade.

use crate::error::Problem;
use crate::package::{Draft, DraftNode};
use crate::path::{PayloadPath, Shown, compare_paths};

/// The list's name in a package.
pub(super) const NAME: &str = "conffiles";

/// The flag of a configuration file that the package has no more and wants to be gone.
const REMOVE: &str = "remove-on-upgrade";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conffile {
    pub(super) path: PayloadPath,
    /// It is to go on an upgrade.
    pub(super) remove: bool,
}

/// Reads the list; each line once, sorted by path.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Conffile>, Problem> {
    let mut all = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|l| !l.is_empty()) {
        let damaged = |reason: &dyn std::fmt::Display| {
            Problem::damaged(NAME, format_args!("'{}': {reason}", Shown(line)))
        };
        let space = line.iter().position(|&byte| byte == b' ').filter(|_| !line.starts_with(b"/"));
        let (flag, path) = space.map_or((None, line), |space| (Some(&line[..space]), &line[space + 1..]));
        if flag.is_some_and(|flag| flag != REMOVE.as_bytes()) {
            return Err(damaged(&"it has a flag that is not known"));
        }
        let relative = path.strip_prefix(b"/").ok_or_else(|| damaged(&"it is no absolute path"))?;
        let path = PayloadPath::new(relative).map_err(|error| damaged(&error))?;
        all.push(Conffile { path, remove: flag.is_some() });
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Marks the configuration files of a draft whose entries are complete.
pub(super) fn mark(draft: &mut Draft, conffiles: &[Conffile]) {
    let mut absent = Vec::new();
    for conffile in conffiles.iter().filter(|conffile| !conffile.remove) {
        let path = conffile.path.as_bytes();
        let found = draft.entries.binary_search_by(|entry| compare_paths(entry.path.as_bytes(), path));
        match found.ok().and_then(|index| draft.entries.get_mut(index)) {
            Some(entry) if entry.node == Some(DraftNode::File) => entry.config = true,
            _ => absent.push(property("deb.conffile", conffile)),
        }
    }
    draft.manifest.properties.extend(absent);
    draft.manifest.normalise();
}

/// Properties for those that are to go.
pub(super) fn to_remove(conffiles: &[Conffile]) -> impl Iterator<Item = (String, String)> + '_ {
    let gone = conffiles.iter().filter(|conffile| conffile.remove);
    gone.map(|conffile| property("deb.conffile-remove-on-upgrade", conffile))
}

fn property(key: &str, conffile: &Conffile) -> (String, String) {
    (key.into(), format!("/{}", conffile.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_absolute_paths_with_a_flag_at_most() {
        let list = read(b"/etc/b c \n\n/etc/a\nremove-on-upgrade /etc/old\n/etc/a\n/etc/last").unwrap();
        let shown: Vec<(String, bool)> = list.iter().map(|c| (c.path.to_string(), c.remove)).collect();
        let expected = [("etc/a", false), ("etc/b c", false), ("etc/last", false), ("etc/old", true)];
        assert_eq!(shown, expected.map(|(path, remove)| (path.to_owned(), remove)));
    }

    #[test]
    fn whatever_else_is_refused() {
        for line in [
            "etc/a",
            "/",
            "/etc/../a",
            "/../a",
            "//etc/a",
            "/etc/./a",
            "keep /etc/a",
            "remove-on-upgrade",
            "remove-on-upgrade etc/a",
            " /etc/a",
            "/etc/\u{1b}a",
            "remove-on-upgrade /etc/../a",
        ] {
            let problem = read(line.as_bytes()).unwrap_err();
            assert!(problem.to_string().starts_with("conffiles: "), "{line}: {problem}");
        }
    }
}
