//! Doors for `fuzz/` into what no public function reaches alone. Only there with `--cfg fuzzing`.

use std::io::{Cursor, Read};
use std::sync::Arc;

use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::{self, Coding, Restart};
use crate::package::DraftEntry;
use crate::payload;
use crate::source::Source;

/// The file list of a tar that comes without one.
///
/// # Errors
/// What is wrong with the archive.
pub fn tar(bytes: Vec<u8>, limits: &Limits) -> Result<Vec<DraftEntry>, Problem> {
    let length = bytes.len() as u64;
    let source = Source::Bytes(Arc::new(bytes)).slice(0, length);
    payload::scan("tar", source, length, payload::Compression::None, limits)
}

/// What a decoder made of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpacked {
    /// All of it.
    Whole {
        /// What came out.
        bytes: Vec<u8>,
        /// Whether a second decoder had to be asked.
        second_opinion: bool,
    },
    /// It refused.
    Refused,
    /// It had given as many bytes as were wanted.
    Enough,
}

/// An LZMA or `.xz` stream as the readers unpack it, and as lzma-rs alone does; each up to `most` bytes.
#[must_use]
pub fn lzma(stream: &[u8], xz: bool, most: u64, limits: &Limits) -> [Unpacked; 2] {
    let coding = if xz { Coding::Xz } else { Coding::Lzma };
    let source = || Bytes(Cursor::new(stream.into()));
    let first = lzma::Decoder::new(source(), coding, limits.decoder_memory);
    let alone = lzma::rust::RustDecoder::start(source(), coding, limits.decoder_memory);
    [
        first.map_or(Unpacked::Refused, |mut decoder| {
            all(&mut decoder, most, lzma::Decoder::had_second_opinion)
        }),
        alone.map_or(Unpacked::Refused, |mut decoder| all(&mut decoder, most, |_| false)),
    ]
}

fn all<R: Read>(decoder: &mut R, most: u64, second_opinion: impl Fn(&R) -> bool) -> Unpacked {
    let mut bytes = Vec::new();
    match decoder.by_ref().take(most).read_to_end(&mut bytes) {
        Err(_) => Unpacked::Refused,
        Ok(_) if bytes.len() as u64 == most => Unpacked::Enough,
        Ok(_) => Unpacked::Whole { bytes, second_opinion: second_opinion(decoder) },
    }
}

#[derive(Clone)]
struct Bytes(Cursor<Arc<[u8]>>);

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Restart for Bytes {
    fn restart(&self) -> Bytes {
        Bytes(Cursor::new(Arc::clone(self.0.get_ref())))
    }
}
