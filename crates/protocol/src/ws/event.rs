//! What goes into a decoder and what comes out of it.

use std::fmt;

use crate::code::CloseCode;

/// Which end of the connection decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Frames come from a client and must be masked.
    Server,
    /// Frames come from a server and must not be masked.
    Client,
}

/// What a decoder accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Which end this is.
    pub role: Role,
    /// Whether permessage-deflate was agreed on, without context takeover in both directions.
    pub deflate: bool,
    /// The most frames of one message.
    pub max_fragments: u32,
    /// The most bytes of one message, both as it arrives and inflated.
    pub max_message: usize,
}

impl Config {
    /// Accepts messages of up to `max_message` bytes in up to 1,024 fragments, without compression.
    pub const fn new(role: Role, max_message: usize) -> Self {
        Self { role, deflate: false, max_fragments: 1024, max_message }
    }

    /// The same with permessage-deflate as the handshake agreed on it.
    #[must_use]
    pub const fn with_deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }
}

/// What came off the wire. Payloads are borrowed from the read buffer where they lay in it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping: answer with a pong that carries the same bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer's close frame, with its code and reason if it has one. No event follows.
    Close(Option<(u16, &'a str)>),
}

/// Why the connection must end: the peer broke the protocol or a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What the close frame says: 1002, 1007 or 1009.
    pub code: CloseCode,
    /// For logs and for the close frame's reason.
    pub reason: &'static str,
}

impl Fault {
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self { code: CloseCode::Protocol, reason }
    }

    pub(super) const fn too_large(reason: &'static str) -> Self {
        Self { code: CloseCode::TooLarge, reason }
    }

    pub(super) const fn invalid_data(reason: &'static str) -> Self {
        Self { code: CloseCode::InvalidData, reason }
    }

    pub(super) const fn invalid_text() -> Self {
        Self::invalid_data("text that is not utf-8")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code.number())
    }
}

impl std::error::Error for Fault {}

/// The bytes of one read, consumed from the front. Payloads are unmasked in place.
#[derive(Debug)]
pub struct Input<'b> {
    pub(super) rest: &'b mut [u8],
}

impl<'b> Input<'b> {
    /// Reads from the start of `bytes`.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was consumed.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not consumed yet, as it came off the wire: a connection that must stop in the middle keeps
    /// this for later.
    pub const fn rest(&self) -> &[u8] {
        self.rest
    }

    /// The next `len` bytes, if they are there.
    pub(super) fn take(&mut self, len: usize) -> Option<&'b mut [u8]> {
        if len > self.rest.len() {
            return None;
        }
        let (taken, rest) = std::mem::take(&mut self.rest).split_at_mut(len);
        self.rest = rest;
        Some(taken)
    }

    /// The next bytes, `len` at most.
    pub(super) fn take_up_to(&mut self, len: usize) -> &'b mut [u8] {
        self.take(len.min(self.rest.len())).unwrap_or_default()
    }
}
