//! Engine.IO, revision 4, and revision 3 where it is switched on: the transport below Socket.IO.
//!
//! A client opens a *session* by long polling or by a WebSocket, and may move it from the first to the
//! second. What both carry are packets, a digit for the type and then the data:
//!
//! ```
//! use veche_protocol::engine_io::{Data, Packet, PacketType, Revision};
//!
//! let packet = Packet::from_text(Revision::V4, "4hello")?;
//! assert_eq!((packet.kind, packet.data), (PacketType::Message, Data::Text("hello")));
//! # Ok::<(), veche_protocol::engine_io::Fault>(())
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`Query`], [`Query::route`] | what a request asks for, or the [`Refusal`] that answers it |
//! | [`Handshake`] | the first packet of a session |
//! | [`Packet`] | what a WebSocket frame carries, read |
//! | [`payload`] | what a polling body carries, read and written |
//! | [`Session`] | the machine: who may do what now, heartbeats, the upgrade, the end |
//!
//! A [`Frame`] is the common currency on the way out: one Engine.IO packet as a WebSocket carries it. A
//! polling body is made of the same frames.
//!
//! Deliberately absent: the queue of what is to leave (it is the caller's, and the machine only says when
//! and where to it goes), HTTP headers, CORS and cookies (the door's), JSONP, and WebTransport.

mod config;
mod packet;
pub mod payload;
mod request;
mod session;

pub use config::{Config, Handshake};
pub use packet::{Data, Fault, Frame, Packet, PacketType, Revision};
pub use request::{Kind, Query, Refusal, Route, Transport};
pub use session::{
    CLOSE_TIMEOUT_MS, Effects, End, Outlet, PollAnswer, Polled, Posted, Probation, Probe, Received, Session,
};
