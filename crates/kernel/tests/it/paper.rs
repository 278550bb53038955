//! A log in memory that does as the test says.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Semaphore;
use veche_kernel::{
    BoxFuture, ChannelName, Class, Epoch, Kernel, Namespace, Position, Publication, Rules, UserId,
    broker::{BrokerError, Head, History, HistoryQuery, Published, Sink},
    log::{Device, Log, Place},
    testing::TestNode,
};
use veche_protocol::client::Range;

use crate::kit::{no_limits, open};

/// A log of one channel whose hints leave when the test says so.
pub(crate) struct Paper {
    pub(crate) pages: Mutex<Pages>,
    pub(crate) relay: OnceLock<Arc<dyn Sink>>,
    pub(crate) relays_by_itself: AtomicBool,
    pub(crate) is_down: AtomicBool,
    /// Whoever asks where a device stands hears of it when this lets them.
    pub(crate) gate: Arc<Semaphore>,
}

pub(crate) struct Pages {
    pub(crate) epoch: Epoch,
    pub(crate) floor: u64,
    pub(crate) written: Vec<Arc<Publication>>,
    pub(crate) replies: HashMap<(UserId, String), Arc<str>>,
}

impl Paper {
    pub(crate) fn new() -> Arc<Self> {
        let pages =
            Pages { epoch: Epoch::from_bits(7), floor: 0, written: Vec::new(), replies: HashMap::new() };
        let (relay, is_down) = (OnceLock::new(), AtomicBool::new(false));
        let (relays_by_itself, gate) = (AtomicBool::new(true), Arc::new(Semaphore::new(1)));
        Arc::new(Self { pages: Mutex::new(pages), relay, relays_by_itself, is_down, gate })
    }

    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("no test panics with it")
    }

    /// Tells of these offsets, in this order.
    pub(crate) fn hint(&self, offsets: &[u64]) {
        for offset in offsets {
            let publication = self.pages().written[*offset as usize - 1].clone();
            self.relay.get().expect("the node has started").deliver(publication);
        }
    }

    fn check(&self) -> Result<(), BrokerError> {
        let down = self.is_down.load(Ordering::Relaxed);
        if down { Err(BrokerError::Unavailable("the disk is full".into())) } else { Ok(()) }
    }
}

impl Pages {
    fn head(&self) -> Head {
        Head { epoch: self.epoch, offset: self.written.len() as u64, floor: self.floor }
    }
}

/// The test's handle, which the node owns a copy of.
pub(crate) struct Handle(pub(crate) Arc<Paper>);

fn ready<T: Send + 'static>(value: T) -> BoxFuture<T> {
    Box::pin(async move {
        tokio::task::yield_now().await;
        value
    })
}

impl Log for Handle {
    fn start(&self, relay: Arc<dyn Sink>) {
        assert!(self.0.relay.set(relay).is_ok(), "it starts once");
    }

    fn append(
        &self,
        publication: Publication,
        _: &Arc<Namespace>,
    ) -> BoxFuture<Result<Published, BrokerError>> {
        let committed = self.0.check().map(|()| {
            let mut pages = self.0.pages();
            let position = Position { epoch: pages.epoch, offset: pages.written.len() as u64 + 1 };
            pages.written.push(Arc::new(Publication { position: Some(position), ..publication }));
            Published { position: Some(position), duplicate: false }
        });
        if let (Ok(published), true) = (&committed, self.0.relays_by_itself.load(Ordering::Relaxed)) {
            self.0.hint(&[published.position.expect("it has one").offset]);
        }
        ready(committed)
    }

    fn head(&self, _: &ChannelName) -> BoxFuture<Result<Head, BrokerError>> {
        ready(self.0.check().map(|()| self.0.pages().head()))
    }

    fn history(&self, _: &ChannelName, query: HistoryQuery) -> BoxFuture<Result<History, BrokerError>> {
        ready(self.0.check().map(|()| {
            let pages = self.0.pages();
            let Range::After(after) = query.range else { panic!("nobody asks backwards here") };
            let from = after.max(pages.floor).min(pages.written.len() as u64) as usize;
            let until = (query.until as usize).min(pages.written.len()).max(from);
            let publications = pages.written[from..until].iter().take(query.limit).cloned().collect();
            History { head: Some(pages.head()), publications }
        }))
    }

    fn place(&self, _: &Device) -> BoxFuture<Result<Place, BrokerError>> {
        let place = self.0.check().map(|()| Place { head: self.0.pages().head(), acked: None });
        let gate = self.0.gate.clone();
        Box::pin(async move {
            let _pass = gate.acquire().await.expect("it is never closed");
            place
        })
    }

    fn ack(&self, _: &Device, offset: u64) -> BoxFuture<Result<bool, BrokerError>> {
        ready(self.0.check().map(|()| offset == 0))
    }

    fn kept(&self, user: &UserId, op_id: &str) -> BoxFuture<Result<Option<Arc<str>>, BrokerError>> {
        let key = (user.clone(), op_id.to_owned());
        ready(self.0.check().map(|()| self.0.pages().replies.get(&key).cloned()))
    }

    fn keep(&self, user: &UserId, op_id: &str, reply: &str) -> BoxFuture<Result<(), BrokerError>> {
        self.0.pages().replies.entry((user.clone(), op_id.to_owned())).or_insert_with(|| reply.into());
        ready(self.0.check())
    }

    fn sweep(&self, _: Arc<Rules>) -> BoxFuture<()> {
        ready(())
    }
}

pub(crate) fn node() -> (TestNode, Arc<Paper>) {
    let paper = Paper::new();
    let rules = Namespace {
        slow_consumer: veche_kernel::SlowConsumer::DropOldest,
        replay_limit: 10_000,
        ..open("log", Class::Durable)
    };
    let builder = Kernel::builder()
        .limits(no_limits())
        .namespace(rules)
        .namespace(open("room", Class::Memory))
        .log(Arc::new(Handle(paper.clone())));
    (TestNode::start(builder), paper)
}
