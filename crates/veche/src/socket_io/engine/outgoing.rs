//! What goes out: to the transport at once, or as soon as it takes more.

use std::{
    hint,
    io::{self, IoSlice},
    rc::Rc,
};

use veche_kernel::Link;
use veche_protocol::engine_io::{End, Frame, Outlet as Way, PollAnswer};
use veche_protocol::socket_io::{Outgoing, Slot};
use veche_protocol::ws;

use super::{DIRECT_BYTES, Engine, SocketLink};
use crate::socket_io::outlet::Outlet;

impl Engine {
    /// Sends a packet of the engine's.
    pub(in crate::socket_io) fn send_frame(self: &Rc<Self>, frame: Frame<'_>) {
        let mut bytes = Vec::with_capacity(frame.bytes().len() + 10);
        ws::frame(&mut bytes, frame.opcode(), frame.bytes());
        self.send_direct(&bytes);
    }

    /// Sends a packet that is no session's.
    pub(in crate::socket_io) fn send_packet(self: &Rc<Self>, packet: &Outgoing<'_>) {
        let mut bytes = Vec::new();
        self.encoding().frame(packet, &mut bytes);
        self.send_direct(&bytes);
    }

    /// Sends whole frames that wait in the engine's own queue where the transport refuses them.
    pub(in crate::socket_io) fn send_direct(self: &Rc<Self>, bytes: &[u8]) {
        let mut sent = 0;
        if self.direct.borrow().is_empty() && self.partial.get().is_none() {
            sent = match self.transmit(bytes) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                // The driver finds the same error when it reads.
                Err(_) => return,
            };
        }
        if sent < bytes.len() {
            let waiting = {
                let mut direct = self.direct.borrow_mut();
                direct.extend_from_slice(&bytes[sent..]);
                direct.len()
            };
            if waiting > DIRECT_BYTES {
                return self.fail(End::TransportError);
            }
            self.wake();
        }
    }

    /// A socket offers bytes: whole frames, of which the transport may take a part.
    pub(in crate::socket_io) fn offer(self: &Rc<Self>, slot: Slot, bytes: &[u8]) -> io::Result<usize> {
        let is_others_turn = self.partial.get().is_some_and(|other| other != slot);
        if is_others_turn || !self.direct.borrow().is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let sent = self.transmit(bytes)?;
        self.partial.set((sent < bytes.len()).then_some(slot));
        Ok(sent)
    }

    /// Looks at what [`Engine::offer`] will need.
    pub(in crate::socket_io) fn warm(&self) {
        hint::black_box((self.partial.get(), self.direct.borrow().is_empty()));
        if let Outlet::WebSocket(stream) = &*self.outlet.borrow() {
            stream.bare.warm();
        }
    }

    pub(super) fn transmit(self: &Rc<Self>, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.outlet.borrow_mut() {
            Outlet::WebSocket(stream) => stream.send(bytes),
            Outlet::Polling(polling) => {
                if !polling.open {
                    if self.machine.borrow_mut().outlet() != Way::Poll {
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    polling.open = true;
                    self.answer_soon();
                }
                polling.take(bytes)
            }
            Outlet::Closed => Ok(bytes.len()),
        }
    }

    /// The same for bytes that were refused before: a WebSocket's readiness has to be told.
    pub(super) fn transmit_waiting(self: &Rc<Self>, bytes: &[u8]) -> io::Result<usize> {
        self.transmit_slices(&[IoSlice::new(bytes)])
    }

    pub(super) fn transmit_slices(self: &Rc<Self>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Outlet::WebSocket(stream) = &*self.outlet.borrow() {
            return stream.bare.tcp.try_write_vectored(slices);
        }
        let mut all = 0;
        for slice in slices {
            match self.transmit(slice) {
                Ok(sent) => {
                    all += sent;
                    if sent < slice.len() {
                        break;
                    }
                }
                Err(error) if all == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Whether anything waits for the transport.
    pub(super) fn has_queued(&self) -> bool {
        let waits = |link: &SocketLink| link.wire().has_begun() && link.has_backlog();
        !self.direct.borrow().is_empty() || self.sockets.borrow().iter().any(waits)
    }

    /// Writes what waits. Whether all was written.
    pub(in crate::socket_io) fn flush(self: &Rc<Self>) -> io::Result<bool> {
        if let Some(slot) = self.partial.get() {
            match self.socket(slot) {
                Some(link) if !self.write_backlog(&link)? => return Ok(false),
                Some(_) => {}
                None => self.partial.set(None),
            }
        }
        if !self.write_direct()? {
            return Ok(false);
        }
        for link in self.sockets() {
            if link.wire().has_begun() && link.has_backlog() && !self.write_backlog(&link)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn write_direct(self: &Rc<Self>) -> io::Result<bool> {
        let mut direct = std::mem::take(&mut *self.direct.borrow_mut());
        let mut sent = 0;
        let written = loop {
            if sent == direct.len() {
                break Ok(true);
            }
            match self.transmit_waiting(&direct[sent..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        direct.drain(..sent);
        // What was queued meanwhile comes behind.
        direct.append(&mut self.direct.borrow_mut());
        *self.direct.borrow_mut() = direct;
        written
    }

    pub(super) fn write_backlog(self: &Rc<Self>, link: &SocketLink) -> io::Result<bool> {
        let written = link.write_backlog(|slices| self.transmit_slices(slices))?;
        self.partial.set((!written).then_some(link.wire().slot));
        if written {
            let link: Rc<Link> = link.clone();
            // What is sent by this may be taken in part.
            self.shard.drained(&link);
        }
        Ok(written && self.partial.get().is_none())
    }

    pub(in crate::socket_io) fn flush_or_fail(self: &Rc<Self>) {
        if self.flush().is_err() {
            self.fail(End::TransportError);
        }
    }

    /// Answers the poll when this turn is over: what is sent in it goes with it.
    pub(super) fn answer_soon(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if let Some(engine) = weak.upgrade() {
                engine.answer(PollAnswer::Flush);
            }
        });
    }

    pub(super) fn answer(self: &Rc<Self>, answer: PollAnswer) {
        if let Outlet::Polling(polling) = &mut *self.outlet.borrow_mut() {
            polling.open = true;
        }
        self.flush_or_fail();
        let revision = self.revision();
        let taken = match &mut *self.outlet.borrow_mut() {
            Outlet::Polling(polling) => polling.answer(revision, answer),
            _ => true,
        };
        if !taken {
            // Who was to take it has left, and what it was sent is lost.
            self.fail(End::TransportError);
        }
    }

    /// There is work: sockets that end, bytes that wait, reads to take up again.
    pub(in crate::socket_io) fn wake(self: &Rc<Self>) {
        if let Outlet::WebSocket(stream) = &*self.outlet.borrow() {
            stream.wake();
        }
        let weak = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if let Some(engine) = weak.upgrade() {
                engine.tend();
            }
        });
    }
}
