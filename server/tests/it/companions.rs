//! Friends, notifications and files on the server as it is started: mounted with `--demo`, over every door.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::support::{client::Client, http::post, process::Veche};

fn call(server: &Veche, event: &str, token: &str, data: Value) -> Value {
    let (status, answer) =
        post(server.address(), &format!("/api/call/{event}"), token, &json!({ "data": data }));
    assert_eq!(status, 200, "{event}: {answer}");
    answer["data"].clone()
}

/// Red where the modules are not mounted, and where an event is not stored for who is away.
#[test]
fn one_who_is_away_hears_of_an_ask_and_answers_it() {
    let server = Veche::start();
    let (ann, bob) = (server.token("ann"), server.token("bob"));
    // His device has been here before, so it is told what it misses.
    let mut client = Client::connect(server.address(), &bob).expect("it listens");
    client.expect(&["subscribed"]).expect("his own channel");
    drop(client);

    let asked = call(&server, "friends.ask", &ann, json!({"user": "bob"}));
    assert_eq!(asked["relation"], "asked_by_me");

    let mut client = Client::connect(server.address(), &bob).expect("it listens");
    let told = client.expect(&["friend.asked"]).expect("it waited for him");
    assert_eq!((&told["channel"], &told["data"]["from"]), (&json!("user:bob"), &json!("ann")));
    let accepted = client.request(json!({"type": "friends.accept", "data": {"user": "ann"}}));
    assert_eq!(accepted.expect("it is open")["data"]["relation"], "friend");
    let friends = call(&server, "friends.list", &ann, json!({}));
    assert_eq!(friends["items"][0]["user"], "bob");
    assert_eq!(call(&server, "inbox.counters", &ann, json!({}))["unseen"], 0);
}

/// Red where the files' folder is not the server's.
#[test]
fn a_file_comes_back_to_its_owner_alone() {
    let server = Veche::start();
    let content = server.folder().join("note.txt");
    fs::write(&content, "tea at five\n").expect("the folder is ours");
    let base = format!("http://{}/api/files", server.address());
    let curl = |token: &str, arguments: &[&str]| {
        let bearer = format!("Authorization: Bearer {token}");
        let output =
            Command::new("curl").args(["-s", "-w", "\n%{http_code}", "-H", &bearer]).args(arguments).output();
        let text = String::from_utf8(output.expect("there is curl").stdout).expect("UTF-8");
        let (body, status) = text.rsplit_once('\n').expect("curl writes the status last");
        (body.to_owned(), status.to_owned())
    };
    let (ann, bob) = (server.token("ann"), server.token("bob"));
    let upload = format!("@{}", content.display());
    let url = format!("{base}?name=note.txt");
    let (answer, status) = curl(&ann, &["--data-binary", &upload, "-H", "Content-Type: text/plain", &url]);
    assert_eq!(status, "201", "{answer}");
    let file: Value = serde_json::from_str(&answer).expect("it is JSON");
    let url = format!("{base}/{}", file["id"].as_str().expect("it has an id"));
    assert_eq!(curl(&ann, &[&url]), ("tea at five\n".to_owned(), "200".to_owned()));
    assert_eq!(curl(&bob, &[&url]).1, "404");
}
