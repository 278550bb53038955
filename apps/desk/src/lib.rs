//! Realtime Desk: boards of cards that people move together.
//!
//! [`Desk`] is the application: [`Desk::module`] brings the calls, the channels `board:{id}` and the pages. Every
//! change is one transaction that saves and publishes it, in the board's one order; a client that reads a
//! [snapshot](wire::parts::Snapshot) and then every event after its position has the same board.
//!
//! Deliberately absent: any door, and the web page, which is in `web/src/desk` and knows the server by the
//! TypeScript of [`wire`] alone.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/desk.md")]
mod guide {}

mod board;
mod changes;
mod demo;
mod desk;
mod error;
mod handlers;
pub mod order;
mod pages;
mod rules;
mod store;
mod text;
pub mod types;
pub mod wire;

pub use desk::Desk;
pub use error::{DeskError, Full};
pub use rules::{BOARDS_MAX, CARDS_MAX, LABELS_MAX, LISTS_MAX, MEMBERS_MAX};
pub use text::TextError;
