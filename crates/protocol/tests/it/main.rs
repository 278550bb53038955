//! Integration tests of the protocol crate, one file a behaviour.

mod engine_packets;
mod engine_requests;
mod engine_session;
mod engine_upgrade;
mod frames_json;
mod frames_names;
mod frames_refusals;
mod frames_session;
mod frames_vectors;
mod socket_allocations;
mod socket_connection;
mod socket_json;
mod socket_msgpack;
mod socket_packets;
mod socket_recovery;
mod socket_vectors;
mod sse;
mod typescript;
mod ws_allocations;
mod ws_deflate;
mod ws_driver;
mod ws_oracle;
mod ws_rules;
mod ws_tungstenite;
mod ws_upgrade;
mod ws_vectors;
