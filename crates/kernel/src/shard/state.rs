//! The session behind a connection: who it is, where it is subscribed, what it has under way.

use std::{rc::Rc, sync::Arc};

use smallvec::SmallVec;
use tokio::task::AbortHandle;
use veche_protocol::{
    client::PresenceState,
    position::Position,
    session::{Phase, Session as Machine},
};

use super::{
    channel::ShardChannel,
    personal::{Acking, Personal},
};
use crate::{
    identity::{Bearer, TokenMark},
    limits::Gcra,
    publication::UserId,
    users::User,
};

/// The session behind a connection.
pub(crate) struct State {
    pub(crate) machine: Machine,
    pub(crate) user: Option<Arc<User>>,
    /// Wall clock, ms; 0 = never.
    pub(crate) expires_ms: u64,
    pub(crate) expiring_told: bool,
    /// When the credential was issued, in seconds since 1970; 0 = nobody knows. Good until 2106.
    pub(crate) issued_s: u32,
    pub(crate) token: TokenMark,
    /// When authentication must have happened.
    pub(crate) auth_by_ms: u64,
    /// When the ping that nobody has answered yet was sent; 0 = none.
    pub(crate) pinged_ms: u64,
    /// The earliest entry of this session in the wheel.
    pub(crate) armed_ms: u64,
    pub(crate) frames: Gcra,
    pub(crate) calls: Gcra,
    pub(crate) subscribes: Gcra,
    pub(crate) ephemeral: Gcra,
    pub(crate) next_call: u32,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) personal: Personal,
    /// The client's own name for its device.
    pub(crate) device: Option<Box<str>>,
    /// Parts that few sessions have at a time.
    pub(crate) rare: Option<Box<Rare>>,
}

/// What most idle sessions do without.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) running: SmallVec<[Running; 1]>,
    /// Ephemeral frames over the limit: the latest of each kind, to be sent when it allows.
    pub(crate) latest: Vec<Held>,
    pub(crate) acking: Option<Acking>,
    pub(crate) bearer: Option<Box<Bearer>>,
}

/// An ephemeral frame over its limit: of each kind and channel the latest waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    Typing { channel: Box<str>, active: bool },
    Presence { channel: Option<Box<str>>, state: PresenceState, meta: Option<Box<str>> },
    Message { channel: Box<str>, data: Box<str>, op_id: Option<Box<str>>, echo: bool },
}

impl Held {
    /// Whether the later of the two makes the other needless.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Typing { channel, .. }, Self::Typing { channel: other, .. })
            | (Self::Message { channel, .. }, Self::Message { channel: other, .. }) => channel == other,
            (Self::Presence { channel, .. }, Self::Presence { channel: other, .. }) => channel == other,
            _ => false,
        }
    }
}

/// A call under way.
pub(crate) struct Running {
    pub(crate) call: u32,
    pub(crate) id: Option<Box<str>>,
    pub(crate) deadline_ms: u64,
    pub(crate) abort: AbortHandle,
    pub(crate) concurrent: bool,
    /// Returning nothing is no answer.
    pub(crate) quiet: bool,
}

/// A session's place in a channel.
pub(crate) struct Subscription {
    pub(crate) channel: Rc<ShardChannel>,
    /// Index into the channel's list.
    pub(crate) at: u32,
    pub(crate) mode: Mode,
    /// The module's guard has allowed publishing.
    pub(crate) may_publish: bool,
    /// Its client asked for it, and needs the right to; else it is the server's act.
    pub(crate) asked: bool,
}

/// Whether a subscription receives live publications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Live,
    /// It reads what it missed; everything up to here was sent. Few do at a time, and every subscription has a mode:
    /// the place is apart.
    Replaying(Box<Position>),
    /// The slow-consumer policy stopped it; it must subscribe again.
    Lagged,
}

impl State {
    pub(crate) fn new(phase: Phase, user: Option<Arc<User>>) -> Self {
        Self {
            machine: Machine::new(phase),
            user,
            expires_ms: 0,
            expiring_told: false,
            issued_s: 0,
            token: TokenMark::default(),
            auth_by_ms: 0,
            pinged_ms: 0,
            armed_ms: u64::MAX,
            calls: Gcra::new(),
            frames: Gcra::new(),
            subscribes: Gcra::new(),
            ephemeral: Gcra::new(),
            next_call: 0,
            subscriptions: Vec::new(),
            personal: Personal::default(),
            device: None,
            rare: None,
        }
    }

    pub(crate) fn user_id(&self) -> Option<&UserId> {
        self.user.as_ref().map(|user| &user.id)
    }

    pub(crate) fn subscription(&mut self, channel: &str) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| *subscription.channel.node.name == *channel)
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Gives the memory of the rare parts back when they are empty.
    pub(crate) fn tidy(&mut self) {
        let is_empty = |rare: &Rare| {
            rare.running.is_empty()
                && rare.latest.is_empty()
                && rare.acking.is_none()
                && rare.bearer.is_none()
        };
        if self.rare.as_deref().is_some_and(is_empty) {
            self.rare = None;
        }
    }
}
