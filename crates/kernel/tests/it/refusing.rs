//! What clients may not do is refused by name, and only a flood ends the connection.

use std::time::Duration;

use serde_json::{Value, json};
use veche_kernel::{
    Ask, Class, CloseCode, Kernel, Limits, Module, Rejection, Right,
    testing::{TestClient, TestNode},
};

use crate::kit::{message, no_limits, quiet, types};

async fn refused(client: &mut TestClient, frame: Value) -> String {
    client.request(frame).await.expect_err("it is refused").code
}

/// Red when the answer tells whether the channel exists.
#[tokio::test]
async fn what_no_rule_allows_is_forbidden_whether_or_not_it_exists() {
    let closed = veche_kernel::Namespace::new("closed");
    let node = TestNode::start(Kernel::builder().namespace(closed));
    let join = async |session: veche_kernel::Session| session.join("closed:1").await;
    let open = TestNode::start(Kernel::builder().mount(Module::new("door").on("enter", join)));
    let mut inside = open.client("eve").await;
    inside.call("enter", json!(null)).await.expect("the server may");
    for (node, channel) in [(&node, "closed:1"), (&node, "nowhere:1"), (&open, "closed:1"), (&open, "x")] {
        let mut ann = node.client("ann").await;
        for kind in ["subscribe", "message", "history"] {
            let frame = json!({"type": kind, "channel": channel, "data": 1, "limit": 1});
            let answer = ann.request(frame).await.expect_err("nobody may");
            assert_eq!((answer.code.as_str(), answer.field.as_deref()), ("forbidden", Some("channel")));
            assert_eq!(answer.message, "the rules do not allow this");
        }
    }
}

#[tokio::test]
async fn a_modules_rule_decides_after_the_namespaces_own() {
    let rule = async |ask: Ask| match (&*ask.channel, ask.right) {
        ("room:1", _) | ("room:2", Right::Subscribe) => Ok(()),
        ("room:hang", _) => std::future::pending().await,
        ("room:panic", _) => panic!("on purpose"),
        _ => Err(Rejection::forbidden().field("channel")),
    };
    let module = Module::new("rooms").channel(quiet("room", Class::Memory)).guard("room", rule);
    let node = TestNode::start(Kernel::builder().limits(no_limits()).mount(module));
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    ann.join("room:2").await;
    ann.request(message("room:1", 1)).await.expect("she may");
    assert_eq!(refused(&mut ann, message("room:2", 1)).await, "forbidden");
    let subscribe = |channel: &str| json!({"type": "subscribe", "channel": channel});
    assert_eq!(refused(&mut ann, subscribe("room:3")).await, "forbidden");
    assert_eq!(refused(&mut ann, subscribe("room:panic")).await, "internal");
    let mut hanging = subscribe("room:hang");
    hanging["id"] = 77.into();
    ann.arrived();
    ann.send(hanging);
    ann.send(json!({"type": "unsubscribe", "channel": "room:1"}));
    node.advance(Duration::from_millis(9_900)).await;
    assert_eq!(ann.arrived().len(), 0);
    node.advance(Duration::from_millis(200)).await;
    let error = ann.expect_frame("error").await;
    assert_eq!((&error["error"]["code"], &error["id"]), (&json!("timeout"), &json!(77)));
    assert_eq!(types(&ann.arrived()), ["unsubscribed"], "the session goes on");
}

#[tokio::test]
async fn an_unknown_type_is_not_found() {
    let node = TestNode::start(Kernel::builder());
    let mut ann = node.client("ann").await;
    let answer = ann.request(json!({"type": "no.such"})).await.expect_err("nothing answers");
    assert_eq!((answer.code.as_str(), answer.field.as_deref()), ("not_found", Some("type")));
}

