//! Targets for Debian packages.

use std::sync::Arc;

use ambar_pkgfmt::deb::alternative::Alternative;
use ambar_pkgfmt::deb::index::{PackagesIndex, Stanzas};
use ambar_pkgfmt::deb::stanza::Field;

use crate::mend;
use crate::package::{byte, limits, part, read};

const CONTROL: &[u8] = b"Package: a\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: a\n";

/// A package file.
pub fn file(data: &[u8]) {
    let _ = read("a.deb", data);
}

/// A control file; the rest of the package is honest.
pub fn control(data: &[u8]) {
    let control = tar(&[("control", data)]);
    let _ = read("a.deb", &ar(&[("control.tar", &control), ("data.tar", &tar(&[]))]));
}

/// A `Packages` index: stanzas are where their lines say, and what is read of an alternative reads back.
pub fn index(data: &[u8]) {
    let _ = PackagesIndex::read(Arc::new(data.to_vec()), &limits());
    let mut last = 0;
    for stanza in Stanzas::new(data) {
        let line = stanza.as_ref().map_or_else(|error| error.line, |stanza| stanza.line());
        assert!(line > last, "line {line} after {last}");
        last = line;
        let Ok(stanza) = stanza else { continue };
        assert!(!stanza.package().is_empty() && !stanza.version().is_empty());
        let _ = (stanza.size(), stanza.installed_size(), stanza.sha256(), stanza.multi_arch());
        for field in Field::ALL {
            let _ = stanza.flag(field);
            for piece in stanza.pieces(field) {
                match stanza.alternative(field, piece) {
                    Ok(found) => assert_eq!(Alternative::parse(found.text), Ok(found)),
                    Err(error) => assert!(error.line >= line && error.field == Some(field)),
                }
            }
        }
    }
}

/// A byte that says how the two archives are packed; control, conffiles, md5sums and a script, each a part; and
/// the tar of the payload.
pub fn parts(mut data: &[u8]) {
    let kind = byte(&mut data);
    let [control, conffiles, md5sums, script] = std::array::from_fn(|_| part(&mut data));
    let control = if control.is_empty() { CONTROL } else { control };
    let members =
        [("./control", control), ("conffiles", conffiles), ("md5sums", md5sums), ("postinst", script)];
    let members: Vec<_> = members.into_iter().filter(|(_, content)| !content.is_empty()).collect();
    let (control, mut payload) = (tar(&members), data.to_vec());
    if kind & 0x80 == 0 {
        mend::tar(&mut payload);
    }
    let (control, packed) = (mend::packed(&control, kind >> 3 & 3), mend::packed(&payload, kind & 7));
    let names = (format!("control.tar{}", control.0), format!("data.tar{}", packed.0));
    let _ = read("a.deb", &ar(&[(&names.0, &control.1), (&names.1, &packed.1)]));
}

/// An ar archive of those members after `debian-binary`.
fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in [("debian-binary", &b"2.0\n"[..])].iter().chain(members) {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

/// A tar of regular files.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        let start = bytes.len();
        bytes.resize(start + 512, 0);
        let header = &mut bytes[start..];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    mend::tar(&mut bytes);
    bytes
}
