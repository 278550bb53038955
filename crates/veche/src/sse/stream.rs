//! The way out of a stream: what the kernel sends becomes events, and goes to the socket at once.
//!
//! The kernel's *records* are the same for all streams; the ids between them are each stream's own. So a record that
//! was taken is on its way: what the socket refuses of it waits here, and further records are refused until that has
//! left. They are then the session's backlog with its bound and its policies, as for a WebSocket.

use std::{
    cell::{OnceCell, RefCell},
    io::{self, IoSlice, Write},
    task::Waker,
};

use veche_kernel::{ChannelName, Position, Recovery, Wire};
use veche_protocol::sse::Stream;

use crate::{bare::Bare, reading};

/// Bytes of events that are framed and offered to the socket together.
const BATCH: usize = 32 << 10;

thread_local! {
    /// Where events are framed.
    static FRAMED: RefCell<Vec<u8>> = RefCell::default();
}

/// The stream as the kernel sees it.
pub(super) struct Events {
    stream: RefCell<Stream>,
    /// Whether the answer is chunked: for clients of HTTP/1.0 its end is the connection's.
    chunked: bool,
    /// Nothing flows before it is here: then all channels are settled, and the stream knows its positions.
    socket: OnceCell<Bare>,
    /// What the socket has refused of what is on its way.
    rest: RefCell<Vec<u8>>,
    pub(super) waker: RefCell<Option<Waker>>,
}

impl Wire for Events {
    fn try_send(&self, records: &[u8]) -> io::Result<usize> {
        let taken = self.send(records)?;
        if !self.rest.borrow().is_empty() || self.stream.borrow().has_stopped() {
            self.wake();
        }
        Ok(taken)
    }

    fn warm(&self) {
        if let Some(socket) = self.socket.get() {
            socket.warm();
        }
    }

    fn wake(&self) {
        reading::wake(&self.waker);
    }

    fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        self.stream.borrow_mut().settle(channel, head, recovery);
        self.wake();
    }
}

impl Events {
    pub(super) fn new(stream: Stream, chunked: bool) -> Self {
        Self {
            stream: RefCell::new(stream),
            chunked,
            socket: OnceCell::new(),
            rest: RefCell::default(),
            waker: RefCell::default(),
        }
    }

    /// Every channel is settled, and the socket is here: the stream begins.
    pub(super) fn begin(&self, socket: Bare) {
        self.stream.borrow_mut().open();
        // An error shows itself to the driver.
        let _ = self.offer(self.socket.get_or_init(|| socket));
    }

    pub(super) fn socket(&self) -> Option<&Bare> {
        self.socket.get()
    }

    /// Takes records of the backlog, of which parts are left over.
    pub(super) fn take_up(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut all = 0;
        for slice in slices {
            match self.send(slice) {
                Ok(taken) => {
                    all += taken;
                    if taken < slice.len() {
                        break;
                    }
                }
                Err(error) if all == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Sends what is on its way; whether all of it has left.
    pub(super) fn flush(&self) -> io::Result<bool> {
        let Some(socket) = self.socket.get() else { return Ok(false) };
        let mut rest = self.rest.borrow_mut();
        while !rest.is_empty() {
            match socket.tcp.try_write(&rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) if sent == rest.len() => *rest = Vec::new(),
                Ok(sent) => drop(rest.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        drop(rest);
        self.offer(socket)?;
        Ok(self.rest.borrow().is_empty())
    }

    /// Says why the stream ends, and ends the answer. It may have said so already.
    pub(super) fn end(&self, reason: &str) {
        let mut bytes = self.stream.borrow_mut();
        bytes.end(reason);
        let mut rest = self.rest.borrow_mut();
        frame(self.chunked, &bytes.take_out(), &mut rest);
        if self.chunked {
            rest.extend_from_slice(b"0\r\n\r\n");
        }
    }

    /// Channels that have stopped since this was last asked.
    pub(super) fn stopped(&self) -> Vec<ChannelName> {
        self.stream.borrow_mut().take_stopped()
    }

    /// Takes whole records as long as the socket takes everything; how many bytes of records.
    fn send(&self, records: &[u8]) -> io::Result<usize> {
        let Some(socket) = self.socket.get() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut taken = 0;
        while taken < records.len() && self.rest.borrow().is_empty() {
            taken += self.stream.borrow_mut().take(&records[taken..], BATCH);
            self.offer(socket)?;
        }
        if taken == 0 && !records.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Offers the socket what the stream has, and keeps what it refuses. Nothing may be kept yet.
    fn offer(&self, socket: &Bare) -> io::Result<()> {
        let events = self.stream.borrow_mut().take_out();
        if events.is_empty() {
            return Ok(());
        }
        FRAMED.with_borrow_mut(|framed| {
            framed.clear();
            frame(self.chunked, &events, framed);
            let sent = match socket.send(framed) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            self.rest.borrow_mut().extend_from_slice(&framed[sent..]);
            Ok(())
        })
    }
}

fn frame(chunked: bool, events: &[u8], out: &mut Vec<u8>) {
    if events.is_empty() {
        return;
    }
    if chunked {
        // Writing to memory has no errors.
        let _ = write!(out, "{:x}\r\n", events.len());
    }
    out.extend_from_slice(events);
    if chunked {
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn an_empty_chunk_would_end_the_answer() {
        let mut out = Vec::new();
        frame(true, b"", &mut out);
        frame(true, &[b'x'; 26], &mut out);
        assert_eq!(out, b"1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    }
}
