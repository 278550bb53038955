//! The applications of this binary: what they are called, and how each is mounted.

use veche::Builder;
use veche_store::{Error, Store};

use crate::config::Config;

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
}

/// Mounts those that the configuration names.
pub async fn mount(config: &Config, _store: &Store, builder: Builder) -> Result<Builder, AppsError> {
    for app in &config.apps {
        match app {
            App::Desk => {}
        }
    }
    Ok(builder)
}
