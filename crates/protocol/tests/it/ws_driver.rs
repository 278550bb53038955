//! Drives a decoder over a cut stream, and writes frames byte by byte, independently of the codec.

use proptest::test_runner::Config as ProptestConfig;
use veche_protocol::ws::{Config, Decoder, Event, Input, Opcode, Role, Scratch};

/// Settings of the property tests: as many cases as `PROPTEST_CASES` says, or else `cases`.
pub(crate) fn property_tests(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// An event that outlives the buffers it was borrowed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Event::Close(close) => Self::Close(close.map(|(code, reason)| (code, reason.to_owned()))),
        }
    }
}

/// What came of a whole stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Seen>,
    /// The close code that the decoder asked for.
    pub(crate) fault: Option<u16>,
}

/// Feeds the reads one after another to a new decoder.
pub(crate) fn decode<'a>(config: Config, reads: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut decoder, mut scratch) = (Decoder::new(config), Scratch::default());
    let mut outcome = Outcome::default();
    for read in reads {
        let mut read = read.to_vec();
        let mut input = Input::new(&mut read);
        loop {
            match decoder.next(&mut input, &mut scratch) {
                Ok(Some(event)) => outcome.events.push(event.into()),
                Ok(None) => break,
                Err(fault) => outcome.fault = Some(fault.code.number()),
            }
        }
        assert!(input.is_empty(), "input left over");
    }
    outcome
}

/// The stream cut into reads of these sizes, over and over; a size of zero counts as one.
pub(crate) fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut reads = Vec::new();
    for size in sizes.iter().copied().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, after) = rest.split_at(size.clamp(1, rest.len()));
        reads.push(read);
        rest = after;
    }
    reads
}

/// A stream read whole and byte by byte: both must come to the same.
pub(crate) fn decode_both_ways(config: Config, stream: &[u8]) -> Outcome {
    let whole = decode(config, [stream]);
    let bytewise = decode(config, cut(stream, &[1]));
    assert_eq!(whole, bytewise, "the verdict depends on the reads");
    whole
}

/// The key of the frames that a decoder in this role receives.
pub(crate) fn key_for(role: Role) -> Option<[u8; 4]> {
    match role {
        Role::Server => Some([0x37, 0xfa, 0x21, 0x3d]),
        Role::Client => None,
    }
}

/// A frame with this first byte, masked if there is a key, its length in the shortest form.
pub(crate) fn raw_frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0b1000_0000 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(mask_bit | len as u8),
        len @ 126..=0xffff => {
            frame.push(mask_bit | 0b111_1110);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(mask_bit | 0b111_1111);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let key = key.inspect(|key| frame.extend(key)).unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// One message as frames of at most `size` bytes of payload.
pub(crate) fn fragments(
    opcode: Opcode,
    compressed: bool,
    key: Option<[u8; 4]>,
    payload: &[u8],
    size: usize,
) -> Vec<Vec<u8>> {
    let mut chunks: Vec<&[u8]> = payload.chunks(size.max(1)).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let last = chunks.len() - 1;
    let frame = |(at, chunk): (usize, &[u8])| {
        let opcode = if at == 0 { opcode.number() } else { 0 };
        let rsv1 = if at == 0 && compressed { 0x40 } else { 0 };
        let fin = if at == last { 0x80 } else { 0 };
        raw_frame(fin | rsv1 | opcode, key, chunk)
    };
    chunks.into_iter().enumerate().map(frame).collect()
}
