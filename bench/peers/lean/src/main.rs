//! A bound to compare with: the cheapest server of rooms that we know how to write.
//!
//! `lean PORT`. It speaks WebSocket on 127.0.0.1 with `{"type":"join","room"}` and
//! `{"type":"pub","room","data"}`, on one thread. An idle connection is one future without a buffer,
//! and a fan-out is one `send` a subscriber and turn of the event loop, of a contiguous batch that was
//! framed once.
//!
//! It is no product. There are no limits, no authentication, no presence, no history, no heartbeats,
//! no policy for slow consumers; a client that does not read takes memory without end. What Veche
//! costs above this is the price of having those.

mod connection;
mod handshake;
mod room;
mod wire;

use std::{env, io, net::Ipv4Addr, process::ExitCode, rc::Rc, time::Duration};

use tokio::{
    net::TcpSocket,
    runtime::{Builder, LocalOptions},
    task::spawn_local,
    time::sleep,
};

/// Connections that wait to be accepted.
const ACCEPT_QUEUE: u32 = 4096;
/// The pause after a failed accept: the descriptors are used up, and one has to become free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: lean PORT");
        return ExitCode::FAILURE;
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lean: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(port: u16) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(accept(port))
}

async fn accept(port: u16) -> io::Result<()> {
    let hub = Rc::new(room::Hub::default());
    spawn_local(Rc::clone(&hub).flush());
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    let listener = socket.listen(ACCEPT_QUEUE)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if stream.set_nodelay(true).is_ok() {
            spawn_local(handshake::serve(stream, Rc::clone(&hub)));
        }
    }
}
