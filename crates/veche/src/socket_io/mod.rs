//! The Socket.IO door: stock clients, in the same channels as all others.
//!
//! In the root namespace the room R is the channel `R`, in the namespace `/x` it is `/x:R`; all who are in a namespace
//! are in the channel `/x:` (`/:` for the root). An emit is a call of the handler of that name, and its acknowledgement
//! the reply. What differs from a Node server is said in `docs/socketio.md`.

mod broadcast;
mod connecting;
mod driver;
mod engine;
mod engines;
mod handshake;
mod outlet;
mod recovery;
mod request;
mod response;
mod settings;
mod sid;
mod socket;
mod wire;

pub use broadcast::{Broadcast, answers};
pub use handshake::Handshake;
pub use settings::{ConnectRefused, Namespace, RawMessage, SocketIo};
pub use socket::{Ack, AckError, Socket};

pub(crate) use request::{Upgraded, answer, door_at};
