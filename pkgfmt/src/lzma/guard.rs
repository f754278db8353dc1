//! A bound on the memory that lzma-rs takes for LZMA2 data.
//!
//! lzma-rs keeps what it unpacks until the dictionary is reset, and a chunk's header says how much that will be.
//! The guard stands between lzma-rs and its input, follows the chunk headers, and ends the stream before the sum
//! since the last reset passes [`RUN`].

use std::io::{self, BufRead, Read};

use crate::error::Problem;

use super::xz::damaged;

/// Most unpacked bytes between two dictionary resets. A power of two, so that the decoder's growing buffer
/// never takes more.
const RUN: u64 = 128 << 20;

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
pub(super) struct Guard<'a, R> {
    input: &'a mut R,
    state: State,
    header: [u8; 6],
    /// Unpacked bytes since the last dictionary reset.
    run: u64,
    /// Bytes handed on.
    pub(super) read: u64,
    /// The first byte that was offered last.
    next: u8,
    /// Why the stream was ended.
    pub(super) failure: Option<io::Error>,
}

impl<'a, R: BufRead> Guard<'a, R> {
    /// A guard before LZMA2 data.
    pub(super) fn new(input: &'a mut R) -> Self {
        Guard { input, state: State::Header(0), header: [0; 6], run: 0, read: 0, next: 0, failure: None }
    }

    /// Whether the end mark has passed.
    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
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

/// Decodes bare LZMA2 data behind the guard.
#[cfg(test)]
pub(super) fn guarded(mut bytes: &[u8], output: &mut impl io::Write) -> io::Result<()> {
    let mut guard = Guard::new(&mut bytes);
    let result = lzma_rs::lzma2_decompress(&mut guard, output).map_err(super::rust::failure);
    match guard.failure.take() {
        Some(error) => Err(error),
        None => result,
    }
}
