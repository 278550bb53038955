//! Where cards and lists stand, whoever puts them there, and when.

use serde_json::json;
use veche_desk::wire::parts::Snapshot;

use crate::{
    replica::Replica,
    support::{Events, Office, call, done, follow},
};

/// Red where `after` meant the place that the anchor's successor had when the client looked.
#[tokio::test]
async fn a_card_goes_after_or_before_its_anchor_or_to_the_end() {
    let office = Office::new().await;
    office.cards("l1", &["a", "b", "c"]).await;
    office.cards("l2", &["x"]).await;
    let mut bob = office.node.client("bob").await;
    for (to, expected) in [
        (json!({"to_list": "l1", "after": "a"}), "acb"),
        (json!({"to_list": "l1", "before": "a"}), "cab"),
        (json!({"to_list": "l1"}), "abc"),
        // The anchor is elsewhere by now: the other one, then the end.
        (json!({"to_list": "l1", "after": "x", "before": "b"}), "acb"),
        (json!({"to_list": "l1", "after": "x", "before": "nothing"}), "abc"),
        // The first of the two counts.
        (json!({"to_list": "l1", "after": "a", "before": "a"}), "acb"),
    ] {
        let mut data = to.clone();
        data["card"] = json!("c");
        done(&mut bob, "card.move", data).await;
        assert_eq!(office.order("l1").await.concat(), expected, "{to}");
    }
    done(&mut bob, "card.move", json!({"card": "c", "to_list": "l2", "before": "x"})).await;
    assert_eq!(
        (office.order("l1").await.concat(), office.order("l2").await.concat()),
        ("ab".into(), "cx".into())
    );
}

/// Red where a move to where a card is gave it a new key.
#[tokio::test]
async fn a_card_that_is_in_its_place_stays_there_without_an_event() {
    let office = Office::new().await;
    office.cards("l1", &["a", "b", "c"]).await;
    let mut bob = office.node.client("bob").await;
    let before = office.snapshot("bob").await;
    for to in [json!({"after": "a"}), json!({"before": "c"}), json!({"after": "a", "before": "c"})] {
        let mut data = to;
        (data["card"], data["to_list"]) = (json!("b"), json!("l1"));
        assert_eq!(call(&mut bob, "card.move", data).await, Ok(json!({})));
    }
    assert_eq!(call(&mut bob, "card.move", json!({"card": "c", "to_list": "l1"})).await, Ok(json!({})));
    assert_eq!(call(&mut bob, "list.move", json!({"list": "l2", "after": "l1"})).await, Ok(json!({})));
    assert_eq!(office.snapshot("bob").await, before);
}

/// Red where hidden cards were left out of the search for a neighbour: two cards got one key.
#[tokio::test]
async fn cards_that_are_hidden_are_anchors_still() {
    let office = Office::new().await;
    office.cards("l1", &["a", "b", "c", "d"]).await;
    let mut bob = office.node.client("bob").await;
    done(&mut bob, "card.change", json!({"card": "b", "archived": true})).await;
    done(&mut bob, "card.delete", json!({"card": "c"})).await;
    for (card, to) in
        [("1", json!({"after": "b"})), ("2", json!({"before": "c"})), ("3", json!({"after": "c"}))]
    {
        let mut data = to;
        (data["card"], data["list"], data["title"]) = (json!(card), json!("l1"), json!(card));
        done(&mut bob, "card.create", data).await;
    }
    done(&mut bob, "card.create", json!({"card": "4", "list": "l1", "title": "4", "after": "a"})).await;
    assert_eq!(office.order("l1").await.concat(), "a4123d");
    done(&mut bob, "card.restore", json!({"card": "c"})).await;
    done(&mut bob, "card.change", json!({"card": "b", "archived": false})).await;
    assert_eq!(office.order("l1").await.concat(), "a4b12c3d");
}

#[tokio::test]
async fn lists_stand_where_they_are_put() {
    let office = Office::new().await;
    let mut bob = office.node.client("bob").await;
    let order = async || {
        let board = Replica::of(office.snapshot("bob").await).board();
        board.lists.iter().map(|list| list.id.as_str()[1..].to_owned()).collect::<String>()
    };
    assert_eq!(order().await, "123");
    done(&mut bob, "list.create", json!({"list": "l4", "title": "4", "after": "l1"})).await;
    done(&mut bob, "list.move", json!({"list": "l1"})).await;
    assert_eq!(order().await, "4231");
    done(&mut bob, "list.move", json!({"list": "l3", "before": "l4"})).await;
    assert_eq!(order().await, "3421");
    for hostile in 0..300 {
        let (list, after) = if hostile % 2 == 0 { ("l2", "l3") } else { ("l1", "l3") };
        done(&mut bob, "list.move", json!({"list": list, "after": after})).await;
    }
    assert_eq!(order().await, "3124");
}

