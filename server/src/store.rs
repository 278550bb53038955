//! The server's database: opened for `serve`, copied and put back by `veche store`.

use std::{future::Future, path::Path, sync::Arc};

use veche::{Clock, LONGEST_MS, Rejection, Revocation, Revocations, Revoked};
use veche_store::{Error, Options, RevocationTables, Store};

use crate::config::Config;

/// Why the database is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server works with the data folder.
    #[error("{0}: by --data")]
    InUse(Error),
    /// The store refuses, and says what to do.
    #[error(transparent)]
    Store(Error),
    /// The revocations cannot be read or kept.
    #[error("revocations: {0}")]
    Revocations(Rejection),
    /// The operating system refuses.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if matches!(error, Error::InUse { .. }) { Self::InUse(error) } else { Self::Store(error) }
    }
}

/// The database in the data folder, which is made if need be.
pub struct Database {
    store: Store,
    revocations: RevocationTables,
}

impl Database {
    /// Opens it for this process alone.
    pub fn open(config: &Config, clock: &Clock) -> Result<Self, StoreError> {
        block_on(async {
            let store = Store::open(&config.server.data, Options::new(clock.clone())).await?;
            let revocations = RevocationTables::open(&store).await?;
            Ok(Self { store, revocations })
        })
    }

    /// Where durable and personal channels are kept.
    pub fn log(&self) -> Arc<Store> {
        Arc::new(self.store.clone())
    }

    /// Where revocations are kept.
    pub fn revocations(&self) -> Arc<RevocationTables> {
        Arc::new(self.revocations.clone())
    }

    /// The database itself.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The revocations that are known from before.
    pub fn revoked(&self) -> Result<Vec<Revoked>, StoreError> {
        let now_ms = self.store.clock().wall_ms();
        let loaded = block_on(async { Ok(self.revocations.load(now_ms).await) })?;
        loaded.map_err(StoreError::Revocations)
    }

    /// Ends it in order: the next start needs no check.
    pub fn close(&self) -> Result<(), StoreError> {
        block_on(async {
            self.store.close().await;
            Ok(())
        })
    }
}

/// Keeps a revocation where no server runs: the next one knows it.
pub fn revoke(config: &Config, what: Revocation) -> Result<(), StoreError> {
    let clock = Clock::real();
    let revoked = Revoked { what, until_ms: clock.wall_ms().saturating_add(LONGEST_MS) };
    let database = Database::open(config, &clock)?;
    let kept = block_on(async { Ok(database.revocations.keep(revoked).await) })?;
    database.close()?;
    kept.map_err(StoreError::Revocations)
}

/// `veche store backup FILE`
pub fn backup(config: &Config, to: &Path) -> Result<(), StoreError> {
    block_on(veche_store::backup(&config.server.data, to, &Clock::real()))
}

/// `veche store restore FILE`
pub fn restore(config: &Config, from: &Path) -> Result<(), StoreError> {
    block_on(veche_store::restore(from, &config.server.data, &Clock::real()))
}

/// Runs what has to be done before the node's own threads are there, or after they are gone.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(runtime.block_on(work)?)
}
