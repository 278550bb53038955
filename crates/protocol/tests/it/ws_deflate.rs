//! permessage-deflate: what is compressed comes back, and no message can inflate past its limit.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::prelude::*;
use veche_protocol::ws::{self, Config, DEFLATE_MIN, Decoder, Deflater, Input, Opcode, Role, Scratch};

use crate::ws_driver::{
    Outcome, Seen, cut, decode, decode_both_ways, fragments, key_for, property_tests, raw_frame,
};

fn config(role: Role, limit: usize) -> Config {
    Config::new(role, limit).with_deflate(true)
}

/// A message as another sender might compress it.
fn deflated(payload: &[u8], level: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() * 2 + 64);
    let mut stream = Compress::new(Compression::new(level), false);
    stream.compress_vec(payload, &mut out, FlushCompress::Sync).expect("compresses");
    out.strip_suffix(b"\0\0\xff\xff").expect("flushed").to_vec()
}

#[test]
fn the_examples_of_rfc_7692_inflate() {
    let check = |payload: &[u8], expected: &str| {
        for role in [Role::Server, Role::Client] {
            let outcome = decode_both_ways(config(role, 100), &raw_frame(0xc1, key_for(role), payload));
            assert_eq!(outcome.events, [Seen::Text(expected.to_owned())], "{payload:x?}");
        }
    };
    check(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], "Hello");
    check(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], "Hello");
    check(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], "Hello");
    check(&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], "Hello");
    check(&[0x00], "");
    check(&[], "");
}

#[test]
fn a_compressed_message_may_be_fragmented_around_control_frames() {
    let [first, last] =
        [raw_frame(0x41, None, &[0xf2, 0x48, 0xcd]), raw_frame(0x80, None, &[0xc9, 0xc9, 0x07, 0])];
    let stream = [first, raw_frame(0x89, None, b"p"), last].concat();
    let expected = [Seen::Ping(b"p".to_vec()), Seen::Text("Hello".to_owned())];
    assert_eq!(decode_both_ways(config(Role::Client, 100), &stream).events, expected);
}

#[test]
fn a_broken_compressed_message_is_invalid_data() {
    let check = |first: u8, payload: &[u8], expected: u16| {
        let outcome = decode_both_ways(config(Role::Client, 1000), &raw_frame(first, None, payload));
        assert_eq!(outcome, Outcome { events: vec![], fault: Some(expected) }, "{payload:x?}");
    };
    check(0xc2, &[0xff; 20], 1007);
    check(0xc2, &[0xf2, 0x48, 0xcd], 1007);
    check(0xc2, &[0x00, 0x09, 0x00, 0xf6, 0xff, 0x48], 1007);
    // A back-reference to before the start: no context is taken over.
    check(0xc2, &[0xf2, 0x00, 0x11, 0x00, 0x00], 1007);
    check(0xc1, &deflated(b"\xff\xfe", 6), 1007);
    check(0xc1, &deflated(&[0x61; 1001], 6), 1009);
}

#[test]
fn a_message_may_inflate_to_exactly_the_limit() {
    for limit in [1, 10, 4096, 4097, 100_000] {
        let frame = |len: usize| raw_frame(0xc2, None, &deflated(&vec![0; len], 9));
        let fits = decode_both_ways(config(Role::Client, limit.max(64)), &frame(limit.max(64)));
        assert_eq!((fits.events.len(), fits.fault), (1, None), "limit {limit}");
        let over = decode_both_ways(config(Role::Client, limit.max(64)), &frame(limit.max(64) + 1));
        assert_eq!(over, Outcome { events: vec![], fault: Some(1009) }, "limit {limit}");
    }
}

#[test]
fn the_limit_is_the_connections_own_whatever_room_the_thread_has() {
    let mut scratch = Scratch::default();
    let mut inflate = |limit: usize, len: usize| {
        let mut read = raw_frame(0xc2, None, &deflated(&vec![0; len], 9));
        let mut decoder = Decoder::new(config(Role::Client, limit));
        let event = decoder.next(&mut Input::new(&mut read), &mut scratch);
        event.map(|event| event.map(Seen::from)).map_err(|fault| fault.code.number())
    };
    assert_eq!(inflate(100_000, 50_000), Ok(Some(Seen::Binary(vec![0; 50_000]))));
    assert_eq!(inflate(64, 64), Ok(Some(Seen::Binary(vec![0; 64]))));
    assert_eq!(inflate(64, 65), Err(1009));
}

#[test]
fn a_bomb_stops_at_the_limit_with_bounded_memory() {
    // 8 MiB of zeros in 8 KiB.
    let bomb = raw_frame(0xc2, None, &deflated(&vec![0; 8 << 20], 9));
    let (limit, mut scratch) = (128 * 1024, Scratch::default());
    for size in [bomb.len(), 1000] {
        let mut decoder = Decoder::new(config(Role::Client, limit));
        let mut faults = Vec::new();
        for read in cut(&bomb, &[size]) {
            let mut read = read.to_vec();
            match decoder.next(&mut Input::new(&mut read), &mut scratch) {
                Ok(event) => assert_eq!(event, None),
                Err(fault) => faults.push(fault.code.number()),
            }
        }
        assert_eq!(faults, [1009]);
        assert!(scratch.held() <= limit + 1, "{} bytes held", scratch.held());
        assert_eq!(decoder.held(), 0);
    }
}

