//! The sockets of an engine, one for each namespace: how they begin, and how they end.

use std::rc::Rc;

use veche_kernel::{CloseCode, Link};
use veche_protocol::engine_io::End;
use veche_protocol::socket_io::{ConnectError, Outgoing, Slot, State};

use super::Engine;

impl Engine {
    /// The client is let into the namespace that it asked for: nothing of it was sent before this.
    pub(in crate::socket_io) fn accept(&self, slot: Slot) {
        if let Some(connection) = &mut *self.connection.borrow_mut() {
            connection.accept(slot);
        }
        self.connect_by_ms.set(u64::MAX);
    }

    /// The client is not let in.
    pub(in crate::socket_io) fn refuse(self: &Rc<Self>, slot: Slot, error: ConnectError<'_>) {
        let Some(namespace) = self.namespace(slot) else { return };
        if let Some(connection) = &mut *self.connection.borrow_mut() {
            connection.refuse(slot);
        }
        self.send_packet(&Outgoing::ConnectError { namespace: &namespace, error });
    }

    /// The name of a namespace that the client asks for, or is in.
    pub(in crate::socket_io) fn namespace(&self, slot: Slot) -> Option<String> {
        self.connection.borrow().as_ref()?.namespace(slot).map(str::to_owned)
    }

    /// Whether the client still waits for the answer to its CONNECT.
    pub(in crate::socket_io) fn is_connecting(&self, slot: Slot) -> bool {
        let connection = self.connection.borrow();
        !self.has_ended() && connection.as_ref().is_some_and(|it| it.state(slot) == State::Connecting)
    }

    /// A socket is over, and its session with it.
    pub(super) fn leave(self: &Rc<Self>, slot: Slot, why: &'static str, code: CloseCode) {
        let found = self.sockets.borrow().iter().position(|link| link.wire().slot == slot);
        let Some(at) = found else { return };
        let link = self.sockets.borrow_mut().swap_remove(at);
        if self.partial.get() == Some(slot) {
            // The rest of its frame will never come: what follows would be read as a part of it.
            self.partial.set(None);
            self.fail(End::TransportError);
        }
        link.wire().left(&self.shard, &link, why);
        let link: Rc<Link> = link;
        self.shard.detach(&link, code.number());
        if self.sockets.borrow().is_empty() {
            // A connection that is for nothing does not stay.
            self.connect_by_ms.set(self.shard.now_ms() + u64::from(self.io.engine.connect_timeout_ms));
            self.arm();
        }
    }

    /// Ends the sockets that the server wants to end. Those whose clients are to come back lose the engine with it.
    pub(in crate::socket_io) fn tend(self: &Rc<Self>) {
        for link in self.sockets() {
            // One that its client has not been told of yet is refused.
            let Some(code) = link.closing().filter(|_| link.wire().has_begun()) else { continue };
            let wire = link.wire();
            if matches!(
                code,
                CloseCode::Kicked | CloseCode::Normal | CloseCode::InvalidToken | CloseCode::TokenExpired
            ) {
                if let Some(connection) = &mut *self.connection.borrow_mut() {
                    connection.dismiss(wire.slot);
                }
                self.send_packet(&Outgoing::Disconnect { namespace: wire.namespace() });
                self.leave(wire.slot, "server namespace disconnect", code);
            } else {
                self.close();
                return;
            }
        }
        self.resumed.notify_one();
    }
}
