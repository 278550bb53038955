//! What people have beside an account: friends, notifications and files.

use std::time::Duration;

use veche::Builder;
use veche_people::{
    files::{Files, FilesError},
    friends, inbox,
};
use veche_store::{Error, Store};

use crate::config::Config;

/// How often notifications that are too old are removed.
const SWEEP: Duration = Duration::from_hours(1);

/// Why there are none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompanionsError {
    /// The tables cannot be brought up to date.
    #[error(transparent)]
    Store(#[from] Error),
    /// The folder of files cannot be opened.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Mounts them.
pub async fn mount(config: &Config, store: &Store, builder: Builder) -> Result<Builder, CompanionsError> {
    let files = Files::open(store, &config.server.data, config.people.files).await?;
    let builder = builder.mount(files.module());
    Ok(builder.mount(friends::module(store).await?).mount(inbox::module(store).await?))
}

/// Removes what is too old, until it is dropped.
pub async fn tend(store: Store) {
    loop {
        store.clock().sleep(SWEEP).await;
        if let Err(error) = inbox::sweep(&store).await {
            tracing::warn!(%error, "old notifications could not be removed");
        }
    }
}
