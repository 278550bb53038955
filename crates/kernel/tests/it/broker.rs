//! The memory broker: the suite of all brokers, and what only this one promises.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::ScopedJoinHandle,
    time::Duration,
};

use veche_kernel::{
    Class, Clock, Namespace, Publication, Retain,
    broker::{Answer, Broker, BrokerError, History, HistoryQuery, MemoryBroker, Published, Sink},
    testing::broker_suite,
};
use veche_protocol::{client::Range, name::ChannelName};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_broker_passes_the_suite() {
    broker_suite(async |clock| Arc::new(MemoryBroker::new(clock, 0)) as Arc<dyn Broker>).await;
}

/// Counts, and panics when told to.
#[derive(Default)]
struct Meter {
    delivered: AtomicU64,
    panics: AtomicBool,
}

impl Sink for Meter {
    fn deliver(&self, _: Arc<Publication>) {
        self.delivered.fetch_add(1, Ordering::AcqRel);
        assert!(!self.panics.load(Ordering::Acquire), "as the test wants it");
    }
}

fn broker(retained_bytes: usize) -> (Clock, MemoryBroker, Arc<Meter>) {
    let (clock, meter) = (Clock::manual(), Arc::new(Meter::default()));
    let broker = MemoryBroker::new(clock.clone(), retained_bytes);
    broker.start(Arc::clone(&meter) as Arc<dyn Sink>);
    (clock, broker, meter)
}

fn rules() -> Arc<Namespace> {
    let retain = Retain { count: 1_000, ttl: Duration::from_mins(1), bytes: 0 };
    Arc::new(Namespace {
        class: Class::Memory,
        retain,
        dedupe: Duration::from_secs(10),
        ..Namespace::new("room")
    })
}

fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).unwrap()
}

fn publication(channel: &str, bytes: usize) -> Publication {
    Publication {
        channel: name(channel),
        event: Cow::Borrowed("message"),
        data: "1".repeat(bytes).into(),
        position: None,
        sender: None,
        op_id: None,
        key: None,
        time_ms: 0,
        exclude: smallvec::SmallVec::default(),
        args: false,
        except: None,
    }
}

fn now<T>(answer: Answer<Result<T, BrokerError>>) -> Result<T, BrokerError> {
    match answer {
        Answer::Now(answer) => answer,
        Answer::Later(_) => panic!("the memory broker answers in place"),
    }
}

fn publish(broker: &MemoryBroker, publication: Publication) -> Published {
    now(broker.publish(publication, &rules())).unwrap()
}

fn history(broker: &MemoryBroker, channel: &str) -> History {
    let query = HistoryQuery { range: Range::After(0), until: u64::MAX, limit: 2_000, bytes: usize::MAX };
    now(broker.history(&name(channel), &rules(), query)).unwrap()
}

/// Offset, floor, and how many can be read.
fn state(broker: &MemoryBroker, channel: &str) -> (u64, u64, usize) {
    let History { head, publications } = history(broker, channel);
    let head = head.unwrap();
    (head.offset, head.floor, publications.len())
}

#[test]
fn a_broker_that_was_not_started_is_unavailable() {
    let broker = MemoryBroker::new(Clock::manual(), 0);
    let answer = now(broker.publish(publication("room:1", 1), &rules()));
    assert!(matches!(answer, Err(BrokerError::Unavailable(_))));
    assert_eq!(broker.channels(), 0);
}

#[test]
fn above_the_nodes_bound_the_oldest_ring_goes_first_and_keeps_its_numbering() {
    let (clock, broker, _) = broker(80_000);
    let epoch = |channel: &str| history(&broker, channel).head.unwrap().epoch;
    for channel in ["room:old", "room:mid", "room:new"] {
        for _ in 0..10 {
            publish(&broker, publication(channel, 2_000));
        }
        clock.advance(Duration::from_secs(1));
    }
    let all = broker.retained_bytes();
    assert!((60_000..80_000).contains(&all), "{all}");
    // The oldest is published to again, and is the youngest now.
    publish(&broker, publication("room:old", 1));
    let before = epoch("room:mid");
    publish(&broker, publication("room:new", 80_000 - all));
    assert_eq!(state(&broker, "room:mid"), (10, 10, 0));
    assert_eq!(epoch("room:mid"), before);
    assert_eq!(state(&broker, "room:old"), (11, 0, 11));
    assert_eq!(state(&broker, "room:new"), (11, 0, 11));
    assert!(broker.retained_bytes() <= 70_000);
    assert_eq!(publish(&broker, publication("room:mid", 1)).position.unwrap().offset, 11);
    assert_eq!(state(&broker, "room:mid"), (11, 10, 1));
}

#[test]
fn one_ring_that_is_above_the_bound_alone_is_emptied() {
    let (_, broker, _) = broker(10_000);
    for _ in 0..100 {
        publish(&broker, publication("room:1", 1_000));
        assert!(broker.retained_bytes() <= 10_000);
    }
    assert_eq!(state(&broker, "room:1").0, 100);
}

#[test]
fn the_sum_of_what_is_retained_ends_where_it_began() {
    let (clock, broker, _) = broker(0);
    for n in 0..2_000 {
        let op_id = Some(format!("{n}").into());
        publish(&broker, Publication { op_id, ..publication(&format!("room:{}", n % 7), n) });
    }
    assert!(broker.retained_bytes() > 2_000 * 999);
    clock.advance(Duration::from_mins(1));
    assert_eq!(state(&broker, "room:1").2, 0, "reading expires without a tick");
    broker.tick();
    assert_eq!((broker.retained_bytes(), broker.channels()), (0, 0));
}

