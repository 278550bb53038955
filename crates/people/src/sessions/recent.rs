//! Sign-ins that were looked up a moment ago.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::kept::{Kept, SessionKey};
use crate::secret::Fingerprint;

/// How long an answer holds, ms. On this node a sign-in that ends is forgotten at once; another node of the
/// same database hears of it after so long.
const HOLDS_MS: u64 = 2_000;
/// Answers that are kept at most.
const MOST: usize = 10_000;

/// The latest answers.
#[derive(Default)]
pub(crate) struct Recent(Mutex<HashMap<Fingerprint, (Kept, u64)>>);

impl Recent {
    /// What was found less than two seconds ago.
    pub(crate) fn find(&self, secret: Fingerprint, now_ms: u64) -> Option<Kept> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&secret).filter(|(_, until_ms)| now_ms < *until_ms).map(|(kept, _)| kept.clone())
    }

    /// Keeps what was found.
    pub(crate) fn keep(&self, secret: Fingerprint, kept: Kept, now_ms: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, until_ms)| now_ms < *until_ms);
        }
        if known.len() < MOST {
            known.insert(secret, (kept, now_ms.saturating_add(HOLDS_MS)));
        }
    }

    /// These have ended.
    pub(crate) fn forget(&self, ended: &[SessionKey]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (kept, _)| !ended.contains(&kept.key));
    }
}
