//! The data folder: one process at a time, and whether the last one left it in order.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::error::Error;

const DATABASE: &str = "veche.db";
const LOCK: &str = "veche.lock";

/// A locked data folder. The system releases the lock when the process ends, however it ends.
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

/// What the lock file says of the last process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// There was none: the folder has no database yet.
    New,
    /// It closed the database.
    Clean,
    /// It did not.
    Open,
}

impl Folder {
    /// Takes the folder, made where it is missing, for this process alone.
    pub(crate) fn lock(path: &Path) -> Result<Self, Error> {
        let failed =
            |error| Error::other(&format!("failed to open the data folder {}", path.display()), error);
        fs::create_dir_all(path).map_err(failed)?;
        let mut options = File::options();
        let lock = options.read(true).write(true).create(true).truncate(false);
        let lock = lock.open(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(crate) fn left(&mut self) -> Result<Left, Error> {
        let mut text = String::new();
        self.lock.rewind().and_then(|()| self.lock.read_to_string(&mut text)).map_err(failed)?;
        Ok(match text.trim() {
            "" => Left::New,
            "clean" => Left::Clean,
            _ => Left::Open,
        })
    }

    pub(crate) fn mark(&mut self, left: Left) -> Result<(), Error> {
        let text: &[u8] = match left {
            Left::New => b"",
            Left::Clean => b"clean\n",
            Left::Open => b"open\n",
        };
        let mut write = || {
            self.lock.set_len(0)?;
            self.lock.rewind()?;
            self.lock.write_all(text)?;
            self.lock.sync_data()
        };
        write().map_err(failed)
    }

    pub(crate) fn database(&self) -> PathBuf {
        Self::database_in(&self.path)
    }

    pub(crate) fn database_in(folder: &Path) -> PathBuf {
        folder.join(DATABASE)
    }

    /// The write-ahead log, which SQLite removes when the last connection closes in order.
    pub(crate) fn write_ahead_log(&self) -> PathBuf {
        self.path.join(format!("{DATABASE}-wal"))
    }

    pub(crate) fn shared_memory(&self) -> PathBuf {
        self.path.join(format!("{DATABASE}-shm"))
    }

    /// Makes renames in the folder durable. Only Unix has a word for it.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        sync_folder(&self.path)
    }
}

/// Makes renames in a folder durable. Only Unix has a word for it.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::other(&format!("failed to sync {}", path.display()), error))?;
    }
    Ok(())
}

/// The size of a file; 0 where there is none.
pub(crate) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn failed(error: std::io::Error) -> Error {
    Error::other("failed to use the lock file of the data folder", error)
}
