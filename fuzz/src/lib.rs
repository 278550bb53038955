//! Fuzz targets: one function each, which takes arbitrary bytes and panics if a law does not hold.
//!
//! The ordinary tests run them over a fixed corpus and mutations of it; `cargo-fuzz/` runs them under
//! libFuzzer.

mod corpus;
mod engine;
mod frames;
mod socket;
mod upgrade;
mod ws;

pub use corpus::corpus;
pub use engine::{engine_payload, engine_session};
pub use frames::client_frames;
pub use socket::{socket_msgpack, socket_packets};
pub use upgrade::upgrade;
pub use ws::{ws_client, ws_round_trip, ws_server};

/// A target: it panics if a law does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 9] = [
    ("ws_server", ws_server),
    ("ws_client", ws_client),
    ("ws_round_trip", ws_round_trip),
    ("upgrade", upgrade),
    ("client_frames", client_frames),
    ("engine_payload", engine_payload),
    ("engine_session", engine_session),
    ("socket_packets", socket_packets),
    ("socket_msgpack", socket_msgpack),
];
