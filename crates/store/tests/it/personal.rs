//! A user's personal channel: told while away, delivered to each device from where it stands.

use std::{cell::Cell, sync::Arc};

use serde::Serialize;
use serde_json::{Value, json};
use veche_kernel::{
    BuildError, Class, Event, Identity, Kernel, Limits, Namespace, Opening, RulesError, UserId,
    testing::{TestClient, TestNode},
};
use veche_store::Store;

use crate::support::open;

#[derive(Serialize)]
struct Notification {
    number: u64,
}

impl Event for Notification {
    const NAME: &str = "notification";
}

struct Scene {
    node: TestNode,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = open(folder.path()).await.expect("it opens");
        let limits = Limits {
            frames_per_second: 0,
            calls_per_second: 0,
            connections_per_user: 0,
            ..Limits::default()
        };
        let builder = Kernel::builder().limits(limits).guests(true).log(Arc::new(store.clone()));
        let room = Namespace { class: Class::Memory, ..Namespace::new("room") };
        Self { node: TestNode::start(builder.namespace(room)), store, _folder: folder }
    }

    /// Ann on this device, and her personal channel's `subscribed`.
    async fn ann(&self, device: &str) -> (TestClient, Value) {
        self.ann_on(0, device).await
    }

    async fn ann_on(&self, shard: usize, device: &str) -> (TestClient, Value) {
        let identity = Some(Identity::of(UserId::from("ann")));
        let opening = Opening { identity, device: Some(device.into()), ..Opening::default() };
        let mut client = self.node.open(shard, opening).await;
        assert_eq!(client.next_frame().await["type"], "welcome");
        let subscribed = client.next_frame().await;
        assert_eq!((&subscribed["type"], &subscribed["channel"]), (&json!("subscribed"), &json!("user:ann")));
        (client, subscribed)
    }

    async fn tell(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.node.kernel().user("ann").publish(&Notification { number }).await.expect("it is kept");
        }
    }
}

async fn numbers(client: &mut TestClient, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let frame = client.expect_frame("notification").await;
        assert_eq!(frame["offset"], frame["data"]["number"], "{frame}");
        numbers.push(frame["offset"].as_u64().expect("it is positioned"));
    }
    numbers
}

async fn ack(client: &mut TestClient, offset: u64) {
    client.request(json!({"type": "ack", "offset": offset})).await.expect("it is kept");
}

/// Red where a returning device began at the head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_while_a_device_was_away_comes_from_its_acknowledgement_on() {
    let scene = Scene::new().await;
    let (mut phone, subscribed) = scene.ann("phone").await;
    assert_eq!((&subscribed["recovery"], &subscribed["offset"]), (&json!("fresh"), &json!(0)));
    phone.cut().await;
    scene.tell(1..=3).await;

    let (mut phone, subscribed) = scene.ann("phone").await;
    assert_eq!((&subscribed["recovery"], &subscribed["offset"]), (&json!("replay"), &json!(3)));
    assert_eq!(numbers(&mut phone, 3).await, [1, 2, 3]);
    ack(&mut phone, 2).await;
    phone.cut().await;

    let (mut phone, subscribed) = scene.ann("phone").await;
    assert_eq!(subscribed["recovery"], "replay");
    assert_eq!(numbers(&mut phone, 1).await, [3]);
    ack(&mut phone, 3).await;
    ack(&mut phone, 1).await;
    phone.cut().await;

    let (_phone, subscribed) = scene.ann("phone").await;
    assert_eq!((&subscribed["recovery"], &subscribed["offset"]), (&json!("up_to_date"), &json!(3)));
    let (_laptop, subscribed) = scene.ann("laptop").await;
    assert_eq!(
        (&subscribed["recovery"], &subscribed["offset"]),
        (&json!("fresh"), &json!(3)),
        "a new device"
    );
    scene.store.close().await;
}

