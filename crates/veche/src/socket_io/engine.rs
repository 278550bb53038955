//! One session of the engine, on its shard: what it is connected by, and its sockets, one for each namespace.
//!
//! The state machines of [`veche_protocol`] decide; this does what they say. What is sent goes to the transport at once,
//! and what the transport refuses stays where it was: a publication in its session's backlog, where the channel's policy
//! acts, and everything else in a short queue of the engine's own.

use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    net::IpAddr,
    rc::Rc,
    sync::Arc,
};

use http::HeaderMap;
use metrics::counter;
use smallvec::SmallVec;
use tokio::sync::{Notify, oneshot};
use veche_kernel::{CloseCode, Emit, Gcra, Identity, Link, Quota, Shard, SocketIo as SocketIoEncoding};
use veche_protocol::{
    engine_io::{
        Data, Effects, End, Frame, Handshake, Outlet as Way, Packet, PollAnswer, Polled, Posted, Probation,
        Probe, Received, Refusal, Revision, Session as Machine, Transport,
        payload::{Format, Payload},
    },
    socket_io::{
        Args, ConnectError, Connection, Encoding, Input, Outgoing, Parser, Scratch, Slot, State,
        mend_surrogates,
    },
    ws::{self, Opcode},
};

use super::{
    connecting, engines,
    outlet::{Outlet, PollReply, Stream},
    settings::{RawMessage, SocketIo},
    sid::Sid,
    wire::SocketWire,
};
use crate::{addresses::Place, door::Door};

/// The most bytes of the engine's own packets that wait: a client that takes none of them is gone.
const DIRECT_BYTES: usize = 2 << 20;
/// How often a client that is not read is looked at.
const RESTING_MS: u64 = 1_000;
/// How often a client may ask for a namespace.
const CONNECTS: Quota = Quota { count: 10, period_ms: 1_000, burst: 32 };
/// Packets of one POST before others have their turn.
const PACKETS: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Who is there, as the first request said.
pub(crate) struct Visitor {
    pub(super) identity: Option<Identity>,
    pub(super) device: Option<Box<str>>,
    pub(super) address: IpAddr,
    /// What handshakes with namespaces show; only where somebody may ask.
    pub(super) request: Option<(Box<str>, HeaderMap)>,
    /// Its place among the clients of its address, where no connection holds one.
    _place: Option<Place>,
}

impl Visitor {
    pub(super) fn new(
        identity: Option<Identity>,
        device: Option<Box<str>>,
        address: IpAddr,
        request: Option<(Box<str>, HeaderMap)>,
        place: Option<Place>,
    ) -> Self {
        Self { identity, device, address, request, _place: place }
    }
}

pub(super) type SocketLink = Rc<Link<SocketWire>>;

pub(super) struct Engine {
    pub(super) shard: Rc<Shard>,
    pub(super) door: Arc<Door>,
    pub(super) io: Arc<SocketIo>,
    pub(super) sid: Sid,
    pub(super) visitor: Visitor,
    machine: RefCell<Machine>,
    /// `None` before the first message tells the parser.
    connection: RefCell<Option<Connection>>,
    /// When the client must be in a namespace; the end of time once it was.
    connect_by_ms: Cell<u64>,
    connects: RefCell<Gcra>,
    deflate: bool,
    outlet: RefCell<Outlet>,
    /// The WebSocket that is on probation.
    probe: RefCell<Option<Rc<Stream>>>,
    /// Packets of the engine's own that wait.
    direct: RefCell<Vec<u8>>,
    /// The socket of which a part of a frame was sent: nobody else may send before the rest.
    partial: Cell<Option<Slot>>,
    sockets: RefCell<SmallVec<[SocketLink; 1]>>,
    /// The earliest entry in the shard's wheel.
    armed_ms: Cell<u64>,
    /// Told when reads may go on.
    pub(super) resumed: Notify,
    ended: Cell<Option<End>>,
}

