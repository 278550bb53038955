//! What the calls do, and what everybody on the board is told.

use serde_json::{Value, json};
use veche_desk::wire::events::{CardChanged, CardCreated, CardMoved};

use crate::support::{Office, because, call, done, why};

#[tokio::test]
async fn a_card_is_made_moved_and_changed_before_everybodys_eyes() {
    let office = Office::new().await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    bob.join("board:b").await;
    done(
        &mut ann,
        "card.create",
        json!({"card": "c", "list": "l1", "title": " <b>Milk</b> ", "description": "2 l"}),
    )
    .await;
    let created: CardCreated = bob.expect().await;
    assert_eq!((created.card.title.as_str(), created.description.as_str()), ("<b>Milk</b>", "2 l"));
    let offset = done(&mut ann, "card.move", json!({"card": "c", "to_list": "l2"})).await;
    let moved = bob.expect_frame("card.moved").await;
    assert_eq!((moved["offset"].as_u64(), &moved["from"]["user"]), (Some(offset), &json!("ann")));
    let changed = json!({"card": "c", "due": "2026-12-31", "title": "Milk", "description": "2 l"});
    let offset = done(&mut ann, "card.change", changed).await;
    let event: CardChanged = bob.expect().await;
    assert_eq!(
        (event.title.as_deref(), event.description, event.due),
        (Some("Milk"), None, Some(Some("2026-12-31".into())))
    );
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
    let _: Option<CardMoved> = None;
}

#[tokio::test]
async fn wrong_input_names_its_field() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut ann = office.node.client("ann").await;
    for (event, data, code, field) in [
        ("card.create", json!({"card": "a/b", "list": "l1", "title": "x"}), "bad_request", "data.card"),
        ("card.create", json!({"card": "d", "list": "l1", "title": "a\nb"}), "bad_request", "data.title"),
    ] {
        assert_eq!(why(call(&mut ann, event, data.clone()).await), because(code, field), "{event} {data}");
    }
    assert_eq!(call(&mut ann, "card.change", json!({"card": "c", "title": "c"})).await, Ok(json!({})));
    let _: Value = json!(null);
}
