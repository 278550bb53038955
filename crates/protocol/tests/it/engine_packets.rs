//! Packets of Engine.IO and the bodies that hold several: what is written is read back, within bounds.

use std::borrow::Cow;

use proptest::prelude::*;
use veche_protocol::engine_io::{
    Config, Data, Fault, Frame, Handshake, Packet, PacketType, Revision, Transport,
    payload::{Format, Payload, PayloadWriter},
};

const FORMATS: [Format; 3] = [Format::V4, Format::V3Text, Format::V3Binary];

fn revision(format: Format) -> Revision {
    if format == Format::V4 { Revision::V4 } else { Revision::V3 }
}

fn read(format: Format, body: &[u8]) -> Result<Vec<Packet<'_>>, Fault> {
    Payload::new(format, body, body.len(), usize::MAX)?.collect()
}

fn written(format: Format, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut writer = PayloadWriter::new(format, usize::MAX, &mut body);
    assert!(frames.iter().all(|frame| writer.push(*frame)));
    body
}

#[test]
fn what_the_wire_looks_like() {
    let text = |text| Packet { kind: PacketType::Message, data: Data::Text(text) };
    // `4a\x1e4b` in one body, as the fixture has it.
    assert_eq!(read(Format::V4, b"4a\x1e4b"), Ok(vec![text("a"), text("b")]));
    assert_eq!(written(Format::V4, &[Frame::Text("4a"), Frame::Text("4b")]), b"4a\x1e4b");
    assert_eq!(written(Format::V4, &[PacketType::Noop.frame()]), b"6");
    assert_eq!(written(Format::V4, &[Frame::Binary(&[1, 2, 3, 4]), Frame::Text("2")]), b"bAQIDBA==\x1e2");
    assert_eq!(written(Format::V4, &[Frame::Binary(&[])]), b"b");
    // The third revision counts characters, and an emoji for two.
    assert_eq!(written(Format::V3Text, &[Frame::Text("4€😀"), Frame::Text("3")]), "4:4€😀1:3".as_bytes());
    assert_eq!(written(Format::V3Text, &[Frame::Binary(&[4, 1, 2, 3, 4])]), b"10:b4AQIDBA==");
    assert_eq!(
        written(Format::V3Binary, &[Frame::Text("4é"), Frame::Binary(&[4, 255])]),
        [&[0, 3, 255][..], "4é".as_bytes(), &[1, 2, 255, 4, 255]].concat()
    );
    for (at, kind) in PacketType::ALL.into_iter().enumerate() {
        assert_eq!((kind as usize, kind.as_str()), (at, &*at.to_string()));
    }
}

