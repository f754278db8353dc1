//! Three decoders of the same formats, written independently: liblzma, lzma-rs (behind this crate's own `.xz`
//! reader) and lzma-rust2, which only tests use.
//!
//! What holds for every stream, and what is tested here with valid and with damaged ones:
//!
//! - **No two decoders read different bytes.** Whoever accepts a stream gives what the others give.
//! - **liblzma is the strictest.** What it accepts all three accept, byte for byte. The other two take streams
//!   that it refuses: lzma-rs looks neither at a range coder's first byte nor at its last state, lzma-rust2 not
//!   at the last state of a `.lzma` stream, and both take literal bits beyond liblzma's four.
//! - So a stream that [`Decoder`] reads **without a second opinion** is one on which all three agree. Where they
//!   do not agree, it refuses, or says that lzma-rs alone vouches for the bytes: then the reader of the package
//!   takes nothing that a hash does not confirm.

use std::io::Write;
use std::num::NonZeroU64;

use lzma_rust2::{
    Action, CheckType, LzmaOptions, LzmaStream, LzmaWriter, Status, XzOptions, XzStream, XzWriter,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What came out of a decoder that accepts the stream and all of its source.
type Opinion = Option<Vec<u8>>;

fn read_all(mut reader: impl Read) -> Opinion {
    let mut output = Vec::new();
    reader.read_to_end(&mut output).ok().map(|_| output)
}

fn lzma_rs(stream: &[u8], coding: Coding) -> Opinion {
    read_all(RustDecoder::start(Bytes::new(stream), coding, MEMORY).unwrap())
}

fn lzma_rust2(stream: &[u8], coding: Coding) -> Opinion {
    let kib = (MEMORY >> 10) as u32;
    let mut lzma = LzmaStream::new_mem_limit(kib, None);
    let mut xz = XzStream::new_mem_limit(false, kib);
    let (mut read, mut output, mut buffer) = (0, Vec::new(), vec![0; 4096]);
    loop {
        let input = &stream[read..];
        let step = match coding {
            Coding::Lzma => lzma.process(input, &mut buffer, Action::Finish),
            Coding::Xz => xz.process(input, &mut buffer, Action::Finish),
        };
        let step = step.ok()?;
        read += step.bytes_consumed;
        output.extend_from_slice(&buffer[..step.bytes_produced]);
        if step.status == Status::StreamEnd {
            let rest = stream.len() - read + lzma.unused_input().len();
            return (rest == 0).then_some(output);
        }
        if step.bytes_consumed == 0 && step.bytes_produced == 0 {
            return None;
        }
    }
}

/// What the readers make of it, and whether they had to ask for a second opinion.
fn ambar(stream: &[u8], coding: Coding) -> (Opinion, bool) {
    let mut decoder = Decoder::new(Bytes::new(stream), coding, MEMORY).unwrap();
    let opinion = read_all(&mut decoder);
    (opinion, decoder.had_second_opinion())
}

/// How a stream is written.
#[derive(Debug, Clone)]
struct Style {
    coding: Coding,
    /// Literal context, literal position and position bits.
    bits: (u32, u32, u32),
    /// `.lzma`: the length stands in the header, instead of an end mark after the data.
    length: bool,
    /// `.xz`: 0 for no check, 1 for CRC-32, 2 for CRC-64.
    check: usize,
    /// `.xz`: a new block after so many bytes.
    block: Option<u64>,
}

fn style() -> impl Strategy<Value = Style> {
    let bits = (0..=4_u32, 0..=4_u32, 0..=4_u32).prop_map(|(lc, lp, pb)| (lc, lp.min(4 - lc), pb));
    (any::<bool>(), bits, any::<bool>(), 0..3_usize, prop::option::of(4096..9000_u64)).prop_map(
        |(xz, bits, length, check, block)| {
            let coding = if xz { Coding::Xz } else { Coding::Lzma };
            Style { coding, bits, length, check, block }
        },
    )
}

/// Packs with lzma-rust2.
fn packed(content: &[u8], style: &Style) -> Vec<u8> {
    let mut options = LzmaOptions::with_preset(1);
    options.dict_size = 4096;
    (options.lc, options.lp, options.pb) = style.bits;
    match style.coding {
        Coding::Lzma => {
            let length = style.length.then_some(content.len() as u64);
            let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, length).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap()
        }
        Coding::Xz => {
            let mut xz = XzOptions { lzma_options: options, ..XzOptions::with_preset(1) };
            xz.check_type = [CheckType::None, CheckType::Crc32, CheckType::Crc64][style.check];
            xz.block_size = style.block.and_then(NonZeroU64::new);
            let mut writer = XzWriter::new(Vec::new(), xz).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap()
        }
    }
}

