//! One connection as a state machine: what a client may say to which namespace.
//!
//! **The one law: nothing reaches a namespace that the client is not in.** A namespace is asked for, then
//! [accepted](Connection::accept) or [refused](Connection::refuse) by the caller; only from then on do its
//! events come out. What contradicts that is a [`Fault`], and ends the engine below with everything on it.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    Args, Auth, Body, Decoder, Encoding, Fault, Limits, Packet, Parser, Scratch, Slot, State,
    namespaces::Namespaces,
};
use crate::engine_io::Revision;

/// What a client said, in a form that needs no more checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'a> {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// The client asks for a namespace: [`accept`](Connection::accept) or [`refuse`](Connection::refuse) it.
    Connect {
        /// The namespace from now on.
        slot: Slot,
        /// Its name, which may be none of the server's.
        namespace: &'a str,
        /// What the client says of itself.
        auth: Auth<'a>,
    },
    /// The client asks for more namespaces than it may have: send a
    /// [`ConnectError`](super::Outgoing::ConnectError).
    TooMany {
        /// The namespace's name.
        namespace: &'a str,
    },
    /// The client has left a namespace.
    Disconnect {
        /// Which one; the slot is free.
        slot: Slot,
    },
    /// An event.
    Event {
        /// Of which namespace.
        slot: Slot,
        /// Its name.
        name: Cow<'a, str>,
        /// The id of the answer that the client waits for.
        id: Option<u64>,
        /// Its arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for.
        attachments: &'a [Bytes],
    },
    /// The answer to an event of the server's.
    Ack {
        /// Of which namespace.
        slot: Slot,
        /// The event's id, as the client has it.
        id: u64,
        /// The answer's arguments.
        args: Args<'a>,
        /// What the placeholders in `args` stand for.
        attachments: &'a [Bytes],
    },
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Connection {
    decoder: Decoder,
    namespaces: Namespaces,
    /// When a client that was never in a namespace is closed; the end of time once it was.
    connect_by_ms: u64,
    revision: Revision,
}

impl Connection {
    /// A connection at its start, which is to be in a namespace at `connect_by_ms`: see
    /// [`Config::connect_timeout_ms`](crate::engine_io::Config::connect_timeout_ms).
    pub fn new(revision: Revision, parser: Parser, connect_by_ms: u64) -> Self {
        Self { decoder: Decoder::new(parser), namespaces: Namespaces::default(), connect_by_ms, revision }
    }

    /// How packets for this client are written.
    pub const fn encoding(&self) -> Encoding {
        Encoding { revision: self.revision, parser: self.decoder.parser() }
    }

