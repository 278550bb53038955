//! An operation counts once, a sender may leave itself out, and a node that is behind says so.

use std::{sync::mpsc, time::Duration};

use serde_json::{Value, json};
use veche_kernel::{Class, Kernel, Limits, Module, Session, testing::TestNode};

use crate::kit::{Tick, message, no_limits, offsets, publish, quiet, types};

fn builder() -> veche_kernel::Builder {
    Kernel::builder().limits(no_limits()).namespace(quiet("room", Class::Memory))
}

fn operation(op_id: &str, data: u64) -> Value {
    json!({"type": "message", "channel": "room:1", "data": data, "op_id": op_id})
}

#[tokio::test]
async fn an_operation_sent_again_counts_once_and_says_where() {
    let node = TestNode::start(builder());
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    bob.join("room:1").await;
    for times in 1..=5 {
        let op_id = format!("op-{times}");
        let mut first = None;
        for time in 0..times {
            // Also over a new connection of the same user.
            if time == 2 {
                ann.cut().await;
                ann = node.client("ann").await;
            }
            let reply = ann.request(operation(&op_id, times)).await.expect("she may");
            assert_eq!(reply["duplicate"], if time == 0 { json!(null) } else { json!(true) });
            assert_eq!(reply["class"], "memory");
            assert_eq!(reply["position"], *first.get_or_insert(reply["position"].clone()));
        }
    }
    bob.request(operation("op-1", 6)).await.expect("another user's operation is another");
    node.settle().await;
    let frames = bob.arrived();
    assert_eq!(offsets(&frames), [1, 2, 3, 4, 5, 6]);
    assert_eq!(frames[0]["op_id"], "op-1");
    node.advance(Duration::from_mins(2)).await;
    let late = ann.request(operation("op-1", 1)).await.expect("she may");
    assert!(late["duplicate"].is_null(), "the window is over");
}

#[tokio::test]
async fn a_sender_may_leave_itself_out_and_still_knows_its_position() {
    let node = TestNode::start(builder().namespace(quiet("cursor", Class::Ephemeral)));
    let (mut ann, mut bob) = (node.client_on(0, "ann").await, node.client_on(0, "bob").await);
    for channel in ["room:1", "cursor:1"] {
        ann.join(channel).await;
        bob.join(channel).await;
        for (at, echo) in [true, false, true].iter().enumerate() {
            let mut frame = message(channel, at as u64);
            frame["echo"] = (*echo).into();
            ann.send(frame);
        }
        node.settle().await;
        let kinds =
            if channel == "room:1" { vec!["message", "skipped", "message"] } else { vec!["message"; 2] };
        let frames = ann.arrived();
        assert_eq!(types(&frames), kinds);
        if channel == "room:1" {
            assert_eq!(frames[1], json!({"type": "skipped", "channel": "room:1", "offset": 2}));
        }
        let frames = bob.arrived();
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1]["from"], json!({"user": "ann", "session": ann.session()}));
    }
}

/// Red when the one who is left out of a replay gets the publication after all.
#[tokio::test]
async fn a_handlers_publication_leaves_its_caller_out() {
    let move_card = async |session: Session| {
        session.to("room:1").publish(&Tick::new(7)).await.map(|published| published.position.is_some())
    };
    let node = TestNode::start(builder().mount(Module::new("board").on("card.move", move_card)));
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    let epoch = ann.join("room:1").await["epoch"].clone();
    bob.join("room:1").await;
    assert_eq!(ann.call("card.move", json!(null)).await.expect("she may"), true);
    assert_eq!(ann.next_frame().await["type"], "skipped");
    assert_eq!(bob.expect::<Tick>().await, Tick::new(7));
    let since = json!({"epoch": epoch, "offset": 0});
    ann.subscribe(json!({"channel": "room:1", "since": since})).await;
    assert_eq!(ann.next_frame().await["type"], "skipped", "in the replay, too");
}

/// Red when a publisher is not told that the node is behind.
#[tokio::test]
async fn a_publisher_waits_for_a_shard_that_is_behind_and_is_then_refused() {
    let limits = Limits { inbox_bytes: 10_000, ..no_limits() };
    let node = TestNode::start(builder().limits(limits).shards(1));
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    let (hold, held) = mpsc::channel::<()>();
    node.kernel().on_shard(0, move |_| _ = held.recv());
    // One fills it.
    publish(node.kernel(), "room:1", 1..=1, 10_000).await;
    let refusing = {
        let kernel = node.kernel().clone();
        tokio::spawn(async move { kernel.channel("room:1").publish(&Tick::new(0)).await })
    };
    tokio::task::yield_now().await;
    node.kernel().channel("other:1").publish(&Tick::new(0)).await.expect("nobody waits for this one");
    node.kernel().clock().advance(Duration::from_millis(1_900));
    let waiting = {
        let kernel = node.kernel().clone();
        tokio::spawn(async move { kernel.channel("room:1").publish(&Tick::new(2)).await })
    };
    tokio::task::yield_now().await;
    node.kernel().clock().advance(Duration::from_millis(100));
    let refused = refusing.await.expect("it does not panic").expect_err("2 s are over");
    assert_eq!(refused.code(), veche_kernel::ErrorCode::Unavailable);
    assert!(!waiting.is_finished());
    drop(hold);
    let position = waiting.await.expect("it does not panic").expect("there is room again").position;
    assert_eq!(position.map(|position| position.offset), Some(2), "what was refused has no position");
    node.settle().await;
    assert_eq!(offsets(&ann.arrived()), [1, 2]);
}