#[test]
fn the_handshake_is_the_reference_servers() {
    let check = |transport, config: &Config, upgrades: &str| {
        let mut out = String::new();
        Handshake { sid: "a", transport, config }.write(&mut out);
        let expected = r#","pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;
        assert_eq!(out, format!(r#"0{{"sid":"a","upgrades":{upgrades}{expected}"#));
    };
    let config = Config { ping_interval_ms: 300, ping_timeout_ms: 200, ..Config::default() };
    check(Transport::Polling, &config, r#"["websocket"]"#);
    check(Transport::WebSocket, &config, "[]");
    check(Transport::Polling, &Config { websocket: false, ..config.clone() }, "[]");
    check(Transport::Polling, &Config { allow_upgrades: false, ..config }, "[]");
}

#[test]
fn a_body_has_the_format_that_its_type_says() {
    let binary = Some("application/octet-stream");
    for (revision, content_type, expected) in [
        (Revision::V4, Some("text/plain;charset=UTF-8"), Some(Format::V4)),
        (Revision::V4, None, Some(Format::V4)),
        (Revision::V4, binary, None),
        (Revision::V3, Some("text/plain;charset=UTF-8"), Some(Format::V3Text)),
        (Revision::V3, binary, Some(Format::V3Binary)),
    ] {
        assert_eq!(Format::of_request(revision, content_type), expected, "{revision:?} {content_type:?}");
    }
    for (revision, takes_binary, has_binary, expected, content_type) in [
        (Revision::V4, true, true, Format::V4, "text/plain; charset=UTF-8"),
        (Revision::V3, true, false, Format::V3Text, "text/plain; charset=UTF-8"),
        (Revision::V3, false, true, Format::V3Text, "text/plain; charset=UTF-8"),
        (Revision::V3, true, true, Format::V3Binary, "application/octet-stream"),
    ] {
        let format = Format::of_answer(revision, takes_binary, has_binary);
        assert_eq!((format, format.content_type()), (expected, content_type));
    }
}

#[test]
fn bounds_hold_before_anything_is_read() {
    let faults = |body: &[u8], bytes, packets| -> Vec<Option<Fault>> {
        match Payload::new(Format::V4, body, bytes, packets) {
            Ok(payload) => payload.map(Result::err).collect(),
            Err(fault) => vec![Some(fault)],
        }
    };
    assert_eq!(faults(b"4abc", 4, 1), [None]);
    assert_eq!(faults(b"4abc", 3, 1), [Some(Fault::TooLarge)]);
    assert_eq!(faults(b"4\x1e4\x1e4", 9, 3), [None, None, None]);
    assert_eq!(faults(b"4\x1e4\x1e4", 9, 2), [None, None, Some(Fault::TooMany)]);
    assert_eq!(faults(b"4\xff", 9, 2), [Some(Fault::NotUtf8)]);
}

#[test]
fn an_answer_ends_at_its_limit_and_never_without_a_packet() {
    for format in FORMATS {
        let mut body = Vec::new();
        let mut writer = PayloadWriter::new(format, 10, &mut body);
        assert!(writer.is_empty());
        assert!(writer.push(Frame::Text("4 is longer than ten")), "{format:?}: the first one always leaves");
        assert!(!writer.push(Frame::Text("4")), "{format:?}");
        let first = body.len();
        let mut writer = PayloadWriter::new(format, 64, &mut body);
        let taken = (0..100).take_while(|_| writer.push(Frame::Binary(&[4, 1, 2, 3]))).count();
        let found = read(format, &body[first..]).expect("what was written is read");
        assert_eq!(found.len(), taken);
        assert!(
            body.len() - first <= 64 && taken >= 3,
            "{format:?}: {taken} in {} bytes",
            body.len() - first
        );
    }
}

#[test]
fn a_length_cannot_cut_a_character_or_lie() {
    for (body, expected) in [
        (&b"2:4\xf0\x9f\x98\x80"[..], Fault::Length),
        (b"99999999999999999999:4", Fault::Length),
        (b"4294967297:4", Fault::Length),
        (b"1e1:4abcdefghi", Fault::Length),
        (b" 1:4", Fault::Length),
        (b"+1:4", Fault::Length),
    ] {
        assert_eq!(read(Format::V3Text, body), Err(expected), "{body:?}");
    }
    for (body, expected) in [
        (&[0, 2, 255, b'4'][..], Fault::Length),
        (&[0, 255, b'4'], Fault::Length),
        (&[0, 1], Fault::Length),
        (&[0, 10, 255, b'4'], Fault::Length),
        (&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 255, b'4'], Fault::Length),
        (&[2, 1, 255, b'4'], Fault::UnknownType),
        (&[0, 2, 255, b'4', 0xff], Fault::NotUtf8),
        (&[1, 0, 255], Fault::Empty),
    ] {
        assert_eq!(read(Format::V3Binary, body), Err(expected), "{body:?}");
    }
}

#[test]
fn base64_may_lack_padding_and_have_line_breaks_but_nothing_else() {
    let check = |text: &str, expected: Result<&[u8], Fault>| {
        let packet = Packet::from_text(Revision::V4, text);
        let data = packet.map(|packet| packet.data);
        assert_eq!(data, expected.map(|bytes| Data::Binary(Cow::Owned(bytes.to_vec()))), "{text:?}");
    };
    check("bAQ==", Ok(&[1]));
    check("bAQ", Ok(&[1]));
    check("bAQ\r\n==\n", Ok(&[1]));
    check("b ", Ok(&[]));
    for text in ["bA", "bA===", "b*", "bAQ==AQ==", "b\u{e9}", "bAQ-_"] {
        check(text, Err(Fault::Base64));
    }
}

/// A packet as text or bytes, in the order of its drawing.
#[derive(Debug, Clone)]
enum Drawn {
    Text(u8, String),
    Binary(Vec<u8>),
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let text = (0..7_u8, "[^\u{1e}]{0,12}").prop_map(|(kind, text)| Drawn::Text(kind, text));
    let binary = prop::collection::vec(any::<u8>(), 0..12).prop_map(Drawn::Binary);
    prop::collection::vec(prop_oneof![text, binary], 1..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(packets in drawn(), limit in 1..200_usize) {
        for format in FORMATS {
            let lead: &[u8] = if format == Format::V4 { &[] } else { &[4] };
            let owned: Vec<_> = packets.iter().map(|packet| match packet {
                Drawn::Text(kind, text) => Ok(format!("{kind}{text}")),
                Drawn::Binary(bytes) => Err([lead, bytes].concat()),
            }).collect();
            let frames: Vec<_> = owned.iter().map(|packet| match packet {
                Ok(text) => Frame::Text(text),
                Err(bytes) => Frame::Binary(bytes),
            }).collect();
            // In as many bodies as it takes.
            let (mut at, mut found) = (0, Vec::new());
            while at < frames.len() {
                let mut body = Vec::new();
                let mut writer = PayloadWriter::new(format, limit, &mut body);
                let taken = frames[at..].iter().take_while(|frame| writer.push(**frame)).count();
                prop_assert!(taken > 0);
                prop_assert!(taken == 1 || body.len() <= limit, "{} in {limit}", body.len());
                at += taken;
                for packet in read(format, &body).map_err(|fault| TestCaseError::fail(fault.to_string()))? {
                    found.push(match packet.data {
                        Data::Text(text) => Drawn::Text(packet.kind as u8, text.to_owned()),
                        Data::Binary(bytes) => Drawn::Binary(bytes.into_owned()),
                    });
                }
            }
            prop_assert_eq!(format!("{found:?}"), format!("{packets:?}"));
            // A frame alone is read the same way.
            for frame in &frames {
                let packet = match frame {
                    Frame::Text(text) => Packet::from_text(revision(format), text),
                    Frame::Binary(bytes) => Packet::from_binary(revision(format), bytes),
                };
                prop_assert!(packet.is_ok());
            }
        }
    }

    #[test]
    fn no_bytes_panic_and_no_body_has_more_packets_than_allowed(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in "[0-9b:\u{1e}é😀a]{0,40}",
        packets in 0..6_usize,
    ) {
        for body in [body.as_slice(), text.as_bytes()] {
            for format in FORMATS {
                let Ok(payload) = Payload::new(format, body, 200, packets) else { continue };
                let read: Vec<_> = payload.collect();
                prop_assert!(read.iter().filter(|packet| packet.is_ok()).count() <= packets);
                prop_assert!(read.iter().rev().skip(1).all(Result::is_ok), "nothing follows a fault");
            }
        }
    }
}
