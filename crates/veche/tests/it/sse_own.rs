//! The stream of the caller's own events: `/realtime/events` with nothing after it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use veche::{Server, Verifier};
use veche_kernel::Clock;
use veche_store::{Options, Store};

use crate::{
    sse_client::{EVENTS, Stream, request},
    support::{SECRET, Said, address, raw::ask, start_with, users},
};

struct Scene {
    server: Server,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(folder.path(), Options::new(Clock::real())).await.expect("it opens");
        let builder = users().guests(true).log(Arc::new(store.clone()));
        Self { server: start_with(builder, |listen| listen.events(EVENTS)), store, _folder: folder }
    }

    fn bearer(&self, user: &str) -> String {
        let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
        let token = verifier.sign(user, Duration::from_mins(1), Clock::real().wall_ms());
        format!("Authorization: Bearer {}\r\n", token.expect("a user id"))
    }

    async fn open(&self, query: &str, more: &str) -> Stream {
        Stream::open(address(&self.server), query, &format!("{}{more}", self.bearer("ann"))).await
    }

    async fn tell(&self, number: u64) {
        self.server.kernel().user("ann").publish(&Said(number)).await.expect("it is kept");
    }
}

async fn numbers(stream: &mut Stream, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event = stream.expect("message").await;
        assert_eq!(event.data["channel"], "user:ann");
        numbers.push(event.data["data"].as_u64().expect("a number"));
    }
    numbers
}

/// Red: a stream that begins at the head although its device was there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_gets_what_came_while_it_was_away() {
    let scene = Scene::new().await;
    let mut stream = scene.open("", "").await;
    assert!(stream.id.ends_with("-0"), "{}", stream.id);
    scene.tell(1).await;
    assert_eq!(numbers(&mut stream, 1).await, [1]);
    stream.cut();
    scene.tell(2).await;

    // It never said how far it has read.
    let mut again = scene.open("", "").await;
    assert_eq!(numbers(&mut again, 2).await, [1, 2]);
    let last = again.id.clone();
    again.cut();
    scene.tell(3).await;

    // It has: whoever asks for what follows an event has that event.
    let mut back = scene.open("", &format!("Last-Event-ID: {last}\r\n")).await;
    assert_eq!(numbers(&mut back, 1).await, [3]);
    back.cut();
    let mut fresh = scene.open("", "").await;
    assert_eq!(numbers(&mut fresh, 1).await, [3]);
    let other = scene.open("?device=laptop", "").await;
    assert!(other.id.ends_with("-3"), "a new device begins at the head: {}", other.id);
    scene.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_another_numbering_is_no_acknowledgement() {
    // Red: `personal_ack` without its look at the epoch.
    let scene = Scene::new().await;
    scene.open("", "").await.cut();
    scene.tell(1).await;
    scene.tell(2).await;
    let mut odd = scene.open("", "Last-Event-ID: otherepoch-1\r\n").await;
    let gap = odd.expect("gap").await;
    assert_eq!(gap.data, json!({"type": "gap", "channel": "user:ann", "reason": "epoch"}));
    odd.cut();
    let mut stream = scene.open("", "").await;
    assert_eq!(numbers(&mut stream, 2).await, [1, 2]);
    scene.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_a_stream_without_being_somebody() {
    let scene = Scene::new().await;
    let stranger = ask(address(&scene.server), request("", "")).await.expect("an answer");
    assert_eq!((stranger.status, stranger.header("www-authenticate")), (401, Some("Bearer")));
    let named = Stream::open(address(&scene.server), "?channel=user:ann", &scene.bearer("ann")).await;
    assert!(named.id.ends_with("-0"));
    for more in ["", &scene.bearer("bob")] {
        let other = ask(address(&scene.server), request("?channel=user:ann", more)).await.expect("an answer");
        assert_eq!(other.status, 403, "{more}");
    }
    scene.store.close().await;
}

#[tokio::test]
async fn a_server_that_keeps_no_personal_channels_says_so() {
    let server = start_with(users(), |listen| listen.events(EVENTS));
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let token = verifier.sign("ann", Duration::from_mins(1), Clock::real().wall_ms()).expect("a user id");
    let more = format!("Authorization: Bearer {token}\r\n");
    let answer = ask(address(&server), request("", &more)).await.expect("an answer");
    assert_eq!(answer.status, 404, "{answer:?}");
}
