//! What the tests of the doors stand on: a server on a free port, and clients over bare sockets.

pub(crate) mod client;
pub(crate) mod counters;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod raw;

use std::{future::Future, net::SocketAddr, time::Duration};

use serde::Serialize;
use veche::{Audience, Builder, Class, Event, Kernel, Listen, Namespace, Server, Verifier};

/// The native door's path.
pub(crate) const PATH: &str = "/realtime";

/// What tokens are signed with.
pub(crate) const SECRET: &[u8] = b"a secret of the tests, 32 bytes or more";

/// A publication named `message` with any payload.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Said<T>(pub(crate) T);

impl<T: Serialize> Event for Said<T> {
    const NAME: &'static str = "message";
}

/// Ends a wait that would never end. Nothing is measured by it.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), what).await.expect("it never came")
}

/// Waits for what no socket tells, by looking again and again.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let looking = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(looking).await;
}

/// A node for guests, with channels `room:…` that everybody may use and that keep their past.
pub(crate) fn guests() -> Builder {
    Kernel::builder().shards(1).guests(true).namespace(room())
}

/// A node for the bearers of tokens.
pub(crate) fn users() -> Builder {
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    Kernel::builder().shards(1).authenticator(std::sync::Arc::new(verifier)).namespace(room())
}

/// Channels that everybody may use and that keep their past.
pub(crate) fn room() -> Namespace {
    Namespace {
        class: Class::Memory,
        subscribe: Audience::Anyone,
        publish: Audience::Anyone,
        ..Namespace::new("room")
    }
}

/// Starts a server on a free port of 127.0.0.1, with the native door.
pub(crate) fn start(builder: Builder) -> Server {
    start_with(builder, |listen| listen)
}

/// The same with more to listen for.
pub(crate) fn start_with(builder: Builder, more: impl FnOnce(Listen) -> Listen) -> Server {
    counters::install();
    let kernel = builder.build().expect("the node is sound");
    let listen = more(Listen::on("127.0.0.1:0").websocket(PATH));
    Server::start(kernel, listen).expect("a free port")
}

/// Where a server listens.
pub(crate) fn address(server: &Server) -> SocketAddr {
    *server.addresses().first().expect("it listens somewhere")
}
