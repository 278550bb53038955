//! A bound to compare with: what the kernel and tokio ask for a fan-out when the server does nothing else.
//!
//! `bare PORT`. The first connection is the publisher, the later ones are subscribers, and each is told
//! `joined` when it is one. What one `read` of the publisher brings goes out with one `send` a
//! subscriber, in a plain loop on one thread. There is no handshake and nothing is parsed: the
//! publisher writes frames that are ready for subscribers. When it leaves, the next connection is a
//! publisher again.

use std::{env, io, net::Ipv4Addr, process::ExitCode};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What one `read` of the publisher takes at most.
const READ: usize = 64 * 1024;
/// A WebSocket text frame.
const JOINED: &[u8] = b"\x81\x11{\"type\":\"joined\"}";

fn main() -> ExitCode {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: bare PORT");
        return ExitCode::FAILURE;
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let (sender, mut arrivals) = unbounded_channel();
        tokio::spawn(accept(listener, sender));
        while let Some(publisher) = arrivals.recv().await {
            // A publisher that leaves rudely ends its own fan-out only.
            let _ = serve(publisher, &mut arrivals).await;
        }
        Err(io::Error::other("the listener is gone"))
    })
}

/// Between the word `joined` and the hand-over nothing else runs on the one thread, so nobody who heard it misses what
/// is published then.
async fn accept(listener: TcpListener, arrivals: UnboundedSender<TcpStream>) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // Whoever is gone again is left out.
        if stream.write_all(JOINED).await.is_ok() && arrivals.send(stream).is_err() {
            return Ok(());
        }
    }
}

async fn serve(mut publisher: TcpStream, arrivals: &mut UnboundedReceiver<TcpStream>) -> io::Result<()> {
    let mut subscribers = Vec::new();
    let mut buffer = vec![0; READ];
    loop {
        let length = publisher.read(&mut buffer).await?;
        let Some(batch) = buffer.get(..length).filter(|batch| !batch.is_empty()) else { return Ok(()) };
        while let Ok(subscriber) = arrivals.try_recv() {
            subscribers.push(subscriber);
        }
        let mut at = 0;
        while let Some(subscriber) = subscribers.get_mut(at) {
            match subscriber.write_all(batch).await {
                Ok(()) => at += 1,
                Err(_) => drop(subscribers.swap_remove(at)),
            }
        }
    }
}
