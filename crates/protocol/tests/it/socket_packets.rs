//! Packets of Socket.IO: the wire's facts, byte for byte, and every bound.

use bytes::Bytes;
use proptest::prelude::*;
use veche_protocol::{
    engine_io::{Frame, Revision},
    socket_io::{
        Args, Body, ConnectError, Decoder, Encoder, Encoding, Fault, Limits, Outgoing, Packet, PacketType,
        Parser, RESERVED_EVENTS, Scratch, is_reserved,
    },
};

const V4: Encoding = Encoding { revision: Revision::V4, parser: Parser::Default };
const V3: Encoding = Encoding { revision: Revision::V3, parser: Parser::Default };

/// The one text that a packet is.
fn text(packet: &Outgoing<'_>, encoding: Encoding) -> String {
    let mut texts = Vec::new();
    Encoder::default().write(packet, encoding, |frame| match frame {
        Frame::Text(text) => texts.push(text.to_owned()),
        Frame::Binary(_) => panic!("a binary frame"),
    });
    assert_eq!(texts.len(), 1);
    texts.remove(0)
}

#[test]
fn what_the_server_says() {
    let check = |packet: Outgoing<'_>, v4: &str, v3: &str| {
        assert_eq!(text(&packet, V4), v4);
        assert_eq!(text(&packet, V3), v3);
    };
    let connect = |namespace, pid| Outgoing::Connect { namespace, sid: "wZX3oN0bSVIhsaknAAAI", pid };
    check(connect("/", None), r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#, "40");
    check(connect("/", Some("p")), r#"40{"sid":"wZX3oN0bSVIhsaknAAAI","pid":"p"}"#, "40");
    check(connect("/custom", None), r#"40/custom,{"sid":"wZX3oN0bSVIhsaknAAAI"}"#, "40/custom,");
    let refused = |namespace, message, data| Outgoing::ConnectError {
        namespace,
        error: ConnectError::Refused { message, data },
    };
    check(
        refused("/auth", "not authorized", Some(r#"{"a":1}"#)),
        r#"44/auth,{"message":"not authorized","data":{"a":1}}"#,
        r#"44/auth,{"a":1}"#,
    );
    check(refused("/", "not authorized", None), r#"44{"message":"not authorized"}"#, r#"44"not authorized""#);
    let unknown = Outgoing::ConnectError { namespace: "/nope", error: ConnectError::InvalidNamespace };
    check(
        unknown,
        r#"44/nope,{"message":"Invalid namespace"}"#,
        r#"44/nope,{"message":"Invalid namespace"}"#,
    );
    check(Outgoing::Disconnect { namespace: "/" }, "41", "41");
    check(Outgoing::Disconnect { namespace: "/custom" }, "41/custom,", "41/custom,");
    let event =
        |id, args, offset| Outgoing::Event { namespace: "/", name: "e", id, args, attachments: &[], offset };
    let one = Args::of_one(r#"{"a" : 1.0}"#);
    check(event(None, Args::NONE, None), r#"42["e"]"#, r#"42["e"]"#);
    check(event(Some(0), one, None), r#"420["e",{"a" : 1.0}]"#, r#"420["e",{"a" : 1.0}]"#);
    check(
        event(None, one, Some("7-e-1")),
        r#"42["e",{"a" : 1.0},"7-e-1"]"#,
        r#"42["e",{"a" : 1.0},"7-e-1"]"#,
    );
    check(event(None, Args::NONE, Some("7-e-1")), r#"42["e","7-e-1"]"#, r#"42["e","7-e-1"]"#);
    let ack = |args| Outgoing::Ack { namespace: "/x", id: 12, args, attachments: &[] };
    check(ack(Args::NONE), "43/x,12[]", "43/x,12[]");
    check(ack(Args::of_parts("1, 2", 2)), "43/x,12[1, 2]", "43/x,12[1, 2]");
}

#[test]
fn attachments_follow_as_frames() {
    let attachments = [Bytes::from_static(&[1, 2]), Bytes::from_static(&[])];
    let args = Args::of_parts(r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#, 2);
    let event = Outgoing::Event {
        namespace: "/",
        name: "e",
        id: None,
        args,
        attachments: &attachments,
        offset: Some("o"),
    };
    let frames = |encoding| {
        let mut frames = Vec::new();
        Encoder::default()
            .write(&event, encoding, |frame| frames.push((frame.is_binary(), frame.bytes().to_vec())));
        frames
    };
    let head = br#"452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},"o"]"#.to_vec();
    assert_eq!(frames(V4), [(false, head.clone()), (true, vec![1, 2]), (true, vec![])]);
    assert_eq!(frames(V3), [(false, head), (true, vec![4, 1, 2]), (true, vec![4])]);
}

#[derive(Debug, PartialEq)]
enum Read {
    Packet(String),
    Awaiting,
    Fault(Fault),
}

fn read_with(limits: &Limits, messages: &[Result<&str, &[u8]>]) -> Read {
    let (mut decoder, mut scratch) = (Decoder::new(Parser::Default), Scratch::default());
    let mut last = Read::Awaiting;
    for message in messages {
        let packet = match message {
            Ok(text) => decoder.text(text, limits, &mut scratch),
            Err(bytes) => decoder.binary(bytes, limits, &mut scratch),
        };
        last = match packet {
            Ok(Some(packet)) => Read::Packet(written(&packet)),
            Ok(None) => Read::Awaiting,
            Err(fault) => return Read::Fault(fault),
        };
    }
    last
}

fn read(text: &str) -> Read {
    read_with(&Limits::default(), &[Ok(text)])
}

/// The packet written again, attachments in hex behind it: what is echoed is byte for byte the same.
fn written(packet: &Packet<'_>) -> String {
    let Packet { namespace, id, body } = packet;
    let outgoing = match body {
        Body::Event { name, args, attachments } => {
            Outgoing::Event { namespace, name, id: *id, args: *args, attachments, offset: None }
        }
        Body::Ack { args, attachments } => {
            Outgoing::Ack { namespace, id: id.unwrap_or_default(), args: *args, attachments }
        }
        Body::Connect(auth) => return format!("0{namespace},{}", auth.unwrap_or("")),
        Body::Disconnect => return format!("1{namespace},"),
        Body::ConnectError(data) => return format!("4{namespace},{data}"),
    };
    let mut all = String::new();
    Encoder::default().write(&outgoing, V4, |frame| match frame {
        Frame::Text(text) => all.push_str(text.strip_prefix('4').expect("a message")),
        Frame::Binary(bytes) => all.extend(bytes.iter().map(|byte| format!(" {byte:02x}"))),
    });
    all
}

#[test]
fn what_is_echoed_is_byte_for_byte_the_same() {
    for text in [
        r#"2["message",1,"2",{"3":[true]}]"#,
        r#"2/custom,["m"]"#,
        r#"212["m",1.0,-0,1e400,123456789012345678901234567890,0.10]"#,
        r#"2/a/b?c,9007199254740991["m",{"a" : [ ] , "a":1}]"#,
        r#"2["é",{"z":1,"a":2}, "é","\ud800", "\/"]"#,
        r#"3/custom,0["x"]"#,
    ] {
        assert_eq!(read(text), Read::Packet(text.to_owned()));
    }
    let text = r#"52-/x,7["m",[{"_placeholder":true,"num":1}],{"num":0,"_placeholder":true}]"#;
    let read = read_with(&Limits::default(), &[Ok(text), Err(&[1, 2]), Err(&[])]);
    assert_eq!(read, Read::Packet(format!("{text} 01 02")));
}

#[test]
fn a_namespace_may_lack_its_comma() {
    assert_eq!(read("0/random"), Read::Packet("0/random,".to_owned()));
    assert_eq!(read("0/random,"), Read::Packet("0/random,".to_owned()));
    assert_eq!(read("1/random"), Read::Packet("1/random,".to_owned()));
    assert_eq!(read("0"), Read::Packet("0/,".to_owned()));
    assert_eq!(read(r#"0{"token":"123"}"#), Read::Packet(r#"0/,{"token":"123"}"#.to_owned()));
}

#[test]
fn each_fault_has_its_name() {
    for (text, fault) in [
        ("", Fault::Empty),
        ("abc", Fault::UnknownType),
        ("7", Fault::UnknownType),
        (r#"42["a"]"#, Fault::WrongKind),
        ("2{}", Fault::WrongKind),
        (r#"2["a""#, Fault::Payload),
        (r#"2abc["a"]"#, Fault::Id),
        ("2", Fault::Payload),
        ("2[]", Fault::WrongKind),
        (r#"2["disconnect"]"#, Fault::Reserved),
        (r#"2["\u0063onnect"]"#, Fault::Reserved),
        (r#"2["\ud800"]"#, Fault::Payload),
        (r#"29007199254740992["a"]"#, Fault::Id),
        (r#"2999999999999999999999["a"]"#, Fault::Id),
        (r#"51["a"]"#, Fault::Attachments),
        (r#"50-["a"]"#, Fault::Attachments),
        (r#"511-["a"]"#, Fault::AttachmentsOverLimit),
        (r#"5-["a"]"#, Fault::Attachments),
        (r#"51-["a"]"#, Fault::Placeholder),
        (r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, Fault::Placeholder),
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, Fault::Placeholder),
        (
            r#"51-["a",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":0}]"#,
            Fault::Placeholder,
        ),
        ("61-", Fault::Payload),
        ("0[]", Fault::WrongKind),
        ("0{", Fault::Payload),
        ("1{}", Fault::WrongKind),
        ("31{}", Fault::WrongKind),
    ] {
        assert_eq!(read(text), Read::Fault(fault), "{text}");
    }
}

#[test]
fn an_attachment_comes_where_it_is_awaited_and_nowhere_else() {
    let limits = Limits::default();
    let binary = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    assert_eq!(read_with(&limits, &[Ok(binary)]), Read::Awaiting);
    assert_eq!(read_with(&limits, &[Ok(binary), Ok("1")]), Read::Fault(Fault::TextForAttachment));
    assert_eq!(read_with(&limits, &[Err(b"x")]), Read::Fault(Fault::StrayAttachment));
    assert_eq!(read_with(&limits, &[Ok(binary), Err(b"x"), Err(b"x")]), Read::Fault(Fault::StrayAttachment));
    assert_eq!(read_with(&limits, &[Ok(binary), Err(b"x"), Ok("1")]), Read::Packet("1/,".to_owned()));
}

#[test]
fn bounds_hold_before_anything_is_kept() {
    let limits = Limits { attachments: 2, attachment_bytes: 5, namespace: 4, depth: 3, ..Limits::default() };
    let two = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(read_with(&limits, &[Ok(r#"53-["a"]"#)]), Read::Fault(Fault::AttachmentsOverLimit));
    assert!(matches!(read_with(&limits, &[Ok(two), Err(b"123"), Err(b"45")]), Read::Packet(_)));
    let over = read_with(&limits, &[Ok(two), Err(b"123"), Err(b"456")]);
    assert_eq!(over, Read::Fault(Fault::AttachmentsOverLimit));
    assert_eq!(read_with(&limits, &[Ok("0/abc,")]), Read::Packet("0/abc,".to_owned()));
    assert_eq!(read_with(&limits, &[Ok("0/abcd,")]), Read::Fault(Fault::Namespace));
    assert_eq!(read_with(&limits, &[Ok(r#"2["a",[[]]]"#)]), Read::Packet(r#"2["a",[[]]]"#.to_owned()));
    assert_eq!(read_with(&limits, &[Ok(r#"2["a",[[[]]]]"#)]), Read::Fault(Fault::TooDeep));
    assert_eq!(read_with(&limits, &[Ok(r#"0{"a":{"b":{"c":{}}}}"#)]), Read::Fault(Fault::TooDeep));

    // What is held is what has arrived.
    let (mut decoder, mut scratch) = (Decoder::new(Parser::Default), Scratch::default());
    assert_eq!(decoder.held(), 0);
    assert!(decoder.text(two, &limits, &mut scratch).is_ok());
    assert!(decoder.binary(b"123", &limits, &mut scratch).is_ok());
    assert!((two.len() + 3..two.len() + 200).contains(&decoder.held()), "{}", decoder.held());
    assert!(decoder.binary(b"4", &limits, &mut scratch).expect("a packet").is_some());
    assert_eq!(decoder.held(), 0);
}

#[test]
fn reserved_names_are_the_references() {
    let names = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
    assert_eq!(RESERVED_EVENTS, names);
    assert!(names.iter().all(|name| is_reserved(name)) && !is_reserved("connection"));
    let digits = PacketType::ALL.map(|kind| kind as u8);
    assert_eq!(digits, [0, 1, 2, 3, 4, 5, 6]);
}

/// Messages that look like packets.
fn message() -> impl Strategy<Value = Result<String, Vec<u8>>> {
    let token = prop::sample::select(vec![
        "2",
        "5",
        "6",
        "0",
        "1",
        "3",
        "1-",
        "2-",
        "/a,",
        "/",
        ",",
        "12",
        "[",
        "]",
        "\"a\"",
        "{",
        "}",
        ":",
        "-",
        "{\"_placeholder\":true,\"num\":0}",
        "{\"_placeholder\":true,\"num\":1}",
        "[\"a\"]",
        "\"disconnect\"",
        " ",
        "é",
    ]);
    let text = prop::collection::vec(token, 0..8).prop_map(|tokens| Ok(tokens.concat()));
    let whole =
        Just(Ok(r#"52-["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#.to_owned()));
    let bytes = prop::collection::vec(any::<u8>(), 0..6).prop_map(Err);
    prop_oneof![4 => text, 1 => whole, 2 => bytes]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_messages_panic_or_exceed_a_bound(messages in prop::collection::vec(message(), 1..8)) {
        let limits = Limits { attachment_bytes: 8, ..Limits::default() };
        let (mut decoder, mut scratch) = (Decoder::new(Parser::Default), Scratch::default());
        for message in &messages {
            let packet = match message {
                Ok(text) => decoder.text(text, &limits, &mut scratch),
                Err(bytes) => decoder.binary(bytes, &limits, &mut scratch),
            };
            match packet {
                Err(_) => break,
                Ok(Some(Packet { body: Body::Event { args, attachments, name }, .. })) => {
                    prop_assert!(!is_reserved(&name));
                    prop_assert_eq!(args.iter().count(), args.len());
                    prop_assert!(attachments.len() <= 10);
                    prop_assert!(attachments.iter().map(Bytes::len).sum::<usize>() <= 8);
                    let mut out = String::from("[");
                    args.write_expanded(attachments, &mut out);
                    out.push(']');
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
                    prop_assert_eq!(out.matches("$binary").count(), attachments.len());
                }
                Ok(_) => {}
            }
        }
    }
}
