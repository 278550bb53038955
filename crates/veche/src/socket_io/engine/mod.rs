//! One session of the engine, on its shard: what it is connected by, and its sockets, one for each namespace.
//!
//! The state machines of [`veche_protocol`] decide; this does what they say. What is sent goes to the transport at once,
//! and what the transport refuses stays where it was: a publication in its session's backlog, where the channel's policy
//! acts, and everything else in a short queue of the engine's own.

mod incoming;
mod life;
mod namespaces;
mod outgoing;
mod requests;

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    rc::Rc,
    sync::Arc,
};

use http::HeaderMap;
use smallvec::SmallVec;
use tokio::sync::Notify;
use veche_kernel::{CloseCode, Gcra, Identity, Link, Quota, Shard, SocketIo as SocketIoEncoding, Timer};
use veche_protocol::{
    engine_io::{End, Frame, Handshake, Revision, Session as Machine, Transport},
    socket_io::{Connection, Encoding, Parser, Scratch, Slot},
};

use super::{
    engines,
    outlet::{Outlet, Stream},
    settings::SocketIo,
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

/// The query and the head of a client's first request.
pub(super) type Shown = (Box<str>, HeaderMap);

/// Who is there, as the first request said.
pub(crate) struct Visitor {
    pub(super) identity: Option<Identity>,
    pub(super) device: Option<Box<str>>,
    pub(super) address: IpAddr,
    /// What handshakes with namespaces show; only where somebody may ask.
    pub(super) request: Option<Box<Shown>>,
    /// Its place among the clients of its address, where no connection holds one.
    _place: Option<Place>,
}

impl Visitor {
    pub(super) fn new(
        identity: Option<Identity>,
        device: Option<Box<str>>,
        address: IpAddr,
        request: Option<Shown>,
        place: Option<Place>,
    ) -> Self {
        Self { identity, device, address, request: request.map(Box::new), _place: place }
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
    /// The next deadline in the shard's wheel.
    armed: Cell<Option<Timer>>,
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
            armed: Cell::new(None),
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
}
