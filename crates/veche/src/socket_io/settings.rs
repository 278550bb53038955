//! What a Socket.IO door is set to, and what its namespaces do.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::Value;
use veche_kernel::{
    BoxFuture, BuildError, Events, Handler, Limits, Middleware, Module, Rejection, SessionId,
};
use veche_protocol::{
    engine_io::Config,
    socket_io::{Limits as PacketLimits, RESERVED_EVENTS},
};

use super::{handshake::Handshake, socket::Socket};

/// A door for clients of Socket.IO, for [`Listen::socket_io`](crate::Listen::socket_io).
///
/// Without a namespace of its own it serves `/`: events are the frames of the native protocol of the same name, and the
/// calls of the node's modules.
///
/// ```
/// use veche::{Listen, socket_io::SocketIo};
///
/// let listen = Listen::on("localhost:3000").socket_io(SocketIo::at("/socket.io/"));
/// # let _ = listen;
/// ```
#[derive(Clone)]
#[must_use = "nothing is served before `Listen::socket_io`"]
pub struct SocketIo {
    pub(super) path: String,
    pub(super) engine: Config,
    pub(super) limits: PacketLimits,
    pub(super) namespaces: Vec<(Pattern, Arc<Namespace>)>,
    /// `None`: what a frame of the node may have.
    max_payload: Option<usize>,
    pub(super) recovery_ms: Option<u64>,
    pub(super) cookie: Option<String>,
    pub(super) raw: Option<Raw>,
}

/// What answers the messages of a door without Socket.IO.
pub(super) type Raw = Arc<dyn Fn(RawMessage) -> Option<RawMessage> + Send + Sync>;

/// A message of Engine.IO, for doors that speak nothing above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// Which namespaces one is for.
#[derive(Clone)]
pub(super) enum Pattern {
    Name(String),
    Any(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Pattern {
    fn is_of(&self, namespace: &str) -> bool {
        match self {
            Self::Name(name) => name == namespace,
            Self::Any(passes) => passes(namespace),
        }
    }
}

impl SocketIo {
    /// A door at this path, which ends with a slash: `/socket.io/` is what clients ask for unless told otherwise.
    pub fn at(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            engine: Config::default(),
            limits: PacketLimits::default(),
            namespaces: Vec::new(),
            max_payload: None,
            recovery_ms: None,
            cookie: None,
            raw: None,
        }
    }

    /// Serves the messages of Engine.IO alone: what the function returns goes back.
    ///
    /// ```
    /// use veche::{Listen, socket_io::SocketIo};
    ///
    /// let listen = Listen::on("localhost:3000").socket_io(SocketIo::raw("/engine.io/", Some));
    /// # let _ = listen;
    /// ```
    pub fn raw(
        path: impl Into<String>,
        answer: impl Fn(RawMessage) -> Option<RawMessage> + Send + Sync + 'static,
    ) -> Self {
        Self { raw: Some(Arc::new(answer)), ..Self::at(path) }
    }

    /// Serves a namespace: `/`, or `/` and a name.
    pub fn namespace(mut self, name: impl Into<String>, namespace: Namespace) -> Self {
        self.namespaces.push((Pattern::Name(name.into()), Arc::new(namespace)));
        self
    }

    /// Serves every namespace whose name passes, and that no earlier one takes.
    pub fn namespaces(
        mut self,
        passes: impl Fn(&str) -> bool + Send + Sync + 'static,
        namespace: Namespace,
    ) -> Self {
        self.namespaces.push((Pattern::Any(Arc::new(passes)), Arc::new(namespace)));
        self
    }

    /// When clients are pinged (25 s unless said), and how long they may take to answer (20 s).
    pub fn heartbeat(mut self, interval: Duration, timeout: Duration) -> Self {
        self.engine.ping_interval_ms = millis(interval);
        self.engine.ping_timeout_ms = millis(timeout);
        self
    }

    /// The most bytes of a message or a polling request of a client, and of a packet's attachments; those of a frame
    /// (`limits.frame_bytes`) unless said.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = Some(bytes);
        self
    }

