//! What clients and servers say to each other: the frames of each protocol.

mod nats;
mod pusher;

use std::io::Write;

use crate::wire;

pub(crate) use self::nats::first_message;

/// Where the publisher's number stands in a payload. Numbers are counted from [`FIRST`], so that all
/// have the same width.
pub(crate) const NUMBER: &[u8] = br#""seq":"#;
/// The digits after [`NUMBER`].
pub(crate) const DIGITS: usize = 10;
/// The number of the first publication.
pub(crate) const FIRST: u64 = 1_000_000_000;
/// The namespace of every scenario's channels.
const NAMESPACE: &str = "bench";
/// What a publication carries beside its number: 64 bytes, as long as a line of chat.
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and back once more.";

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Veche's own protocol.
    Veche,
    /// That of `bench/peers/lean`.
    Lean,
    /// Frames without a handshake, for `bench/peers/bare`.
    Bare,
    /// Socket.IO 5 on Engine.IO 4, over WebSocket from the start.
    SocketIo,
    /// The client protocol of NATS, in WebSocket frames.
    Nats,
    /// The JSON protocol of Centrifugo.
    Centrifugo,
    /// That of Pusher, in private channels.
    Pusher,
}

/// How messages lie in a server's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A text frame is one message.
    Whole,
    /// A text frame holds messages with newlines between them.
    Lines,
    /// Frames, text or not, are pieces of a stream of bytes; [`first_message`] finds the messages in it.
    Stream,
}

/// What a client waits for before it goes on: a text message that contains these bytes.
pub(crate) type Marker = &'static [u8];

