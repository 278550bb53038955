//! The keys of the HTTP door, in a file of the data folder that the server and `veche key` share.
//!
//! A change replaces the file whole, under a lock, so that both may change it at once; the server looks again
//! whenever a request comes and its last look is a moment ago. Deliberately absent: the secrets. The file
//! holds digests.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use veche::{
    BoxFuture,
    api::{KEYS_MAX, Key, KeyId, Keys, KeysError},
};

/// The file in the data folder.
pub const FILE: &str = "keys.json";
/// What whoever changes the file holds.
const LOCK: &str = "keys.lock";
/// A file of another version is not read.
const VERSION: u32 = 1;
/// For how long the server relies on its last look at the file.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The keys in a data folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileKeys(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    seen: Mutex<Seen>,
}

/// What the last look found.
#[derive(Debug, Default)]
struct Seen {
    looked: Option<Instant>,
    stamp: Option<Stamp>,
    keys: Vec<Arc<Key>>,
}

/// Tells one state of the file from another.
type Stamp = (u64, i64, i64, u64);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents<K> {
    version: u32,
    keys: Vec<K>,
}

impl FileKeys {
    /// The keys in this data folder; there need not be any, nor the folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shelf { folder: folder.into(), seen: Mutex::default() }))
    }

    /// All keys, in the order in which they were made.
    pub fn all(&self) -> Result<Vec<Arc<Key>>, KeysError> {
        self.0.look(Duration::ZERO).map(|seen| seen.keys.clone())
    }

    /// Adds a key.
    pub fn insert(&self, key: Key) -> Result<(), KeysError> {
        self.0.change(|keys| {
            if keys.len() >= KEYS_MAX {
                return Err(KeysError::Full);
            }
            keys.push(Arc::new(key));
            Ok(true)
        })?;
        Ok(())
    }

    /// Removes a key; whether it was there.
    pub fn remove(&self, id: &KeyId) -> Result<bool, KeysError> {
        self.0.change(|keys| {
            let before = keys.len();
            keys.retain(|key| key.id != *id);
            Ok(keys.len() < before)
        })
    }

    /// Does what waits for a disk off the handlers' threads.
    fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeysError> + Send + 'static,
    ) -> BoxFuture<Result<T, KeysError>> {
        let keys = self.clone();
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&keys)).await;
            done.unwrap_or_else(|error| Err(KeysError::Unavailable(error.to_string())))
        })
    }
}

impl Keys for FileKeys {
    fn find(&self, id: &KeyId) -> BoxFuture<Result<Option<Arc<Key>>, KeysError>> {
        let seen = self.0.look(LOOK_AGAIN);
        let found = seen.map(|seen| seen.keys.iter().find(|key| key.id == *id).cloned());
        Box::pin(std::future::ready(found))
    }

    fn list(&self) -> BoxFuture<Result<Vec<Arc<Key>>, KeysError>> {
        self.aside(Self::all)
    }

    fn add(&self, key: Key) -> BoxFuture<Result<(), KeysError>> {
        self.aside(|keys| keys.insert(key))
    }

    fn revoke(&self, id: &KeyId) -> BoxFuture<Result<bool, KeysError>> {
        let id = id.clone();
        self.aside(move |keys| keys.remove(&id))
    }
}

impl Shelf {
    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What the file says, read again if it has changed and the last look is older than this.
    fn look(&self, patience: Duration) -> Result<MutexGuard<'_, Seen>, KeysError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.looked.is_some_and(|looked| looked.elapsed() < patience) {
            return Ok(seen);
        }
        let unreadable = |error| unavailable(&self.file(), &error);
        let stamp = match fs::metadata(self.file()) {
            Ok(metadata) => Some(stamp(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(error)),
        };
        if stamp.is_none() || stamp != seen.stamp {
            // Until it is read, nothing is known: a file that cannot be read lets nobody in.
            *seen = Seen::default();
            seen.keys = read(&self.file()).map_err(unreadable)?;
        }
        (seen.stamp, seen.looked) = (stamp, Some(Instant::now()));
        Ok(seen)
    }

    /// Changes the keys, alone, and puts the new file in the old one's place if `act` says so.
    fn change(
        &self,
        act: impl FnOnce(&mut Vec<Arc<Key>>) -> Result<bool, KeysError>,
    ) -> Result<bool, KeysError> {
        let unwritable = |error| unavailable(&self.file(), &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(unwritable)?;
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(self.folder.join(LOCK));
        let lock = lock.map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        let mut keys = read(&self.file()).map_err(unwritable)?;
        let changed = act(&mut keys)?;
        if changed {
            write(&self.folder, &keys).map_err(unwritable)?;
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).looked = None;
        }
        Ok(changed)
    }
}

fn unavailable(file: &Path, error: &io::Error) -> KeysError {
    KeysError::Unavailable(format!("{}: {error}", file.display()))
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size())
}

fn read(file: &Path) -> io::Result<Vec<Arc<Key>>> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let contents: Contents<Key> = serde_json::from_slice(&text).map_err(io::Error::other)?;
    if contents.version != VERSION {
        return Err(io::Error::other(format!("it is of version {}, not {VERSION}", contents.version)));
    }
    Ok(contents.keys.into_iter().map(Arc::new).collect())
}

/// Puts a new file in place whole or not at all. The caller holds the lock.
fn write(folder: &Path, keys: &[Arc<Key>]) -> io::Result<()> {
    let unfinished = folder.join(format!(".{FILE}.new"));
    let keys: Vec<&Key> = keys.iter().map(|key| &**key).collect();
    let text = serde_json::to_vec_pretty(&Contents { version: VERSION, keys }).map_err(io::Error::other)?;
    // One that a crash left behind may have other rights.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
