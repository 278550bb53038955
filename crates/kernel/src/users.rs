//! The users who are connected to this node, or were a moment ago, and where their sessions live.

use std::{
    hash::BuildHasher,
    sync::{Arc, Mutex},
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::{
    inbox::{SessionKey, lock},
    limits::SharedGcra,
    publication::UserId,
};

const STRIPES: usize = 16;

/// What the node knows of a user across all of their sessions.
pub(crate) struct User {
    pub(crate) id: UserId,
    sessions: Mutex<Vec<SessionKey>>,
    pub(crate) messages: SharedGcra,
    /// Calls without a connection.
    pub(crate) calls: SharedGcra,
}

impl User {
    fn new(id: &UserId) -> Arc<Self> {
        let sessions = Mutex::new(Vec::with_capacity(1));
        Arc::new(Self { id: id.clone(), sessions, messages: SharedGcra::new(), calls: SharedGcra::new() })
    }

    /// Whether nothing is lost by forgetting it.
    fn is_idle(&self, now_ms: u64) -> bool {
        lock(&self.sessions).is_empty() && self.messages.is_idle(now_ms) && self.calls.is_idle(now_ms)
    }
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
    fn stripe(&self, id: &str) -> &Mutex<HashMap<UserId, Arc<User>, RandomState>> {
        &self.stripes[self.hasher.hash_one(id) as usize % STRIPES]
    }

    /// Adds a session; `most` 0 = no bound.
    pub(crate) fn connect(&self, id: &UserId, session: SessionKey, most: u32) -> Result<Arc<User>, TooMany> {
        let mut stripe = lock(self.stripe(id.as_str()));
        let user = stripe.entry(id.clone()).or_insert_with(|| User::new(id));
        let mut sessions = lock(&user.sessions);
        if most > 0 && sessions.len() >= most as usize {
            return Err(TooMany);
        }
        sessions.push(session);
        drop(sessions);
        Ok(user.clone())
    }

    /// Takes a session out. A guest is forgotten with the last one, a user when [`Users::sweep`] finds that
    /// their message limit has nothing left to remember.
    pub(crate) fn disconnect(&self, user: &User, session: SessionKey) {
        let mut stripe = user.id.is_guest().then(|| lock(self.stripe(user.id.as_str())));
        let mut sessions = lock(&user.sessions);
        if let Some(at) = sessions.iter().position(|known| *known == session) {
            sessions.swap_remove(at);
        }
        if sessions.is_empty()
            && let Some(stripe) = &mut stripe
        {
            stripe.remove(&user.id);
        }
    }

    /// A user who may have no connection. They are remembered as long as their limits are.
    pub(crate) fn known(&self, id: &UserId) -> Arc<User> {
        lock(self.stripe(id.as_str())).entry(id.clone()).or_insert_with(|| User::new(id)).clone()
    }

    /// Where a user's sessions live, at this moment.
    pub(crate) fn sessions(&self, id: &str) -> Vec<SessionKey> {
        let user = lock(self.stripe(id)).get(id).cloned();
        user.map(|user| lock(&user.sessions).clone()).unwrap_or_default()
    }

    /// Forgets users without a connection, so that reconnecting does not refill a limit.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for stripe in &self.stripes {
            let mut stripe = lock(stripe);
            stripe.retain(|_, user| !user.is_idle(now_ms));
            if stripe.len() * 4 < stripe.capacity() {
                stripe.shrink_to_fit();
            }
        }
    }
}
