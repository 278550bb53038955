//! Reading from the log what a hint passed over.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::runtime::Handle;
use veche_protocol::client::Range;

use crate::{
    broker::{BrokerError, HistoryQuery},
    channels::{NodeChannel, Routes},
    clock::Clock,
    inbox::lock,
    log::Log,
};

/// How many publications one read brings, and bytes of their payloads.
const PAGE: (usize, usize) = (1_000, 1 << 20);
/// How long a read that failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What reads the log for the node's records.
pub(crate) struct Filler {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) handlers: Handle,
    pub(crate) routes: Weak<Routes>,
}

impl Filler {
    /// Reads on from what was delivered, until nothing is missing. The channel's cursor has asked for it.
    pub(crate) fn fill(&self, channel: Arc<NodeChannel>) {
        let (log, clock, routes) = (self.log.clone(), self.clock.clone(), self.routes.clone());
        self.handlers.spawn(async move {
            while let Some(routes) = routes.upgrade() {
                match read(&*log, &channel, &routes).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(%error, "failed to read what a hint passed over");
                        lock(&channel.record).cursor.read_failed();
                        clock.sleep(PAUSE).await;
                        if !lock(&channel.record).cursor.retry() {
                            return;
                        }
                    }
                }
            }
        });
    }
}

/// One page. Whether another must follow.
async fn read(log: &dyn Log, channel: &Arc<NodeChannel>, routes: &Routes) -> Result<bool, BrokerError> {
    let Some(since) = lock(&channel.record).cursor.delivered() else { return Ok(false) };
    let range = Range::After(since.offset);
    let query = HistoryQuery { range, until: u64::MAX, limit: PAGE.0, bytes: PAGE.1 };
    let page = log.history(&channel.name, query).await?;
    Ok(routes.take_page(channel, page))
}