impl Engine {
    /// A session that begins. Its open packet is queued already.
    pub(super) fn begin(
        shard: &Rc<Shard>,
        door: &Arc<Door>,
        io: &Arc<SocketIo>,
        visitor: Visitor,
        revision: Revision,
        outlet: Outlet,
        deflate: bool,
    ) -> Option<Rc<Self>> {
        let sid = Sid::draw(shard.index())?;
        let now = shard.now_ms();
        let transport = match outlet {
            Outlet::WebSocket(_) => Transport::WebSocket,
            _ => Transport::Polling,
        };
        let engine = Rc::new(Self {
            shard: shard.clone(),
            door: door.clone(),
            io: io.clone(),
            sid,
            visitor,
            machine: RefCell::new(Machine::new(&io.engine, revision, transport, now)),
            connection: RefCell::default(),
            connect_by_ms: Cell::new(if io.raw.is_some() {
                u64::MAX
            } else {
                now + u64::from(io.engine.connect_timeout_ms)
            }),
            connects: RefCell::new(Gcra::new()),
            deflate,
            outlet: RefCell::new(outlet),
            probe: RefCell::default(),
            direct: RefCell::default(),
            partial: Cell::new(None),
            sockets: RefCell::default(),
            armed_ms: Cell::new(u64::MAX),
            resumed: Notify::new(),
            ended: Cell::new(None),
        });
        engines::insert(&engine);
        let mut open = String::new();
        Handshake { sid: &sid.to_string(), transport, config: &io.engine }.write(&mut open);
        engine.send_frame(Frame::Text(&open));
        if revision == Revision::V3 && io.raw.is_none() {
            // Clients of the third revision are in the root namespace by merely coming.
            let input = engine.connection(Parser::Default, |connection| connection.open(&io.limits));
            engine.take_in(input);
        }
        engine.arm();
        Some(engine)
    }

