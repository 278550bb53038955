//! The native door's connection: one small future that holds no buffer while nothing happens.
//!
//! It waits for readiness, reads into a buffer that its thread owns, and keeps bytes only of an unfinished
//! frame (inside the decoder). What it decodes goes to the kernel's session; what the kernel sends goes to
//! the socket directly, and only what the socket refuses comes back here to be written later.

use std::{
    cell::RefCell,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::time::Sleep;
use veche_kernel::{CloseCode, Encoding, Link, Opening, Shard, Wire};
use veche_protocol::ws::{self, Config, Decoder, Event, Input, Opcode, Role};

use crate::{
    bare::Bare,
    door::Guest,
    reading::{self, LINGER, READS},
};

/// The socket as the kernel sees it.
pub(crate) struct Socket {
    bare: Bare,
    waker: RefCell<Option<Waker>>,
}

impl Wire for Socket {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.bare.send(bytes)
    }

    fn warm(&self) {
        self.bare.warm();
    }

    fn wake(&self) {
        reading::wake(&self.waker);
    }
}

/// Opens a session on a socket whose handshake is done. `early` is what the client sent meanwhile.
pub(crate) fn serve(shard: &Rc<Shard>, bare: Bare, early: Bytes, opening: Opening, guest: Guest) {
    let deflate = opening.encoding == Encoding::NativeDeflate;
    let limit = guest.door.kernel.limits().frame_bytes;
    let config = Config::new(Role::Server, limit).with_deflate(deflate);
    let link = shard.open(opening, Socket { bare, waker: RefCell::new(None) });
    // Where nobody was welcomed.
    link.wire().bare.answer();
    let mut driver = Driver {
        shard: shard.clone(),
        link,
        decoder: Decoder::new(config),
        ending: Ending::Open,
        ended: 1006,
        _guest: guest,
    };
    if !early.is_empty() {
        driver.consume(&mut BytesMut::from(early));
    }
    tokio::task::spawn_local(driver);
}

struct Driver {
    shard: Rc<Shard>,
    link: Rc<Link<Socket>>,
    decoder: Decoder,
    ending: Ending,
    /// The close code for the metric: the peer's, ours, or 1006 for a lost connection.
    ended: u16,
    _guest: Guest,
}

enum Ending {
    Open,
    /// Our close frame waits behind the backlog, or the peer's answer is awaited.
    Closing {
        told: bool,
        until: Pin<Box<Sleep>>,
    },
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        reading::remember(&self.link.wire().waker, context.waker());
        self.drive(context).map(|_| ())
    }
}

impl Driver {
    /// Runs until the socket has nothing more for us; `Ready` ends the connection.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.has_backlog() {
            self.write(context)?;
        }
        if let Some(code) = self.link.closing() {
            return self.end(code, context);
        }
        for _ in 0..READS {
            if self.decoder.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if !self.link.may_read() {
                return Poll::Pending;
            }
            ready!(self.link.wire().bare.tcp.poll_read_ready(context))?;
            self.read()?;
            if let Some(code) = self.link.closing() {
                return self.end(code, context);
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        loop {
            let stream = &self.link.wire().bare.tcp;
            if stream.poll_write_ready(context)?.is_pending() {
                return Ok(());
            }
            if self.link.write_backlog(|slices| stream.try_write_vectored(slices))? {
                let link: Rc<Link> = self.link.clone();
                self.shard.drained(&link);
                if !self.link.has_backlog() {
                    return Ok(());
                }
            }
        }
    }

    /// Reads what is there, once, and hands it on.
    fn read(&mut self) -> io::Result<()> {
        let link = self.link.clone();
        reading::read(&link.wire().bare.tcp, |bytes| {
            link.seen(self.shard.now_ms());
            self.consume(bytes);
        })
    }

    fn consume(&mut self, bytes: &mut [u8]) {
        let link: Rc<Link> = self.link.clone();
        reading::with_scratch(|scratch| {
            let mut input = Input::new(bytes);
            loop {
                match self.decoder.next(&mut input, scratch) {
                    Ok(None) => return,
                    Ok(Some(Event::Text(text))) => self.shard.receive(&link, text),
                    Ok(Some(Event::Binary(_))) => link.end(CloseCode::Unsupported),
                    Ok(Some(Event::Ping(payload))) if self.shard.admits_control(&link) => {
                        let mut pong = Vec::with_capacity(payload.len() + 2);
                        ws::frame(&mut pong, Opcode::Pong, payload);
                        self.shard.send_control(&link, pong.into());
                    }
                    Ok(Some(Event::Ping(_) | Event::Pong(_))) => {}
                    Ok(Some(Event::Close(close))) => {
                        self.answer_close(&link, close.map(|(code, _)| code));
                        return;
                    }
                    Err(fault) => {
                        tracing::debug!(%fault, "a client broke the framing");
                        link.end(fault.code);
                        return;
                    }
                }
            }
        });
    }

    /// The peer closes first: its code is echoed, and the connection is over.
    fn answer_close(&mut self, link: &Link, code: Option<u16>) {
        self.ended = code.unwrap_or(1005);
        let mut frame = Vec::new();
        match code {
            Some(code) => ws::close_frame(&mut frame, code, ""),
            None => ws::frame(&mut frame, Opcode::Close, &[]),
        }
        if !link.has_backlog() {
            self.shard.send_control(link, frame.into());
        }
    }

    /// Says why, and gives the peer a moment to take everything and to answer.
    fn end(&mut self, code: CloseCode, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = code.number();
        if let Ending::Open = self.ending {
            let until = Box::pin(tokio::time::sleep(LINGER));
            self.ending = Ending::Closing { told: false, until };
        }
        let Ending::Closing { told, until } = &mut self.ending else { return Poll::Pending };
        if until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !*told && !self.link.has_backlog() {
            *told = true;
            let mut frame = Vec::new();
            ws::close_frame(&mut frame, code.number(), code.reason());
            // Refused whole or in part, it does not matter: the connection ends.
            let _ = self.link.wire().try_send(&frame);
            let _ = SockRef::from(&self.link.wire().bare.tcp).shutdown(std::net::Shutdown::Write);
        }
        reading::discard(&self.link.wire().bare.tcp, context)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let link: Rc<Link> = self.link.clone();
        self.shard.detach(&link, self.ended);
    }
}
