//! Frames that the server sends. Each is one JSON object in one text message.
//!
//! [`ServerFrame::encode`] is written by hand: a publication is encoded once for all its subscribers,
//! and payloads are copied as they came. `type` always stands first.

mod encode;

use crate::{client::PresenceState, code::ErrorCode, position::Position};

/// A frame to a client. Fields named `data`, `id`, `ts` and `meta` are raw JSON and are copied as they are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ServerFrame<'a> {
    /// The first frame after authentication.
    Welcome {
        /// The public session id.
        session: &'a str,
        /// The user, or `guest:…`.
        user: &'a str,
        /// The node that serves the session.
        node: &'a str,
        /// How often the server pings, in milliseconds.
        ping_interval_ms: u64,
        /// The limits in force, by name.
        limits: &'a [(&'static str, u64)],
        /// The server's wall clock.
        time_ms: u64,
    },
    /// The session is subscribed.
    Subscribed {
        /// The `id` of the frame that asked.
        id: Option<&'a str>,
        /// The channel.
        channel: &'a str,
        /// The cut: what comes live has a later offset. An ephemeral channel has none.
        head: Option<Position>,
        /// How the subscription continues from the client's position.
        recovery: Recovery,
        /// Who is there, where asked for.
        presence: Option<Roster<'a>>,
    },
    /// The session is no longer subscribed. `code` and `reason` as for a connection's close.
    Unsubscribed {
        /// The `id` of the frame that asked, if one did.
        id: Option<&'a str>,
        /// The channel.
        channel: &'a str,
        /// A close code's number, with its policy: whether subscribing again makes sense.
        code: u16,
        /// The code's reason.
        reason: &'a str,
    },
    /// What a channel carries.
    Publication {
        /// The event's name, which becomes the frame's `type`.
        event: &'a str,
        /// The channel.
        channel: &'a str,
        /// Its place; an ephemeral channel has none.
        offset: Option<u64>,
        /// Who published, if a session did.
        from: Option<From<'a>>,
        /// The publisher's name for this act.
        op_id: Option<&'a str>,
        /// When the server accepted it, by its wall clock.
        time_ms: u64,
        /// The payload, raw.
        data: &'a str,
        /// Whether the payload is the list of an emit's arguments, of which there are not one: see
        /// [`Args::data`](crate::socket_io::Args::data).
        args: bool,
    },
    /// Who came, went or changed.
    Members {
        /// Which of the three.
        change: Change,
        /// The channel.
        channel: &'a str,
        /// Those concerned, and how many there are now.
        roster: Roster<'a>,
    },
    /// Somebody writes, or no longer.
    Typing {
        /// The channel.
        channel: &'a str,
        /// Who.
        user: &'a str,
        /// Whether they write.
        active: bool,
    },
    /// A call or a request succeeded.
    Reply {
        /// The `id` of the frame that asked.
        id: &'a str,
        /// The answer, raw.
        data: Option<&'a str>,
        /// Where the publication stands.
        position: Option<Position>,
        /// The class whose condition holds.
        class: Option<&'a str>,
        /// Whether the `op_id` had been seen: the position is the first one's.
        duplicate: bool,
    },
    /// A call or a frame failed.
    Error {
        /// The `id` of the frame, if it had one.
        id: Option<&'a str>,
        /// Why.
        error: Failure<'a>,
    },
    /// A positioned publication left this session out.
    Skipped {
        /// The channel.
        channel: &'a str,
        /// The publication's offset, to which the client's position moves.
        offset: u64,
    },
    /// The slow-consumer policy fired on an unpositioned channel.
    LaggedDropped {
        /// The channel.
        channel: &'a str,
        /// How many publications this session did not get.
        dropped: u64,
    },
    /// The slow-consumer policy fired on a positioned channel, which now stands still for this session.
    LaggedSince {
        /// The channel.
        channel: &'a str,
        /// The last position that was sent.
        since: Position,
    },
    /// The token expires in 30 s.
    Expiring,
    /// The server drains.
    Bye {
        /// Why.
        reason: &'a str,
        /// When to connect again.
        retry_after_ms: u64,
    },
    /// The answer to the client's `ping`.
    Pong {
        /// The client's own mark.
        ts: Option<&'a str>,
        /// The server's wall clock.
        time_ms: u64,
    },
}

/// How a subscription continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// No `since`: nothing retained is sent.
    Fresh,
    /// The client has everything.
    UpToDate,
    /// What was missed follows, in order.
    Replay,
    /// The gap cannot be closed.
    Reset(ResetReason),
}

/// Why a gap cannot be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetReason {
    /// The position is of another epoch.
    Epoch,
    /// The position is past the head.
    Ahead,
    /// What was missed is no longer retained.
    Trimmed,
    /// More than `replay_limit` publications were missed.
    TooFar,
}

/// Who published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From<'a> {
    /// The user, stamped by the server.
    pub user: &'a str,
    /// The public session id.
    pub session: &'a str,
}

/// Members of a channel at a revision; above 200 members `members` is `None`.
#[derive(Debug, Clone)]
pub struct Roster<'a> {
    /// The channel's presence revision.
    pub revision: u64,
    /// How many members there are.
    pub count: u64,
    /// The members that the frame speaks of.
    pub members: Option<Vec<Member<'a>>>,
}

/// One member.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The user.
    pub user: &'a str,
    /// How many sessions the user has in the channel.
    pub sessions: u32,
    /// What they say of themselves.
    pub state: PresenceState,
    /// Their raw JSON, at most 1 KiB.
    pub meta: Option<&'a str>,
}

/// What happened to the members listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They came.
    Joined,
    /// They went.
    Left,
    /// Their state or meta changed.
    Presence,
}

/// Why something failed.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// The word.
    pub code: ErrorCode,
    /// For a person.
    pub message: &'a str,
    /// Which field.
    pub field: Option<&'a str>,
    /// When to try again.
    pub retry_after_ms: Option<u64>,
}

impl ResetReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Ahead => "ahead",
            Self::Trimmed => "trimmed",
            Self::TooFar => "too_far",
        }
    }
}

impl Recovery {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::UpToDate => "up_to_date",
            Self::Replay => "replay",
            Self::Reset(_) => "reset",
        }
    }
}

impl Change {
    /// The word on the wire, which is the frame's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Presence => "presence",
        }
    }
}
