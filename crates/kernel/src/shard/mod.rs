//! A shard: one thread, its connections, and its channels' subscribers, in plain structures without locks.
//!
//! The shard's law: it acts only from its inbox, in the inbox's order. A turn takes what has arrived, puts
//! publications into their channels' batches, sends each batch by one write to each subscriber, and only
//! then sends the replies of the turn. A long fan-out pauses after [`TURN_SENDS`] writes, so that sockets
//! are read meanwhile.

mod asking;
mod backlog;
mod batch;
mod bearing;
mod calls;
mod channel;
mod directs;
mod emits;
mod frames;
mod link;
mod listening;
mod metering;
mod opening;
mod personal;
mod rechecking;
mod state;
mod subscribing;
mod timers;
mod wheel;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use foldhash::fast::RandomState;
use futures_util::FutureExt;
use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use veche_protocol::code::CloseCode;

use self::{
    channel::{Curbed, Fanned, Overflow, ShardChannel, Step},
    timers::Due,
    wheel::{TICK_MS, Wheel},
};
pub use self::{
    emits::Emit,
    link::{Link, Wire},
    opening::Opening,
    timers::Timer,
};
use crate::{
    channels::NodeChannel,
    framed::Framed,
    inbox::{Audience, Entry, Inbox, SessionKey, Text},
    node::Node,
    session::Session,
};

/// Writes to sockets in one turn, over all channels: about 2 ms of work.
const TURN_SENDS: usize = 1_024;
/// Writes for one channel before the others have their share.
const SLICE_SENDS: usize = 256;
/// Publications that wait in batches before the shard leaves further ones in its inbox.
const BATCHED_BYTES: usize = 4 << 20;

/// One core's share of a node. Doors get it on its own thread.
pub struct Shard {
    index: u16,
    pub(crate) node: Arc<Node>,
    inbox: Arc<Inbox>,
    pub(crate) sessions: RefCell<Slab<Rc<Link>>>,
    /// By the address of the node's record, which the shard's record keeps alive.
    channels: RefCell<HashMap<usize, Rc<ShardChannel>, RandomState>>,
    dirty: RefCell<VecDeque<Rc<ShardChannel>>>,
    directs: RefCell<VecDeque<Direct>>,
    batched: Cell<usize>,
    wheel: RefCell<Wheel<Due>>,
    /// The number of what a door schedules next.
    timers: Cell<u32>,
    stopping: Cell<bool>,
    /// How often rights were looked at again.
    rechecks: Cell<u64>,
}

/// A reply, and the batches that must leave before it.
struct Direct {
    session: SessionKey,
    text: Text,
    fences: SmallVec<[(Rc<ShardChannel>, u64); 1]>,
}

impl Shard {
    pub(crate) fn new(index: u16, node: Arc<Node>) -> Self {
        let inbox = node.routes.inboxes[usize::from(index)].clone();
        let wheel = RefCell::new(Wheel::new());
        Self {
            index,
            node,
            inbox,
            sessions: RefCell::default(),
            channels: RefCell::default(),
            dirty: RefCell::default(),
            directs: RefCell::default(),
            batched: Cell::new(0),
            wheel,
            timers: Cell::new(0),
            stopping: Cell::new(false),
            rechecks: Cell::new(0),
        }
    }

    /// Which of the node's shards it is.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// The node's time in ms.
    pub fn now_ms(&self) -> u64 {
        self.node.clock.now_ms()
    }

