//! How far each device of a user has read the user's personal channel.

use std::time::Duration;

use veche_kernel::UserId;

use crate::{Error, ReadTx, Store, Tx, log::integer, params};

/// How long a device that does not come back is remembered.
const KEPT: Duration = Duration::from_hours(30 * 24);

impl Tx {
    /// A device has everything up to this offset; an earlier one than before changes nothing. Kept for 30
    /// days after the last.
    pub async fn ack(&mut self, user: &UserId, device: &str, offset: u64) -> Result<(), Error> {
        let sql = r#"INSERT INTO ack (user_id, device, "offset", until_ms) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (user_id, device) DO UPDATE SET until_ms = excluded.until_ms, "offset" =
                     CASE WHEN excluded."offset" > ack."offset" THEN excluded."offset" ELSE ack."offset" END"#;
        let until_ms = integer(self.now_ms() + KEPT.as_millis() as u64);
        self.execute(sql, params![user.as_str(), device, integer(offset), until_ms]).await.map(|_| ())
    }
}

impl ReadTx {
    /// The last offset that a device has acknowledged; `None` for a device that is new or forgotten.
    pub async fn acked(&mut self, user: &UserId, device: &str) -> Result<Option<u64>, Error> {
        let sql = r#"SELECT "offset" FROM ack WHERE user_id = $1 AND device = $2 AND until_ms > $3"#;
        let now_ms = integer(self.now_ms());
        let row = self.row(sql, params![user.as_str(), device, now_ms]).await?;
        row.map(|row| row.get(0)).transpose()
    }
}

impl Store {
    /// [`Tx::ack`] in a transaction of its own.
    pub async fn ack(&self, user: &UserId, device: &str, offset: u64) -> Result<(), Error> {
        let (user, device) = (user.clone(), device.to_owned());
        self.write(async move |tx| tx.ack(&user, &device, offset).await).await
    }

    /// [`ReadTx::acked`] in a snapshot of its own.
    pub async fn acked(&self, user: &UserId, device: &str) -> Result<Option<u64>, Error> {
        self.read(async |tx| tx.acked(user, device).await).await
    }
}
