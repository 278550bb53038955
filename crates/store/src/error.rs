//! What can go wrong, in the kinds that a caller tells apart.

use std::path::PathBuf;

use veche_kernel::{ErrorCode, Rejection, broker::BrokerError};

/// Why the store could not do it. What failed inside a transaction left nothing behind.
///
/// Cloned where one failed commit is the answer of many writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database is busy, closed or does not answer. The same write may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The write or read took longer than [`LIMIT`](crate::LIMIT), and was undone.
    #[error("the transaction took longer than {seconds} s and was undone")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The disk, or what the database may use of it, is full. It goes on by itself when space returns.
    #[error("the disk is full: {0}")]
    Full(String),
    /// A part of the file that was read is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The file is damaged, and the store did not open it.
    #[error(
        "the database file {} is damaged ({detail}); put it back from a backup by `veche store restore FILE`",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Another process, or another store of this one, works with the data folder.
    #[error(
        "the data folder {} is in use by another process; stop it, or give this one a folder of its own",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The database was written by a newer program.
    #[error(
        "the database is newer than this program: its tables of \"{module}\" are at version {found}, \
         this program knows {known}; start the newer program"
    )]
    Newer {
        /// Whose tables.
        module: String,
        /// The version in the file.
        found: usize,
        /// The last version that this program knows.
        known: usize,
    },
    /// A migration that was already applied is now another one.
    #[error(
        "migration {version} of \"{module}\" is named \"{known}\" here, but \"{found}\" was applied: \
         a migration is never changed, a new one is added"
    )]
    Rewritten {
        /// Whose tables.
        module: String,
        /// Which migration, from 1.
        version: usize,
        /// Its name in the file.
        found: String,
        /// Its name in the program.
        known: String,
    },
    /// A row would have broken a constraint: unique, foreign key, not null, check.
    #[error("a constraint refuses it: {0}")]
    Constraint(String),
    /// A column is not what was asked for.
    #[error("column \"{column}\" {detail}")]
    Column {
        /// Its name, or its position where it has none.
        column: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There are more or fewer rows than the query promises.
    #[error("the query gave {found} rows, one was expected")]
    Rows {
        /// How many; 2 stands for more than one.
        found: usize,
    },
    /// Channels are locked in the order of their names, or two writes could wait for each other for ever.
    #[error("channel \"{asked}\" is locked after \"{locked}\": lock both by `channels`")]
    Order {
        /// The name that comes later, and was locked first.
        locked: String,
        /// The name that should have come first.
        asked: String,
    },
    /// The closure panicked; its write was undone.
    #[error("the write panicked and was undone")]
    Panicked,
    /// Everything else.
    #[error("{0}")]
    Other(String),
}

/// What a caller does about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Try again later.
    Unavailable,
    /// Tell the operator to make room; try again later.
    Full,
    /// Tell the operator to restore a backup.
    Corrupt,
    /// The caller's rows contradict what is there.
    Constraint,
    /// A fault in the program or its environment.
    Other,
}

impl Error {
    /// Which kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable(_) | Self::TooSlow { .. } | Self::InUse { .. } => ErrorKind::Unavailable,
            Self::Full(_) => ErrorKind::Full,
            Self::Corrupt(_) | Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::Constraint(_) => ErrorKind::Constraint,
            _ => ErrorKind::Other,
        }
    }

    pub(crate) fn closed() -> Self {
        Self::Unavailable("the store is closed".into())
    }

    pub(crate) fn other(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Other(format!("{what}: {error}"))
    }
}

impl From<Error> for BrokerError {
    fn from(error: Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What a failure is to a client: when to come back, and nothing of what is inside. What only an operator can mend is
/// logged.
impl From<&Error> for Rejection {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Unavailable => Self::unavailable("the database does not answer").retry_after_ms(1_000),
            ErrorKind::Full => Self::unavailable("the server's disk is full").retry_after_ms(60_000),
            _ => {
                tracing::error!(%error, "what was asked for cannot be read or changed");
                Self::new(ErrorCode::Internal, "the server failed")
            }
        }
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}
