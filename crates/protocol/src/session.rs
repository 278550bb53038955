//! One native session as a state machine: who may send what now, and which frames wait.
//!
//! **The one law: the frames of a session take effect in the order of their arrival.** While a call or
//! a subscription is under way (`busy`), whatever comes later waits in the queue; when it is over, the
//! waiting texts come out in the order in which they went in, a half-done batch first and from where
//! it stopped. Only `ack` and `ping` may pass by ([`peek_urgent`](crate::client::peek_urgent)), and
//! they change nothing that another frame could see.
//!
//! The machine has no socket and no clock. It keeps texts, not parsed frames: a waiting text is parsed
//! when its turn comes. An idle session has neither a queue nor a list of strikes, only this struct.
//! Rate limits and rights are decided elsewhere; here only their refusals are counted.

use std::collections::VecDeque;

use crate::{client::Body, code::ErrorCode};

/// The most texts that wait before reads pause.
pub const QUEUE_TEXTS: usize = 64;

/// The most bytes that wait before reads pause.
pub const QUEUE_BYTES: usize = 256 * 1024;

/// This many strikes in [`STRIKE_WINDOW_MS`] are a flood.
pub const STRIKES: usize = 20;

/// How long a strike counts.
pub const STRIKE_WINDOW_MS: u64 = 10_000;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connected without a credential: `auth` is due.
    AwaitingAuth,
    /// Served as a guest.
    Guest {
        /// Whether the very first frame is still to come; only it may be `auth`.
        first_frame: bool,
    },
    /// Served as a user.
    User,
    /// The connection ends: nothing takes effect any more.
    Closing,
}

/// What became of a text that must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Enqueued {
    /// It waits.
    Waiting,
    /// It waits too, but the queue has reached a bound: reads must pause now, until [`Session::may_read`].
    Full,
}

/// The state machine of one native session.
#[derive(Debug)]
pub struct Session {
    queue: Option<Box<Queue>>,
    strikes: Option<Box<Strikes>>,
    phase: Phase,
    busy: bool,
}

impl Session {
    /// A session at its start.
    pub const fn new(phase: Phase) -> Self {
        Self { queue: None, strikes: None, phase, busy: false }
    }

    /// Where the session stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Moves the session on. `Closing` is final: it drops what waits, and nothing leads out of it.
    pub fn set_phase(&mut self, phase: Phase) {
        if self.phase == Phase::Closing {
            return;
        }
        self.phase = phase;
        if phase == Phase::Closing {
            self.queue = None;
        }
    }

    /// Whether this body may take effect now, by the phase alone.
    ///
    /// Before authentication only `auth` and `ping` may (else `Unauthorized`). A guest may send `auth`
    /// as its very first frame (else `Conflict`), a user at any time, as a renewal. Every body that is
    /// shown here counts as a frame; texts that did not parse never took effect and do not.
    pub fn admit(&mut self, body: &Body<'_>) -> Result<(), ErrorCode> {
        let auth = matches!(body, Body::Auth { .. });
        match self.phase {
            Phase::AwaitingAuth if auth || matches!(body, Body::Ping { .. }) => Ok(()),
            Phase::AwaitingAuth => Err(ErrorCode::Unauthorized),
            Phase::Guest { first_frame } => {
                self.phase = Phase::Guest { first_frame: false };
                if auth && !first_frame { Err(ErrorCode::Conflict) } else { Ok(()) }
            }
            Phase::User => Ok(()),
            Phase::Closing => Err(ErrorCode::Unavailable),
        }
    }

    /// Counts a malformed or rate-limited frame. `true` says that it is the 20th within 10 s: close the
    /// connection with [`Flood`](crate::code::CloseCode::Flood).
    #[must_use]
    pub fn strike(&mut self, now_ms: u64) -> bool {
        self.strikes.get_or_insert_default().note(now_ms)
    }

    /// Whether a call or a subscription is under way: later frames wait.
    pub const fn busy(&self) -> bool {
        self.busy
    }

    /// Says that a call or a subscription began, or is over; then [`resume`](Self::resume) until it
    /// yields nothing.
    pub const fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// Whether a text that arrives now must be enqueued: something is under way, or others wait.
    pub const fn must_wait(&self) -> bool {
        self.busy || self.queue.is_some()
    }

    /// Takes a text that must wait. It is taken in any case; a closing session drops it.
    pub fn enqueue(&mut self, text: &str) -> Enqueued {
        if self.phase == Phase::Closing {
            return Enqueued::Waiting;
        }
        let queue = self.queue.get_or_insert_default();
        queue.bytes += text.len();
        queue.texts.push_back(Waiting { text: text.into(), next: 0 });
        queue.paused |= queue.reaches(QUEUE_TEXTS, QUEUE_BYTES);
        if queue.paused { Enqueued::Full } else { Enqueued::Waiting }
    }

    /// Puts the rest of a batch to the front: its elements from `next` on are still to be handled.
    pub fn defer(&mut self, text: &str, next: usize) {
        if self.phase == Phase::Closing {
            return;
        }
        let queue = self.queue.get_or_insert_default();
        queue.bytes += text.len();
        queue.texts.push_front(Waiting { text: text.into(), next });
    }

    /// The next waiting text, and how many of its elements are done already.
    ///
    /// `None` when nothing waits, when the session is busy and when it closes.
    pub fn resume(&mut self) -> Option<(Box<str>, usize)> {
        if self.busy {
            return None;
        }
        let queue = self.queue.as_mut()?;
        let waiting = queue.texts.pop_front()?;
        queue.bytes -= waiting.text.len();
        queue.paused &= queue.reaches(QUEUE_TEXTS / 2, QUEUE_BYTES / 2);
        if queue.texts.is_empty() {
            self.queue = None;
        }
        Some((waiting.text, waiting.next))
    }

    /// Whether reads may go on: the queue has not reached a bound, or is below half of each again.
    pub fn may_read(&self) -> bool {
        !self.queue.as_ref().is_some_and(|queue| queue.paused)
    }
}

/// Texts that wait. It is never empty while it exists.
#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Waiting>,
    /// The sum of the texts' lengths.
    bytes: usize,
    /// A bound was reached, and half of it not yet.
    paused: bool,
}

impl Queue {
    fn reaches(&self, texts: usize, bytes: usize) -> bool {
        self.texts.len() >= texts || self.bytes >= bytes
    }
}

#[derive(Debug)]
struct Waiting {
    text: Box<str>,
    /// How many elements of the batch are done.
    next: usize,
}

/// The times of the last strikes, oldest overwritten first.
#[derive(Debug, Default)]
struct Strikes {
    times_ms: [Option<u64>; STRIKES],
    next: usize,
}

impl Strikes {
    /// Notes a strike; whether the one 19 strikes before it lies within the window.
    fn note(&mut self, now_ms: u64) -> bool {
        self.times_ms[self.next] = Some(now_ms);
        self.next = (self.next + 1) % STRIKES;
        self.times_ms[self.next].is_some_and(|oldest| now_ms.saturating_sub(oldest) < STRIKE_WINDOW_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 40, "{} bytes", size_of::<Session>());
    }
}
