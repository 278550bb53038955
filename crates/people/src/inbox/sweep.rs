//! The end of what is too old.

use veche_kernel::UserId;
use veche_store::{Error, Store, Tx, params};

use super::{
    bundle::begun_after,
    store::{KEPT_FOR, changed, counters},
};
use crate::{number::integer, personal};

/// How many users, or rows that nobody sees, one step looks at.
const STEP: u32 = 100;

/// Removes notifications that are older than [`KEPT_FOR`]; how many. Run it once in an hour or so.
///
/// Many small writes, one a user: others' writes come between. Whose counters change by it is told.
pub async fn sweep(store: &Store) -> Result<u64, Error> {
    let now_ms = store.clock().wall_ms();
    let over_ms = now_ms.saturating_sub(KEPT_FOR.as_millis() as u64);
    let mut removed = 0;
    loop {
        let users = store.read(async |tx| whose(tx, over_ms).await).await?;
        for user in &users {
            let user = user.clone();
            removed += store.write(async move |tx| remove(tx, &user, over_ms).await).await?;
        }
        if users.len() < STEP as usize {
            break;
        }
    }
    while store.write(async move |tx| forget_actors(tx, now_ms).await).await? == u64::from(STEP) {}
    Ok(removed)
}

async fn whose(tx: &mut veche_store::ReadTx, over_ms: u64) -> Result<Vec<UserId>, Error> {
    let sql = "SELECT DISTINCT user_id FROM notification WHERE at_ms <= $1 LIMIT $2";
    let rows = tx.rows(sql, params![integer(over_ms), STEP]).await?;
    rows.iter().map(|row| row.get::<String>(0).map(|id| UserId::from(&*id))).collect()
}

async fn remove(tx: &mut Tx, user: &UserId, over_ms: u64) -> Result<u64, Error> {
    personal::lock(tx, &[user]).await?;
    let before = counters(tx, user).await?;
    let sql = "DELETE FROM notification WHERE user_id = $1 AND at_ms <= $2";
    let removed = tx.execute(sql, params![user.as_str(), integer(over_ms)]).await?;
    if counters(tx, user).await? != before {
        changed(tx, user).await?;
    }
    Ok(removed)
}

/// Who is in a bundle matters only as long as it takes in others.
async fn forget_actors(tx: &mut Tx, now_ms: u64) -> Result<u64, Error> {
    let sql = "DELETE FROM notification_actor WHERE (user_id, bundle, actor) IN
               (SELECT user_id, bundle, actor FROM notification_actor WHERE at_ms <= $1 LIMIT $2)";
    tx.execute(sql, params![integer(begun_after(now_ms)), STEP]).await
}
