//! Builds packages of Portage and Entropy, honest ones and others.

use std::io::Write;

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Index entry and value, at an offset that may lie.
pub fn index(name: &[u8], offset: u32, length: u32) -> Vec<u8> {
    [&(name.len() as u32).to_be_bytes()[..], name, &offset.to_be_bytes(), &length.to_be_bytes()].concat()
}

/// An xpak of that index and that data.
pub fn segment(index: &[u8], data: &[u8]) -> Vec<u8> {
    let lengths = [(index.len() as u32).to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
    [b"XPAKPACK", &lengths[..], index, data, b"XPAKSTOP"].concat()
}

/// An xpak of those values.
pub fn xpak(values: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut all, mut data) = (Vec::new(), Vec::new());
    for (name, value) in values {
        all.extend(index(name.as_bytes(), data.len() as u32, value.len() as u32));
        data.extend_from_slice(value);
    }
    segment(&all, &data)
}

/// A package of a packed payload and an xpak.
pub fn assemble(payload: &[u8], xpak: &[u8]) -> Vec<u8> {
    [payload, xpak, &(xpak.len() as u32).to_be_bytes(), b"STOP"].concat()
}

/// What an honest xpak says.
pub const VALUES: [(&str, &[u8]); 8] = [
    ("CATEGORY", b"app-misc\n"),
    ("PF", b"hello-1.2-r3\n"),
    ("SLOT", b"0/2.1\n"),
    ("USE", b"amd64 ssl\n"),
    ("IUSE", b"+ssl -doc\n"),
    ("RDEPEND", b"ssl? ( dev-libs/openssl:0= ) doc? ( app/doc )\n"),
    ("environment.bz2", b"BZh9\xff"),
    ("hello-1.2-r3.ebuild", b"EAPI=6\n"),
];