#[test]
fn a_record_is_freed_when_nobody_could_ask_for_anything() {
    let (clock, broker, _) = broker(0);
    now(broker.subscribe(&name("room:subscribed"), &rules())).unwrap();
    now(broker.subscribe(&name("room:left"), &rules())).unwrap();
    publish(&broker, publication("room:retained", 1));
    let count_0 =
        Arc::new(Namespace { retain: Retain { count: 0, ..Retain::default() }, ..(*rules()).clone() });
    let operation = Publication { op_id: Some("a".into()), ..publication("room:operation", 1) };
    now(broker.publish(operation, &count_0)).unwrap();
    history(&broker, "room:read");
    assert_eq!(broker.channels(), 5);
    broker.tick();
    assert_eq!(broker.channels(), 4, "what was only read");
    broker.unsubscribe(&name("room:left"));
    broker.unsubscribe(&name("room:never"));
    clock.advance(Duration::from_secs(10));
    broker.tick();
    assert_eq!(broker.channels(), 3, "what has no operation to remember");
    clock.advance(Duration::from_secs(49));
    broker.tick();
    assert_eq!(broker.channels(), 3, "what is retained, and what somebody may come back to");
    clock.advance(Duration::from_secs(1));
    broker.tick();
    assert_eq!(broker.channels(), 1, "what somebody is subscribed to");
    broker.unsubscribe(&name("room:subscribed"));
    clock.advance(Duration::from_mins(1));
    broker.tick();
    assert_eq!(broker.channels(), 0);
}

#[test]
fn who_comes_back_in_a_silence_finds_the_same_channel() {
    let (clock, broker, _) = broker(0);
    let long = Arc::new(Namespace {
        retain: Retain { ttl: Duration::from_mins(10), ..Retain::default() },
        ..(*rules()).clone()
    });
    let head = || now(broker.subscribe(&name("room:1"), &long)).unwrap().unwrap();
    let first = head();
    for second in 1..=3 {
        broker.unsubscribe(&name("room:1"));
        clock.advance(Duration::from_secs(119));
        broker.tick();
        assert_eq!(head(), first, "the {second}. time");
    }
    broker.unsubscribe(&name("room:1"));
    clock.advance(Duration::from_mins(2));
    broker.tick();
    assert_ne!(head(), first, "nobody waits for ever");
}

/// Red when to join and to leave fills the memory.
#[test]
fn not_every_channel_that_was_left_is_kept() {
    let (_, broker, _) = broker(0);
    for n in 0..100_000 {
        let channel = name(&format!("room:{n}"));
        now(broker.subscribe(&channel, &rules())).unwrap();
        broker.unsubscribe(&channel);
    }
    broker.tick();
    assert_eq!(broker.channels(), 64 * 1_024);
}

#[test]
fn an_ephemeral_channel_leaves_no_record() {
    let (_, broker, meter) = broker(0);
    let rules = Arc::new(Namespace::new("room"));
    now(broker.publish(publication("room:1", 1), &rules)).unwrap();
    now(broker.subscribe(&name("room:1"), &rules)).unwrap();
    assert_eq!((broker.channels(), broker.retained_bytes()), (0, 0));
    assert_eq!(meter.delivered.load(Ordering::Acquire), 1);
}

#[test]
fn a_sink_that_panics_does_not_end_the_channel() {
    let (_, broker, meter) = broker(0);
    publish(&broker, publication("room:1", 1));
    meter.panics.store(true, Ordering::Release);
    let attempt = AssertUnwindSafe(|| publish(&broker, publication("room:1", 1)));
    assert!(std::panic::catch_unwind(attempt).is_err());
    meter.panics.store(false, Ordering::Release);
    assert_eq!(publish(&broker, publication("room:1", 1)).position.unwrap().offset, 3);
    assert_eq!(state(&broker, "room:1"), (3, 0, 3));
    broker.tick();
    assert_eq!(broker.retained_bytes() / 3 * 3, broker.retained_bytes(), "three of one size");
}

#[test]
fn freeing_never_takes_a_record_that_is_in_use() {
    // Channels come and go under publishers, while ticks free what is over: a publication that was
    // answered while somebody is subscribed keeps its epoch.
    let (_, broker, _) = broker(50_000);
    let rules = Arc::new(Namespace {
        retain: Retain { count: 1, ttl: Duration::ZERO, bytes: 0 },
        dedupe: Duration::ZERO,
        ..(*rules()).clone()
    });
    let (broker, rules, done) = (&broker, &rules, &AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(Ordering::Acquire) {
                broker.tick();
            }
        });
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                scope.spawn(move || {
                    let channel = format!("room:{worker}");
                    for _ in 0..3_000 {
                        let head = now(broker.subscribe(&name(&channel), rules)).unwrap().unwrap();
                        let first = now(broker.publish(publication(&channel, 1), rules)).unwrap();
                        let second = now(broker.publish(publication(&channel, 1), rules)).unwrap();
                        let (first, second) = (first.position.unwrap(), second.position.unwrap());
                        assert_eq!((first.epoch, second.epoch), (head.epoch, head.epoch));
                        assert_eq!((first.offset, second.offset), (head.offset + 1, head.offset + 2));
                        broker.unsubscribe(&name(&channel));
                    }
                })
            })
            .collect();
        let results: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Release);
        for result in results {
            result.unwrap();
        }
    });
    broker.tick();
    assert_eq!((broker.channels(), broker.retained_bytes()), (0, 0));
}
