//! Which installed packages a person means: `NAME`, or one of several with `NAME:SLOT`, `NAME#TAG`, `NAME:ARCH`.

use ambar_pkgfmt::Instance;
use ambar_pkgfmt::manifest::usual_slot;
use ambar_store::Installed;

use crate::error::Error;
use crate::query::similar;

/// Every package of that name or, where a slot, tag or architecture is said after it, those that have it as well.
/// `:0` is the slot that packages are in when they say none.
///
/// # Errors
/// [`Error::NotInstalled`] when there is none.
pub fn select<'p>(packages: &'p [Installed], text: &str) -> Result<Vec<&'p Installed>, Error> {
    if text.is_empty() {
        return Err(Error::Usage("an empty text is not the name of a package".into()));
    }
    let named: Vec<&Installed> = packages.iter().filter(|package| package.name == text).collect();
    // A name may have these signs in it: then that is what is meant.
    let found = match named.is_empty() {
        false => named,
        true => packages.iter().filter(|package| is_meant(package, text)).collect(),
    };
    if found.is_empty() {
        // Whoever says which one is told which ones there are.
        let known: Vec<String> = match text.contains([':', '#']) {
            true => packages.iter().map(|package| package.instance().to_string()).collect(),
            false => packages.iter().map(|package| package.name.clone()).collect(),
        };
        let similar = similar(text, known.iter().map(String::as_str));
        return Err(Error::NotInstalled { name: text.into(), similar });
    }
    Ok(found)
}

/// The one package that is meant.
///
/// # Errors
/// [`Error::NotInstalled`] when there is none, [`Error::Ambiguous`] when there are several.
pub fn select_one<'p>(packages: &'p [Installed], text: &str) -> Result<&'p Installed, Error> {
    only(text, select(packages, text)?, |package| package)
}

/// The only one of what was found for `text`, of which there is something.
pub(crate) fn only<T>(text: &str, mut found: Vec<T>, package: fn(&T) -> &Installed) -> Result<T, Error> {
    match found.pop() {
        Some(one) if found.is_empty() => Ok(one),
        None => Err(Error::NotInstalled { name: text.into(), similar: Vec::new() }),
        Some(last) => {
            found.push(last);
            let candidates = found.iter().map(|one| package(one).instance().to_string()).collect();
            Err(Error::Ambiguous { name: text.into(), candidates })
        }
    }
}

/// Whether something among `coming`, which is sorted, takes the place of `old`.
pub(crate) fn is_excluded(coming: &[Instance], old: &Instance) -> bool {
    // Those of one name, slot and tag are beside each other.
    let first = Instance { arch: String::new(), ..old.clone() };
    let start = coming.partition_point(|new| *new < first);
    coming.iter().skip(start).take_while(|new| new.is_sibling(old)).any(|new| new.excludes(old))
}

/// Whether `text` is the package's name and then slot, tag or architecture, each as the package has it.
fn is_meant(package: &Installed, text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix(&package.name) else { return false };
    while !rest.is_empty() {
        let (body, is_tag) = match (rest.strip_prefix(':'), rest.strip_prefix('#')) {
            (Some(body), _) => (body, false),
            (_, Some(body)) => (body, true),
            _ => return false,
        };
        // Slots may hold any sign: the longest value that fits is the one that is meant.
        let values = match is_tag {
            true => [package.tag.as_str(), ""],
            false => [package.slot.as_str(), package.arch.as_str()],
        };
        let usual = (!is_tag && usual_slot(&package.slot).is_empty()).then_some("0");
        let longest = values
            .into_iter()
            .chain(usual)
            .filter(|value| !value.is_empty())
            .filter_map(|value| body.strip_prefix(value))
            .filter(|after| after.is_empty() || after.starts_with([':', '#']))
            .min_by_key(|after| after.len());
        match longest {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::{Digest, Manifest, PackageId, VersionOrder};
    use ambar_store::{Profile, Reason};

    proptest::proptest! {
        #[test]
        fn what_is_excluded_is_found_among_those_beside_it(
            coming in proptest::collection::btree_set(("[ab]", "[12]?", "[xy]?", "[pq]?"), 0..12),
            old in ("[ab]", "[12]?", "[xy]?", "[pq]?"),
        ) {
            let of = |(name, slot, tag, arch): (String, String, String, String)| Instance { name, slot, tag, arch };
            let coming: Vec<Instance> = coming.into_iter().map(of).collect();
            let old = of(old);
            let expected = coming.iter().any(|new| new.excludes(&old));
            proptest::prop_assert_eq!(is_excluded(&coming, &old), expected, "{:?} {}", coming, old);
        }
    }

    fn package(name: &str, slot: &str, tag: &str, arch: &str) -> Installed {
        let mut manifest = Manifest::new(name, "1", VersionOrder::Debian);
        (manifest.slot, manifest.tag, manifest.arch) = (slot.into(), tag.into(), arch.into());
        manifest.properties = vec![("deb.multi-arch".into(), "same".into())];
        let id = PackageId(Digest::of(manifest.instance().to_string().as_bytes()));
        Installed::of(id, &manifest, Profile::default(), Reason::Explicit)
    }

    #[test]
    fn a_name_means_all_of_it_and_slot_tag_or_architecture_say_which() {
        let packages = [
            package("a/x", "0", "", ""),
            package("a/x", "2", "4.9-s", ""),
            package("a/x", "2", "4.11-s", ""),
            package("lib", "", "", "amd64"),
            package("lib", "", "", "i386"),
            package("odd:2", "", "", ""),
        ];
        let of = |text: &str| -> Vec<String> {
            let found = select(&packages, text);
            found
                .map_or_else(|_| Vec::new(), |all| all.iter().map(|one| one.instance().to_string()).collect())
        };
        assert_eq!(of("a/x").len(), 3);
        assert_eq!(of("a/x:0"), ["a/x"]);
        assert_eq!(of("a/x:2"), ["a/x:2#4.9-s", "a/x:2#4.11-s"]);
        assert_eq!(of("a/x#4.9-s"), ["a/x:2#4.9-s"]);
        assert_eq!(of("a/x:2#4.11-s"), ["a/x:2#4.11-s"]);
        assert_eq!(of("lib:i386"), ["lib:i386"]);
        assert_eq!(of("lib:0:amd64"), ["lib:amd64"]);
        assert_eq!(of("odd:2"), ["odd:2"]);
        for none in ["x", "a/x:", "a/x:3", "a/x#", "a/x#4", "lib:arm", "lib2", "a/x:2x", ""] {
            assert_eq!(of(none), Vec::<String>::new(), "{none}");
        }
        for one in &packages {
            assert_eq!(
                select_one(&packages, &one.instance().to_string()).ok().is_some(),
                one.name != "a/x" || !one.tag.is_empty()
            );
        }
        let error = select_one(&packages, "lib").unwrap_err().to_string();
        assert!(error.contains("lib:amd64") && error.contains("lib:i386"), "{error}");
    }
}
