//! Realtime Desk: boards of cards that people move together.

pub mod types;
pub mod wire;
