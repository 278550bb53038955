//! The connections that read, each lent to one transaction at a time.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use veche_kernel::Clock;

use crate::{LIMIT, error::Error, tx::ReadTx};

pub(crate) struct Readers {
    clock: Clock,
    permits: Semaphore,
    count: u32,
    /// As many as there are free permits.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    tx: ReadTx,
    /// Its last transaction was dropped before its end.
    is_abandoned: bool,
}

/// A connection with a begun transaction. Dropping it gives the connection back.
pub(crate) struct Lease<'a> {
    readers: &'a Readers,
    /// `None` only while it is dropped.
    idle: Option<Idle>,
    _permit: SemaphorePermit<'a>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<ReadTx>, clock: Clock) -> Self {
        let count = connections.len() as u32;
        let idle = connections.into_iter().map(|tx| Idle { tx, is_abandoned: false }).collect();
        Self { clock, permits: Semaphore::new(count as usize), count, idle: Mutex::new(idle) }
    }

    /// Runs a transaction on a free connection, for at most [`LIMIT`].
    pub(crate) async fn run<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut ReadTx) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lease = self.lease().await?;
        let result = tokio::select! {
            biased;
            result = work(lease.tx()?) => result,
            () = self.clock.sleep(LIMIT) => Err(Error::TooSlow { seconds: LIMIT.as_secs() }.into()),
        };
        lease.end().await;
        result
    }

    async fn lease(&self) -> Result<Lease<'_>, Error> {
        let permit = self.permits.acquire().await.map_err(|_| Error::closed())?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let idle = Some(idle.ok_or_else(Error::closed)?);
        let mut lease = Lease { readers: self, idle, _permit: permit };
        lease.begin().await?;
        Ok(lease)
    }

    /// Waits for the running transactions and closes the connections.
    pub(crate) async fn close(&self) {
        // The permits are not given back before the semaphore is closed: nobody comes between.
        let all = self.permits.acquire_many(self.count).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for Idle { tx, .. } in idle {
            if let Err(error) = tx.connection.close().await {
                tracing::warn!(%error, "a reading connection did not close");
            }
        }
    }
}

impl Lease<'_> {
    fn tx(&mut self) -> Result<&mut ReadTx, Error> {
        self.idle.as_mut().map(|idle| &mut idle.tx).ok_or_else(Error::closed)
    }

    async fn begin(&mut self) -> Result<(), Error> {
        let Some(idle) = &mut self.idle else { return Err(Error::closed()) };
        if idle.is_abandoned {
            // It may have ended by itself, by an error.
            _ = idle.tx.connection.control("ROLLBACK").await;
        }
        idle.is_abandoned = true;
        let clock = &self.readers.clock;
        idle.tx.begin_at(clock.wall_ms());
        idle.tx.connection.interrupt_at(clock.now_ms().saturating_add(LIMIT.as_millis() as u64));
        idle.tx.connection.control("BEGIN").await
    }

    async fn end(&mut self) {
        let Some(idle) = &mut self.idle else { return };
        // Where it fails, the next transaction on this connection tries again.
        idle.is_abandoned = idle.tx.connection.control("ROLLBACK").await.is_err();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.idle.take());
    }
}
