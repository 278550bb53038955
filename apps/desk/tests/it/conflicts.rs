//! Two who change one thing, and things that are gone meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Office, because, call, done, why};

/// Red where the writer of the lost value was told, where a value of one's own was, and where the old value was
/// the new one.
#[tokio::test]
async fn the_last_change_wins_and_its_writer_hears_what_it_overwrote() {
    let office = Office::new().await;
    office.cards("l1", &["a", "c"]).await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    let anns = json!({"card": "c", "title": "Ann's", "due": "2026-01-01", "description": "of Ann"});
    let offset = done(&mut ann, "card.change", anns).await;
    let seen = json!({"title": 0, "description": 0, "due": 0});
    let bobs = json!({"card": "c", "title": "Bob's", "due": null, "description": "of Bob", "seen": seen});
    let applied = call(&mut bob, "card.change", bobs).await.expect("it is applied all the same");
    let at_ms = office.store.clock().wall_ms();
    let told = |field: &str, old: Value| json!({"field": field, "by": "ann", "by_name": "ann", "at_ms": at_ms, "old": old});
    let expected = json!([
        told("title", json!("Ann's")),
        told("description", json!("of Ann")),
        told("due", json!("2026-01-01"))
    ]);
    assert_eq!(applied["overwrote"], expected);
    assert_eq!(office.snapshot("ann").await["cards"][1]["title"], "Bob's");
    // Who had seen it, who says nothing of it, and who overwrites themselves, is told nothing.
    for (client, seen) in [(&mut ann, json!({"title": offset + 1})), (&mut bob, json!({}))] {
        let data = json!({"card": "c", "title": format!("seen {seen}"), "seen": seen});
        assert_eq!(call(client, "card.change", data).await.expect("it is applied")["overwrote"], json!(null));
    }
    let data = json!({"card": "c", "title": "mine", "seen": {"title": 0}});
    assert_eq!(call(&mut bob, "card.change", data).await.expect("it is applied")["overwrote"], json!(null));
    // The same value overwrites nothing.
    let data = json!({"card": "c", "title": "mine", "seen": {"title": 0}});
    assert_eq!(call(&mut ann, "card.change", data).await, Ok(json!({})));
}

#[tokio::test]
async fn of_two_who_move_a_card_the_later_wins_and_can_put_it_back() {
    let office = Office::new().await;
    office.cards("l1", &["a", "b", "c"]).await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    done(&mut ann, "card.move", json!({"card": "c", "to_list": "l1", "after": "a"})).await;
    let data = json!({"card": "c", "to_list": "l3", "seen": {"place": 0}});
    let applied = call(&mut bob, "card.move", data).await.expect("it is moved");
    let old = json!({"list": "l1", "after": "a"});
    assert_eq!((&applied["overwrote"][0]["field"], &applied["overwrote"][0]["old"]), (&json!("place"), &old));
    done(&mut bob, "card.move", json!({"card": "c", "to_list": old["list"], "after": old["after"]})).await;
    assert_eq!(office.order("l1").await.concat(), "acb");
}

/// Red where an archived list took cards.
#[tokio::test]
async fn a_card_cannot_go_to_a_list_that_is_gone() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut bob = office.node.client("bob").await;
    done(&mut bob, "list.change", json!({"list": "l2", "archived": true})).await;
    let refused = call(&mut bob, "card.move", json!({"card": "c", "to_list": "l2"})).await;
    assert_eq!(why(refused), because("list_gone", "data.to_list"));
    let refused = call(&mut bob, "card.create", json!({"card": "d", "list": "l2", "title": "x"})).await;
    assert_eq!(why(refused), because("list_gone", "data.list"));
    assert_eq!(office.order("l1").await, ["c"]);
    done(&mut bob, "list.change", json!({"list": "l2", "archived": false})).await;
    done(&mut bob, "card.move", json!({"card": "c", "to_list": "l2"})).await;
}

/// Red where the trash could be edited, where a restored card lost its text or its place, and where the sweep took
/// what was young.
#[tokio::test]
async fn a_deleted_card_refuses_edits_until_it_is_restored() {
    let office = Office::new().await;
    office.cards("l1", &["a", "c", "z"]).await;
    let mut bob = office.node.client("bob").await;
    done(&mut bob, "card.change", json!({"card": "c", "description": "long text"})).await;
    done(&mut bob, "card.delete", json!({"card": "c"})).await;
    assert_eq!(call(&mut bob, "card.delete", json!({"card": "c"})).await, Ok(json!({})));
    for (event, data) in [
        ("card.change", json!({"card": "c", "title": "mine"})),
        ("card.move", json!({"card": "c", "to_list": "l2"})),
        ("card.label", json!({"card": "c", "remove": ["x"]})),
        ("card.assign", json!({"card": "c", "add": ["bob"]})),
        ("card.read", json!({"card": "c"})),
    ] {
        assert_eq!(why(call(&mut bob, event, data).await), because("gone", "data.card"), "{event}");
    }
    let refused = call(&mut bob, "card.restore", json!({"card": "nothing"})).await;
    assert_eq!(why(refused), because("not_found", "data.card"));
    office.store.clock().advance(Duration::from_hours(30 * 24) - Duration::from_millis(1));
    assert_eq!(office.desk.sweep().await, Ok(0));
    done(&mut bob, "card.restore", json!({"card": "c"})).await;
    assert_eq!(office.order("l1").await.concat(), "acz");
    let read = call(&mut bob, "card.read", json!({"card": "c"})).await.expect("it is there");
    assert_eq!(read["description"], "long text");
    done(&mut bob, "card.change", json!({"card": "c", "title": "mine"})).await;
    done(&mut bob, "card.delete", json!({"card": "c"})).await;
    office.store.clock().advance(Duration::from_hours(30 * 24));
    assert_eq!(office.desk.sweep().await, Ok(1));
    let refused = call(&mut bob, "card.restore", json!({"card": "c"})).await;
    assert_eq!(why(refused), because("not_found", "data.card"));
}

/// Red where a restored card went back into an archived list, where nobody saw it.
#[tokio::test]
async fn a_card_whose_list_is_archived_comes_back_in_the_first_list_there_is() {
    let office = Office::new().await;
    office.cards("l1", &["a"]).await;
    office.cards("l2", &["c", "d"]).await;
    let mut bob = office.node.client("bob").await;
    done(&mut bob, "card.delete", json!({"card": "c"})).await;
    done(&mut bob, "card.change", json!({"card": "d", "archived": true})).await;
    done(&mut bob, "list.change", json!({"list": "l2", "archived": true})).await;
    done(&mut bob, "card.restore", json!({"card": "c"})).await;
    done(&mut bob, "card.change", json!({"card": "d", "archived": false})).await;
    assert_eq!(office.order("l1").await.concat(), "acd");
    done(&mut bob, "card.delete", json!({"card": "c"})).await;
    for list in ["l1", "l3"] {
        done(&mut bob, "list.change", json!({"list": list, "archived": true})).await;
    }
    let refused = call(&mut bob, "card.restore", json!({"card": "c"})).await;
    assert_eq!(why(refused), because("list_gone", "data.card"));
}
