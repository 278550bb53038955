//! The log's port: who keeps what durable channels carry.
//!
//! A broker numbers what lives in memory; the log numbers inside its own transactions and is history, replay
//! source and outbox at once. What it relays after a commit is a hint: the node keeps for each channel up to
//! where it has delivered, and reads what a hint passed over.

use std::sync::Arc;

use veche_protocol::name::ChannelName;

use crate::{
    broker::{BrokerError, Head, History, HistoryQuery, Published, Sink},
    handler::BoxFuture,
    publication::{Publication, UserId},
    rules::{Namespace, Rules},
};

/// One of a user's devices, which reads the user's personal channel at its own pace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device {
    /// Whose.
    pub user: UserId,
    /// The client's own name for it.
    pub name: Box<str>,
}

/// Where a device stands in its user's personal channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The channel's numbering.
    pub head: Head,
    /// Up to where the device has everything; `None` for a new one, which stands at the head from now on.
    pub acked: Option<u64>,
}

impl Device {
    /// What a client that names no device has.
    pub const DEFAULT: &str = "default";

    /// The device of this name, or the default one.
    pub fn of(user: &UserId, name: Option<&str>) -> Self {
        Self { user: user.clone(), name: name.unwrap_or(Self::DEFAULT).into() }
    }
}

/// The port. An answer of `Ok` means that it is committed.
pub trait Log: Send + Sync + 'static {
    /// Called once before anything else: where to tell of each committed publication, in the order of the
    /// commits. It never blocks.
    fn start(&self, relay: Arc<dyn Sink>);

    /// Publishes in a transaction of its own. An `op_id` that the same user used in this channel within
    /// `namespace.dedupe` is answered by the first position.
    fn append(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> BoxFuture<Result<Published, BrokerError>>;

    /// A channel's numbering. A channel that nobody used yet gets one.
    fn head(&self, channel: &ChannelName) -> BoxFuture<Result<Head, BrokerError>>;

    /// Reads what is retained.
    fn history(&self, channel: &ChannelName, query: HistoryQuery) -> BoxFuture<Result<History, BrokerError>>;

    /// Where a device stands in the channel `user:{id}`. A new device stands at the head from then on, and is
    /// remembered for 30 days after it was last seen.
    fn place(&self, device: &Device) -> BoxFuture<Result<Place, BrokerError>>;

    /// A device has everything in the channel `user:{id}` up to this offset; one before its last changes
    /// nothing. `false`, and nothing is kept, where the offset is ahead of the head.
    fn ack(&self, device: &Device, offset: u64) -> BoxFuture<Result<bool, BrokerError>>;

    /// The reply that was kept for a user's operation, raw JSON.
    fn kept(&self, user: &UserId, op_id: &str) -> BoxFuture<Result<Option<Arc<str>>, BrokerError>>;

    /// Keeps the reply of a user's operation for 7 days. One that is kept already stays.
    fn keep(&self, user: &UserId, op_id: &str, reply: &str) -> BoxFuture<Result<(), BrokerError>>;

    /// Removes what the namespaces no longer retain.
    fn sweep(&self, rules: Arc<Rules>) -> BoxFuture<()>;
}
