//! A back end beside the server: what it publishes reaches clients of every kind.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::support::{NEVER, client::Client, http, process::Veche, until};

fn key(server: &Veche) -> String {
    let scopes = ["--scope", "publish", "--scope", "history"];
    let output = server.run(&[&["key", "create", "--name", "back end"][..], &scopes].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Publishes as the example's `sendToChannel` does.
fn send(server: &Veche, key: &str, channel: &str, event: &str, data: &Value) -> Value {
    let body = json!({"channel": channel, "event": event, "data": data});
    // A key that was just made is heeded within half a second.
    until(|| {
        let (status, told) = http::post(server.address(), "/api/v1/publish", key, &body);
        assert!(matches!(status, 200 | 401), "{status} {told}");
        (status == 200).then_some(told)
    })
}

#[test]
fn a_notification_reaches_the_users_devices_and_waits_for_those_that_are_away() {
    // Red: `Post::new` for another channel.
    let mut server = Veche::start();
    let (key, token) = (key(&server), server.token("bob"));
    let mut phone = Client::connect(server.address(), &token).expect("it listens");
    // A new device begins where the channel stands.
    phone.expect(&["subscribed"]).expect("it is connected");
    let first = send(&server, &key, "user:bob", "notification", &json!({"n": 1}));
    assert_eq!((&first["class"], &first["position"]["offset"]), (&json!("durable"), &json!(1)));
    let heard = phone.expect(&["notification"]).expect("it is connected");
    assert_eq!((&heard["channel"], &heard["data"]), (&json!("user:bob"), &json!({"n": 1})));
    drop(phone);
    send(&server, &key, "user:bob", "notification", &json!({"n": 2}));
    server.kill();
    server.restart();
    let mut back = Client::insist(server.address(), &token);
    // What it did not acknowledge may come once more before.
    while back.expect(&["notification"]).expect("it is connected")["data"] != json!({"n": 2}) {}
}

#[test]
fn one_channel_serves_sockets_event_streams_and_requests() {
    // Red: `act` that publishes by another event.
    let server = Veche::start();
    let key = key(&server);
    let mut socket = Client::connect(server.address(), &server.token("ann")).expect("it listens");
    socket.send(r#"{"type":"subscribe","channel":"log:1","id":1}"#).expect("it is connected");
    while socket.expect(&["subscribed"]).expect("it is connected")["channel"] != "log:1" {}
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(NEVER)).expect("a socket");
    stream
        .write_all(b"GET /realtime/events?channel=log:1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("it reads");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("retry:")), "the stream has begun");

    let post = json!({"id": 7, "text": "Oolong"});
    send(&server, &key, "log:1", "new_post", &post);
    assert_eq!(socket.expect(&["new_post"]).expect("it is connected")["data"], post);
    assert!(lines.any(|line| line == "event: new_post"));
    let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned())).expect("it follows");
    assert_eq!(serde_json::from_str::<Value>(&data).expect("JSON")["data"], post);
    let (_, page) = http::post(server.address(), "/api/v1/history", &key, &json!({"channel": "log:1"}));
    assert_eq!(page["publications"][0]["data"], post);
}
