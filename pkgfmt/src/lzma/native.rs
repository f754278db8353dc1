//! liblzma, as a reader.

use std::io::{self, BufRead, BufReader, Read};

use liblzma::stream::{Action, Error, Status, Stream};

use crate::error::Problem;

use super::{Coding, Refused};

/// Compressed bytes that are read at once.
const INPUT: usize = 64 << 10;

/// A stream that liblzma decodes.
pub(super) struct NativeDecoder<S> {
    input: BufReader<S>,
    stream: Stream,
    memory: u64,
    /// What comes once the output at hand has been handed out.
    then: Option<Then>,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    Fails(Error),
    TooMuchData,
}

impl<S: Read> NativeDecoder<S> {
    /// A decoder at the start of `source` that may take `memory` bytes.
    pub(super) fn new(source: S, coding: Coding, memory: u64) -> io::Result<Self> {
        let stream = match coding {
            Coding::Lzma => Stream::new_lzma_decoder(memory)?,
            Coding::Xz => Stream::new_stream_decoder(memory, 0)?,
        };
        Ok(NativeDecoder { input: BufReader::with_capacity(INPUT, source), stream, memory, then: None })
    }

    fn failure(&self, error: Error) -> io::Error {
        let reason = match error {
            Error::MemLimit => return Problem::limit("the memory that decoding takes", self.memory).into(),
            Error::Mem => return io::ErrorKind::OutOfMemory.into(),
            Error::Format => "it is not in the format that its name says",
            Error::Options | Error::UnsupportedCheck => {
                "its compressed data needs an option that is not supported"
            }
            Error::Data | Error::NoCheck | Error::Program => "its compressed data is damaged",
        };
        Refused(reason).into()
    }
}

impl<S: Read> Read for NativeDecoder<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.then {
                None => {}
                Some(Then::End) => return Ok(0),
                Some(Then::Fails(error)) => return Err(self.failure(error)),
                Some(Then::TooMuchData) => {
                    let reason = "data follows the end of the compressed stream";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
            }
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let result =
                self.stream.process(input, buffer, if at_end { Action::Finish } else { Action::Run });
            let consumed = (self.stream.total_in() - before_in) as usize;
            let produced = (self.stream.total_out() - before_out) as usize;
            self.input.consume(consumed);
            match result {
                Ok(Status::StreamEnd) if self.input.fill_buf()?.is_empty() => self.then = Some(Then::End),
                Ok(Status::StreamEnd) => self.then = Some(Then::TooMuchData),
                Ok(_) => {}
                Err(error) => self.then = Some(Then::Fails(error)),
            }
            if produced > 0 {
                return Ok(produced);
            }
            if self.then.is_none() && consumed == 0 {
                // No progress: at the end of the input the stream is cut off; before it, it cannot be.
                return Err(if at_end {
                    io::ErrorKind::UnexpectedEof.into()
                } else {
                    self.failure(Error::Data)
                });
            }
        }
    }
}
