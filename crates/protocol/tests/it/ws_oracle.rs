//! The codec against two others, tungstenite and yawc: what one writes the others read alike, in both
//! roles and however the stream is cut, and streams that break the rules are refused by all.

use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use veche_protocol::ws::{self, Config, Deflater, Opcode, Role};

use crate::ws_driver::{Outcome, Seen, cut, decode, fragments, key_for, property_tests, raw_frame};
use crate::ws_tungstenite as tungstenite_side;

const LIMIT: usize = 200_000;

/// A message or a control frame, and how it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) event: Seen,
    /// Payload bytes a frame.
    pub(crate) fragment: usize,
    /// A ping to put after the first fragment.
    pub(crate) between: Option<Vec<u8>>,
}

impl Item {
    pub(crate) fn opcode_and_payload(&self) -> (Opcode, &[u8]) {
        match &self.event {
            Seen::Text(text) => (Opcode::Text, text.as_bytes()),
            Seen::Binary(bytes) => (Opcode::Binary, bytes),
            Seen::Ping(bytes) => (Opcode::Ping, bytes),
            Seen::Pong(bytes) => (Opcode::Pong, bytes),
            Seen::Close(_) => unreachable!("no script has a close in it"),
        }
    }

    pub(crate) fn is_fragmented(&self) -> bool {
        let (opcode, payload) = self.opcode_and_payload();
        !opcode.is_control() && payload.len() > self.fragment
    }
}

fn item() -> impl Strategy<Value = Item> {
    let control = || prop::collection::vec(any::<u8>(), 0..=125);
    let event = prop_oneof![
        4 => ".{0,200}".prop_map(Seen::Text),
        3 => prop::collection::vec(any::<u8>(), 0..600).prop_map(Seen::Binary),
        1 => (65_000usize..66_000, any::<u8>()).prop_map(|(len, byte)| Seen::Binary(vec![byte; len])),
        1 => (120usize..130).prop_map(|len| Seen::Text("x".repeat(len))),
        2 => control().prop_map(Seen::Ping),
        1 => control().prop_map(Seen::Pong),
    ];
    let fragment = prop_oneof![2 => Just(usize::MAX), 1 => 1usize..40, 1 => 500usize..40_000];
    (event, fragment, prop::option::of(control())).prop_map(|(event, fragment, between)| {
        // A message of many thousand fragments would only be slow.
        let fragment = if matches!(&event, Seen::Binary(bytes) if bytes.len() > 1000) {
            fragment.max(500)
        } else {
            fragment
        };
        Item { event, fragment, between }
    })
}

fn script() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..12)
}

fn reads() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        1 => Just(vec![1]),
        1 => Just(vec![usize::MAX]),
        2 => prop::collection::vec(1usize..20, 1..10),
        2 => prop::collection::vec(1usize..5000, 1..10),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn expected(script: &[Item]) -> Vec<Seen> {
    let mut events = Vec::new();
    for item in script {
        if let Some(ping) = item.between.as_ref().filter(|_| item.is_fragmented()) {
            events.push(Seen::Ping(ping.clone()));
        }
        events.push(item.event.clone());
    }
    events
}

/// The script as our encoder writes it to a decoder in `role`.
fn written_by_us(role: Role, script: &[Item]) -> Vec<u8> {
    let (mut out, key) = (Vec::new(), key_for(role));
    for item in script {
        let (opcode, payload) = item.opcode_and_payload();
        if item.is_fragmented() {
            let mut frames = fragments(opcode, false, key, payload, item.fragment);
            if let Some(ping) = &item.between {
                frames.insert(1, raw_frame(0x89, key, ping));
            }
            out.extend(frames.concat());
        } else if let Some(key) = key {
            ws::client_frame(&mut out, opcode, key, payload);
        } else {
            ws::frame(&mut out, opcode, payload);
        }
    }
    out
}

fn yawc_role(role: Role) -> yawc::Role {
    match role {
        Role::Server => yawc::Role::Server,
        Role::Client => yawc::Role::Client,
    }
}

fn yawc_options() -> yawc::Options {
    let options = yawc::Options::default().with_limits(LIMIT, 2 * LIMIT).with_utf8();
    options.with_balanced_compression().server_no_context_takeover().client_no_context_takeover()
}

const EXTENSIONS: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// What yawc reads from the stream, up to the first error or the end.
fn read_by_yawc(role: Role, deflate: bool, stream: &[u8]) -> Vec<Seen> {
    block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 23);
        let extensions = deflate.then_some(EXTENSIONS);
        let mut socket =
            yawc::WebSocket::from_stream_with_extensions(near, yawc_role(role), extensions, yawc_options())
                .expect("yawc starts");
        far.write_all(stream).await.expect("the pipe takes it all");
        far.shutdown().await.expect("the pipe ends");
        let mut events = Vec::new();
        while let Some(frame) = socket.next().await {
            let payload = frame.payload().to_vec();
            events.push(match frame.opcode() {
                yawc::OpCode::Text => Seen::Text(String::from_utf8(payload).expect("yawc checks it")),
                yawc::OpCode::Binary | yawc::OpCode::Continuation => Seen::Binary(payload),
                yawc::OpCode::Ping => Seen::Ping(payload),
                yawc::OpCode::Pong => Seen::Pong(payload),
                yawc::OpCode::Close => break,
            });
        }
        events
    })
}

