//! Frames that a client sends: one text message is one JSON object, or a batch of 1 to 128 of them.
//!
//! [`parse`] is the only way in. It checks everything that can be known without asking anybody: forms,
//! lengths, ranges. Rights, rate limits and the order of frames are not its business.

mod envelope;
mod parse;
mod scan;

use std::borrow::Cow;

pub use self::{
    envelope::OP_ID_MAX,
    parse::{CLIENT_TYPES, SERVER_TYPES, is_reserved, parse, peek_urgent},
};
use crate::{code::ErrorCode, position::Position};

/// The most elements of a batch.
pub const BATCH_MAX: usize = 128;

/// The most bytes of a presence `meta`.
pub const META_MAX: usize = 1024;

/// The most publications that one `history` brings, and what it brings if it does not say.
pub const HISTORY_MAX: u16 = 100;

/// What one text message held.
#[derive(Debug, Clone, PartialEq)]
pub enum Frames<'a> {
    /// A single frame, or a batch that was refused as a whole.
    One(Result<Frame<'a>, Refusal<'a>>),
    /// A batch, in order; a bad element does not spoil the others.
    Many(Vec<Result<Frame<'a>, Refusal<'a>>>),
}

impl<'a> IntoIterator for Frames<'a> {
    type Item = Result<Frame<'a>, Refusal<'a>>;
    type IntoIter = IntoIter<'a>;

    fn into_iter(self) -> IntoIter<'a> {
        match self {
            Self::One(frame) => IntoIter { one: Some(frame), many: Vec::new().into_iter() },
            Self::Many(frames) => IntoIter { one: None, many: frames.into_iter() },
        }
    }
}

/// The frames of one text message, in order.
#[derive(Debug, Clone)]
pub struct IntoIter<'a> {
    one: Option<Result<Frame<'a>, Refusal<'a>>>,
    many: std::vec::IntoIter<Result<Frame<'a>, Refusal<'a>>>,
}

impl<'a> Iterator for IntoIter<'a> {
    type Item = Result<Frame<'a>, Refusal<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.one.take().or_else(|| self.many.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.one.is_some()) + self.many.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for IntoIter<'_> {}

/// One parsed frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<'a> {
    /// The client's `id` as raw JSON, a number or a string; it asks for a reply.
    pub id: Option<&'a str>,
    /// What the frame asks for.
    pub body: Body<'a>,
}

/// What a frame asks for. Channel names and event names have been checked; `data`, `meta` and `ts`
/// are raw JSON.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Body<'a> {
    /// `subscribe` with `channel`.
    Subscribe {
        /// The channel.
        channel: Cow<'a, str>,
        /// The last position that the client has.
        since: Option<Position>,
        /// Whether the list of members and its changes are wanted.
        presence: bool,
    },
    /// `subscribe` with `channels`.
    SubscribeMany {
        /// 1 to 128 channels, in the client's order; a name may stand twice.
        channels: Vec<Cow<'a, str>>,
        /// Whether the lists of members and their changes are wanted.
        presence: bool,
    },
    /// `unsubscribe`.
    Unsubscribe {
        /// The channel.
        channel: Cow<'a, str>,
    },
    /// `message`.
    Message {
        /// The channel.
        channel: Cow<'a, str>,
        /// The payload, raw.
        data: &'a str,
        /// The client's name for this act: 1 to 64 bytes. The same again is answered, not repeated.
        op_id: Option<Cow<'a, str>>,
        /// Whether the sender wants its own copy; `true` unless said otherwise.
        echo: bool,
    },
    /// `typing`.
    Typing {
        /// The channel.
        channel: Cow<'a, str>,
        /// Whether the user writes, or no longer.
        active: bool,
    },
    /// `presence`.
    Presence {
        /// The channel; `None` means every channel of the session.
        channel: Option<Cow<'a, str>>,
        /// The new state.
        state: PresenceState,
        /// Raw JSON of at most 1 KiB for the other members.
        meta: Option<&'a str>,
    },
    /// `ack`.
    Ack {
        /// Everything up to this offset has been taken care of.
        offset: u64,
    },
    /// `history`.
    History {
        /// The channel.
        channel: Cow<'a, str>,
        /// Which part.
        range: Range,
        /// At most this many publications: 1 to 100.
        limit: u16,
    },
    /// `auth`.
    Auth {
        /// The token, not empty and not verified.
        token: Cow<'a, str>,
    },
    /// `ping`.
    Ping {
        /// The client's own mark, a number or a string, which comes back in `pong`.
        ts: Option<&'a str>,
    },
    /// Any other type: an application event.
    Call {
        /// The event's name.
        event: Cow<'a, str>,
        /// The payload, raw; `null` if the frame had none.
        data: &'a str,
        /// The channel that the call is about.
        channel: Option<Cow<'a, str>>,
        /// The client's name for this act: 1 to 64 bytes.
        op_id: Option<Cow<'a, str>>,
    },
}

/// Which part of the history is asked for; the bounds are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From after this offset on, oldest first.
    After(u64),
    /// Before this offset, newest first; `None` starts at the head.
    Before(Option<u64>),
}

/// What a person says of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceState {
    /// Here.
    Active,
    /// Away from the keyboard.
    Idle,
    /// Do not disturb.
    Dnd,
    /// Here, and not listed.
    Invisible,
}

impl PresenceState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Dnd => "dnd",
            Self::Invisible => "invisible",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Idle, Self::Dnd, Self::Invisible]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A frame, or an element of a batch, that was refused. Nothing of it took effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal<'a> {
    /// The frame's `id`, if it could be read.
    pub id: Option<&'a str>,
    /// The word.
    pub code: ErrorCode,
    /// What is wrong, for a person.
    pub message: Cow<'static, str>,
    /// Which field.
    pub field: Option<&'static str>,
}
