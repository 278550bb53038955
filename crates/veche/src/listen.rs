//! Where a server listens, and what it answers there.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use veche_kernel::SignedIn;

use crate::{origin::Origins, pages::Pages, proxies::Network, socket::SocketHandler, socket_io::SocketIo};

/// Addresses and doors of a server.
///
/// ```
/// use veche::Listen;
///
/// let listen = Listen::on("localhost:3000").websocket("/realtime/ws");
/// ```
#[derive(Clone)]
#[must_use = "nothing listens before `serve`"]
pub struct Listen {
    pub(crate) address: String,
    pub(crate) websocket: Option<String>,
    pub(crate) events: Option<String>,
    pub(crate) socket_io: Vec<Arc<SocketIo>>,
    pub(crate) sockets: HashMap<String, Arc<SocketHandler>>,
    pub(crate) routes: Router,
    pub(crate) pages: Option<Arc<dyn Pages>>,
    pub(crate) origins: Origins,
    pub(crate) tickets: Option<String>,
    pub(crate) sign_ins: Option<Arc<dyn SignedIn>>,
    pub(crate) proxies: Vec<Network>,
    pub(crate) connections_per_address: u32,
    pub(crate) failures_per_minute: u32,
    pub(crate) handshake: Duration,
    pub(crate) drain: Duration,
}

impl Listen {
    /// Listens on `host:port`. `localhost` means 127.0.0.1 and ::1; port 0 takes a free one.
    pub fn on(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            websocket: None,
            events: None,
            socket_io: Vec::new(),
            sockets: HashMap::new(),
            routes: Router::new(),
            pages: None,
            origins: Origins::default(),
            tickets: None,
            sign_ins: None,
            proxies: Vec::new(),
            connections_per_address: 2_000,
            failures_per_minute: 20,
            handshake: Duration::from_secs(10),
            drain: Duration::from_secs(25),
        }
    }

    /// Opens the native WebSocket door at this path.
    pub fn websocket(mut self, path: impl Into<String>) -> Self {
        self.websocket = Some(path.into());
        self
    }

    /// Opens the door of server-sent events at this path: `GET <path>?channel=…`, to listen only.
    ///
    /// ```
    /// use veche::Listen;
    ///
    /// let listen = Listen::on("localhost:3000").events("/realtime/events");
    /// # let _ = listen;
    /// ```
    pub fn events(mut self, path: impl Into<String>) -> Self {
        self.events = Some(path.into());
        self
    }

    /// Opens a door for clients of Socket.IO.
    ///
    /// ```
    /// use veche::{Listen, socket_io::SocketIo};
    ///
    /// let listen = Listen::on("localhost:3000").socket_io(SocketIo::at("/socket.io/").allow_eio3(true));
    /// # let _ = listen;
    /// ```
    pub fn socket_io(mut self, door: SocketIo) -> Self {
        self.socket_io.push(Arc::new(door));
        self
    }

    /// Serves plain WebSockets at this path, past the kernel: for protocols of your own. Messages may
    /// have `max_message` bytes.
    pub fn socket<F, Fut>(mut self, path: impl Into<String>, max_message: usize, serve: F) -> Self
    where
        F: Fn(crate::socket::Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        self.sockets.insert(path.into(), Arc::new(SocketHandler::new(max_message, serve)));
        self
    }

    /// Answers every other request with these routes.
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = routes;
        self
    }

    /// Answers browsers that ask for what neither an entry of a module nor a route answers, by these pages.
    pub fn pages(mut self, pages: Arc<dyn Pages>) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Which pages may open a WebSocket, or read events.
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// Opens the door of tickets at this path: `POST <path>` with a token, or with a cookie, is answered by
    /// `{"ticket":…,"expires_ms":…}`, and `?ticket=…` opens one stream, for browsers, which cannot set a header
    /// there.
    ///
    /// ```
    /// use veche::Listen;
    ///
    /// let listen = Listen::on("localhost:3000").events("/realtime/events").tickets("/realtime/ticket");
    /// # let _ = listen;
    /// ```
    pub fn tickets(mut self, path: impl Into<String>) -> Self {
        self.tickets = Some(path.into());
        self
    }

    /// Takes cookies, and asks here who they stand for. A cookie counts only with an allowed origin.
    pub fn sign_ins(mut self, sign_ins: Arc<dyn SignedIn>) -> Self {
        self.sign_ins = Some(sign_ins);
        self
    }

    /// Believes peers of these networks about the address of the client whose request they pass on
    /// (`X-Forwarded-For`, or `Forwarded`). Nobody is believed unless said.
    ///
    /// ```
    /// use veche::Listen;
    ///
    /// let behind_a_proxy = Listen::on("0.0.0.0:3000").trusted_proxies(["10.0.0.0/8".parse()?]);
    /// # let _ = behind_a_proxy;
    /// # Ok::<(), veche::InvalidNetwork>(())
    /// ```
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = networks.into_iter().collect();
        self
    }

    /// How many wrong credentials of one address are answered in a minute; further ones are refused with 429.
    /// 20 unless said; 0 = no bound.
    pub fn failures_per_minute(mut self, most: u32) -> Self {
        self.failures_per_minute = most;
        self
    }

    /// How many connections one address may have; 0 = no bound.
    pub fn connections_per_address(mut self, most: u32) -> Self {
        self.connections_per_address = most;
        self
    }

    /// How long a connection may take to send a request's head, the handshake's too, and how long it may be
    /// silent between two requests; 10 s unless said.
    ///
    /// ```
    /// use std::time::Duration;
    /// use veche::Listen;
    ///
    /// let impatient = Listen::on("127.0.0.1:8080").handshake(Duration::from_secs(2));
    /// # let _ = impatient;
    /// ```
    pub fn handshake(mut self, patience: Duration) -> Self {
        self.handshake = patience;
        self
    }

    /// How long [`serve`](crate::serve) takes to let clients go when it is told to stop.
    pub fn drain(mut self, window: Duration) -> Self {
        self.drain = window;
        self
    }

    /// The socket addresses, in the order in which they are bound.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let (host, port) = self.address.rsplit_once(':').ok_or("an address is host:port")?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host == "localhost" {
            return Ok(vec![([127, 0, 0, 1], port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()]);
        }
        let address = host.parse().map_err(|_| format!("{host:?} is no IP address and not localhost"))?;
        Ok(vec![SocketAddr::new(address, port)])
    }
}
