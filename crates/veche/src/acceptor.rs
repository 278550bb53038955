//! The acceptor: one thread that owns the listeners and hands bare sockets to the shards, those that came together in
//! one go. It has no runtime: that would register each socket, only for its shard to take it over at once.

use std::{
    io, mem,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use metrics::counter;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{
    door::{Door, Guest},
    http,
};

/// Connections that the kernel holds for us.
const BACKLOG: i32 = 4_096;
/// Connections that are handed over together: nobody waits for the last of many.
const BATCH: usize = 64;
/// How long accepting rests when the process has no descriptor left.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// What an address over its limit is told, without a shard's work.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Opens an exclusive listener: a second server on the port is an error.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server must not wait for its predecessor's last packets.
    socket.set_reuse_address(true)?;
    // Frames are small and must not wait for each other. What is accepted has this from its listener.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The thread that accepts. It ends with this, if not before.
pub(crate) struct Acceptor {
    is_over: Arc<AtomicBool>,
    waker: Waker,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Acceptor {
    /// Begins to accept.
    pub(crate) fn start(listeners: Vec<TcpListener>, door: Arc<Door>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut watched = Vec::new();
        for (token, listener) in listeners.into_iter().enumerate() {
            let mut listener = mio::net::TcpListener::from_std(listener);
            poll.registry().register(&mut listener, Token(token), Interest::READABLE)?;
            watched.push(listener);
        }
        let waker = Waker::new(poll.registry(), Token(watched.len()))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut accepting = Accepting::new(door, is_over.clone());
        let thread = thread::Builder::new().name("veche-acceptor".to_owned());
        let thread = thread.spawn(move || accepting.run(poll, &watched))?;
        Ok(Self { is_over, waker, thread: Mutex::new(Some(thread)) })
    }

    /// Accepts nobody any more. Its listeners are closed when the thread has ended.
    pub(crate) fn stop(&self) -> Option<JoinHandle<()>> {
        self.is_over.store(true, Ordering::Relaxed);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "failed to wake the acceptor");
        }
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.stop();
    }
}

/// After an error of accept: a vanished peer is nothing, exhausted descriptors are waited out.
fn rest(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
        return;
    }
    counter!("veche_accept_errors_total").increment(1);
    tracing::warn!(%error, "failed to accept a connection; accepting goes on shortly");
    thread::sleep(EXHAUSTED);
}

/// What the thread does, and the connections that have come together, by their shards.
struct Accepting {
    door: Arc<Door>,
    is_over: Arc<AtomicBool>,
    shards: Vec<Vec<(TcpStream, Guest)>>,
    /// How many they are.
    count: usize,
}

impl Accepting {
    fn new(door: Arc<Door>, is_over: Arc<AtomicBool>) -> Self {
        let shards = (0..door.kernel.shards()).map(|_| Vec::new()).collect();
        Self { door, is_over, shards, count: 0 }
    }

    fn run(&mut self, mut poll: Poll, listeners: &[mio::net::TcpListener]) {
        let mut events = Events::with_capacity(listeners.len() + 1);
        while !self.is_over() {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return tracing::error!(%error, "failed to wait for connections");
                }
                _ => {}
            }
            for listener in events.iter().filter_map(|event| listeners.get(event.token().0)) {
                self.take_all(listener);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Accepts whoever waits.
    fn take_all(&mut self, listener: &mio::net::TcpListener) {
        while !self.is_over() {
            match listener.accept() {
                Ok((stream, peer)) => {
                    self.add(stream.into(), peer.ip());
                    if self.count < BATCH {
                        continue;
                    }
                    self.hand_over();
                }
                Err(error) => {
                    self.hand_over();
                    if error.kind() == io::ErrorKind::WouldBlock {
                        return;
                    }
                    rest(&error);
                }
            }
        }
    }

    fn add(&mut self, stream: TcpStream, peer: IpAddr) {
        let door = &self.door;
        // Behind a proxy are many; each is counted when its request says who it is.
        let place = if door.is_proxy(peer) { Some(None) } else { door.addresses.enter(peer).map(Some) };
        let Some(place) = place else {
            counter!("veche_refused_total", "reason" => "connections_per_address").increment(1);
            // The peer may be gone already.
            let _ = SockRef::from(&stream).send(TOO_MANY);
            return;
        };
        let shard = door.choose_shard();
        self.shards[shard].push((stream, Guest::new(door.clone(), shard, peer, place)));
        self.count += 1;
    }

    fn hand_over(&mut self) {
        self.count = 0;
        for (shard, arrived) in self.shards.iter_mut().enumerate().filter(|(_, arrived)| !arrived.is_empty())
        {
            let arrived = mem::take(arrived);
            self.door.kernel.on_shard(shard, move |shard| {
                for (stream, guest) in arrived {
                    match tokio::net::TcpStream::from_std(stream) {
                        Ok(stream) => http::serve(shard, stream, guest),
                        Err(error) => tracing::warn!(%error, "failed to register a connection"),
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::bind;

    #[test]
    fn what_is_accepted_does_not_wait_to_send() {
        let listener = bind(([127, 0, 0, 1], 0).into()).expect("a port");
        listener.set_nonblocking(false).expect("it waits");
        let _client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (accepted, _) = listener.accept().expect("a connection");
        assert!(accepted.nodelay().expect("a socket"));
    }
}
