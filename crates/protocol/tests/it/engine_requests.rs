//! Requests are routed, or refused as the reference server refuses them.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use veche_protocol::engine_io::{Config, Kind, Query, Refusal, Revision, Route, Transport};

#[test]
fn refusals_have_the_reference_servers_numbers_and_words() {
    let bodies = [
        (400, r#"{"code":0,"message":"Transport unknown"}"#),
        (400, r#"{"code":1,"message":"Session ID unknown"}"#),
        (400, r#"{"code":2,"message":"Bad handshake method"}"#),
        (400, r#"{"code":3,"message":"Bad request"}"#),
        (403, r#"{"code":4,"message":"Forbidden"}"#),
        (400, r#"{"code":5,"message":"Unsupported protocol version"}"#),
    ];
    for (refusal, (status, body)) in Refusal::ALL.into_iter().zip(bodies) {
        assert_eq!((refusal.status().as_u16(), refusal.body()), (status, body));
        let words: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(words, json!({"code": refusal.code(), "message": refusal.to_string()}));
    }
    assert_eq!(Refusal::Forbidden.body_with("not \"you\""), r#"{"code":4,"message":"not \"you\""}"#);
}

const POLL: &str = "EIO=4&transport=polling";
const SOCKET: &str = "EIO=4&transport=websocket";

fn check(
    config: &Config,
    method: &Method,
    websocket: bool,
    query: &str,
    expected: Result<Route<'_>, Refusal>,
) {
    let found = Query::parse(query).route(config, method, websocket);
    assert_eq!(found, expected, "{method} {query}, websocket: {websocket}");
}

fn open(revision: Revision, transport: Transport) -> Route<'static> {
    Route::Open { revision, transport, takes_binary: true }
}

#[test]
fn a_session_opens_by_a_get_of_a_transport_that_is_served() {
    let config = Config::default();
    let (v4, get) = (Revision::V4, Method::GET);
    check(&config, &get, false, POLL, Ok(open(v4, Transport::Polling)));
    check(&config, &get, false, "EIO=4&transport=polling&t=abc&x=%20&sid=", Ok(open(v4, Transport::Polling)));
    check(&config, &get, true, SOCKET, Ok(open(v4, Transport::WebSocket)));
    for (method, websocket, query, refusal) in [
        (Method::GET, false, "", Refusal::UnknownTransport),
        (Method::GET, false, "EIO=4", Refusal::UnknownTransport),
        (Method::GET, false, "EIO=4&transport=abc", Refusal::UnknownTransport),
        (Method::GET, false, "EIO=4&transport=webtransport", Refusal::UnknownTransport),
        (Method::GET, false, "EIO=4&transport=Polling", Refusal::UnknownTransport),
        (Method::POST, false, POLL, Refusal::BadHandshakeMethod),
        (Method::PUT, false, POLL, Refusal::BadHandshakeMethod),
        // The reference looks at the transport first, then at the method, then at the version.
        (Method::POST, false, "EIO=3&transport=abc", Refusal::UnknownTransport),
        (Method::POST, false, "EIO=3&transport=polling", Refusal::BadHandshakeMethod),
        (Method::GET, false, SOCKET, Refusal::BadRequest),
        (Method::GET, true, POLL, Refusal::BadRequest),
        (Method::GET, false, "transport=polling", Refusal::UnsupportedVersion),
        (Method::GET, false, "EIO=3&transport=polling", Refusal::UnsupportedVersion),
        (Method::GET, false, "EIO=abc&transport=polling", Refusal::UnsupportedVersion),
        (Method::GET, true, "EIO=5&transport=websocket", Refusal::UnsupportedVersion),
    ] {
        check(&config, &method, websocket, query, Err(refusal));
    }
    let polling = Config { websocket: false, ..config.clone() };
    check(&polling, &get, true, SOCKET, Err(Refusal::UnknownTransport));
    check(&Config { polling: false, ..config }, &get, false, POLL, Err(Refusal::UnknownTransport));
}

#[test]
fn the_third_revision_is_served_behind_its_switch() {
    let config = Config { allow_eio3: true, ..Config::default() };
    for (query, expected) in [
        ("EIO=3&transport=polling", Ok(open(Revision::V3, Transport::Polling))),
        ("transport=polling", Ok(open(Revision::V3, Transport::Polling))),
        (POLL, Ok(open(Revision::V4, Transport::Polling))),
        ("EIO=2&transport=polling", Err(Refusal::UnsupportedVersion)),
        ("EIO=&transport=polling", Err(Refusal::UnsupportedVersion)),
    ] {
        check(&config, &Method::GET, false, query, expected);
    }
    let no_binary =
        Ok(Route::Open { revision: Revision::V3, transport: Transport::Polling, takes_binary: false });
    check(&config, &Method::GET, false, "EIO=3&transport=polling&b64=1", no_binary);
}

#[test]
fn a_request_with_a_session_says_what_it_wants_of_it() {
    let config = Config::default();
    let session = |revision, kind| Ok(Route::Session { sid: "a-_1", revision, kind });
    let v4 = Some(Revision::V4);
    for (method, websocket, query, revision, kind) in [
        (Method::GET, false, "EIO=4&transport=polling&sid=a-_1", v4, Some(Kind::Poll)),
        (Method::POST, false, "EIO=4&transport=polling&t=x&sid=a-_1", v4, Some(Kind::Post)),
        (Method::GET, true, "EIO=4&transport=websocket&sid=a-_1", v4, Some(Kind::Upgrade)),
        (Method::GET, false, "EIO=3&transport=polling&sid=a-_1", None, Some(Kind::Poll)),
        // Whether there is such a session comes first: it may be unknown.
        (Method::PUT, false, "EIO=4&transport=polling&sid=a-_1", v4, None),
        (Method::GET, false, "EIO=4&transport=websocket&sid=a-_1", v4, None),
        (Method::GET, true, "EIO=4&transport=polling&sid=a-_1", v4, None),
    ] {
        check(&config, &method, websocket, query, session(revision, kind));
    }
    check(&config, &Method::GET, false, "EIO=4&transport=x&sid=a-_1", Err(Refusal::UnknownTransport));
}

#[test]
fn a_query_is_read_as_the_reference_reads_it() {
    let full = Query::parse("EIO=4&transport=polling&sid=s&b64=1&j=0&t=x");
    let expected =
        Query { eio: Some("4"), transport: Some("polling"), sid: Some("s"), b64: true, jsonp: Some("0") };
    assert_eq!(full, expected);
    assert_eq!(Query::parse("sid=a&sid=b").sid, Some("b"), "the last one counts");
    assert!(!Query::parse("b64=").b64);
    assert!(!Query::parse("b64").b64);
    assert_eq!(Query::parse("sid=a=b").sid, Some("a=b"));
}

proptest! {
    #[test]
    fn no_query_panics(query in "[EIOtransporpollingsid=&%43b]{0,60}", websocket: bool) {
        let _ = Query::parse(&query).route(&Config::default(), &Method::GET, websocket);
    }
}
