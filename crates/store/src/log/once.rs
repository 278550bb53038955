//! Calls that count once: their replies are kept in the transaction that did what they say.

use std::{sync::Arc, time::Duration};

use veche_kernel::UserId;

use crate::{Error, Tx, log::integer, params};

/// How long a reply is kept.
pub(crate) const KEPT: Duration = Duration::from_hours(7 * 24);

/// A call's reply, and whether it is an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The reply.
    pub reply: Arc<str>,
    /// The call was made before: nothing was done now.
    pub duplicate: bool,
}

impl Tx {
    /// Does something once for each `op_id` of a user: what `work` replies is kept for 7 days in this
    /// transaction, and answers the same operation without doing it again.
    ///
    /// ```
    /// # use veche_kernel::UserId;
    /// # use veche_store::{Error, Once, Tx, params};
    /// async fn spend(tx: &mut Tx, user: &UserId, op_id: &str) -> Result<Once, Error> {
    ///     tx.once(user, op_id, async |tx| {
    ///         let sql = "UPDATE balance SET amount = amount - 1 WHERE user_id = $1";
    ///         tx.execute(sql, params![user.as_str()]).await?;
    ///         Ok("{\"spent\":1}".into())
    ///     })
    ///     .await
    /// }
    /// ```
    pub async fn once<E: From<Error>>(
        &mut self,
        user: &UserId,
        op_id: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<Arc<str>, E>,
    ) -> Result<Once, E> {
        let now_ms = self.now_ms();
        // The row comes first, so that two writes of one operation meet in it.
        let sql = "INSERT INTO reply (user_id, op_id, reply, until_ms) VALUES ($1, $2, '', $3)
                   ON CONFLICT (user_id, op_id) DO UPDATE SET until_ms = excluded.until_ms
                   WHERE reply.until_ms <= $4";
        let until_ms = integer(now_ms + KEPT.as_millis() as u64);
        let made = self.execute(sql, params![user.as_str(), op_id, until_ms, integer(now_ms)]).await?;
        if made == 0 {
            let sql = "SELECT reply FROM reply WHERE user_id = $1 AND op_id = $2";
            let reply = self.one(sql, params![user.as_str(), op_id]).await?.get(0)?;
            return Ok(Once { reply, duplicate: true });
        }
        let reply = work(self).await?;
        let sql = "UPDATE reply SET reply = $3 WHERE user_id = $1 AND op_id = $2";
        self.execute(sql, params![user.as_str(), op_id, &reply]).await?;
        Ok(Once { reply, duplicate: false })
    }
}

impl crate::Store {
    /// The reply that is kept for a user's operation.
    pub async fn reply(&self, user: &UserId, op_id: &str) -> Result<Option<Arc<str>>, Error> {
        let now_ms = integer(self.clock().wall_ms());
        self.read(async |tx| {
            let sql = "SELECT reply FROM reply WHERE user_id = $1 AND op_id = $2 AND until_ms > $3";
            let row = tx.row(sql, params![user.as_str(), op_id, now_ms]).await?;
            row.map(|row| row.get(0)).transpose()
        })
        .await
    }
}
