//! Bytes of a message that has not arrived whole.

use super::event::Fault;

/// The payload of an unfinished message or control frame.
///
/// Law: it never holds more than twice the bytes that really arrived (nor less than [`FIRST`] of room),
/// whatever length the peer declared.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Up to here the bytes are whole characters of UTF-8. Kept only of text.
    checked: usize,
}

/// The least room that a message which goes on past one read is given, unless it declares less.
const FIRST: usize = 1024;

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends `chunk`; `expected` more bytes of the frame, the chunk's among them, are still to come.
    pub(super) fn push(&mut self, chunk: &[u8], expected: usize) {
        let spare = self.bytes.capacity() - self.bytes.len();
        if spare < chunk.len() {
            let room = chunk.len().max(self.bytes.len()).max(FIRST).min(expected.max(chunk.len()));
            self.bytes.reserve_exact(room);
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// Fails as soon as no further bytes could make the text valid. A character cut by the message's end
    /// is left to the check of the whole.
    pub(super) fn check_text(&mut self) -> Result<(), Fault> {
        let unchecked = self.bytes.get(self.checked..).unwrap_or_default();
        match simdutf8::compat::from_utf8(unchecked) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Fault::invalid_text()),
        }
        Ok(())
    }
}
