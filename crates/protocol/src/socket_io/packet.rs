//! One packet: what it is for, and what it carries.

use std::borrow::Cow;

use bytes::Bytes;

use super::Args;

/// How packets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parser {
    /// Text, with attachments behind it: `socket.io-parser`.
    Default,
    /// One binary message: `socket.io-msgpack-parser`.
    Msgpack,
}

/// What a packet is for. The number is the digit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// A client joins a namespace, or the server says that it has.
    Connect = 0,
    /// One of them leaves it.
    Disconnect = 1,
    /// An event.
    Event = 2,
    /// The answer to an event that had an id.
    Ack = 3,
    /// The server refuses a CONNECT.
    ConnectError = 4,
    /// An event with attachments.
    BinaryEvent = 5,
    /// An answer with attachments.
    BinaryAck = 6,
}

impl PacketType {
    /// All of them, in the order of their digits.
    pub const ALL: [Self; 7] = [
        Self::Connect,
        Self::Disconnect,
        Self::Event,
        Self::Ack,
        Self::ConnectError,
        Self::BinaryEvent,
        Self::BinaryAck,
    ];

    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether it announces attachments.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// Names that no event may have: they are the protocol's own, on one side or the other.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether a name is one of the protocol's own.
pub fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event)
}

/// What a client says of itself when it connects to a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth<'a> {
    /// Nothing.
    #[default]
    None,
    /// A JSON object.
    Json(&'a str),
    /// A query, as clients of Engine.IO 3 send it: `token=x&a=b`. See
    /// [`query_to_json`](super::query_to_json).
    Query(&'a str),
}

/// A packet as it was read, with its attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Which namespace it is for: `/`, or `/` and a name. A query of Engine.IO 3 is still behind it.
    pub namespace: &'a str,
    /// The acknowledgement's id: of an event that asks for one, or of an answer.
    pub id: Option<u64>,
    /// What it says.
    pub body: Body<'a>,
}

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// CONNECT, with the JSON object that comes with it.
    Connect(Option<&'a str>),
    /// DISCONNECT.
    Disconnect,
    /// EVENT, with or without attachments.
    Event {
        /// Its name. A number, which JavaScript allows, is the number's text.
        name: Cow<'a, str>,
        /// Its arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for; each has its own.
        attachments: &'a [Bytes],
    },
    /// ACK, with or without attachments.
    Ack {
        /// The answer's arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for; each has its own.
        attachments: &'a [Bytes],
    },
    /// CONNECT_ERROR, with its payload. Only servers send it.
    ConnectError(&'a str),
}
