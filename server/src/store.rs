//! The database of durable and personal channels: opened for `serve`, copied and put back by `veche store`.

use std::{future::Future, path::Path};

use veche::Clock;
use veche_store::{Error, Options, Store};

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
    /// The operating system refuses.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if matches!(error, Error::InUse { .. }) { Self::InUse(error) } else { Self::Store(error) }
    }
}

/// The store in the data folder, which is made if need be.
pub fn open(config: &Config, clock: &Clock) -> Result<Store, StoreError> {
    block_on(Store::open(&config.server.data, Options::new(clock.clone())))
}

/// Ends the store in order: the next start needs no check.
pub fn close(store: &Store) -> Result<(), StoreError> {
    block_on(async {
        store.close().await;
        Ok(())
    })
}

/// `veche store backup FILE`
pub fn backup(config: &Config, to: &Path) -> Result<(), StoreError> {
    block_on(veche_store::backup(&config.server.data, to, &Clock::real()))
}

/// `veche store restore FILE`
pub fn restore(config: &Config, from: &Path) -> Result<(), StoreError> {
    block_on(veche_store::restore(from, &config.server.data, &Clock::real()))
}

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(runtime.block_on(work)?)
}
