//! Compression of messages on their way out.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::encode;
use super::header::Opcode;

/// Nothing shorter is compressed: the gain is under a packet and costs tens of microseconds.
pub const DEFLATE_MIN: usize = 1024;

/// What every flushed stream ends with and permessage-deflate leaves out.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An output buffer larger than this is not kept for the next message.
const KEEP: usize = 256 * 1024;

/// One a thread: a compressor that starts afresh with each message, so that a compressed frame is good
/// for every connection that agreed on permessage-deflate.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
    output: Vec<u8>,
    /// Compress whatever it is, also where plain is shorter.
    always: bool,
}

impl Default for Deflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Deflater {
    /// A compressor at its fastest level, which holds about 300 KiB.
    pub fn new() -> Self {
        Self { stream: Compress::new(Compression::fast(), false), output: Vec::new(), always: false }
    }

    /// The same for peers that want to see every message compressed, such as conformance suites.
    pub fn always() -> Self {
        Self { always: true, ..Self::new() }
    }

    /// Appends a server's frame: compressed, or plain where that is shorter or `payload` is under
    /// [`DEFLATE_MIN`].
    pub fn frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
        match self.compress(opcode, payload) {
            Some(compressed) => {
                encode::header(out, opcode, compressed.len(), true);
                out.extend_from_slice(compressed);
            }
            None => encode::frame(out, opcode, payload),
        }
    }

    /// Appends a client's frame by the same rule.
    pub fn client_frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, key: [u8; 4], payload: &[u8]) {
        match self.compress(opcode, payload) {
            Some(compressed) => encode::masked(out, opcode, key, compressed, true),
            None => encode::masked(out, opcode, key, payload, false),
        }
    }

    /// The compressed message, if compressing it is worth while.
    fn compress(&mut self, opcode: Opcode, payload: &[u8]) -> Option<&[u8]> {
        if opcode.is_control() || (payload.len() < DEFLATE_MIN && !self.always) {
            return None;
        }
        if self.output.capacity() > KEEP {
            self.output = Vec::new();
        }
        self.stream.reset();
        self.output.clear();
        // Room for the longest result that is still kept, and one byte that must stay free: only then is
        // it certain that the flush is complete. What does not shrink grows by a few bytes for each block.
        let most = if self.always { payload.len() * 2 + 64 } else { payload.len() + TAIL.len() };
        self.output.reserve(most);
        let mut rest = payload;
        loop {
            let before = self.stream.total_in();
            let status = self.stream.compress_vec(rest, &mut self.output, FlushCompress::Sync);
            rest = rest.get((self.stream.total_in() - before) as usize..)?;
            if self.output.len() >= most || self.output.len() == self.output.capacity() {
                return None;
            }
            match status {
                Ok(_) if rest.is_empty() => return self.output.strip_suffix(&TAIL),
                Ok(Status::Ok) => {}
                Ok(Status::BufError | Status::StreamEnd) | Err(_) => return None,
            }
        }
    }
}
