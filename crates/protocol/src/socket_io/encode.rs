//! What the server says, in each encoding.

use bytes::Bytes;

use super::{Args, PacketType, Parser, msgpack};
use crate::{
    engine_io::{Frame, Revision},
    json::{push_str, push_u64},
};

/// How a client wants its packets. Subscribers with the same encoding get the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// The engine's revision: in the third a binary frame begins with its type, and a refusal looks
    /// different.
    pub revision: Revision,
    /// The parser.
    pub parser: Parser,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self { revision: Revision::V4, parser: Parser::Default },
        Self { revision: Revision::V4, parser: Parser::Msgpack },
        Self { revision: Revision::V3, parser: Parser::Default },
        Self { revision: Revision::V3, parser: Parser::Msgpack },
    ];
}

/// Why a CONNECT is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectError<'a> {
    /// There is no such namespace. Both revisions get `{"message":"Invalid namespace"}`.
    InvalidNamespace,
    /// A middleware refused it. A client of the third revision gets the data alone, or else the message as a
    /// string.
    Refused {
        /// The error's message.
        message: &'a str,
        /// More about it, as JSON.
        data: Option<&'a str>,
    },
}

pub(super) const INVALID_NAMESPACE: &str = "Invalid namespace";

/// What the server says: an [`Encoder`] makes frames of it.
///
/// The caller vouches that a namespace begins with `/` and has no comma, and that an event's name is not
/// [reserved](super::is_reserved).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing<'a> {
    /// The client is in the namespace: `40{"sid":"…","pid":"…"}`; in the third revision the ids are left out.
    Connect {
        /// Which namespace.
        namespace: &'a str,
        /// The client's public id in it.
        sid: &'a str,
        /// The secret by which it comes back, where recovery is on.
        pid: Option<&'a str>,
    },
    /// The client is not: `44{"message":"…","data":…}`.
    ConnectError {
        /// Which namespace.
        namespace: &'a str,
        /// Why not.
        error: ConnectError<'a>,
    },
    /// The client is in the namespace no more: `41`.
    Disconnect {
        /// Which namespace.
        namespace: &'a str,
    },
    /// An event: `42["name",…]`.
    Event {
        /// Which namespace.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
        /// An id, if an answer is wanted.
        id: Option<u64>,
        /// Its arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for.
        attachments: &'a [Bytes],
        /// The [place](super::Place) for recovery, as one more argument.
        offset: Option<&'a str>,
    },
    /// The answer to a client's event: `43<id>[…]`.
    Ack {
        /// Which namespace.
        namespace: &'a str,
        /// The event's id.
        id: u64,
        /// The answer's arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for.
        attachments: &'a [Bytes],
    },
}

/// Writes packets into buffers that it keeps: one is enough for a thread.
///
/// ```
/// use veche_protocol::engine_io::{Frame, Revision};
/// use veche_protocol::socket_io::{Args, Encoder, Encoding, Outgoing, Parser};
///
/// let event = Outgoing::Event {
///     namespace: "/", name: "say", id: None, args: Args::of_one("7"), attachments: &[], offset: Some("5-e-41"),
/// };
/// let mut frames = Vec::new();
/// let encoding = Encoding { revision: Revision::V4, parser: Parser::Default };
/// Encoder::default().write(&event, encoding, |frame| frames.push(frame.bytes().to_vec()));
/// assert_eq!(frames, [br#"42["say",7,"5-e-41"]"#]);
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    text: String,
    bytes: Vec<u8>,
}

/// A buffer that has grown beyond this is not kept.
pub(super) const KEPT_MAX: usize = 64 * 1024;

