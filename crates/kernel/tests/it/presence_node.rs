//! Who is in a channel, as its subscribers are told.

use std::time::Duration;

use serde_json::{Value, json};
use veche_kernel::{
    Audience, Class, Kernel, Namespace,
    testing::{TestClient, TestNode},
};

use crate::kit::{no_limits, open, types};

fn node() -> TestNode {
    let closed = Namespace { presence: Audience::Nobody, ..open("closed", Class::Ephemeral) };
    let builder = Kernel::builder().limits(no_limits()).namespace(open("room", Class::Ephemeral));
    TestNode::start(builder.namespace(closed))
}

async fn watcher(node: &TestNode) -> TestClient {
    let mut eve = node.client_on(0, "eve").await;
    eve.subscribe(json!({"channel": "room:1", "presence": true})).await;
    batch(node).await;
    eve.arrived();
    eve
}

/// The time in which changes are gathered is over.
async fn batch(node: &TestNode) {
    node.advance(Duration::from_millis(300)).await;
}

fn users(frame: &Value) -> Vec<&str> {
    let members = frame["members"].as_array();
    members.into_iter().flatten().filter_map(|member| member["user"].as_str()).collect()
}

fn set(channel: Option<&str>, state: &str) -> Value {
    json!({"type": "presence", "channel": channel, "state": state})
}

#[tokio::test]
async fn changes_are_told_together_every_250_ms() {
    let node = node();
    let mut eve = watcher(&node).await;
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    ann.join("room:1").await;
    bob.join("room:1").await;
    node.advance(Duration::from_millis(200)).await;
    assert_eq!(eve.arrived().len(), 0, "not at once");
    batch(&node).await;
    let frames = eve.arrived();
    assert_eq!((types(&frames), users(&frames[0])), (vec!["joined"], vec!["ann", "bob"]));
    assert_eq!(frames[0]["count"], 3);
    assert_eq!(ann.arrived().len(), 0, "she did not ask for it");

    ann.send(json!({"type": "presence", "channel": "room:1", "state": "dnd", "meta": {"in": "a call"}}));
    bob.send(json!({"type": "unsubscribe", "channel": "room:1"}));
    batch(&node).await;
    let frames = eve.arrived();
    assert_eq!(types(&frames), ["left", "presence"]);
    assert_eq!((users(&frames[0]), users(&frames[1])), (vec!["bob"], vec!["ann"]));
    assert_eq!(frames[1]["members"][0]["state"], "dnd");
    assert_eq!(frames[1]["members"][0]["meta"], json!({"in": "a call"}));
}

#[tokio::test]
async fn a_list_is_told_to_who_asks_for_it() {
    let node = node();
    let mut ann = node.client("ann").await;
    let own = ann.subscribe(json!({"channel": "room:1", "presence": true})).await;
    assert_eq!((users(&own), &own["count"]), (vec!["ann"], &json!(1)));
    let mut second = node.client("ann").await;
    second.join("room:1").await;
    let mut bob = node.client("bob").await;
    let list = bob.subscribe(json!({"channel": "room:1", "presence": true})).await;
    assert_eq!((users(&list), &list["count"]), (vec!["ann", "bob"], &json!(2)));
    assert_eq!(list["members"][0]["sessions"], 2);
    assert!(bob.join("room:1").await["members"].is_null(), "it is no longer asked for");
    batch(&node).await;
    assert_eq!(types(&bob.arrived()), Vec::<&str>::new());
}

/// Red when a lost connection leaves at once.
#[tokio::test]
async fn a_lost_connection_that_returns_in_time_shows_nothing() {
    let node = node();
    let mut eve = watcher(&node).await;
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    batch(&node).await;
    assert_eq!(types(&eve.arrived()), ["joined"]);
    for _ in 0..3 {
        ann.cut().await;
        node.advance(Duration::from_secs(9)).await;
        ann = node.client("ann").await;
        ann.join("room:1").await;
    }
    node.advance(Duration::from_secs(20)).await;
    assert_eq!(types(&eve.arrived()), Vec::<&str>::new());
    ann.cut().await;
    node.advance(Duration::from_millis(9_900)).await;
    assert_eq!(eve.arrived().len(), 0);
    node.advance(Duration::from_millis(500)).await;
    assert_eq!(types(&eve.arrived()), ["left"]);
}

