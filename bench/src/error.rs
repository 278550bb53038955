//! Why a measurement failed.

use std::{io, process::ExitStatus};

use crate::wire::WireError;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BenchError {
    /// The system refused something.
    #[error("failed to {0}: {1}")]
    System(String, #[source] io::Error),
    /// A server could not be built, and what should have done it has said why.
    #[error("failed to build the server: {0}")]
    Build(ExitStatus),
    /// The server ended, or did not listen in time.
    #[error("failed to start `{0}`")]
    Start(String),
    /// The server said something that it may not say.
    #[error("failed to talk to the server: {0}")]
    Wire(#[from] WireError),
    /// Connections did not get through handshake and join.
    #[error("failed to join {missing} of {wanted} connections: {reason}")]
    Join { wanted: usize, missing: usize, reason: String },
    /// This machine or build cannot measure.
    #[error("failed to measure here: {0}")]
    Unfit(String),
    /// Ctrl-C.
    #[error("failed to finish: interrupted")]
    Interrupted,
}

/// Says what was tried when the system refused it.
pub(crate) trait Context<T> {
    /// `what` completes "failed to …".
    fn context(self, what: &str) -> Result<T, BenchError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, what: &str) -> Result<T, BenchError> {
        self.map_err(|error| BenchError::System(what.to_owned(), error.into()))
    }
}
