//! What every broker must do, as one suite that runs against each of them.

mod desk;

use std::{borrow::Cow, sync::Arc, time::Duration};

use smallvec::smallvec;
use tokio::sync::Barrier;
use veche_protocol::{client::Range, name::ChannelName, position::Position};

use self::desk::{ALL, Desk, offsets, retaining, rules};
use crate::{
    broker::{Broker, Head, History, HistoryQuery, Published},
    clock::Clock,
    publication::{Publication, SessionId},
    rules::{Class, Namespace, Retain},
};

/// Runs every case against brokers that `factory` makes, each with a manual clock that the broker must
/// read its time from. Panics where a broker is wrong. Needs a multi-thread runtime.
///
/// ```
/// use std::sync::Arc;
/// use veche_kernel::{broker::{Broker, MemoryBroker}, testing::broker_suite};
///
/// # fn main() {
/// let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
/// runtime.block_on(broker_suite(async |clock| Arc::new(MemoryBroker::new(clock, 0)) as Arc<dyn Broker>));
/// # }
/// ```
pub async fn broker_suite<F: AsyncFn(Clock) -> Arc<dyn Broker>>(factory: F) {
    positions_count_from_one_without_a_hole(&Desk::new(&factory).await).await;
    channels_count_for_themselves(&Desk::new(&factory).await).await;
    concurrent_publishers_meet_in_one_order(&Desk::new(&factory).await).await;
    what_is_published_is_delivered_before_the_answer(&Desk::new(&factory).await).await;
    an_operation_counts_once_within_its_window(&Desk::new(&factory).await).await;
    an_operation_belongs_to_its_user(&Desk::new(&factory).await).await;
    a_window_of_zero_remembers_nothing(&Desk::new(&factory).await).await;
    history_is_read_in_both_directions(&Desk::new(&factory).await).await;
    a_page_of_history_is_bounded(&Desk::new(&factory).await).await;
    count_trims_the_oldest(&Desk::new(&factory).await).await;
    age_trims_the_oldest(&Desk::new(&factory).await).await;
    bytes_trim_the_oldest(&Desk::new(&factory).await).await;
    numbering_alone_retains_nothing(&Desk::new(&factory).await).await;
    an_epoch_lasts_while_somebody_is_subscribed(&Desk::new(&factory).await).await;
    interest_is_counted(&Desk::new(&factory).await).await;
    an_epoch_lasts_while_an_operation_is_remembered(&Desk::new(&factory).await).await;
    a_channel_that_is_over_begins_a_new_epoch(&Desk::new(&factory).await).await;
    an_ephemeral_channel_has_no_position(&Desk::new(&factory).await).await;
    a_publication_arrives_as_it_was_published(&Desk::new(&factory).await).await;
}

async fn positions_count_from_one_without_a_hole(desk: &Desk) {
    let rules = Arc::new(rules());
    let head = desk.subscribe(&rules).await.expect("a positioned channel has a head");
    assert_eq!((head.offset, head.floor), (0, 0));
    for offset in 1..=100 {
        let published = desk.publish(desk.publication("1"), &rules).await;
        let position = Some(Position { epoch: head.epoch, offset });
        assert_eq!(published, Published { position, duplicate: false });
    }
    assert_eq!(offsets(&desk.delivered()), (1..=100).collect::<Vec<_>>());
    assert_eq!(desk.subscribe(&rules).await, Some(Head { offset: 100, floor: 90, ..head }));
}

async fn channels_count_for_themselves(desk: &Desk) {
    let rules = Arc::new(rules());
    desk.publish_many(3, &rules).await;
    let other = ChannelName::parse(&format!("{}:b", &*desk.channel)).expect("it is a name");
    let published = desk.publish(Publication { channel: other, ..desk.publication("1") }, &rules).await;
    let position = published.position.expect("it is positioned");
    assert_eq!(position.offset, 1);
    assert_ne!(position.epoch, desk.head(&rules).await.epoch);
}

