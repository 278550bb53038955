//! What all shards, handlers and handles of a node share.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use smallvec::SmallVec;
use veche_protocol::{
    code::{CloseCode, ErrorCode},
    name::ChannelName,
    server::ServerFrame,
};

use crate::{
    broker::{Answer, BrokerError, History, HistoryQuery, Published},
    channels::{NodeChannel, Routes},
    clock::Clock,
    identity::Authenticate,
    inbox::{Audience, Entry, SessionKey, lock},
    limits::Limits,
    metrics::Metrics,
    module::{Ask, DEADLINE, Registry},
    once::UnderWay,
    publication::{Publication, Sender, SessionId, UserId},
    reply::Rejection,
    revoked::RevokedTable,
    rules::{Class, Namespace, Rules},
    sequencers::Sequencers,
    shard::Shard,
    users::Users,
};

/// How often the log forgets what it no longer retains.
const LOG_SWEEP_MS: u64 = 60_000;
/// How long a publisher waits for a shard that is behind.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// When a connection is asked for a sign of life, and how long it may take to give one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Silence before a ping, ms.
    pub ping_ms: u64,
    /// Silence after it before the connection ends, ms.
    pub patience_ms: u64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { ping_ms: 25_000, patience_ms: 10_000 }
    }
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) rules: Arc<Rules>,
    pub(crate) guests: bool,
    pub(crate) process_key: std::hash::RandomState,
    pub(crate) authenticator: Option<Arc<dyn Authenticate>>,
    pub(crate) revoked: RevokedTable,
    pub(crate) registry: Registry,
    pub(crate) sequencers: Sequencers,
    pub(crate) routes: Arc<Routes>,
    pub(crate) users: Arc<Users>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handlers: tokio::runtime::Handle,
    pub(crate) sessions: AtomicUsize,
    pub(crate) draining: AtomicBool,
    pub(crate) random_state: AtomicU64,
    pub(crate) log_swept_ms: AtomicU64,
    pub(crate) under_way: Arc<UnderWay>,
    /// Sessions that are spoken to by their public ids: those of Socket.IO.
    pub(crate) by_id: Mutex<HashMap<SessionId, SessionKey>>,
}

/// A publication before its position.
pub(crate) struct Message {
    pub(crate) channel: ChannelName,
    pub(crate) event: Cow<'static, str>,
    pub(crate) data: Arc<str>,
    pub(crate) sender: Option<Sender>,
    pub(crate) op_id: Option<Box<str>>,
    pub(crate) key: Option<Box<str>>,
    pub(crate) exclude: SmallVec<[SessionId; 1]>,
    pub(crate) args: bool,
    pub(crate) except: Option<Box<[ChannelName]>>,
}

impl Message {
    pub(crate) fn new(channel: ChannelName, event: Cow<'static, str>, data: &str) -> Self {
        let data = data.into();
        Self {
            channel,
            event,
            data,
            sender: None,
            op_id: None,
            key: None,
            exclude: SmallVec::new(),
            args: false,
            except: None,
        }
    }

    /// What it is at this time, before its position.
    fn publication(self, time_ms: u64) -> Publication {
        let Self { channel, event, data, sender, op_id, key, exclude, args, except } = self;
        Publication {
            channel,
            event,
            data,
            position: None,
            sender,
            op_id,
            key,
            time_ms,
            exclude,
            args,
            except,
        }
    }
}

