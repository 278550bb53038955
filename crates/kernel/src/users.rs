//! The users who are connected to this node, or were a moment ago.

use std::{
    hash::BuildHasher,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::{inbox::lock, limits::SharedGcra, publication::UserId};

const STRIPES: usize = 16;

/// What the node counts for a user across all of their sessions.
pub(crate) struct User {
    pub(crate) id: UserId,
    connections: AtomicU32,
    pub(crate) messages: SharedGcra,
}

/// A user has as many connections as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

#[derive(Default)]
pub(crate) struct Users {
    stripes: [Mutex<HashMap<UserId, Arc<User>, RandomState>>; STRIPES],
    hasher: RandomState,
}

impl Users {
    fn stripe(&self, id: &UserId) -> &Mutex<HashMap<UserId, Arc<User>, RandomState>> {
        &self.stripes[self.hasher.hash_one(id) as usize % STRIPES]
    }

    /// Counts one more connection; `most` 0 = no bound.
    pub(crate) fn connect(&self, id: &UserId, most: u32) -> Result<Arc<User>, TooMany> {
        let mut stripe = lock(self.stripe(id));
        let made =
            || Arc::new(User { id: id.clone(), connections: AtomicU32::new(0), messages: SharedGcra::new() });
        let user = stripe.entry(id.clone()).or_insert_with(made);
        if most > 0 && user.connections.load(Ordering::Relaxed) >= most {
            return Err(TooMany);
        }
        user.connections.fetch_add(1, Ordering::Relaxed);
        Ok(user.clone())
    }

    /// Counts one connection less. A guest is forgotten at once, a user when [`Users::sweep`] finds that
    /// their message limit has nothing left to remember.
    pub(crate) fn disconnect(&self, user: &User) {
        let left = user.connections.fetch_sub(1, Ordering::Relaxed);
        if left == 1 && user.id.is_guest() {
            lock(self.stripe(&user.id)).remove(&user.id);
        }
    }

    /// Forgets users without a connection, so that reconnecting does not refill a limit.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for stripe in &self.stripes {
            let mut stripe = lock(stripe);
            stripe.retain(|_, user| {
                user.connections.load(Ordering::Relaxed) > 0 || !user.messages.is_idle(now_ms)
            });
            if stripe.len() * 4 < stripe.capacity() {
                stripe.shrink_to_fit();
            }
        }
    }
}
