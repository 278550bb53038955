//! The behaviour of Realtime Desk, over a whole node and a database.

mod calls;
mod support;
mod types;
