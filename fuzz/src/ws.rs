//! The WebSocket codec under arbitrary streams and arbitrary reads.

use veche_protocol::code::CloseCode;
use veche_protocol::ws::{
    self, CONTROL_MAX, Config, Decoder, Deflater, Event, Input, Opcode, Role, Scratch, valid_close_code,
};

const KEY: [u8; 4] = [0xa5, 0x00, 0x5a, 0x01];

/// What a decoder may hold beside twice the bytes that arrived: its own state and the least rooms.
const OVERHEAD: usize = 4096;

/// The decoder of a server: any bytes, any reads.
pub fn ws_server(data: &[u8]) {
    decode_any(Role::Server, data);
}

/// The decoder of a client: any bytes, any reads.
pub fn ws_client(data: &[u8]) {
    decode_any(Role::Client, data);
}

/// Messages made of the data, encoded in every way that we have, come back as they were.
pub fn ws_round_trip(data: &[u8]) {
    let Some((&first_read, mut rest)) = data.split_first() else { return };
    let mut events = Vec::new();
    while let Some((&[kind, len, repeat], after)) = rest.split_first_chunk::<3>() {
        let (payload, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        events.push(owned(kind, &payload.repeat(usize::from(repeat) + 1)));
    }
    for role in [Role::Server, Role::Client] {
        for deflate in [false, true] {
            let config = Config::new(role, usize::MAX >> 1).with_deflate(deflate);
            let sizes = [usize::from(first_read) + 1, 4099];
            let outcome = decode(config, &encode(config, &events), &sizes);
            assert_eq!(outcome, Outcome { events: events.clone(), fault: None });
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<Owned>,
    fault: Option<CloseCode>,
}

/// The first four bytes choose what is accepted and where the stream is cut; the rest is the stream.
fn decode_any(role: Role, data: &[u8]) {
    let Some((&[options, limit, first, second], stream)) = data.split_first_chunk::<4>() else { return };
    let config = Config {
        role,
        deflate: options & 1 != 0,
        max_fragments: u32::from(options >> 1) + 1,
        max_message: [0, 1, 125, 126, 1000, 65_535, 65_536, 1 << 20][usize::from(limit % 8)],
    };
    let whole = decode(config, stream, &[usize::MAX]);
    let bytewise = decode(config, stream, &[1]);
    assert_eq!(whole, bytewise, "the verdict depends on the reads");
    let cut = decode(config, stream, &[usize::from(first) + 1, usize::from(second) * 16 + 1]);
    assert_eq!(whole, cut, "the verdict depends on the reads");
    let again = decode(config, &encode(config, &whole.events), &[usize::MAX]);
    assert_eq!(again, Outcome { events: whole.events, fault: None }, "events do not come back");
}

/// Feeds the stream in reads of these sizes, over and over, and checks the laws on the way.
fn decode(config: Config, stream: &[u8], sizes: &[usize]) -> Outcome {
    let (mut decoder, mut scratch) = (Decoder::new(config), Scratch::default());
    let mut outcome = Outcome { events: Vec::new(), fault: None };
    let (mut rest, mut arrived) = (stream, 0);
    for size in sizes.iter().copied().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        arrived += read.len();
        let mut read = read.to_vec();
        let mut input = Input::new(&mut read);
        loop {
            assert!(!decoder.is_closed() || outcome.ended(), "closed without a word");
            match decoder.next(&mut input, &mut scratch) {
                Ok(None) => break,
                Ok(Some(event)) => outcome.take(&event, &config),
                Err(fault) => {
                    assert!(outcome.fault.replace(fault.code).is_none(), "two faults");
                    assert!(matches!(fault.code.number(), 1002 | 1007 | 1009));
                }
            }
        }
        assert!(input.is_empty(), "input left over");
        let bound = 2 * arrived.min(config.max_message) + OVERHEAD;
        assert!(decoder.held() <= bound, "{} bytes held of {arrived}", decoder.held());
        assert!(scratch.held() <= config.max_message.saturating_mul(2).saturating_add(OVERHEAD));
    }
    outcome
}

impl Outcome {
    fn ended(&self) -> bool {
        self.fault.is_some() || matches!(self.events.last(), Some(Owned::Close(_)))
    }

    fn take(&mut self, event: &Event<'_>, config: &Config) {
        assert!(!self.ended(), "an event after the end");
        let len = match event {
            Event::Text(text) => text.len(),
            Event::Binary(bytes) | Event::Ping(bytes) | Event::Pong(bytes) => bytes.len(),
            Event::Close(close) => close.map_or(0, |(_, reason)| reason.len() + 2),
        };
        let limit =
            if matches!(event, Event::Text(_) | Event::Binary(_)) { config.max_message } else { CONTROL_MAX };
        assert!(len <= limit, "{len} bytes where {limit} are allowed");
        if let Event::Close(Some((code, _))) = event {
            assert!(valid_close_code(*code));
        }
        self.events.push(match *event {
            Event::Text(text) => Owned::Text(text.to_owned()),
            Event::Binary(bytes) => Owned::Binary(bytes.to_vec()),
            Event::Ping(bytes) => Owned::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Owned::Pong(bytes.to_vec()),
            Event::Close(close) => Owned::Close(close.map(|(code, reason)| (code, reason.to_owned()))),
        });
    }
}

/// An event of this kind with a payload that suits it.
fn owned(kind: u8, payload: &[u8]) -> Owned {
    let control = || payload.iter().copied().take(CONTROL_MAX).collect();
    match kind % 4 {
        0 => Owned::Text(String::from_utf8_lossy(payload).into_owned()),
        1 => Owned::Binary(payload.to_vec()),
        2 => Owned::Ping(control()),
        _ => Owned::Pong(control()),
    }
}

/// The events as frames for a decoder of this kind.
fn encode(config: Config, events: &[Owned]) -> Vec<u8> {
    let (mut out, mut deflater) = (Vec::new(), config.deflate.then(Deflater::new));
    for event in events {
        let mut close = Vec::new();
        let (opcode, payload) = match event {
            Owned::Text(text) => (Opcode::Text, text.as_bytes()),
            Owned::Binary(bytes) => (Opcode::Binary, bytes.as_slice()),
            Owned::Ping(bytes) => (Opcode::Ping, bytes.as_slice()),
            Owned::Pong(bytes) => (Opcode::Pong, bytes.as_slice()),
            Owned::Close(reason) => {
                if let Some((code, reason)) = reason {
                    close.extend(code.to_be_bytes());
                    close.extend(reason.as_bytes());
                }
                (Opcode::Close, close.as_slice())
            }
        };
        match (config.role, &mut deflater) {
            (Role::Server, Some(deflater)) => deflater.client_frame(&mut out, opcode, KEY, payload),
            (Role::Server, None) => ws::client_frame(&mut out, opcode, KEY, payload),
            (Role::Client, Some(deflater)) => deflater.frame(&mut out, opcode, payload),
            (Role::Client, None) => ws::frame(&mut out, opcode, payload),
        }
    }
    out
}
