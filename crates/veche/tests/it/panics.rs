//! A panic ends what panicked, and nothing else.

use serde_json::json;
use veche::{
    Module,
    axum::{Router, routing::get},
    socket::Socket,
};

use crate::support::{
    address,
    client::{Client, Got},
    guests,
    raw::ask,
    start, start_with, until,
};

async fn panics() {
    panic!("on purpose");
}

#[tokio::test]
async fn a_handler_that_panics_answers_internal() {
    // Red: `Shard::start` without `catch_unwind` never answers.
    let server = start(guests().mount(Module::new("bad").on("panic", async |_: veche::Call| panics().await)));
    let mut client = Client::connect(address(&server)).await;
    let mut other = Client::connect(address(&server)).await;
    client.send(json!({"type": "panic", "id": 1})).await;
    let error = client.expect("error").await;
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!(1), &json!("internal")));
    client.is_served().await;
    other.is_served().await;
}

#[tokio::test]
async fn a_route_that_panics_answers_500() {
    // Red: `route` that unwraps the handler's end.
    let routes = Router::new().route("/panic", get(panics));
    let server = start_with(guests(), |listen| listen.routes(routes));
    let mut client = Client::connect(address(&server)).await;
    let response = ask(address(&server), "GET /panic HTTP/1.1\r\nHost: veche.example\r\n\r\n").await;
    assert_eq!(response.expect("an answer").status, 500);
    client.is_served().await;
}

#[tokio::test]
async fn a_connection_that_panics_on_the_shard_ends_alone() {
    // Red: a guest that is not counted out when its connection goes.
    let server =
        start_with(guests(), |listen| listen.socket("/panic", 1_024, async |_: Socket| panics().await));
    let mut client = Client::connect(address(&server)).await;
    client.join("room:1").await;
    for _ in 0..3 {
        let mut bad = Client::connect_with(address(&server), "/panic", "").await;
        assert_eq!(bad.next().await, Got::End);
    }
    until(|| server.connections() == 1).await;
    client.send(json!({"type": "message", "channel": "room:1", "data": 1})).await;
    assert_eq!(client.expect("message").await["data"], 1);
}
