//! The clients: thousands of sockets on one thread and one epoll.
//!
//! Epoll is used bare, through safe bindings, so that a ready socket costs one `recv` and a share of one
//! `epoll_wait`: this core must not become the bottleneck. Edge-triggered, because level-triggered epoll
//! looks at each socket a second time (2.4 against 2.7 µs a delivery with one message under way).

use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    ops::Range,
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
    histogram::Histogram,
    process::Stop,
    reader::{Client, Reader, Stage},
    wire,
};

/// What one read takes at most.
const READ: usize = 256 * 1024;
/// Ready sockets taken with one `epoll_wait`.
const EVENTS: usize = 1024;
/// Clients that are in their handshake at once.
const OPENING: usize = 64;
/// Clients connect from 127.0.0.2 up to as many addresses, so that ports do not run out.
const ADDRESSES: usize = 16;
/// What a narrow socket takes before it is read.
const NARROW_BUFFER: usize = 4096;
/// What a packet carries on most networks. The peer's socket is full with some packets, and those of loopback are of
/// 64 KB.
const NARROW_PACKET: u32 = 1460;
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
    /// Greeted, and in no channel if it can publish so.
    Publisher,
    /// In a channel.
    Subscriber,
    /// In a channel by server-sent events.
    Listener,
}

/// All clients of one server. They are numbered from 0 in the order in which they were opened.
pub(crate) struct Fleet {
    dialect: Dialect,
    port: u16,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Box<[u8]>,
    clients: Vec<Client>,
    /// Subscribers take these channels in turn.
    channels: Range<usize>,
    /// Those that were opened.
    subscribers: usize,
    /// Clients that may be in their handshake at once.
    opening: usize,
    is_narrow: bool,
    /// From the connect to the join of each.
    pub(crate) joins: Histogram,
    live: usize,
    /// Pings that were answered.
    pub(crate) pings: u64,
    /// Clients whose connection ended, and why the first one did.
    pub(crate) closed: usize,
    reason: Option<String>,
}

impl Fleet {
    /// Without a client yet; all will be in one channel.
    pub(crate) fn new(dialect: Dialect, port: u16) -> Result<Self, BenchError> {
        Ok(Self {
            dialect,
            port,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).context("make an epoll")?,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ].into(),
            clients: Vec::new(),
            channels: 0..1,
            subscribers: 0,
            opening: OPENING,
            is_narrow: false,
            joins: Histogram::new(),
            live: 0,
            pings: 0,
            closed: 0,
            reason: None,
        })
    }

    /// The same over several channels.
    pub(crate) fn over(self, first: usize, channels: usize) -> Self {
        Self { channels: first..first + channels.max(1), ..self }
    }

    /// The same with clients that do not wait for each other.
    pub(crate) fn at_once(self) -> Self {
        Self { opening: usize::MAX, ..self }
    }

    /// The same with sockets as on a network, where some tens of KB fill those of both sides.
    pub(crate) fn narrow(self) -> Self {
        Self { is_narrow: true, ..self }
    }

    /// Opens `count` clients and waits until all of them are greeted and joined.
    pub(crate) fn open(&mut self, count: usize, role: Role, stop: &Stop) -> Result<(), BenchError> {
        let wanted = self.live + count;
        let end = self.clients.len() + count;
        let (mut last, mut progress) = (self.live, Instant::now());
        while self.live < wanted {
            stop.check()?;
            while self.clients.len() < end && self.clients.len() - self.live - self.closed < self.opening {
                self.connect(role)?;
                if self.clients.len().is_multiple_of(OPENING) {
                    self.turn(Duration::ZERO, &mut Ignore)?;
                }
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

    /// Whether the socket has taken everything that was sent.
    pub(crate) fn is_clear(&self, client: usize) -> bool {
        self.clients.get(client).is_none_or(Client::is_clear)
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
        let began = Instant::now();
        let stream = connect(number, self.port, self.is_narrow).context("connect to the server")?;
        let event = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &stream, event, WATCHED).context("watch a socket")?;
        let channels = self.take_channels(role);
        let mut client = Client::new(stream, role, channels, began);
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

    /// The channels that the next client joins.
    fn take_channels(&mut self, role: Role) -> Range<usize> {
        let Range { start, end } = self.channels;
        if role == Role::Publisher {
            return if self.dialect.joins_to_publish() { start..end } else { 0..0 };
        }
        let channel = start + self.subscribers % (end - start);
        self.subscribers += 1;
        channel..channel + 1
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
        if before != Stage::Live && client.stage == Stage::Live {
            self.live += 1;
            self.joins.record(client.began.elapsed().as_nanos() as u64);
        }
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
fn connect(number: usize, port: u16, is_narrow: bool) -> io::Result<TcpStream> {
    let local = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if is_narrow {
        socket.set_recv_buffer_size(NARROW_BUFFER)?;
        socket.set_tcp_mss(NARROW_PACKET)?;
    }
    socket.bind(&SocketAddrV4::new(local, 0).into())?;
    socket.connect_timeout(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Where it does not matter what the server sends.
pub(crate) struct Ignore;

impl Receive for Ignore {
    fn arrived(&mut self, _: Instant) {}
    fn text(&mut self, _: usize, _: &[u8]) {}
}
