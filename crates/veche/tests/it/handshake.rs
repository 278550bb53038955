//! The native door's handshake: what becomes a WebSocket, what is refused, and by which answer.

use serde_json::json;

use crate::support::{
    address,
    client::Client,
    guests,
    raw::{ACCEPT, Raw, ask, handshake},
    start, start_with,
};

#[tokio::test]
async fn a_handshake_is_answered_by_101() {
    // Red: `switching` without its extensions.
    let server = start(guests());
    let more = "Sec-WebSocket-Protocol: other, veche.v1.json\r\n\
                Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let response = ask(address(&server), handshake(more, &[])).await.expect("an answer");
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert!(response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    assert_eq!(response.header("sec-websocket-protocol"), Some("veche.v1.json"));
    let deflate = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(response.header("sec-websocket-extensions"), Some(deflate));

    let plain = ask(address(&server), handshake("", &[])).await.expect("an answer");
    assert_eq!(plain.header("sec-websocket-protocol"), None);
    assert_eq!(plain.header("sec-websocket-extensions"), None);
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    // Red: `upgrade::decide` that takes any version.
    let server = start(guests());
    let good = || handshake("", &[]);
    let cases = [
        ("another method", good().replacen("GET", "POST", 1), 405),
        ("HTTP/1.0", good().replacen("HTTP/1.1", "HTTP/1.0", 1), 400),
        ("no Upgrade", handshake("", &["Upgrade"]), 426),
        ("another Upgrade", handshake("Upgrade: h2c\r\n", &["Upgrade"]), 426),
        ("no Connection", handshake("", &["Connection"]), 400),
        ("no version", handshake("", &["Sec-WebSocket-Version"]), 426),
        ("an old version", handshake("Sec-WebSocket-Version: 8\r\n", &["Sec-WebSocket-Version"]), 426),
        ("two versions", handshake("Sec-WebSocket-Version: 13\r\n", &[]), 400),
        ("no key", handshake("", &["Sec-WebSocket-Key"]), 400),
        ("a short key", handshake("Sec-WebSocket-Key: AQID\r\n", &["Sec-WebSocket-Key"]), 400),
        ("two keys", handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", &[]), 400),
        ("a body", handshake("Content-Length: 2\r\n", &[]) + "hi", 400),
        ("a chunked body", handshake("Transfer-Encoding: chunked\r\n", &[]) + "0\r\n\r\n", 400),
        ("no Host", handshake("", &["Host"]), 400),
        ("two Hosts", handshake("Host: other.example\r\n", &[]), 400),
        ("broken extensions", handshake("Sec-WebSocket-Extensions: permessage-deflate;\r\n", &[]), 400),
        ("another path", good().replacen("/realtime", "/realtime/", 1), 404),
    ];
    for (what, request, status) in cases {
        let response = ask(address(&server), request).await.expect(what);
        assert_eq!(response.status, status, "{what}");
        match status {
            405 => assert_eq!(response.header("allow"), Some("GET")),
            426 if what.contains("version") => {
                assert_eq!(response.header("sec-websocket-version"), Some("13"), "{what}");
            }
            426 => assert_eq!(response.header("upgrade"), Some("websocket"), "{what}"),
            _ => {}
        }
    }
    Client::connect(address(&server)).await.is_served().await;
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    // Red: `handshake` without `origins.allow`.
    let listed = veche::Origins::of(["https://app.example".to_owned()]);
    let server = start_with(guests(), |listen| listen.origins(listed));
    let cases = [
        ("", 101),
        ("Origin: https://app.example\r\n", 101),
        ("Origin: https://veche.example\r\n", 101),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: https://app.example.evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: https://app.example\r\nOrigin: https://evil.example\r\n", 403),
    ];
    for (origin, status) in cases {
        let response = ask(address(&server), handshake(origin, &[])).await.expect(origin);
        assert_eq!(response.status, status, "{origin:?}");
    }
}

#[tokio::test]
async fn a_connection_that_sends_no_whole_head_is_closed() {
    // Red: without `header_read_timeout`, the test waits in vain.
    let short = std::time::Duration::from_millis(200);
    let server = start_with(guests(), |listen| listen.handshake(short));
    let mut silent = Raw::open(address(&server)).await;
    let mut half = Raw::open(address(&server)).await;
    half.write("GET /realtime HTTP/1.1\r\nHost: veche.exa").await;
    assert_eq!(half.response().await.map_or(408, |response| response.status), 408);
    assert!(silent.ends().await);
    // A session has no such deadline: both were over it when this one is asked.
    let mut client = Client::connect(address(&server)).await;
    let mut later = Raw::open(address(&server)).await;
    assert!(later.ends().await);
    client.is_served().await;
}

#[tokio::test]
async fn a_head_over_16_kib_is_refused() {
    // Red: `max_buf_size` at 64 KiB.
    let server = start(guests());
    let header = |bytes: usize| format!("X-Filler: {}\r\n", "x".repeat(bytes));
    let fits = ask(address(&server), handshake(&header(12 << 10), &[])).await.expect("an answer");
    assert_eq!(fits.status, 101);
    let refused = ask(address(&server), handshake(&header(17 << 10), &[])).await;
    assert_eq!(refused.map_or(431, |response| response.status), 431);
    let many = "X-Many: 1\r\n".repeat(1_000);
    let refused = ask(address(&server), handshake(&many, &[])).await;
    assert_eq!(refused.map_or(431, |response| response.status), 431);
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_served() {
    // Red: `websocket::serve` without `early`.
    let server = start(guests());
    let mut raw = Raw::open(address(&server)).await;
    let mut bytes = handshake("", &[]).into_bytes();
    let ping = json!({"type": "ping", "ts": 1}).to_string();
    veche_protocol::ws::client_frame(&mut bytes, veche_protocol::ws::Opcode::Text, [9; 4], ping.as_bytes());
    raw.write(bytes).await;
    assert_eq!(raw.response().await.expect("an answer").status, 101);
    while !raw.bytes.windows(6).any(|window| window == b"\"pong\"") {
        assert!(raw.read().await, "the connection ended");
    }
}

#[tokio::test]
async fn a_close_that_comes_with_the_handshake_ends_the_connection() {
    // Red: the driver looked at the decoder after a read only, and nothing came to be read.
    let server = start(guests());
    let mut raw = Raw::open(address(&server)).await;
    let mut bytes = handshake("", &[]).into_bytes();
    let close = 1000_u16.to_be_bytes();
    veche_protocol::ws::client_frame(&mut bytes, veche_protocol::ws::Opcode::Close, [9; 4], &close);
    raw.write(bytes).await;
    assert_eq!(raw.response().await.expect("an answer").status, 101);
    while raw.read().await {}
    assert!(raw.bytes.ends_with(&[0x88, 2, 3, 0xe8]), "the close frame is echoed: {:?}", raw.bytes);
}
