//! Who may use `/api/v1`, and for what.

use std::sync::Arc;

use serde_json::{Value, json};
use veche::{
    Quota, Server,
    api::{Api, Key, MemoryKeys},
};

use crate::support::{
    guests,
    http::{ALL, Http, keys, publish},
    start_with,
};

fn server_with(keys: MemoryKeys) -> Server {
    start_with(guests().mount(Api::new(Arc::new(keys)).module()), |listen| listen)
}

#[tokio::test]
async fn nobody_gets_in_without_a_key_that_holds() {
    // Red: `Key::opens` by the id alone; `Grant::of` that does not look at the end.
    let (kept, [good, other]) = keys([ALL, ALL]);
    let (expired, late) = Key::issue("late", vec!["info".parse().expect("a scope")], 0, 1).expect("a key");
    let listed = veche::api::Keys::add(&kept, expired).await;
    assert!(listed.is_ok());
    let server = server_with(kept);
    let (good, other) = (good.to_string(), other.to_string());
    let forged = good[..20].to_owned() + &other[20..];
    let check = async |bearer: &str, status| {
        let told = Http::of(&server, bearer).post("/api/v1/info", json!({})).await;
        assert_eq!(told.status, status, "{bearer}");
        if status == 401 {
            assert_eq!(
                (told.error(), told.response.header("www-authenticate")),
                (("unauthorized", None), Some("Bearer"))
            );
        }
    };
    check(&good, 200).await;
    check("", 401).await;
    check(&forged, 401).await;
    check(&late.to_string(), 401).await;
    check(&good[..good.len() - 1], 401).await;
    check("vk_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 401).await;
    check("eyJhbGciOiJIUzI1NiJ9.e30.x", 401).await;
    check(&format!("{good}\r\nAuthorization: Bearer {good}"), 401).await;
}

#[tokio::test]
async fn a_scope_is_needed_whether_or_not_the_channel_exists() {
    // Red: `channel_of` that asks for no scope.
    let (kept, [narrow, none]) =
        keys([&["publish:room:a*", "history:room:*", "channels:room:a*"], &["presence"]]);
    let server = server_with(kept);
    let (narrow, none) = (Http::of(&server, narrow), Http::of(&server, none));
    narrow.does("publish", publish("room:a1", 1)).await;
    let status = async |api: &Http<'_>, path: &str, body: Value| api.post(path, body).await.status;
    for channel in ["room:b1", "room:a", "rooms:a1", "a1", "nobody's"] {
        assert_eq!(status(&narrow, "/api/v1/publish", publish(channel, 1)).await, 403, "{channel}");
    }
    let told = narrow.does("broadcast", json!({"channels": ["room:a1", "room:b1"], "data": 1})).await;
    assert_eq!(
        (&told["results"][0]["class"], &told["results"][1]["error"]["code"]),
        (&json!("memory"), &json!("forbidden"))
    );
    assert_eq!(status(&none, "/api/v1/history", json!({"channel": "room:a1"})).await, 403);
    assert_eq!(status(&none, "/api/v1/channels", json!({})).await, 403);
    assert_eq!(narrow.does("channels", json!({})).await["channels"], json!([]));
    for (operation, body) in [
        ("disconnect", json!({"user": "ann"})),
        ("subscribe", json!({"user": "ann", "channel": "room:a1"})),
        ("unsubscribe", json!({"user": "ann", "channel": "room:a1"})),
        ("presence", json!({"channel": "room:a1"})),
        ("revoke", json!({"user": "ann"})),
        ("info", json!({})),
        ("keys", json!({"name": "x", "scopes": ["info"]})),
    ] {
        let told = narrow.post(&format!("/api/v1/{operation}"), body).await;
        assert_eq!((told.status, told.error()), (403, ("forbidden", None)), "{operation}");
    }
    assert_eq!(narrow.send("GET /api/v1/keys", "", "").await.status, 403);
    assert_eq!(narrow.send("DELETE /api/v1/keys/0000000000000000", "", "").await.status, 403);
}

#[tokio::test]
async fn a_key_makes_no_key_that_may_do_more_and_revokes_at_once() {
    // Red: `make` that asks `covers` for nothing; a `revoke` that only marks.
    let (kept, [master]) = keys([&["keys", "publish:room:*", "info"]]);
    let server = server_with(kept);
    let master = Http::of(&server, master);
    let make = |scopes: Value| json!({"name": "back end", "scopes": scopes, "ttl_s": 60});
    let made = master.post("/api/v1/keys", make(json!(["publish:room:a*", "info"]))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let (id, text) = (made.body["id"].as_str().expect("an id"), made.body["key"].as_str().expect("a key"));
    let fresh = Http::of(&server, text);
    fresh.does("publish", publish("room:a1", 1)).await;
    for wide in [json!(["publish"]), json!(["publish:room:*", "history:room:*"]), json!(["publish:roo*"])] {
        let refused = master.post("/api/v1/keys", make(wide.clone())).await;
        assert_eq!((refused.status, refused.error()), (403, ("forbidden", Some("scopes"))), "{wide}");
    }
    for (body, field) in [
        (make(json!([])), "scopes"),
        (make(json!(["all"])), "scopes[0]"),
        (json!({"name": "", "scopes": ["info"]}), "name"),
        (json!({"name": "x", "scopes": ["info"], "ttl_s": 0}), "ttl_s"),
        (json!({"name": "x"}), "scopes"),
    ] {
        let refused = master.post("/api/v1/keys", body.clone()).await;
        assert_eq!((refused.status, refused.error()), (400, ("bad_request", Some(field))), "{body}");
    }
    let listed = master.send("GET /api/v1/keys?limit=1", "", "").await;
    assert_eq!(listed.body["keys"].as_array().map(Vec::len), Some(1));
    let cursor = listed.body["cursor"].as_str().expect("there is more");
    let rest = master.send(&format!("GET /api/v1/keys?cursor={cursor}"), "", "").await;
    assert_eq!((&rest.body["keys"][0]["id"], &rest.body["cursor"]), (&json!(id), &Value::Null));
    assert!(!rest.body.to_string().contains("vk_"), "no list shows a secret");

    assert_eq!(
        master.send(&format!("DELETE /api/v1/keys/{id}"), "", "").await.body,
        json!({"revoked": true})
    );
    assert_eq!(fresh.post("/api/v1/info", json!({})).await.status, 401);
    assert_eq!(master.send(&format!("DELETE /api/v1/keys/{id}"), "", "").await.status, 404);
    assert_eq!(master.send("DELETE /api/v1/keys/../keys", "", "").await.status, 404);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    // Red: `Meters::of` that makes a meter each time; a batch that pays once.
    let (kept, [one, two]) = keys([ALL, ALL]);
    let quota = Quota { count: 1, period_ms: 3_600_000, burst: 3 };
    let module = Api::new(Arc::new(kept)).quota(quota).module();
    let server = start_with(guests().mount(module), |listen| listen);
    let (one, two) = (Http::of(&server, one), Http::of(&server, two));
    one.does("info", json!({})).await;
    let info = || json!({"info": {}});
    let told = one.does("batch", json!({"operations": [info(), info(), info()]})).await;
    assert!(told["results"][1]["node"].is_string());
    assert_eq!(told["results"][2]["error"]["code"], "rate_limited");
    let refused = one.post("/api/v1/info", json!({})).await;
    assert_eq!((refused.status, refused.error()), (429, ("rate_limited", None)));
    let seconds: u64 =
        refused.response.header("retry-after").expect("it says when").parse().expect("seconds");
    assert!((1..=3_600).contains(&seconds), "{seconds}");
    two.does("info", json!({})).await;
}

#[tokio::test]
async fn an_address_that_guesses_keys_is_told_to_wait() {
    // Red: `answer` that does not count what an entry refuses.
    let (kept, [good]) = keys([ALL]);
    let builder = guests().mount(Api::new(Arc::new(kept)).module());
    let server = start_with(builder, |listen| listen.failures_per_minute(2));
    let status = async |bearer: &str| Http::of(&server, bearer).post("/api/v1/info", json!({})).await.status;
    assert_eq!(
        [status("").await, status("").await, status("").await],
        [401; 3],
        "who shows no key guesses none"
    );
    assert_eq!([status("vk_a").await, status("vk_b").await, status("vk_c").await], [401, 401, 429]);
    assert_eq!(status(&good.to_string()).await, 200, "others of the address may have one");
}
