//! The broker of one node: positions and history in its own memory, answered in place.
//!
//! It serves the classes `ephemeral`, which passes straight through, and `memory`. A channel has a record
//! behind a mutex of its own, held while the position is assigned, the ring appended to and the sink
//! called; that is what makes every shard see one order. Two locks are held at once only in the order
//! stripe, record, and the stripe's only to look up, to add and to free.

mod operations;
mod record;

use std::{
    cmp::Ordering::{Equal, Greater, Less},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use record::{Outcome, Record};
use veche_protocol::{name::ChannelName, position::Epoch};

use super::{Answer, Broker, BrokerError, Head, History, HistoryQuery, Published, Sink};
use crate::{
    clock::Clock,
    publication::Publication,
    rules::{Class, Namespace},
};

const STRIPES: usize = 64;
/// The most channels of a stripe that are kept for their numbering alone: it takes no more than to join and
/// to leave to make one.
const EMPTY_MOST: usize = 1_024;

/// Positions, rings and deduplication in this node's memory.
///
/// A channel's record, and with it its epoch, lives as long as the channel has a subscriber, a retained
/// publication or an operation that is remembered, and for a while after its last subscriber has left.
pub struct MemoryBroker {
    clock: Clock,
    sink: OnceLock<Arc<dyn Sink>>,
    hasher: RandomState,
    stripes: Box<[Mutex<HashTable<Arc<Channel>>>]>,
    retained: AtomicUsize,
    retained_max: usize,
    /// Whoever holds it frees memory; the others need not.
    shedding: Mutex<()>,
}

struct Channel {
    name: ChannelName,
    record: Mutex<Record>,
}

impl MemoryBroker {
    /// A broker that retains about `retained_bytes` in all channels together (0 = no bound): above it, the
    /// rings that were published to the longest time ago are emptied first.
    pub fn new(clock: Clock, retained_bytes: usize) -> Self {
        Self {
            clock,
            sink: OnceLock::new(),
            hasher: RandomState::default(),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            retained: AtomicUsize::new(0),
            retained_max: if retained_bytes == 0 { usize::MAX } else { retained_bytes },
            shedding: Mutex::default(),
        }
    }

    /// What the retained publications take now: their payloads, and a fixed sum for each.
    pub fn retained_bytes(&self) -> usize {
        self.retained.load(Ordering::Relaxed)
    }

    /// How many channels have a record.
    pub fn channels(&self) -> usize {
        self.stripes.iter().map(|stripe| lock(stripe).len()).sum()
    }

    /// The channel's entry, made if there is none.
    fn channel(&self, name: &ChannelName) -> Result<Arc<Channel>, BrokerError> {
        let hash = self.hash(name);
        let mut stripe = self.stripe(hash);
        if let Some(channel) = stripe.find(hash, |channel| channel.name == *name) {
            return Ok(Arc::clone(channel));
        }
        let bits = getrandom::u64()
            .map_err(|error| BrokerError::Unavailable(format!("no random bits for an epoch: {error}")))?;
        let record = Mutex::new(Record::new(Epoch::from_bits(bits)));
        let channel = Arc::new(Channel { name: name.clone(), record });
        stripe.insert_unique(hash, Arc::clone(&channel), |channel| self.hash(&channel.name));
        Ok(channel)
    }

    fn hash(&self, name: &ChannelName) -> u64 {
        self.hasher.hash_one(&**name)
    }

    fn stripe(&self, hash: u64) -> MutexGuard<'_, HashTable<Arc<Channel>>> {
        // Not the bits that the table itself looks at: the lowest and the seven highest.
        lock(&self.stripes[(hash >> 40) as usize % STRIPES])
    }

    /// Works on a record and keeps the node's sum of what is retained.
    fn alter<T>(&self, record: &mut Record, act: impl FnOnce(&mut Record) -> T) -> T {
        let before = record.cost();
        let result = act(record);
        let after = record.cost();
        match after.cmp(&before) {
            Less => _ = self.retained.fetch_sub(before - after, Ordering::Relaxed),
            Equal => {}
            Greater => _ = self.retained.fetch_add(after - before, Ordering::Relaxed),
        }
        result
    }

    fn publish_positioned(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
        sink: &dyn Sink,
    ) -> Result<Published, BrokerError> {
        let channel = self.channel(&publication.channel)?;
        let mut record = lock(&channel.record);
        let now_ms = self.clock.now_ms();
        let outcome = self.alter(&mut record, |record| record.publish(publication, namespace, now_ms));
        let published = match outcome {
            Outcome::Duplicate(position) => Published { position: Some(position), duplicate: true },
            Outcome::New(publication) => {
                let position = publication.position;
                // Under the channel's lock, after the books are closed: if the sink panics, they stand.
                sink.deliver(publication);
                Published { position, duplicate: false }
            }
        };
        drop(record);
        if self.retained_bytes() > self.retained_max {
            self.shed();
        }
        Ok(published)
    }

    /// Empties the oldest rings until an eighth of the bound is free, so that the scan over all channels is
    /// paid for by what is published until the next one. Numbering and epoch stay.
    fn shed(&self) {
        let Ok(_turn) = self.shedding.try_lock() else { return };
        let target = self.retained_max / 8 * 7;
        let mut rings = Vec::new();
        for stripe in &self.stripes {
            for channel in lock(stripe).iter() {
                rings.extend(lock(&channel.record).published_ms().map(|at_ms| (at_ms, Arc::clone(channel))));
            }
        }
        rings.sort_unstable_by_key(|(at_ms, _)| *at_ms);
        for (_, channel) in rings {
            if self.retained_bytes() <= target {
                break;
            }
            self.alter(&mut lock(&channel.record), Record::empty);
        }
    }
}

