//! A server that stops lets its clients go.

use std::{cell::Cell, sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::Notify;
use veche::{
    Module, Rejection, Server, State,
    axum::{Router, routing::get},
};

use crate::support::{
    address,
    client::{Client, Got},
    guests,
    raw::{Raw, handshake},
    start, start_with, within,
};

/// Told when a handler has begun, and when it may go on.
type Gates = (Arc<Notify>, Arc<Notify>);

const WINDOW: Duration = Duration::from_secs(30);

#[tokio::test]
async fn clients_are_told_and_the_port_is_free_afterwards() {
    // Red: `shutdown` without `drain`.
    let server = start(guests());
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(address(&server)).await;
        client.expect("welcome").await;
        clients.push(client);
    }
    let mut kept = Raw::open(address(&server)).await;
    kept.write("GET / HTTP/1.1\r\nHost: veche.example\r\n\r\n").await;
    assert_eq!(kept.response().await.expect("an answer").status, 404);

    let (closed, ()) =
        within(async { tokio::join!(let_go(clients, &mut kept), server.shutdown(WINDOW)) }).await;
    assert_eq!(closed, [Some(3001); 3]);
    assert_eq!(server.kernel().sessions(), 0);
    let again = veche::Listen::on(address(&server).to_string());
    let kernel = guests().build().expect("the node is sound");
    let again = Server::start(kernel, again).expect("the port is free");
    assert_eq!(address(&again), address(&server));
}

/// What clients see of the end. A connection that was open before asks for a handshake too late.
async fn let_go(clients: Vec<Client>, kept: &mut Raw) -> Vec<Option<u16>> {
    let mut closed = Vec::new();
    for mut client in clients {
        let bye = client.expect("bye").await;
        assert!(bye["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{bye}");
        if closed.is_empty() {
            kept.write(handshake("", &[])).await;
            let refused = kept.response().await;
            assert!(refused.is_none_or(|it| it.status == 503 && it.header("retry-after").is_some()));
        }
        closed.push(client.close_code().await);
    }
    closed
}

/// Gives a server that would not wait every chance to go on without waiting.
async fn turns(server: &Server) {
    for _ in 0..1_000 {
        assert!(server.kernel().is_alive(WINDOW).await);
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished() {
    // Red: `finish` that does not wait for the handler: the reply was missing.
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = async |State((begin, wait)): State<Gates>| -> Result<&'static str, Rejection> {
        begin.notify_one();
        wait.notified().await;
        Ok("done")
    };
    let module = Module::new("slow").on("slow", slow).with_state((begun.clone(), go_on.clone()));
    let server = start(guests().mount(module));
    let mut client = Client::connect(address(&server)).await;
    client.send(json!({"type": "slow", "id": 1})).await;
    within(begun.notified()).await;
    let finish = async {
        client.expect("bye").await;
        turns(&server).await;
        go_on.notify_one();
        let reply = client.expect("reply").await;
        (reply, client.close_code().await)
    };
    let ((reply, code), ()) = within(async { tokio::join!(finish, server.shutdown(WINDOW)) }).await;
    assert_eq!((&reply["data"], code), (&json!("done"), Some(3001)));
}

#[tokio::test]
async fn a_request_under_way_is_answered() {
    // Red: `shutdown` returned at once, and the process would have ended.
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begin, wait) = (begun.clone(), go_on.clone());
    let slow = async move || {
        begin.notify_one();
        wait.notified().await;
        "done"
    };
    let server = start_with(guests(), |listen| listen.routes(Router::new().route("/slow", get(slow))));
    let mut raw = Raw::open(address(&server)).await;
    raw.write("GET /slow HTTP/1.1\r\nHost: veche.example\r\n\r\n").await;
    within(begun.notified()).await;
    let answered = Cell::new(false);
    let shutdown = async {
        server.shutdown(WINDOW).await;
        assert!(answered.get(), "a request is under way");
    };
    let finish = async {
        // The listener goes first; by then the shutdown has begun.
        while tokio::net::TcpStream::connect(address(&server)).await.is_ok() {}
        turns(&server).await;
        answered.set(true);
        go_on.notify_one();
        raw.response().await.expect("an answer")
    };
    let (response, ()) = within(async { tokio::join!(finish, shutdown) }).await;
    assert_eq!((&*response.body, response.header("connection")), (&b"done"[..], Some("close")));
}

#[tokio::test]
async fn the_window_ends_a_wait_that_would_not() {
    // Red: `shutdown` without `drain`.
    let server = start(guests());
    let mut stuck = Client::connect(address(&server)).await;
    stuck.expect("welcome").await;
    within(server.shutdown(Duration::from_millis(50))).await;
    assert!(matches!(stuck.next().await, Got::Text { .. }), "bye");
}
