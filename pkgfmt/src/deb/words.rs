//! The words of a control file: names of packages, architectures, versions.

/// Whether `word` is a package's name to dpkg: letters, digits and `+-._`, with a letter or digit first. (Debian
/// itself wants lower case and two characters; others do not.)
pub(super) fn is_name(word: &str) -> bool {
    word.len() <= 255
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

/// Whether `word` is an architecture's name to dpkg: letters, digits and `-`, with a letter or digit first.
pub(super) fn is_architecture(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether `word` is a version, `[EPOCH:]UPSTREAM[-REVISION]`, and what is wrong with one that is not.
pub(super) fn check_version(word: &str) -> Result<(), &'static str> {
    let rest = match word.split_once(':') {
        None => word,
        // dpkg keeps the epoch in an int.
        Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) && epoch.parse::<i32>().is_ok() => {
            rest
        }
        Some(_) => return Err("its epoch is not a number up to 2147483647"),
    };
    let (upstream, revision) = rest.rsplit_once('-').map_or((rest, None), |(u, r)| (u, Some(r)));
    if !upstream.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("it does not start with a digit");
    }
    if !upstream.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte)) {
        return Err("it has a character that versions have not");
    }
    match revision {
        Some("") => Err("its revision is empty"),
        Some(text) if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~".contains(&byte)) => {
            Err("its revision has a character that revisions have not")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_dpkg_takes() {
        for word in ["1", "0:1", "1:2.3-4", "1-2-3", "1:2:3-4", "1.2+dfsg~rc1-1~bpo12+1", "2147483647:0"] {
            assert_eq!(check_version(word), Ok(()), "{word}");
        }
        for word in [
            "",
            "a1",
            "v1",
            ":1",
            "x:1",
            "-1:1",
            "+1:1",
            "2147483648:1",
            "1:",
            "1-",
            "-1",
            "1_2",
            "1/2",
            "1 2",
        ] {
            assert!(check_version(word).is_err(), "{word}");
        }
        assert!(check_version("1-2:3").is_err(), "that is the epoch '1-2'");
        assert!(check_version("1\u{e9}").is_err());
    }
}