impl Dialect {
    /// The path of the WebSocket; without one there is no handshake, and the server joins everyone.
    pub(crate) const fn path(self) -> Option<&'static str> {
        match self {
            Self::Veche => Some("/realtime/ws"),
            Self::Lean | Self::Nats => Some("/"),
            Self::Bare => None,
            Self::SocketIo => Some("/socket.io/?EIO=4&transport=websocket"),
            Self::Centrifugo => Some("/connection/websocket"),
            Self::Pusher => Some(pusher::PATH),
        }
    }

    /// Whether clients say where they want to be; otherwise all are in one place, whatever they are sent.
    pub(crate) const fn has_channels(self) -> bool {
        self.path().is_some()
    }

    /// Whether a client may publish only in channels that it has joined. It is not sent what it publishes.
    pub(crate) const fn joins_to_publish(self) -> bool {
        matches!(self, Self::Pusher)
    }

    /// How the server's messages lie in its frames.
    pub(crate) const fn framing(self) -> Framing {
        match self {
            Self::Veche | Self::Lean | Self::Bare | Self::SocketIo | Self::Pusher => Framing::Whole,
            Self::Centrifugo => Framing::Lines,
            Self::Nats => Framing::Stream,
        }
    }

    /// The request for the channel's server-sent events, where there are any.
    pub(crate) fn events(self, port: u16) -> Option<String> {
        match self {
            Self::Veche => Some(wire::events("/realtime/events", &channel_name(0), port)),
            Self::Lean | Self::Bare | Self::SocketIo | Self::Nats | Self::Centrifugo | Self::Pusher => None,
        }
    }

    /// What the server says before it is told who the client is.
    pub(crate) const fn opening(self) -> Option<Marker> {
        match self {
            Self::SocketIo => Some(br#"0{"sid":"#),
            Self::Nats => Some(b"INFO {"),
            Self::Veche | Self::Lean | Self::Bare | Self::Centrifugo | Self::Pusher => None,
        }
    }

    /// What the client says of itself, after [`Self::opening`] where there is one.
    pub(crate) const fn introduction(self) -> Option<&'static [u8]> {
        match self {
            Self::SocketIo => Some(b"40"),
            // With a higher `protocol` the server may say INFO again at any time.
            Self::Nats => Some(b"CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":0}\r\n"),
            Self::Centrifugo => Some(br#"{"id":1,"connect":{}}"#),
            Self::Veche | Self::Lean | Self::Bare | Self::Pusher => None,
        }
    }

    /// A heartbeat that is a text, and its answer.
    pub(crate) const fn heartbeat(self) -> Option<(&'static [u8], &'static [u8])> {
        match self {
            Self::SocketIo => Some((b"2", b"3")),
            Self::Nats => Some((b"PING", b"PONG\r\n")),
            Self::Centrifugo => Some((b"{}", b"{}")),
            Self::Pusher => Some((br#"{"event":"pusher:ping"}"#, br#"{"event":"pusher:pong"}"#)),
            Self::Veche | Self::Lean | Self::Bare => None,
        }
    }

    /// What the server says first, after it knows who the client is.
    pub(crate) const fn greeting(self) -> Option<Marker> {
        match self {
            Self::Veche => Some(br#""type":"welcome""#),
            // NATS has said all in its opening.
            Self::Lean | Self::Bare | Self::Nats => None,
            Self::SocketIo => Some(br#"40{"sid":"#),
            Self::Centrifugo => Some(br#"{"id":1,"connect":{"#),
            Self::Pusher => Some(br#""event":"pusher:connection_established""#),
        }
    }

    /// The answer to [`Self::write_join`].
    pub(crate) const fn joined(self) -> Marker {
        match self {
            Self::Veche => br#""type":"subscribed""#,
            Self::Lean | Self::Bare => br#""type":"joined""#,
            Self::SocketIo => b"430[",
            Self::Nats => b"PONG",
            Self::Centrifugo => br#"{"id":2,"subscribe":{"#,
            Self::Pusher => br#""event":"pusher_internal:subscription_succeeded""#,
        }
    }

    /// Appends the frame that subscribes to a channel, by its number. `greeting` is what the server has said to
    /// [`Self::greeting`], where it said anything.
    pub(crate) fn write_join(self, out: &mut Vec<u8>, channel: usize, greeting: &[u8]) {
        let channel = channel_name(channel);
        let frame = match self {
            Self::Veche => format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#),
            Self::Lean | Self::Bare => format!(r#"{{"type":"join","room":"{channel}"}}"#),
            Self::SocketIo => format!(r#"420["subscribe",{{"channel":"{channel}"}}]"#),
            // A subscription is not answered, but what comes behind it is, in order.
            Self::Nats => format!("SUB {} 1\r\nPING\r\n", dotted(&channel)),
            Self::Centrifugo => format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#),
            Self::Pusher => pusher::join(&private(&channel), greeting),
        };
        wire::write_frame(out, wire::TEXT, frame.as_bytes());
    }

    /// Whether the server has refused what a client wanted before it was joined.
    pub(crate) fn is_refusal(self, payload: &[u8]) -> bool {
        match self {
            Self::SocketIo => payload.starts_with(b"44") || payload.starts_with(b"43") && has_error(payload),
            Self::Nats => payload.starts_with(b"-ERR"),
            Self::Centrifugo => has_error(payload),
            Self::Pusher => memchr::memmem::find(payload, br#""event":"pusher:error""#).is_some(),
            Self::Veche | Self::Lean | Self::Bare => false,
        }
    }

    /// Whether every publication is acknowledged.
    pub(crate) const fn acknowledges(self) -> bool {
        matches!(self, Self::SocketIo | Self::Centrifugo)
    }

    /// The number of the publication that the server has taken, if the payload says so.
    pub(crate) fn acknowledged(self, payload: &[u8]) -> Option<u64> {
        let (before, after, first): (&[u8], &[u8], u64) = match self {
            Self::SocketIo => (b"43", b"[", 0),
            Self::Centrifugo => (br#"{"id":"#, br#","publish":"#, FIRST),
            Self::Veche | Self::Lean | Self::Bare | Self::Nats | Self::Pusher => return None,
        };
        let rest = payload.strip_prefix(before).filter(|_| !has_error(payload))?;
        let (digits, _) = rest.split_at_checked(memchr::memmem::find(rest, after)?)?;
        str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_sub(first)
    }

    /// Appends the frame that publishes `number` to a channel.
    pub(crate) fn write_publication(self, out: &mut Vec<u8>, channel: usize, number: u64) {
        let mut data = Vec::new();
        write_data(&mut data, number);
        let (data, channel) = (String::from_utf8_lossy(&data), channel_name(channel));
        let frame = match self {
            Self::Veche => format!(r#"{{"type":"message","channel":"{channel}","data":{data}}}"#),
            Self::Lean => format!(r#"{{"type":"pub","room":"{channel}","data":{data}}}"#),
            Self::Bare => {
                let frame = format!(r#"{{"type":"msg","room":"{channel}","data":{data}}}"#);
                return wire::write_server_frame(out, wire::TEXT, frame.as_bytes());
            }
            Self::SocketIo => format!(r#"42{number}["message",{{"channel":"{channel}","data":{data}}}]"#),
            Self::Nats => format!("PUB {} {}\r\n{data}\r\n", dotted(&channel), data.len()),
            Self::Centrifugo => {
                let id = FIRST + number;
                format!(r#"{{"id":{id},"publish":{{"channel":"{channel}","data":{data}}}}}"#)
            }
            Self::Pusher => {
                let channel = private(&channel);
                format!(r#"{{"event":"client-message","channel":"{channel}","data":{data}}}"#)
            }
        };
        wire::write_frame(out, wire::TEXT, frame.as_bytes());
    }
}

/// A channel's name, by its number.
fn channel_name(channel: usize) -> String {
    format!("{NAMESPACE}:{channel}")
}

/// The same with a dot between its parts, as NATS has its subjects.
fn dotted(channel: &str) -> String {
    channel.replace(':', ".")
}

/// The same as a private channel of Pusher's, in whose names no `:` may stand.
fn private(channel: &str) -> String {
    format!("private-{}", dotted(channel))
}

fn has_error(payload: &[u8]) -> bool {
    memchr::memmem::find(payload, br#""error""#).is_some()
}

/// Appends what a publication carries.
pub(crate) fn write_data(out: &mut Vec<u8>, number: u64) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, r#"{{"seq":{},"text":"{TEXT}"}}"#, FIRST + number);
}

/// Finds the publisher's number in payloads; it looks first where the last one stood.
#[derive(Debug, Default)]
pub(crate) struct NumberFinder {
    hint: usize,
}

impl NumberFinder {
    /// The number, or `None` where the payload is no publication of ours.
    pub(crate) fn find(&mut self, payload: &[u8]) -> Option<u64> {
        let number = number_at(payload, self.hint);
        if number.is_some() {
            return number;
        }
        self.hint = memchr::memmem::find(payload, NUMBER)?;
        number_at(payload, self.hint)
    }
}

fn number_at(payload: &[u8], at: usize) -> Option<u64> {
    let digits = payload.get(at..)?.strip_prefix(NUMBER)?.get(..DIGITS)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    number.checked_sub(FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let mut finder = NumberFinder::default();
        for (payload, expected) in [
            (r#"{"type":"msg","data":{"seq":1000000000,"text":""}}"#, Some(0)),
            (r#"{"type":"msg","data":{"seq":1000000042,"text":""}}"#, Some(42)),
            (r#"{"type":"message","time_ms":1,"data":{"seq":1000000043}}"#, Some(43)),
            (r#"{"type":"error","error":{"code":"forbidden"}}"#, None),
            (r#"{"data":{"seq":100000004"#, None),
            (r#"{"data":{"seq":0999999999}}"#, None),
            (r#"{"data":{"seq":10000000x0}}"#, None),
        ] {
            assert_eq!(finder.find(payload.as_bytes()), expected, "{payload}");
        }
    }

    #[test]
    fn every_dialect_publishes_the_number() {
        for dialect in [
            Dialect::Veche,
            Dialect::Lean,
            Dialect::Bare,
            Dialect::SocketIo,
            Dialect::Nats,
            Dialect::Centrifugo,
            Dialect::Pusher,
        ] {
            let mut frame = Vec::new();
            dialect.write_publication(&mut frame, 3, 7);
            if dialect != Dialect::Bare {
                let head = if frame[1] & 0x7F == 126 { 4 } else { 2 };
                let (mask, payload) = frame[head..].split_at(4);
                frame = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            }
            assert_eq!(NumberFinder::default().find(&frame), Some(7), "{dialect:?}");
        }
    }

    #[test]
    fn socket_io_acknowledges_and_refuses_by_its_packets() {
        let socket_io = Dialect::SocketIo;
        for (payload, number, is_refusal) in [
            (r#"430[{"type":"subscribed"}]"#, Some(0), false),
            ("4342[]", Some(42), false),
            (r#"431[{"type":"error","error":{"code":"forbidden"}}]"#, None, true),
            (r#"44{"message":"not authorized"}"#, None, true),
            (r#"42["message",{"seq":1000000000}]"#, None, false),
            ("43", None, false),
        ] {
            assert_eq!(socket_io.acknowledged(payload.as_bytes()), number, "{payload}");
            assert_eq!(socket_io.is_refusal(payload.as_bytes()), is_refusal, "{payload}");
            assert_eq!(Dialect::Veche.acknowledged(payload.as_bytes()), None, "{payload}");
        }
    }

    #[test]
    fn centrifugo_acknowledges_and_refuses_by_the_id_of_the_command() {
        let centrifugo = Dialect::Centrifugo;
        for (payload, number, is_refusal) in [
            (r#"{"id":1000000042,"publish":{}}"#, Some(42), false),
            (r#"{"id":1000000042,"error":{"code":103,"message":"permission denied"}}"#, None, true),
            (r#"{"id":2,"subscribe":{}}"#, None, false),
            (r#"{"push":{"channel":"bench:1","pub":{"data":{"seq":1000000000}}}}"#, None, false),
            ("{}", None, false),
        ] {
            assert_eq!(centrifugo.acknowledged(payload.as_bytes()), number, "{payload}");
            assert_eq!(centrifugo.is_refusal(payload.as_bytes()), is_refusal, "{payload}");
        }
    }
}
