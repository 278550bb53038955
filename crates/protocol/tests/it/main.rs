//! Integration tests of the protocol crate, one file a behaviour.

mod frames_json;
mod frames_names;
mod frames_refusals;
mod frames_session;
mod frames_vectors;
mod ws_deflate;
mod ws_driver;
mod ws_rules;
