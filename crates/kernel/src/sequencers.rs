//! Who numbers a channel, by its class: the broker, or the log.

use std::sync::Arc;

use veche_protocol::name::ChannelName;

use crate::{
    broker::{Answer, Broker, BrokerError, Head, History, HistoryQuery, Published, Sink},
    handler::BoxFuture,
    log::Log,
    publication::Publication,
    rules::{Class, Namespace, Rules},
};

/// The node's broker, and its log if it has one. A durable channel is numbered and read by the log; the
/// broker tells of it who is interested, and relays.
#[derive(Clone)]
pub(crate) struct Sequencers {
    broker: Arc<dyn Broker>,
    log: Option<Arc<dyn Log>>,
}

/// What the log has committed leaves through the broker.
struct Relay(Arc<dyn Broker>);

impl Sink for Relay {
    fn deliver(&self, publication: Arc<Publication>) {
        self.0.relay(publication);
    }
}

impl Sequencers {
    pub(crate) fn start(broker: Arc<dyn Broker>, log: Option<Arc<dyn Log>>, sink: Arc<dyn Sink>) -> Self {
        broker.start(sink);
        if let Some(log) = &log {
            log.start(Arc::new(Relay(broker.clone())));
        }
        Self { broker, log }
    }

    /// The log, where this class needs one.
    fn log(&self, namespace: &Namespace) -> Option<&Arc<dyn Log>> {
        self.log.as_ref().filter(|_| namespace.class == Class::Durable)
    }

    pub(crate) fn publish(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Published, BrokerError>> {
        match self.log(namespace) {
            Some(log) => Answer::Later(log.append(publication, namespace)),
            None => self.broker.publish(publication, namespace),
        }
    }

    pub(crate) fn history(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
        query: HistoryQuery,
    ) -> Answer<Result<History, BrokerError>> {
        match self.log(namespace) {
            Some(log) => Answer::Later(log.history(channel, query)),
            None => self.broker.history(channel, namespace, query),
        }
    }

    /// Interest at the broker first, then the head: what comes between is a hint that waits for it.
    pub(crate) async fn subscribe(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Result<Option<Head>, BrokerError> {
        let told = self.broker.subscribe(channel, namespace).wait().await?;
        let Some(log) = self.log(namespace) else { return Ok(told) };
        match log.head(channel).await {
            Ok(head) => Ok(Some(head)),
            Err(error) => {
                self.broker.unsubscribe(channel);
                Err(error)
            }
        }
    }

    pub(crate) fn durable(&self) -> Option<&Arc<dyn Log>> {
        self.log.as_ref()
    }

    pub(crate) fn unsubscribe(&self, channel: &ChannelName) {
        self.broker.unsubscribe(channel);
    }

    pub(crate) fn tick(&self) {
        self.broker.tick();
    }

    /// Removes from the log what is no longer retained; `None` on a node without one.
    pub(crate) fn sweep(&self, rules: &Arc<Rules>) -> Option<BoxFuture<()>> {
        self.log.as_ref().map(|log| log.sweep(rules.clone()))
    }
}
