//! A request whose answer is lost, and that is sent again under its name.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use veche::{
    ChannelName, Clock, Namespace, Publication,
    api::Api,
    broker::{Answer, Broker, BrokerError, Head, History, HistoryQuery, MemoryBroker, Published, Sink},
};

use crate::support::{
    address, guests,
    http::{ALL, Http, keys, publish},
    raw::Raw,
    start_with, within,
};

/// The broker in memory, which publishes when it is told to.
struct Slow {
    memory: Arc<MemoryBroker>,
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

impl Broker for Slow {
    fn start(&self, sink: Arc<dyn Sink>) {
        self.memory.start(sink);
    }

    fn publish(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Published, BrokerError>> {
        let (memory, namespace) = (self.memory.clone(), namespace.clone());
        let (begun, go) = (self.begun.clone(), self.go.clone());
        Answer::Later(Box::pin(async move {
            begun.notify_one();
            go.notified().await;
            memory.publish(publication, &namespace).wait().await
        }))
    }

    fn relay(&self, publication: Arc<Publication>) {
        self.memory.relay(publication);
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Option<Head>, BrokerError>> {
        self.memory.subscribe(channel, namespace)
    }

    fn unsubscribe(&self, channel: &ChannelName) {
        self.memory.unsubscribe(channel);
    }

    fn history(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
        query: HistoryQuery,
    ) -> Answer<Result<History, BrokerError>> {
        self.memory.history(channel, namespace, query)
    }
}

#[tokio::test]
async fn a_request_whose_caller_has_gone_is_remembered_when_it_is_done() {
    // Red: `answer` that does its work in the request's own task, which ends with the connection.
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let memory = Arc::new(MemoryBroker::new(Clock::real(), 0));
    let broker = Slow { memory, begun: begun.clone(), go: go.clone() };
    let (kept, [key]) = keys([ALL]);
    let builder = guests().broker(Arc::new(broker)).mount(Api::new(Arc::new(kept)).module());
    let server = start_with(builder, |listen| listen);

    let body = publish("room:1", 7).to_string();
    let mut raw = Raw::open(address(&server)).await;
    raw.write(format!(
        "POST /api/v1/publish HTTP/1.1\r\nHost: veche.example\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: order-7\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    within(begun.notified()).await;
    drop(raw);
    crate::support::until(|| server.connections() == 0).await;

    let api = Http::of(&server, key);
    let again =
        async || api.post_with("/api/v1/publish", "Idempotency-Key: order-7\r\n", publish("room:1", 7)).await;
    let busy = again().await;
    assert_eq!((busy.status, busy.error()), (409, ("conflict", Some("idempotency-key"))));
    go.notify_one();
    let told = loop {
        let told = within(again()).await;
        if told.status != 409 {
            break told;
        }
    };
    assert_eq!((told.status, told.response.header("idempotency-hit")), (200, Some("true")), "{}", told.body);
    let history = api.does("history", json!({"channel": "room:1"})).await;
    assert_eq!(history["publications"].as_array().map(Vec::len), Some(1));
}
