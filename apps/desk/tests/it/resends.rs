//! Operations that are sent again because nobody knows what became of them: each is done once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use veche_kernel::{
    ChannelName, Clock, Range,
    broker::HistoryQuery,
    testing::{TestClient, TestNode},
    web::Body,
};
use veche_store::Store;

use crate::support::{Office, call, call_as, done, open, why};

/// How often each operation is in the log of the board `b`, by user and `op_id`.
async fn applied(store: &Store) -> BTreeMap<(String, String), usize> {
    let all = HistoryQuery { range: Range::After(0), until: u64::MAX, limit: 100_000, bytes: usize::MAX };
    let channel = ChannelName::parse("board:b").expect("it is a name");
    let history = store.history(&channel, all).await.expect("it reads");
    let mut count = BTreeMap::new();
    for publication in history.publications {
        if let (Some(sender), Some(op_id)) = (&publication.sender, &publication.op_id) {
            *count.entry((sender.user.to_string(), op_id.to_string())).or_default() += 1;
        }
    }
    count
}

/// The server is gone between what it has done and its answer, a hundred times: sometimes before it has done it.
///
/// Red without `once` in the transaction: with the reply kept after the handler's answer, some were done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_whose_answer_was_lost_is_done_once() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let (mut store, _, mut node) = open(folder.path(), Clock::manual()).await;
    let mut ann = node.client("ann").await;
    ann.call("board.create", json!({"board": "b", "title": "B"})).await.expect("it is made");
    for list in ["l1", "l2"] {
        done(&mut ann, "list.create", json!({"list": list, "title": list})).await;
    }
    for card in ["anchor", "wanderer"] {
        done(&mut ann, "card.create", json!({"card": card, "list": "l1", "title": card})).await;
    }
    let mut done_before = 0;
    for turn in 0..100_u32 {
        let frames = [create(turn), wander(turn)];
        for frame in &frames {
            // Every other time it is done when the server goes, and the answer is thrown away.
            match turn % 2 {
                0 => drop(until_answered(&mut ann, frame).await),
                _ => ann.send(frame.clone()),
            }
        }
        store.close().await;
        drop((ann, node));
        (store, _, node) = open(folder.path(), Clock::manual()).await;
        ann = node.client("ann").await;
        for frame in frames {
            let reply = until_answered(&mut ann, &frame).await;
            done_before += u32::from(reply["duplicate"] == true);
        }
    }
    assert!(done_before >= 100, "{done_before} of 200 were done before");
    let count = applied(&store).await;
    assert_eq!((count.len(), count.values().max()), (200, Some(&1)));
    assert_eq!(cards(&node).await, 102);
}

fn create(turn: u32) -> Value {
    let data = json!({"card": format!("c{turn}"), "list": "l1", "title": "x", "after": "anchor"});
    json!({"type": "card.create", "channel": "board:b", "op_id": format!("create-{turn}"), "data": data})
}

fn wander(turn: u32) -> Value {
    let to = if turn.is_multiple_of(2) { "l2" } else { "l1" };
    let data = json!({"card": "wanderer", "to_list": to});
    json!({"type": "card.move", "channel": "board:b", "op_id": format!("move-{turn}"), "data": data})
}

/// Sends it again for as long as the server says that it could not.
async fn until_answered(client: &mut TestClient, frame: &Value) -> Value {
    loop {
        match client.request(frame.clone()).await {
            Ok(reply) => return reply,
            Err(refused) => assert_eq!(refused.code, "unavailable", "{frame}: {refused:?}"),
        }
    }
}

async fn cards(node: &TestNode) -> usize {
    let page = node.boot("/desk/b", Some("ann")).await.expect("it is there");
    page["cards"].as_array().expect("a list").len()
}

/// Red where a refusal was kept as the answer.
#[tokio::test]
async fn what_was_refused_can_be_tried_again_under_its_name() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut bob = office.node.client("bob").await;
    done(&mut bob, "list.change", json!({"list": "l2", "archived": true})).await;
    let data = json!({"card": "c", "to_list": "l2"});
    for _ in 0..2 {
        assert_eq!(why(call_as(&mut bob, "op", "card.move", data.clone()).await).0, "list_gone");
    }
    done(&mut bob, "list.change", json!({"list": "l2", "archived": false})).await;
    let first = call_as(&mut bob, "op", "card.move", data.clone()).await.expect("it is moved");
    let again = call_as(&mut bob, "op", "card.move", data).await.expect("it was moved");
    assert_eq!((&again["data"], &again["duplicate"]), (&first["data"], &json!(true)));
    assert_eq!(applied(&office.store).await.into_values().collect::<Vec<_>>(), [1]);
}

/// Red where the name of an operation was one for all users.
#[tokio::test]
async fn two_users_may_call_their_operations_the_same() {
    let office = Office::new().await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    for (client, card) in [(&mut ann, "a"), (&mut bob, "b")] {
        let data = json!({"card": card, "list": "l1", "title": card});
        let reply = call_as(client, "the same", "card.create", data).await.expect("it is made");
        assert_eq!(reply["duplicate"], json!(null));
    }
    assert_eq!(office.order("l1").await.concat(), "ab");
    assert_eq!(applied(&office.store).await.into_values().collect::<Vec<_>>(), [1, 1]);
}

/// Red where one of the doors did not keep the reply.
#[tokio::test]
async fn a_call_by_http_is_the_same_call() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut bob = office.node.client("bob").await;
    bob.join("board:b").await;
    let post = async |user: Option<&str>, data: Value, op_id: &str| {
        let body = json!({"channel": "board:b", "op_id": op_id, "data": data}).to_string();
        let request = http::Request::post("/api/call/card.move").header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("it is a request");
        let response = office.node.ask_http(request, user).await;
        let answer: Value = serde_json::from_slice(response.body()).expect("it is JSON");
        (response.status().as_u16(), answer)
    };
    let to = |list: &str| json!({"card": "c", "to_list": list});
    let (status, moved) = post(Some("bob"), to("l2"), "one").await;
    let event = bob.expect_frame("card.moved").await;
    assert_eq!((status, &moved["data"]["position"]["offset"]), (200, &event["offset"]));
    assert_eq!((&event["from"]["user"], &event["op_id"]), (&json!("bob"), &json!("one")));
    let again = call_as(&mut bob, "one", "card.move", to("l2")).await.expect("it was moved");
    assert_eq!((&again["data"], &again["duplicate"]), (&moved["data"], &json!(true)));
    let native = call_as(&mut bob, "two", "card.move", to("l3")).await.expect("it is moved");
    let (_, again) = post(Some("bob"), to("l3"), "two").await;
    assert_eq!((&again["data"], &again["duplicate"]), (&native["data"], &json!(true)));
    for (user, data, status, code, field) in [
        (Some("bob"), to("l9"), 410, "list_gone", json!("data.to_list")),
        (Some("bob"), json!({"card": "c"}), 400, "bad_request", json!("data.to_list")),
        (Some("bob"), json!({"card": "x", "to_list": "l1"}), 404, "not_found", json!("data.card")),
        (Some("eve"), to("l1"), 403, "forbidden", json!(null)),
        (None, to("l1"), 401, "unauthorized", json!(null)),
    ] {
        let (answered, refused) = post(user, data, "three").await;
        let error = &refused["error"];
        assert_eq!((answered, &error["code"], &error["field"]), (status, &json!(code), &field));
    }
    assert_eq!(call(&mut bob, "card.move", to("l3")).await, Ok(json!({})));
}
