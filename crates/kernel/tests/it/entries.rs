//! A module's entries for plain HTTP: `http` and `page`.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use veche_kernel::{
    BuildError, ErrorCode, Kernel, Module, Rejection, State, User,
    testing::TestNode,
    web::{Body, HttpRequest, HttpResponse, Json, PageRequest},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    title: String,
}

#[derive(Serialize)]
struct Board {
    board: u64,
    viewer: Option<String>,
}

async fn create(request: HttpRequest, State(prefix): State<&'static str>) -> Result<Json<String>, Rejection> {
    let list: u64 = request.parameter("list")?;
    let Card { title } = request.json(1 << 10).await?;
    Ok(Json(format!("{prefix}{list}/{title}")))
}

async fn length(mut request: HttpRequest) -> Result<Json<usize>, Rejection> {
    let mut length = 0;
    let mut body = request.take_body();
    while let Some(piece) = body.piece().await? {
        length += piece.len();
    }
    Ok(Json(length))
}

async fn board(request: PageRequest) -> Result<Board, Rejection> {
    let viewer = request.caller().map(|caller| caller.identity.user.to_string());
    Ok(Board { board: request.parameter("id")?, viewer })
}

fn module() -> Module {
    Module::new("m")
        .http(Method::POST, "/api/lists/{list}/cards", create)
        .http(
            Method::GET,
            "/api/files/{*name}",
            async |request: HttpRequest| -> Result<Json<String>, Rejection> {
                let size = request.query("size").unwrap_or_default();
                Ok(Json(request.parameter::<String>("name")? + &size))
            },
        )
        .http(Method::GET, "/api/me", async |_: HttpRequest, User(user): User| -> Json<String> {
            Json(user.to_string())
        })
        .http(Method::PUT, "/api/upload", length)
        .body_limit(8)
        .http(Method::PUT, "/api/slow", length)
        .deadline(Duration::from_secs(2))
        .http(Method::GET, "/api/broken", async |_: HttpRequest| -> HttpResponse { panic!("on purpose") })
        .http(Method::GET, "/api/endless", async |_: HttpRequest| std::future::pending::<()>().await)
        .page("/board/{id}", board)
        .with_state("list ")
}

fn node() -> TestNode {
    TestNode::start(Kernel::builder().mount(module()))
}

fn request(method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    request.body(body.into()).expect("a request")
}

async fn ask(node: &TestNode, request: Request<Body>) -> (u16, Value) {
    let response = node.ask_http(request, None).await;
    let status = response.status().as_u16();
    (status, serde_json::from_slice(response.body()).expect("an answer is JSON"))
}

