//! What a credential adds, and what happens when a right or a credential goes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use veche_kernel::{
    Ask, Authenticate, BoxFuture, Builder, ChannelName, Class, Grants, Identity, Kernel, Module, Opening,
    Rejection, Revocation, Revocations, Revoked, Right, Rights, Session, TokenId, UserId,
    testing::{TestClient, TestNode},
};

use crate::kit::{message, open, publish, quiet, types};

/// Takes tokens such as `{"user":"ann","id":"t-1","issued":5,"channels":{"news:*":["subscribe"]}}`.
struct Plain;

impl Authenticate for Plain {
    fn authenticate(&self, token: &str, _: u64) -> Result<Identity, &'static str> {
        serde_json::from_str(token).map(|token| identity(&token)).map_err(|_| "malformed")
    }
}

fn identity(token: &Value) -> Identity {
    let rights = |words: &Value| -> Rights {
        let words = words.as_array().into_iter().flatten();
        words.filter_map(|word| Right::parse(word.as_str()?)).collect()
    };
    let grants = token["channels"].as_object().map(|patterns| {
        let patterns = patterns.iter().map(|(pattern, words)| (pattern.as_str(), rights(words)));
        Arc::new(Grants::new(patterns).expect("patterns"))
    });
    Identity {
        issued_ms: token["issued"].as_u64().unwrap_or(0),
        token: token["id"].as_str().and_then(TokenId::parse),
        grants,
        meta: token["meta"].as_str().map(Into::into),
        ..Identity::of(UserId::from(token["user"].as_str().unwrap_or("ann")))
    }
}

fn builder() -> Builder {
    Kernel::builder().authenticator(Arc::new(Plain)).namespace(quiet("room", Class::Memory))
}

async fn bearer(node: &TestNode, token: Value) -> TestClient {
    let mut client = node.open(0, Opening { identity: Some(identity(&token)), ..Opening::default() }).await;
    assert_eq!(client.next_frame().await["type"], "welcome");
    client
}

fn auth(token: &Value) -> Value {
    json!({"type": "auth", "token": token.to_string()})
}

async fn refusal(client: &mut TestClient, frame: Value) -> Option<String> {
    client.request(frame).await.err().map(|refused| refused.code)
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).expect("a name")
}

#[tokio::test]
async fn a_credential_opens_what_the_rules_do_not() {
    // Red: `State::principal` without the grants; `decide` without `is_personal`.
    let node = TestNode::start(builder());
    let rights = json!({
        "news:*": ["subscribe"], "chat:42": ["publish", "history"], "*": ["presence"], "user:*": ["subscribe"],
    });
    let mut ann = bearer(&node, json!({"channels": rights})).await;
    let subscribe = |channel: &str| json!({"type": "subscribe", "channel": channel});
    let history = |channel: &str| json!({"type": "history", "channel": channel});
    let forbidden = || Some("forbidden".to_owned());
    for (frame, expected) in [
        (subscribe("news:1"), None),
        (subscribe("newsletter:1"), forbidden()),
        (message("news:1", 1), forbidden()),
        (message("chat:42", 1), None),
        (message("chat:421", 1), forbidden()),
        (subscribe("chat:42"), forbidden()),
        (history("chat:42"), None),
        (history("news:1"), forbidden()),
        (subscribe("room:1"), None),
        (subscribe("user:bob"), forbidden()),
    ] {
        assert_eq!(refusal(&mut ann, frame.clone()).await, expected, "{frame}");
    }
    let mut bob = node.client("bob").await;
    assert_eq!(refusal(&mut bob, subscribe("news:1")).await, forbidden(), "it is her token");
}

