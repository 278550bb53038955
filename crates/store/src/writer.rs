//! The one writer of a SQLite database: what has queued shares a commit.
//!
//! It runs on a thread of its own, so that closures need no `Send` future and nobody who awaits a write can
//! stop it. A group is what has queued, each closure in a savepoint; answers and deliveries come after the
//! commit. Publications that are nothing but appended share a savepoint and their statements with those next
//! to them. SQLite undoes the whole transaction on some errors (a full disk): then the others of the group,
//! which are closures that may run again, run again.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use veche_kernel::{Clock, Publication};

use crate::{
    LIMIT,
    error::Error,
    folder::{Folder, Left},
    log::{Append, Appends},
    readers::Readers,
    tx::Tx,
};

/// The most closures that share a commit.
const GROUP: usize = 64;

/// A group that has run for so long begins no further closure: the first one waits for its commit.
const GROUP_MS: u64 = 100;

/// How a group begins.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Who is told of committed publications.
pub(crate) type Listeners = RwLock<Vec<Arc<dyn Fn(Arc<Publication>) + Send + Sync>>>;

/// What the writer is asked to do.
pub(crate) enum Command {
    /// Run a closure.
    Write(Box<dyn Run>),
    /// Append a publication, and nothing else.
    Append(Box<Append>),
    /// Run what has queued, close the database, and say when the folder is free.
    Close(oneshot::Sender<()>),
}

/// A closure and who waits for its result.
pub(crate) trait Run: Send {
    /// Runs it, again if need be; whether its changes are to be kept.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'a>>;

    /// Whether [`LIMIT`] holds for it.
    fn is_limited(&self) -> bool;

    /// Its parts, each to run by itself now that it was undone as a whole; none where it is to be answered.
    fn take_parts(&mut self) -> Vec<Box<dyn Run>> {
        Vec::new()
    }

    /// Answers: its own result, or the error that undid it.
    fn answer(self: Box<Self>, verdict: Result<(), Error>);
}

/// The writer's state, on its thread.
pub(crate) struct Writer {
    pub(crate) tx: Tx,
    pub(crate) clock: Clock,
    pub(crate) folder: Folder,
    pub(crate) readers: Arc<Readers>,
    pub(crate) listeners: Arc<Listeners>,
}

/// A closure that has run, and what it published.
struct Done {
    write: Box<dyn Run>,
    published: Vec<Arc<Publication>>,
}

/// The savepoint of the closure that runs. Two names take turns: where one could not be released, undoing to
/// the other fails, and does not undo what was done before.
#[derive(Clone, Copy)]
enum Savepoint {
    A,
    B,
}

/// How a closure ended.
enum Ran {
    Keep,
    /// To be undone: by its own will, or by this error.
    Undo(Option<Error>),
}

impl Writer {
    /// Works until it is closed or nobody is left who could write.
    pub(crate) async fn work(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut queue = VecDeque::new();
        let mut closing = Vec::new();
        let mut taken = Vec::with_capacity(GROUP);
        loop {
            if queue.is_empty() && commands.recv_many(&mut taken, GROUP).await == 0 {
                break;
            }
            // What came while the last group ran joins the next one.
            while queue.len() + taken.len() < GROUP {
                let Ok(command) = commands.try_recv() else { break };
                taken.push(command);
            }
            let mut appends = Vec::new();
            for command in taken.drain(..) {
                match command {
                    Command::Append(append) => appends.push(*append),
                    Command::Write(write) => {
                        queue.extend(Appends::run_of(std::mem::take(&mut appends)));
                        queue.push_back(write);
                    }
                    Command::Close(closed) => {
                        commands.close();
                        closing.push(closed);
                    }
                }
            }
            queue.extend(Appends::run_of(appends));
            self.group(&mut queue).await;
        }
        self.close().await;
        closing.into_iter().for_each(|closed| _ = closed.send(()));
    }

    /// Runs a group off the front of the queue, and answers it. At least one closure leaves the queue, or falls
    /// into its parts.
    async fn group(&mut self, queue: &mut VecDeque<Box<dyn Run>>) {
        if queue.is_empty() {
            return;
        }
        let Some(done) = self.run_group(queue).await else { return };
        match self.commit().await {
            Ok(()) => self.answer(done),
            Err(error) => {
                self.roll_back().await;
                if matches!(error, Error::Constraint(_)) && done.len() > 1 {
                    // A deferred constraint: one of them is at fault. Each again, in a commit of its own.
                    for one in done {
                        Box::pin(self.group(&mut VecDeque::from([one.write]))).await;
                    }
                    return;
                }
                done.into_iter().for_each(|done| done.write.answer(Err(error.clone())));
            }
        }
    }

