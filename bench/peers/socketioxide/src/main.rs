//! A peer to compare with: a server of rooms on the crate socketioxide, as its documentation sets it up on
//! hyper.
//!
//! `socketioxide PORT`. It listens on 127.0.0.1, only for WebSockets. `subscribe` joins a room, and `message`
//! is passed on to everyone in one; both are acknowledged. It has Veche's allocator, and one thread: a worker of
//! tokio's other runtime took as much CPU a delivery and put messages out of order (123,000 of a run with four
//! under way; here none).

use std::{env, io, net::Ipv4Addr, process::ExitCode, time::Duration};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use socketioxide::{
    SocketIo, TransportType,
    extract::{AckSender, Data, SocketRef},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    time::sleep,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that wait to be accepted.
const ACCEPT_QUEUE: u32 = 4096;
/// The pause after a failed accept: the descriptors are used up, and one has to become free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client subscribes to.
#[derive(Deserialize)]
struct Subscription {
    channel: String,
}

/// What a client publishes.
#[derive(Deserialize)]
struct Publication {
    channel: String,
    data: serde_json::Value,
}

/// The acknowledgement of both.
#[derive(Serialize)]
struct Answer {
    #[serde(rename = "type")]
    kind: &'static str,
}

fn main() -> ExitCode {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: socketioxide PORT");
        return ExitCode::FAILURE;
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("socketioxide: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        serve(socket.listen(ACCEPT_QUEUE)?).await
    })
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let (service, io) = SocketIo::builder().transports([TransportType::Websocket]).build_svc();
    io.ns("/", greet);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if stream.set_nodelay(true).is_ok() {
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()).with_upgrades();
            // A client that breaks off in its handshake is no news.
            tokio::spawn(async { drop(connection.await) });
        }
    }
}

async fn greet(socket: SocketRef) {
    socket.on("subscribe", subscribe);
    socket.on("message", publish);
}

async fn subscribe(socket: SocketRef, Data(Subscription { channel }): Data<Subscription>, ack: AckSender) {
    socket.join(channel);
    // A client that has gone needs no answer.
    let _ = ack.send(&Answer { kind: "subscribed" });
}

async fn publish(io: SocketIo, Data(Publication { channel, data }): Data<Publication>, ack: AckSender) {
    // What a full queue refuses is lost, and the load generator sees it.
    let _ = io.to(channel).emit("message", &data).await;
    // As above.
    let _ = ack.send(&Answer { kind: "reply" });
}
