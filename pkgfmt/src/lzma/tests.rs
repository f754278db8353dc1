//! Tests of the decoders: both read the same streams, and neither is led astray.

mod differential;

use std::io::{Cursor, Read};
use std::sync::Arc;

use super::rust::RustDecoder;
use super::{Coding, Decoder, Restart};
use crate::error::Problem;

const MEMORY: u64 = 96 << 20;

/// Bytes in memory as a source.
#[derive(Clone)]
struct Bytes(Cursor<Arc<[u8]>>);

impl Bytes {
    fn new(bytes: &[u8]) -> Bytes {
        Bytes(Cursor::new(bytes.into()))
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Restart for Bytes {
    fn restart(&self) -> Bytes {
        Bytes::new(self.0.get_ref())
    }
}

/// What either decoder makes of a stream.
fn decode(bytes: &[u8], coding: Coding) -> [Result<Vec<u8>, Problem>; 2] {
    let all = |mut reader: Box<dyn Read>| {
        let mut output = Vec::new();
        let result = reader.read_to_end(&mut output);
        result.map(|_| output).map_err(|error| Problem::from_stream("stream", error))
    };
    [
        all(Box::new(Decoder::new(Bytes::new(bytes), coding, MEMORY).unwrap())),
        all(Box::new(RustDecoder::start(Bytes::new(bytes), coding, MEMORY).unwrap())),
    ]
}

#[track_caller]
fn both_read(bytes: &[u8], coding: Coding, expected: &[u8]) {
    for result in decode(bytes, coding) {
        assert!(result.unwrap() == expected);
    }
}

#[track_caller]
fn both_refuse(bytes: &[u8], coding: Coding, word: &str) {
    for result in decode(bytes, coding) {
        let reason = result.unwrap_err().to_string();
        assert!(reason.contains(word), "'{reason}' does not say '{word}'");
    }
}

/// Something that packs, but not to nothing.
fn text() -> Vec<u8> {
    (0..40_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_le_bytes()).collect()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    lzma_rs::xz_compress(&mut &content[..], &mut packed).unwrap();
    packed
}

fn lzma(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    lzma_rs::lzma_compress(&mut &content[..], &mut packed).unwrap();
    packed
}

#[test]
fn both_decoders_read_what_lzma_rs_writes() {
    for content in [Vec::new(), b"a".to_vec(), text()] {
        both_read(&xz(&content), Coding::Xz, &content);
        both_read(&lzma(&content), Coding::Lzma, &content);
    }
}

#[test]
fn a_stream_ends_where_its_source_ends() {
    for (packed, coding) in [(xz(b"content"), Coding::Xz), (lzma(b"content"), Coding::Lzma)] {
        for length in 0..packed.len() {
            for result in decode(&packed[..length], coding) {
                assert!(result.is_err(), "cut at {length}");
            }
        }
        both_refuse(&[&packed[..], &[0; 4]].concat(), coding, "");
    }
    both_refuse(&[xz(b"a"), xz(b"b")].concat(), Coding::Xz, "data follows");
}

#[test]
fn a_dictionary_past_the_limit_is_refused() {
    let mut packed = lzma(b"content");
    packed[1..5].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    both_refuse(&packed, Coding::Lzma, "limit");
}

#[test]
fn a_reader_that_is_dropped_early_ends_its_thread() {
    let packed = xz(&text().repeat(40));
    for read in [0, 1, 100_000] {
        let mut decoder = RustDecoder::start(Bytes::new(&packed), Coding::Xz, MEMORY).unwrap();
        decoder.read_exact(&mut vec![0; read]).unwrap();
        drop(decoder);
    }
}

#[test]
fn a_panic_in_the_decoder_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            std::panic::panic_any("on purpose");
        }
    }
    let mut decoder = RustDecoder::start(Broken, Coding::Xz, MEMORY).unwrap();
    assert!(decoder.read(&mut [0]).is_err());
}

/// A chunk header that calls the next chunk packed data, so that its sizes would pass unseen.
#[test]
fn a_chunk_hidden_in_packed_data_is_noticed() {
    // One LZMA2 chunk of a stream that holds it alone: after the stream header and the block header.
    let packed = small_lzma2();
    let mut plain = Vec::new();
    let whole = [&packed[..], &[0]].concat();
    lzma_rs::lzma2_decompress(&mut &whole[..], &mut plain).unwrap();

    let mut hiding = packed.clone();
    let longer = (packed.len() * 2 - 6 - 1) as u16;
    hiding[3..5].copy_from_slice(&longer.to_be_bytes());
    let hiding = [&hiding[..], &packed, &[0]].concat();
    let mut output = Vec::new();
    lzma_rs::lzma2_decompress(&mut &hiding[..], &mut output).unwrap();
    assert_eq!(output.len(), 2 * plain.len(), "lzma-rs alone takes the hidden chunk");
    output.clear();
    assert!(super::guard::guarded(&hiding, &mut output).is_err());
    super::guard::guarded(&whole, &mut output).unwrap();
    assert_eq!(output, plain);
}

