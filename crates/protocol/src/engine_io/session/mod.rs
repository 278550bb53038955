//! One session as a state machine: which transport it has, who may ask what now, and when it ends.
//!
//! **The one law: what is queued leaves by exactly one way, in order, and no poll is left waiting.** At any
//! time either polling or a WebSocket is the session's transport. A WebSocket that wants to take over is on
//! *probation*: it carries nothing but the probe until its `5`, while polls are answered at once, so that
//! nothing of the old transport is under way when the new one begins.
//!
//! The caller keeps the queue, the poll that waits, the POST that is open and the sockets; the machine knows
//! only that there are such. Time comes in milliseconds of a clock that does not go back. After each call,
//! and whenever [`deadline_ms`](Session::deadline_ms) has passed, the caller does what the answer says.
//!
//! ```
//! use veche_protocol::engine_io::{
//!     Config, Outlet, Packet, PollAnswer, Polled, Probation, Probe, Revision, Session, Transport,
//! };
//!
//! let mut session = Session::new(&Config::default(), Revision::V4, Transport::Polling, 0);
//! assert_eq!(session.on_poll(Some(Revision::V4), false, 1), Polled::Wait);
//! // Something is to be sent: it goes into the answer.
//! assert_eq!(session.outlet(), Outlet::Poll);
//!
//! assert_eq!(session.on_upgrade(Some(Revision::V4), 2), Probe::Accept);
//! let probe = Packet::from_text(Revision::V4, "2probe")?;
//! assert_eq!(session.on_probe_packet(&probe, 3).probe, Some(Probation::Pong));
//! // From here on no poll waits.
//! assert_eq!(session.on_poll(Some(Revision::V4), false, 4), Polled::Answer(PollAnswer::Flush));
//! let upgrade = Packet::from_text(Revision::V4, "5")?;
//! assert_eq!(session.on_probe_packet(&upgrade, 5).probe, Some(Probation::Promote));
//! assert_eq!(session.outlet(), Outlet::WebSocket);
//! # Ok::<(), veche_protocol::engine_io::Fault>(())
//! ```

mod effects;
mod heartbeat;
mod requests;

pub use effects::{Effects, End, Outlet, PollAnswer, Polled, Posted, Probation, Probe, Received};

use super::{Config, Data, Packet, PacketType, Revision, Transport};
use heartbeat::{Due, Heartbeat};

/// How long a polling session that the server closes waits for the poll that takes the rest of the queue and
/// the `1`.
pub const CLOSE_TIMEOUT_MS: u64 = 30_000;

/// The state machine of one session.
#[derive(Debug)]
pub struct Session {
    heartbeat: Heartbeat,
    /// The end of a probation, or of the wait for a last poll.
    other_due_ms: u64,
    upgrade_timeout_ms: u32,
    revision: Revision,
    phase: Phase,
    /// Whether a GET waits.
    polled: bool,
    /// Whether a POST is open.
    posted: bool,
    /// Whether a pong of the third revision is queued that no poll has taken yet.
    ponged: bool,
    allow_upgrades: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Polling; a WebSocket may be on probation.
    Polling(Candidate),
    WebSocket,
    /// The server has closed a polling session: polls take what is queued, and the last one the `1`.
    Closing {
        /// A WebSocket's probe was answered before. The client may have left polling already and hear nothing
        /// there, so the end waits for the upgrade, or for the end of the probation.
        probed: bool,
    },
    Closed(End),
}

/// The WebSocket that is on probation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidate {
    None,
    /// Its probe has not come.
    Silent,
    /// Its probe was answered: no poll waits.
    Probed,
}

impl Session {
    /// A session that begins: the caller sends the [`Handshake`](super::Handshake), on polling as the answer
    /// to the very request.
    pub fn new(config: &Config, revision: Revision, transport: Transport, now_ms: u64) -> Self {
        Self {
            heartbeat: Heartbeat::new(config, revision, now_ms),
            other_due_ms: u64::MAX,
            upgrade_timeout_ms: config.upgrade_timeout_ms,
            revision,
            phase: match transport {
                Transport::Polling => Phase::Polling(Candidate::None),
                Transport::WebSocket => Phase::WebSocket,
            },
            polled: false,
            posted: false,
            ponged: false,
            allow_upgrades: config.upgrades_from(transport),
        }
    }

