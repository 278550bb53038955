//! The behaviour of Realtime Desk, over a whole node and a database.

mod calls;
mod conflicts;
mod demonstration;
mod histories;
mod input;
mod ordering;
mod pages;
mod replica;
mod resends;
mod rights;
mod support;
mod types;
