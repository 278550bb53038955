//! Who a session is, how long it lasts, and how it ends.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use veche_kernel::{
    Authenticate, Builder, Class, CloseCode, Heartbeat, Identity, Kernel, Limits, Module, Opening, State,
    UserId,
    testing::{TestClient, TestNode},
};

use crate::kit::{message, no_limits, quiet, types};

/// Takes tokens of the form `user` or `user@seconds-to-live`.
struct Plain;

impl Authenticate for Plain {
    fn authenticate(&self, token: &str, wall_ms: u64) -> Result<Identity, &'static str> {
        let (user, left) = token.split_once('@').unwrap_or((token, "0"));
        let left: u64 = left.parse().map_err(|_| "malformed")?;
        let expires_ms = if left == 0 { 0 } else { wall_ms + left * 1_000 };
        Ok(Identity { expires_ms, ..Identity::of(UserId::from(user)) })
    }
}

fn builder() -> Builder {
    Kernel::builder().authenticator(Arc::new(Plain)).namespace(quiet("room", Class::Memory))
}

fn auth(token: &str) -> Value {
    json!({"type": "auth", "token": token})
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test]
async fn a_stranger_may_only_sign_in_and_ping() {
    let node = TestNode::start(builder());
    let mut ann = node.stranger().await;
    ann.send(message("room:1", "x"));
    assert_eq!(ann.expect_error().await.code, "unauthorized");
    ann.send(json!({"type": "ping", "ts": 7}));
    assert_eq!(ann.next_frame().await["ts"], 7);
    ann.send(auth("ann"));
    let welcome = ann.next_frame().await;
    assert_eq!((&welcome["type"], &welcome["user"]), (&json!("welcome"), &json!("ann")));
    assert_eq!(welcome["session"], ann.session());
    assert_eq!(welcome["limits"]["messages_per_minute"], 100);
    ann.join("room:1").await;
    node.advance(seconds(20)).await;
    assert_eq!(ann.close_code(), None, "the deadline was for signing in");
}

#[tokio::test]
async fn ten_seconds_without_authentication_end_the_connection() {
    let node = TestNode::start(builder());
    let mut ann = node.stranger().await;
    node.advance(Duration::from_millis(9_900)).await;
    assert_eq!(ann.close_code(), None);
    node.advance(Duration::from_millis(200)).await;
    assert_eq!(ann.close_code(), Some(3500));
    assert_eq!(node.kernel().sessions(), 0);
}

#[tokio::test]
async fn a_bad_token_ends_the_connection() {
    let node = TestNode::start(builder());
    let mut ann = node.stranger().await;
    ann.send(auth("ann@soon"));
    assert_eq!(ann.closed().await, 3500);
}

#[tokio::test]
async fn a_renewal_is_for_the_same_user_only() {
    let node = TestNode::start(builder());
    let mut ann = node.client("ann").await;
    let reply = ann.request(auth("ann@100")).await.expect("it is her");
    assert_eq!(reply["type"], "reply");
    ann.send(auth("bob"));
    assert_eq!(ann.closed().await, 3500);
}

async fn expiring(node: &TestNode, seconds: u64) -> TestClient {
    let expires_ms = node.kernel().clock().wall_ms() + seconds * 1_000;
    let identity = Some(Identity { expires_ms, ..Identity::of(UserId::from("ann")) });
    let mut ann = node.open(0, Opening { identity, ..Opening::default() }).await;
    assert_eq!(ann.next_frame().await["type"], "welcome");
    ann
}

/// Red when the wheel is armed for the expiry alone.
#[tokio::test]
async fn an_expiry_is_told_ahead_and_kept() {
    let node = TestNode::start(builder());
    let mut ann = expiring(&node, 60).await;
    node.advance(Duration::from_millis(29_900)).await;
    assert_eq!(ann.arrived().len(), 0);
    node.advance(Duration::from_millis(200)).await;
    assert_eq!(types(&ann.arrived()), ["expiring"]);
    node.advance(Duration::from_millis(29_800)).await;
    assert_eq!((ann.arrived().len(), ann.close_code()), (0, None), "told once");
    node.advance(seconds(5)).await;
    assert_eq!(ann.close_code(), Some(3005));
}