    pub(super) fn revision(&self) -> Revision {
        self.machine.borrow().revision()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// How the sockets of this client are written.
    pub(super) fn encoding(&self) -> SocketIoEncoding {
        let known = self.connection.borrow().as_ref().map(Connection::encoding);
        let packets = known.unwrap_or(Encoding { revision: self.revision(), parser: Parser::Default });
        SocketIoEncoding {
            packets,
            deflate: self.deflate,
            places: self.io.recovery_ms.is_some() && packets.revision == Revision::V4,
        }
    }

    pub(super) fn sockets(&self) -> SmallVec<[SocketLink; 1]> {
        self.sockets.borrow().clone()
    }

    fn socket(&self, slot: Slot) -> Option<SocketLink> {
        self.sockets.borrow().iter().find(|link| link.wire().slot == slot).cloned()
    }

    /// A socket is open: the client is in the namespace.
    pub(super) fn add(&self, link: SocketLink) {
        self.sockets.borrow_mut().push(link);
    }

    /// A socket was not to be.
    pub(super) fn drop_socket(&self, link: &SocketLink) {
        self.sockets.borrow_mut().retain(|known| !Rc::ptr_eq(known, link));
        let link: Rc<Link> = link.clone();
        self.shard.detach(&link, CloseCode::Normal.number());
    }

    /// Whether reads may go on.
    pub(super) fn may_read(&self) -> bool {
        self.sockets.borrow().iter().all(|link| link.may_read())
    }

    /// The peer gave a sign of life.
    pub(super) fn seen(&self) {
        let now = self.shard.now_ms();
        self.sockets.borrow().iter().for_each(|link| link.seen(now));
    }

    // --- What comes in -------------------------------------------------------------------------------------------

    /// A text message came by this transport.
    pub(super) fn on_text(self: &Rc<Self>, from: Transport, text: &str) {
        match Packet::from_text(self.revision(), text) {
            Ok(packet) => self.on_packet(from, &packet),
            Err(_) => self.fail(End::ParseError),
        }
    }

    /// A binary message came by this transport.
    pub(super) fn on_binary(self: &Rc<Self>, from: Transport, bytes: &[u8]) {
        match Packet::from_binary(self.revision(), bytes) {
            Ok(packet) => self.on_packet(from, &packet),
            Err(_) => self.fail(End::ParseError),
        }
    }

    fn on_packet(self: &Rc<Self>, from: Transport, packet: &Packet<'_>) {
        let received = self.machine.borrow_mut().on_packet(from, packet, self.shard.now_ms());
        match received {
            Received::Message => self.on_message(&packet.data),
            Received::Effects(effects) => self.apply(effects),
        }
        self.arm();
    }

    fn on_message(self: &Rc<Self>, data: &Data<'_>) {
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
    fn connection<T>(&self, parser: Parser, work: impl FnOnce(&mut Connection) -> T) -> T {
        let mut connection = self.connection.borrow_mut();
        let made = || Connection::new(self.revision(), parser, self.connect_by_ms.get());
        work(connection.get_or_insert_with(made))
    }

    /// Does what the client said.
    fn take_in(self: &Rc<Self>, input: Input<'_>) {
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

    // --- Namespaces ----------------------------------------------------------------------------------------------

    /// The client is let into the namespace that it asked for: nothing of it was sent before this.
    pub(super) fn accept(&self, slot: Slot) {
        if let Some(connection) = &mut *self.connection.borrow_mut() {
            connection.accept(slot);
        }
        self.connect_by_ms.set(u64::MAX);
    }

    /// The client is not let in.
    pub(super) fn refuse(self: &Rc<Self>, slot: Slot, error: ConnectError<'_>) {
        let Some(namespace) = self.namespace(slot) else { return };
        if let Some(connection) = &mut *self.connection.borrow_mut() {
            connection.refuse(slot);
        }
        self.send_packet(&Outgoing::ConnectError { namespace: &namespace, error });
    }

    /// The name of a namespace that the client asks for, or is in.
    pub(super) fn namespace(&self, slot: Slot) -> Option<String> {
        self.connection.borrow().as_ref()?.namespace(slot).map(str::to_owned)
    }

    /// Whether the client still waits for the answer to its CONNECT.
    pub(super) fn is_connecting(&self, slot: Slot) -> bool {
        let connection = self.connection.borrow();
        !self.has_ended() && connection.as_ref().is_some_and(|it| it.state(slot) == State::Connecting)
    }

    /// A socket is over, and its session with it.
    fn leave(self: &Rc<Self>, slot: Slot, why: &'static str, code: CloseCode) {
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
    pub(super) fn tend(self: &Rc<Self>) {
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
                self.send_packet(&Outgoing::Disconnect { namespace: &wire.namespace });
                self.leave(wire.slot, "server namespace disconnect", code);
            } else {
                self.close();
                return;
            }
        }
        self.resumed.notify_one();
    }

    // --- The engine's life ---------------------------------------------------------------------------------------

    /// Ends the session in order: what is queued still leaves.
    pub(super) fn close(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().close(self.shard.now_ms());
        self.apply(effects);
        self.arm();
    }

    /// Ends the session at once.
    pub(super) fn fail(self: &Rc<Self>, end: End) {
        let effects = self.machine.borrow_mut().fail(end);
        self.apply(effects);
    }

    fn apply(self: &Rc<Self>, effects: Effects) {
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
    fn finish(self: &Rc<Self>, end: End) {
        if self.ended.replace(Some(end)).is_some() {
            return;
        }
        engines::remove(self.sid);
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

    /// Puts the next deadline into the shard's wheel, unless an earlier entry is there.
    fn arm(self: &Rc<Self>) {
        let machine = self.machine.borrow().deadline_ms();
        if let Some(at) = machine.map(|at| at.min(self.connect_by_ms.get())) {
            self.arm_at(at);
        }
    }

    fn arm_at(self: &Rc<Self>, at: u64) {
        if at >= self.armed_ms.get() {
            return;
        }
        self.armed_ms.set(at);
        let weak = Rc::downgrade(self);
        self.shard.schedule(at, move |_| {
            if let Some(engine) = weak.upgrade() {
                engine.on_time(at);
            }
        });
    }

    fn on_time(self: &Rc<Self>, at: u64) {
        if self.armed_ms.get() != at || self.has_ended() {
            return;
        }
        self.armed_ms.set(u64::MAX);
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

    // --- Requests ------------------------------------------------------------------------------------------------

    /// A GET of the client's.
    pub(super) fn poll(self: &Rc<Self>, revision: Option<Revision>, reply: oneshot::Sender<PollReply>) {
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

    fn await_poll(&self, reply: oneshot::Sender<PollReply>, open: bool) {
        if let Outlet::Polling(polling) = &mut *self.outlet.borrow_mut() {
            polling.waiting = Some(reply);
            polling.open = open;
        }
    }

    /// The client left without waiting for its poll's answer.
    pub(super) fn poll_gone(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().on_poll_gone();
        self.apply(effects);
    }

    /// A POST of the client's begins.
    pub(super) fn post(self: &Rc<Self>, revision: Option<Revision>) -> Result<(), Refusal> {
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
    pub(super) async fn posted(self: &Rc<Self>, format: Format, body: &[u8]) {
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
    pub(super) fn post_end(&self) -> Result<(), Refusal> {
        self.seen();
        self.machine.borrow_mut().on_post_end()
    }

    /// A WebSocket's handshake that names this session.
    pub(super) fn upgrade(self: &Rc<Self>, revision: Option<Revision>) -> Result<bool, Refusal> {
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

    // --- The WebSocket -------------------------------------------------------------------------------------------

    /// The WebSocket that is on probation is here. It may have come too late.
    pub(super) fn on_probation(&self, stream: &Rc<Stream>) {
        if self.machine.borrow().is_probing() {
            *self.probe.borrow_mut() = Some(stream.clone());
        } else {
            stream.end();
        }
    }

    /// Whether this WebSocket is the session's transport.
    pub(super) fn is_carried_by(&self, stream: &Rc<Stream>) -> bool {
        matches!(&*self.outlet.borrow(), Outlet::WebSocket(present) if Rc::ptr_eq(present, stream))
    }

    /// A text message came by the WebSocket that is on probation.
    pub(super) fn on_probe_text(self: &Rc<Self>, text: &str) {
        let effects = match Packet::from_text(self.revision(), text) {
            Ok(packet) => self.machine.borrow_mut().on_probe_packet(&packet, self.shard.now_ms()),
            Err(_) => self.machine.borrow_mut().on_probe_fault(),
        };
        self.apply(effects);
        self.arm();
    }

    /// What came by the WebSocket that is on probation cannot be read.
    pub(super) fn on_probe_fault(self: &Rc<Self>) {
        let effects = self.machine.borrow_mut().on_probe_fault();
        self.apply(effects);
    }

    /// A WebSocket of this session is gone.
    pub(super) fn stream_gone(self: &Rc<Self>, stream: &Rc<Stream>) {
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

    // --- What goes out -------------------------------------------------------------------------------------------

    /// Sends a packet of the engine's.
    pub(super) fn send_frame(self: &Rc<Self>, frame: Frame<'_>) {
        let mut bytes = Vec::with_capacity(frame.bytes().len() + 10);
        ws::frame(&mut bytes, frame.opcode(), frame.bytes());
        self.send_direct(&bytes);
    }

    /// Sends a packet that is no session's.
    pub(super) fn send_packet(self: &Rc<Self>, packet: &Outgoing<'_>) {
        let mut bytes = Vec::new();
        self.encoding().frame(packet, &mut bytes);
        self.send_direct(&bytes);
    }

    /// Sends whole frames that wait in the engine's own queue where the transport refuses them.
    pub(super) fn send_direct(self: &Rc<Self>, bytes: &[u8]) {
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
    pub(super) fn offer(self: &Rc<Self>, slot: Slot, bytes: &[u8]) -> io::Result<usize> {
        let is_others_turn = self.partial.get().is_some_and(|other| other != slot);
        if is_others_turn || !self.direct.borrow().is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let sent = self.transmit(bytes)?;
        self.partial.set((sent < bytes.len()).then_some(slot));
        Ok(sent)
    }

    fn transmit(self: &Rc<Self>, bytes: &[u8]) -> io::Result<usize> {
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
    fn transmit_waiting(self: &Rc<Self>, bytes: &[u8]) -> io::Result<usize> {
        self.transmit_slices(&[IoSlice::new(bytes)])
    }

    fn transmit_slices(self: &Rc<Self>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Outlet::WebSocket(stream) = &*self.outlet.borrow() {
            return stream.tcp.try_write_vectored(slices);
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
    fn has_queued(&self) -> bool {
        let waits = |link: &SocketLink| link.wire().has_begun() && link.has_backlog();
        !self.direct.borrow().is_empty() || self.sockets.borrow().iter().any(waits)
    }

    /// Writes what waits. Whether all was written.
    pub(super) fn flush(self: &Rc<Self>) -> io::Result<bool> {
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

    fn write_direct(self: &Rc<Self>) -> io::Result<bool> {
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

    fn write_backlog(self: &Rc<Self>, link: &SocketLink) -> io::Result<bool> {
        let written = link.write_backlog(|slices| self.transmit_slices(slices))?;
        self.partial.set((!written).then_some(link.wire().slot));
        if written {
            let link: Rc<Link> = link.clone();
            // What is sent by this may be taken in part.
            self.shard.drained(&link);
        }
        Ok(written && self.partial.get().is_none())
    }

    pub(super) fn flush_or_fail(self: &Rc<Self>) {
        if self.flush().is_err() {
            self.fail(End::TransportError);
        }
    }

    /// Answers the poll when this turn is over: what is sent in it goes with it.
    fn answer_soon(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if let Some(engine) = weak.upgrade() {
                engine.answer(PollAnswer::Flush);
            }
        });
    }

    fn answer(self: &Rc<Self>, answer: PollAnswer) {
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
    pub(super) fn wake(self: &Rc<Self>) {
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
