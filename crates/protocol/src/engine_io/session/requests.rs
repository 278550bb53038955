//! What a request may do with a session.

use super::{
    super::{Refusal, Revision},
    Candidate, Effects, End, Phase, PollAnswer, Polled, Posted, Probe, Session,
};

impl Session {
    /// A GET came. `queued` says whether anything is queued.
    ///
    /// A second one while the first waits is refused, and the session ends. So is one for a session whose
    /// client is dead: the deadline is looked at here too, and no timer's grain decides.
    pub fn on_poll(&mut self, revision: Option<Revision>, queued: bool, now_ms: u64) -> Polled {
        if let Err((refusal, effects)) = self.admit(revision, now_ms) {
            return Polled::Refuse(refusal, effects);
        }
        match self.phase {
            _ if self.polled => Polled::Refuse(Refusal::BadRequest, self.end(End::TransportError)),
            Phase::Closing { probed: false } if !queued => {
                let _ = self.end(End::ForcedClose);
                Polled::Answer(PollAnswer::Close)
            }
            // The `1` has an answer of its own: stock clients look at a message only when they are through
            // with the whole answer, and a `1` behind it would come first.
            Phase::Closing { .. } | Phase::Polling(Candidate::Probed) => self.flush(),
            Phase::Polling(_) if queued => self.flush(),
            _ => {
                self.polled = true;
                Polled::Wait
            }
        }
    }

    fn flush(&mut self) -> Polled {
        self.ponged = false;
        Polled::Answer(PollAnswer::Flush)
    }

    /// The GET that waits broke off: the client may have left, and what it was sent may be lost.
    pub fn on_poll_gone(&mut self) -> Effects {
        if !std::mem::take(&mut self.polled) {
            return Effects::NONE;
        }
        self.fail(End::TransportError)
    }

    /// A POST came. A second one while the first is open is refused, and the session ends.
    pub fn on_post(&mut self, revision: Option<Revision>, now_ms: u64) -> Posted {
        match self.admit(revision, now_ms) {
            Err((refusal, effects)) => Posted::Refuse(refusal, effects),
            Ok(()) if self.posted => Posted::Refuse(Refusal::BadRequest, self.end(End::TransportError)),
            Ok(()) => {
                self.posted = true;
                Posted::Read
            }
        }
    }

    /// All packets of the POST were given to [`on_packet`](Self::on_packet), or one of them was a fault and
    /// [`fail`](Self::fail) was told. `Ok` is the answer 200 `ok`.
    pub fn on_post_end(&mut self) -> Result<(), Refusal> {
        self.posted = false;
        match self.phase {
            Phase::Polling(_)
            | Phase::Closing { .. }
            | Phase::Closed(End::TransportClose | End::ForcedClose) => Ok(()),
            // The packets were dropped, or not all of them were looked at.
            Phase::WebSocket | Phase::Closed(_) => Err(Refusal::BadRequest),
        }
    }

    /// A WebSocket came that names the session.
    pub fn on_upgrade(&mut self, revision: Option<Revision>, now_ms: u64) -> Probe {
        let polls = matches!(self.phase, Phase::Polling(Candidate::None));
        if let Err((refusal, effects)) = self.expire(now_ms) {
            return Probe::Refuse(refusal, effects);
        }
        if revision != Some(self.revision) {
            return Probe::Refuse(Refusal::BadRequest, Effects::NONE);
        }
        if !polls || !self.allow_upgrades {
            return Probe::Close;
        }
        self.phase = Phase::Polling(Candidate::Silent);
        self.other_due_ms = now_ms.saturating_add(u64::from(self.upgrade_timeout_ms));
        Probe::Accept
    }

    /// Whether a polling request is for this session as it is now.
    fn admit(&mut self, revision: Option<Revision>, now_ms: u64) -> Result<(), (Refusal, Effects)> {
        self.expire(now_ms)?;
        if self.phase == Phase::WebSocket || revision != Some(self.revision) {
            return Err((Refusal::BadRequest, Effects::NONE));
        }
        Ok(())
    }

    /// Whether the session is still there.
    fn expire(&mut self, now_ms: u64) -> Result<(), (Refusal, Effects)> {
        let end = match self.phase {
            Phase::Closed(_) => return Err((Refusal::UnknownSid, Effects::NONE)),
            Phase::Closing { .. } if now_ms >= self.other_due_ms => End::ForcedClose,
            Phase::Polling(_) | Phase::WebSocket if self.heartbeat.is_dead(now_ms) => End::PingTimeout,
            _ => return Ok(()),
        };
        Err((Refusal::UnknownSid, self.end(end)))
    }
}