#[tokio::test]
async fn a_renewal_moves_the_expiry() {
    let node = TestNode::start(builder());
    let mut ann = expiring(&node, 40).await;
    node.advance(seconds(15)).await;
    assert_eq!(types(&ann.arrived()), ["expiring"]);
    ann.send(auth("ann@100"));
    node.advance(seconds(65)).await;
    assert_eq!((ann.arrived().len(), ann.close_code()), (0, None));
    node.advance(seconds(10)).await;
    assert_eq!(types(&ann.arrived()), ["expiring"], "it is told of the new one, too");
    node.advance(seconds(30)).await;
    assert_eq!(ann.close_code(), Some(3005));
}

#[tokio::test]
async fn a_guest_signs_in_by_the_first_frame_or_not_at_all() {
    let node = TestNode::start(builder().guests(true));
    let mut ann = node.stranger().await;
    let guest = ann.next_frame().await;
    assert!(guest["user"].as_str().is_some_and(|user| user.starts_with("guest:")), "{guest}");
    ann.send(auth("ann"));
    let welcome = ann.next_frame().await;
    assert_eq!((&welcome["type"], &welcome["user"]), (&json!("welcome"), &json!("ann")));
    ann.join("room:1").await;

    let mut bob = node.guest().await;
    bob.send(json!({"type": "subscribe", "channel": "room:1"}));
    assert_eq!(bob.expect_error().await.code, "forbidden", "the room is for users");
    bob.send(auth("bob"));
    assert_eq!(bob.expect_error().await.code, "conflict");
    assert_eq!(bob.close_code(), None);
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_connections() {
    let node = TestNode::start(builder().limits(Limits { connections_per_user: 2, ..Limits::default() }));
    let (_one, mut two) = (node.client("ann").await, node.client("ann").await);
    let third = || Opening { identity: Some(Identity::of(UserId::from("ann"))), ..Opening::default() };
    assert_eq!(node.open(0, third()).await.closed().await, 3504);
    let _other = node.client("bob").await;
    two.cut().await;
    let mut again = node.open(1, third()).await;
    assert_eq!(again.next_frame().await["type"], "welcome");
    node.settle().await;
    assert_eq!(node.kernel().sessions(), 3);
}

#[tokio::test]
async fn silence_is_asked_for_a_sign_of_life_and_then_ended() {
    let node = TestNode::start(builder());
    let mut ann = node.client("ann").await;
    ann.answer_pings(false);
    node.advance(Duration::from_millis(24_900)).await;
    assert_eq!(ann.pings(), 0);
    node.advance(Duration::from_millis(200)).await;
    assert_eq!(ann.pings(), 1);
    node.advance(Duration::from_millis(9_800)).await;
    assert_eq!(ann.close_code(), None);
    node.advance(Duration::from_millis(300)).await;
    assert_eq!((ann.close_code(), ann.pings()), (Some(3010), 1));
}

#[tokio::test]
async fn any_traffic_counts_as_life() {
    let pulse = Heartbeat { ping_ms: 5_000, patience_ms: 2_000 };
    let node = TestNode::start(builder().heartbeat(pulse));
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    ann.answer_pings(false);
    for _ in 0..10 {
        node.advance(seconds(4)).await;
        ann.send(json!({"type": "ping"}));
    }
    node.settle().await;
    assert_eq!((ann.pings(), ann.close_code()), (0, None));
    assert!((7..=8).contains(&bob.pings()), "{} in 40 s", bob.pings());
    // A word after the ping is as good as an answer to it.
    node.advance(seconds(6)).await;
    ann.send(json!({"type": "ping"}));
    node.advance(seconds(4)).await;
    assert_eq!((ann.pings(), ann.close_code(), bob.close_code()), (1, None, None));
}

/// Red when a session that the server does not read is held to be dead.
#[tokio::test]
async fn a_session_that_may_not_send_is_not_silent() {
    let gate = Arc::new(Semaphore::new(0));
    let gated = async |State(gate): State<Arc<Semaphore>>| gate.acquire().await.expect("it is open").forget();
    let module = Module::new("gate").on("gated", gated).deadline(seconds(600)).with_state(gate.clone());
    let node = TestNode::start(builder().limits(no_limits()).mount(module));
    let mut ann = node.client("ann").await;
    ann.answer_pings(false);
    ann.send(json!({"type": "gated"}));
    (0..70).for_each(|_| ann.send(json!({"type": "nothing"})));
    node.settle().await;
    assert!(!ann.may_send().await);
    node.advance(seconds(120)).await;
    assert_eq!(ann.close_code(), None);
    gate.add_permits(1);
    node.settle().await;
    assert_eq!(ann.arrived().len(), 70, "each is answered, not_found");
}

/// Red when a drain does not wait for a session's call.
#[tokio::test]
async fn a_drain_says_goodbye_and_lets_calls_end() {
    let gate = Arc::new(Semaphore::new(0));
    let gated = async |State(gate): State<Arc<Semaphore>>| gate.acquire().await.expect("it is open").forget();
    let module = Module::new("gate").on("gated", gated).with_state(gate.clone());
    let node = TestNode::start(builder().limits(no_limits()).mount(module));
    // The first of her shard: without a call she would be closed before the crowd.
    let mut ann = node.client_on(0, "ann").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(node.client("crowd").await);
    }
    ann.send(json!({"type": "gated", "id": 1}));
    node.settle().await;
    let kernel = node.kernel().clone();
    let draining = tokio::spawn(async move { kernel.drain(seconds(10)).await });
    for client in &mut clients {
        assert_eq!(client.expect_frame("bye").await["reason"], "drain");
        assert_eq!(client.closed().await, CloseCode::Drain.number());
    }
    assert!(node.kernel().is_draining());
    assert_eq!((ann.expect_frame("bye").await["reason"].as_str(), ann.close_code()), (Some("drain"), None));
    assert_eq!(node.kernel().sessions(), 1, "only who has a call under way is left");
    gate.add_permits(1);
    assert_eq!(ann.expect_frame("reply").await["id"], 1);
    assert_eq!(ann.closed().await, 3001);
    draining.await.expect("it ends");
    assert_eq!(node.kernel().sessions(), 0);
}

