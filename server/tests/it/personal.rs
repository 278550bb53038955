//! The personal channel of the server as it is started, by the tools that people have.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::support::{client::Client, process::Veche};

/// What the Circles brief types.
const TYPED: &str = r#"curl -H "Authorization: Bearer YOUR_TOKEN" -H "Accept: text/event-stream" http://localhost:3000/realtime/events"#;

/// Red where the stream needs a channel's name: `curl` was answered 400.
#[test]
fn curl_reads_the_callers_own_events() {
    let server = Veche::start();
    let typed = TYPED
        .replace("YOUR_TOKEN", &server.token("ann"))
        .replace("localhost:3000", &server.address().to_string());
    // Line by line, as on a terminal. No server lasts for ever, and curl ends with it.
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec stdbuf -oL {typed}")]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut curl = shell.spawn().expect("there are a shell and curl");
    let mut lines = BufReader::new(curl.stdout.take().expect("it is piped")).lines();
    let mut next = || lines.next().expect("the stream goes on").expect("UTF-8");
    assert!(next().starts_with("retry: "), "the first line of a stream");
    assert!(next().ends_with("-0"), "a new device begins at the head");
    drop(server);
    curl.wait().expect("it is ours");
}

#[test]
fn a_signed_in_client_is_subscribed_to_its_own_channel_and_acknowledges() {
    let server = Veche::start();
    let mut client = Client::connect(server.address(), &server.token("ann")).expect("it listens");
    let subscribed = client.expect(&["subscribed"]).expect("it comes by itself");
    assert_eq!((&subscribed["channel"], &subscribed["recovery"]), (&json!("user:ann"), &json!("fresh")));
    client.send(r#"{"type":"ack","offset":0,"id":1}"#).expect("it is open");
    assert_eq!(client.expect(&["reply"]).expect("it is kept")["id"], 1);
}
