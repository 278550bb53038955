//! The node's records of channels: who is interested, up to where it was delivered, who is there.
//!
//! Locks are taken in one order: a broker's lock of the channel, the table's stripe, the channel's record,
//! the table of users, a shard's inbox. None is held across an await.

use std::{
    hash::BuildHasher,
    sync::{Arc, Mutex, OnceLock},
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use tokio::sync::Notify;
use veche_protocol::{
    name::{ChannelName, split},
    position::Position,
    server::ServerFrame,
};

use crate::{
    broker::{Head, History, Sink},
    delivery::{Cursor, Hinted, Paged, Then},
    filling::Filler,
    framed::Framed,
    inbox::{Audience, Entry, Inbox, Subscribing, lock},
    metrics::Metrics,
    presence::Roster,
    publication::{Publication, SessionId, UserId},
    rules::{Class, Namespace},
    users::Users,
};

const STRIPES: usize = 64;

type Stripe = Mutex<HashMap<ChannelName, Arc<NodeChannel>, RandomState>>;

/// What the node knows of a channel that somebody here is interested in.
pub(crate) struct NodeChannel {
    pub(crate) name: ChannelName,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) record: Mutex<Record>,
}

#[derive(Default)]
pub(crate) struct Record {
    /// Up to where the channel was delivered; stays at its start on `ephemeral`.
    pub(crate) cursor: Cursor,
    /// The broker knows of the node's interest.
    pub(crate) announced: bool,
    /// Subscriptions, also those on their way, for each shard that has any.
    interest: SmallVec<[(u16, u32); 2]>,
    pub(crate) roster: Option<Box<Roster>>,
    /// A flush of the roster's changes is under way in some shard's wheel.
    pub(crate) flush_armed: bool,
    pub(crate) typing: Vec<Typist>,
    /// The record left the table; whoever still holds it must look again.
    freed: bool,
}

/// Somebody who writes.
pub(crate) struct Typist {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) until_ms: u64,
    pub(crate) told_ms: u64,
}

impl Record {
    pub(crate) fn subscribers(&self) -> u32 {
        self.interest.iter().map(|(_, count)| count).sum()
    }

    fn is_idle(&self) -> bool {
        self.interest.is_empty() && self.roster.as_ref().is_none_or(|roster| roster.is_empty())
    }

    /// Takes in a head that the broker or somebody else has told. Whether a read of the log must start.
    fn learn(&mut self, class: Class, head: Head) -> bool {
        if class == Class::Durable {
            return self.cursor.announce(head);
        }
        let told = Position { epoch: head.epoch, offset: head.offset };
        if self.cursor.delivered().is_none_or(|at| at.epoch == told.epoch && at.offset < told.offset) {
            self.cursor.follow(told);
        }
        false
    }

    /// Ends a user's typing; whether it was under way.
    pub(crate) fn stop_typing(&mut self, user: &UserId) -> bool {
        let before = self.typing.len();
        self.typing.retain(|typist| typist.user != *user);
        if self.typing.is_empty() {
            self.typing = Vec::new();
        }
        self.typing.len() < before
    }
}

/// The table of records and the way into the shards. This is what a broker delivers to.
pub(crate) struct Routes {
    stripes: Box<[Stripe]>,
    hasher: RandomState,
    pub(crate) inboxes: Box<[Arc<Inbox>]>,
    users: Arc<Users>,
    metrics: Arc<Metrics>,
    /// Some durable channel was delivered further.
    pub(crate) moved: Notify,
    /// Reads the log, on a node that has one.
    pub(crate) filler: OnceLock<Filler>,
}