    /// How long a client may take until it is in a namespace; 45 s unless said.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.engine.connect_timeout_ms = millis(timeout);
        self
    }

    /// How long a WebSocket may take to complete an upgrade; 10 s unless said.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.engine.upgrade_timeout_ms = millis(timeout);
        self
    }

    /// Which transports are served; both unless said.
    pub fn transports(mut self, polling: bool, websocket: bool) -> Self {
        self.engine.polling = polling;
        self.engine.websocket = websocket;
        self
    }

    /// Serves clients of Socket.IO 2, too, which speak the third revision of Engine.IO. They are not unless said.
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.engine.allow_eio3 = allow;
        self
    }

    /// Lets clients come back to the session that they had, for so long after its connection broke: with its id, its
    /// rooms, and what they missed there. Nobody does unless said.
    ///
    /// What is missed has to be retained: by the class of the rooms' [namespace](veche_kernel::Namespace).
    pub fn recovery(mut self, window: Duration) -> Self {
        self.recovery_ms = Some(u64::from(millis(window)));
        self
    }

    /// Sets a cookie of this name to the session's id, for proxies that look for one. This server does not need it.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// The same with the node's bounds where nothing else was said.
    pub(crate) fn with_limits(&self, limits: &Limits) -> Self {
        let mut door = self.clone();
        let bytes = self.max_payload.unwrap_or(limits.frame_bytes);
        door.engine.max_payload = bytes;
        door.limits.attachment_bytes = bytes;
        door
    }

    /// What serves a namespace of this name, if anything does.
    pub(super) fn find(&self, name: &str) -> Option<Service> {
        if self.namespaces.is_empty() {
            return (name == "/").then_some(Service::Node);
        }
        let found = self.namespaces.iter().find(|(pattern, _)| pattern.is_of(name));
        found.map(|(_, namespace)| Service::Own(namespace.clone()))
    }

    /// Whether anything asks for the handshake after it: then it is kept.
    pub(super) fn keeps_handshakes(&self) -> bool {
        !self.namespaces.is_empty()
    }
}

/// What serves a namespace.
#[derive(Clone)]
pub(super) enum Service {
    /// The node's own handlers and the native protocol's frames.
    Node,
    /// Handlers of its own, before those.
    Own(Arc<Namespace>),
}

impl Service {
    /// What of it is its own.
    pub(super) fn own(&self) -> Option<&Arc<Namespace>> {
        match self {
            Self::Node => None,
            Self::Own(namespace) => Some(namespace),
        }
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

type Admit = Arc<dyn Fn(Arc<Handshake>) -> BoxFuture<Result<(), ConnectRefused>> + Send + Sync>;
type Connected = Arc<dyn Fn(Socket) -> BoxFuture<()> + Send + Sync>;
type Outgoing = Arc<dyn Fn(SessionId, &str) + Send + Sync>;
type Disconnected = Arc<dyn Fn(Socket, &'static str) -> BoxFuture<()> + Send + Sync>;

/// What a namespace does.
///
/// ```
/// use veche::{Args, Module, socket_io::{Namespace, Socket}};
///
/// let echo = Module::new("echo").on("say", async |socket: Socket, Args((text,)): Args<(String,)>| {
///     socket.emit("said", &(text,));
/// });
/// let namespace = Namespace::of(echo)?.on_connect(async |socket| socket.emit("hello", &()));
/// # let _ = namespace;
/// # Ok::<(), veche::BuildError>(())
/// ```
#[derive(Default)]
pub struct Namespace {
    pub(super) events: Events,
    pub(super) admit: Option<Admit>,
    pub(super) connected: Option<Connected>,
    pub(super) disconnected: Option<Disconnected>,
    pub(super) outgoing: Option<Outgoing>,
}

impl Namespace {
    /// A namespace whose events these handlers answer. Their names are free, but for those that clients keep for
    /// themselves, such as `connect`.
    pub fn of(module: Module) -> Result<Self, BuildError> {
        Ok(Self { events: Events::of(module)?, ..Self::default() })
    }

    /// Takes every event that nothing else answers.
    #[must_use]
    pub fn otherwise<Arguments: 'static, H: Handler<Arguments, ()>>(mut self, handler: H) -> Self {
        self.events = self.events.otherwise(handler);
        self
    }

    /// Stands around every event of the namespace, the first one outermost.
    #[must_use]
    pub fn middleware(mut self, layers: Vec<Arc<dyn Middleware>>) -> Self {
        self.events = self.events.layers(layers);
        self
    }

    /// Decides who may come in: a refusal reaches the client as `connect_error`, with its message and data.
    #[must_use]
    pub fn admit<F, Fut>(mut self, decide: F) -> Self
    where
        F: Fn(Arc<Handshake>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + Send + 'static,
    {
        self.admit = Some(Arc::new(move |handshake| Box::pin(decide(handshake))));
        self
    }

    /// Runs when a client is in. Its events wait until this is done.
    #[must_use]
    pub fn on_connect<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.connected = Some(Arc::new(move |socket| Box::pin(run(socket))));
        self
    }

    /// Hears the name of every event that goes out to a client of the namespace, on the client's shard: it has to be
    /// quick.
    #[must_use]
    pub fn on_outgoing(mut self, hear: impl Fn(SessionId, &str) + Send + Sync + 'static) -> Self {
        self.outgoing = Some(Arc::new(hear));
        self
    }

    /// Runs when a client has left, with the reference server's word for why.
    #[must_use]
    pub fn on_disconnect<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(Socket, &'static str) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.disconnected = Some(Arc::new(move |socket, reason| Box::pin(run(socket, reason))));
        self
    }
}

/// Why a client does not come into a namespace: the `Error` of its `connect_error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRefused {
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl ConnectRefused {
    /// A refusal with the error's message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Says more, as the error's `data`.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

impl From<Rejection> for ConnectRefused {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.message().to_owned()).data(rejection.as_json())
    }
}

/// Whether an event may have this name.
pub(super) fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event)
}