/// Red where every signed-in session made a record; and where only subscribers of a record were told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_personal_channel_costs_no_record_until_something_is_told() {
    let scene = Scene::new().await;
    let (mut phone, _) = scene.ann_on(0, "phone").await;
    let (mut laptop, _) = scene.ann_on(1, "laptop").await;
    let mut bob = scene.node.client("bob").await;
    assert_eq!((scene.node.kernel().channels(), scene.node.shard_channels().await), (0, 0));
    scene.tell(1..=2).await;
    assert_eq!(numbers(&mut phone, 2).await, [1, 2]);
    assert_eq!(numbers(&mut laptop, 2).await, [1, 2]);
    // One who comes later waits while the others are subscribed.
    let (mut tablet, subscribed) = scene.ann_on(1, "tablet").await;
    assert_eq!(subscribed["recovery"], "fresh");
    scene.tell(3..=4).await;
    for client in [&mut phone, &mut laptop, &mut tablet] {
        assert_eq!(numbers(client, 2).await, [3, 4]);
    }
    scene.node.settle().await;
    assert_eq!(bob.arrived(), Vec::<Value>::new());
    for mut client in [phone, laptop, tablet] {
        client.cut().await;
    }
    scene.node.settle().await;
    assert_eq!(scene.node.kernel().channels(), 0);
    scene.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_while_something_is_told_misses_nothing() {
    let scene = Scene::new().await;
    for number in 1..=200 {
        let device = format!("device-{number}");
        let ((), (mut client, subscribed)) =
            tokio::join!(scene.tell([number]), scene.ann_on(number as usize % 2, &device));
        let place = (&subscribed["recovery"], &subscribed["offset"]);
        // A new device that found the head there already begins after it.
        if place != (&json!("fresh"), &json!(number)) {
            assert_eq!(numbers(&mut client, 1).await, [number], "{subscribed}");
        }
        client.cut().await;
    }
    scene.store.close().await;
}

/// Red where the first publication made a subscription from itself on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_between_publications_has_all_that_follow() {
    let scene = Scene::new().await;
    scene.tell([1]).await;
    let (told, all_are_in) = (Cell::new(1), Cell::new(false));
    let tell = async || {
        told.set(told.get() + 1);
        scene.tell([told.get()]).await;
    };
    let telling = async {
        while !all_are_in.get() {
            tell().await;
        }
        tell().await;
    };
    let signing_in = async {
        let mut clients = Vec::new();
        for number in 0..40 {
            clients.push(scene.ann_on(number % 2, &format!("device-{number}")).await);
        }
        all_are_in.set(true);
        clients
    };
    let ((), clients) = tokio::join!(telling, signing_in);
    for (mut client, subscribed) in clients {
        let head = subscribed["offset"].as_u64().expect("it is positioned");
        let first = numbers(&mut client, 1).await[0];
        match subscribed["recovery"].as_str() {
            Some("replay") => assert!(first <= head, "{first}, {subscribed}"),
            _ => assert_eq!(first, head + 1, "{subscribed}"),
        }
        let rest: Vec<u64> = (first + 1..=told.get()).collect();
        assert!(numbers(&mut client, rest.len()).await == rest, "a hole after {first}, {subscribed}");
    }
    scene.store.close().await;
}

