//! lzma-rs, as a reader.
//!
//! lzma-rs pushes its output, so it runs on a thread of its own and hands chunks through a bounded channel.
//! Dropping the reader ends the thread: its next chunk finds no taker, or its input ends. A panic in it
//! becomes an error.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use lzma_rs::decompress::Options;

use crate::error::Problem;

use super::{Coding, Refused, xz};

/// Bytes of a chunk.
const CHUNK: usize = 64 << 10;
/// Chunks on their way.
const CHUNKS: usize = 4;
/// Length of an LZMA header: properties, dictionary size, unpacked size.
const LZMA_HEADER: usize = 13;

/// A stream that lzma-rs decodes.
pub(crate) struct RustDecoder {
    chunks: Option<Receiver<Vec<u8>>>,
    chunk: Vec<u8>,
    position: usize,
    worker: Option<JoinHandle<io::Result<()>>>,
}

impl RustDecoder {
    /// Starts to decode `source`; the dictionary may take `memory` bytes.
    pub(crate) fn start(
        source: impl Read + Send + 'static,
        coding: Coding,
        memory: u64,
    ) -> io::Result<RustDecoder> {
        let (sender, chunks) = sync_channel(CHUNKS);
        let work = move || {
            let mut output = Sender { sender, chunk: Vec::with_capacity(CHUNK) };
            let mut input = BufReader::with_capacity(CHUNK, source);
            let decode = AssertUnwindSafe(|| {
                match coding {
                    Coding::Lzma => decode_lzma(&mut input, &mut output, memory)?,
                    Coding::Xz => xz::decode(&mut input, &mut output)?,
                }
                output.flush()
            });
            catch_unwind(decode)
                .unwrap_or_else(|_| Err(Refused("its compressed data broke the decoder").into()))
        };
        let worker = thread::Builder::new().name("lzma".into()).spawn(work)?;
        Ok(RustDecoder { chunks: Some(chunks), chunk: Vec::new(), position: 0, worker: Some(worker) })
    }

    /// Waits for the thread, which has nothing more to send, and takes its result.
    fn join(&mut self) -> io::Result<()> {
        self.chunks = None;
        match self.worker.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Refused("its compressed data broke the decoder").into()),
            None => Ok(()),
        }
    }
}

impl Read for RustDecoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.chunk.len() {
            match self.chunks.as_ref().and_then(|chunks| chunks.recv().ok()) {
                Some(chunk) => (self.chunk, self.position) = (chunk, 0),
                None => return self.join().map(|()| 0),
            }
        }
        let read = (&self.chunk[self.position..]).read(buffer)?;
        self.position += read;
        Ok(read)
    }
}

impl Drop for RustDecoder {
    fn drop(&mut self) {
        // The result no longer matters to anyone.
        let _ = self.join();
    }
}

/// Cuts output into chunks and sends them.
struct Sender {
    sender: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Decodes one .lzma stream that takes all of `input`.
fn decode_lzma(input: &mut impl BufRead, output: &mut impl Write, memory: u64) -> io::Result<()> {
    let mut header = [0; LZMA_HEADER];
    input.read_exact(&mut header)?;
    let dictionary = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    if u64::from(dictionary) > memory {
        return Err(Problem::limit("the memory that decoding takes", memory).into());
    }
    let options = Options { memlimit: usize::try_from(memory).ok(), ..Options::default() };
    lzma_rs::lzma_decompress_with_options(&mut header.as_slice().chain(&mut *input), output, &options)
        .map_err(failure)?;
    expect_end(input)
}

/// Refuses bytes after the end of a stream.
pub(super) fn expect_end(input: &mut impl BufRead) -> io::Result<()> {
    if input.fill_buf()?.is_empty() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "data follows the end of the compressed stream"))
}

/// What an error of lzma-rs means. Its texts are about the decoder's insides and are left out.
pub(super) fn failure(error: lzma_rs::error::Error) -> io::Error {
    use lzma_rs::error::Error;
    match error {
        Error::IoError(error) | Error::HeaderTooShort(error) => error,
        Error::LzmaError(_) | Error::XzError(_) => Refused("its compressed data is damaged").into(),
    }
}
