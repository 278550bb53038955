//! The acceptor: one thread that owns the listeners and hands bare sockets to the shards.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use metrics::counter;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    door::{Door, Guest},
    http,
};

/// Connections that the kernel holds for us.
const BACKLOG: i32 = 4_096;
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
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts until `stop` changes.
pub(crate) fn start(
    listeners: Vec<TcpListener>,
    door: Arc<Door>,
    stop: watch::Receiver<bool>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("veche-acceptor".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let mut accepting = JoinSet::new();
            for listener in listeners {
                accepting.spawn(accept(listener, door.clone(), stop.clone()));
            }
            while accepting.join_next().await.is_some() {}
        });
    })
}

async fn accept(listener: TcpListener, door: Arc<Door>, mut stop: watch::Receiver<bool>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "failed to watch a listener"),
    };
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => hand_over(stream, peer.ip(), &door),
            Err(error) => rest(&error).await,
        }
    }
}

/// After an error of accept: a vanished peer is nothing, exhausted descriptors are waited out.
async fn rest(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
        return;
    }
    counter!("veche_accept_errors_total").increment(1);
    tracing::warn!(%error, "failed to accept a connection; accepting goes on shortly");
    tokio::time::sleep(EXHAUSTED).await;
}

fn hand_over(stream: TcpStream, peer: IpAddr, door: &Arc<Door>) {
    // Behind a proxy are many; each is counted when its request says who it is.
    let place = if door.is_proxy(peer) { Some(None) } else { door.addresses.enter(peer).map(Some) };
    let Some(place) = place else {
        counter!("veche_refused_total", "reason" => "connections_per_address").increment(1);
        // The peer may be gone already.
        let _ = SockRef::from(&stream).send(TOO_MANY);
        return;
    };
    // Frames are small and must not wait for each other; a socket that refuses this works without.
    let _ = stream.set_nodelay(true);
    let shard = door.choose_shard();
    let guest = Guest::new(door.clone(), shard, peer, place);
    door.kernel.on_shard(shard, move |shard| match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => http::serve(shard, stream, guest),
        Err(error) => tracing::warn!(%error, "failed to register a connection"),
    });
}
