//! A socket in memory: what a client of the kit is connected by.

use std::{
    collections::VecDeque,
    io,
    rc::Rc,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::sync::mpsc;
use veche_protocol::ws;

use crate::{
    channels::Routes,
    inbox::{Entry, SessionKey, lock},
    shard::{Link, Shard, Wire},
};

/// What arrived at the client.
pub(super) enum Received {
    /// A frame of the protocol.
    Text(String),
    /// The server asked for a sign of life.
    Ping,
    /// The connection ended, with this close code.
    Closed(u16),
    /// The bytes are no WebSocket stream.
    Broken(ws::Fault),
}

/// Both ends of the connection. The shard's end is a [`Wire`].
pub(super) struct Socket {
    shard: u16,
    routes: Arc<Routes>,
    key: OnceLock<SessionKey>,
    ends: Mutex<Ends>,
}

struct Ends {
    /// How many bytes more are taken; `None` = all.
    window: Option<usize>,
    answers_pings: bool,
    /// Texts that the server has not read yet.
    to_server: VecDeque<String>,
    /// What the server wrote at its end of the connection, and the socket has not taken.
    last_words: Vec<u8>,
    taken: usize,
    decoder: ws::Decoder,
    scratch: ws::Scratch,
    to_client: mpsc::UnboundedSender<Received>,
}

impl Socket {
    pub(super) fn new(
        shard: u16,
        routes: Arc<Routes>,
        deflate: bool,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Received>) {
        let (to_client, received) = mpsc::unbounded_channel();
        let config = ws::Config::new(ws::Role::Client, usize::MAX).with_deflate(deflate);
        let ends = Ends {
            window: None,
            answers_pings: true,
            to_server: VecDeque::new(),
            last_words: Vec::new(),
            taken: 0,
            decoder: ws::Decoder::new(config),
            scratch: ws::Scratch::default(),
            to_client,
        };
        (Arc::new(Self { shard, routes, key: OnceLock::new(), ends: Mutex::new(ends) }), received)
    }

    pub(super) fn opened(&self, key: SessionKey) {
        self.key.get_or_init(|| key);
    }

    /// Sends a text to the server.
    pub(super) fn send(self: &Arc<Self>, text: String) {
        lock(&self.ends).to_server.push_back(text);
        self.drive();
    }

    /// How many bytes more the socket takes from the server; `None` = all.
    pub(super) fn set_window(self: &Arc<Self>, window: Option<usize>) {
        lock(&self.ends).window = window;
        self.drive();
    }

    pub(super) fn answer_pings(&self, answers: bool) {
        lock(&self.ends).answers_pings = answers;
    }

    /// How many bytes the socket has taken from the server.
    pub(super) fn taken(&self) -> usize {
        lock(&self.ends).taken
    }

    /// Ends the connection from the client's side.
    pub(super) fn end(&self, code: u16) {
        let Some(key) = self.key.get().copied() else { return };
        _ = lock(&self.ends).to_client.send(Received::Closed(code));
        let detach = move |shard: &Rc<Shard>| {
            if let Some(link) = shard.session(key) {
                shard.detach(&link, code);
            }
        };
        self.routes.push(self.shard, Entry::Run(Box::new(detach)));
    }

    /// Has the shard do what a door's driver does.
    pub(super) fn drive(self: &Arc<Self>) {
        let socket = self.clone();
        let drive = move |shard: &Rc<Shard>| {
            let link = socket.key.get().and_then(|key| shard.session(*key));
            match link {
                Some(link) => socket.drive_link(shard, &link),
                None => lock(&socket.ends).flush_last_words(),
            }
        };
        self.routes.push(self.shard, Entry::Run(Box::new(drive)));
    }

    fn drive_link(&self, shard: &Rc<Shard>, link: &Rc<Link>) {
        while link.may_read() {
            let Some(text) = lock(&self.ends).to_server.pop_front() else { break };
            link.seen(shard.now_ms());
            shard.receive(link, &text);
        }
        if let Some(code) = link.closing() {
            let mut rest = Vec::new();
            let all = |slices: &[io::IoSlice<'_>]| {
                slices.iter().for_each(|slice| rest.extend_from_slice(slice));
                Ok(slices.iter().map(|slice| slice.len()).sum())
            };
            link.write_backlog(all).expect("a buffer takes everything");
            ws::close_frame(&mut rest, code.number(), code.reason());
            shard.detach(link, code.number());
            let mut ends = lock(&self.ends);
            ends.last_words = rest;
            ends.flush_last_words();
        } else if link.has_backlog() {
            let write = |slices: &[io::IoSlice<'_>]| {
                let mut written = 0;
                for slice in slices {
                    match lock(&self.ends).take(slice) {
                        Ok(taken) => written += taken,
                        Err(error) if written == 0 => return Err(error),
                        Err(_) => break,
                    }
                }
                Ok(written)
            };
            if link.write_backlog(write).expect("a socket in memory does not fail") {
                shard.drained(link);
            }
        }
    }

    fn live(&self) {
        let Some(key) = self.key.get().copied() else { return };
        let seen = move |shard: &Rc<Shard>| {
            if let Some(link) = shard.session(key) {
                link.seen(shard.now_ms());
            }
        };
        self.routes.push(self.shard, Entry::Run(Box::new(seen)));
    }
}

impl Ends {
    /// Takes bytes off the server's hands.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.window.unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Some(window) = &mut self.window {
            *window -= taken;
        }
        self.taken += taken;
        let mut bytes = bytes[..taken].to_vec();
        let mut input = ws::Input::new(&mut bytes);
        loop {
            let received = match self.decoder.next(&mut input, &mut self.scratch) {
                Ok(Some(ws::Event::Text(text))) => Received::Text(text.to_owned()),
                Ok(Some(ws::Event::Ping(_))) => Received::Ping,
                Ok(Some(ws::Event::Close(close))) => Received::Closed(close.map_or(1005, |(code, _)| code)),
                Ok(Some(_)) => continue,
                Ok(None) => return Ok(taken),
                Err(fault) => Received::Broken(fault),
            };
            // Nobody reads when the test has dropped the client.
            _ = self.to_client.send(received);
        }
    }

    fn flush_last_words(&mut self) {
        let words = std::mem::take(&mut self.last_words);
        let taken = self.take(&words).unwrap_or(0);
        self.last_words = words[taken..].to_vec();
    }
}

/// The shard's end.
pub(super) struct TestWire(pub(super) Arc<Socket>);

impl Wire for TestWire {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut ends = lock(&self.0.ends);
        let answers = ends.answers_pings;
        let taken = ends.take(bytes)?;
        drop(ends);
        // A ping of the server's is these two bytes, alone.
        if answers && bytes == [0x89, 0] {
            self.0.live();
        }
        Ok(taken)
    }

    fn wake(&self) {
        self.0.drive();
    }
}
