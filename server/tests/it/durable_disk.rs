//! A disk that takes no more: an explicit answer, memory goes on, and no restart when space returns.
//!
//! A limit of the size of the server's files stands for the disk: a write above it fails in the middle, as
//! on a full one. (SQLite's own code for a full disk is shown by the store's tests.)

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message},
    process::Veche,
    until,
};

const CHANNEL: &str = "log:1";

/// Publishes 5 kB; the offset, or the error.
fn publish(client: &mut Client, op_id: &str) -> Result<u64, Value> {
    let reply = client.request(message(CHANNEL, op_id, json!("x".repeat(5_000)))).expect("it is served");
    match reply["type"].as_str() {
        Some("reply") => Ok(reply["position"]["offset"].as_u64().expect("it has a position")),
        _ => Err(reply["error"].clone()),
    }
}

/// Red where a failed commit was acknowledged.
#[test]
fn a_full_disk_is_answered_until_space_returns() {
    let mut server = Veche::start();
    let mut client = Client::insist(server.address(), &server.token("ann"));
    publish(&mut client, "first").expect("there is room");
    server.limit_files("2000000");
    let mut kept = 1;
    let refused = loop {
        match publish(&mut client, &format!("filling-{kept}")) {
            Ok(offset) => {
                assert_eq!(offset, kept + 1);
                kept = offset;
            }
            Err(error) => break error,
        }
        assert!(kept < 1_000, "the limit holds nothing back");
    };
    assert!(kept > 1, "there was room for some");
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("unavailable"), &json!(true)), "{refused}");
    for _ in 0..3 {
        let refused = publish(&mut client, "waiting").expect_err("it is full");
        assert_eq!(refused["code"], "unavailable");
        let reply = client.request(message("room:1", "aside", json!("goes on"))).expect("it is served");
        assert_eq!((&reply["type"], &reply["class"]), (&json!("reply"), &json!("memory")), "{reply}");
    }
    assert_eq!(client.history(CHANNEL).len() as u64, kept, "what was refused is seen");

    server.limit_files("unlimited");
    // The publisher sends again what was refused; it is refused no more, and was not applied before.
    let offset = until(|| publish(&mut client, "waiting").ok());
    assert_eq!(offset, kept + 1);
    server.kill();
    server.restart();
    let mut client = Client::insist(server.address(), &server.token("ann"));
    assert_eq!(client.history(CHANNEL).len() as u64, kept + 1);
    assert_eq!(publish(&mut client, "more"), Ok(kept + 2));
}
