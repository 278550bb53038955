//! Streams of server-sent events: ids are read strictly, and never run ahead of what was sent.

use proptest::prelude::*;
use veche_protocol::{
    name::ChannelName,
    position::{Epoch, Position},
    server::{Recovery, ResetReason, ServerFrame},
    sse::{self, Stream, parse_id},
};

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect("a channel's name")
}

fn position(offset: u64) -> Position {
    Position { epoch: "e".parse().expect("an epoch"), offset }
}

fn publication<'a>(channel: &'a str, offset: Option<u64>, event: &'a str, data: &'a str) -> ServerFrame<'a> {
    ServerFrame::Publication {
        event,
        channel,
        offset,
        from: None,
        op_id: None,
        time_ms: 0,
        data,
        args: false,
    }
}

fn record(frame: &ServerFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    sse::write(frame, &mut out);
    out
}

fn out(stream: &mut Stream) -> String {
    String::from_utf8(stream.take_out()).expect("a stream is UTF-8")
}

/// A stream of `a` and `b`, begun; `a` at offset 5, `b` ephemeral.
fn two() -> Stream {
    let mut stream = Stream::new([(name("a"), None), (name("b"), None)], 3_000);
    stream.settle("a", Some(position(5)), Recovery::Fresh);
    stream.settle("b", None, Recovery::Fresh);
    stream.open();
    assert_eq!(out(&mut stream), "retry: 3000\nid: e-5,-\n\n");
    stream
}

#[test]
fn an_id_has_one_text_and_no_other() {
    // Red: `parse_part` without its look at signs and zeros, and `parse_id` without its count.
    let check = |text: &str, channels, expected: Option<&[Option<u64>]>| {
        let found = parse_id(text, channels).ok();
        let offsets = found.map(|it| it.iter().map(|it| it.map(|it| it.offset)).collect::<Vec<_>>());
        assert_eq!(offsets.as_deref(), expected, "{text:?} for {channels}");
    };
    check("e-0", 1, Some(&[Some(0)]));
    check("abcdefghijklmnop-9007199254740991", 1, Some(&[Some(9_007_199_254_740_991)]));
    check("-", 1, Some(&[None]));
    check("e-1,-,f-2", 3, Some(&[Some(1), None, Some(2)]));
    for text in [
        "",
        "e",
        "e-",
        "-1",
        "e-+1",
        "e--1",
        "e-01",
        "e- 1",
        " e-1",
        "e-1 ",
        "e-1\n",
        "e-1\r\ndata: x",
        "e-1\0",
        "e-9007199254740992",
        "e-99999999999999999999",
        "abcdefghijklmnopq-1",
        "é-1",
        "e-١",
        "e-1,",
        ",e-1",
        "e-1,f-2",
        "e-0x1",
        "e-1.0",
    ] {
        check(text, 1, None);
    }
    check("e-1", 2, None);
    check(&"-,".repeat(100_000), 16, None);
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_taken_is_written_back_the_same(text in "[-,a-c0-9+ \n]{0,24}", channels in 1..4_usize) {
        if let Ok(positions) = parse_id(&text, channels) {
            let part = |it: &Option<Position>| {
                it.map_or("-".to_owned(), |it| format!("{}-{}", it.epoch, it.offset))
            };
            prop_assert_eq!(positions.iter().map(part).collect::<Vec<_>>().join(","), text);
        }
    }

    #[test]
    fn no_bytes_panic_a_stream(bytes in prop::collection::vec(any::<u8>(), 0..64), room in 0..64_usize) {
        let mut stream = two();
        prop_assert!(stream.take(&bytes, room) <= bytes.len());
    }
}

#[test]
fn every_event_carries_the_positions_of_all_channels() {
    // Red: a `take_record` that writes the id before it moves the position.
    let mut stream = two();
    let records = [
        record(&publication("a", Some(6), "message", "1")),
        record(&publication("b", None, "moved", "2")),
        record(&ServerFrame::Skipped { channel: "a", offset: 7 }),
    ]
    .concat();
    assert_eq!(stream.take(&records, usize::MAX), records.len());
    assert_eq!(
        out(&mut stream),
        "id: e-6,-\nevent: message\ndata: {\"type\":\"message\",\"channel\":\"a\",\"offset\":6,\"time_ms\":0,\"data\":1}\n\n\
         id: e-6,-\nevent: moved\ndata: {\"type\":\"moved\",\"channel\":\"b\",\"time_ms\":0,\"data\":2}\n\n\
         id: e-7,-\n\n"
    );
}

