//! What all connections of a server share.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use http::{Request, StatusCode, header};
use metrics::counter;
use veche_kernel::{Kernel, SignedIn};

use crate::{
    addresses::{Addresses, Place},
    failures::Failures,
    listen::Listen,
    origin::Origins,
    pages::Pages,
    proxies::{ClientAddress, Network},
    refusal::Refusal,
    socket::SocketHandler,
    socket_io::SocketIo,
    tickets::Tickets,
};

pub(crate) struct Door {
    pub(crate) kernel: Kernel,
    pub(crate) websocket: Option<String>,
    pub(crate) events: Option<String>,
    pub(crate) socket_io: Vec<Arc<SocketIo>>,
    pub(crate) sockets: HashMap<String, Arc<SocketHandler>>,
    pub(crate) routes: Router,
    pub(crate) pages: Option<Arc<dyn Pages>>,
    pub(crate) origins: Origins,
    pub(crate) handshake: Duration,
    pub(crate) tickets_at: Option<String>,
    pub(crate) tickets: Tickets,
    pub(crate) sign_ins: Option<Arc<dyn SignedIn>>,
    pub(crate) failures: Failures,
    /// Who is believed about the address of a client.
    pub(crate) proxies: Box<[Network]>,
    pub(crate) addresses: Arc<Addresses>,
    /// Connections that each shard serves.
    loads: Box<[AtomicUsize]>,
    /// Requests that the routes answer at the moment.
    requests: AtomicUsize,
    pub(crate) stopping: AtomicBool,
}

impl Door {
    pub(crate) fn new(kernel: Kernel, listen: &Listen) -> Arc<Self> {
        let loads = (0..kernel.shards()).map(|_| AtomicUsize::new(0)).collect();
        let limits = kernel.limits();
        let socket_io = listen.socket_io.iter().map(|door| Arc::new(door.with_limits(limits))).collect();
        Arc::new(Self {
            kernel,
            websocket: listen.websocket.clone(),
            events: listen.events.clone(),
            socket_io,
            sockets: listen.sockets.clone(),
            routes: listen.routes.clone(),
            pages: listen.pages.clone(),
            origins: listen.origins.clone(),
            handshake: listen.handshake,
            tickets_at: listen.tickets.clone(),
            tickets: Tickets::default(),
            sign_ins: listen.sign_ins.clone(),
            failures: Failures::new(listen.failures_per_minute),
            proxies: listen.proxies.as_slice().into(),
            addresses: Addresses::new(listen.connections_per_address),
            loads,
            requests: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// Whether this peer speaks for others.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.has(peer))
    }

    /// A place for a connection that comes by way of a proxy, which is counted by its client's address once
    /// that is known. Other connections have theirs since they were accepted.
    pub(crate) fn place<B>(&self, request: &Request<B>) -> Result<Option<Place>, Refusal> {
        let Some(ClientAddress { client, peer }) = request.extensions().get::<ClientAddress>() else {
            return Ok(None);
        };
        if !self.is_proxy(*peer) {
            return Ok(None);
        }
        self.place_of(*client).map(Some)
    }

    /// A place for what a client of this address has, beside its connections.
    pub(crate) fn place_of(&self, client: IpAddr) -> Result<Place, Refusal> {
        self.addresses.enter(client).ok_or_else(|| {
            counter!("veche_refused_total", "reason" => "connections_per_address").increment(1);
            let message = "this address has too many connections";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
                .with(Some((header::RETRY_AFTER, "5")))
        })
    }

    /// The shard with the fewest connections, which has one more from now on.
    pub(crate) fn choose_shard(&self) -> usize {
        let loads = self.loads.iter().map(|load| load.load(Ordering::Relaxed)).enumerate();
        let shard = loads.min_by_key(|(_, load)| *load).map_or(0, |(shard, _)| shard);
        self.loads[shard].fetch_add(1, Ordering::Relaxed);
        shard
    }

    pub(crate) fn left(&self, shard: usize) {
        self.loads[shard].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self) -> usize {
        self.loads.iter().map(|load| load.load(Ordering::Relaxed)).sum()
    }

    /// How many requests are under way.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn request_begins(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ends(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One connection's part in the door: counted by address and by shard while it lives.
pub(crate) struct Guest {
    pub(crate) door: Arc<Door>,
    pub(crate) shard: usize,
    /// The other end of the socket, which may be a proxy.
    pub(crate) peer: IpAddr,
    place: Option<Place>,
}

impl Guest {
    pub(crate) fn new(door: Arc<Door>, shard: usize, peer: IpAddr, place: Option<Place>) -> Self {
        Self { door, shard, peer, place }
    }

    /// The same with the place of the client behind its proxy.
    pub(crate) fn sit(mut self, place: Option<Place>) -> Self {
        self.place = place.or(self.place.take());
        self
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.door.left(self.shard);
    }
}
