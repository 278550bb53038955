//! A stream of events between the kernel, which pushes, and hyper, which pulls.
//!
//! The wire takes what the kernel sends as long as little waits for hyper, and refuses the rest, which is
//! then the session's backlog with its bound and its policies, as it is for a WebSocket. Nothing is polled:
//! the kernel's write wakes the body, and hyper's next read takes up the backlog.

use std::{
    cell::{Cell, OnceCell, RefCell},
    convert::Infallible,
    io::{self, IoSlice},
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::Notify;
use veche_kernel::{ChannelName, CloseCode, Link, Opening, Position, Recovery, Shard, Wire};
use veche_protocol::sse::Stream;

use crate::addresses::Place;

/// Bytes that may wait for hyper before the kernel keeps further ones as the session's backlog.
const ROOM: usize = 32 << 10;
/// How long a stream that ends may take to be taken.
const LINGER: Duration = Duration::from_secs(3);
/// The close code of a connection that was lost, for the metric.
const LOST: u16 = 1006;

/// The stream as the kernel sees it.
pub(crate) struct Events {
    stream: RefCell<Stream>,
    /// All channels are settled: the stream knows its positions, and bytes may flow.
    begun: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    link: OnceCell<Weak<Link<Self>>>,
    abandon: Rc<Notify>,
    lingers: Cell<bool>,
}

impl Wire for Events {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.take(bytes)?;
        self.wake_body();
        Ok(taken)
    }

    fn wake(&self) {
        self.wake_body();
        let Some(link) = self.link.get() else { return };
        let closes = link.upgrade().is_some_and(|link| link.closing().is_some());
        // Before it begins there is no stream, but an answer that says so.
        if closes && self.begun.get() && !self.lingers.replace(true) {
            // A client that does not read would keep what hyper holds waiting for ever. The connection serves
            // nothing but this stream.
            let abandon = self.abandon.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(LINGER).await;
                abandon.notify_one();
            });
        }
    }

    fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        self.stream.borrow_mut().settle(channel, head, recovery);
        self.wake_body();
    }
}

impl Events {
    /// Takes whole records while there is room.
    fn take(&self, records: &[u8]) -> io::Result<usize> {
        if records.is_empty() {
            return Ok(0);
        }
        if !self.begun.get() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.stream.borrow_mut().take(records, ROOM) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }

    fn take_slices(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut all = 0;
        for slice in slices {
            match self.take(slice) {
                Ok(taken) => all += taken,
                Err(error) if all == 0 => return Err(error),
                Err(_) => break,
            }
            // A part of a slice means that the room is used up; what follows must not pass it by.
            if self.stream.borrow().waiting() >= ROOM {
                break;
            }
        }
        Ok(all)
    }

    fn wake_body(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// The stream as hyper sees it. It ends the session when it goes.
pub(crate) struct EventsBody {
    shard: Rc<Shard>,
    link: Rc<Link<Events>>,
    ended: bool,
    /// The client's place, where the connection itself has none.
    place: Option<Place>,
}

impl EventsBody {
    /// Opens a session. It may be closing already.
    pub(super) fn open(
        shard: &Rc<Shard>,
        opening: Opening,
        channels: Vec<(ChannelName, Option<Position>)>,
        retry_ms: u64,
        abandon: Rc<Notify>,
    ) -> Self {
        let wire = Events {
            stream: RefCell::new(Stream::new(channels, retry_ms)),
            begun: Cell::new(false),
            waker: RefCell::default(),
            link: OnceCell::new(),
            abandon,
            lingers: Cell::new(false),
        };
        let link = shard.open(opening, wire);
        link.wire().link.get_or_init(|| Rc::downgrade(&link));
        Self { shard: shard.clone(), link, ended: false, place: None }
    }

    /// The same, counted at the address of a client behind a proxy.
    pub(super) fn sit(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    pub(super) fn link(&self) -> Rc<Link> {
        self.link.clone()
    }

    pub(super) fn closing(&self) -> Option<CloseCode> {
        self.link.closing()
    }

    /// Every channel is settled: the stream begins.
    pub(super) fn begin(&self) {
        let wire = self.link.wire();
        wire.stream.borrow_mut().open();
        wire.begun.set(true);
    }

    fn remember(&self, waker: &Waker) {
        let mut known = self.link.wire().waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    /// Takes up what the kernel keeps for us.
    fn write_backlog(&self) {
        if !self.link.has_backlog() {
            return;
        }
        let wire = self.link.wire();
        // The wire has no errors of its own but that it is full.
        if matches!(self.link.write_backlog(|slices| wire.take_slices(slices)), Ok(true)) {
            let link: Rc<Link> = self.link.clone();
            self.shard.drained(&link);
        }
    }

    /// Goes on from the head of channels that the slow-consumer policy has stopped.
    fn go_on(&self) {
        let stopped = self.link.wire().stream.borrow_mut().take_stopped();
        for channel in stopped {
            let (shard, link) = (self.shard.clone(), self.link());
            tokio::task::spawn_local(async move {
                if let Err(rejection) = shard.listen(&link, &channel, None).await {
                    // The client comes back, and is told what is wrong by the answer.
                    tracing::debug!(%rejection, "a stopped channel does not go on");
                    link.end(CloseCode::Drain);
                }
            });
        }
    }

    fn next_bytes(&self) -> Option<Bytes> {
        let bytes = self.link.wire().stream.borrow_mut().take_out();
        (!bytes.is_empty()).then(|| bytes.into())
    }

    fn detach(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.place = None;
            let code = self.link.closing().map_or(LOST, CloseCode::number);
            let link: Rc<Link> = self.link.clone();
            self.shard.detach(&link, code);
        }
    }
}

impl Body for EventsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.remember(context.waker());
        if self.link.wire().stream.borrow().waiting() == 0 {
            self.write_backlog();
        }
        self.go_on();
        if let Some(code) = self.link.closing()
            && !self.link.has_backlog()
        {
            self.link.wire().stream.borrow_mut().end(code.reason());
        }
        if let Some(bytes) = self.next_bytes() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.link.closing().is_some() && !self.link.has_backlog() {
            self.detach();
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for EventsBody {
    fn drop(&mut self) {
        self.detach();
    }
}
