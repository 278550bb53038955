//! Texts of every kind, ids that are none, and numbers beyond their bounds: each is kept as it is, or refused by
//! the name of its field.

use serde_json::{Value, json};
use veche_desk::wire::parts::Role;
use veche_kernel::UserId;
use veche_store::Tx;

use crate::support::{Office, because, board, call, done, why};

/// Red where a check was left out; most of these went into the database before it.
#[tokio::test]
async fn what_is_wrong_is_refused_by_the_name_of_its_field() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut ann = office.node.client("ann").await;
    let (long, longer) = ("x".repeat(513), "x".repeat((32 << 10) + 1));
    let many: Vec<String> = (0..201).map(|number| format!("label{number}")).collect();
    let new = |card: Value, list: Value, title: Value| json!({"card": card, "list": list, "title": title});
    let before = office.snapshot("ann").await;
    for (event, data, code, field) in [
        ("card.create", new(json!("a/b"), json!("l1"), json!("x")), "bad_request", "data.card"),
        ("card.create", new(json!(""), json!("l1"), json!("x")), "bad_request", "data.card"),
        ("card.create", new(json!("x".repeat(33)), json!("l1"), json!("x")), "bad_request", "data.card"),
        ("card.create", new(json!("'; DROP TABLE"), json!("l1"), json!("x")), "bad_request", "data.card"),
        ("card.create", new(json!(7), json!("l1"), json!("x")), "bad_request", "data.card"),
        ("card.create", new(json!("d"), json!("l 1"), json!("x")), "bad_request", "data.list"),
        ("card.create", new(json!("d"), json!("l9"), json!("x")), "list_gone", "data.list"),
        ("card.create", new(json!("d"), json!("l1"), json!("a\nb")), "bad_request", "data.title"),
        ("card.create", new(json!("d"), json!("l1"), json!(" \u{a0} ")), "bad_request", "data.title"),
        ("card.create", new(json!("d"), json!("l1"), json!("a\u{202e}b")), "bad_request", "data.title"),
        ("card.create", new(json!("d"), json!("l1"), json!(long)), "too_large", "data.title"),
        ("card.create", new(json!("c"), json!("l1"), json!("x")), "conflict", "data.card"),
        ("card.create", json!({"card": "d", "list": "l1"}), "bad_request", "data.title"),
        ("card.change", json!({"card": "c", "description": longer}), "too_large", "data.description"),
        ("card.change", json!({"card": "c", "description": "a\0b"}), "bad_request", "data.description"),
        ("card.change", json!({"card": "c", "due": "2026-02-30"}), "bad_request", "data.due"),
        ("card.change", json!({"card": "c", "due": 5}), "bad_request", "data.due"),
        ("card.change", json!({"card": "c", "archived": "yes"}), "bad_request", "data.archived"),
        (
            "card.change",
            json!({"card": "c", "seen": {"title": -1}, "title": "y"}),
            "bad_request",
            "data.seen.title",
        ),
        ("card.change", json!({"card": "nothing", "title": "y"}), "not_found", "data.card"),
        ("card.move", json!({"card": "c", "to_list": "l9"}), "list_gone", "data.to_list"),
        ("card.move", json!({"card": "c", "to_list": "l1", "after": "c"}), "bad_request", "data.after"),
        ("card.move", json!({"card": "c", "to_list": "l1", "before": "c"}), "bad_request", "data.before"),
        ("card.move", json!({"card": "c"}), "bad_request", "data.to_list"),
        ("card.label", json!({"card": "c", "add": ["nothing"]}), "not_found", "data.add"),
        ("card.label", json!({"card": "c", "add": ["a b"]}), "bad_request", "data.add[0]"),
        ("card.label", json!({"card": "c", "remove": many}), "too_large", "data.remove"),
        ("card.assign", json!({"card": "c", "add": ["bob", "stranger"]}), "not_found", "data.add"),
        ("label.set", json!({"label": "red", "name": "", "hue": 1}), "bad_request", "data.name"),
        ("label.set", json!({"label": "red", "name": "x".repeat(129), "hue": 1}), "too_large", "data.name"),
        ("label.set", json!({"label": "red", "name": "Red", "hue": 360}), "bad_request", "data.hue"),
        ("label.set", json!({"label": "red", "name": "Red", "hue": -1}), "bad_request", "data.hue"),
        ("list.create", json!({"list": "l1", "title": "x"}), "conflict", "data.list"),
        ("list.change", json!({"list": "l9", "title": "x"}), "not_found", "data.list"),
        ("list.move", json!({"list": "l1", "after": "l1"}), "bad_request", "data.after"),
        ("board.change", json!({"title": "\u{200b}"}), "bad_request", "data.title"),
        ("board.create", json!({"board": "b", "title": "x"}), "conflict", "data.board"),
        ("board.create", json!({"board": "../b", "title": "x"}), "bad_request", "data.board"),
        ("card.change", json!("text"), "bad_request", "data"),
    ] {
        let shown: String = data.to_string().chars().take(80).collect();
        assert_eq!(why(call(&mut ann, event, data).await), because(code, field), "{event} {shown}");
    }
    assert_eq!(office.snapshot("ann").await, before, "nothing of it was done");
}

