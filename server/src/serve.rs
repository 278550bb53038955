//! `veche serve`: the parts put together. The only file here that knows the node.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use metrics_exporter_prometheus::{BuildError as MetricsError, PrometheusHandle};
use veche::{BuildError, Clock, Kernel, Listen, Module, Origins, api::Api, socket_io::SocketIo};

use crate::{
    apps::{self, AppsError},
    config::{Config, Host},
    control::Control,
    demo,
    health::{self, Figures, Readiness, Vitals},
    keys::FileKeys,
    metrics,
    people::{Mounted, People, PeopleError, companions},
    secret::{self, SecretError},
    store::{self, Database, StoreError},
    ui::{Built, Surroundings, Ui},
};

/// Where the native WebSocket door is.
const WEBSOCKET: &str = "/realtime/ws";

/// Where the door of server-sent events is.
const EVENTS: &str = "/realtime/events";

/// Where clients of Socket.IO look, unless told otherwise.
const SOCKET_IO: &str = "/socket.io/";

/// Where a ticket for one of them is asked for.
const TICKETS: &str = "/realtime/ticket";

/// How often histograms take in what they gathered.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the server does not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no secret to verify tokens with.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The recorder of metrics cannot be installed.
    #[error("cannot record metrics: {0}")]
    Metrics(#[from] MetricsError),
    /// The database cannot be opened or closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// People cannot have accounts.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// People cannot have friends, notifications and files.
    #[error(transparent)]
    Companions(#[from] companions::CompanionsError),
    /// An application cannot be mounted.
    #[error(transparent)]
    Apps(#[from] AppsError),
    /// The namespaces contradict each other, or the threads do not start.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Another program listens there.
    #[error("port {port} is taken by another program ({address}): stop it, or choose another by --port")]
    Taken {
        /// The port.
        port: u16,
        /// The whole address.
        address: std::net::SocketAddr,
    },
    /// It cannot listen, or cannot go on.
    #[error(transparent)]
    Serve(veche::ServeError),
}

impl From<veche::ServeError> for ServeError {
    fn from(error: veche::ServeError) -> Self {
        match error {
            veche::ServeError::Taken { address } => Self::Taken { port: address.port(), address },
            other => Self::Serve(other),
        }
    }
}

/// Runs the server until SIGINT or SIGTERM, then lets clients go.
pub fn run(config: Config, demo: bool) -> Result<(), ServeError> {
    let config = if demo { config.with_demo() } else { config }.with_recovery();
    let secret = secret::resolve_to_serve(&config)?;
    if let Some(warning) = &secret.warning {
        tracing::warn!("{warning}");
    }
    // Before the kernel, which takes its counters when it is made.
    let metrics = metrics::install()?;
    let clock = Clock::real();
    let database = Database::open(&config, &clock)?;
    let people = if config.accounts.enabled {
        let opened = People::open(&config, demo, database.store(), &secret.verifier);
        Some(store::block_on(async { Ok(opened.await) })??)
    } else {
        None
    };
    let mut builder = Kernel::builder()
        .clock(clock.clone())
        .log(database.log())
        .limits(config.limits.clone())
        .shards(config.server.shards)
        .guests(demo)
        .revocations(database.revocations(), database.revoked()?)
        .authenticator(Arc::new(secret.verifier))
        .mount(api(&config))
        .mount(veche::calls());
    for namespace in &config.namespaces {
        builder = builder.namespace(namespace.clone());
    }
    let (builder, people) = match people {
        Some(people) => {
            let (builder, mounted) = people.mount(builder);
            (builder, Some(mounted))
        }
        None => (builder, None),
    };
    let builder = if config.people.enabled {
        let mounted = companions::mount(&config, database.store(), builder);
        store::block_on(async { Ok(mounted.await) })??
    } else {
        builder
    };
    let mounted = apps::mount(&config, demo, database.store(), builder);
    let (builder, apps) = store::block_on(async { Ok(mounted.await) })??;
    let ui = Ui::new(Built::embedded(), surroundings(&config, demo, &database, &clock));
    let kernel = builder.mount(ui.module()).build()?;
    let control = Control::listen(&config.server.data, &kernel);
    if let Err(error) = &control {
        tracing::warn!(%error, "commands such as `veche revoke` do not reach this server");
    }
    let node = Node { kernel: kernel.clone(), metrics: metrics.clone(), started: Instant::now() };
    let pages = pages(&config, demo, Arc::new(node), metrics.clone());
    let pages = pages.merge(people.as_ref().map(Mounted::pages).unwrap_or_default()).merge(ui.router());
    let mut listen = listen(&config, pages).pages(Arc::new(ui));
    if let Some(people) = &people {
        listen = listen.sign_ins(people.sign_ins());
    }
    if demo {
        let port = config.server.port;
        tracing::info!("the demo is on: guests may connect; open http://localhost:{port}");
    }
    let handlers = kernel.handlers().clone();
    handlers.spawn(keep_up(metrics));
    if let Some(people) = people {
        handlers.spawn(people.work());
    }
    if config.people.enabled {
        handlers.spawn(companions::tend(database.store().clone()));
    }
    handlers.spawn(apps.tend(database.store().clone()));
    let served = handlers.block_on(veche::serve(kernel, listen));
    drop(control);
    database.close()?;
    Ok(served?)
}

/// The HTTP door for back ends, whose keys are in the data folder.
fn api(config: &Config) -> Module {
    let keys = FileKeys::new(&config.server.data);
    Api::new(Arc::new(keys)).quota(config.api.quota()).module()
}

/// What pages have to know of this server.
fn surroundings(config: &Config, demo: bool, database: &Database, clock: &Clock) -> Surroundings {
    let server = &config.server;
    let here = server.host.is_loopback().then(|| format!("http://localhost:{}", server.port));
    Surroundings {
        origin: server.public_url.as_ref().map(|site| site.origin().to_owned()).or(here),
        public_origins: server.public_origins.clone(),
        apps: config.apps.iter().map(|app| app.name()).collect(),
        demo,
        any_port_here: demo && server.host.is_loopback(),
        accounts: config.accounts.enabled,
        render_deadline: server.render_deadline,
        store: config.accounts.enabled.then(|| database.store().clone()),
        clock: clock.clone(),
    }
}

fn listen(config: &Config, pages: Router) -> Listen {
    let server = &config.server;
    let address = match server.host {
        Host::Address(std::net::IpAddr::V6(address)) => format!("[{address}]:{}", server.port),
        host => format!("{host}:{}", server.port),
    };
    let any_of_this_machine = server.allowed_origins.is_empty() && server.host.is_loopback();
    let listen = Listen::on(address)
        .websocket(WEBSOCKET)
        .events(EVENTS)
        .tickets(TICKETS)
        .routes(pages)
        .origins(Origins::of(server.allowed_origins.iter().cloned()).loopback(any_of_this_machine))
        .trusted_proxies(server.trusted_proxies.iter().copied())
        .failures_per_minute(config.auth.failures_per_minute)
        .connections_per_address(config.limits.connections_per_address)
        .drain(server.drain);
    if config.socket_io.enabled { listen.socket_io(socket_io(config)) } else { listen }
}

fn socket_io(config: &Config) -> SocketIo {
    let door = SocketIo::at(SOCKET_IO).allow_eio3(config.socket_io.allow_eio3);
    let window = config.socket_io.recovery;
    if window.is_zero() { door } else { door.recovery(window) }
}

/// Everything but the doors: health, metrics, and the page of `--demo`.
fn pages(config: &Config, demo: bool, node: Arc<dyn Vitals>, metrics: PrometheusHandle) -> Router {
    // Figures tell an outsider what the server does: on the main listener only while that is this machine's.
    let router = health::router(node, config.server.host.is_loopback().then_some(metrics));
    if demo { router.merge(demo::router()) } else { router }
}

async fn keep_up(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}

/// The node, as health sees it. Nobody can ask before the listeners are open, so it never says `starting`.
struct Node {
    kernel: Kernel,
    metrics: PrometheusHandle,
    started: Instant,
}

impl Vitals for Node {
    fn clients(&self) -> u64 {
        self.kernel.sessions() as u64
    }

    fn figures(&self) -> Figures {
        Figures {
            uptime_ms: self.started.elapsed().as_millis() as u64,
            channels: self.kernel.channels() as u64,
            sessions: self.kernel.sessions() as u64,
            messages_in: metrics::total(&self.metrics, "veche_messages_received_total"),
            messages_out: metrics::total(&self.metrics, "veche_deliveries_total"),
        }
    }

    fn readiness(&self) -> Readiness {
        if self.kernel.is_draining() { Readiness::Draining } else { Readiness::Ready }
    }

    fn is_alive(&self, within: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(self.kernel.is_alive(within))
    }
}
