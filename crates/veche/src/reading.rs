//! How a connection reads its socket: into a buffer that its thread owns, so that one which waits holds none.

use std::{
    cell::RefCell,
    io::{self, Read},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream};
use veche_protocol::ws::Scratch;

/// What a thread reads into.
const READ_BYTES: usize = 64 << 10;
/// Reads of one connection before the others have their turn.
pub(crate) const READS: usize = 4;
/// How long a closing connection may take to accept what waits, and to answer the close frame.
pub(crate) const LINGER: Duration = Duration::from_secs(3);

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Remembers who is woken for a connection.
pub(crate) fn remember(place: &RefCell<Option<Waker>>, waker: &Waker) {
    let mut known = place.borrow_mut();
    if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *known = Some(waker.clone());
    }
}

/// Wakes a connection's driver, if it has begun.
pub(crate) fn wake(place: &RefCell<Option<Waker>>) {
    if let Some(waker) = &*place.borrow() {
        waker.wake_by_ref();
    }
}

/// Reads what is there, once, and hands it on.
///
/// # Errors
/// Where the peer has ended or broken the connection.
pub(crate) fn read(stream: &TcpStream, take: impl FnOnce(&mut [u8])) -> io::Result<()> {
    READ.with_borrow_mut(|buffer| {
        let mut got = None;
        let read = stream.try_io(Interest::READABLE, || {
            let count = (&*SockRef::from(stream)).read(buffer)?;
            got = Some(count);
            // A short read has emptied the socket: saying so saves the next, futile one.
            if count > 0 && count < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match got {
            Some(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(count) => {
                take(&mut buffer[..count]);
                Ok(())
            }
            None => match read {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                _ => Ok(()),
            },
        }
    })
}

/// The thread's room for what a decoder inflates or joins.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(work)
}

/// Reads and drops what the peer still sends, so that our last bytes are not lost to a reset; `Ready` when it
/// has ended.
pub(crate) fn discard(stream: &TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_read_ready(context))?;
        let ended = READ.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(count) => Ok(count == 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        })?;
        if ended {
            return Poll::Ready(Ok(()));
        }
    }
}
