//! A WebSocket client that waits for each frame, and survives its server.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use serde_json::{Value, json};
use veche_protocol::ws::{self, Config, Decoder, Event, Input, Opcode, Role, Scratch};

use super::{NEVER, until};

/// Frames of tests are masked, but not to hide anything.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The connection ended.
#[derive(Debug)]
pub(crate) struct Gone;

/// A connection after its `welcome`.
pub(crate) struct Client {
    stream: TcpStream,
    begun: Instant,
    bytes: Vec<u8>,
    decoder: Decoder,
    scratch: Scratch,
}

impl Client {
    /// Connects as the bearer of this token, once.
    pub(crate) fn connect(address: SocketAddr, token: &str) -> Result<Self, Gone> {
        Self::connect_by(address, &format!("Authorization: Bearer {token}"))
    }

    /// The same by other headers (lines without the last end).
    pub(crate) fn connect_by(address: SocketAddr, headers: &str) -> Result<Self, Gone> {
        let stream = TcpStream::connect(address).map_err(|_| Gone)?;
        stream.set_nodelay(true).map_err(|_| Gone)?;
        // A server that is stuck fails the test in place of waiting for ever.
        stream.set_read_timeout(Some(NEVER)).map_err(|_| Gone)?;
        let decoder = Decoder::new(Config::new(Role::Client, 1 << 20));
        let begun = Instant::now();
        let mut client = Self { stream, begun, bytes: Vec::new(), decoder, scratch: Scratch::default() };
        client.upgrade(headers)?;
        let welcome = client.text()?;
        assert!(welcome.contains("welcome"), "{welcome}");
        Ok(client)
    }

    /// Connects again and again until it succeeds: the server may be about to start.
    pub(crate) fn insist(address: SocketAddr, token: &str) -> Self {
        until(|| Self::connect(address, token).ok())
    }

    fn upgrade(&mut self, headers: &str) -> Result<(), Gone> {
        let request = format!(
            "GET /realtime/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {headers}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).map_err(|_| Gone)?;
        let end = loop {
            match self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.read()?,
            }
        };
        let head: Vec<u8> = self.bytes.drain(..end).collect();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Ok(())
    }

    fn read(&mut self) -> Result<(), Gone> {
        // Pings come for ever, and are not what a test waits for.
        assert!(self.begun.elapsed() < NEVER, "it never came");
        let mut buffer = [0; 16_384];
        match self.stream.read(&mut buffer) {
            Ok(count @ 1..) => {
                self.bytes.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it never came"),
            _ => Err(Gone),
        }
    }

    /// Sends a text.
    pub(crate) fn send(&mut self, text: &str) -> Result<(), Gone> {
        self.frame(Opcode::Text, text.as_bytes())
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Gone> {
        let mut frame = Vec::new();
        ws::client_frame(&mut frame, opcode, MASK, payload);
        self.stream.write_all(&frame).map_err(|_| Gone)
    }

    /// The next text. Pings are answered.
    pub(crate) fn text(&mut self) -> Result<String, Gone> {
        loop {
            let Some(length) = frame_length(&self.bytes) else {
                self.read()?;
                continue;
            };
            let mut frame: Vec<u8> = self.bytes.drain(..length).collect();
            let event = self.decoder.next(&mut Input::new(&mut frame), &mut self.scratch);
            match event.expect("the server speaks RFC 6455") {
                Some(Event::Text(text)) => return Ok(text.to_owned()),
                Some(Event::Ping(bytes)) => {
                    let bytes = bytes.to_vec();
                    self.frame(Opcode::Pong, &bytes)?;
                }
                Some(Event::Close(_)) => return Err(Gone),
                _ => {}
            }
        }
    }

    /// The next frame of one of these types; others are passed over.
    pub(crate) fn expect(&mut self, kinds: &[&str]) -> Result<Value, Gone> {
        loop {
            let frame: Value = serde_json::from_str(&self.text()?).expect("a frame is JSON");
            if kinds.iter().any(|kind| frame["type"] == *kind) {
                return Ok(frame);
            }
        }
    }

    /// Sends a frame and returns what answers it: a `reply` or an `error`.
    pub(crate) fn request(&mut self, mut frame: Value) -> Result<Value, Gone> {
        frame["id"] = json!("request");
        self.send(&frame.to_string())?;
        self.expect(&["reply", "error"])
    }

    /// Everything that a channel keeps, page by page.
    pub(crate) fn history(&mut self, channel: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(json!(0), |last| last["offset"].clone());
            let ask = json!({"type": "history", "channel": channel, "after": &after, "limit": 100});
            let reply = self.request(ask).expect("it is served");
            let page = reply["data"]["publications"].as_array().unwrap_or_else(|| panic!("{reply}")).clone();
            if page.is_empty() {
                return all;
            }
            assert!(page[0]["offset"].as_u64() > after.as_u64(), "a page begins after the last");
            all.extend(page);
        }
    }
}

/// A `message`.
pub(crate) fn message(channel: &str, op_id: &str, data: Value) -> Value {
    json!({"type": "message", "channel": channel, "op_id": op_id, "data": data})
}

/// How long the frame at the front is, if it is there whole. Servers' frames have no mask.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let [_, length, rest @ ..] = bytes else { return None };
    let (header, payload) = match length {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        short => (2, u64::from(*short)),
    };
    let length = header + usize::try_from(payload).ok()?;
    (bytes.len() >= length).then_some(length)
}
