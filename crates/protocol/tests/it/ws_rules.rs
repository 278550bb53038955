//! Every rule of RFC 6455 about frames, exhaustively where the space is small.

use veche_protocol::ws::{self, Config, Decoder, Event, Input, Opcode, Role, Scratch};

use crate::ws_driver::{Outcome, Seen, cut, decode, decode_both_ways, key_for, raw_frame};

const LIMIT: usize = 1000;
const ROLES: [Role; 2] = [Role::Server, Role::Client];

fn fault(events: Vec<Seen>, code: u16) -> Outcome {
    Outcome { events, fault: Some(code) }
}

#[test]
fn the_first_byte_of_a_frame_decides_by_opcode_and_reserved_bits() {
    for role in ROLES {
        for deflate in [false, true] {
            for first in 0..=u8::MAX {
                // One zero byte is the empty compressed message and any other frame's one-byte payload.
                let opcode = first & 0x0f;
                let stream = raw_frame(first, key_for(role), if opcode == 8 { b"" } else { b"\0" });
                let control = opcode >= 8;
                let known = matches!(opcode, 1 | 2 | 8 | 9 | 10);
                let rsv1_allowed = deflate && matches!(opcode, 1 | 2);
                let valid = known
                    && first & 0x30 == 0
                    && (first & 0x40 == 0 || rsv1_allowed)
                    && (first & 0x80 != 0 || !control);
                let outcome = decode_both_ways(Config::new(role, LIMIT).with_deflate(deflate), &stream);
                let expected = if valid { None } else { Some(1002) };
                assert_eq!(outcome.fault, expected, "{role:?} deflate={deflate} first byte {first:#04x}");
                assert_eq!(outcome.events.len(), usize::from(valid && first & 0x80 != 0), "{first:#04x}");
            }
        }
    }
}

#[test]
fn the_first_byte_inside_of_a_message_allows_continuations_and_control_frames_only() {
    for role in ROLES {
        for first in 0..=u8::MAX {
            let mut stream = raw_frame(0x01, key_for(role), b"a");
            stream.extend(raw_frame(first, key_for(role), b""));
            let valid = matches!(first, 0x00 | 0x80 | 0x88 | 0x89 | 0x8a);
            let outcome = decode_both_ways(Config::new(role, LIMIT).with_deflate(true), &stream);
            assert_eq!(outcome.fault, (!valid).then_some(1002), "{role:?} first byte {first:#04x}");
        }
    }
}

#[test]
fn a_mask_is_demanded_of_clients_and_refused_of_servers() {
    let masked = raw_frame(0x81, key_for(Role::Server), b"a");
    let bare = raw_frame(0x81, None, b"a");
    for role in ROLES {
        let (right, wrong) = if role == Role::Server { (&masked, &bare) } else { (&bare, &masked) };
        let config = Config::new(role, LIMIT);
        assert_eq!(decode_both_ways(config, right).events, [Seen::Text("a".to_owned())]);
        assert_eq!(decode_both_ways(config, wrong), fault(vec![], 1002));
    }
}

#[test]
fn a_length_stands_in_its_shortest_form() {
    let check = |header: &[u8], expected: Option<u16>| {
        let config = Config::new(Role::Client, usize::MAX);
        assert_eq!(decode_both_ways(config, header).fault, expected, "{header:x?}");
    };
    check(&[0x82, 126, 0, 125], Some(1002));
    check(&[0x82, 126, 0, 0], Some(1002));
    check(&[0x82, 126, 0, 126], None);
    check(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Some(1002));
    check(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], None);
    check(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None);
    check(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Some(1002));
}

#[test]
fn a_control_frame_has_at_most_125_bytes() {
    for role in ROLES {
        for opcode in [0x89, 0x8a] {
            let config = Config::new(role, 4);
            let fits = decode_both_ways(config, &raw_frame(opcode, key_for(role), &[b'x'; 125]));
            assert_eq!((fits.events.len(), fits.fault), (1, None), "the limit of messages is not theirs");
            let over = raw_frame(opcode, key_for(role), &[b'x'; 126]);
            assert_eq!(decode_both_ways(config, &over), fault(vec![], 1002));
            assert_eq!(decode(config, [&over[..2]]), fault(vec![], 1002), "the second byte is enough");
        }
    }
}

#[test]
fn every_close_code_is_judged_as_autobahn_judges_it() {
    for code in 0..=u16::MAX {
        let stream = raw_frame(0x88, None, &code.to_be_bytes());
        let valid =
            (1000..=1003).contains(&code) || (1007..=1014).contains(&code) || (3000..=4999).contains(&code);
        let expected = if valid {
            Outcome { events: vec![Seen::Close(Some((code, String::new())))], fault: None }
        } else {
            fault(vec![], 1002)
        };
        assert_eq!(decode(Config::new(Role::Client, LIMIT), [&stream[..]]), expected, "code {code}");
    }
}