impl From<BrokerError> for Rejection {
    fn from(error: BrokerError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl Node {
    /// 64 random bits that nobody can guess from others: the operating system's.
    pub(crate) fn random(&self) -> u64 {
        // Without entropy a counter still keeps ids distinct on this node; they are no secrets.
        getrandom::u64().unwrap_or_else(|_| self.random_state.fetch_add(1, Ordering::Relaxed))
    }

    /// The rules of a channel; one that nobody declared is `ephemeral` and closed to clients.
    pub(crate) fn namespace(&self, channel: &str) -> Arc<Namespace> {
        match self.rules.namespace(channel) {
            Some(namespace) => namespace.clone(),
            None => self.rules.undeclared(channel),
        }
    }

    pub(crate) fn class(&self, channel: &str) -> Class {
        self.rules.namespace(channel).map_or(Class::Ephemeral, |namespace| namespace.class)
    }

    /// Publishes, once the shards that want it have room for it.
    pub(crate) async fn publish(&self, message: Message) -> Result<Published, Rejection> {
        let namespace = self.namespace(&message.channel);
        self.wait_for_room(&message.channel).await?;
        let known = self.routes.find(&message.channel);
        Ok(self.publish_at_once(message, &namespace, known.as_ref())?.wait().await?)
    }

    /// Publishes to a channel whose shards have room. `known` is its record, if it has one.
    pub(crate) fn publish_at_once(
        &self,
        message: Message,
        namespace: &Arc<Namespace>,
        known: Option<&Arc<NodeChannel>>,
    ) -> Result<Answer<Result<Published, BrokerError>>, Rejection> {
        if namespace.name == Namespace::PERSONAL && self.sequencers.durable().is_none() {
            return Err(Rejection::unavailable("this node has no log to keep personal channels in"));
        }
        if let (Some(sender), Some(channel)) = (&message.sender, known) {
            self.written(channel, &sender.user);
        }
        let publication = message.publication(self.clock.wall_ms());
        Ok(self.sequencers.publish(publication, namespace))
    }

    /// Sends what is not retained to whoever is there.
    pub(crate) fn volatile(&self, message: Message) {
        if self.routes.is_full(&message.channel) {
            self.metrics.dropped.increment(1);
            return;
        }
        self.routes.volatile(message.publication(self.clock.wall_ms()));
    }

    async fn wait_for_room(&self, channel: &str) -> Result<(), Rejection> {
        if !self.routes.is_full(channel) {
            return Ok(());
        }
        self.metrics.waited.increment(1);
        let give_up_ms = self.clock.now_ms() + PATIENCE.as_millis() as u64;
        while self.routes.is_full(channel) {
            if self.clock.now_ms() >= give_up_ms {
                self.metrics.refused("inbox_full");
                return Err(Rejection::unavailable("the node is overloaded").retry_after_ms(1_000));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Whoever has sent a message writes no longer.
    fn written(&self, channel: &Arc<NodeChannel>, user: &UserId) {
        let mut record = lock(&channel.record);
        let typist = record.typing.iter().find(|typist| typist.user == *user);
        let Some(session) = typist.map(|typist| typist.session) else { return };
        record.stop_typing(user);
        let frame = ServerFrame::Typing { channel: &channel.name, user: user.as_str(), active: false };
        self.routes.notice(channel, &record, &frame, Audience::Except(session));
    }

    pub(crate) async fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
    ) -> Result<History, Rejection> {
        Ok(self.sequencers.history(channel, &self.namespace(channel), query).wait().await?)
    }

    /// Asks the module that owns the channel's namespace, if it has a guard.
    pub(crate) async fn ask_guard(&self, ask: Ask) -> Result<(), Rejection> {
        let Some(guard) = self.registry.guard(ask.channel.namespace()) else { return Ok(()) };
        let running = self.handlers.spawn(guard(ask));
        let abort = running.abort_handle();
        match select(running, pin!(self.clock.sleep(DEADLINE))).await {
            Either::Left((Ok(verdict), _)) => verdict,
            Either::Left((Err(_), _)) => Err(Rejection::new(ErrorCode::Internal, "the rule panicked")),
            Either::Right(_) => {
                abort.abort();
                Err(Rejection::new(ErrorCode::Timeout, "the rule did not answer in time"))
            }
        }
    }

    /// Forgets a channel's record if nobody needs it.
    pub(crate) fn forget_if_idle(&self, channel: &Arc<NodeChannel>) {
        if self.routes.free_if_idle(channel) {
            self.sequencers.unsubscribe(&channel.name);
        }
    }

    pub(crate) fn leave(&self, session: SessionKey, channel: Arc<NodeChannel>, id: Option<&str>) {
        self.end_subscription(session, channel, CloseCode::Normal, id);
    }

    pub(crate) fn end_subscription(
        &self,
        session: SessionKey,
        channel: Arc<NodeChannel>,
        code: CloseCode,
        id: Option<&str>,
    ) {
        let id = id.map(Into::into);
        self.routes.push(session.shard, Entry::Unsubscribe { session, channel, code, id });
    }

    /// A shard's subscription ended.
    pub(crate) fn release(&self, channel: &Arc<NodeChannel>, shard: u16) {
        if self.routes.release(channel, shard) {
            self.sequencers.unsubscribe(&channel.name);
        }
    }

    /// A member's grace is over, unless they came back.
    pub(crate) fn end_grace(&self, channel: &Arc<NodeChannel>, user: &UserId, now_ms: u64, shard: &Shard) {
        let mut record = lock(&channel.record);
        let Some(roster) = &mut record.roster else { return };
        if roster.expire(user, now_ms) {
            shard.tell_members_later(channel, &mut record);
        }
    }

    /// Tells a channel's presence changes, and forgets the channel if it was kept for its members alone.
    pub(crate) fn flush_members(&self, channel: &Arc<NodeChannel>) {
        {
            let mut record = lock(&channel.record);
            record.flush_armed = false;
            let changes = record.roster.as_mut().and_then(|roster| roster.changes());
            if let Some(changes) = changes {
                for (change, revision, members) in changes.parts() {
                    let roster = changes.roster(revision, members);
                    let frame = ServerFrame::Members { change, channel: &channel.name, roster };
                    self.routes.notice(channel, &record, &frame, Audience::Presence);
                }
            }
        }
        self.forget_if_idle(channel);
    }

    pub(crate) fn sweep(&self, now_ms: u64) {
        self.sequencers.tick();
        if now_ms >= self.log_swept_ms.load(Ordering::Relaxed) + LOG_SWEEP_MS {
            self.log_swept_ms.store(now_ms, Ordering::Relaxed);
            if let Some(sweep) = self.sequencers.sweep(&self.rules) {
                self.handlers.spawn(sweep);
            }
        }
        self.users.sweep(now_ms);
        self.metrics.gauges(
            self.sessions.load(Ordering::Relaxed),
            self.routes.len(),
            self.routes.inboxes.iter().map(|inbox| inbox.bytes()).sum(),
        );
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}
