//! Who writes, told to the others and never for longer than it is true.

use std::time::Duration;

use serde_json::{Value, json};
use veche_kernel::{
    Class, Kernel,
    testing::{TestClient, TestNode},
};

use crate::kit::{message, no_limits, quiet};

async fn start() -> (TestNode, TestClient, TestClient) {
    let builder = Kernel::builder().limits(no_limits()).namespace(quiet("room", Class::Memory));
    let node = TestNode::start(builder);
    let (mut ann, mut bob) = (node.client_on(0, "ann").await, node.client_on(1, "bob").await);
    ann.join("room:1").await;
    bob.join("room:1").await;
    (node, ann, bob)
}

fn typing(active: bool) -> Value {
    json!({"type": "typing", "channel": "room:1", "active": active})
}

fn told(client: &mut TestClient) -> Vec<bool> {
    let frames = client.arrived();
    let typing = frames.iter().filter(|frame| frame["type"] == "typing");
    typing.filter(|frame| frame["user"] == "ann").filter_map(|frame| frame["active"].as_bool()).collect()
}

#[tokio::test]
async fn it_is_told_to_others_and_ends_by_itself() {
    let (node, mut ann, mut bob) = start().await;
    ann.send(typing(true));
    node.advance(Duration::from_millis(6_900)).await;
    assert_eq!(told(&mut bob), [true]);
    node.advance(Duration::from_millis(200)).await;
    assert_eq!((told(&mut bob), told(&mut ann)), (vec![false], vec![]), "not told to oneself");
}

#[tokio::test]
async fn saying_it_again_makes_it_last() {
    let (node, ann, mut bob) = start().await;
    for _ in 0..10 {
        ann.send(typing(true));
        node.advance(Duration::from_secs(1)).await;
    }
    let again = told(&mut bob);
    assert!((2..=5).contains(&again.len()) && !again.contains(&false), "{again:?}");
    node.advance(Duration::from_millis(6_200)).await;
    assert_eq!(told(&mut bob), [false]);
}

/// Red when any of the ways to stop is not told.
#[tokio::test]
async fn it_ends_by_a_word_a_message_leaving_or_a_lost_connection() {
    for way in ["word", "message", "leave", "cut"] {
        let (node, mut ann, mut bob) = start().await;
        ann.send(typing(true));
        node.settle().await;
        match way {
            "word" => ann.send(typing(false)),
            "message" => ann.send(message("room:1", "done")),
            "leave" => ann.send(json!({"type": "unsubscribe", "channel": "room:1"})),
            _ => ann.cut().await,
        }
        node.settle().await;
        assert_eq!(told(&mut bob), [true, false], "{way}");
        node.advance(Duration::from_secs(10)).await;
        assert_eq!(told(&mut bob), Vec::<bool>::new(), "{way}: it is told once");
    }
}

#[tokio::test]
async fn it_takes_a_subscription_and_the_right_to_publish() {
    let (_node, mut ann, _bob) = start().await;
    ann.send(json!({"type": "typing", "channel": "room:2", "active": true}));
    assert_eq!(ann.expect_error().await.code, "conflict");
    ann.send(json!({"type": "typing", "channel": "secret:2", "active": true}));
    assert_eq!(ann.expect_error().await.code, "forbidden");
}
