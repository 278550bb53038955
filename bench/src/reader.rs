//! One client: how it is greeted and joined, and how its input is taken to pieces.

use std::{
    io::{self, Write},
    net::TcpStream,
    ops::Range,
    time::Instant,
};

use crate::{
    dialect::{self, Dialect, Framing},
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
    /// The channels that it joins, by their numbers.
    channels: Range<usize>,
    /// Joins that the server has not answered; one that takes everybody answers without being asked.
    owed: usize,
    /// Its connect began.
    pub(crate) began: Instant,
    pub(crate) stage: Stage,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
    /// The beginning of a message whose rest has not come, where frames are pieces of a stream.
    fragment: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

impl Client {
    /// A client whose server joins everyone.
    pub(crate) fn new(stream: TcpStream, role: Role, channels: Range<usize>, began: Instant) -> Self {
        Self {
            stream,
            role,
            owed: channels.len().max(1),
            channels,
            began,
            stage: Stage::Joining,
            partial: Vec::new(),
            fragment: Vec::new(),
            unsent: Vec::new(),
        }
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
            if self.dialect.opening().is_some() {
                client.stage = Stage::Opening;
            } else {
                self.introduce(client);
            }
        }
        while let Some(frame) = wire::read_frame(input.get(used..).unwrap_or_default())? {
            used += frame.used;
            match frame.opcode {
                wire::TEXT | wire::BINARY => self.take_payload(client, frame.opcode, frame.payload)?,
                wire::PING => self.answer(client, wire::PONG, frame.payload),
                wire::CLOSE => return Err(WireError::Refused(close_text(frame.payload))),
                _ => {}
            }
        }
        Ok(used)
    }

    /// Takes the messages that a frame holds.
    fn take_payload(&mut self, client: &mut Client, opcode: u8, payload: &[u8]) -> Result<(), WireError> {
        match self.dialect.framing() {
            Framing::Stream => self.take_piece(client, payload),
            // Nobody else means anything by it.
            _ if opcode == wire::BINARY => Ok(()),
            Framing::Whole => self.take_text(client, payload),
            Framing::Lines => {
                let mut lines = payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                lines.try_for_each(|line| self.take_text(client, line))
            }
        }
    }

    /// Takes the messages that a piece of a stream brings to an end.
    fn take_piece(&mut self, client: &mut Client, piece: &[u8]) -> Result<(), WireError> {
        let mut joined = std::mem::take(&mut client.fragment);
        let mut rest = piece;
        if !joined.is_empty() {
            joined.extend_from_slice(piece);
            rest = &joined;
        }
        while let Some((message, behind)) = dialect::first_message(rest) {
            self.take_text(client, message)?;
            rest = behind;
        }
        client.fragment = rest.to_vec();
        Ok(())
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
            Stage::Opening if self.dialect.opening().is_some_and(contains) => self.introduce(client),
            Stage::Greeting if self.dialect.greeting().is_some_and(contains) => self.greeted(client, payload),
            Stage::Joining if contains(self.dialect.joined()) => {
                client.owed -= 1;
                client.stage = if client.owed == 0 { Stage::Live } else { Stage::Joining };
            }
            _ => {}
        }
        Ok(())
    }

    /// Says who the client is, where that has to be said.
    fn introduce(&mut self, client: &mut Client) {
        client.stage = Stage::Greeting;
        if let Some(introduction) = self.dialect.introduction() {
            let mut frame = Vec::new();
            wire::write_frame(&mut frame, wire::TEXT, introduction);
            // A broken socket shows itself at the next read.
            let _ = client.send(&frame);
        }
        if self.dialect.greeting().is_none() {
            self.greeted(client, &[]);
        }
    }

    fn greeted(&mut self, client: &mut Client, greeting: &[u8]) {
        client.stage = if client.channels.is_empty() { Stage::Live } else { Stage::Joining };
        let mut frames = Vec::new();
        for channel in client.channels.clone() {
            self.dialect.write_join(&mut frames, channel, greeting);
        }
        // As above.
        let _ = client.send(&frames);
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The answer to every handshake.
    const HANDSHAKE: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// What a client has been told.
    #[derive(Default)]
    struct Texts(Vec<String>);

    impl Receive for Texts {
        fn arrived(&mut self, _: Instant) {}
        fn text(&mut self, _: usize, payload: &[u8]) {
            self.0.push(String::from_utf8_lossy(payload).into_owned());
        }
    }

    fn client() -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        Client::new(stream, Role::Subscriber, 0..1, Instant::now())
    }

    /// The texts that a client that has joined takes from frames, and the heartbeats that it has answered.
    fn read(dialect: Dialect, frames: &[(u8, &str)]) -> (Vec<String>, u64) {
        let mut client = client();
        client.stage = Stage::Live;
        let mut texts = Texts::default();
        let mut reader = Reader { dialect, number: 1, pings: 0, sink: &mut texts };
        for (opcode, payload) in frames {
            let mut bytes = Vec::new();
            wire::write_server_frame(&mut bytes, *opcode, payload.as_bytes());
            reader.take(&mut client, &bytes).expect("a good frame");
        }
        let pings = reader.pings;
        (texts.0, pings)
    }

    #[test]
    fn messages_are_found_as_the_dialect_frames_them() {
        let check = |dialect, frames: &[(u8, &str)], expected: &[&str], pings| {
            assert_eq!(
                read(dialect, frames),
                (expected.iter().map(ToString::to_string).collect(), pings),
                "{frames:?}"
            );
        };
        let (text, binary) = (wire::TEXT, wire::BINARY);
        check(Dialect::Lean, &[(text, "a\nb"), (binary, "c")], &["a\nb"], 0);
        check(Dialect::Centrifugo, &[(text, "{\"a\":1}\n{}\n{\"b\":2}\n")], &["{\"a\":1}", "{\"b\":2}"], 1);
        let whole = "MSG bench.1 1 3\r\nabc\r\nPING\r\nMSG bench.1 1 4\r\n\r\nde\r\n";
        check(Dialect::Nats, &[(binary, whole)], &["abc", "\r\nde"], 1);
        for at in 1..whole.len() {
            let (head, tail) = whole.split_at(at);
            check(Dialect::Nats, &[(binary, head), (binary, tail)], &["abc", "\r\nde"], 1);
        }
    }

    #[test]
    fn a_client_joins_as_its_dialect_goes() {
        use Stage::{Greeting, Joining, Live, Opening};
        let check = |dialect: Dialect, after_handshake, steps: &[(&str, Stage)]| {
            let (mut client, mut texts) = (client(), Texts::default());
            client.stage = Stage::Handshake;
            let mut reader = Reader { dialect, number: 1, pings: 0, sink: &mut texts };
            reader.take(&mut client, HANDSHAKE).expect("a good handshake");
            assert_eq!(client.stage, after_handshake, "{dialect:?}");
            for (payload, stage) in steps {
                let mut bytes = Vec::new();
                wire::write_server_frame(&mut bytes, wire::TEXT, payload.as_bytes());
                reader.take(&mut client, &bytes).expect("a good frame");
                assert_eq!(client.stage, *stage, "{dialect:?} after {payload}");
            }
            assert!(texts.0.is_empty(), "{dialect:?}: nothing is published yet");
        };
        check(Dialect::Lean, Joining, &[(r#"{"type":"joined"}"#, Live)]);
        let (welcome, subscribed) = (r#"{"type":"welcome"}"#, r#"{"type":"subscribed"}"#);
        check(Dialect::Veche, Greeting, &[(welcome, Joining), (subscribed, Live)]);
        let (open, connected, joined) = (r#"0{"sid":"a"}"#, r#"40{"sid":"b"}"#, "430[{}]");
        check(Dialect::SocketIo, Opening, &[(open, Greeting), (connected, Joining), (joined, Live)]);
        check(
            Dialect::Nats,
            Opening,
            &[("INFO {\"port\":1", Opening), ("}\r\n", Joining), ("PONG\r\n", Live)],
        );
        let (connected, joined) = (r#"{"id":1,"connect":{"ping":25}}"#, r#"{"id":2,"subscribe":{}}"#);
        check(Dialect::Centrifugo, Greeting, &[(connected, Joining), ("{}", Joining), (joined, Live)]);
        let connected = r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}"#;
        let joined = r#"{"event":"pusher_internal:subscription_succeeded","channel":"private-bench.0"}"#;
        check(Dialect::Pusher, Greeting, &[(connected, Joining), (joined, Live)]);
    }

    #[test]
    fn a_client_has_joined_when_all_its_joins_are_answered() {
        let (mut client, mut texts) = (client(), Texts::default());
        (client.channels, client.owed) = (0..2, 2);
        let mut reader = Reader { dialect: Dialect::Lean, number: 1, pings: 0, sink: &mut texts };
        for stage in [Stage::Joining, Stage::Live] {
            let mut bytes = Vec::new();
            wire::write_server_frame(&mut bytes, wire::TEXT, br#"{"type":"joined"}"#);
            reader.take(&mut client, &bytes).expect("a good frame");
            assert_eq!(client.stage, stage);
        }
    }
}
