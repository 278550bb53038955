//! HTTP as bytes: what a well-behaved client library would never send.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{PATH, within};

/// The key and its proof of RFC 6455, 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What [`KEY`] must be answered with.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A connection without a protocol.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) bytes: BytesMut,
}

/// An answer's head, and its body where `Content-Length` tells how long it is.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Raw {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await.expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, bytes: BytesMut::new() }
    }

    /// Sends bytes; a peer that has gone is found out by reading.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(self.stream.write_all(bytes.as_ref())).await;
    }

    /// More bytes; whether there were any.
    pub(crate) async fn read(&mut self) -> bool {
        matches!(within(self.stream.read_buf(&mut self.bytes)).await, Ok(count) if count > 0)
    }

    /// The next answer; `None` when the connection ends without a whole one.
    pub(crate) async fn response(&mut self) -> Option<Response> {
        let end = loop {
            match self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.read().await => {}
                None => return None,
            }
        };
        let head = self.bytes.split_to(end + 4);
        let mut response = Response::parse(std::str::from_utf8(&head).expect("a head is ASCII"));
        let length: usize =
            response.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        while self.bytes.len() < length {
            if !self.read().await {
                return None;
            }
        }
        response.body = self.bytes.split_to(length).freeze();
        Some(response)
    }

    /// Whether the server ends the connection without another byte.
    pub(crate) async fn ends(&mut self) -> bool {
        self.bytes.is_empty() && !self.read().await
    }
}

impl Response {
    fn parse(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let split = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(split).collect();
        Self { status: status.parse().expect("a number"), headers, body: Bytes::new() }
    }

    /// The header's value; panics where it stands twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice");
        value
    }
}

/// A good handshake of the native door, with these lines more and these headers less.
pub(crate) fn handshake(more: &str, without: &[&str]) -> String {
    handshake_at(PATH, more, without)
}

/// The same at another path.
pub(crate) fn handshake_at(path: &str, more: &str, without: &[&str]) -> String {
    let lines = [
        "Host: veche.example".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Connection: keep-alive, Upgrade".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        format!("Sec-WebSocket-Key: {KEY}"),
    ];
    let kept = lines.iter().filter(|line| !without.iter().any(|name| line.starts_with(name)));
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    for line in kept {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str(more);
    request.push_str("\r\n");
    request
}

/// Sends one request on a connection of its own; `None` when it is closed without an answer.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Response> {
    let mut raw = Raw::open(address).await;
    raw.write(request).await;
    raw.response().await
}
