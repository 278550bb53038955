//! The examples do what the documents say, as processes of their own.

use serde_json::json;

use crate::support::{client::Client, process::Process, until};

#[tokio::test]
async fn hello_greets_and_tells_the_hall() {
    // Red: without the `join`.
    let hello = Process::example("hello", "").await;
    let mut ann = Client::connect(hello.address).await;
    let mut bob = Client::connect(hello.address).await;
    ann.send(json!({"type": "greet", "id": 1, "data": {"name": "Ann"}})).await;
    assert_eq!(ann.expect("reply").await["data"], "Hello, Ann");
    bob.send(json!({"type": "greet", "id": "b", "data": {"name": "Bob"}})).await;
    assert_eq!(bob.expect("reply").await["id"], "b");
    let greeted = ann.expect("greeted").await;
    assert_eq!((&greeted["channel"], &greeted["data"]), (&json!("hall"), &json!({"text": "Bob came in"})));
    bob.send(json!({"type": "greet", "id": 2, "data": {}})).await;
    let error = bob.expect("error").await;
    assert_eq!(
        (&error["error"]["code"], &error["error"]["field"]),
        (&json!("bad_request"), &json!("data.name"))
    );
}

#[tokio::test]
async fn chat_tells_the_room_and_not_the_sender() {
    // Red: always in the lobby.
    let chat = Process::example("chat", "").await;
    let mut ann = Client::connect(chat.address).await;
    let mut bob = Client::connect(chat.address).await;
    let say = |body: &str, room: &str| json!({"type": "chat:message", "id": 1, "data": {"body": body, "room": room}});
    bob.send(say("I am here", "tea")).await;
    bob.expect("reply").await;
    ann.send(say("Hello", "tea")).await;
    let heard = bob.expect("chat:message").await;
    assert_eq!((&heard["channel"], &heard["data"]["body"]), (&json!("tea"), &json!("Hello")));
    ann.expect("reply").await;
    ann.send(say("Anyone?", "coffee")).await;
    ann.expect("reply").await;
    bob.send(say("Bye", "tea")).await;
    // The first that Ann hears is Bob: neither her own words nor those of another room.
    assert_eq!(ann.expect("chat:message").await["data"]["body"], "Bye");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_lets_its_clients_go() {
    // Red: `serve` that returns at the signal.
    let mut hello = Process::example("hello", "").await;
    let mut client = Client::connect(hello.address).await;
    client.expect("welcome").await;
    hello.terminate();
    client.expect("bye").await;
    assert_eq!(client.close_code().await, Some(3001));
    drop(client);
    let mut status = None;
    until(|| {
        status = hello.child.try_wait().expect("a child");
        status.is_some()
    })
    .await;
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}
