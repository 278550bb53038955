//! Requests to `/api/v1` that are malformed, too large, or go nowhere.

use std::sync::Arc;

use serde_json::{Value, json};
use veche::{Server, api::Api};

use crate::support::{
    guests,
    http::{ALL, Http, keys},
    start_with,
};

fn server() -> (Server, String) {
    let (keys, [all]) = keys([ALL]);
    let builder = guests().mount(Api::new(Arc::new(keys)).module());
    (start_with(builder, |listen| listen), all.to_string())
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    // Red: `HistoryOf` without `deny_unknown_fields`; `limit` without its bounds.
    let (server, key) = server();
    let api = Http::of(&server, key);
    let deep: Value = serde_json::from_str(&("[".repeat(40) + &"]".repeat(40))).expect("JSON");
    for (operation, body, field) in [
        ("publish", json!({"data": 1}), "channel"),
        ("publish", json!({"channel": "room:1"}), "data"),
        ("publish", json!({"channel": 7, "data": 1}), "channel"),
        ("publish", json!({"channel": "room:*", "data": 1}), "channel"),
        ("publish", json!({"channel": "", "data": 1}), "channel"),
        ("publish", json!({"channel": "a\u{0}", "data": 1}), "channel"),
        ("publish", json!({"channel": "e\u{301}", "data": 1}), "channel"),
        ("publish", json!({"channel": "x".repeat(256), "data": 1}), "channel"),
        ("publish", json!({"channel": "room:1", "data": 1, "more": 1}), "more"),
        ("publish", json!({"channel": "room:1", "data": 1, "event": "subscribed"}), "event"),
        ("publish", json!({"channel": "room:1", "data": 1, "event": "a\nb"}), "event"),
        ("publish", json!({"channel": "room:1", "data": 1, "op_id": ""}), "op_id"),
        ("publish", json!({"channel": "room:1", "data": deep}), "data"),
        ("broadcast", json!({"channels": "room:1", "data": 1}), "channels"),
        ("broadcast", json!({"channels": ["room:1", 7], "data": 1}), "channels[1]"),
        ("history", json!({"channel": "room:1", "limit": 0}), "limit"),
        ("history", json!({"channel": "room:1", "limit": 101}), "limit"),
        ("history", json!({"channel": "room:1", "before": 1, "after": 1}), "before"),
        ("history", json!({"channel": "room:1", "before": 1_u64 << 53}), "before"),
        ("history", json!({"channel": "room:1", "after": -1}), "after"),
        ("disconnect", json!({"user": ""}), "user"),
        ("disconnect", json!({"user": "a*"}), "user"),
        ("revoke", json!({}), "user"),
        ("revoke", json!({"user": "ann", "token": "t1"}), "user"),
        ("revoke", json!({"token": "t\n1"}), "token"),
        ("disconnect", json!({"user": "ann", "code": 1000}), "code"),
        ("disconnect", json!({"user": "ann", "except": "no session"}), "except"),
        ("subscribe", json!({"user": "ann", "channel": "a*"}), "channel"),
        ("channels", json!({"limit": 1_001}), "limit"),
        ("channels", json!({"cursor": "a*"}), "cursor"),
        ("channels", json!({"prefix": "x".repeat(256)}), "prefix"),
        ("info", json!({"more": 1}), "more"),
        ("batch", json!({"operations": {}}), "operations"),
    ] {
        let told = api.post(&format!("/api/v1/{operation}"), body.clone()).await;
        assert_eq!((told.status, told.error()), (400, ("bad_request", Some(field))), "{operation} {body}");
    }
}

#[tokio::test]
async fn what_is_no_json_request_is_refused() {
    // Red: `take_json_text` without the look at the type; the bound of the body raised; the routes' bare 404.
    let (server, key) = server();
    let api = Http::of(&server, key.clone());
    let check = async |line: &str, more: &str, body: &str, status: u16| {
        let told = api.send(line, more, body).await;
        assert_eq!(told.status, status, "{line} {more} {}", told.body);
    };
    let json = "Content-Type: application/json\r\n";
    let publish = "POST /api/v1/publish";
    let body = r#"{"channel":"room:1","data":1}"#;
    check(publish, json, body, 200).await;
    check(publish, "", body, 415).await;
    check(publish, "Content-Type: text/plain\r\n", body, 415).await;
    check(publish, "Content-Type: application/x-www-form-urlencoded\r\n", body, 415).await;
    check(publish, json, "", 400).await;
    check(publish, json, "[]", 400).await;
    check(publish, json, r#"["room:1",null,1,null,null]"#, 400).await;
    check(publish, json, "\u{feff}{}", 400).await;
    check(publish, json, &(body.to_owned() + body), 400).await;
    check(publish, json, &format!(r#"{{"channel":"room:1","data":"{}"}}"#, "x".repeat(1 << 20)), 413).await;
    check(publish, json, &"[".repeat(100_000), 400).await;
    check("GET /api/v1/publish", json, "", 405).await;
    check("POST /api/v1/publish/", json, body, 404).await;
    check("POST /api/v1/../v1/publish", json, body, 404).await;
    check("POST /api/v1/%70ublish", json, body, 404).await;
    check("POST /api/v1/nothing", json, body, 404).await;
    for nothing in ["DELETE /api/v1/keys/%C2%84", "POST /api/v1/nothing", "GET /api/"] {
        let told = api.send(nothing, "", "").await;
        assert_eq!((told.status, told.error()), (404, ("not_found", None)), "{nothing}");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_for_everybody() {
    // Red: a page that asks for a script of another host; `openapi.json` behind a key.
    let (server, key) = server();
    assert_eq!(Http::of(&server, key).send("GET /api/v1/openapi.json", "", "").await.status, 200);
    let nobody = Http::of(&server, "");
    let document = nobody.send("GET /api/v1/openapi.json", "", "").await;
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")));
    let paths = document.body["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 13, "{:?}", paths.keys().collect::<Vec<_>>());
    for (path, kind) in [
        ("/api/docs", "text/html"),
        ("/api/docs/docs.css", "text/css"),
        ("/api/docs/docs.js", "text/javascript"),
    ] {
        let file = nobody.send(&format!("GET {path}"), "", "").await;
        let policy = file.response.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(file.response.header("content-type").is_some_and(|it| it.starts_with(kind)), "{path}");
        let text = String::from_utf8_lossy(&file.response.body);
        assert!(!text.is_empty() && !text.contains("https://"), "{path} needs nobody else");
    }
}
