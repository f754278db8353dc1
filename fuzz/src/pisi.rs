//! Targets for whole PiSi packages.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::mend;
use crate::package::{apply, byte, part, read};

/// A package file as it is, and once more with checksums that fit what it holds.
pub fn file(data: &[u8]) {
    let _ = read("a.pisi", data);
    let mut mended = data.to_vec();
    mend::zip(&mut mended);
    if mended != data {
        let _ = read("a.pisi", &mended);
    }
}

/// A package that [`build`] makes of the input.
pub fn parts(data: &[u8]) {
    let _ = read("a.pisi", &build(data));
}

/// A native package as the base, the delta's file name, and a delta that [`build`] makes of the rest.
pub fn delta(mut data: &[u8]) {
    let (base, name) = (part(&mut data), part(&mut data));
    let name = format!("{}.delta.pisi", String::from_utf8_lossy(name).replace('/', "-"));
    let _ = apply(base, &name, &build(data));
}

/// A byte that says how the payload is packed, metadata.xml, files.xml and a tar, each a part; in format 1.0
/// modes, names and contents of members come in the tar's place.
fn build(mut data: &[u8]) -> Vec<u8> {
    let kind = byte(&mut data);
    let (metadata, files) = (part(&mut data), part(&mut data));
    let documents = [("metadata.xml", metadata), ("files.xml", files)];
    if kind % 8 == 0 {
        let mut writer = writer(&documents);
        for _ in 0..16 {
            let (mode, name, content) = (part(&mut data), part(&mut data), part(&mut data));
            let mode = mode.iter().fold(0_u32, |mode, byte| mode << 8 | u32::from(*byte));
            let name = format!("install/{}", String::from_utf8_lossy(name));
            add(&mut writer, &name, content, mode);
            if data.is_empty() {
                break;
            }
        }
        return finish(writer);
    }
    let mut tar = data.to_vec();
    if kind & 0x80 == 0 {
        mend::tar(&mut tar);
    }
    let (name, packed) = match kind % 8 {
        1 => ("install.tar.lzma", mend::lzma(&tar)),
        2 => ("install.tar.xz", mend::xz(&tar)),
        3 => ("install.tar.zst", zstd::bulk::compress(&tar, 1).expect("it packs")),
        _ => ("install.tar.gz", mend::gzip(&tar)),
    };
    zip(&[documents[0], documents[1], (name, &packed)])
}

/// A zip of stored members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    finish(writer(members))
}

type Writer = ZipWriter<Cursor<Vec<u8>>>;

fn writer(members: &[(&str, &[u8])]) -> Writer {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        add(&mut writer, name, content, 0o100_644);
    }
    writer
}

/// Adds a member, unless the writer itself refuses its name.
fn add(writer: &mut Writer, name: &str, content: &[u8], mode: u32) {
    let options = SimpleFileOptions::default()
        .compression_method(if mode & 1 << 9 == 0 {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        })
        .external_attributes(mode << 16);
    if writer.start_file(name, options).is_ok() {
        writer.write_all(content).expect("memory takes it");
    }
}

fn finish(writer: Writer) -> Vec<u8> {
    writer.finish().expect("memory takes it").into_inner()
}
