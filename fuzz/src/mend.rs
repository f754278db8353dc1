//! Sums and containers that fit what an input holds, so that checksums do not end every mutation's way.

use std::io::Write;

use liblzma::stream::{Check, LzmaOptions, Stream};

const BLOCK: usize = 512;

/// Makes every header's sum of a tar fit.
pub fn tar(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + BLOCK) {
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = header[124..136].iter().filter(|byte| matches!(byte, b'0'..=b'7'));
        let size = digits.fold(0_usize, |size, digit| size << 3 | usize::from(digit - b'0'));
        at = at.saturating_add(BLOCK).saturating_add(size.next_multiple_of(BLOCK));
        if at >= bytes.len() {
            break;
        }
    }
}

/// A digest.
pub fn blake3(bytes: &[u8]) -> [u8; 32] {
    ambar_pkgfmt::Digest::of(bytes).0
}

/// Packs in one of the ways that tars are packed; the extension that goes with it. The first four are those of
/// Debian's control archives.
pub fn packed(bytes: &[u8], kind: u8) -> (&'static str, Vec<u8>) {
    match kind {
        0 => ("", bytes.to_vec()),
        1 => (".gz", gzip(bytes)),
        2 => (".xz", xz(bytes)),
        3 => (".zst", zstd::bulk::compress(bytes, 1).expect("it packs")),
        4 => (".lzma", lzma(bytes)),
        _ => (".bz2", bzip2(bytes)),
    }
}

/// Packs with bzip2.
fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

/// Makes the CRC of every member of a zip fit, in its own header and in the directory.
pub fn zip(bytes: &mut [u8]) {
    let Some(end) = bytes.len().checked_sub(22) else { return };
    let Some(mut at) = long(bytes, end + 16) else { return };
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x01\x02")) {
        let Some(next) = mend_member(bytes, at) else { return };
        at = next;
    }
}

/// Mends the member whose entry in the directory is at `entry`; returns where the next entry is.
fn mend_member(bytes: &mut [u8], entry: usize) -> Option<usize> {
    let (method, packed, header) =
        (short(bytes, entry + 10)?, long(bytes, entry + 20)?, long(bytes, entry + 42)?);
    let lengths = short(bytes, entry + 28)? + short(bytes, entry + 30)? + short(bytes, entry + 32)?;
    let start =
        header.checked_add(30 + short(bytes, header.checked_add(26)?)? + short(bytes, header + 28)?)?;
    let data = bytes.get(start..start.checked_add(packed)?)?;
    let content = if method == 8 {
        let mut content = Vec::new();
        let decoder = flate2::read::DeflateDecoder::new(data);
        std::io::Read::read_to_end(&mut std::io::Read::take(decoder, 1 << 20), &mut content).ok()?;
        content
    } else {
        data.to_vec()
    };
    let (crc, size) = (crc32(&content), (content.len() as u32).to_le_bytes());
    for (crc_at, size_at) in [(entry + 16, entry + 24), (header + 14, header + 22)] {
        bytes.get_mut(crc_at..crc_at + 4)?.copy_from_slice(&crc);
        bytes.get_mut(size_at..size_at + 4)?.copy_from_slice(&size);
    }
    Some(entry + 46 + lengths)
}

/// Packs with gzip, stored.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// Packs as `.lzma`.
pub fn lzma(bytes: &[u8]) -> Vec<u8> {
    let mut options = LzmaOptions::new_preset(0).expect("a preset");
    through(bytes, Stream::new_lzma_encoder(options.dict_size(64 << 10)).expect("an encoder"))
}

/// Packs as `.xz`.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    through(bytes, Stream::new_easy_encoder(0, Check::Crc32).expect("an encoder"))
}

fn through(bytes: &[u8], stream: Stream) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// An `.xz` stream without a check around LZMA2 data, whose chunk headers say how long it unpacks to.
pub fn around_lzma2(data: &[u8]) -> Vec<u8> {
    let header = [0x02, 0, 0x21, 1, 16, 0, 0, 0];
    let mut stream = [b"\xfd7zXZ\0", &[0, 0][..], &crc32(&[0, 0])].concat();
    stream.extend_from_slice(&header);
    stream.extend_from_slice(&crc32(&header));
    let (length, unpacked) = lzma2_sizes(data);
    stream.extend_from_slice(&data[..length]);
    stream.resize(stream.len().next_multiple_of(4), 0);
    let mut index = vec![0, 1];
    number(&mut index, (length + header.len() + 4) as u64);
    number(&mut index, unpacked);
    index.resize(index.len().next_multiple_of(4), 0);
    let sum = crc32(&index);
    index.extend_from_slice(&sum);
    let mut footer = ((index.len() / 4 - 1) as u32).to_le_bytes().to_vec();
    footer.extend_from_slice(&[0, 0]);
    [&stream[..], &index, &crc32(&footer), &footer, b"YZ"].concat()
}

/// Length of the LZMA2 data at the start of `data`, up to its end mark, and what it says that it unpacks to.
fn lzma2_sizes(data: &[u8]) -> (usize, u64) {
    let (mut at, mut unpacked) = (0, 0);
    let big = |at: usize| {
        data.get(at..at + 2).map_or(0, |bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
    };
    while let Some(&control) = data.get(at) {
        let (header, packed) = match control {
            0 => return (at + 1, unpacked),
            1..=0x7f => (3, big(at + 1) + 1),
            0x80..=0xbf => (5, big(at + 3) + 1),
            0xc0.. => (6, big(at + 3) + 1),
        };
        let high = if control < 0x80 { 0 } else { u64::from(control & 0x1f) << 16 };
        unpacked += (high | big(at + 1) as u64) + 1;
        at += header + packed;
    }
    (data.len(), unpacked)
}

/// Writes a number of seven bits a byte.
fn number(output: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        output.push(value as u8 | 0x80);
        value >>= 7;
    }
    output.push(value as u8);
}
