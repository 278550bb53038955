//! What the cases are set up from.

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use veche_kernel::{
    ChannelName, Clock, Namespace, Publication, Sender, SessionId, UserId,
    broker::{History, HistoryQuery, Published},
};
use veche_protocol::client::Range;

use crate::{Error, Store, params};

/// Everything that is retained.
pub(super) const ALL: HistoryQuery =
    HistoryQuery { range: Range::After(0), until: u64::MAX, limit: 100_000, bytes: usize::MAX };

/// A store, its clock and what it delivered.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) channel: ChannelName,
    pub(super) sessions: [SessionId; 2],
    delivered: Arc<Mutex<Vec<Arc<Publication>>>>,
}

/// A write that has queued, and that nobody has awaited yet.
pub(super) type Queued<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

impl Desk {
    pub(super) async fn new<F: AsyncFn(Clock) -> Store>(factory: &F) -> Self {
        let clock = Clock::manual();
        let sessions = ["4qtkBGNdRp5", "00000000001"]
            .map(|text| SessionId::parse(text).expect("a session displays itself so"));
        let store = factory(clock.clone()).await;
        let delivered = Arc::<Mutex<Vec<Arc<Publication>>>>::default();
        let kept = Arc::clone(&delivered);
        store.on_commit(Arc::new(move |publication| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(publication);
        }));
        store
            .write(async |tx| tx.script("CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY)").await)
            .await
            .expect("makes a table");
        Self { store, clock, channel: name("room:1"), sessions, delivered }
    }

    pub(super) fn delivered(&self) -> Vec<Arc<Publication>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn publication(&self, data: &str) -> Publication {
        Publication::new(self.channel.clone(), Cow::Borrowed("message"), data.into(), self.clock.wall_ms())
    }

    pub(super) fn operation(&self, user: Option<&str>, op_id: &str) -> Publication {
        let session = self.sessions[0];
        let sender = user.map(|user| Sender { user: UserId::from(user), session });
        Publication { sender, op_id: Some(op_id.into()), ..self.publication("1") }
    }

    pub(super) async fn append(&self, publication: Publication, rules: &Namespace) -> Published {
        self.store.append(publication, rules).await.expect("appends")
    }

    pub(super) async fn append_many(&self, count: usize) {
        for n in 1..=count {
            self.append(self.publication(&n.to_string()), &rules()).await;
        }
    }

    pub(super) async fn read(&self, query: HistoryQuery) -> History {
        self.store.history(&self.channel, query).await.expect("reads")
    }

    /// The offsets of a page.
    pub(super) async fn offsets(&self, query: HistoryQuery) -> Vec<u64> {
        offsets(&self.read(query).await.publications)
    }

    /// Queues the insertion of a note.
    pub(super) fn note(&self, id: i64) -> Queued<()> {
        let store = self.store.clone();
        queued(async move {
            let sql = "INSERT INTO note (id) VALUES ($1)";
            store.write(async move |tx| tx.execute(sql, params![id]).await.map(|_| ())).await
        })
    }

    /// The notes that are there.
    pub(super) async fn notes(&self) -> Vec<i64> {
        let sql = "SELECT id FROM note ORDER BY id";
        let read = async |tx: &mut crate::ReadTx| -> Result<Vec<i64>, Error> {
            tx.rows(sql, []).await?.iter().map(|row| row.get(0)).collect()
        };
        self.store.read(read).await.expect("reads")
    }

    /// Holds the writer, until the sender is used or dropped: what is queued meanwhile shares a commit.
    pub(super) fn hold(&self) -> (oneshot::Sender<()>, Queued<()>) {
        let (release, released) = oneshot::channel::<()>();
        let released = tokio::sync::Mutex::new(Some(released));
        let store = self.store.clone();
        let held = queued(async move {
            store
                .write(async move |_| {
                    if let Some(released) = released.lock().await.take() {
                        _ = released.await;
                    }
                    Ok(())
                })
                .await
        });
        (release, held)
    }
}

/// Polls a write once, which queues it.
pub(super) fn queued<T: Send + 'static>(
    write: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Queued<T> {
    // Not counted as the case's own turn, which would make it wait before it queues.
    let mut write = Box::pin(tokio::task::unconstrained(write));
    match (&mut write).now_or_never() {
        Some(result) => Box::pin(std::future::ready(result)),
        None => write,
    }
}

pub(super) fn rules() -> Namespace {
    Namespace::new("room")
}

pub(super) fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect("it is a name")
}

pub(super) fn offsets(publications: &[Arc<Publication>]) -> Vec<u64> {
    publications.iter().map(|p| p.position.expect("it is positioned").offset).collect()
}
