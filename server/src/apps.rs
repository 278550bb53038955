//! The applications of this binary: what they are called, and how each is mounted.

use std::time::Duration;

use veche::Builder;
use veche_desk::{Desk, DeskError};
use veche_store::{Error, Store};

use crate::config::Config;

/// How often what is too old is removed.
const SWEEP: Duration = Duration::from_hours(1);

/// An application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum App {
    /// Realtime Desk: boards of cards.
    Desk,
}

impl App {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::Desk];

    /// Its name, in the configuration and as the first part of its pages' paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Desk => "desk",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|app| app.name() == name)
    }
}

/// Why an application cannot be mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppsError {
    /// Its tables cannot be brought up to date.
    #[error(transparent)]
    Store(#[from] Error),
    /// The demonstration's boards cannot be made.
    #[error("failed to make the demonstration's boards: {0}")]
    Desk(#[from] DeskError),
}

/// The applications that were mounted, and what they have to do besides.
#[derive(Debug, Default)]
pub struct Apps {
    desk: Option<Desk>,
}

/// Mounts those that the configuration names; in a demonstration with something to see in them.
pub async fn mount(
    config: &Config,
    demo: bool,
    store: &Store,
    builder: Builder,
) -> Result<(Builder, Apps), AppsError> {
    let (mut builder, mut apps) = (builder, Apps::default());
    for app in &config.apps {
        match app {
            App::Desk => {
                let desk = Desk::open(store).await?;
                if demo {
                    desk.demonstrate().await?;
                }
                builder = builder.mount(desk.module());
                apps.desk = Some(desk);
            }
        }
    }
    Ok((builder, apps))
}

impl Apps {
    /// Removes what is too old, until it is dropped.
    pub async fn tend(self, store: Store) {
        loop {
            store.clock().sleep(SWEEP).await;
            if let Some(desk) = &self.desk
                && let Err(error) = desk.sweep().await
            {
                tracing::warn!(%error, "the trash of boards could not be emptied");
            }
        }
    }
}
