//! Notifications in the database, and the counters that follow from them.
//!
//! Whatever changes an inbox locks its user's personal channel first, so the changes of one inbox come one
//! after the other; the counters are counted, not kept, and cannot drift from the rows.

use std::time::Duration;

use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Row, Tx, params};

use super::{
    bundle::{self, Bundle},
    events::{Counters, Entry, State},
    notice::Notification,
    settings::setting,
};
use crate::{friends, number::integer, personal};

/// How many notifications of a user are kept.
pub const KEPT_COUNT: u32 = 1_000;
/// For how long they are kept.
pub const KEPT_FOR: Duration = Duration::from_hours(90 * 24);
/// How many actors an entry names.
const NAMED: usize = 5;

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notified {
    /// Its entry; `None` where the user does not want to hear of it, or has the same already.
    pub entry: Option<Entry>,
    /// Whether it is to go by mail as well: not for what only adds to an entry.
    pub by_mail: bool,
}

/// Writes a notification into a user's inbox and tells all devices, in the caller's transaction.
///
/// It locks the user's personal channel. A transaction that locks other channels too, or notifies several
/// users one by one, locks all of them first: see [`channel_of`](crate::channel_of).
///
/// ```
/// use veche_kernel::UserId;
/// use veche_people::inbox::{Notification, notify};
/// use veche_store::{Error, Tx, params};
///
/// async fn react(tx: &mut Tx, ann: &UserId, author: &UserId, post: &str) -> Result<(), Error> {
///     let sql = "INSERT INTO reaction (post, user_id) VALUES ($1, $2)";
///     tx.execute(sql, params![post, ann.as_str()]).await?;
///     let reaction = Notification::new("reaction").actor(ann).target(post).group(format!("reaction:{post}"));
///     notify(tx, author, reaction).await.map(|_| ())
/// }
/// ```
pub async fn notify(tx: &mut Tx, user: &UserId, notification: Notification) -> Result<Notified, Error> {
    notification.check().map_err(|error| Error::Other(error.to_string()))?;
    if let Some(actor) = &notification.actor
        && (actor == user || friends::blocked_between(tx, user, actor).await?)
    {
        return Ok(Notified::default());
    }
    let said = setting(tx, user, &notification.kind).await?;
    let (in_app, by_mail) = said.map_or((true, notification.by_mail), |said| (said.in_app, said.by_mail));
    if !in_app {
        return Ok(Notified { entry: None, by_mail });
    }
    personal::lock(tx, &[user]).await?;
    let open = bundle::open(tx, user, &notification).await?;
    let adds = open.is_some();
    let Some(entry) = write(tx, user, notification, open).await? else { return Ok(Notified::default()) };
    personal::tell(tx, user, &entry).await?;
    trim(tx, user).await?;
    changed(tx, user).await?;
    Ok(Notified { entry: Some(entry), by_mail: by_mail && !adds })
}

/// The same for several users, each with what became of it; locks their channels in order.
///
/// A transaction has [`LIMIT`](veche_store::LIMIT): thousands of users are notified by several of them.
pub async fn notify_all(
    tx: &mut Tx,
    users: &[UserId],
    notification: &Notification,
) -> Result<Vec<(UserId, Notified)>, Error> {
    personal::lock(tx, &users.iter().collect::<Vec<_>>()).await?;
    let mut notified = Vec::with_capacity(users.len());
    for user in users {
        notified.push((user.clone(), notify(tx, user, notification.clone()).await?));
    }
    Ok(notified)
}

/// A user's counters at this moment.
pub async fn counters(tx: &mut ReadTx, user: &UserId) -> Result<Counters, Error> {
    let sql = "SELECT COALESCE((SELECT version FROM inbox WHERE user_id = $1), 0),
                   (SELECT COUNT(*) FROM notification WHERE user_id = $1 AND state = 0),
                   (SELECT COUNT(*) FROM notification WHERE user_id = $1 AND state < 2)";
    let row = tx.one(sql, params![user.as_str()]).await?;
    Ok(Counters { v: row.get(0)?, unseen: row.get(1)?, unread: row.get(2)? })
}

/// The inbox has changed: it has a new version, and all devices get its counters.
pub(super) async fn changed(tx: &mut Tx, user: &UserId) -> Result<Counters, Error> {
    let sql = "INSERT INTO inbox (user_id, last_id, version) VALUES ($1, 0, 1)
               ON CONFLICT (user_id) DO UPDATE SET version = inbox.version + 1";
    tx.execute(sql, params![user.as_str()]).await?;
    let counters = counters(tx, user).await?;
    personal::tell(tx, user, &counters).await?;
    Ok(counters)
}

