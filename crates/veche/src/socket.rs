//! Plain WebSockets, past the kernel: for protocols of your own over the same codec and handshake.

use std::{collections::VecDeque, future::Future, io, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use veche_protocol::ws::{self, Config, Decoder, Deflater, Event, Input, Opcode, Role, Scratch};

use crate::{bare::Bare, door::Guest};

/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;

/// How long a peer may take to be done after our close frame.
const LINGER: Duration = Duration::from_secs(3);

/// A message of a plain WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// A plain WebSocket. Pings and the closing handshake are answered by [`Socket::receive`].
///
/// ```no_run
/// use veche::{Listen, socket::Socket};
///
/// let listen = Listen::on("127.0.0.1:9001").socket("/echo", 16 << 20, async |mut socket: Socket| {
///     while let Ok(Some(message)) = socket.receive().await {
///         if socket.send(&message).await.is_err() {
///             break;
///         }
///     }
/// });
/// ```
pub struct Socket {
    stream: TcpStream,
    decoder: Decoder,
    scratch: Scratch,
    deflater: Option<Deflater>,
    buffer: Box<[u8]>,
    /// What was decoded and not yet received.
    arrived: VecDeque<Message>,
    /// Frames to be written: answers and messages.
    out: Vec<u8>,
    /// The close frame, which leaves after the answers to everything that came before it.
    farewell: Option<Vec<u8>>,
    _guest: Guest,
}

type Serving = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) struct SocketHandler {
    max_message: usize,
    serve: Box<dyn Fn(Socket) -> Serving + Send + Sync>,
}

impl SocketHandler {
    pub(crate) fn new<F, Fut>(max_message: usize, serve: F) -> Self
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        Self { max_message, serve: Box::new(move |socket| Box::pin(serve(socket))) }
    }
}

pub(crate) fn serve(bare: Bare, early: Bytes, handler: &SocketHandler, deflate: bool, guest: Guest) {
    let config = Config::new(Role::Server, handler.max_message).with_deflate(deflate);
    // Whoever serves it may say nothing for long.
    bare.answer();
    let mut socket = Socket {
        stream: bare.tcp,
        decoder: Decoder::new(config),
        scratch: Scratch::default(),
        deflater: deflate.then(Deflater::new),
        buffer: vec![0; READ_BYTES].into(),
        arrived: VecDeque::new(),
        out: Vec::new(),
        farewell: None,
        _guest: guest,
    };
    socket.decode(&mut BytesMut::from(early));
    tokio::task::spawn_local((handler.serve)(socket));
}

impl Socket {
    /// The next message; `None` after the closing handshake. A peer that breaks the protocol is told so
    /// by a close frame, and ends the same way.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(Some(message));
            }
            if let Some(close) = self.farewell.take() {
                self.out.extend_from_slice(&close);
                self.flush().await?;
                self.stream.shutdown().await?;
                // What the peer still sends is read and dropped: a reset would take our last words with it.
                let _ = tokio::time::timeout(LINGER, self.discard()).await;
                return Ok(None);
            }
            self.flush().await?;
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = self.stream.read(&mut buffer).await;
            let result = read.map(|count| self.decode(&mut buffer[..count]) && count > 0);
            self.buffer = buffer;
            if !result? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Compresses every message from now on where that was agreed on, also those that do not gain by it.
    pub fn compress_all(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            *deflater = Deflater::always();
        }
    }

    /// Sends a message, compressed where that was agreed on and is worth it.
    pub async fn send(&mut self, message: &Message) -> io::Result<()> {
        let (opcode, payload) = match message {
            Message::Text(text) => (Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => (Opcode::Binary, bytes.as_slice()),
        };
        match &mut self.deflater {
            Some(deflater) => deflater.frame(&mut self.out, opcode, payload),
            None => ws::frame(&mut self.out, opcode, payload),
        }
        self.flush().await
    }

    async fn discard(&mut self) {
        while self.stream.read(&mut self.buffer).await.is_ok_and(|count| count > 0) {}
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Decodes what was read. Whether anything may follow.
    fn decode(&mut self, bytes: &mut [u8]) -> bool {
        let mut input = Input::new(bytes);
        loop {
            match self.decoder.next(&mut input, &mut self.scratch) {
                Ok(None) => return true,
                Ok(Some(Event::Text(text))) => self.arrived.push_back(Message::Text(text.to_owned())),
                Ok(Some(Event::Binary(bytes))) => self.arrived.push_back(Message::Binary(bytes.to_owned())),
                Ok(Some(Event::Ping(payload))) => ws::frame(&mut self.out, Opcode::Pong, payload),
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(close))) => {
                    let mut frame = Vec::new();
                    match close {
                        Some((code, _)) => ws::close_frame(&mut frame, code, ""),
                        None => ws::frame(&mut frame, Opcode::Close, &[]),
                    }
                    self.farewell = Some(frame);
                    return true;
                }
                Err(fault) => {
                    tracing::debug!(%fault, "a peer broke the framing");
                    let mut frame = Vec::new();
                    ws::close_frame(&mut frame, fault.code.number(), fault.reason);
                    self.farewell = Some(frame);
                    return true;
                }
            }
        }
    }
}
