//! Notifications of one kind and group that become one entry: "Anna and 4 others".

use std::time::Duration;

use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Tx, params};

use super::{notice::Notification, store::parse};
use crate::number::integer;

/// For how long an entry takes in others, from its first on.
pub(super) const WINDOW: Duration = Duration::from_hours(1);

/// What an entry has gathered so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// Its present entry.
    pub(super) id: u64,
    /// Its first entry, which names it.
    pub(super) first: u64,
    pub(super) since_ms: u64,
    pub(super) count: u64,
    /// The latest first.
    pub(super) actors: Vec<String>,
}

impl Bundle {
    /// One that begins with this entry.
    pub(super) fn new(id: u64, now_ms: u64) -> Self {
        Self { id, first: id, since_ms: now_ms, count: 0, actors: Vec::new() }
    }
}

/// The entry that a notification adds to: of its kind and group, begun less than an hour ago, and not opened.
pub(super) async fn open(
    tx: &mut ReadTx,
    user: &UserId,
    notification: &Notification,
) -> Result<Option<Bundle>, Error> {
    let Some(group) = notification.group.as_deref() else { return Ok(None) };
    let sql = r#"SELECT id, bundle, since_ms, count, actors FROM notification
                 WHERE user_id = $1 AND "group" = $2 AND kind = $3 AND state < 2 AND since_ms > $4
                 ORDER BY id DESC LIMIT 1"#;
    let since_ms = integer(begun_after(tx.now_ms()));
    let row = tx.row(sql, params![user.as_str(), group, &notification.kind, since_ms]).await?;
    let Some(row) = row else { return Ok(None) };
    let actors = parse(&row, 4)?;
    let (id, first, since_ms, count) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    Ok(Some(Bundle { id, first, since_ms, count, actors }))
}

/// Adds somebody; `false` for somebody who is in it.
pub(super) async fn join(tx: &mut Tx, user: &UserId, bundle: u64, actor: &str) -> Result<bool, Error> {
    let sql = "INSERT INTO notification_actor (user_id, bundle, actor, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (user_id, bundle, actor) DO NOTHING";
    let at_ms = integer(tx.now_ms());
    Ok(tx.execute(sql, params![user.as_str(), integer(bundle), actor, at_ms]).await? > 0)
}

/// A bundle that began at this time or before takes in nobody any more.
pub(super) fn begun_after(now_ms: u64) -> u64 {
    now_ms.saturating_sub(WINDOW.as_millis() as u64)
}
