//! The node's time: one monotonic clock for order and deadlines, one wall clock for what people see.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where a node reads its time. Cheap to clone.
///
/// Deadlines use [`Clock::now_ms`] alone, so that a wall clock that jumps changes no order and no timeout.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Real(Instant),
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's clocks.
    pub fn real() -> Self {
        Self(Source::Real(Instant::now()))
    }

    /// A clock that stands still until [`Clock::advance`] moves it. Its wall clock starts at the year 2001.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(0))))
    }

    /// Milliseconds since the clock was made; never goes back.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::Real(start) => start.elapsed().as_millis() as u64,
            Source::Manual(now) => now.load(Ordering::Acquire),
        }
    }

    /// Milliseconds since 1970, for what is shown to people and for the expiry of tokens.
    pub fn wall_ms(&self) -> u64 {
        match &self.0 {
            Source::Real(_) => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_millis() as u64)
            }
            Source::Manual(now) => 978_307_200_000 + now.load(Ordering::Acquire),
        }
    }

    /// Whether it moves by itself.
    pub fn is_real(&self) -> bool {
        matches!(self.0, Source::Real(_))
    }

    /// Moves a manual clock; a real one moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(by.as_millis() as u64, Ordering::AcqRel);
        }
    }
}
