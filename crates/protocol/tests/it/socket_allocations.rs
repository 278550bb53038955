//! What Socket.IO costs: an event that arrives as text, or leaves, allocates nothing, and between packets
//! nothing is held.

use bytes::Bytes;
use veche_protocol::{
    engine_io::{Config, Packet, Revision, Session, Transport},
    socket_io::{Args, Connection, Encoder, Encoding, Input, Limits, Outgoing, Parser, Scratch, Slot},
};

use crate::ws_allocations::measured;

fn connected(parser: Parser) -> Connection {
    let (mut connection, mut scratch) = (Connection::new(Revision::V4, parser, 1), Scratch::default());
    let limits = Limits::default();
    let input = match parser {
        Parser::Default => connection.on_text("0", &limits, &mut scratch),
        Parser::Msgpack => connection.on_binary(b"\x82\xa4type\x00\xa3nsp\xa1/", &limits, &mut scratch),
    };
    assert!(matches!(input, Ok(Input::Connect { slot: Slot::ROOT, .. })));
    connection.accept(Slot::ROOT);
    connection
}

#[test]
fn the_machines_of_an_idle_connection_hold_96_bytes_and_no_heap() {
    assert!(size_of::<Session>() + size_of::<Connection>() <= 96);
    let (_, held) = measured(|| {
        let session = Session::new(&Config::default(), Revision::V4, Transport::WebSocket, 0);
        std::mem::forget((session, connected(Parser::Default)));
    });
    assert_eq!(held, 0);
}

#[test]
fn an_event_as_text_allocates_nothing() {
    let mut connection = connected(Parser::Default);
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let text = r#"42["card:move",{"id":7,"to":{"list":[1,[2,[3,{"a":"b\u00e9"}]]]}},"x"]"#;
    let (allocations, held) = measured(|| {
        for _ in 0..100 {
            let packet = Packet::from_text(Revision::V4, text).expect("a packet");
            let input = connection.on_text(packet.text().expect("text"), &limits, &mut scratch);
            let Ok(Input::Event { args, .. }) = input else { panic!("no event") };
            assert_eq!(args.iter().count(), 2);
        }
    });
    assert_eq!((allocations, held), (0, 0));
}

#[test]
fn buffers_are_kept_from_one_packet_to_the_next() {
    let mut encoder = Encoder::default();
    let args = Args::of_list(r#"[1,{"a":[true,"text"]},1.5]"#, 31).expect("a list");
    let event = Outgoing::Event {
        namespace: "/x",
        name: "e",
        id: Some(7),
        args,
        attachments: &[],
        offset: Some("7-e-1"),
    };
    let mut write_all = || {
        for encoding in Encoding::ALL {
            encoder.write(&event, encoding, |frame| assert!(!frame.bytes().is_empty()));
        }
    };
    write_all();
    assert_eq!(measured(&mut write_all), (0, 0));

    let (mut connection, limits) = (connected(Parser::Msgpack), Limits::default());
    let mut scratch = Scratch::default();
    let message =
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x93\xa1m\x81\xa1a\x93\x01\xc0\xcb\x3f\xf8\0\0\0\0\0\0\xa2hi";
    let mut read = || {
        let input = connection.on_binary(message, &limits, &mut scratch);
        assert!(matches!(input, Ok(Input::Event { .. })), "{input:?}");
    };
    read();
    // A float's digits are a text of their own.
    let (allocations, held) = measured(&mut read);
    assert!(allocations <= 1 && held == 0, "{allocations} allocations, {held} bytes");
}

#[test]
fn attachments_are_freed_with_their_packet() {
    let mut connection = connected(Parser::Default);
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let text = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let mut whole = |bytes: &[u8]| {
        assert_eq!(connection.on_text(text, &limits, &mut scratch), Ok(Input::Nothing));
        let input = connection.on_binary(bytes, &limits, &mut scratch);
        let Ok(Input::Event { attachments, .. }) = input else { panic!("no event") };
        assert_eq!(attachments, [Bytes::copy_from_slice(bytes)]);
        assert!(connection.on_text("31[]", &limits, &mut scratch).is_ok());
    };
    whole(b"warm");
    let large = vec![7; 100_000];
    let (_, held) = measured(|| (0..10).for_each(|_| whole(&large)));
    assert!(held.abs() < 1_000, "{held} bytes");
}