impl Broker for MemoryBroker {
    fn start(&self, sink: Arc<dyn Sink>) {
        // A second start changes nothing: whoever was promised deliveries first keeps getting them.
        _ = self.sink.set(sink);
    }

    fn publish(
        &self,
        mut publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Published, BrokerError>> {
        let Some(sink) = self.sink.get() else {
            return Answer::Now(Err(BrokerError::Unavailable("it was not started".into())));
        };
        if namespace.class == Class::Memory {
            return Answer::Now(self.publish_positioned(publication, namespace, &**sink));
        }
        publication.position = None;
        sink.deliver(Arc::new(publication));
        Answer::Now(Ok(Published { position: None, duplicate: false }))
    }

    fn relay(&self, publication: Arc<Publication>) {
        if let Some(sink) = self.sink.get() {
            sink.deliver(publication);
        }
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Answer<Result<Option<Head>, BrokerError>> {
        if namespace.class != Class::Memory {
            return Answer::Now(Ok(None));
        }
        let now_ms = self.clock.now_ms();
        Answer::Now(self.channel(channel).map(|channel| {
            let record = &mut lock(&channel.record);
            self.alter(record, |record| record.subscribe(namespace, now_ms));
            Some(record.head())
        }))
    }

    fn unsubscribe(&self, channel: &ChannelName) {
        let hash = self.hash(channel);
        let found = self.stripe(hash).find(hash, |c| c.name == *channel).map(Arc::clone);
        if let Some(channel) = found {
            lock(&channel.record).unsubscribe(self.clock.now_ms());
        }
    }

    fn history(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
        query: HistoryQuery,
    ) -> Answer<Result<History, BrokerError>> {
        if namespace.class != Class::Memory {
            return Answer::Now(Ok(History { head: None, publications: Vec::new() }));
        }
        let now_ms = self.clock.now_ms();
        Answer::Now(self.channel(channel).map(|channel| {
            let record = &mut lock(&channel.record);
            self.alter(record, |record| record.expire(namespace, now_ms));
            History { head: Some(record.head()), publications: record.read(query) }
        }))
    }

    fn tick(&self) {
        let now_ms = self.clock.now_ms();
        for stripe in &self.stripes {
            let mut stripe = lock(stripe);
            let mut kept = 0;
            stripe.retain(|channel| {
                // Nobody can come by the entry while the stripe is locked: one owner means that it is
                // in nobody's hands.
                let in_use = Arc::strong_count(channel) > 1;
                let record = &mut lock(&channel.record);
                self.alter(record, |record| record.expire_by_itself(now_ms));
                if in_use || !record.is_empty() {
                    return true;
                }
                // Only what waits for somebody counts, not what goes in this very tick.
                kept += usize::from(!record.is_over(now_ms));
                !record.is_over(now_ms) && kept <= EMPTY_MOST
            });
            if stripe.capacity() > 64 && stripe.len() < stripe.capacity() / 4 {
                stripe.shrink_to_fit(|channel| self.hash(&channel.name));
            }
        }
    }
}

/// A panic under a lock leaves a record whole (see [`MemoryBroker::publish_positioned`]), so that the
/// channel goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_in_somebodys_hands_is_not_freed() {
        let broker = MemoryBroker::new(Clock::manual(), 0);
        let name = ChannelName::parse("room:1").expect("it is a name");
        let held = broker.channel(&name).expect("there are random bits");
        broker.tick();
        assert!(Arc::ptr_eq(&held, &broker.channel(&name).expect("it is there")));
        drop(held);
        broker.tick();
        assert_eq!(broker.channels(), 0);
    }
}
