//! Sign-ins in the database.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Serialize, Serializer};
use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Row, Tx, params};

use crate::{number::integer, secret::Fingerprint};

/// How long a sign-in lasts that is not used, ms: 30 days.
pub(crate) const LIFE_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Sign-ins of an account at most; the one that was not used for the longest time ends.
const MOST: i64 = 50;
/// Characters that are kept of a browser's name.
const MAX_AGENT: usize = 200;

/// A sign-in's public name: what its owner ends it by, and what the connections under it can be found by.
/// It opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// As text: 22 characters of letters, digits, `-` and `_`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn draw() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| Error::Unavailable("no random bits".to_owned()))?;
        Ok(Self(data_encoding::BASE64URL_NOPAD.encode(&bytes).into()))
    }
}

impl Serialize for SessionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a sign-in comes from, for its owner to recognise it by.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) agent: String,
}

impl Client {
    pub(crate) fn new(address: IpAddr, agent: &str) -> Self {
        let agent = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
        Self { address: address.to_canonical(), agent }
    }
}

/// A sign-in, found by its cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) key: SessionKey,
    pub(crate) user: UserId,
    pub(crate) created_ms: u64,
    pub(crate) seen_ms: u64,
}

/// A sign-in, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// What to end it by.
    pub id: SessionKey,
    /// When it began, ms since 1970.
    pub created_ms: u64,
    /// When it was used last, within ten minutes.
    pub seen_ms: u64,
    /// The browser's own name, as it said it.
    pub agent: String,
    /// Where it signed in from.
    pub address: String,
}

/// Begins a sign-in, always with a new secret, whatever the browser brought. Ends the least used ones above
/// the bound, which it names.
pub(crate) async fn begin(
    tx: &mut Tx,
    user: &UserId,
    secret: Fingerprint,
    client: &Client,
) -> Result<Vec<SessionKey>, Error> {
    let key = SessionKey::draw()?;
    let now_ms = integer(tx.now_ms());
    let sql = "INSERT INTO account_session (token, id, account, created_ms, seen_ms, agent, address)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (agent, address) = (&client.agent, client.address.to_string());
    let row = params![secret.bytes(), key.as_str(), user.as_str(), now_ms, now_ms, agent, address];
    tx.execute(sql, row).await?;
    let sql = "DELETE FROM account_session WHERE account = $1 AND token NOT IN
                 (SELECT token FROM account_session WHERE account = $1 ORDER BY seen_ms DESC, created_ms DESC LIMIT $2)
               RETURNING id";
    keys(&tx.rows(sql, params![user.as_str(), MOST]).await?)
}

/// The sign-in behind a cookie, if it has not ended.
pub(crate) async fn find(tx: &mut ReadTx, secret: Fingerprint) -> Result<Option<Kept>, Error> {
    let sql =
        "SELECT id, account, created_ms, seen_ms FROM account_session WHERE token = $1 AND seen_ms > $2";
    let since_ms = tx.now_ms().saturating_sub(LIFE_MS);
    let row = tx.row(sql, params![secret.bytes(), integer(since_ms)]).await?;
    let kept = |row: Row| {
        Ok(Kept {
            key: key(&row)?,
            user: UserId::from(&*row.get::<Box<str>>("account")?),
            created_ms: row.get("created_ms")?,
            seen_ms: row.get("seen_ms")?,
        })
    };
    row.map(kept).transpose()
}

/// It was used now.
pub(crate) async fn seen(tx: &mut Tx, secret: Fingerprint) -> Result<(), Error> {
    let now_ms = integer(tx.now_ms());
    let sql = "UPDATE account_session SET seen_ms = $2 WHERE token = $1";
    tx.execute(sql, params![secret.bytes(), now_ms]).await.map(drop)
}

/// A user's sign-ins, the latest used first.
pub(crate) async fn list(tx: &mut ReadTx, user: &UserId) -> Result<Vec<SignIn>, Error> {
    let sql = "SELECT id, created_ms, seen_ms, agent, address FROM account_session
               WHERE account = $1 AND seen_ms > $2 ORDER BY seen_ms DESC, id";
    let since_ms = tx.now_ms().saturating_sub(LIFE_MS);
    let sign_in = |row: &Row| {
        Ok(SignIn {
            id: key(row)?,
            created_ms: row.get("created_ms")?,
            seen_ms: row.get("seen_ms")?,
            agent: row.get("agent")?,
            address: row.get("address")?,
        })
    };
    tx.rows(sql, params![user.as_str(), integer(since_ms)]).await?.iter().map(sign_in).collect()
}

/// Ends one of a user's sign-ins; whether it was there.
pub(crate) async fn end(tx: &mut Tx, user: &UserId, key: &str) -> Result<Option<SessionKey>, Error> {
    let sql = "DELETE FROM account_session WHERE account = $1 AND id = $2 RETURNING id";
    Ok(keys(&tx.rows(sql, params![user.as_str(), key]).await?)?.pop())
}

/// Ends all of a user's sign-ins, but for one if it is named.
pub(crate) async fn end_all(
    tx: &mut Tx,
    user: &UserId,
    but: Option<&SessionKey>,
) -> Result<Vec<SessionKey>, Error> {
    let sql = "DELETE FROM account_session WHERE account = $1 AND id <> $2 RETURNING id";
    let but = but.map_or("", SessionKey::as_str);
    keys(&tx.rows(sql, params![user.as_str(), but]).await?)
}

/// Forgets those that have ended by themselves.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<(), Error> {
    let since_ms = integer(tx.now_ms().saturating_sub(LIFE_MS));
    tx.execute("DELETE FROM account_session WHERE seen_ms <= $1", params![since_ms]).await.map(drop)
}

fn keys(rows: &[Row]) -> Result<Vec<SessionKey>, Error> {
    rows.iter().map(key).collect()
}

fn key(row: &Row) -> Result<SessionKey, Error> {
    row.get("id").map(SessionKey)
}
