//! The handshake: which requests become WebSockets, and on what terms.

use http::header::{HeaderName, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use veche_protocol::ws::upgrade::{Accepted, Offer, Refused, accept_key, client_request, decide};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const OFFER: Offer<'static> = Offer { subprotocols: &["veche.v1.json", "veche.v0"], deflate: true };
const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                      server_max_window_bits=15";

const VALID: [(&str, &str); 5] = [
    ("host", "example.org"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", KEY),
    ("sec-websocket-version", "13"),
];

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(*name).expect("a name");
        headers.append(name, HeaderValue::try_from(*value).expect("a value"));
    }
    headers
}

/// A valid request with one header replaced by these values; none removes it.
fn request(name: &str, values: &[&str]) -> HeaderMap {
    let mut pairs: Vec<_> = VALID.into_iter().filter(|(other, _)| *other != name).collect();
    pairs.extend(values.iter().map(|value| (name, *value)));
    headers(&pairs)
}

fn ask(headers: &HeaderMap) -> Result<Accepted, Refused> {
    decide(&Method::GET, Version::HTTP_11, headers, &OFFER)
}

#[test]
fn a_plain_request_is_accepted() {
    let accepted = ask(&headers(&VALID)).expect("accepted");
    let expected = Accepted {
        accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
        subprotocol: None,
        extensions: None,
        deflate: false,
    };
    assert_eq!(accepted, expected);
}

#[test]
fn only_get_over_http_1_1_is_upgraded() {
    let check = |method: Method, version: Version, expected: StatusCode| {
        let refused = decide(&method, version, &headers(&VALID), &OFFER).expect_err("refused");
        assert_eq!(refused.status, expected, "{method} {version:?}");
    };
    check(Method::POST, Version::HTTP_11, StatusCode::METHOD_NOT_ALLOWED);
    check(Method::HEAD, Version::HTTP_11, StatusCode::METHOD_NOT_ALLOWED);
    check(Method::GET, Version::HTTP_10, StatusCode::BAD_REQUEST);
    check(Method::GET, Version::HTTP_2, StatusCode::BAD_REQUEST);
}

#[test]
fn tokens_are_found_in_lists_and_in_any_case() {
    let check = |name: &str, values: &[&str], expected: bool| {
        assert_eq!(ask(&request(name, values)).is_ok(), expected, "{name}: {values:?}");
    };
    check("upgrade", &["WebSocket"], true);
    check("upgrade", &["h2c, websocket"], true);
    check("upgrade", &["h2c", "websocket"], true);
    check("upgrade", &["websocket/13"], false);
    check("upgrade", &["web socket"], false);
    check("upgrade", &[], false);
    check("connection", &["keep-alive, UPGRADE"], true);
    check("connection", &["keep-alive", " upgrade "], true);
    check("connection", &["keep-alive"], false);
    check("connection", &["upgraded"], false);
    check("connection", &[], false);
}

#[test]
fn the_key_is_16_bytes_of_base64_and_stands_once() {
    let check = |values: &[&str], expected: bool| {
        assert_eq!(ask(&request("sec-websocket-key", values)).is_ok(), expected, "{values:?}");
    };
    check(&["AAAAAAAAAAAAAAAAAAAAAA=="], true);
    check(&[], false);
    check(&[""], false);
    check(&["AAAAAAAAAAAAAAAAAAAA"], false);
    check(&["AAAAAAAAAAAAAAAAAAAAAAA="], false);
    check(&["AAAAAAAAAAAAAAAAAAAAAAAA"], false);
    check(&["AAAAAAAAAAAAAAAAAAAAAA"], false);
    check(&["AAAAAAAAAAAAAAAAAAAAA?=="], false);
    check(&["AAAAAAAAAAAAAAAAAAAA-_=="], false);
    check(&[KEY, KEY], false);
}

