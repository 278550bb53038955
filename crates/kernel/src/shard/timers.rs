//! What a shard does when time passes: heartbeats, deadlines, expiries. One coarse wheel serves them all.

use std::{rc::Rc, sync::Arc};

use veche_protocol::{
    code::{CloseCode, ErrorCode},
    server::ServerFrame,
};

use super::{Link, Shard};
use crate::{
    channels::NodeChannel,
    inbox::{Audience, Entry, SessionKey, lock},
    publication::UserId,
    reply::Rejection,
};

/// How long before a token's expiry the client is told.
const EXPIRING_MS: u64 = 30_000;

/// How often a session that only listens is shown that its connection lives; proxies cut silent ones.
const LISTENER_PULSE_MS: u64 = 15_000;

/// What a door does on its own shard.
type Work = Box<dyn FnOnce(&Rc<Shard>)>;

/// What a door has scheduled on its own shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    at_ms: u64,
    id: u32,
}

impl Timer {
    /// When it is due, in milliseconds of the node's clock.
    pub const fn at_ms(self) -> u64 {
        self.at_ms
    }
}

/// An entry of the wheel. One that has become needless finds out when it is due.
pub(crate) enum Due {
    Session {
        key: SessionKey,
        at_ms: u64,
    },
    /// A member's grace may be over.
    Grace {
        channel: Arc<NodeChannel>,
        user: UserId,
    },
    /// Somebody's typing may be over.
    Typing {
        channel: Arc<NodeChannel>,
        user: UserId,
    },
    /// A channel's presence changes are to be told.
    Members(Arc<NodeChannel>),
    /// The node's tables are to be swept.
    Sweep,
    /// A door has something to do.
    Run {
        id: u32,
        work: Work,
    },
}

impl Shard {
    pub(super) fn at(&self, at_ms: u64, due: Due) {
        self.wheel.borrow_mut().insert(at_ms, due);
    }

    /// Does something at a time of the node's clock, by the wheel: not before it, and up to a tick later.
    pub fn schedule(&self, at_ms: u64, work: impl FnOnce(&Rc<Self>) + 'static) -> Timer {
        let timer = Timer { at_ms: at_ms.max(self.now_ms() + 1), id: self.timers.get() };
        self.timers.set(timer.id.wrapping_add(1));
        self.at(timer.at_ms, Due::Run { id: timer.id, work: Box::new(work) });
        timer
    }

    /// Gives up what was scheduled, unless it was done.
    pub fn cancel(&self, timer: Timer) {
        self.take_back(timer.at_ms, |due| matches!(due, Due::Run { id, .. } if *id == timer.id));
    }

    /// The session is over: nothing is due for it any more.
    pub(super) fn disarm(&self, session: SessionKey, armed_ms: u64) {
        if armed_ms != u64::MAX {
            self.take_back(armed_ms, |due| matches!(due, Due::Session { key, .. } if *key == session));
        }
    }

    fn take_back(&self, at_ms: u64, is_it: impl Fn(&Due) -> bool) {
        let due = self.wheel.borrow_mut().remove(at_ms, is_it);
        // What it holds may come here as it goes.
        drop(due);
    }

    /// Time has passed. Returns how many entries of the wheel were due.
    pub(crate) fn tick(self: &Rc<Self>) -> usize {
        let now = self.now_ms();
        let mut due = Vec::new();
        self.wheel.borrow_mut().advance(now, &mut due);
        let count = due.len();
        for due in due {
            self.fire(due, now);
        }
        count
    }

    fn fire(self: &Rc<Self>, due: Due, now: u64) {
        match due {
            Due::Session { key, at_ms } => {
                if let Some(link) = self.session(key)
                    && link.state.borrow().armed_ms == at_ms
                {
                    self.look_after(&link, now);
                }
            }
            Due::Grace { channel, user } => self.node.end_grace(&channel, &user, now, self),
            Due::Typing { channel, user } => self.end_typing(&channel, &user, now),
            Due::Members(channel) => self.node.flush_members(&channel),
            Due::Run { work, .. } => work(self),
            Due::Sweep => {
                self.node.sweep(now);
                self.at(now + 1_000, Due::Sweep);
            }
        }
    }

    /// Does what is due for a session, and arms its next entry.
    fn look_after(self: &Rc<Self>, link: &Rc<Link>, now: u64) {
        link.state.borrow_mut().armed_ms = u64::MAX;
        self.end_late_calls(link, now);
        self.send_latest(link);
        if let Some(code) = self.overdue(link, now) {
            link.close(code);
            return;
        }
        self.arm(link);
    }

