//! Which packages are one package in different versions, and which can be in a root side by side.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::path::Shown;

/// The slot of packages that have no other, in Entropy's words.
const USUAL_SLOT: &str = "0";

/// The property of Debian's `Multi-Arch`, and its value for packages of which several architectures can be
/// installed side by side.
const MULTI_ARCH: (&str, &str) = ("deb.multi-arch", "same");

/// What names a package in a generation: of each there is one, in one version. It is shown as people write it:
/// `name`, then `:slot`, `#tag` and `:architecture` as far as they are not the usual ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance {
    /// Name.
    pub name: String,
    /// Slot; empty for the usual one, which Entropy and Portage call `0`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// Tag, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Architecture of a package that can be beside itself in another one; empty for all others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arch: String,
}

impl Instance {
    /// The instance of a package of that slot and tag, which is `coinstallable` with itself in architectures
    /// other than `arch`, or not.
    #[must_use]
    pub fn new(name: &str, slot: &str, tag: &str, coinstallable: bool, arch: &str) -> Instance {
        Instance {
            name: name.into(),
            slot: usual(slot).into(),
            tag: tag.into(),
            arch: if coinstallable { arch.into() } else { String::new() },
        }
    }

    /// Whether a package of this instance takes the place of one of the other: they are equal, or differ only in
    /// that one of them can be beside other architectures and the other cannot.
    #[must_use]
    pub fn excludes(&self, other: &Instance) -> bool {
        let arch = self.arch == other.arch || self.arch.is_empty() || other.arch.is_empty();
        arch && self.is_sibling(other)
    }

    /// Whether both are one package, maybe in two architectures.
    #[must_use]
    pub fn is_sibling(&self, other: &Instance) -> bool {
        (&self.name, &self.slot, &self.tag) == (&other.name, &other.slot, &other.tag)
    }

    /// What keeps instances of one name apart, as one text for tables and resolvers: empty for the usual one,
    /// equal only where slot, tag and architecture are. It is not for people, nor for disks.
    #[must_use]
    pub fn slot_key(&self) -> String {
        match (self.slot.as_str(), self.tag.as_str(), self.arch.as_str()) {
            ("", "", "") => String::new(),
            (slot, tag, arch) => [slot, tag, arch].join("\0"),
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (sign, text) in [(':', &self.slot), ('#', &self.tag), (':', &self.arch)] {
            if !text.is_empty() {
                write!(f, "{sign}{}", Shown(text.as_bytes()))?;
            }
        }
        Ok(())
    }
}

/// A slot, or nothing for the usual one.
#[must_use]
pub fn usual(slot: &str) -> &str {
    if slot == USUAL_SLOT { "" } else { slot }
}

impl Manifest {
    /// Whether packages of this name and other architectures can be beside it (Debian's `Multi-Arch: same`).
    #[must_use]
    pub fn is_coinstallable(&self) -> bool {
        let says_so = |(name, value): &(String, String)| (name.as_str(), value.as_str()) == MULTI_ARCH;
        !matches!(self.arch.as_str(), "" | "all") && self.properties.iter().any(says_so)
    }

    /// What names it in a generation.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance::new(&self.name, &self.slot, &self.tag, self.is_coinstallable(), &self.arch)
    }

    /// What keeps it apart from others of its name; see [`Instance::slot_key`].
    #[must_use]
    pub fn slot_key(&self) -> String {
        self.instance().slot_key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VersionOrder;

    fn of(slot: &str, tag: &str, arch: &str, multi_arch: &str) -> Instance {
        let mut manifest = Manifest::new("x", "1", VersionOrder::Debian);
        (manifest.slot, manifest.tag, manifest.arch) = (slot.into(), tag.into(), arch.into());
        manifest.properties = vec![("deb.multi-arch".into(), multi_arch.into())];
        manifest.instance()
    }

    #[test]
    fn slot_tag_and_architecture_keep_packages_apart_and_versions_do_not() {
        for (a, b, excludes) in [
            (of("", "", "amd64", "no"), of("0", "", "i386", "no"), true),
            (of("1", "", "", "no"), of("2", "", "", "no"), false),
            (of("1", "a", "", "no"), of("1", "b", "", "no"), false),
            (of("1", "a", "", "no"), of("1", "a", "", "no"), true),
            (of("", "", "amd64", "same"), of("", "", "i386", "same"), false),
            (of("", "", "amd64", "same"), of("", "", "amd64", "same"), true),
            // One that became co-installable takes the place of one that was not, and the other way round.
            (of("", "", "amd64", "same"), of("", "", "amd64", "no"), true),
            (of("", "", "amd64", "foreign"), of("", "", "i386", "same"), true),
            (of("", "", "all", "same"), of("", "", "i386", "same"), true),
        ] {
            assert_eq!((a.excludes(&b), b.excludes(&a)), (excludes, excludes), "{a} {b}");
        }
    }

    #[test]
    fn an_instance_is_shown_as_it_is_written() {
        assert_eq!(of("0", "", "amd64", "no").to_string(), "x");
        assert_eq!(of("2", "", "amd64", "no").to_string(), "x:2");
        assert_eq!(of("2", "4.9-s", "", "no").to_string(), "x:2#4.9-s");
        assert_eq!(of("", "", "amd64", "same").to_string(), "x:amd64");
        assert!(!of("\u{1b}[31m", "", "", "no").to_string().contains('\u{1b}'));
    }

    #[test]
    fn slot_keys_are_equal_only_where_everything_is() {
        assert_eq!(of("0", "", "amd64", "no").slot_key(), "");
        let keys =
            [of("a", "", "", ""), of("", "a", "", ""), of("", "", "a", "same")].map(|one| one.slot_key());
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
    }
}
