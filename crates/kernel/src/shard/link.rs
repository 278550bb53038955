//! A connection as the shard knows it: the session's state, and the way to its socket.

use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::task::AbortHandle;
use veche_protocol::{
    client::PresenceState,
    code::CloseCode,
    position::Position,
    server::{Recovery, ServerFrame},
    session::{Phase, Session as Machine},
};

use super::{
    backlog::{Backlog, Chunk},
    channel::ShardChannel,
    personal::{Acking, Personal},
};
use crate::{
    framed::Encoding,
    identity::{Bearer, Identity},
    limits::Gcra,
    publication::{SessionId, UserId},
    revoked::Revocation,
    rules::Principal,
    users::User,
};

/// What the kernel needs of a socket. It lives on the shard's thread.
pub trait Wire {
    /// Offers bytes without waiting; how many were taken. `WouldBlock` when none.
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// There is work for the connection's driver: a backlog to write, reads to take up again, or the end.
    fn wake(&self);

    /// The session has its place in a channel, whose publications so far go up to `head`; what is sent of
    /// the channel from now on comes after that, or is the replay that `recovery` promises.
    ///
    /// For wires that mark what they send with positions; others leave it out.
    fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        let _ = (channel, head, recovery);
    }
}

/// One connection and its session.
pub struct Link<W: Wire + ?Sized = dyn Wire> {
    pub(crate) id: SessionId,
    pub(crate) slot: Cell<u32>,
    pub(crate) encoding: Encoding,
    pub(crate) seen_ms: Cell<u64>,
    pub(crate) closing: Cell<Option<CloseCode>>,
    pub(crate) backlog: RefCell<Option<Box<Backlog>>>,
    pub(crate) state: RefCell<State>,
    wire: W,
}

/// The session behind a connection.
pub(crate) struct State {
    pub(crate) machine: Machine,
    pub(crate) user: Option<Arc<User>>,
    /// Wall clock, ms; 0 = never.
    pub(crate) expires_ms: u64,
    pub(crate) expiring_told: bool,
    /// When the credential was issued, in seconds since 1970; 0 = nobody knows. Good until 2106.
    pub(crate) issued_s: u32,
    /// When authentication must have happened.
    pub(crate) auth_by_ms: u64,
    /// When the ping that nobody has answered yet was sent; 0 = none.
    pub(crate) pinged_ms: u64,
    /// The earliest entry of this session in the wheel.
    pub(crate) armed_ms: u64,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Live,
    /// It reads what it missed; everything up to here was sent.
    Replaying(Position),
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
            auth_by_ms: 0,
            pinged_ms: 0,
            armed_ms: u64::MAX,
            calls: Gcra::new(),
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

    /// The session takes on what its credential says.
    pub(crate) fn bear(&mut self, identity: Identity) {
        self.expires_ms = identity.expires_ms;
        self.expiring_told = false;
        self.issued_s = u32::try_from(identity.issued_ms / 1_000).unwrap_or(u32::MAX);
        match Bearer::of(identity) {
            None if self.rare.is_none() => {}
            bearer => self.rare().bearer = bearer,
        }
        self.tidy();
    }

    fn bearer(&self) -> Option<&Bearer> {
        self.rare.as_ref().and_then(|rare| rare.bearer.as_deref())
    }

    /// Who asks, when this session asks for something.
    pub(crate) fn principal(&self) -> Principal<'_> {
        let grants = self.bearer().and_then(|bearer| bearer.grants.as_deref());
        Principal { user: self.user_id(), grants }
    }

    /// What the credential shows of its user to other members.
    pub(crate) fn meta(&self) -> Option<&str> {
        self.bearer().and_then(|bearer| bearer.meta.as_deref())
    }

    pub(crate) fn is_revoked(&self, what: &Revocation) -> bool {
        match what {
            Revocation::User(user, since_ms) => {
                self.user_id() == Some(user) && u64::from(self.issued_s) * 1_000 <= *since_ms
            }
            Revocation::Token(token) => {
                self.bearer().is_some_and(|bearer| bearer.token.as_ref() == Some(token))
            }
        }
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

/// What became of bytes offered to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// The socket took all of them, or the connection is ending anyway.
    Sent,
    /// Some wait in the backlog.
    Kept,
    /// Some wait, and the backlog is over its bound.
    Over,
}

impl<W: Wire> Link<W> {
    pub(crate) fn new(id: SessionId, encoding: Encoding, seen_ms: u64, state: State, wire: W) -> Self {
        Self {
            id,
            slot: Cell::new(u32::MAX),
            encoding,
            seen_ms: Cell::new(seen_ms),
            closing: Cell::new(None),
            backlog: RefCell::new(None),
            state: RefCell::new(state),
            wire,
        }
    }

    /// The socket.
    pub fn wire(&self) -> &W {
        &self.wire
    }
}

