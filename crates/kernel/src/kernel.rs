//! A node: built once, shared by handles, ended in order.

use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{runtime, sync::oneshot};
use veche_protocol::{code::CloseCode, position::Epoch, server::ServerFrame};

use crate::{
    broker::{Broker, MemoryBroker, Sink},
    channels::Routes,
    clock::Clock,
    filling::Filler,
    handler::Middleware,
    identity::Authenticate,
    inbox::{Entry, Inbox, lock},
    limits::Limits,
    log::Log,
    metrics::Metrics,
    module::{BuildError, Module, Registry},
    node::{Heartbeat, Node},
    revoked::{Revocations, Revoked, RevokedTable},
    rules::{Class, Namespace, Rules},
    sequencers::Sequencers,
    shard::Shard,
    users::Users,
};

/// A running node. Cheap to clone, usable from any task; the last handle that goes ends the node.
#[derive(Clone)]
pub struct Kernel {
    pub(crate) node: Arc<Node>,
    running: Arc<Running>,
}

/// The threads of a node.
struct Running {
    routes: Arc<Routes>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    handlers: Mutex<Option<runtime::Runtime>>,
}

/// What a node is made of.
///
/// ```
/// use veche_kernel::{Kernel, Module};
///
/// # fn main() -> Result<(), veche_kernel::BuildError> {
/// let kernel = Kernel::builder().shards(1).mount(Module::new("empty")).build()?;
/// assert_eq!(kernel.sessions(), 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs before `build`"]
pub struct Builder {
    broker: Option<Arc<dyn Broker>>,
    log: Option<Arc<dyn Log>>,
    modules: Vec<Module>,
    namespaces: Vec<Namespace>,
    layers: Vec<Arc<dyn Middleware>>,
    limits: Limits,
    heartbeat: Heartbeat,
    clock: Clock,
    pub(crate) shards: usize,
    guests: bool,
    authenticator: Option<Arc<dyn Authenticate>>,
    revoked: RevokedTable,
}

impl Builder {
    /// Mounts a module. One with a state gets it first, by [`Module::with_state`].
    pub fn mount(mut self, module: Module) -> Self {
        self.modules.push(module);
        self
    }

