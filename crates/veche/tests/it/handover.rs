//! Sockets that go on past HTTP, after requests that were answered on them.

use veche::{
    Listen, Server,
    axum::{Router, routing::get},
};

use crate::{
    sse_client::{EVENTS, Stream, request},
    support::{
        address,
        client::{Client, Got},
        guests,
        raw::{Raw, handshake},
        start_with, until,
    },
};

const BIG: usize = 8 << 20;

fn server() -> Server {
    let routes =
        Router::new().route("/small", get(async || "small")).route("/big", get(async || "x".repeat(BIG)));
    start_with(guests(), |listen: Listen| listen.events(EVENTS).routes(routes))
}

fn get_of(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: veche.example\r\n\r\n")
}

#[tokio::test]
async fn a_stream_waits_for_the_answers_before_it() {
    // Red: a `poll_flush` that lets hyper go whether all has left or not.
    let server = server();
    for path in ["/small", "/big"] {
        let mut raw = Raw::open(address(&server)).await;
        // Nothing is read before both were sent: the big answer does not fit into the socket.
        raw.write(get_of(path) + &request("?channel=room:1", "")).await;
        tokio::task::yield_now().await;
        let length = if path == "/big" { BIG } else { 5 };
        assert_eq!(raw.response().await.expect("an answer").body.len(), length);
        let mut stream = Stream::of(raw).await.expect("a stream");
        assert_eq!((stream.head.status, stream.block().await), (200, Some(None)));
    }
}

#[tokio::test]
async fn a_websocket_waits_for_the_answers_before_it() {
    // Red: the same.
    let server = server();
    let mut raw = Raw::open(address(&server)).await;
    raw.write(get_of("/big") + &handshake("", &[])).await;
    assert_eq!(raw.response().await.expect("an answer").body.len(), BIG);
    let mut client = Client::of(raw).await.expect("a WebSocket");
    client.expect("welcome").await;
    client.is_served().await;
}

#[tokio::test]
async fn what_follows_a_handshake_at_once_is_heard() {
    // Red: a handover that drops what hyper has read already.
    let server = server();
    let mut raw = Raw::open(address(&server)).await;
    let mut bytes = handshake("", &[]).into_bytes();
    // A masked ping of two bytes, with a mask of zeros.
    bytes.extend_from_slice(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i']);
    raw.write(bytes).await;
    let mut client = Client::of(raw).await.expect("a WebSocket");
    client.expect("welcome").await;
    assert_eq!(client.next().await, Got::Pong(b"hi".to_vec()));
}

#[tokio::test]
async fn a_client_of_the_first_version_has_no_chunks() {
    // Red: a `chunked` that is always true.
    let server = server();
    let mut raw = Raw::open(address(&server)).await;
    raw.write(format!("GET {EVENTS}?channel=room:1 HTTP/1.0\r\nHost: veche.example\r\n\r\n")).await;
    let head = raw.response().await.expect("an answer");
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    while !raw.bytes.ends_with(b"\n\n") {
        assert!(raw.read().await, "the stream goes on");
    }
    assert!(raw.bytes.starts_with(b"retry: "), "{:?}", raw.bytes);
}

#[tokio::test]
async fn a_stream_is_not_talked_to() {
    // Red: a driver that reads without a bound: the client poured for ever.
    let server = server();
    let mut stream = Stream::open(address(&server), "?channel=room:1", "").await;
    stream.pour(&vec![b'x'; 128 << 10]).await;
    until(|| server.connections() == 0).await;
}