/// Red where the rule of the owner compared a part of the name, or let guests in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_personal_channel_is_its_owners_alone_and_only_to_read() {
    let scene = Scene::new().await;
    scene.tell(1..=2).await;
    let mut guest = scene.node.guest().await;
    let own = guest.request(json!({"type": "subscribe", "channel": "user:ann"})).await;
    assert_eq!(own.expect_err("a guest").code, "forbidden");
    let mut bob = scene.node.client("bob").await;
    for frame in [
        json!({"type": "subscribe", "channel": "user:ann"}),
        json!({"type": "subscribe", "channel": "user:"}),
        json!({"type": "subscribe", "channel": "user:bob:x"}),
        json!({"type": "subscribe", "channel": "user:bob", "presence": true}),
        json!({"type": "history", "channel": "user:ann", "after": 0, "limit": 10}),
        json!({"type": "message", "channel": "user:ann", "data": 1}),
        json!({"type": "message", "channel": "user:bob", "data": 1}),
        json!({"type": "typing", "channel": "user:bob", "active": true}),
    ] {
        let refused = bob.request(frame.clone()).await.expect_err("it is refused");
        assert!(["forbidden", "bad_request"].contains(&refused.code.as_str()), "{frame}: {refused:?}");
    }
    let (mut ann, subscribed) = scene.ann("phone").await;
    let since = json!({"epoch": subscribed["epoch"], "offset": 0});
    let again = ann.subscribe(json!({"channel": "user:ann", "since": since})).await;
    assert_eq!(again["recovery"], "replay");
    assert_eq!(numbers(&mut ann, 2).await, [1, 2]);
    let history =
        ann.request(json!({"type": "history", "channel": "user:ann", "after": 1, "limit": 10})).await;
    let publications = history.expect("it is hers")["data"]["publications"].clone();
    assert_eq!((publications.as_array().map(Vec::len), &publications[0]["offset"]), (Some(1), &json!(2)));
    scene.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_wants_none_of_it_gets_none_of_it() {
    let scene = Scene::new().await;
    let (mut quiet, _) = scene.ann("phone").await;
    let gone = quiet.request(json!({"type": "unsubscribe", "channel": "user:ann"})).await;
    assert_eq!(gone.expect("it is idempotent")["type"], "unsubscribed");
    let (mut laptop, _) = scene.ann("laptop").await;
    scene.tell(1..=1).await;
    assert_eq!(numbers(&mut laptop, 1).await, [1]);
    scene.node.settle().await;
    assert_eq!(quiet.arrived(), Vec::<Value>::new());
    scene.store.close().await;
}

/// Red where an acknowledgement ahead of the head was kept: its device would be sent nothing up to there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_cannot_be_is_refused_by_name() {
    let scene = Scene::new().await;
    scene.tell(1..=1).await;
    let (mut ann, _) = scene.ann("phone").await;
    let refused = ann.request(json!({"type": "ack", "offset": 2})).await.expect_err("it is ahead");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("bad_request", Some("offset")));
    ann.send(json!({"type": "ack", "offset": 3}));
    assert_eq!(ann.expect_error().await.field.as_deref(), Some("offset"), "it is told unasked, too");
    for offset in [json!(-1), json!("1"), json!(null), json!(1.5)] {
        let refused = ann.request(json!({"type": "ack", "offset": offset})).await.expect_err("it is none");
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("bad_request", Some("offset")));
    }
    let mut guest = scene.node.guest().await;
    let refused = guest.request(json!({"type": "ack", "offset": 0})).await.expect_err("a guest has none");
    assert_eq!(refused.code, "forbidden");
    scene.store.close().await;
}

/// Red where each frame was a write of its own: the last would have waited for a hundred commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_acknowledgements_leave_the_highest() {
    let scene = Scene::new().await;
    scene.tell(1..=100).await;
    let (mut ann, _) = scene.ann("phone").await;
    for offset in 1..=100 {
        ann.send(json!({"type": "ack", "offset": offset}));
    }
    ack(&mut ann, 100).await;
    ann.cut().await;
    scene.tell(101..=101).await;
    let (mut ann, _) = scene.ann("phone").await;
    assert_eq!(numbers(&mut ann, 1).await, [101]);
    scene.store.close().await;
}

#[tokio::test]
async fn a_node_without_a_log_has_no_personal_channels_and_says_so() {
    let node = TestNode::start(Kernel::builder());
    let mut ann = node.client("ann").await;
    let refused = ann.request(json!({"type": "ack", "offset": 0})).await.expect_err("there is no log");
    assert_eq!(refused.code, "not_found");
    let subscribed = ann.request(json!({"type": "subscribe", "channel": "user:ann"})).await;
    assert_eq!(subscribed.expect_err("it is not declared").code, "forbidden");
    let told = node.kernel().user("ann").publish(&Notification { number: 1 }).await;
    assert_eq!(told.expect_err("nothing would keep it").code().as_str(), "unavailable");
}

#[test]
fn the_namespace_of_personal_channels_is_the_nodes_own() {
    let built = Kernel::builder().namespace(Namespace::new("user")).build();
    assert_eq!(built.err(), Some(BuildError::Rules(RulesError::Personal)));
}
