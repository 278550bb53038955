//! By which ways a user wants to hear of each kind.

use serde::Serialize;
use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Row, Tx, params};

/// The most kinds that a user may have an opinion of.
pub(super) const KINDS_MAX: u64 = 100;

/// What a user has said of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    pub(super) kind: String,
    pub(super) in_app: bool,
    pub(super) by_mail: bool,
}

/// All that a user has said.
pub(super) async fn settings(tx: &mut ReadTx, user: &UserId) -> Result<Vec<Setting>, Error> {
    let sql = "SELECT kind, in_app, by_mail FROM notification_setting WHERE user_id = $1 ORDER BY kind";
    tx.rows(sql, params![user.as_str()]).await?.iter().map(setting_of).collect()
}

/// What a user has said of a kind, if anything.
pub(super) async fn setting(tx: &mut ReadTx, user: &UserId, kind: &str) -> Result<Option<Setting>, Error> {
    let sql = "SELECT kind, in_app, by_mail FROM notification_setting WHERE user_id = $1 AND kind = $2";
    tx.row(sql, params![user.as_str(), kind]).await?.as_ref().map(setting_of).transpose()
}

/// Keeps what a user says of a kind; `false` where it would be one too many.
pub(super) async fn set(tx: &mut Tx, user: &UserId, setting: &Setting) -> Result<bool, Error> {
    let sql = "INSERT INTO notification_setting (user_id, kind, in_app, by_mail) VALUES ($1, $2, $3, $4)
               ON CONFLICT (user_id, kind) DO UPDATE SET in_app = excluded.in_app, by_mail = excluded.by_mail";
    let Setting { kind, in_app, by_mail } = setting;
    tx.execute(sql, params![user.as_str(), kind, *in_app, *by_mail]).await?;
    let sql = "SELECT COUNT(*) FROM notification_setting WHERE user_id = $1";
    Ok(tx.one(sql, params![user.as_str()]).await?.get::<u64>(0)? <= KINDS_MAX)
}

fn setting_of(row: &Row) -> Result<Setting, Error> {
    Ok(Setting { kind: row.get(0)?, in_app: row.get(1)?, by_mail: row.get(2)? })
}