impl Encoder {
    /// Gives the packet's frames to `each`, in order: they leave together, with nothing between them.
    pub fn write(&mut self, packet: &Outgoing<'_>, encoding: Encoding, mut each: impl FnMut(Frame<'_>)) {
        match encoding.parser {
            Parser::Msgpack => {
                self.begin_binary(encoding.revision);
                msgpack::encode(&mut self.bytes, packet, encoding.revision);
                each(Frame::Binary(&self.bytes));
            }
            Parser::Default => {
                self.text.clear();
                self.text.push('4');
                packet.write_text(encoding.revision, &mut self.text);
                each(Frame::Text(&self.text));
                for attachment in packet.attachments() {
                    if encoding.revision == Revision::V4 {
                        each(Frame::Binary(attachment));
                    } else {
                        self.begin_binary(Revision::V3);
                        self.bytes.extend_from_slice(attachment);
                        each(Frame::Binary(&self.bytes));
                    }
                }
            }
        }
        if self.text.capacity() > KEPT_MAX {
            self.text = String::new();
        }
        if self.bytes.capacity() > KEPT_MAX {
            self.bytes = Vec::new();
        }
    }

    fn begin_binary(&mut self, revision: Revision) {
        self.bytes.clear();
        if revision == Revision::V3 {
            self.bytes.push(crate::engine_io::PacketType::Message as u8);
        }
    }
}

impl Outgoing<'_> {
    fn attachments(&self) -> &[Bytes] {
        match self {
            Self::Event { attachments, .. } | Self::Ack { attachments, .. } => attachments,
            _ => &[],
        }
    }

    /// Appends the packet as the default parser has it, without the engine's type.
    fn write_text(&self, revision: Revision, out: &mut String) {
        match *self {
            Self::Connect { namespace, sid, pid } => {
                head(out, PacketType::Connect, &[], namespace);
                if revision == Revision::V4 {
                    field(out, "{\"sid\":", sid);
                    if let Some(pid) = pid {
                        field(out, ",\"pid\":", pid);
                    }
                    out.push('}');
                }
            }
            Self::ConnectError { namespace, error } => {
                head(out, PacketType::ConnectError, &[], namespace);
                error.write(revision, out);
            }
            Self::Disconnect { namespace } => head(out, PacketType::Disconnect, &[], namespace),
            Self::Event { namespace, name, id, args, attachments, offset } => {
                out.reserve(namespace.len() + name.len() + args.inner().len() + 64);
                head(out, PacketType::Event, attachments, namespace);
                if let Some(id) = id {
                    push_u64(out, id);
                }
                out.push('[');
                push_str(out, name);
                if !args.is_empty() {
                    out.push(',');
                    out.push_str(args.inner());
                }
                if let Some(offset) = offset {
                    field(out, ",", offset);
                }
                out.push(']');
            }
            Self::Ack { namespace, id, args, attachments } => {
                head(out, PacketType::Ack, attachments, namespace);
                push_u64(out, id);
                args.write_list(out);
            }
        }
    }
}

impl ConnectError<'_> {
    fn write(self, revision: Revision, out: &mut String) {
        let (message, data) = match self {
            Self::InvalidNamespace => (INVALID_NAMESPACE, None),
            Self::Refused { message, data } if revision == Revision::V3 => {
                return match data {
                    Some(data) => out.push_str(data),
                    None => push_str(out, message),
                };
            }
            Self::Refused { message, data } => (message, data),
        };
        field(out, "{\"message\":", message);
        if let Some(data) = data {
            out.push_str(",\"data\":");
            out.push_str(data);
        }
        out.push('}');
    }
}

/// The type, the number of attachments and the namespace.
fn head(out: &mut String, kind: PacketType, attachments: &[Bytes], namespace: &str) {
    let kind = match kind {
        PacketType::Event if !attachments.is_empty() => PacketType::BinaryEvent,
        PacketType::Ack if !attachments.is_empty() => PacketType::BinaryAck,
        kind => kind,
    };
    push_u64(out, kind as u64);
    if kind.is_binary() {
        push_u64(out, attachments.len() as u64);
        out.push('-');
    }
    if namespace != "/" {
        out.push_str(namespace);
        out.push(',');
    }
}

fn field(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    push_str(out, text);
}
