//! Argon2id off the runtime's threads, as many at once as there are cores.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::rules::Password;

/// Passwords that may wait for their turn; more are refused, or a flood would hold everybody up.
const QUEUE: usize = 128;

/// What hashing one password costs, us and whoever guesses.
///
/// The default is OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB; 8 at least.
    pub memory_kib: u32,
    /// Passes over it; 1 at least.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// There are too many passwords to hash already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be checked")]
pub(crate) struct Busy;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// It is another password.
    Wrong,
    /// It is this one.
    Right,
    /// It is this one, and it should be hashed again: it was kept at another cost.
    Outdated,
}

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hasher(Arc<Inner>);

struct Inner {
    argon: Argon2<'static>,
    params: Params,
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// What is compared with where there is no account, so that it takes as long.
    nobody: String,
}

impl Hasher {
    /// One of this cost, for as many cores. `None` where the cost is below Argon2's own minimum.
    pub(crate) fn new(cost: Cost, cores: usize) -> Option<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).ok()?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let nobody = argon.hash_password(b"").ok()?.to_string();
        let cores = cores.max(1);
        let (queue, cores) = (Arc::new(Semaphore::new(cores + QUEUE)), Arc::new(Semaphore::new(cores)));
        Some(Self(Arc::new(Inner { argon, params, queue, cores, nobody })))
    }

    /// The hash to keep, in the PHC string format: it says its own algorithm, cost and salt.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.run(move |inner| {
            inner.argon.hash_password(password.as_bytes()).map(|hash| hash.to_string()).ok()
        })
        .await?
        .ok_or(Busy)
    }

    /// Compares a password with what is kept. Without anything kept it compares all the same, and is wrong.
    pub(crate) async fn compare(&self, password: Password, kept: Option<String>) -> Result<Match, Busy> {
        self.run(move |inner| inner.compare(&password, kept.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = Arc::clone(&self.0.queue).try_acquire_owned().map_err(|_| Busy)?;
        let core = Arc::clone(&self.0.cores).acquire_owned().await.map_err(|_| Busy)?;
        let inner = Arc::clone(&self.0);
        // The permits go along: who gave up waiting for the answer does not end the work.
        let work = move || {
            let _permits = (place, core);
            work(&inner)
        };
        spawn_blocking(work).await.map_err(|_| Busy)
    }
}

impl Inner {
    fn compare(&self, password: &Password, kept: Option<&str>) -> Match {
        let exists = kept.is_some();
        let Ok(hash) = PasswordHash::new(kept.unwrap_or(&self.nobody)) else { return Match::Wrong };
        let is_equal = self.argon.verify_password(password.as_bytes(), &hash).is_ok();
        if !(is_equal && exists) {
            return Match::Wrong;
        }
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let is_current = hash.algorithm == Algorithm::Argon2id.ident()
            && Params::try_from(&hash).is_ok_and(|kept| cost(&kept) == cost(&self.params));
        if is_current { Match::Right } else { Match::Outdated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    fn hasher(cost: Cost) -> Hasher {
        Hasher::new(cost, 2).expect("the cost is possible")
    }

    #[tokio::test]
    async fn a_kept_password_is_recognised_and_says_its_cost() {
        let hasher = hasher(CHEAP);
        let kept = hasher.hash(Password::typed("correct horse")).await.expect("there is room");
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
        let compare = |text: &str, kept: &str| hasher.compare(Password::typed(text), Some(kept.to_owned()));
        assert_eq!(compare("correct horse", &kept).await, Ok(Match::Right));
        assert_eq!(compare("correct horse ", &kept).await, Ok(Match::Wrong));
        assert_eq!(compare("correct horse", "no hash").await, Ok(Match::Wrong));
        // The empty password is what nobody's hash is made of.
        assert_eq!(hasher.compare(Password::typed(""), None).await, Ok(Match::Wrong));
    }

    /// Red where the parameters of what is kept are not looked at.
    #[tokio::test]
    async fn what_was_kept_at_another_cost_is_to_be_hashed_again() {
        let kept = hasher(CHEAP).hash(Password::typed("correct horse")).await.expect("there is room");
        let dearer = hasher(Cost { memory_kib: 16, passes: 2 });
        let compared = dearer.compare(Password::typed("correct horse"), Some(kept)).await;
        assert_eq!(compared, Ok(Match::Outdated));
    }

    /// Red without the queue's bound: all of them wait.
    #[tokio::test]
    async fn a_flood_is_refused_and_not_queued() {
        let hasher = hasher(CHEAP);
        let all = (0..1_000).map(|_| hasher.compare(Password::typed("guess"), None));
        let answers = futures_util::future::join_all(all).await;
        let refused = answers.iter().filter(|answer| **answer == Err(Busy)).count();
        // Some are done while the others come.
        assert!((1..=1_000 - QUEUE - 2).contains(&refused), "{refused}");
    }

    #[test]
    fn the_default_cost_is_what_owasp_recommends() {
        assert_eq!(Cost::default(), Cost { memory_kib: 19_456, passes: 2 });
        assert!(Hasher::new(Cost { memory_kib: 1, passes: 0 }, 1).is_none());
    }
}
