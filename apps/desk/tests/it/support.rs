//! A node with boards on it, over a store in a folder of its own.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tempfile::TempDir;
use veche_desk::{
    Desk,
    wire::{BoardId, parts::Role},
};
use veche_kernel::{
    Clock, Kernel, Limits, UserId,
    testing::{Refused, TestClient, TestNode},
};
use veche_store::{Options, Store};

use crate::replica::Replica;

/// An office: `ann` owns the board `b`, `bob` edits it, `eve` views it; its lists are `l1`, `l2` and `l3`.
pub(crate) struct Office {
    pub(crate) store: Store,
    pub(crate) desk: Desk,
    pub(crate) node: TestNode,
    _folder: TempDir,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let office = Self::empty().await;
        let mut ann = office.node.client("ann").await;
        ann.call("board.create", json!({"board": "b", "title": "Board"})).await.expect("it is made");
        office.member("bob", Role::Editor).await;
        office.member("eve", Role::Viewer).await;
        for list in ["l1", "l2", "l3"] {
            done(&mut ann, "list.create", json!({"list": list, "title": list})).await;
        }
        office
    }

    /// Without any board.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let (store, desk, node) = open(folder.path(), Clock::manual()).await;
        Self { store, desk, node, _folder: folder }
    }

    pub(crate) async fn member(&self, user: &str, role: Role) {
        let set = self.desk.set_member(self.node.kernel(), &board(), &UserId::from(user), role).await;
        set.expect("there is room");
    }

    /// Makes cards at the end of a list, as ann.
    pub(crate) async fn cards(&self, list: &str, cards: &[&str]) {
        let mut ann = self.node.client("ann").await;
        for card in cards {
            done(&mut ann, "card.create", json!({"card": card, "list": list, "title": card})).await;
        }
    }

    /// The whole board, as somebody sees it.
    pub(crate) async fn snapshot(&self, user: &str) -> Value {
        let request = http::Request::get("/api/desk/boards/b").body(veche_kernel::web::Body::default());
        let request = request.expect("it is a request");
        let response = self.node.ask_http(request, Some(user)).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
        serde_json::from_slice(response.body()).expect("it is JSON")
    }

    /// The ids of a list's cards, in their order.
    pub(crate) async fn order(&self, list: &str) -> Vec<String> {
        order(&self.snapshot("ann").await, list)
    }
}

pub(crate) async fn open(folder: &Path, clock: Clock) -> (Store, Desk, TestNode) {
    let store = Store::open(folder, Options::new(clock)).await.expect("opens");
    let desk = Desk::open(&store).await.expect("migrates");
    let limits = Limits {
        frames_per_second: 0,
        calls_per_second: 0,
        connections_per_user: 0,
        subscribes_per_minute: 0,
        ..Limits::default()
    };
    let builder = Kernel::builder().log(Arc::new(store.clone())).guests(true).limits(limits);
    let node = TestNode::start(builder.mount(desk.module()).mount(veche::calls()));
    (store, desk, node)
}

pub(crate) fn board() -> BoardId {
    "b".parse().expect("it is an id")
}

/// The ids of a list's cards in a snapshot.
pub(crate) fn order(snapshot: &Value, list: &str) -> Vec<String> {
    let cards = snapshot["cards"].as_array().expect("there are cards");
    let cards = cards.iter().filter(|card| card["list"] == list);
    cards.map(|card| card["id"].as_str().expect("it has an id").to_owned()).collect()
}

/// Calls an event of the board `b`.
pub(crate) async fn call(client: &mut TestClient, event: &str, data: Value) -> Result<Value, Refused> {
    let frame = json!({"type": event, "channel": "board:b", "data": data});
    client.request(frame).await.map(|reply| reply["data"].clone())
}

/// The same under a name for the operation; the whole reply.
pub(crate) async fn call_as(
    client: &mut TestClient,
    op_id: &str,
    event: &str,
    data: Value,
) -> Result<Value, Refused> {
    client.request(json!({"type": event, "channel": "board:b", "op_id": op_id, "data": data})).await
}

/// Calls an event of the board `b` that changes something; the offset of its event.
pub(crate) async fn done(client: &mut TestClient, event: &str, data: Value) -> u64 {
    let applied = call(client, event, data.clone()).await;
    let applied = applied.unwrap_or_else(|refused| panic!("{event} {data}: {refused:?}"));
    applied["position"]["offset"].as_u64().unwrap_or_else(|| panic!("{event} {data} changed nothing"))
}

/// The code and the field of a refusal.
pub(crate) fn why(refused: Result<Value, Refused>) -> (String, Option<String>) {
    let refused = refused.expect_err("it is refused");
    (refused.code, refused.field)
}

/// The same, for comparisons.
pub(crate) fn because(code: &str, field: &str) -> (String, Option<String>) {
    (code.into(), Some(field.into()))
}

/// What arrives of a board.
pub(crate) trait Events {
    /// The next event of a board's channel.
    async fn find_event(&mut self) -> Value;
    /// The answer to the frame with this id.
    async fn answer_to(&mut self, id: &str) -> Value;
}

impl Events for TestClient {
    async fn find_event(&mut self) -> Value {
        let is_boards =
            |frame: &Value| frame["channel"].as_str().is_some_and(|channel| channel.starts_with("board:"));
        let is_event = |frame: &Value| frame["offset"].is_u64() && frame["time_ms"].is_u64();
        self.find("an event of a board", |frame| is_boards(frame) && is_event(frame)).await
    }

    async fn answer_to(&mut self, id: &str) -> Value {
        self.find(id, |frame| frame["id"] == id).await
    }
}

/// Subscribes from a replica's position, and applies everything up to this offset.
pub(crate) async fn follow(office: &Office, user: &str, replica: &mut Replica, upto: u64) {
    follow_from(&mut office.node.client(user).await, replica, upto).await;
}

/// The same by a client that is there.
pub(crate) async fn follow_from(client: &mut TestClient, replica: &mut Replica, upto: u64) {
    let channel = format!("board:{}", replica.name());
    let subscribed = client.subscribe(json!({"channel": channel, "since": replica.position()})).await;
    assert_ne!(subscribed["recovery"], "reset", "{subscribed}");
    while replica.offset() < upto {
        replica.apply(&client.find_event().await);
    }
}
