//! The payload's compression: liblzma, one thread, one stream, so that one input has one output.

use std::io::Write;

use crate::error::Problem;
use crate::lzma::Coding;

/// Refuses in a build that cannot pack.
pub(super) fn check() -> Result<(), Problem> {
    if cfg!(feature = "liblzma") {
        return Ok(());
    }
    Err(Problem::forbidden("writing PiSi packages", "this build has no liblzma, and lzma-rs cannot compress"))
}

/// Packs what `fill` writes into `out`. `bound` is the most that it will write.
#[cfg(feature = "liblzma")]
pub(super) fn pack<W: Write>(
    out: W,
    coding: Coding,
    level: u32,
    bound: u64,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Problem>,
) -> Result<W, Problem> {
    use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
    let refused = |error: liblzma::stream::Error| Problem::Io {
        operation: "start the compression",
        source: error.into(),
    };
    let mut options = LzmaOptions::new_preset(level.min(9)).map_err(refused)?;
    options.dict_size(dictionary(level, bound));
    let stream = match coding {
        Coding::Lzma => Stream::new_lzma_encoder(&options),
        Coding::Xz => Stream::new_stream_encoder(Filters::new().lzma2(&options), Check::Crc64),
    };
    let mut encoder = liblzma::write::XzEncoder::new_stream(out, stream.map_err(refused)?);
    fill(&mut encoder)?;
    encoder.finish().map_err(super::writing)
}

/// Without liblzma nothing can be packed.
#[cfg(not(feature = "liblzma"))]
pub(super) fn pack<W: Write>(
    out: W,
    _coding: Coding,
    _level: u32,
    _bound: u64,
    _fill: impl FnOnce(&mut dyn Write) -> Result<(), Problem>,
) -> Result<W, Problem> {
    check().map(|()| out)
}

/// The preset's dictionary, or less where the archive is smaller: a larger one packs no better, and whoever
/// unpacks takes memory for it.
#[cfg(feature = "liblzma")]
fn dictionary(level: u32, bound: u64) -> u32 {
    // As xz(1) has it: 256 KiB, then 1, 2, 4, 4, 8, 8, 16, 32 and 64 MiB.
    let of_preset = 1_u32 << [18, 20, 21, 22, 22, 23, 23, 24, 25, 26][level.min(9) as usize];
    let smallest = bound.clamp(1 << 16, 1 << 26).next_power_of_two();
    of_preset.min(u32::try_from(smallest).unwrap_or(of_preset))
}
