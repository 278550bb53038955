//! Requests that are no handshake: the routes, and everything that smuggles, dawdles or goes away.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{io::AsyncWriteExt, sync::Notify};
use veche::axum::{Router, body::Bytes, routing::post};

use crate::support::{
    address, guests,
    raw::{Raw, ask},
    start_with, until, within,
};

fn routes() -> Router {
    Router::new()
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/deaf", post(async || "no, thanks"))
}

fn post_to(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: veche.example\r\n{headers}\r\n")
}

#[tokio::test]
async fn a_slow_body_arrives_whole() {
    // Red: `route` with an empty body.
    let server = start_with(guests(), |listen| listen.routes(routes()));
    let mut raw = Raw::open(address(&server)).await;
    raw.write(post_to("/length", "Content-Length: 6\r\n")).await;
    for piece in ["a", "bc", "def"] {
        raw.write(piece).await;
        // Another connection's answer shows that the server has had its turn since.
        assert!(ask(address(&server), "GET / HTTP/1.1\r\nHost: veche.example\r\n\r\n").await.is_some());
    }
    assert_eq!(raw.response().await.expect("an answer").body, "6");
    raw.write(post_to("/length", "Content-Length: 0\r\n")).await;
    assert_eq!(raw.response().await.expect("the connection goes on").body, "0");
}

#[tokio::test]
async fn a_body_that_nobody_reads_does_not_hold_the_answer() {
    // Red: `route` that collects the body before it calls the routes.
    let server = start_with(guests(), |listen| listen.routes(routes()));
    let mut raw = Raw::open(address(&server)).await;
    raw.write(post_to("/deaf", "Content-Length: 1000000000\r\n")).await;
    raw.write([b'x'; 1_000]).await;
    assert_eq!(raw.response().await.expect("an answer").body, "no, thanks");
    // The rest has nowhere to go: the server does not take a gigabyte to find that out.
    let rest = vec![b'x'; 64 << 10];
    let pour = async { while raw.stream.write_all(&rest).await.is_ok() {} };
    within(pour).await;
    until(|| server.connections() == 0).await;
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_given_up() {
    // Red: `route` without `AbortOnDrop`.
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (begun, given_up) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (begin, flag) = (begun.clone(), given_up.clone());
    let handler = async move || {
        let _flag = Flag(flag.clone());
        begin.notify_one();
        std::future::pending::<()>().await;
    };
    let server = start_with(guests(), |listen| listen.routes(Router::new().route("/endless", post(handler))));
    let mut raw = Raw::open(address(&server)).await;
    raw.write(post_to("/endless", "Content-Length: 0\r\n")).await;
    within(begun.notified()).await;
    drop(raw);
    until(|| given_up.load(Ordering::Relaxed) && server.connections() == 0).await;
}

#[tokio::test]
async fn a_request_with_two_lengths_is_the_connections_last() {
    // Red: `route` with an empty body. That the connection ends is hyper's doing too, and kept watch over here.
    let server = start_with(guests(), |listen| listen.routes(routes()));
    let mut raw = Raw::open(address(&server)).await;
    let smuggled = post_to("/length", "Content-Length: 0\r\n");
    let both = post_to("/length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
    raw.write(format!("{both}3\r\nabc\r\n0\r\n\r\n{smuggled}")).await;
    let response = raw.response().await.expect("an answer");
    assert_eq!((response.status, &*response.body), (200, &b"3"[..]), "Transfer-Encoding wins");
    assert_eq!(response.header("connection"), Some("close"));
    assert!(raw.response().await.is_none(), "what followed is no request");
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused() {
    // Red: an `answer` that takes any number of hosts; the rest is the HTTP library's, kept watch over here.
    let server = start_with(guests(), |listen| listen.routes(routes()));
    let length = "Content-Length: 0\r\n";
    let cases = [
        ("a folded header", post_to("/length", &format!("X-A: a\r\n b\r\n{length}"))),
        ("a bare CR", post_to("/length", &format!("X-A: a\rX-B: b\r\n{length}"))),
        ("a NUL", post_to("/length", &format!("X-A: a\0b\r\n{length}"))),
        ("a space before the colon", post_to("/length", &format!("X-A : a\r\n{length}"))),
        ("two lengths", post_to("/length", "Content-Length: 0\r\nContent-Length: 5\r\n")),
        ("a length that is none", post_to("/length", "Content-Length: +1\r\n")),
        ("chunked, but not last", post_to("/length", "Transfer-Encoding: chunked, gzip\r\n")),
        ("two hosts", post_to("/length", &format!("Host: other.example\r\n{length}"))),
        ("no host", format!("POST /length HTTP/1.1\r\n{length}\r\n")),
    ];
    for (what, request) in cases {
        let status = ask(address(&server), request).await.map_or(400, |response| response.status);
        assert_eq!(status, 400, "{what}");
    }
}
