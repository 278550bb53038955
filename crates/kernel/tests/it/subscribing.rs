//! A subscription continues from a position, or says why it cannot; and leaves nothing behind.

use std::time::Duration;

use serde_json::{Value, json};
use veche_kernel::{
    Class, Kernel, Limits, Namespace, Retain,
    testing::{Follower, TestClient, TestNode},
};

use crate::kit::{connect, follow, message, no_limits, offsets, open, publish, quiet, types};

fn node(room: Namespace) -> TestNode {
    TestNode::start(Kernel::builder().limits(no_limits()).namespace(room))
}

fn room() -> Namespace {
    quiet("room", Class::Memory)
}

fn retaining(count: u32) -> Namespace {
    Namespace { retain: Retain { count, bytes: 0, ..Retain::default() }, ..room() }
}

async fn since(client: &mut TestClient, epoch: &Value, offset: u64) -> Value {
    client.subscribe(json!({"channel": "room:1", "since": {"epoch": epoch, "offset": offset}})).await
}

#[tokio::test]
async fn without_a_position_a_subscription_is_fresh() {
    let node = node(room());
    publish(node.kernel(), "room:1", 1..=3, 0).await;
    let mut ann = node.client("ann").await;
    let subscribed = ann.join("room:1").await;
    assert_eq!((&subscribed["recovery"], &subscribed["offset"]), (&json!("fresh"), &json!(3)));
    publish(node.kernel(), "room:1", 4..=4, 0).await;
    assert_eq!(ann.next_frame().await["offset"], 4);
}

#[tokio::test]
async fn an_ephemeral_channel_is_always_fresh() {
    let node = node(quiet("cursor", Class::Ephemeral));
    let mut ann = node.client("ann").await;
    let since = json!({"epoch": "e", "offset": 3});
    let subscribed = ann.subscribe(json!({"channel": "cursor:1", "since": since})).await;
    assert_eq!(subscribed["recovery"], "fresh");
    assert!(subscribed["epoch"].is_null() && subscribed["offset"].is_null(), "{subscribed}");
    ann.send(message("cursor:1", 1));
    assert!(ann.next_frame().await["offset"].is_null());
}

#[tokio::test]
async fn a_position_is_continued_or_the_reason_is_told() {
    let node = node(Namespace { replay_limit: 5, ..retaining(10) });
    let mut ann = node.client("ann").await;
    let epoch = ann.join("room:1").await["epoch"].clone();
    publish(node.kernel(), "room:1", 1..=20, 0).await;
    node.settle().await;
    ann.arrived();
    let cases = [
        (20, json!(epoch), "up_to_date", json!(null), 0),
        (17, json!(epoch), "replay", json!(null), 3),
        (15, json!(epoch), "replay", json!(null), 5),
        (14, json!(epoch), "reset", json!("too_far"), 0),
        (9, json!(epoch), "reset", json!("trimmed"), 0),
        (21, json!(epoch), "reset", json!("ahead"), 0),
        (20, json!("other"), "reset", json!("epoch"), 0),
    ];
    for (offset, epoch, recovery, reason, missed) in cases {
        let mut bob = node.client("bob").await;
        let subscribed = since(&mut bob, &epoch, offset).await;
        assert_eq!((&subscribed["recovery"], &subscribed["reset_reason"]), (&json!(recovery), &reason));
        assert_eq!(subscribed["offset"], 20);
        node.settle().await;
        assert_eq!(offsets(&bob.arrived()), (20 - missed + 1..=20).collect::<Vec<_>>(), "since {offset}");
    }
}

/// A channel of 100 publications of 10 kB, and a client that has none of them.
async fn far_behind() -> (TestNode, Follower, TestClient) {
    let node = node(retaining(150));
    let mut follower = Follower::new(["room:1"]);
    let mut ann = node.client("ann").await;
    connect(&mut follower, &ann);
    node.settle().await;
    follow(&mut follower, &mut ann).expect("fresh");
    ann.cut().await;
    publish(node.kernel(), "room:1", 1..=100, 10_000).await;
    let mut bob = node.client("ann").await;
    bob.take_bytes(100_000);
    connect(&mut follower, &bob);
    node.settle().await;
    let waiting = bob.waiting_bytes().await;
    assert!((1..300_000).contains(&waiting), "one page waits at a time, not {waiting} bytes");
    follow(&mut follower, &mut bob).expect("the start of the replay");
    (node, follower, bob)
}

/// Red when a replaying subscriber is served live publications, too.
#[tokio::test]
async fn a_replay_goes_at_the_sockets_pace_and_live_publications_wait_behind_it() {
    let (node, mut follower, mut ann) = far_behind().await;
    publish(node.kernel(), "room:1", 101..=110, 10_000).await;
    node.settle().await;
    ann.take_bytes(300_000);
    publish(node.kernel(), "room:1", 111..=120, 10_000).await;
    node.settle().await;
    follow(&mut follower, &mut ann).expect("more of the replay");
    ann.refuse_bytes(false);
    node.settle().await;
    publish(node.kernel(), "room:1", 121..=125, 10_000).await;
    node.settle().await;
    follow(&mut follower, &mut ann).expect("the rest, and live ones");
    assert_eq!(follower.received("room:1").len(), 125);
    assert!(follower.resets("room:1").is_empty());
}

