//! Nothing secret is written down: credentials with a canary in them are used in every way, right and wrong, and
//! then looked for in the log, the metrics and the answers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::{secret::Folder, support::client::Client};

/// It stands in the id of the token and in what is not even one.
const CANARY: &str = "canary-7f3a91";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // A server that has ended cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in UTF-8");
    answer
}

fn get(port: u16, path: &str, more: &str) -> String {
    ask(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n"))
}

#[test]
fn no_credential_is_written_down() {
    // Red: a `tracing::debug!` of the token in `verify`, or of the request's address in `answer`.
    let folder = Folder::new();
    let veche = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veche"));
        command.args(arguments).current_dir(folder.path()).env_clear();
        command
    };
    let serve = ["serve", "--demo", "--port", "0", "--set", "log.level=trace", "--set", "log.format=json"];
    let mut child =
        veche(&serve).env("HOST", "127.0.0.1").stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut running = Running(child);
    let port = lines.find_map(|line| {
        let event: Value = serde_json::from_str(&line).ok()?;
        let address = event["address"].as_str().filter(|_| event["message"] == "listening")?;
        address.rsplit(':').next()?.parse::<u16>().ok()
    });
    let port = port.expect("it listens");
    let log = thread::spawn(move || lines.collect::<Vec<_>>().join("\n"));

    let token = veche(&["token", "--sub", "ann", "--id", CANARY]).output().expect("the binary runs").stdout;
    let token = String::from_utf8(token).expect("UTF-8").trim().to_owned();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let mut answers = Vec::new();
    for path in ["/realtime/ws", "/realtime/events?channel=room", "/api/page?path=/x"] {
        for credential in [&token, CANARY] {
            answers.push(get(
                port,
                &format!("{path}{}token={credential}", if path.contains('?') { '&' } else { '?' }),
                "",
            ));
        }
        answers.push(get(port, path, &format!("Authorization: Bearer {CANARY}\r\n")));
        answers.push(get(port, path, &format!("Authorization: Basic {CANARY}\r\n")));
    }
    answers.push(get(port, &format!("/realtime/events?channel=room&ticket={CANARY}"), ""));
    let mut client = Client::connect(([127, 0, 0, 1], port).into(), &token).expect("it is served");
    client.send(&format!(r#"{{"type":"auth","token":"{token}","id":1}}"#)).expect("it is served");
    assert_eq!(client.expect(&["reply", "error"]).expect("it is served")["type"], "reply");
    client.send(&format!(r#"{{"type":"auth","token":"{CANARY}"}}"#)).expect("it is served");
    let ended = client.expect(&["nothing"]);
    assert!(ended.is_err(), "a bad token ends the connection");
    let post =
        format!("POST /realtime/ticket HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}\r\n");
    let ticket = ask(port, &post);
    let ticket: Value = serde_json::from_str(ticket.rsplit("\r\n").next().expect("a body")).expect("JSON");
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    let upgrade = "Connection: Upgrade\r\n";
    answers.push(get(port, &format!("/realtime/ws?ticket={ticket}"), upgrade));
    answers.push(get(port, "/metrics", ""));
    assert!(veche(&["revoke", "--user", "bob"]).status().expect("the binary runs").success());
    running.0.kill().expect("it is ours");
    let log = log.join().expect("no panic");
    assert!(log.contains("revoked"), "it logs what follows, too: {log}");
    let signature = token.rsplit('.').next().expect("a token");
    for written in answers.iter().chain([&log]) {
        for secret in [CANARY, signature, ticket.as_str()] {
            assert!(!written.contains(secret), "{secret} stands in {written}");
        }
    }
}
