//! What each case of the suite stands at: a broker, its clock, and what it delivered.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use veche_protocol::{client::Range, name::ChannelName, position::Epoch};

use crate::{
    broker::{Broker, Head, History, HistoryQuery, Published, Sink},
    clock::Clock,
    publication::{Publication, Sender, SessionId, UserId},
    rules::{Class, Namespace, Retain},
};

/// Keeps what the broker delivers.
#[derive(Default)]
pub(super) struct Recorder(pub(super) Mutex<Vec<Arc<Publication>>>);

impl Sink for Recorder {
    fn deliver(&self, publication: Arc<Publication>) {
        // A broker that delivers outside the channel's lock is overtaken here.
        if publication.position.is_some_and(|position| position.offset % 4 == 1) {
            (0..2_000).for_each(|_| std::hint::spin_loop());
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(publication);
    }
}

/// A broker with its clock, its sink and a channel that nobody used before.
pub(super) struct Desk {
    pub(super) clock: Clock,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) sink: Arc<Recorder>,
    pub(super) channel: ChannelName,
}

impl Desk {
    pub(super) async fn new<F: AsyncFn(Clock) -> Arc<dyn Broker>>(factory: &F) -> Self {
        let clock = Clock::manual();
        let broker = factory(clock.clone()).await;
        let sink = Arc::new(Recorder::default());
        broker.start(Arc::clone(&sink) as Arc<dyn Sink>);
        // An engine may remember the channels of the suite's last run.
        let unused = Epoch::from_bits(getrandom::u64().expect("the system gives random bits"));
        let channel = ChannelName::parse(&format!("room:{unused}")).expect("it is a name");
        Self { clock, broker, sink, channel }
    }

    pub(super) fn publication(&self, data: &str) -> Publication {
        Publication::new(self.channel.clone(), Cow::Borrowed("message"), data.into(), self.clock.wall_ms())
    }

    pub(super) fn operation(&self, user: Option<&str>, op_id: &str) -> Publication {
        let sender = user.map(|user| Sender { user: UserId::from(user), session: SessionId(1) });
        Publication { sender, op_id: Some(op_id.into()), ..self.publication("1") }
    }

    pub(super) async fn publish(&self, publication: Publication, rules: &Arc<Namespace>) -> Published {
        self.broker.publish(publication, rules).wait().await.expect("publishes")
    }

    pub(super) async fn publish_many(&self, count: usize, rules: &Arc<Namespace>) {
        for n in 1..=count {
            self.publish(self.publication(&n.to_string()), rules).await;
        }
    }

    pub(super) async fn subscribe(&self, rules: &Arc<Namespace>) -> Option<Head> {
        self.broker.subscribe(&self.channel, rules).wait().await.expect("subscribes")
    }

    pub(super) async fn read(&self, rules: &Arc<Namespace>, query: HistoryQuery) -> History {
        self.broker.history(&self.channel, rules, query).wait().await.expect("reads")
    }

    /// The offsets of a page.
    pub(super) async fn offsets(&self, rules: &Arc<Namespace>, query: HistoryQuery) -> Vec<u64> {
        offsets(&self.read(rules, query).await.publications)
    }

    pub(super) async fn head(&self, rules: &Arc<Namespace>) -> Head {
        self.read(rules, ALL).await.head.expect("a positioned channel has a head")
    }

    pub(super) fn delivered(&self) -> Vec<Arc<Publication>> {
        self.sink.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.broker.tick();
    }
}

pub(super) const ALL: HistoryQuery =
    HistoryQuery { range: Range::After(0), until: u64::MAX, limit: 1_000, bytes: usize::MAX };

pub(super) fn offsets(publications: &[Arc<Publication>]) -> Vec<u64> {
    publications.iter().map(|p| p.position.expect("it is positioned").offset).collect()
}

/// Rules of class `memory`: 10 publications for 60 s, operations for 10 s.
pub(super) fn rules() -> Namespace {
    Namespace {
        class: Class::Memory,
        retain: Retain { count: 10, ttl: Duration::from_mins(1), bytes: 0 },
        dedupe: Duration::from_secs(10),
        ..Namespace::new("room")
    }
}

pub(super) fn retaining(retain: Retain) -> Arc<Namespace> {
    Arc::new(Namespace { retain, ..rules() })
}
