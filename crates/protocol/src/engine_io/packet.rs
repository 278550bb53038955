//! One packet: a type and its data.

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Which Engine.IO a client speaks. Socket.IO 2 brings the third revision, Socket.IO 3 and 4 the fourth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revision {
    /// `EIO=3`: the client pings, and a payload counts its packets' lengths.
    V3,
    /// `EIO=4`: the server pings, and a payload is separated by `\x1e`.
    V4,
}

/// What a packet is for. The number is the digit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// The handshake.
    Open = 0,
    /// The session ends.
    Close = 1,
    /// A heartbeat, or the probe of an upgrade.
    Ping = 2,
    /// The answer to a ping.
    Pong = 3,
    /// What the layer above says.
    Message = 4,
    /// The upgrade is complete.
    Upgrade = 5,
    /// Nothing: it ends a poll.
    Noop = 6,
}

impl PacketType {
    /// All of them, in the order of their digits.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Close, Self::Ping, Self::Pong, Self::Message, Self::Upgrade, Self::Noop];

    /// The packet of this type without data, as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "0",
            Self::Close => "1",
            Self::Ping => "2",
            Self::Pong => "3",
            Self::Message => "4",
            Self::Upgrade => "5",
            Self::Noop => "6",
        }
    }

    /// The packet of this type without data.
    pub const fn frame(self) -> Frame<'static> {
        Frame::Text(self.as_str())
    }

    fn of_digit(digit: u8) -> Result<Self, Fault> {
        Self::of_number(digit.wrapping_sub(b'0'))
    }

    fn of_number(number: u8) -> Result<Self, Fault> {
        Self::ALL.get(usize::from(number)).copied().ok_or(Fault::UnknownType)
    }
}

/// What a client sent cannot be read: the session ends, with [`End::ParseError`](super::End::ParseError).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A packet without a type, or a payload without a packet.
    #[error("an empty packet")]
    Empty,
    /// The type is no digit from 0 to 6.
    #[error("a packet of unknown type")]
    UnknownType,
    /// `b` is followed by something else than base64.
    #[error("binary data that is not base64")]
    Base64,
    /// A payload's text is not UTF-8.
    #[error("a payload that is not utf-8")]
    NotUtf8,
    /// A length of the third revision is no number, or more than there is.
    #[error("a packet's length that is wrong")]
    Length,
    /// The payload has more bytes than allowed: answer 413.
    #[error("a payload over the limit")]
    TooLarge,
    /// The payload has more packets than allowed.
    #[error("a payload of too many packets")]
    TooMany,
}

/// A packet's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// Text; empty where there is none.
    Text(&'a str),
    /// Bytes, decoded if they came as base64.
    Binary(Cow<'a, [u8]>),
}

/// A packet as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is for.
    pub kind: PacketType,
    /// What it carries.
    pub data: Data<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a text frame of a WebSocket, or one packet of a polling body.
    ///
    /// `b` begins binary data in base64; in the third revision the type follows it. Line breaks within
    /// base64, which the Java client writes, are no matter.
    pub fn from_text(revision: Revision, text: &'a str) -> Result<Self, Fault> {
        let Some(first) = text.as_bytes().first() else { return Err(Fault::Empty) };
        if *first != b'b' {
            let kind = PacketType::of_digit(*first)?;
            return Ok(Self { kind, data: Data::Text(text.get(1..).unwrap_or_default()) });
        }
        let rest = text.get(1..).unwrap_or_default();
        let (kind, encoded) = match revision {
            Revision::V4 => (PacketType::Message, rest),
            Revision::V3 => {
                let digit = rest.as_bytes().first().ok_or(Fault::Empty)?;
                (PacketType::of_digit(*digit)?, rest.get(1..).unwrap_or_default())
            }
        };
        Ok(Self { kind, data: Data::Binary(Cow::Owned(decode_base64(encoded)?)) })
    }

    /// Reads a binary frame of a WebSocket. In the fourth revision all of it is a message's data, in the
    /// third its first byte is the type.
    pub fn from_binary(revision: Revision, bytes: &'a [u8]) -> Result<Self, Fault> {
        let (kind, data) = match revision {
            Revision::V4 => (PacketType::Message, bytes),
            Revision::V3 => {
                let (number, data) = bytes.split_first().ok_or(Fault::Empty)?;
                (PacketType::of_number(*number)?, data)
            }
        };
        Ok(Self { kind, data: Data::Binary(Cow::Borrowed(data)) })
    }

    /// The data, if it is text.
    pub fn text(&self) -> Option<&'a str> {
        match self.data {
            Data::Text(text) => Some(text),
            Data::Binary(_) => None,
        }
    }
}

/// One packet on its way out, as a WebSocket carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The type's digit and the text.
    Text(&'a str),
    /// A message's bytes; in the third revision behind the type's byte, which is 4.
    Binary(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// The bytes, whichever it is.
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Whether it is binary.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Binary(_))
    }

    /// The opcode of the WebSocket message that carries it.
    pub const fn opcode(self) -> crate::ws::Opcode {
        match self {
            Self::Text(_) => crate::ws::Opcode::Text,
            Self::Binary(_) => crate::ws::Opcode::Binary,
        }
    }
}

/// Some clients leave the padding away.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The result has at most three quarters of the text's length, so that the text's limit bounds it.
fn decode_base64(text: &str) -> Result<Vec<u8>, Fault> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(u8::is_ascii_whitespace) {
        return BASE64.decode(bytes).map_err(|_| Fault::Base64);
    }
    let joined: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(joined).map_err(|_| Fault::Base64)
}
