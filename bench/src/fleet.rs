//! The clients: thousands of sockets on one thread and one epoll.
//!
//! Epoll is used bare, through safe bindings, so that a ready socket costs one `recv` and a share of one
//! `epoll_wait`: this core must not become the bottleneck. Edge-triggered, because level-triggered epoll
//! looks at each socket a second time (2.4 against 2.7 µs a delivery with one message under way).

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    time::{Duration, Instant},
};

use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
};
use socket2::{Domain, Socket, Type};

use crate::{
    dialect::Dialect,
    error::{BenchError, Context},
    process::Stop,
    wire::{self, WireError},
};

/// What one read takes at most.
const READ: usize = 256 * 1024;
/// Ready sockets taken with one `epoll_wait`.
const EVENTS: usize = 1024;
/// Clients that are in their handshake at once.
const OPENING: usize = 64;
/// Clients connect from 127.0.0.2 up to as many addresses, so that ports do not run out.
const ADDRESSES: usize = 16;
/// Without an answer for so long, opening is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The peer has ended, or the socket is broken.
const ENDED: epoll::EventFlags =
    epoll::EventFlags::RDHUP.union(epoll::EventFlags::HUP).union(epoll::EventFlags::ERR);
/// What a socket is watched for.
const WATCHED: epoll::EventFlags =
    epoll::EventFlags::IN.union(epoll::EventFlags::RDHUP).union(epoll::EventFlags::ET);

/// Takes what the server sends to clients that have joined.
pub(crate) trait Receive {
    /// A read has brought bytes; the texts that follow came with it.
    fn arrived(&mut self, now: Instant);
    /// A text message for one client.
    fn text(&mut self, client: usize, payload: &[u8]);
}

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Greeted, but in no channel.
    Publisher,
    /// In the channel.
    Subscriber,
    /// In the channel by server-sent events.
    Listener,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Greeting,
    Joining,
    Live,
    Closed,
}

struct Client {
    stream: TcpStream,
    role: Role,
    stage: Stage,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

/// All clients of one server. They are numbered from 0 in the order in which they were opened.
pub(crate) struct Fleet {
    dialect: Dialect,
    port: u16,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Box<[u8]>,
    clients: Vec<Client>,
    live: usize,
    /// Pings that were answered.
    pub(crate) pings: u64,
    /// Clients whose connection ended, and why the first one did.
    pub(crate) closed: usize,
    reason: Option<String>,
}

impl Fleet {
    pub(crate) fn new(dialect: Dialect, port: u16) -> Result<Self, BenchError> {
        Ok(Self {
            dialect,
            port,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).context("make an epoll")?,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ].into(),
            clients: Vec::new(),
            live: 0,
            pings: 0,
            closed: 0,
            reason: None,
        })
    }

    /// Opens `count` clients and waits until all of them are greeted and joined.
    pub(crate) fn open(&mut self, count: usize, role: Role, stop: &Stop) -> Result<(), BenchError> {
        let wanted = self.live + count;
        let end = self.clients.len() + count;
        let (mut last, mut progress) = (self.live, Instant::now());
        while self.live < wanted {
            stop.check()?;
            while self.clients.len() < end && self.clients.len() - self.live - self.closed < OPENING {
                self.connect(role)?;
            }
            self.turn(Duration::from_millis(100), &mut Ignore)?;
            if self.live > last {
                (last, progress) = (self.live, Instant::now());
            }
            if self.closed > 0 || progress.elapsed() > PATIENCE {
                let missing = wanted - self.live;
                let reason = self.reason.clone().unwrap_or_else(|| "no answer".to_owned());
                return Err(BenchError::Join { wanted: count, missing, reason });
            }
        }
        Ok(())
    }

    /// Why the first of the closed connections ended.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Sends to the server; what the socket does not take goes out with a later call.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8]) {
        let sent = self.clients.get_mut(client).map_or(Ok(()), |client| client.send(bytes));
        if let Err(error) = sent {
            self.close(client, &error.to_string());
        }
    }

    /// Waits for the server until `timeout`, and takes what it sent.
    pub(crate) fn turn(&mut self, timeout: Duration, sink: &mut impl Receive) -> Result<(), BenchError> {
        let timeout = Timespec::try_from(timeout).ok();
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("wait for sockets"),
        }
        for index in 0..self.events.len() {
            if let Some(event) = self.events.get(index) {
                let (client, flags) = (event.data.u64() as usize, event.flags);
                self.receive(client, flags.intersects(ENDED), sink);
            }
        }
        Ok(())
    }

    fn connect(&mut self, role: Role) -> Result<(), BenchError> {
        let number = self.clients.len();
        let stream = connect(number, self.port).context("connect to the server")?;
        let event = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &stream, event, WATCHED).context("watch a socket")?;
        let mut client =
            Client { stream, role, stage: Stage::Joining, partial: Vec::new(), unsent: Vec::new() };
        let handshake = match role {
            Role::Listener => self.dialect.events(self.port),
            _ => self.dialect.path().map(|path| wire::handshake(path, self.port)),
        };
        if let Some(handshake) = handshake {
            client.stage = Stage::Handshake;
            client.send(handshake.as_bytes()).context("send a handshake")?;
        }
        self.clients.push(client);
        Ok(())
    }

    /// Reads until the socket is drained. A read that does not fill the buffer has shown that, except
    /// where the peer has ended: the end may stand behind the data, and no second edge tells of it.
    fn receive(&mut self, number: usize, ended: bool, sink: &mut impl Receive) {
        loop {
            match self.receive_once(number, sink) {
                Ok(0) => return,
                Ok(length) if length == self.buffer.len() || ended => {}
                Ok(_) => return,
                Err(reason) => return self.close(number, &reason),
            }
        }
    }

    /// The bytes that one read brought; 0 where there are none for now.
    fn receive_once(&mut self, number: usize, sink: &mut impl Receive) -> Result<usize, String> {
        let Some(client) = self.clients.get_mut(number) else { return Ok(0) };
        let length = match client.stream.read(&mut self.buffer) {
            Ok(0) => return Err("the server closed the connection".to_owned()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.to_string()),
        };
        let before = client.stage;
        let mut reader = Reader { dialect: self.dialect, number, pings: 0, sink };
        let taken = reader.take(client, self.buffer.get(..length).unwrap_or_default());
        self.pings += reader.pings;
        self.live += usize::from(before != Stage::Live && client.stage == Stage::Live);
        taken.map(|()| length).map_err(|error| error.to_string())
    }

    fn close(&mut self, number: usize, reason: &str) {
        let Some(client) = self.clients.get_mut(number).filter(|client| client.stage != Stage::Closed) else {
            return;
        };
        self.live -= usize::from(client.stage == Stage::Live);
        client.stage = Stage::Closed;
        self.closed += 1;
        self.reason.get_or_insert_with(|| reason.to_owned());
        // A socket that cannot be removed would only be reported as ready again and again.
        let _ = epoll::delete(&self.epoll, &client.stream);
    }
}

