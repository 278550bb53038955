//! Streams that do not come about: the answer is an ordinary one, and says why.

use std::time::Duration;

use serde_json::Value;
use veche::{Audience, Limits, Namespace, Origins, Server, Verifier};

use crate::{
    sse_client::{EVENTS, Stream, request},
    support::{
        SECRET, address, guests,
        raw::{Response, ask},
        start_with, until, users,
    },
};

fn error(response: &Response) -> Value {
    assert_eq!(response.header("content-type"), Some("application/json"), "{response:?}");
    let body: Value = serde_json::from_slice(&response.body).expect("an error is JSON");
    body["error"].clone()
}

async fn refused(server: &Server, query: &str, more: &str, status: u16) -> Value {
    let response = ask(address(server), request(query, more)).await.expect("an answer");
    assert_eq!(response.status, status, "{query} {more}: {response:?}");
    error(&response)
}

fn bearer(server: &Server, user: &str) -> String {
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign(user, Duration::from_mins(1), server.kernel().clock().wall_ms());
    format!("Authorization: Bearer {}\r\n", token.expect("a user id"))
}

#[tokio::test]
async fn what_is_unclear_is_named() {
    // Red: `Asked::read` that leaves out what it cannot read.
    let server = start_with(guests(), |listen| listen.events(EVENTS));
    let many = format!("?{}", ["channel=room:1"; 17].join("&"));
    for query in ["?channel=", "?channel=a%2A", "?channel=%80", &many] {
        let error = refused(&server, query, "", 400).await;
        assert_eq!((&error["code"], &error["field"]), (&"bad_request".into(), &"channel".into()), "{query}");
    }
    for (query, more, field) in [
        ("?channel=room:1", "Last-Event-ID: 5\r\n", "Last-Event-ID"),
        ("?channel=room:1", "Last-Event-ID: e-1,e-2\r\n", "Last-Event-ID"),
        ("?channel=room:1", "Last-Event-ID: e-1\r\nLast-Event-ID: e-2\r\n", "Last-Event-ID"),
        ("?channel=room:1&last_event_id=e-1%0Aevent:%20forged", "", "last_event_id"),
        ("?channel=room:1&last_event_id=e-1%0D%0AX-Forged:%201", "", "last_event_id"),
    ] {
        let error = refused(&server, query, more, 400).await;
        assert_eq!((&error["code"], &error["field"]), (&"bad_request".into(), &field.into()), "{query}");
        assert!(!error.to_string().contains("orged"), "nothing of it comes back: {error}");
    }
    refused(&server, "?channel=room:1&device=%20", "", 400).await;
    // Without a channel it is the caller's own stream, and nobody calls.
    for query in ["", "?", "?channels=room:1"] {
        assert_eq!(refused(&server, query, "", 401).await["code"], "unauthorized");
    }
    assert_eq!(server.kernel().sessions(), 0);
}

#[tokio::test]
async fn nobody_reads_without_a_name() {
    // Red: `decide` without its look at `serves_guests`: 403.
    let server = start_with(users(), |listen| listen.events(EVENTS));
    for more in ["", "Authorization: Bearer x\r\n", "Authorization: Basic x\r\n"] {
        assert_eq!(refused(&server, "?channel=room:1", more, 401).await["code"], "unauthorized");
    }
    Stream::open(address(&server), "?channel=room:1", &bearer(&server, "ann")).await;
}

#[tokio::test]
async fn a_channel_that_the_rules_forbid_is_named() {
    // Red: `listen` without `check_join`.
    let staff = Namespace { name: "staff".to_owned(), subscribe: Audience::Nobody, ..crate::support::room() };
    let server = start_with(guests().namespace(staff), |listen| listen.events(EVENTS));
    for (query, channel) in [
        ("?channel=staff:1", "staff:1"),
        ("?channel=room:1&channel=staff:1&channel=room:2", "staff:1"),
        ("?channel=nobody:declared", "nobody:declared"),
    ] {
        let error = refused(&server, query, "", 403).await;
        assert_eq!((&error["code"], &error["channel"]), (&"forbidden".into(), &channel.into()));
    }
    until(|| server.kernel().sessions() == 0 && server.kernel().channels() == 0).await;
}

