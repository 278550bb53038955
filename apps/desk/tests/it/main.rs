//! The behaviour of Realtime Desk, over a whole node and a database.

mod calls;
mod demonstration;
mod ordering;
mod replica;
mod support;
mod types;
