//! What a server does on a node: publish, look, disconnect, subscribe others.

use std::time::Duration;

use serde_json::json;
use veche_kernel::{
    ChannelName, Class, CloseCode, Encoding, Kernel, Opening, Post, Range, UserId, testing::TestNode,
};

use crate::kit::{no_limits, offsets, open, quiet, types};

fn node() -> TestNode {
    let builder = Kernel::builder().limits(no_limits()).namespace(quiet("news", Class::Memory));
    TestNode::start(builder.namespace(open("room", Class::Ephemeral)))
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect("it is a name")
}

fn user(text: &str) -> UserId {
    UserId::from(text)
}

#[tokio::test]
async fn a_servers_operation_counts_once_in_its_window() {
    // Red: `post` that leaves the op_id out.
    let node = node();
    let mut ann = node.client("ann").await;
    ann.join("news:1").await;
    let post = || {
        Post::new(name("news:1"), "{\"title\":\"Tea\"}")
            .event("new_post")
            .and_then(|post| post.op_id("p-1"))
            .expect("they are names")
    };
    let first = node.kernel().post(post()).await.expect("it is published");
    assert_eq!((first.class, first.published.duplicate), (Class::Memory, false));
    let again = node.kernel().post(post()).await.expect("it was published");
    assert_eq!((again.published.position, again.published.duplicate), (first.published.position, true));
    node.advance(Duration::from_mins(2)).await;
    assert!(!node.kernel().post(post()).await.expect("the window is over").published.duplicate);
    node.settle().await;
    let frames = ann.arrived();
    assert_eq!((types(&frames), offsets(&frames)), (vec!["new_post", "new_post"], vec![1, 2]));
    assert_eq!((&frames[0]["data"], &frames[0]["from"]), (&json!({ "title": "Tea" }), &json!(null)));

    let page = node.kernel().history(&name("news:1"), Range::Before(None), 1).await.expect("it is kept");
    assert_eq!(page.publications.len(), 1);
    let newest: serde_json::Value = serde_json::from_str(&page.publications[0].to_json()).expect("JSON");
    assert_eq!(newest, frames[1]);
}

#[tokio::test]
async fn a_post_that_clients_could_not_read_is_refused() {
    // Red: `check` that returns at once; `event` without the look for reserved names.
    let node = node();
    let post = |data: &str| Post::new(name("news:1"), data);
    for reserved in ["subscribed", "reply", "error", "", "a\nb"] {
        assert_eq!(post("1").event(reserved).expect_err(reserved).wrong_field(), Some("event"));
    }
    assert_eq!(post("1").op_id("").expect_err("it is empty").wrong_field(), Some("op_id"));
    let deep = "[".repeat(32) + &"]".repeat(32);
    for data in [deep.as_str(), "\"\\ud800\""] {
        let refused = node.kernel().post(post(data)).await.expect_err("nobody could read it");
        assert_eq!(refused.wrong_field(), Some("data"));
    }
    node.kernel().post(post(&deep[1..63])).await.expect("31 levels and the frame's own");
}

#[tokio::test]
async fn a_disconnected_user_is_gone_but_for_one_session() {
    // Red: `disconnect` without `except`; with the sessions of shard 0 alone.
    let node = node();
    let (mut one, mut two) = (node.client_on(0, "ann").await, node.client_on(1, "ann").await);
    let (mut kept, bob) = (node.client_on(1, "ann").await, node.client("bob").await);
    let except = veche_kernel::SessionId::parse(&kept.session());
    assert!(except.is_some());
    assert_eq!(node.kernel().disconnect(&user("ann"), CloseCode::Kicked, except), 2);
    assert_eq!((one.closed().await, two.closed().await), (3503, 3503));
    node.settle().await;
    assert_eq!((kept.close_code(), node.kernel().sessions()), (None, 2));
    assert_eq!(node.kernel().disconnect(&user("nobody"), CloseCode::Kicked, None), 0);
    drop(bob);
}

#[tokio::test]
async fn a_users_sessions_are_subscribed_from_without() {
    // Red: `subscribe` that does not leave streams of events out.
    let node = node();
    let (mut one, mut two) = (node.client_on(0, "ann").await, node.client_on(1, "ann").await);
    let mut bob = node.client("bob").await;
    let identity = Some(veche_kernel::Identity::of(user("ann")));
    let stream =
        node.open(0, Opening { encoding: Encoding::Sse, identity, device: None, session: None }).await;
    assert_eq!(node.kernel().subscribe(&user("ann"), &name("hidden:1")).await, Ok(2));
    node.kernel().post(Post::new(name("hidden:1"), "1")).await.expect("it is published");
    node.settle().await;
    assert_eq!(types(&one.arrived()), ["subscribed", "message"]);
    assert_eq!(types(&two.arrived()), ["subscribed", "message"]);
    assert_eq!(bob.arrived().len(), 0);
    assert_eq!(node.kernel().unsubscribe(&user("ann"), &name("hidden:1")).await, 2);
    node.settle().await;
    assert_eq!(types(&one.arrived()), ["unsubscribed"]);
    assert_eq!(node.kernel().channels(), 0);
    drop(stream);
}

#[tokio::test]
async fn members_and_channels_are_seen_from_without() {
    // Red: `occupied` that forgets the cursor; `presence` of every channel.
    let node = node();
    let (mut ann, mut bob) = (node.client_on(0, "ann").await, node.client_on(1, "bob").await);
    for channel in ["room:3", "room:1", "news:1", "room:2"] {
        ann.join(channel).await;
    }
    bob.join("room:1").await;
    ann.send(json!({"type": "presence", "channel": "room:1", "state": "dnd", "meta": {"in": "a call"}}));
    node.settle().await;
    let presence = node.kernel().presence(&name("room:1"));
    let members = presence.members.expect("few are listed");
    assert_eq!((presence.count, members.len()), (2, 2));
    assert_eq!((members[0].user.as_str(), members[0].state.as_str()), ("ann", "dnd"));
    assert_eq!(members[0].meta.as_deref(), Some(r#"{"in":"a call"}"#));
    for nobodys in ["room:9", "news:1"] {
        assert_eq!(node.kernel().presence(&name(nobodys)).members.map(|list| list.len()), Some(0));
    }

    let page = |after: Option<&str>, limit| {
        let page = node.kernel().occupied(after, limit, |name| name.starts_with("room:"));
        let list: Vec<_> = page.channels.iter().map(|it| (it.channel.to_string(), it.subscribers)).collect();
        (list, page.next.map(|next| next.to_string()))
    };
    let (first, next) = page(None, 2);
    assert_eq!((first, next.as_deref()), (vec![("room:1".into(), 2), ("room:2".into(), 1)], Some("room:2")));
    assert_eq!(page(next.as_deref(), 2), (vec![("room:3".into(), 1)], None));
    assert_eq!(page(None, 3).1, None);
}
