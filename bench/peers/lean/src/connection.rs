//! One WebSocket connection: a small future that holds no buffer while nothing happens.
//!
//! It waits for readiness, reads into a buffer that the thread owns and keeps bytes only of an
//! incomplete frame. Rooms write to its socket through [`Link`], without waking it; it wakes only to
//! send what the socket refused.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    io::{self, IoSlice, Read},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde_json::value::RawValue;
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream};

use crate::{
    room::{Hub, Room},
    wire,
};

/// What one read takes at most.
const READ: usize = 64 * 1024;
/// Refused pieces that go out with one call.
const PIECES: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// The sending half, shared with the rooms.
pub(crate) struct Link {
    stream: TcpStream,
    waker: RefCell<Option<Waker>>,
    /// What the socket refused, in order. There is no bound: this server trusts its clients.
    #[expect(clippy::box_collection, reason = "an idle connection holds 8 bytes for it, not 32")]
    backlog: RefCell<Option<Box<VecDeque<Bytes>>>>,
    closed: Cell<bool>,
}

impl Link {
    /// Writes at once where nothing waits; what the socket does not take is kept.
    pub(crate) fn send(&self, data: &[u8]) {
        if self.closed.get() {
            return;
        }
        let mut backlog = self.backlog.borrow_mut();
        // An error leaves the data in the backlog; the next write of the connection meets it again.
        let sent = if backlog.is_some() { 0 } else { SockRef::from(&self.stream).send(data).unwrap_or(0) };
        let Some(rest) = data.get(sent..).filter(|rest| !rest.is_empty()) else { return };
        backlog.get_or_insert_default().push_back(Bytes::copy_from_slice(rest));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Sends the backlog as far as the socket takes it. `Pending` where it takes no more.
    fn poll_backlog(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut slot = self.backlog.borrow_mut();
        while let Some(backlog) = slot.as_mut() {
            ready!(self.stream.poll_write_ready(context))?;
            let pieces: Vec<_> = backlog.iter().take(PIECES).map(|piece| IoSlice::new(piece)).collect();
            match self.stream.try_write_vectored(&pieces) {
                Ok(sent) => advance(backlog, sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if backlog.is_empty() {
                *slot = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once. `WouldBlock` means that the socket is drained for now; 0 is the end.
    ///
    /// A read that did not fill the buffer has drained the socket: the readiness is cleared without
    /// a second call that would say so.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        let outcome = self.stream.try_io(Interest::READABLE, || {
            length = (&*SockRef::from(&self.stream)).read(buffer)?;
            if length == 0 || length == buffer.len() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        if length > 0 { Ok(length) } else { outcome.map(|()| 0) }
    }
}

fn advance(backlog: &mut VecDeque<Bytes>, mut sent: usize) {
    while let Some(front) = backlog.front_mut() {
        if sent < front.len() {
            front.advance(sent);
            return;
        }
        sent -= front.len();
        backlog.pop_front();
    }
}

/// What a client sends.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    room: &'a str,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The connection itself: a future that ends with the socket.
pub(crate) struct Connection {
    link: Rc<Link>,
    hub: Rc<Hub>,
    rooms: Vec<Rc<Room>>,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
}

impl Connection {
    /// A connection whose handshake is done; `early` are the bytes that came with it.
    pub(crate) fn new(stream: TcpStream, hub: Rc<Hub>, early: &[u8]) -> io::Result<Self> {
        let link =
            Link { stream, waker: RefCell::default(), backlog: RefCell::default(), closed: Cell::default() };
        let mut connection = Self { link: Rc::new(link), hub, rooms: Vec::new(), partial: Vec::new() };
        connection.take(&mut early.to_vec())?;
        Ok(connection)
    }

    fn drive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.keep_waker(context);
        // A backlog that the socket refuses does not stop the reading.
        if let Poll::Ready(Err(error)) = self.link.poll_backlog(context) {
            return Poll::Ready(Err(error));
        }
        loop {
            ready!(self.link.stream.poll_read_ready(context))?;
            let read = SCRATCH.with_borrow_mut(|buffer| match self.link.read(buffer) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.take(buffer.get_mut(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(error) => Err(error),
            });
            if let Err(error) = read {
                return Poll::Ready(Err(error));
            }
        }
    }

    fn keep_waker(&self, context: &Context<'_>) {
        let mut waker = self.link.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    /// Takes what was read, and keeps what is no whole frame yet.
    fn take(&mut self, input: &mut [u8]) -> io::Result<()> {
        if self.partial.is_empty() {
            let used = self.take_frames(input)?;
            self.partial.extend_from_slice(input.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(input);
        let used = self.take_frames(&mut joined)?;
        if used < joined.len() {
            joined.drain(..used);
            self.partial = joined;
        }
        Ok(())
    }

    /// Takes whole frames and says how many bytes they were.
    fn take_frames(&mut self, input: &mut [u8]) -> io::Result<usize> {
        let mut used = 0;
        while let Some(rest) = input.get_mut(used..) {
            let frame = wire::read_frame(rest).map_err(|_| io::ErrorKind::InvalidData)?;
            let Some(frame) = frame else { break };
            match frame.opcode {
                wire::TEXT => self.request(frame.payload),
                wire::PING => self.answer(wire::PONG, frame.payload),
                wire::CLOSE => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => {}
            }
            used += frame.used;
        }
        Ok(used)
    }

    /// What is no request is left unanswered.
    fn request(&mut self, text: &[u8]) {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(text) else { return };
        match request.kind {
            "pub" => self.hub.publish(request.room, request.data.map_or("null", RawValue::get)),
            "join" => {
                let room = self.hub.room(request.room);
                room.add(Rc::clone(&self.link));
                self.rooms.push(room);
                self.answer(wire::TEXT, br#"{"type":"joined"}"#);
            }
            _ => {}
        }
    }

    fn answer(&self, opcode: u8, payload: &[u8]) {
        let mut frame = Vec::with_capacity(payload.len() + 10);
        wire::write_frame(&mut frame, opcode, &[payload]);
        self.link.send(&frame);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Why it ended matters to nobody here.
        self.drive(context).map(|_| ())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.closed.set(true);
        for room in &self.rooms {
            room.remove(&self.link);
        }
    }
}
