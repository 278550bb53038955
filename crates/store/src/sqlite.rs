//! How a SQLite database is opened and checked.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use veche_kernel::Clock;

use crate::{
    connection::{self, Connection},
    direct::Direct,
    error::Error,
    folder::{Folder, Left, size},
};

/// Marks a file as ours: `Vech`.
const APPLICATION_ID: i64 = 0x5665_6368;

/// How many steps of SQLite's machine pass between two looks at the deadline: some 100 µs.
pub(crate) const STEPS_PER_LOOK: i32 = 10_000;
/// How long a statement waits for another connection's lock.
pub(crate) const BUSY_MS: u64 = 5_000;
/// How many statements stay prepared.
pub(crate) const STATEMENTS: usize = 500;
/// The order of bytes, by PostgreSQL's name.
pub(crate) const BYTES: &str = "C";

/// The pragmas of a connection that writes.
pub(crate) const WRITER: [(&str, &str); 4] = [
    ("journal_mode", "WAL"),
    // An acknowledged commit survives a power cut.
    ("synchronous", "FULL"),
    ("foreign_keys", "ON"),
    // After a burst the log shrinks again.
    ("journal_size_limit", "67108864"),
];

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything; it makes a missing file.
    Write,
    /// Read a file that another connection holds open.
    Read,
    /// Read a file that nobody else uses, and change nothing beside it.
    Inspect,
}

/// Opens the folder's database for its one writer: made where it is missing, checked where the last
/// process did not close it, refused where it is damaged.
pub(crate) async fn open_writer(folder: &mut Folder, clock: &Clock) -> Result<Connection, Error> {
    let file = folder.database();
    let left = folder.left()?;
    let has_log = size(&folder.write_ahead_log()) > 0;
    if size(&file) == 0 && (left != Left::New || has_log) {
        // SQLite would take it for a new database, and drop the log of the old one.
        return Err(Error::Damaged { file, detail: "it is missing or empty, and was not before".into() });
    }
    let opened = check(&file, clock, left == Left::Open || has_log).await;
    opened.map_err(|error| match error {
        Error::Corrupt(detail) => Error::Damaged { file, detail },
        other => other,
    })
}

/// Checks on a thread of the driver, because that may take long, and opens for the writer's thread.
async fn check(file: &Path, clock: &Clock, thoroughly: bool) -> Result<Connection, Error> {
    let mut connection = connect(file, Access::Write, clock).await?;
    adopt(&mut connection).await?;
    if thoroughly {
        tracing::info!(file = %file.display(), "the database was not closed; checking it");
        verify(&mut connection, "PRAGMA quick_check(1)").await?;
    }
    let direct = Direct::open(file, clock.clone())?;
    connection.close().await?;
    Ok(Connection::direct(direct))
}

/// Refuses another program's file, and marks a new one as ours.
pub(crate) async fn adopt(connection: &mut Connection) -> Result<(), Error> {
    match pragma(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => Ok(()),
        0 if pragma(connection, "SELECT COUNT(*) FROM sqlite_schema").await? == 0 => {
            connection.execute("PRAGMA application_id = 0x56656368", &[]).await.map(|_| ())
        }
        _ => Err(Error::Other("the file is no database of Veche".into())),
    }
}

/// Refuses a file that another program made, or nobody.
pub(crate) async fn recognize(connection: &mut Connection) -> Result<(), Error> {
    match pragma(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => Ok(()),
        _ => Err(Error::Other("the file is no database of Veche".into())),
    }
}

/// Runs a check whose first row is `ok` where all is well.
pub(crate) async fn verify(connection: &mut Connection, check: &'static str) -> Result<(), Error> {
    let mut found = String::from("the check gave no answer");
    let first = |row: crate::Row| {
        found = row.get(0)?;
        Ok(std::ops::ControlFlow::Break(()))
    };
    connection.each(check, &[], first).await?;
    if found == "ok" { Ok(()) } else { Err(Error::Corrupt(found)) }
}

async fn pragma(connection: &mut Connection, sql: &'static str) -> Result<i64, Error> {
    let mut found = 0;
    let first = |row: crate::Row| {
        found = row.get(0)?;
        Ok(std::ops::ControlFlow::Break(()))
    };
    connection.each(sql, &[], first).await?;
    Ok(found)
}

/// A connection whose statements stop at the deadline that [`Connection::interrupt_at`] sets.
pub(crate) async fn connect(file: &Path, access: Access, clock: &Clock) -> Result<Connection, Error> {
    let mut connection = options(file, access).connect().await.map_err(connection::error_of)?;
    let deadline_ms = Arc::new(AtomicU64::new(u64::MAX));
    interrupt_by(&mut connection, clock.clone(), Arc::clone(&deadline_ms)).await?;
    Ok(Connection::sqlite(connection, deadline_ms))
}

fn options(file: &Path, access: Access) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(BUSY_MS))
        .collation(BYTES, |a: &str, b: &str| a.cmp(b))
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    match access {
        Access::Write => WRITER
            .into_iter()
            .fold(options.create_if_missing(true), |options, (name, value)| options.pragma(name, value)),
        Access::Read => options.pragma("query_only", "ON"),
        Access::Inspect => options.read_only(true),
    }
}

async fn interrupt_by(
    connection: &mut SqliteConnection,
    clock: Clock,
    deadline_ms: Arc<AtomicU64>,
) -> Result<(), Error> {
    let mut handle = connection.lock_handle().await.map_err(connection::error_of)?;
    handle.set_progress_handler(STEPS_PER_LOOK, move || {
        let deadline_ms = deadline_ms.load(Ordering::Relaxed);
        deadline_ms == u64::MAX || clock.now_ms() < deadline_ms
    });
    Ok(())
}

/// What SQLite's code means to a caller.
pub(crate) fn error_of(code: i32, message: String) -> Error {
    // The primary code is the low byte of the extended one: https://sqlite.org/rescode.html
    match code & 0xff {
        5 | 6 => Error::Unavailable(message),
        9 => Error::TooSlow { seconds: crate::LIMIT.as_secs() },
        11 | 26 => Error::Corrupt(message),
        13 => Error::Full(message),
        19 => Error::Constraint(message),
        _ => Error::Other(format!("{message} (SQLite's code {code})")),
    }
}
