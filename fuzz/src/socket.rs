//! Socket.IO's two parsers under arbitrary messages.

use serde_json::Value;
use veche_protocol::engine_io::Revision;
use veche_protocol::socket_io::{
    Args, Body, Connection, Decoder, Encoder, Encoding, Input, Limits, Outgoing, Packet, Parser, Scratch,
    Slot, State, is_reserved, mend_surrogates,
};

const LIMITS: Limits =
    Limits { attachments: 4, attachment_bytes: 64, namespace: 16, namespaces: 3, depth: 8 };

/// What stands between two messages of the input. `ff` begins a binary one.
const END: u8 = 0xfe;

/// Each message goes to a connection of each revision with the default parser. What comes out holds the
/// bounds, and comes back from the encoder as the same.
pub fn socket_packets(data: &[u8]) {
    for revision in [Revision::V4, Revision::V3] {
        let mut connection = Connection::new(revision, Parser::Default, 1);
        let mut scratch = Scratch::default();
        if let Input::Connect { slot, .. } = connection.open(&LIMITS) {
            connection.accept(slot);
        }
        let mut arrived = 0;
        for message in data.split(|byte| *byte == END) {
            arrived += message.len();
            let input = match (message.split_first(), std::str::from_utf8(message)) {
                (Some((&0xff, bytes)), _) => connection.on_binary(bytes, &LIMITS, &mut scratch),
                (_, Ok(text)) => connection.on_text(text, &LIMITS, &mut scratch),
                _ => return,
            };
            let Ok(input) = input else { break };
            let asks = check(&input, revision);
            assert!(connection.held() <= arrived + 256, "{} bytes of {arrived}", connection.held());
            assert!(connection.slots().count() <= usize::from(LIMITS.namespaces));
            if let Some(slot) = asks {
                assert_eq!(connection.state(slot), State::Connecting);
                connection.accept(slot);
            }
        }
    }
}

/// The slot that is asked for.
fn check(input: &Input<'_>, revision: Revision) -> Option<Slot> {
    match input {
        Input::Connect { slot, namespace, .. } => {
            assert!(namespace.starts_with('/') && namespace.len() <= LIMITS.namespace);
            return Some(*slot);
        }
        Input::Event { name, id, args, attachments, .. } => {
            assert!(!is_reserved(name));
            let event =
                Outgoing::Event { namespace: "/n", name, id: *id, args: *args, attachments, offset: None };
            round(&event, revision, (Some(name), *id, *args));
        }
        Input::Ack { id, args, attachments, .. } => {
            let ack = Outgoing::Ack { namespace: "/n", id: *id, args: *args, attachments };
            round(&ack, revision, (None, Some(*id), *args));
        }
        _ => {}
    }
    None
}

/// By the default parser a packet comes back byte for byte, by the other one as the same values.
fn round(packet: &Outgoing<'_>, revision: Revision, expected: (Option<&str>, Option<u64>, Args<'_>)) {
    let (name, id, args) = expected;
    let default = again(packet, Encoding { revision, parser: Parser::Default });
    assert_eq!((default.name.as_deref(), default.id, default.inner.as_str()), (name, id, args.inner()));
    let msgpack = again(packet, Encoding { revision, parser: Parser::Msgpack });
    assert_eq!((msgpack.name.as_deref(), msgpack.id), (name, id));
    // A number beyond a float's range is JSON, and no value.
    if let Some(values) = values(&default.expanded) {
        assert_eq!(self::values(&msgpack.expanded), Some(values));
    }
}

struct Again {
    name: Option<String>,
    id: Option<u64>,
    inner: String,
    /// The arguments with their attachments in place.
    expanded: String,
}

fn again(packet: &Outgoing<'_>, encoding: Encoding) -> Again {
    let (mut decoder, mut scratch) = (Decoder::new(encoding.parser), Scratch::default());
    let mut frames = Vec::new();
    Encoder::default()
        .write(packet, encoding, |frame| frames.push((frame.is_binary(), frame.bytes().to_vec())));
    let last = frames.len() - 1;
    for (at, (is_binary, bytes)) in frames.iter().enumerate() {
        // The engine's type is the engine's.
        let skip = usize::from(!is_binary || encoding.revision == Revision::V3);
        let message = &bytes[skip..];
        let packet = if *is_binary {
            decoder.binary(message, &LIMITS, &mut scratch)
        } else {
            decoder.text(std::str::from_utf8(message).expect("a text frame"), &LIMITS, &mut scratch)
        };
        let packet = packet.expect("what is written can be read");
        assert_eq!(packet.is_some(), at == last);
        let Some(packet) = packet else { continue };
        return seen(packet);
    }
    panic!("no packet")
}

fn seen(packet: Packet<'_>) -> Again {
    let (name, args, attachments) = match packet.body {
        Body::Event { name, args, attachments } => (Some(name.into_owned()), args, attachments),
        Body::Ack { args, attachments } => (None, args, attachments),
        other => panic!("{other:?}"),
    };
    assert!(attachments.len() <= usize::from(LIMITS.attachments));
    assert!(attachments.iter().fold(0, |sum, bytes| sum + bytes.len()) <= LIMITS.attachment_bytes);
    assert_eq!(args.iter().count(), args.len());
    let mut expanded = String::new();
    args.write_expanded(attachments, &mut expanded);
    Again { name, id: packet.id, inner: args.inner().to_owned(), expanded }
}

/// The arguments as values, with numbers as JavaScript has them.
fn values(inner: &str) -> Option<Value> {
    let list = format!("[{inner}]");
    let mut value = serde_json::from_str(&mend_surrogates(&list)).ok()?;
    as_in_javascript(&mut value);
    Some(value)
}

fn as_in_javascript(value: &mut Value) {
    match value {
        // The last digits are left away: `serde_json` reads a long number to the nearest float but one.
        Value::Number(number) => *value = format!("{:.13e}", number.as_f64().expect("a float") + 0.0).into(),
        Value::Array(values) => values.iter_mut().for_each(as_in_javascript),
        Value::Object(fields) => fields.values_mut().for_each(as_in_javascript),
        _ => {}
    }
}

/// What is read from arbitrary msgpack is JSON within the bounds, and comes back by both parsers.
pub fn socket_msgpack(data: &[u8]) {
    let (mut decoder, mut scratch) = (Decoder::new(Parser::Msgpack), Scratch::default());
    let Ok(packet) = decoder.binary(data, &LIMITS, &mut scratch) else { return };
    let packet = packet.expect("a message is a packet");
    assert!(packet.namespace.starts_with('/') && packet.namespace.len() <= LIMITS.namespace);
    let id = packet.id;
    match &packet.body {
        Body::Connect(Some(json)) | Body::ConnectError(json) => {
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok(), "{json}");
        }
        Body::Event { name, args, attachments } => {
            let event = Outgoing::Event { namespace: "/n", name, id, args: *args, attachments, offset: None };
            round(&event, Revision::V4, (Some(name), id, *args));
        }
        Body::Ack { args, attachments } => {
            let ack = Outgoing::Ack { namespace: "/n", id: id.unwrap_or(0), args: *args, attachments };
            round(&ack, Revision::V4, (None, Some(id.unwrap_or(0)), *args));
        }
        _ => {}
    }
}
