//! Streams of events: what they carry, in which order, from where, and how they live and end.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;
use veche::{Audience, Class, Listen, Namespace, Retain, Server, Verifier, testing::TestNode};

use crate::{
    sse_client::{EVENTS, Event, Stream},
    support::{SECRET, Said, address, guests, start_with, until, users, within},
};

/// A server for guests with the door open, and channels `room:…` and `typed:…`, which keep no past.
pub(crate) fn server() -> Server {
    let typed = Namespace { name: "typed".to_owned(), class: Class::Ephemeral, ..crate::support::room() };
    start_with(guests().namespace(typed), |listen| listen.events(EVENTS))
}

pub(crate) async fn say(server: &Server, channel: &str, what: impl serde::Serialize) {
    server.kernel().channel(channel).publish(&Said(what)).await.expect("published");
}

/// What was said in the events of one channel.
fn said(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.data["data"].as_i64().expect("a number")).collect()
}

async fn take(stream: &mut Stream, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(stream.expect("message").await);
    }
    events
}

fn back(id: &str) -> String {
    format!("Last-Event-ID: {id}\r\n")
}

#[tokio::test]
async fn a_publication_is_an_event_with_its_frame_and_its_id() {
    // Red: a `write` of the payload alone.
    let server = server();
    let mut stream = Stream::open(address(&server), "?channel=room:1", "").await;
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(stream.head.header(name), Some(value));
    }
    assert!(stream.retry.is_some_and(|ms| (2_000..=4_000).contains(&ms)));
    assert!(stream.id.ends_with("-0"), "{}", stream.id);
    let epoch = stream.id.trim_end_matches("-0").to_owned();
    say(&server, "room:1", json!({"text": "a\nb"})).await;
    let event = stream.expect("message").await;
    assert_eq!(event.id, format!("{epoch}-1"));
    let time_ms = event.data["time_ms"].clone();
    let frame = json!({"type": "message", "channel": "room:1", "offset": 1, "time_ms": time_ms, "data": {"text": "a\nb"}});
    assert_eq!(event.data, frame);
}

#[tokio::test]
async fn whoever_comes_back_by_the_header_or_the_query_gets_what_it_missed() {
    // Red: `positions` without the header.
    let server = server();
    let mut stream = Stream::open(address(&server), "?channel=room:1", "").await;
    let start = stream.id.clone();
    for number in 1..=5 {
        say(&server, "room:1", number).await;
    }
    let events = take(&mut stream, 2).await;
    stream.cut();
    let id = &events[1].id;

    let mut header = Stream::open(address(&server), "?channel=room:1", &back(id)).await;
    assert_eq!(said(&take(&mut header, 3).await), [3, 4, 5]);
    let query = format!("?channel=room:1&last_event_id={id}");
    let mut field = Stream::open(address(&server), &query, "").await;
    assert_eq!(said(&take(&mut field, 3).await), [3, 4, 5]);
    let older = format!("?channel=room:1&last_event_id={start}");
    let mut both = Stream::open(address(&server), &older, &back(id)).await;
    assert_eq!(said(&take(&mut both, 3).await), [3, 4, 5]);
    say(&server, "room:1", 6).await;
    for stream in [&mut header, &mut field, &mut both] {
        assert_eq!(said(&take(stream, 1).await), [6], "live follows the replay, and nothing twice");
    }
}

#[tokio::test]
async fn several_channels_share_a_stream_and_its_id() {
    // Red: a `write_id` with the position of the event's channel alone, and a stream that begins before all of
    // its channels are settled.
    let server = server();
    let query = "?channel=room:2&channel=typed:1&channel=room%3A1";
    let mut stream = Stream::open(address(&server), query, "").await;
    let offsets = |id: &str| -> Vec<String> {
        id.split(',').map(|part| part.split_once('-').expect("a position").1.to_owned()).collect()
    };
    assert_eq!(offsets(&stream.id), ["0", "", "0"]);
    for (channel, number, expected) in
        [("room:1", 1, ["0", "", "1"]), ("room:2", 2, ["1", "", "1"]), ("typed:1", 3, ["1", "", "1"])]
    {
        say(&server, channel, number).await;
        let event = stream.expect("message").await;
        assert_eq!(
            (event.data["channel"].as_str(), event.data["data"].as_i64()),
            (Some(channel), Some(number))
        );
        assert_eq!(offsets(&event.id), expected);
    }
    let id = stream.id.clone();
    stream.cut();
    for number in 4..=6 {
        say(&server, ["room:1", "typed:1", "room:2"][number - 4], number).await;
    }
    let mut stream = Stream::open(address(&server), query, &back(&id)).await;
    let mut missed = said(&take(&mut stream, 2).await);
    missed.sort_unstable();
    assert_eq!(missed, [4, 6], "what an ephemeral channel said meanwhile is gone");
    assert_eq!(offsets(&stream.id), ["2", "", "2"]);
}