#[tokio::test]
async fn the_20th_malformed_frame_in_10_s_ends_the_connection() {
    let node = TestNode::start(Kernel::builder());
    let mut ann = node.client("ann").await;
    for round in 0..3 {
        (0..19).for_each(|_| ann.send_text("{"));
        node.advance(Duration::from_millis(10_100)).await;
        assert_eq!(ann.close_code(), None, "round {round}");
    }
    assert_eq!(ann.arrived().len(), 57, "each is answered");
    (0..19).for_each(|_| ann.send_text(r#"{"type":"message"}"#));
    node.settle().await;
    assert_eq!(ann.close_code(), None);
    ann.send_text("[]");
    assert_eq!(ann.closed().await, 3501);
}

#[tokio::test]
async fn a_user_may_publish_so_often_on_all_connections_together() {
    let limits = Limits { messages_per_minute: 60, messages_burst: 5, ..no_limits() };
    let node = TestNode::start(Kernel::builder().limits(limits).namespace(quiet("room", Class::Memory)));
    let (mut one, mut two) = (node.client_on(0, "ann").await, node.client_on(1, "ann").await);
    for n in 0..5 {
        let client = if n % 2 == 0 { &mut one } else { &mut two };
        client.request(message("room:1", n)).await.expect("within the burst");
    }
    let limited = two.request(message("room:1", 5)).await.expect_err("the sixth");
    assert_eq!((limited.code.as_str(), limited.retry_after_ms), ("rate_limited", Some(1_000)));
    let mut bob = node.client("bob").await;
    bob.request(message("room:1", 6)).await.expect("others are others");
    node.advance(Duration::from_secs(1)).await;
    one.request(message("room:1", 7)).await.expect("a second later");
    // Coming back does not refill it.
    one.cut().await;
    two.cut().await;
    let mut again = node.client("ann").await;
    assert_eq!(refused(&mut again, message("room:1", 8)).await, "rate_limited");
}

#[tokio::test]
async fn calls_and_subscriptions_have_their_limits() {
    let limits = Limits {
        calls_per_second: 1,
        calls_burst: 2,
        subscribes_per_minute: 1,
        subscribes_burst: 2,
        ..no_limits()
    };
    let nothing = Module::new("nothing").on("nothing", async || ());
    let builder = Kernel::builder().limits(limits).mount(nothing).namespace(quiet("room", Class::Memory));
    let node = TestNode::start(builder);
    let mut ann = node.client("ann").await;
    for frame in [json!({"type": "nothing"}), json!({"type": "subscribe", "channel": "room:1"})] {
        for _ in 0..2 {
            ann.request(frame.clone()).await.expect("within the burst");
        }
        let limited = ann.request(frame).await.expect_err("the third");
        assert_eq!(limited.code, "rate_limited");
        assert!(limited.retry_after_ms.is_some_and(|ms| ms > 0));
    }
}

/// Red when a kind of frames is bound by nothing: what is over the ephemeral limit is no fault by itself.
#[tokio::test]
async fn who_sends_without_a_pause_is_told_and_then_closed() {
    let limits = Limits { frames_per_second: 100, ephemeral_per_second: 10, ..no_limits() };
    let node = TestNode::start(Kernel::builder().limits(limits).namespace(quiet("cursor", Class::Ephemeral)));
    let mut ann = node.client("ann").await;
    for n in 0..100 {
        ann.send(message("cursor:1", n));
    }
    node.settle().await;
    assert_eq!(ann.arrived().len(), 0, "a second's worth");
    for n in 0..19 {
        ann.send(message("cursor:1", n));
        assert_eq!(ann.expect_error().await.code, "rate_limited");
    }
    ann.send(message("cursor:1", 19));
    assert_eq!(ann.closed().await, CloseCode::Flood.number());
}

/// Red when the surplus is sent at once, refused, or lost.
#[tokio::test]
async fn of_an_ephemeral_surplus_the_latest_is_sent_later() {
    let limits = Limits { ephemeral_per_second: 10, ..no_limits() };
    let node = TestNode::start(Kernel::builder().limits(limits).namespace(quiet("cursor", Class::Ephemeral)));
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    bob.join("cursor:1").await;
    bob.join("cursor:2").await;
    for n in 0..50 {
        ann.send(message("cursor:1", n));
        ann.send(message("cursor:2", n));
    }
    node.settle().await;
    assert_eq!(bob.arrived().len(), 10);
    node.advance(Duration::from_secs(1)).await;
    let mut later: Vec<_> =
        bob.arrived().iter().map(|frame| (frame["channel"].to_string(), frame["data"].as_u64())).collect();
    later.sort();
    assert_eq!(later, [("\"cursor:1\"".to_owned(), Some(49)), ("\"cursor:2\"".to_owned(), Some(49))]);
    assert_eq!(ann.arrived().len(), 0, "it is counted, not answered");
    node.advance(Duration::from_secs(5)).await;
    assert_eq!(bob.arrived().len(), 0);
}