#[tokio::test]
async fn a_user_has_as_many_streams_as_connections() {
    // Red: `decide` without its look at `closing`: the stream opened, and ended at once.
    let limits = Limits { connections_per_user: 1, ..Limits::default() };
    let server = start_with(users().limits(limits), |listen| listen.events(EVENTS));
    let first = Stream::open(address(&server), "?channel=room:1", &bearer(&server, "ann")).await;
    let error = refused(&server, "?channel=room:1", &bearer(&server, "ann"), 429).await;
    assert_eq!(error["code"], "rate_limited");
    Stream::open(address(&server), "?channel=room:1", &bearer(&server, "bob")).await;
    first.cut();
    until(|| server.kernel().sessions() == 0).await;
    Stream::open(address(&server), "?channel=room:1", &bearer(&server, "ann")).await;
}

#[tokio::test]
async fn a_session_subscribes_as_often_as_it_may() {
    // Red: `listen` that makes its `Join` by itself.
    let limits = Limits { subscribes_burst: 2, ..Limits::default() };
    let server = start_with(guests().limits(limits), |listen| listen.events(EVENTS));
    Stream::open(address(&server), "?channel=room:1&channel=room:2", "").await;
    let error = refused(&server, "?channel=room:1&channel=room:2&channel=room:3", "", 429).await;
    assert_eq!((&error["code"], &error["channel"]), (&"rate_limited".into(), &"room:3".into()));
}

#[tokio::test]
async fn only_pages_of_allowed_origins_read() {
    // Red: `share` for every origin; then `answer` without `allow_reading`.
    let origins = Origins::of(["https://app.example".to_owned()]);
    let server = start_with(guests(), |listen| listen.events(EVENTS).origins(origins));
    let stream = Stream::open(address(&server), "?channel=room:1", "Origin: https://app.example\r\n").await;
    let shared = |response: &Response| response.header("access-control-allow-origin").map(str::to_owned);
    assert_eq!(shared(&stream.head).as_deref(), Some("https://app.example"));
    assert_eq!(stream.head.header("vary"), Some("Origin"));

    let foreign = request("?channel=room:1", "Origin: https://evil.example\r\n");
    let response = ask(address(&server), foreign).await.expect("an answer");
    assert_eq!((response.status, shared(&response)), (403, None));
    let no_origin = Stream::open(address(&server), "?channel=room:1", "").await;
    assert_eq!(shared(&no_origin.head), None);

    let unclear = request("", "Origin: https://app.example\r\n");
    let response = ask(address(&server), unclear).await.expect("an answer");
    assert_eq!((response.status, shared(&response).as_deref()), (401, Some("https://app.example")));
}

#[tokio::test]
async fn a_browser_is_told_what_a_page_may_send() {
    // Red: `other_method` that refuses all.
    let server = start_with(guests(), |listen| listen.events(EVENTS));
    let options = |more: &str| format!("OPTIONS {EVENTS} HTTP/1.1\r\nHost: veche.example\r\n{more}\r\n");
    let asks = "Origin: http://veche.example\r\nAccess-Control-Request-Method: GET\r\n";
    let response = ask(address(&server), options(asks)).await.expect("an answer");
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-origin"), Some("http://veche.example"));
    let headers = response.header("access-control-allow-headers").expect("it names headers");
    assert!(headers.contains("authorization") && headers.contains("last-event-id"));

    for request in [options(""), request("?channel=room:1", "").replacen("GET", "POST", 1)] {
        let response = ask(address(&server), request).await.expect("an answer");
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, OPTIONS")));
    }
}