#[test]
fn a_full_stream_takes_whole_records_only() {
    // Red: a `take` that looks at the room after each byte, or never.
    let mut stream = two();
    let one = record(&publication("a", Some(6), "message", "1"));
    let both = [one.clone(), record(&publication("a", Some(7), "message", "2"))].concat();
    assert_eq!(stream.take(&both, 1), one.len());
    assert_eq!(stream.take(&both[one.len()..], 1), 0);
    assert!(out(&mut stream).starts_with("id: e-6,-\n"));
    assert_eq!(stream.take(&both[one.len()..], 1), both.len() - one.len());
    assert!(out(&mut stream).starts_with("id: e-7,-\n"));
}

#[test]
fn no_line_break_leaves_its_line() {
    // Red: `one_line` that writes and looks no further.
    let mut stream = two();
    let frame = publication("a", Some(6), "x\nid: forged-1\r", "{\n\"a\":\r\n1\r}");
    stream.take(&record(&frame), usize::MAX);
    let text = out(&mut stream);
    let lines: Vec<_> = text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[..2], ["id: e-6,-", "event: x id: forged-1 "]);
    assert!(lines[2].ends_with(r#""data":{ "a":  1 }}"#), "{text}");
}

#[test]
fn what_cannot_be_continued_is_a_gap_and_goes_on_from_the_head() {
    // Red: a `settle` that keeps the client's position after a reset.
    for (head, recovery, reason, id) in [
        (Some(position(9)), Recovery::Reset(ResetReason::Epoch), "epoch", "id: e-9\n"),
        (Some(position(9)), Recovery::Reset(ResetReason::TooFar), "too_far", "id: e-9\n"),
        (None, Recovery::Fresh, "epoch", ""),
    ] {
        let mut stream = Stream::new([(name("a\""), Some(position(3)))], 2_000);
        stream.settle("a\"", head, recovery);
        stream.open();
        let gap = format!(r#"data: {{"type":"gap","channel":"a\"","reason":"{reason}"}}"#);
        assert_eq!(out(&mut stream), format!("retry: 2000\n{id}\nevent: gap\n{gap}\n\n"));
    }
}

#[test]
fn a_replay_begins_at_the_clients_position() {
    // Red: a `settle` that moves to the head at once.
    let mut stream = Stream::new([(name("a"), Some(position(3)))], 2_000);
    stream.settle("a", Some(position(9)), Recovery::Replay);
    stream.open();
    assert_eq!(out(&mut stream), "retry: 2000\nid: e-3\n\n");
    stream.take(&record(&publication("a", Some(4), "message", "1")), usize::MAX);
    assert!(out(&mut stream).starts_with("id: e-4\n"));
}

#[test]
fn a_channel_that_the_policy_stopped_is_told_and_handed_out_once() {
    // Red: a `take_record` that treats it as any other.
    let mut stream = two();
    stream.take(&record(&ServerFrame::LaggedSince { channel: "a", since: position(5) }), usize::MAX);
    assert_eq!(
        out(&mut stream),
        "event: gap\ndata: {\"type\":\"gap\",\"channel\":\"a\",\"reason\":\"lagged\"}\n\n"
    );
    assert_eq!(stream.take_stopped(), [name("a")]);
    assert_eq!(stream.take_stopped(), []);
}

#[test]
fn the_end_is_said_once() {
    // Red: an `end` that does not look.
    let mut stream = two();
    stream.take(&record(&ServerFrame::Bye { reason: "drain", retry_after_ms: 100 }), usize::MAX);
    stream.end("drain");
    let bye = r#"data: {"type":"bye","reason":"drain","retry_after_ms":100}"#;
    assert_eq!(out(&mut stream), format!("retry: 100\nevent: bye\n{bye}\n\n"));
    let mut stream = two();
    stream.end("token_expired");
    assert!(out(&mut stream).contains(r#""reason":"token_expired","retry_after_ms":3000"#));
}

#[test]
fn what_a_stream_does_not_carry_has_no_record() {
    let epoch = Epoch::from_bits(1);
    let head = Some(Position { epoch, offset: 1 });
    let subscribed =
        ServerFrame::Subscribed { id: None, channel: "a", head, recovery: Recovery::Fresh, presence: None };
    for frame in [ServerFrame::Expiring, ServerFrame::Pong { ts: None, time_ms: 1 }, subscribed] {
        assert!(record(&frame).is_empty(), "{frame:?}");
    }
    let mut stream = two();
    stream.take(&sse::pulse(), usize::MAX);
    assert_eq!(out(&mut stream), ":\n\n");
}
