//! A bound to compare with: what the kernel asks for a fan-out when the server does nothing else.
//!
//! `bare PORT`. The first connection is the publisher, the later ones are subscribers, and each is told
//! `joined` when it is one. What one `read` of the publisher brings goes out with one `send` a
//! subscriber, in a plain loop over blocking sockets. There is no handshake and nothing is parsed: the
//! publisher writes frames that are ready for subscribers. When it leaves, the next connection is a
//! publisher again.

use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::ExitCode,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let (sender, arrivals) = channel();
    thread::spawn(move || accept(&listener, &sender));
    for publisher in &arrivals {
        // A publisher that leaves rudely ends its own fan-out only.
        let _ = serve(publisher, &arrivals);
    }
    Err(io::Error::other("the listener is gone"))
}

/// Says `joined` only after the hand-over, so nobody who heard it misses what is published then.
fn accept(listener: &TcpListener, arrivals: &Sender<TcpStream>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut answer = stream.try_clone()?;
        if arrivals.send(stream).is_err() {
            return Ok(());
        }
        // Whoever is gone again will be left out.
        let _ = answer.write_all(JOINED);
    }
}

fn serve(mut publisher: TcpStream, arrivals: &Receiver<TcpStream>) -> io::Result<()> {
    let mut subscribers = Vec::new();
    let mut buffer = vec![0; READ];
    loop {
        let length = publisher.read(&mut buffer)?;
        let Some(batch) = buffer.get(..length).filter(|batch| !batch.is_empty()) else { return Ok(()) };
        subscribers.extend(arrivals.try_iter());
        subscribers.retain_mut(|subscriber| subscriber.write_all(batch).is_ok());
    }
}
