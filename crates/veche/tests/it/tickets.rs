//! Tickets, and the cookies of pages that are allowed.

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::Value;
use veche::{
    BoxFuture, Heartbeat, Identity, Listen, Module, Origins, Rejection, Revocation, Server, SignedIn, UserId,
    Verifier,
    testing::TestNode,
    web::{HttpRequest, Json},
};

use crate::{
    sse_client::{EVENTS, Stream},
    support::{
        PATH, SECRET, address,
        client::Client,
        counters,
        raw::{Response, ask, handshake_at},
        start_with, users, within,
    },
};

const TICKET: &str = "/realtime/ticket";

/// A sign-in with the cookie `sid=ann`; with `sid=broken` nobody can say.
struct Cookies;

impl SignedIn for Cookies {
    fn cookie(&self) -> &'static str {
        "sid"
    }

    fn who(&self, value: String) -> BoxFuture<Result<Option<Identity>, Rejection>> {
        Box::pin(async move {
            match value.as_str() {
                "broken" => Err(Rejection::unavailable("the database is away")),
                "ann" => Ok(Some(Identity { issued_ms: 1, ..Identity::of(UserId::from("ann")) })),
                _ => Ok(None),
            }
        })
    }
}

fn doors(listen: Listen) -> Listen {
    let origins = Origins::of(["https://app.example".to_owned()]);
    listen.events(EVENTS).tickets(TICKET).origins(origins).sign_ins(Arc::new(Cookies))
}

fn server() -> Server {
    start_with(users(), doors)
}

fn bearer(server: &Server, user: &str) -> String {
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign(user, Duration::from_mins(2), server.kernel().clock().wall_ms());
    format!("Authorization: Bearer {}\r\n", token.expect("a user id"))
}

