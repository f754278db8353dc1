//! The .xz container, around the LZMA2 decoder of lzma-rs.
//!
//! ```text
//! stream = header, block…, index, footer
//! block  = header, LZMA2 chunks, padding, check of the unpacked bytes
//! ```
//!
//! lzma-rs reads whole .xz streams too, but keeps each block in memory twice and knows no bound. Here the
//! container is read by this module, as the format's specification (version 1.2.1) has it, with one LZMA2 filter
//! a block; lzma-rs decodes the chunks, behind a [`Guard`] that bounds what it keeps.
//!
//! The checks CRC-32, CRC-64 and none are known; SHA-256 is refused.

use std::io::{self, BufRead, Read, Write};

use super::Refused;
use super::guard::Guard;
use super::rust::{expect_end, failure};

const STREAM_MAGIC: &[u8; 6] = b"\xfd7zXZ\0";
const FOOTER_MAGIC: &[u8; 2] = b"YZ";
/// Filter id of LZMA2.
const LZMA2: u64 = 0x21;

/// Decodes one .xz stream that takes all of `input`.
pub(super) fn decode(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    let header: [u8; 12] = array(input)?;
    if header[..6] != *STREAM_MAGIC {
        return Err(Refused("it is not in the format that its name says").into());
    }
    let flags = [header[6], header[7]];
    if crc32(&flags).to_le_bytes() != header[8..12] {
        return damaged();
    }
    let mut check = Check::new(flags)?;
    // Both sides of the comparison of blocks and index, however many blocks there are.
    let (mut blocks, mut count) = (blake3::Hasher::new(), 0_u64);
    let index_size = loop {
        let [size] = array(input)?;
        if size == 0 {
            break read_index(input, count, &blocks)?;
        }
        let (unpadded, unpacked) = read_block(input, output, size, &mut check)?;
        blocks.update(&unpadded.to_le_bytes()).update(&unpacked.to_le_bytes());
        count += 1;
    };
    let footer: [u8; 12] = array(input)?;
    let backward = u64::from(u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]));
    let whole = crc32(&footer[4..10]).to_le_bytes() == footer[..4]
        && (backward + 1) * 4 == index_size
        && footer[8..10] == flags
        && footer[10..] == *FOOTER_MAGIC;
    if !whole {
        return damaged();
    }
    expect_end(input)
}

/// The stream is not what it should be.
pub(super) fn damaged<T>() -> io::Result<T> {
    Err(Refused("its compressed data is damaged").into())
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A number of seven bits a byte, least first, at most 63 bits in nine bytes.
fn number(input: &mut impl Read) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let [byte] = array(input)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 { damaged() } else { Ok(value) };
        }
    }
    damaged()
}

/// Reads the block whose header starts with `size`; returns its unpadded and its unpacked size.
fn read_block(
    input: &mut impl BufRead,
    output: &mut impl Write,
    size: u8,
    check: &mut Check,
) -> io::Result<(u64, u64)> {
    let header_size = (usize::from(size) + 1) * 4;
    let mut header = vec![size];
    header.resize(header_size, 0);
    input.read_exact(&mut header[1..])?;
    let (body, crc) = header.split_at(header_size - 4);
    if crc32(body).to_le_bytes() != crc {
        return damaged();
    }
    let mut body = &body[1..];
    let [flags] = array(&mut body)?;
    let packed = if flags & 0x40 != 0 { Some(number(&mut body)?) } else { None };
    let unpacked = if flags & 0x80 != 0 { Some(number(&mut body)?) } else { None };
    let plain = flags & 0x3f == 0 && number(&mut body)? == LZMA2 && number(&mut body)? == 1;
    if !plain {
        return Err(Refused("its compressed data needs an option that is not supported").into());
    }
    // The size of the dictionary; the bound on a run is what counts here.
    let [_dictionary] = array(&mut body)?;
    if body.iter().any(|&byte| byte != 0) {
        return damaged();
    }
    let mut guard = Guard::new(input);
    let mut counted = Counted { output, check, bytes: 0 };
    let result = lzma_rs::lzma2_decompress(&mut guard, &mut counted).map_err(failure);
    if let Some(error) = guard.failure.take() {
        return Err(error);
    }
    result?;
    let (read, ended, written) = (guard.read, guard.ended(), counted.bytes);
    if !ended || packed.is_some_and(|packed| packed != read) || unpacked.is_some_and(|size| size != written) {
        return damaged();
    }
    for _ in 0..read.wrapping_neg() % 4 {
        if array(input)? != [0] {
            return damaged();
        }
    }
    let check_size = check.finish(input)?;
    Ok((header_size as u64 + read + check_size, written))
}