impl<W: Wire + ?Sized> Link<W> {
    /// The session's public id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Why the connection must end, once it must: write what waits, then the close frame.
    pub fn closing(&self) -> Option<CloseCode> {
        self.closing.get()
    }

    /// The peer gave a sign of life.
    pub fn seen(&self, now_ms: u64) {
        self.seen_ms.set(now_ms);
    }

    /// Ends the connection; the first reason stands.
    pub fn end(&self, code: CloseCode) {
        self.close(code);
    }

    /// Whether the driver may read more. When not, the kernel wakes it as soon as it may again.
    pub fn may_read(&self) -> bool {
        self.closing.get().is_none() && self.state.borrow().machine.may_read()
    }

    /// Whether the socket has refused bytes that still wait.
    pub fn has_backlog(&self) -> bool {
        self.backlog.borrow().is_some()
    }

    /// Writes what waits by `write` until all is written (`Ok(true)`) or it refuses (`Ok(false)`).
    pub fn write_backlog(
        &self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let mut place = self.backlog.borrow_mut();
        while let Some(backlog) = place.as_mut().filter(|backlog| !backlog.is_empty()) {
            let written = match write(&backlog.slices()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            backlog.advance(written);
        }
        Ok(true)
    }

    /// Ends the connection; the first reason stands.
    pub(crate) fn close(&self, code: CloseCode) {
        if self.closing.get().is_none() {
            self.closing.set(Some(code));
            self.state.borrow_mut().machine.set_phase(Phase::Closing);
            if code == CloseCode::SlowConsumer
                && let Some(backlog) = self.backlog.borrow_mut().as_mut()
            {
                backlog.give_up();
            }
            self.wire.wake();
        }
    }

    /// Sends bytes now, or keeps what the socket refuses. `chunks` are the frames that make up `bytes`.
    pub(crate) fn offer<I: Iterator<Item = Chunk>>(
        &self,
        bytes: &[u8],
        bound: usize,
        chunks: impl FnOnce() -> I,
    ) -> Offered {
        if self.closing.get().is_some() {
            return Offered::Sent;
        }
        let mut backlog = self.backlog.borrow_mut();
        let sent = if backlog.is_some() {
            0
        } else {
            match self.wire.try_send(bytes) {
                Ok(sent) if sent == bytes.len() => return Offered::Sent,
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                // The driver finds the same error when it reads, and ends the connection.
                Err(_) => return Offered::Sent,
            }
        };
        let first = backlog.is_none();
        let backlog = backlog.get_or_insert_default();
        backlog.keep(chunks(), sent);
        if first {
            self.wire.wake();
        }
        if backlog.bytes() > bound { Offered::Over } else { Offered::Kept }
    }

    /// Sends a frame for this session alone. A client that lets twice the bound of replies pile up goes.
    pub(crate) fn send(&self, bytes: Bytes, bound: usize) {
        let chunk = Chunk::direct(bytes.clone());
        let offered = self.offer(&bytes, bound.saturating_mul(2), || std::iter::once(chunk));
        if offered == Offered::Over {
            self.close(CloseCode::SlowConsumer);
        }
    }

    /// A frame as this session's door writes it, before it is framed.
    pub(crate) fn text(&self, frame: &ServerFrame<'_>) -> Vec<u8> {
        let mut text = Vec::with_capacity(96);
        self.encoding.write(frame, &mut text);
        text
    }

    pub(crate) fn send_frame(&self, frame: &ServerFrame<'_>, bound: usize) {
        self.send(self.encoding.encode(frame), bound);
    }

    /// Tells the wire where a subscription begins.
    pub(crate) fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        self.wire.settled(channel, head, recovery);
    }

    /// Wakes the driver: reads may go on.
    pub(crate) fn wake(&self) {
        self.wire.wake();
    }

    pub(crate) fn mode(&self, channel: &Rc<ShardChannel>) -> Option<Mode> {
        let state = self.state.borrow();
        let found = state.subscriptions.iter().find(|it| Rc::ptr_eq(&it.channel, channel));
        found.map(|subscription| subscription.mode)
    }

    pub(crate) fn set_mode(&self, channel: &Rc<ShardChannel>, mode: Mode) {
        let mut state = self.state.borrow_mut();
        if let Some(found) = state.subscriptions.iter_mut().find(|it| Rc::ptr_eq(&it.channel, channel)) {
            found.mode = mode;
        }
    }

    /// The policy of a positioned channel fired: tells the client from where to come back.
    pub(crate) fn lag(&self, channel: &Rc<ShardChannel>, since: Position, bound: usize) {
        self.set_mode(channel, Mode::Lagged);
        let name = &channel.node.name;
        self.send_frame(&ServerFrame::LaggedSince { channel: name, since }, bound);
    }
}
