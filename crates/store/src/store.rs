//! The store: one database, its writer and its readers.

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError},
    thread,
};

use tokio::sync::{mpsc, oneshot};
use veche_kernel::{Clock, Publication};

use crate::{
    error::Error,
    folder::{Folder, Left},
    log,
    readers::Readers,
    sqlite::{self, Access},
    tx::{ReadTx, Tx},
    writer::{Command, Listeners, Run, Writer},
};

/// How many writes wait at most for the writer; more wait for a place.
const QUEUE: usize = 1_024;

/// How a store works.
#[derive(Debug, Clone)]
pub struct Options {
    clock: Clock,
    readers: usize,
}

impl Options {
    /// The defaults, with the node's clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, readers: 4 }
    }

    /// How many transactions may read at once, 1 at least; 4 by default. Each takes a thread.
    #[must_use]
    pub fn readers(self, readers: usize) -> Self {
        Self { readers: readers.max(1), ..self }
    }
}

/// A database and the log in it. Cheap to clone; see the [crate's documentation](crate) for an example.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    commands: mpsc::Sender<Command>,
    readers: Arc<Readers>,
    listeners: Arc<Listeners>,
    clock: Clock,
    /// Connections beside the readers: for a backup.
    database: std::path::PathBuf,
}

impl Store {
    /// Opens the database in this data folder: makes what is missing, brings the tables up to date, and
    /// checks the file where the last process did not close it.
    ///
    /// Fails with [`Error::InUse`], [`Error::Damaged`], [`Error::Newer`], and where the folder cannot be
    /// written.
    pub async fn open(folder: &Path, options: Options) -> Result<Self, Error> {
        let Options { clock, readers } = options;
        let mut folder = Folder::lock(folder)?;
        let writer = sqlite::open_writer(&mut folder, &clock).await?;
        folder.mark(Left::Open)?;
        let database = folder.database();
        let mut connections = Vec::with_capacity(readers);
        for _ in 0..readers {
            let connection = sqlite::connect(&database, Access::Read, &clock).await?;
            connections.push(ReadTx::new(connection));
        }
        let readers = Arc::new(Readers::new(connections, clock.clone()));
        let listeners = Arc::<Listeners>::default();
        let tx = Tx::new(ReadTx::new(writer));
        let commands = spawn(Writer {
            tx,
            clock: clock.clone(),
            folder,
            readers: Arc::clone(&readers),
            listeners: Arc::clone(&listeners),
        })?;
        let store = Self(Arc::new(Inner { commands, readers, listeners, clock, database }));
        if let Err(error) = store.migrate("store", log::MIGRATIONS).await {
            store.close().await;
            return Err(match error {
                Error::Corrupt(detail) => Error::Damaged { file: store.0.database.clone(), detail },
                other => other,
            });
        }
        Ok(store)
    }

    /// One transaction. It is committed where the closure returns `Ok`, durable before this answers, and
    /// leaves nothing behind otherwise.
    ///
    /// The closure awaits nothing but its transaction, and may run more than once: its effects belong into
    /// the transaction. It has [`LIMIT`](crate::LIMIT). Dropping the future that this returns neither undoes nor
    /// loses a write that is queued.
    pub async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.queue(work, true).await
    }

    /// The same without a limit of time, for migrations.
    pub(crate) async fn write_unlimited<F, T>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Tx) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.queue(work, false).await
    }

    async fn queue<F, T, E>(&self, work: F, is_limited: bool) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let write = |answer| Command::Write(Box::new(Write { work, outcome: None, answer, is_limited }));
        self.ask(write).await
    }

    /// Asks the writer, and waits for its answer.
    pub(crate) async fn ask<T, E: From<Error>>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Command,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        self.0.commands.send(command(answer)).await.map_err(|_| Error::closed())?;
        answered.await.unwrap_or_else(|_| Err(Error::closed().into()))
    }

    /// One snapshot: everything that the closure reads is of one moment, a channel's head too.
    ///
    /// It has [`LIMIT`](crate::LIMIT).
    pub async fn read<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut ReadTx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.readers.run(work).await
    }

    /// From now on `listener` is called with each committed publication, in the order of the commits and
    /// before the write is answered. The writer calls it: it must be quick and must not wait.
    pub fn on_commit(&self, listener: Arc<dyn Fn(Arc<Publication>) + Send + Sync>) {
        self.0.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Runs what has queued, closes the database and frees the folder. Later calls fail with
    /// [`Error::Unavailable`].
    ///
    /// A store that is dropped without it closes as well, somewhat later.
    pub async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        if self.0.commands.send(Command::Close(closed)).await.is_ok() {
            _ = is_closed.await;
        }
    }

    /// The clock that it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn database(&self) -> &Path {
        &self.0.database
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.database).finish()
    }
}

/// Starts the writer's thread.
fn spawn(writer: Writer) -> Result<mpsc::Sender<Command>, Error> {
    let (commands, queue) = mpsc::channel(QUEUE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Error::other("failed to start the writer", error))?;
    thread::Builder::new()
        .name("veche-writer".into())
        .spawn(move || runtime.block_on(writer.work(queue)))
        .map_err(|error| Error::other("failed to start the writer", error))?;
    Ok(commands)
}

struct Write<F, T, E> {
    work: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
    is_limited: bool,
}

impl<F, T, E> Run for Write<F, T, E>
where
    F: AsyncFn(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> std::pin::Pin<Box<dyn Future<Output = bool> + 'a>> {
        self.outcome = None;
        Box::pin(async move {
            let outcome = (self.work)(tx).await;
            self.outcome.insert(outcome).is_ok()
        })
    }

    fn is_limited(&self) -> bool {
        self.is_limited
    }

    fn answer(self: Box<Self>, verdict: Result<(), Error>) {
        let result = match (self.outcome, verdict) {
            // Its own error says more than the database's.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Panicked.into()),
        };
        // Nobody waits any more where the caller's future was dropped.
        _ = self.answer.send(result);
    }
}