    /// Declares the channels of a namespace that no module owns.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespaces.push(namespace);
        self
    }

    /// Stands around every handler, the first one outermost.
    pub fn middleware(mut self, layer: impl Middleware) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// Another broker than the one in memory.
    pub fn broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// Where durable channels are kept. Without one, no namespace may be durable.
    pub fn log(mut self, log: Arc<dyn Log>) -> Self {
        self.log = Some(log);
        self
    }

    /// How much clients may do.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// When silent connections are asked for a sign of life.
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Another clock than the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How many shards; 0 = half of the cores, at least 1 and at most 8.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Serves connections without a credential as guests.
    pub fn guests(mut self, guests: bool) -> Self {
        self.guests = guests;
        self
    }

    /// What decides on tokens in `auth` frames.
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticate>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// Where revocations are kept, and those that were [loaded](Revocations::load) from there. Without this
    /// they end with the node.
    pub fn revocations(mut self, kept: Arc<dyn Revocations>, known: Vec<Revoked>) -> Self {
        self.revoked = RevokedTable::new(known, Some(kept));
        self
    }

    /// Starts the node's threads.
    pub fn build(self) -> Result<Kernel, BuildError> {
        let mut registry = Registry::new(self.layers);
        let mut namespaces = self.namespaces;
        for module in self.modules {
            namespaces.extend(registry.mount(module)?);
        }
        let mut rules = Rules::new(namespaces)?;
        let metrics = Arc::new(Metrics::new());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shards = if self.shards > 0 { self.shards } else { (cores / 2).clamp(1, 8) };
        let limits = self.limits.normalised();
        let bound = limits.inbox_bytes / shards;
        let users = Arc::new(Users::default());
        let routes = Arc::new(Routes::new(
            (0..shards).map(|_| Arc::new(Inbox::new(bound))).collect(),
            users.clone(),
            metrics.clone(),
        ));
        let memory =
            || -> Arc<dyn Broker> { Arc::new(MemoryBroker::new(self.clock.clone(), limits.retained_bytes)) };
        let broker = self.broker.unwrap_or_else(memory);
        let durable = rules.namespaces().find(|namespace| namespace.class == Class::Durable);
        if let (Some(namespace), None) = (durable, &self.log) {
            return Err(BuildError::NoLog { namespace: namespace.name.clone() });
        }
        if self.log.is_some() {
            rules = rules.with_personal();
        }
        let sequencers = Sequencers::start(broker, self.log, routes.clone() as Arc<dyn Sink>);
        let handlers = handlers_runtime(cores)?;
        if let Some(log) = sequencers.durable() {
            let (clock, weak) = (self.clock.clone(), Arc::downgrade(&routes));
            let (log, handlers) = (log.clone(), handlers.handle().clone());
            routes.filler.get_or_init(|| Filler { log, clock, handlers, routes: weak });
        }
        let bits = getrandom::u64().map_err(|error| BuildError::Start(error.to_string()))?;
        let node = Arc::new(Node {
            name: Epoch::from_bits(bits).as_str()[..6].to_owned(),
            clock: self.clock,
            limits,
            heartbeat: self.heartbeat,
            rules: Arc::new(rules),
            guests: self.guests,
            process_key: std::hash::RandomState::new(),
            authenticator: self.authenticator,
            revoked: self.revoked,
            registry,
            sequencers,
            routes: routes.clone(),
            users,
            metrics,
            handlers: handlers.handle().clone(),
            sessions: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            random_state: AtomicU64::new(bits),
            log_swept_ms: AtomicU64::new(0),
            under_way: Arc::default(),
            by_id: Mutex::default(),
        });
        let running = Running { routes, threads: Mutex::default(), handlers: Mutex::new(Some(handlers)) };
        let kernel = Kernel { node, running: Arc::new(running) };
        for index in 0..shards {
            kernel.start_shard(index as u16)?;
        }
        Ok(kernel)
    }
}

fn handlers_runtime(cores: usize) -> Result<runtime::Runtime, BuildError> {
    runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .thread_name("veche-handlers")
        .enable_all()
        .build()
        .map_err(|error| BuildError::Start(error.to_string()))
}

impl Kernel {
    /// A node in the making.
    pub fn builder() -> Builder {
        Builder {
            broker: None,
            log: None,
            modules: Vec::new(),
            namespaces: Vec::new(),
            layers: Vec::new(),
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            clock: Clock::real(),
            shards: 0,
            guests: false,
            authenticator: None,
            revoked: RevokedTable::default(),
        }
    }

