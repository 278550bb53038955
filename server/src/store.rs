//! The database of durable channels and of revocations: opened for `serve` where it is needed, copied and put
//! back by `veche store`.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::OnceCell;
use veche::{BoxFuture, Class, Clock, LONGEST_MS, Rejection, Revocation, Revocations, Revoked};
use veche_store::{Error, Options, RevocationTables, Store};

use crate::config::Config;

/// Why the database is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store refuses, and says what to do.
    #[error(transparent)]
    Store(#[from] Error),
    /// The revocations cannot be read or kept.
    #[error("revocations: {0}")]
    Revocations(Rejection),
    /// The operating system refuses.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// The database of a server, which is there at the start or is made when it is first needed.
#[derive(Clone)]
pub struct Database {
    folder: PathBuf,
    clock: Clock,
    opened: Arc<OnceCell<Opened>>,
    has_log: bool,
}

#[derive(Clone)]
struct Opened {
    store: Store,
    revocations: RevocationTables,
}

impl Database {
    /// Opens it, if a namespace is durable or if there is one.
    pub fn open(config: &Config, clock: &Clock) -> Result<Self, StoreError> {
        let has_log = config.namespaces.iter().any(|namespace| namespace.class == Class::Durable);
        let folder = config.server.data.clone();
        let is_needed = has_log || Store::is_in(&folder);
        let database = Self { folder, clock: clock.clone(), opened: Arc::default(), has_log };
        if is_needed {
            block_on(async { database.opened().await.map(|_| ()) })?;
        }
        Ok(database)
    }

    /// Where durable channels are kept, if there are any.
    pub fn log(&self) -> Option<Arc<Store>> {
        self.opened.get().filter(|_| self.has_log).map(|opened| Arc::new(opened.store.clone()))
    }

    /// The revocations that are known from before.
    pub fn revoked(&self) -> Result<Vec<Revoked>, StoreError> {
        let Some(opened) = self.opened.get() else { return Ok(Vec::new()) };
        let loaded = block_on(async { Ok(opened.revocations.load(self.clock.wall_ms()).await) })?;
        loaded.map_err(StoreError::Revocations)
    }

    /// Ends it in order: the next start needs no check.
    pub fn close(&self) -> Result<(), StoreError> {
        let Some(opened) = self.opened.get() else { return Ok(()) };
        block_on(async {
            opened.store.close().await;
            Ok(())
        })
    }

    async fn opened(&self) -> Result<&Opened, Error> {
        let open = async || {
            let store = Store::open(&self.folder, Options::new(self.clock.clone())).await?;
            let revocations = RevocationTables::open(&store).await?;
            Ok(Opened { store, revocations })
        };
        self.opened.get_or_try_init(open).await
    }
}

impl Revocations for Database {
    fn keep(&self, revoked: Revoked) -> BoxFuture<Result<(), Rejection>> {
        let database = self.clone();
        Box::pin(async move {
            let opened = database.opened().await;
            let opened = opened.map_err(|error| Rejection::unavailable(error.to_string()))?;
            opened.revocations.keep(revoked).await
        })
    }

    fn load(&self, wall_ms: u64) -> BoxFuture<Result<Vec<Revoked>, Rejection>> {
        let opened = self.opened.get().cloned();
        Box::pin(async move {
            match opened {
                Some(opened) => opened.revocations.load(wall_ms).await,
                None => Ok(Vec::new()),
            }
        })
    }
}

/// Keeps a revocation where no server runs: the next one knows it.
pub fn revoke(config: &Config, what: Revocation) -> Result<(), StoreError> {
    let clock = Clock::real();
    let revoked = Revoked { what, until_ms: clock.wall_ms().saturating_add(LONGEST_MS) };
    let database =
        Database { folder: config.server.data.clone(), clock, opened: Arc::default(), has_log: false };
    let kept = block_on(async { Ok(database.keep(revoked).await) })?;
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

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(runtime.block_on(work)?)
}
