//! A server: a node with its listeners open, until it is told to stop.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;
use veche_kernel::Kernel;

use crate::{
    acceptor::{self, Acceptor},
    door::Door,
    listen::Listen,
};

/// How often a server that stops looks whether requests are under way.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be understood.
    #[error("cannot listen on {address:?}: {why}")]
    Address {
        /// What was asked for.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another server has the port.
    #[error("{address} is taken by another program")]
    Taken {
        /// Which address.
        address: SocketAddr,
    },
    /// The operating system refuses.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A thread does not start, or a signal cannot be waited for.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// A listening server.
///
/// ```
/// use veche::{Kernel, Listen, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let kernel = Kernel::builder().guests(true).build()?;
/// let server = Server::start(kernel, Listen::on("127.0.0.1:0").websocket("/realtime"))?;
/// assert_ne!(server.addresses()[0].port(), 0);
/// # Ok(())
/// # }
/// ```
pub struct Server {
    door: Arc<Door>,
    addresses: Vec<SocketAddr>,
    acceptor: Acceptor,
}

impl Server {
    /// Binds and accepts. A machine without IPv6 serves `localhost` by IPv4 alone, and says so.
    pub fn start(kernel: Kernel, listen: Listen) -> Result<Self, ServeError> {
        let listeners = bind(&listen)?;
        let addresses: Vec<SocketAddr> =
            listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let door = Door::new(kernel, &listen);
        let acceptor = Acceptor::start(listeners, door.clone())?;
        Ok(Self { door, addresses, acceptor })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The node behind it.
    pub fn kernel(&self) -> &Kernel {
        &self.door.kernel
    }

    /// Connections of any kind.
    pub fn connections(&self) -> usize {
        self.door.connections()
    }

    /// Stops accepting, lets every client go at an even pace within the window, and returns when all have
    /// gone and every request is answered, or when the window is over.
    pub async fn shutdown(&self, window: Duration) {
        self.door.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.acceptor.stop() {
            // It ends at once, and its listeners with it.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        let give_up = Instant::now() + window;
        self.door.kernel.drain(window).await;
        while self.door.requests() > 0 && Instant::now() < give_up {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // The last bytes of an answer are written in the turn that ended its body.
        self.door.kernel.is_alive(LOOK_AGAIN).await;
    }
}

fn bind(listen: &Listen) -> Result<Vec<TcpListener>, ServeError> {
    let address = |why| ServeError::Address { address: listen.address.clone(), why };
    let mut bound: Vec<TcpListener> = Vec::new();
    for mut address in listen.addresses().map_err(address)? {
        if address.port() == 0 {
            // Both addresses of `localhost` share the port that the first one was given.
            let first = bound.first().and_then(|listener| listener.local_addr().ok());
            address.set_port(first.map_or(0, |first| first.port()));
        }
        match acceptor::bind(address) {
            Ok(listener) => bound.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(ServeError::Taken { address });
            }
            Err(error) if address.is_ipv6() && !bound.is_empty() => {
                tracing::info!(%address, %error, "this machine has no IPv6 there; serving IPv4 alone");
            }
            Err(source) => return Err(ServeError::Listen { address, source }),
        }
    }
    Ok(bound)
}

/// Serves until the process is told to stop (SIGINT or SIGTERM), then lets clients go and returns. A
/// second signal ends the wait.
pub async fn serve(kernel: Kernel, listen: Listen) -> Result<(), ServeError> {
    let window = listen.drain;
    let server = Server::start(kernel, listen)?;
    for address in server.addresses() {
        tracing::info!(%address, "listening");
    }
    stop_signal().await?;
    tracing::info!(connections = server.connections(), "stopping");
    tokio::select! {
        () = server.shutdown(window) => Ok(()),
        signal = stop_signal() => Ok(signal?),
    }
}

/// Waits for SIGINT or SIGTERM.
async fn stop_signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
