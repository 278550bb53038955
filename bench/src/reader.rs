//! One client: how it is greeted and joined, and how its input is taken to pieces.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Instant,
};

use crate::{
    dialect::Dialect,
    fleet::{Receive, Role},
    wire::{self, WireError},
};

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Handshake,
    /// The server speaks first, and the client has not asked to be greeted yet.
    Opening,
    Greeting,
    Joining,
    Live,
    Closed,
}

/// One client of a server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) role: Role,
    /// The channel that it joins, by its number.
    channel: usize,
    /// Its connect began.
    pub(crate) began: Instant,
    pub(crate) stage: Stage,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

impl Client {
    /// A client whose server joins everyone.
    pub(crate) fn new(stream: TcpStream, role: Role, channel: usize, began: Instant) -> Self {
        Self { stream, role, channel, began, stage: Stage::Joining, partial: Vec::new(), unsent: Vec::new() }
    }

    /// Whether the socket has taken everything that was sent.
    pub(crate) fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Sends to the server; what the socket does not take goes out with a later call.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
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
pub(crate) struct Reader<'a, R> {
    pub(crate) dialect: Dialect,
    pub(crate) number: usize,
    /// Pings that were answered.
    pub(crate) pings: u64,
    pub(crate) sink: &'a mut R,
}

impl<R: Receive> Reader<'_, R> {
    /// Takes what one read has brought.
    pub(crate) fn take(&mut self, client: &mut Client, input: &[u8]) -> Result<(), WireError> {
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
            client.stage = if self.dialect.opening().is_some() { Stage::Opening } else { Stage::Greeting };
            if self.dialect.greeting().is_none() {
                self.greeted(client);
            }
        }
        while let Some(frame) = wire::read_frame(input.get(used..).unwrap_or_default())? {
            used += frame.used;
            match frame.opcode {
                wire::TEXT => self.take_text(client, frame.payload)?,
                wire::PING => self.answer(client, wire::PONG, frame.payload),
                wire::CLOSE => return Err(WireError::Refused(close_text(frame.payload))),
                _ => {}
            }
        }
        Ok(used)
    }

    fn take_text(&mut self, client: &mut Client, payload: &[u8]) -> Result<(), WireError> {
        if let Some((_, answer)) = self.dialect.heartbeat().filter(|(ping, _)| *ping == payload) {
            self.answer(client, wire::TEXT, answer);
            return Ok(());
        }
        if client.stage == Stage::Live {
            self.sink.text(self.number, payload);
            return Ok(());
        }
        if self.dialect.is_refusal(payload) {
            return Err(WireError::Refused(String::from_utf8_lossy(payload).into_owned()));
        }
        let contains = |marker| memchr::memmem::find(payload, marker).is_some();
        match client.stage {
            Stage::Opening => {
                if let Some((opening, connect)) = self.dialect.opening()
                    && contains(opening)
                {
                    open(client, connect);
                }
            }
            Stage::Greeting if self.dialect.greeting().is_some_and(contains) => self.greeted(client),
            Stage::Joining if contains(self.dialect.joined()) => client.stage = Stage::Live,
            _ => {}
        }
        Ok(())
    }

    fn greeted(&mut self, client: &mut Client) {
        if client.role == Role::Publisher {
            client.stage = Stage::Live;
            return;
        }
        client.stage = Stage::Joining;
        let mut frame = Vec::new();
        self.dialect.write_join(&mut frame, client.channel);
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

/// Asks to be greeted.
fn open(client: &mut Client, connect: &[u8]) {
    client.stage = Stage::Greeting;
    let mut frame = Vec::new();
    wire::write_frame(&mut frame, wire::TEXT, connect);
    // As above.
    let _ = client.send(&frame);
}

fn close_text(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((&code, reason)) => {
            format!("closed with {} {}", u16::from_be_bytes(code), String::from_utf8_lossy(reason))
        }
        None => "closed without a code".to_owned(),
    }
}
