//! The .xz container, around the LZMA2 decoder of lzma-rs.
//!
//! ```text
//! stream = header, block…, index, footer
//! block  = header, LZMA2 chunks, padding, check of the unpacked bytes
//! ```
//!
//! lzma-rs reads whole .xz streams too, but keeps each block in memory twice and knows no bound. Here the
//! container is read by this module, as the format's specification (version 1.2.1) has it, with one LZMA2 filter
//! a block; lzma-rs decodes the chunks. It keeps what it unpacks until the dictionary is reset, and a chunk's
//! header says how much that will be: [`Guard`] stands between it and its input, follows the chunk headers, and
//! ends the stream before the sum since the last reset passes [`RUN`].
//!
//! The checks CRC-32, CRC-64 and none are known; SHA-256 is refused.

use std::io::{self, BufRead, Read, Write};

use crate::error::Problem;

use super::Refused;
use super::rust::{expect_end, failure};

/// Most unpacked bytes between two dictionary resets. A power of two, so that the decoder's growing buffer
/// never takes more.
const RUN: u64 = 128 << 20;

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

fn damaged<T>() -> io::Result<T> {
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
    let (read, ended, written) = (guard.read, guard.state == State::Ended, counted.bytes);
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

/// Decodes bare LZMA2 data behind the guard.
#[cfg(test)]
pub(super) fn guarded(mut bytes: &[u8], output: &mut impl Write) -> io::Result<()> {
    let mut guard = Guard::new(&mut bytes);
    let result = lzma_rs::lzma2_decompress(&mut guard, output).map_err(failure);
    match guard.failure.take() {
        Some(error) => Err(error),
        None => result,
    }
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
    while index.bytes % 4 != 0 {
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

/// What the next byte of LZMA2 data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A chunk's header, of which so many bytes have passed.
    Header(usize),
    /// Content of a chunk, with so many bytes to come.
    Packed(u64),
    /// The same, of a chunk that is stored.
    Stored(u64),
    /// Nothing: the end mark has passed.
    Ended,
}

/// Hands LZMA2 data on and follows its chunk headers.
///
/// A chunk whose packed data is longer than its decoding takes would let lzma-rs and this guard disagree about
/// where the next header is. lzma-rs reads a chunk's sizes as two bytes at once, and packed data never so; a
/// request of two bytes inside packed data is therefore such a disagreement, and ends the stream.
struct Guard<'a, R> {
    input: &'a mut R,
    state: State,
    header: [u8; 6],
    /// Unpacked bytes since the last dictionary reset.
    run: u64,
    /// Bytes handed on.
    read: u64,
    /// The first byte that was offered last.
    next: u8,
    /// Why the stream was ended.
    failure: Option<io::Error>,
}

impl<'a, R: BufRead> Guard<'a, R> {
    fn new(input: &'a mut R) -> Self {
        Guard { input, state: State::Header(0), header: [0; 6], run: 0, read: 0, next: 0, failure: None }
    }

    /// Takes the next byte of a chunk's header; returns what follows it.
    fn header_byte(&mut self, byte: u8, position: usize) -> io::Result<State> {
        self.header[position] = byte;
        let [control, high, low, packed_high, packed_low, _] = self.header;
        let short = |high: u8, low: u8| u64::from(u16::from_be_bytes([high, low]));
        let length = match control {
            0 => 1,
            1 | 2 => 3,
            // A new state brings no byte, new properties bring one.
            0x80..=0xbf => 5,
            0xc0..=0xff => 6,
            _ => return damaged(),
        };
        if position + 1 < length {
            return Ok(State::Header(position + 1));
        }
        let unpacked = match control {
            0 => 0,
            1 | 2 => short(high, low) + 1,
            _ => (u64::from(control & 0x1f) << 16 | short(high, low)) + 1,
        };
        if control == 1 || control >= 0xe0 {
            self.run = 0;
        }
        self.run += unpacked;
        if self.run > RUN {
            return Err(Problem::limit("the memory that decoding takes", RUN).into());
        }
        Ok(match control {
            0 => State::Ended,
            1 | 2 => State::Stored(unpacked),
            _ => State::Packed(short(packed_high, packed_low) + 1),
        })
    }
}

impl<R: BufRead> Read for Guard<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if matches!(self.state, State::Packed(_)) && buffer.len() == 2 {
            return damaged();
        }
        let mut filled = 0;
        // Packed data is handed on in the amounts asked for, so that no rest of a request looks like a new one.
        while filled < buffer.len() {
            let available = self.fill_buf()?;
            let taken = available.len().min(buffer.len() - filled);
            buffer[filled..filled + taken].copy_from_slice(&available[..taken]);
            self.consume(taken);
            filled += taken;
            if taken == 0 || !matches!(self.state, State::Packed(_)) {
                break;
            }
        }
        Ok(filled)
    }
}

impl<R: BufRead> BufRead for Guard<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.failure.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let most = match self.state {
            State::Header(_) => 1,
            State::Packed(left) | State::Stored(left) => usize::try_from(left).unwrap_or(usize::MAX),
            State::Ended => return Ok(&[]),
        };
        let available = self.input.fill_buf()?;
        self.next = available.first().copied().unwrap_or(0);
        Ok(&available[..available.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        if amount == 0 {
            return;
        }
        self.input.consume(amount);
        self.read += amount as u64;
        self.state = match self.state {
            State::Header(position) => match self.header_byte(self.next, position) {
                Ok(state) => state,
                Err(error) => {
                    self.failure = Some(error);
                    State::Ended
                }
            },
            State::Packed(left) if left > amount as u64 => State::Packed(left - amount as u64),
            State::Stored(left) if left > amount as u64 => State::Stored(left - amount as u64),
            State::Packed(_) | State::Stored(_) => State::Header(0),
            State::Ended => State::Ended,
        };
    }
}
