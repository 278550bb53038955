//! The node's time: one monotonic clock for order and deadlines, one wall clock for what people see.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::inbox::lock;

/// Where a node reads its time. Cheap to clone.
///
/// Deadlines use [`Clock::now_ms`] alone, so that a wall clock that jumps changes no order and no timeout.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Real(Instant),
    Manual(Arc<Hand>),
}

/// What moves a manual clock, and who waits for it.
#[derive(Default)]
struct Hand {
    now_ms: AtomicU64,
    sleepers: Mutex<Vec<(u64, Waker)>>,
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now_ms.fmt(f)
    }
}

impl Clock {
    /// The machine's clocks.
    pub fn real() -> Self {
        Self(Source::Real(Instant::now()))
    }

    /// A clock that stands still until [`Clock::advance`] moves it. Its wall clock starts at the year 2001.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::default()))
    }

    /// Milliseconds since the clock was made; never goes back.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::Real(start) => start.elapsed().as_millis() as u64,
            Source::Manual(hand) => hand.now_ms.load(Ordering::Acquire),
        }
    }

    /// Milliseconds since 1970, for what is shown to people and for the expiry of tokens.
    pub fn wall_ms(&self) -> u64 {
        match &self.0 {
            Source::Real(_) => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_millis() as u64)
            }
            Source::Manual(hand) => 978_307_200_000 + hand.now_ms.load(Ordering::Acquire),
        }
    }

    /// Whether it moves by itself.
    pub fn is_real(&self) -> bool {
        matches!(self.0, Source::Real(_))
    }

    /// Moves a manual clock; a real one moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(hand) = &self.0 {
            let now_ms =
                hand.now_ms.fetch_add(by.as_millis() as u64, Ordering::AcqRel) + by.as_millis() as u64;
            let mut sleepers = lock(&hand.sleepers);
            let due: Vec<_> = sleepers.extract_if(.., |(until_ms, _)| *until_ms <= now_ms).collect();
            drop(sleepers);
            due.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }

    /// Waits until this clock has moved on by so much. Unlike a runtime's own timer it stands still with a
    /// manual clock, so that what waits by it can be tested without waiting.
    pub async fn sleep(&self, time: Duration) {
        let hand = match &self.0 {
            Source::Real(_) => return tokio::time::sleep(time).await,
            Source::Manual(hand) => hand,
        };
        let until_ms = self.now_ms().saturating_add(time.as_millis() as u64);
        poll_fn(|context| {
            // Under the lock, so that the clock cannot pass `until_ms` between the look and the wait.
            let mut sleepers = lock(&hand.sleepers);
            if hand.now_ms.load(Ordering::Acquire) >= until_ms {
                return Poll::Ready(());
            }
            sleepers.push((until_ms, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
