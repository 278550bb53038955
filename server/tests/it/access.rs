//! Credentials that are taken back: on a server that runs, across its death, and where none runs.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::support::{
    NEVER,
    client::{Client, Gone},
    process::{Veche, refused},
    until,
};

/// A token with this id.
fn token(server: &Veche, user: &str, id: &str) -> String {
    let output = server.run(&["token", "--sub", user, "--id", id]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn revoke(server: &Veche, arguments: &[&str]) {
    let output = server.run(&[&["revoke"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
}

/// A stream of events as a bare socket, whose head has been read.
fn events(address: SocketAddr, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(NEVER)).expect("a socket");
    let request = format!(
        "GET /realtime/events?channel=room:1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("it answers");
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

/// What a request is answered with this token.
fn status(address: SocketAddr, token: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "POST /realtime/ticket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split(' ').nth(1).expect("a status").to_owned()
}

fn is_served(client: &mut Client) -> bool {
    client.send(r#"{"type":"ping"}"#).and_then(|()| client.expect(&["pong"])).is_ok()
}

#[test]
fn a_revocation_ends_every_connection_and_survives_a_kill() {
    // Red: `Asked::revocation` of another user; `Kernel::revoke` without `keep`; `run` without `revocations`.
    let mut server = Veche::start();
    let (ann, laptop, phone) =
        (token(&server, "ann", "a"), token(&server, "bob", "laptop"), token(&server, "bob", "phone"));
    let connect = |token: &str| Client::insist(server.address(), token);
    let mut of_ann: Vec<_> = (0..5).map(|_| connect(&ann)).collect();
    let mut stream = events(server.address(), &ann);
    let (mut on_laptop, mut on_phone) = (connect(&laptop), connect(&phone));
    revoke(&server, &["--user", "ann"]);
    revoke(&server, &["--token", "laptop"]);
    for client in of_ann.iter_mut().chain([&mut on_laptop]) {
        assert!(matches!(client.expect(&["nothing"]), Err(Gone)), "the connection ends");
    }
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("it ends");
    assert!(rest.contains("event: bye") && rest.contains("invalid_token"), "{rest}");
    assert!(is_served(&mut on_phone), "it is another token");
    let refused = |server: &Veche| {
        assert_eq!(status(server.address(), &ann), "401");
        assert_eq!(status(server.address(), &laptop), "401");
        assert_eq!(status(server.address(), &phone), "200");
        assert!(is_served(&mut Client::insist(server.address(), &phone)));
    };
    refused(&server);
    server.kill();
    server.restart();
    refused(&server);
    // A token's time of issue is a whole second: one of the same second is not good yet.
    until(|| (status(server.address(), &token(&server, "ann", "b")) == "200").then_some(()));
}

#[test]
fn a_revocation_needs_no_server() {
    // Red: `revoke` that wants a socket; a dead server's socket that is taken for a live one.
    let mut server = Veche::start();
    let ann = token(&server, "ann", "a");
    assert_eq!(status(server.address(), &ann), "200");
    server.kill();
    revoke(&server, &["--token", "a"]);
    server.restart();
    assert_eq!(status(server.address(), &ann), "401");
    assert!(server.terminate().success());
    assert!(!server.file("veche.sock").exists(), "it goes with the server");
    let answer = refused(&server.run(&["revoke", "--token", ""]));
    assert!(answer.contains("--token"), "{answer}");
    let answer = refused(&server.run(&["revoke"]));
    assert!(answer.contains("--user"), "{answer}");
}

#[test]
fn ids_may_begin_with_a_hyphen() {
    // Red: an option without `allow_hyphen_values`. A random id does so once in 64 times.
    let server = Veche::start();
    let connect = |user, id| Client::insist(server.address(), &token(&server, user, id));
    let (mut by_token, mut by_user) = (connect("ann", "-H7"), connect("-ann", "--both"));
    revoke(&server, &["--token", "-H7"]);
    assert!(matches!(by_token.expect(&["nothing"]), Err(Gone)));
    assert!(is_served(&mut by_user));
    revoke(&server, &["--user", "-ann"]);
    assert!(matches!(by_user.expect(&["nothing"]), Err(Gone)));
}

#[test]
fn a_token_says_what_it_was_asked_to() {
    // Red: `Token::wanted` without the grants; `issue` without the id.
    let server = Veche::start();
    let grants = ["--channels", "news:*=subscribe", "--channels", "chat:42=publish,history"];
    let output = server.run(&[&["token", "--sub", "ann", "--json"][..], &grants].concat());
    let issued: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut ann = Client::insist(server.address(), issued["token"].as_str().expect("a token"));
    let allowed =
        ann.request(json!({"type": "message", "channel": "chat:42", "data": 1})).expect("it is served");
    assert_eq!(allowed["type"], "reply", "{allowed}");
    let denied =
        ann.request(json!({"type": "message", "channel": "news:1", "data": 1})).expect("it is served");
    assert_eq!(denied["error"]["code"], "forbidden");
    revoke(&server, &["--token", issued["id"].as_str().expect("an id")]);
    assert!(matches!(ann.expect(&["nothing"]), Err(Gone)));
    for (arguments, flag) in [
        (["--channels", "a*b=publish"], "--channels"),
        (["--channels", "room:1=admin"], "--channels"),
        (["--channels", "room:1"], "--channels"),
        (["--id", ""], "--id"),
        (["--ttl", "400d"], "--ttl"),
    ] {
        let answer = refused(&server.run(&[&["token", "--sub", "ann"][..], &arguments].concat()));
        assert!(answer.contains(flag), "{answer}");
    }
}
