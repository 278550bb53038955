//! What a client may send, and what it has broken when it sent something else.

use crate::json::DEPTH_MAX;

/// The bounds of what clients send. All are checked before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most attachments of a packet.
    pub attachments: u8,
    /// The most bytes of a packet's attachments together.
    pub attachment_bytes: usize,
    /// The most bytes of a namespace's name, with its `/` and its query.
    pub namespace: usize,
    /// The most namespaces of one connection.
    pub namespaces: u8,
    /// How deep arguments nest: the list itself is level 1.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A publication stands in a frame's object, which is a level of its own.
        Self {
            attachments: 10,
            attachment_bytes: 1_000_000,
            namespace: 255,
            namespaces: 32,
            depth: DEPTH_MAX - 1,
        }
    }
}

/// The largest acknowledgement id: it stays exact in JavaScript's numbers.
pub(super) const ID_MAX: u64 = (1 << 53) - 1;

/// A client broke the protocol: close the engine, whatever else it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A message without a byte.
    #[error("an empty packet")]
    Empty,
    /// The type is no digit from 0 to 6.
    #[error("a packet of unknown type")]
    UnknownType,
    /// A binary packet does not say how many attachments it has, or has none.
    #[error("a binary packet without its number of attachments")]
    Attachments,
    /// More attachments than allowed, or more bytes of them.
    #[error("attachments over the limit")]
    AttachmentsOverLimit,
    /// A namespace's name over its limit, or one that is no text.
    #[error("a namespace that is none")]
    Namespace,
    /// An acknowledgement's id that is no integer below 2^53.
    #[error("an acknowledgement id that is none")]
    Id,
    /// The payload is not JSON, or not msgpack.
    #[error("a payload that cannot be read")]
    Payload,
    /// The payload nests deeper than allowed.
    #[error("a payload that is nested too deep")]
    TooDeep,
    /// A payload of another kind than the type has: an event's is a list that begins with its name.
    #[error("a payload of the wrong kind")]
    WrongKind,
    /// An event that has the name of one of the protocol's own.
    #[error("a reserved event name")]
    Reserved,
    /// A placeholder without its attachment, or an attachment without its placeholder.
    #[error("a placeholder that is wrong")]
    Placeholder,
    /// A text came while an attachment was awaited.
    #[error("text in the place of an attachment")]
    TextForAttachment,
    /// Bytes came that no packet announced.
    #[error("an attachment of no packet")]
    StrayAttachment,
    /// A text came, and the parser is msgpack.
    #[error("text for a binary parser")]
    TextForMsgpack,
    /// A packet that is not for the namespace's state, such as an event before CONNECT.
    #[error("a packet for a namespace that is not connected")]
    NotConnected,
}
