//! What a thread owns for all of its decoders: the inflater and the buffers that events borrow from.

use flate2::{Decompress, FlushDecompress, Status};

use super::event::Fault;

/// One a thread: the pooled inflater (about 40 KiB, made at the first compressed message), its output,
/// and the last message that had to be gathered from several reads.
#[derive(Debug, Default)]
pub struct Scratch {
    inflater: Option<Decompress>,
    inflated: Vec<u8>,
    gathered: Vec<u8>,
}

/// What a sender cut off the end of a message, and then one empty final block: the stream ends exactly
/// there if, and only if, the message was whole.
const TAIL: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];

/// An output buffer larger than this is not kept for the next message.
const KEEP: usize = 256 * 1024;

/// The least step by which the output grows.
const STEP: usize = 4 * 1024;

impl Scratch {
    /// Frees what the last event borrowed and is too large to keep.
    #[inline]
    pub(super) fn recycle(&mut self) {
        if self.gathered.capacity() != 0 {
            self.gathered = Vec::new();
        }
        if self.inflated.capacity() > KEEP {
            self.inflated = Vec::new();
        }
    }

    /// Keeps a gathered message for as long as its event is looked at.
    pub(super) fn hold(&mut self, bytes: Vec<u8>) -> &[u8] {
        self.gathered = bytes;
        &self.gathered
    }

    /// The heap bytes of its buffers, the inflater's own state apart.
    pub fn held(&self) -> usize {
        self.inflated.capacity() + self.gathered.capacity()
    }

    /// Inflates one message of up to `limit` bytes.
    pub(super) fn inflate(&mut self, message: &[u8], limit: usize) -> Result<&[u8], Fault> {
        self.inflated.clear();
        // An empty message is one zero byte on the wire; some senders leave even that out.
        if !message.is_empty() {
            let stream = self.inflater.get_or_insert_with(|| Decompress::new(false));
            stream.reset(false);
            let mut output = Output { bytes: &mut self.inflated, limit };
            output.run(stream, message)?;
            if !output.run(stream, &TAIL)? {
                return Err(Fault::invalid_data("compressed message without its end"));
            }
        }
        Ok(&self.inflated)
    }
}

struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    limit: usize,
}

impl Output<'_> {
    /// Inflates all of `input`; true if a final block ended exactly with it.
    fn run(&mut self, stream: &mut Decompress, input: &[u8]) -> Result<bool, Fault> {
        let mut rest = input;
        loop {
            self.grow()?;
            let (before, written) = (stream.total_in(), self.bytes.len());
            let status = stream
                .decompress_vec(rest, self.bytes, FlushDecompress::None)
                .map_err(|_| Fault::invalid_data("compressed message that does not inflate"))?;
            let read = (stream.total_in() - before) as usize;
            rest = rest.get(read..).unwrap_or_default();
            if self.bytes.len() > self.limit {
                return Err(Fault::too_large("inflated message over the limit"));
            }
            let full = self.bytes.len() == self.bytes.capacity();
            if status == Status::StreamEnd {
                if rest.is_empty() {
                    return Ok(true);
                }
                // A sender may end each flush with a final block (RFC 7692, 7.2.3.5): a new one follows.
                stream.reset(false);
            } else if rest.is_empty() && !full {
                return Ok(false);
            } else if read == 0 && written == self.bytes.len() && !full {
                return Err(Fault::invalid_data("compressed message that does not inflate"));
            }
        }
    }

    /// Makes room to write at least one byte: doubling, to one byte past the limit at most.
    fn grow(&mut self) -> Result<(), Fault> {
        if self.bytes.len() < self.bytes.capacity() {
            return Ok(());
        }
        let most = self.limit.saturating_add(1).saturating_sub(self.bytes.len());
        if most == 0 {
            return Err(Fault::too_large("inflated message over the limit"));
        }
        self.bytes.reserve_exact(self.bytes.len().max(STEP).min(most));
        Ok(())
    }
}