    fn start_shard(&self, index: u16) -> Result<(), BuildError> {
        let node = self.node.clone();
        let start = |error: std::io::Error| BuildError::Start(error.to_string());
        // Doors register sockets with the shard's own runtime, so it has I/O and time.
        let thread = thread::Builder::new().name(format!("veche-shard-{index}")).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
            match runtime {
                // As a task of its own: what blocks a runtime is polled only after another look at the sockets.
                Ok(runtime) => runtime.block_on(async {
                    let shard = Rc::new(Shard::new(index, node));
                    _ = tokio::task::spawn_local(shard.run()).await;
                }),
                Err(error) => tracing::error!(%error, "failed to start a shard"),
            }
        });
        lock(&self.running.threads).push(thread.map_err(start)?);
        Ok(())
    }

    /// How many shards the node has.
    pub fn shards(&self) -> usize {
        self.node.routes.inboxes.len()
    }

    /// Runs work on a shard's own thread, in the order of its inbox. This is how doors hand sockets over.
    pub fn on_shard(&self, shard: usize, work: impl FnOnce(&Rc<Shard>) + Send + 'static) {
        self.node.routes.push(shard as u16, Entry::Run(Box::new(work)));
    }

    /// The runtime of the handlers, for whatever else must stay off the shards.
    pub fn handlers(&self) -> &runtime::Handle {
        &self.node.handlers
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.node.limits
    }

    /// Whether clients without a credential are served, as guests.
    pub fn serves_guests(&self) -> bool {
        self.node.guests
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        &self.node.clock
    }

    /// What decides on tokens.
    pub fn authenticator(&self) -> Option<&Arc<dyn Authenticate>> {
        self.node.authenticator.as_ref()
    }

    /// How many sessions the node has.
    pub fn sessions(&self) -> usize {
        self.node.sessions.load(Ordering::Relaxed)
    }

    /// How many channels somebody here is interested in.
    pub fn channels(&self) -> usize {
        self.node.routes.len()
    }

    /// Whether the node is going down.
    pub fn is_draining(&self) -> bool {
        self.node.draining.load(Ordering::Relaxed)
    }

    /// Whether every shard answers within this time.
    pub async fn is_alive(&self, within: Duration) -> bool {
        let answers = (0..self.shards()).map(|shard| {
            let (answer, answered) = oneshot::channel();
            // Whoever asked may have given up.
            self.on_shard(shard, move |_| _ = answer.send(()));
            answered
        });
        let all = async {
            for answered in answers.collect::<Vec<_>>() {
                if answered.await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(within, all).await.unwrap_or(false)
    }

    /// Ends all sessions: tells each when to come back (`bye`), lets it finish what is under way, and
    /// closes it, at an even pace over the window; few sessions take a moment, whatever the window.
    pub async fn drain(&self, window: Duration) {
        self.node.draining.store(true, Ordering::Relaxed);
        let sessions = self.sessions();
        let pace = (window / (sessions.max(1) as u32)).min(Duration::from_millis(5));
        for shard in 0..self.shards() {
            let shards = self.shards() as u32;
            self.on_shard(shard, move |shard| shard.drain(pace * shards));
        }
        let give_up = tokio::time::Instant::now() + window;
        while self.sessions() > 0 && tokio::time::Instant::now() < give_up {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Shard {
    /// Says goodbye to every session, one each `pace`.
    fn drain(self: &Rc<Self>, pace: Duration) {
        let shard = self.clone();
        tokio::task::spawn_local(async move {
            let sessions: Vec<_> = shard.sessions.borrow().iter().map(|(_, link)| shard.key(link)).collect();
            for (at, key) in sessions.iter().enumerate() {
                let Some(link) = shard.session(*key) else { continue };
                // Clients of one node spread over the window in which the others close, too.
                let retry_after_ms = (pace * (at as u32)).as_millis() as u64 + 100;
                shard.reply(&link, &ServerFrame::Bye { reason: "drain", retry_after_ms });
            }
            for key in sessions {
                tokio::time::sleep(pace).await;
                // One that is still at work does not hold up the others.
                let shard = shard.clone();
                tokio::task::spawn_local(async move { shard.finish(key).await });
            }
        });
    }

    /// Closes a session when what it is doing is done.
    async fn finish(self: &Rc<Self>, key: crate::inbox::SessionKey) {
        let idle = || self.session(key).is_none_or(|link| !link.state.borrow().machine.must_wait());
        for _ in 0..1_000 {
            if idle() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Some(link) = self.session(key) {
            link.close(CloseCode::Drain);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for shard in 0..self.routes.inboxes.len() {
            self.routes.push(shard as u16, Entry::Run(Box::new(|shard| shard.stop())));
        }
        // A handler may hold the last handle: its own runtime cannot be waited for from within.
        if let Some(handlers) = lock(&self.handlers).take() {
            handlers.shutdown_background();
        }
    }
}
