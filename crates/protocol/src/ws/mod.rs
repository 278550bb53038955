//! WebSocket (RFC 6455) with permessage-deflate (RFC 7692), without I/O.
//!
//! A connection owns a [`Decoder`]; a thread owns one [`Scratch`] and one [`Deflater`] for all of its
//! connections. The shell reads bytes into a buffer of its own and pulls events out of it:
//!
//! ```
//! use veche_protocol::ws::{self, Config, Decoder, Event, Input, Opcode, Role, Scratch};
//!
//! let mut wire = Vec::new();
//! ws::client_frame(&mut wire, Opcode::Text, [1, 2, 3, 4], b"hello");
//!
//! let mut scratch = Scratch::default();
//! let mut decoder = Decoder::new(Config::new(Role::Server, 64 * 1024));
//! let mut input = Input::new(&mut wire);
//! while let Some(event) = decoder.next(&mut input, &mut scratch)? {
//!     assert_eq!(event, Event::Text("hello"));
//! }
//! # Ok::<(), ws::Fault>(())
//! ```
//!
//! Deliberately absent: answering a ping or a close (the shell writes, so the shell answers), context
//! takeover (a compressed frame is shared by all subscribers, and no connection holds a window), and
//! message fragmentation on the way out (our messages are whole when they are sent).

mod buffer;
mod decode;
mod deflate;
mod encode;
mod event;
mod header;
mod inflate;
mod mask;
pub mod upgrade;

pub use decode::Decoder;
pub use deflate::{DEFLATE_MIN, Deflater};
pub use encode::{SERVER_HEADER_MAX, client_frame, close_frame, frame, frame_in_place, header};
pub use event::{Config, Event, Fault, Input, Role};
pub use header::{CONTROL_MAX, HEADER_MAX, Opcode, valid_close_code};
pub use inflate::Scratch;
pub use mask::mask;
