//! Who may do what, and what becomes of those whose right ends.

use std::time::Duration;

use serde_json::{Value, json};
use veche_desk::wire::parts::Role;
use veche_kernel::{UserId, web::Body};

use crate::support::{Office, board, call, done, why};

/// Every call, with data that would change something.
fn every_call() -> [(&'static str, Value); 14] {
    [
        ("card.read", json!({"card": "c"})),
        ("board.change", json!({"title": "Mine"})),
        ("list.create", json!({"list": "new", "title": "New"})),
        ("list.change", json!({"list": "l1", "title": "New"})),
        ("list.move", json!({"list": "l1"})),
        ("card.create", json!({"card": "new", "list": "l1", "title": "New"})),
        ("card.change", json!({"card": "c", "title": "New"})),
        ("card.move", json!({"card": "c", "to_list": "l2"})),
        ("card.label", json!({"card": "c", "add": ["red"]})),
        ("card.assign", json!({"card": "c", "add": ["bob"]})),
        ("card.delete", json!({"card": "c"})),
        ("card.restore", json!({"card": "trashed"})),
        ("label.set", json!({"label": "new", "name": "New", "hue": 1})),
        ("label.remove", json!({"label": "red"})),
    ]
}

async fn furnished() -> Office {
    let office = Office::new().await;
    office.cards("l1", &["c", "trashed"]).await;
    let mut ann = office.node.client("ann").await;
    done(&mut ann, "label.set", json!({"label": "red", "name": "Red", "hue": 1})).await;
    done(&mut ann, "card.delete", json!({"card": "trashed"})).await;
    office
}

/// Red where a call forgot its role: each was tried with `Role::Viewer` in its place.
#[tokio::test]
async fn a_viewer_sees_and_an_editor_changes_all_but_the_board() {
    let office = furnished().await;
    let before = office.snapshot("ann").await;
    for (user, allowed) in [("eve", &["card.read"][..]), ("mallory", &[])] {
        let mut client = office.node.client(user).await;
        for (event, data) in every_call() {
            let outcome = call(&mut client, event, data).await;
            if allowed.contains(&event) {
                assert!(outcome.is_ok(), "{user} {event}: {outcome:?}");
            } else {
                assert_eq!(why(outcome).0, "forbidden", "{user} {event}");
            }
        }
    }
    assert_eq!(office.snapshot("ann").await, before);
    let mut bob = office.node.client("bob").await;
    for (event, data) in every_call() {
        let outcome = call(&mut bob, event, data).await;
        assert_eq!(outcome.is_ok(), event != "board.change", "{event}: {outcome:?}");
    }
}

/// Red where a board that is not there was another answer than one that is not one's own, and where a guess left a
/// channel in the database.
#[tokio::test]
async fn strangers_and_guests_learn_nothing() {
    let office = furnished().await;
    let mut mallory = office.node.client("mallory").await;
    for channel in ["board:b", "board:nothing"] {
        let frame = json!({"type": "card.delete", "channel": channel, "data": {"card": "c"}});
        assert_eq!(why(mallory.request(frame).await).0, "forbidden", "{channel}");
        for right in ["subscribe", "history", "presence"] {
            let frame = match right {
                "presence" => json!({"type": "subscribe", "channel": channel, "presence": true}),
                right => json!({"type": right, "channel": channel}),
            };
            assert_eq!(why(mallory.request(frame).await).0, "forbidden", "{right} {channel}");
        }
    }
    for channel in ["room:b", "board:a b", "board:"] {
        let frame = json!({"type": "card.delete", "channel": channel, "data": {"card": "c"}});
        assert_eq!(
            why(mallory.request(frame).await),
            ("bad_request".into(), Some("channel".into())),
            "{channel}"
        );
    }
    let channels = office.store.read(async |tx| {
        tx.one("SELECT COUNT(*) FROM channel WHERE name LIKE 'board:%'", []).await?.get::<u64>(0)
    });
    assert_eq!(channels.await, Ok(1));
    let mut guest = office.node.guest().await;
    for (event, data) in every_call() {
        assert_eq!(why(call(&mut guest, event, data).await).0, "unauthorized", "{event}");
    }
    let refused = guest.call("board.create", json!({"board": "g", "title": "G"})).await;
    assert_eq!(why(refused).0, "unauthorized");
    let page = async |path: &str, user| {
        office.node.boot(path, user).await.expect_err("it is refused").code().as_str()
    };
    assert_eq!(page("/desk/b", Some("mallory")).await, "forbidden");
    assert_eq!(page("/desk/nothing", Some("mallory")).await, "not_found");
    assert_eq!(page("/desk/b", None).await, "unauthorized");
    assert_eq!(page("/desk", None).await, "unauthorized");
    assert_eq!(page("/desk/a%20b", Some("ann")).await, "not_found");
    let request = || http::Request::get("/api/desk/boards/b").body(Body::default()).expect("it is a request");
    assert_eq!(office.node.ask_http(request(), Some("mallory")).await.status(), 403);
    assert_eq!(office.node.ask_http(request(), None).await.status(), 401);
}

/// Red without `recheck`, and where the membership was read before the transaction.
#[tokio::test]
async fn who_loses_the_right_in_the_middle_of_an_edit_is_refused_and_hears_no_more() {
    let office = furnished().await;
    let (mut ann, mut bob) = (office.node.client("ann").await, office.node.client("bob").await);
    bob.subscribe(json!({"channel": "board:b", "presence": true})).await;
    done(&mut bob, "card.change", json!({"card": "c", "title": "half a"})).await;
    let user = UserId::from("bob");
    office.desk.set_member(office.node.kernel(), &board(), &user, Role::Viewer).await.expect("it is set");
    let edit = json!({"card": "c", "title": "half a sentence"});
    assert_eq!(why(call(&mut bob, "card.change", edit.clone()).await).0, "forbidden");
    assert!(call(&mut bob, "card.read", json!({"card": "c"})).await.is_ok(), "he still sees it");
    office.desk.remove_member(office.node.kernel(), &board(), &user).await.expect("he is out");
    assert_eq!(why(call(&mut bob, "card.change", edit).await).0, "forbidden");
    office.node.advance(Duration::from_secs(1)).await;
    let ended = bob.expect_frame("unsubscribed").await;
    assert_eq!((&ended["channel"], &ended["code"]), (&json!("board:b"), &json!(3503)));
    bob.arrived();
    done(&mut ann, "card.change", json!({"card": "c", "title": "a secret"})).await;
    office.node.settle().await;
    assert!(bob.arrived().iter().all(|frame| frame["channel"] != "board:b"));
    assert_eq!(
        office.node.boot("/desk/b", Some("bob")).await.expect_err("refused").code().as_str(),
        "forbidden"
    );
}

/// Red where the check looked at the board's first owner only.
#[tokio::test]
async fn a_board_keeps_an_owner() {
    let office = Office::new().await;
    let (kernel, ann) = (office.node.kernel(), UserId::from("ann"));
    let code = |refused: Result<(), veche_kernel::Rejection>| refused.expect_err("refused").code().as_str();
    assert_eq!(code(office.desk.remove_member(kernel, &board(), &ann).await), "conflict");
    assert_eq!(code(office.desk.set_member(kernel, &board(), &ann, Role::Editor).await), "conflict");
    office.member("bob", Role::Owner).await;
    office.desk.remove_member(kernel, &board(), &ann).await.expect("bob owns it, too");
    let nothing = "nothing".parse().expect("it is an id");
    assert_eq!(code(office.desk.set_member(kernel, &nothing, &ann, Role::Owner).await), "not_found");
}

/// Red where the presence's own right was not asked of the guard.
#[tokio::test]
async fn members_see_each_other_on_the_board() {
    let office = Office::new().await;
    let (mut ann, mut eve) = (office.node.client("ann").await, office.node.client("eve").await);
    ann.subscribe(json!({"channel": "board:b", "presence": true})).await;
    let meta = json!({"card": "c", "field": "title", "mode": "edit"});
    eve.subscribe(json!({"channel": "board:b", "presence": true})).await;
    eve.request(json!({"type": "presence", "channel": "board:b", "state": "active", "meta": meta}))
        .await
        .expect("ok");
    office.node.advance(Duration::from_secs(1)).await;
    let frames = ann.arrived();
    let shows = |frame: &Value| frame.to_string().contains("\"mode\":\"edit\"");
    assert!(frames.iter().any(shows), "{frames:?}");
    assert_eq!(
        why(ann.request(json!({"type": "message", "channel": "board:b", "data": 1})).await).0,
        "forbidden"
    );
}
