//! What servers do by `/api/v1`, each operation once.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use veche::{NewToken, Server, Verifier, api::Api};

use crate::support::{
    PATH, SECRET, address,
    client::Client,
    guests,
    http::{ALL, Http, keys, offset, publish},
    start_with, users,
};

fn server() -> (Server, String) {
    let (keys, [all]) = keys([ALL]);
    let builder = guests().mount(Api::new(Arc::new(keys)).module());
    (start_with(builder, |listen| listen), all.to_string())
}

async fn welcomed(server: &Server) -> (Client, String, String) {
    let mut client = Client::connect(crate::support::address(server)).await;
    let welcome = client.expect("welcome").await;
    let text = |field: &str| welcome[field].as_str().expect("a text").to_owned();
    (client, text("user"), text("session"))
}

#[tokio::test]
async fn a_publication_reaches_its_subscribers_once() {
    // Red: `Publish::act` without the event; without the op_id.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let (mut ann, ..) = welcomed(&server).await;
    ann.send(json!({"type": "subscribe", "channel": "room:1"})).await;
    ann.expect("subscribed").await;
    let post = json!({"channel": "room:1", "event": "new_post", "data": {"n": 1.50}, "op_id": "p-1"});
    let first = api.does("publish", post.clone()).await;
    assert_eq!((&first["class"], &first["duplicate"], offset(&first)), (&json!("memory"), &json!(false), 1));
    let again = api.does("publish", post).await;
    assert_eq!((&again["duplicate"], offset(&again)), (&json!(true), 1));
    api.does("publish", publish("room:1", "the next")).await;
    let heard = ann.expect("new_post").await;
    assert_eq!(
        (&heard["data"], &heard["op_id"], heard["from"].is_null()),
        (&json!({"n": 1.5}), &json!("p-1"), true)
    );
    let next = ann.expect("message").await;
    assert_eq!((&next["data"], &next["offset"]), (&json!("the next"), &json!(2)));
    assert_eq!(
        api.does("publish", publish("undeclared", 1)).await,
        json!({"class": "ephemeral", "duplicate": false})
    );
}

#[tokio::test]
async fn a_broadcast_is_answered_channel_by_channel() {
    // Red: `Broadcast::act` without the look at the number of channels; without the scope of each.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let channels: Vec<_> = (0..70).map(|n| format!("room:{n}")).chain(["a*".to_owned()]).collect();
    let told = api.does("broadcast", json!({"channels": channels, "data": 1})).await;
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), 71);
    assert!(results[..70].iter().all(|result| offset(result) == 1), "{told}");
    assert_eq!(results[70]["error"]["field"], "channels[70]");
    let seventh = api.does("history", json!({"channel": "room:6"})).await;
    assert_eq!(seventh["publications"][0]["channel"], "room:6");
    let many = json!({"channels": vec!["room:1"; 1_001], "data": 1});
    let refused = api.post("/api/v1/broadcast", many).await;
    assert_eq!((refused.status, refused.error()), (413, ("too_large", Some("channels"))));
    assert_eq!(api.post("/api/v1/broadcast", json!({"channels": [], "data": 1})).await.status, 400);
}

#[tokio::test]
async fn the_past_is_read_page_by_page_in_both_directions() {
    // Red: `HistoryPage::of` with `next` always or never.
    let (server, key) = server();
    let api = Http::of(&server, key);
    for n in 1..=5 {
        api.does("publish", publish("room:1", n)).await;
    }
    let page = async |body: serde_json::Value| {
        let page = api.does("history", body).await;
        let offsets = page["publications"].as_array().expect("publications").iter();
        let offsets: Vec<_> = offsets.map(|it| it["offset"].as_u64().expect("an offset")).collect();
        (offsets, page["next"].as_u64(), offset(&page))
    };
    let read = |field: &str, from: Option<u64>| json!({"channel": "room:1", "limit": 2, field: from});
    assert_eq!(page(read("before", None)).await, (vec![5, 4], Some(4), 5));
    assert_eq!(page(read("before", Some(4))).await, (vec![3, 2], Some(2), 5));
    assert_eq!(page(read("before", Some(2))).await, (vec![1], None, 5));
    assert_eq!(page(read("after", Some(0))).await, (vec![1, 2], Some(2), 5));
    assert_eq!(page(read("after", Some(4))).await, (vec![5], None, 5));
    let nothing = api.does("history", json!({"channel": "undeclared"})).await;
    assert_eq!(nothing, json!({"publications": [], "next": null}));
}

#[tokio::test]
async fn users_are_subscribed_seen_and_let_go() {
    // Red: `Disconnect::act` without `except`.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let (mut ann, user, session) = welcomed(&server).await;
    let subscribe = json!({"user": user, "channel": "room:9"});
    assert_eq!(api.does("subscribe", subscribe.clone()).await, json!({"sessions": 1}));
    assert_eq!(ann.expect("subscribed").await["channel"], "room:9");
    let listed = api.does("channels", json!({"prefix": "room:"})).await;
    assert_eq!(listed, json!({"channels": [{"channel": "room:9", "subscribers": 1}], "cursor": null}));
    assert_eq!(api.does("channels", json!({"prefix": "other:"})).await["channels"], json!([]));
    let presence = api.does("presence", json!({"channel": "room:9"})).await;
    assert_eq!(presence, json!({"revision": 0, "count": 0, "members": []}), "the namespace has no presence");
    assert_eq!(api.does("unsubscribe", subscribe).await, json!({"sessions": 1}));
    assert_eq!(ann.expect("unsubscribed").await["channel"], "room:9");
    let figures = api.does("info", json!({})).await;
    assert_eq!((&figures["sessions"], &figures["draining"]), (&json!(1), &json!(false)));

    let spared = json!({"user": user, "except": session});
    assert_eq!(api.does("disconnect", spared).await, json!({"sessions": 0}));
    assert_eq!(api.does("disconnect", json!({"user": user})).await, json!({"sessions": 1}));
    assert_eq!(ann.close_code().await, Some(3503));
    assert_eq!(api.does("disconnect", json!({"user": "nobody"})).await, json!({"sessions": 0}));
}

