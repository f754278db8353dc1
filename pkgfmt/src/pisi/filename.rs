//! What the name of a package file says: a hint for people and listings. The metadata inside decides.
//!
//! ```text
//! name-version-release-distribution-arch.pisi               the scheme since PiSi 2.0
//! name-version[-release[-build]].pisi                       the scheme before
//! name-release-release-distribution-arch.delta.pisi         a delta, since PiSi 2.0
//! name-build-build.delta.pisi                               a delta, before
//! ```
//! The last four dashes cut a name of the newer scheme. It is of the older one when there are fewer, or when
//! the last part starts with a digit; its version then starts at the first part, the name's own first one
//! aside, that starts with a digit: `855resolution-0.4-2-1` is release 2 of `855resolution`.

use crate::manifest::is_name;

/// What a file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileName {
    /// The file is a package.
    Package(PackageFileName),
    /// The file is a delta between two releases of a package.
    Delta(DeltaFileName),
}

/// What the name of a package file says. Parts that the name leaves out are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFileName {
    /// The package's name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Release.
    pub release: String,
    /// Build number; only the older scheme has one.
    pub build: String,
    /// Short name of the distribution and its release, for example `p11`; only the newer scheme has one.
    pub distribution_id: String,
    /// Architecture; only the newer scheme has one.
    pub arch: String,
}

/// What the name of a delta says. Parts that the name leaves out are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeltaFileName {
    /// The package's name.
    pub name: String,
    /// The release that the delta starts from; in the older scheme the build.
    pub from: String,
    /// The release that it leads to; in the older scheme the build.
    pub to: String,
    /// As [`PackageFileName::distribution_id`].
    pub distribution_id: String,
    /// As [`PackageFileName::arch`].
    pub arch: String,
}

impl FileName {
    /// Parses a file name, with or without its `.pisi` or `.eopkg`; `None` when it follows neither scheme.
    #[must_use]
    pub fn parse(text: &str) -> Option<FileName> {
        if text.contains(['/', '\0']) {
            return None;
        }
        let stem = [".pisi", ".eopkg"].iter().find_map(|suffix| text.strip_suffix(suffix)).unwrap_or(text);
        match stem.strip_suffix(".delta") {
            Some(stem) => newer_delta(stem).or_else(|| older_delta(stem)).map(FileName::Delta),
            None => newer_package(stem).or_else(|| older_package(stem)).map(FileName::Package),
        }
    }
}

impl PackageFileName {
    /// The file's name in the newer scheme, `name-version-release-distribution-arch.pisi`; the build is left
    /// out.
    #[must_use]
    pub fn file_name(&self) -> String {
        let PackageFileName { name, version, release, distribution_id, arch, .. } = self;
        format!("{name}-{version}-{release}-{distribution_id}-{arch}.pisi")
    }
}

impl DeltaFileName {
    /// The file's name: `name-from-to-distribution-arch.delta.pisi`, or `name-from-to.delta.pisi` where neither
    /// distribution nor architecture is known.
    #[must_use]
    pub fn file_name(&self) -> String {
        let DeltaFileName { name, from, to, distribution_id, arch } = self;
        if distribution_id.is_empty() && arch.is_empty() {
            return format!("{name}-{from}-{to}.delta.pisi");
        }
        format!("{name}-{from}-{to}-{distribution_id}-{arch}.delta.pisi")
    }
}

fn newer_package(stem: &str) -> Option<PackageFileName> {
    let [name, version, release, distribution_id, arch] = newer_parts(stem)?;
    Some(PackageFileName { name, version, release, build: String::new(), distribution_id, arch })
}

fn newer_delta(stem: &str) -> Option<DeltaFileName> {
    let [name, from, to, distribution_id, arch] = newer_parts(stem)?;
    Some(DeltaFileName { name, from, to, distribution_id, arch })
}

/// The five parts of the newer scheme, none of them empty.
fn newer_parts(stem: &str) -> Option<[String; 5]> {
    let mut from_the_right = stem.rsplitn(5, '-').map(str::to_owned);
    let mut next = || from_the_right.next().filter(|part| !part.is_empty());
    let (arch, distribution_id, third, second, name) = (next()?, next()?, next()?, next()?, next()?);
    (is_name(&name) && !starts_with_digit(&arch)).then_some([name, second, third, distribution_id, arch])
}

