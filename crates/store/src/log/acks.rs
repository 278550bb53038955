//! How far each device of a user has read the user's personal channel.

use std::time::Duration;

use veche_kernel::{
    ChannelName, Namespace, UserId,
    log::{Device, Place},
};

use crate::{Error, ReadTx, Store, Tx, log::integer, params};

/// How long a device that does not come back is remembered.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// A device that comes back is noted once a day at most.
const NOTED: Duration = Duration::from_hours(24);

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

/// A device that is remembered.
struct Seen {
    offset: u64,
    until_ms: u64,
}

impl ReadTx {
    /// The last offset that a device has acknowledged; `None` for a device that is new or forgotten.
    pub async fn acked(&mut self, user: &UserId, device: &str) -> Result<Option<u64>, Error> {
        let device = Device { user: user.clone(), name: device.into() };
        Ok(self.device(&device).await?.map(|seen| seen.offset))
    }

    async fn device(&mut self, device: &Device) -> Result<Option<Seen>, Error> {
        let sql =
            r#"SELECT "offset", until_ms FROM ack WHERE user_id = $1 AND device = $2 AND until_ms > $3"#;
        let now_ms = integer(self.now_ms());
        let row = self.row(sql, params![device.user.as_str(), &*device.name, now_ms]).await?;
        row.map(|row| Ok(Seen { offset: row.get(0)?, until_ms: row.get(1)? })).transpose()
    }
}

impl Store {
    /// A device has everything in its user's personal channel up to this offset, see [`Tx::ack`]. `false`, and
    /// nothing is kept, where the offset is ahead of the channel's head.
    pub async fn ack(&self, device: &Device, offset: u64) -> Result<bool, Error> {
        let (device, channel) = (device.clone(), channel_of(device)?);
        self.write(async move |tx| {
            let head = tx.head(&channel).await?.map_or(0, |head| head.offset);
            if offset > head {
                return Ok(false);
            }
            tx.ack(&device.user, &device.name, offset).await?;
            Ok(true)
        })
        .await
    }

    /// Where a device stands in its user's personal channel. A new one stands at the head from then on.
    pub async fn place(&self, device: &Device) -> Result<Place, Error> {
        let channel = channel_of(device)?;
        let known = self.read(async |tx| {
            let seen = tx.device(device).await?;
            Ok::<_, Error>(tx.head(&channel).await?.zip(seen))
        });
        if let Some((head, Seen { offset, until_ms })) = known.await? {
            let noted_ms = until_ms.saturating_sub(KEPT.as_millis() as u64);
            if self.clock().wall_ms() < noted_ms + NOTED.as_millis() as u64 {
                return Ok(Place { head, acked: Some(offset) });
            }
        }
        let device = device.clone();
        self.write(async move |tx| {
            let head = tx.channel(&channel).await?.head();
            let acked = tx.acked(&device.user, &device.name).await?;
            tx.ack(&device.user, &device.name, acked.unwrap_or(head.offset)).await?;
            Ok(Place { head, acked })
        })
        .await
    }
}

fn channel_of(device: &Device) -> Result<ChannelName, Error> {
    let name = format!("{}:{}", Namespace::PERSONAL, device.user);
    ChannelName::parse(&name).map_err(|error| Error::Unavailable(format!("channel {name:?}: {error}")))
}
