//! Durable channels: what a log commits reaches subscribers once and in order, whatever becomes of its hints.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use veche_kernel::{
    BuildError, Epoch, Kernel, Module, Namespace, Rejection, State,
    testing::{TestClient, TestNode},
};

use crate::{
    kit::{message, no_limits, types},
    paper::{Handle, Paper, node},
};

async fn publish(client: &mut TestClient, count: u64) {
    for number in 1..=count {
        client.request(message("log:1", json!(number))).await.expect("it is committed");
    }
}

fn offsets(frames: &[Value]) -> Vec<u64> {
    let publications = frames.iter().filter(|frame| frame["type"] == "message");
    publications.filter_map(|frame| frame["offset"].as_u64()).collect()
}

#[test]
fn a_durable_namespace_needs_a_log() {
    let built = Kernel::builder().namespace(Namespace::durable("log")).build();
    assert_eq!(built.err(), Some(BuildError::NoLog { namespace: "log".into() }));
}

#[tokio::test]
async fn an_acknowledgement_names_the_class_and_comes_after_the_own_copy() {
    let (node, _paper) = node();
    let mut ann = node.client("ann").await;
    ann.join("log:1").await;
    let mut frame = message("log:1", json!("hello"));
    frame["id"] = json!("a");
    ann.send(frame);
    node.settle().await;
    let frames = ann.arrived();
    assert_eq!(types(&frames), ["message", "reply"]);
    assert_eq!((&frames[1]["class"], &frames[1]["position"]["offset"]), (&json!("durable"), &json!(1)));
}

/// Red when a later hint is delivered without reading what it passed over.
#[tokio::test]
async fn lost_hints_are_made_up_for_by_the_next() {
    let (node, paper) = node();
    let mut bob = node.client("bob").await;
    bob.join("log:1").await;
    let mut ann = node.client("ann").await;
    paper.relays_by_itself.store(false, Ordering::Relaxed);
    publish(&mut ann, 2_500).await;
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), [0u64; 0]);
    paper.hint(&[1, 2_400]);
    node.settle().await;
    // What is there is brought along, hinted or not.
    assert_eq!(offsets(&bob.arrived()), (1..=2_500).collect::<Vec<_>>());
}

/// Red when the cursor drops nothing.
#[tokio::test]
async fn doubled_and_late_hints_change_nothing() {
    let (node, paper) = node();
    let mut bob = node.client("bob").await;
    bob.join("log:1").await;
    let mut ann = node.client("ann").await;
    paper.relays_by_itself.store(false, Ordering::Relaxed);
    publish(&mut ann, 5).await;
    paper.hint(&[1, 1, 2, 1, 3, 2, 4, 5, 5, 1]);
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), [1, 2, 3, 4, 5]);
}

/// Red when the cursor stands at the page's head without a word to the subscribers.
#[tokio::test]
async fn what_was_trimmed_before_it_was_read_is_told() {
    let (node, paper) = node();
    let mut bob = node.client("bob").await;
    bob.join("log:1").await;
    let mut ann = node.client("ann").await;
    publish(&mut ann, 2).await;
    paper.relays_by_itself.store(false, Ordering::Relaxed);
    publish(&mut ann, 4).await;
    paper.pages().floor = 4;
    paper.hint(&[6]);
    node.settle().await;
    let frames = bob.arrived();
    assert_eq!(types(&frames), ["message", "message", "lagged"]);
    let since = frames[2]["since"].clone();
    assert_eq!(since["offset"], 2);
    let again = bob.subscribe(json!({"channel": "log:1", "since": since})).await;
    assert_eq!((&again["recovery"], &again["reset_reason"]), (&json!("reset"), &json!("trimmed")));
    paper.relays_by_itself.store(true, Ordering::Relaxed);
    publish(&mut ann, 1).await;
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), [7]);
}

#[tokio::test]
async fn a_client_that_returns_is_replayed_what_it_missed() {
    let (node, _paper) = node();
    let mut ann = node.client("ann").await;
    publish(&mut ann, 1_000).await;
    let mut bob = node.client("bob").await;
    let epoch = Epoch::from_bits(7).to_string();
    let since = json!({"epoch": epoch, "offset": 3});
    let subscribed = bob.subscribe(json!({"channel": "log:1", "since": since})).await;
    assert_eq!(subscribed["recovery"], "replay");
    publish(&mut ann, 3).await;
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), (4..=1_003).collect::<Vec<_>>());
}

