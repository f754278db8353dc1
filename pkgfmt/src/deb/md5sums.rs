//! The list of checksums, as md5sum(1) writes it.
//!
//! ```text
//! md5sums = { digest "  " path "\n" }     ; or a blank and "*" between them
//! ```
//!
//! Paths are relative to the root, with or without `./`. A line that starts with `\` has `\\` and `\n` in its
//! path for a backslash and a line break. The list need not be complete: configuration files are left out.
//! Nothing trusts it; it is read only where somebody asks for the check ([`Md5Check`](crate::Md5Check)).

use std::collections::BTreeMap;

use crate::digest::{Md5Digest, unhex};
use crate::error::Problem;
use crate::path::{PayloadPath, Shown};

/// The list's name in a package.
pub(super) const NAME: &str = "md5sums";

/// Reads the list.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<PayloadPath, Md5Digest>, Problem> {
    let mut sums = BTreeMap::new();
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let damaged = |reason: &dyn std::fmt::Display| {
            Problem::damaged(NAME, format_args!("'{}': {reason}", Shown(line)))
        };
        let escaped = line.strip_prefix(b"\\");
        let (digits, rest) = escaped.unwrap_or(line).split_at_checked(32).unwrap_or_default();
        let digest = unhex(digits).ok_or_else(|| damaged(&"it has no MD5 sum"))?;
        let path = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"));
        let path = path.ok_or_else(|| damaged(&"it has no path"))?;
        let path = if escaped.is_some() { unescape(path) } else { path.to_vec() };
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = PayloadPath::new(path).map_err(|error| damaged(&error))?;
        if sums.insert(path, Md5Digest(digest)).is_some_and(|earlier| earlier.0 != digest) {
            return Err(damaged(&"another line says otherwise"));
        }
    }
    Ok(sums)
}

fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(&other) => other,
                None => b'\\',
            },
            byte => byte,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn every_way_of_writing_a_line_is_read() {
        let text = format!("{SUM}  usr/a\n{SUM} *usr/b\n{SUM}  ./usr/c d\n\\{SUM}  usr/e\\\\f\n{SUM}  usr/a");
        let sums = read(text.as_bytes()).unwrap();
        let paths: Vec<String> = sums.keys().map(ToString::to_string).collect();
        assert_eq!(paths, ["usr/a", "usr/b", "usr/c d", "usr/e\\f"]);
    }

    #[test]
    fn a_line_that_is_none_is_refused_by_name() {
        for line in [
            "x",
            SUM,
            &format!("{SUM} a"),
            &format!("{SUM}  ../a"),
            &format!("{SUM}  /a"),
            &format!("{SUM}  "),
            &format!("g{}  a", &SUM[1..]),
            &format!("{SUM}  a\n{}  a", SUM.replace('d', "e")),
            &format!("\\{SUM}  a\\nb"),
        ] {
            let problem = read(line.as_bytes()).unwrap_err();
            assert!(problem.to_string().starts_with("md5sums: "), "{line}: {problem}");
        }
    }
}
