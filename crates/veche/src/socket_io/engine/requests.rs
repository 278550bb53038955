//! The client's requests, and its WebSockets.

use std::rc::Rc;

use tokio::sync::oneshot;
use veche_protocol::engine_io::payload::{Format, Payload};
use veche_protocol::engine_io::{
    End, Packet, PollAnswer, Polled, Posted, Probe, Refusal, Revision, Transport,
};

use super::{Engine, PACKETS};
use crate::socket_io::outlet::{Outlet, PollReply, Stream};

impl Engine {
    /// A GET of the client's.
    pub(in crate::socket_io) fn poll(
        self: &Rc<Self>,
        revision: Option<Revision>,
        reply: oneshot::Sender<PollReply>,
    ) {
        let polled = self.machine.borrow_mut().on_poll(revision, self.has_queued(), self.shard.now_ms());
        match polled {
            Polled::Wait => self.await_poll(reply, false),
            Polled::Answer(answer) => {
                self.await_poll(reply, true);
                self.answer(answer);
                if answer == PollAnswer::Close {
                    self.finish(End::ForcedClose);
                }
            }
            Polled::Refuse(refusal, effects) => {
                let _ = reply.send(PollReply::Refused(refusal));
                self.apply(effects);
            }
        }
        self.arm();
    }

    pub(super) fn await_poll(&self, reply: oneshot::Sender<PollReply>, open: bool) {
        if let Outlet::Polling(polling) = &mut *self.outlet.borrow_mut() {
            polling.waiting = Some(reply);
            polling.open = open;
        }
    }

    /// The client left without waiting for its poll's answer.
    pub(in crate::socket_io) fn poll_gone(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().on_poll_gone();
        self.apply(effects);
    }

    /// A POST of the client's begins.
    pub(in crate::socket_io) fn post(self: &Rc<Self>, revision: Option<Revision>) -> Result<(), Refusal> {
        let posted = self.machine.borrow_mut().on_post(revision, self.shard.now_ms());
        match posted {
            Posted::Read => Ok(()),
            Posted::Refuse(refusal, effects) => {
                self.apply(effects);
                Err(refusal)
            }
        }
    }

    /// The POST's body has come. While the sockets have enough to do, the rest of it waits.
    pub(in crate::socket_io) async fn posted(self: &Rc<Self>, format: Format, body: &[u8]) {
        let packets = Payload::new(format, body, self.io.engine.max_payload, self.io.engine.max_packets);
        let Ok(packets) = packets else { return self.fail(End::ParseError) };
        for (at, packet) in packets.enumerate() {
            if at % PACKETS == PACKETS - 1 {
                tokio::task::yield_now().await;
            }
            while !self.may_read() && !self.has_ended() {
                self.resumed.notified().await;
            }
            match packet {
                Ok(packet) => self.on_packet(Transport::Polling, &packet),
                Err(_) => return self.fail(End::ParseError),
            }
            if self.has_ended() {
                return;
            }
        }
    }

    /// The POST is over; what it is answered with.
    pub(in crate::socket_io) fn post_end(&self) -> Result<(), Refusal> {
        self.seen();
        self.machine.borrow_mut().on_post_end()
    }

    /// A WebSocket's handshake that names this session.
    pub(in crate::socket_io) fn upgrade(
        self: &Rc<Self>,
        revision: Option<Revision>,
    ) -> Result<bool, Refusal> {
        let probe = self.machine.borrow_mut().on_upgrade(revision, self.shard.now_ms());
        self.arm();
        match probe {
            Probe::Accept => Ok(true),
            Probe::Close => Ok(false),
            Probe::Refuse(refusal, effects) => {
                self.apply(effects);
                Err(refusal)
            }
        }
    }

    /// The WebSocket that is on probation is here. It may have come too late.
    pub(in crate::socket_io) fn on_probation(&self, stream: &Rc<Stream>) {
        if self.machine.borrow().is_probing() {
            *self.probe.borrow_mut() = Some(stream.clone());
        } else {
            stream.end();
        }
    }

    /// Whether this WebSocket is the session's transport.
    pub(in crate::socket_io) fn is_carried_by(&self, stream: &Rc<Stream>) -> bool {
        matches!(&*self.outlet.borrow(), Outlet::WebSocket(present) if Rc::ptr_eq(present, stream))
    }

    /// A text message came by the WebSocket that is on probation.
    pub(in crate::socket_io) fn on_probe_text(self: &Rc<Self>, text: &str) {
        let effects = match Packet::from_text(self.revision(), text) {
            Ok(packet) => self.machine.borrow_mut().on_probe_packet(&packet, self.shard.now_ms()),
            Err(_) => self.machine.borrow_mut().on_probe_fault(),
        };
        self.apply(effects);
        self.arm();
    }

    /// What came by the WebSocket that is on probation cannot be read.
    pub(in crate::socket_io) fn on_probe_fault(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().on_probe_fault();
        self.apply(effects);
    }

    /// A WebSocket of this session is gone.
    pub(in crate::socket_io) fn stream_gone(self: &Rc<Self>, stream: &Rc<Stream>) {
        if self.is_carried_by(stream) {
            let effects = self.machine.borrow_mut().on_websocket_gone();
            return self.apply(effects);
        }
        let was_on_probation = self.probe.borrow().as_ref().is_some_and(|probe| Rc::ptr_eq(probe, stream));
        if was_on_probation {
            self.probe.borrow_mut().take();
            self.machine.borrow_mut().on_probe_gone();
        }
    }
}
