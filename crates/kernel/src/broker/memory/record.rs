//! One channel's numbering, ring and operations. Pure: the time is an argument.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use veche_protocol::{
    client::Range,
    position::{Epoch, Position},
};

use super::operations::Operations;
use crate::{
    broker::{Head, HistoryQuery},
    publication::Publication,
    rules::Namespace,
};

/// What a retained publication takes beside its texts: itself, its places in the ring and the counters of
/// its shared parts.
const OVERHEAD: usize = size_of::<Publication>() + size_of::<Kept>() + 4 * size_of::<usize>();

/// How long a channel that retains nothing knows its numbering after its last subscriber has left, unless
/// publications are retained for less: whoever loses the network in a silence comes back to the same channel.
const AWAY: Duration = Duration::from_mins(2);

/// The state of a channel of class `memory`.
pub(super) struct Record {
    epoch: Epoch,
    /// The last offset given.
    offset: u64,
    /// How many times the node has subscribed and not yet unsubscribed.
    subscribed: u32,
    /// Until when the last subscriber's position means something, if they all have left.
    kept_until_ms: u64,
    /// The publications up to `offset`, without a hole.
    ring: VecDeque<Kept>,
    /// Their payloads' bytes.
    payload: usize,
    /// Their whole cost.
    cost: usize,
    operations: Operations,
    /// The rules that the channel was last used by, for what expires by itself.
    namespace: Option<Arc<Namespace>>,
}

struct Kept {
    at_ms: u64,
    publication: Arc<Publication>,
}

/// What became of a publication.
pub(super) enum Outcome {
    /// It has a position and is to be delivered.
    New(Arc<Publication>),
    /// Its operation was published before, there.
    Duplicate(Position),
}

impl Record {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            offset: 0,
            subscribed: 0,
            kept_until_ms: 0,
            ring: VecDeque::new(),
            payload: 0,
            cost: 0,
            operations: Operations::default(),
            namespace: None,
        }
    }

    /// Gives the next position, unless the operation has one, and keeps the publication.
    pub(super) fn publish(
        &mut self,
        mut publication: Publication,
        namespace: &Arc<Namespace>,
        now_ms: u64,
    ) -> Outcome {
        self.expire(namespace, now_ms);
        let user = publication.sender.as_ref().map(|sender| &sender.user);
        let op_id = publication.op_id.as_deref().filter(|_| !namespace.dedupe.is_zero());
        if let Some(op_id) = op_id {
            if let Some(offset) = self.operations.find(user, op_id) {
                return Outcome::Duplicate(Position { epoch: self.epoch, offset });
            }
            self.operations.insert(user, op_id, self.offset + 1, now_ms);
        }
        self.offset += 1;
        publication.position = Some(Position { epoch: self.epoch, offset: self.offset });
        let publication = Arc::new(publication);
        if namespace.retain.count > 0 {
            self.payload += publication.data.len();
            self.cost += cost(&publication);
            self.ring.push_back(Kept { at_ms: now_ms, publication: Arc::clone(&publication) });
            self.trim(now_ms);
        }
        Outcome::New(publication)
    }

    pub(super) fn subscribe(&mut self, namespace: &Arc<Namespace>, now_ms: u64) {
        self.subscribed += 1;
        self.expire(namespace, now_ms);
    }

    pub(super) fn unsubscribe(&mut self, now_ms: u64) {
        self.subscribed = self.subscribed.saturating_sub(1);
        let ttl = self.namespace.as_ref().map_or(Duration::ZERO, |namespace| namespace.retain.ttl);
        self.kept_until_ms = now_ms.saturating_add(millis(ttl.min(AWAY)));
    }

    pub(super) fn head(&self) -> Head {
        Head { epoch: self.epoch, offset: self.offset, floor: self.offset - self.ring.len() as u64 }
    }

    /// Reads what is in the ring; what is over must have been expired.
    pub(super) fn read(&self, query: HistoryQuery) -> Vec<Arc<Publication>> {
        let floor = self.head().floor;
        // How many of the ring lie at or below an offset.
        let up_to = |offset: u64| (offset.clamp(floor, self.offset) - floor) as usize;
        let end = up_to(query.until);
        match query.range {
            Range::After(after) => page(self.ring.range(up_to(after).min(end)..end), query),
            Range::Before(before) => {
                let end = end.min(before.map_or(end, |before| up_to(before.saturating_sub(1))));
                page(self.ring.range(..end).rev(), query)
            }
        }
    }

    /// Drops what is over by these rules, which are the channel's from now on.
    pub(super) fn expire(&mut self, namespace: &Arc<Namespace>, now_ms: u64) {
        if self.namespace.as_ref().is_none_or(|known| !Arc::ptr_eq(known, namespace)) {
            self.namespace = Some(Arc::clone(namespace));
        }
        self.expire_by_itself(now_ms);
    }

    /// Drops what is over by the rules that the channel was last used by.
    pub(super) fn expire_by_itself(&mut self, now_ms: u64) {
        self.trim(now_ms);
        if let Some(namespace) = &self.namespace {
            self.operations.expire(millis(namespace.dedupe), now_ms);
        }
    }

    /// Empties the ring and keeps the numbering.
    pub(super) fn empty(&mut self) {
        self.ring = VecDeque::new();
        (self.payload, self.cost) = (0, 0);
    }

    /// What the ring takes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// When the newest retained publication was published.
    pub(super) fn published_ms(&self) -> Option<u64> {
        self.ring.back().map(|kept| kept.at_ms)
    }

    /// Whether nothing is left that anybody could ask for.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        self.is_empty() && self.kept_until_ms <= now_ms
    }

    /// Whether only somebody who comes back with a position could miss it.
    pub(super) fn is_empty(&self) -> bool {
        self.subscribed == 0 && self.ring.is_empty() && self.operations.is_empty()
    }

    fn trim(&mut self, now_ms: u64) {
        let Some(namespace) = &self.namespace else { return };
        let retain = &namespace.retain;
        let (count, ttl_ms) = (retain.count as usize, millis(retain.ttl));
        while let Some(oldest) = self.ring.front() {
            let is_over = now_ms.saturating_sub(oldest.at_ms) >= ttl_ms;
            let is_heavy = retain.bytes > 0 && self.payload > retain.bytes;
            if !(is_over || is_heavy || self.ring.len() > count) {
                break;
            }
            self.payload -= oldest.publication.data.len();
            self.cost -= cost(&oldest.publication);
            self.ring.pop_front();
        }
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        } else if self.ring.capacity() > 32 && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
        }
    }
}

fn page<'a>(kept: impl Iterator<Item = &'a Kept>, query: HistoryQuery) -> Vec<Arc<Publication>> {
    let mut bytes = 0_usize;
    let fits = |publication: &&Arc<Publication>| {
        let is_first = bytes == 0;
        // One more than its bytes, so that an empty payload also ends the being first.
        bytes = bytes.saturating_add(publication.data.len().max(1));
        is_first || bytes <= query.bytes
    };
    kept.map(|kept| &kept.publication).take_while(fits).take(query.limit).map(Arc::clone).collect()
}

fn cost(publication: &Publication) -> usize {
    let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
    OVERHEAD + publication.data.len() + text(&publication.op_id) + text(&publication.key)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
