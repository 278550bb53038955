//! The broker port: who assigns positions, keeps the history and tells the node what to deliver.
//!
//! The node calls the broker, the broker calls the node's [`Sink`]. A broker that works in place answers
//! [`Answer::Now`]; one that must ask a server answers [`Answer::Later`], and no shard waits for it.

mod memory;

use std::{future::Future, pin::Pin, sync::Arc};

pub use memory::MemoryBroker;
use veche_protocol::{
    client::Range,
    name::ChannelName,
    position::{Epoch, Position},
};

use crate::{publication::Publication, rules::Namespace};

/// A broker's answer: at hand, or under way.
pub enum Answer<T> {
    /// It is known.
    Now(T),
    /// It will be.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Answer<T> {
    /// Waits for the answer.
    pub async fn wait(self) -> T {
        match self {
            Self::Now(answer) => answer,
            Self::Later(answer) => answer.await,
        }
    }
}

/// Why a broker could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The engine does not answer; nothing is known of the publication.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
}

/// Where a broker delivers. [`Sink::deliver`] is called for each publication of a channel in the order of
/// its positions, under the channel's own lock, so that every shard sees one order.
pub trait Sink: Send + Sync + 'static {
    /// Hands a publication to the shards that have subscribers of its channel. It never blocks.
    fn deliver(&self, publication: Arc<Publication>);
}

/// The state of a channel's numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The present numbering.
    pub epoch: Epoch,
    /// The last offset given; 0 before the first.
    pub offset: u64,
    /// The smallest offset from which everything after is still retained.
    pub floor: u64,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its place; that of the first one when it is a duplicate. `None` on an `ephemeral` channel.
    pub position: Option<Position>,
    /// Its `op_id` was seen before: nothing was published.
    pub duplicate: bool,
}

/// A part of a channel's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Where to begin, and in which direction.
    pub range: Range,
    /// The largest offset to return; `u64::MAX` for no bound.
    pub until: u64,
    /// The most publications.
    pub limit: usize,
    /// Bytes of payload after which the page ends (it holds at least one publication).
    pub bytes: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The channel's numbering at that moment; `None` on an `ephemeral` channel.
    pub head: Option<Head>,
    /// The publications in the order asked for.
    pub publications: Vec<Arc<Publication>>,
}

/// The port. Object-safe, so that users' handlers bear no generic parameter for it.
pub trait Broker: Send + Sync + 'static {
    /// Called once before anything else: where to deliver.
    fn start(&self, sink: Arc<dyn Sink>);

    /// Assigns the position (by the namespace's class), keeps the publication, and delivers it. An `op_id`
    /// that the same user used in this channel within `namespace.dedupe` is answered by the first position.
    fn publish(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Published, BrokerError>>;

    /// Takes what a log has committed to every node that has subscribers of its channel. It is a hint: it may
    /// be lost, doubled or late.
    fn relay(&self, publication: Arc<Publication>);

    /// The node has subscribers of this channel from now on: deliver to it. Answers the head, `None` for
    /// an `ephemeral` channel. It counts: an [`Broker::unsubscribe`] that comes late, after a newer
    /// `subscribe`, does not undo that one.
    fn subscribe(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Option<Head>, BrokerError>>;

    /// The node's last subscriber of this channel left. Called once for each `subscribe` that succeeded.
    fn unsubscribe(&self, channel: &ChannelName);

    /// Reads what is retained.
    fn history(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
        query: HistoryQuery,
    ) -> Answer<Result<History, BrokerError>>;

    /// Called about once a second: expire what is over.
    fn tick(&self) {}
}
