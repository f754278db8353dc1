//! LZMA and xz streams, decoded twice where need be.
//!
//! With the feature `liblzma` (the default) liblzma decodes, and lzma-rs is the second opinion: when liblzma
//! calls a stream damaged, the stream is decoded again from its start with lzma-rs. What was handed out already
//! must come out again byte for byte (a running BLAKE3 tells), and then the output goes on. A stream that needed
//! this is [marked](Decoder::had_second_opinion); its reader accepts it only where every file's own hash agrees.
//! When lzma-rs refuses it too, liblzma's reason is the one reported. A stream that merely ends early or asks
//! for too much memory is not tried again. Without the feature lzma-rs decodes alone.
//!
//! A stream must end where its source ends: one .xz stream, no padding, no second stream, nothing after it.
//!
//! Memory: liblzma is held to [`Limits::decoder_memory`](crate::Limits::decoder_memory). lzma-rs holds a
//! dictionary of at most that size for .lzma, and for .xz all output since the last dictionary reset, which
//! [`guard`] bounds.

mod guard;
#[cfg(feature = "liblzma")]
mod native;
pub(crate) mod rust;
mod xz;

use std::io::{self, Read};

use rust::RustDecoder;

/// A stream that can be read again from its start, independently of this one.
pub(crate) trait Restart: Read + Send + 'static {
    /// A reader of the same bytes, at their start.
    fn restart(&self) -> Self;
}

/// How a stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `.lzma`, "LZMA alone".
    Lzma,
    /// `.xz`.
    Xz,
}

/// Why a stream is not what it should be: the one reason to ask for a second opinion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Refused(&'static str);

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, refused)
    }
}

/// Decodes a stream with lzma-rs alone.
#[cfg(not(feature = "liblzma"))]
pub(crate) struct Decoder<S>(RustDecoder, std::marker::PhantomData<S>);

#[cfg(not(feature = "liblzma"))]
impl<S: Restart> Decoder<S> {
    /// A decoder at the start of `source` that may take `memory` bytes.
    pub(crate) fn new(source: S, coding: Coding, memory: u64) -> io::Result<Self> {
        RustDecoder::start(source.restart(), coding, memory)
            .map(|decoder| Decoder(decoder, std::marker::PhantomData))
    }

    /// Whether a second decoder had to be asked.
    pub(crate) fn had_second_opinion(&self) -> bool {
        false
    }
}

#[cfg(not(feature = "liblzma"))]
impl<S: Restart> Read for Decoder<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

#[cfg(feature = "liblzma")]
pub(crate) use both::Decoder;

#[cfg(feature = "liblzma")]
mod both {
    use super::*;

    /// Decodes a stream with liblzma, and with lzma-rs where liblzma refuses.
    pub(crate) struct Decoder<S> {
        /// The source, to start again from; never read itself.
        source: S,
        coding: Coding,
        memory: u64,
        state: State<S>,
        /// Of everything handed out so far.
        hasher: Box<blake3::Hasher>,
        handed_out: u64,
    }

    enum State<S> {
        First(native::NativeDecoder<S>),
        /// The second decoder, and why the first one gave up.
        Second(RustDecoder, Refused),
    }

    impl<S: Restart> Decoder<S> {
        /// A decoder at the start of `source` that may take `memory` bytes.
        pub(crate) fn new(source: S, coding: Coding, memory: u64) -> io::Result<Self> {
            let first = native::NativeDecoder::new(source.restart(), coding, memory)?;
            Ok(Decoder {
                source,
                coding,
                memory,
                state: State::First(first),
                hasher: Box::default(),
                handed_out: 0,
            })
        }

        /// Whether a second decoder had to be asked.
        pub(crate) fn had_second_opinion(&self) -> bool {
            matches!(self.state, State::Second(..))
        }

        /// A second decoder that has repeated all that the first one handed out; `None` when it cannot.
        fn ask_again(&self) -> Option<RustDecoder> {
            let mut second = RustDecoder::start(self.source.restart(), self.coding, self.memory).ok()?;
            let mut repeated = blake3::Hasher::new();
            let mut left = self.handed_out;
            let mut buffer = vec![0; 64 << 10];
            while left > 0 {
                let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let read = second.read(&mut buffer[..wanted]).ok().filter(|&read| read > 0)?;
                repeated.update(&buffer[..read]);
                left -= read as u64;
            }
            (repeated.finalize() == self.hasher.finalize()).then_some(second)
        }
    }

    impl<S: Restart> Read for Decoder<S> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if let State::First(first) = &mut self.state {
                match first.read(buffer) {
                    Ok(read) => {
                        self.hasher.update(&buffer[..read]);
                        self.handed_out += read as u64;
                        return Ok(read);
                    }
                    Err(error) => {
                        let refused =
                            error.get_ref().and_then(|inner| inner.downcast_ref::<Refused>()).copied();
                        let Some(refused) = refused else { return Err(error) };
                        let second = self.ask_again().ok_or(refused)?;
                        self.state = State::Second(second, refused);
                    }
                }
            }
            match &mut self.state {
                State::Second(second, refused) => second.read(buffer).map_err(|_| (*refused).into()),
                State::First(_) => Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests;