/// Content that packs: runs of few letters, noise, and what came before.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(prop::sample::select(b"abc".as_slice()), 0..60),
        vec(any::<u8>(), 0..60),
        (any::<u8>(), 0..400_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (vec(piece, 0..10), 1..4_usize, prop_oneof![9 => Just(1_usize), 1 => Just(20)])
        .prop_map(|(pieces, times, more)| pieces.concat().repeat(times * more))
}

/// Something that happens to a stream, at a part (of 65,536) of its length.
#[derive(Debug, Clone)]
enum Damage {
    Flip(u16, u8),
    Set(u16, u8),
    Cut(u16),
    Drop(u16),
    Insert(u16, u8),
    Swap(u16, u16),
    /// Bytes near the stream's end, where the decoders differ most.
    Tail(u8, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let (at, byte) = (any::<u16>(), any::<u8>());
    prop_oneof![
        3 => (at, 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        3 => (at, byte).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => at.prop_map(Damage::Cut),
        1 => at.prop_map(Damage::Drop),
        1 => (at, byte).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => (at, at).prop_map(|(a, b)| Damage::Swap(a, b)),
        2 => (0..8_u8, byte).prop_map(|(back, byte)| Damage::Tail(back, byte)),
    ]
}

fn damaged(mut stream: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        let length = stream.len();
        let place = |at: u16| (usize::from(at) * length) >> 16;
        match *damage {
            _ if length == 0 => {}
            Damage::Flip(at, bit) => stream[place(at)] ^= 1 << bit,
            Damage::Set(at, byte) => stream[place(at)] = byte,
            Damage::Cut(at) => stream.truncate(place(at)),
            Damage::Drop(at) => drop(stream.remove(place(at))),
            Damage::Insert(at, byte) => stream.insert(place(at), byte),
            Damage::Swap(a, b) => stream.swap(place(a), place(b)),
            Damage::Tail(back, byte) => {
                let at = length.saturating_sub(1 + usize::from(back));
                stream[at] = byte;
            }
        }
    }
    stream
}

/// Every decoder's opinion; no two are of different bytes.
#[track_caller]
fn opinions(stream: &[u8], coding: Coding) -> Vec<Opinion> {
    let all = vec![
        #[cfg(feature = "liblzma")]
        liblzma(stream, coding),
        lzma_rs(stream, coding),
        lzma_rust2(stream, coding),
    ];
    let mut accepted = all.iter().flatten();
    if let Some(first) = accepted.next() {
        assert!(accepted.all(|other| other == first), "two decoders read different bytes");
    }
    all
}

#[cfg(feature = "liblzma")]
fn liblzma(stream: &[u8], coding: Coding) -> Opinion {
    read_all(super::super::native::NativeDecoder::new(stream, coding, MEMORY).unwrap())
}

#[track_caller]
fn all_read(stream: &[u8], coding: Coding, content: &[u8]) {
    for (decoder, opinion) in opinions(stream, coding).into_iter().enumerate() {
        assert!(opinion.as_deref() == Some(content), "decoder {decoder} of {stream:02x?}");
    }
    let (opinion, second) = ambar(stream, coding);
    assert!(opinion.as_deref() == Some(content) && !second);
}

/// The rule for streams that may be anything.
#[track_caller]
fn all_agree_or_it_is_said(stream: &[u8], coding: Coding) {
    let all = opinions(stream, coding);
    let (opinion, second) = ambar(stream, coding);
    if !cfg!(feature = "liblzma") {
        assert!(opinion == all[0]);
        return;
    }
    if opinion.is_some() && !second {
        assert!(all.iter().all(|other| *other == opinion), "it is not all who accept {stream:02x?}");
    } else {
        assert!(all[0].is_none(), "liblzma reads it");
        assert!(opinion.is_none() || opinion == all[1], "lzma-rs reads something else");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn all_decoders_read_what_lzma_rust2_writes(content in content(), style in style()) {
        all_read(&packed(&content, &style), style.coding, &content);
    }

    #[test]
    fn all_decoders_read_what_lzma_rs_writes(content in content()) {
        all_read(&xz(&content), Coding::Xz, &content);
        all_read(&lzma(&content), Coding::Lzma, &content);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn of_a_damaged_stream_all_read_the_same_or_it_is_said(
        content in content(),
        style in style(),
        damage in vec(damage(), 1..3),
    ) {
        all_agree_or_it_is_said(&damaged(packed(&content, &style), &damage), style.coding);
    }

    #[test]
    fn of_damaged_chunks_all_read_the_same_or_it_is_said(
        mut content in content(),
        style in style(),
        damage in vec(damage(), 1..3),
    ) {
        // Nothing at all would have no chunk.
        content.push(b'.');
        // No check, and an index that fits what the chunks say: nothing but the coder itself notices.
        let plain = Style { coding: Coding::Xz, check: 0, block: None, ..style };
        let stream = packed(&content, &plain);
        let start = 12 + (usize::from(stream[12]) + 1) * 4;
        let footer = stream.len() - 12;
        let backward = u32::from_le_bytes(stream[footer + 4..footer + 8].try_into().unwrap());
        let end = footer - (backward as usize + 1) * 4;
        let chunks: Vec<Damage> = damage.into_iter().filter(|damage| {
            matches!(damage, Damage::Flip(..) | Damage::Set(..) | Damage::Swap(..))
        }).collect();
        let middle = damaged(stream[start..end].to_vec(), &chunks);
        all_agree_or_it_is_said(&[&stream[..start], &middle, &stream[end..]].concat(), Coding::Xz);
    }
}

#[cfg(feature = "liblzma")]
mod with_liblzma {
    use liblzma::stream::{Check, LzmaOptions, Stream};

    use super::*;

    fn packed(content: &[u8], style: &Style, preset: u32) -> Vec<u8> {
        let stream = match style.coding {
            Coding::Lzma => {
                let mut options = LzmaOptions::new_preset(preset).unwrap();
                let (lc, lp, pb) = style.bits;
                options.literal_context_bits(lc).literal_position_bits(lp).position_bits(pb);
                Stream::new_lzma_encoder(&options)
            }
            Coding::Xz => {
                Stream::new_easy_encoder(preset, [Check::None, Check::Crc32, Check::Crc64][style.check])
            }
        };
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn all_decoders_read_what_liblzma_writes(content in content(), style in style(), preset in 0..4_u32) {
            all_read(&packed(&content, &style, preset), style.coding, &content);
        }

        #[test]
        fn what_liblzma_wrote_and_something_damaged_is_read_alike_or_it_is_said(
            content in content(),
            style in style(),
            damage in vec(damage(), 1..3),
        ) {
            all_agree_or_it_is_said(&damaged(packed(&content, &style, 0), &damage), style.coding);
        }
    }

    #[test]
    fn a_range_coder_that_does_not_end_at_rest_is_marked() {
        let content = b"literals and nothing else, 1234567890".repeat(3);
        let style = Style { coding: Coding::Xz, bits: (3, 0, 2), length: true, check: 0, block: None };
        let stream = super::packed(&content, &style);
        let footer = stream.len() - 12;
        let backward = u32::from_le_bytes(stream[footer + 4..footer + 8].try_into().unwrap());
        let index = footer - (backward as usize + 1) * 4;
        // The chunk's last byte stands before the end mark and the padding.
        let last = (0..index).rev().find(|&at| stream[at] != 0).unwrap();
        let mut marked = 0;
        for bit in 0..8 {
            let mut changed = stream.clone();
            changed[last] ^= 1 << bit;
            all_agree_or_it_is_said(&changed, Coding::Xz);
            marked += usize::from(ambar(&changed, Coding::Xz).1);
        }
        assert!(marked > 0, "lzma-rs does not look at the coder's last state");
    }
}
