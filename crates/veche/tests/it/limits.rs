//! Connections an address may have, and descriptors the process may have.

use crate::support::{
    address,
    client::Client,
    guests,
    process::Process,
    raw::{Raw, Response, ask, handshake},
    start_with, until, within,
};

#[tokio::test]
async fn an_address_has_as_many_connections_as_it_may() {
    // Red: `enter` that always finds a place; then a `Place` that is never given back.
    let server = start_with(guests(), |listen| listen.connections_per_address(2));
    let mut first = Client::connect(address(&server)).await;
    let mut second = Client::connect(address(&server)).await;
    let refused = ask(address(&server), handshake("", &[])).await.expect("an answer");
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    first.is_served().await;
    second.is_served().await;
    drop(first);
    // The server finds out by itself that one has left.
    let again = async {
        let refused = |response: Option<Response>| response.is_none_or(|response| response.status == 503);
        while refused(ask(address(&server), handshake("", &[])).await) {}
    };
    within(again).await;
    second.is_served().await;
}

#[tokio::test]
async fn a_server_without_descriptors_accepts_again_when_it_has_some() {
    // Red: `accept` that returns on an error.
    let mut server = Process::example("hello", "ulimit -n 64;").await;
    let mut connections = Vec::new();
    for _ in 0..100 {
        let mut raw = Raw::open(server.address).await;
        raw.write(handshake("", &[])).await;
        connections.push(raw);
    }
    until(|| server.holds_descriptors(64)).await;
    // The last one is in the system's queue, and has an answer once others have left.
    let mut last = connections.pop().expect("a hundred");
    connections.truncate(10);
    assert_eq!(last.response().await.expect("an answer").status, 101);
    Client::connect(server.address).await.is_served().await;
    assert!(server.child.try_wait().expect("a child").is_none(), "it lives");
}