impl Routes {
    pub(crate) fn new(inboxes: Box<[Arc<Inbox>]>, users: Arc<Users>, metrics: Arc<Metrics>) -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Self {
            stripes,
            hasher: RandomState::default(),
            inboxes,
            users,
            metrics,
            moved: Notify::new(),
            filler: OnceLock::new(),
        }
    }

    fn stripe(&self, channel: &str) -> &Stripe {
        &self.stripes[self.hasher.hash_one(channel) as usize % STRIPES]
    }

    pub(crate) fn find(&self, channel: &str) -> Option<Arc<NodeChannel>> {
        lock(self.stripe(channel)).get(channel).cloned()
    }

    /// How many channels have a record.
    pub(crate) fn len(&self) -> usize {
        self.stripes.iter().map(|stripe| lock(stripe).len()).sum()
    }

    /// Shows each channel and how many subscribers it has here.
    pub(crate) fn each(&self, mut show: impl FnMut(&ChannelName, u32)) {
        for stripe in &self.stripes {
            // Copied out, so that no record is waited for under the stripe's lock.
            let channels: Vec<_> = lock(stripe).values().cloned().collect();
            for channel in channels {
                let subscribers = lock(&channel.record).subscribers();
                show(&channel.name, subscribers);
            }
        }
    }

    /// The record of a channel, made if need be.
    pub(crate) fn enter(&self, name: &ChannelName, namespace: &Arc<Namespace>) -> Arc<NodeChannel> {
        let made = || {
            let record = Mutex::default();
            Arc::new(NodeChannel { name: name.clone(), namespace: namespace.clone(), record })
        };
        lock(self.stripe(name)).entry(name.clone()).or_insert_with(made).clone()
    }

    /// Counts a subscription and puts it into its shard's inbox, with the cut. `Err` gives it back: the
    /// record was freed meanwhile, or the channel is full.
    pub(crate) fn subscribe(&self, mut wanted: Box<Subscribing>) -> Result<(), (Box<Subscribing>, Unfit)> {
        let channel = wanted.channel.clone();
        let mut record = lock(&channel.record);
        if record.freed {
            return Err((wanted, Unfit::Freed));
        }
        let most = channel.namespace.max_members;
        if most > 0 && !wanted.again && record.subscribers() >= most {
            return Err((wanted, Unfit::Full));
        }
        let shard = wanted.session.shard;
        match record.interest.iter_mut().find(|(known, _)| *known == shard) {
            Some((_, count)) => *count += 1,
            None => record.interest.push((shard, 1)),
        }
        wanted.cut = record.cursor.delivered();
        self.push(shard, Entry::Subscribe(wanted));
        Ok(())
    }

    /// A subscription of this shard ended. Returns whether the record was freed with it.
    pub(crate) fn release(&self, channel: &Arc<NodeChannel>, shard: u16) -> bool {
        {
            let mut record = lock(&channel.record);
            if let Some(at) = record.interest.iter().position(|(known, _)| *known == shard) {
                record.interest[at].1 -= 1;
                if record.interest[at].1 == 0 {
                    record.interest.swap_remove(at);
                }
            }
            if !record.is_idle() {
                return false;
            }
        }
        self.free_if_idle(channel)
    }

    /// Forgets a record that nobody needs. Returns whether it did.
    pub(crate) fn free_if_idle(&self, channel: &Arc<NodeChannel>) -> bool {
        let mut stripe = lock(self.stripe(&channel.name));
        let mut record = lock(&channel.record);
        if record.freed || !record.is_idle() {
            return false;
        }
        record.freed = true;
        stripe.remove(&channel.name);
        if stripe.len() * 4 < stripe.capacity() {
            stripe.shrink_to_fit();
        }
        record.announced
    }

    /// The broker has told the head. Returns whether the record keeps this announcement: one that came
    /// twice, or too late, must be taken back.
    ///
    /// Whoever finds the channel announced may rely on its head, so both are set at once.
    #[must_use]
    pub(crate) fn announce(&self, channel: &Arc<NodeChannel>, head: Option<Head>) -> bool {
        let mut record = lock(&channel.record);
        let kept = !record.announced && !record.freed;
        record.announced |= kept;
        let read = head.is_some_and(|head| record.learn(channel.namespace.class, head));
        drop(record);
        if read {
            self.fill(channel);
        }
        kept
    }

    /// Tells a channel's subscribers something that is no publication.
    pub(crate) fn notice(
        &self,
        channel: &Arc<NodeChannel>,
        record: &Record,
        frame: &ServerFrame<'_>,
        audience: Audience,
    ) {
        if !record.interest.is_empty() {
            self.spread(channel, record, Framed::notice(&channel.name, frame), audience);
        }
    }

    /// Sends a publication that is not retained, and has no place in the channel's order but that of this moment.
    pub(crate) fn volatile(&self, publication: Publication) {
        let Some(channel) = self.find(&publication.channel) else { return };
        let record = lock(&channel.record);
        let framed = Framed::volatile(publication);
        self.spread(&channel, &record, framed, Audience::Live);
    }

    fn spread(&self, channel: &Arc<NodeChannel>, record: &Record, framed: Framed, audience: Audience) {
        let framed = Arc::new(framed);
        for (shard, _) in &record.interest {
            let entry = Entry::Notice { channel: channel.clone(), framed: framed.clone(), audience };
            self.push(*shard, entry);
        }
    }

    pub(crate) fn push(&self, shard: u16, entry: Entry) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard)) {
            inbox.push(entry);
        }
    }

    /// Whether a publication to this channel must wait, because a shard that wants it is behind.
    pub(crate) fn is_full(&self, channel: &str) -> bool {
        if !self.inboxes.iter().any(|inbox| inbox.is_full()) {
            return false;
        }
        let Some(channel) = self.find(channel) else { return false };
        let record = lock(&channel.record);
        record.interest.iter().any(|(shard, _)| self.inboxes[usize::from(*shard)].is_full())
    }
}

