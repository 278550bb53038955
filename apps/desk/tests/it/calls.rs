//! What the calls do, and what everybody on the board is told.

use serde_json::json;
use veche_desk::wire::{
    events::{CardChanged, CardCreated},
    parts::Role,
};
use veche_kernel::UserId;

use crate::{
    replica::Replica,
    support::{Events, Office, board, call, done},
};

/// Red where a field that did not change was published, and where a title was saved as it was typed.
#[tokio::test]
async fn a_card_is_made_moved_and_changed_before_everybodys_eyes() {
    let office = Office::new().await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    bob.join("board:b").await;
    let card = json!({"card": "c", "list": "l1", "title": " <b>Milk</b> ", "description": "2 l"});
    done(&mut ann, "card.create", card).await;
    let created: CardCreated = bob.expect().await;
    assert_eq!((created.card.title.as_str(), created.description.as_str()), ("<b>Milk</b>", "2 l"));
    let offset = done(&mut ann, "card.move", json!({"card": "c", "to_list": "l2"})).await;
    let moved = bob.expect_frame("card.moved").await;
    assert_eq!((moved["offset"].as_u64(), &moved["from"]["user"]), (Some(offset), &json!("ann")));
    let changed = json!({"card": "c", "due": "2026-12-31", "title": "Milk", "description": "2 l"});
    let offset = done(&mut ann, "card.change", changed).await;
    let event: CardChanged = bob.expect().await;
    assert_eq!((event.title.as_deref(), event.description), (Some("Milk"), None));
    assert_eq!((event.due, event.archived), (Some(Some("2026-12-31".into())), None));
    let snapshot = office.snapshot("eve").await;
    let card = &snapshot["cards"][0];
    let expected = json!({
        "id": "c", "list": "l2", "ord": "a0", "title": "Milk", "labels": [], "assignees": [], "due": "2026-12-31",
        "archived": false, "described": true, "changed": offset,
        "at": {"title": offset, "description": 0, "due": offset, "place": offset - 1, "archived": 0},
    });
    assert_eq!((card, &snapshot["position"]["offset"]), (&expected, &json!(offset)));
    let read = call(&mut bob, "card.read", json!({"card": "c"})).await.expect("it is there");
    assert_eq!(read, json!({"card": expected, "description": "2 l"}));
}

/// Red where the event bore no `op_id`, where the sender was left out, and where a due date could not be removed.
#[tokio::test]
async fn who_changes_something_sees_the_event_too_and_knows_it_again() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut ann = office.node.client("ann").await;
    ann.join("board:b").await;
    for (due, op) in [(json!("2026-02-28"), "one"), (json!(null), "two")] {
        let data = json!({"card": "c", "due": due});
        let frame = json!({"type": "card.change", "channel": "board:b", "op_id": op, "data": data});
        let reply = ann.request(frame).await.expect("it is done");
        let event = ann.find_event().await;
        assert_eq!((&event["op_id"], &event["data"]), (&json!(op), &data));
        assert_eq!(reply["data"]["position"]["offset"], event["offset"]);
    }
}

/// Everything that a board can go through, followed by a replica; and what is the same again tells nobody.
///
/// Red where a removed label stayed on a card, where an event of a hidden card brought it back, and where what
/// changed nothing was published.
#[tokio::test]
async fn a_replica_that_follows_has_the_board() {
    let office = Office::new().await;
    let start = office.snapshot("bob").await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    let mut replica = Replica::of(start);
    bob.subscribe(json!({"channel": "board:b", "since": replica.position()})).await;
    office.cards("l1", &["a", "b", "c"]).await;
    for (event, data) in [
        ("board.change", json!({"title": "Another title"})),
        ("label.set", json!({"label": "red", "name": "Red", "hue": 0})),
        ("label.set", json!({"label": "blue", "name": "Blue", "hue": 240})),
        ("label.set", json!({"label": "red", "name": "Red!", "hue": 359})),
        ("card.label", json!({"card": "a", "add": ["red", "blue"]})),
        ("card.label", json!({"card": "b", "add": ["red", "red"]})),
        ("card.label", json!({"card": "a", "remove": ["blue", "nothing"]})),
        ("card.assign", json!({"card": "a", "add": ["eve", "bob"]})),
        ("card.assign", json!({"card": "a", "add": ["ann"], "remove": ["bob"]})),
        ("card.change", json!({"card": "b", "title": "B", "description": "text", "due": "2024-02-29"})),
        ("card.change", json!({"card": "b", "archived": true})),
        ("card.move", json!({"card": "b", "to_list": "l2"})),
        ("card.label", json!({"card": "b", "add": ["blue"]})),
        ("label.remove", json!({"label": "red"})),
        ("card.change", json!({"card": "b", "archived": false})),
        ("card.delete", json!({"card": "a"})),
        ("list.change", json!({"list": "l2", "title": "Two", "archived": true})),
        ("list.change", json!({"list": "l2", "archived": false})),
        ("list.move", json!({"list": "l3", "before": "l1"})),
        ("card.restore", json!({"card": "a"})),
        ("board.change", json!({"archived": true})),
    ] {
        done(&mut ann, event, data.clone()).await;
        if event != "card.move" && event != "list.move" {
            assert_eq!(call(&mut ann, event, data.clone()).await, Ok(json!({})), "{event} {data} again");
        }
    }
    office.desk.remove_member(office.node.kernel(), &board(), &UserId::from("eve")).await.expect("she goes");
    let end = Replica::of(office.snapshot("bob").await);
    while replica.offset() < end.offset() {
        replica.apply(&bob.find_event().await);
    }
    let board = replica.clone().board();
    assert_eq!(board, end.board());
    let card = board.cards.iter().find(|card| card.id.as_str() == "a").expect("it was restored");
    assert_eq!((card.assignees.as_slice(), card.labels.len()), (["ann".to_owned()].as_slice(), 0));
}

/// Red where `desk.boards` was not told, and where it was told to others.
#[tokio::test]
async fn whose_list_of_boards_changes_is_told_on_the_personal_channel() {
    let office = Office::empty().await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    let mut boss = office.node.client("ann").await;
    let (kernel, user, editor) = (office.node.kernel(), UserId::from("bob"), Role::Editor);
    boss.call("board.create", json!({"board": "b", "title": "B"})).await.expect("it is made");
    ann.expect_frame("desk.boards").await;
    for _ in 0..2 {
        office.desk.set_member(kernel, &board(), &user, editor).await.expect("he is in");
    }
    bob.expect_frame("desk.boards").await;
    done(&mut boss, "board.change", json!({"title": "C"})).await;
    let renamed = [ann.expect_frame("desk.boards").await, bob.expect_frame("desk.boards").await];
    office.desk.remove_member(kernel, &board(), &user).await.expect("he is out");
    let removed = bob.expect_frame("desk.boards").await;
    // Nothing came between: each of them was told each of these once.
    let offsets = renamed.iter().chain([&removed]).map(|frame| frame["offset"].as_u64());
    assert_eq!(offsets.collect::<Vec<_>>(), [Some(2), Some(2), Some(3)]);
    assert_eq!(removed["channel"], "user:bob");
    let boards = office.node.boot("/desk", Some("ann")).await.expect("there is one");
    assert_eq!(boards["boards"][0]["title"], "C");
    assert_eq!(office.node.boot("/desk", Some("bob")).await, Ok(json!({"boards": [], "can_create": true})));
}