/// Reads the index, whose first byte has been read; returns its size.
fn read_index(input: &mut impl Read, count: u64, blocks: &blake3::Hasher) -> io::Result<u64> {
    let mut index = Summed { input, crc: flate2::Crc::new(), bytes: 1 };
    index.crc.update(&[0]);
    if number(&mut index)? != count {
        return damaged();
    }
    let mut listed = blake3::Hasher::new();
    for _ in 0..count {
        let (unpadded, unpacked) = (number(&mut index)?, number(&mut index)?);
        listed.update(&unpadded.to_le_bytes()).update(&unpacked.to_le_bytes());
    }
    if listed.finalize() != blocks.finalize() {
        return damaged();
    }
    while !index.bytes.is_multiple_of(4) {
        if array(&mut index)? != [0] {
            return damaged();
        }
    }
    let (crc, size) = (index.crc.sum(), index.bytes);
    if crc.to_le_bytes() != array(input)? {
        return damaged();
    }
    Ok(size + 4)
}

/// Sums and counts what is read.
struct Summed<'a, R> {
    input: &'a mut R,
    crc: flate2::Crc,
    bytes: u64,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.crc.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Counts and checks what is written.
struct Counted<'a, W> {
    output: &'a mut W,
    check: &'a mut Check,
    bytes: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.check.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The check over a block's unpacked bytes.
enum Check {
    None,
    Crc32(flate2::Crc),
    Crc64(Box<Crc64>),
}

impl Check {
    fn new(flags: [u8; 2]) -> io::Result<Check> {
        match flags {
            [0, 0] => Ok(Check::None),
            [0, 1] => Ok(Check::Crc32(flate2::Crc::new())),
            [0, 4] => Ok(Check::Crc64(Box::new(Crc64::new()))),
            _ => Err(Refused("its compressed data has a check that is not supported").into()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Check::None => {}
            Check::Crc32(crc) => crc.update(bytes),
            Check::Crc64(crc) => crc.update(bytes),
        }
    }

    /// Compares with the block's check, whose size it returns, and starts anew.
    fn finish(&mut self, input: &mut impl Read) -> io::Result<u64> {
        let (agrees, size) = match self {
            Check::None => (true, 0),
            Check::Crc32(crc) => {
                let sum = crc.sum();
                crc.reset();
                (array(input)? == sum.to_le_bytes(), 4)
            }
            Check::Crc64(crc) => {
                let sum = !std::mem::replace(&mut crc.state, u64::MAX);
                (array(input)? == sum.to_le_bytes(), 8)
            }
        };
        if agrees { Ok(size) } else { damaged() }
    }
}

/// CRC-64 as ECMA-182 has it, reflected.
struct Crc64 {
    table: [u64; 256],
    state: u64,
}

impl Crc64 {
    fn new() -> Crc64 {
        let mut table = [0; 256];
        for (byte, slot) in (0_u64..).zip(&mut table) {
            *slot = (0..8)
                .fold(byte, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xc96c_5795_d787_0f42 } else { crc >> 1 });
        }
        Crc64 { table, state: u64::MAX }
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = self.table[usize::from(self.state as u8 ^ byte)] ^ self.state >> 8;
        }
    }
}
