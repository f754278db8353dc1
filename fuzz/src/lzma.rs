//! The target for LZMA and xz streams, and for the decoders' agreement.

use ambar_pkgfmt::fuzzing::{self, Unpacked};

use crate::mend;
use crate::package::{ENOUGH, byte, limits};

/// A byte that says what follows: a `.lzma` stream, an `.xz` stream, or LZMA2 data, around which a container is
/// built.
pub fn lzma(mut data: &[u8]) {
    let kind = byte(&mut data) % 3;
    let built;
    let stream = if kind == 2 {
        built = mend::around_lzma2(data);
        &built
    } else {
        data
    };
    let both = fuzzing::lzma(stream, kind > 0, ENOUGH, &limits());
    if let [Unpacked::Whole { bytes, second_opinion: false }, Unpacked::Whole { bytes: other, .. }] = &both {
        assert!(bytes == other, "two decoders read different bytes");
    }
}
