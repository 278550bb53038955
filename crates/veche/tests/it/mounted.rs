//! Modules' HTTP entries over real sockets.

use std::time::Duration;

use http::Method;
use veche::{
    Module, Origins, Rejection, Server, Verifier,
    axum::{Router, routing::get},
    web::{HttpRequest, Json, PageRequest},
};

use crate::support::{
    SECRET, address, guests,
    raw::{Raw, Response, ask},
    start_with, users,
};

const PAGE: &str = "https://app.example";

async fn whoami(request: HttpRequest) -> Json<(String, Option<String>)> {
    let user = request.caller().map(|caller| caller.identity.user.to_string());
    Json((request.peer().to_string(), user))
}

async fn length(request: HttpRequest) -> Result<Json<usize>, Rejection> {
    Ok(Json(request.into_body().collect(1 << 20).await?.len()))
}

fn module() -> Module {
    Module::new("m")
        .http(Method::GET, "/api/whoami", whoami)
        .http(Method::POST, "/api/length", length)
        .http(Method::POST, "/api/own", length)
        .own_credentials()
        .http(Method::POST, "/api/hasty", length)
        .deadline(Duration::from_millis(200))
        .page("/board/{id}", async |request: PageRequest| -> Result<u64, Rejection> {
            request.parameter("id")
        })
}

fn server() -> Server {
    let routes = Router::new().route("/other", get(async || "a route"));
    let origins = Origins::of([PAGE.to_owned()]);
    start_with(users().guests(true).mount(module()), |listen| listen.routes(routes).origins(origins))
}

async fn fetch(server: &Server, line: &str, headers: &str) -> Response {
    let request = format!("{line} HTTP/1.1\r\nHost: veche.example\r\n{headers}\r\n");
    ask(address(server), request).await.expect("an answer")
}