/// An LZMA2 chunk with new dictionary and properties, and with content: a range coder at rest.
fn small_lzma2() -> Vec<u8> {
    // Literal-only LZMA of lzma-rs, cut out of its .lzma stream of known properties, would bring an end
    // marker; zeros need none: with all probabilities fresh, zero bits keep the code at zero.
    let unpacked = 100_u16 - 1;
    let payload = [0_u8; 40];
    let mut chunk = vec![0xe0];
    chunk.extend_from_slice(&unpacked.to_be_bytes());
    let mut length = 0;
    // The shortest payload that decodes is the one that is used up exactly.
    for candidate in 5..payload.len() {
        let whole = [&chunk[..], &(candidate as u16 - 1).to_be_bytes(), &[0x5d], &payload[..candidate], &[0]]
            .concat();
        if lzma_rs::lzma2_decompress(&mut &whole[..], &mut Vec::new()).is_ok() {
            length = candidate;
            break;
        }
    }
    assert!(length > 0);
    chunk.extend_from_slice(&(length as u16 - 1).to_be_bytes());
    chunk.push(0x5d);
    chunk.extend_from_slice(&payload[..length]);
    chunk
}

/// The header of a stored LZMA2 chunk of 64 KiB, and its content.
#[test]
fn a_run_past_the_bound_is_refused_before_it_is_unpacked() {
    let chunk = [&[2, 0xff, 0xff][..], &[0; 65536]].concat();
    let mut stream = [&[1, 0xff, 0xff][..], &[0; 65536]].concat();
    for _ in 0..2047 {
        stream.extend_from_slice(&chunk);
    }
    let mut output = Count(0);
    super::guard::guarded(&[&stream[..], &[0]].concat(), &mut output).unwrap();
    assert_eq!(output.0, 128 << 20);
    stream.extend_from_slice(&[2, 0, 0, 7, 0]);
    let error = super::guard::guarded(&stream, &mut Count(0)).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
    // A reset starts a new run.
    let at = stream.len() - 5;
    stream[at] = 1;
    super::guard::guarded(&stream, &mut output).unwrap();
}

struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "liblzma")]
mod with_liblzma {
    use std::io::Write;

    use liblzma::stream::{Action, Check, LzmaOptions, Status, Stream};

    use super::*;

    fn packed(content: &[u8], stream: Stream) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn both_decoders_read_what_liblzma_writes() {
        for content in [Vec::new(), b"a".to_vec(), text().repeat(20), vec![0; 5 << 20]] {
            for check in [Check::None, Check::Crc32, Check::Crc64] {
                let stream = Stream::new_easy_encoder(6, check).unwrap();
                both_read(&packed(&content, stream), Coding::Xz, &content);
            }
            let options = LzmaOptions::new_preset(6).unwrap();
            both_read(&packed(&content, Stream::new_lzma_encoder(&options).unwrap()), Coding::Lzma, &content);
        }
    }