async fn concurrent_publishers_meet_in_one_order(desk: &Desk) {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 200;
    let all = (PUBLISHERS * EACH) as u64;
    let rules = retaining(Retain { count: all as u32, ..rules().retain });
    desk.subscribe(&rules).await;
    let start = Arc::new(Barrier::new(PUBLISHERS));
    let tasks = (0..PUBLISHERS).map(|publisher| {
        let (broker, rules, start) = (Arc::clone(&desk.broker), Arc::clone(&rules), Arc::clone(&start));
        let drafts: Vec<_> = (0..EACH).map(|n| desk.publication(&format!("\"{publisher}-{n}\""))).collect();
        tokio::spawn(async move {
            start.wait().await;
            for draft in drafts {
                broker.publish(draft, &rules).wait().await.expect("publishes");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("publishes without a panic");
    }
    let delivered = desk.delivered();
    assert_eq!(offsets(&delivered), (1..=all).collect::<Vec<_>>(), "delivered in the order of positions");
    let query = HistoryQuery { limit: usize::MAX, ..ALL };
    assert_eq!(desk.read(&rules, query).await.publications, delivered, "history has the same order");
}

async fn what_is_published_is_delivered_before_the_answer(desk: &Desk) {
    let rules = Arc::new(rules());
    desk.subscribe(&rules).await;
    for n in 1..=20 {
        desk.publish(desk.publication(&n.to_string()), &rules).await;
        assert_eq!(desk.delivered().len(), n, "delivered when the answer is there");
    }
}

async fn an_operation_counts_once_within_its_window(desk: &Desk) {
    let rules = Arc::new(rules());
    desk.subscribe(&rules).await;
    let first = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    desk.publish(desk.publication("2"), &rules).await;
    desk.clock.advance(Duration::from_millis(9_999));
    let again = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    assert_eq!(again, Published { duplicate: true, ..first }, "the first position answers");
    assert_eq!((desk.delivered().len(), desk.head(&rules).await.offset), (2, 2), "nothing was published");
    // The second one did not begin the window anew.
    desk.clock.advance(Duration::from_millis(1));
    let later = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    assert_eq!((later.duplicate, later.position.map(|p| p.offset)), (false, Some(3)));
}

async fn an_operation_belongs_to_its_user(desk: &Desk) {
    let rules = Arc::new(rules());
    for (offset, user) in (1..).zip([Some("ann"), Some("bob"), None]) {
        let published = desk.publish(desk.operation(user, "a"), &rules).await;
        assert_eq!((published.duplicate, published.position.map(|p| p.offset)), (false, Some(offset)));
    }
    for (offset, user) in (1..).zip([Some("ann"), Some("bob"), None]) {
        let published = desk.publish(desk.operation(user, "a"), &rules).await;
        assert_eq!((published.duplicate, published.position.map(|p| p.offset)), (true, Some(offset)));
    }
    let other = desk.publish(desk.operation(Some("ann"), "b"), &rules).await;
    assert!(!other.duplicate, "another operation of the same user");
}

async fn a_window_of_zero_remembers_nothing(desk: &Desk) {
    let rules = Arc::new(Namespace { dedupe: Duration::ZERO, ..rules() });
    for _ in 0..2 {
        assert!(!desk.publish(desk.operation(Some("ann"), "a"), &rules).await.duplicate);
    }
}

async fn history_is_read_in_both_directions(desk: &Desk) {
    let rules = Arc::new(rules());
    desk.publish_many(8, &rules).await;
    for (range, until, expected) in [
        (Range::After(0), u64::MAX, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (Range::After(5), u64::MAX, vec![6, 7, 8]),
        (Range::After(5), 7, vec![6, 7]),
        (Range::After(5), 5, vec![]),
        (Range::After(5), 3, vec![]),
        (Range::After(8), u64::MAX, vec![]),
        (Range::After(u64::MAX), u64::MAX, vec![]),
        (Range::Before(None), u64::MAX, vec![8, 7, 6, 5, 4, 3, 2, 1]),
        (Range::Before(None), 3, vec![3, 2, 1]),
        (Range::Before(Some(4)), u64::MAX, vec![3, 2, 1]),
        (Range::Before(Some(4)), 2, vec![2, 1]),
        (Range::Before(Some(1)), u64::MAX, vec![]),
        (Range::Before(Some(0)), u64::MAX, vec![]),
        (Range::Before(Some(u64::MAX)), 8, vec![8, 7, 6, 5, 4, 3, 2, 1]),
    ] {
        let query = HistoryQuery { range, until, ..ALL };
        assert_eq!(desk.offsets(&rules, query).await, expected, "{query:?}");
    }
}

async fn a_page_of_history_is_bounded(desk: &Desk) {
    let rules = Arc::new(rules());
    for data in ["\"aaaaaaaa\"", "\"bbbbbbbb\"", "\"cccccccc\"", "\"dddddddd\""] {
        desk.publish(desk.publication(data), &rules).await;
    }
    for (limit, bytes, forward, backward) in [
        (2, usize::MAX, vec![1, 2], vec![4, 3]),
        (0, usize::MAX, vec![], vec![]),
        (9, 30, vec![1, 2, 3], vec![4, 3, 2]),
        (9, 29, vec![1, 2], vec![4, 3]),
        (2, 30, vec![1, 2], vec![4, 3]),
        // A page holds one at least, or nobody would ever come past it.
        (9, 0, vec![1], vec![4]),
    ] {
        let query = HistoryQuery { limit, bytes, ..ALL };
        assert_eq!(desk.offsets(&rules, query).await, forward, "{query:?}");
        let query = HistoryQuery { range: Range::Before(None), ..query };
        assert_eq!(desk.offsets(&rules, query).await, backward, "{query:?}");
    }
}

async fn count_trims_the_oldest(desk: &Desk) {
    let rules = retaining(Retain { count: 3, ..rules().retain });
    desk.publish_many(3, &rules).await;
    assert_eq!(desk.head(&rules).await.floor, 0);
    desk.publish_many(2, &rules).await;
    let History { head, publications } = desk.read(&rules, ALL).await;
    assert_eq!(head.map(|head| (head.offset, head.floor)), Some((5, 2)));
    assert_eq!(offsets(&publications), [3, 4, 5]);
    let query = HistoryQuery { range: Range::Before(Some(4)), ..ALL };
    assert_eq!(desk.offsets(&rules, query).await, [3]);
}

async fn age_trims_the_oldest(desk: &Desk) {
    let rules = Arc::new(rules());
    let epoch = desk.subscribe(&rules).await.map(|head| head.epoch);
    desk.publish_many(2, &rules).await;
    desk.clock.advance(Duration::from_secs(30));
    desk.publish_many(1, &rules).await;
    desk.clock.advance(Duration::from_millis(29_999));
    assert_eq!(desk.offsets(&rules, ALL).await, [1, 2, 3]);
    // Without a tick: what is over is not read, nor promised by the floor.
    desk.clock.advance(Duration::from_millis(1));
    assert_eq!(desk.offsets(&rules, ALL).await, [3]);
    assert_eq!(desk.head(&rules).await.floor, 2);
    desk.advance(30);
    let head = desk.subscribe(&rules).await.expect("a positioned channel has a head");
    assert_eq!((Some(head.epoch), head.offset, head.floor), (epoch, 3, 3));
}

async fn bytes_trim_the_oldest(desk: &Desk) {
    let rules = retaining(Retain { bytes: 25, ..rules().retain });
    for data in ["\"aaaaaaaa\"", "\"bbbbbbbb\"", "\"ccc\""] {
        desk.publish(desk.publication(data), &rules).await;
    }
    assert_eq!(desk.offsets(&rules, ALL).await, [1, 2, 3]);
    desk.publish(desk.publication("4"), &rules).await;
    assert_eq!(desk.offsets(&rules, ALL).await, [2, 3, 4]);
    let heavy = format!("\"{}\"", "x".repeat(30));
    let published = desk.publish(desk.publication(&heavy), &rules).await;
    assert_eq!(published.position.map(|p| p.offset), Some(5));
    let head = desk.head(&rules).await;
    assert_eq!((head.offset, head.floor), (5, 5), "what is heavier than the bound is numbered, not kept");
    assert_eq!(desk.offsets(&rules, ALL).await, [0; 0]);
}

async fn numbering_alone_retains_nothing(desk: &Desk) {
    let rules = retaining(Retain { count: 0, ..rules().retain });
    desk.subscribe(&rules).await;
    desk.publish_many(3, &rules).await;
    assert_eq!(offsets(&desk.delivered()), [1, 2, 3]);
    let History { head, publications } = desk.read(&rules, ALL).await;
    assert_eq!((head.map(|head| (head.offset, head.floor)), publications), (Some((3, 3)), vec![]));
}

async fn an_epoch_lasts_while_somebody_is_subscribed(desk: &Desk) {
    let rules = Arc::new(rules());
    let head = desk.subscribe(&rules).await.expect("a positioned channel has a head");
    desk.publish_many(5, &rules).await;
    for _ in 0..10 {
        desk.advance(3_600);
    }
    assert_eq!(desk.subscribe(&rules).await, Some(Head { epoch: head.epoch, offset: 5, floor: 5 }));
    let position = desk.publish(desk.publication("6"), &rules).await.position;
    assert_eq!(position, Some(Position { epoch: head.epoch, offset: 6 }));
}

/// A node forgets a channel and takes it up again at once: its late farewell must not end the new interest.
async fn interest_is_counted(desk: &Desk) {
    let rules = retaining(Retain { count: 1, ttl: Duration::from_secs(1), bytes: 0 });
    let first = desk.subscribe(&rules).await.expect("a positioned channel has a head");
    desk.subscribe(&rules).await;
    desk.broker.unsubscribe(&desk.channel);
    desk.publish(desk.publication("1"), &rules).await;
    desk.advance(60);
    assert_eq!(desk.head(&rules).await.epoch, first.epoch, "somebody is still interested");
}

async fn an_epoch_lasts_while_an_operation_is_remembered(desk: &Desk) {
    let retain = Retain { count: 0, ..rules().retain };
    let rules = Arc::new(Namespace { retain, dedupe: Duration::from_mins(10), ..rules() });
    let first = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    desk.advance(599);
    let again = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    assert_eq!(again, Published { duplicate: true, ..first });
}

async fn a_channel_that_is_over_begins_a_new_epoch(desk: &Desk) {
    let rules = Arc::new(rules());
    let head = desk.subscribe(&rules).await.expect("a positioned channel has a head");
    desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
    desk.broker.unsubscribe(&desk.channel);
    desk.advance(59);
    assert_eq!(desk.head(&rules).await, Head { epoch: head.epoch, offset: 1, floor: 0 }, "still retained");
    desk.advance(1);
    desk.advance(1);
    let position = desk.publish(desk.publication("1"), &rules).await.position.expect("it is positioned");
    assert_eq!(position.offset, 1);
    assert_ne!(position.epoch, head.epoch);
}

async fn an_ephemeral_channel_has_no_position(desk: &Desk) {
    let rules = Arc::new(Namespace { class: Class::Ephemeral, ..rules() });
    assert_eq!(desk.subscribe(&rules).await, None);
    for n in 1..=3 {
        // Its operations are not remembered.
        let published = desk.publish(desk.operation(Some("ann"), "a"), &rules).await;
        assert_eq!(published, Published { position: None, duplicate: false });
        assert_eq!(desk.delivered().len(), n);
    }
    assert!(desk.delivered().iter().all(|publication| publication.position.is_none()));
    assert_eq!(desk.read(&rules, ALL).await, History { head: None, publications: vec![] });
    desk.broker.unsubscribe(&desk.channel);
}

async fn a_publication_arrives_as_it_was_published(desk: &Desk) {
    let rules = Arc::new(rules());
    desk.subscribe(&rules).await;
    let draft = Publication {
        event: Cow::Owned("card.moved".into()),
        data: "{\"card\": 7, \"текст\":\"\\u0000 ✓\"}".into(),
        key: Some("card-7".into()),
        time_ms: 1_234_567_890_123,
        exclude: smallvec![SessionId(1), SessionId(u64::MAX)],
        args: true,
        except: None,
        ..desk.operation(Some("ann"), "операция 1")
    };
    let position = desk.publish(draft.clone(), &rules).await.position;
    assert!(position.is_some());
    let expected = Arc::new(Publication { position, ..draft });
    assert_eq!(desk.delivered(), [Arc::clone(&expected)]);
    assert_eq!(desk.read(&rules, ALL).await.publications, [expected]);
}