#[test]
fn another_version_is_told_which_one_is_spoken() {
    for values in [&["12"][..], &["8"], &["013"], &["13, 8"], &[]] {
        let refused = ask(&request("sec-websocket-version", values)).expect_err("refused");
        assert_eq!(refused.status, StatusCode::UPGRADE_REQUIRED, "{values:?}");
        assert_eq!(refused.header, Some((SEC_WEBSOCKET_VERSION, "13")), "{values:?}");
    }
    let twice = ask(&request("sec-websocket-version", &["13", "13"])).expect_err("refused");
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

#[test]
fn an_ordinary_request_is_told_what_the_door_is_for() {
    let refused = ask(&headers(&[("host", "example.org")])).expect_err("refused");
    assert_eq!(refused.status, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(refused.header, Some((http::header::UPGRADE, "websocket")));
}

#[test]
fn single_headers_stand_once_and_there_is_no_body() {
    let check = |name: &str, values: &[&str], expected: bool| {
        assert_eq!(ask(&request(name, values)).is_ok(), expected, "{name}: {values:?}");
    };
    check("host", &[], false);
    check("host", &["a.example", "b.example"], false);
    check("origin", &["https://a.example"], true);
    check("origin", &["https://a.example", "https://b.example"], false);
    check("content-length", &["0"], true);
    check("content-length", &["5"], false);
    check("content-length", &["0", "5"], false);
    check("transfer-encoding", &["chunked"], false);
}

#[test]
fn the_first_of_our_subprotocols_that_the_client_names_is_chosen() {
    let check = |values: &[&str], expected: Option<&str>| {
        let accepted = ask(&request("sec-websocket-protocol", values)).expect("accepted");
        assert_eq!(accepted.subprotocol, expected, "{values:?}");
    };
    check(&["veche.v0"], Some("veche.v0"));
    check(&["veche.v0, veche.v1.json"], Some("veche.v1.json"));
    check(&["chat", "veche.v0"], Some("veche.v0"));
    check(&["chat, superchat"], None);
    check(&["VECHE.V0"], None);
    check(&[""], None);
}

#[test]
fn permessage_deflate_is_agreed_on_by_the_first_offer_that_can_be_met() {
    let check = |values: &[&str], expected: Option<&str>| {
        let accepted = ask(&request("sec-websocket-extensions", values)).expect("accepted");
        assert_eq!(accepted.extensions, expected, "{values:?}");
        assert_eq!(accepted.deflate, expected.is_some(), "{values:?}");
    };
    let pmd = |params: &str| format!("permessage-deflate{params}");
    let one = |params: &str, expected: Option<&str>| check(&[&pmd(params)], expected);
    one("", Some(PLAIN));
    one("; client_max_window_bits", Some(PLAIN));
    one(";client_max_window_bits=8", Some(PLAIN));
    one(" ; client_max_window_bits = \"15\"", Some(PLAIN));
    one("; server_no_context_takeover; client_no_context_takeover", Some(PLAIN));
    one("; server_max_window_bits=15", Some(WINDOW));
    one("; server_max_window_bits=\"1\\5\"", Some(WINDOW));
    one("; server_max_window_bits=14", None);
    one("; server_max_window_bits=8", None);
    one("; server_max_window_bits", None);
    one("; server_max_window_bits=7", None);
    one("; server_max_window_bits=16", None);
    one("; server_max_window_bits=015", None);
    one("; server_max_window_bits=15; server_max_window_bits=15", None);
    one("; client_max_window_bits=7", None);
    one("; client_max_window_bits=16", None);
    one("; client_max_window_bits; client_max_window_bits", None);
    one("; server_no_context_takeover=1", None);
    one("; server_no_context_takeover; server_no_context_takeover", None);
    one("; client_no_context_takeover; client_no_context_takeover", None);
    one("; unknown", None);
    one("; unknown=1", None);
    check(&["Permessage-Deflate"], Some(PLAIN));
    check(&["permessage-deflate; server_max_window_bits=10, permessage-deflate"], Some(PLAIN));
    check(&["x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=15"], Some(WINDOW));
    check(&["permessage-deflate; server_max_window_bits=15, permessage-deflate"], Some(WINDOW));
    check(&[", ,permessage-deflate,"], Some(PLAIN));
    check(&["other; a=\"b\""], None);
    check(&[""], None);
}

#[test]
fn extensions_that_break_the_grammar_fail_the_handshake() {
    let bad = [
        "permessage-deflate;",
        "; a",
        "a b",
        "a=b",
        "a; b=",
        "a; b=\"",
        "a; b=\"\"",
        "a; b=\"c d\"",
        "a; =b",
    ];
    for value in bad {
        let refused = ask(&request("sec-websocket-extensions", &[value])).expect_err(value);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{value}");
    }
}

#[test]
fn deflate_is_not_agreed_on_where_it_is_off() {
    let headers = request("sec-websocket-extensions", &["permessage-deflate"]);
    let offer = Offer { deflate: false, ..OFFER };
    let accepted = decide(&Method::GET, Version::HTTP_11, &headers, &offer).expect("accepted");
    assert_eq!((accepted.extensions, accepted.deflate), (None, false));
}

#[test]
fn our_own_clients_request_is_one_that_tungstenite_and_we_accept() {
    let request =
        client_request("127.0.0.1:80", "/realtime/ws?a=b", KEY, &[("Sec-WebSocket-Protocol", "veche.v0")]);
    assert!(request.ends_with("\r\n\r\n"));
    let pairs: Vec<_> = request.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let headers = headers(&pairs);
    assert_eq!(ask(&headers).expect("accepted").subprotocol, Some("veche.v0"));
    let mut theirs = http::Request::builder().uri("/realtime/ws?a=b").body(()).expect("a request");
    *theirs.headers_mut() = headers;
    let response = tungstenite::handshake::server::create_response(&theirs).expect("tungstenite accepts");
    assert_eq!(response.headers()["sec-websocket-accept"], accept_key(KEY));
}
