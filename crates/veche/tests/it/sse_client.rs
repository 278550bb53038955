//! A reader of event streams over a bare socket, as the HTML standard tells it.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use socket2::SockRef;

use crate::support::{
    raw::{Raw, Response},
    within,
};

/// Where the door is.
pub(crate) const EVENTS: &str = "/realtime/events";

/// What a block of the stream dispatches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
    /// The last id as of this event.
    pub(crate) id: String,
}

/// One connection's stream.
pub(crate) struct Stream {
    raw: Raw,
    pub(crate) head: Response,
    text: Vec<u8>,
    /// What is left of the chunk, its line break included.
    left: usize,
    /// It is the last one, which is empty.
    last: bool,
    ended: bool,
    pub(crate) id: String,
    pub(crate) retry: Option<u64>,
    pub(crate) comments: usize,
}

/// A request at the door with this query, and these header lines more.
pub(crate) fn request(query: &str, more: &str) -> String {
    format!("GET {EVENTS}{query} HTTP/1.1\r\nHost: veche.example\r\nAccept: text/event-stream\r\n{more}\r\n")
}

impl Stream {
    /// Opens a stream; `None` when the connection ends before the answer's head has come.
    pub(crate) async fn try_open(address: SocketAddr, query: &str, more: &str) -> Option<Self> {
        Self::over(Raw::open(address).await, query, more).await
    }

    pub(crate) async fn over(mut raw: Raw, query: &str, more: &str) -> Option<Self> {
        raw.write(request(query, more)).await;
        Self::of(raw).await
    }

    /// The stream that was asked for on this connection.
    pub(crate) async fn of(mut raw: Raw) -> Option<Self> {
        let head = raw.response().await?;
        let (text, id) = (Vec::new(), String::new());
        Some(Self { raw, head, text, left: 0, last: false, ended: false, id, retry: None, comments: 0 })
    }

    /// Opens a stream that is not refused.
    pub(crate) async fn open(address: SocketAddr, query: &str, more: &str) -> Self {
        let mut stream = Self::try_open(address, query, more).await.expect("an answer");
        assert_eq!(stream.head.status, 200, "{:?}", stream.head);
        // The first block comes with the head: the channels are subscribed to, and the id is known.
        assert_eq!(stream.block().await.expect("a first block"), None);
        assert!(stream.retry.is_some());
        stream
    }

    /// The next event; `None` at the end, clean or not.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        // Heartbeats would keep every single read from taking too long.
        within(async {
            loop {
                if let Some(event) = self.block().await? {
                    return Some(event);
                }
            }
        })
        .await
    }

    /// The next event, which has this name.
    pub(crate) async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.unwrap_or_else(|| panic!("waiting for {name}: the stream ended"));
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// Waits for a comment.
    pub(crate) async fn comment(&mut self) {
        let before = self.comments;
        while self.comments == before {
            assert_eq!(self.block().await.expect("the stream goes on"), None);
        }
    }

    /// The next block; within it `None` if it dispatches nothing.
    pub(crate) async fn block(&mut self) -> Option<Option<Event>> {
        // What was looked at before is not looked at again: a block may come in hundreds of pieces.
        let mut from = 0;
        let end = loop {
            match self.text[from..].windows(2).position(|window| window == b"\n\n") {
                Some(end) => break from + end + 2,
                None => {
                    from = self.text.len().saturating_sub(1);
                    self.more().await?;
                }
            }
        };
        let block: Vec<u8> = self.text.drain(..end).collect();
        Some(self.dispatch(std::str::from_utf8(&block).expect("a stream is UTF-8")))
    }

    fn dispatch(&mut self, block: &str) -> Option<Event> {
        assert!(!block.contains('\r'), "{block:?}");
        let (mut name, mut data) = (String::from("message"), None::<String>);
        for line in block.trim_end().split('\n') {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => self.comments += usize::from(line.starts_with(':')),
                "id" => value.clone_into(&mut self.id),
                "event" => value.clone_into(&mut name),
                "retry" => self.retry = Some(value.parse().expect("milliseconds")),
                "data" => assert!(data.replace(value.to_owned()).is_none(), "data is one line: {block:?}"),
                other => panic!("{other:?} is no field: {block:?}"),
            }
        }
        let data = serde_json::from_str(&data?).expect("data is JSON");
        Some(Event { name, data, id: self.id.clone() })
    }

    /// Reads more of the body, which may be a part of a chunk; `None` at the end.
    async fn more(&mut self) -> Option<()> {
        while !self.ended {
            let bytes = &mut self.raw.bytes;
            if self.left > 2 && !bytes.is_empty() {
                let here = bytes.len().min(self.left - 2);
                self.text.extend_from_slice(&bytes.split_to(here));
                self.left -= here;
                return Some(());
            }
            if self.left == 2 && bytes.len() >= 2 {
                assert_eq!(&*bytes.split_to(2), b"\r\n");
                self.left = 0;
                self.ended = self.last;
                continue;
            }
            let line = bytes.windows(2).position(|window| window == b"\r\n").filter(|_| self.left == 0);
            if let Some(line) = line {
                let length = bytes.split_to(line + 2);
                let length = std::str::from_utf8(&length[..line]).expect("a chunk's length is ASCII");
                let length = usize::from_str_radix(length, 16).expect("a chunk's length");
                (self.left, self.last) = (length + 2, length == 0);
                continue;
            }
            self.ended = !self.raw.read().await;
        }
        None
    }

    /// Whether the answer ended as it should, and the connection with it.
    pub(crate) async fn has_ended_well(&mut self) -> bool {
        self.block().await.is_none() && self.last && self.text.is_empty() && self.raw.ends().await
    }

    /// Sends what nobody asked for.
    pub(crate) async fn pour(&mut self, bytes: &[u8]) {
        self.raw.write(bytes).await;
    }

    /// Resets the connection.
    pub(crate) fn cut(self) {
        SockRef::from(&self.raw.stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
}
