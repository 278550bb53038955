//! Keys of back ends: made by the command, heeded by the server, gone when they are revoked.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Output,
    sync::{Arc, Barrier},
    thread,
};

use serde_json::{Value, json};
use veche::api::{Key, Keys as _, KeysError};
use veche_server::keys::FileKeys;

use crate::{
    secret::Folder,
    support::{http, process::Veche, until},
};

fn key() -> (Key, String) {
    let scopes = vec!["info".parse().expect("a scope")];
    let (key, text) = Key::issue("test", scopes, 0, 0).expect("a key");
    (key, text.to_string())
}

fn create(server: &Veche, scopes: &[&str]) -> String {
    let mut arguments = vec!["key", "create", "--name", "back end"];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    let output = server.run(&arguments);
    assert!(output.status.success(), "{output:?}");
    text(output.stdout).trim().to_owned()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

fn status(server: &Veche, key: &str) -> u16 {
    http::post(server.address(), "/api/v1/info", key, &json!({})).0
}

#[test]
fn a_key_holds_from_its_making_to_its_revocation() {
    // Red: a `look` that never reads again; a `remove` that writes nothing.
    let mut server = Veche::start();
    let key = create(&server, &["info", "publish:room:*"]);
    assert!(key.starts_with("vk_"), "{key}");
    until(|| (status(&server, &key) == 200).then_some(()));
    let (code, body) =
        http::post(server.address(), "/api/v1/publish", &key, &json!({"channel": "room:1", "data": 1}));
    assert_eq!((code, &body["position"]["offset"]), (200, &json!(1)), "{body}");
    server.kill();
    server.restart();
    assert_eq!(status(&server, &key), 200, "it is kept");

    let listed = text(server.run(&["key", "list"]).stdout);
    let id = &key[3..19];
    assert!(
        listed.starts_with(id) && listed.contains("back end") && listed.contains("[info publish:room:*]"),
        "{listed}"
    );
    assert!(!listed.contains(&key[20..]), "no list shows a secret");
    assert!(server.run(&["key", "revoke", id]).status.success());
    until(|| (status(&server, &key) == 401).then_some(()));
    let again = server.run(&["key", "revoke", id]);
    assert!(!again.status.success() && text(again.stderr).contains("there is no key"));
}

#[test]
fn a_key_made_over_the_api_is_in_the_file() {
    // Red: `insert` that keeps it in memory.
    let server = Veche::start();
    let master = create(&server, &["keys", "info"]);
    let wanted = json!({"name": "made by another", "scopes": ["info"]});
    let mut made = Value::Null;
    until(|| {
        let (status, body) = http::post(server.address(), "/api/v1/keys", &master, &wanted);
        made = body;
        (status == 200).then_some(())
    });
    assert_eq!(status(&server, made["key"].as_str().expect("a key")), 200);
    assert!(text(server.run(&["key", "list"]).stdout).contains("made by another"));
    let file = server.file(veche_server::keys::FILE);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(file).expect("it is ours");
    let secret = &made["key"].as_str().expect("a key")[20..];
    assert!(!kept.contains(secret), "only a digest is kept");
}

#[test]
fn each_call_is_a_line_of_the_audit_log() {
    // Red: `perform` without the line; a line with the payload.
    let server = Veche::start();
    let key = create(&server, &["publish:room:*"]);
    let publish = |channel: &str| {
        let body = json!({"channel": channel, "data": "the payload"});
        http::post(server.address(), "/api/v1/publish", &key, &body).0
    };
    until(|| (publish("room:1") == 200).then_some(()));
    assert_eq!(publish("other:1\u{1b}"), 400);
    assert_eq!(publish("other:1"), 403);
    let said = server.said();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("audit")).collect();
    let id = &key[3..19];
    assert_eq!(lines.len(), 3, "{said}");
    for (line, outcome) in lines.iter().zip(["ok", "bad_request", "forbidden"]) {
        assert!(line.contains(id) && line.contains("publish") && line.contains(outcome), "{line}");
    }
    assert!(
        lines[0].contains("room:1") && !said.contains("the payload") && !said.contains(&key[20..]),
        "{said}"
    );
}

#[test]
fn what_the_command_cannot_do_it_says() {
    // Red: scopes that are taken as they are.
    let server = Veche::start();
    let check = |arguments: &[&str], expected: &str| {
        let Output { status, stdout, stderr } = server.run(arguments);
        assert!(!status.success() && stdout.is_empty(), "{arguments:?}");
        let said = text(stderr);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["key", "create", "--name", "x"], "--scope");
    check(&["key", "create", "--name", "x", "--scope", "all"], "\"all\" is no right");
    check(&["key", "create", "--name", "x", "--scope", "publish:*"], "leave the pattern out");
    check(&["key", "create", "--name", "x", "--scope", "info:room:*"], "not about channels");
    check(&["key", "create", "--name", "", "--scope", "info"], "a key's name has");
    check(&["key", "create", "--name", "x", "--scope", "info", "--ttl", "0s"], "at least one second");
    check(&["key", "revoke", "../../etc"], "it is no key");
    check(&["key", "revoke", "0123456789abcdef"], "there is no key");
    fs::write(server.file(veche_server::keys::FILE), "{").expect("the folder is ours");
    check(&["key", "list"], "keys.json");
    assert_eq!(status(&server, &key().1), 503, "a damaged file lets nobody in");
}

#[test]
fn two_that_change_the_keys_at_once_lose_nothing() {
    // Red: `change` without the lock.
    let folder = Folder::new();
    let (count, together) = (8, Arc::new(Barrier::new(8)));
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let (keys, together) = (FileKeys::new(folder.path()), together.clone());
            thread::spawn(move || {
                together.wait();
                for _ in 0..5 {
                    keys.insert(key().0).expect("there is room");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it goes well"));
    assert_eq!(FileKeys::new(folder.path()).all().expect("it reads").len(), count * 5);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_lets_nobody_in() {
    // Red: `look` that keeps what it saw before; a `read` of any version.
    let folder = Folder::new();
    let keys = FileKeys::new(folder.path());
    let (made, _) = key();
    assert_eq!(keys.find(&made.id).await, Ok(None), "there is no file");
    keys.add(made.clone()).await.expect("there is room");
    assert_eq!(keys.find(&made.id).await, Ok(Some(Arc::new(made.clone()))));
    let file = folder.path().join(veche_server::keys::FILE);
    let good = fs::read_to_string(&file).expect("it is ours");
    for bad in ["", "{", "[]", &good.replace("\"version\": 1", "\"version\": 2")] {
        fs::write(&file, bad).expect("it is ours");
        let fresh = FileKeys::new(folder.path());
        assert!(matches!(fresh.find(&made.id).await, Err(KeysError::Unavailable(_))), "{bad}");
        assert!(fresh.insert(key().0).is_err(), "a damaged file is not written over");
    }
    fs::write(&file, good).expect("it is ours");
    assert_eq!(FileKeys::new(folder.path()).find(&made.id).await.map(|found| found.is_some()), Ok(true));
}