    /// What the client speaks.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The session's transport. A WebSocket on probation is none yet.
    pub const fn transport(&self) -> Transport {
        match self.phase {
            Phase::WebSocket => Transport::WebSocket,
            Phase::Polling(_) | Phase::Closing { .. } | Phase::Closed(_) => Transport::Polling,
        }
    }

    /// Whether the session is over. `Some` says why.
    pub const fn ended(&self) -> Option<End> {
        match self.phase {
            Phase::Closed(end) => Some(end),
            _ => None,
        }
    }

    /// Whether a WebSocket is on probation.
    pub const fn is_probing(&self) -> bool {
        matches!(
            self.phase,
            Phase::Polling(Candidate::Silent | Candidate::Probed) | Phase::Closing { probed: true }
        )
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called; `None` when the session is over.
    pub fn deadline_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Closed(_) => None,
            Phase::Closing { .. } => Some(self.other_due_ms),
            _ => Some(self.heartbeat.due_ms().min(self.other_due_ms)),
        }
    }

    /// Does what is due; nothing before its time.
    pub fn on_deadline(&mut self, now_ms: u64) -> Effects {
        match self.phase {
            Phase::Closing { .. } if now_ms >= self.other_due_ms => return self.end(End::ForcedClose),
            Phase::Closing { .. } | Phase::Closed(_) => return Effects::NONE,
            Phase::Polling(_) | Phase::WebSocket => {}
        }
        let mut effects = Effects::NONE;
        match self.heartbeat.check(now_ms) {
            Due::Dead => return self.end(End::PingTimeout),
            Due::Ping => {
                effects.send = Some(PacketType::Ping);
                effects.poll = self.take_poll(PollAnswer::Flush);
            }
            Due::Nothing => {}
        }
        if now_ms >= self.other_due_ms {
            effects.probe = self.end_probation();
        }
        effects
    }

    /// Where what is queued goes. Ask when there is something: a poll that waited is taken by asking.
    pub fn outlet(&mut self) -> Outlet {
        match self.phase {
            Phase::WebSocket => Outlet::WebSocket,
            Phase::Closing { .. } | Phase::Closed(_) => Outlet::Closed,
            Phase::Polling(_) => match self.take_poll(PollAnswer::Flush) {
                Some(_) => Outlet::Poll,
                None => Outlet::Queue,
            },
        }
    }

    /// Whether a message that may be lost would leave at once.
    pub const fn is_writable(&self) -> bool {
        match self.phase {
            Phase::WebSocket => true,
            Phase::Polling(_) => self.polled,
            Phase::Closing { .. } | Phase::Closed(_) => false,
        }
    }

    /// A packet came: from the session's WebSocket, or in the body of the POST that is open.
    ///
    /// `from` tells which: what the old transport brings after an upgrade is dropped.
    pub fn on_packet(&mut self, from: Transport, packet: &Packet<'_>, now_ms: u64) -> Received {
        let expected = match self.phase {
            Phase::Polling(_) => Transport::Polling,
            Phase::WebSocket => Transport::WebSocket,
            Phase::Closing { .. } | Phase::Closed(_) => return Received::Effects(Effects::NONE),
        };
        if from != expected {
            return Received::Effects(Effects::NONE);
        }
        self.heartbeat.on_packet(now_ms);
        Received::Effects(match (packet.kind, self.revision) {
            (PacketType::Message, _) => return Received::Message,
            (PacketType::Ping, Revision::V3) => self.pong(now_ms),
            (PacketType::Pong, Revision::V4) => {
                self.heartbeat.on_pong(now_ms);
                Effects::NONE
            }
            // A heartbeat in the wrong direction.
            (PacketType::Ping, Revision::V4) | (PacketType::Pong, Revision::V3) => {
                self.end(End::TransportError)
            }
            (PacketType::Close, _) => self.end_by_client(),
            // Clients have no reason to send these; the reference does not look at them either.
            (PacketType::Open | PacketType::Upgrade | PacketType::Noop, _) => Effects::NONE,
        })
    }

    /// A packet came from the WebSocket that is on probation.
    ///
    /// `2probe` is answered, `5` completes the upgrade, anything else ends the probation.
    pub fn on_probe_packet(&mut self, packet: &Packet<'_>, now_ms: u64) -> Effects {
        if !self.is_probing() {
            return Effects::NONE;
        }
        let is_closing = self.phase == Phase::Closing { probed: true };
        match (packet.kind, &packet.data) {
            (PacketType::Ping, Data::Text("probe")) => {
                if !is_closing {
                    self.phase = Phase::Polling(Candidate::Probed);
                }
                let poll = self.take_poll(PollAnswer::Flush);
                Effects { poll, probe: Some(Probation::Pong), ..Effects::NONE }
            }
            (PacketType::Upgrade, _) => {
                self.phase = Phase::WebSocket;
                self.other_due_ms = u64::MAX;
                self.heartbeat.on_packet(now_ms);
                let poll = self.take_poll(PollAnswer::Flush);
                let end = if is_closing { self.end(End::ForcedClose).end } else { None };
                Effects { poll, probe: Some(Probation::Promote), end, ..Effects::NONE }
            }
            _ => self.on_probe_fault(),
        }
    }

    /// What came from the WebSocket on probation cannot be read, or is too large. Only it is closed.
    pub fn on_probe_fault(&mut self) -> Effects {
        Effects { probe: self.end_probation(), ..Effects::NONE }
    }

    /// The WebSocket on probation is gone. The session goes on by polling.
    pub fn on_probe_gone(&mut self) {
        self.end_probation();
    }

    /// The session's WebSocket is gone.
    pub fn on_websocket_gone(&mut self) -> Effects {
        match self.phase {
            Phase::WebSocket => self.end(End::TransportClose),
            _ => Effects::NONE,
        }
    }

    /// Ends the session at once: a packet or a body could not be read ([`End::ParseError`]), a body was too
    /// large or too slow, or a socket failed ([`End::TransportError`]).
    pub fn fail(&mut self, end: End) -> Effects {
        match self.phase {
            Phase::Closed(_) => Effects::NONE,
            _ => self.end(end),
        }
    }

    /// Ends the session in order, by the server's will: what is queued still leaves.
    ///
    /// On polling without a poll that waits, the next polls take the queue and then the `1`; what is left
    /// after 30 s is dropped. An upgrade that is under way is gone through with, and the WebSocket takes the
    /// queue; where it fails, polls do, in what is left of the upgrade's time. Nothing that the client sends
    /// is looked at any more.
    pub fn close(&mut self, now_ms: u64) -> Effects {
        match self.phase {
            Phase::Closing { .. } | Phase::Closed(_) => Effects::NONE,
            Phase::Polling(Candidate::Probed) => {
                self.phase = Phase::Closing { probed: true };
                Effects::NONE
            }
            Phase::Polling(_) if !self.polled => {
                let probe = self.end_probation();
                self.phase = Phase::Closing { probed: false };
                self.other_due_ms = now_ms.saturating_add(CLOSE_TIMEOUT_MS);
                Effects { probe, ..Effects::NONE }
            }
            Phase::Polling(_) | Phase::WebSocket => self.end(End::ForcedClose),
        }
    }

    /// The answer to a ping of the third revision. While one waits for a poll there is no second: a client
    /// that pings and never polls fills no queue.
    fn pong(&mut self, now_ms: u64) -> Effects {
        self.heartbeat.on_ping(now_ms);
        let poll = self.take_poll(PollAnswer::Flush);
        let waits = self.phase != Phase::WebSocket && poll.is_none();
        let send = (!waits || !self.ponged).then_some(PacketType::Pong);
        self.ponged = waits;
        Effects { send, poll, ..Effects::NONE }
    }

    /// Answers the poll that waits, if one does.
    fn take_poll(&mut self, answer: PollAnswer) -> Option<PollAnswer> {
        std::mem::take(&mut self.polled).then_some(answer)
    }

    fn end_probation(&mut self) -> Option<Probation> {
        match self.phase {
            Phase::Polling(Candidate::Silent | Candidate::Probed) => {
                self.phase = Phase::Polling(Candidate::None);
                self.other_due_ms = u64::MAX;
            }
            Phase::Closing { probed: true } => self.phase = Phase::Closing { probed: false },
            _ => return None,
        }
        Some(Probation::Close)
    }

    fn end(&mut self, end: End) -> Effects {
        let probe = self.end_probation();
        let poll = self.take_poll(PollAnswer::Close);
        self.phase = Phase::Closed(end);
        Effects { send: None, poll, probe, end: Some(end) }
    }

    /// The client's own `1` needs no `1` in return.
    fn end_by_client(&mut self) -> Effects {
        let poll = self.take_poll(PollAnswer::Flush);
        Effects { poll, ..self.end(End::TransportClose) }
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Session>() <= 48, "{} bytes", size_of::<Session>());
    }
}