#[test]
fn a_close_frame_has_no_payload_or_a_code_and_a_reason_in_utf8() {
    let check = |payload: &[u8], expected: Outcome| {
        for role in ROLES {
            let outcome =
                decode_both_ways(Config::new(role, LIMIT), &raw_frame(0x88, key_for(role), payload));
            assert_eq!(outcome, expected, "{role:?} {payload:x?}");
        }
    };
    let closed = |close| Outcome { events: vec![Seen::Close(close)], fault: None };
    check(b"", closed(None));
    check(b"\x03", fault(vec![], 1002));
    check(b"\x03\xe8", closed(Some((1000, String::new()))));
    check(b"\x03\xe8bye \xe2\x82\xac", closed(Some((1000, "bye €".to_owned()))));
    check(b"\x03\xe8\xe2\x82", fault(vec![], 1007));
    check(b"\x03\xe8\xff", fault(vec![], 1007));
    let longest = "r".repeat(123);
    check(&[b"\x03\xe8", longest.as_bytes()].concat(), closed(Some((1000, longest))));
}

#[test]
fn nothing_is_decoded_after_a_close_frame_or_a_fault() {
    for role in ROLES {
        let key = key_for(role);
        let closed = [raw_frame(0x88, key, b"\x03\xe8"), raw_frame(0x81, key, b"late")].concat();
        let outcome = decode_both_ways(Config::new(role, LIMIT), &closed);
        assert_eq!(outcome.events, [Seen::Close(Some((1000, String::new())))]);
        let failed =
            [raw_frame(0x81, key, b"a"), raw_frame(0x83, key, b""), raw_frame(0x81, key, b"b")].concat();
        let outcome = decode_both_ways(Config::new(role, LIMIT), &failed);
        assert_eq!(outcome, fault(vec![Seen::Text("a".to_owned())], 1002));
    }
}

#[test]
fn text_fails_at_the_byte_that_makes_it_invalid() {
    // Each of these is "κόσμε" and then a sequence that goes wrong at its last byte.
    let bad: [&[u8]; 8] =
        [b"\xf4\x90", b"\xf5", b"\xc0", b"\xed\xa0", b"\xe0\x80", b"\xf0\x8f", b"\x80", b"\xe2\x28"];
    for role in ROLES {
        for bad in bad {
            let text = ["κόσμε".as_bytes(), bad].concat();
            let full = raw_frame(0x81, key_for(role), &[&text[..], b" and more"].concat());
            let until_bad = &full[..full.len() - b" and more".len()];
            let config = Config::new(role, LIMIT);
            assert_eq!(decode_both_ways(config, until_bad), fault(vec![], 1007), "{bad:x?}");
            let before_bad = &until_bad[..until_bad.len() - 1];
            assert_eq!(decode_both_ways(config, before_bad), Outcome::default(), "{bad:x?}");
            let continued =
                [raw_frame(0x01, key_for(role), &text), raw_frame(0x80, key_for(role), b"")].concat();
            assert_eq!(decode_both_ways(config, &continued), fault(vec![], 1007), "{bad:x?}");
        }
    }
}