    /// Runs closures until the group is full. `None` where the transaction is gone: who must run again is
    /// back in the queue.
    async fn run_group(&mut self, queue: &mut VecDeque<Box<dyn Run>>) -> Option<Vec<Done>> {
        let begun_ms = self.clock.now_ms();
        // Alone, a closure needs no savepoint: the transaction is its own.
        let mut savepoint = (queue.len() > 1).then_some(Savepoint::A);
        let begin: &[_] = if savepoint.is_some() { &[BEGIN, "SAVEPOINT a"] } else { &[BEGIN] };
        self.tx.connection.defer(begin);
        let mut done = Vec::with_capacity(queue.len().min(GROUP));
        while done.len() < GROUP && self.clock.now_ms().saturating_sub(begun_ms) < GROUP_MS {
            let Some(mut write) = queue.pop_front() else { break };
            let Ran::Undo(error) = self.run(&mut *write).await else {
                done.push(Done { write, published: std::mem::take(&mut self.tx.published) });
                savepoint = savepoint.map(|last| self.next_savepoint(last));
                continue;
            };
            let is_undone = match savepoint {
                Some(savepoint) => self.undo(savepoint).await.is_ok(),
                None => false,
            };
            if !is_undone {
                self.roll_back().await;
            }
            let parts = write.take_parts();
            if parts.is_empty() {
                write.answer(error.map_or(Ok(()), Err));
            }
            parts.into_iter().rev().for_each(|part| queue.push_front(part));
            if !is_undone {
                done.into_iter().rev().for_each(|done| queue.push_front(done.write));
                return None;
            }
        }
        Some(done)
    }

    /// Keeps what was done since the savepoint, and sets the other one when there is more to do.
    fn next_savepoint(&mut self, last: Savepoint) -> Savepoint {
        if !self.tx.connection.deferred().is_empty() {
            // Nothing was done: it is not even set.
            return last;
        }
        let (statements, next): (&[_], _) = match last {
            Savepoint::A => (&["RELEASE a", "SAVEPOINT b"], Savepoint::B),
            Savepoint::B => (&["RELEASE b", "SAVEPOINT a"], Savepoint::A),
        };
        self.tx.connection.defer(statements);
        next
    }

    /// Undoes what was done since the savepoint, which stays. Fails where SQLite has undone everything.
    async fn undo(&mut self, savepoint: Savepoint) -> Result<(), Error> {
        if !self.tx.connection.deferred().is_empty() {
            return Ok(());
        }
        match savepoint {
            Savepoint::A => self.tx.connection.control("ROLLBACK TO a").await,
            Savepoint::B => self.tx.connection.control("ROLLBACK TO b").await,
        }
    }

    async fn run(&mut self, write: &mut dyn Run) -> Ran {
        let now_ms = self.clock.now_ms();
        self.tx.begin_at(self.clock.wall_ms());
        let is_limited = write.is_limited();
        let until_ms = if is_limited { now_ms.saturating_add(LIMIT.as_millis() as u64) } else { u64::MAX };
        self.tx.connection.interrupt_at(until_ms);
        let run = AssertUnwindSafe(write.run(&mut self.tx)).catch_unwind();
        let ran = if is_limited {
            tokio::select! {
                biased;
                ran = run => Some(ran),
                () = self.clock.sleep(LIMIT) => None,
            }
        } else {
            Some(run.await)
        };
        match ran {
            None => Ran::Undo(Some(Error::TooSlow { seconds: LIMIT.as_secs() })),
            Some(Err(_)) => Ran::Undo(Some(Error::Panicked)),
            // What the closure returns does not matter once a statement has failed.
            Some(Ok(keep)) => match (self.tx.failure(), keep) {
                (None, true) => Ran::Keep,
                (None, false) => Ran::Undo(None),
                (Some(error), _) => Ran::Undo(Some(error)),
            },
        }
    }

    /// Delivers, in the order of the commit, then answers.
    fn answer(&self, done: Vec<Done>) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
        for publication in done.iter().flat_map(|done| &done.published) {
            for listener in &listeners {
                let deliver = AssertUnwindSafe(|| listener(Arc::clone(publication)));
                if std::panic::catch_unwind(deliver).is_err() {
                    tracing::error!(channel = %publication.channel, "a listener of commits panicked");
                }
            }
        }
        done.into_iter().for_each(|done| done.write.answer(Ok(())));
    }

    async fn commit(&mut self) -> Result<(), Error> {
        if self.tx.connection.deferred().first() == Some(&BEGIN) {
            // No closure had a statement.
            return Ok(());
        }
        self.tx.connection.control("COMMIT").await
    }

    /// Ends the transaction, if there is one.
    async fn roll_back(&mut self) {
        // It fails where SQLite has undone the transaction by itself.
        _ = self.tx.connection.control("ROLLBACK").await;
    }

    async fn close(self) {
        let Self { tx, mut folder, readers, .. } = self;
        readers.close().await;
        match tx.into_connection().close().await {
            Ok(()) => _ = folder.mark(Left::Clean),
            Err(error) => tracing::warn!(%error, "the database did not close"),
        }
    }
}
