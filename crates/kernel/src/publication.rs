//! What a channel carries.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    str::FromStr,
    sync::Arc,
};

use smallvec::SmallVec;
use veche_protocol::{
    name::ChannelName,
    position::{Epoch, Position},
};

/// Who a user is: the token's `sub`, or `guest:<id>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody is signed in behind this id.
    pub fn is_guest(&self) -> bool {
        self.0.starts_with("guest:")
    }
}

impl Borrow<str> for UserId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for UserId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session's public name: random bits, 11 characters on the wire. It is no secret and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// Reads what [`SessionId`] displays; `None` where no session could have that name.
    pub fn parse(text: &str) -> Option<Self> {
        Epoch::from_str(text).ok()?.to_bits().map(Self)
    }

    /// What it displays, held in place: bits are written alike in both.
    pub(crate) fn text(self) -> Epoch {
        Epoch::from_bits(self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text(), f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who published, as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// A named payload in a channel. A positioned one has its place in the channel's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where it belongs.
    pub channel: ChannelName,
    /// The event's name; `message` for what clients publish.
    pub event: Cow<'static, str>,
    /// The payload, raw JSON.
    pub data: Arc<str>,
    /// Its place, assigned by the channel's sequencer; `None` on an `ephemeral` channel.
    pub position: Option<Position>,
    /// Who published; `None` for the server itself.
    pub sender: Option<Sender>,
    /// The publisher's own id of the operation: within the channel's dedupe window it counts once.
    pub op_id: Option<Box<str>>,
    /// What makes publications replace each other under `latest_per_key`; without one, event and sender do.
    pub key: Option<Box<str>>,
    /// Wall clock, ms since 1970.
    pub time_ms: u64,
    /// Sessions that it leaves out; on a positioned channel they are told so by `skipped`.
    pub exclude: SmallVec<[SessionId; 1]>,
    /// Whether `data` is the list of an emit's arguments, because there is not one of them: `[]` for none.
    pub args: bool,
    /// Channels whose subscribers it leaves out as well. Only memory keeps this: a log replays to them.
    pub except: Option<Box<[ChannelName]>>,
}

impl Publication {
    /// A publication of the server itself, before its position.
    pub fn new(channel: ChannelName, event: Cow<'static, str>, data: Arc<str>, time_ms: u64) -> Self {
        Self {
            channel,
            event,
            data,
            position: None,
            sender: None,
            op_id: None,
            key: None,
            time_ms,
            exclude: SmallVec::new(),
            args: false,
            except: None,
        }
    }

    /// Whether it leaves a session out that is subscribed to the channels which `is_in` knows.
    pub fn leaves_out(&self, session: SessionId, is_in: impl Fn(&str) -> bool) -> bool {
        self.exclude.contains(&session)
            || self.except.as_deref().is_some_and(|except| except.iter().any(|channel| is_in(channel)))
    }

    /// Whether it is for all subscribers.
    pub(crate) fn is_for_all(&self) -> bool {
        self.exclude.is_empty() && self.except.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::SessionId;

    #[test]
    fn a_sessions_name_reads_back() {
        for id in [0, 1, 61, 62, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(SessionId::parse(&SessionId(id).to_string()), Some(SessionId(id)));
        }
        for text in ["", "0", "00000000000000", "zzzzzzzzzzz", "0000000000-"] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