fn older_package(stem: &str) -> Option<PackageFileName> {
    let (dash, _) = stem.match_indices('-').find(|(dash, _)| starts_with_digit(&stem[dash + 1..]))?;
    let name = &stem[..dash];
    let parts: Vec<&str> = stem[dash + 1..].split('-').collect();
    if !is_name(name) || parts.len() > 3 || parts.contains(&"") {
        return None;
    }
    let part = |position: usize| parts.get(position).copied().unwrap_or_default().to_owned();
    Some(PackageFileName {
        name: name.to_owned(),
        version: part(0),
        release: part(1),
        build: part(2),
        ..PackageFileName::default()
    })
}

fn older_delta(stem: &str) -> Option<DeltaFileName> {
    let (rest, to) = stem.rsplit_once('-')?;
    let (name, from) = rest.rsplit_once('-')?;
    let fits = is_name(name) && starts_with_digit(from) && starts_with_digit(to);
    fits.then(|| DeltaFileName {
        name: name.into(),
        from: from.into(),
        to: to.into(),
        ..DeltaFileName::default()
    })
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A name and its parts joined by `|`: name, version, release, build, distribution, arch.
    const PACKAGES: &[(&str, &str)] = &[
        ("bind-9.9.2-36-p11-x86_64.pisi", "bind|9.9.2|36||p11|x86_64"),
        ("bind-9.9.2-36-p11-x86_64", "bind|9.9.2|36||p11|x86_64"),
        ("bind-chroot-9.9.2-36-p11-x86_64.pisi", "bind-chroot|9.9.2|36||p11|x86_64"),
        ("nano-4.6-117-1-x86_64.eopkg", "nano|4.6|117||1|x86_64"),
        ("libmtp-devel-1.1.9-1-1-x86_64.eopkg", "libmtp-devel|1.1.9|1||1|x86_64"),
        ("live555-devel-0.0_20121004-14-p11-x86_64.pisi", "live555-devel|0.0_20121004|14||p11|x86_64"),
        ("libxfce4util-4.10.0-17-p11-x86_64.pisi", "libxfce4util|4.10.0|17||p11|x86_64"),
        ("mysql-man-pages-5.5.28-59-p11-x86_64.pisi", "mysql-man-pages|5.5.28|59||p11|x86_64"),
        ("gnome3-desktop-3.9.1.1-1-p01-x86_64.pisi", "gnome3-desktop|3.9.1.1|1||p01|x86_64"),
        ("picom-9-1-p2-x86_64.pisi", "picom|9|1||p2|x86_64"),
        ("libsigc++-2.2.10-5-p11-x86_64.pisi", "libsigc++|2.2.10|5||p11|x86_64"),
        ("gtk+extra-2.1.2-3-p11-i686.pisi", "gtk+extra|2.1.2|3||p11|i686"),
        ("gtk+-1.2.10-1-p11-i686.pisi", "gtk+|1.2.10|1||p11|i686"),
        ("x-2.0_rc5-2-p2-x86_64", "x|2.0_rc5|2||p2|x86_64"),
        ("855resolution-0.4-2-p11-i686.pisi", "855resolution|0.4|2||p11|i686"),
        ("lib-9x-2-1.0-3-p11-i686.pisi", "lib-9x-2|1.0|3||p11|i686"),
        ("font-adobe-100dpi-1.0.1-3-p11-i686.pisi", "font-adobe-100dpi|1.0.1|3||p11|i686"),
        ("ttf-türkçe-1.0-1-p11-x86_64.pisi", "ttf-türkçe|1.0|1||p11|x86_64"),
        ("python3-3.4.1-7-p02-armv7h.pisi", "python3|3.4.1|7||p02|armv7h"),
        ("hello-1.0-1-x1-x86_64.pisi", "hello|1.0|1||x1|x86_64"),
        ("pisi-1.0.pisi-1-x1-x86_64.pisi", "pisi|1.0.pisi|1||x1|x86_64"),
        ("joe-3.5-2-2.pisi", "joe|3.5|2|2||"),
        ("openssh-4.5_p1-13-10.pisi", "openssh|4.5_p1|13|10||"),
        ("tasma-1.0.3-5-2", "tasma|1.0.3|5|2||"),
        ("855resolution-0.4-2-1.pisi", "855resolution|0.4|2|1||"),
        ("855resolution-0.4-2.pisi", "855resolution|0.4|2|||"),
        ("kiki-0.5.6-6.pisi", "kiki|0.5.6|6|||"),
        ("kiki-0.5.6.pisi", "kiki|0.5.6||||"),
        ("qt-devel-4.2.3-35-27.pisi", "qt-devel|4.2.3|35|27||"),
        ("libsigc++-2.0.17-3-2.pisi", "libsigc++|2.0.17|3|2||"),
        ("a-b-c-d-1.0-1-1.pisi", "a-b-c-d|1.0|1|1||"),
        ("font-adobe-100dpi.pisi", "font-adobe|100dpi||||"),
    ];

    /// A name and its parts joined by `|`: name, from, to, distribution, arch.
    const DELTAS: &[(&str, &str)] = &[
        ("nano-117-118-1-x86_64.delta.eopkg", "nano|117|118|1|x86_64"),
        ("bind-chroot-35-36-p11-x86_64.delta.pisi", "bind-chroot|35|36|p11|x86_64"),
        ("libsigc++-1-2-p11-x86_64.delta", "libsigc++|1|2|p11|x86_64"),
        ("tasma-5-7.delta.pisi", "tasma|5|7||"),
        ("qt-devel-27-28.delta.pisi", "qt-devel|27|28||"),
        ("855resolution-1-2.delta.pisi", "855resolution|1|2||"),
    ];

    const REFUSED: &[&str] = &[
        "",
        ".pisi",
        "-",
        "----",
        "-1.0-1.pisi",
        "hello",
        "hello.pisi",
        "kiki-x-y-z.pisi",
        "kiki-1.0-1-1-1.pisi",
        "hello-1.0-.pisi",
        "hello-1.0--x1-x86_64.pisi",
        "-1.0-1-x1-x86_64.pisi",
        "kiki-1.0--1.pisi",
        ".kiki-1.0-1.pisi",
        "ki ki-1.0-1.pisi",
        "../hello-1.0-1-x1-x86_64.pisi",
        "hello-1.delta.pisi",
        "hello-a-b.delta.pisi",
    ];

    fn joined(parts: &[&str]) -> String {
        parts.join("|")
    }

    #[test]
    fn names_of_packages_are_read_in_both_schemes() {
        for (text, expected) in PACKAGES {
            let Some(FileName::Package(p)) = FileName::parse(text) else {
                panic!("{text} is a package's name")
            };
            let parts = [&p.name, &p.version, &p.release, &p.build, &p.distribution_id, &p.arch];
            assert_eq!(joined(&parts.map(String::as_str)), *expected, "{text}");
        }
    }

    #[test]
    fn names_of_deltas_are_told_apart() {
        for (text, expected) in DELTAS {
            let Some(FileName::Delta(d)) = FileName::parse(text) else { panic!("{text} is a delta's name") };
            let parts = [&d.name, &d.from, &d.to, &d.distribution_id, &d.arch];
            assert_eq!(joined(&parts.map(String::as_str)), *expected, "{text}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in REFUSED {
            assert_eq!(FileName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_written_reads_back() {
        for (text, _) in PACKAGES {
            let Some(FileName::Package(name)) = FileName::parse(text) else { panic!("{text}") };
            if !name.arch.is_empty() {
                assert_eq!(FileName::parse(&name.file_name()), Some(FileName::Package(name)));
            }
        }
        let Some(FileName::Package(name)) = FileName::parse("bind-9.9.2-36-p11-x86_64.pisi") else {
            panic!()
        };
        assert_eq!(name.file_name(), "bind-9.9.2-36-p11-x86_64.pisi");
        for (text, _) in DELTAS {
            let Some(FileName::Delta(name)) = FileName::parse(text) else { panic!("{text}") };
            assert_eq!(FileName::parse(&name.file_name()), Some(FileName::Delta(name)));
        }
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(text in "[a-z0-9.é_+-]{0,30}(\\.delta)?(\\.pisi|\\.eopkg)?") {
            let _ = FileName::parse(&text);
        }
    }
}