#[tokio::test]
async fn an_entry_answers_with_its_parameters_state_and_body() {
    // Red: `Paths::find` that does not decode.
    let node = node();
    let card = || json!({ "title": "tea" }).to_string();
    let create = |path| request(Method::POST, path, "application/json; charset=utf-8", card());
    assert_eq!(ask(&node, create("/api/lists/7/cards")).await, (200, json!("list 7/tea")));
    let file = request(Method::GET, "/api/files/a/%D0%B6%2F..?size=%2B1", "", Body::empty());
    assert_eq!(ask(&node, file).await, (200, json!("a/ж/..+1")));
    let me = || request(Method::GET, "/api/me", "", Body::empty());
    assert_eq!(node.ask_http(me(), Some("ann")).await.body(), "\"ann\"");
    assert_eq!(node.ask_http(me(), None).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refusal_is_json_with_its_status_and_field() {
    // Red: `is_json` that is always true; `status_of` with one arm.
    let node = node();
    let path = "/api/lists/7/cards";
    let json = "application/json";
    for (path, kind, body, status, code, field) in [
        (path, json, r#"{"title":7}"#, 400, "bad_request", "title"),
        (path, json, r#"{"title":"a","more":1}"#, 400, "bad_request", "more"),
        (path, json, "{}", 400, "bad_request", "title"),
        (path, "text/plain", r#"{"title":"a"}"#, 415, "bad_request", "content-type"),
        (path, "application/jsonp", r#"{"title":"a"}"#, 415, "bad_request", "content-type"),
        ("/api/lists/x/cards", json, r#"{"title":"a"}"#, 404, "not_found", "list"),
    ] {
        let (found, body) = ask(&node, request(Method::POST, path, kind, body)).await;
        let error = &body["error"];
        assert_eq!((found, &error["code"], &error["field"]), (status, &json!(code), &json!(field)), "{body}");
    }
    let broken = request(Method::GET, "/api/broken", "", Body::empty());
    assert_eq!(ask(&node, broken).await.1["error"]["code"], "internal");
}

#[tokio::test]
async fn a_body_has_a_bound_and_a_deadline() {
    // Red: `outcome` without `bounded`; without the look at Content-Length.
    let node = node();
    let piece = |_| Ok::<_, std::io::Error>(Bytes::from_static(b"1234"));
    let pieces = |count: u8| Body::stream(futures_util::stream::iter((0..count).map(piece)));
    assert_eq!(ask(&node, request(Method::PUT, "/api/upload", "", pieces(2))).await, (200, json!(8)));
    let (status, body) = ask(&node, request(Method::PUT, "/api/upload", "", pieces(3))).await;
    assert_eq!((status, &body["error"]["code"]), (413, &json!("too_large")));
    let mut told = request(Method::PUT, "/api/upload", "", Body::empty());
    told.headers_mut().insert("content-length", 9.into());
    assert_eq!(ask(&node, told).await.0, 413);

    let endless = Body::stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let slow = ask(&node, request(Method::PUT, "/api/slow", "", endless));
    let (slow, ()) = tokio::join!(slow, async {
        node.advance(Duration::from_secs(2)).await;
    });
    assert_eq!((slow.0, &slow.1["error"]["code"]), (408, &json!("timeout")));
    let endless = ask(&node, request(Method::GET, "/api/endless", "", Body::empty()));
    let (endless, ()) = tokio::join!(endless, node.advance(Duration::from_secs(10)));
    assert_eq!(endless.0, 504);
}

#[tokio::test]
async fn a_page_tells_its_boot_data() {
    // Red: `boot` that leaves the visitor out.
    let node = node();
    let boot = async |path, user| node.boot(path, user).await.map_err(|rejection| rejection.code());
    assert_eq!(boot("/board/1?x=2", Some("ann")).await, Ok(json!({ "board": 1, "viewer": "ann" })));
    assert_eq!(boot("/board/1", None).await, Ok(json!({ "board": 1, "viewer": null })));
    for nothing in ["/board/x", "/board", "/board/1/2", "/api/me", "/board/%00", "/board/%ff"] {
        assert_eq!(boot(nothing, None).await, Err(ErrorCode::NotFound), "{nothing}");
    }
}

#[test]
fn two_entries_that_could_be_confused_are_refused() {
    // Red: `Table::add` without the look for the same method.
    let answer = async |_: HttpRequest| ();
    let two = |method: Method, path: &str| {
        let first = Module::new("a").http(Method::GET, "/a/{id}", answer);
        let builder = Kernel::builder().shards(1).mount(first);
        builder.mount(Module::new("b").http(method, path, answer)).build().err()
    };
    let doubled =
        BuildError::DoubledPath { method: "GET".into(), path: "/a/{id}".into(), module: "b".into() };
    assert_eq!(two(Method::GET, "/a/{id}"), Some(doubled));
    assert_eq!(two(Method::PUT, "/a/{id}"), None);
    assert_eq!(two(Method::GET, "/a/fixed"), None);
    for confused in ["/a/{other}", "/a/{id", "a/{id}", "", "/b/{*rest}/more"] {
        assert!(matches!(two(Method::GET, confused), Some(BuildError::InvalidPath { .. })), "{confused:?}");
    }
}
