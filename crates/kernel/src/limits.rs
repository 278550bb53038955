//! How much of everything a client may have, and the meter that counts it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The node's limits on what clients do. All are on by default; 0 turns one off.
///
/// They bind clients' frames, never publications by handlers, handles or API keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message after reassembly and inflation.
    pub frame_bytes: usize,
    /// Frames of every kind that a session may send in a second, pings of WebSocket among them. It guards the
    /// others from who sends without a pause: the limits of each kind are below.
    pub frames_per_second: u32,
    /// Channels that one session may be subscribed to.
    pub channels_per_session: u32,
    /// `message` frames a user may send in a minute, on one node.
    pub messages_per_minute: u32,
    /// How many of them at once.
    pub messages_burst: u32,
    /// Application calls, `history` and the like a session may make in a second.
    pub calls_per_second: u32,
    /// How many of them at once.
    pub calls_burst: u32,
    /// Typing, presence and messages to an `ephemeral` channel a session may send in a second; of the
    /// surplus only the latest is kept.
    pub ephemeral_per_second: u32,
    /// `subscribe` frames a session may send in a minute (each channel of a list counts).
    pub subscribes_per_minute: u32,
    /// How many of them at once.
    pub subscribes_burst: u32,
    /// Connections a user may have.
    pub connections_per_user: u32,
    /// Connections an address may have.
    pub connections_per_address: u32,
    /// Bytes that a socket may refuse before its channel's slow-consumer policy acts.
    pub backlog_bytes: usize,
    /// Bytes of retained publications on the node; above it the oldest ring goes first.
    pub retained_bytes: usize,
    /// Bytes that may wait in the inboxes of the node's shards, together.
    pub inbox_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 64 << 10,
            frames_per_second: 1_000,
            channels_per_session: 128,
            messages_per_minute: 100,
            messages_burst: 20,
            calls_per_second: 20,
            calls_burst: 200,
            ephemeral_per_second: 30,
            subscribes_per_minute: 60,
            subscribes_burst: 128,
            connections_per_user: 10,
            connections_per_address: 2_000,
            backlog_bytes: 1 << 20,
            retained_bytes: 256 << 20,
            inbox_bytes: 32 << 20,
        }
    }
}

impl Limits {
    /// The same with what is off (0) as large as can be, for the bounds that are compared in the hot path.
    pub(crate) fn normalised(mut self) -> Self {
        for bound in
            [&mut self.frame_bytes, &mut self.backlog_bytes, &mut self.retained_bytes, &mut self.inbox_bytes]
        {
            if *bound == 0 {
                *bound = usize::MAX;
            }
        }
        self
    }

    /// What `welcome` tells clients.
    pub(crate) fn public(&self) -> [(&'static str, u64); 4] {
        [
            ("frame_bytes", self.frame_bytes as u64),
            ("channels_per_session", u64::from(self.channels_per_session)),
            ("messages_per_minute", u64::from(self.messages_per_minute)),
            ("calls_per_second", u64::from(self.calls_per_second)),
        ]
    }

    /// What `frames_per_second` says: a second's worth may come at once.
    pub fn frames(&self) -> Quota {
        Quota::each_second(self.frames_per_second)
    }

    /// What `messages_per_minute` and `messages_burst` say.
    pub fn messages(&self) -> Quota {
        Quota { count: self.messages_per_minute, period_ms: 60_000, burst: self.messages_burst }
    }

    /// What `calls_per_second` and `calls_burst` say.
    pub fn calls(&self) -> Quota {
        Quota { count: self.calls_per_second, period_ms: 1_000, burst: self.calls_burst }
    }

    /// What `ephemeral_per_second` says: a second's worth may come at once.
    pub fn ephemeral(&self) -> Quota {
        Quota::each_second(self.ephemeral_per_second)
    }

    /// What `subscribes_per_minute` and `subscribes_burst` say.
    pub fn subscribes(&self) -> Quota {
        Quota { count: self.subscribes_per_minute, period_ms: 60_000, burst: self.subscribes_burst }
    }
}

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many times in each period; 0 = no limit.
    pub count: u32,
    /// The period in milliseconds.
    pub period_ms: u64,
    /// How many times at once, after a rest; 0 counts as 1.
    pub burst: u32,
}

/// The quota is used up: the same would be admitted after so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("the rate limit allows the next in {0} ms")]
pub struct RetryAfter(pub u64);

/// A meter of one quota, in 8 bytes, for an owner that has it to itself.
///
/// It is the generic cell rate algorithm: what is kept is the time, in microseconds, at which the meter
/// will be at rest again, so that 100 a minute (one in 600 ms) and 20 a second are both exact. In any
/// window it admits at most `burst + count * window / period`.
///
/// ```
/// use veche_kernel::{Gcra, Limits, RetryAfter};
///
/// let quota = Limits::default().messages();
/// let mut meter = Gcra::new();
/// for _ in 0..20 {
///     assert_eq!(meter.take(0, quota), Ok(()));
/// }
/// assert_eq!(meter.take(0, quota), Err(RetryAfter(600)));
/// assert_eq!(meter.take(600, quota), Ok(()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Gcra(u64);

impl Gcra {
    /// A meter at rest.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Takes one of the quota. What is refused costs nothing.
    pub fn take(&mut self, now_ms: u64, quota: Quota) -> Result<(), RetryAfter> {
        self.0 = quota.admit(self.0, now_ms)?;
        Ok(())
    }
}

/// The same meter for owners that share it, such as all sessions of a user.
#[derive(Debug, Default)]
pub struct SharedGcra(AtomicU64);

impl SharedGcra {
    /// A meter at rest.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether nothing that was taken is remembered any more.
    pub fn is_idle(&self, now_ms: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= now_ms.saturating_mul(1_000)
    }

    /// Takes one of the quota. What is refused costs nothing.
    pub fn take(&self, now_ms: u64, quota: Quota) -> Result<(), RetryAfter> {
        // Relaxed is enough: the meter orders nothing but itself.
        let mut rest_us = self.0.load(Ordering::Relaxed);
        loop {
            let next_us = quota.admit(rest_us, now_ms)?;
            match self.0.compare_exchange_weak(rest_us, next_us, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed_us) => rest_us = changed_us,
            }
        }
    }
}

impl Quota {
    /// So many in each second, which may all come at once.
    const fn each_second(count: u32) -> Self {
        Self { count, period_ms: 1_000, burst: count }
    }

    /// The time at which a meter that rests at `rest_us` will rest after one more at `now_ms`.
    fn admit(self, rest_us: u64, now_ms: u64) -> Result<u64, RetryAfter> {
        if self.count == 0 {
            return Ok(rest_us);
        }
        // Rounded up, so that rounding never admits more than the quota says.
        let interval_us = self.period_ms.saturating_mul(1_000).div_ceil(u64::from(self.count));
        let tolerance_us = interval_us.saturating_mul(u64::from(self.burst.saturating_sub(1)));
        let now_us = now_ms.saturating_mul(1_000);
        let rest_us = rest_us.max(now_us);
        let early_us = (rest_us - now_us).saturating_sub(tolerance_us);
        if early_us > 0 {
            return Err(RetryAfter(early_us.div_ceil(1_000)));
        }
        Ok(rest_us.saturating_add(interval_us))
    }
}
