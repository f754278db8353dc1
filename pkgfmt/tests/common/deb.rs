//! Builds Debian packages, honest ones and others.

use super::build::{directory, file, gzip, hard_link, symlink, tar, tar_member};

pub const CONTROL: &str = "\
Package: hello
Version: 1:2.10-3
Architecture: amd64
Maintainer: A. Packager <a@example.org>
Depends: libc6 (>= 2.34), default-mta | mail-transport-agent
Section: devel
Description: says hello
 Says hello, and nothing else.
";

/// An ar member: header, content, padding.
pub fn ar_member(name: &str, content: &[u8]) -> Vec<u8> {
    ar_member_of(name, content.len() as u64, content)
}

/// An ar member whose header says `size`.
pub fn ar_member_of(name: &str, size: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "100644").into_bytes();
    assert_eq!(bytes.len(), 60);
    bytes.extend_from_slice(content);
    if content.len() % 2 == 1 {
        bytes.push(b'\n');
    }
    bytes
}

/// An ar archive of those members.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        bytes.extend(ar_member(name, content));
    }
    bytes
}

/// control.tar with those files.
pub fn control_tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut members = vec![directory("./")];
    members.extend(files.iter().map(|(name, content)| file(&format!("./{name}"), content.as_bytes())));
    tar(&members)
}

/// A package of both archives, packed with gzip.
pub fn deb_of(control: &[u8], data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &gzip(control)), ("data.tar.gz", &gzip(data))])
}

/// A package with that control file and an empty payload.
pub fn with_control(control: &str) -> Vec<u8> {
    deb_of(&control_tar(&[("control", control)]), &tar(&[directory("./")]))
}

/// A package with those lines after [`CONTROL`].
pub fn with_fields(fields: &str) -> Vec<u8> {
    with_control(&format!("{CONTROL}{fields}"))
}

/// A package with those files in control.tar beside its control file, and the honest payload.
pub fn with_files(files: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![("control", CONTROL)];
    all.extend(files);
    deb_of(&control_tar(&all), &honest_data())
}

/// A package with those members of data.tar.
pub fn with_data(members: &[Vec<u8>]) -> Vec<u8> {
    deb_of(&control_tar(&[("control", CONTROL)]), &tar(members))
}

pub fn honest_control() -> Vec<u8> {
    control_tar(&[
        ("control", CONTROL),
        ("conffiles", "/etc/hello\n"),
        ("md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/hello/empty\n"),
        ("postinst", "#!/bin/sh\nrm -rf /\n"),
    ])
}

pub fn honest_data() -> Vec<u8> {
    tar(&[
        directory("./"),
        directory("./etc/"),
        file("./etc/hello", b"greeting = hello\n"),
        directory("./usr/"),
        directory("./usr/bin/"),
        tar_member(tar::EntryType::Regular, "./usr/bin/hello", "", b"#!/bin/sh\necho hello\n", 0o755),
        directory("./usr/share/"),
        directory("./usr/share/hello/"),
        file("./usr/share/hello/a", b"content"),
        symlink("./usr/share/hello/b", "../hello/a"),
        hard_link("./usr/share/hello/c", "./usr/share/hello/a"),
        file("./usr/share/hello/empty", b""),
    ])
}

/// The honest package that the others are measured against.
pub fn honest_deb() -> Vec<u8> {
    deb_of(&honest_control(), &honest_data())
}
