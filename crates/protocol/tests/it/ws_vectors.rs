//! Replays `protocol-vectors/ws.json`, which the TypeScript client replays too.

use serde::Deserialize;
use veche_protocol::ws::{Config, Role};

use crate::ws_driver::{Outcome, Seen, cut, decode};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    version: u32,
    #[serde(rename = "comment")]
    _comment: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    role: String,
    #[serde(default)]
    deflate: bool,
    #[serde(default = "default_limit")]
    max_message: usize,
    reads: Vec<String>,
    events: Vec<Expected>,
    #[serde(default)]
    fault: Option<u16>,
}

fn default_limit() -> usize {
    65_536
}

/// What an event carries: text as it is, bytes in hex.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Text(String),
    Binary(String),
    Ping(String),
    Pong(String),
    Close(Option<(u16, String)>),
}

impl From<Expected> for Seen {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Text(text) => Self::Text(text),
            Expected::Binary(hex) => Self::Binary(bytes(&hex)),
            Expected::Ping(hex) => Self::Ping(bytes(&hex)),
            Expected::Pong(hex) => Self::Pong(bytes(&hex)),
            Expected::Close(close) => Self::Close(close),
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn the_decoder_agrees_with_every_vector() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol-vectors/ws.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let vectors: Vectors = serde_json::from_str(&text).expect("vectors in their shape");
    assert_eq!(vectors.version, 1);
    assert!(vectors.cases.len() >= 60, "only {} cases", vectors.cases.len());
    for case in vectors.cases {
        let role = match case.role.as_str() {
            "server" => Role::Server,
            "client" => Role::Client,
            other => panic!("{}: no role {other}", case.name),
        };
        let config = Config::new(role, case.max_message).with_deflate(case.deflate);
        let reads: Vec<Vec<u8>> = case.reads.iter().map(|read| bytes(read)).collect();
        let expected =
            Outcome { events: case.events.into_iter().map(Seen::from).collect(), fault: case.fault };
        let outcome = decode(config, reads.iter().map(Vec::as_slice));
        assert_eq!(outcome, expected, "{}", case.name);
        let stream = reads.concat();
        assert_eq!(decode(config, cut(&stream, &[1])), expected, "{}, byte by byte", case.name);
        assert_eq!(decode(config, [stream.as_slice()]), expected, "{}, in one read", case.name);
    }
}