    /// Checks authentication, expiry and heartbeat; why the session must end, if it must.
    fn overdue(self: &Rc<Self>, link: &Rc<Link>, now: u64) -> Option<CloseCode> {
        let mut state = link.state.borrow_mut();
        if state.auth_by_ms != 0 && now >= state.auth_by_ms {
            self.node.metrics.refused("authentication_timeout");
            return Some(CloseCode::InvalidToken);
        }
        let mut expiring = false;
        if state.expires_ms != 0 {
            let wall = self.node.clock.wall_ms();
            if wall >= state.expires_ms {
                return Some(CloseCode::TokenExpired);
            }
            expiring = !state.expiring_told && wall + EXPIRING_MS >= state.expires_ms;
            state.expiring_told |= expiring;
        }
        let pulse = self.node.heartbeat;
        let resting = !state.machine.may_read();
        let seen = link.seen_ms.get();
        let mut ping = false;
        if resting || seen >= state.pinged_ms {
            state.pinged_ms = 0;
        }
        let is_pulsed = !link.encoding.has_own_heartbeat();
        if state.pinged_ms != 0 && now >= state.pinged_ms + pulse.patience_ms {
            return Some(CloseCode::HeartbeatLost);
        }
        if is_pulsed && !resting && state.pinged_ms == 0 && now >= seen + self.ping_ms(link) {
            if link.encoding.only_listens() {
                link.seen(now);
            } else {
                state.pinged_ms = now;
            }
            ping = true;
        }
        drop(state);
        if expiring {
            self.reply(link, &ServerFrame::Expiring);
        }
        if ping {
            link.send(link.encoding.pulse(), self.node.limits.backlog_bytes);
        }
        None
    }

    /// Silence of a session before it is asked for a sign of life, or shown one.
    fn ping_ms(&self, link: &Link) -> u64 {
        if link.encoding.only_listens() { LISTENER_PULSE_MS } else { self.node.heartbeat.ping_ms }
    }

    /// Puts the session's next entry into the wheel, unless an earlier one is there.
    pub(super) fn arm(&self, link: &Link) {
        let now = self.now_ms();
        let mut state = link.state.borrow_mut();
        let ping_ms = self.ping_ms(link);
        let mut at = match state.pinged_ms {
            _ if link.encoding.has_own_heartbeat() => u64::MAX,
            0 => link.seen_ms.get().max(now.saturating_sub(ping_ms)) + ping_ms,
            pinged => pinged + self.node.heartbeat.patience_ms,
        };
        if state.auth_by_ms != 0 {
            at = at.min(state.auth_by_ms);
        }
        if state.expires_ms != 0 {
            let left = state.expires_ms.saturating_sub(self.node.clock.wall_ms());
            let ahead = if state.expiring_told { 0 } else { EXPIRING_MS };
            at = at.min(now + left.saturating_sub(ahead));
        }
        if let Some(rare) = &state.rare {
            let calls = rare.running.iter().map(|running| running.deadline_ms).min();
            at = at.min(calls.unwrap_or(u64::MAX));
            if !rare.latest.is_empty() {
                at = at.min(now + 50);
            }
        }
        let at = at.max(now + 1);
        if at < state.armed_ms && at != u64::MAX {
            state.armed_ms = at;
            drop(state);
            self.at(at, Due::Session { key: self.key(link), at_ms: at });
        }
    }

    fn end_late_calls(self: &Rc<Self>, link: &Rc<Link>, now: u64) {
        let late: Vec<u32> = match &link.state.borrow().rare {
            Some(rare) => rare.running.iter().filter(|it| it.deadline_ms <= now).map(|it| it.call).collect(),
            None => return,
        };
        for call in late {
            self.node.metrics.refused("handler_timeout");
            let timeout = Rejection::new(ErrorCode::Timeout, "the handler did not answer in time");
            // By way of the inbox: nothing else may wake the shard to send the answer.
            let outcome = Err(timeout);
            self.inbox.push(Entry::Done { session: self.key(link), call, outcome, duplicate: false });
        }
    }

    fn end_typing(&self, channel: &Arc<NodeChannel>, user: &UserId, now: u64) {
        let mut record = lock(&channel.record);
        let Some(typist) = record.typing.iter().find(|typist| typist.user == *user) else { return };
        if typist.until_ms > now {
            let at = typist.until_ms;
            drop(record);
            self.at(at, Due::Typing { channel: channel.clone(), user: user.clone() });
            return;
        }
        let session = typist.session;
        record.stop_typing(user);
        let frame = ServerFrame::Typing { channel: &channel.name, user: user.as_str(), active: false };
        self.node.routes.notice(channel, &record, &frame, Audience::Except(session));
    }
}
