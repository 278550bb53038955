//! Addresses: behind a proxy that is trusted, and when credentials from one of them are wrong too often.

use std::time::Duration;

use veche::{Server, Verifier};

use crate::{
    sse_client::{EVENTS, Stream},
    support::{
        PATH, SECRET, address,
        client::Client,
        guests,
        raw::{ask, handshake},
        start_with, until, users,
    },
};

fn from(client: &str) -> String {
    format!("X-Forwarded-For: {client}\r\n")
}

fn behind_a_proxy() -> Server {
    start_with(guests(), |listen| {
        let proxies = ["127.0.0.0/8".parse().expect("a network")];
        listen.events(EVENTS).trusted_proxies(proxies).connections_per_address(2)
    })
}

async fn connect(server: &Server, client: &str) -> Client {
    Client::connect_with(address(server), PATH, &from(client)).await
}

async fn refused(server: &Server, more: &str) -> u16 {
    ask(address(server), handshake(more, &[])).await.expect("an answer").status
}

#[tokio::test]
async fn connections_are_counted_by_the_client_behind_the_proxy() {
    // Red: `hand_over` that counts the proxy; `place` that lets everybody in; `sit` that drops the place.
    let server = behind_a_proxy();
    let one = connect(&server, "192.0.2.1").await;
    let stream = Stream::open(address(&server), "?channel=room:1", &from("192.0.2.1")).await;
    assert_eq!(refused(&server, &from("192.0.2.1")).await, 503);
    let mut others = Vec::new();
    for client in ["192.0.2.2", "192.0.2.3", "192.0.2.3", "2001:db8::1"] {
        others.push(connect(&server, client).await);
    }
    // Who came first is what the trusted one says, and nothing before it.
    assert_eq!(refused(&server, &from("198.51.100.1, 192.0.2.3")).await, 503);
    drop(one);
    until(|| server.kernel().sessions() == 5).await;
    let again = connect(&server, "192.0.2.1").await;
    assert_eq!(refused(&server, &from("192.0.2.1")).await, 503);
    drop((again, stream));
    until(|| server.kernel().sessions() == 4).await;
    connect(&server, "192.0.2.1").await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    // Red: `client_address` without `is_trusted`, both times.
    let server = start_with(guests(), |listen| listen.connections_per_address(2).failures_per_minute(1));
    let wrong = |client: &str| format!("{}Authorization: Bearer x\r\n", from(client));
    assert_eq!(refused(&server, &wrong("192.0.2.1")).await, 401);
    assert_eq!(refused(&server, &wrong("192.0.2.2")).await, 429);
    let _clients = (connect(&server, "192.0.2.1").await, connect(&server, "192.0.2.2").await);
    assert_eq!(refused(&server, &from("192.0.2.3")).await, 503);
}

#[tokio::test]
async fn wrong_credentials_of_an_address_are_limited() {
    // Red: `failed` without `one_more`; `identify` that refuses the good one too.
    let server = start_with(users(), |listen| {
        listen.trusted_proxies(["127.0.0.1".parse().expect("a network")]).failures_per_minute(3)
    });
    let wrong = |client: &str| format!("{}Authorization: Bearer x\r\n", from(client));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(refused(&server, &wrong("192.0.2.1")).await);
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    let response = ask(address(&server), handshake(&wrong("192.0.2.1"), &[])).await.expect("an answer");
    assert_eq!((response.status, response.header("retry-after")), (429, Some("60")));
    assert_eq!(refused(&server, &wrong("192.0.2.2")).await, 401, "another address");
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let now = server.kernel().clock().wall_ms();
    let good = verifier.sign("ann", Duration::from_mins(1), now).expect("a user id");
    let good = format!("{}Authorization: Bearer {good}\r\n", from("192.0.2.1"));
    assert_eq!(refused(&server, &good).await, 101, "others of the address are let in");
}