#[tokio::test]
async fn an_entry_knows_who_asks_and_from_where() {
    // Red: `serve` that tells no peer; `visitor` that asks for no credential.
    let server = server();
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign("ann", Duration::from_hours(1), wall_ms(&server)).expect("a token");
    let found = fetch(&server, "GET /api/whoami", &format!("Authorization: Bearer {token}\r\n")).await;
    assert_eq!((found.status, &*found.body), (200, &br#"["127.0.0.1","ann"]"#[..]));
    assert_eq!(found.header("cache-control"), Some("no-store"));
    assert_eq!(fetch(&server, "GET /api/whoami", "").await.body, r#"["127.0.0.1",null]"#);
    let forged = fetch(&server, "GET /api/whoami", "Authorization: Bearer x.y.z\r\n").await;
    assert_eq!((forged.status, forged.header("www-authenticate")), (401, Some("Bearer")));
}

fn wall_ms(server: &Server) -> u64 {
    server.kernel().clock().wall_ms()
}

#[tokio::test]
async fn paths_that_are_no_entries_go_on_to_the_routes() {
    // Red: `answer` that does not look at the method; that ends with 404 by itself.
    let server = server();
    let check = async |line: &str, status: u16, allow: Option<&str>| {
        let found = fetch(&server, line, "Content-Length: 0\r\n").await;
        assert_eq!((found.status, found.header("allow")), (status, allow), "{line}");
    };
    check("GET /other", 200, None).await;
    check("GET /api/nothing", 404, None).await;
    check("GET /api/whoami/", 404, None).await;
    check("GET /api//whoami", 404, None).await;
    check("GET /x/../api/whoami", 404, None).await;
    check("GET /api%2Fwhoami", 404, None).await;
    check("DELETE /api/whoami", 405, Some("GET")).await;
    check("GET /api/length", 405, Some("POST")).await;
    check("POST /api/page?path=/board/1", 405, Some("GET, HEAD")).await;
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    // Red: `Table::entry` without the look for GET.
    let server = server();
    let mut raw = Raw::open(address(&server)).await;
    raw.write("HEAD /api/whoami HTTP/1.1\r\nHost: veche.example\r\nConnection: close\r\n\r\n").await;
    while raw.read().await {}
    let text = String::from_utf8(raw.bytes.to_vec()).expect("a head is ASCII");
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_before_it_is_read() {
    // Red: `outcome` without the look at Content-Length, which then waits for the body.
    let server = server();
    let big = "Content-Type: application/json\r\nContent-Length: 1048577\r\n";
    let refused = fetch(&server, "POST /api/length", big).await;
    assert_eq!(refused.status, 413);
    assert!(refused.body.starts_with(br#"{"error":{"code":"too_large""#));

    let mut raw = Raw::open(address(&server)).await;
    raw.write("POST /api/length HTTP/1.1\r\nHost: veche.example\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    raw.write(format!("100000\r\n{}\r\n", "x".repeat(1 << 20))).await;
    raw.write("1\r\nx\r\n0\r\n\r\n").await;
    assert_eq!(raw.response().await.expect("an answer").status, 413);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    // Red: `outcome` that does not bound the body in time: the answer is then the handler's own 504.
    let server = server();
    let mut raw = Raw::open(address(&server)).await;
    raw.write("POST /api/hasty HTTP/1.1\r\nHost: veche.example\r\nContent-Length: 2\r\n\r\n{").await;
    assert_eq!(raw.response().await.expect("an answer").status, 408);
}

#[tokio::test]
async fn a_pages_boot_data_is_json() {
    // Red: `boot_data` that takes the path undecoded.
    let server = start_with(guests().mount(module()), |listen| listen);
    let check = async |query: &str, status: u16, body: &str| {
        let found = fetch(&server, &format!("GET /api/page{query}"), "").await;
        let text = String::from_utf8_lossy(&found.body);
        assert!(found.status == status && text.contains(body), "{query}: {} {text}", found.status);
    };
    check("?path=/board/7", 200, "7").await;
    check("?path=%2Fboard%2F7%3Fx%3D1", 200, "7").await;
    check("?path=/nothing", 404, r#""field":"path""#).await;
    check("?path=http://evil.example/board/7", 400, r#""field":"path""#).await;
    check("", 400, r#""field":"path""#).await;
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_entries_with_a_token() {
    // Red: `answer` without `share_with`; `preflight` that does not ask for the origin, or for the entry's
    // own credentials.
    let server = server();
    let asked = async |line: &str, origin: &str, method: &str| {
        let fields = format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n");
        let told = fetch(&server, line, &fields).await;
        (told.status, told.header("access-control-allow-origin").map(str::to_owned))
    };
    let allowed = (204, Some(PAGE.to_owned()));
    assert_eq!(asked("OPTIONS /api/length", PAGE, "POST").await, allowed);
    assert_eq!(asked("OPTIONS /api/whoami", PAGE, "GET").await, allowed);
    for other in ["https://evil.example", "https://app.example.evil", "null"] {
        assert_eq!(asked("OPTIONS /api/length", other, "POST").await, (405, None), "{other}");
    }
    assert_eq!(asked("OPTIONS /api/length", PAGE, "DELETE").await, (405, None));
    assert_eq!(asked("OPTIONS /api/own", PAGE, "POST").await, (405, None), "it is for servers");

    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign("ann", Duration::from_hours(1), wall_ms(&server)).expect("a token");
    for (origin, token, status, shown) in [
        (PAGE, &*token, 200, Some(PAGE)),
        (PAGE, "x.y.z", 401, Some(PAGE)),
        ("https://evil.example", &*token, 200, None),
    ] {
        let fields = format!("Origin: {origin}\r\nAuthorization: Bearer {token}\r\n");
        let told = fetch(&server, "GET /api/whoami", &fields).await;
        assert_eq!((told.status, told.header("access-control-allow-origin")), (status, shown), "{origin}");
        assert_eq!(told.header("access-control-allow-credentials"), None);
        assert_eq!(told.header("vary"), Some("Origin"));
    }
}