#[tokio::test]
async fn a_renewal_takes_away_what_the_new_token_does_not_say() {
    // Red: `take_on` without `recheck_rules`.
    let node = TestNode::start(builder());
    let mut ann = bearer(&node, json!({"channels": {"news:*": ["subscribe"]}})).await;
    ann.join("news:1").await;
    ann.join("news:2").await;
    ann.join("room:1").await;
    ann.request(auth(&json!({"user": "ann", "channels": {"news:2": ["subscribe"]}})))
        .await
        .expect("it is her");
    let ended = ann.expect_frame("unsubscribed").await;
    assert_eq!(ended, json!({"type": "unsubscribed", "channel": "news:1", "code": 3503, "reason": "kicked"}));
    publish(node.kernel(), "news:1", 1..=1, 0).await;
    publish(node.kernel(), "news:2", 2..=2, 0).await;
    publish(node.kernel(), "room:1", 3..=3, 0).await;
    node.settle().await;
    let heard: Vec<_> = ann.arrived().into_iter().map(|frame| frame["data"]["n"].clone()).collect();
    assert_eq!(heard, [2, 3]);
}

/// A module whose rule says what the switch says, and that joins whoever calls.
fn guarded(allowed: &Arc<AtomicBool>, pass: Option<Arc<Semaphore>>) -> Module {
    let allowed = allowed.clone();
    Module::new("boards")
        .channel(open("board", Class::Memory))
        .guard("board", move |_: Ask| {
            // What it says is what it knew when it was asked.
            let (says, pass) = (allowed.load(Ordering::Relaxed), pass.clone());
            async move {
                if let Some(pass) = pass {
                    pass.acquire().await.expect("it is not closed").forget();
                }
                if says { Ok(()) } else { Err(Rejection::forbidden()) }
            }
        })
        .on("enter", async |session: Session| session.join("board:1").await)
}

#[tokio::test]
async fn a_right_that_is_gone_ends_the_subscription() {
    // Red: `recheck` that only forgets `may_publish`; `may_stay` without the guard.
    let allowed = Arc::new(AtomicBool::new(true));
    let node = TestNode::start(Kernel::builder().mount(guarded(&allowed, None)));
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    ann.join("board:1").await;
    bob.join("board:1").await;
    ann.request(message("board:1", "first")).await.expect("she may");
    allowed.store(false, Ordering::Relaxed);
    node.kernel().recheck(&UserId::from("ann"), &channel("board:2"));
    node.settle().await;
    ann.request(message("board:1", "kept")).await.expect("nobody looked at this channel");
    node.kernel().recheck(&UserId::from("ann"), &channel("board:1"));
    assert_eq!(ann.expect_frame("unsubscribed").await["code"], 3503);
    ann.arrived();
    publish(node.kernel(), "board:1", 1..=1, 0).await;
    node.settle().await;
    assert!(ann.arrived().iter().all(|frame| frame["type"] != "tick"));
    assert!(types(&bob.arrived()).contains(&"tick"), "nobody looked at him");
    assert_eq!(refusal(&mut ann, message("board:1", "late")).await.as_deref(), Some("forbidden"));
}

#[tokio::test]
async fn a_rule_that_was_asked_before_does_not_count_after() {
    // Red: `subscribe` without the look at `rechecks`.
    let allowed = Arc::new(AtomicBool::new(true));
    let pass = Arc::new(Semaphore::new(0));
    let node = TestNode::start(Kernel::builder().mount(guarded(&allowed, Some(pass.clone()))));
    let mut ann = node.client("ann").await;
    ann.send(json!({"type": "subscribe", "channel": "board:1"}));
    node.settle().await;
    allowed.store(false, Ordering::Relaxed);
    node.kernel().recheck(&UserId::from("ann"), &channel("board:1"));
    node.settle().await;
    pass.add_permits(10);
    ann.expect_frame("subscribed").await;
    assert_eq!(ann.expect_frame("unsubscribed").await["code"], 3503);
}

#[tokio::test]
async fn a_rule_that_does_not_answer_is_a_no() {
    // Red: `may_stay` without `PATIENCE`.
    let allowed = Arc::new(AtomicBool::new(true));
    let pass = Arc::new(Semaphore::new(1));
    let node = TestNode::start(Kernel::builder().mount(guarded(&allowed, Some(pass))));
    let mut ann = node.client("ann").await;
    ann.join("board:1").await;
    node.kernel().recheck(&UserId::from("ann"), &channel("board:1"));
    node.advance(Duration::from_millis(700)).await;
    assert!(!types(&ann.arrived()).contains(&"unsubscribed"));
    node.advance(Duration::from_millis(300)).await;
    assert!(types(&ann.arrived()).contains(&"unsubscribed"));
}

