//! Channels' heads: made, locked and read.

use std::{borrow::Cow, sync::Arc};

use smallvec::SmallVec;
use veche_kernel::{ChannelName, Epoch, Position, Publication, broker::Head};

use crate::{Error, ReadTx, Row, Store, Tx, log::integer, params};

/// A channel whose head nobody else moves until the transaction ends.
pub struct ChannelLock<'a> {
    pub(super) tx: &'a mut Tx,
    name: ChannelName,
    head: Head,
}

impl ChannelLock<'_> {
    /// The head, with what this transaction has published.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Publishes an event of the server: takes head + 1. The position is in the log when the transaction is.
    ///
    /// For a publication that has a sender or leaves sessions out see [`Tx::publish`].
    pub async fn publish(
        &mut self,
        event: impl Into<Cow<'static, str>>,
        data: impl Into<Arc<str>>,
    ) -> Result<Position, Error> {
        let publication = Publication {
            channel: self.name.clone(),
            event: event.into(),
            data: data.into(),
            position: None,
            sender: None,
            op_id: None,
            key: None,
            time_ms: self.tx.now_ms(),
            exclude: SmallVec::new(),
            args: false,
            except: None,
        };
        let position = self.tx.append(publication).await?;
        self.head.offset = position.offset;
        Ok(position)
    }
}

impl ReadTx {
    /// A channel's head at the moment of this snapshot; `None` where the channel was never used.
    pub async fn head(&mut self, channel: &ChannelName) -> Result<Option<Head>, Error> {
        let sql = "SELECT epoch, head, floor FROM channel WHERE name = $1";
        self.row(sql, params![channel.as_str()]).await?.as_ref().map(head_of).transpose()
    }
}

impl Tx {
    /// Locks a channel's head, made where it is missing.
    ///
    /// Channels are locked in the order of their names: a name before one that is locked is refused with
    /// [`Error::Order`], see [`Tx::channels`].
    pub async fn channel(&mut self, name: &ChannelName) -> Result<ChannelLock<'_>, Error> {
        let head = self.lock(name).await?;
        Ok(ChannelLock { tx: self, name: name.clone(), head })
    }

    /// Locks several channels, in the order of their names, so that each can be used in any order.
    pub async fn channels(&mut self, names: &[ChannelName]) -> Result<(), Error> {
        let mut names: Vec<_> = names.iter().collect();
        names.sort_unstable();
        for name in names {
            self.lock(name).await?;
        }
        Ok(())
    }

    async fn lock(&mut self, name: &ChannelName) -> Result<Head, Error> {
        self.note_lock(name)?;
        let sql = "UPDATE channel SET changed_ms = changed_ms WHERE name = $1 RETURNING epoch, head, floor";
        if let Some(row) = self.row(sql, params![name.as_str()]).await? {
            return head_of(&row);
        }
        self.make(name).await?;
        head_of(&self.one(sql, params![name.as_str()]).await?)
    }

    /// Keeps the order of the locks.
    pub(super) fn note_lock(&mut self, name: &ChannelName) -> Result<(), Error> {
        let Err(place) = self.locked.binary_search(name) else { return Ok(()) };
        if let Some(later) = self.locked.get(place) {
            return Err(Error::Order { locked: later.to_string(), asked: name.to_string() });
        }
        self.locked.push(name.clone());
        Ok(())
    }

    /// Makes a channel that nobody used, with an epoch of its own.
    pub(super) async fn make(&mut self, name: &ChannelName) -> Result<(), Error> {
        let sql = "INSERT INTO channel (name, epoch, head, floor, changed_ms) VALUES ($1, $2, 0, 0, $3)
                   ON CONFLICT (name) DO NOTHING";
        let changed_ms = integer(self.now_ms());
        self.execute(sql, params![name.as_str(), draw_epoch()?.as_str(), changed_ms]).await.map(|_| ())
    }
}

impl Store {
    /// A channel's head, made where the channel was never used, so that its epoch stays.
    pub async fn head(&self, channel: &ChannelName) -> Result<Head, Error> {
        if let Some(head) = self.read(async |tx| tx.head(channel).await).await? {
            return Ok(head);
        }
        let channel = channel.clone();
        self.write(async move |tx| Ok(tx.channel(&channel).await?.head())).await
    }

    /// A channel's state at a position: what `state` reads, and the head of the same moment.
    pub async fn snapshot<T, E: From<Error>>(
        &self,
        channel: &ChannelName,
        state: impl AsyncFnOnce(&mut ReadTx) -> Result<T, E>,
    ) -> Result<(T, Head), E> {
        self.head(channel).await?;
        self.read(async |tx| {
            let head = tx.head(channel).await?.ok_or(Error::Rows { found: 0 })?;
            Ok((state(tx).await?, head))
        })
        .await
    }
}

/// A row of `epoch, head, floor`.
pub(super) fn head_of(row: &Row) -> Result<Head, Error> {
    Ok(Head { epoch: epoch_of(row, 0)?, offset: row.get(1)?, floor: row.get(2)? })
}

pub(super) fn epoch_of(row: &Row, column: usize) -> Result<Epoch, Error> {
    let text = row.get::<Arc<str>>(column)?;
    text.parse().map_err(|error| Error::Corrupt(format!("epoch {text:?}: {error}")))
}

pub(crate) fn draw_epoch() -> Result<Epoch, Error> {
    let bits = getrandom::u64().map_err(|error| Error::Unavailable(format!("no random bits: {error}")))?;
    Ok(Epoch::from_bits(bits))
}