    #[test]
    fn a_flipped_bit_in_xz_is_noticed() {
        let content = &text()[..3000];
        let whole = packed(content, Stream::new_easy_encoder(6, Check::Crc64).unwrap());
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x04;
            for result in decode(&changed, Coding::Xz) {
                // Some bits of a range coder say nothing, and lzma-rs does not look at them all.
                assert!(result.is_err() || result.unwrap() == content, "byte {position}");
            }
        }
    }

    /// An .xz stream with one block for each part, and where the blocks end.
    fn blocks<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<usize>) {
        let mut stream = Stream::new_easy_encoder(6, Check::Crc64).unwrap();
        let (mut output, mut ends) = (Vec::with_capacity(1 << 20), Vec::new());
        for part in parts {
            let before = stream.total_in();
            while stream.process_vec(part, &mut output, Action::FullFlush).unwrap() != Status::StreamEnd {}
            assert_eq!(stream.total_in() - before, part.len() as u64);
            ends.push(output.len());
        }
        while stream.process_vec(&[], &mut output, Action::Finish).unwrap() != Status::StreamEnd {}
        (output, ends)
    }

    #[test]
    fn the_second_decoder_goes_on_where_the_first_one_stopped() {
        let content = text();
        let (first, second) = content.split_at(100_000);
        let (mut packed, ends) = blocks([first, second].into_iter());
        // The first byte of the second block's range coder, after two headers: it says nothing, and liblzma
        // alone looks at it.
        packed[ends[0] + 12 + 6] ^= 0x04;
        let mut decoder = Decoder::new(Bytes::new(&packed), Coding::Xz, MEMORY).unwrap();
        let mut output = vec![0; first.len()];
        decoder.read_exact(&mut output).unwrap();
        assert!(!decoder.had_second_opinion());
        decoder.read_to_end(&mut output).unwrap();
        assert!(decoder.had_second_opinion());
        assert!(output == content);
    }

    #[test]
    fn a_stream_of_several_blocks_is_read() {
        let content = text();
        let (packed, ends) = blocks(content.chunks(30_000));
        assert_eq!(ends.len(), 6);
        both_read(&packed, Coding::Xz, &content);
    }

    #[test]
    fn the_index_is_compared_with_the_blocks() {
        let whole = packed(&text(), Stream::new_easy_encoder(6, Check::Crc32).unwrap());
        // The index is 8 bytes or more before the footer; its sum is made to fit.
        let footer = whole.len() - 12;
        let backward = u32::from_le_bytes(whole[footer + 4..footer + 8].try_into().unwrap());
        let index = footer - (backward as usize + 1) * 4;
        let mut changed = whole.clone();
        changed[index + 2] ^= 1;
        let mut crc = flate2::Crc::new();
        crc.update(&changed[index..footer - 4]);
        changed[footer - 4..footer].copy_from_slice(&crc.sum().to_le_bytes());
        both_refuse(&changed, Coding::Xz, "damaged");
    }

    /// Literals alone, in LZMA with eight literal context bits: valid, and more than liblzma takes.
    fn with_eight_context_bits(content: &[u8]) -> Vec<u8> {
        let (mut low, mut range) = (0_u64, u32::MAX);
        let mut output: Vec<u8> = Vec::new();
        let carry = |output: &mut Vec<u8>| {
            for byte in output.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        };
        let shift = |low: &mut u64, output: &mut Vec<u8>| {
            if *low >> 32 != 0 {
                carry(output);
                *low &= 0xffff_ffff;
            }
            output.push((*low >> 24) as u8);
            *low = (*low << 8) & 0xffff_ffff;
        };
        output.push(0);
        let mut bit = |probability: &mut u16, bit: bool, low: &mut u64, output: &mut Vec<u8>| {
            let bound = (range >> 11) * u32::from(*probability);
            if bit {
                *low += u64::from(bound);
                range -= bound;
                *probability -= *probability >> 5;
            } else {
                range = bound;
                *probability += (2048 - *probability) >> 5;
            }
            while range < 1 << 24 {
                shift(low, output);
                range <<= 8;
            }
        };
        let mut is_match = 1024_u16;
        let mut literals = vec![[1024_u16; 0x300]; 256];
        let mut previous = 0_u8;
        for &byte in content {
            bit(&mut is_match, false, &mut low, &mut output);
            let mut symbol = 1_usize;
            for position in (0..8).rev() {
                let set = byte >> position & 1 == 1;
                bit(&mut literals[usize::from(previous)][symbol], set, &mut low, &mut output);
                symbol = symbol << 1 | usize::from(set);
            }
            previous = byte;
        }
        for _ in 0..5 {
            if low >> 32 != 0 {
                carry(&mut output);
                low &= 0xffff_ffff;
            }
            output.push((low >> 24) as u8);
            low = (low << 8) & 0xffff_ffff;
        }
        // lc = 8, lp = 0, pb = 0; a dictionary of 64 KiB; the length.
        let mut stream = vec![8];
        stream.extend_from_slice(&(1_u32 << 16).to_le_bytes());
        stream.extend_from_slice(&(content.len() as u64).to_le_bytes());
        // lzma-rs stops at the length, where the coder's last bytes may be left over.
        let mut length = 0;
        while length < output.len() {
            length += 1;
            let whole = [&stream[..], &output[..length]].concat();
            let mut unpacked = Vec::new();
            if lzma_rs::lzma_decompress(&mut &whole[..], &mut unpacked).is_ok() && unpacked == content {
                break;
            }
        }
        stream.extend_from_slice(&output[..length]);
        stream
    }

    #[test]
    fn a_stream_that_only_lzma_rs_reads_is_read_and_marked() {
        let content = b"what one decoder refuses the other one may read".repeat(3);
        let packed = with_eight_context_bits(&content);
        let mut decoder = Decoder::new(Bytes::new(&packed), Coding::Lzma, MEMORY).unwrap();
        let mut output = Vec::new();
        decoder.read_to_end(&mut output).unwrap();
        assert_eq!(output, content);
        assert!(decoder.had_second_opinion());

        let mut decoder = Decoder::new(Bytes::new(&lzma(&content)), Coding::Lzma, MEMORY).unwrap();
        decoder.read_to_end(&mut Vec::new()).unwrap();
        assert!(!decoder.had_second_opinion());
    }
}