/// A blocking connect from the client's own address; on loopback the kernel answers by itself, unless
/// the server's queue of connections is full.
fn connect(number: usize, port: u16) -> io::Result<TcpStream> {
    let local = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(local, 0).into())?;
    socket.connect_timeout(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl Client {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Takes one client's input to pieces.
struct Reader<'a, R> {
    dialect: Dialect,
    number: usize,
    pings: u64,
    sink: &'a mut R,
}

impl<R: Receive> Reader<'_, R> {
    fn take(&mut self, client: &mut Client, input: &[u8]) -> Result<(), WireError> {
        self.sink.arrived(Instant::now());
        if client.partial.is_empty() {
            let used = self.take_whole(client, input)?;
            client.partial.extend_from_slice(input.get(used..).unwrap_or_default());
        } else {
            let mut joined = std::mem::take(&mut client.partial);
            joined.extend_from_slice(input);
            let used = self.take_whole(client, &joined)?;
            joined.drain(..used);
            client.partial = joined;
        }
        Ok(())
    }

    /// Takes a piece of a stream of events as it comes, and its heartbeats for pings.
    fn take_events(&mut self, client: &mut Client, input: &[u8]) -> Result<usize, WireError> {
        if client.stage == Stage::Handshake {
            let Some(length) = wire::read_events(input)? else { return Ok(0) };
            client.stage = Stage::Live;
            return Ok(length);
        }
        self.pings += memchr::memmem::find_iter(input, b":\n\n").count() as u64;
        if memchr::memmem::find(input, b"event:").is_some() {
            self.sink.text(self.number, input);
        }
        Ok(input.len())
    }

    /// Takes what is whole and says how many bytes that were.
    fn take_whole(&mut self, client: &mut Client, input: &[u8]) -> Result<usize, WireError> {
        if client.role == Role::Listener {
            return self.take_events(client, input);
        }
        let mut used = 0;
        if client.stage == Stage::Handshake {
            let Some(length) = wire::read_handshake(input)? else { return Ok(0) };
            used = length;
            client.stage = Stage::Greeting;
            if self.dialect.greeting().is_none() {
                self.greeted(client);
            }
        }
        while let Some(frame) = wire::read_frame(input.get(used..).unwrap_or_default())? {
            used += frame.used;
            match frame.opcode {
                wire::TEXT => self.take_text(client, frame.payload),
                wire::PING => self.answer(client, wire::PONG, frame.payload),
                wire::CLOSE => return Err(WireError::Refused(close_text(frame.payload))),
                _ => {}
            }
        }
        Ok(used)
    }

    fn take_text(&mut self, client: &mut Client, payload: &[u8]) {
        let contains = |marker| memchr::memmem::find(payload, marker).is_some();
        match client.stage {
            Stage::Greeting if self.dialect.greeting().is_some_and(contains) => self.greeted(client),
            Stage::Joining if contains(self.dialect.joined()) => client.stage = Stage::Live,
            Stage::Live => self.sink.text(self.number, payload),
            _ => {}
        }
    }

    fn greeted(&mut self, client: &mut Client) {
        if client.role == Role::Publisher {
            client.stage = Stage::Live;
            return;
        }
        client.stage = Stage::Joining;
        let mut frame = Vec::new();
        self.dialect.write_join(&mut frame);
        // A broken socket shows itself at the next read.
        let _ = client.send(&frame);
    }

    fn answer(&mut self, client: &mut Client, opcode: u8, payload: &[u8]) {
        self.pings += 1;
        let mut frame = Vec::new();
        wire::write_frame(&mut frame, opcode, payload);
        // As above.
        let _ = client.send(&frame);
    }
}

fn close_text(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((&code, reason)) => {
            format!("closed with {} {}", u16::from_be_bytes(code), String::from_utf8_lossy(reason))
        }
        None => "closed without a code".to_owned(),
    }
}

/// For stages in which nothing is published.
struct Ignore;

impl Receive for Ignore {
    fn arrived(&mut self, _: Instant) {}
    fn text(&mut self, _: usize, _: &[u8]) {}
}
