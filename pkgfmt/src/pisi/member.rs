//! A member's content as a stream that is checked as it is read.

use std::io::{self, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::lzma::Restart;
use crate::source::Slice;

use super::container::Member;

/// A stream of a member's content; its end is an error unless length and CRC-32 are those of the directory.
#[derive(Debug)]
pub(super) struct MemberReader {
    packed: Slice,
    body: Body,
    size: u64,
    expected: u32,
    crc: Crc,
    left: u64,
    ended: bool,
}

#[derive(Debug)]
enum Body {
    Stored(Slice),
    Deflated(Box<DeflateDecoder<Slice>>, u64),
}

impl MemberReader {
    /// A stream of what `packed` holds, which is the packed data of `member`.
    pub(super) fn new(packed: Slice, member: &Member) -> MemberReader {
        let body = if member.stored {
            Body::Stored(packed.clone())
        } else {
            Body::Deflated(Box::new(DeflateDecoder::new(packed.clone())), member.packed)
        };
        MemberReader {
            packed,
            body,
            size: member.size,
            expected: member.crc,
            crc: Crc::new(),
            left: member.size,
            ended: false,
        }
    }

    /// What has to hold once all the content has been read.
    fn check_end(&mut self) -> io::Result<()> {
        if let Body::Deflated(decoder, packed) = &mut self.body {
            let more = decoder.read(&mut [0])?;
            if more > 0 || decoder.total_in() != *packed {
                return Err(invalid("its compressed data does not end where the directory says"));
            }
        }
        if self.crc.sum() != self.expected {
            return Err(invalid("its checksum is wrong"));
        }
        self.ended = true;
        Ok(())
    }
}

impl Restart for MemberReader {
    fn restart(&self) -> MemberReader {
        let body = match &self.body {
            Body::Stored(_) => Body::Stored(self.packed.clone()),
            Body::Deflated(_, packed) => {
                Body::Deflated(Box::new(DeflateDecoder::new(self.packed.clone())), *packed)
            }
        };
        MemberReader {
            packed: self.packed.clone(),
            body,
            size: self.size,
            expected: self.expected,
            crc: Crc::new(),
            left: self.size,
            ended: false,
        }
    }
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.ended {
            return Ok(0);
        }
        if self.left == 0 {
            self.check_end()?;
            return Ok(0);
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = match &mut self.body {
            Body::Stored(slice) => slice.read(&mut buffer[..wanted])?,
            Body::Deflated(decoder, _) => decoder.read(&mut buffer[..wanted])?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.crc.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
