//! What comes in: packets, and what their clients say by them.

use std::rc::Rc;

use metrics::counter;
use veche_kernel::{CloseCode, Emit, Link};
use veche_protocol::engine_io::{Data, End, Frame, Packet, Received, Revision, Transport};
use veche_protocol::socket_io::{Args, ConnectError, Connection, Input, Outgoing, Parser, mend_surrogates};

use super::{CONNECTS, Engine, SCRATCH};
use crate::socket_io::connecting;
use crate::socket_io::settings::RawMessage;

impl Engine {
    /// A text message came by this transport.
    pub(in crate::socket_io) fn on_text(self: &Rc<Self>, from: Transport, text: &str) {
        match Packet::from_text(self.revision(), text) {
            Ok(packet) => self.on_packet(from, &packet),
            Err(_) => self.fail(End::ParseError),
        }
    }

    /// A binary message came by this transport.
    pub(in crate::socket_io) fn on_binary(self: &Rc<Self>, from: Transport, bytes: &[u8]) {
        match Packet::from_binary(self.revision(), bytes) {
            Ok(packet) => self.on_packet(from, &packet),
            Err(_) => self.fail(End::ParseError),
        }
    }

    pub(super) fn on_packet(self: &Rc<Self>, from: Transport, packet: &Packet<'_>) {
        let received = self.machine.borrow_mut().on_packet(from, packet, self.shard.now_ms());
        match received {
            Received::Message => self.on_message(&packet.data),
            Received::Effects(effects) => self.apply(effects),
        }
        self.arm();
    }

    pub(super) fn on_message(self: &Rc<Self>, data: &Data<'_>) {
        if let Some(raw) = &self.io.raw {
            let message = match data {
                Data::Text(text) => RawMessage::Text((*text).to_owned()),
                Data::Binary(bytes) => RawMessage::Binary(bytes.to_vec()),
            };
            match raw(message) {
                Some(RawMessage::Text(text)) => self.send_frame(Frame::Text(&format!("4{text}"))),
                Some(RawMessage::Binary(bytes)) if self.revision() == Revision::V3 => {
                    self.send_frame(Frame::Binary(&[&[4], &bytes[..]].concat()));
                }
                Some(RawMessage::Binary(bytes)) => self.send_frame(Frame::Binary(&bytes)),
                None => {}
            }
            return;
        }
        let parser = match data {
            Data::Text(_) => Parser::Default,
            Data::Binary(_) => Parser::Msgpack,
        };
        SCRATCH.with_borrow_mut(|scratch| {
            let limits = &self.io.limits;
            let input = self.connection(parser, |connection| match data {
                Data::Text(text) => connection.on_text(text, limits, scratch),
                Data::Binary(bytes) => connection.on_binary(bytes, limits, scratch),
            });
            match input {
                Ok(input) => self.take_in(input),
                Err(fault) => {
                    tracing::debug!(%fault, "a client broke the protocol of Socket.IO");
                    self.fail(End::ParseError);
                }
            }
        });
    }

    /// The connection's machine, made by the first message.
    pub(super) fn connection<T>(&self, parser: Parser, work: impl FnOnce(&mut Connection) -> T) -> T {
        let mut connection = self.connection.borrow_mut();
        let made = || Connection::new(self.revision(), parser, self.connect_by_ms.get());
        work(connection.get_or_insert_with(made))
    }

    /// Does what the client said.
    pub(super) fn take_in(self: &Rc<Self>, input: Input<'_>) {
        match input {
            Input::Nothing => {}
            Input::Connect { slot, namespace, auth } => {
                let taken = self.connects.borrow_mut().take(self.shard.now_ms(), CONNECTS);
                if taken.is_err() {
                    counter!("veche_refused_total", "reason" => "connects").increment(1);
                    return self.fail(End::TransportError);
                }
                connecting::begin(self, slot, namespace, auth);
            }
            Input::TooMany { namespace } => {
                let error = ConnectError::Refused { message: "too many namespaces", data: None };
                self.send_packet(&Outgoing::ConnectError { namespace, error });
            }
            Input::Disconnect { slot } => self.leave(slot, "client namespace disconnect", CloseCode::Normal),
            Input::Event { slot, name, id, args, attachments } => {
                let Some(link) = self.socket(slot) else { return };
                let mut inner = String::new();
                let args = if attachments.is_empty() {
                    args
                } else {
                    args.write_expanded(attachments, &mut inner);
                    Args::of_parts(&inner, args.len())
                };
                let mended = mend_surrogates(args.inner());
                let args = Args::of_parts(&mended, args.len());
                let link: Rc<Link> = link;
                self.shard.receive_emit(&link, Emit { id, name: &name, args });
            }
            Input::Ack { slot, id, args, attachments } => {
                let Some(link) = self.socket(slot) else { return };
                let mut list = String::from("[");
                args.write_expanded(attachments, &mut list);
                list.push(']');
                link.wire().acknowledged(id, list.into());
            }
        }
    }
}
