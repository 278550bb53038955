//! A client that does not read costs a bounded number of bytes, and learns what it missed.

use serde_json::{Value, json};
use veche_kernel::{
    Class, Event, Kernel, Limits, Namespace, SlowConsumer,
    testing::{Follower, TestClient, TestNode},
};

use crate::kit::{Tick, connect, follow, message, no_limits, offsets, publish, quiet, types};

const BOUND: usize = 64 << 10;
/// What is kept besides publications: half of a frame, and what says that something was dropped.
const SLACK: usize = 2_000;

fn node(class: Class, policy: SlowConsumer) -> TestNode {
    let namespace = Namespace { slow_consumer: policy, ..quiet("room", class) };
    let limits = Limits { backlog_bytes: BOUND, ..no_limits() };
    TestNode::start(Kernel::builder().limits(limits).namespace(namespace))
}

/// A subscriber that reads half of a frame and then nothing.
async fn stuck(node: &TestNode) -> TestClient {
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    ann.take_bytes(500);
    ann
}

async fn fill(node: &TestNode, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        publish(node.kernel(), "room:1", n..=n, 1_000).await;
        node.settle().await;
    }
}

fn numbers(frames: &[Value]) -> Vec<u64> {
    frames.iter().filter_map(|frame| frame["data"]["n"].as_u64()).collect()
}

/// Red when the half of a frame that was sent is not followed by the other half.
#[tokio::test]
async fn disconnect_ends_the_connection_when_the_bound_is_passed() {
    for class in [Class::Ephemeral, Class::Memory] {
        let node = node(class, SlowConsumer::Disconnect);
        let mut ann = stuck(&node).await;
        let mut bob = node.client("bob").await;
        bob.join("room:1").await;
        fill(&node, 1..=55).await;
        let waiting = ann.waiting_bytes().await;
        assert!(waiting <= BOUND && ann.close_code().is_none(), "{waiting} bytes wait");
        fill(&node, 56..=70).await;
        assert_eq!(node.kernel().sessions(), 1);
        ann.refuse_bytes(false);
        assert_eq!(ann.closed().await, 3008);
        assert_eq!(numbers(&ann.arrived()), [1], "the half-sent frame ends before the close frame");
        node.settle().await;
        assert_eq!(numbers(&bob.arrived()).len(), 70, "others are not slowed down");
    }
}

#[tokio::test]
async fn drop_oldest_keeps_the_newest_and_counts_the_rest() {
    let node = node(Class::Ephemeral, SlowConsumer::DropOldest);
    let mut ann = stuck(&node).await;
    for n in 1..=200 {
        fill(&node, n..=n).await;
        let waiting = ann.waiting_bytes().await;
        assert!(waiting <= BOUND, "{waiting} bytes wait after {n}");
    }
    ann.refuse_bytes(false);
    node.settle().await;
    let frames = ann.arrived();
    let dropped =
        frames.iter().find(|frame| frame["type"] == "lagged").expect("it is told")["dropped"].clone();
    let seen = numbers(&frames);
    assert_eq!(seen[0], 1, "a frame that was half sent is not dropped");
    let newest: Vec<_> = (200 - (seen.len() as u64 - 2)..=200).collect();
    assert_eq!(seen[1..], newest);
    assert_eq!(dropped, 200 - seen.len() as u64);
    assert!(seen.len() > 40, "it drops no more than it must: {} are left", seen.len());
    fill(&node, 201..=201).await;
    assert_eq!(numbers(&ann.arrived()), [201], "it goes on");
}

#[tokio::test]
async fn latest_per_key_keeps_the_newest_of_each_key() {
    let node = node(Class::Ephemeral, SlowConsumer::LatestPerKey);
    let mut ann = stuck(&node).await;
    for n in 1..=200 {
        let key = ["a", "b", "c"][n as usize % 3];
        let target = node.kernel().channel("room:1").key(key);
        target.publish(&Tick::of_size(n, 1_000)).await.expect("there is room");
        node.settle().await;
        assert!(ann.waiting_bytes().await <= BOUND);
    }
    ann.refuse_bytes(false);
    node.settle().await;
    let frames = ann.arrived();
    let seen = numbers(&frames);
    assert_eq!((seen[0], &seen[seen.len() - 3..]), (1, &[198, 199, 200][..]));
    let dropped =
        frames.iter().find(|frame| frame["type"] == "lagged").expect("it is told")["dropped"].clone();
    assert_eq!(dropped, 200 - seen.len() as u64);
}

/// Red when `skipped` frames stay in the backlog that publications before them were dropped from.
#[tokio::test]
async fn a_positioned_channel_stops_and_goes_on_from_the_clients_position() {
    for policy in [SlowConsumer::DropOldest, SlowConsumer::LatestPerKey] {
        let node = node(Class::Memory, policy);
        let mut follower = Follower::new(["room:1"]);
        let mut ann = node.client("ann").await;
        connect(&mut follower, &ann);
        node.settle().await;
        follow(&mut follower, &mut ann).expect("fresh");
        ann.take_bytes(500);
        for n in 1..=80 {
            fill(&node, n..=n).await;
            if n % 10 == 5 {
                let mut own = message("room:1", n);
                own["echo"] = false.into();
                ann.send(own);
                node.settle().await;
            }
            let waiting = ann.waiting_bytes().await;
            assert!(waiting <= BOUND + SLACK, "{waiting} bytes wait after {n}");
        }
        assert!(ann.waiting_bytes().await < SLACK, "what was dropped takes nothing");
        ann.refuse_bytes(false);
        node.settle().await;
        let frames = follow(&mut follower, &mut ann).expect("no gap");
        assert_eq!((numbers(&frames), types(&frames)[1]), (vec![1], "lagged"), "told once, then silence");
        node.settle().await;
        let frames = follow(&mut follower, &mut ann).expect("a replay without a gap");
        assert_eq!(frames[0]["recovery"], "replay");
        fill(&node, 81..=81).await;
        follow(&mut follower, &mut ann).expect("live again");
        assert_eq!(follower.received("room:1").len(), 81);
        assert_eq!(follower.position("room:1").map(|(_, offset)| offset), Some(89));
    }
}

#[tokio::test]
async fn replies_that_nobody_reads_end_the_connection() {
    let node = node(Class::Memory, SlowConsumer::DropOldest);
    let mut ann = node.client("ann").await;
    ann.refuse_bytes(true);
    (0..10_000).for_each(|n| ann.send(json!({"type": "ping", "ts": n})));
    node.settle().await;
    assert_eq!(node.kernel().sessions(), 0);
    ann.refuse_bytes(false);
    assert_eq!(ann.closed().await, 3008);
}

#[tokio::test]
async fn bytes_cut_anywhere_decode_to_the_same_frames() {
    let node = node(Class::Memory, SlowConsumer::Disconnect);
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    ann.refuse_bytes(true);
    publish(node.kernel(), "room:1", 1..=100, 100).await;
    node.settle().await;
    let mut cut = 1;
    while ann.waiting_bytes().await > 0 {
        ann.take_bytes(cut);
        cut = cut * 7 % 997;
        node.settle().await;
    }
    ann.refuse_bytes(false);
    let frames = ann.arrived();
    assert_eq!(offsets(&frames), (1..=100).collect::<Vec<_>>());
    assert!(types(&frames).iter().all(|kind| *kind == Tick::NAME));
}
