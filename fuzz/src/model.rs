//! Targets for what every package is made of: manifests, versions, paths, names.

use std::cmp::Ordering;

use ambar_pkgfmt::native::{PublicKey, SecretKey};
use ambar_pkgfmt::path::{Shown, TextOrHex, compare_paths};
use ambar_pkgfmt::pisi::filename::FileName;
use ambar_pkgfmt::relation::parse_alternatives;
use ambar_pkgfmt::version::{Order, Version, compare, compare_releases};
use ambar_pkgfmt::{Manifest, PayloadPath, Translations};

use crate::package::{byte, part};

/// An encoding that is read is the only one of what it says.
pub fn manifest(data: &[u8]) {
    if let Ok(manifest) = Manifest::decode(data) {
        assert_eq!(manifest.encode().as_deref(), Ok(data));
        let _ = manifest.full_version();
    }
}

/// As [`manifest`].
pub fn translations(data: &[u8]) {
    if let Ok(translations) = Translations::decode(data) {
        assert_eq!(translations.encode(), data);
        for (language, text) in translations.summary.iter().chain(&translations.description) {
            let _ = Translations::best(&translations.summary, language);
            let _ = Translations::best(&translations.description, text);
        }
    }
}

/// A byte for the order and three versions: the order is total on what it accepts, and sticks to its word.
pub fn versions(mut data: &[u8]) {
    let order = Order::ALL[usize::from(byte(&mut data)) % Order::ALL.len()];
    let texts: [&str; 3] = std::array::from_fn(|_| std::str::from_utf8(part(&mut data)).unwrap_or("1"));
    total(&texts, |a, b| compare(order, a, b).ok());
    let versions = texts.map(|text| Version::parse(order, text));
    if let [Ok(a), Ok(b), _] = &versions {
        assert!(!a.sort_key().starts_with(b.sort_key()) || a == b, "no key is the beginning of another");
        assert_eq!(a.compare(b), Some(a.sort_key().cmp(b.sort_key())));
    }
    total(&texts, |a, b| compare_releases(a, b).ok());
}

/// Whether `compare`, where it answers, is a total order on `texts`.
fn total<'a>(texts: &[&'a str; 3], compare: impl Fn(&'a str, &'a str) -> Option<Ordering>) {
    let accepted: Vec<&str> = texts.iter().copied().filter(|text| compare(text, text).is_some()).collect();
    for &a in &accepted {
        assert_eq!(compare(a, a), Some(Ordering::Equal));
        for &b in &accepted {
            let ordering = compare(a, b).expect("what compares with itself compares with the others");
            assert_eq!(compare(b, a), Some(ordering.reverse()));
            for &c in &accepted {
                if ordering == Ordering::Equal {
                    assert_eq!(compare(a, c), compare(b, c));
                }
                if ordering.is_le() && compare(b, c).is_some_and(Ordering::is_le) {
                    assert!(compare(a, c).is_some_and(Ordering::is_le));
                }
            }
        }
    }
}

/// Three paths: what is accepted keeps the rules, is shown without control characters, and is ordered.
pub fn path(mut data: &[u8]) {
    let texts: [&[u8]; 3] = std::array::from_fn(|_| part(&mut data));
    for text in texts {
        assert!(!Shown(text).to_string().contains(|c: char| c.is_control()));
        assert_eq!(TextOrHex::of(text).bytes().as_deref(), Some(text));
        let Ok(path) = PayloadPath::new(text) else { continue };
        assert_eq!(path.as_bytes(), text);
        assert!(path.components().all(|name| !matches!(name, b"" | b"." | b"..") && name.len() <= 255));
        assert_eq!(path.components().last(), Some(path.file_name()));
        if let Some(parent) = path.parent() {
            assert!(path.starts_with(parent.as_bytes()) && parent < path);
        }
    }
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        let ordering = compare_paths(texts[a], texts[b]);
        assert_eq!(compare_paths(texts[b], texts[a]), ordering.reverse());
        assert_eq!(ordering == Ordering::Equal, texts[a] == texts[b]);
    }
    if compare_paths(texts[0], texts[1]).is_lt() && compare_paths(texts[1], texts[2]).is_lt() {
        assert!(compare_paths(texts[0], texts[2]).is_lt());
    }
}

/// A PiSi file name.
pub fn filename(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(FileName::Package(name)) = FileName::parse(text)
        && !name.arch.is_empty()
    {
        assert_eq!(FileName::parse(&name.file_name()), Some(FileName::Package(name)));
    }
}

/// A relation as people write them: what is shown of it reads back.
pub fn relations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(targets) = parse_alternatives(text) {
        let shown = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        assert!(parse_alternatives(&shown).is_ok(), "{shown}");
    }
}

/// Keys as minisign writes them.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = PublicKey::parse(text).map(|key| key.id());
    let _ = SecretKey::parse(text, None).map(|key| key.id());
}