async fn post(server: &Server, headers: &str) -> Response {
    let request = format!("POST {TICKET} HTTP/1.1\r\nHost: rt.example\r\nContent-Length: 0\r\n{headers}\r\n");
    ask(address(server), request).await.expect("an answer")
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

async fn ticket(server: &Server, headers: &str) -> String {
    let response = post(server, headers).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    json(&response)["ticket"].as_str().expect("a ticket").to_owned()
}

/// Status and field of a refused stream.
async fn stream(server: &Server, query: &str, more: &str) -> (u16, Value) {
    let stream = Stream::try_open(address(server), query, more).await.expect("an answer");
    let refusal = serde_json::from_slice::<Value>(&stream.head.body).unwrap_or_default();
    (stream.head.status, refusal["error"]["field"].clone())
}

async fn socket(server: &Server, query: &str, more: &str) -> u16 {
    let request = handshake_at(&format!("{PATH}{query}"), more, &[]);
    ask(address(server), request).await.expect("an answer").status
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    // Red: `identify_for` that only looks at the header; `redeem` that leaves the ticket.
    let server = server();
    let ticket = ticket(&server, &bearer(&server, "ann")).await;
    let path = format!("{PATH}?ticket={ticket}");
    let mut client = Client::connect_with(address(&server), &path, "").await;
    assert_eq!(client.frame().await["user"], "ann");
    assert_eq!(socket(&server, &format!("?ticket={ticket}"), "").await, 401, "a second one");
    assert_eq!(socket(&server, "?ticket=", "").await, 401);
    assert_eq!(socket(&server, "?ticket=AAAAAAAAAAAAAAAAAAAAAA", "").await, 401);
}

#[tokio::test]
async fn an_event_source_comes_back_by_its_ticket_to_the_same_channels() {
    // Red: `decide` that redeems for no channels.
    let server = server();
    let ticket = ticket(&server, &bearer(&server, "ann")).await;
    let own = format!("?channel=room:1&channel=room:2&ticket={ticket}");
    let first = Stream::open(address(&server), &own, "").await;
    first.cut();
    let back = Stream::open(address(&server), &own, "Last-Event-ID: -,-\r\n").await;
    drop(back);
    for other in ["?channel=room:3", "?channel=room:1", "?channel=room:2&channel=room:1"] {
        let query = format!("{other}&ticket={ticket}");
        assert_eq!(stream(&server, &query, "").await, (403, "ticket".into()), "{other}");
    }
    assert_eq!(socket(&server, &format!("?ticket={ticket}"), "").await, 403, "it is a stream's");
}

#[tokio::test]
async fn a_ticket_is_no_second_credential() {
    // Red: `identify_for` without the look at `Authorization`, or with a ticket that a bad request uses up.
    let server = server();
    let ticket = ticket(&server, &bearer(&server, "ann")).await;
    let query = format!("?channel=room:1&ticket={ticket}");
    assert_eq!(stream(&server, &query, &bearer(&server, "bob")).await, (400, "ticket".into()));
    assert_eq!(stream(&server, &format!("?channel=&ticket={ticket}"), "").await, (400, "channel".into()));
    assert_eq!(stream(&server, &query, "").await.0, 200, "nobody has used it yet");
}

#[tokio::test]
async fn a_ticket_goes_with_the_credential_behind_it() {
    // Red: `identify_for` without `admit`.
    let server = server();
    let ticket = ticket(&server, &bearer(&server, "ann")).await;
    server.kernel().revoke(Revocation::User(UserId::from("ann"), u64::MAX)).await.expect("it holds");
    let query = format!("?channel=room:1&ticket={ticket}");
    assert_eq!(stream(&server, &query, "").await, (401, "ticket".into()));
}

#[tokio::test]
async fn a_ticket_is_given_to_whoever_is_signed_in() {
    // Red: `issue` that takes everybody; `answer` without the look at the origin.
    let server = server();
    let origin = |origin: &str| format!("Origin: {origin}\r\nCookie: a=b; sid=ann; c\r\n");
    for (headers, status) in [
        (String::new(), 401),
        ("Authorization: Bearer x\r\n".to_owned(), 401),
        ("Cookie: sid=ann\r\n".to_owned(), 403),
        ("Cookie: sid=ann\r\nSec-Fetch-Site: same-origin\r\n".to_owned(), 403),
        ("Cookie: sid=gone\r\nOrigin: https://app.example\r\n".to_owned(), 401),
        ("Cookie: sid=broken\r\nOrigin: https://app.example\r\n".to_owned(), 503),
        (origin("https://evil.example"), 403),
        (origin("null"), 403),
        (origin("https://app.example"), 200),
        (origin("http://rt.example"), 200),
        (bearer(&server, "ann"), 200),
        (format!("{}Origin: https://evil.example\r\n", bearer(&server, "ann")), 403),
    ] {
        assert_eq!(post(&server, &headers).await.status, status, "{headers}");
    }
    let answer = post(&server, &origin("https://app.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    let get = format!("GET {TICKET} HTTP/1.1\r\nHost: rt.example\r\n\r\n");
    let get = ask(address(&server), get).await.expect("an answer");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST, OPTIONS")));
    let preflight = format!(
        "OPTIONS {TICKET} HTTP/1.1\r\nHost: rt.example\r\nOrigin: https://app.example\r\n\
         Access-Control-Request-Method: POST\r\n\r\n"
    );
    let preflight = ask(address(&server), preflight).await.expect("an answer");
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (204, Some("POST")));
}

#[tokio::test]
async fn a_socket_with_a_cookie_needs_an_allowed_origin() {
    // Red: `of_cookie` without `vouch`.
    let server = server();
    let cookie = "Cookie: sid=ann\r\n";
    let with = |more: &str| format!("{cookie}{more}");
    assert_eq!(socket(&server, "", &with("")).await, 403);
    assert_eq!(socket(&server, "", &with("Sec-Fetch-Site: same-origin\r\n")).await, 403);
    assert_eq!(socket(&server, "", &with("Origin: https://evil.example\r\n")).await, 403);
    assert_eq!(socket(&server, "", &with("Origin: null\r\n")).await, 403);
    let own = with("Origin: https://app.example\r\n");
    let mut client = Client::connect_with(address(&server), PATH, &own).await;
    assert_eq!(client.frame().await["user"], "ann");
    // Another's cookie is no credential of ours, and a program without cookies is no browser.
    assert_eq!(socket(&server, "", "Cookie: theme=dark\r\n").await, 101);
    assert_eq!(socket(&server, "", "").await, 101);
}

#[tokio::test]
async fn a_page_of_our_own_reads_events_by_its_cookie() {
    // Red: `vouch` that is `allow`; `identify` that knows the header alone.
    let server = server();
    let query = "?channel=room:1";
    let own = "Cookie: sid=ann\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(stream(&server, query, own).await.0, 200);
    for other in
        ["", "Sec-Fetch-Site: same-site\r\n", "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: none\r\n"]
    {
        assert_eq!(stream(&server, query, &format!("Cookie: sid=ann\r\n{other}")).await.0, 403, "{other}");
    }
    // A token says who it is; then a cookie is nothing.
    let both = format!("{}Cookie: sid=ann\r\n", bearer(&server, "bob"));
    assert_eq!(stream(&server, query, &both).await.0, 200);
}

#[tokio::test]
async fn an_expiry_ends_both_doors_within_5_s() {
    // Red: `end_of` without the credential's end; `overdue` without `expires_ms`.
    counters::install();
    let patient = Heartbeat { ping_ms: 3_600_000, ..Heartbeat::default() };
    let node = TestNode::start(users().heartbeat(patient));
    let listen = doors(Listen::on("127.0.0.1:0").websocket(PATH));
    let server = Server::start(node.kernel().clone(), listen).expect("a free port");
    let bearer = bearer(&server, "ann");
    let ticket = ticket(&server, &bearer).await;
    let own = format!("?channel=room:1&ticket={ticket}");
    let mut events = Stream::open(address(&server), &own, "").await;
    let mut client = Client::connect_with(address(&server), PATH, &bearer).await;
    client.join("room:1").await;
    node.advance(Duration::from_secs(91)).await;
    client.expect("expiring").await;
    node.advance(Duration::from_secs(28)).await;
    client.is_served().await;
    node.advance(Duration::from_secs(6)).await;
    assert_eq!(within(client.close_code()).await, Some(3005));
    let bye = within(events.expect("bye")).await;
    assert_eq!(bye.data["reason"], "token_expired");
    assert_eq!(stream(&server, &own, "").await, (401, "ticket".into()), "nor does it come back");
    assert_eq!(stream(&server, "?channel=room:1", &bearer).await.0, 401);
}

#[tokio::test]
async fn a_modules_entry_knows_who_visits_it() {
    // Red: `of_cookie` that is as strict for entries; `identify` that refuses a token in their URLs.
    let whoami = async |request: HttpRequest| -> Json<Option<String>> {
        Json(request.caller().map(|caller| caller.identity.user.to_string()))
    };
    let module = Module::new("m").http(Method::GET, "/who", whoami).http(Method::POST, "/who", whoami);
    let server = start_with(users().mount(module), doors);
    let visit = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let image = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n";
    for (line, more, expected) in [
        ("GET /who?token=of-a-mail", visit, (200, "\"ann\"")),
        ("GET /who", image, (200, "null")),
        ("GET /who", "", (200, "null")),
        ("GET /who", "Origin: https://app.example\r\n", (200, "\"ann\"")),
        ("POST /who", "Origin: https://app.example\r\n", (200, "\"ann\"")),
        ("POST /who", "Sec-Fetch-Site: same-origin\r\n", (403, "")),
        ("POST /who", "Origin: https://evil.example\r\n", (403, "")),
        ("POST /who", "Origin: null\r\n", (403, "")),
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: rt.example\r\nCookie: sid=ann\r\nContent-Length: 0\r\n{more}\r\n"
        );
        let answer = ask(address(&server), request).await.expect("an answer");
        assert_eq!(answer.status, expected.0, "{line} {more}");
        if answer.status == 200 {
            assert_eq!(answer.body, expected.1, "{line} {more}");
        }
    }
}
