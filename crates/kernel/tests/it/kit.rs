//! What several behaviours' tests are set up from.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use veche_kernel::{
    Audience, Class, Event, Kernel, Limits, Namespace,
    testing::{Follower, TestClient, Violation},
};

/// A namespace in which signed-in users may do everything.
pub(crate) fn open(name: &str, class: Class) -> Namespace {
    Namespace {
        class,
        subscribe: Audience::Users,
        publish: Audience::Users,
        presence: Audience::Users,
        history: Audience::Users,
        ..Namespace::new(name)
    }
}

/// The same without presence, for tests that count frames.
pub(crate) fn quiet(name: &str, class: Class) -> Namespace {
    Namespace { presence: Audience::Nobody, ..open(name, class) }
}

/// Clients may do as much as they like.
pub(crate) fn no_limits() -> Limits {
    Limits {
        frames_per_second: 0,
        channels_per_session: 0,
        messages_per_minute: 0,
        calls_per_second: 0,
        ephemeral_per_second: 0,
        subscribes_per_minute: 0,
        connections_per_user: 0,
        connections_per_address: 0,
        ..Limits::default()
    }
}

/// A node's handle for its own handlers, which exist before it.
pub(crate) type Later = Arc<OnceLock<Kernel>>;

/// A numbered event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tick {
    pub(crate) n: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) pad: String,
}

impl Tick {
    pub(crate) fn new(n: u64) -> Self {
        Self { n, pad: String::new() }
    }

    pub(crate) fn of_size(n: u64, bytes: usize) -> Self {
        Self { n, pad: "x".repeat(bytes) }
    }
}

impl Event for Tick {
    const NAME: &'static str = "tick";
}

pub(crate) async fn publish(
    kernel: &Kernel,
    channel: &str,
    numbers: std::ops::RangeInclusive<u64>,
    bytes: usize,
) {
    for n in numbers {
        kernel.channel(channel).publish(&Tick::of_size(n, bytes)).await.expect("the node has room");
    }
}

/// The offsets of the publications among these frames.
pub(crate) fn offsets(frames: &[Value]) -> Vec<u64> {
    let publications = frames.iter().filter(|frame| !frame["time_ms"].is_null());
    publications.filter_map(|frame| frame["offset"].as_u64()).collect()
}

pub(crate) fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["type"].as_str()).collect()
}

/// Lets a follower use a new connection: sends what it asks for.
pub(crate) fn connect(follower: &mut Follower, client: &TestClient) {
    follower.connect().iter().for_each(|text| client.send_text(text));
}

/// Gives a follower what has arrived, and sends what it answers.
pub(crate) fn follow(follower: &mut Follower, client: &mut TestClient) -> Result<Vec<Value>, Violation> {
    let frames = client.arrived();
    for frame in &frames {
        follower.receive(&frame.to_string())?.iter().for_each(|text| client.send_text(text));
    }
    Ok(frames)
}

pub(crate) fn message(channel: &str, data: impl Into<Value>) -> Value {
    json!({"type": "message", "channel": channel, "data": data.into()})
}
