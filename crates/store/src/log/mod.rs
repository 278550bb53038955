//! The durable log: channels' heads and publications, what makes an operation count once, and how far each
//! device has read.
//!
//! A head moves in the transaction that inserts the publication, so a rollback leaves no hole, and
//! positions become visible in order. Deliberately absent: who is subscribed, and delivery to other nodes;
//! [`Store::on_commit`](crate::Store::on_commit) tells the node what to do about those.

mod acks;
mod appends;
mod head;
mod history;
mod once;
mod publish;
mod trim;

pub(crate) use appends::{Append, Appends};
pub use head::ChannelLock;
pub(crate) use head::draw_epoch;
pub use once::Once;
pub use trim::Trimmed;

use crate::migration::Migration;

/// The store's own tables. Columns that may be NULL: a publication of the server has no sender, and few
/// have an operation or a key.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "the log", sql: include_str!("log.sql") },
    Migration {
        name: "lists of arguments",
        sql: "ALTER TABLE publication ADD COLUMN args BIGINT NOT NULL DEFAULT 0;",
    },
];

/// What the database's integers hold of an offset, a count or a time.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