#[tokio::test]
async fn a_position_that_cannot_be_continued_from_is_a_gap() {
    // Red: a `settle` that tells no gap.
    let retain = Retain { count: 2, ..Retain::default() };
    let short = Namespace { name: "short".to_owned(), retain, ..crate::support::room() };
    let server = start_with(guests().namespace(short), |listen| listen.events(EVENTS));
    let stream = Stream::open(address(&server), "?channel=short:1", "").await;
    let epoch = stream.id.trim_end_matches("-0").to_owned();
    for number in 1..=5 {
        say(&server, "short:1", number).await;
    }
    for (id, reason) in [
        (format!("{epoch}-1"), "trimmed"),
        (format!("{epoch}-6"), "ahead"),
        ("elsewhere-5".to_owned(), "epoch"),
    ] {
        let mut again = Stream::open(address(&server), "?channel=short:1", &back(&id)).await;
        let gap = again.expect("gap").await;
        assert_eq!(gap.data, json!({"type": "gap", "channel": "short:1", "reason": reason}));
        assert_eq!(gap.id, format!("{epoch}-5"), "it goes on from the head");
    }
    let mut again = Stream::open(address(&server), "?channel=short:1", &back("elsewhere-5")).await;
    again.expect("gap").await;
    say(&server, "short:1", 6).await;
    assert_eq!(again.expect("message").await.data["data"], 6);
}

#[tokio::test]
async fn a_session_ends_with_its_connection() {
    // Red: an `EventsBody` without its `Drop`.
    let server = server();
    let cut = Stream::open(address(&server), "?channel=room:1", "").await;
    let closed = Stream::open(address(&server), "?channel=room:1", "").await;
    assert_eq!(server.kernel().sessions(), 2);
    cut.cut();
    until(|| server.kernel().sessions() == 1).await;
    drop(closed);
    until(|| server.kernel().sessions() == 0 && server.connections() == 0).await;
    assert_eq!(server.kernel().channels(), 0);
}

/// A node whose clock the test moves, and its door.
fn by_hand(builder: veche::Builder) -> (TestNode, Server) {
    let node = TestNode::start(builder);
    let listen = Listen::on("127.0.0.1:0").events(EVENTS);
    let server = Server::start(node.kernel().clone(), listen).expect("a free port");
    (node, server)
}

#[tokio::test]
async fn a_silent_stream_shows_every_15_s_that_it_lives() {
    // Red: a `ping_ms` that is the WebSocket's: 25 s; then one `seen` never moves with: no second comment.
    let (node, server) = by_hand(guests());
    let mut stream = Stream::open(address(&server), "?channel=room:1", "").await;
    node.advance(Duration::from_millis(14_900)).await;
    say(&server, "room:1", 1).await;
    stream.expect("message").await;
    assert_eq!(stream.comments, 0);
    node.advance(Duration::from_millis(200)).await;
    within(stream.comment()).await;
    node.advance(Duration::from_millis(14_800)).await;
    say(&server, "room:1", 2).await;
    stream.expect("message").await;
    assert_eq!(stream.comments, 1);
    node.advance(Duration::from_millis(300)).await;
    within(stream.comment()).await;
    node.advance(Duration::from_mins(10)).await;
    say(&server, "room:1", 3).await;
    stream.expect("message").await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    // Red: a `poll_frame` that does not look at `closing`.
    let (node, server) = by_hand(users());
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign("ann", Duration::from_mins(1), node.kernel().clock().wall_ms());
    let bearer = format!("Authorization: Bearer {}\r\n", token.expect("a user id"));
    let mut stream = Stream::open(address(&server), "?channel=room:1", &bearer).await;
    node.advance(Duration::from_mins(2)).await;
    let bye = stream.expect("bye").await;
    assert_eq!((&bye.data["type"], &bye.data["reason"]), (&json!("bye"), &json!("token_expired")));
    assert!(stream.has_ended_well().await);
    let again = Stream::try_open(address(&server), "?channel=room:1", &bearer).await.expect("an answer");
    assert_eq!(again.head.status, 401);
}

#[tokio::test]
async fn a_server_that_drains_says_when_to_come_back() {
    // Red: a `write` without its `Bye`: the reason is told, but not when.
    let server = server();
    let mut stream = Stream::open(address(&server), "?channel=room:1", "").await;
    let end = async {
        let bye = stream.expect("bye").await;
        assert_eq!(bye.data["reason"], "drain");
        let after = bye.data["retry_after_ms"].as_u64();
        assert!(after.is_some_and(|ms| (1..2_000).contains(&ms)), "the node knows better than the stream");
        assert_eq!(stream.retry, after, "an EventSource heeds it by itself");
        assert!(stream.has_ended_well().await);
    };
    within(async { tokio::join!(end, server.shutdown(Duration::from_secs(30))) }).await;
    assert_eq!(server.kernel().sessions(), 0);
}

#[tokio::test]
async fn the_line_of_the_documents_works_as_it_is_written() {
    // Red: with another path in the document.
    let document = include_str!("../../../../docs/sse.md");
    let line = document.lines().find(|line| line.starts_with("curl ")).expect("a line with curl");
    let plain = Namespace { name: String::new(), subscribe: Audience::Users, ..crate::support::room() };
    let server = start_with(users().namespace(plain), |listen| listen.events(EVENTS));
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign("ann", Duration::from_mins(1), server.kernel().clock().wall_ms());
    let line = line
        .replace("$(veche token --sub ann)", &token.expect("a user id"))
        .replace("localhost:3000", &address(&server).to_string());
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {line}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    until(|| server.kernel().channels() == 1).await;
    say(&server, "test", 1).await;
    let stdout = child.stdout.take().expect("it is piped");
    let read = tokio::task::spawn_blocking(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("data: "))
    });
    let data = within(read).await.expect("it reads");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(data.is_some_and(|data| data.contains(r#""channel":"test","offset":1"#)));
}
