//! When a client is silent for too long.

use super::super::{Config, Revision};

/// The deadlines of one session's heartbeat.
///
/// In the fourth revision the server pings: `due` is when the next ping is to be sent or, while one is
/// unanswered, when the session ends. In the third the client pings, and `due` is the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat {
    due_ms: u64,
    interval_ms: u32,
    timeout_ms: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next ping is to be sent at `due`.
    Resting,
    /// A ping is unanswered.
    Pinged,
    /// The same, and another packet has put off the end once.
    Extended,
    /// The client has to ping.
    Listening,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Dead,
}

impl Heartbeat {
    pub(super) fn new(config: &Config, revision: Revision, now_ms: u64) -> Self {
        let (interval_ms, timeout_ms) = (config.ping_interval_ms, config.ping_timeout_ms);
        let mut heartbeat = Self { due_ms: 0, interval_ms, timeout_ms, state: State::Listening };
        match revision {
            Revision::V3 => heartbeat.on_ping(now_ms),
            Revision::V4 => heartbeat.on_pong(now_ms),
        }
        heartbeat
    }

    pub(super) const fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Whether the client is silent for too long by now.
    pub(super) fn is_dead(&self, now_ms: u64) -> bool {
        self.state != State::Resting && now_ms >= self.due_ms
    }

    /// What is due at this time. A ping is told once.
    ///
    /// The end after a ping is reckoned from when the ping was due, so that a timer's grain takes nothing
    /// from it; but a ping that is late by more than half of its timeout, because the machine slept, is given
    /// the whole of it.
    pub(super) fn check(&mut self, now_ms: u64) -> Due {
        if now_ms < self.due_ms {
            return Due::Nothing;
        }
        if self.state != State::Resting {
            return Due::Dead;
        }
        let late = now_ms - self.due_ms > u64::from(self.timeout_ms) / 2;
        let start = if late { now_ms } else { self.due_ms };
        self.due_ms = start.saturating_add(u64::from(self.timeout_ms));
        self.state = State::Pinged;
        Due::Ping
    }

    /// The client answered a ping, or volunteered a pong.
    pub(super) fn on_pong(&mut self, now_ms: u64) {
        self.due_ms = now_ms.saturating_add(u64::from(self.interval_ms));
        self.state = State::Resting;
    }

    /// A client of the third revision pinged.
    pub(super) fn on_ping(&mut self, now_ms: u64) {
        let patience = u64::from(self.interval_ms) + u64::from(self.timeout_ms);
        self.due_ms = now_ms.saturating_add(patience);
    }

    /// Another packet came. While a ping is unanswered it puts the end off once: the pong may stand behind
    /// something long.
    pub(super) fn on_packet(&mut self, now_ms: u64) {
        if self.state == State::Pinged {
            self.due_ms = now_ms.saturating_add(u64::from(self.timeout_ms));
            self.state = State::Extended;
        }
    }
}