#[test]
fn many_final_blocks_are_one_message() {
    // Each is an empty final block; the last empty block ends the message.
    let mut payload = [0x03, 0x00].repeat(10_000);
    payload.push(0);
    let outcome = decode_both_ways(config(Role::Client, 1 << 20), &raw_frame(0xc2, None, &payload));
    assert_eq!(outcome.events, [Seen::Binary(vec![])]);
}

#[test]
fn a_short_or_incompressible_message_is_sent_plain() {
    let mut deflater = Deflater::new();
    let mut check = |payload: &[u8], compressed: bool| {
        let (mut out, mut plain) = (Vec::new(), Vec::new());
        deflater.frame(&mut out, Opcode::Binary, payload);
        ws::frame(&mut plain, Opcode::Binary, payload);
        assert_eq!(out[0] & 0x40 != 0, compressed, "{} bytes", payload.len());
        assert_eq!(out != plain, compressed);
        assert!(out.len() <= plain.len());
    };
    check(&[b'a'; DEFLATE_MIN - 1], false);
    check(&[b'a'; DEFLATE_MIN], true);
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    check(&noise.take(5000).collect::<Vec<_>>(), false);
}

#[test]
fn control_frames_are_never_compressed() {
    let (mut deflater, mut out) = (Deflater::new(), Vec::new());
    deflater.frame(&mut out, Opcode::Ping, &[b'p'; 100]);
    assert_eq!(out[0], 0x89);
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(
        prop::sample::select(vec!["channel", "event", "data", "é", "😀", "{}"]),
        0..3000,
    );
    prop_oneof![
        3 => words.prop_map(|words| words.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..5000),
    ]
}

proptest! {
    #![proptest_config(property_tests(64))]

    #[test]
    fn what_we_compress_inflates_with_flate2(payloads in prop::collection::vec(payload(), 1..4)) {
        let mut deflater = Deflater::new();
        for payload in payloads {
            let mut out = Vec::new();
            deflater.frame(&mut out, Opcode::Binary, &payload);
            let header = if out[1] == 126 { 4 } else if out[1] == 127 { 10 } else { 2 };
            if out[0] & 0x40 == 0 {
                prop_assert_eq!(&out[header..], &payload[..]);
                continue;
            }
            let body = [&out[header..], b"\0\0\xff\xff"].concat();
            let mut inflated = Vec::with_capacity(payload.len() + 1);
            Decompress::new(false).decompress_vec(&body, &mut inflated, FlushDecompress::Sync).expect("inflates");
            prop_assert_eq!(inflated, payload);
        }
    }

    #[test]
    fn what_flate2_or_we_compress_comes_back_however_it_is_cut(
        payload in payload(),
        level in 0u32..=9,
        fragment in 1usize..2000,
        reads in prop::collection::vec(1usize..3000, 1..8),
        role in prop_oneof![Just(Role::Server), Just(Role::Client)],
    ) {
        let (mut deflater, mut stream, key) = (Deflater::new(), Vec::new(), key_for(role));
        match key {
            None => deflater.frame(&mut stream, Opcode::Binary, &payload),
            Some(key) => deflater.client_frame(&mut stream, Opcode::Binary, key, &payload),
        }
        stream.extend(fragments(Opcode::Binary, true, key, &deflated(&payload, level), fragment).concat());
        let config = Config { max_fragments: u32::MAX, ..config(role, 100_000) };
        let outcome = decode(config, cut(&stream, &reads));
        prop_assert_eq!(outcome.events, [Seen::Binary(payload.clone()), Seen::Binary(payload)]);
    }

    #[test]
    fn corrupt_deflate_never_panics_nor_passes_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let outcome = decode_both_ways(config(Role::Client, 500), &raw_frame(0xc2, None, &bytes));
        let sizes_hold = outcome.events.iter().all(|event| matches!(event, Seen::Binary(bytes) if bytes.len() <= 500));
        prop_assert!(sizes_hold);
        prop_assert_eq!(outcome.events.len() + usize::from(outcome.fault.is_some()), 1);
    }
}

#[test]
fn a_deflater_that_always_compresses_does() {
    let mut noise = vec![0u8; 5_000];
    let mut state = 7u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    for payload in [&b""[..], b"a", b"Hello", &noise] {
        let mut wire = Vec::new();
        Deflater::always().frame(&mut wire, Opcode::Binary, payload);
        assert_eq!(wire[0] & 0x40, 0x40, "{} bytes went out plain", payload.len());
        let config = Config::new(Role::Client, 1 << 20).with_deflate(true);
        let (mut decoder, mut scratch) = (Decoder::new(config), Scratch::default());
        let event = decoder.next(&mut Input::new(&mut wire), &mut scratch).expect("it is well formed");
        assert_eq!(event, Some(ws::Event::Binary(payload)));
    }
}