    /// What the client asks for by merely coming: in the third revision the root namespace.
    ///
    /// Call it once, at the start. The answer is a [`Input::Connect`] or nothing.
    pub fn open(&mut self, limits: &Limits) -> Input<'static> {
        match self.revision {
            Revision::V4 => Input::Nothing,
            Revision::V3 => self.on_connect("/", Auth::None, limits),
        }
    }

    /// A text message came.
    pub fn on_text<'a>(
        &mut self,
        text: &'a str,
        limits: &Limits,
        scratch: &'a mut Scratch,
    ) -> Result<Input<'a>, Fault> {
        match self.decoder.text(text, limits, scratch)? {
            Some(packet) => self.on_packet(packet, limits),
            None => Ok(Input::Nothing),
        }
    }

    /// A binary message came.
    pub fn on_binary<'a>(
        &mut self,
        bytes: &'a [u8],
        limits: &Limits,
        scratch: &'a mut Scratch,
    ) -> Result<Input<'a>, Fault> {
        match self.decoder.binary(bytes, limits, scratch)? {
            Some(packet) => self.on_packet(packet, limits),
            None => Ok(Input::Nothing),
        }
    }

    fn on_packet<'a>(&mut self, packet: Packet<'a>, limits: &Limits) -> Result<Input<'a>, Fault> {
        let Packet { namespace, id, body } = packet;
        let (namespace, query) = match self.revision {
            Revision::V4 => (namespace, None),
            Revision::V3 => match namespace.split_once('?') {
                Some((namespace, query)) => (namespace, Some(query)),
                None => (namespace, None),
            },
        };
        if let Body::Connect(auth) = body {
            // Only the fourth revision has a payload here.
            let auth = match (self.revision, auth, query) {
                (Revision::V4, Some(auth), _) => Auth::Json(auth),
                (Revision::V3, _, Some(query)) => Auth::Query(query),
                _ => Auth::None,
            };
            return match self.namespaces.find(namespace).map(|slot| self.namespaces.state(slot)) {
                Some(State::Connected) => Err(Fault::NotConnected),
                // A client that was quick to leave and come back: the answer to the first serves both.
                Some(State::Connecting) => Ok(Input::Nothing),
                _ => Ok(self.on_connect(namespace, auth, limits)),
            };
        }
        let slot = self.namespaces.find(namespace).ok_or(Fault::NotConnected)?;
        match (self.namespaces.state(slot), body) {
            (_, Body::ConnectError(_)) => Err(Fault::NotConnected),
            (State::Connected, Body::Event { name, args, attachments }) => {
                Ok(Input::Event { slot, name, id, args, attachments })
            }
            (State::Connected, Body::Ack { args, attachments }) => {
                // An answer to nothing is no one's.
                Ok(id.map_or(Input::Nothing, |id| Input::Ack { slot, id, args, attachments }))
            }
            (State::Connected, Body::Disconnect) => {
                self.namespaces.set(slot, State::Absent);
                Ok(Input::Disconnect { slot })
            }
            (State::Dismissed, Body::Disconnect) => {
                self.namespaces.set(slot, State::Absent);
                Ok(Input::Nothing)
            }
            (State::Dismissed, _) => Ok(Input::Nothing),
            _ => Err(Fault::NotConnected),
        }
    }

    fn on_connect<'a>(&mut self, namespace: &'a str, auth: Auth<'a>, limits: &Limits) -> Input<'a> {
        let slot = match self.namespaces.find(namespace) {
            Some(slot) => {
                self.namespaces.set(slot, State::Connecting);
                Some(slot)
            }
            None => self.namespaces.insert(namespace, State::Connecting, limits.namespaces),
        };
        slot.map_or(Input::TooMany { namespace }, |slot| Input::Connect { slot, namespace, auth })
    }

    /// The client is in the namespace that it asked for; send the [`Connect`](super::Outgoing::Connect) now,
    /// before anything else of it. Nothing happens if it does not ask any more.
    pub fn accept(&mut self, slot: Slot) {
        if self.namespaces.state(slot) == State::Connecting {
            self.namespaces.set(slot, State::Connected);
            self.connect_by_ms = u64::MAX;
        }
    }

    /// The client is not let into the namespace; send the [`ConnectError`](super::Outgoing::ConnectError).
    /// The slot is free, and the client may ask again.
    pub fn refuse(&mut self, slot: Slot) {
        if self.namespaces.state(slot) == State::Connecting {
            self.namespaces.set(slot, State::Absent);
        }
    }

    /// The server ends the client's stay in a namespace; send the
    /// [`Disconnect`](super::Outgoing::Disconnect). Whether it was in it.
    ///
    /// What is under way from the client is dropped when it comes, and the slot stays taken, until the client
    /// leaves the namespace too or asks for it again. (The reference closes the engine then, with all other
    /// namespaces.)
    pub fn dismiss(&mut self, slot: Slot) -> bool {
        let was_in = self.namespaces.state(slot) == State::Connected;
        if was_in {
            self.namespaces.set(slot, State::Dismissed);
        }
        was_in
    }

    /// Where the client stands with a namespace.
    pub fn state(&self, slot: Slot) -> State {
        self.namespaces.state(slot)
    }

    /// The name of a namespace that is not absent.
    pub fn namespace(&self, slot: Slot) -> Option<&str> {
        self.namespaces.name(slot)
    }

    /// The namespaces that are not absent, in whatever state.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.namespaces.slots()
    }

    /// The namespaces that the client is in.
    pub fn connected(&self) -> impl Iterator<Item = Slot> {
        self.namespaces.slots().filter(|slot| self.namespaces.state(*slot) == State::Connected)
    }

    /// When [`is_late`](Self::is_late) is to be asked; `None` once the client was in a namespace.
    pub fn deadline_ms(&self) -> Option<u64> {
        Some(self.connect_by_ms).filter(|due| *due != u64::MAX)
    }

    /// Whether the client has taken too long to be in a namespace: close the engine.
    pub const fn is_late(&self, now_ms: u64) -> bool {
        self.connect_by_ms != u64::MAX && now_ms >= self.connect_by_ms
    }

    /// The heap bytes held for a packet whose attachments have not all come.
    pub fn held(&self) -> usize {
        self.decoder.held()
    }
}

#[cfg(test)]
mod tests {
    use super::Connection;

    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Connection>() <= 48, "{} bytes", size_of::<Connection>());
    }
}
