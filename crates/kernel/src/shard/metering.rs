//! The limits of a session's frames, and what waits until they allow it.

use std::rc::Rc;

use super::{Link, Shard, state::Held};
use crate::{limits::RetryAfter, reply::Rejection};

/// The most kinds of ephemeral frames that wait for their limit in one session.
const HELD_MOST: usize = 16;

impl Shard {
    /// Whether a control frame of the transport may be answered; who sends too many is told, and closed.
    pub fn admits_control(&self, link: &Link) -> bool {
        let metered = self.meter_frame(link);
        if let Err(flood) = &metered {
            self.refuse(link, None, flood);
        }
        metered.is_ok()
    }

    /// Every frame counts, whatever it asks for, from when it came: the clock was read for it then.
    pub(super) fn meter_frame(&self, link: &Link) -> Result<(), Rejection> {
        let quota = self.node.limits.frames();
        let taken = link.state.borrow_mut().frames.take(link.seen_ms.get(), quota);
        taken.map_err(|RetryAfter(ms)| Rejection::rate_limited(ms))
    }

    /// Calls, and the small frames that ask for an answer, share one limit.
    pub(super) fn meter_call(&self, link: &Link) -> Result<(), Rejection> {
        let quota = self.node.limits.calls();
        let taken = link.state.borrow_mut().calls.take(self.now_ms(), quota);
        taken.map_err(|RetryAfter(ms)| Rejection::rate_limited(ms))
    }

    /// What a user says counts, whichever of their sessions says it.
    pub(super) fn meter_message(&self, link: &Link) -> Result<(), Rejection> {
        let state = link.state.borrow();
        let Some(user) = &state.user else { return Err(Rejection::unauthorized()) };
        let taken = user.messages.take(self.now_ms(), self.node.limits.messages());
        taken.map_err(|RetryAfter(ms)| Rejection::rate_limited(ms))
    }

    pub(super) fn meter_ephemeral(&self, link: &Link) -> Result<(), RetryAfter> {
        let quota = self.node.limits.ephemeral();
        link.state.borrow_mut().ephemeral.take(self.now_ms(), quota)
    }

    /// Keeps the latest of an ephemeral kind until its limit allows it.
    pub(super) fn hold(&self, link: &Link, held: Held) {
        self.node.metrics.refused("ephemeral_surplus");
        {
            let mut state = link.state.borrow_mut();
            let latest = &mut state.rare().latest;
            latest.retain(|older| !held.replaces(older));
            if latest.len() >= HELD_MOST {
                latest.remove(0);
            }
            latest.push(held);
        }
        self.arm(link);
    }

    /// Takes up what was held; what is still over the limit is held again.
    pub(super) fn send_latest(self: &Rc<Self>, link: &Rc<Link>) {
        let latest = {
            let mut state = link.state.borrow_mut();
            if state.machine.busy() {
                return;
            }
            let Some(rare) = &mut state.rare else { return };
            let latest = std::mem::take(&mut rare.latest);
            state.tidy();
            latest
        };
        for held in latest {
            // What the rules no longer allow goes; nobody waits for an answer.
            let _ = match held {
                Held::Typing { channel, active } => self.typing(link, None, &channel, active),
                Held::Presence { channel, state, meta } => {
                    self.set_presence(link, channel.as_deref(), state, meta.as_deref())
                }
                Held::Message { channel, data, op_id, echo } => {
                    self.message(link, None, &channel, &data, op_id.as_deref(), echo)
                }
            };
        }
    }
}
