//! Rate limits by user, for what costs others something.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use veche_kernel::{ErrorCode, Quota, Rejection, SharedGcra, UserId};

/// So many meters are kept before those at rest are forgotten.
const MANY: usize = 1_024;

/// One meter a user.
#[derive(Debug)]
pub(crate) struct Meters {
    quota: Quota,
    meters: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    by_user: HashMap<UserId, SharedGcra>,
    /// At this size it is looked through; twice what was left the last time.
    sweep_at: usize,
}

impl Meters {
    /// Meters of this quota, at rest.
    pub(crate) fn new(quota: Quota) -> Self {
        Self { quota, meters: Mutex::new(Table { by_user: HashMap::new(), sweep_at: MANY }) }
    }

    /// Takes one of the user's quota; `rate_limited` with the time to wait where it is used up.
    pub(crate) fn take(&self, user: &UserId, now_ms: u64) -> Result<(), Rejection> {
        let mut table = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if table.by_user.len() >= table.sweep_at {
            table.by_user.retain(|_, meter| !meter.is_idle(now_ms));
            table.sweep_at = MANY.max(table.by_user.len() * 2);
        }
        let meter = table.by_user.entry(user.clone()).or_default();
        meter.take(now_ms, self.quota).map_err(|wait| {
            let limited = Rejection::new(ErrorCode::RateLimited, "too many of these in a short time");
            limited.retry_after_ms(wait.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { count: 60, period_ms: 60_000, burst: 2 };

    /// Red where all users shared one meter.
    #[test]
    fn each_user_has_a_quota_of_their_own() {
        let meters = Meters::new(QUOTA);
        let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
        assert!(meters.take(&ann, 0).is_ok() && meters.take(&ann, 0).is_ok());
        let refused = meters.take(&ann, 0).expect_err("the burst is used up");
        assert_eq!(refused.code(), ErrorCode::RateLimited);
        assert!(meters.take(&bob, 0).is_ok());
        assert!(meters.take(&ann, 1_000).is_ok());
    }

    /// Red without the sweep.
    #[test]
    fn meters_at_rest_are_forgotten() {
        let meters = Meters::new(QUOTA);
        for n in 0..MANY {
            assert!(meters.take(&UserId::from(&*n.to_string()), 0).is_ok());
        }
        assert!(meters.take(&UserId::from("late"), 60_000).is_ok());
        assert_eq!(meters.meters.lock().expect("no test panics with it").by_user.len(), 1);
    }
}