/// A page of entries from before this id, the newest first: those in the list, or those put away.
pub(super) async fn page(
    tx: &mut ReadTx,
    user: &UserId,
    before: u64,
    limit: u32,
    archived: bool,
) -> Result<Vec<Entry>, Error> {
    let sql = r#"SELECT id, kind, "group", actors, count, target, text, at_ms, state FROM notification
                 WHERE user_id = $1 AND id < $2 AND state >= $3 AND state <= $4 ORDER BY id DESC LIMIT $5"#;
    let (first, last) =
        if archived { (State::Archived, State::Archived) } else { (State::Unseen, State::Read) };
    let params = params![user.as_str(), integer(before), first.number(), last.number(), limit];
    tx.rows(sql, params).await?.iter().map(entry_of).collect()
}

/// Makes the entry, in the place of the one that it adds to. `None` where that one says it all already.
async fn write(
    tx: &mut Tx,
    user: &UserId,
    notification: Notification,
    open: Option<Bundle>,
) -> Result<Option<Entry>, Error> {
    let Notification { kind, group, actor, target, text, .. } = notification;
    let (at_ms, actor) = (tx.now_ms(), actor.map(|actor| actor.to_string()));
    if let (Some(open), Some(actor)) = (&open, &actor)
        && !bundle::join(tx, user, open.first, actor).await?
    {
        return Ok(None);
    }
    let sql = "INSERT INTO inbox (user_id, last_id, version) VALUES ($1, 1, 0)
               ON CONFLICT (user_id) DO UPDATE SET last_id = inbox.last_id + 1 RETURNING last_id";
    let id = tx.one(sql, params![user.as_str()]).await?.get::<u64>(0)?;
    let replaces = open.as_ref().map(|open| open.id);
    let Bundle { first, since_ms, count, actors, .. } = open.unwrap_or(Bundle::new(id, at_ms));
    if let (None, Some(_), Some(actor)) = (replaces, &group, &actor) {
        bundle::join(tx, user, first, actor).await?;
    }
    let actors: Vec<_> = actor.into_iter().chain(actors).take(NAMED).collect();
    let entry = Entry {
        id,
        kind,
        group,
        actors,
        count: count + 1,
        target,
        text,
        at_ms,
        state: State::Unseen,
        replaces,
    };
    insert(tx, user, &entry, first, since_ms).await?;
    if let Some(replaced) = replaces {
        let sql = "DELETE FROM notification WHERE user_id = $1 AND id = $2";
        tx.execute(sql, params![user.as_str(), integer(replaced)]).await?;
    }
    Ok(Some(entry))
}

async fn insert(tx: &mut Tx, user: &UserId, entry: &Entry, bundle: u64, since_ms: u64) -> Result<(), Error> {
    let sql = r#"INSERT INTO notification (user_id, id, bundle, since_ms, kind, "group", actors, count, target,
                     text, at_ms, state)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"#;
    let params = params![
        user.as_str(),
        integer(entry.id),
        integer(bundle),
        integer(since_ms),
        &entry.kind,
        entry.group.as_deref(),
        json(&entry.actors)?,
        integer(entry.count),
        entry.target.as_deref(),
        json(&entry.text)?,
        integer(entry.at_ms),
        entry.state.number(),
    ];
    tx.execute(sql, params).await.map(|_| ())
}

/// Removes what is too much.
async fn trim(tx: &mut Tx, user: &UserId) -> Result<(), Error> {
    let sql = "DELETE FROM notification WHERE user_id = $1 AND id <=
               (SELECT id FROM notification WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
    tx.execute(sql, params![user.as_str(), KEPT_COUNT]).await.map(|_| ())
}

fn entry_of(row: &Row) -> Result<Entry, Error> {
    Ok(Entry {
        id: row.get(0)?,
        kind: row.get(1)?,
        group: row.get(2)?,
        actors: parse(row, 3)?,
        count: row.get(4)?,
        target: row.get(5)?,
        text: parse(row, 6)?,
        at_ms: row.get(7)?,
        state: State::of(row.get(8)?)?,
        replaces: None,
    })
}

/// A column of JSON.
pub(super) fn parse<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> Result<T, Error> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| Error::Corrupt(format!("a notification: {error}")))
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Other(format!("a notification: {error}")))
}
