//! A socket of Socket.IO as the kernel sees it: one session, in one namespace of one engine.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    io,
    panic::{self, AssertUnwindSafe},
    rc::{Rc, Weak},
    sync::Arc,
};

use tokio::sync::oneshot;
use veche_kernel::{
    Encoding, Epoch, Events, Link, Position, Publication, Recovery, SessionId, Shard, UNPLACED, Wire,
    next_serial, tag_of,
};
use veche_protocol::{
    server::ServerFrame,
    socket_io::{Args, ChannelTag, Outgoing, Place, Run, SendRing, Slot, collapse},
};

use super::{
    engine::{Engine, SocketLink},
    recovery,
    settings::Namespace,
    sid::Sid,
    socket::{Attached, Socket},
};

/// The most events of one socket whose answers are awaited.
const AWAITED: usize = 1_024;

/// The tag of what is for one client alone.
pub(super) const OWN: ChannelTag = ChannelTag(1);

/// The most channels whose places are remembered: a session that was in more begins anew.
const HEADS: usize = 512;

/// The wire of a socket.
pub(crate) struct SocketWire {
    engine: Weak<Engine>,
    pub(super) slot: Slot,
    pub(super) does: Option<Arc<Namespace>>,
    pub(super) attached: Arc<Attached>,
    /// The client was told that it is in the namespace: before, nothing is sent.
    begun: Cell<bool>,
    /// Its public id, once it is open.
    pub(super) session: Cell<Option<SessionId>>,
    /// What its client comes back with, and what it was sent; where clients may come back.
    pub(super) track: RefCell<Option<Box<Track>>>,
    awaited: Cell<Option<Box<Awaited>>>,
}

/// What a session must remember to be taken up again.
pub(super) struct Track {
    pub(super) pid: Sid,
    ring: SendRing,
    /// How far each channel with positions was sent, or where it was when the session joined it.
    pub(super) heads: Vec<(Box<str>, Position)>,
    /// Where the client is after the last send.
    last: Place,
}

impl Track {
    /// Of a session that begins: its first place is before all others.
    pub(super) fn new(pid: Sid) -> Self {
        let last =
            Place { channel: ChannelTag(0), position: Position { epoch: Epoch::from_bits(0), offset: 0 } };
        let mut track = Self { pid, ring: SendRing::default(), heads: Vec::new(), last };
        track.ring.push(Run { channel: last.channel, first: 0, last: 0 });
        track
    }

    /// A publication was sent.
    pub(super) fn sent(&mut self, publication: &Publication, position: Position) {
        if publication.position.is_none() {
            return self.note(UNPLACED, position);
        }
        if let Some((_, head)) = self.heads.iter_mut().find(|(known, _)| **known == *publication.channel) {
            if head.epoch != position.epoch {
                // The ring knows no epochs.
                self.ring.clear();
            }
            *head = position;
        }
        self.note(tag_of(&publication.channel), position);
    }

    /// Something was sent to this client alone; where it is now.
    fn sent_own(&mut self) -> Place {
        self.note(OWN, Position { epoch: Epoch::from_bits(0), offset: next_serial() });
        self.last
    }

    fn note(&mut self, channel: ChannelTag, position: Position) {
        self.last = Place { channel, position };
        self.ring.push(Run { channel, first: position.offset, last: position.offset });
    }

    /// What was sent behind a client's place, in order; `None` where that is not remembered.
    pub(super) fn after(&self, offset: Option<&str>) -> Option<Vec<Run>> {
        let Some(offset) = offset else { return Some(self.ring.all()?.collect()) };
        let Place { channel, position } = offset.parse().ok()?;
        let known = self.heads.iter().find(|(known, _)| tag_of(known) == channel);
        // A channel that began anew has other positions than the client knows.
        if position.epoch != Epoch::from_bits(0) && known.is_none_or(|(_, head)| head.epoch != position.epoch)
        {
            return None;
        }
        Some(self.ring.after(channel, position.offset)?.collect())
    }
}

#[derive(Default)]
struct Awaited {
    next: u64,
    answers: Vec<(u64, oneshot::Sender<Box<str>>)>,
}

