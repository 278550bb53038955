//! Replays `protocol-vectors/socketio.json`: what the reference parsers read and write.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use veche_protocol::{
    engine_io::{
        Data, Frame, Packet, PacketType, Revision,
        payload::{Format, Payload},
    },
    socket_io::{
        self, Args, Body, ConnectError, Decoder, Encoder, Encoding, Fault, Limits, Outgoing, Parser, Scratch,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    version: u32,
    #[serde(rename = "comment")]
    _comment: String,
    frames: Vec<FrameCase>,
    payloads: Vec<PayloadCase>,
    packets: Vec<PacketCase>,
    encodings: Vec<EncodingCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameCase {
    name: String,
    revision: u8,
    text: Option<String>,
    binary: Option<String>,
    packet: Option<Expected>,
    #[serde(default)]
    fault: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadCase {
    name: String,
    revision: u8,
    text: Option<String>,
    binary: Option<String>,
    packets: Vec<Expected>,
    #[serde(default)]
    fault: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketCase {
    name: String,
    parser: String,
    messages: Vec<Message>,
    packet: Option<Value>,
    #[serde(default)]
    pending: bool,
    #[serde(default)]
    fault: bool,
    #[serde(rename = "stricter")]
    _stricter: Option<String>,
    #[serde(rename = "differs")]
    _differs: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    Binary { binary: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodingCase {
    name: String,
    #[serde(flatten)]
    packet: OutgoingCase,
    v4: Vec<Message>,
    v3: Vec<Message>,
    msgpack_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutgoingCase {
    Connect { nsp: String, sid: String, pid: Option<String> },
    ConnectError { nsp: String, message: Option<String>, data: Option<String> },
    Disconnect { nsp: String },
    Event(ArgsCase),
    Ack(ArgsCase),
}

#[derive(Deserialize)]
struct ArgsCase {
    nsp: String,
    #[serde(default)]
    name: String,
    id: Option<u64>,
    args: String,
    #[serde(default)]
    attachments: Vec<String>,
    offset: Option<String>,
}

fn vectors() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol-vectors/socketio.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let vectors: Vectors = serde_json::from_str(&text).expect("vectors in their shape");
    assert_eq!(vectors.version, 1);
    vectors
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn revision(number: u8) -> Revision {
    if number == 3 { Revision::V3 } else { Revision::V4 }
}

fn seen(packet: &Packet<'_>) -> Expected {
    let kind = ["open", "close", "ping", "pong", "message", "upgrade", "noop"][packet.kind as usize];
    let (text, binary) = match &packet.data {
        Data::Text(text) => (Some((*text).to_owned()), None),
        Data::Binary(bytes) => (None, Some(hex(bytes))),
    };
    Expected { kind: kind.to_owned(), text, binary }
}

#[test]
fn frames_are_read_as_the_reference_reads_them() {
    let cases = vectors().frames;
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    for case in cases {
        let revision = revision(case.revision);
        let bytes = case.binary.as_deref().map(unhex);
        let packet = match (&case.text, &bytes) {
            (Some(text), _) => Packet::from_text(revision, text),
            (None, bytes) => Packet::from_binary(revision, bytes.as_deref().expect("text or bytes")),
        };
        assert_eq!(packet.as_ref().ok().map(seen), case.packet, "{}", case.name);
        assert_eq!(packet.is_err(), case.fault, "{}", case.name);
    }
}

#[test]
fn payloads_are_read_as_the_reference_reads_them() {
    let cases = vectors().payloads;
    assert!(cases.len() >= 28, "only {} cases", cases.len());
    for case in cases {
        let body = case.text.map_or_else(|| unhex(case.binary.as_deref().unwrap_or("")), String::into_bytes);
        let content_type = case.binary.as_deref().map(|_| "application/octet-stream");
        let format = Format::of_request(revision(case.revision), content_type).expect("a format");
        let read =
            Payload::new(format, &body, 1_000, 100).map_or_else(|fault| vec![Err(fault)], Iterator::collect);
        let packets: Vec<_> = read.iter().flatten().map(seen).collect();
        assert_eq!(packets, case.packets, "{}", case.name);
        assert_eq!(read.last().is_some_and(Result::is_err), case.fault, "{}", case.name);
    }
}

/// What a packet is, as the vectors have it. Attachments are put back into the arguments.
fn shown(packet: &socket_io::Packet<'_>) -> Value {
    let list = |name: Option<&str>, args: Args<'_>, attachments: &[Bytes]| {
        let mut text = String::from("[");
        if let Some(name) = name {
            text.push_str(&json!(name).to_string());
            text.push_str(if args.is_empty() { "" } else { "," });
        }
        args.write_expanded(attachments, &mut text);
        text.push(']');
        assert_eq!(args.iter().count(), args.len());
        serde_json::from_str::<Value>(&text).expect("arguments are JSON")
    };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("a payload is JSON");
    let (kind, data) = match &packet.body {
        Body::Connect(auth) => ("connect", auth.map(parsed)),
        Body::Disconnect => ("disconnect", None),
        Body::Event { name, args, attachments } => ("event", Some(list(Some(name), *args, attachments))),
        Body::Ack { args, attachments } => ("ack", Some(list(None, *args, attachments))),
        Body::ConnectError(data) => ("connect_error", Some(parsed(data))),
    };
    let mut shown = json!({"type": kind, "nsp": packet.namespace});
    if let Some(id) = packet.id {
        shown["id"] = json!(id);
    }
    if let Some(data) = data {
        shown["data"] = data;
    }
    shown
}

/// Numbers are compared as JavaScript has them, and a name that is a number as its text.
fn as_in_javascript(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64().expect("a float") + 0.0),
        Value::Array(values) => values.iter_mut().for_each(as_in_javascript),
        Value::Object(fields) => fields.values_mut().for_each(as_in_javascript),
        _ => {}
    }
}

fn read(case: &PacketCase) -> Result<Option<Value>, Fault> {
    let parser = if case.parser == "default" { Parser::Default } else { Parser::Msgpack };
    let (mut decoder, mut scratch) = (Decoder::new(parser), Scratch::default());
    let mut last = None;
    for message in &case.messages {
        let packet = match message {
            Message::Text(text) => decoder.text(text, &Limits::default(), &mut scratch)?.as_ref().map(shown),
            Message::Binary { binary } => {
                let bytes = unhex(binary);
                decoder.binary(&bytes, &Limits::default(), &mut scratch)?.as_ref().map(shown)
            }
        };
        last = packet.or(last);
    }
    Ok(last)
}

#[test]
fn packets_are_read_as_the_reference_reads_them() {
    let cases = vectors().packets;
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    for mut case in cases {
        let mut found = read(&case);
        if let Ok(Some(found)) = &mut found {
            as_in_javascript(found);
        }
        if let Some(expected) = &mut case.packet {
            if expected["type"] == "ack" && expected.get("data").is_none() {
                // An answer without a list is an empty one.
                expected["data"] = json!([]);
            }
            if expected["type"] == "event" && expected["data"][0].is_number() {
                expected["data"][0] = json!(expected["data"][0].to_string());
            }
            as_in_javascript(expected);
        }
        assert_eq!(found.is_err(), case.fault, "{}: {found:?}", case.name);
        assert_eq!(found == Ok(None), case.pending, "{}: {found:?}", case.name);
        assert_eq!(found.ok().flatten(), case.packet, "{}", case.name);
    }
}

fn outgoing<'a>(case: &'a OutgoingCase, attachments: &'a [Bytes]) -> Outgoing<'a> {
    let args = |args: &'a ArgsCase| Args::of_list(&args.args, 31).expect("a list");
    match case {
        OutgoingCase::Connect { nsp, sid, pid } => {
            Outgoing::Connect { namespace: nsp, sid, pid: pid.as_deref() }
        }
        OutgoingCase::ConnectError { nsp, message, data } => Outgoing::ConnectError {
            namespace: nsp,
            error: match message {
                Some(message) => ConnectError::Refused { message, data: data.as_deref() },
                None => ConnectError::InvalidNamespace,
            },
        },
        OutgoingCase::Disconnect { nsp } => Outgoing::Disconnect { namespace: nsp },
        OutgoingCase::Event(it) => Outgoing::Event {
            namespace: &it.nsp,
            name: &it.name,
            id: it.id,
            args: args(it),
            attachments,
            offset: it.offset.as_deref(),
        },
        OutgoingCase::Ack(it) => {
            Outgoing::Ack { namespace: &it.nsp, id: it.id.expect("an id"), args: args(it), attachments }
        }
    }
}

fn written(packet: &Outgoing<'_>, revision: Revision, parser: Parser) -> Vec<Message> {
    let mut messages = Vec::new();
    Encoder::default().write(packet, Encoding { revision, parser }, |frame| {
        messages.push(match frame {
            Frame::Text(text) => Message::Text(text.to_owned()),
            Frame::Binary(bytes) => Message::Binary { binary: hex(bytes) },
        });
    });
    messages
}

#[test]
fn packets_are_written_as_the_reference_writes_them() {
    let cases = vectors().encodings;
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    for case in cases {
        let attachments = match &case.packet {
            OutgoingCase::Event(it) | OutgoingCase::Ack(it) => it.attachments.as_slice(),
            _ => &[],
        };
        let attachments: Vec<Bytes> = attachments.iter().map(|hex| Bytes::from(unhex(hex))).collect();
        let packet = outgoing(&case.packet, &attachments);
        assert_eq!(written(&packet, Revision::V4, Parser::Default), case.v4, "{}", case.name);
        assert_eq!(written(&packet, Revision::V3, Parser::Default), case.v3, "{}", case.name);
        check_msgpack(&case, &packet);
    }
}

/// The order of the packet's fields is ours; its data is byte for byte the reference's.
fn check_msgpack(case: &EncodingCase, packet: &Outgoing<'_>) {
    let [Message::Binary { binary }] = &written(packet, Revision::V4, Parser::Msgpack)[..] else {
        panic!("{}: not one binary message", case.name);
    };
    if let Some(data) = &case.msgpack_data {
        // The key `data`, then the value.
        assert!(binary.contains(&format!("a464617461{data}")), "{}: {binary} lacks {data}", case.name);
    }
    let v3 = written(packet, Revision::V3, Parser::Msgpack);
    let [Message::Binary { binary: v3 }] = &v3[..] else { panic!("{}: not one binary message", case.name) };
    let bytes = unhex(v3);
    let packet_type = Packet::from_binary(Revision::V3, &bytes).expect("a packet of the third revision").kind;
    assert_eq!(packet_type, PacketType::Message);
    let mut scratch = Scratch::default();
    let mut decoder = Decoder::new(Parser::Msgpack);
    assert!(decoder.binary(&bytes[1..], &Limits::default(), &mut scratch).is_ok(), "{}", case.name);
}
