//! Veche's wire formats: bytes to messages and back, and the state machines between them.
//!
//! Everything here is pure. There is no socket, no clock, no runtime and no randomness: whoever
//! calls brings the bytes, the time and the mask. The shells that do I/O live in the `veche` crate.

pub mod client;
pub mod code;
pub mod engine_io;
pub mod json;
pub mod name;
pub mod position;
pub mod server;
pub mod session;
pub mod socket_io;
pub mod sse;
pub mod ws;
