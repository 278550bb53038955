//! The operations that a channel remembers, so that one sent again counts once.

use std::{collections::VecDeque, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::publication::UserId;

/// Operations in the order in which they came, and an index to them by user and id.
///
/// Each is stored once: the index holds serial numbers, which count on from the first one ever seen.
#[derive(Default)]
pub(super) struct Operations {
    seen: VecDeque<Operation>,
    /// The serial number of the oldest in `seen`.
    first: u64,
    index: HashTable<u64>,
    hasher: RandomState,
}

struct Operation {
    at_ms: u64,
    offset: u64,
    user: Option<UserId>,
    op_id: Box<str>,
}

impl Operations {
    /// The offset that this user's operation was given.
    pub(super) fn find(&self, user: Option<&UserId>, op_id: &str) -> Option<u64> {
        let hash = hash(&self.hasher, user, op_id);
        let is_it = |serial: &u64| {
            self.at(*serial).is_some_and(|seen| seen.user.as_ref() == user && *seen.op_id == *op_id)
        };
        let serial = self.index.find(hash, is_it)?;
        self.at(*serial).map(|seen| seen.offset)
    }

    /// Remembers an operation that is not known yet.
    pub(super) fn insert(&mut self, user: Option<&UserId>, op_id: &str, offset: u64, now_ms: u64) {
        let serial = self.first + self.seen.len() as u64;
        self.seen.push_back(Operation { at_ms: now_ms, offset, user: user.cloned(), op_id: op_id.into() });
        let hash_of = |seen: &Operation| hash(&self.hasher, seen.user.as_ref(), &seen.op_id);
        // Every serial in the index is in `seen`: `expire` takes it from both.
        let rehash = |serial: &u64| self.seen.get((*serial - self.first) as usize).map_or(0, hash_of);
        self.index.insert_unique(hash(&self.hasher, user, op_id), serial, rehash);
    }

    /// Forgets what came `window_ms` ago or earlier.
    pub(super) fn expire(&mut self, window_ms: u64, now_ms: u64) {
        while self.seen.front().is_some_and(|seen| now_ms.saturating_sub(seen.at_ms) >= window_ms) {
            let Some(seen) = self.seen.pop_front() else { break };
            let hash = hash(&self.hasher, seen.user.as_ref(), &seen.op_id);
            if let Ok(entry) = self.index.find_entry(hash, |serial| *serial == self.first) {
                entry.remove();
            }
            self.first += 1;
        }
        if self.seen.is_empty() {
            // A burst of operations must not hold memory for ever.
            (self.seen, self.index) = (VecDeque::new(), HashTable::new());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn at(&self, serial: u64) -> Option<&Operation> {
        self.seen.get(serial.checked_sub(self.first)? as usize)
    }
}

fn hash(hasher: &RandomState, user: Option<&UserId>, op_id: &str) -> u64 {
    hasher.hash_one((user.map(UserId::as_str), op_id))
}