impl SocketWire {
    pub(super) fn new(
        engine: &Rc<Engine>,
        slot: Slot,
        does: Option<Arc<Namespace>>,
        attached: Arc<Attached>,
        track: Option<Box<Track>>,
    ) -> Self {
        Self {
            engine: Rc::downgrade(engine),
            slot,
            does,
            attached,
            begun: Cell::new(false),
            session: Cell::new(None),
            track: RefCell::new(track),
            awaited: Cell::default(),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.attached.namespace
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// The client has been told that it is in the namespace.
    pub(super) fn begin(&self) {
        self.begun.set(true);
    }

    /// The engine, while it lives.
    pub(super) fn engine(&self) -> Option<Rc<Engine>> {
        self.engine.upgrade()
    }

    /// Appends an event of the server's, with a number if its answer is awaited.
    pub(super) fn event(
        &self,
        encoding: Encoding,
        name: &str,
        list: &str,
        answer: Option<oneshot::Sender<Box<str>>>,
        out: &mut Vec<u8>,
    ) {
        let Encoding::SocketIo(packets) = encoding else { return };
        let (list, attachments) = collapse(list);
        let Ok(args) = Args::of_list(&list, usize::MAX) else { return };
        let id = match answer {
            None => None,
            Some(answer) => match self.expect(answer) {
                None => return,
                id => id,
            },
        };
        // A client takes a last argument that is a string for its place, unless its answer is awaited.
        let place = match &mut *self.track.borrow_mut() {
            Some(track) if packets.places && id.is_none() => Some(track.sent_own().to_string()),
            _ => None,
        };
        let offset = place.as_deref();
        let namespace = self.namespace();
        packets.frame(&Outgoing::Event { namespace, name, id, args, attachments: &attachments, offset }, out);
        self.goes_out(name);
    }

    fn goes_out(&self, event: &str) {
        if let Some(listen) = self.does.as_ref().and_then(|does| does.outgoing.as_ref()) {
            let Some(session) = self.session.get() else { return };
            // It is the application's code, in the middle of a fan-out.
            if panic::catch_unwind(AssertUnwindSafe(|| listen(session, event))).is_err() {
                tracing::error!(event, "the listener of what goes out panicked");
            }
        }
    }

    /// Remembers who waits for an answer; `None` where too many do.
    fn expect(&self, answer: oneshot::Sender<Box<str>>) -> Option<u64> {
        let mut awaited = self.awaited.take().unwrap_or_default();
        awaited.answers.retain(|(_, waiting)| !waiting.is_closed());
        let id = (awaited.answers.len() < AWAITED).then_some(awaited.next);
        if let Some(id) = id {
            awaited.next += 1;
            awaited.answers.push((id, answer));
        }
        self.awaited.set(Some(awaited));
        id
    }

    /// The client has answered an event. An answer that nobody waits for is nobody's.
    pub(super) fn acknowledged(&self, id: u64, list: Box<str>) {
        let Some(mut awaited) = self.awaited.take() else { return };
        let at = awaited.answers.iter().position(|(known, _)| *known == id);
        let found = at.map(|at| awaited.answers.swap_remove(at));
        self.awaited.set(Some(awaited));
        if let Some((_, answer)) = found {
            // Whoever waited may have given up.
            let _ = answer.send(list);
        }
    }

    /// The socket is over: tells the application, and keeps what its client may come back to.
    pub(super) fn left(&self, shard: &Rc<Shard>, link: &SocketLink, why: &'static str) {
        self.awaited.take();
        if let Some(engine) = self.engine() {
            recovery::left(&engine, link, why);
        }
        let link: Rc<Link> = link.clone();
        if let Some(does) = &self.does
            && let Some(run) = &does.disconnected
            && let Some(session) = shard.handle_of(&link)
        {
            let socket = Socket::of(session, self.attached.clone());
            self.attached.kernel.handlers().spawn(run(socket, why));
        }
    }

    fn ack(&self, packets: veche_kernel::SocketIo, id: &str, list: &str, out: &mut Vec<u8>) {
        let Ok(id) = id.parse() else { return };
        let (list, attachments) = collapse(list);
        let Ok(args) = Args::of_list(&list, usize::MAX) else { return };
        packets
            .frame(&Outgoing::Ack { namespace: self.namespace(), id, args, attachments: &attachments }, out);
    }

    fn native(
        &self,
        packets: veche_kernel::SocketIo,
        frame: &ServerFrame<'_>,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let mut text = Vec::with_capacity(160);
        frame.encode(&mut text);
        let Ok(text) = String::from_utf8(text) else { return };
        match id {
            Some(id) => self.ack(packets, id, &format!("[{text}]"), out),
            None => {
                let name = match frame {
                    ServerFrame::Error { .. } => "error",
                    ServerFrame::Expiring => "expiring",
                    ServerFrame::Bye { .. } => "bye",
                    ServerFrame::Pong { .. } => "pong",
                    ServerFrame::LaggedDropped { .. }
                    | ServerFrame::Subscribed { recovery: Recovery::Reset(_), .. } => "lagged",
                    _ => return,
                };
                let namespace = self.namespace();
                let args = Args::of_one(&text);
                packets.frame(
                    &Outgoing::Event { namespace, name, id: None, args, attachments: &[], offset: None },
                    out,
                );
            }
        }
    }
}

impl Wire for SocketWire {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.engine() {
            Some(engine) if self.begun.get() => engine.offer(self.slot, bytes),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn warm(&self) {
        if let Some(engine) = self.engine() {
            engine.warm();
        }
    }

    fn wake(&self) {
        if let Some(engine) = self.engine() {
            engine.wake();
        }
    }

    fn settled(&self, channel: &str, head: Option<Position>, recovery: Recovery) {
        if let (Some(track), Some(head)) = (&mut *self.track.borrow_mut(), head) {
            let has_room = track.heads.len() < HEADS;
            match track.heads.iter_mut().find(|(known, _)| **known == *channel) {
                // What is replayed is sent only now.
                Some(_) if recovery == Recovery::Replay => {}
                Some((_, known)) => *known = head,
                None if has_room => track.heads.push((channel.into(), head)),
                None => track.ring.clear(),
            }
        }
    }

    fn notes_sent(&self) -> bool {
        self.track.borrow().is_some() || self.does.as_ref().is_some_and(|does| does.outgoing.is_some())
    }

    fn sent(&self, publication: &Publication, place: Position) {
        if let Some(track) = &mut *self.track.borrow_mut() {
            track.sent(publication, place);
        }
        if !self.session.get().is_some_and(|session| publication.exclude.contains(&session)) {
            self.goes_out(&publication.event);
        }
    }

    /// What the native protocol says to one session: answers become acknowledgements, a loss is made up for, and what
    /// a stock client has no ear for is left out.
    fn write(&self, encoding: Encoding, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        let Encoding::SocketIo(packets) = encoding else { return };
        match frame {
            ServerFrame::Reply { id, data, position: None, .. } => {
                let list = data.map_or("[]".to_owned(), |data| format!("[{data}]"));
                self.ack(packets, id, &list, out);
            }
            ServerFrame::Reply { id, .. } => self.native(packets, frame, Some(id), out),
            ServerFrame::Error { id, .. }
            | ServerFrame::Subscribed { id, .. }
            | ServerFrame::Unsubscribed { id, .. } => self.native(packets, frame, *id, out),
            ServerFrame::LaggedSince { channel, since } => recovery::lagged(self, channel, *since),
            _ => self.native(packets, frame, None, out),
        }
    }

    fn write_list(&self, encoding: Encoding, reply: &ServerFrame<'_>, out: &mut Vec<u8>) {
        if let (Encoding::SocketIo(packets), ServerFrame::Reply { id, data: Some(list), .. }) =
            (encoding, reply)
        {
            self.ack(packets, id, list, out);
        }
    }

    fn events(&self) -> Option<&Events> {
        self.does.as_ref().map(|does| &does.events)
    }

    fn attached(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(self.attached.clone())
    }

    fn is_native(&self) -> bool {
        self.namespace() == "/"
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
