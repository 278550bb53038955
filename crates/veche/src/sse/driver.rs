//! A stream's connection: one small future that waits for room in the socket, and for the client to leave.

use std::{
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use http::Version;
use socket2::SockRef;
use tokio::time::Sleep;
use veche_kernel::{ChannelName, CloseCode, Link, Opening, Position, Shard};
use veche_protocol::sse::Stream;

use super::stream::Events;
use crate::{
    addresses::Place,
    bare::Bare,
    door::Guest,
    reading::{self, LINGER, READS},
};

/// The close code of a connection that was lost, for the metric.
const LOST: u16 = 1006;
/// The most bytes that a client may send behind its request, which asks for nothing any more.
const HEARD_MOST: usize = 64 << 10;

/// A session that waits for its socket. It ends when it goes without.
pub(crate) struct Opened {
    session: Session,
    /// The client's place, where the connection itself has none.
    place: Option<Place>,
}

impl Opened {
    /// Opens a session. It may be closing already.
    pub(super) fn new(
        shard: &Rc<Shard>,
        opening: Opening,
        channels: Vec<(ChannelName, Option<Position>)>,
        retry_ms: u64,
        version: Version,
        place: Option<Place>,
    ) -> Self {
        let wire = Events::new(Stream::new(channels, retry_ms), version == Version::HTTP_11);
        let link = shard.open(opening, wire);
        Self { session: Session { shard: shard.clone(), link }, place }
    }

    pub(super) fn link(&self) -> Rc<Link> {
        self.session.link()
    }

    /// Every channel is settled: the stream begins.
    pub(crate) fn serve(self, socket: Bare, guest: Guest) {
        self.session.link.wire().begin(socket);
        let guest = guest.sit(self.place);
        let driver = Driver { session: self.session, ending: Ending::Open, heard: 0, _guest: guest };
        tokio::task::spawn_local(driver);
    }
}

/// The session's stay.
struct Session {
    shard: Rc<Shard>,
    link: Rc<Link<Events>>,
}

impl Session {
    fn link(&self) -> Rc<Link> {
        self.link.clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let code = self.link.closing().map_or(LOST, CloseCode::number);
        self.shard.detach(&self.link(), code);
    }
}

struct Driver {
    session: Session,
    ending: Ending,
    /// What the client has sent behind its request.
    heard: usize,
    _guest: Guest,
}

enum Ending {
    Open,
    /// The end waits behind what is on its way, or the client has a moment to take it.
    Closing {
        told: bool,
        until: Pin<Box<Sleep>>,
    },
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        reading::remember(&self.session.link.wire().waker, context.waker());
        self.drive(context).map(|_| ())
    }
}

impl Driver {
    /// Runs until the socket takes no more; `Ready` ends the connection.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let link = self.session.link.clone();
        let Some(Bare { tcp: socket, .. }) = link.wire().socket() else { return Poll::Ready(Ok(())) };
        while !self.write()? {
            if socket.poll_write_ready(context)?.is_pending() {
                break;
            }
        }
        self.go_on();
        if let Ending::Closing { until, .. } = &mut self.ending
            && until.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..READS {
            ready!(socket.poll_read_ready(context))?;
            reading::read(socket, |bytes| self.heard += bytes.len())?;
            if self.heard > HEARD_MOST {
                return Poll::Ready(Ok(()));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what waits, and then the end, if it is to be. Whether the socket has taken everything.
    fn write(&mut self) -> io::Result<bool> {
        let Session { shard, link } = &self.session;
        let wire = link.wire();
        loop {
            if let (Some(_), Ending::Open) = (link.closing(), &self.ending) {
                // Whoever does not read does not keep the connection.
                self.ending = Ending::Closing { told: false, until: Box::pin(tokio::time::sleep(LINGER)) };
            }
            if !wire.flush()? {
                return Ok(false);
            }
            if link.has_backlog() {
                if link.write_backlog(|records| wire.take_up(records))? {
                    shard.drained(&self.session.link());
                }
                continue;
            }
            match (&mut self.ending, link.closing()) {
                (Ending::Closing { told, .. }, Some(code)) if !*told => {
                    *told = true;
                    wire.end(code.reason());
                }
                (Ending::Closing { .. }, _) => {
                    if let Some(socket) = wire.socket() {
                        // The client may have left already.
                        let _ = SockRef::from(&socket.tcp).shutdown(std::net::Shutdown::Write);
                    }
                    return Ok(true);
                }
                (Ending::Open, None) => return Ok(true),
                // What was sent has ended it.
                (Ending::Open, Some(_)) => {}
            }
        }
    }

    /// Goes on from the head of channels that the slow-consumer policy has stopped.
    fn go_on(&self) {
        for channel in self.session.link.wire().stopped() {
            let (shard, link) = (self.session.shard.clone(), self.session.link());
            tokio::task::spawn_local(async move {
                if let Err(rejection) = shard.listen(&link, &channel, None).await {
                    // The client comes back, and is told what is wrong by the answer.
                    tracing::debug!(%rejection, "a stopped channel does not go on");
                    link.end(CloseCode::Drain);
                }
            });
        }
    }
}