    /// How many sessions live here.
    pub fn len(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Whether no session lives here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs the shard until it is told to stop. A panic in it is counted, and the shard goes on.
    pub(crate) async fn run(self: Rc<Self>) {
        if self.index == 0 {
            self.at(0, Due::Sweep);
        }
        if self.node.clock.is_real() {
            tokio::task::spawn_local(self.clone().tick_by_itself());
        }
        let mut taken = Vec::new();
        while !self.stopping.get() {
            let turn = poll_fn(|context| self.turn(context, &mut taken));
            if AssertUnwindSafe(turn).catch_unwind().await.is_err() {
                self.node.metrics.panicked("shard");
            }
            // Everybody else first, and a look at the sockets.
            tokio::task::yield_now().await;
        }
    }

    async fn tick_by_itself(self: Rc<Self>) {
        let mut interval = tokio::time::interval(Duration::from_millis(TICK_MS));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.stopping.get() {
            interval.tick().await;
            if panic::catch_unwind(AssertUnwindSafe(|| self.tick())).is_err() {
                self.node.metrics.panicked("wheel");
            }
        }
    }

    /// Whether nothing is left to do in the shard's own structures.
    #[cfg(feature = "testing")]
    pub(crate) fn is_quiet(&self) -> bool {
        self.dirty.borrow().is_empty()
    }

    /// How many channels have a record here.
    #[cfg(feature = "testing")]
    pub(crate) fn channels(&self) -> usize {
        self.channels.borrow().len()
    }

    /// Ends [`Shard::run`].
    pub(crate) fn stop(&self) {
        self.stopping.set(true);
    }

    /// Takes turns until nothing is left to do; `Ready` when others must have theirs before it goes on.
    fn turn(self: &Rc<Self>, context: &mut Context<'_>, taken: &mut Vec<Entry>) -> Poll<()> {
        let mut budget = TURN_SENDS;
        loop {
            // Batches that only wait for their coalescing window do not keep the inbox shut.
            let room = self.batched.get() < BATCHED_BYTES || self.dirty.borrow().is_empty();
            // What a panic has left of the last turn comes first.
            let took = !taken.is_empty() || (room && self.inbox.take(taken, context.waker()));
            while let Some(entry) = taken.pop() {
                self.apply(entry);
            }
            self.flush(&mut budget);
            self.send_directs();
            if self.stopping.get() || budget == 0 || !room {
                return Poll::Ready(());
            }
            if !took {
                return Poll::Pending;
            }
        }
    }

    fn apply(self: &Rc<Self>, entry: Entry) {
        match entry {
            Entry::Publish { channel, framed } => self.carry(&channel, framed, None),
            Entry::Notice { channel, framed, audience } => self.carry(&channel, framed, Some(audience)),
            Entry::Subscribe(wanted) => {
                let channel = self.enter(&wanted.channel);
                self.plan(&channel, Step::Add(wanted));
            }
            Entry::Unsubscribe { session, channel, code, id } => {
                let channel = self.enter(&channel);
                self.plan(&channel, Step::Remove { session, code, id });
            }
            Entry::Lost { channel, since } => {
                let channel = self.enter(&channel);
                self.plan(&channel, Step::Lost(since));
            }
            Entry::Knock { session, channel, position } => self.knocked(session, channel, position),
            Entry::Direct { session, text } => self.direct(session, text),
            Entry::Done { session, call, outcome, duplicate } => {
                self.call_done(session, call, outcome, duplicate);
            }
            Entry::Answer { session, call, list } => self.answer_early(session, call, &list),
            Entry::Close { session, code } => {
                if let Some(link) = self.session(session) {
                    link.close(code);
                }
            }
            Entry::Turn => {}
            Entry::Run(work) => work(self),
        }
    }

    fn carry(&self, channel: &Arc<NodeChannel>, framed: Arc<Framed>, audience: Option<Audience>) {
        let found = self.channels.borrow().get(&address(channel)).cloned();
        let weight = if framed.carried().is_some() { framed.weight() } else { 0 };
        match found {
            Some(channel) => {
                self.batched.set(self.batched.get() + weight);
                channel.carry(framed, audience);
                self.mark(&channel);
            }
            None => self.inbox.release(weight),
        }
    }

    /// The shard's record of a channel, made if need be.
    fn enter(&self, node: &Arc<NodeChannel>) -> Rc<ShardChannel> {
        let mut channels = self.channels.borrow_mut();
        channels.entry(address(node)).or_insert_with(|| Rc::new(ShardChannel::new(node.clone()))).clone()
    }

    fn plan(&self, channel: &Rc<ShardChannel>, step: Step) {
        channel.plan(step);
        self.mark(channel);
    }

    /// Puts a channel into the list of those with work; after its coalescing window, if it has one.
    fn mark(&self, channel: &Rc<ShardChannel>) {
        if channel.dirty.replace(true) {
            return;
        }
        let window = channel.node.namespace.coalesce_ms;
        if window == 0 {
            self.dirty.borrow_mut().push_back(channel.clone());
            return;
        }
        let (channel, inbox) = (channel.clone(), self.inbox.clone());
        let index = address(&channel.node);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(window))).await;
            inbox.push(Entry::Run(Box::new(move |shard| shard.window_is_over(index))));
        });
    }

    fn window_is_over(&self, index: usize) {
        let channel = self.channels.borrow().get(&index).cloned();
        self.dirty.borrow_mut().extend(channel);
    }

    /// Takes the steps of channels with work, each for its share, until all are done or the turn's budget
    /// is used up.
    fn flush(self: &Rc<Self>, budget: &mut usize) {
        while *budget > 0 {
            let Some(channel) = self.dirty.borrow_mut().pop_front() else { return };
            let mut share = (*budget).min(SLICE_SENDS);
            let given = share;
            let done = self.take_steps(&channel, &mut share);
            *budget -= given - share;
            if done {
                channel.dirty.set(false);
                self.forget_if_idle(&channel);
            } else {
                self.dirty.borrow_mut().push_back(channel);
            }
        }
    }

    /// Whether all steps are done.
    fn take_steps(self: &Rc<Self>, channel: &Rc<ShardChannel>, share: &mut usize) -> bool {
        let bound = self.node.limits.backlog_bytes;
        loop {
            while let Some(step) = channel.next_change() {
                self.change(channel, step);
            }
            if channel.is_idle() {
                return true;
            }
            let mut over = Vec::new();
            let before = *share;
            let fanned = channel.fan_out(share, bound, &mut over);
            self.node.metrics.deliveries.increment((before - *share) as u64);
            over.iter().for_each(|overflow| self.curb(channel, overflow));
            match fanned {
                Fanned::Paused => return false,
                Fanned::Done { weight } => {
                    self.batched.set(self.batched.get() - weight);
                    self.inbox.release(weight);
                }
            }
        }
    }

    fn change(self: &Rc<Self>, channel: &Rc<ShardChannel>, step: Step) {
        match step {
            Step::Add(wanted) => self.add_subscriber(channel, *wanted),
            Step::Remove { session, code, id } => {
                self.remove_subscriber(channel, session, code, id.as_deref());
            }
            Step::Pump(session) => {
                if let Some(link) = self.session(session) {
                    self.pump(channel, &link);
                }
            }
            Step::Lost(since) => {
                let stopped = channel.lose(since, self.node.limits.backlog_bytes);
                self.node.metrics.lagged.increment(stopped);
            }
            Step::Send(_) => unreachable!("next_change leaves batches in place"),
        }
    }

    fn curb(&self, channel: &Rc<ShardChannel>, overflow: &Overflow) {
        let link = &overflow.link;
        match channel.curb(link, self.node.limits.backlog_bytes) {
            Curbed::Fits => {}
            Curbed::Dropped(count) => self.node.metrics.dropped.increment(count),
            Curbed::Stopped => self.node.metrics.lagged.increment(1),
            Curbed::Disconnect => link.close(CloseCode::SlowConsumer),
        }
    }

    fn forget_if_idle(&self, channel: &Rc<ShardChannel>) {
        if channel.subscribers() == 0 && channel.is_idle() {
            self.channels.borrow_mut().remove(&address(&channel.node));
        }
    }

    pub(crate) fn key(&self, link: &Link) -> SessionKey {
        SessionKey { shard: self.index, slot: link.slot.get(), id: link.id }
    }

    /// Handles of the sessions that are subscribed to a channel here.
    pub fn sessions_in(&self, channel: &str) -> Vec<Session> {
        let Some(node) = self.node.routes.find(channel) else { return Vec::new() };
        let found = self.channels.borrow().get(&address(&node)).cloned();
        let links = found.map(|channel| channel.links()).unwrap_or_default();
        links.iter().filter_map(|link| self.handle_of(link)).collect()
    }

    /// Does something when what the inbox holds by now has been done.
    pub fn later(&self, work: impl FnOnce(&Rc<Self>) + Send + 'static) {
        self.inbox.push(Entry::Run(Box::new(work)));
    }

    /// The session of a key, unless it has ended.
    pub(crate) fn session(&self, key: SessionKey) -> Option<Rc<Link>> {
        self.sessions.borrow().get(key.slot as usize).filter(|link| link.id == key.id).cloned()
    }
}

fn address(channel: &Arc<NodeChannel>) -> usize {
    Arc::as_ptr(channel).addr()
}