#[test]
fn a_character_may_be_cut_by_fragments_but_not_by_the_end() {
    let text = "aé€😀".as_bytes();
    for role in ROLES {
        for at in 0..=text.len() {
            let (head, tail) = text.split_at(at);
            let first = raw_frame(0x01, key_for(role), head);
            let stream = [first.clone(), raw_frame(0x80, key_for(role), tail)].concat();
            let outcome = decode_both_ways(Config::new(role, LIMIT), &stream);
            assert_eq!(outcome.events, [Seen::Text("aé€😀".to_owned())], "cut at {at}");
            let ended = [first, raw_frame(0x80, key_for(role), b"")].concat();
            let whole = std::str::from_utf8(head).is_ok();
            let outcome = decode_both_ways(Config::new(role, LIMIT), &ended);
            assert_eq!(outcome.fault, (!whole).then_some(1007), "ended at {at}");
        }
    }
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_header() {
    let check = |stream: &[u8], expected: Option<u16>| {
        let outcome = decode_both_ways(Config::new(Role::Client, LIMIT), stream);
        assert_eq!(outcome.fault, expected, "{} bytes", stream.len());
    };
    check(&[0x82, 126, 0x03, 0xe8], None);
    check(&[0x82, 126, 0x03, 0xe9], Some(1009));
    check(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(1009));
    let mut fragmented = raw_frame(0x02, None, &[7; 600]);
    check(&[&fragmented[..], &[0x80, 126, 0x01, 0x90]].concat(), None);
    check(&[&fragmented[..], &[0x80, 126, 0x01, 0x91]].concat(), Some(1009));
    fragmented.extend(raw_frame(0x89, None, &[b'x'; 125]));
    check(&[&fragmented[..], &[0x80, 126, 0x01, 0x90]].concat(), None);
}

#[test]
fn fragments_are_counted() {
    let config = Config { max_fragments: 3, ..Config::new(Role::Client, LIMIT) };
    let mut stream = [raw_frame(0x01, None, b""), raw_frame(0x00, None, b"")].concat();
    let three = [&stream[..], &raw_frame(0x80, None, b"")].concat();
    assert_eq!(decode_both_ways(config, &three).events, [Seen::Text(String::new())]);
    stream.extend(raw_frame(0x00, None, b""));
    stream.extend(raw_frame(0x89, None, b""));
    stream.extend(raw_frame(0x80, None, b""));
    assert_eq!(decode_both_ways(config, &stream), fault(vec![Seen::Ping(vec![])], 1009));
}

#[test]
fn control_frames_stand_between_fragments_however_the_stream_is_cut() {
    for role in ROLES {
        let key = key_for(role);
        let stream = [
            raw_frame(0x01, key, b"frag"),
            raw_frame(0x89, key, b"ping"),
            raw_frame(0x00, key, b"men"),
            raw_frame(0x8a, key, b""),
            raw_frame(0x80, key, b"ted"),
        ]
        .concat();
        let expected = Outcome {
            events: vec![
                Seen::Ping(b"ping".to_vec()),
                Seen::Pong(vec![]),
                Seen::Text("fragmented".to_owned()),
            ],
            fault: None,
        };
        for size in 1..=stream.len() {
            let outcome = decode(Config::new(role, LIMIT), cut(&stream, &[size]));
            assert_eq!(outcome, expected, "{role:?} reads of {size}");
        }
    }
}

#[test]
fn what_the_encoder_writes_equals_a_frame_written_byte_by_byte() {
    for opcode in [Opcode::Text, Opcode::Binary, Opcode::Ping, Opcode::Pong] {
        for len in [0, 1, 3, 7, 8, 9, 125, 126, 127, 4096, 65535, 65536, 70000] {
            let payload = vec![b'p'; len];
            let first = 0x80 | opcode.number();
            let (mut bare, mut masked) = (Vec::new(), Vec::new());
            ws::frame(&mut bare, opcode, &payload);
            assert_eq!(bare, raw_frame(first, None, &payload), "{opcode:?} of {len}");
            ws::client_frame(&mut masked, opcode, [9, 8, 7, 6], &payload);
            assert_eq!(masked, raw_frame(first, Some([9, 8, 7, 6]), &payload), "{opcode:?} of {len}");
        }
    }
}

#[test]
fn a_close_reason_is_cut_at_a_character() {
    let mut out = Vec::new();
    ws::close_frame(&mut out, 3001, &"é".repeat(100));
    assert_eq!(out.len(), 2 + 2 + 122);
    let outcome = decode_both_ways(Config::new(Role::Client, LIMIT), &out);
    assert_eq!(outcome.events, [Seen::Close(Some((3001, "é".repeat(61))))]);
}

#[test]
fn a_text_that_is_framed_where_it_stands_is_the_same_frame() {
    for len in [0, 1, 125, 126, 65_535, 65_536] {
        let text = vec![b'x'; len];
        let mut whole = Vec::new();
        ws::frame(&mut whole, Opcode::Text, &text);
        let mut bytes = [vec![0; ws::SERVER_HEADER_MAX], text].concat();
        let start = ws::frame_in_place(&mut bytes, Opcode::Text);
        assert_eq!(bytes[start..], whole, "{len} bytes");
    }
    assert_eq!(ws::frame_in_place(&mut [0; 9], Opcode::Text), 9, "without room there is no frame");
}

#[test]
fn a_connection_may_stop_in_the_middle_of_a_read_and_go_on_later() {
    let key = key_for(Role::Server);
    let mut read = [raw_frame(0x81, key, b"now"), raw_frame(0x81, key, b"later")].concat();
    let later = raw_frame(0x81, key, b"later");
    let (mut decoder, mut scratch) = (Decoder::new(Config::new(Role::Server, LIMIT)), Scratch::default());
    let mut input = Input::new(&mut read);
    assert_eq!(decoder.next(&mut input, &mut scratch), Ok(Some(Event::Text("now"))));
    assert_eq!(input.rest(), later);
    let mut kept = input.rest().to_vec();
    assert!(decoder.is_idle());
    let (head, tail) = kept.split_at_mut(4);
    assert_eq!(decoder.next(&mut Input::new(head), &mut scratch), Ok(None));
    assert!(!decoder.is_idle());
    assert_eq!(decoder.next(&mut Input::new(tail), &mut scratch), Ok(Some(Event::Text("later"))));
    assert!(decoder.is_idle());
}