/// Red when a failed read is never tried again.
#[tokio::test]
async fn a_log_that_fails_is_answered_for_and_asked_again() {
    let (node, paper) = node();
    let mut bob = node.client("bob").await;
    bob.join("log:1").await;
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    paper.relays_by_itself.store(false, Ordering::Relaxed);
    publish(&mut ann, 3).await;
    paper.is_down.store(true, Ordering::Relaxed);
    let refused = ann.request(message("log:1", json!(4))).await.expect_err("the disk is full");
    assert_eq!(refused.code, "unavailable");
    ann.request(message("room:1", json!("goes on"))).await.expect("memory needs no log");
    paper.hint(&[3]);
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), [0u64; 0]);
    paper.is_down.store(false, Ordering::Relaxed);
    node.advance(Duration::from_secs(2)).await;
    assert_eq!(offsets(&bob.arrived()), [1, 2, 3]);
}

/// Red when the reply is not kept.
#[tokio::test]
async fn a_call_that_is_sent_again_is_answered_by_the_kept_reply() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Module::new("counter").on("count", async |State(runs): State<Arc<AtomicU64>>| {
        Ok::<_, Rejection>(runs.fetch_add(1, Ordering::Relaxed) + 1)
    });
    let paper = Paper::new();
    let builder = Kernel::builder().limits(no_limits()).log(Arc::new(Handle(paper.clone())));
    let node = TestNode::start(builder.mount(counted.with_state(runs.clone())));
    let mut ann = node.client("ann").await;
    let call = |id: u64, op_id: Option<&str>| json!({"type": "count", "id": id, "op_id": op_id});
    for id in 1..=3 {
        ann.send(call(id, Some("once")));
        let reply = ann.expect_frame("reply").await;
        let duplicate = if id == 1 { Value::Null } else { json!(true) };
        assert_eq!((&reply["data"], &reply["duplicate"]), (&json!(1), &duplicate));
    }
    ann.send(call(4, None));
    assert_eq!(ann.expect_frame("reply").await["data"], 2, "without an op_id each call counts");
    let mut bob = node.client("bob").await;
    bob.send(call(5, Some("once")));
    assert_eq!(bob.expect_frame("reply").await["data"], 3, "another user's operation is another one");
    paper.is_down.store(true, Ordering::Relaxed);
    ann.send(call(6, Some("new")));
    assert_eq!(ann.expect_error().await.code, "unavailable");
    assert_eq!(runs.load(Ordering::Relaxed), 3, "nothing is done that could not be remembered");
}

/// Red when the cut is taken before the node has what the client knows of: `reset`, `ahead`.
#[tokio::test]
async fn a_client_that_is_ahead_of_a_hint_is_waited_for() {
    let (node, paper) = node();
    let mut bob = node.client("bob").await;
    bob.join("log:1").await;
    let mut ann = node.client("ann").await;
    paper.relays_by_itself.store(false, Ordering::Relaxed);
    publish(&mut ann, 3).await;
    // She has loaded a state of this position; its hint is still under way.
    let since = json!({"epoch": Epoch::from_bits(7).to_string(), "offset": 3});
    let subscribed = ann.subscribe(json!({"channel": "log:1", "since": since})).await;
    assert_eq!(subscribed["recovery"], "up_to_date");
    node.settle().await;
    assert_eq!(offsets(&bob.arrived()), [1, 2, 3]);
    let beyond = json!({"epoch": Epoch::from_bits(7).to_string(), "offset": 9});
    let subscribed = ann.subscribe(json!({"channel": "log:1", "since": beyond})).await;
    assert_eq!(subscribed["reset_reason"], "ahead", "the log itself knows no more");
}

/// Red when only live subscribers are told: the replay would end early, without a word.
#[tokio::test]
async fn who_still_replays_when_the_log_is_restored_is_told_from_where() {
    let (node, paper) = node();
    let mut ann = node.client("ann").await;
    publish(&mut ann, 3_000).await;
    let mut bob = node.client("bob").await;
    let epoch = Epoch::from_bits(7).to_string();
    bob.take_bytes(2_000);
    bob.send(json!({"type": "subscribe", "channel": "log:1", "since": {"epoch": epoch, "offset": 0}}));
    node.settle().await;
    {
        let mut pages = paper.pages();
        pages.epoch = Epoch::from_bits(8);
        pages.written.clear();
    }
    publish(&mut ann, 1).await;
    node.settle().await;
    bob.refuse_bytes(false);
    node.settle().await;
    let frames = bob.arrived();
    let replayed = offsets(&frames);
    let last = replayed.last().copied().unwrap_or(0);
    assert_eq!(replayed, (1..=last).collect::<Vec<_>>());
    assert!(last < 3_000, "the replay was cut off");
    let lagged = frames.last().expect("it is told");
    assert_eq!(
        (&lagged["type"], &lagged["since"]),
        (&json!("lagged"), &json!({"epoch": epoch, "offset": last}))
    );
}