/// The script as yawc writes it to a decoder in `role`, each message whole.
fn written_by_yawc(role: Role, deflate: bool, script: &[Item]) -> Vec<u8> {
    block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 23);
        let writer = match role {
            Role::Server => yawc::Role::Client,
            Role::Client => yawc::Role::Server,
        };
        let extensions = deflate.then_some(EXTENSIONS);
        let mut socket =
            yawc::WebSocket::from_stream_with_extensions(near, writer, extensions, yawc_options())
                .expect("yawc starts");
        for item in script {
            let frame = match &item.event {
                Seen::Text(text) => yawc::Frame::text(text.clone()),
                Seen::Binary(bytes) => yawc::Frame::binary(bytes.clone()),
                Seen::Ping(bytes) => yawc::Frame::ping(bytes.clone()),
                Seen::Pong(bytes) => yawc::Frame::pong(bytes.clone()),
                Seen::Close(_) => continue,
            };
            socket.send(frame).await.expect("the pipe takes it all");
        }
        drop(socket);
        let mut stream = Vec::new();
        far.read_to_end(&mut stream).await.expect("the pipe ends");
        stream
    })
}

fn ours(role: Role, deflate: bool) -> Config {
    Config { max_fragments: u32::MAX, ..Config::new(role, LIMIT).with_deflate(deflate) }
}

fn accepted(events: Vec<Seen>) -> Outcome {
    Outcome { events, fault: None }
}

proptest! {
    #![proptest_config(property_tests(96))]

    #[test]
    fn what_we_write_is_read_alike_by_all(role in role(), script in script(), reads in reads()) {
        let stream = written_by_us(role, &script);
        let expected = expected(&script);
        prop_assert_eq!(decode(ours(role, false), cut(&stream, &reads)), accepted(expected.clone()));
        prop_assert_eq!(tungstenite_side::read(role, &stream, &reads), accepted(expected.clone()));
        prop_assert_eq!(read_by_yawc(role, false, &stream), expected);
    }

    #[test]
    fn we_read_what_tungstenite_writes(role in role(), script in script(), reads in reads()) {
        let stream = tungstenite_side::write(role, &script);
        prop_assert_eq!(decode(ours(role, false), cut(&stream, &reads)), accepted(expected(&script)));
    }

    #[test]
    fn we_read_what_yawc_writes(role in role(), deflate: bool, script in script(), reads in reads()) {
        let stream = written_by_yawc(role, deflate, &script);
        let events = script.into_iter().map(|item| item.event).collect();
        prop_assert_eq!(decode(ours(role, deflate), cut(&stream, &reads)), accepted(events));
    }

    #[test]
    fn yawc_reads_what_we_compress(role in role(), script in script()) {
        let (mut deflater, mut stream) = (Deflater::new(), Vec::new());
        for item in &script {
            let (opcode, payload) = item.opcode_and_payload();
            match key_for(role) {
                Some(key) => deflater.client_frame(&mut stream, opcode, key, payload),
                None => deflater.frame(&mut stream, opcode, payload),
            }
        }
        let events: Vec<Seen> = script.into_iter().map(|item| item.event).collect();
        prop_assert_eq!(read_by_yawc(role, true, &stream), events);
    }

    #[test]
    fn a_corrupted_stream_gets_tungstenites_verdict(
        role in role(),
        script in script(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        reads in reads(),
    ) {
        let mut stream = written_by_us(role, &script);
        prop_assume!(!stream.is_empty());
        for (at, bits) in flips {
            let at = at.index(stream.len());
            stream[at] ^= bits;
        }
        same_verdict(role, &stream, &reads)?;
    }

    #[test]
    fn random_frames_get_tungstenites_verdict(
        role in role(),
        frames in prop::collection::vec((first_byte(), prop::collection::vec(any::<u8>(), 0..130)), 1..8),
        reads in reads(),
    ) {
        let stream: Vec<u8> =
            frames.iter().flat_map(|(first, payload)| raw_frame(*first, key_for(role), payload)).collect();
        same_verdict(role, &stream, &reads)?;
    }
}

/// Mostly what may stand there, so that streams live on past their first frame.
fn first_byte() -> impl Strategy<Value = u8> {
    let usual = vec![0x00, 0x80, 0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a];
    prop_oneof![9 => prop::sample::select(usual), 1 => any::<u8>()]
}

/// The same events before the verdict; and the same verdict, but where we know more than tungstenite:
/// we refuse a length that is not in its shortest form, and we refuse a frame before its end.
fn same_verdict(role: Role, stream: &[u8], reads: &[usize]) -> Result<(), TestCaseError> {
    let us = decode(ours(role, false), cut(stream, reads));
    let them = tungstenite_side::read(role, stream, reads);
    if them.fault.is_some() {
        prop_assert_eq!(us.fault.is_some(), true, "tungstenite refuses it with {:?}", them);
    }
    if us.fault.is_none() {
        prop_assert_eq!(&us.events, &them.events);
        return Ok(());
    }
    prop_assert!(them.events.starts_with(&us.events), "{:?} and {:?}", us, them);
    let refused_early = them.events.len() == us.events.len();
    prop_assert!(refused_early || has_long_form(role, stream), "only we refuse it: {:?}", us);
    Ok(())
}

/// Whether the stream has a frame whose length is not in its shortest form.
fn has_long_form(role: Role, stream: &[u8]) -> bool {
    let mut rest = stream;
    while let [_, second, after @ ..] = rest {
        let size = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((extended, after)) = after.split_at_checked(size) else { return false };
        let len = match extended {
            [] => u64::from(second & 0x7f),
            bytes => bytes.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        if (size == 2 && len < 126) || (size == 8 && len < 65_536) {
            return true;
        }
        let skip = len.saturating_add(if role == Role::Server { 4 } else { 0 });
        let Some(after) = usize::try_from(skip).ok().and_then(|skip| after.get(skip..)) else { return false };
        rest = after;
    }
    false
}
