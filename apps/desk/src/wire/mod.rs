//! What goes over the wire: a board's parts, what its channel carries, what callers send and get.
//!
//! The TypeScript of these types is `web/src/desk/generated/desk.ts`; `cargo run -p veche-desk --example types`
//! writes it anew.

pub mod calls;
pub mod events;
mod ids;
mod optional;
pub mod parts;

pub use ids::{BoardId, CardId, InvalidId, LabelId, ListId};
