//! The msgpack parser: what it reads is what the default parser would have read, within the same bounds.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use veche_protocol::{
    engine_io::{Frame, Revision},
    socket_io::{
        Args, Body, Decoder, Encoder, Encoding, Fault, Limits, Outgoing, Packet, Parser, Scratch,
        mend_surrogates,
    },
};

const MSGPACK: Encoding = Encoding { revision: Revision::V4, parser: Parser::Msgpack };
const DEFAULT: Encoding = Encoding { revision: Revision::V4, parser: Parser::Default };

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|digit| (digit as char).to_digit(16)).map(|it| it as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// An event `e` in the root namespace with these arguments, of which there are fewer than 15.
fn event(count: u8, args: &[u8]) -> Vec<u8> {
    [&hex("83 a474797065 02 a36e7370 a12f a464617461")[..], &[0x91 + count], &hex("a165"), args].concat()
}

/// The arguments as JSON, and the attachments.
fn read_with(limits: &Limits, message: &[u8]) -> Result<(String, Vec<Bytes>), Fault> {
    let mut scratch = Scratch::default();
    let packet = Decoder::new(Parser::Msgpack).binary(message, limits, &mut scratch)?;
    match packet {
        Some(Packet { body: Body::Event { args, attachments, .. }, .. }) => {
            assert_eq!(Args::of_list(&format!("[{}]", args.inner()), 64).map(Args::len), Ok(args.len()));
            Ok((args.inner().to_owned(), attachments.to_vec()))
        }
        other => panic!("no event: {other:?}"),
    }
}

fn read(count: u8, args: &str) -> Result<String, Fault> {
    read_with(&Limits::default(), &event(count, &hex(args))).map(|(json, _)| json)
}

#[test]
fn values_that_json_does_not_have() {
    let one = |args: &str, json: &str| assert_eq!(read(1, args).as_deref(), Ok(json), "{args}");
    // 64 bits, exactly.
    one("cf ffffffffffffffff", "18446744073709551615");
    one("d3 8000000000000000", "-9223372036854775808");
    one("d3 0000000000000001", "1");
    one("d0 7f", "127");
    one("d2 ffffffff", "-1");
    one("ff", "-1");
    one("e0", "-32");
    // Floats.
    one("cb 7ff8000000000000", "null");
    one("cb 7ff0000000000000", "null");
    one("ca ff800000", "null");
    one("cb 3ff8000000000000", "1.5");
    one("cb 8000000000000000", "-0.0");
    one("ca 3dcccccd", "0.10000000149011612");
    one("cb 7fefffffffffffff", "1.7976931348623157e+308");
    // Dates: a time of JavaScript, and msgpack's own in its three sizes.
    one("d700 0000000000000000", "\"1970-01-01T00:00:00.000Z\"");
    one("d700 ffffffffffffffff", "\"1969-12-31T23:59:59.999Z\"");
    one("d700 0000000000000001", "\"1970-01-01T00:00:00.001Z\"");
    one("d700 001eb208c2dc0000", "\"+275760-09-13T00:00:00.000Z\"");
    one("d700 001eb208c2dc0001", "null");
    one("d700 ffe14df73d240000", "\"-271821-04-20T00:00:00.000Z\"");
    one("d700 7fffffffffffffff", "null");
    one("d700 000000dd9aa6e000", "\"2000-02-29T00:00:00.000Z\"");
    one("d6ff 6553f100", "\"2023-11-14T22:13:20.000Z\"");
    one("d7ff ee6b27fc6553f100", "\"2023-11-14T22:13:20.999Z\"");
    one("c70cff 1dcd6500 000000006553f100", "\"2023-11-14T22:13:20.500Z\"");
    one("c70cff 00000000 7fffffffffffffff", "null");
    // What is no value at all.
    one("d400 00", "null");
    one("91 d400 00", "[null]");
    one("83 a161 d40000 a162 01 a163 d40000", r#"{"b":1}"#);
    // Keys and texts.
    one("84 01 01 c0 02 c3 03 e0 04", r#"{"1":1,"null":2,"true":3,"-32":4}"#);
    one("a3 61ff62", "\"a\u{fffd}b\"");
    one("a4 00 1f 22 5c", r#""\u0000\u001f\"\\""#);
    // Bytes: `bin`, an ArrayBuffer, and other extensions with their type.
    one("c400", r#"{"_placeholder":true,"num":0}"#);
    one("c70100 05", r#"{"_placeholder":true,"num":0}"#);
    one("d5 05 aabb", r#"[5,{"_placeholder":true,"num":0}]"#);
    one("d4 ff 00", r#"[-1,{"_placeholder":true,"num":0}]"#);
    let (json, attachments) =
        read_with(&Limits::default(), &event(2, &hex("c403 010203 81 a178 c70200 0405"))).expect("an event");
    assert_eq!(json, r#"{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}"#);
    assert_eq!(attachments, [&[1_u8, 2, 3][..], &[4, 5]]);
}

#[test]
fn bounds_hold_and_nothing_is_believed() {
    let nested = |depth: usize| event(1, &[vec![0x91; depth - 1], vec![0x01]].concat());
    let limits = Limits { depth: 4, ..Limits::default() };
    assert!(read_with(&limits, &nested(4)).is_ok());
    assert_eq!(read_with(&limits, &nested(5)), Err(Fault::TooDeep));
    assert_eq!(read_with(&Limits::default(), &nested(100_000)), Err(Fault::TooDeep));
    let maps = event(1, &[hex("81 a161").repeat(4), vec![0x01]].concat());
    assert_eq!(read_with(&limits, &maps), Err(Fault::TooDeep));
    for args in [
        "dd ffffffff",
        "df ffffffff",
        "dc ffff",
        "de ffff",
        "9f 01",
        "8f 01 01",
        "db ffffffff 61",
        "c6 ffffffff 00",
        "c9 ffffffff 00 00",
        "d9",
        "a5 61",
        "cf 00",
        "c1",
        "81 01",
        "81 90 01",
        "81 c400 01",
        "81 cb3ff8000000000000 01",
        "",
    ] {
        assert_eq!(read(1, args), Err(Fault::Payload), "{args}");
    }
    let limits = Limits { attachments: 2, attachment_bytes: 3, ..Limits::default() };
    assert!(read_with(&limits, &event(2, &hex("c402 0101 c401 02"))).is_ok());
    let over = Err(Fault::AttachmentsOverLimit);
    assert_eq!(read_with(&limits, &event(2, &hex("c402 0101 c402 0202"))), over);
    assert_eq!(read_with(&limits, &event(3, &hex("c400 c400 c400"))), over);
    let limits = Limits { namespace: 0, ..limits };
    assert_eq!(read_with(&limits, &event(0, &[])), Err(Fault::Namespace));
    // A connect's payload has no place for bytes.
    let connect = hex("83 a474797065 00 a36e7370 a12f a464617461 81 a161 c400");
    assert_eq!(
        Decoder::new(Parser::Msgpack).binary(&connect, &Limits::default(), &mut Scratch::default()),
        Err(Fault::WrongKind)
    );
}

#[test]
fn a_factor_of_six_is_the_most_that_a_message_grows() {
    // The worst of each kind, many times.
    for (args, unit) in [(vec![0_u8; 60_000], "controls"), (hex("ca3dcccccd").repeat(10_000), "floats")] {
        let message = match unit {
            "controls" => event(1, &[&[0xda, 0xea, 0x60][..], &args].concat()),
            _ => event(1, &[&[0xdc, 0x27, 0x10][..], &args].concat()),
        };
        let (json, _) = read_with(&Limits::default(), &message).expect("an event");
        assert!(json.len() <= message.len() * 6, "{unit}: {} of {}", json.len(), message.len());
    }
}

fn frames(packet: &Outgoing<'_>, encoding: Encoding) -> Vec<Result<String, Vec<u8>>> {
    let mut frames = Vec::new();
    Encoder::default().write(packet, encoding, |frame| {
        frames.push(match frame {
            Frame::Text(text) => Ok(text.strip_prefix('4').expect("a message").to_owned()),
            Frame::Binary(bytes) => Err(bytes.to_vec()),
        });
    });
    frames
}

/// What the packet is after it was written and read, its arguments as a value with `$binary` in it.
fn round(packet: &Outgoing<'_>, encoding: Encoding) -> (String, Option<u64>, String, Value) {
    let (mut decoder, mut scratch) = (Decoder::new(encoding.parser), Scratch::default());
    let mut seen = None;
    for frame in frames(packet, encoding) {
        let packet = match &frame {
            Ok(text) => decoder.text(text, &Limits::default(), &mut scratch),
            Err(bytes) => decoder.binary(bytes, &Limits::default(), &mut scratch),
        };
        if let Some(Packet { namespace, id, body }) = packet.expect("what was written is read") {
            let (name, args, attachments) = match body {
                Body::Event { name, args, attachments } => (name.into_owned(), args, attachments),
                Body::Ack { args, attachments } => (String::new(), args, attachments),
                other => panic!("{other:?}"),
            };
            let mut text = String::from("[");
            args.write_expanded(attachments, &mut text);
            text.push(']');
            let value = serde_json::from_str(&mend_surrogates(&text)).expect("JSON");
            seen = Some((namespace.to_owned(), id, name, value));
        }
    }
    seen.expect("a whole packet")
}

fn json(binary: bool) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no digits for it", |value| value.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        // A place for an attachment.
        Just(if binary { Value::from("\u{0}attach") } else { Value::Null }),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..20)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Puts placeholders into the first ten places; how many.
fn number(value: &mut Value, next: &mut usize) {
    match value {
        Value::String(text) if text == "\u{0}attach" => {
            *value = if *next < 10 {
                serde_json::json!({"_placeholder": true, "num": *next})
            } else {
                Value::Null
            };
            *next += 1;
        }
        Value::Array(values) => values.iter_mut().for_each(|value| number(value, next)),
        Value::Object(fields) => fields.values_mut().for_each(|value| number(value, next)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn both_parsers_carry_the_same(
        values in prop::collection::vec(json(true), 0..5),
        name in "[a-z]{1,40}",
        namespace in prop::sample::select(vec!["/", "/a", "/a/b?c"]),
        id in prop::option::of(0..1_u64 << 53),
        offset in prop::option::of("[0-9a-z-]{1,40}"),
        bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 10),
    ) {
        let (mut values, mut next) = (Value::from(values), 0);
        number(&mut values, &mut next);
        let attachments: Vec<Bytes> = bytes.into_iter().take(next).map(Bytes::from).collect();
        let text = values.to_string();
        let args = Args::of_list(&text, 31).expect("a list");
        let packet = Outgoing::Event {
            namespace, name: &name, id, args, attachments: &attachments, offset: offset.as_deref(),
        };
        let expected = round(&packet, DEFAULT);
        prop_assert_eq!((expected.0.as_str(), expected.1, expected.2.as_str()), (namespace, id, name.as_str()));
        let count = expected.3.as_array().map(Vec::len);
        prop_assert_eq!(count, Some(args.len() + usize::from(offset.is_some())));
        prop_assert_eq!(round(&packet, MSGPACK), expected);
        let packet = Outgoing::Ack { namespace, id: id.unwrap_or(7), args, attachments: &attachments };
        prop_assert_eq!(round(&packet, MSGPACK), round(&packet, DEFAULT));
    }

    #[test]
    fn no_bytes_panic_or_exceed_a_bound(
        noise in prop::collection::vec(any::<u8>(), 0..60),
        count in 0..14_u8,
        at in any::<prop::sample::Index>(),
    ) {
        let limits = Limits { attachment_bytes: 20, ..Limits::default() };
        let mut valid = event(3, &hex("92c0a161 81a16bc4020102 cb3ff8000000000000"));
        let place = at.index(valid.len());
        valid.splice(place..=place, noise.iter().copied().take(2));
        for message in [noise.clone(), event(count, &noise), valid] {
            let mut scratch = Scratch::default();
            let packet = Decoder::new(Parser::Msgpack).binary(&message, &limits, &mut scratch);
            let Ok(Some(Packet { body: Body::Event { args, attachments, .. }, .. })) = packet else { continue };
            prop_assert!(attachments.len() <= 10 && attachments.iter().map(Bytes::len).sum::<usize>() <= 20);
            let list = format!("[{}]", args.inner());
            prop_assert_eq!(Args::of_list(&list, 31).map(Args::len), Ok(args.len()));
            prop_assert!(list.len() <= message.len() * 40 + 400);
        }
    }
}
