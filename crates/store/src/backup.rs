//! A copy of the database while it works, and the way back.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use veche_kernel::Clock;

use crate::{
    connection::Connection,
    error::Error,
    folder::{Folder, Left, sync_folder},
    log, params,
    sqlite::{self, Access},
};

/// How many channels get a new epoch in one transaction.
const PAGE: i64 = 1_000;

impl crate::Store {
    /// Writes a copy of the database to a new file, as of one moment, while others read and write.
    ///
    /// The file appears whole or not at all; one that exists is refused.
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        copy(self.database(), to, self.clock()).await
    }
}

/// The same from beside: copies the database of a data folder, whether a server has it open or not.
pub async fn backup(data_folder: &Path, to: &Path, clock: &Clock) -> Result<(), Error> {
    let database = Folder::database_in(data_folder);
    if !database.exists() {
        return Err(Error::Other(format!("{} has no database yet", data_folder.display())));
    }
    copy(&database, to, clock).await
}

async fn copy(database: &Path, to: &Path, clock: &Clock) -> Result<(), Error> {
    if to.exists() {
        return Err(Error::Other(format!("{} exists; a backup does not overwrite", to.display())));
    }
    let part = beside(to, ".part");
    let text = part.to_str().ok_or_else(|| Error::Other("the path of a backup must be UTF-8".into()))?;
    remove(&part)?;
    let mut connection = sqlite::connect(database, Access::Inspect, clock).await?;
    let copied = connection.execute("VACUUM INTO $1", &params![text]).await;
    connection.close().await?;
    let moved = copied.and_then(|_| publish(&part, to));
    if moved.is_err() {
        _ = fs::remove_file(&part);
    }
    moved
}

/// Puts a backup in the place of a data folder's database, and draws a new epoch for every channel: what
/// clients saw after the backup is gone, and their positions must not be taken for today's.
///
/// The database that was there is kept beside it as `veche.db.old`. Fails with [`Error::InUse`] while a
/// process has the folder, and with [`Error::Damaged`] where the backup is no whole database; the folder is
/// left as it was then.
pub async fn restore(from: &Path, data_folder: &Path, clock: &Clock) -> Result<(), Error> {
    let mut folder = Folder::lock(data_folder)?;
    inspect(from, clock).await.map_err(|error| match error {
        Error::Corrupt(detail) => Error::Damaged { file: from.to_owned(), detail },
        other => other,
    })?;
    let database = folder.database();
    let part = beside(&database, ".part");
    for file in [&part, &beside(&part, "-wal"), &beside(&part, "-shm")] {
        remove(file)?;
    }
    fs::copy(from, &part).map_err(|error| Error::other("failed to copy the backup", error))?;
    let mut connection = sqlite::connect(&part, Access::Write, clock).await?;
    let drawn = draw_epochs(&mut connection).await;
    connection.close().await?;
    drawn?;
    sync(&part)?;
    // From here on a folder without a database says that it had one: a crash is noticed, and a second
    // restore mends it.
    folder.mark(Left::Open)?;
    // The log goes with its database: replayed into another one it would destroy it.
    let old = beside(&database, ".old");
    set_aside(&folder.write_ahead_log(), &beside(&old, "-wal"))?;
    set_aside(&database, &old)?;
    remove(&folder.shared_memory())?;
    rename(&part, &database)?;
    folder.sync()?;
    folder.mark(Left::Clean)
}

/// Checks a file that nobody else uses.
async fn inspect(from: &Path, clock: &Clock) -> Result<(), Error> {
    if crate::folder::size(from) == 0 {
        return Err(Error::Other(format!("{} is missing or empty", from.display())));
    }
    let mut connection = sqlite::connect(from, Access::Inspect, clock).await?;
    let mut check = async || {
        sqlite::recognize(&mut connection).await?;
        sqlite::verify(&mut connection, "PRAGMA integrity_check(1)").await
    };
    let checked = check().await;
    connection.close().await?;
    checked
}

async fn draw_epochs(connection: &mut Connection) -> Result<(), Error> {
    let mut last: Arc<str> = Arc::from("");
    loop {
        let mut names: Vec<Arc<str>> = Vec::new();
        let sql = "SELECT name FROM channel WHERE name > $1 ORDER BY name LIMIT $2";
        let push = |row: crate::Row| {
            names.push(row.get(0)?);
            Ok(std::ops::ControlFlow::Continue(()))
        };
        connection.each(sql, &params![&last, PAGE], push).await?;
        let Some(next) = names.last() else { return Ok(()) };
        last = Arc::clone(next);
        connection.execute("BEGIN", &[]).await?;
        for name in &names {
            let epoch = log::draw_epoch()?;
            let sql = "UPDATE channel SET epoch = $2 WHERE name = $1";
            connection.execute(sql, &params![name, epoch.as_str()]).await?;
        }
        connection.execute("COMMIT", &[]).await?;
    }
}

/// A path with something added to its last name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    name.into()
}

/// Gives a finished file its name, durably.
fn publish(part: &Path, to: &Path) -> Result<(), Error> {
    sync(part)?;
    rename(part, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

fn sync(file: &Path) -> Result<(), Error> {
    let synced = File::options().write(true).open(file).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::other(&format!("failed to sync {}", file.display()), error))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let renamed = fs::rename(from, to);
    renamed.map_err(|error| Error::other(&format!("failed to rename {}", from.display()), error))
}

/// Moves a file that may be missing; what bore the new name is gone either way.
fn set_aside(file: &Path, to: &Path) -> Result<(), Error> {
    remove(to)?;
    if file.exists() { rename(file, to) } else { Ok(()) }
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::other(&format!("failed to remove {}", file.display()), error))
        }
        _ => Ok(()),
    }
}