/// Red when a new session begins as `active` whatever the lost one had said.
#[tokio::test]
async fn what_was_said_before_the_link_was_lost_still_stands() {
    let node = node();
    let mut eve = watcher(&node).await;
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    ann.send(json!({"type": "presence", "channel": "room:1", "state": "dnd", "meta": {"in": "a call"}}));
    let mut bob = node.client("bob").await;
    bob.join("room:1").await;
    bob.send(set(None, "invisible"));
    batch(&node).await;
    assert_eq!(types(&eve.arrived()), ["joined"]);
    ann.cut().await;
    bob.cut().await;
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    ann.join("room:1").await;
    bob.join("room:1").await;
    node.advance(Duration::from_secs(20)).await;
    assert_eq!(types(&eve.arrived()), Vec::<&str>::new(), "neither flickers, nor shows who hid");
}

#[tokio::test]
async fn the_invisible_are_not_listed() {
    let node = node();
    let mut eve = watcher(&node).await;
    let mut ann = node.client("ann").await;
    ann.join("room:1").await;
    batch(&node).await;
    eve.arrived();
    ann.send(set(None, "invisible"));
    batch(&node).await;
    let frames = eve.arrived();
    assert_eq!((types(&frames), users(&frames[0])), (vec!["left"], vec!["ann"]));
    ann.send(set(Some("room:1"), "idle"));
    batch(&node).await;
    let frames = eve.arrived();
    assert_eq!((types(&frames), &frames[0]["members"][0]["state"]), (vec!["joined"], &json!("idle")));
}

/// Red when two parts of a batch bear one revision.
#[tokio::test]
async fn a_client_that_takes_only_newer_revisions_misses_nothing() {
    let node = node();
    let mut eve = node.client("eve").await;
    let list = eve.subscribe(json!({"channel": "room:1", "presence": true})).await;
    let mut known = vec!["eve".to_owned()];
    let mut revision = list["revision"].as_u64().expect("a revision");
    let mut crowd = Vec::new();
    for round in 0..12 {
        for member in 0..3 {
            let mut client = node.client(&format!("user-{round}-{member}")).await;
            client.join("room:1").await;
            crowd.push(client);
        }
        let gone = crowd.remove(round % 2);
        gone.send(json!({"type": "unsubscribe", "channel": "room:1"}));
        crowd[1].send(set(None, ["idle", "dnd"][round % 2]));
        batch(&node).await;
        for frame in eve.arrived() {
            let newer = frame["revision"].as_u64().expect("a revision");
            assert!(newer >= revision, "revisions go up");
            if newer == revision {
                continue;
            }
            revision = newer;
            let told = users(&frame);
            known.retain(|user| !told.contains(&user.as_str()));
            if frame["type"] != "left" {
                known.extend(told.iter().map(|user| (*user).to_owned()));
            }
        }
        let mut fresh = node.client_on(1, "fresh").await;
        let list = fresh.subscribe(json!({"channel": "room:1", "presence": true})).await;
        let mut listed = users(&list);
        listed.retain(|user| *user != "fresh");
        known.retain(|user| user != "fresh");
        known.sort();
        assert_eq!(known, listed);
        fresh.request(json!({"type": "unsubscribe", "channel": "room:1"})).await.expect("she leaves");
    }
}

#[tokio::test]
async fn above_200_members_only_their_number_is_told() {
    let node = node();
    let mut eve = watcher(&node).await;
    let mut crowd = Vec::new();
    for member in 0..200 {
        let mut client = node.client(&format!("user-{member}")).await;
        client.join("room:1").await;
        crowd.push(client);
    }
    batch(&node).await;
    let frames = eve.arrived();
    let last = frames.last().expect("it is told");
    assert_eq!((&last["count"], &last["members"]), (&json!(201), &json!(null)));
    let mut late = node.client("late").await;
    let list = late.subscribe(json!({"channel": "room:1", "presence": true})).await;
    assert_eq!((&list["count"], &list["members"]), (&json!(202), &json!(null)));
}

#[tokio::test]
async fn presence_is_a_right_of_its_own() {
    let node = node();
    let mut ann = node.client("ann").await;
    let asked = ann.request(json!({"type": "subscribe", "channel": "closed:1", "presence": true})).await;
    let refused = asked.expect_err("nobody may");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("forbidden", Some("presence")));
    ann.join("closed:1").await;
}