#[tokio::test]
async fn what_the_server_joined_stays() {
    // Red: `recheck` without the look at `asked`.
    let allowed = Arc::new(AtomicBool::new(false));
    let node = TestNode::start(Kernel::builder().mount(guarded(&allowed, None)));
    let mut ann = node.client("ann").await;
    ann.call("enter", Value::Null).await.expect("the server may");
    ann.expect_frame("subscribed").await;
    node.kernel().recheck(&UserId::from("ann"), &channel("board:1"));
    node.settle().await;
    publish(node.kernel(), "board:1", 1..=1, 0).await;
    ann.expect_frame("tick").await;
}

#[tokio::test]
async fn what_waits_for_a_slow_reader_goes_with_the_right() {
    // Red: `expel` without `forget`.
    let allowed = Arc::new(AtomicBool::new(true));
    let node = TestNode::start(Kernel::builder().mount(guarded(&allowed, None)));
    let mut ann = node.client("ann").await;
    ann.join("board:1").await;
    node.settle().await;
    ann.arrived();
    ann.refuse_bytes(true);
    publish(node.kernel(), "board:1", 1..=3, 0).await;
    allowed.store(false, Ordering::Relaxed);
    node.kernel().recheck(&UserId::from("ann"), &channel("board:1"));
    node.settle().await;
    ann.refuse_bytes(false);
    node.settle().await;
    let frames = ann.arrived();
    assert!(types(&frames).contains(&"unsubscribed") && !types(&frames).contains(&"tick"), "{frames:?}");
}

#[tokio::test]
async fn typing_and_members_ask_the_modules_rule() {
    // Red: `typing` without `ask_guard`; `join_by_right` without the look at `presence`.
    let asked: Arc<Mutex<Vec<Right>>> = Arc::default();
    let log = asked.clone();
    let module =
        Module::new("boards").channel(open("board", Class::Memory)).guard("board", move |ask: Ask| {
            log.lock().expect("no panic").push(ask.right);
            async move { if ask.right == Right::Subscribe { Ok(()) } else { Err(Rejection::forbidden()) } }
        });
    let node = TestNode::start(Kernel::builder().mount(module));
    let mut ann = node.client("ann").await;
    let members = json!({"type": "subscribe", "channel": "board:1", "presence": true});
    let refused = ann.request(members).await.expect_err("it is not told");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("forbidden", Some("presence")));
    ann.join("board:1").await;
    let typing = json!({"type": "typing", "channel": "board:1", "active": true});
    assert_eq!(refusal(&mut ann, typing).await.as_deref(), Some("forbidden"));
    assert!(asked.lock().expect("no panic").contains(&Right::Publish));
}