/// Red where a title was escaped, and where a description was trimmed or normalised.
#[tokio::test]
async fn any_text_comes_back_byte_for_byte() {
    let office = Office::new().await;
    office.cards("l1", &["c"]).await;
    let mut ann = office.node.client("ann").await;
    let most = "\u{1}\"\\".repeat((32 << 10) / 3 / 2) + &"я".repeat(1_000);
    for text in [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "{{constructor.constructor('x')()}} ${x} %s %n",
        " spaces \n\tlines\r\nand\u{1b}[31m controls\u{7}\u{85}\u{2028}",
        "e\u{301} \u{202e}turned\u{2066} \u{feff}\u{200b}",
        "'; DROP TABLE desk_card; --",
        "\u{10ffff}\u{fffd}🧑‍🚀",
        "",
        &most,
    ] {
        let read = async |client: &mut _| {
            let read = call(client, "card.read", json!({"card": "c"})).await.expect("it is there");
            (read["description"].clone(), read["card"]["described"].clone())
        };
        call(&mut ann, "card.change", json!({"card": "c", "description": text}))
            .await
            .expect("it is any text");
        assert_eq!(read(&mut ann).await, (json!(text), json!(!text.is_empty())));
    }
    let markup = "<b onclick=\"x\">&amp;</b> '; -- {{x}}";
    done(&mut ann, "card.change", json!({"card": "c", "title": markup})).await;
    assert_eq!(office.snapshot("ann").await["cards"][0]["title"], markup);
}

/// Red where a limit counted what is shown only.
#[tokio::test]
async fn a_board_takes_so_many_lists_and_labels() {
    let office = Office::new().await;
    let mut ann = office.node.client("ann").await;
    for number in 0..200 {
        done(&mut ann, "label.set", json!({"label": format!("n{number}"), "name": "N", "hue": 1})).await;
    }
    for number in 4..=200 {
        done(&mut ann, "list.create", json!({"list": format!("l{number}"), "title": "L"})).await;
    }
    done(&mut ann, "list.change", json!({"list": "l7", "archived": true})).await;
    let full = |refused: Result<Value, _>| assert_eq!(why(refused).0, "full");
    full(call(&mut ann, "list.create", json!({"list": "more", "title": "L"})).await);
    full(call(&mut ann, "label.set", json!({"label": "more", "name": "N", "hue": 1})).await);
    // What is there can still be changed.
    done(&mut ann, "label.set", json!({"label": "n7", "name": "N", "hue": 2})).await;
}

/// Red where the trash was not counted, and where the limit of boards was that of memberships.
#[tokio::test]
async fn a_board_takes_so_many_cards_and_members_and_an_owner_so_many_boards() {
    let office = Office::new().await;
    let mut ann = office.node.client("ann").await;
    let fill = async |tx: &mut Tx| {
        let sql = "INSERT INTO desk_card (board, id, list, ord, title, labels, assignees, due, archived, trashed_ms,
                       described, changed, edits)
                   WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 19999)
                   SELECT 'b', 'x' || n, 'l9', n, 'x', '[]', '[]', NULL, 0, n, 0, 0, '{}' FROM number";
        tx.execute(sql, []).await?;
        let sql = "INSERT INTO desk_member (board, user_id, role)
                   WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 498)
                   SELECT 'o' || n, 'ann', 3 FROM number";
        tx.execute(sql, []).await?;
        tx.execute("INSERT INTO desk_member (board, user_id, role) VALUES ('p', 'ann', 2)", []).await
    };
    office.store.write(fill).await.expect("it is filled");
    done(&mut ann, "card.create", json!({"card": "last", "list": "l1", "title": "x"})).await;
    let more = json!({"card": "more", "list": "l1", "title": "x"});
    assert_eq!(why(call(&mut ann, "card.create", more).await).0, "full");
    ann.call("board.create", json!({"board": "last", "title": "x"})).await.expect("it is the 500th");
    let refused = ann.call("board.create", json!({"board": "more", "title": "x"})).await;
    assert_eq!(why(refused).0, "full");
    assert_eq!(office.node.boot("/desk", Some("ann")).await.expect("it is served")["can_create"], false);
    for number in 3..100 {
        office.member(&format!("member-{number}"), Role::Viewer).await;
    }
    let more = UserId::from("more");
    let refused = office.desk.set_member(office.node.kernel(), &board(), &more, Role::Viewer).await;
    assert_eq!(refused.expect_err("it is full").code().as_str(), "full");
    office.member("bob", Role::Viewer).await;
}
