//! The two to fourteen bytes before a frame's payload, and every rule that RFC 6455 has about them.
//!
//! A header is checked in the order of its bytes and as far as it has arrived, so that a verdict never
//! depends on how the stream was cut into reads.

use super::event::{Config, Fault, Role};

/// The longest payload of a control frame.
pub const CONTROL_MAX: usize = 125;

/// The longest header: two bytes, a 64-bit length, a mask.
pub const HEADER_MAX: usize = 14;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// 0: a further piece of the message under way.
    Continuation,
    /// 1: a message of UTF-8, or its first piece.
    Text,
    /// 2: a message of bytes, or its first piece.
    Binary,
    /// 8: the end of the connection.
    Close,
    /// 9: a question for a sign of life.
    Ping,
    /// 10: the answer to it.
    Pong,
}

impl Opcode {
    /// The number as it stands on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    /// The opcode with this number; none for the reserved ones.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether the frame may stand inside of another message: close, ping, pong.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Whether a close frame may carry this code: 1000–1003, 1007–1014, 3000–4999.
pub const fn valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A frame's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) compressed: bool,
    /// The key's bytes as they stand in memory; zero when the frame is not masked.
    pub(super) key: u32,
    /// Of the payload, in bytes.
    pub(super) len: usize,
    /// Of the header itself, in bytes.
    pub(super) size: usize,
}

/// What the state of a connection allows the next frame to be.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) config: Config,
    /// The message under way: the bytes and the number of its frames so far.
    pub(super) message: Option<(usize, u32)>,
}

impl Rules {
    /// The header at the start of `bytes`, or `None` if it goes on past their end and what is there of
    /// it breaks no rule.
    #[inline]
    pub(super) fn parse(&self, bytes: &[u8]) -> Result<Option<Header>, Fault> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let opcode = self.first_byte(first)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let masked = second & 0x80 != 0;
        match (self.config.role, masked) {
            (Role::Server, false) => return Err(Fault::protocol("frame of a client without a mask")),
            (Role::Client, true) => return Err(Fault::protocol("masked frame of a server")),
            _ => {}
        }
        if opcode.is_control() && usize::from(second & 0x7f) > CONTROL_MAX {
            return Err(Fault::protocol("control frame over 125 bytes"));
        }
        let Some((len, rest)) = length(second & 0x7f, rest)? else { return Ok(None) };
        let len = self.within_limit(opcode, len)?;
        let (key, rest) = if masked {
            let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (u32::from_ne_bytes(*key), rest)
        } else {
            (0, rest)
        };
        let size = bytes.len() - rest.len();
        Ok(Some(Header { opcode, fin: first & 0x80 != 0, compressed: first & 0x40 != 0, key, len, size }))
    }

    #[inline]
    fn first_byte(&self, first: u8) -> Result<Opcode, Fault> {
        let Some(opcode) = Opcode::from_number(first & 0x0f) else {
            return Err(Fault::protocol("reserved opcode"));
        };
        if first & 0x30 != 0 {
            return Err(Fault::protocol("reserved bit"));
        }
        let starts = matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & 0x40 != 0 && !(starts && self.config.deflate) {
            return Err(Fault::protocol("compression bit where none may be"));
        }
        if opcode.is_control() && first & 0x80 == 0 {
            return Err(Fault::protocol("fragmented control frame"));
        }
        match (opcode, self.message) {
            (Opcode::Continuation, None) => Err(Fault::protocol("continuation of no message")),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Fault::protocol("new message inside of another")),
            _ => Ok(opcode),
        }
    }

    #[inline]
    fn within_limit(&self, opcode: Opcode, len: u64) -> Result<usize, Fault> {
        let (bytes, frames) = self.message.unwrap_or_default();
        let room =
            if opcode.is_control() { CONTROL_MAX } else { self.config.max_message.saturating_sub(bytes) };
        match usize::try_from(len) {
            Ok(len) if len <= room => {}
            _ => return Err(Fault::too_large("message over the limit")),
        }
        if !opcode.is_control() && frames >= self.config.max_fragments {
            return Err(Fault::too_large("too many fragments"));
        }
        Ok(len as usize)
    }
}

/// The payload's length and what follows it.
#[inline]
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Fault> {
    match short {
        126 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            let len = u16::from_be_bytes(*bytes);
            if usize::from(len) <= CONTROL_MAX {
                return Err(Fault::protocol("length not in its shortest form"));
            }
            Ok(Some((u64::from(len), rest)))
        }
        127 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            let len = u64::from_be_bytes(*bytes);
            if len >> 63 != 0 {
                return Err(Fault::protocol("length of 64 bits"));
            }
            if u16::try_from(len).is_ok() {
                return Err(Fault::protocol("length not in its shortest form"));
            }
            Ok(Some((len, rest)))
        }
        _ => Ok(Some((u64::from(short), rest))),
    }
}
