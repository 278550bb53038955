//! Socket.IO, protocol 5, and what clients of Engine.IO 3 make of it: namespaces, events and
//! acknowledgements in the messages of an [engine](crate::engine_io).
//!
//! Arguments are never built as trees. An event's are one raw slice of JSON, [`Args`], checked once and then
//! passed on byte for byte; binary ones are [`Bytes`](bytes::Bytes) beside it, and
//! `{"_placeholder":true,"num":0}` stands in their place. That is also what the msgpack parser is translated
//! to and from, so that a publication has one form, whatever its sender speaks.
//!
//! | part | what it is |
//! |---|---|
//! | [`Connection`] | the machine above one engine: parser, attachments, namespaces, the connect deadline |
//! | [`Packet`] | what a client said, read |
//! | [`Outgoing`] | what the server says; an [`Encoder`] writes it once for each [`Encoding`] |
//! | [`Args`] | an argument list |
//! | [`Recovery`], [`Place`], [`SendRing`] | connection state recovery: where a client is, and what came after |
//!
//! ```
//! use veche_protocol::engine_io::Revision;
//! use veche_protocol::socket_io::{Connection, Input, Limits, Parser, Scratch};
//!
//! let (limits, mut scratch) = (Limits::default(), Scratch::default());
//! let mut connection = Connection::new(Revision::V4, Parser::Default, 45_000);
//! let Input::Connect { slot, .. } = connection.on_text("0", &limits, &mut scratch)? else { panic!() };
//! connection.accept(slot);
//! let Input::Event { name, args, .. } = connection.on_text(r#"2["say","hi"]"#, &limits, &mut scratch)? else {
//!     panic!()
//! };
//! assert_eq!((&*name, args.inner()), ("say", r#""hi""#));
//! # Ok::<(), veche_protocol::socket_io::Fault>(())
//! ```
//!
//! Deliberately absent: rooms, acknowledgements that are awaited, and middlewares. They are the kernel's and
//! the door's.

mod args;
mod collapse;
mod connection;
mod encode;
mod fault;
mod msgpack;
mod namespaces;
mod packet;
mod parse;
mod place;
mod placeholder;
mod query;
mod reassembly;
mod recovery;
mod scan;

pub use args::{Args, mend_surrogates};
pub use collapse::{ATTACHMENTS_MAX, collapse};
pub use connection::{Connection, Input};
pub use encode::{ConnectError, Encoder, Encoding, Outgoing};
pub use fault::{Fault, Limits};
pub use namespaces::{Slot, State};
pub use packet::{Auth, Body, Packet, PacketType, Parser, RESERVED_EVENTS, is_reserved};
pub use place::{ChannelTag, InvalidPlace, Place, RING_MAX, Run, SendRing};
pub use query::query_to_json;
pub use reassembly::{Decoder, Scratch};
pub use recovery::Recovery;
