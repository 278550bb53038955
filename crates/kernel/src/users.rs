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
        let made = || {
            let sessions = Mutex::new(Vec::with_capacity(1));
            Arc::new(User { id: id.clone(), sessions, messages: SharedGcra::new() })
        };
        let user = stripe.entry(id.clone()).or_insert_with(made);
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

    /// Where a user's sessions live, at this moment.
    pub(crate) fn sessions(&self, id: &str) -> Vec<SessionKey> {
        let user = lock(self.stripe(id)).get(id).cloned();
        user.map(|user| lock(&user.sessions).clone()).unwrap_or_default()
    }

    /// Forgets users without a connection, so that reconnecting does not refill a limit.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for stripe in &self.stripes {
            let mut stripe = lock(stripe);
            stripe.retain(|_, user| !lock(&user.sessions).is_empty() || !user.messages.is_idle(now_ms));
            if stripe.len() * 4 < stripe.capacity() {
                stripe.shrink_to_fit();
            }
        }
    }
}
