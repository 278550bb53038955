//! A connection as the shard knows it: the way to its socket.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    hint,
    io::{self, IoSlice},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use veche_protocol::{
    code::CloseCode,
    name::ChannelName,
    position::Position,
    server::{Recovery, ServerFrame},
    session::Phase,
};

use super::{
    backlog::{Backlog, Chunk},
    channel::ShardChannel,
    state::{Mode, State, Subscription},
};
use crate::{
    events::Events,
    framed::Encoding,
    publication::{Publication, SessionId, UserId},
};

/// What the kernel needs of a socket. It lives on the shard's thread.
pub trait Wire {
    /// Offers bytes without waiting; how many were taken. `WouldBlock` when none.
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// A send is near: looks at what it will need, so that it comes from memory meanwhile. Those of several
    /// connections, asked one after the other, are on their way at once.
    fn warm(&self) {}

    /// There is work for the connection's driver: a backlog to write, reads to take up again, or the end.
    fn wake(&self);

    /// The session has its place in a channel, whose publications so far go up to `head`; what is sent of
    /// the channel from now on comes after that, or is the replay that `recovery` promises.
    ///
    /// For wires that mark what they send with positions; others leave it out.
    fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        let _ = (channel, head, recovery);
    }

    /// Appends a frame that is for this session alone, as it goes out. Only wires whose encoding leaves it to them
    /// say otherwise; a frame that their clients do not know has no bytes.
    fn write(&self, encoding: Encoding, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        encoding.write(frame, out);
    }

    /// The same for a reply whose data is a list of arguments. A client that takes one is given the list.
    fn write_list(&self, encoding: Encoding, reply: &ServerFrame<'_>, out: &mut Vec<u8>) {
        self.write(encoding, reply, out);
    }

    /// Whether the wire remembers what it was sent.
    fn notes_sent(&self) -> bool {
        false
    }

    /// A publication was sent, or waits to be: the session has come to this place.
    fn sent(&self, publication: &Publication, place: Position) {
        let _ = (publication, place);
    }

    /// The handlers that its session's events have beside the node's own.
    fn events(&self) -> Option<&Events> {
        None
    }

    /// What handlers find beside the session: see [`Session::attached`](crate::Session::attached).
    fn attached(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    /// Whether the native protocol is spoken: its frames by name, and the user's personal channel.
    fn is_native(&self) -> bool {
        true
    }

    /// The wire itself, for the door that it belongs to.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// One connection and its session. What a delivery looks at lies together, at the end with the wire: of a thousand
/// subscribers it comes from memory for each.
#[repr(C)]
pub struct Link<W: Wire + ?Sized = dyn Wire> {
    pub(crate) state: RefCell<State>,
    pub(crate) seen_ms: Cell<u64>,
    pub(crate) slot: Cell<u32>,
    pub(crate) encoding: Encoding,
    pub(crate) closing: Cell<Option<CloseCode>>,
    pub(crate) id: SessionId,
    pub(crate) backlog: RefCell<Option<Box<Backlog>>>,
    wire: W,
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

    /// How its frames are written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
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

    /// See [`Wire::warm`].
    pub(crate) fn warm(&self) {
        hint::black_box((self.closing.get(), self.has_backlog()));
        self.wire.warm();
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
        if bytes.is_empty() || self.closing.get().is_some() {
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
        self.wire.write(self.encoding, frame, &mut text);
        text
    }

    /// A frame as it goes out.
    pub(crate) fn encode(&self, frame: &ServerFrame<'_>) -> Bytes {
        self.encoding.frame(self.text(frame))
    }

    pub(crate) fn send_frame(&self, frame: &ServerFrame<'_>, bound: usize) {
        self.send(self.encode(frame), bound);
    }

    /// Whose session it is, once that is known.
    pub fn user(&self) -> Option<UserId> {
        self.state.borrow().user_id().cloned()
    }

    /// The channels that it is subscribed to, and whether its client asked for each.
    pub fn channels(&self) -> Vec<(ChannelName, bool)> {
        let state = self.state.borrow();
        let known = |it: &Subscription| (it.channel.node.name.clone(), it.asked);
        state.subscriptions.iter().map(known).collect()
    }

    pub(crate) fn is_subscribed(&self, channel: &str) -> bool {
        self.state.borrow().subscriptions.iter().any(|it| *it.channel.node.name == *channel)
    }

    /// The wire, of whatever kind.
    pub(crate) fn any_wire(&self) -> &W {
        &self.wire
    }

    /// The wire as its door made it.
    pub fn wire_as<T: Wire + 'static>(&self) -> Option<&T> {
        self.wire.as_any()?.downcast_ref()
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
        found.map(|subscription| subscription.mode.clone())
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
