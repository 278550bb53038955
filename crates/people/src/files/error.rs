//! What can go wrong with files.

use std::io;

use http::StatusCode;
use veche_kernel::{ErrorCode, Rejection};
use veche_store::Error;

/// Why a file was not taken, given or removed. What was not taken left nothing behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// It does not exist, or is nothing to this user.
    #[error("there is no such file")]
    Missing,
    /// The owner's files would have too many bytes together.
    #[error("your files may have {most} bytes together, and have {used}")]
    OverQuota {
        /// How many bytes there are, each file counted with 4 KiB at least.
        used: u64,
        /// How many there may be.
        most: u64,
    },
    /// The user sends as many files at once as one may.
    #[error("{0} of your files are on their way already")]
    Busy(usize),
    /// The disk, or the user's share of it, is full.
    #[error("the server's disk is full")]
    Full,
    /// The folder of the files cannot be used.
    #[error("the server's files cannot be used: {0}")]
    Disk(String),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] Error),
    /// The client's body did not come to its end.
    #[error("{0}")]
    Cut(Rejection),
}

impl From<io::Error> for FilesError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk(error.to_string()),
        }
    }
}

impl From<FilesError> for Rejection {
    fn from(error: FilesError) -> Self {
        let message = error.to_string();
        match error {
            FilesError::Missing => Self::new(ErrorCode::NotFound, message),
            FilesError::OverQuota { .. } => {
                Self::new(ErrorCode::App("over_quota"), message).status(StatusCode::PAYLOAD_TOO_LARGE)
            }
            FilesError::Busy(_) => Self::new(ErrorCode::RateLimited, message).retry_after_ms(1_000),
            FilesError::Full => {
                tracing::error!("no room is left for a file");
                Self::unavailable(message).retry_after_ms(60_000).status(StatusCode::INSUFFICIENT_STORAGE)
            }
            FilesError::Disk(error) => {
                tracing::error!(error, "the folder of files cannot be used");
                Self::new(ErrorCode::Internal, "the server failed")
            }
            FilesError::Store(error) => error.into(),
            FilesError::Cut(rejection) => rejection,
        }
    }
}
