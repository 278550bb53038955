//! A WebSocket client that shows every frame, and sends whatever it is told to.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use veche_protocol::ws::{self, Config, Decoder, Event, Input, Opcode, Role, Scratch};

use super::{
    PATH,
    raw::{Raw, handshake_at},
    within,
};

/// Frames of tests are masked, but not to hide anything.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The most bytes of a message from the server.
const MESSAGE_BYTES: usize = 32 << 20;

/// A connection after its handshake.
pub(crate) struct Client {
    pub(crate) raw: Raw,
    decoder: Decoder,
    scratch: Scratch,
}

/// What the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Text {
        text: String,
        compressed: bool,
    },
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The connection is over.
    End,
}

impl Got {
    fn of(event: &Event<'_>, compressed: bool) -> Self {
        match event {
            Event::Text(text) => Self::Text { text: (*text).to_owned(), compressed },
            Event::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Event::Close(close) => Self::Close(close.map(|(code, _)| code)),
        }
    }
}

impl Client {
    /// A connection to the native door.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, PATH, "").await
    }

    /// The same with permessage-deflate.
    pub(crate) async fn deflating(address: SocketAddr, path: &str) -> Self {
        let client =
            Self::connect_with(address, path, "Sec-WebSocket-Extensions: permessage-deflate\r\n").await;
        assert!(client.decoder.config().deflate, "permessage-deflate is agreed on");
        client
    }

    /// A connection to any door, with lines more in its handshake.
    pub(crate) async fn connect_with(address: SocketAddr, path: &str, more: &str) -> Self {
        Self::upgrade(Raw::open(address).await, path, more).await.expect("a WebSocket")
    }

    /// Makes the handshake; `None` when the connection ends meanwhile.
    pub(crate) async fn upgrade(mut raw: Raw, path: &str, more: &str) -> Option<Self> {
        raw.write(handshake_at(path, more, &[])).await;
        Self::of(raw).await
    }

    /// The WebSocket of a connection whose handshake is sent.
    pub(crate) async fn of(mut raw: Raw) -> Option<Self> {
        let response = raw.response().await?;
        assert_eq!(response.status, 101, "{response:?}");
        let deflate = response.header("sec-websocket-extensions").is_some();
        let decoder = Decoder::new(Config::new(Role::Client, MESSAGE_BYTES).with_deflate(deflate));
        Some(Self { raw, decoder, scratch: Scratch::default() })
    }

    /// Sends bytes as they are.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.raw.write(bytes).await;
    }

    /// Sends a frame; whether the connection took it.
    pub(crate) async fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        let mut frame = Vec::new();
        ws::client_frame(&mut frame, opcode, MASK, payload);
        within(self.raw.stream.write_all(&frame)).await.is_ok()
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_frame(Opcode::Text, text.as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// The next frame of any kind.
    pub(crate) async fn next(&mut self) -> Got {
        loop {
            if let Some(length) = frame_length(&self.raw.bytes) {
                let mut frame = self.raw.bytes.split_to(length);
                let compressed = frame.first().is_some_and(|first| first & 0x40 != 0);
                let event = self.decoder.next(&mut Input::new(&mut frame), &mut self.scratch);
                if let Some(event) = event.expect("the server speaks RFC 6455") {
                    return Got::of(&event, compressed);
                }
            } else if !self.raw.read().await {
                return Got::End;
            }
        }
    }

    /// The next text, as JSON.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Got::Text { text, .. } => serde_json::from_str(&text).expect("a frame is JSON"),
            other => panic!("{other:?} instead of a frame"),
        }
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Subscribes, and reads up to `subscribed`.
    pub(crate) async fn join(&mut self, channel: &str) -> Value {
        self.send(serde_json::json!({"type": "subscribe", "channel": channel})).await;
        self.expect("subscribed").await
    }

    /// Proves that the session is served as ever.
    pub(crate) async fn is_served(&mut self) {
        self.send_text(r#"{"type":"ping","ts":4711}"#).await;
        assert_eq!(self.expect("pong").await["ts"], 4711);
    }

    /// The code of the close frame that comes after everything else, and the end of the connection.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Got::Close(code) => {
                    assert!(self.raw.ends().await, "nothing follows a close frame");
                    return code;
                }
                Got::End => panic!("the connection ended without a close frame"),
                _ => {}
            }
        }
    }
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
