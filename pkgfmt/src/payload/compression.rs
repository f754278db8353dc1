//! How a payload is packed, and its bytes unpacked as a bounded stream.
//!
//! A packed payload is one stream that ends where its source ends; what follows it is refused. Only bzip2
//! streams may follow one another, as the parallel compressors of the world write them.

use std::io::{self, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::GzDecoder;

use crate::error::Problem;
use crate::limits::Limits;
use crate::lzma::{Coding, Decoder, Restart};

/// How a payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Bzip2,
    /// `.lzma`, "LZMA alone".
    Lzma,
    Xz,
    Zstd,
}

impl Compression {
    /// Which compression data that begins with `head` has, going by its magic number; [`Compression::None`] for
    /// everything without one. `.lzma` has none that could be relied on, so it is never the answer.
    pub(crate) fn of_magic(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

/// The unpacked bytes of a source.
pub(crate) struct Unpacked<S: Restart> {
    what: String,
    body: Body<S>,
}

enum Body<S: Restart> {
    None(S),
    Gzip(Box<GzDecoder<BufReader<S>>>),
    Bzip2(MultiBzDecoder<BufReader<S>>),
    Lzma(Box<Decoder<S>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<S>>),
}

impl<S: Restart> Unpacked<S> {
    /// Unpacks `source`, which errors call `what`.
    pub(crate) fn new(
        what: &str,
        source: S,
        compression: Compression,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let broken = |error| Problem::from_stream(what, error);
        let lzma = |source, coding| {
            Decoder::new(source, coding, limits.decoder_memory).map(Box::new).map(Body::Lzma).map_err(broken)
        };
        let body = match compression {
            Compression::None => Body::None(source),
            Compression::Gzip => Body::Gzip(Box::new(GzDecoder::new(BufReader::new(source)))),
            Compression::Bzip2 => Body::Bzip2(MultiBzDecoder::new(BufReader::new(source))),
            Compression::Lzma => lzma(source, Coding::Lzma)?,
            Compression::Xz => lzma(source, Coding::Xz)?,
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::new(source));
                let mut decoder = decoder.map_err(broken)?.single_frame();
                let window = limits.decoder_memory.max(1 << 10).ilog2().min(31);
                decoder.window_log_max(window).map_err(broken)?;
                Body::Zstd(decoder)
            }
        };
        Ok(Unpacked { what: what.into(), body })
    }

    /// Ends the reading: nothing packed may be left. Whether a second decoder had to be asked, so that only
    /// hashes can vouch for what came out.
    pub(crate) fn end(self) -> Result<bool, Problem> {
        let what = self.what;
        match self.body {
            Body::None(rest) => expect_end(&what, rest)?,
            Body::Gzip(decoder) => expect_end(&what, decoder.into_inner())?,
            Body::Bzip2(decoder) => expect_end(&what, decoder.into_inner())?,
            Body::Zstd(decoder) => expect_end(&what, decoder.finish())?,
            Body::Lzma(decoder) => return Ok(decoder.had_second_opinion()),
        }
        Ok(false)
    }
}

impl<S: Restart> Read for Unpacked<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::None(source) => source.read(buffer),
            Body::Gzip(decoder) => decoder.read(buffer),
            Body::Bzip2(decoder) => decoder.read(buffer),
            Body::Lzma(decoder) => decoder.read(buffer),
            Body::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// Refuses packed bytes after the end of the stream; reading to the end also checks a member's checksum.
fn expect_end(what: &str, mut rest: impl Read) -> Result<(), Problem> {
    match rest.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Problem::damaged(what, "data follows the end of the compressed stream")),
        Err(error) => Err(Problem::from_stream(what, error)),
    }
}