#[tokio::test]
async fn members_see_what_the_token_says() {
    // Red: `be_present` without `meta`.
    let node = TestNode::start(Kernel::builder().namespace(open("room", Class::Memory)));
    let mut ann = bearer(&node, json!({"meta": r#"{"name":"Ann"}"#})).await;
    let subscribed = ann.subscribe(json!({"channel": "room:1", "presence": true})).await;
    assert_eq!(subscribed["members"][0]["meta"], json!({"name": "Ann"}));
}

/// Keeps revocations as a database would.
#[derive(Default)]
struct Paper {
    kept: Mutex<Vec<Revoked>>,
    is_full: AtomicBool,
}

struct Shared(Arc<Paper>);

impl Revocations for Shared {
    fn keep(&self, revoked: Revoked) -> BoxFuture<Result<(), Rejection>> {
        let paper = self.0.clone();
        Box::pin(async move {
            if paper.is_full.load(Ordering::Relaxed) {
                return Err(Rejection::unavailable("the disk is full"));
            }
            paper.kept.lock().expect("no panic").push(revoked);
            Ok(())
        })
    }

    fn load(&self, _: u64) -> BoxFuture<Result<Vec<Revoked>, Rejection>> {
        let kept = self.0.kept.lock().expect("no panic").clone();
        Box::pin(async move { Ok(kept) })
    }
}

async fn kept_on(paper: &Arc<Paper>) -> TestNode {
    let port = Arc::new(Shared(paper.clone()));
    let known = port.load(0).await.expect("it is readable");
    TestNode::start(builder().revocations(port, known))
}

#[tokio::test]
async fn a_revocation_ends_sessions_and_outlives_the_node() {
    // Red: `revoke` without `end_revoked`, or without `keep`; `verify` and `sign_in` without `admit`.
    let paper = Arc::<Paper>::default();
    let node = kept_on(&paper).await;
    let now = node.kernel().clock().wall_ms();
    let (old, new) = (json!({"user": "ann", "issued": now}), json!({"user": "ann", "issued": now + 1_000}));
    let mut ann = bearer(&node, old.clone()).await;
    let mut bob = bearer(&node, json!({"user": "bob", "id": "t-1"})).await;
    let mut laptop = bearer(&node, json!({"user": "bob", "id": "t-2"})).await;
    let by_user = Revocation::User(UserId::from("ann"), now + 5_000);
    node.kernel().revoke(by_user).await.expect("it is kept");
    let by_token = Revocation::Token(TokenId::parse("t-1").expect("a name"));
    node.kernel().revoke(by_token).await.expect("it is kept");
    assert_eq!((ann.closed().await, bob.closed().await), (3500, 3500));
    laptop.send(json!({"type": "ping"}));
    laptop.expect_frame("pong").await;
    for node in [node, kept_on(&paper).await] {
        for (token, is_good) in [
            (&old, false),
            (&json!({"user": "ann"}), false),
            (&new, true),
            (&json!({"user": "bob", "id": "t-1"}), false),
            (&json!({"user": "bob", "id": "t-2"}), true),
        ] {
            assert_eq!(node.kernel().verify(&token.to_string()).await.is_ok(), is_good, "{token}");
            let mut client = node.stranger().await;
            client.send(auth(token));
            if is_good {
                assert_eq!(client.next_frame().await["type"], "welcome", "{token}");
            } else {
                assert_eq!(client.closed().await, 3500, "{token}");
            }
        }
        let identity = Some(identity(&old));
        let mut late = node.open(0, Opening { identity, ..Opening::default() }).await;
        assert_eq!(late.closed().await, 3500, "the door knew it from before");
    }
}

#[tokio::test]
async fn a_revocation_that_is_not_kept_holds_and_is_told() {
    // Red: `revoke` that keeps before it acts.
    let paper = Arc::<Paper>::default();
    paper.is_full.store(true, Ordering::Relaxed);
    let node = kept_on(&paper).await;
    let mut ann = node.client("ann").await;
    let ann_only = Revocation::User(UserId::from("ann"), u64::MAX);
    let refused = node.kernel().revoke(ann_only).await.expect_err("it is not kept");
    assert_eq!(refused.code().as_str(), "unavailable");
    assert_eq!(ann.closed().await, 3500);
}

#[tokio::test]
async fn a_revocation_is_kept_for_as_long_as_its_credentials_last() {
    // Red: `revoke_for` that keeps all for `LONGEST_MS`, or without that bound.
    let paper = Arc::<Paper>::default();
    let node = kept_on(&paper).await;
    let now = node.kernel().clock().wall_ms();
    for (longest_ms, expected) in [(600_000, now + 600_000), (u64::MAX, now + veche_kernel::LONGEST_MS)] {
        let token = Revocation::Token(TokenId::parse("t-1").expect("a name"));
        node.kernel().revoke_for(token, longest_ms).await.expect("it is kept");
        assert_eq!(paper.kept.lock().expect("no panic").pop().map(|kept| kept.until_ms), Some(expected));
    }
}

#[tokio::test]
async fn a_credential_may_not_outlive_its_revocation() {
    // Red: `admit` without the look at `LONGEST_MS`.
    let node = TestNode::start(builder());
    let now = node.kernel().clock().wall_ms();
    let ann = |expires_ms| Identity { expires_ms, ..Identity::of(UserId::from("ann")) };
    let admit = |expires_ms| node.kernel().admit(&ann(expires_ms));
    assert_eq!(admit(now + veche_kernel::LONGEST_MS), Ok(()));
    assert_eq!(admit(now + veche_kernel::LONGEST_MS + 1), Err("lives_too_long"));
    assert_eq!((admit(0), admit(now)), (Ok(()), Err("expired")));
}