#[tokio::test]
async fn a_drain_in_no_time_says_goodbye_too() {
    let node = TestNode::start(builder());
    let mut ann = node.client("ann").await;
    node.kernel().drain(Duration::ZERO).await;
    assert_eq!(ann.expect_frame("bye").await["reason"], "drain");
    assert_eq!(ann.closed().await, 3001);
}

#[tokio::test]
async fn a_kick_ends_the_connection() {
    let module = Module::new("door").on("kick.me", async |session: veche_kernel::Session| session.kick());
    let node = TestNode::start(builder().mount(module));
    let mut ann = node.client("ann").await;
    ann.send(json!({"type": "kick.me"}));
    assert_eq!(ann.closed().await, 3503);
    node.settle().await;
    assert_eq!(node.kernel().sessions(), 0);
}

/// Red when every guest session has a user of its own.
#[tokio::test]
async fn a_guest_who_names_a_device_is_the_same_guest_again() {
    let node = TestNode::start(Kernel::builder().guests(true));
    let opening = |device: Option<&str>| Opening { device: device.map(Into::into), ..Opening::default() };
    let mut names = Vec::new();
    for device in [Some("phone"), Some("phone"), Some("laptop"), None, None] {
        let mut guest = node.open(0, opening(device)).await;
        let name = guest.expect_frame("welcome").await["user"].as_str().map(str::to_owned);
        names.push(name.expect("a welcome names the user"));
    }
    assert!(names.iter().all(|name| name.starts_with("guest:") && !name.contains("phone")), "{names:?}");
    assert_eq!(names[0], names[1]);
    names.remove(0);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "all others are somebody else");
}