/// Two clients put a hundred cards each after the same one, in turns. Red where a tie was broken by a random part
/// of the key, and where the anchor's successor was read outside of the transaction.
#[tokio::test]
async fn of_two_who_insert_after_the_same_card_the_later_is_nearer() {
    let office = Office::new().await;
    office.cards("l1", &["anchor", "last"]).await;
    let start = office.snapshot("eve").await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    let mut expected = vec!["last".to_owned()];
    for turn in 0..100 {
        for (client, name) in [(&mut ann, "a"), (&mut bob, "b")] {
            let card = format!("{name}{turn}");
            let data = json!({"card": card, "list": "l1", "title": card, "after": "anchor"});
            done(client, "card.create", data).await;
            expected.push(card);
        }
    }
    expected.push("anchor".into());
    expected.reverse();
    assert_eq!(office.order("l1").await, expected);
    assert_replicas_agree(&office, &start).await;
}

/// The same at once. Whatever the order is, it is one.
#[tokio::test]
async fn two_who_insert_at_once_see_one_order_without_a_double() {
    let office = Office::new().await;
    office.cards("l1", &["anchor", "last"]).await;
    let start = office.snapshot("eve").await;
    let insert = async |name: &str, user: &str| {
        let mut client = office.node.client(user).await;
        for turn in 0..100 {
            let card = format!("{name}{turn}");
            let data = json!({"card": card, "list": "l1", "title": card, "after": "anchor"});
            done(&mut client, "card.create", data).await;
        }
    };
    tokio::join!(insert("a", "ann"), insert("b", "bob"));
    let order = office.order("l1").await;
    let of = |name: &str| order.iter().filter(|card| card.starts_with(name)).cloned().collect::<Vec<_>>();
    let descending = |name: &str| (0..100).rev().map(|turn| format!("{name}{turn}")).collect::<Vec<_>>();
    let mut anns = of("a");
    anns.retain(|card| card != "anchor");
    assert_eq!((anns, of("b"), order.len()), (descending("a"), descending("b"), 202));
    assert_replicas_agree(&office, &start).await;
}

/// Red where new keys were exchanged in place and met each other, and where hidden cards kept the old ones.
#[tokio::test]
async fn a_gap_that_is_halved_for_ever_gets_new_keys_in_the_same_order() {
    let office = Office::new().await;
    office.cards("l1", &["a", "b", "hidden", "c", "z"]).await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    done(&mut ann, "card.delete", json!({"card": "hidden"})).await;
    let start = office.snapshot("eve").await;
    bob.join("board:b").await;
    let mut rekeyed = 0;
    for turn in 0..600 {
        // The two between a and z change places: each time the gap after a is halved.
        let card = if turn % 2 == 0 { "c" } else { "b" };
        done(&mut ann, "card.move", json!({"card": card, "to_list": "l1", "after": "a"})).await;
        let frame = bob.find_event().await;
        if frame["type"] == "list.rekeyed" {
            rekeyed += 1;
            assert_eq!((&frame["op_id"], &frame["from"]), (&json!(null), &json!(null)), "it is nobody's");
            assert_eq!(frame["data"]["keys"].as_array().map(Vec::len), Some(5), "hidden cards too");
            assert_eq!(bob.find_event().await["type"], "card.moved", "the move comes right after it");
        }
    }
    assert!((2..=4).contains(&rekeyed), "{rekeyed} times in 600");
    let board: Snapshot = serde_json::from_value(office.snapshot("eve").await).expect("it is a snapshot");
    assert!(board.cards.iter().all(|card| card.ord.len() <= 48), "{board:?}");
    assert_eq!(office.order("l1").await.concat(), "abcz");
    assert_replicas_agree(&office, &start).await;
    done(&mut ann, "card.restore", json!({"card": "hidden"})).await;
    assert_eq!(office.order("l1").await.last().map(String::as_str), Some("z"));
}

/// A replica that was there from the start, one that came back in the middle, and a new snapshot are one.
async fn assert_replicas_agree(office: &Office, start: &serde_json::Value) {
    let end = Replica::of(office.snapshot("eve").await);
    let mut replica = Replica::of(start.clone());
    follow(office, "eve", &mut replica, end.offset()).await;
    assert_eq!(replica.board(), end.board());
}
