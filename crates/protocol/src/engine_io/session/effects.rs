//! What the machine wants done.

use super::super::{PacketType, Refusal};

/// Why a session ended, in the words of the reference server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// No sign of life in time.
    PingTimeout,
    /// What the client sent could not be read.
    ParseError,
    /// A request broke the rules, or broke off.
    TransportError,
    /// The client said so, or its WebSocket is gone.
    TransportClose,
    /// The server wanted it.
    ForcedClose,
}

impl End {
    /// The words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
        }
    }
}

/// What answers a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollAnswer {
    /// As much of the queue as an answer takes; a `6` where it is empty.
    Flush,
    /// What is queued still, which is hardly ever something, then `1`.
    Close,
}

/// What becomes of the WebSocket that is on probation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probation {
    /// Send `3probe` on it, past the queue.
    Pong,
    /// It is the session's transport now: flush the queue to it, and feed what comes from it to
    /// [`on_packet`](super::Session::on_packet).
    Promote,
    /// Close it. The session goes on without it, unless it ended.
    Close,
}

/// What the caller does next, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct Effects {
    /// Put this packet, without data, behind what is queued. On a WebSocket it leaves at once, on polling
    /// with the answer that [`poll`](Self::poll) gives, or else with the next one.
    pub send: Option<PacketType>,
    /// Answer the poll that waits.
    pub poll: Option<PollAnswer>,
    /// Do this with the WebSocket that is on probation.
    pub probe: Option<Probation>,
    /// The session ended. Its WebSocket, if it has one, is closed behind what is queued for it; its POST, if
    /// one is open, is answered as [`on_post_end`](super::Session::on_post_end) says. Forget the session.
    pub end: Option<End>,
}

impl Effects {
    /// Nothing to do.
    pub const NONE: Self = Self { send: None, poll: None, probe: None, end: None };

    /// Whether there is nothing to do.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// What a packet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Received {
    /// A message for the layer above: its data is the packet's.
    Message,
    /// The machine's own.
    Effects(Effects),
}

/// What becomes of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Polled {
    /// Answer it now, with 200. After [`PollAnswer::Close`] the session is over.
    Answer(PollAnswer),
    /// It waits: keep it for an answer in [`Effects`] or for [`Outlet::Poll`].
    Wait,
    /// Refuse it, then see to the effects: the poll that waited already is answered there.
    Refuse(Refusal, Effects),
}

/// What becomes of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Posted {
    /// Read its body, feed the packets to [`on_packet`](super::Session::on_packet) and tell the end by
    /// [`on_post_end`](super::Session::on_post_end).
    Read,
    /// Refuse it, then see to the effects.
    Refuse(Refusal, Effects),
}

/// What becomes of a WebSocket that names the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Probe {
    /// Accept it. It is on probation: its packets go to
    /// [`on_probe_packet`](super::Session::on_probe_packet).
    Accept,
    /// Accept the handshake and close it: the session has, or has had, another one, and lives on.
    Close,
    /// Refuse the handshake, then see to the effects.
    Refuse(Refusal, Effects),
}

/// Where what is queued can go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outlet {
    /// To the WebSocket.
    WebSocket,
    /// Into the answer of the poll that waited, which waits no longer.
    Poll,
    /// Nowhere yet: the next poll takes it, or the WebSocket after an upgrade.
    Queue,
    /// Nowhere any more: the session is over, or takes nothing new. What was queued before
    /// [`close`](super::Session::close) stays for the last poll.
    Closed,
}