/// Why a subscription did not come about.
pub(crate) enum Unfit {
    /// The record left the table; look again.
    Freed,
    /// `max_members` are there.
    Full,
}

impl Sink for Routes {
    fn deliver(&self, publication: Arc<Publication>) {
        self.metrics.publications.increment(1);
        let Some(channel) = self.find(&publication.channel) else { return self.knock(&publication) };
        let mut record = lock(&channel.record);
        if let Some(position) = publication.position {
            // What the log tells of is a hint; a broker's own deliveries are all of them, in order.
            let hinted = match channel.namespace.class {
                Class::Durable => record.cursor.hint(position),
                _ => {
                    record.cursor.follow(position);
                    Hinted::Deliver
                }
            };
            match hinted {
                Hinted::Deliver => self.moved.notify_waiters(),
                Hinted::Drop => return,
                Hinted::Read => {
                    drop(record);
                    return self.fill(&channel);
                }
            }
        }
        self.send(&channel, &record, publication);
    }
}

impl Routes {
    /// Hands a publication to the shards that have subscribers.
    fn send(&self, channel: &Arc<NodeChannel>, record: &Record, publication: Arc<Publication>) {
        // Some sessions of the user may not be among the subscribers yet.
        self.knock(&publication);
        if record.interest.is_empty() {
            return;
        }
        let framed = Arc::new(Framed::publication(publication));
        for (shard, _) in &record.interest {
            self.push(*shard, Entry::Publish { channel: channel.clone(), framed: framed.clone() });
        }
    }

    /// Tells the sessions of the user whose personal channel this is that it has something now.
    fn knock(&self, publication: &Publication) {
        let Some((Namespace::PERSONAL, user)) = split(&publication.channel) else { return };
        let Some(position) = publication.position else { return };
        for session in self.users.sessions(user) {
            let channel = publication.channel.clone();
            self.push(session.shard, Entry::Knock { session, channel, position });
        }
    }

    /// Somebody who knows a channel's head has told it.
    pub(crate) fn told(&self, channel: &Arc<NodeChannel>, head: Head) {
        let read = lock(&channel.record).learn(channel.namespace.class, head);
        if read {
            self.fill(channel);
        }
    }

    fn fill(&self, channel: &Arc<NodeChannel>) {
        if let Some(filler) = self.filler.get() {
            filler.fill(channel.clone());
        }
    }

    /// A page of the log came for a channel. Whether another must be read.
    pub(crate) fn take_page(&self, channel: &Arc<NodeChannel>, page: History) -> bool {
        let mut record = lock(&channel.record);
        let Some(head) = page.head else { return false };
        let offset = |publication: &Arc<Publication>| publication.position.map_or(0, |it| it.offset);
        let offsets: Vec<u64> = page.publications.iter().map(offset).collect();
        let Paged { deliver, then } = record.cursor.page(head, &offsets);
        for publication in page.publications.into_iter().take(deliver.end).skip(deliver.start) {
            self.send(channel, &record, publication);
        }
        self.moved.notify_waiters();
        match then {
            Then::Done => false,
            Then::Read => true,
            Then::Lost { since } => {
                for (shard, _) in &record.interest {
                    self.push(*shard, Entry::Lost { channel: channel.clone(), since });
                }
                record.cursor.retry()
            }
        }
    }
}
