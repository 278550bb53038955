//! All files of a node: the folder, the rows, and who may do what.

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use veche_kernel::{Quota, UserId};
use veche_store::{Store, Tx};

use super::{
    File, FilesError,
    access::Rule,
    blobs::{Blobs, prefixes},
    incoming::Arrived,
    store::{self, MIGRATIONS, is_used, used},
};
use crate::meters::Meters;

/// The folder in the data folder.
const FOLDER: &str = "files";

/// How much users may upload. All of it is on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files of a user together; each counts for 4 KiB at least.
    pub user_bytes: u64,
    /// Files of one user that are on their way at once.
    pub uploads_per_user: usize,
    /// Files that a user may send in a minute, and as many at once; 0 = no limit.
    pub uploads_per_minute: u32,
    /// How long a file may take to come.
    pub upload_time: Duration,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file_bytes: 10 << 20,
            user_bytes: 1 << 30,
            uploads_per_user: 4,
            uploads_per_minute: 60,
            upload_time: Duration::from_mins(10),
        }
    }
}

/// The files of a node. Cheap to clone; see the [module's documentation](super) for an example.
#[derive(Clone)]
pub struct Files {
    pub(super) shelf: Arc<Shelf>,
    pub(super) rules: Vec<Rule>,
}

pub(super) struct Shelf {
    pub(super) store: Store,
    pub(super) blobs: Blobs,
    pub(super) limits: FileLimits,
    pub(super) meters: Meters,
    uploads: Mutex<HashMap<UserId, usize>>,
}

/// A place among a user's uploads.
pub(super) struct Seat {
    shelf: Arc<Shelf>,
    user: UserId,
}

impl Files {
    /// Opens the folder `files` in this data folder, and removes what no row knows: contents that were on
    /// their way, or that were to go, when the last process ended.
    pub async fn open(store: &Store, data: &Path, limits: FileLimits) -> Result<Self, FilesError> {
        store.migrate("files", MIGRATIONS).await?;
        let folder = data.join(FOLDER);
        let blobs = blocking(move || Ok(Blobs::open(folder)?)).await?;
        let count = limits.uploads_per_minute;
        let meters = Meters::new(Quota { count, period_ms: 60_000, burst: count });
        let shelf = Shelf { store: store.clone(), blobs, limits, meters, uploads: Mutex::default() };
        let files = Self { shelf: Arc::new(shelf), rules: Vec::new() };
        files.sweep().await?;
        Ok(files)
    }

    /// Removes a file, on behalf of the application. [`FilesError::Missing`] where it is gone.
    pub async fn remove(&self, file: &File) -> Result<(), FilesError> {
        let (shelf, file) = (Arc::clone(&self.shelf), file.clone());
        // To the end, whatever becomes of the caller.
        joined(tokio::spawn(async move { shelf.remove(file).await })).await
    }

    async fn sweep(&self) -> Result<(), FilesError> {
        for prefix in prefixes() {
            let (shelf, of) = (Arc::clone(&self.shelf), prefix.clone());
            let names = blocking(move || Ok(shelf.blobs.names(&of)?)).await?;
            if names.is_empty() {
                continue;
            }
            let used = self.shelf.store.read(async |tx| used(tx, &prefix).await).await?;
            for orphan in names.into_iter().filter(|name| !used.contains(name.as_str())) {
                let shelf = Arc::clone(&self.shelf);
                blocking(move || Ok(shelf.blobs.remove(&orphan)?)).await?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("limits", &self.shelf.limits).finish_non_exhaustive()
    }
}

impl Shelf {
    /// A place for one more upload of a user.
    pub(super) fn enter(self: &Arc<Self>, user: &UserId) -> Result<Seat, FilesError> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = uploads.entry(user.clone()).or_default();
        if *taken >= self.limits.uploads_per_user {
            return Err(FilesError::Busy(*taken));
        }
        *taken += 1;
        Ok(Seat { shelf: Arc::clone(self), user: user.clone() })
    }

    /// Gives a content that has come its place and its row. It runs to its end, or leaves nothing.
    pub(super) async fn keep(self: Arc<Self>, arrived: Arrived, file: File) -> Result<File, FilesError> {
        let _held = self.blobs.lock(&arrived.digest).await;
        let shelf = Arc::clone(&self);
        let place = move || Ok(shelf.blobs.place(arrived.path(), &arrived.digest)?);
        blocking(place).await?;
        let (row, most) = (file.clone(), self.limits.user_bytes);
        let write = async move |tx: &mut Tx| -> Result<(), FilesError> { store::add(tx, &row, most).await };
        match self.store.write(write).await {
            Ok(()) => Ok(file),
            Err(error) => {
                // Another file may have the same content. If that cannot be told, the next start tells.
                if let Ok(false) = self.store.read(async |tx| is_used(tx, &file.digest).await).await {
                    self.discard(&file).await;
                }
                Err(error)
            }
        }
    }

    async fn remove(self: Arc<Self>, file: File) -> Result<(), FilesError> {
        let _held = self.blobs.lock(&file.digest).await;
        let row = file.clone();
        let write = async move |tx: &mut Tx| -> Result<bool, FilesError> { store::remove(tx, &row).await };
        if self.store.write(write).await? {
            self.discard(&file).await;
        }
        Ok(())
    }

    /// Removes a content that no row knows. What stays is swept at the next start.
    async fn discard(self: &Arc<Self>, file: &File) {
        let (shelf, digest) = (Arc::clone(self), file.digest.clone());
        if let Err(error) = blocking(move || Ok(shelf.blobs.remove(&digest)?)).await {
            tracing::warn!(%error, "a content stays behind until the next start");
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut uploads = self.shelf.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = uploads.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                uploads.remove(&self.user);
            }
        }
    }
}

/// Work with the disk, off the handlers' threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    joined(tokio::task::spawn_blocking(work)).await
}

/// What a task answers.
pub(super) async fn joined<T>(task: tokio::task::JoinHandle<Result<T, FilesError>>) -> Result<T, FilesError> {
    task.await.unwrap_or_else(|error| Err(FilesError::Disk(format!("a task ended: {error}"))))
}
