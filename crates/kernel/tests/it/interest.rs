//! What a node tells its broker of its interest: once when it begins, once when it ends.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use veche_kernel::{
    ChannelName, Class, Clock, Kernel, Namespace, Publication,
    broker::{Answer, Broker, BrokerError, Head, History, HistoryQuery, MemoryBroker, Published, Sink},
    testing::TestNode,
};

use crate::kit::{no_limits, quiet};

/// A broker that answers a subscription later, if at all, and keeps the books.
struct Remote {
    memory: Arc<MemoryBroker>,
    books: Mutex<HashMap<ChannelName, i64>>,
    is_down: AtomicBool,
}

impl Remote {
    fn new() -> Arc<Self> {
        let memory = Arc::new(MemoryBroker::new(Clock::manual(), 0));
        Arc::new(Self { memory, books: Mutex::default(), is_down: AtomicBool::new(false) })
    }

    fn count(&self, channel: &ChannelName, by: i64) {
        *self.books.lock().expect("no test panics with it").entry(channel.clone()).or_default() += by;
    }
}

impl Broker for Remote {
    fn start(&self, sink: Arc<dyn Sink>) {
        self.memory.start(sink);
    }

    fn publish(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Published, BrokerError>> {
        self.memory.publish(publication, namespace)
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Option<Head>, BrokerError>> {
        if self.is_down.load(Ordering::Relaxed) {
            return Answer::Now(Err(BrokerError::Unavailable("it is down".into())));
        }
        self.count(channel, 1);
        let answer = self.memory.subscribe(channel, namespace);
        Answer::Later(Box::pin(async move {
            tokio::task::yield_now().await;
            answer.wait().await
        }))
    }

    fn relay(&self, publication: Arc<Publication>) {
        self.memory.relay(publication);
    }

    fn unsubscribe(&self, channel: &ChannelName) {
        self.count(channel, -1);
        self.memory.unsubscribe(channel);
    }

    fn history(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
        query: HistoryQuery,
    ) -> Answer<Result<History, BrokerError>> {
        self.memory.history(channel, namespace, query)
    }
}

fn start(broker: &Arc<Remote>) -> TestNode {
    let builder = Kernel::builder().limits(no_limits()).namespace(quiet("room", Class::Memory));
    TestNode::start(builder.broker(broker.clone()))
}

/// Red when two who come at once announce a channel twice.
#[tokio::test]
async fn every_announcement_is_taken_back_once() {
    let broker = Remote::new();
    let node = start(&broker);
    let mut clients = Vec::new();
    for at in 0..6 {
        clients.push(node.client_on(at % 2, "crowd").await);
    }
    for _ in 0..100 {
        for client in &clients {
            client.send(json!({"type": "subscribe", "channel": "room:1"}));
            client.send(json!({"type": "unsubscribe", "channel": "room:1"}));
        }
    }
    node.settle().await;
    assert_eq!((node.kernel().channels(), node.shard_channels().await), (0, 0));
    let books = broker.books.lock().expect("no test panics with it").clone();
    assert_eq!(books.into_values().collect::<Vec<_>>(), [0]);
}

/// Red when the record of a channel stays that the broker would not serve.
#[tokio::test]
async fn a_broker_that_is_down_leaves_no_record() {
    let broker = Remote::new();
    let node = start(&broker);
    let mut ann = node.client("ann").await;
    broker.is_down.store(true, Ordering::Relaxed);
    let subscribe = json!({"type": "subscribe", "channel": "room:1"});
    let refused = ann.request(subscribe).await.expect_err("it is down");
    assert_eq!((refused.code.as_str(), node.kernel().channels()), ("unavailable", 0));
    broker.is_down.store(false, Ordering::Relaxed);
    ann.join("room:1").await;
}

/// Red when the memory broker keeps a flag instead of a count.
#[tokio::test]
async fn a_late_unsubscribe_does_not_undo_a_newer_subscribe() {
    let clock = Clock::manual();
    let broker = MemoryBroker::new(clock.clone(), 0);
    let namespace = Arc::new(quiet("room", Class::Memory));
    let room = ChannelName::parse("room:1").expect("it is a name");
    let head =
        async || broker.subscribe(&room, &namespace).wait().await.expect("it is up").map(|it| it.epoch);
    let first = head().await;
    let second = head().await;
    broker.unsubscribe(&room);
    clock.advance(Duration::from_mins(5));
    broker.tick();
    assert_eq!((first, broker.channels()), (second, 1));
    broker.unsubscribe(&room);
    clock.advance(Duration::from_mins(5));
    broker.tick();
    assert_eq!(broker.channels(), 0);
}