#[tokio::test]
async fn a_batch_is_done_in_order_and_a_bad_element_spoils_no_other() {
    // Red: `Batch::perform` that returns at the first error; `read_operation` that reads at once.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let told = api
        .does(
            "batch",
            json!({"operations": [
                {"publish": {"channel": "room:1", "data": 1}},
                {"publish": {"channel": "room:1"}},
                {"history": {"channel": "room:1"}},
                {"batch": {"operations": []}},
                {"publish": {"channel": "room:1", "data": 2}, "info": {}},
                7,
                {"info": {}},
                {"info": []},
                {"publish": ["room:1", null, 3, null, null]},
            ]}),
        )
        .await;
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), 9);
    assert_eq!(offset(&results[0]), 1);
    assert_eq!(results[1]["error"]["field"], "publish.data");
    assert_eq!(results[2]["publications"][0]["data"], 1);
    for bad in [3, 4, 5, 7, 8] {
        assert_eq!(results[bad]["error"]["code"], "bad_request", "{told}");
    }
    assert!(results[6]["node"].is_string());
    let info = || json!({"info": {}});
    let many = |count| json!({"operations": vec![info(); count]});
    assert_eq!(api.does("batch", many(128)).await["results"].as_array().map(Vec::len), Some(128));
    let refused = api.post("/api/v1/batch", many(129)).await;
    assert_eq!((refused.status, refused.error()), (413, ("too_large", Some("operations"))));
    assert_eq!(api.post("/api/v1/batch", many(0)).await.status, 400);
}

#[tokio::test]
async fn a_request_that_is_sent_again_does_nothing_and_hears_the_same() {
    // Red: `answer` that keeps nothing; `make_key` that keeps the secret.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let named = "Idempotency-Key: order-7\r\n";
    let send = async |body| api.post_with("/api/v1/publish", named, body).await;
    let first = send(publish("room:1", 1)).await;
    let again = send(publish("room:1", 1)).await;
    assert_eq!((first.status, &first.body), (200, &again.body));
    assert_eq!(first.response.header("idempotency-hit"), None);
    assert_eq!(again.response.header("idempotency-hit"), Some("true"));
    let other = send(publish("room:1", 2)).await;
    assert_eq!((other.status, other.error()), (422, ("conflict", Some("idempotency-key"))));
    // The name belongs to its path, and an error leaves it free.
    let elsewhere = api.post_with("/api/v1/history", named, json!({"channel": "room:1"})).await;
    assert_eq!(elsewhere.body["publications"].as_array().map(Vec::len), Some(1));
    let wrong = "Idempotency-Key: order-8\r\n";
    assert_eq!(api.post_with("/api/v1/publish", wrong, json!({})).await.status, 400);
    assert_eq!(api.post_with("/api/v1/publish", wrong, publish("room:1", 3)).await.status, 200);
    for bad in
        ["Idempotency-Key: \r\n", "Idempotency-Key: a b\r\n", "Idempotency-Key: a\r\nIdempotency-Key: a\r\n"]
    {
        let refused = api.post_with("/api/v1/publish", bad, publish("room:1", 1)).await;
        assert_eq!((refused.status, refused.error()), (400, ("bad_request", Some("idempotency-key"))));
    }

    let make = json!({"name": "other", "scopes": ["info"]});
    let made = api.post_with("/api/v1/keys", named, make.clone()).await;
    let remade = api.post_with("/api/v1/keys", named, make).await;
    assert!(made.body["key"].is_string() && remade.body["key"].is_null(), "a secret is shown once");
    assert_eq!(made.body["id"], remade.body["id"]);
}

#[tokio::test]
async fn credentials_are_revoked_by_user_and_by_token() {
    // Red: `Revoke::act` that only disconnects.
    let (keys, [all]) = keys([ALL]);
    let builder = users().mount(Api::new(Arc::new(keys)).module());
    let server = start_with(builder, |listen| listen);
    let api = Http::of(&server, all.to_string());
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    // Issued a second ago, for a time of issue is a whole second.
    let issued_ms = server.kernel().clock().wall_ms() - 2_000;
    let token = |user: &str, id: &str| {
        let new = NewToken::of(user, Duration::from_mins(5)).id(id);
        verifier.issue(&new, issued_ms).expect("a user id")
    };
    let (ann, phone, laptop) = (token("ann", "a"), token("bob", "phone"), token("bob", "laptop"));
    let connect = async |token: &str| {
        let bearer = format!("Authorization: Bearer {token}\r\n");
        Client::connect_with(address(&server), PATH, &bearer).await
    };
    let (mut gone, mut cut) = (connect(&ann).await, connect(&phone).await);
    api.does("revoke", json!({"user": "ann"})).await;
    api.does("revoke", json!({"token": "phone"})).await;
    assert_eq!((gone.close_code().await, cut.close_code().await), (Some(3500), Some(3500)));
    let kernel = server.kernel();
    assert_eq!((kernel.verify(&ann).await, kernel.verify(&phone).await), (Err("revoked"), Err("revoked")));
    assert!(kernel.verify(&laptop).await.is_ok());
}
