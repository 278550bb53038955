//! A WebSocket of the engine's: one small future that holds no buffer while nothing happens, as the native door's.

use std::{
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::time::Sleep;
use veche_kernel::Gcra;
use veche_protocol::{
    engine_io::{End, Revision, Transport},
    ws::{self, Config, Decoder, Event, Input, Opcode, Role},
};

use super::{
    engine::{Engine, Visitor},
    outlet::{Outlet, Stream},
    settings::SocketIo,
};
use crate::{
    bare::Bare,
    door::Guest,
    reading::{self, LINGER, READS},
};

/// A WebSocket whose handshake is done, and what it sent meanwhile.
pub(super) struct Arrived {
    pub(super) bare: Bare,
    pub(super) early: Bytes,
    pub(super) guest: Guest,
}

/// Begins a session on a WebSocket.
pub(super) fn begin(
    shard: &Rc<veche_kernel::Shard>,
    arrived: Arrived,
    io: &Arc<SocketIo>,
    visitor: Visitor,
    revision: Revision,
    deflate: bool,
) {
    let stream = Rc::new(Stream::new(arrived.bare));
    let (outlet, door) = (Outlet::WebSocket(stream.clone()), &arrived.guest.door);
    let Some(engine) = Engine::begin(shard, door, io, visitor, revision, outlet, deflate) else { return };
    run(engine, stream, arrived.early, deflate, arrived.guest);
}

/// Goes on with a session by a WebSocket that is on probation; or closes it, where the session has another.
pub(super) fn probe(engine: Rc<Engine>, arrived: Arrived, is_welcome: bool) {
    let stream = Rc::new(Stream::new(arrived.bare));
    stream.bare.answer();
    if is_welcome {
        engine.on_probation(&stream);
    } else {
        stream.end();
    }
    run(engine, stream, arrived.early, false, arrived.guest);
}

fn run(engine: Rc<Engine>, stream: Rc<Stream>, early: Bytes, deflate: bool, guest: Guest) {
    let config = Config::new(Role::Server, engine.io.engine.max_payload).with_deflate(deflate);
    let mut driver = Driver {
        engine,
        stream,
        decoder: Decoder::new(config),
        closing: None,
        pings: Gcra::new(),
        _guest: guest,
    };
    if !early.is_empty() {
        driver.consume(&mut BytesMut::from(early));
    }
    tokio::task::spawn_local(driver);
}

struct Driver {
    engine: Rc<Engine>,
    stream: Rc<Stream>,
    decoder: Decoder,
    /// Our close frame was sent, and the peer's answer is awaited.
    closing: Option<Pin<Box<Sleep>>>,
    /// Its pings of WebSocket, which no client of Socket.IO sends, and its probes.
    pings: Gcra,
    _guest: Guest,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        reading::remember(&self.stream.waker, context.waker());
        self.drive(context).map(|_| ())
    }
}

impl Driver {
    /// Runs until the socket has nothing more for us; `Ready` ends the connection.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.engine.is_carried_by(&self.stream) {
            self.engine.tend();
            self.write(context)?;
        }
        for _ in 0..READS {
            if self.stream.ends.get() {
                return self.end(context);
            }
            if self.decoder.is_closed() {
                return Poll::Ready(Ok(()));
            }
            // One on probation says nothing to a socket, and nobody would wake it when the sockets read again.
            if !self.engine.may_read() && self.engine.is_carried_by(&self.stream) {
                return Poll::Pending;
            }
            ready!(self.stream.bare.tcp.poll_read_ready(context))?;
            self.read()?;
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while !self.engine.flush()? {
            if self.stream.bare.tcp.poll_write_ready(context)?.is_pending() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads what is there, once, and hands it on.
    fn read(&mut self) -> io::Result<()> {
        let stream = self.stream.clone();
        reading::read(&stream.bare.tcp, |bytes| {
            self.engine.seen();
            self.consume(bytes);
        })
    }

    fn consume(&mut self, bytes: &mut [u8]) {
        reading::with_scratch(|scratch| {
            let mut input = Input::new(bytes);
            while !self.stream.ends.get() {
                let carries = self.engine.is_carried_by(&self.stream);
                match self.decoder.next(&mut input, scratch) {
                    Ok(None) => return,
                    Ok(Some(Event::Text(text))) if carries => self.engine.on_text(Transport::WebSocket, text),
                    Ok(Some(Event::Binary(bytes))) if carries => {
                        self.engine.on_binary(Transport::WebSocket, bytes);
                    }
                    Ok(Some(Event::Text(_))) if self.pings_too_often() => self.engine.on_probe_fault(),
                    Ok(Some(Event::Text(text))) => self.engine.on_probe_text(text),
                    Ok(Some(Event::Binary(_))) => self.engine.on_probe_fault(),
                    Ok(Some(Event::Ping(_))) if self.pings_too_often() => {
                        self.engine.fail(End::TransportError);
                        self.stream.ends.set(true);
                        return;
                    }
                    Ok(Some(Event::Ping(payload))) => {
                        let mut pong = Vec::with_capacity(payload.len() + 2);
                        ws::frame(&mut pong, Opcode::Pong, payload);
                        if carries {
                            self.engine.send_direct(&pong);
                        }
                    }
                    Ok(Some(Event::Pong(_))) => {}
                    Ok(Some(Event::Close(_))) => {
                        let mut frame = Vec::new();
                        ws::frame(&mut frame, Opcode::Close, &[]);
                        if carries {
                            self.engine.send_direct(&frame);
                        }
                        return;
                    }
                    Err(fault) => {
                        tracing::debug!(%fault, "a client broke the framing");
                        self.stream.code.set(Some(fault.code.number()));
                        if carries {
                            self.engine.fail(End::TransportError);
                        } else {
                            self.engine.on_probe_fault();
                        }
                        self.stream.ends.set(true);
                        return;
                    }
                }
            }
        });
    }

    fn pings_too_often(&mut self) -> bool {
        let quota = self.engine.door.kernel.limits().frames();
        self.pings.take(self.engine.shard.now_ms(), quota).is_err()
    }

    /// Says goodbye, and gives the peer a moment to take everything and to answer.
    fn end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let linger = self.closing.get_or_insert_with(|| {
            let mut frame = Vec::new();
            match self.stream.code.get() {
                Some(code) => ws::close_frame(&mut frame, code, ""),
                None => ws::frame(&mut frame, Opcode::Close, &[]),
            }
            // Refused whole or in part, it does not matter: the connection ends.
            let _ = self.stream.send(&frame);
            let _ = SockRef::from(&self.stream.bare.tcp).shutdown(std::net::Shutdown::Write);
            Box::pin(tokio::time::sleep(LINGER))
        });
        if linger.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        reading::discard(&self.stream.bare.tcp, context)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.engine.stream_gone(&self.stream);
    }
}
