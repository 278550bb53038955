//! Publications that wait next to each other, and what each of them gets.

use std::time::Duration;

use veche_kernel::{Namespace, Publication, broker::Published};

use super::desk::{ALL, Desk, Queued, name, offsets, queued, rules};
use crate::{Error, Tx};

/// Queues an append.
fn append(desk: &Desk, publication: Publication) -> Queued<Published> {
    let store = desk.store.clone();
    let rules = Namespace { dedupe: Duration::from_secs(10), ..rules() };
    queued(async move { store.append(publication, &rules).await })
}

/// Where they stand, in the order of asking; a duplicate's place is negative.
async fn places(appends: Vec<Queued<Published>>) -> Vec<i64> {
    let mut places = Vec::new();
    for append in appends {
        let Published { position, duplicate } = append.await.expect("appends");
        let offset = position.expect("it is positioned").offset.cast_signed();
        places.push(if duplicate { -offset } else { offset });
    }
    places
}

/// Red where a channel's neighbours took their offsets backwards.
pub(super) async fn neighbours_of_many_channels_keep_their_order(desk: &Desk) {
    let (release, held) = desk.hold();
    let at = |channel: &str, data: usize| Publication {
        channel: name(channel),
        ..desk.publication(&data.to_string())
    };
    let channels = ["room:2", "room:1", "room:3", "room:1", "room:2"];
    let appends = (0..100).map(|n| append(desk, at(channels[n % 5], n))).collect();
    drop(release);
    held.await.expect("the held write ends");
    let places = places(appends).await;
    let delivered = desk.delivered();
    for (channel, count) in [("room:1", 40), ("room:2", 40), ("room:3", 20)] {
        let own = |n: &usize| channels[n % 5] == channel;
        assert_eq!(
            (0..100).filter(own).map(|n| places[n]).collect::<Vec<_>>(),
            (1..=count).collect::<Vec<_>>()
        );
        let of_channel: Vec<_> =
            delivered.iter().filter(|it| it.channel.as_str() == channel).cloned().collect();
        assert_eq!(offsets(&of_channel), (1..=count.cast_unsigned()).collect::<Vec<_>>(), "{channel}");
        let data: Vec<_> = of_channel.iter().map(|it| it.data.to_string()).collect();
        assert_eq!(data, (0..100).filter(own).map(|n| n.to_string()).collect::<Vec<_>>(), "{channel}");
    }
}

/// Red where neighbours were kept although one of them was no new operation.
pub(super) async fn a_doubled_operation_among_neighbours_counts_once(desk: &Desk) {
    append(desk, desk.operation(Some("ann"), "old")).await.expect("appends");
    let (release, held) = desk.hold();
    let appends = [Some("new"), None, Some("old"), Some("new"), None, Some("last")].map(|op_id| {
        let publication = op_id.map(|op_id| desk.operation(Some("ann"), op_id));
        append(desk, publication.unwrap_or_else(|| desk.publication("1")))
    });
    drop(release);
    held.await.expect("the held write ends");
    assert_eq!(places(appends.into()).await, [2, 3, -1, -2, 4, 5]);
    assert_eq!(offsets(&desk.delivered()), [1, 2, 3, 4, 5]);
    assert_eq!(desk.offsets(ALL).await, [1, 2, 3, 4, 5]);
}

/// Red where operations of neighbours were not kept at all.
pub(super) async fn operations_of_neighbours_are_remembered(desk: &Desk) {
    let operations = || (0..40).map(|n| append(desk, desk.operation(Some("ann"), &n.to_string()))).collect();
    for expected in [(1..=40).collect::<Vec<_>>(), (1..=40).map(|place| -place).collect()] {
        let (release, held) = desk.hold();
        let appends = operations();
        drop(release);
        held.await.expect("the held write ends");
        assert_eq!(places(appends).await, expected);
    }
    desk.clock.advance(Duration::from_secs(10));
    assert_eq!(places(operations()).await, (41..=80).collect::<Vec<_>>(), "they are forgotten");
}

/// Red where the failed write was not undone by itself, and where publications were sorted out of the queue.
pub(super) async fn writes_between_neighbours_keep_their_turn(desk: &Desk) {
    let (release, held) = desk.hold();
    let write = |keep: bool| {
        let (store, channel) = (desk.store.clone(), desk.channel.clone());
        queued(async move {
            let publish = async move |tx: &mut Tx| {
                tx.channel(&channel).await?.publish("noted", "1").await?;
                if keep { Ok(()) } else { Err(Error::Panicked) }
            };
            store.write(publish).await
        })
    };
    let one = || append(desk, desk.publication("1"));
    let (first, second, kept, third, failed, last) = (one(), one(), write(true), one(), write(false), one());
    drop(release);
    held.await.expect("the held write ends");
    assert_eq!(places(vec![first, second, third, last]).await, [1, 2, 4, 5]);
    kept.await.expect("it is kept");
    failed.await.expect_err("it has failed");
    let events: Vec<_> = desk.delivered().iter().map(|it| it.event.to_string()).collect();
    assert_eq!(events, ["message", "message", "noted", "message", "message"]);
    assert_eq!(desk.offsets(ALL).await, [1, 2, 3, 4, 5]);
}
