//! The engine's life: what its machine says is to be done, its deadlines, and its end.

use std::rc::Rc;

use veche_kernel::{CloseCode, Link};
use veche_protocol::engine_io::{Effects, End, PollAnswer, Probation};
use veche_protocol::ws;
use veche_protocol::ws::Opcode;

use super::{Engine, RESTING_MS};
use crate::socket_io::engines;
use crate::socket_io::outlet::Outlet;

impl Engine {
    /// Ends the session in order: what is queued still leaves.
    pub(in crate::socket_io) fn close(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().close(self.shard.now_ms());
        self.apply(effects);
        self.arm();
    }

    /// Ends the session at once.
    pub(in crate::socket_io) fn fail(self: &Rc<Self>, end: End) {
        let effects = self.machine.borrow_mut().fail(end);
        self.apply(effects);
    }

    pub(super) fn apply(self: &Rc<Self>, effects: Effects) {
        let Effects { send, poll, probe, end } = effects;
        if let Some(kind) = send {
            self.send_frame(kind.frame());
        }
        if let Some(answer) = poll {
            self.answer(answer);
        }
        match probe {
            Some(Probation::Pong) => {
                if let Some(probe) = &*self.probe.borrow() {
                    let mut pong = Vec::new();
                    ws::frame(&mut pong, Opcode::Text, b"3probe");
                    // Six bytes on a socket that has sent nothing yet.
                    let _ = probe.send(&pong);
                }
            }
            Some(Probation::Promote) => {
                // A poll that is being answered takes what it has.
                let is_open =
                    matches!(&*self.outlet.borrow(), Outlet::Polling(polling) if polling.waiting.is_some());
                if is_open {
                    self.answer(PollAnswer::Flush);
                }
                if let Some(probe) = self.probe.borrow_mut().take() {
                    *self.outlet.borrow_mut() = Outlet::WebSocket(probe.clone());
                    probe.wake();
                }
                self.flush_or_fail();
            }
            Some(Probation::Close) => {
                if let Some(probe) = self.probe.borrow_mut().take() {
                    probe.end();
                }
            }
            None => {}
        }
        if let Some(end) = end {
            self.finish(end);
        }
    }

    /// The session is over, for whatever reason: nothing is left of it.
    pub(super) fn finish(self: &Rc<Self>, end: End) {
        if self.ended.replace(Some(end)).is_some() {
            return;
        }
        engines::remove(self.sid);
        if let Some(armed) = self.armed.take() {
            self.shard.cancel(armed);
        }
        let sockets = std::mem::take(&mut *self.sockets.borrow_mut());
        for link in sockets {
            link.wire().left(&self.shard, &link, end.as_str());
            let code = match end {
                End::PingTimeout => CloseCode::HeartbeatLost.number(),
                End::ParseError => CloseCode::Protocol.number(),
                End::TransportError => 1006,
                _ => link.closing().unwrap_or(CloseCode::Normal).number(),
            };
            let link: Rc<Link> = link;
            self.shard.detach(&link, code);
        }
        let outlet = std::mem::replace(&mut *self.outlet.borrow_mut(), Outlet::Closed);
        if let Outlet::WebSocket(stream) = outlet {
            let direct = std::mem::take(&mut *self.direct.borrow_mut());
            // The last words; a socket that refuses them loses them, and so does one that has half of a frame.
            if self.partial.get().is_none() {
                let _ = stream.send(&direct);
            }
            stream.end();
        }
        self.resumed.notify_one();
    }

    /// Puts the next deadline into the shard's wheel, unless an earlier one is there.
    pub(super) fn arm(self: &Rc<Self>) {
        let machine = self.machine.borrow().deadline_ms();
        if let Some(at) = machine.map(|at| at.min(self.connect_by_ms.get())) {
            self.arm_at(at);
        }
    }

    fn arm_at(self: &Rc<Self>, at: u64) {
        match self.armed.get() {
            Some(armed) if armed.at_ms() <= at => return,
            Some(armed) => self.shard.cancel(armed),
            None => {}
        }
        let weak = Rc::downgrade(self);
        let timer = self.shard.schedule(at, move |_| {
            if let Some(engine) = weak.upgrade() {
                engine.on_time();
            }
        });
        self.armed.set(Some(timer));
    }

    fn on_time(self: &Rc<Self>) {
        self.armed.set(None);
        if self.has_ended() {
            return;
        }
        let now = self.shard.now_ms();
        if !self.may_read() {
            // Its pong waits behind what it sent, and we do not read.
            return self.arm_at(now + RESTING_MS);
        }
        if now >= self.connect_by_ms.get() {
            self.connect_by_ms.set(u64::MAX);
            return self.close();
        }
        let effects = self.machine.borrow_mut().on_deadline(now);
        self.apply(effects);
        self.arm();
    }
}
