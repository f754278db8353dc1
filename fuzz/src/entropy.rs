//! Targets for binary packages of Entropy and Portage.

use crate::mend;
use crate::package::{byte, part, read};

const MARK: &[u8] = b"|ENTROPY:PROJECT:DB:MAGIC:START|";
/// Values without which there is no package.
const LEAST: [(&[u8], &[u8]); 3] = [(b"CATEGORY", b"sys-libs\n"), (b"PF", b"a-1.0-r1\n"), (b"SLOT", b"0\n")];

/// A package file.
pub fn file(data: &[u8]) {
    let _ = read("a.tbz2", data);
}

/// Dependency strings, each a part, in the variables that hold such.
pub fn depend(mut data: &[u8]) {
    let names: [&[u8]; 6] = [b"RDEPEND", b"DEPEND", b"PDEPEND", b"PROVIDE", b"LICENSE", b"USE"];
    let mut values = LEAST.to_vec();
    values.extend(names.map(|name| (name, part(&mut data))));
    let _ = read("a.tbz2", &tbz2(&mend::gzip(&[0; 1024]), &values, b""));
}

/// A byte that says how the payload is packed, a byte for the number of values, names and values in turn, each a
/// part; a database, a part, which may be empty; and the tar of the payload.
pub fn parts(mut data: &[u8]) {
    let (kind, count) = (byte(&mut data), byte(&mut data) % 40);
    let values: Vec<_> = (0..count).map(|_| (part(&mut data), part(&mut data))).collect();
    let database = part(&mut data);
    let mut tar = data.to_vec();
    if kind & 0x80 == 0 {
        mend::tar(&mut tar);
    }
    let (_, payload) = mend::packed(&tar, kind & 7);
    let _ = read("a.tbz2", &tbz2(&payload, &values, database));
}

/// A payload, and behind it an xpak and a database.
fn tbz2(payload: &[u8], values: &[(&[u8], &[u8])], database: &[u8]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    let long = |number: usize| (number as u32).to_be_bytes();
    for (name, value) in values {
        index.extend_from_slice(&long(name.len()));
        index.extend_from_slice(name);
        index.extend_from_slice(&long(data.len()));
        index.extend_from_slice(&long(value.len()));
        data.extend_from_slice(value);
    }
    let xpak = [b"XPAKPACK", &long(index.len())[..], &long(data.len()), &index, &data, b"XPAKSTOP"].concat();
    let mut bytes = [payload, &xpak, &long(xpak.len()), b"STOP"].concat();
    if !database.is_empty() {
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(database);
    }
    bytes
}