/// Red when a page is sent in spite of a hole before it.
#[tokio::test]
async fn what_is_trimmed_during_a_replay_is_told() {
    let (node, mut follower, mut ann) = far_behind().await;
    publish(node.kernel(), "room:1", 101..=300, 10_000).await;
    ann.refuse_bytes(false);
    node.settle().await;
    let frames = follow(&mut follower, &mut ann).expect("no gap");
    assert_eq!(types(&frames).last(), Some(&"lagged"));
    node.settle().await;
    let frames = follow(&mut follower, &mut ann).expect("a reset");
    assert_eq!(frames[0]["reset_reason"], "trimmed");
    publish(node.kernel(), "room:1", 301..=301, 0).await;
    node.settle().await;
    follow(&mut follower, &mut ann).expect("live");
    assert_eq!(follower.position("room:1").map(|(_, offset)| offset), Some(301));
}

#[tokio::test]
async fn a_second_subscribe_replaces_the_first() {
    let node = node(room());
    let mut ann = node.client("ann").await;
    let epoch = ann.join("room:1").await["epoch"].clone();
    publish(node.kernel(), "room:1", 1..=4, 0).await;
    assert_eq!(since(&mut ann, &epoch, 2).await["recovery"], "replay");
    publish(node.kernel(), "room:1", 5..=5, 0).await;
    node.settle().await;
    assert_eq!(offsets(&ann.arrived()), [1, 2, 3, 4, 3, 4, 5]);
    ann.request(json!({"type": "unsubscribe", "channel": "room:1"})).await.expect("it is idempotent");
    publish(node.kernel(), "room:1", 6..=6, 0).await;
    node.settle().await;
    assert_eq!(ann.arrived().len(), 0, "one unsubscribe ends it");
    assert_eq!((node.kernel().channels(), node.shard_channels().await), (0, 0));
    ann.request(json!({"type": "unsubscribe", "channel": "room:1"})).await.expect("it is idempotent");
}

#[tokio::test]
async fn many_channels_are_subscribed_to_at_once_and_refused_one_by_one() {
    let limits = Limits { channels_per_session: 3, ..no_limits() };
    let node = TestNode::start(Kernel::builder().limits(limits).namespace(room()));
    let mut ann = node.client("ann").await;
    let channels = ["room:1", "secret:1", "room:2", "room:2", "room:3", "room:4"];
    ann.send(json!({"type": "subscribe", "channels": channels}));
    node.settle().await;
    let frames = ann.arrived();
    let refused: Vec<_> = frames.iter().filter(|it| it["type"] == "error").collect();
    let subscribed: Vec<_> = frames.iter().filter_map(|it| it["channel"].as_str()).collect();
    assert_eq!(subscribed, ["room:1", "room:2", "room:2", "room:3"]);
    let codes: Vec<_> = refused.iter().filter_map(|it| it["error"]["code"].as_str()).collect();
    assert!(codes.contains(&"forbidden") && codes.contains(&"conflict"), "{codes:?}");
    assert_eq!(codes.len(), 2);
}

#[tokio::test]
async fn a_channel_holds_max_members() {
    let node = node(Namespace { max_members: 2, ..room() });
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    let mut eve = node.client("eve").await;
    ann.join("room:1").await;
    bob.join("room:1").await;
    bob.join("room:1").await;
    let full = eve.request(json!({"type": "subscribe", "channel": "room:1"})).await;
    assert_eq!(full.expect_err("it is full").code, "unavailable");
    ann.cut().await;
    eve.join("room:1").await;
}

/// Red when a lost connection leaves its channel's record in the shard.
#[tokio::test]
async fn nothing_is_left_when_everybody_has_gone() {
    let node = TestNode::start(
        Kernel::builder().limits(no_limits()).namespace(room()).namespace(open("club", Class::Memory)),
    );
    let mut clients = Vec::new();
    for at in 0..20 {
        let mut client = node.client("crowd").await;
        for channel in ["room:1", "club:1"] {
            client.join(channel).await;
        }
        client.join(&format!("club:{}", at + 10)).await;
        clients.push(client);
    }
    assert_eq!(node.kernel().channels(), 22);
    for (at, client) in clients.iter_mut().enumerate() {
        if at % 2 == 0 {
            client.cut().await;
        } else {
            for channel in ["room:1", "club:1", &format!("club:{}", at + 10)] {
                client.send(json!({"type": "unsubscribe", "channel": channel}));
            }
        }
    }
    node.settle().await;
    assert_eq!(node.shard_channels().await, 0);
    assert_eq!(node.kernel().channels(), 11, "members who were cut are kept for their return");
    node.advance(Duration::from_secs(11)).await;
    assert_eq!(node.kernel().channels(), 0);
}

#[tokio::test]
async fn history_is_read_by_pages() {
    let node = node(retaining(50));
    publish(node.kernel(), "room:1", 1..=20, 0).await;
    let mut ann = node.client("ann").await;
    let mut read = async |query: Value| {
        let mut frame = json!({"type": "history", "channel": "room:1"});
        frame.as_object_mut().expect("an object").extend(query.as_object().expect("an object").clone());
        let reply = ann.request(frame).await.expect("she may");
        let publications = reply["data"]["publications"].as_array().cloned().expect("a list");
        (reply["position"]["offset"].clone(), offsets(&publications))
    };
    assert_eq!(read(json!({"after": 17})).await, (json!(20), vec![18, 19, 20]));
    assert_eq!(read(json!({"before": 5, "limit": 2})).await.1, [4, 3]);
    assert_eq!(read(json!({"limit": 2})).await.1, [20, 19]);
}
